"""The findings of several splits as one figure, and how it may be read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from embias.audit._card_finding import FIGURES, Data, Finding
from embias.results import CardFigure, Interval
from embias.stats import wilson_interval

__all__ = ["is_zero", "merged", "with_readings"]

#: A covariance that is this share of what it was is zero but for rounding.
_ZERO = 1e-8
#: A figure of retention that differs by less has not changed.
_SAME = 1e-6

_PROBES = ("linear_strong", "linear_weak", "rbf", "mlp", "knn")
_OF_INTERVAL = ("weat_statistic", "weat_effect_size", "neighbour_bias")

#: What may be left at the most, as a share of what was there, where a concept is "not found".
_LITTLE = 0.5

_UNDECIDED = (
    "Not told from chance, nor from half of what was there: too few words; give more of them."
)
_UNINFORMATIVE = "At chance before anything was removed: says nothing of the transform."
_NOT_ZERO = "Not zero: a linear predictor beats a constant on these rows."
_BELOW = (
    "Below chance: rows of one class lie nearest to rows of the other (words of one pair on both "
    "sides of a split do); that can be read too."
)
_GONE = {
    "linear": "No longer linearly predictable from these vectors on data like the fit data.",
    "rbf": "This probe does not find it any more; another one may.",
    "mlp": "This probe does not find it any more; another one may.",
    "knn": "Neighbours no longer tell the class.",
    "clusters": "Not told from clusters that pay the classes no heed.",
    "covariance": "Not told from what relabelled rows give.",
    "weat": "Not told from none with these words; few words show little.",
    "neighbour": "Not told from none with these words.",
}
_STILL = {
    "linear": "Still linearly predictable.",
    "rbf": "A non-linear probe still reads it.",
    "mlp": "A non-linear probe still reads it.",
    "knn": "Neighbours still tell the class.",
    "clusters": "Clusters still follow the classes.",
    "covariance": "Larger than relabelled rows give.",
}


def merged(findings: Sequence[Finding], level: float) -> list[CardFigure]:
    """Return one figure for each name and data, the mean over the splits, in the card's order."""
    groups: dict[tuple[str, Data], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.figure, finding.data), []).append(finding)
    places = list(FIGURES)
    ordered = sorted(groups.values(), key=lambda group: places.index(group[0].figure))
    return [_one(group, level) for group in ordered]


def _one(group: list[Finding], level: float) -> CardFigure:
    first = group[0]
    panel, title = FIGURES[first.figure]
    # Before and after must be means over the same splits.
    complete = [f for f in group if math.isfinite(f.before) and math.isfinite(f.after)]
    group = complete or group
    n = min(f.n for f in group)
    before, after = (_mean([getattr(f, when) for f in group]) for when in ("before", "after"))
    notes = list(dict.fromkeys(f.note for f in group if f.note))
    return CardFigure(
        figure=first.figure,
        title=title,
        panel=panel,
        data=first.data,
        before=before,
        after=after,
        before_interval=_interval(group, "before", before, n, level),
        after_interval=_interval(group, "after", after, n, level),
        before_sd=_spread([f.before for f in group]),
        after_sd=_spread([f.after for f in group]),
        reference=_mean([f.reference for f in group]),
        n=n,
        splits=len(group),
        note=notes[0] if notes else "",
    )


def _mean(values: list[float]) -> float | None:
    finite = [value for value in values if math.isfinite(value)]
    return math.fsum(finite) / len(finite) if finite else None


def _spread(values: list[float]) -> float | None:
    finite = [value for value in values if math.isfinite(value)]
    return float(np.std(finite, ddof=1)) if len(finite) > 1 else None


def _interval(
    group: list[Finding], when: str, mean: float | None, n: int, level: float
) -> Interval | None:
    """Return Wilson's interval for the words of one split, or the mean of the splits' ends."""
    if mean is None:
        return None
    if group[0].is_share:
        return wilson_interval(round(mean * n), n, level)
    ends: list[Interval | None] = [getattr(f, f"{when}_interval") for f in group]
    known = [each for each in ends if each is not None]
    if not known or len(known) < len(ends):
        return None
    low = math.fsum(each.low for each in known) / len(known)
    high = math.fsum(each.high for each in known) / len(known)
    over = f", mean of {len(known)} splits" if len(known) > 1 else ""
    return Interval(low, high, level, f"{known[0].method}{over}")


def with_readings(
    figures: Sequence[CardFigure], findings: Sequence[Finding], level: float
) -> list[CardFigure]:
    """Return the figures with what may be said of each."""
    guarded: set[str] = {
        figure.data
        for figure in figures
        if figure.figure == "covariance" and is_zero(figure) and figure.data != "fresh"
    }
    return [_read(figure, findings, level, guarded) for figure in figures]


def is_zero(figure: CardFigure) -> bool:
    """Whether a norm is zero but for rounding, and was not before."""
    before, after = figure.before, figure.after
    return before is not None and after is not None and after <= _ZERO * before


