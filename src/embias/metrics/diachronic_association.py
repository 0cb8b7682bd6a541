"""Association over time: whether words move towards one of two attribute sets."""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embias.errors import InputError
from embias.metrics._slices import Slices, checked_times, stacked_units
from embias.metrics.card import EdgeCases, MetricCard
from embias.results import Alternative, Interval, Measure
from embias.stats import clopper_pearson
from embias.stats.bootstrap import bootstrap_interval, bootstrap_replicates, check_level
from embias.stats.inputs import check_choice, check_size, seed_of
from embias.types import FloatArray

__all__ = ["TrendTest", "diachronic_association"]

TrendTest: TypeAlias = Literal["slope", "mann-kendall"]

#: Slices up to which all orders are counted: 8! = 40,320.
_MOST_EXACT = 8
#: Associations that differ by less are the same.
_TIED = 1e-13

CARD = MetricCard(
    name="diachronic_association",
    measures=(
        "Whether words (or the difference of two sets of words) come closer to one of two "
        "attribute sets over time: bias as a trend."
    ),
    formula=(
        "in each slice s(w) = mean_a cos(w, a) - mean_b cos(w, b); S = mean_X s, or mean_X s - "
        "mean_Y s where Y is given (WEAT's D); slope of S on time by least squares"
    ),
    value_range="(-inf, inf), association per unit of time",
    no_bias="slope 0: no change (a constant bias is no trend: see the figures of the slices)",
    direction="positive: X moves towards A (away from B)",
    pvalue=(
        "slices in another order (all of them up to 8 slices, else sampled), two-sided unless "
        "asked otherwise; for the slope, or for Mann-Kendall's S by name"
    ),
    caveats=(
        "With t slices no p is below 2 / t!: three slices show nothing. Slices must be "
        "exchangeable without a trend, which smoothed or incrementally trained vectors are not. "
        "The interval over words says nothing of other slices."
    ),
    edge_cases=EdgeCases(
        missing=(
            "a row of NaN is a word that a slice does not have: it is left out of all slices, and "
            "counted"
        ),
        unequal="sets of any sizes, with as many slices each",
        one_word="one is enough, in every set, without an interval",
        duplicates="a word given twice counts twice",
        two_sets="it counts in both; as target and attribute it has a cosine of 1 with itself",
    ),
    paper=(
        "Garg, Schiebinger, Jurafsky & Zou 2018, PNAS 115:E3635-E3644; Mann 1945, Econometrica "
        "13:245-259; Kendall 1975"
    ),
    conventions=(
        "Garg et al. use the relative norm distance in each decade; here it is s(w; A, B), "
        "which needs no alignment of slices. pymannkendall's p is the normal approximation "
        "with its continuity correction."
    ),
    takes="vectors",
    needs="the vectors of a test's words in several time slices",
)


