"""Checks on what goes into an encoder and on what comes out, shared by all adapters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from embias.encoders._show import shown
from embias.errors import InputError, VectorError
from embias.types import FloatArray, Image, InContext, Stimulus

_SHOWN = 10


def quoted(names: Iterable[object]) -> str:
    """Return the names as a readable list, cut after ten."""
    listed = list(names)
    text = ", ".join(shown(name) for name in listed[:_SHOWN])
    return text + (f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else "")


def as_items(items: Sequence[Stimulus], who: str) -> list[Stimulus]:
    """Return the items as a list; a lone text is refused, since it would be read as letters."""
    if isinstance(items, (str, bytes, InContext, Image)):
        raise InputError(
            f"{who}: items is one {type(items).__name__}; give a list: [{shown(items)}]"
        )
    if not isinstance(items, Iterable):
        raise InputError(f"{who}: items is {shown(items)}; give a list of texts")
    listed = list(items)
    for item in listed:
        if not isinstance(item, (str, InContext, Image)):
            raise InputError(
                f"{who}: an item must be str, InContext or Image, got {shown(item)} of type "
                f"{type(item).__name__}"
            )
    return listed


def as_texts(items: Sequence[Stimulus], who: str) -> list[str]:
    """Return the items as whole texts; words in context and blank texts are refused."""
    texts: list[str] = []
    for item in as_items(items, who):
        if isinstance(item, InContext):
            raise InputError(
                f"{who}: this encoder gives one vector for a whole text, not for the word "
                f"{shown(item.word)} inside {shown(item.text)}; pass item.text"
            )
        if isinstance(item, Image):
            raise InputError(
                f"{who}: this encoder takes texts, not the picture {shown(item.name)}; use an "
                "encoder of images"
            )
        if not item.strip():
            raise InputError(f"{who}: the text {shown(item)} is empty or blank; remove it")
        texts.append(str(item))
    return texts


def unique(items: Iterable[Stimulus]) -> list[Stimulus]:
    """Return the items in order of first appearance, each once."""
    return list(dict.fromkeys(items))


def label(item: Stimulus) -> str:
    """Return what an item is called in a message."""
    if isinstance(item, InContext):
        return f"{item.word} in: {item.text}"
    return item.name if isinstance(item, Image) else item


def check_rows(rows: FloatArray, items: Sequence[Stimulus], dim: int | None, who: str) -> None:
    """Refuse vectors of the wrong shape, not finite, or of zero length, naming the item."""
    fits = rows.ndim == 2 and len(rows) == len(items) and rows.shape[1] >= 1
    if not fits or (dim is not None and rows.shape[1] != dim):
        raise VectorError(
            f"{who}: {len(items)} items gave an array of shape {rows.shape}, expected "
            f"({len(items)}, {'d' if dim is None else dim}): one row per item, in order"
        )
    broken = np.flatnonzero(~np.isfinite(rows).all(axis=1))
    if broken.size:
        bad = [label(items[int(row)]) for row in broken]
        raise VectorError(
            f"{who}: the vector of {quoted(bad)} has coordinates that are NaN or infinite; "
            "remove the item or repair the model"
        )
    zero = np.flatnonzero(~rows.any(axis=1))
    if zero.size:
        bad = [label(items[int(row)]) for row in zero]
        raise VectorError(
            f"{who}: the vector of {quoted(bad)} is zero and has no direction; remove the item"
        )
