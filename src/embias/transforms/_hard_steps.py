"""The arithmetic of hard debiasing: unit length, neutralise, equalise."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from embias.types import FloatArray

__all__ = ["equalised", "neutralised", "scaled_to_unit", "work_type"]

#: Rows worked on at a time: few enough to stay in the cache between one step and the next.
_BLOCK = 1024
#: Components of unit vectors that differ by less are equal but for the rounding of float32.
_EQUAL = 1e-6


def work_type(rows: NDArray[Any]) -> Any:
    """Return the number type to compute in: float16 is computed in float32."""
    return np.dtype(np.float32) if rows.dtype.itemsize < 4 else rows.dtype


def scaled_to_unit(rows: NDArray[Any]) -> NDArray[Any]:
    """Return rows, shape (n, d), at unit length, in the number type to compute in.

    Rows of zeros stay zero.
    """
    given, squares = _safe(rows.astype(work_type(rows), copy=False))
    unit: NDArray[Any] = given / _lengths(squares)
    return unit


def _safe(given: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return rows whose squares neither under- nor overflow, by another length, and the squares."""
    with np.errstate(over="ignore", under="ignore"):
        squares = np.einsum("ij,ij->i", given, given)
    info = np.finfo(given.dtype)
    odd = ~((squares > info.tiny / info.eps) & (squares < info.max))
    if odd.any():
        largest = np.abs(given[odd]).max(axis=1, keepdims=True)
        given = given.copy()
        given[odd] /= np.where(largest > 0, largest, 1)
        squares[odd] = np.einsum("ij,ij->i", given[odd], given[odd])
    return given, squares


def _lengths(squares: NDArray[Any]) -> NDArray[Any]:
    """Return what to divide rows by, as a column; 1 for rows of zeros."""
    lengths: NDArray[Any] = np.sqrt(np.where(squares > 0, squares, 1))[:, None]
    return lengths


def neutralised(
    rows: NDArray[Any], basis: FloatArray, kept: NDArray[np.bool_], *, normalize: bool
) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Take the component in a subspace out of all rows but some.

    Parameters
    ----------
    rows : ndarray of shape (n, d)
    basis : ndarray of shape (k, d)
        Orthonormal rows.
    kept : ndarray of bool, shape (n,)
        Rows that keep their component.
    normalize : bool
        Bring every row, the kept ones too, to unit length, before and after.

    Returns
    -------
    made : ndarray of shape (n, d)
        In the number type of `rows`.
    gone : ndarray of int
        Rows that lay in the subspace, so that nothing but rounding was left; they are zero.
    """
    axes = basis.astype(work_type(rows))
    made, gone = np.empty(rows.shape, dtype=axes.dtype), [np.zeros(0, dtype=np.intp)]
    for start in range(0, len(rows), _BLOCK):
        block = slice(start, start + _BLOCK)
        lost = _neutralise_block(rows[block], axes, kept[block], normalize, made[block])
        gone.append(lost + start)
    return made.astype(rows.dtype, copy=False), np.concatenate(gone)


def _neutralise_block(
    rows: NDArray[Any],
    axes: NDArray[Any],
    kept: NDArray[np.bool_],
    normalize: bool,
    left: NDArray[Any],
) -> NDArray[np.intp]:
    """Write what is left of rows into `left`, and return the rows that lay in the subspace."""
    given = rows.astype(axes.dtype, copy=False)
    # The projection of a longer row is as much longer: bringing rows to unit length before is
    # the same as doing so after, but where squares would not be finite.
    safe, before = _safe(given)
    given = safe if normalize else given
    along = given @ axes.T
    along[kept] = 0
    np.matmul(along, axes, out=left)
    np.subtract(given, left, out=left)
    with np.errstate(over="ignore", under="ignore"):
        squares = np.einsum("ij,ij->i", left, left)
    if not normalize:
        with np.errstate(over="ignore", under="ignore"):
            before = np.einsum("ij,ij->i", given, given)
    little = squares < 0.01 * before
    if little.any():  # next to a short rest the rounding of the first time is large
        left[little] -= (left[little] @ axes.T) @ axes
        squares[little] = np.einsum("ij,ij->i", left[little], left[little])
    floor = np.finfo(rows.dtype).eps ** 0.75
    lost = np.flatnonzero((squares <= floor**2 * before) & (before > 0) & np.isfinite(before))
    left[lost] = 0
    if normalize:
        left /= _lengths(squares)
    return lost


def equalised(units: FloatArray, basis: FloatArray) -> FloatArray | None:
    """Return the words of a set at unit length and at one distance to all that is neutral.

    ``y + sqrt(1 - |y|^2) (w_B - mu_B) / |w_B - mu_B|`` with ``y = mu - mu_B``: outside of the
    subspace all words become the same, inside each keeps its side of the middle.

    Parameters
    ----------
    units : ndarray of shape (m, d)
        The words of the set, unit length.
    basis : ndarray of shape (k, d)

    Returns
    -------
    ndarray of shape (m, d), or None
        None where a word has the same component as the mean of the set, and so no side.
    """
    along = units @ basis.T
    middle = along.mean(axis=0)
    sides = along - middle
    lengths = np.linalg.norm(sides, axis=1, keepdims=True)
    if lengths.min() <= _EQUAL:
        return None
    shared = units.mean(axis=0) - middle @ basis
    # What the mean of unit vectors keeps outside of a subspace is never longer than 1.
    height = np.sqrt(max(0.0, 1.0 - float(shared @ shared)))
    made: FloatArray = shared + height * (sides / lengths) @ basis
    return made
