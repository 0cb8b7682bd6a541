"""Random subsets of many scores by bits: every subset of the size has the same chance."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from embias import permutation_pvalue
from embias.stats import _sampled

#: Sums of powers of two name the subset that was drawn.
POWERS = 2.0 ** np.arange(53)


def subsets(n, m, draws, rng):
    """The subsets that were drawn, as whole numbers of n bits."""
    drawn = np.concatenate(list(_sampled._sums_by_bits(POWERS[:n], m, draws, rng)))
    return drawn.astype(np.int64)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(2, 50), st.data())
def test_subsets_have_their_size(seed, n, data):
    m = data.draw(st.integers(1, n - 1))
    drawn = subsets(n, m, 200, np.random.default_rng(seed))
    assert {int(each).bit_count() for each in drawn} == {m}
    assert drawn.max() < 2**n


@pytest.mark.parametrize(("n", "m"), [(6, 3), (7, 2), (9, 1), (9, 4), (8, 7), (10, 5)])
def test_every_subset_has_the_same_chance(n, m):
    draws = 40_000
    drawn = subsets(n, m, draws, np.random.default_rng(n * m))
    every = [sum(1 << i for i in chosen) for chosen in itertools.combinations(range(n), m)]
    names, counts = np.unique(drawn, return_counts=True)
    assert names.tolist() == sorted(every)
    assert stats.chisquare(counts).pvalue > 1e-3


def test_the_check_finds_subsets_that_are_not_alike():
    """If scores were added from the first on, and not at random, it would fail."""

    class First:
        def __init__(self, rng):
            self.rng, self.bytes = rng, rng.bytes
            self.multivariate_hypergeometric = rng.multivariate_hypergeometric

        def integers(self, n, size):
            # Low places twice as often.
            found = self.rng.integers(n, size=size)
            return np.where(self.rng.random(size) < 0.5, found // 2, found)

    drawn = subsets(8, 4, 40_000, First(np.random.default_rng(0)))
    counts = np.unique(drawn, return_counts=True)[1]
    assert stats.chisquare(counts).pvalue < 1e-9


@pytest.mark.parametrize("start", [0, 60, 255])
def test_whatever_the_first_step_takes_the_chances_are_alike(monkeypatch, start):
    """Far too few, about right, or nearly all at first: evened out, all subsets are alike."""
    monkeypatch.setattr(_sampled, "_share", lambda n, share: (start, 8))
    drawn = subsets(8, 3, 40_000, np.random.default_rng(start))
    counts = np.unique(drawn, return_counts=True)[1]
    assert counts.size == math.comb(8, 3)
    assert stats.chisquare(counts).pvalue > 1e-3


@settings(deadline=None)
@given(st.integers(1, 25_000), st.floats(0, 0.5))
def test_the_chance_of_a_bit_is_near_the_share(n, share):
    """So near that few scores are left to be moved, and never above it."""
    numerator, digits = _sampled._share(n, share)
    assert 1 <= digits <= 8
    assert 0 <= numerator <= 2 ** (digits - 1)
    assert -1e-9 <= share - numerator / 2**digits <= 1 / 256 + 4 / n


@pytest.mark.parametrize(("n", "m"), [(1000, 500), (1003, 400), (1500, 200), (2001, 3)])
def test_sums_have_the_moments_of_sampling_without_replacement(n, m):
    scores = np.random.default_rng(n).exponential(size=n)
    draws = 20_000
    sums = np.concatenate(list(_sampled._sums_by_bits(scores, m, draws, np.random.default_rng(m))))
    mean, variance = m * scores.mean(), m * (n - m) / n * scores.var(ddof=1)
    assert abs(sums.mean() - mean) < 4 * math.sqrt(variance / draws)
    # Relative standard error of a variance of normal sums: sqrt(2 / draws); some skewness allowed.
    assert sums.var(ddof=1) == pytest.approx(variance, rel=6 * math.sqrt(2 / draws))
    by_numbers = np.concatenate(
        list(_sampled._sums_by_numbers(scores, m, draws, np.random.default_rng(m + 1)))
    )
    assert stats.ks_2samp(sums, by_numbers).pvalue > 1e-3
    assert stats.ks_2samp(sums, by_numbers + 0.2 * math.sqrt(variance)).pvalue < 1e-9


def test_blocks_of_draws_are_all_there(monkeypatch):
    monkeypatch.setattr(_sampled, "_DRAWS_AT_ONCE", 16)
    found = [
        each.size for each in _sampled._sums_by_bits(POWERS[:9], 4, 50, np.random.default_rng())
    ]
    assert found == [16, 16, 16, 2]


@pytest.mark.parametrize("alternative", ["greater", "less", "two-sided"])
def test_many_scores_against_the_certified_bracket(alternative):
    """1,000 scores, 40 of them in x: the exact p lies in a narrow bracket that needs no draws."""
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=40) + 0.3, rng.normal(size=960)
    exact = permutation_pvalue(x, y, alternative=alternative, method="certified")
    low, high = exact.pvalue_bounds
    assert high - low < 0.02 * high
    drawn = permutation_pvalue(x, y, alternative=alternative, method="sampled", rng=3)
    below, above = drawn.pvalue_bounds
    assert below < high
    assert low < above
    assert above - below < 0.01


def test_p_of_many_scores_follows_the_normal_distribution():
    """With 3,000 + 3,000 scores the sum is normal to about 1e-4; the interval is wider."""
    rng = np.random.default_rng(8)
    x, y = rng.normal(size=3000) + 0.03, rng.normal(size=3000)
    found = permutation_pvalue(x, y, rng=1)
    pooled = np.concatenate([x, y])
    z = (x.mean() - y.mean()) / math.sqrt(pooled.var(ddof=1) * 2 / 3000)
    assert found.method == "sampled"
    assert found.pvalue_bounds[0] < stats.norm.sf(z) < found.pvalue_bounds[1]
    assert found == permutation_pvalue(x, y, rng=1)
