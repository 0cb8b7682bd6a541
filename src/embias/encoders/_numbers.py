"""Reads what a caller gives as numbers, and never casts what is not a real number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embias.encoders._show import one_line, shown
from embias.errors import VectorError

_WHY = {
    "O": "None, text, mixed types or whole numbers beyond 64 bits are among the values",
    "c": "which are complex numbers",
    "b": "which are truth values",
    "U": "which are texts",
    "S": "which are bytes",
}


def as_real(values: Any, what: str, rows: Sequence[str] = ()) -> NDArray[Any]:
    """Return an array of integers or floats, perhaps sharing memory with `values`.

    Parameters
    ----------
    values : array_like
        What was given.
    what : str
        How a message begins, "x: the vectors" for example.
    rows : sequence of str
        What the rows stand for, to name the first that has another length.

    Returns
    -------
    ndarray of integers or floats

    Raises
    ------
    VectorError
        For every other type (named), ragged rows, and masked entries.
    """
    try:
        array = np.asarray(values)
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        # RuntimeError: a torch tensor that asks to be detached first.
        ragged = _ragged(values, rows) if "inhomogeneous" in str(error) else ""
        raise VectorError(
            f"{what} cannot be read as numbers ({ragged or one_line(error)}); give floats, every "
            "row with the same number of them"
        ) from error
    if array.dtype.kind not in "fiu":
        why = _WHY.get(array.dtype.kind, "")
        raise VectorError(
            f"{what} cannot be read as numbers: they have the type {shown(str(array.dtype))[1:-1]}"
            f"{' (' + why + ')' if why else ''}, expected real numbers; give floats"
        )
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise VectorError(f"{what} has masked entries; fill them or leave the rows out")
    return array


def _ragged(values: Any, rows: Sequence[str]) -> str:
    """Return which row first has another length than the one before, where that can be told."""
    try:
        lengths = [len(row) for row in values]
    except TypeError:
        return "the rows are ragged: they have different lengths or depths"
    for index, length in enumerate(lengths):
        if length != lengths[0]:
            named = shown(rows[index]) if index < len(rows) else str(index + 1)
            return (
                f"the rows are ragged: row {named} has {length} coordinates, the first {lengths[0]}"
            )
    return "the rows are ragged: they have different depths"
