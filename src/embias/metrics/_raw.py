"""Vectors at their own length, for the metrics that read it."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike

from embias.errors import VectorError
from embias.geometry.vectors import unit_rows
from embias.stats.inputs import as_numbers, check_choice
from embias.types import FloatArray

__all__ = ["Length", "mean_direction", "rows_of"]

Length: TypeAlias = Literal["unit", "raw"]

#: Coordinates beyond it have squares that float64 cannot add up.
_LARGEST = 1e150
#: A mean of vectors that is shorter than this share of them is rounding: it has no direction.
_NO_LENGTH = 1e-12


def rows_of(vectors: ArrayLike, name: str, length: Length) -> FloatArray:
    """Return checked float64 rows, at unit length or as they are.

    Parameters
    ----------
    vectors : array_like of shape (n, d)
        At least one row.
    name : str
        Name of the argument, for the error.
    length : {"unit", "raw"}

    Returns
    -------
    ndarray of shape (n, d)

    Raises
    ------
    InputError
        An array that is not two-dimensional, not numeric or empty; an unknown `length`.
    VectorError
        A zero or non-finite row; raw coordinates whose squares overflow.
    """
    check_choice("vectors", length, get_args(Length))
    unit = unit_rows(vectors, name)
    if length == "unit":
        return unit
    rows = as_numbers(vectors, name)
    largest = np.abs(rows).max(axis=1)
    if largest.max() > _LARGEST:
        row = int(largest.argmax())
        raise VectorError(
            f"{name}[{row}] has a coordinate of {largest[row]:.3g}, whose square cannot be added "
            "up; divide all vectors by one number, or use vectors='unit'"
        )
    return rows


def mean_direction(rows: FloatArray) -> FloatArray | None:
    """Return the mean of the rows at unit length, None where they cancel out."""
    mean = rows.mean(axis=0)
    length = float(np.linalg.norm(mean))
    if length <= _NO_LENGTH * float(np.linalg.norm(rows, axis=1).max()):
        return None
    direction: FloatArray = mean / length
    return direction