def _read(
    figure: CardFigure, findings: Sequence[Finding], level: float, guarded: set[str]
) -> CardFigure:
    if figure.before is None or figure.after is None:
        return replace(figure, reading="not measured")
    if figure.panel == "retention":
        same = abs(figure.after - figure.before) <= _SAME * max(1.0, abs(figure.before))
        return replace(figure, reading="unchanged" if same else "changed")
    of_fit = figure.figure.endswith("_same") or figure.figure == "covariance"
    if of_fit and figure.data in guarded:
        return _by_construction(figure)
    if figure.figure.endswith("_same"):
        return _same_data(figure)
    if figure.figure in _OF_INTERVAL:
        return _associated(figure)
    return _tested(figure, findings, level)


def _by_construction(figure: CardFigure) -> CardFigure:
    if figure.figure == "covariance":
        note = "Zero: no linear predictor beats a constant on these rows; says nothing of others."
    elif figure.after is None or figure.reference is None:
        return figure
    elif figure.after > figure.reference + _ZERO:
        return _same_data(figure)
    else:
        note = "At chance on the rows of the fit by theorem: says nothing of other rows."
    return replace(figure, reading="by construction", note=note)


def _beyond(figure: CardFigure, when: str) -> bool:
    interval = figure.before_interval if when == "before" else figure.after_interval
    return interval is not None and figure.reference is not None and interval.low > figure.reference


def _below(figure: CardFigure) -> bool:
    interval, chance = figure.after_interval, figure.reference
    return interval is not None and chance is not None and interval.high < chance


def _combined(group: Sequence[Finding], when: str) -> float:
    """Return a p-value of all splits: twice the median holds however they depend on each other."""
    pvalues = [getattr(f, f"{when}_pvalue") for f in group]
    known = [p for p in pvalues if math.isfinite(p)]
    if not known:
        return 1.0
    return float(min(1.0, (2 if len(known) > 1 else 1) * np.median(known)))


def _tested(figure: CardFigure, findings: Sequence[Finding], level: float) -> CardFigure:
    """Read a figure by its interval or its p-value: against chance, afterwards and before."""
    group = [f for f in findings if (f.figure, f.data) == (figure.figure, figure.data)]
    beyond: dict[str, bool] = {}
    for when in ("before", "after"):
        if figure.figure in _PROBES:
            beyond[when] = _beyond(figure, when)
        elif any(math.isfinite(f.before_pvalue) for f in group):
            beyond[when] = _combined(group, when) <= 1 - level
        else:  # the covariance of the fit rows, which no guarantee makes zero
            return replace(figure, reading="remains", note=_NOT_ZERO)
    kind = figure.figure.partition("_")[0]
    if figure.figure in _PROBES and _below(figure):
        figure = replace(figure, note=_join(_BELOW, figure.note))
    if beyond["after"]:
        note = _join(_STILL[kind], _left(figure), figure.note)
        return replace(figure, reading="remains", note=note)
    if not beyond["before"]:
        return replace(figure, reading="uninformative", note=_join(_UNINFORMATIVE, figure.note))
    interval = figure.after_interval
    return _not_found(figure, kind, figure.after if interval is None else interval.high)


def _left(figure: CardFigure) -> str:
    """Say how much is left of what was above chance."""
    before, after, chance = figure.before, figure.after, figure.reference
    if before is None or after is None or chance is None or before <= chance:
        return ""
    return f"Of what was above chance {(after - chance) / (before - chance):.0%} is left."


def _not_found(figure: CardFigure, kind: str, most: float | None) -> CardFigure:
    """Read a figure within chance, of which `most` is what it may be at the most."""
    before, chance = figure.before, figure.reference
    if most is None or before is None or chance is None:
        return figure
    # An interval that holds chance and most of what was there tells nothing.
    if most - chance > _LITTLE * (before - chance):
        return replace(figure, reading="undecided", note=_join(_UNDECIDED, figure.note))
    return replace(figure, reading="not found", note=_join(_GONE[kind], figure.note))


def _same_data(figure: CardFigure) -> CardFigure:
    if figure.after is None or figure.reference is None:
        return figure
    if figure.after <= figure.reference + _ZERO:
        return replace(figure, reading="not found", note="At chance on these rows.")
    note = (
        "A linear probe separates these rows better than chance. With few rows for the dimensions "
        "it fits noise too: the row on other data decides."
    )
    return replace(figure, reading="remains", note=note)


def _associated(figure: CardFigure) -> CardFigure:
    before, after = figure.before_interval, figure.after_interval
    kind = figure.figure.partition("_")[0]
    if before is None or after is None:
        return figure
    if before.low <= 0 <= before.high:
        note = _join("Not told from none before anything was removed.", figure.note)
        return replace(figure, reading="uninformative", note=note)
    if after.low <= 0 <= after.high:
        positive = figure.before is not None and figure.before > 0
        if positive:
            return _not_found(figure, kind, after.high)
        return replace(_not_found(_negated(figure), kind, -after.low), before=figure.before)
    turned = (before.low > 0) != (after.low > 0)
    return replace(figure, reading="reversed" if turned else "remains")


def _negated(figure: CardFigure) -> CardFigure:
    return figure if figure.before is None else replace(figure, before=-figure.before)


def _join(*parts: str) -> str:
    return " ".join(filter(None, parts))
