"""The embedding coherence test: Spearman by SciPy, bootstrap by hand, peer, errors."""

import math
from functools import partial

import metric_samples
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metric_samples import CAREER, FAMILY, FEMALE, MALE, career_and_family, seeds, unit
from scipy import stats

from embias import audit, metrics
from embias.errors import InputError, VectorError
from embias.metrics.ect import CARD, _Ranks, _spearman, ect

random_sets = partial(metric_samples.random_sets, sizes=(4, 3, 9), dimension=7)


def by_scipy(one, two, attributes):
    means = [unit(rows).mean(axis=0) for rows in (one, two)]
    return stats.spearmanr(*(unit(attributes) @ m / np.linalg.norm(m) for m in means)).statistic


@settings(deadline=None, max_examples=20)
@given(seeds)
def test_it_is_the_rank_correlation_of_the_cosines(seed):
    one, two, attributes = random_sets(seed)
    result = ect(one, two, attributes, n_resamples=100, rng=0)
    assert result.value == pytest.approx(by_scipy(one, two, attributes), abs=1e-12)
    first, second = (np.array(result.scores[name]) for name in ("group 1", "group 2"))
    mean = unit(one).mean(axis=0)
    assert first == pytest.approx(unit(attributes) @ mean / np.linalg.norm(mean), abs=1e-12)
    assert result.scores["words"] == pytest.approx(first - second, abs=1e-15)
    assert (result.no_bias, result.pvalue) == (1, None)


@settings(deadline=None, max_examples=20)
@given(seeds)
def test_swap_rotation_length_and_order_change_nothing(seed):
    one, two, attributes = random_sets(seed)
    rng = np.random.default_rng(seed)
    value = ect(one, two, attributes, n_resamples=100).value
    assert ect(two, one, attributes, n_resamples=100).value == pytest.approx(value, abs=1e-12)
    rotation = np.linalg.qr(rng.normal(size=(7, 7)))[0]
    moved = [
        rng.permutation(rows @ rotation * (1 + rng.random((len(rows), 1))))
        for rows in (one, two, attributes)
    ]
    assert ect(*moved, n_resamples=100).value == pytest.approx(value, abs=1e-12)


@settings(deadline=None, max_examples=40)
@given(seeds, st.integers(2, 12))
def test_ranks_of_a_resampled_list_are_those_of_scipy(seed, n):
    # Whole numbers, so that there are ties before words are drawn twice.
    rng = np.random.default_rng(seed)
    one, two = rng.integers(0, 6, n).astype(float), rng.integers(0, 6, n).astype(float)
    rows = rng.integers(0, n, size=(6, n))
    times = np.array([np.bincount(row, minlength=n) for row in rows], dtype=float)
    found = _spearman((_Ranks.of(one), _Ranks.of(two)), times)
    for row, value in zip(rows, found, strict=True):
        if np.ptp(one[row]) == 0 or np.ptp(two[row]) == 0:
            assert math.isnan(value)
        else:
            expected = stats.spearmanr(one[row], two[row]).statistic
            assert value == pytest.approx(expected, abs=1e-12)


def test_the_interval_is_the_bca_interval_of_scipy():
    one, two, attributes = random_sets(8, sizes=(5, 5, 40))
    result = ect(one, two, attributes, rng=0, level=0.9)
    pairs = np.array([result.scores["group 1"], result.scores["group 2"]])
    expected = stats.bootstrap(
        tuple(pairs),
        lambda p, q: stats.spearmanr(p, q).statistic,
        paired=True,
        vectorized=False,
        n_resamples=4000,
        confidence_level=0.9,
        rng=np.random.default_rng(1),
    ).confidence_interval
    assert result.interval.method == "bca"
    assert result.interval.low == pytest.approx(expected.low, abs=0.03)
    assert result.interval.high == pytest.approx(expected.high, abs=0.03)
    assert result.interval.low < result.value < result.interval.high
    assert result == ect(one, two, attributes, rng=0, level=0.9)


@pytest.mark.parametrize(
    ("words", "raw", "unit"),
    [
        (CAREER, 0.7619047619047621, 0.7619047619047621),
        (FAMILY, 0.6190476190476191, 0.7619047619047621),
    ],
)
def test_the_convention_of_wefe_gives_the_numbers_of_wefe_1_0_1(extract, words, raw, unit):
    sets = [extract.encode(each) for each in (MALE, FEMALE, words)]
    assert ect(*sets, convention="wefe", n_resamples=100).value == pytest.approx(raw, abs=1e-12)
    assert ect(*sets, n_resamples=100).value == pytest.approx(unit, abs=1e-12)
    assert ect(*sets, convention="wefe", vectors="unit", n_resamples=100).value == pytest.approx(
        unit, abs=1e-12
    )


