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
    assert number_of_sums(50, 25, 10**9) == 2**26
    assert number_of_sums(16, 8, 10**9) == 2**9
    assert number_of_sums(50, 25, 2**26 - 1) is None
    assert number_of_sums(20_000, 10_000, 10**9) is None
    # Few sums in all, and too many of one size at a time for the memory.
    assert number_of_sums(290, 5, 10**10) is None


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


def test_lattice_scores_close_the_bracket():
    # Likert scores, counts and ranks are rounded by nothing, however coarse they are.
    for x, y in (
        ([1, 1, 0], [0, 0, 0, 0, 0, 1]),
        ([1, 2, 3], [0, 1, 2]),
        ([1, 1, 1, 0, 0], [1] * 50 + [0] * 250),
    ):
        exact = permutation_pvalue(x, y, max_sums=10**8).pvalue
        low, high = permutation_pvalue(x, y, method="certified").pvalue_bounds
        assert low == pytest.approx(exact, rel=1e-9)
        assert high == pytest.approx(exact, rel=1e-9)


def test_an_outlier_does_not_stop_the_refinement():
    scores = np.random.default_rng(3).normal(size=60)
    scores[0] = 1e6
    low, high = permutation_pvalue(scores[:30], scores[30:], method="certified").pvalue_bounds
    assert (high - low) / high < 0.05


def test_doubled_bracket_holds_the_exact_p_when_the_sides_differ_in_width():
    x, y = [10.00007, 10.00009, -0.00007, -0.0001], [10.00014, 0.00014]
    options = {"alternative": "two-sided", "two_sided": "doubled"}
    exact = permutation_pvalue(x, y, method="exact", **options).pvalue
    low, high = permutation_pvalue(x, y, method="certified", **options).pvalue_bounds
    assert low <= exact <= high


def test_sizes_beyond_what_can_be_certified_are_sampled():
    x, y = two_normal_sets(520, 520, shift=0.1)
    result = permutation_pvalue(x, y, n_resamples=999, rng=1)
    assert result.method == "sampled"
    assert "too many to certify" in result.note
    with pytest.raises(InputError, match="use method='sampled'"):
        permutation_pvalue(x, y, method="certified")
    separated = permutation_pvalue(np.arange(700) + 1e3, np.arange(700), n_resamples=99, rng=1)
    assert 0 < separated.pvalue_bounds[0] <= separated.pvalue == 0.01
    assert "e+" not in repr(permutation_pvalue(*two_normal_sets(8000, 8000), n_resamples=9, rng=1))


def test_few_against_many_is_counted_quickly():
    result = permutation_pvalue(*two_normal_sets(2, 4000))
    assert result.method == "exact"


def test_scores_at_the_edge_of_float64():
    huge = permutation_pvalue([1.7e308, 1.7e308, 1e308], [1.7e308, 1.6e308, 1e308])
    assert huge.statistic == pytest.approx(0.1e308 / 3)
    assert huge.pvalue == permutation_pvalue([1.7, 1.7, 1.0], [1.7, 1.6, 1.0]).pvalue
    tiny = permutation_pvalue([5e-324, 0.0], [0.0, 0.0], magnitude=1.0)
    assert (tiny.pvalue, math.isfinite(tiny.tolerance)) == (1.0, True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rtol": math.inf}, "rtol is inf"),
        ({"rng": -1}, "rng=-1"),
        ({"rng": "abc"}, "rng='abc'"),
        ({"rng": True}, "rng=True"),
        ({"n_resamples": 10.5}, "not a whole number"),
        ({"magnitude": math.nan}, "magnitude is nan"),
        ({"max_work": math.nan}, "max_work is nan"),
    ],
)
def test_numbers_out_of_range_are_named(options, message):
    with pytest.raises(InputError, match=message):
        permutation_pvalue([1.0, 2.0], [0.0, 1.0], **options)


@pytest.mark.parametrize(
    "scores",
    [
        np.ma.array([1.0, 2.0, 900.0], mask=[0, 0, 1]),
        [1 + 2j, 3.0],
        ["1", "2"],
        np.array(["2020-01-01"], dtype="datetime64[D]"),
        [10**400, 2],
    ],
    ids=["masked", "complex", "texts", "dates", "huge"],
)
def test_what_is_no_array_of_numbers_is_refused(scores):
    with pytest.raises(InputError, match="scores_x"):
        permutation_pvalue(scores, [1.0, 2.0])
