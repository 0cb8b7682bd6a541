"""Bootstrap and analytic intervals: against SciPy, by definition, by coverage."""

import math
import sys

import numpy as np
import pytest
from scipy import stats

from embias import weat
from embias.errors import InputError
from embias.metrics import association_scores, weat_interval
from embias.stats import analytic_interval, bootstrap_interval, bootstrap_replicates, d_from_g


def sets(seed=0, sizes=(25, 25, 25, 25), dimension=50, shift=0.3):
    rng = np.random.default_rng(seed)
    base = rng.normal(size=dimension)
    return [
        rng.normal(size=(n, dimension)) + sign * shift * base
        for n, sign in zip(sizes, (1, -1, 1, -1), strict=True)
    ]


def difference(x, y, axis=-1):
    return x.mean(axis=axis) - y.mean(axis=axis)


def effect(x, y, axis=-1):
    return difference(x, y, axis) / np.concatenate([x, y], axis=axis).std(axis=axis, ddof=1)


@pytest.mark.parametrize(("of", "function"), [("statistic", difference), ("effect_size", effect)])
@pytest.mark.parametrize(("method", "theirs"), [("bca", "BCa"), ("percentile", "percentile")])
def test_target_intervals_agree_with_scipy(of, function, method, theirs):
    x, y, a, b = sets(1)
    scores = (association_scores(x, a, b), association_scores(y, a, b))
    reference = stats.bootstrap(
        scores, function, n_resamples=40_000, method=theirs, rng=np.random.default_rng(0)
    ).confidence_interval
    ours = weat_interval(x, y, a, b, of=of, method=method, n_resamples=40_000, rng=1)
    # Both ends are quantiles of 40,000 draws: three Monte-Carlo errors of a tail quantile.
    width = reference.high - reference.low
    assert ours.low == pytest.approx(reference.low, abs=0.02 * width)
    assert ours.high == pytest.approx(reference.high, abs=0.02 * width)


@pytest.mark.parametrize("resample", ["targets", "attributes", "both"])
@pytest.mark.parametrize("of", ["statistic", "effect_size"])
def test_replicates_are_what_weat_gives_on_the_drawn_words(resample, of):
    x, y, a, b = sets(2, sizes=(5, 6, 4, 3))
    inner = sys.modules[weat_interval.__module__]
    units = {
        n: v / np.linalg.norm(v, axis=1, keepdims=True)
        for n, v in zip("xyab", (x, y, a, b), strict=True)
    }
    weights = {name: np.eye(len(rows)) for name, rows in units.items()}
    problem = inner._problem(units, weights, of, 1)
    drawn = {"targets": "xy", "attributes": "ab", "both": "xyab"}[resample]
    replicates = problem.draw(np.random.default_rng(5), 50, drawn)
    generator = np.random.default_rng(5)
    times = {
        name: generator.multinomial(n, np.full(n, 1 / n), size=50)
        for name, n in problem.sizes.items()
        if name in drawn
    }
    for k in range(50):
        rows = [
            np.repeat(v, times[n][k], axis=0) if n in times else v
            for n, v in zip("xyab", (x, y, a, b), strict=True)
        ]
        result = weat(*rows)
        figure = result.statistic if of == "statistic" else result.effect_size
        assert replicates[k] == pytest.approx(figure, abs=1e-10, nan_ok=True)


def test_the_jackknife_leaves_one_word_out():
    x, y, a, b = sets(3, sizes=(6, 5, 4, 4))
    inner = sys.modules[weat_interval.__module__]
    units = {
        n: v / np.linalg.norm(v, axis=1, keepdims=True)
        for n, v in zip("xyab", (x, y, a, b), strict=True)
    }
    problem = inner._problem(
        units, {name: np.eye(len(rows)) for name, rows in units.items()}, "effect_size", 1
    )
    left_out = problem.left_out("a")
    for i in range(4):
        assert left_out[i] == pytest.approx(weat(x, y, np.delete(a, i, 0), b).effect_size)


def test_words_are_drawn_with_all_their_rows():
    x, y, a, b = sets(4, sizes=(12, 12, 8, 8))
    groups = {
        "x_groups": np.repeat(range(4), 3).tolist(),
        "y_groups": np.repeat(range(4), 3).tolist(),
        "a_groups": np.repeat(range(4), 2).tolist(),
        "b_groups": np.repeat(range(4), 2).tolist(),
    }
    options = {"of": "statistic", "resample": "both", "n_resamples": 4000}
    clustered = weat_interval(x, y, a, b, **options, **groups)
    # Equal rows within a word carry one row's information: the interval is that of the words.
    first = [v[::k] for v, k in zip((x, y, a, b), (3, 3, 2, 2), strict=True)]
    repeated = [np.repeat(v, k, axis=0) for v, k in zip(first, (3, 3, 2, 2), strict=True)]
    by_word = weat_interval(*repeated, **options, **groups)
    assert by_word.low == pytest.approx(weat_interval(*first, **options).low, abs=1e-12)
    assert by_word.high - by_word.low != clustered.high - clustered.low
    by_row = weat_interval(*repeated, **options)
    assert by_row.high - by_row.low < 0.8 * (by_word.high - by_word.low)


