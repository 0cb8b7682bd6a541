"""What a test can find: the table of statistics.md section 9, and simulation against theory."""

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from embias.errors import InputError
from embias.stats import (
    critical_effect,
    detectable_effect,
    permutation_pvalue,
    simulate_power,
    simulated_power,
    smallest_pvalue,
    wilson_interval,
)
from embias.stats.effect_size import g_from_d, largest_d

SIZES = (4, 6, 8, 12, 16, 25, 50)
CRITICAL = ("1.16", "0.95", "0.82", "0.67", "0.58", "0.47", "0.33")
ONE_SIDED = ("1.41", "1.24", "1.11", "0.94", "0.83", "0.68", "0.49")
TWO_SIDED = ("1.51", "1.34", "1.21", "1.04", "0.92", "0.76", "0.55")


def printed(values):
    return tuple(f"{value:.2f}" for value in values)


def test_the_published_table_to_its_digits():
    assert printed(critical_effect(n, n) for n in SIZES) == CRITICAL
    assert printed(detectable_effect(n, n) for n in SIZES) == ONE_SIDED
    assert printed(detectable_effect(n, n, alternative="two-sided") for n in SIZES) == TWO_SIDED


def test_the_largest_observed_effect_gives_the_smallest_p():
    for n_x, n_y in ((3, 3), (2, 5), (6, 4)):
        for alternative in ("greater", "less", "two-sided"):
            sign = -1 if alternative == "less" else 1
            x, y = sign * (10 + np.arange(n_x) * 0.1), np.arange(n_y) ** 2 * sign * 0.1
            found = permutation_pvalue(x, y, alternative=alternative).pvalue
            assert found == smallest_pvalue(n_x, n_y, alternative)


def test_the_floor_never_underflows_to_zero():
    assert smallest_pvalue(3, 3) == 0.05
    assert smallest_pvalue(3, 3, "two-sided") == 0.1
    assert smallest_pvalue(1, 1, "two-sided") == 1
    assert 0 < smallest_pvalue(1000, 1000) < 1e-300


def test_nothing_is_detectable_below_the_floor():
    for n, alternative, finite in ((2, "greater", False), (3, "greater", True)):
        assert math.isfinite(detectable_effect(n, n, alternative=alternative)) is finite
        assert math.isfinite(critical_effect(n, n, alternative=alternative)) is finite
    assert detectable_effect(3, 3, alternative="two-sided") == math.inf
    assert critical_effect(3, 3, alternative="two-sided") == math.inf


def test_detectable_effects_have_the_power_they_promise():
    # The noncentral t, written out by its definition and integrated by simulation.
    rng = np.random.default_rng(1)
    for n_x, n_y, ddof in ((8, 8, 1), (5, 12, 0)):
        d = detectable_effect(n_x, n_y, power=0.7, alpha=0.1, ddof=ddof)
        g = g_from_d(d, n_x, n_y, ddof=ddof)
        x, y = rng.normal(size=(20_000, n_x)) + g, rng.normal(size=(20_000, n_y))
        share = np.mean(scipy_stats.ttest_ind(x, y, axis=1, alternative="greater").pvalue <= 0.1)
        assert share == pytest.approx(0.7, abs=4 * math.sqrt(0.21 / 20_000))


def test_two_sided_power_counts_both_tails():
    # The square of a noncentral t is a noncentral F.
    d = detectable_effect(5, 7, power=0.35, alpha=0.3, alternative="two-sided")
    noncentrality = g_from_d(d, 5, 7) ** 2 * 35 / 12
    critical = scipy_stats.f.isf(0.3, 1, 10)
    assert scipy_stats.ncf.sf(critical, 1, 10, noncentrality) == pytest.approx(0.35, abs=1e-6)


def test_detectable_effects_shrink_with_words_and_respect_the_bound():
    found = [detectable_effect(n, 2 * n) for n in (3, 5, 10, 100, 5000)]
    assert found == sorted(found, reverse=True)
    assert found[-1] < 0.1
    for n_x, n_y in ((1, 19), (3, 3), (40, 2)):
        critical = critical_effect(n_x, n_y)
        assert 0 < critical < detectable_effect(n_x, n_y) < largest_d(n_x, n_y)
    assert detectable_effect(8, 8, alternative="less") == detectable_effect(8, 8)


@pytest.mark.parametrize(("n", "seed"), [(6, 0), (8, 1)])
def test_simulated_power_agrees_with_the_noncentral_t(n, seed):
    # Normal quantiles as scores: resampling them is close to drawing normal scores.
    quantiles = scipy_stats.norm.ppf((np.arange(200) + 0.5) / 200)
    found = simulate_power(
        0.03 * quantiles + 5, 0.03 * quantiles, detectable_effect(n, n), n_x=n, n_y=n,
        n_simulations=800, rng=seed,
    )  # fmt: skip
    assert found.power == pytest.approx(0.8, abs=4 * math.sqrt(0.16 / 800))
    assert found.interval.low < found.power < found.interval.high
    assert found.n_rejected == round(found.power * 800)
    assert (found.n_x, found.n_y) == (n, n)
    # A smaller effect is found less often: the check above is not blind to the shift.
    weaker = simulate_power(quantiles, quantiles, 0.4, n_x=n, n_y=n, n_simulations=400, rng=seed)
    assert weaker.power < 0.5


