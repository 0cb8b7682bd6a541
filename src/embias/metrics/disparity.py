"""Gaps of performance between groups and intersections of groups (FACET)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embias.metrics._compared_groups import Compared, Measured, Resampled
from embias.metrics._group_statistics import OwnMeasure, Sums, gap_test
from embias.metrics._groups import as_columns, crossings
from embias.metrics._performance import PerformanceName
from embias.metrics._progress import progress_bar
from embias.metrics.card import EdgeCases, MetricCard
from embias.results import Measure
from embias.stats.bootstrap import check_level
from embias.stats.inputs import as_generator, check_rng, check_size
from embias.stats.multiplicity import adjust

__all__ = ["disparity"]


def disparity(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    groups: Any,
    *,
    metric: PerformanceName | OwnMeasure = "accuracy",
    positive: Any = None,
    threshold: float | None = None,
    min_size: int = 10,
    higher_is_better: bool | None = None,
    n_resamples: int | None = None,
    level: float = 0.95,
    rng: int | np.random.Generator | None = None,
    progress: bool = False,
) -> Measure:
    """Compare the performance of a classifier, or a probe, between groups of items.

    Parameters
    ----------
    y_true : array_like of shape (n,)
        True labels (numbers, for the errors).
    y_pred : array_like of shape (n,)
        Predicted labels; scores with `threshold` or a callable; numbers for the errors.
    groups : array_like of shape (n,), or mapping or data frame of such columns
        The group of each item. With several columns (up to five) the groups that are compared
        are their intersections, and the gap of every smaller crossing stands beside.
    metric : str or callable
        "accuracy", "recall", "precision", "f1", "false_positive_rate", "selection_rate" (the
        share predicted positive), "mean_error" (prediction less truth), "mean_absolute_error";
        or ``f(y_true, y_pred) -> float``, called on the items of a group.
    positive : label, optional
        The class that recall, precision, f1 and the two rates are of. Without it recall,
        precision and f1 are the mean over the true classes, with the gap of each class beside.
    threshold : float, optional
        `y_pred` are scores; those from here on predict `positive`.
    min_size : int
        Groups with fewer items that count (those of the class, for recall) are listed and not
        compared.
    higher_is_better : bool, optional
        Which end is the worst group; known for the names, save "selection_rate" and
        "mean_error", which have no worse end. True by default for a callable.
    n_resamples : int, optional
        Draws of intervals and p-values; by default 9,999, fewer for many items, and 999 for a
        callable.
    level : float
        Confidence of all intervals, in (0, 1).
    rng : int, Generator or None
        Seed of the draws.
    progress : bool
        Show a progress bar of the calls of a callable `metric`, which is what may take long.

    Returns
    -------
    Measure
        `value`: the gap, largest less smallest measure of the compared groups, at least 0; 0 is
        no disparity. NaN where fewer than two groups can be compared. `interval`: bootstrap of
        the items within groups. p: items exchanged between groups (within the true class for
        recall, within the predicted class for precision); exact for a rate of two groups.
        ``figures``: ``ratio``, smallest by largest (NaN for signed errors and callables that go
        below 0); ``lowest``, ``highest``, ``worst``; ``all``, the measure of all items;
        ``null_mean``, the gap that exchanged items have on average; ``gap of ...`` and
        ``ratio of ...`` each smaller crossing, ``gap in class ...``.
        ``settings["groups"]`` names the groups of ``scores["values"]``, ``scores["low"]``,
        ``scores["high"]`` (Wilson for shares, bootstrap otherwise) and ``scores["sizes"]``;
        ``settings["pairs"]`` those of ``scores["pair_differences"]`` (first less second),
        ``scores["pair_pvalues"]`` and ``scores["pair_adjusted"]`` (Holm). ``settings`` also names
        the lowest, highest and worst group, and those not compared.

    Raises
    ------
    InputError
        Arrays of different lengths, missing labels, one group only, an option that does not
        exist.

    Notes
    -----
    The order of the items changes nothing but draws; names of groups nothing at all. An item
    given twice counts twice.

    References
    ----------
    Gustafson et al. 2023, ICCV (FACET: difference of recall between groups and intersections).
    """
    check_level(level)
    check_rng(rng)
    check_size("min_size", min_size)
    calls = _Calls(metric) if progress and callable(metric) else None
    measured = Measured.of(y_true, y_pred, calls or metric, positive, threshold)
    better = measured.higher_is_better if higher_is_better is None else higher_is_better
    groupings = crossings(as_columns(groups, measured.n))
    compared = [Compared.of(measured, grouping, min_size) for grouping in groupings]
    finest = compared[-1]
    draws = measured.draws if n_resamples is None else n_resamples
    check_size("n_resamples", draws, 100)
    generator, seed = as_generator(rng)
    settings = {
        "metric": measured.name,
        "positive": None if positive is None else str(positive),
        "threshold": threshold,
        "min_size": min_size,
        "seed": seed,
        **finest.described(better),
    }
    figures = _figures(measured, compared, better)
    if finest.values.size < 2:
        return _undefined(measured, finest, figures, settings)
    with progress_bar(
        _n_calls(finest.values.size, draws), "resampling", "call", bool(calls)
    ) as bar:
        if calls:
            calls.bar = bar
        resampled = Resampled.of(finest, draws, level, generator)
        test = gap_test(finest.statistic, draws, generator)
        pairs = _pairs(finest, draws, generator)
    figures["null_mean"] = test.null_mean
    settings["pairs"] = pairs.names
    return Measure(
        metric="disparity",
        value=finest.gap,
        no_bias=0.0,
        value_range=measured.gap_range,
        pvalue=test.pvalue,
        pvalue_bounds=test.bounds,
        pvalue_method=test.method,
        alternative="greater",
        null="items exchanged between the groups",
        n_resamples=test.n_resamples,
        interval=resampled.gap,
        counts=finest.counts,
        figures=figures,
        scores={
            "values": tuple(finest.values.tolist()),
            "low": tuple(each.low for each in resampled.groups),
            "high": tuple(each.high for each in resampled.groups),
            "sizes": tuple(float(size) for size in finest.statistic.sizes),
            "pair_differences": tuple(pairs.differences),
            "pair_pvalues": tuple(pairs.pvalues),
            "pair_adjusted": tuple(adjust(pairs.pvalues, "holm").tolist()),
        },
        settings=settings,
        note=" ".join(filter(None, (finest.note, resampled.note))),
    )


class _Calls:
    """The caller's measure, moving a bar with each call."""

    def __init__(self, measure: OwnMeasure) -> None:
        self.measure = measure
        self.bar: Any = None
        self.__name__ = str(getattr(measure, "__name__", type(measure).__name__))

    def __call__(self, y_true: NDArray[Any], y_pred: NDArray[Any]) -> float:
        if self.bar is not None:
            self.bar.update()
        return self.measure(y_true, y_pred)


