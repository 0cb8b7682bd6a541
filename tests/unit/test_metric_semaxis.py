"""SemAxis on arrays: definition, neighbours, lengths, relabelling, errors."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metric_samples import cosine, random_sets, shipped

from embias import audit, metrics
from embias.errors import InputError, VectorError
from embias.metrics import _pool, _relabel, association_scores
from embias.metrics.semaxis import CARD, semaxis


def by_definition(words, a, b):
    axis = [sum(v[i] for v in a) / len(a) - sum(v[i] for v in b) / len(b) for i in range(len(a[0]))]
    return [cosine(w, axis) for w in words]


def softened(word, pool, neighbours):
    """A word and its nearest others, as sweater averages them: the word itself comes first."""
    nearest = sorted(pool, key=lambda row: -cosine(word, row))[: neighbours + 1]
    return np.mean(nearest, axis=0)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["greater", "less", "two-sided"]))
def test_it_is_the_formula_and_its_mean_is_counted_exactly(seed, alternative):
    words, _, a, b = random_sets(seed)
    result = semaxis(words, a, b, alternative=alternative)
    scores = by_definition(words, a, b)
    assert result.scores["words"] == pytest.approx(scores, abs=1e-12)
    assert result.value == pytest.approx(sum(scores) / 6, abs=1e-12)
    both, means = [*a, *b], []
    for chosen in itertools.combinations(range(7), 4):
        others = [both[i] for i in range(7) if i not in chosen]
        means.append(np.mean(by_definition(words, [both[i] for i in chosen], others)))
    above = np.mean(np.array(means) >= result.value - 1e-9)
    below = np.mean(np.array(means) <= result.value + 1e-9)
    expected = {"greater": above, "less": below, "two-sided": min(1, 2 * min(above, below))}
    assert result.pvalue == pytest.approx(expected[alternative])
    assert result.pvalue_method == "exact"


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1))
def test_what_changes_it_and_what_does_not(seed):
    words, _, a, b = random_sets(seed)
    rng = np.random.default_rng(seed)
    rotation = np.linalg.qr(rng.normal(size=(12, 12)))[0]
    result = semaxis(words, a, b)
    same = semaxis(words @ rotation * 7, a @ rotation * 1e200, b @ rotation * 1e200)
    assert same.scores["words"] == pytest.approx(result.scores["words"], abs=1e-9)
    assert same.pvalue == result.pvalue
    assert semaxis(words, b, a).value == pytest.approx(-result.value, abs=1e-12)
    turned = semaxis(words[::-1], a[::-1], b[::-1])
    assert turned.scores["words"][::-1] == pytest.approx(result.scores["words"], abs=1e-12)
    # The length of single attributes counts, unless it is taken out.
    lengths = rng.uniform(2, 9, (4, 1))
    assert abs(semaxis(words, a * lengths, b).value - result.value) > 1e-6
    unit = semaxis(words, a, b, vectors="unit")
    assert semaxis(words, a * lengths, b, vectors="unit").value == pytest.approx(unit.value)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1))
def test_at_unit_length_it_is_weats_score_over_the_length_of_the_axis(seed):
    words, _, a, b = random_sets(seed)
    result = semaxis(words, a, b, vectors="unit")
    expected = association_scores(words, a, b) / result.figures["axis_length"]
    assert result.scores["words"] == pytest.approx(expected, abs=1e-12)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.sampled_from([40, 2**20]))
def test_neighbours_are_averaged_as_sweater_does(seed, neighbours, at_once):
    words, others, a, b = random_sets(seed, sizes=(6, 20, 4, 3))
    pool = np.concatenate([others[:9], a, others[9:], b])
    ours = pytest.MonkeyPatch()
    ours.setattr(_pool, "_NUMBERS_AT_ONCE", at_once)  # 3 rows a block, or all
    with ours.context():
        result = semaxis(words, a, b, neighbours=neighbours, pool=pool)
    ours.undo()
    soft = [[softened(v, pool, neighbours) for v in side] for side in (a, b)]
    assert result.scores["words"] == pytest.approx(by_definition(words, *soft), abs=1e-12)
    # The word itself is passed over, so a pool without it gives the same.
    without = semaxis(words, a[:1], b[:1], neighbours=2, pool=others)
    expected = [
        [np.mean([v, *sorted(others, key=lambda row: -cosine(v, row))[:2]], axis=0)]
        for v in (a[0], b[0])
    ]
    assert without.scores["words"] == pytest.approx(by_definition(words, *expected), abs=1e-12)


def test_equal_neighbours_come_in_the_order_of_the_pool():
    pool = np.array([[1.0, 1.0], [1.0, -1.0], [0.0, 1.0]])
    first = semaxis([[0.0, 1.0]], [[1.0, 0.0]], [[-1.0, 0.0]], neighbours=1, pool=pool)
    # (1, 0) and (1, 1); (-1, 0) and (0, 1).
    assert first.value == pytest.approx(0.0, abs=1e-15)
    second = semaxis([[0.0, 1.0]], [[1.0, 0.0]], [[-1.0, 0.0]], neighbours=1, pool=pool[[1, 0, 2]])
    # (1, 0) and (1, -1); (-1, 0) and (0, 1): the axis is (1.5, -1).
    assert second.value == pytest.approx(-1 / math.hypot(1.5, 1))


def test_the_first_of_many_equal_neighbours_is_taken():
    pool = np.concatenate([[[3.0, 3.0]], np.tile([[1.0, -1.0], [2.0, 2.0]], (50, 1))])
    result = semaxis([[0.0, 1.0]], [[1.0, 0.0]], [[2.0, 0.0]], neighbours=1, pool=pool)
    # (4, 3) / 2 and (5, 3) / 2: the axis is (-1/2, 0).
    assert result.figures["axis_length"] == pytest.approx(0.5)
    assert result.value == pytest.approx(0, abs=1e-12)


def test_neighbours_at_unit_length():
    pool = np.array([[5.0, 5.0], [0.0, -3.0]])
    result = semaxis(
        [[0.0, 1.0]], [[2.0, 0.0]], [[-1.0, -1.0]], neighbours=1, pool=pool, vectors="unit"
    )
    r = math.sqrt(0.5)
    axis = np.array([(1 + r) / 2, r / 2]) - np.array([-r / 2, (-r - 1) / 2])
    assert result.value == pytest.approx(axis[1] / np.linalg.norm(axis))


def test_many_ways_are_sampled(monkeypatch):
    # More ways (6,435) than draws, or all of them would be taken.
    words, _, a, b = random_sets(1, sizes=(6, 5, 8, 7))
    exact = semaxis(words, a, b, alternative="greater")
    assert exact.pvalue_method == "exact"
    monkeypatch.setattr(_relabel, "MOST_ENUMERATED", 10)
    drawn = semaxis(words, a, b, alternative="greater", n_resamples=4000, rng=5)
    assert (drawn.pvalue_method, drawn.n_resamples) == ("sampled", 4000)
    assert drawn.pvalue_bounds[0] <= drawn.pvalue <= drawn.pvalue_bounds[1]
    assert drawn.pvalue == pytest.approx(exact.pvalue, abs=0.03)
    again = semaxis(words, a, b, alternative="greater", n_resamples=4000, rng=5)
    assert again.pvalue == drawn.pvalue


def test_real_words(extract):
    words = ["nurse", "librarian", "engineer", "mechanic"]
    he, she = ["he", "his", "him", "man"], ["she", "hers", "her", "woman"]
    sets = [extract.encode(list(group)).astype(float) for group in (words, he, she)]
    result = semaxis(*sets)
    assert result.scores["words"] == pytest.approx(by_definition(*sets), abs=1e-9)
    assert result.scores["words"] == pytest.approx(NURSE_TO_MECHANIC, abs=1e-6)
    wide = semaxis(*sets, neighbours=3, pool=extract.vectors)
    soft = [[softened(v, extract.vectors.astype(float), 3) for v in side[:1]] for side in sets[1:]]
    assert semaxis(sets[0], sets[1][:1], sets[2][:1], neighbours=3, pool=extract.vectors).scores[
        "words"
    ] == pytest.approx(by_definition(sets[0], *soft), abs=1e-6)
    assert wide.scores["words"] == pytest.approx(WITH_NEIGHBOURS, abs=1e-6)


NURSE_TO_MECHANIC = [-0.30368218, -0.27125571, 0.0861248, 0.08768644]
WITH_NEIGHBOURS = [-0.29909471, -0.27589803, 0.09607646, 0.10007794]


def test_poles_with_one_mean_have_no_axis():
    result = semaxis(np.eye(2), [[1.0, 0.1], [0.1, 1.0]], [[1.0, 1.0], [0.1, 0.1]])
    assert math.isnan(result.value)
    assert result.pvalue is None
    assert "same mean" in result.note
    assert all(math.isnan(s) for s in result.scores["words"])


def test_duplicates_and_a_word_in_both_poles():
    words, _, a, b = random_sets(2)
    twice = semaxis(words, np.concatenate([a, a[:1]]), b)
    assert twice.scores["words"] == pytest.approx(by_definition(words, [*a, a[0]], b), abs=1e-12)
    shared = semaxis(words, a[:1], a[:1].repeat(2, axis=0))
    assert math.isnan(shared.value)


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"neighbours": 1}, InputError, "needs a pool"),
        ({"neighbours": -1}, InputError, "neighbours=-1"),
        ({"neighbours": 3, "pool": [[1.0, 0.0], [1.0, 2.0], [0.5, 1.0]]}, InputError, "has 2 rows"),
        ({"neighbours": 1, "pool": [[1.0, 0.0, 0.0]]}, InputError, "pool has shape"),
        ({"neighbours": 1, "pool": [[0.0, 0.0]]}, VectorError, "pool, rows from 0"),
        ({"vectors": "long"}, InputError, "vectors='long'"),
        ({"alternative": "more"}, InputError, "alternative"),
        ({"n_resamples": 0}, InputError, "n_resamples"),
        ({"a": [[0.0, 0.0]]}, VectorError, r"a\[0\] is the zero"),
        ({"b": [[1.0, 0.0, 0.0]]}, InputError, "different dimension"),
    ],
)
def test_errors(change, error, match):
    given = {"words": np.eye(2), "a": [[1.0, 0.0]], "b": [[0.0, 1.0]]} | change
    with pytest.raises(error, match=match):
        semaxis(**given)


def test_an_audit_runs_it(extract, monkeypatch):
    monkeypatch.setitem(metrics.METRICS, CARD.name, CARD)
    (row,) = audit(extract, shipped("weat6"), metrics=["semaxis"]).results
    measure = row.measure
    assert measure.value == pytest.approx(0.01872556, abs=1e-6)
    x, y = np.array(measure.scores["words"][:8]), np.array(measure.scores["words"][8:])
    assert measure.figures["x"] - measure.figures["y"] == pytest.approx(x.mean() - y.mean())
