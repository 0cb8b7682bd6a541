"""Relative norm distance: formula, sign, conventions, relabelling, in an audit."""

import itertools
import math
from functools import partial

import metric_samples
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metric_samples import CAREER, FAMILY, FEMALE, MALE, career_and_family, seeds

from embias import audit, metrics
from embias.errors import InputError, VectorError
from embias.metrics.rnd import CARD, rnd

random_sets = partial(metric_samples.random_sets, sizes=(4, 3, 5), dimension=7)


def unit(vector):
    return [p / math.sqrt(sum(q * q for q in vector)) for p in vector]


def by_definition(group_1, group_2, neutral, distance="norm", raw=False):
    """The formula, one word at a time."""
    groups = [[list(v) if raw else unit(v) for v in group] for group in (group_1, group_2)]
    means = [[sum(c) / len(group) for c in zip(*group, strict=True)] for group in groups]

    def away(w, m):
        if distance == "norm":
            return math.dist(w, m)
        return 1 - sum(p * q for p, q in zip(unit(w), unit(m), strict=True))

    words = [list(w) if raw else unit(w) for w in neutral]
    return [away(w, means[0]) - away(w, means[1]) for w in words]


@settings(deadline=None, max_examples=30)
@given(seeds, st.sampled_from(["norm", "cosine"]), st.booleans())
def test_it_is_the_published_formula(seed, distance, raw):
    one, two, neutral = random_sets(seed)
    expected = by_definition(one, two, neutral, distance, raw)
    result = rnd(one, two, neutral, distance=distance, vectors="raw" if raw else "unit", rng=0)
    assert result.scores["words"] == pytest.approx(expected, abs=1e-12)
    assert result.value == pytest.approx(sum(expected) / 5, abs=1e-12)
    assert result.figures["sum"] == pytest.approx(sum(expected), abs=1e-12)
    assert result.figures["towards_first"] == -result.value
    assert result.counts == {"words": 5, "group 1": 4, "group 2": 3}


@pytest.mark.parametrize("distance", ["norm", "cosine"])
@pytest.mark.parametrize("alternative", ["greater", "less", "two-sided"])
def test_the_p_value_counts_relabelled_groups(distance, alternative):
    one, two, neutral = random_sets(3)
    pooled = np.concatenate([one, two])
    observed = -np.mean(by_definition(one, two, neutral, distance))
    drawn = []
    for chosen in itertools.combinations(range(7), 4):
        rest = [i for i in range(7) if i not in chosen]
        drawn.append(-np.mean(by_definition(pooled[list(chosen)], pooled[rest], neutral, distance)))
    above = sum(t >= observed - 1e-9 for t in drawn) / 35
    below = sum(t <= observed + 1e-9 for t in drawn) / 35
    expected = {"greater": above, "less": below, "two-sided": min(1, 2 * min(above, below))}
    result = rnd(one, two, neutral, distance=distance, alternative=alternative)
    assert (result.pvalue_method, result.n_resamples) == ("exact", None)
    assert result.pvalue == pytest.approx(expected[alternative])
    assert result.figures["null_mean"] == pytest.approx(-np.mean(drawn))


@settings(deadline=None, max_examples=20)
@given(seeds, st.sampled_from(["norm", "cosine"]))
def test_swapping_the_groups_turns_the_sign(seed, distance):
    one, two, neutral = random_sets(seed)
    result = rnd(one, two, neutral, distance=distance, alternative="greater")
    swapped = rnd(two, one, neutral, distance=distance, alternative="less")
    assert swapped.value == pytest.approx(-result.value, abs=1e-14)
    assert swapped.pvalue == result.pvalue


@settings(deadline=None, max_examples=20)
@given(seeds)
def test_rotation_length_and_order_change_nothing_on_unit_vectors(seed):
    one, two, neutral = random_sets(seed)
    rng = np.random.default_rng(seed)
    rotation = np.linalg.qr(rng.normal(size=(7, 7)))[0]
    moved = [
        rng.permutation(rows @ rotation * (1 + rng.random((len(rows), 1))))
        for rows in (one, two, neutral)
    ]
    result, other = rnd(one, two, neutral), rnd(*moved)
    assert other.value == pytest.approx(result.value, abs=1e-12)
    assert other.pvalue == result.pvalue


def test_length_matters_on_raw_vectors_and_can_turn_the_sign(extract):
    sets = [extract.encode(words) for words in (MALE, FEMALE, FAMILY)]
    unit_length, raw = rnd(*sets), rnd(*sets, vectors="raw")
    assert unit_length.value == pytest.approx(0.006278752547, abs=1e-9)
    assert raw.value == pytest.approx(-0.030381836597, abs=1e-9)
    assert rnd(*[3 * rows for rows in sets], vectors="raw").value == pytest.approx(3 * raw.value)
    assert unit_length.value_range == (-2, 2)
    assert raw.value_range == (None, None)