def test_the_same_seed_gives_the_same_interval():
    arrays = sets(5, sizes=(8, 8, 8, 8))
    assert weat_interval(*arrays, rng=3) == weat_interval(*arrays, rng=3)
    assert weat_interval(*arrays, rng=3) != weat_interval(*arrays, rng=4)

    # More replicates of one seed begin with the same ones, whoever draws which thousand.
    def draw(generator, size):
        return generator.random(size)

    few, many = (bootstrap_replicates(draw, n, 7) for n in (2000, 5000))
    assert np.array_equal(few, many[:2000])


def test_a_wider_level_gives_a_wider_interval():
    arrays = sets(6, sizes=(10, 10, 8, 8))
    intervals = [weat_interval(*arrays, level=level) for level in (0.5, 0.9, 0.99)]
    widths = [interval.high - interval.low for interval in intervals]
    assert widths == sorted(widths)


@pytest.mark.parametrize(
    ("n_x", "n_y", "g"), [(8, 8, 0.0), (8, 8, 1.2), (6, 9, 2.0), (25, 20, -0.5)]
)
def test_the_analytic_interval_covers_at_its_level(n_x, n_y, g):
    rng = np.random.default_rng([n_x, n_y])
    truth = d_from_g(g, n_x, n_y)
    runs, hits = 400, 0
    for _ in range(runs):
        x, y = rng.normal(size=n_x) + g, rng.normal(size=n_y)
        interval = analytic_interval(float(effect(x, y)), n_x, n_y)
        hits += interval.low <= truth <= interval.high
    assert abs(hits / runs - 0.95) < 3.5 * math.sqrt(0.95 * 0.05 / runs)


def test_the_analytic_interval_inverts_the_noncentral_t():
    interval = analytic_interval(1.0, 9, 7, level=0.9)
    n = 16
    g = 1.0 * math.sqrt((n - 2) / (n - 1 - 63 / n))
    t = g * math.sqrt(63 / n)
    for end, share in ((interval.low, 0.95), (interval.high, 0.05)):
        of_g = end * math.sqrt((n - 2) / (n - 1 - 63 / n * end**2))
        assert stats.nct.cdf(t, n - 2, of_g * math.sqrt(63 / n)) == pytest.approx(share, abs=1e-8)


def test_the_analytic_interval_respects_the_bound_and_mirrors():
    bound = math.sqrt(16 * 15 / 64)
    for d in (-1.9, -0.3, 0.0, 1.2, 1.93):
        interval = analytic_interval(d, 8, 8)
        mirrored = analytic_interval(-d, 8, 8)
        assert -bound < interval.low < d < interval.high < bound
        assert interval.low == pytest.approx(-mirrored.high, abs=1e-9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: analytic_interval(math.nan, 8, 8), "undefined"),
        (lambda: analytic_interval(d_from_g(math.inf, 8, 8), 8, 8), "at its bound"),
        (lambda: analytic_interval(1.0, 1, 1), "leave nothing to estimate"),
        (lambda: analytic_interval(1.0, 8, 8, level=95), "level=95"),
        (lambda: weat_interval(*sets(), level=0), "level=0"),
        (lambda: weat_interval(*sets(), of="d"), "of='d' does not exist"),
        (lambda: weat_interval(*sets(), resample="words"), "resample='words'"),
        (lambda: weat_interval(*sets(), method="bootstrap"), "method='bootstrap'"),
        (lambda: weat_interval(*sets(), n_resamples=10), "at least 100"),
        (lambda: weat_interval(*sets(), rng="seed"), "rng='seed'"),
        (lambda: weat_interval(*sets(), rng=-1), "rng=-1"),
        (lambda: weat_interval(*sets(), ddof=3), "ddof=3"),
        (lambda: weat_interval(*sets(), x_groups=[1]), "x_groups has 1 entries for 25 rows"),
        (lambda: weat_interval(*sets(sizes=(1, 9, 3, 3))), "x has one word"),
        (lambda: bootstrap_interval(0.5, np.r_[[math.nan] * 5, np.ones(150)]), "too few distinct"),
        (lambda: bootstrap_interval(math.nan, np.ones(200)), "undefined on the data"),
    ],
)
def test_what_has_no_interval_is_said(call, message):
    with pytest.raises(InputError, match=message):
        call()
