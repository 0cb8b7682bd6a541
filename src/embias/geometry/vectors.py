"""Checks and normalisation that every metric on vectors shares."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from embias.errors import InputError, VectorError
from embias.stats.inputs import as_numbers
from embias.types import FloatArray

__all__ = ["check_same_dimension", "unit_rows"]


def unit_rows(vectors: ArrayLike, name: str) -> FloatArray:
    """Return the rows at unit length, as float64, after checking them.

    Parameters
    ----------
    vectors : array_like of shape (n, d)
        At least one row; any numeric dtype.
    name : str
        Name of the argument, for the error.

    Returns
    -------
    ndarray of shape (n, d)

    Raises
    ------
    InputError
        When the array is not two-dimensional, not numeric or empty.
    VectorError
        When a row has no direction: zero length, NaN or infinite coordinates.
    """
    # Cast before anything is multiplied: int8 products overflow and float32 rounds.
    rows = as_numbers(vectors, name)
    if rows.ndim != 2 or rows.shape[0] == 0 or rows.shape[1] == 0:
        raise InputError(
            f"{name} has shape {rows.shape}; give a two-dimensional array (items, dimensions) "
            "with at least one row and one column"
        )
    finite = np.isfinite(rows).all(axis=1)
    if not finite.all():
        row = int(np.flatnonzero(~finite)[0])
        raise VectorError(
            f"{name}[{row}] has a coordinate that is NaN or infinite; remove the row or mend it"
        )
    # Scaling by the largest coordinate first keeps the squares from under- and overflowing.
    scale = np.abs(rows).max(axis=1, keepdims=True)
    if not scale.all():
        row = int(np.flatnonzero(scale == 0)[0])
        raise VectorError(f"{name}[{row}] is the zero vector, which has no cosine; remove the row")
    rows = rows / scale
    unit: FloatArray = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


def check_same_dimension(arrays: dict[str, FloatArray]) -> None:
    """Raise an InputError unless all arrays have the same number of columns."""
    dimensions = {name: array.shape[1] for name, array in arrays.items()}
    if len(set(dimensions.values())) > 1:
        listed = ", ".join(f"{name}: {dimension}" for name, dimension in dimensions.items())
        raise InputError(
            f"vectors of different dimension ({listed}); all sets must come from one encoder"
        )