def test_simulated_false_alarms_keep_the_level():
    scores = np.random.default_rng(3).exponential(size=(2, 12))
    for alternative in ("greater", "less", "two-sided"):
        found = simulate_power(*scores, 0, alpha=0.1, n_simulations=500, alternative=alternative)
        assert found.n_rejected == pytest.approx(50, abs=4 * math.sqrt(45))


def test_simulation_in_either_unit_is_the_same():
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=7), rng.normal(size=9)
    by_d = simulate_power(x, y, 0.9, n_simulations=100)
    by_statistic = simulate_power(x, y, by_d.effect, unit="statistic", n_simulations=100)
    assert by_statistic.effect_size == pytest.approx(0.9)
    assert by_statistic.n_rejected == by_d.n_rejected
    assert by_d.effect == pytest.approx(g_from_d(0.9, 7, 9) * by_d.sd)
    # The observed difference plays no part.
    moved = simulate_power(x + 3, y, 0.9, n_simulations=100)
    assert moved.n_rejected == by_d.n_rejected
    negative = simulate_power(x, y, -0.9, alternative="less", n_simulations=100)
    assert negative.power > 0.3


def test_sampled_simulations_are_seeded_and_powerful():
    x, y = np.random.default_rng(6).normal(size=(2, 20))
    effect = detectable_effect(20, 20)
    first = simulate_power(x, y, effect, n_simulations=200, rng=4)
    assert first == simulate_power(x, y, effect, n_simulations=200, rng=4)
    assert first.power == pytest.approx(0.8, abs=0.12)


def test_large_simulated_tests_draw_enough_to_keep_the_level(monkeypatch):
    draws = []

    def spy(*scores, **options):
        draws.append(options["n_resamples"])
        return permutation_pvalue(*scores, **options)

    monkeypatch.setattr(simulated_power, "permutation_pvalue", spy)
    x, y = np.random.default_rng(6).normal(size=(2, 20))
    for alpha in (0.05, 0.01, 0.2):
        simulate_power(x, y, 0.5, alpha=alpha, n_simulations=1)
    assert draws == [999, 1999, 999]


def test_words_are_drawn_with_the_unbiased_variance_of_their_set():
    drawn = simulated_power._stretched(np.array([1.0, 2, 6]))
    assert drawn.mean() == pytest.approx(0)
    assert drawn.var() == pytest.approx(np.var([1.0, 2, 6], ddof=1))


def test_simulation_below_the_floor_says_so():
    found = simulate_power([1, 2, 4.0], [1, 2, 2.5], 1.0, alternative="two-sided")
    assert found.power == 0
    assert "too few" in found.note


def test_wilson_interval_contains_shares_whose_score_test_does_not_reject():
    for hits, draws in ((0, 10), (3, 10), (10, 10), (790, 1000)):
        interval = wilson_interval(hits, draws)
        expected = scipy_stats.binomtest(hits, draws).proportion_ci(method="wilson")
        assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high))


def test_scores_stay_as_they_were():
    x, y = np.arange(4.0), np.arange(4.0) ** 2
    simulate_power(x, y, 0.5, n_simulations=5)
    np.testing.assert_array_equal(x, np.arange(4.0))
    np.testing.assert_array_equal(y, np.arange(4.0) ** 2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: smallest_pvalue(0, 3), "n_x=0"),
        (lambda: smallest_pvalue(3, 2.5), "n_y=2.5"),
        (lambda: smallest_pvalue(3, 3, "more"), "alternative='more'"),
        (lambda: detectable_effect(1, 1), "three in all"),
        (lambda: detectable_effect(8, 8, alpha=0), "alpha=0"),
        (lambda: detectable_effect(8, 8, power=0.04), "power=0.04"),
        (lambda: detectable_effect(8, 8, power=math.nan), "power=nan"),
        (lambda: detectable_effect(8, 8, ddof=2), "ddof=2"),
        (lambda: critical_effect(8, 8, alpha=1), "alpha=1"),
        (lambda: simulate_power([1.0], [1, 2.0], 0.5), "scores_x has 1 score"),
        (lambda: simulate_power([1, 1.0], [2, 2.0], 0.5), "no spread"),
        (lambda: simulate_power([1, 2.0], [2, math.nan], 0.5), r"scores_y\[1\] is nan"),
        (lambda: simulate_power([1, 2.0], [2, 3.0], 5.0), "give a smaller one"),
        (lambda: simulate_power([1, 2.0], [2, 3.0], math.inf), "effect=inf"),
        (lambda: simulate_power([1, 2.0], [2, 3.0], 1, unit="g"), "unit='g'"),
        (lambda: simulate_power([1, 2.0], [2, 3.0], 1, n_simulations=0), "n_simulations=0"),
        (lambda: wilson_interval(3, 2), "hits=3"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(InputError, match=message):
        call()
