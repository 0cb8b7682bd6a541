"""Permutation p-values against computations that share no code with them."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from embias import permutation_pvalue

ALTERNATIVES = ("greater", "less", "two-sided")


def by_enumeration(x, y, alternative):
    """Every relabelling, one by one."""
    pooled = np.concatenate([x, y])
    pooled = pooled - pooled.mean()
    observed = pooled[: len(x)].sum()
    slack = 1e-9 * max(1e-300, np.abs(pooled).max())
    hits = total = 0
    for chosen in itertools.combinations(range(pooled.size), len(x)):
        value = pooled[list(chosen)].sum()
        total += 1
        if alternative == "greater":
            hits += value >= observed - slack
        elif alternative == "less":
            hits += value <= observed + slack
        else:
            hits += abs(value) >= abs(observed) - slack
    return hits / total


@pytest.mark.parametrize("alternative", ALTERNATIVES)
@pytest.mark.parametrize(("n_x", "n_y"), [(1, 4), (4, 1), (3, 3), (5, 2), (6, 7), (8, 8)])
def test_exact_equals_enumeration(n_x, n_y, alternative):
    rng = np.random.default_rng([n_x, n_y])
    x, y = rng.normal(size=n_x) + 0.6, rng.normal(size=n_y)
    result = permutation_pvalue(x, y, alternative=alternative)
    assert result.method == "exact"
    assert result.pvalue == pytest.approx(by_enumeration(x, y, alternative), abs=1e-14)
    assert result.count == round(result.pvalue * math.comb(n_x + n_y, n_x))


@pytest.mark.parametrize("alternative", ALTERNATIVES)
@pytest.mark.parametrize(("n_x", "n_y"), [(4, 4), (3, 6), (7, 5)])
def test_exact_equals_scipy(n_x, n_y, alternative):
    rng = np.random.default_rng([7, n_x, n_y])
    x, y = rng.normal(size=n_x), rng.normal(size=n_y) + 0.4
    expected = stats.permutation_test(
        (x, y),
        lambda a, b, axis: a.mean(axis=axis) - b.mean(axis=axis),
        vectorized=True,
        n_resamples=np.inf,
        alternative=alternative,
    ).pvalue
    result = permutation_pvalue(x, y, alternative=alternative, two_sided="doubled")
    assert result.pvalue == pytest.approx(expected, abs=1e-14)


@pytest.mark.parametrize("method", ["exact", "certified"])
@pytest.mark.parametrize(
    ("n_x", "n_y", "ones_x", "ones_y"), [(20, 20, 15, 6), (12, 25, 9, 7), (1, 30, 1, 4)]
)
def test_zero_one_scores_follow_the_hypergeometric_law(n_x, n_y, ones_x, ones_y, method):
    x = np.repeat([1.0, 0.0], [ones_x, n_x - ones_x])
    y = np.repeat([1.0, 0.0], [ones_y, n_y - ones_y])
    law = stats.hypergeom(n_x + n_y, ones_x + ones_y, n_x)
    greater = permutation_pvalue(x, y, method=method)
    less = permutation_pvalue(x, y, method=method, alternative="less")
    assert greater.pvalue == pytest.approx(law.sf(ones_x - 1), rel=1e-9)
    assert less.pvalue == pytest.approx(law.cdf(ones_x), rel=1e-9)


@pytest.mark.parametrize(
    ("n_x", "n_y", "ones_x", "ones_y"), [(100, 100, 70, 40), (300, 300, 190, 140), (60, 400, 9, 20)]
)
def test_certified_bracket_holds_the_hypergeometric_tail_of_large_sets(n_x, n_y, ones_x, ones_y):
    x = np.repeat([1.0, 0.0], [ones_x, n_x - ones_x])
    y = np.repeat([1.0, 0.0], [ones_y, n_y - ones_y])
    expected = stats.hypergeom(n_x + n_y, ones_x + ones_y, n_x).sf(ones_x - 1)
    result = permutation_pvalue(x, y)
    low, high = result.pvalue_bounds
    assert result.method == "certified"
    assert low * (1 - 1e-9) <= expected <= high * (1 + 1e-9)
    # Scores on the grid are rounded by nothing: the bracket closes.
    assert high / low < 1 + 1e-9


@pytest.mark.parametrize(("n_x", "n_y"), [(25, 25), (20, 45), (40, 40)])
def test_ranks_give_the_exact_mann_whitney_p(n_x, n_y):
    rng = np.random.default_rng([3, n_x])
    ranks = stats.rankdata(np.concatenate([rng.normal(size=n_x) + 0.5, rng.normal(size=n_y)]))
    x, y = ranks[:n_x], ranks[n_x:]
    expected = stats.mannwhitneyu(x, y, alternative="greater", method="exact").pvalue
    result = permutation_pvalue(x, y, method="certified", rtol=1e-6)
    low, high = result.pvalue_bounds
    assert low * (1 - 1e-9) <= expected <= high * (1 + 1e-9)
    assert high / low < 1.001


@pytest.mark.parametrize(("shift", "seed"), [(0.0, 1), (0.4, 2), (1.0, 3), (2.0, 4)])
def test_certified_agrees_with_exact_where_both_can_be_had(shift, seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=21) + shift, rng.normal(size=19)
    for alternative in ALTERNATIVES:
        exact = permutation_pvalue(x, y, method="exact", alternative=alternative)
        certified = permutation_pvalue(x, y, method="certified", alternative=alternative)
        low, high = certified.pvalue_bounds
        assert low <= exact.pvalue <= high
        assert (high - low) / high <= 0.0101
        assert certified.pvalue == high


def test_sampled_interval_holds_the_exact_p():
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=12) + 0.3, rng.normal(size=14)
    for alternative in ALTERNATIVES:
        exact = permutation_pvalue(x, y, alternative=alternative)
        sampled = permutation_pvalue(x, y, method="sampled", alternative=alternative, rng=11)
        low, high = sampled.pvalue_bounds
        assert low < exact.pvalue < high
        assert sampled.pvalue == (sampled.n_hits + 1) / (sampled.n_resamples + 1)
