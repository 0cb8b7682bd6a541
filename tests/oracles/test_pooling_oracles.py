"""Random-effects pooling against statsmodels, and against likelihoods maximised by hand."""

import math

import numpy as np
import pytest
from scipy import optimize, stats

from embias.errors import InputError
from embias.stats import pool_random_effects

# statsmodels 0.15.0, combine_effects(y, v, method_re="dl" | "pm", atol=1e-8). Its DL tau2 is not
# cut off at 0, and its PM returns 0 where an iterate overshoots by a rounding error (so atol is
# not smaller): the sets are such that neither happens.
SETS = {
    "thirteen": (
        [-0.89, -1.59, -1.35, -1.44, -0.22, -0.79, -1.62, 0.01, -0.47, -1.37, -0.34, 0.45, -0.02],
        [0.326, 0.195, 0.415, 0.02, 0.051, 0.007, 0.223, 0.004, 0.056, 0.073, 0.012, 0.533, 0.071],
    ),
    "three": ([0.9, 1.4, 0.1], [0.05, 0.09, 0.02]),
    "two": ([1.2, -0.4], [0.1, 0.2]),
}
STATSMODELS = {
    ("thirteen", "dersimonian-laird"): {
        "q": 151.3483491769016,
        "i2": 0.920712712987877,
        "tau2": 0.30645406734474,
        "estimate": -0.7148311803549969,
        "se": 0.1781815586748351,
        "interval": (-1.0640606180668843, -0.36560174264310963),
        "se_hk": 0.18055623068175333,
        "interval_hk": (-1.108229412240757, -0.3214329484692369),
    },
    ("thirteen", "paule-mandel"): {
        "q": 151.3483491769016,
        "i2": 0.920712712987877,
        "tau2": 0.3177560328098433,
        "estimate": -0.7158738771343887,
        "se": 0.1807981906445976,
        "interval": (-1.0702318192678066, -0.36151593500097073),
        "se_hk": 0.18079819064480623,
        "interval_hk": (-1.1097992944919142, -0.3219484597768632),
    },
    ("three", "dersimonian-laird"): {
        "q": 20.150684931506845,
        "i2": 0.9007477906186268,
        "tau2": 0.41406249999999983,
        "estimate": 0.7678926410633421,
        "se": 0.3939763295888715,
        "interval": (-0.0042867756921283195, 1.5400720578188125),
        "se_hk": 0.3797300461013527,
        "interval_hk": (-0.8659538783625328, 2.401739160489217),
    },
    ("three", "paule-mandel"): {
        "q": 20.150684931506845,
        "i2": 0.9007477906186268,
        "tau2": 0.38125592970838407,
        "estimate": 0.7654624198671268,
        "se": 0.37978713400008524,
        "interval": (0.021093315435272153, 1.5098315242989815),
        "se_hk": 0.37978713400133457,
        "interval_hk": (-0.8686297289674406, 2.3995545687016944),
    },
    ("two", "dersimonian-laird"): {
        "q": 8.533333333333331,
        "i2": 0.8828125,
        "tau2": 1.13,
        "estimate": 0.43124999999999986,
        "se": 0.7993894154290511,
        "interval": (-1.1355244638634678, 1.9980244638634677),
        "se_hk": 0.7993894154290511,
        "interval_hk": (-9.725955576372536, 10.588455576372537),
    },
}


@pytest.mark.parametrize(("name", "tau2"), STATSMODELS)
def test_figures_of_statsmodels(name, tau2):
    expected = STATSMODELS[name, tau2]
    normal = pool_random_effects(*SETS[name], tau2=tau2)
    knapp = pool_random_effects(*SETS[name], tau2=tau2, se="hartung-knapp")
    for figure in ("q", "i2", "tau2", "estimate", "se"):
        assert getattr(normal, figure) == pytest.approx(expected[figure], rel=1e-9), figure
    assert (normal.interval.low, normal.interval.high) == pytest.approx(expected["interval"])
    assert knapp.se == pytest.approx(expected["se_hk"], rel=1e-9)
    assert (knapp.interval.low, knapp.interval.high) == pytest.approx(expected["interval_hk"])
    assert (knapp.estimate, knapp.tau2) == (normal.estimate, normal.tau2)
    assert normal.df == len(SETS[name][0]) - 1


