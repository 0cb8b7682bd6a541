"""Two encoders on the same words: sign flips against enumeration, intervals, calibration."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from embias.errors import InputError
from embias.stats import paired_test


def difference(x, y):
    return x.mean() - y.mean()


def brute_force(x1, y1, x2, y2, alternative):
    """Swap the encoders' scores word by word in all 2**N ways, and recompute D2 - D1."""
    first, second = np.concatenate([x1, y1]), np.concatenate([x2, y2])
    found = []
    for pattern in itertools.product([False, True], repeat=first.size):
        one, two = np.where(pattern, second, first), np.where(pattern, first, second)
        n = len(x1)
        found.append(difference(two[:n], two[n:]) - difference(one[:n], one[n:]))
    found = np.array(found)
    observed = found[0]
    extreme = {
        "greater": found >= observed - 1e-9,
        "less": found <= observed + 1e-9,
        "two-sided": np.abs(found) >= abs(observed) - 1e-9,
    }
    return int(extreme[alternative].sum()), found.size


def example(n_x=6, n_y=6, shift=0.5, seed=0):
    rng = np.random.default_rng([seed, n_x, n_y])
    x, y = rng.normal(size=n_x), rng.normal(size=n_y)
    return x, y, x + rng.normal(size=n_x) + shift, y + rng.normal(size=n_y)


@pytest.mark.parametrize("alternative", ["two-sided", "greater", "less"])
@pytest.mark.parametrize(("n_x", "n_y"), [(6, 6), (3, 7), (5, 1), (2, 1)])
@pytest.mark.parametrize("shift", [1.0, -0.7])
def test_p_equals_brute_force(alternative, n_x, n_y, shift):
    scores = example(n_x, n_y, shift)
    found = paired_test(*scores, alternative=alternative, n_resamples=100)
    count, total = brute_force(*scores, alternative)
    assert (found.count, found.n_flips) == (count, total)
    assert found.pvalue == count / total
    assert found.method == "exact"
    assert found.pvalue_bounds == (found.pvalue, found.pvalue)


tenths = st.integers(-5, 5).map(lambda value: value / 10)


@settings(max_examples=50, deadline=None)
@given(
    st.integers(1, 4).flatmap(
        lambda n: st.tuples(
            *[st.lists(tenths, min_size=size, max_size=size) for size in (n, 4, n, 4)]
        )
    ),
    st.sampled_from(["two-sided", "greater", "less"]),
)
def test_p_equals_brute_force_with_ties(scores, alternative):
    arrays = [np.array(values) for values in scores]
    found = paired_test(*arrays, alternative=alternative, n_resamples=100)
    assert found.count == brute_force(*arrays, alternative)[0]


def test_identical_encoders_have_p_one():
    x, y = example()[:2]
    for alternative in ("two-sided", "greater", "less"):
        found = paired_test(x, y, x, y, alternative=alternative)
        assert found.pvalue == 1
        assert found.statistic == 0
        assert (found.interval.low, found.interval.high) == (0, 0)
        assert found.effect_size == 0
    # Encoded again, with the rounding of cosines.
    noise = 1e-16 * np.arange(6)
    assert paired_test(x, y, x + noise, y - noise, magnitude=1.0).pvalue == 1
    assert paired_test(x * 1e-9, y * 1e-9, x * 1e-9 + noise, y * 1e-9).pvalue < 1


def test_reports_both_differences_and_both_scales():
    x1, y1, x2, y2 = example(8, 5, 1.0)
    found = paired_test(x1, y1, 3 * x2, 3 * y2)
    assert found.statistic_1 == pytest.approx(difference(x1, y1))
    assert found.statistic_2 == pytest.approx(3 * difference(x2, y2))
    assert found.statistic == pytest.approx(found.statistic_2 - found.statistic_1)
    d1 = difference(x1, y1) / np.concatenate([x1, y1]).std(ddof=1)
    d2 = difference(x2, y2) / np.concatenate([x2, y2]).std(ddof=1)
    assert (found.effect_size_1, found.effect_size_2) == pytest.approx((d1, d2))
    assert found.effect_size == pytest.approx(d2 - d1)
    scaled = paired_test(x1, y1, 3 * x2, 3 * y2, scale="pooled_sd")
    within = np.concatenate([x2 - x2.mean(), y2 - y2.mean()]).std(ddof=2)
    assert scaled.statistic_2 == pytest.approx(difference(x2, y2) / within)
    # On that scale neither the factor nor the encoder's spread matters.
    unscaled = paired_test(x1, y1, x2, y2, scale="pooled_sd")
    assert scaled.pvalue == unscaled.pvalue
    assert scaled.interval.high == pytest.approx(unscaled.interval.high)
    assert scaled.effect_size == pytest.approx(found.effect_size)