def test_real_words(extract):
    sets = [extract.encode(each) for each in (MALE, FEMALE, CAREER + FAMILY)]
    result = ect(*sets, reference="halves", rng=0)
    assert result.value == pytest.approx(0.9235294117647059, abs=1e-12)
    assert result.value == pytest.approx(by_scipy(*sets), abs=1e-12)
    # Halves of one group are about as coherent as the two groups: the ECT sees no bias here.
    assert 0.75 < result.figures["halves_1"] < 1
    assert 0.75 < result.figures["halves_2"] < 1


def test_the_reference_is_what_halves_of_a_group_reach():
    rng = np.random.default_rng(3)
    common = 3 * rng.normal(size=20)
    one, two = (common + rng.normal(size=(12, 20)) for _ in range(2))
    attributes = rng.normal(size=(60, 20))
    aligned = ect(one, two, attributes, reference="halves", rng=0, n_resamples=100)
    assert aligned.figures["halves_1"] == pytest.approx(aligned.value, abs=0.05)
    other = ect(one, two - 2 * common, attributes, reference="halves", rng=0, n_resamples=100)
    assert other.value < 0 < other.figures["halves_2"]
    single = ect(one[:1], two, attributes, reference="halves", rng=0, n_resamples=100)
    assert math.isnan(single.figures["halves_1"])
    # Two words have one way to be halved: the rank correlation between them.
    pair = ect(one[:2], two, attributes, reference="halves", rng=0, n_resamples=100)
    expected = by_scipy(one[:1], one[1:2], attributes)
    assert pair.figures["halves_1"] == pytest.approx(expected, abs=1e-12)


def test_the_same_group_is_coherent_and_the_opposite_is_not():
    one, _, attributes = random_sets(1)
    assert ect(one, one, attributes, n_resamples=100).value == pytest.approx(1)
    assert ect(one, -one, attributes, n_resamples=100).value == pytest.approx(-1)


def test_ties_have_average_ranks_whatever_the_rounding():
    one, two, attributes = random_sets(2)
    doubled = np.concatenate([attributes, 7.3 * attributes])
    expected = ect(one, two, attributes, n_resamples=100).value
    assert ect(one, two, doubled, n_resamples=100).value == pytest.approx(expected, abs=1e-12)


def test_undefined():
    attributes = [[1.0, 2.0], [3.0, 1.0], [0.0, 1.0]]
    cancelled = ect([[1.0, 0.0], [-1.0, 0.0]], [[0.0, 1.0]], attributes)
    assert math.isnan(cancelled.value)
    assert cancelled.interval is None
    assert "cancel out" in cancelled.note
    level = [[1.0, 1.0, 0.0], [1.0, 0.0, 1.0], [1.0, -1.0, 0.0]]
    constant = ect([[1.0, 0.0, 0.0]], [[0.0, 1.0, 0.0]], level)
    assert math.isnan(constant.value)
    assert "no order" in constant.note


def test_few_attribute_words_have_no_interval():
    one, two, attributes = random_sets(4, sizes=(3, 3, 3))
    result = ect(one, two, attributes, rng=0)
    assert -1 <= result.value <= 1
    assert result.interval is None
    assert "too few" in result.note


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"attributes": [[1.0, 0.0], [0.0, 1.0]]}, "2 distinct"),
        ({"attributes": [[1.0, 0.0], [2.0, 0.0], [0.0, 3.0], [0.0, 1.0]]}, "2 distinct"),
        ({"attributes": [[1.0, 0.0]] * 3}, "1 distinct"),
        ({"convention": "x"}, "convention='x'"),
        ({"vectors": "x"}, "vectors='x'"),
        ({"reference": "x"}, "reference='x'"),
        ({"level": 1.0}, "level=1.0"),
        ({"n_resamples": 99}, "n_resamples"),
        ({"rng": "a"}, "rng"),
        ({"group_1": [[1.0, 0.0, 0.0]]}, "different dimension"),
    ],
)
def test_errors(change, message):
    good = {
        "group_1": [[1.0, 0.0]],
        "group_2": [[0.0, 1.0]],
        "attributes": [[1.0, 1.0], [1.0, 2.0], [2.0, 1.0]],
    }
    with pytest.raises(InputError, match=message):
        ect(**{**good, **change})


def test_a_zero_vector_is_named():
    with pytest.raises(VectorError, match=r"group_2\[0\]"):
        ect([[1.0, 0.0]], [[0.0, 0.0]], [[1.0, 1.0], [1.0, 2.0], [2.0, 1.0]])


def test_in_an_audit(extract, monkeypatch):
    monkeypatch.setitem(metrics.METRICS, CARD.name, CARD)
    (row,) = audit(extract, career_and_family(), metrics=["ect"]).results
    assert row.measure.value == pytest.approx(0.9235294117647059, abs=1e-12)
    assert row.interval == row.measure.interval
    assert row.measured == (*CAREER, *FAMILY)
    assert set(row.measure.figures) == {"halves_1", "halves_2"}
