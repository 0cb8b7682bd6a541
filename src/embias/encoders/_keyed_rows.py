"""Checks on rows of numbers that are keyed on stimuli."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embias.encoders._items import quoted
from embias.encoders._numbers import as_real
from embias.encoders._show import shown
from embias.errors import InputError, VectorError, did_you_mean
from embias.types import FloatArray, Image, InContext, Stimulus

__all__ = ["as_keys", "as_rows", "check_matrix", "stacked"]

# What an audit asks an encoder of each kind for: other keys would never be found.
_KEYS: dict[str, tuple[type, ...]] = {
    "static": (str,),
    "sentence": (str, Image),
    "token": (str, InContext),
    "image": (Image,),
}


def as_keys(items: Iterable[Any], kind: str, who: str) -> tuple[Stimulus, ...]:
    """Return the items, each once, of the types that the kind looks up."""
    if not isinstance(kind, str) or kind not in _KEYS:
        raise InputError(f"{who}: kind={shown(kind)}; {did_you_mean(str(kind), _KEYS)}")
    listed = tuple(str(item) if isinstance(item, str) else item for item in items)
    if not listed:
        raise InputError(f"{who}: there are no items; give at least one and its vector")
    wrong = [item for item in listed if not isinstance(item, _KEYS[kind])]
    if wrong:
        allowed = " or ".join(one.__name__ for one in _KEYS[kind])
        raise InputError(
            f"{who}: items of the kind {kind!r} must be {allowed}, got {quoted(wrong)} of type "
            f"{type(wrong[0]).__name__}; give the names of rows as text, and words in context to "
            'the kind "token"'
        )
    if "" in listed:
        raise InputError(f"{who}: row {listed.index('')} has the empty text ''; remove it")
    if len(set(listed)) < len(listed):
        repeated = [item for item, count in Counter(listed).items() if count > 1]
        raise InputError(
            f"{who}: each item must stand once, repeated: {quoted(repeated)}; remove the repeats"
        )
    return listed


def stacked(items: Sequence[Stimulus], values: Iterable[Any], who: str) -> FloatArray:
    """Return the rows of a mapping as one new array, naming the item whose row is wrong."""
    rows: list[FloatArray] = []
    for item, value in zip(items, values, strict=True):
        raw = as_real(value, f"{who}: the vector of {shown(item)}")
        with np.errstate(over="ignore"):
            row: FloatArray = raw.astype(_float_type(raw), copy=False)
        if row.ndim != 1 or not row.size:
            raise InputError(
                f"{who}: the vector of {shown(item)} has shape {row.shape}, expected one row of "
                "numbers (d,)"
            )
        if rows and row.size != rows[0].size:
            raise VectorError(
                f"{who}: the vector of {shown(item)} has {row.size} coordinates, that of "
                f"{shown(items[0])} has {rows[0].size}; all must have the same number"
            )
        rows.append(row)
    stacked: FloatArray = np.stack(rows)
    return stacked


def as_rows(items: Sequence[Stimulus], vectors: ArrayLike, who: str) -> FloatArray:
    """Return a copy of an array in floats; what is wrong with its shape is found later."""
    # The names are only shown, and any stimulus can be.
    raw = as_real(vectors, f"{who}: the vectors", cast(Sequence[str], items))
    with np.errstate(over="ignore"):  # beyond float64 becomes infinite and is refused later
        rows: FloatArray = raw.astype(_float_type(raw), order="C", copy=True)
    return rows


def _float_type(array: NDArray[Any]) -> type[np.floating[Any]]:
    """Return float32 for what fits into it without loss, else float64."""
    return np.float32 if array.dtype.kind == "f" and array.dtype.itemsize <= 4 else np.float64


def check_matrix(items: Sequence[Stimulus], vectors: FloatArray, who: str) -> None:
    """Refuse another shape than one row per item, and coordinates that are not finite."""
    if vectors.ndim != 2 or len(vectors) != len(items) or vectors.shape[1] < 1:
        raise InputError(
            f"{who}: {len(items)} items need vectors of shape ({len(items)}, d) with d >= 1, got "
            f"{vectors.shape}"
        )
    finite = np.isfinite(vectors).all(axis=1)
    if not finite.all():
        bad = [items[int(row)] for row in np.flatnonzero(~finite)]
        raise VectorError(
            f"{who}: the vector of {quoted(bad)} has coordinates that are NaN or infinite; remove "
            "the item or repair its vector"
        )
