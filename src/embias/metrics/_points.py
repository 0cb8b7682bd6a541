"""Vectors as points: as they are, or at unit length."""

from __future__ import annotations

from typing import get_args

import numpy as np
from numpy.typing import ArrayLike

from embias.errors import InputError, VectorError
from embias.geometry.vectors import unit_rows
from embias.metrics._raw import Length
from embias.stats.inputs import as_numbers, check_choice
from embias.types import FloatArray

__all__ = ["Length", "points_of"]


def points_of(vectors: ArrayLike, name: str, length: Length) -> FloatArray:
    """Return the rows as float64 after checking them, at unit length if asked.

    Raises
    ------
    InputError
        Not a two-dimensional array of numbers, empty, an unknown `length`.
    VectorError
        A non-finite row; a zero row, where it has to have unit length.
    """
    check_choice("length", length, get_args(Length))
    if length == "unit":
        return unit_rows(vectors, name)
    rows = as_numbers(vectors, name)
    if rows.ndim != 2 or rows.size == 0:
        raise InputError(
            f"{name} has shape {rows.shape}; give a two-dimensional array (items, dimensions) "
            "with at least one row and one column"
        )
    bad = np.flatnonzero(~np.isfinite(rows).all(axis=1))
    if bad.size:
        raise VectorError(
            f"{name}[{bad[0]}] has a coordinate that is NaN or infinite; remove the row or mend it"
        )
    return rows