def diachronic_association(
    x: Slices,
    a: Slices,
    b: Slices,
    *,
    y: Slices | None = None,
    times: ArrayLike | None = None,
    trend_test: TrendTest = "slope",
    alternative: Alternative = "two-sided",
    level: float = 0.95,
    n_resamples: int = 4_999,
    rng: int | np.random.Generator | None = 0,
) -> Measure:
    """Follow the association of words with two attribute sets over time slices.

    Cosines are taken within a slice, so slices need not be aligned.

    Parameters
    ----------
    x : sequence of array_like of shape (n_x, d)
        Target words in each slice, in the order of time; the same words in the same rows, a
        row of NaN for a word that a slice does not have.
    a, b : sequence of array_like of shape (n_a, d), (n_b, d)
        Attribute words in the same slices.
    y : sequence of array_like of shape (n_y, d), optional
        A second set of targets; the association is then WEAT's D.
    times : array_like of shape (t,), optional
        Time of each slice, increasing; 0, 1, 2, ... by default.
    trend_test : {"slope", "mann-kendall"}
        Which statistic the orders of the slices are compared by. Mann-Kendall sees any
        monotone trend, and only the order of the times.
    alternative : {"two-sided", "greater", "less"}
        ``greater``: X moves towards A.
    level : float
        Confidence of the interval, in (0, 1).
    n_resamples : int
        Bootstrap samples of target words (BCa), and orders drawn beyond 8 slices.
    rng : int, Generator or None
        Seed.

    Returns
    -------
    Measure
        `value`: slope of the association per unit of time, 0 is no trend. Only words that all
        slices have count, in every set; ``counts["missing"]`` says how many do not. Figures:
        ``slice:I`` (association in slice I), ``change`` (last less first), ``tau`` (Kendall's
        tau-a of the associations with time). ``scores["words"]``: the slope of each word of X
        then Y, NaN for one that is missing. No interval where a set has one word; no p-value
        with two slices. NaN, with a note, where a set has no word in all slices.

    Raises
    ------
    InputError
        Fewer than two slices, sets of different numbers of slices or dimensions, times that do
        not increase, options out of range.
    VectorError
        A zero or partly non-finite row.

    References
    ----------
    Garg et al. 2018, PNAS 115:E3635-E3644; Mann 1945, Econometrica 13:245-259.
    """
    check_choice("trend_test", trend_test, get_args(TrendTest))
    check_choice("alternative", alternative, get_args(Alternative))
    check_level(level)
    check_size("n_resamples", n_resamples, at_least=100)
    given = {"x": x, "a": a, "b": b} if y is None else {"x": x, "a": a, "b": b, "y": y}
    sets = {name: stacked_units(slices, name) for name, slices in given.items()}
    _check_shapes(sets)
    n_slices = len(sets["x"])
    when = checked_times(times, n_slices)
    seed = seed_of(rng)
    kept: dict[str, NDArray[np.bool_]] = {
        name: np.asarray(~np.isnan(units[:, :, 0]).any(axis=0)) for name, units in sets.items()
    }
    missing = sum(int((~rows).sum()) for rows in kept.values())
    base = Measure(
        metric="diachronic_association",
        value=math.nan,
        no_bias=0.0,
        value_range=(None, None),
        counts={
            "slices": n_slices,
            **{name: int(rows.sum()) for name, rows in kept.items()},
            "missing": missing,
        },
        settings={"trend_test": trend_test, "times": when.tolist(), "seed": seed},
        note=f"{missing} word(s) are not in every slice and were left out." if missing else "",
    )
    if not all(rows.any() for rows in kept.values()):
        return replace(base, note=f"{base.note} A set has no word in every slice.".strip())
    words = [_scores(sets, kept, name) for name in ("x", "y") if name in sets]
    return _measured(base, words, kept, when, _Options(trend_test, alternative, level, n_resamples))


@dataclass(frozen=True)
class _Options:
    trend_test: TrendTest
    alternative: Alternative
    level: float
    n_resamples: int


def _check_shapes(sets: dict[str, FloatArray]) -> None:
    shapes = {name: (units.shape[0], units.shape[2]) for name, units in sets.items()}
    if len(set(shapes.values())) > 1:
        listed = ", ".join(f"{name}: {t} of {d}" for name, (t, d) in shapes.items())
        raise InputError(
            f"sets differ in slices or dimensions ({listed}); all sets must come from the same "
            "slices"
        )


def _scores(
    sets: dict[str, FloatArray], kept: dict[str, NDArray[np.bool_]], name: str
) -> FloatArray:
    """Return s(w; A, B) of the kept words of a set in each slice, shape (t, n)."""
    direction = sets["a"][:, kept["a"]].mean(axis=1) - sets["b"][:, kept["b"]].mean(axis=1)
    found: FloatArray = np.einsum("tnd,td->tn", sets[name][:, kept[name]], direction)
    return found


def _measured(
    base: Measure,
    words: list[FloatArray],
    kept: dict[str, NDArray[np.bool_]],
    when: FloatArray,
    options: _Options,
) -> Measure:
    # A slope is linear in the scores: that of a mean is the mean of the slopes.
    centred = when - when.mean()
    weights = centred / float(centred @ centred)
    slopes = [weights @ scores for scores in words]
    series = words[0].mean(axis=1)
    if len(words) == 2:
        series = series - words[1].mean(axis=1)
    seed = int(base.settings["seed"])
    pvalue, bounds, method = _trend_pvalue(series, when, options, seed)
    of_words = []
    for name, found in zip(("x", "y"), slopes, strict=False):
        each = np.full(kept[name].size, math.nan)
        each[kept[name]] = found
        of_words.extend(each.tolist())
    figures = {f"slice:{i}": float(value) for i, value in enumerate(series)}
    n = series.size
    figures["change"] = float(series[-1] - series[0])
    figures["tau"] = float(_concordance(series[None])[0]) / (n * (n - 1) / 2)
    return replace(
        base,
        value=float(weights @ series),
        pvalue=pvalue,
        pvalue_bounds=bounds,
        pvalue_method=method,
        alternative=None if pvalue is None else options.alternative,
        null="" if pvalue is None else "slices in another order",
        n_resamples=options.n_resamples if method == "sampled" else None,
        interval=_interval(slopes, options, seed),
        figures=figures,
        scores={"words": tuple(of_words)},
    )


