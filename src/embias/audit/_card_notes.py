"""What a reader must know of a whole report card."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from embias.audit._card_inputs import Labelled
from embias.audit._card_merge import is_zero
from embias.audit._card_rows import normalises_after_erasing
from embias.audit._card_split import Parts
from embias.results import CardFigure

__all__ = ["notes_of"]

_WORDING = (
    "“Not found” is of these probes, on data like the fit data; it does not say that nothing is "
    "left."
)


class _Options(Protocol):
    @property
    def fit(self) -> bool: ...
    @property
    def normalise(self) -> bool: ...


def notes_of(
    transform: Any,
    data: Labelled,
    options: _Options,
    part: Parts,
    figures: Sequence[CardFigure],
    said: Sequence[str],
) -> tuple[str, ...]:
    """Return the notes, those of the input last."""
    notes = [_WORDING]
    zero = any(f.figure == "covariance" and f.data != "fresh" and is_zero(f) for f in figures)
    if normalises_after_erasing(transform) and not zero:
        notes.append(
            "The pipeline brings rows to unit length after the erasure, which breaks its "
            "guarantee; the figures are of the unit vectors."
        )
    if options.normalise:
        notes.append(
            "Rows are at unit length before and after, as cosine search uses them; what holds for "
            "rows as they leave the transform need not hold for these."
        )
    if not options.fit:
        notes.append(
            "The transform came fitted: whether it was fitted on these rows is not known here."
        )
        if zero:
            notes.append(
                "The covariance with the classes is zero on the given rows: they are the rows of "
                "the fit. Give other rows to learn what it does to other data."
            )
    if data.mixed:
        notes.append(
            "Groups have rows of several classes: probes see one class of each, drawn at random."
        )
    if part.small.size < part.probed.size or part.kept.size < part.fresh.size:
        notes.append(
            f"Costly figures are of {part.small.size} rows of {part.probed.size} to probe and "
            f"{part.kept.size} of {part.fresh.size}, drawn anew for each split."
        )
    if not any(f.figure == "neighbour_bias" for f in figures):
        notes.append("Neighbour bias needs two classes, and is left out.")
    return (*notes, *filter(None, said))
