"""Exact nearest neighbours in memory that is bounded: by cosine, and by Euclidean distance."""

from __future__ import annotations

import numpy as np

from embias.errors import InputError
from embias.metrics._tiles import UNIT_ROUNDOFF, Rows, Scores, best_columns
from embias.types import FloatArray

__all__ = ["check_k", "nearest", "nearest_points", "neighbour_sets", "point_sets"]

#: Cosines that agree to so many decimals are tied; what is left is rounding.
_DECIMALS = 12
#: Coordinates gathered at a time: few enough to stay near the processor.
_GATHERED = 2**16


def check_k(k: int, n: int) -> None:
    """Raise an InputError unless each of n items has k others."""
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or not 1 <= k < n:
        raise InputError(
            f"k={k!r} with {n} row(s); give a whole number of neighbours from 1 on, and more "
            "rows than that"
        )


def neighbour_sets(
    queries: FloatArray,
    pool: FloatArray,
    k: int,
    *,
    own: Rows | None = None,
    words: tuple[Rows, Rows] | None = None,
) -> Rows:
    """Return the k nearest rows of the pool to each query, by cosine.

    The cosines are multiplied out in float32, half of them where the queries are the pool;
    whatever float32 cannot decide (the neighbours about the k-th) is computed again in float64,
    so the sets are those of float64. Memory: tiles of 4 MB, and some 20 bytes a neighbour.

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
    _check_left(k, len(pool), own, words)

    def by_pair(rows: Rows, columns: Rows) -> FloatArray:
        return _cosines_of(queries, pool, rows, columns)

    def by_block(block: slice) -> FloatArray:
        found: FloatArray = np.round(queries[block] @ pool.T, _DECIMALS)
        return found

    itself = own is not None and np.array_equal(own, np.arange(len(pool)))
    same = itself and np.array_equal(queries, pool)
    alike = words is None or (same and np.array_equal(*words))
    right = pool.astype(np.float32)
    left = right if same else queries.astype(np.float32)
    # |float32 - exact| for unit rows, rounding of the rows included (Higham 2002, section 3.1);
    # the hundredth covers the rounding to twelve decimals.
    error = 1.01 * (pool.shape[1] + 4) * UNIT_ROUNDOFF
    table = Scores(left, right, error, by_pair, by_block, same and alike, own, words)
    return best_columns(table, k)


def nearest(
    queries: FloatArray,
    pool: FloatArray,
    k: int,
    *,
    own: Rows | None = None,
    words: tuple[Rows, Rows] | None = None,
) -> tuple[Rows, FloatArray]:
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
    return _in_order(found, cosines)


def point_sets(points: FloatArray, k: int) -> Rows:
    """Return the k nearest other points to each point by Euclidean distance.

    Parameters
    ----------
    points : ndarray of shape (n, d)
        Finite, float64.
    k : int
        Less than n.

    Returns
    -------
    ndarray of int, shape (n, k)
        Rows, in ascending order. Ties at the k-th place go to the smaller row.
    """
    return _point_sets(_centred(points)[0], k)


def nearest_points(points: FloatArray, k: int) -> tuple[Rows, FloatArray]:
    """Return the k nearest other points to each point, nearest first, and their distances.

    Parameters
    ----------
    points, k
        See :func:`point_sets`.

    Returns
    -------
    (ndarray of int, ndarray), each of shape (n, k)
        Rows, and distances in float64 (computed from the differences of the coordinates).
        Ties go to the smaller row.
    """
    points, scale = _centred(points)
    found = _point_sets(points, k)
    row = np.repeat(np.arange(len(points)), k)
    scores = _nearness_of(points, row, found.ravel()).reshape(found.shape)
    found, scores = _in_order(found, scores)
    distances: FloatArray = np.sqrt(-scores) * scale
    return found, distances


def _centred(points: FloatArray) -> tuple[FloatArray, float]:
    """Return the points about their mean, the farthest at distance 1, and the unit of length."""
    points = points - points.mean(axis=0)
    scale = float(np.linalg.norm(points, axis=1).max()) or 1.0
    return points / scale, scale


def _point_sets(points: FloatArray, k: int) -> Rows:
    n = len(points)
    half = 0.5 * (points**2).sum(axis=1)

    def by_pair(rows: Rows, columns: Rows) -> FloatArray:
        return _nearness_of(points, rows, columns)

    def by_block(block: slice) -> FloatArray:
        # Rounded, so that points that coincide are tied whatever the order of their sums.
        scores = points[block] @ points.T - half - half[block, None]
        found: FloatArray = np.round(np.minimum(2 * scores, 0.0), 14)
        return found

    # -|x - y|^2 / 2 = x.y - |x|^2 / 2 - |y|^2 / 2, as a product of rows.
    ones = np.ones(n)
    left = np.column_stack([points, ones, -half]).astype(np.float32)
    right = np.column_stack([points, -half, ones]).astype(np.float32)
    # The sizes of the terms add up to 1 + 1/2 + 1/2 at most.
    error = 1.01 * (points.shape[1] + 6) * UNIT_ROUNDOFF * 2
    table = Scores(left, right, error, by_pair, by_block, True, np.arange(n, dtype=np.intp))
    return best_columns(table, k)


def _in_order(found: Rows, scores: FloatArray) -> tuple[Rows, FloatArray]:
    # Stable: the rows come in ascending order.
    order = np.argsort(-scores, axis=1, kind="stable")
    return np.take_along_axis(found, order, axis=1), np.take_along_axis(scores, order, axis=1)


def _cosines_of(queries: FloatArray, pool: FloatArray, row: Rows, column: Rows) -> FloatArray:
    """Return the cosines of pairs; the same to the last bit for equal rows, wherever they lie."""
    found = np.empty(row.size)
    step = max(1, _GATHERED // pool.shape[1])
    for start in range(0, row.size, step):
        part = slice(start, start + step)
        products = queries[row[part]]
        products *= pool[column[part]]
        found[part] = products.sum(axis=1)
    rounded: FloatArray = np.round(found, _DECIMALS)
    return rounded


def _nearness_of(points: FloatArray, row: Rows, column: Rows) -> FloatArray:
    """Return minus the squared distances of pairs of points."""
    found = np.empty(row.size)
    step = max(1, _GATHERED // points.shape[1])
    for start in range(0, row.size, step):
        part = slice(start, start + step)
        apart = points[row[part]]
        apart -= points[column[part]]
        apart *= apart
        found[part] = apart.sum(axis=1)
    return -found


def _check_left(k: int, n: int, own: Rows | None, words: tuple[Rows, Rows] | None) -> None:
    """Raise an InputError unless k rows are left to each query."""
    left = n - (own is not None)
    if words is not None and k <= left:
        of_query, of_pool = words
        names, counts = np.unique(of_pool, return_counts=True)
        place = np.minimum(np.searchsorted(names, of_query), len(names) - 1)
        others = n - np.where(names[place] == of_query, counts[place], 0)
        if own is not None:
            others -= (own >= 0) & (of_pool[own] != of_query)
        left = int(others.min())
    if k > left:
        raise InputError(
            f"k={k}, and a word has {left} other(s) to be near to; give a smaller k or more words"
        )
