"""Exact nearest neighbours in blocks of bounded memory: by cosine, and by Euclidean distance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embias.errors import InputError
from embias.types import FloatArray

__all__ = ["check_k", "nearest", "nearest_points"]

Rows = NDArray[np.intp]

#: Scores held at a time (32 MB in float32): 83 queries a block in a pool of 100,000.
_AT_ONCE = 2**23
#: Cosines that agree to so many decimals are tied; what is left is rounding.
_DECIMALS = 12
_ROUNDOFF = 2.0**-24
#: Share of the pool in doubt above which float32 decides too little to be of use.
_MANY = 1 / 16


def check_k(k: int, n: int) -> None:
    """Raise an InputError unless each of n items has k others."""
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or not 1 <= k < n:
        raise InputError(
            f"k={k!r} with {n} row(s); give a whole number of neighbours from 1 on, and more "
            "rows than that"
        )


def nearest(
    queries: FloatArray, pool: FloatArray, k: int, *, own: Rows | None = None
) -> tuple[Rows, FloatArray]:
    """Return the k nearest rows of the pool to each query by cosine, nearest first.

    Parameters
    ----------
    queries, pool : ndarray of shape (m, d), (n, d)
        Rows of unit length, float64.
    k : int
        At most the rows of the pool that are not the query itself.
    own : ndarray of int, shape (m,), optional
        The row of the pool that is the query itself and left out. Other rows with the same
        coordinates are neighbours like any.

    Returns
    -------
    (ndarray of int, ndarray), each of shape (m, k)
        Rows of the pool, and their cosines in float64 rounded to twelve decimals. Ties go to
        the smaller row.
    """

    def by_pair(rows: Rows, columns: Rows) -> FloatArray:
        found: FloatArray = np.round((queries[rows] * pool[columns]).sum(axis=1), _DECIMALS)
        return found

    def by_block(block: slice) -> FloatArray:
        found: FloatArray = np.round(queries[block] @ pool.T, _DECIMALS)
        return found

    # |float32 - exact| for unit rows, rounding of the rows included (Higham 2002, section 3.1).
    error = 1.01 * (pool.shape[1] + 4) * _ROUNDOFF
    left, right = queries.astype(np.float32), pool.astype(np.float32)
    return _Search(left, right, error, by_pair, by_block).run(k, own)


def nearest_points(points: FloatArray, k: int) -> tuple[Rows, FloatArray]:
    """Return the k nearest other points to each point by Euclidean distance, nearest first.

    Parameters
    ----------
    points : ndarray of shape (n, d)
        Finite, float64.
    k : int
        Less than n.

    Returns
    -------
    (ndarray of int, ndarray), each of shape (n, k)
        Rows, and distances in float64 (computed from the differences of the coordinates).
        Ties go to the smaller row.
    """
    points = points - points.mean(axis=0)
    scale = float(np.linalg.norm(points, axis=1).max()) or 1.0
    points = points / scale
    half = 0.5 * (points**2).sum(axis=1)

    def by_pair(rows: Rows, columns: Rows) -> FloatArray:
        squares: FloatArray = ((points[rows] - points[columns]) ** 2).sum(axis=1)
        return -squares

    def by_block(block: slice) -> FloatArray:
        # Rounded, so that points that coincide are tied whatever the order of their sums.
        scores = points[block] @ points.T - half - half[block, None]
        found: FloatArray = np.round(np.minimum(2 * scores, 0.0), 14)
        return found

    # -|x - y|^2 / 2 = x.y - |y|^2 / 2 - |x|^2 / 2, whose last part is the same for all y.
    ones = np.ones((len(points), 1))
    left = np.hstack([points, ones]).astype(np.float32)
    right = np.hstack([points, -half[:, None]]).astype(np.float32)
    # The lengths of the two sides are at most sqrt(2) and sqrt(1.25).
    error = 1.01 * (points.shape[1] + 5) * _ROUNDOFF * 1.6
    own = np.arange(len(points), dtype=np.intp)
    found, scores = _Search(left, right, error, by_pair, by_block).run(k, own)
    distances: FloatArray = np.sqrt(-scores) * scale
    return found, distances


@dataclass(frozen=True)
class _Search:
    """Scores in float32 narrow the pool down; float64 decides among what they leave in doubt."""

    left: FloatArray  # float32; a score is the product of a left and a right row
    right: FloatArray
    error: float  # of a score in float32
    by_pair: Callable[[Rows, Rows], FloatArray]  # what is ranked, in float64, of pairs
    by_block: Callable[[slice], FloatArray]  # the same of a block of queries with the pool

    def run(self, k: int, own: Rows | None) -> tuple[Rows, FloatArray]:
        m, n = len(self.left), len(self.right)
        found = np.empty((m, k), dtype=np.intp)
        step = max(1, _AT_ONCE // n)
        for start in range(0, m, step):
            block = slice(start, min(start + step, m))
            scores = self.left[block] @ self.right.T
            if own is not None:
                scores[np.arange(len(scores)), own[block]] = -np.inf
            rows, columns = self._in_doubt(scores, k)
            if rows.size > _MANY * scores.size and rows.size > 4 * k * len(scores):
                found[block] = self._sorted(block, own, k)
            else:
                found[block] = self._best(rows, columns, start, k)
        # Ascending rows and a stable sort: ties go to the smaller row.
        found.sort(axis=1)
        values = self._values(np.repeat(np.arange(m), k), found.ravel()).reshape(m, k)
        order = np.argsort(-values, axis=1, kind="stable")
        return np.take_along_axis(found, order, axis=1), np.take_along_axis(values, order, axis=1)

    def _in_doubt(self, scores: FloatArray, k: int) -> tuple[Rows, Rows]:
        """Return all that may be among the k best of each row, sorted by row and column."""
        n = scores.shape[1]
        # The k-th largest of the maxima of groups of columns is no larger than the k-th score
        # and near it, and takes one pass over the scores.
        groups = min(n, max(8 * k, 64))
        width = n // groups
        maxima = scores[:, : groups * width].reshape(len(scores), groups, width).max(axis=2)
        kth = np.partition(maxima, groups - k, axis=1)[:, groups - k]
        limit = (kth.astype(np.float64) - 2 * self.error).astype(np.float32)
        # One step down, lest the rounding of the limit costs a candidate.
        limit = np.nextafter(limit, np.float32(-np.inf))
        keep = scores >= np.maximum(limit, np.finfo(np.float32).min)[:, None]
        rows, columns = np.nonzero(keep)
        return rows, columns

    def _best(self, rows: Rows, columns: Rows, start: int, k: int) -> Rows:
        values = self._values(rows + start, columns)
        order = np.lexsort((columns, -values, rows))
        counts = np.bincount(rows)
        first = np.cumsum(counts) - counts
        chosen: Rows = columns[order][(first[:, None] + np.arange(k)).ravel()].reshape(-1, k)
        return chosen

    def _sorted(self, block: slice, own: Rows | None, k: int) -> Rows:
        values = self.by_block(block)
        if own is not None:
            values[np.arange(len(values)), own[block]] = -np.inf
        chosen: Rows = np.argsort(-values, axis=1, kind="stable")[:, :k]
        return chosen

    def _values(self, rows: Rows, columns: Rows) -> FloatArray:
        step = max(1, _AT_ONCE // (4 * self.left.shape[1]))
        starts = range(0, rows.size, step)
        return np.concatenate(
            [self.by_pair(rows[s : s + step], columns[s : s + step]) for s in starts]
        )