def _concordance(series: FloatArray) -> NDArray[np.int64]:
    """Return Mann-Kendall's S of each row: pairs that rise less pairs that fall."""
    total = np.zeros(len(series), dtype=np.int64)
    for lag in range(1, series.shape[1]):
        steps = series[:, lag:] - series[:, :-lag]
        total += (steps > _TIED).sum(axis=1) - (steps < -_TIED).sum(axis=1)
    return total


def _trend_pvalue(
    series: FloatArray, when: FloatArray, options: _Options, seed: int
) -> tuple[float | None, tuple[float, float] | None, Literal["exact", "sampled"] | None]:
    n = series.size
    if n < 3:
        return None, None, None
    centred = when - when.mean()

    def statistic(rows: FloatArray) -> FloatArray:
        if options.trend_test == "mann-kendall":
            return _concordance(rows).astype(np.float64)
        found: FloatArray = rows @ centred
        return found

    observed = float(statistic(series[None])[0])
    slack = _TIED * max(1.0, float(np.abs(centred).sum()))
    hits = sum(
        _hits(statistic(series[orders]), observed, slack, options.alternative)
        for orders in _orders(n, options.n_resamples, seed)
    )
    if n <= _MOST_EXACT:
        share = hits / math.factorial(n)
        return share, (share, share), "exact"
    pvalue = (hits + 1) / (options.n_resamples + 1)
    low, high = clopper_pearson(hits, options.n_resamples)
    return pvalue, (max(min(low, pvalue), sys.float_info.min), max(high, pvalue)), "sampled"


def _orders(n: int, draws: int, seed: int) -> Iterator[NDArray[np.integer[Any]]]:
    if n <= _MOST_EXACT:
        yield np.array(list(itertools.permutations(range(n))), dtype=np.int8)
        return
    generator = np.random.default_rng([seed, 1])
    step = max(1, 2**20 // n)
    for start in range(0, draws, step):
        shape = (min(step, draws - start), n)
        yield generator.permuted(np.broadcast_to(np.arange(n), shape), axis=1)


def _hits(drawn: FloatArray, observed: float, slack: float, alternative: Alternative) -> int:
    if alternative == "greater":
        return int(np.count_nonzero(drawn >= observed - slack))
    if alternative == "less":
        return int(np.count_nonzero(drawn <= observed + slack))
    return int(np.count_nonzero(np.abs(drawn) >= abs(observed) - slack))


def _interval(slopes: list[FloatArray], options: _Options, seed: int) -> Interval | None:
    """Return the BCa interval of the mean slope, or of its difference, over target words."""
    if min(each.size for each in slopes) < 2 or max(np.ptp(each) for each in slopes) <= _TIED:
        return None
    signs = (1.0, -1.0)

    def draw(generator: np.random.Generator, size: int) -> FloatArray:
        total = np.zeros(size)
        for sign, each in zip(signs, slopes, strict=False):
            # In steps: all samples of many words at once would take too much memory.
            for start in range(0, size, 100):
                part = slice(start, min(start + 100, size))
                drawn = generator.integers(each.size, size=(part.stop - start, each.size))
                total[part] += sign * each[drawn].mean(axis=1)
        return total

    observed = float(sum(s * each.mean() for s, each in zip(signs, slopes, strict=False)))
    jackknife = []
    for sign, each in zip(signs, slopes, strict=False):
        rest = observed - sign * each.mean()
        jackknife.append(rest + sign * (each.sum() - each) / (each.size - 1))
    replicates = bootstrap_replicates(draw, options.n_resamples, seed)
    return bootstrap_interval(observed, replicates, level=options.level, jackknife=jackknife)