def test_equal_effects_are_pooled_as_fixed():
    # statsmodels 0.15.0: method_re="pm" gives tau2 = 0 and these; its q is .0690596.
    y, v = [0.30, 0.35, 0.28, 0.33], [0.04, 0.05, 0.03, 0.08]
    for tau2 in ("dersimonian-laird", "paule-mandel", "reml"):
        pooled = pool_random_effects(y, v, tau2=tau2)
        assert (pooled.tau2, pooled.i2) == (0.0, 0.0)
        assert pooled.q == pytest.approx(0.06905963302752127, rel=1e-9)
        assert pooled.estimate == pytest.approx(0.30779816513761465, rel=1e-12)
        assert pooled.se == pytest.approx(0.10492461251740035, rel=1e-12)
    assert pool_random_effects(y, v, se="hartung-knapp").se == pytest.approx(0.015919480078588025)


def test_dersimonian_laird_by_hand():
    # w = 1, 1, 2: mean 5/4, Q = 25/16 + 1/16 + 2 * 9/16 = 11/4, c = 4 - 6/4, tau2 = .75/2.5 = .3;
    # v = 1/1.3, 1/1.3, 1/.8.
    pooled = pool_random_effects([0.0, 1.0, 2.0], [1.0, 1.0, 0.5])
    weight = 2 / 1.3 + 1 / 0.8
    assert pooled.q == pytest.approx(2.75, rel=1e-14)
    assert pooled.tau2 == pytest.approx(0.3, rel=1e-14)
    assert pooled.i2 == pytest.approx(0.75 / 2.75, rel=1e-14)
    assert pooled.estimate == pytest.approx((1 / 1.3 + 2 / 0.8) / weight, rel=1e-14)
    assert pooled.se == pytest.approx(weight**-0.5, rel=1e-14)
    z = pooled.estimate / pooled.se
    assert pooled.pvalue == pytest.approx(math.erfc(z / math.sqrt(2)), rel=1e-12)
    assert pooled.pvalue_one_sided == pytest.approx(pooled.pvalue / 2, rel=1e-12)
    # t with 1 degree of freedom: tan(.475 pi) = 12.7062.
    half = math.tan(0.475 * math.pi) * math.sqrt(0.3 + 1 / weight)
    assert pooled.prediction_interval.high - pooled.estimate == pytest.approx(half, rel=1e-9)
    assert pooled.estimate - pooled.prediction_interval.low == pytest.approx(half, rel=1e-9)


def minus_restricted(t, y, v):
    """The restricted likelihood from its definition, by determinants."""
    x = np.ones((y.size, 1))
    cov = np.diag(v + t)
    inv = np.linalg.inv(cov)
    xvx = (x.T @ inv @ x)[0, 0]
    beta = (x.T @ inv @ y)[0] / xvx
    residual = y - beta
    return np.linalg.slogdet(cov)[1] + math.log(xvx) + residual @ inv @ residual


@pytest.mark.parametrize("name", SETS)
def test_reml_maximises_the_restricted_likelihood(name):
    y, v = map(np.array, SETS[name])
    best = optimize.minimize_scalar(
        minus_restricted, bounds=(0, 20), args=(y, v), method="bounded", options={"xatol": 1e-10}
    )
    pooled = pool_random_effects(y, v, tau2="reml")
    assert pooled.tau2 == pytest.approx(best.x, rel=1e-6)
    assert minus_restricted(pooled.tau2, y, v) <= best.fun + 1e-12


def test_equal_variances_make_all_estimators_one():
    y = np.random.default_rng(3).normal(size=9) * 2
    expected = y.var(ddof=1) - 0.7
    for tau2 in ("dersimonian-laird", "paule-mandel", "reml"):
        pooled = pool_random_effects(y, np.full(9, 0.7), tau2=tau2)
        assert pooled.tau2 == pytest.approx(expected, rel=1e-10)
        assert pooled.estimate == pytest.approx(y.mean(), rel=1e-12)
        assert pooled.se == pytest.approx(y.std(ddof=1) / 3, rel=1e-10)


