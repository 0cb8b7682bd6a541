"""Generalised WEAT on arrays: definition, WEAT for two groups, relabelling, errors."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metric_samples import random_sets, shipped

from embias import audit, metrics, weat
from embias.errors import InputError, VectorError
from embias.metrics import _relabel
from embias.metrics.generalized_weat import CARD, generalized_weat


def mean_unit(rows):
    rows = [np.asarray(row) / math.sqrt(sum(c * c for c in row)) for row in rows]
    return sum(rows) / len(rows)


def by_definition(targets, attributes):
    """The formula of the paper, group by group."""
    x, a = [mean_unit(rows) for rows in targets], [mean_unit(rows) for rows in attributes]
    mu, alpha = sum(x) / len(x), sum(a) / len(a)
    return [float((xi - mu) @ (ai - alpha)) for xi, ai in zip(x, a, strict=True)]


def three_groups(seed, sizes=(3, 2, 2)):
    sets = random_sets(seed, sizes=(*sizes, 4, 3, 2))
    return sets[:3], sets[3:]


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["greater", "less", "two-sided"]))
def test_it_is_the_formula_and_counted_exactly(seed, alternative):
    targets, attributes = three_groups(seed)
    result = generalized_weat(targets, attributes, alternative=alternative)
    terms = by_definition(targets, attributes)
    assert list(result.figures.values()) == pytest.approx(terms, abs=1e-12)
    assert result.value == pytest.approx(sum(terms), abs=1e-12)
    words = np.array(result.scores["words"])
    assert words[:3].mean() + words[3:5].mean() + words[5:].mean() == pytest.approx(result.value)
    pooled, found = np.concatenate(targets), []
    for first in itertools.combinations(range(7), 3):
        for second in itertools.combinations(set(range(7)) - set(first), 2):
            third = sorted(set(range(7)) - set(first) - set(second))
            groups = [pooled[list(rows)] for rows in (first, second, third)]
            found.append(sum(by_definition(groups, attributes)))
    assert len(found) == _relabel.partitions((3, 2, 2)) == 210
    assert np.mean(found) == pytest.approx(0, abs=1e-12), "no bias is 0"
    above = np.mean(np.array(found) >= result.value - 1e-12)
    below = np.mean(np.array(found) <= result.value + 1e-12)
    expected = {"greater": above, "less": below, "two-sided": min(1, 2 * min(above, below))}
    assert result.pvalue == pytest.approx(expected[alternative])
    assert result.pvalue_method == "exact"


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["greater", "less", "two-sided"]))
def test_for_two_groups_it_is_half_of_weat(seed, alternative):
    x, y, a, b = random_sets(seed)
    ours = generalized_weat([x, y], [a, b], alternative=alternative)
    theirs = weat(x, y, a, b, alternative=alternative)
    assert 2 * ours.value == pytest.approx(theirs.statistic, abs=1e-12)
    assert ours.figures["weat_statistic"] == pytest.approx(theirs.statistic, abs=1e-12)
    assert ours.pvalue == theirs.pvalue
    assert ours.figures["group_1"] == pytest.approx(ours.figures["group_2"])


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_what_changes_it_and_what_does_not(seed):
    targets, attributes = three_groups(seed)
    result = generalized_weat(targets, attributes)
    rng = np.random.default_rng(seed)
    rotation = np.linalg.qr(rng.normal(size=(12, 12)))[0]
    moved = [
        [rows @ rotation * rng.uniform(0.1, 9, (len(rows), 1)) for rows in sets]
        for sets in (targets, attributes)
    ]
    assert generalized_weat(*moved).value == pytest.approx(result.value, abs=1e-12)
    turned = [[rows[::-1] for rows in sets[::-1]] for sets in (targets, attributes)]
    assert generalized_weat(*turned).value == pytest.approx(result.value, abs=1e-12)
    assert generalized_weat(*turned).pvalue == result.pvalue
    # All attributes in one place, or all targets: nothing to tell apart.
    one = generalized_weat(targets, attributes[:1] * 3)
    assert one.value == pytest.approx(0, abs=1e-12)
    assert generalized_weat(targets[:1] * 3, attributes).value == pytest.approx(0, abs=1e-12)
    # The cycles of the attributes add up to nothing: every group has had every set once.
    cycles = [generalized_weat(targets, attributes[i:] + attributes[:i]).value for i in range(3)]
    assert sum(cycles) == pytest.approx(0, abs=1e-12)
    shifted = generalized_weat([rows + 3 for rows in targets], attributes)
    assert abs(shifted.value - result.value) > 1e-6


def test_the_bound_is_reached():
    plus, minus = [[1.0, 0.0]] * 2, [[-1.0, 0.0]] * 2
    result = generalized_weat([plus, minus], [plus, minus])
    assert result.value == result.value_range[1] == 2
    swapped = generalized_weat([plus, minus], [minus, plus])
    assert swapped.value == -2


def test_many_ways_are_sampled(monkeypatch):
    # More ways (11,550) than draws, or all of them would be taken.
    targets, attributes = three_groups(8, sizes=(4, 4, 3))
    exact = generalized_weat(targets, attributes)
    assert exact.pvalue_method == "exact"
    monkeypatch.setattr(_relabel, "MOST_ENUMERATED", 100)
    drawn = generalized_weat(targets, attributes, n_resamples=5000, rng=2)
    assert (drawn.pvalue_method, drawn.n_resamples) == ("sampled", 5000)
    assert drawn.pvalue == pytest.approx(exact.pvalue, abs=0.03)
    assert drawn.pvalue_bounds[0] < drawn.pvalue < drawn.pvalue_bounds[1]
    hits = drawn.pvalue * 5001 - 1
    assert hits == pytest.approx(round(hits), abs=1e-6), "never 0: hits + 1 of draws + 1"
    assert generalized_weat(targets, attributes, n_resamples=5000, rng=2).pvalue == drawn.pvalue


def test_real_words(extract):
    # Flowers, insects, weapons with pleasant, insect and weapon-like words of the shipped tests.
    one, two = shipped("weat1"), shipped("weat2")
    sets = [one.words("X"), one.words("Y"), two.words("Y"), one.words("A"), one.words("B")]
    flowers, insects, weapons, pleasant, unpleasant = (
        extract.encode([w for w in group.words if w in extract]) for group in sets
    )
    targets = [flowers, insects, weapons]
    attributes = [pleasant, insects[:3], unpleasant]
    result = generalized_weat(targets, attributes, n_resamples=999, rng=0)
    terms = by_definition([t.astype(float) for t in targets], [a.astype(float) for a in attributes])
    assert result.value == pytest.approx(sum(terms), abs=1e-7)
    assert result.value == pytest.approx(THREE, abs=1e-6)
    assert result.pvalue == 1 / 1000


THREE = 0.14625652


def test_one_word_duplicates_and_a_word_in_two_groups():
    targets, attributes = three_groups(5, sizes=(1, 1, 1))
    assert generalized_weat(targets, attributes).pvalue >= 1 / 6
    twice = [np.concatenate([targets[0], targets[0]]), targets[1], targets[0]]
    assert generalized_weat(twice, attributes).value == pytest.approx(
        sum(by_definition(twice, attributes))
    )


@pytest.mark.parametrize(
    ("targets", "attributes", "error", "match"),
    [
        ([np.eye(2)], [np.eye(2)], InputError, "at least two"),
        ([np.eye(2)] * 3, [np.eye(2)] * 2, InputError, "3 groups and attributes has 2"),
        ([np.eye(2), np.zeros((1, 2))], [np.eye(2)] * 2, VectorError, r"targets\[1\]\[0\]"),
        ([np.eye(2)] * 2, [np.eye(2), np.eye(3)], InputError, r"attributes\[1\]: 3"),
        ([np.eye(2)] * 2, [np.eye(2), np.zeros((0, 2))], InputError, r"attributes\[1\] has shape"),
    ],
)
def test_errors(targets, attributes, error, match):
    with pytest.raises(error, match=match):
        generalized_weat(targets, attributes)


@pytest.mark.parametrize("option", [{"alternative": "more"}, {"n_resamples": 0}, {"rng": 1.5}])
def test_wrong_options(option):
    with pytest.raises(InputError, match=next(iter(option))):
        generalized_weat([np.eye(2)] * 2, [np.eye(2)] * 2, **option)


def test_an_audit_runs_it(extract, monkeypatch):
    monkeypatch.setitem(metrics.METRICS, CARD.name, CARD)
    rows = audit(extract, shipped("weat6"), metrics=["weat", "generalized_weat"]).results
    assert 2 * rows[1].measure.value == pytest.approx(rows[0].association.statistic)
    assert rows[1].pvalue == rows[0].pvalue
    assert len(rows[1].measured) == len(rows[1].measure.scores["words"])
