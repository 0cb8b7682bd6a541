"""The permutation test as a user calls it: methods, rules, errors, calibration."""

import math

import numpy as np
import pytest

from embias import permutation_pvalue
from embias.errors import InputError
from embias.stats._exact import number_of_sums


def two_normal_sets(n_x, n_y, shift=0.3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=n_x) + shift, rng.normal(size=n_y)


def test_p_is_never_zero_for_perfectly_separated_sets():
    for n in (2, 8, 20):
        x, y = np.arange(n) + 100.0, np.arange(n) * 1.0
        result = permutation_pvalue(x, y)
        assert result.pvalue == 1 / math.comb(2 * n, n)
        two = permutation_pvalue(x, y, alternative="two-sided")
        assert two.pvalue == 2 / math.comb(2 * n, n)


def test_p_is_never_zero_where_it_underflows_everything_else():
    x, y = np.linspace(5, 6, 200), np.linspace(0, 1, 200)
    result = permutation_pvalue(x, y)
    assert result.method == "certified"
    assert 0 < result.pvalue_bounds[0] <= result.pvalue < 1e-110


@pytest.mark.parametrize("alternative", ["greater", "less", "two-sided"])
def test_equal_scores_give_one(alternative):
    for method in ("auto", "exact", "certified", "sampled"):
        result = permutation_pvalue([2.0] * 3, [2.0] * 4, alternative=alternative, method=method)
        assert result.pvalue == 1
        assert result.statistic == 0


def test_a_negative_statistic_has_a_small_two_sided_p():
    # WEFE compares |T| with the signed statistic, which gives 1 here.
    x, y = np.arange(6.0), np.arange(6.0) + 10
    assert permutation_pvalue(x, y, alternative="two-sided").pvalue == 2 / math.comb(12, 6)
    assert permutation_pvalue(x, y, alternative="greater").pvalue == 1


def test_sums_equal_up_to_rounding_are_ties():
    # 0.1 + 0.2 is not 0.3 in floating point. In tenths: 12 of the 20 sums of three of
    # 1, 2, 5, 3, 0, 5 reach 8, and 4 of them are 8.
    for sets in ([0.1, 0.2, 0.5], [0.3, 0.0, 0.5]), ([0.3, 0.0, 0.5], [0.1, 0.2, 0.5]):
        assert permutation_pvalue(*sets).count == 12
        assert permutation_pvalue(*sets, alternative="less").count == 12


def test_auto_takes_the_first_feasible_method():
    assert permutation_pvalue(*two_normal_sets(20, 20)).method == "exact"
    assert permutation_pvalue(*two_normal_sets(32, 32)).method == "certified"
    # Few on one side is cheap whatever the other side's size.
    assert permutation_pvalue(*two_normal_sets(3, 150)).method == "exact"
    hopeless = permutation_pvalue(*two_normal_sets(60, 60), max_work=1e4, rng=1)
    assert hopeless.method == "sampled"
    assert "bracket" in hopeless.note


def test_certified_says_what_it_reached_when_the_budget_is_small():
    result = permutation_pvalue(*two_normal_sets(60, 60), method="certified", max_work=1e4)
    low, high = result.pvalue_bounds
    assert (high - low) / high > 0.02
    assert "wide" in result.note
    narrow = permutation_pvalue(*two_normal_sets(60, 60), method="certified")
    assert low <= narrow.pvalue_bounds[0] <= narrow.pvalue_bounds[1] <= high


def test_sampled_is_reproducible_and_records_its_seed():
    sets = two_normal_sets(30, 30)
    first = permutation_pvalue(*sets, method="sampled", n_resamples=5000, rng=7)
    again = permutation_pvalue(*sets, method="sampled", n_resamples=5000, rng=7)
    other = permutation_pvalue(*sets, method="sampled", n_resamples=5000, rng=8)
    assert first == again
    assert first.seed == 7
    assert first.n_hits != other.n_hits
    drawn = permutation_pvalue(*sets, method="sampled", n_resamples=5000)
    repeated = permutation_pvalue(*sets, method="sampled", n_resamples=5000, rng=drawn.seed)
    assert drawn == repeated


def test_sampled_is_never_below_its_floor():
    x, y = np.arange(30) + 1e3, np.arange(30) * 1.0
    result = permutation_pvalue(x, y, method="sampled", n_resamples=999, rng=0)
    assert result.pvalue == 1 / 1000
    assert result.n_hits == 0


@pytest.mark.parametrize("method", ["exact", "certified", "sampled"])
def test_p_is_super_uniform_under_the_null(method):
    rng = np.random.default_rng(3)
    pvalues = np.array(
        [
            permutation_pvalue(
                rng.normal(size=5), rng.normal(size=6), method=method, n_resamples=199, rng=i
            ).pvalue
            for i in range(600)
        ]
    )
    for level in (0.05, 0.1, 0.25, 0.5):
        share = (pvalues <= level).mean()
        # Three standard errors above the level, and not far below it.
        assert share <= level + 3 * math.sqrt(level * (1 - level) / 600)
        assert share >= level - 0.02 - 4 * math.sqrt(level * (1 - level) / 600)


def test_the_number_of_sums_is_what_the_halves_have():
    assert number_of_sums(50, 25) == 2**26
    assert number_of_sums(16, 8) == 2**9
    assert number_of_sums(205, 5) < 2e8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([], [1.0]), r"scores_x has shape \(0,\)"),
        (([1.0], [[1.0]]), r"scores_y has shape \(1, 1\)"),
        (([1.0, math.nan], [1.0]), r"scores_x\[1\] is nan"),
        (([1.0], [1.0, math.inf]), r"scores_y\[1\] is inf"),
        ((["a"], [1.0]), "scores_x: not an array of numbers"),
    ],
)
def test_bad_scores_are_named(arguments, message):
    with pytest.raises(InputError, match=message):
        permutation_pvalue(*arguments)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alternative": "bigger"}, "alternative='bigger' does not exist"),
        ({"method": "exakt"}, "did you mean 'exact'"),
        ({"two_sided": "double"}, "did you mean 'doubled'"),
        ({"n_resamples": 0}, "at least 1 draw"),
        ({"rtol": 0.0}, "rtol is 0.0"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(InputError, match=message):
        permutation_pvalue([1.0, 2.0], [0.0, 1.0], **options)


def test_exact_by_name_refuses_what_cannot_be_counted():
    with pytest.raises(InputError, match="use method='certified'"):
        permutation_pvalue(*two_normal_sets(60, 60), method="exact")