@pytest.mark.parametrize("tau2", ["dersimonian-laird", "paule-mandel", "reml"])
@pytest.mark.parametrize("factor", [1e-12, 1e15])
def test_the_unit_does_not_matter(tau2, factor):
    y, v = map(np.array, SETS["three"])
    one, other = (
        pool_random_effects(y * f, v * f**2, tau2=tau2, se="hartung-knapp") for f in (1, factor)
    )
    assert other.estimate == pytest.approx(one.estimate * factor, rel=1e-10)
    assert other.tau2 == pytest.approx(one.tau2 * factor**2, rel=1e-10)
    assert (other.q, other.i2, other.pvalue) == pytest.approx((one.q, one.i2, one.pvalue))


def test_sides_of_the_pvalue():
    y, v = map(np.array, SETS["thirteen"])
    low, high = pool_random_effects(y, v), pool_random_effects(-y, v)
    assert low.pvalue == high.pvalue < 1e-3
    assert low.pvalue_one_sided > 0.999
    assert low.pvalue_one_sided + high.pvalue_one_sided == pytest.approx(1, abs=1e-15)
    knapp = pool_random_effects(y, v, se="hartung-knapp")
    assert knapp.pvalue == pytest.approx(2 * stats.t.sf(abs(knapp.estimate / knapp.se), 12))
    certain = pool_random_effects([5.0] * 4, [1e-6] * 4)
    assert 0 < certain.pvalue < 1e-300


def test_one_and_two_effects():
    one = pool_random_effects([0.4], [0.04], tau2="paule-mandel")
    assert (one.estimate, one.se, one.q, one.df, one.n) == (0.4, 0.2, 0.0, 0, 1)
    assert math.isnan(one.tau2)
    assert math.isnan(one.i2)
    assert one.prediction_interval is None
    assert one.pvalue == pytest.approx(0.04550026389635842)
    assert (one.interval.low, one.interval.high) == pytest.approx((0.0080072, 0.7919928))
    assert pool_random_effects(*SETS["two"]).prediction_interval is None


def test_level_is_that_of_the_intervals():
    wide, narrow = (pool_random_effects(*SETS["three"], level=level) for level in (0.99, 0.5))
    assert narrow.interval.level == narrow.prediction_interval.level == 0.5
    assert wide.interval.high - wide.estimate == pytest.approx(wide.se * 2.5758293035489)
    assert narrow.interval.high - narrow.estimate == pytest.approx(narrow.se * 0.6744897501961)
    assert narrow.prediction_interval.high < wide.prediction_interval.high


@pytest.mark.parametrize(
    ("effects", "variances", "options", "message"),
    [
        ([], [], {}, r"effects has shape \(0,\)"),
        ([1, 2], [1], {}, "2 effects but 1 variances"),
        ([1, np.nan], [1, 1], {}, r"effects\[1\] is nan"),
        ([1, -np.inf], [1, 1], {}, r"effects\[1\] is -inf"),
        ([1, 2], [1, np.nan], {}, r"variances\[1\] is nan"),
        ([1, 2], [1, np.inf], {}, r"variances\[1\] is inf"),
        ([1, 2], [0, 1], {}, r"variances\[0\] is 0.0; a sampling variance is above 0"),
        ([1, 2], [1, -1], {}, r"variances\[1\] is -1.0; a sampling variance is above 0"),
        ([[1, 2]], [[1, 1]], {}, r"effects has shape \(1, 2\)"),
        (["a"], [1], {}, "effects: not an array of numbers"),
        ([1, 2], [1, 1], {"tau2": "dl"}, "tau2='dl' does not exist"),
        ([1, 2], [1, 1], {"se": "hartung"}, "did you mean 'hartung-knapp'"),
        ([1, 2], [1, 1], {"level": 95}, "level=95 is not a confidence"),
        ([1], [1], {"se": "hartung-knapp"}, "there is one effect"),
        ([1, 1], [1, 2], {"se": "hartung-knapp"}, "there are only equal ones"),
    ],
)
def test_bad_input_is_named(effects, variances, options, message):
    with pytest.raises(InputError, match=message):
        pool_random_effects(effects, variances, **options)
