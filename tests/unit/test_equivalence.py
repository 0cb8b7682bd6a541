"""Evidence of no bias: two one-sided tests against enumeration, verdicts, feasibility."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from embias.errors import InputError
from embias.stats import equivalence_test, shift_interval, words_needed
from embias.stats.effect_size import g_from_d


def share_reaching(x, y, sign):
    """Return the share of relabellings whose mean difference is at least as far on one side."""
    pooled = np.concatenate([x, y])
    observed = sign * (x.mean() - y.mean())
    found = []
    for rows in itertools.combinations(range(pooled.size), x.size):
        inside = np.isin(np.arange(pooled.size), rows)
        found.append(sign * (pooled[inside].mean() - pooled[~inside].mean()))
    return np.mean(np.array(found) >= observed - 1e-9)


@pytest.mark.parametrize(("n_x", "n_y", "bound"), [(5, 5, 1.0), (4, 6, 0.4), (7, 3, 2.5)])
def test_pvalues_equal_enumeration(n_x, n_y, bound):
    rng = np.random.default_rng([n_x, n_y])
    x, y = rng.normal(size=n_x) + 0.3, rng.exponential(size=n_y)
    found = equivalence_test(x, y, bound=bound)
    upper, lower = share_reaching(x - bound, y, -1), share_reaching(x + bound, y, 1)
    assert found.pvalue_upper == pytest.approx(upper)
    assert found.pvalue_lower == pytest.approx(lower)
    assert found.pvalue == pytest.approx(max(upper, lower))
    assert found.pvalue_bounds == (found.pvalue, found.pvalue)
    outside = min(share_reaching(x - bound, y, 1), share_reaching(x + bound, y, -1))
    assert found.pvalue_outside == pytest.approx(outside)
    assert found.methods == ("exact",)
    assert found.statistic == pytest.approx(x.mean() - y.mean())


def example(difference, n=8, seed=1):
    scores = np.random.default_rng(seed).normal(size=(2, n))
    scores -= scores.mean(axis=1, keepdims=True)
    return scores[0] + difference, scores[1]


def test_three_verdicts():
    within = equivalence_test(*example(0.1), bound=2)
    assert within.verdict == "within"
    assert within.feasible
    assert within.pvalue <= 0.05
    assert "is within +-2" in within.message
    for difference in (4, -4):
        outside = equivalence_test(*example(difference), bound=2)
        assert outside.verdict == "outside"
        assert outside.pvalue > 0.05
        assert "is beyond +-2" in outside.message
    unknown = equivalence_test(*example(1.7), bound=2)
    assert unknown.verdict == "too small to tell"
    assert unknown.feasible
    assert "Too small to tell" in unknown.message
    assert f"{unknown.words_needed} words per side" in unknown.message
    assert "could not pass" not in unknown.message


def test_a_difference_larger_than_the_bound_but_not_clearly_is_too_small_to_tell():
    found = equivalence_test(*example(2.3), bound=2)
    assert found.statistic > 2
    assert found.verdict == "too small to tell"


def test_infeasible_bounds_are_named():
    x, y = example(0.0)
    found = equivalence_test(x, y, bound=0.2)
    assert found.verdict == "too small to tell"
    assert not found.feasible
    assert "even a difference of exactly 0 could not pass" in found.message
    assert 0.2 < found.smallest_bound < 2
    just_above = equivalence_test(x, y, bound=found.smallest_bound * 1.001)
    assert just_above.verdict == "within"
    just_below = equivalence_test(x, y, bound=found.smallest_bound * 0.999)
    assert just_below.verdict == "too small to tell"
    # About what section 10 of the methods says.
    rule = 1.645 * math.sqrt(2 / 8) * np.concatenate([x, y]).std(ddof=2)
    assert found.smallest_bound == pytest.approx(rule, rel=0.2)


def test_sets_that_can_never_pass_say_so():
    found = equivalence_test([1.0, 2.0], [1.0, 2.1], bound=100)
    assert found.verdict == "too small to tell"
    assert found.smallest_bound == math.inf
    assert not found.feasible
    assert "cannot reach alpha" in found.message


scores = st.lists(
    st.floats(-1, 1, allow_subnormal=False).map(lambda value: round(value, 6)),
    min_size=4,
    max_size=6,
)


@settings(max_examples=60, deadline=None)
@given(scores, scores, st.floats(0.05, 3), st.sampled_from([0.05, 0.1, 0.2]))
def test_verdict_agrees_with_the_interval(x, y, bound, alpha):
    found = equivalence_test(x, y, bound=bound, alpha=alpha)
    assert found.interval == shift_interval(x, y, level=1 - 2 * alpha, rng=found.seed)
    low, high = found.interval.low, found.interval.high
    # The ends are known to about 1e-6: leave out bounds that lie on one.
    if min(abs(end - side) for end in (low, high) for side in (bound, -bound)) < 1e-5:
        return
    if found.verdict == "within":
        assert -bound < low <= high < bound
        assert found.feasible
    elif found.verdict == "outside":
        assert low > bound or high < -bound
    else:
        assert low < bound < high or low < -bound < high


@settings(max_examples=20, deadline=None)
@given(scores, scores, st.floats(0.05, 3))
def test_swapping_the_sets_changes_nothing_but_the_sign(x, y, bound):
    found, swapped = (equivalence_test(*sets, bound=bound) for sets in ((x, y), (y, x)))
    assert swapped.verdict == found.verdict
    assert swapped.pvalue == found.pvalue
    assert swapped.pvalue_upper == found.pvalue_lower
    assert swapped.statistic == pytest.approx(-found.statistic)


def test_false_passes_are_as_rare_as_alpha():
    rng = np.random.default_rng(7)
    passed = 0
    for _ in range(250):
        x, y = rng.normal(size=5) + 3.0, rng.normal(size=5)
        passed += equivalence_test(x, y, bound=3.0, alpha=0.1).verdict == "within"
    # At the bound the level is attained, nearly: 25 of 252 relabellings.
    assert scipy_stats.binomtest(passed, 250, 25 / 252).pvalue > 1e-3


def test_bounds_as_effect_sizes():
    x, y = example(0.1)
    sd = np.concatenate([x - x.mean(), y - y.mean()]).std(ddof=2)
    found = equivalence_test(x, y, bound=1.2, bound_unit="effect_size")
    assert found.bound == pytest.approx(g_from_d(1.2, 8, 8) * sd)
    assert found.bound_effect_size == 1.2
    assert "effect size 1.2, approximately" in found.message
    # A scale of the scores does not matter then.
    scaled = equivalence_test(x / 50, y / 50, bound=1.2, bound_unit="effect_size")
    assert (scaled.verdict, scaled.pvalue) == (found.verdict, found.pvalue)


def test_the_words_needed_pass_as_often_as_promised():
    needed = words_needed(0.8, 1.0)
    assert needed > words_needed(1.6, 1.0)
    assert words_needed(0.8, 1.0) == words_needed(8, 10)
    assert words_needed(0.8, 1.0, power=0.99) > needed
    rng = np.random.default_rng(3)

    def passes(n):
        x, y = rng.normal(size=(2, 20_000, n))
        difference = x.mean(axis=1) - y.mean(axis=1)
        error = np.sqrt((x.var(axis=1, ddof=1) + y.var(axis=1, ddof=1)) / n)
        return np.mean(np.abs(difference) + scipy_stats.t.isf(0.05, 2 * n - 2) * error < 0.8)

    assert passes(needed) > 0.79
    assert passes(needed - 3) < 0.79
    assert words_needed(1.0, 0.0) == 3  # 1 of 20 relabellings reaches 0.05


def test_sampled_pvalues_are_seeded():
    x, y = example(0.1, n=20)
    found = equivalence_test(x, y, bound=1.0, method="sampled", n_resamples=999)
    assert found.methods == ("sampled",)
    again = equivalence_test(x, y, bound=1.0, method="sampled", n_resamples=999, rng=found.seed)
    assert again == found
    assert found.pvalue_bounds[0] < found.pvalue < found.pvalue_bounds[1]
    certified = equivalence_test(x, y, bound=1.0, method="certified")
    assert certified.verdict == found.verdict
    assert certified.pvalue == pytest.approx(found.pvalue, abs=0.02)


def test_scores_stay_as_they_were():
    x, y = np.arange(5.0), np.arange(5.0) ** 2
    equivalence_test(x, y, bound=1)
    np.testing.assert_array_equal(x, np.arange(5.0))
    np.testing.assert_array_equal(y, np.arange(5.0) ** 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bound": 0}, "bound=0"),
        ({"bound": -1}, "bound=-1"),
        ({"bound": math.nan}, "bound=nan"),
        ({"bound": math.inf}, "bound=inf"),
        ({"bound": 1, "alpha": 0.5}, "alpha=0.5"),
        ({"bound": 1, "bound_unit": "d"}, "bound_unit='d'"),
        ({"bound": 1, "method": "fast"}, "method='fast'"),
        ({"bound": 2.5, "bound_unit": "effect_size"}, "every difference would pass"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(InputError, match=message):
        equivalence_test([1.0, 2, 3], [1.0, 2, 5], **options)


def test_bad_scores_are_named():
    with pytest.raises(InputError, match="three in all"):
        equivalence_test([1.0], [2.0], bound=1)
    with pytest.raises(InputError, match=r"scores_x\[1\] is nan"):
        equivalence_test([1.0, math.nan], [2.0], bound=1)
    with pytest.raises(InputError, match="no spread within the sets"):
        equivalence_test([1.0, 1.0], [2.0, 2.0], bound=1, bound_unit="effect_size")
    with pytest.raises(InputError, match="no number of words"):
        words_needed(1e-9, 1.0)
    with pytest.raises(InputError, match="bound=0"):
        words_needed(0, 1.0)
