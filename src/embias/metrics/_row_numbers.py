"""Checks of row numbers that a caller gives."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embias.errors import InputError

__all__ = ["row_numbers"]


def row_numbers(
    given: ArrayLike, name: str, n: int, *, columns: int | None = None, missing: bool = False
) -> NDArray[np.intp]:
    """Return row numbers after checking them.

    Parameters
    ----------
    given : array_like of int, shape (k,) or (k, columns)
        At least one.
    name : str
        Name of the argument, for the error.
    n : int
        Number of rows there are.
    columns : int, optional
        Numbers in each entry, where there are several.
    missing : bool
        Whether -1 is allowed, for a row that there is not.

    Raises
    ------
    InputError
        Not whole numbers, another shape, none at all, a row that does not exist.
    """
    what = "row numbers" if columns is None else f"entries of {columns} row numbers"
    try:
        rows = np.asarray(given)
    except ValueError as error:
        raise InputError(f"{name}: not {what} ({error})") from error
    shape_fits = rows.ndim == 1 if columns is None else rows.shape[1:] == (columns,)
    if not shape_fits or rows.size == 0 or rows.dtype.kind not in "iu":
        raise InputError(
            f"{name} has shape {rows.shape} and type {rows.dtype}; give {what} as whole numbers, "
            "one or more"
        )
    if rows.min() < -int(missing) or rows.max() >= n:
        absent = ", and -1 for a word that is missing" if missing else ""
        raise InputError(
            f"{name} names rows from {rows.min()} to {rows.max()} of {n}; give rows from 0 to "
            f"{n - 1}{absent}"
        )
    return rows.astype(np.intp)