def test_swapping_the_encoders_turns_the_sign():
    x1, y1, x2, y2 = example(7, 6, 0.8)
    found, swapped = paired_test(x1, y1, x2, y2), paired_test(x2, y2, x1, y1)
    assert swapped.statistic == pytest.approx(-found.statistic)
    assert swapped.pvalue == found.pvalue
    assert swapped.interval.low == pytest.approx(-found.interval.high)
    assert swapped.effect_size_interval.high == pytest.approx(-found.effect_size_interval.low)
    greater = paired_test(x1, y1, x2, y2, alternative="greater")
    assert greater.pvalue == paired_test(x2, y2, x1, y1, alternative="less").pvalue


def test_sampled_p_agrees_with_the_exact_one():
    scores = example(10, 9, 0.9, seed=4)
    for alternative in ("two-sided", "greater", "less"):
        exact = paired_test(*scores, alternative=alternative)
        sampled = paired_test(*scores, alternative=alternative, max_sums=10)
        assert exact.method == "exact"
        assert sampled.method == "sampled"
        assert sampled.pvalue == (sampled.n_hits + 1) / 10_000
        assert sampled.pvalue_bounds[0] <= exact.pvalue <= sampled.pvalue_bounds[1]
        assert sampled == paired_test(*scores, alternative=alternative, max_sums=10)
        assert sampled.interval == exact.interval
    wide = paired_test(*example(30, 30, 5.0), n_resamples=100)
    assert (wide.method, wide.n_hits, wide.pvalue) == ("sampled", 0, 1 / 101)


def test_p_is_uniform_where_encoders_are_exchangeable():
    rng = np.random.default_rng(11)
    found = []
    for _ in range(400):
        x, y = rng.normal(size=5), rng.normal(size=5)
        x1, x2 = x + rng.normal(size=(2, 5))
        y1, y2 = y + rng.normal(size=(2, 5))
        result = paired_test(x1, y1, x2, y2, alternative="greater", n_resamples=100)
        found.append(result.pvalue)
    for level in (0.0625, 0.25, 0.5):  # attainable: multiples of 1 / 1024
        hits = int(np.sum(np.array(found) <= level))
        assert scipy_stats.binomtest(hits, 400, level).pvalue > 1e-3


def test_intervals_cover_the_true_difference():
    rng = np.random.default_rng(13)
    covered = 0
    for _ in range(200):
        x, y = rng.normal(size=(2, 25))
        x2, y2 = x + rng.normal(size=25) * 0.5 + 0.3, y + rng.normal(size=25) * 0.5
        interval = paired_test(x, y, x2, y2, n_resamples=400, level=0.9, max_sums=1).interval
        covered += interval.low <= 0.3 <= interval.high
    assert 0.82 <= covered / 200 <= 0.96


def test_pairing_makes_the_interval_narrow():
    rng = np.random.default_rng(17)
    x, y = rng.normal(size=(2, 20))
    x2, y2 = x + 0.01 * rng.normal(size=20), y + 0.01 * rng.normal(size=20)
    paired = paired_test(x, y, x2, y2).interval
    broken = paired_test(x, y, rng.permutation(x2), rng.permutation(y2)).interval
    assert paired.high - paired.low < 0.1 * (broken.high - broken.low)


def test_few_words_are_noted():
    assert "Fewer than 10" in paired_test(*example(6, 12)).note
    assert "One word on one side" in paired_test(*example(1, 12)).note
    # A quarter of the resamples draws equal scores only.
    tiny = paired_test([0, 1.0], [0.0], [0, 2.0], [0.5])
    assert math.isnan(tiny.effect_size_interval.low)
    assert "Too few distinct words" in tiny.note
    assert paired_test(*example(12, 12)).note == ""


def test_scores_stay_as_they_were():
    scores = example()
    before = [values.copy() for values in scores]
    paired_test(*scores, scale="pooled_sd")
    for values, old in zip(scores, before, strict=True):
        np.testing.assert_array_equal(values, old)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (([1, 2.0], [1, 2.0], [1.0], [1, 2.0]), {}, "x1 has 2 scores and x2 has 1"),
        (([1, 2.0], [1, 2.0], [1, 2.0], [1.0]), {}, "y1 has 2 scores and y2 has 1"),
        (([1.0], [1.0], [1.0], [1.0]), {}, "three words in all"),
        (([1, 2.0], [1.0], [1, math.nan], [1.0]), {}, r"x2\[1\] is nan"),
        (([1, 2.0], [1.0], [1, 2.0], [1.0]), {"alternative": "more"}, "alternative='more'"),
        (([1, 2.0], [1.0], [1, 2.0], [1.0]), {"scale": "z"}, "scale='z'"),
        (([1, 2.0], [1.0], [2, 2.0], [1.0]), {"scale": "pooled_sd"}, "encoder 2 have no spread"),
        (([1, 2.0], [1.0], [1, 2.0], [1.0]), {"n_resamples": 10}, "n_resamples=10"),
        (([1, 2.0], [1.0], [1, 2.0], [1.0]), {"level": 0}, "level=0"),
    ],
)
def test_bad_input_is_named(arguments, options, message):
    with pytest.raises(InputError, match=message):
        paired_test(*arguments, **options)
