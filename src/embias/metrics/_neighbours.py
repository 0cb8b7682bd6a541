"""Exact nearest neighbours by cosine, in blocks of bounded memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from embias.errors import InputError
from embias.types import FloatArray

__all__ = ["nearest", "neighbour_sets"]

#: Cosines held at a time (32 MB in float32): at 100,000 words, 83 queries a block.
_COSINES_AT_ONCE = 2**23
#: Cosines that agree to so many decimals are tied; what is left is rounding.
_DECIMALS = 12
#: Share of the cosines in doubt above which float32 is of no use.
_MANY = 1 / 16
#: Half the distance of 1 from the next number in float32.
_UNIT_ROUNDOFF = 2.0**-24

Codes = NDArray[np.intp]


def neighbour_sets(
    queries: FloatArray,
    pool: FloatArray,
    k: int,
    *,
    own: Codes | None = None,
    words: tuple[Codes, Codes] | None = None,
) -> Codes:
    """Return the k nearest rows of the pool to each query, by cosine.

    The cosines are multiplied out in float32; whatever float32 cannot decide (the neighbours
    about the k-th) is computed again in float64, so the sets are those of float64.

    Parameters
    ----------
    queries : ndarray of shape (m, d)
        Rows of unit length, float64.
    pool : ndarray of shape (n, d)
        Rows of unit length, float64.
    k : int
        From 1 on.
    own : ndarray of int, shape (m,), optional
        The row of the pool that is the query itself, which is left out; -1 where none is. Other
        rows with the same coordinates are neighbours like any.
    words : tuple of ndarray of int, shapes (m,) and (n,), optional
        The word of each query and of each row of the pool: rows of the same word are left out.

    Returns
    -------
    ndarray of int, shape (m, k)
        Rows of the pool, in ascending order. Ties at the k-th place go to the smaller row.

    Raises
    ------
    InputError
        When the pool has fewer than k rows for a query.
    """
    small = pool.astype(np.float32)
    found = np.empty((len(queries), k), dtype=np.intp)
    left = len(pool) - (own is not None)
    if k > left:
        raise _too_many(k, left)
    step = max(1, _COSINES_AT_ONCE // len(pool))
    for start in range(0, len(queries), step):
        rows = slice(start, start + step)
        cosines = queries[rows].astype(np.float32) @ small.T
        if own is not None:
            has = np.flatnonzero(own[rows] >= 0)
            cosines[has, own[rows][has]] = -np.inf
        if words is not None:
            cosines[words[0][rows, None] == words[1]] = -np.inf
        found[rows] = _largest(cosines, queries[rows], pool, k)
    return found


def _largest(cosines: FloatArray, queries: FloatArray, pool: FloatArray, k: int) -> Codes:
    """Return the columns of the k largest cosines of each row, given them in float32."""
    place = cosines.shape[1] - k
    kth = np.partition(cosines, place, axis=1)[:, place].astype(np.float64)
    if np.isneginf(kth).any():
        worst = int(np.argmin(np.isfinite(cosines).sum(axis=1)))
        raise _too_many(k, int(np.isfinite(cosines[worst]).sum()))
    # |float32 - exact| is at most this for unit rows (Higham 2002, section 3.1), so the exact
    # k-th is as near to the k-th in float32, and beyond twice that nothing is in doubt.
    doubt = 2 * 1.01 * (pool.shape[1] + 4) * _UNIT_ROUNDOFF
    row, column = np.nonzero(cosines >= (kth - doubt)[:, None])
    certain = cosines[row, column] > kth[row] + doubt
    if row.size - certain.sum() > _MANY * cosines.size > k * len(kth):
        return _sorted(cosines, queries, pool, k)
    open_places = k - np.bincount(row[certain], minlength=len(kth))
    open_row, open_column = row[~certain], column[~certain]
    exact = _cosines_of(queries, pool, open_row, open_column)
    order = np.lexsort((open_column, -exact, open_row))
    # Rank of each open candidate within its row.
    first = np.searchsorted(open_row, np.arange(len(kth)))
    rank = np.arange(order.size) - first[open_row[order]]
    chosen = certain.copy()
    chosen[np.flatnonzero(~certain)[order[rank < open_places[open_row[order]]]]] = True
    found: Codes = column[chosen].reshape(len(kth), k)
    return found


def _sorted(cosines: FloatArray, queries: FloatArray, pool: FloatArray, k: int) -> Codes:
    """Return the same where too many cosines are alike for float32: all of them in float64."""
    exact = np.round(queries @ pool.T, _DECIMALS)
    exact[np.isneginf(cosines)] = -np.inf
    return np.sort(np.argsort(-exact, axis=1, kind="stable")[:, :k], axis=1)


def nearest(
    queries: FloatArray,
    pool: FloatArray,
    k: int,
    *,
    own: Codes | None = None,
    words: tuple[Codes, Codes] | None = None,
) -> tuple[Codes, FloatArray]:
    """Return the k nearest rows of the pool, nearest first, and their cosines.

    Parameters
    ----------
    queries, pool, k, own, words
        See :func:`neighbour_sets`.

    Returns
    -------
    (ndarray of int, ndarray), each of shape (m, k)
        Rows of the pool and their cosines in float64, rounded to twelve decimals. Ties go to
        the smaller row.

    Raises
    ------
    InputError
        When the pool has fewer than k rows for a query.
    """
    found = neighbour_sets(queries, pool, k, own=own, words=words)
    row = np.repeat(np.arange(len(queries)), k)
    cosines = _cosines_of(queries, pool, row, found.ravel()).reshape(found.shape)
    # Stable: the rows come in ascending order.
    order = np.argsort(-cosines, axis=1, kind="stable")
    return np.take_along_axis(found, order, axis=1), np.take_along_axis(cosines, order, axis=1)


def _cosines_of(queries: FloatArray, pool: FloatArray, row: Codes, column: Codes) -> FloatArray:
    """Return the cosines of pairs; the same to the last bit for equal rows, wherever they lie."""
    found = np.empty(row.size)
    step = max(1, _COSINES_AT_ONCE // (8 * pool.shape[1]))
    for start in range(0, row.size, step):
        part = slice(start, start + step)
        found[part] = (queries[row[part]] * pool[column[part]]).sum(axis=1)
    rounded: FloatArray = np.round(found, _DECIMALS)
    return rounded


def _too_many(k: int, left: int) -> InputError:
    return InputError(
        f"k={k}, and a word has {left} other(s) to be near to; give a smaller k or more words"
    )