def _n_calls(groups: int, draws: int) -> int:
    """Return how often a callable is called: each group resampled; all, and pairs, relabelled."""
    pairs = math.comb(groups, 2)
    return draws * groups + (draws + 1) * (groups + 2 * pairs)


def _figures(
    measured: Measured, compared: Sequence[Compared], higher_is_better: bool | None
) -> dict[str, float]:
    finest = compared[-1]
    ends = (math.nan, math.nan)
    if finest.values.size:
        ends = float(finest.values.min()), float(finest.values.max())
    whole = measured.group(np.zeros(measured.n, dtype=np.intp), 1)
    figures = {
        "ratio": finest.ratio,
        "lowest": ends[0],
        "highest": ends[1],
        "all": float(whole.values[0]),
    }
    if higher_is_better is not None:
        figures["worst"] = ends[0] if higher_is_better else ends[1]
    for each in compared[:-1]:
        figures[f"gap of {each.grouping.name}"] = each.gap
        figures[f"ratio of {each.grouping.name}"] = each.ratio
    if measured.parts and isinstance(finest.statistic, Sums) and finest.values.size >= 2:
        gaps = np.ptp(finest.statistic.by_part(), axis=0)
        figures |= {
            f"gap in class {part}": float(gap)
            for part, gap in zip(measured.parts, gaps, strict=True)
        }
    return figures


def _undefined(
    measured: Measured, finest: Compared, figures: dict[str, float], settings: dict[str, Any]
) -> Measure:
    return Measure(
        metric="disparity",
        value=math.nan,
        no_bias=0.0,
        value_range=measured.gap_range,
        counts=finest.counts,
        figures=figures,
        scores={"values": tuple(finest.values.tolist())},
        settings=settings,
        note=f"Fewer than two groups can be compared. {finest.note}",
    )


@dataclass(frozen=True)
class _Pairs:
    names: list[list[str]]
    differences: list[float]
    pvalues: list[float]


def _pairs(compared: Compared, draws: int, generator: np.random.Generator) -> _Pairs:
    found = _Pairs([], [], [])
    for first, second in itertools.combinations(range(compared.values.size), 2):
        test = gap_test(compared.statistic.of(np.array([first, second])), draws, generator)
        found.names.append([compared.names[first], compared.names[second]])
        found.differences.append(float(compared.values[first] - compared.values[second]))
        found.pvalues.append(test.pvalue)
    return found


CARD = MetricCard(
    name="disparity",
    measures=(
        "How far the performance of a classifier or probe (accuracy, recall of a class, errors) "
        "differs between groups of items and between intersections of groups."
    ),
    formula="max over groups of m(g) - min over groups of m(g); each pair m(g) - m(h); min / max",
    value_range="[0, 1] for shares; [0, inf) for errors",
    no_bias="0; but chance alone gives null_mean, more with more and smaller groups",
    direction="larger: less alike; the worst group is named",
    pvalue=(
        "items exchanged between groups (within the true class for recall): exact for a share "
        "of two groups, else sampled; Holm over the pairs"
    ),
    caveats=(
        "The gap is never below 0, so its interval holds 0 hardly ever: read p and null_mean. "
        "Groups under the minimum size are listed and not compared: they may be the worst. Equal "
        "accuracy may hide unequal recall. Items of one person are not independent."
    ),
    edge_cases=EdgeCases(
        missing="items without a label or a group are refused: leave them out",
        unequal="groups of any size; those under min_size are listed and not compared",
        one_word="one group to compare gives NaN, with a note; one group at all is refused",
        duplicates="an item given twice counts twice",
        two_sets="an item has one group in each column",
    ),
    paper="Gustafson et al. 2023, ICCV (FACET)",
    conventions=(
        "FACET reports differences of recall for each class and pair of groups: here "
        "metric='recall', positive=class, pair_differences. fairlearn's MetricFrame.difference() "
        "and .ratio() are the gap and the ratio of the same groups."
    ),
    takes="vectors",
    needs="true and predicted labels of items, and the group of each",
    measured="none",
)
