"""The interval that inverts the permutation test, against inversion by enumeration."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from embias.errors import InputError
from embias.stats import permutation_pvalue, shift_interval


def brute_force(x, y, tail):
    """Return the ends from all swaps of k x's with k y's, which tie at one shift each.

    After such a swap the difference of means is at least the observed one exactly when the
    shift is at least (sum of those x's - sum of those y's) / k.
    """
    ties = []
    for k in range(1, min(len(x), len(y)) + 1):
        for out in itertools.combinations(x, k):
            ties.extend((sum(out) - sum(into)) / k for into in itertools.combinations(y, k))
    ties.sort()
    rank = math.floor(tail * math.comb(len(x) + len(y), len(x)) + 1e-9)
    return (ties[rank - 1], ties[-rank]) if rank else (-math.inf, math.inf)


@pytest.mark.parametrize(("n_x", "n_y"), [(4, 4), (5, 3), (2, 8), (1, 9), (6, 6), (8, 7)])
@pytest.mark.parametrize("level", [0.95, 0.9, 0.5])
def test_ends_equal_inversion_by_enumeration(n_x, n_y, level):
    rng = np.random.default_rng([n_x, n_y])
    x, y = rng.normal(size=n_x) + 1, rng.exponential(size=n_y)
    found = shift_interval(x, y, level=level)
    expected = brute_force(x, y, (1 - level) / 2)
    assert (found.low, found.high) == pytest.approx(expected, abs=1e-6)
    if math.isfinite(found.low):
        assert found.low <= expected[0] + 1e-9
        assert found.high >= expected[1] - 1e-9
        assert found.method == "shift, exact"


def test_shifts_inside_are_kept_and_shifts_outside_rejected():
    rng = np.random.default_rng(8)
    x, y = rng.normal(size=8), rng.normal(size=10)
    found = shift_interval(x, y)
    step = 1e-5
    assert permutation_pvalue(x - found.low - step, y).pvalue > 0.025
    assert permutation_pvalue(x - found.low + step, y).pvalue <= 0.025
    assert permutation_pvalue(x - found.high + step, y, alternative="less").pvalue > 0.025
    assert permutation_pvalue(x - found.high - step, y, alternative="less").pvalue <= 0.025


def test_covers_the_true_difference_as_often_as_it_says():
    # Skewed scores: the guarantee needs no normality. 8 + 8 words attain 0.9 nearly exactly.
    rng = np.random.default_rng(2024)
    draws, covered = 300, 0
    for _ in range(draws):
        x, y = rng.exponential(size=8) + 0.7, rng.exponential(size=8)
        found = shift_interval(x, y, level=0.9)
        covered += found.low <= 0.7 <= found.high
    assert scipy_stats.binomtest(covered, draws, 0.9).pvalue > 1e-3


def test_close_to_the_t_interval_for_many_normal_scores():
    rng = np.random.default_rng(12)
    x, y = rng.normal(size=30) + 0.5, rng.normal(size=25)
    expected = scipy_stats.ttest_ind(x, y).confidence_interval(0.95)
    found = shift_interval(x, y)
    assert "certified" in found.method
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.06)
    sampled = shift_interval(x, y, method="sampled", rng=3)
    assert sampled.method == "shift, sampled"
    assert sampled == shift_interval(x, y, method="sampled", rng=3)
    assert (sampled.low, sampled.high) == pytest.approx((found.low, found.high), abs=0.06)


def test_too_few_words_have_infinite_ends():
    for n, level, finite in ((3, 0.95, False), (3, 0.9, True), (4, 0.95, True), (4, 0.98, False)):
        x, y = np.arange(n) ** 2.0, np.arange(n) + 0.3
        found = shift_interval(x, y, level=level)
        assert math.isfinite(found.low) is finite
        assert math.isfinite(found.high) is finite
    assert shift_interval([1.0], [2.0]).method == "shift, unattainable"


def test_constant_sets_have_one_difference():
    found = shift_interval([3.0] * 5, [1.0] * 4)
    assert (found.low, found.high) == (2, 2)


scores = st.lists(
    st.floats(-1, 1, allow_subnormal=False).map(lambda value: round(value, 6)),
    min_size=4,
    max_size=6,
)


@settings(max_examples=40, deadline=None)
@given(scores, scores, st.floats(-5, 5), st.floats(0.1, 50))
def test_moves_with_shift_and_scale_and_mirrors_when_swapped(x, y, shift, scale):
    x, y = np.array(x), np.array(y)
    found = shift_interval(x, y, level=0.9)
    # Ends found to 1e-7 of the span of the shifts; ties are told apart to 1e-10 or so.
    near = 1e-6
    moved = shift_interval(scale * x + shift, scale * y, level=0.9)
    assert (moved.low, moved.high) == pytest.approx(
        (scale * found.low + shift, scale * found.high + shift), abs=near * max(1, scale)
    )
    swapped = shift_interval(y, x, level=0.9)
    assert (swapped.low, swapped.high) == pytest.approx((-found.high, -found.low), abs=near)


@settings(max_examples=25, deadline=None)
@given(scores, scores)
def test_higher_levels_are_wider(x, y):
    found = [shift_interval(x, y, level=level) for level in (0.5, 0.8, 0.95)]
    for inner, outer in itertools.pairwise(found):
        assert outer.low <= inner.low + 1e-6
        assert outer.high >= inner.high - 1e-6
        assert inner.low <= inner.high


def test_scores_stay_as_they_were():
    x, y = np.arange(5.0), np.arange(5.0) ** 2
    shift_interval(x, y)
    np.testing.assert_array_equal(x, np.arange(5.0))
    np.testing.assert_array_equal(y, np.arange(5.0) ** 2)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (([], [1.0]), {}, "scores_x has shape"),
        (([1.0], [math.inf]), {}, r"scores_y\[0\] is inf"),
        (([1.0, 2], [3.0]), {"level": 1}, "level=1"),
        (([1.0, 2], [3.0]), {"level": math.nan}, "level=nan"),
        (([1.0, 2], [3.0]), {"method": "fast"}, "method='fast'"),
        (([1.0] * 200, [3.0] * 200), {"method": "exact"}, "certified"),
    ],
)
def test_bad_input_is_named(arguments, options, message):
    if "exact" in options.values():
        arguments = tuple(np.arange(len(side)) * 1.0 for side in arguments)
    with pytest.raises(InputError, match=message):
        shift_interval(*arguments, **options)
