"""d and g: exact conversions, bounds, small-sample correction, sampling variances."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embias.errors import InputError
from embias.stats import d_from_g, g_from_d, hedges, largest_d, variance_of_d, variance_of_g

sizes = st.integers(1, 40)
ddofs = st.sampled_from([0, 1])


def d_of(x, y, ddof):
    return (x.mean() - y.mean()) / np.concatenate([x, y]).std(ddof=ddof)


def g_of(x, y):
    within = ((x - x.mean()) ** 2).sum() + ((y - y.mean()) ** 2).sum()
    return (x.mean() - y.mean()) / math.sqrt(within / (x.size + y.size - 2))


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), sizes, st.integers(2, 40), ddofs, st.floats(-6, 6))
def test_conversions_meet_the_figures_of_raw_scores(seed, n_x, n_y, ddof, shift):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=n_x) + shift, rng.exponential(size=n_y)
    d, g = d_of(x, y, ddof), g_of(x, y)
    assert d_from_g(g, n_x, n_y, ddof) == pytest.approx(d, rel=1e-10, abs=1e-12)
    # Near the bound d says little about g, so the error of d is carried over.
    slack = 1e-10 * (1 + g * g)
    assert g_from_d(d, n_x, n_y, ddof) == pytest.approx(g, rel=slack, abs=1e-12)
    assert abs(d) <= largest_d(n_x, n_y, ddof)


@settings(deadline=None)
@given(st.floats(-300, 300), sizes, st.integers(2, 40), ddofs)
def test_round_trip(g, n_x, n_y, ddof):
    d = d_from_g(g, n_x, n_y, ddof)
    assert abs(d) < largest_d(n_x, n_y, ddof)
    assert math.copysign(1, d) == math.copysign(1, g)
    assert g_from_d(d, n_x, n_y, ddof) == pytest.approx(g, rel=1e-12 * (1 + g * g))


@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize(("n_x", "n_y"), [(8, 8), (25, 25), (1, 2), (3, 30)])
def test_bound_is_reached_by_scores_constant_within_sets(n_x, n_y, ddof):
    x, y = np.full(n_x, 0.3), np.full(n_y, -0.1)
    bound = largest_d(n_x, n_y, ddof)
    assert d_of(x, y, ddof) == pytest.approx(bound, rel=1e-14)
    for d in (bound, d_of(x, y, ddof), bound * (1 + 1e-12)):
        assert g_from_d(d, n_x, n_y, ddof) == math.inf
        assert g_from_d(-d, n_x, n_y, ddof) == -math.inf
        assert variance_of_d(d, n_x, n_y, ddof) == 0
    assert d_from_g(math.inf, n_x, n_y, ddof) == bound
    assert d_from_g(-math.inf, n_x, n_y, ddof) == -bound
    assert d_from_g(1e200, n_x, n_y, ddof) == pytest.approx(bound, rel=1e-15)
    assert variance_of_g(math.inf, n_x, n_y) == math.inf
    with pytest.raises(InputError, match="cannot exceed"):
        g_from_d(bound * 1.001, n_x, n_y, ddof)
    with pytest.raises(InputError, match="cannot exceed"):
        variance_of_d(-bound * 1.001, n_x, n_y, ddof)


def test_bounds_of_equal_sets():
    for n in (1, 8, 25):
        assert largest_d(n, n, 0) == pytest.approx(2, rel=1e-15)
        assert largest_d(n, n) == pytest.approx(math.sqrt(4 - 2 / n), rel=1e-15)


def test_small_values_keep_their_digits():
    assert g_from_d(1e-9, 8, 8) == pytest.approx(1e-9 * math.sqrt(14 / 15), rel=1e-14)
    assert d_from_g(1e-9, 8, 8) == pytest.approx(1e-9 * math.sqrt(15 / 14), rel=1e-14)


@settings(deadline=None)
@given(st.floats(-50, 50), sizes, st.integers(2, 40), ddofs)
def test_variance_of_d_is_the_delta_method(g, n_x, n_y, ddof):
    n, c = n_x + n_y, n_x * n_y / (n_x + n_y)
    d = d_from_g(g, n_x, n_y, ddof)
    formula = (1 / n_x + 1 / n_y + g * g / (2 * n)) * (n - ddof) * (n - 2) ** 2
    formula /= (n - 2 + c * g * g) ** 3
    assert variance_of_d(d, n_x, n_y, ddof) == pytest.approx(formula, rel=1e-8)
    # The same from the slope of the conversion.
    step = 1e-4 * (1 + abs(g))
    slope = (d_from_g(g + step, n_x, n_y, ddof) - d_from_g(g - step, n_x, n_y, ddof)) / (2 * step)
    assert math.sqrt(variance_of_g(g, n_x, n_y)) * slope == pytest.approx(
        math.sqrt(formula), rel=1e-2, abs=1e-7
    )


@pytest.mark.parametrize(("n", "of_d", "of_g"), [(8, 0.15, 0.2), (25, 0.05, 0.07)])
@pytest.mark.parametrize("g", [0.0, 0.8, 1.5, 3.0])
def test_variances_against_simulation(n, of_d, of_g, g):
    rng = np.random.default_rng([n, round(10 * g)])
    scores = rng.normal(size=(60_000, 2 * n))
    scores[:, :n] += g
    difference = scores[:, :n].mean(axis=1) - scores[:, n:].mean(axis=1)
    for ddof in (0, 1):
        d = difference / scores.std(axis=1, ddof=ddof)
        claimed = variance_of_d(d_from_g(g, n, n, ddof), n, n, ddof)
        assert claimed / d.var() == pytest.approx(1, abs=of_d)
    simulated = hedges(g_from_d(d, n, n, 1), n, n)
    # The figure for g is that of the corrected one, in large samples.
    assert variance_of_g(g, n, n) / simulated.var() == pytest.approx(1, abs=of_g)
    assert simulated.mean() == pytest.approx(g, abs=4 * simulated.std() / math.sqrt(60_000))


def test_variance_at_zero_is_that_of_relabelling():
    # var(d) over all relabellings is N**2 / (n_x n_y (N - 1)) times (N - 1) / N, ddof 1.
    n_x, n_y = 8, 12
    rng = np.random.default_rng(5)
    s = rng.normal(size=20)
    orders = rng.permuted(np.tile(s, (40_000, 1)), axis=1)
    d = (orders[:, :n_x].mean(axis=1) - orders[:, n_x:].mean(axis=1)) / s.std(ddof=1)
    assert d.var() == pytest.approx(1 / n_x + 1 / n_y, rel=0.03)
    assert variance_of_d(0.0, n_x, n_y) == pytest.approx((1 / n_x + 1 / n_y) * 19 / 18, rel=1e-14)


def test_hedges():
    # gamma(m/2) / (sqrt(m/2) gamma((m-1)/2)) by hand for m = 2, 4.
    assert hedges(1.0, 2, 2) == pytest.approx(1 / math.sqrt(math.pi), rel=1e-14)
    assert hedges(1.0, 1, 5) == pytest.approx(math.sqrt(2 / math.pi), rel=1e-14)
    exact = math.gamma(7) / (math.sqrt(7) * math.gamma(6.5))
    assert hedges(-2.0, 8, 8) == pytest.approx(-2 * exact, rel=1e-13)
    assert hedges(2.0, 8, 8, form="approximate") == pytest.approx(2 * (1 - 3 / 55), rel=1e-15)
    assert hedges(1.0, 10**6, 10**6) == pytest.approx(1, abs=1e-6)
    assert hedges(1.0, 8, 8) != hedges(1.0, 8, 8, form="approximate")


def test_arrays_and_numbers():
    d = np.array([[-1.0, 0.0], [0.5, 1.5]])
    for function in (g_from_d, d_from_g, variance_of_d, variance_of_g, hedges):
        result = function(d, 8, 9)
        assert result.shape == (2, 2)
        assert result[1, 0] == pytest.approx(function(0.5, 8, 9), rel=1e-14)
        assert type(function(0.5, 8, 9)) is float
    assert d.tolist() == [[-1.0, 0.0], [0.5, 1.5]]


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (largest_d, (0, 3), "n_x=0; give the number of scores"),
        (largest_d, (3, 2.5), "n_y=2.5"),
        (largest_d, (3, True), "n_y=True"),
        (largest_d, (3, 3, 2), "ddof=2; use 1"),
        (g_from_d, (0.1, 1, 1), "at least 3 scores together"),
        (d_from_g, (0.1, 1, 1), "at least 3 scores together"),
        (variance_of_d, (0.1, 1, 1), "at least 3 scores together"),
        (variance_of_g, (0.1, 1, 1), "at least 3 scores together"),
        (hedges, (0.1, 1, 2), "at least 4 scores together"),
        (g_from_d, (math.nan, 8, 8), "d is NaN"),
        (d_from_g, (math.nan, 8, 8), "g is NaN"),
        (g_from_d, (np.array([0.1, 1.95]), 8, 8), r"d is 1.95; with 8 \+ 8 scores and ddof=1"),
        (g_from_d, ("much", 8, 8), "d: not a number"),
        (variance_of_d, (0.1, 8, 8, 3), "ddof=3"),
    ],
)
def test_bad_input_is_named(function, arguments, message):
    with pytest.raises(InputError, match=message):
        function(*arguments)


def test_hedges_form_is_checked():
    with pytest.raises(InputError, match="did you mean 'approximate'"):
        hedges(0.5, 8, 8, form="approximation")