@pytest.mark.parametrize(
    ("words", "normalize", "norm", "cos"),
    [
        (CAREER, False, -0.16530287265777588, 0.020763542037457228),
        (CAREER, True, -0.04476916790008545, 0.026151185855269432),
        (FAMILY, False, -0.03038179874420166, -0.02674170956015587),
        (FAMILY, True, 0.006278768181800842, -0.036434680223464966),
    ],
)
def test_the_convention_of_wefe_gives_the_numbers_of_wefe_1_0_1(
    extract, words, normalize, norm, cos
):
    sets = [extract.encode(each) for each in (MALE, FEMALE, words)]
    vectors = "unit" if normalize else None
    for distance, expected in (("norm", norm), ("cosine", cos)):
        result = rnd(*sets, convention="wefe", vectors=vectors, distance=distance)
        assert result.value == pytest.approx(expected, abs=1e-6)
    # Its cosine is a similarity: the two variants point to different groups.
    assert result.settings["positive"] == "group 1"
    assert result.figures["towards_first"] == result.value
    ours = rnd(*sets, convention="wefe", vectors=vectors, distance="norm")
    assert ours.figures["towards_first"] == -ours.value
    if normalize:
        plain = rnd(*sets, distance="cosine")
        assert plain.value == pytest.approx(-cos, abs=1e-6)
        assert plain.pvalue == result.pvalue


def test_real_words_lie_where_one_expects(extract):
    he, she = extract.encode(MALE), extract.encode(FEMALE)
    jobs = extract.encode(["nurse", "librarian", "mechanic", "carpenter"])
    scores = rnd(he, she, jobs).scores["words"]
    assert scores[0] > 0
    assert scores[1] > 0
    assert scores[2] < 0
    assert scores[3] < 0


def test_groups_of_different_size_have_a_null_mean_of_their_own():
    rng = np.random.default_rng(0)
    one, two, neutral = (rng.normal(size=(n, 30)) for n in (2, 6, 40))
    result = rnd(one, two, neutral, alternative="two-sided")
    # The mean of two unit vectors is longer than that of six, and so farther from any word.
    assert result.figures["null_mean"] > 0.1
    assert result.pvalue > 0.05


def test_many_relabellings_are_drawn_with_the_seed():
    rng = np.random.default_rng(1)
    one, two, neutral = (rng.normal(size=(n, 5)) for n in (12, 12, 3))
    first, again = (rnd(one, two, neutral, n_resamples=999, rng=4) for _ in range(2))
    assert first == again
    assert (first.pvalue_method, first.n_resamples) == ("sampled", 999)
    assert first.pvalue_bounds[0] <= first.pvalue <= first.pvalue_bounds[1]
    apart = rnd(one + 50, two - 50, one + 50, n_resamples=999, rng=4, alternative="greater")
    assert apart.pvalue == 1 / 1000
    other = rnd(one, two, neutral, n_resamples=999, rng=5)
    assert other.pvalue == pytest.approx(first.pvalue, abs=0.1)
    assert rnd(one, two, neutral, n_resamples=50_000, rng=1).pvalue == pytest.approx(
        first.pvalue, abs=0.06
    )


def test_one_word_on_each_side_and_words_given_twice():
    one, two, neutral = random_sets(5, sizes=(1, 1, 1))
    assert rnd(one, two, neutral).pvalue == 1
    twice = rnd(one, two, np.concatenate([neutral, neutral]))
    assert twice.value == pytest.approx(rnd(one, two, neutral).value)
    both = rnd(one, one, neutral)
    assert (both.value, both.pvalue) == (0, 1)


def test_groups_that_cancel_out_have_no_cosine():
    opposite = [[1.0, 0.0], [-1.0, 0.0]]
    result = rnd(opposite, [[0.0, 1.0]], [[1.0, 1.0]], distance="cosine")
    assert math.isnan(result.value)
    assert math.isnan(result.figures["towards_first"])
    assert result.pvalue is None
    assert "cancel out" in result.note
    assert rnd(opposite, [[0.0, 1.0]], [[1.0, 1.0]]).value > 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"distance": "cos"}, "distance='cos'"),
        ({"convention": "garg"}, "convention='garg'"),
        ({"vectors": "rwa"}, "vectors='rwa'"),
        ({"alternative": "more"}, "alternative"),
        ({"n_resamples": 0}, "n_resamples"),
        ({"rng": -1}, "rng"),
        ({"neutral": np.empty((0, 2))}, "neutral has shape"),
        ({"group_2": [[1.0, 2.0, 3.0]]}, "different dimension"),
    ],
)
def test_errors(change, message):
    given = {"group_1": [[1.0, 0.0]], "group_2": [[0.0, 1.0]], "neutral": [[1.0, 1.0]]}
    with pytest.raises(InputError, match=message):
        rnd(**{**given, **change})


@pytest.mark.parametrize("bad", [0.0, np.nan, np.inf, 1e200])
def test_vectors_that_cannot_be_used(bad):
    with pytest.raises(VectorError, match=r"neutral\[0\]"):
        rnd([[1.0, 0.0]], [[0.0, 1.0]], [[bad, 0.0]], vectors="raw")


def test_in_an_audit_groups_are_targets_and_words_are_attributes(extract, monkeypatch):
    monkeypatch.setitem(metrics.METRICS, CARD.name, CARD)
    (row,) = audit(extract, career_and_family(), metrics=["rnd"], alternative="greater").results
    assert row.measured == (*CAREER, *FAMILY)
    alone = [
        rnd(*[extract.encode(w) for w in (MALE, FEMALE, each)]).figures["towards_first"]
        for each in (CAREER, FAMILY)
    ]
    figures = row.measure.figures
    assert figures["towards_first_a"] == pytest.approx(alone[0])
    assert figures["a_minus_b"] == pytest.approx(alone[0] - alone[1])
    assert figures["towards_first"] == pytest.approx(sum(alone) / 2)
    assert row.measure.alternative == "greater"
    assert row.measure.pvalue_method == "exact"
