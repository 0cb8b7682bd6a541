"""Vectors of the same words in time slices: checks, and alignment by rotation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import orthogonal_procrustes

from embias.errors import InputError, VectorError
from embias.geometry.vectors import unit_rows
from embias.metrics._row_numbers import row_numbers
from embias.stats.inputs import as_numbers, check_choice
from embias.types import FloatArray

__all__ = ["AlignTo", "Slices", "align_slices", "checked_times", "stacked_units"]

AlignTo: TypeAlias = Literal["previous", "first"]
#: One table of vectors for each slice: a sequence of them, or an array of shape (t, n, d).
Slices: TypeAlias = Sequence[ArrayLike] | NDArray[Any]


def stacked_units(slices: Slices, name: str) -> FloatArray:
    """Return slices at unit length, shape (t, n, d); rows of NaN (absent words) stay NaN.

    Raises
    ------
    InputError
        Fewer than two slices, or slices of different shape.
    VectorError
        A zero row, or one that is partly NaN or infinite.
    """
    tables = [as_numbers(table, f"{name}[{i}]") for i, table in enumerate(slices)]
    shapes = {table.shape for table in tables}
    if len(tables) < 2 or len(shapes) != 1 or tables[0].ndim != 2 or tables[0].size == 0:
        raise InputError(
            f"{name} has {len(tables)} slice(s) of shapes {sorted(shapes)}; give two slices at "
            "least, each (words, dimensions), with the same words in the same rows (a row of NaN "
            "for a word that a slice does not have)"
        )
    found = np.full((len(tables), *tables[0].shape), np.nan)
    for i, table in enumerate(tables):
        present = np.flatnonzero(~np.isnan(table).all(axis=1))
        if present.size == 0:
            raise InputError(f"{name}[{i}] has no word: all its rows are NaN; leave the slice out")
        rows = table[present]
        bad = ~np.isfinite(rows).all(axis=1) | ~rows.any(axis=1)
        if bad.any():
            raise VectorError(
                f"{name}[{i}][{present[bad][0]}] is zero, or partly NaN or infinite; mend the "
                "row, or make all of it NaN if the slice does not have the word"
            )
        found[i, present] = unit_rows(rows, name)
    return found


def checked_times(times: ArrayLike | None, n: int) -> FloatArray:
    """Return the time of each slice, 0, 1, ... where none is given; they have to increase."""
    if times is None:
        return np.arange(n, dtype=np.float64)
    found = as_numbers(times, "times")
    if found.shape != (n,) or not np.isfinite(found).all() or not (np.diff(found) > 0).all():
        raise InputError(
            f"times={found.tolist()} for {n} slices; give one finite time for each slice, in "
            "increasing order"
        )
    return found


def align_slices(
    slices: Slices,
    *,
    anchors: ArrayLike | None = None,
    to: AlignTo = "previous",
) -> FloatArray:
    """Rotate each slice onto the one before it (or the first), by orthogonal Procrustes.

    Spaces that were trained apart differ by an arbitrary rotation, which has to be undone
    before a word's vectors in two slices can be compared.

    Parameters
    ----------
    slices : sequence of array_like of shape (n, d)
        The same words in the same rows; a row of NaN for a word that a slice does not have.
    anchors : array_like of int, optional
        Rows from which the rotations are fitted (words that are thought to be stable); all
        that both slices have, by default.
    to : {"previous", "first"}
        ``previous``: onto the aligned slice before it (Hamilton 2016); ``first``: onto the
        first slice.

    Returns
    -------
    ndarray of shape (t, n, d)
        Unit vectors; cosines within a slice are those of the input. The first slice is
        as it was.

    Raises
    ------
    InputError
        Fewer than two slices, slices of different shape, no anchor that two slices share.
    VectorError
        A zero or partly non-finite row.

    Notes
    -----
    With fewer anchors than dimensions the rotation is not determined by them; what is left
    open turns words that are no anchors at will.

    References
    ----------
    Hamilton, Leskovec & Jurafsky 2016, ACL; Schönemann 1966, Psychometrika 31:1-10.
    """
    check_choice("to", to, get_args(AlignTo))
    units = stacked_units(slices, "slices")
    n = units.shape[1]
    fitted = np.arange(n, dtype=np.intp)
    if anchors is not None:
        fitted = np.unique(row_numbers(anchors, "anchors", n))
    for i in range(1, len(units)):
        target = units[i - 1 if to == "previous" else 0]
        shared = fitted[~np.isnan(units[i, fitted, 0]) & ~np.isnan(target[fitted, 0])]
        if shared.size == 0:
            raise InputError(
                f"slices[{i}] shares no anchor with the slice it is turned to; give more anchors"
            )
        rotation, _ = orthogonal_procrustes(units[i, shared], target[shared])
        units[i] = units[i] @ rotation
    return units
