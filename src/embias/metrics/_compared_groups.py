"""What is compared between groups: the measure, the groups, their intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from embias.errors import InputError
from embias.metrics._group_statistics import Called, GroupStatistic, OwnMeasure, Sums
from embias.metrics._groups import Grouping
from embias.metrics._labelled import Codes, labels_to_array
from embias.metrics._performance import PerformanceName, contributions
from embias.results import Interval
from embias.stats.bootstrap import bootstrap_interval, bootstrap_replicates
from embias.stats.proportion import wilson_interval
from embias.types import FloatArray

__all__ = ["Compared", "Measured", "Resampled"]


@dataclass(frozen=True)
class Measured:
    """What is measured, on items that are not grouped yet."""

    name: str
    n: int
    higher_is_better: bool | None
    gap_range: tuple[float | None, float | None]
    signed: bool
    parts: list[str]
    draws: int
    group: Any

    @classmethod
    def of(
        cls,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        metric: PerformanceName | OwnMeasure,
        positive: Any,
        threshold: float | None,
    ) -> Measured:
        if callable(metric):
            if positive is not None or threshold is not None:
                raise InputError("a callable metric takes no positive= or threshold=")
            true, predicted = labels_to_array(y_true, "y_true"), np.asarray(y_pred)
            if predicted.shape[:1] != true.shape:
                raise InputError(
                    f"y_true has {true.size} entries and y_pred the shape {predicted.shape}; "
                    "give one prediction for each"
                )
            measure = metric

            def called(codes: Codes, n_groups: int) -> GroupStatistic:
                return Called(measure, true, predicted, codes, n_groups)

            name = str(getattr(metric, "__name__", type(metric).__name__))
            return cls(name, true.size, True, (0.0, None), True, [], 999, called)
        found = contributions(y_true, y_pred, metric, positive, threshold)

        def summed(codes: Codes, n_groups: int) -> GroupStatistic:
            return Sums.from_items(found, codes, n_groups)

        low, high = found.value_range
        n = len(found.above)
        # Items of few kinds are counted, whatever their number.
        few = len(np.unique(np.column_stack([found.above, found.below]), axis=0)) < 100
        return cls(
            name=metric,
            n=n,
            higher_is_better=found.higher_is_better,
            gap_range=(0.0, high),
            signed=low is None,
            parts=found.parts,
            draws=9_999 if few else min(9_999, max(999, 10_000_000 // n)),
            group=summed,
        )


@dataclass(frozen=True)
class Compared:
    """The groups of one grouping that are large enough, and those that are not."""

    grouping: Grouping
    statistic: GroupStatistic
    values: FloatArray
    names: list[str]
    left_out: list[str]
    signed: bool

    @classmethod
    def of(cls, measured: Measured, grouping: Grouping, min_size: int) -> Compared:
        whole: GroupStatistic = measured.group(grouping.codes, len(grouping.groups))
        sizes = whole.sizes
        values = whole.values
        kept = (sizes >= min_size) & np.isfinite(values)
        left_out = [
            f"{grouping.groups[g]} ({sizes[g]}{'' if sizes[g] < min_size else ', undefined'})"
            for g in np.flatnonzero(~kept)
        ]
        names = [grouping.groups[g] for g in np.flatnonzero(kept)]
        statistic = whole.of(np.flatnonzero(kept))
        return cls(grouping, statistic, values[kept], names, left_out, measured.signed)

    @property
    def gap(self) -> float:
        return float(np.ptp(self.values)) if self.values.size >= 2 else math.nan

    @property
    def ratio(self) -> float:
        if self.values.size < 2 or (self.signed and self.values.min() < 0):
            return math.nan
        highest = float(self.values.max())
        return float(self.values.min()) / highest if highest > 0 else math.nan

    @property
    def counts(self) -> dict[str, int]:
        return {
            "items": int(self.statistic.sizes.sum()),
            "groups": self.values.size,
            "groups not compared": len(self.left_out),
        }

    @property
    def note(self) -> str:
        if not self.left_out:
            return ""
        return f"Not compared (items that count): {'; '.join(self.left_out)}."

    def described(self, higher_is_better: bool | None) -> dict[str, Any]:
        ends = {"lowest": np.argmin, "highest": np.argmax}
        named = {end: self.names[int(at(self.values))] for end, at in ends.items() if self.names}
        if self.names and higher_is_better is not None:
            named["worst"] = named["lowest" if higher_is_better else "highest"]
        return {
            "grouping": self.grouping.name,
            "groups": list(self.names),
            "not_compared": list(self.left_out),
            **named,
        }


@dataclass(frozen=True)
class Resampled:
    """Intervals of the gap and of each group."""

    gap: Interval | None
    groups: list[Interval]
    note: str

    @classmethod
    def of(
        cls, compared: Compared, draws: int, level: float, generator: np.random.Generator
    ) -> Resampled:
        statistic, values = compared.statistic, compared.values
        replicates = np.stack(
            [
                bootstrap_replicates(_drawer(statistic, group), draws, generator)
                for group in range(values.size)
            ],
            axis=1,
        )
        left_out = [statistic.left_out(group) for group in range(values.size)]
        notes = []
        gap: Interval | None = None
        jackknife = [_gaps_without(values, g, each) for g, each in enumerate(left_out)]
        try:
            gap = _interval(compared.gap, np.ptp(replicates, axis=1), jackknife, level)
        except InputError as error:
            notes.append(f"No interval of the gap: {error}.")
        groups = []
        for group, value in enumerate(values):
            if isinstance(statistic, Sums) and statistic.rate:
                hits, size = int(statistic.hits[group]), int(statistic.sizes[group])
                groups.append(wilson_interval(hits, size, level))
                continue
            try:
                found = _interval(float(value), replicates[:, group], [left_out[group]], level)
            except InputError:
                found = Interval(math.nan, math.nan, level, "none")
                notes.append(f"No interval of {compared.names[group]}: too few distinct items.")
            groups.append(found)
        return cls(gap, groups, " ".join(notes))


def _drawer(statistic: GroupStatistic, group: int) -> Any:
    def draw(generator: np.random.Generator, size: int) -> FloatArray:
        return statistic.resampled(group, generator, size)

    return draw


def _gaps_without(values: FloatArray, group: int, left_out: FloatArray) -> FloatArray:
    """Return the gap with each item of one group left out."""
    others = np.delete(values, group)
    gaps: FloatArray = np.maximum(others.max(), left_out) - np.minimum(others.min(), left_out)
    return gaps


def _interval(
    observed: float, replicates: FloatArray, jackknife: Sequence[FloatArray], level: float
) -> Interval:
    usable = all(each.size and np.isfinite(each).all() for each in jackknife)
    return bootstrap_interval(
        observed,
        replicates,
        level=level,
        method="bca" if usable else "percentile",
        jackknife=jackknife if usable else (),
    )
