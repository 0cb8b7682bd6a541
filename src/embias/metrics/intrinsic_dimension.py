"""Intrinsic dimension: of how many directions a neighbourhood really makes use."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from embias.errors import InputError
from embias.metrics._neighbours import nearest_points
from embias.metrics._points import Length, points_of
from embias.metrics.card import EdgeCases, MetricCard, RoleVectors
from embias.results import Interval, Measure
from embias.stats.bootstrap import check_level
from embias.stats.inputs import check_choice
from embias.types import FloatArray

__all__ = ["DimensionMethod", "intrinsic_dimension"]

DimensionMethod: TypeAlias = Literal["twonn", "mle"]
Average: TypeAlias = Literal["inverse", "mean"]

#: Points below which no figure is given.
_FEWEST = 10


def _run(roles: RoleVectors) -> Measure:
    found = intrinsic_dimension(roles.all_words(), level=roles.level)
    figures = dict(found.figures)
    if found.interval is not None:
        # It is the interval of the likelihood estimate, and would stand beside the value.
        figures |= {"likelihood_low": found.interval.low, "likelihood_high": found.interval.high}
    return replace(found, interval=None, counts={"words": found.counts["rows"]}, figures=figures)


CARD = MetricCard(
    name="intrinsic_dimension",
    measures=(
        "On how many dimensions the vectors really lie, judged from distances to nearest "
        "neighbours: a description of the space, before and after a change. Not a bias. In an "
        "audit the vectors are those of all words of the test, each once, ten at least."
    ),
    formula=(
        "twonn: slope through 0 of -log(1 - F(mu)) on log(mu), mu = r2 / r1; mle: inverse of the "
        "mean over points of mean_{j<k} log(r_k / r_j), averaged over k = 10..20"
    ),
    value_range="(0, inf)",
    no_bias="none",
    direction="larger: more dimensions are used locally",
    pvalue="none; for twonn the interval of the maximum likelihood estimate from the same ratios",
    caveats=(
        "Both estimators read too low in high dimension (already at 20 with thousands of points) "
        "and depend on the scale that the sample size sets: compare only at equal n. Noise and "
        "duplicates change the smallest distances, on which twonn rests."
    ),
    edge_cases=EdgeCases(
        missing=(
            "an audit drops and counts them; on arrays the caller leaves them out, and a row of "
            "NaN is refused"
        ),
        unequal="there is one set, in an audit all words",
        one_word="fewer than ten distinct rows are refused",
        duplicates="rows that coincide are merged",
        two_sets="there is one set; in an audit a word of two sets is in it once",
    ),
    paper=(
        "Facco, d'Errico, Rodriguez & Laio 2017, Scientific Reports 7:12140 (TwoNN); Levina & "
        "Bickel 2004, NeurIPS; MacKay & Ghahramani 2005 (mean of inverses)"
    ),
    conventions=(
        "scikit-dimension 0.5.0 gives the same TwoNN; its "
        "MLE averages estimates (average='mean' here) at one k. Points that coincide with "
        "another are merged first, on unit vectors or raw ones as vectors= says."
    ),
    run=_run,
    measured="none",
)


def intrinsic_dimension(
    vectors: ArrayLike,
    *,
    method: DimensionMethod = "twonn",
    discard: float = 0.1,
    k_range: tuple[int, int] = (10, 20),
    average: Average = "inverse",
    length: Length = "raw",
    level: float = 0.95,
) -> Measure:
    """Estimate the intrinsic dimension of a cloud of vectors.

    Parameters
    ----------
    vectors : array_like of shape (n, d)
        Rows with the same coordinates are merged; ten distinct ones at least, and more than
        the neighbours that are needed.
    method : {"twonn", "mle"}
        From the ratio of the second to the first distance (Facco 2017), or from k distances
        (Levina & Bickel 2004).
    discard : float
        TwoNN: share of the largest ratios that is left out of the fit, in [0, 1).
    k_range : tuple of int
        MLE: first and last number of neighbours, over which the estimate is averaged; from 3.
    average : {"inverse", "mean"}
        MLE: how points are averaged: the inverse of the mean of inverses (MacKay & Ghahramani,
        the maximum likelihood), or the mean as in Levina & Bickel, which reads higher.
    length : {"raw", "unit"}
        Vectors as they are, or at unit length (distances then follow cosines).
    level : float
        Confidence of the interval of TwoNN, in (0, 1).

    Returns
    -------
    Measure
        `value` above 0. ``figures["likelihood"]`` (TwoNN): the maximum likelihood estimate
        from all ratios, of which `interval` is the exact one for independent ratios (those of
        neighbours are not quite independent). ``scores["rows"]`` (MLE): the local dimension
        about each row, rows that coincide alike. NaN, with a note, where all ratios are 1.

    Raises
    ------
    InputError
        Too few distinct rows, options out of range.
    VectorError
        A non-finite row, and a zero row where ``length="unit"``.

    References
    ----------
    Facco et al. 2017, Scientific Reports 7:12140; Levina & Bickel 2004, NeurIPS 17.
    """
    check_choice("method", method, get_args(DimensionMethod))
    check_choice("average", average, get_args(Average))
    check_level(level)
    if not 0 <= discard < 1:
        raise InputError(f"discard={discard!r}; give a share from 0 up to below 1, such as 0.1")
    points = points_of(vectors, "vectors", length)
    distinct, place = np.unique(points, axis=0, return_inverse=True)
    first, last = _checked_range(k_range) if method == "mle" else (2, 2)
    if len(distinct) < max(_FEWEST, last + 1):
        raise InputError(
            f"vectors has {len(distinct)} distinct rows; {max(_FEWEST, last + 1)} at least are "
            "needed here"
        )
    distances = nearest_points(distinct, last)[1]
    base = Measure(
        metric="intrinsic_dimension",
        value=math.nan,
        no_bias=None,
        value_range=(0.0, None),
        counts={
            "rows": len(points),
            "distinct": len(distinct),
            "dimensions": points.shape[1],
        },
        settings={"method": method, "vectors": length},
    )
    if method == "twonn":
        return _twonn(base, distances, discard, level)
    return _mle(base, distances, place.ravel().astype(np.intp), _Range(first, last, average))


def _checked_range(k_range: tuple[int, int]) -> tuple[int, int]:
    whole = [isinstance(k, int | np.integer) and not isinstance(k, bool) for k in k_range]
    if len(whole) != 2 or not all(whole) or not 3 <= k_range[0] <= k_range[1]:
        raise InputError(
            f"k_range={k_range!r}; give the first and the last number of neighbours, such as "
            "(10, 20), from 3 on"
        )
    return int(k_range[0]), int(k_range[1])


def _twonn(base: Measure, distances: FloatArray, discard: float, level: float) -> Measure:
    logs = np.sort(np.log(distances[:, 1] / distances[:, 0]))
    n = logs.size
    total = float(logs.sum())
    base.settings["discard"] = float(discard)
    if total <= 0:
        return replace(base, note="All second neighbours are as near as the first: no dimension.")
    # The last point has F = 1, whose logarithm is infinite: it never enters the fit.
    kept = min(int(n * (1 - discard)), n - 1)
    x, y = logs[:kept], -np.log1p(-np.arange(1, kept + 1) / n)
    squares = float(x @ x)
    # The ratios follow a Pareto law: their logarithms are exponential with rate d.
    low, high = (float(stats.gamma.ppf(p, n)) / total for p in ((1 - level) / 2, (1 + level) / 2))
    return replace(
        base,
        value=float(x @ y) / squares if squares > 0 else math.nan,
        interval=Interval(low, high, level, "likelihood of the ratios"),
        counts={**base.counts, "fitted": kept},
        figures={"likelihood": (n - 1) / total},
        note="" if squares > 0 else "The ratios that are kept are all 1: no dimension.",
    )


@dataclass(frozen=True)
class _Range:
    first: int
    last: int
    average: Average


def _mle(base: Measure, distances: FloatArray, place: NDArray[np.intp], over: _Range) -> Measure:
    logs = np.log(distances)
    ks = np.arange(over.first, over.last + 1)
    # Mean over j < k of log(r_k / r_j), the inverse of the local estimate, shape (n, ks).
    inverses = logs[:, ks - 1] - np.cumsum(logs, axis=1)[:, ks - 2] / (ks - 1)
    # What is left of equal distances is rounding.
    inverses = np.where(inverses > 1e-12, inverses, 0.0)
    base.settings.update({"k_range": [over.first, over.last], "average": over.average})
    with np.errstate(divide="ignore"):
        local = 1 / inverses.mean(axis=1)
        by_k = 1 / inverses.mean(axis=0)
        if over.average == "mean":
            by_k = (1 / inverses).mean(axis=0)
    value = float(by_k.mean())
    defined = math.isfinite(value)
    return replace(
        base,
        value=value if defined else math.nan,
        figures={"local_median": float(np.median(local)) if defined else math.nan},
        scores={"rows": tuple(np.where(np.isfinite(local), local, np.nan)[place].tolist())},
        note="" if defined else "Some point has all neighbours at one distance: no dimension.",
    )
