"""The best columns of each row of a table of scores that is only ever held in tiles."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from embias.types import FloatArray

__all__ = ["AT_ONCE", "UNIT_ROUNDOFF", "Rows", "Scores", "best_columns"]

Rows = NDArray[np.intp]
_Small = NDArray[np.float32]

#: Scores held at a time where a row has to be whole (32 MB in float32).
AT_ONCE = 2**23
#: Half the distance of 1 from the next number in float32.
UNIT_ROUNDOFF = 2.0**-24
#: Rows and columns of a tile: 4 MB, which stays near the processor.
_TILE = 1024
#: Groups of columns for each place that is looked for.
_GROUPS = 4
#: Share of the columns in doubt above which float32 decides too little to be of use.
_MANY = 1 / 16


@dataclass(frozen=True)
class Scores:
    """A table of scores, given by products in float32 and exactly for what these leave open.

    Attributes
    ----------
    left, right : ndarray of float32, shapes (m, d), (n, d)
        A score is the product of a left and a right row.
    error : float
        Bound on the error of a score in float32.
    by_pair : callable
        Exact scores of pairs (rows, columns). The same wherever the rows are equal.
    by_block : callable
        Exact scores of a block of rows with all columns.
    symmetric : bool
        Rows are columns and the table is symmetric, `hidden` too: half of it is multiplied out.
    own : ndarray of int, shape (m,), optional
        A column that is left out for each row; -1 for none.
    words : tuple of ndarray of int, shapes (m,), (n,), optional
        Columns of the row's word are left out.
    """

    left: _Small
    right: _Small
    error: float
    by_pair: Callable[[Rows, Rows], FloatArray]
    by_block: Callable[[slice], FloatArray]
    symmetric: bool = False
    own: Rows | None = None
    words: tuple[Rows, Rows] | None = None

    def tile(self, rows: slice, columns: slice) -> _Small:
        product: _Small = self.left[rows] @ self.right[columns].T
        self.hide(product, rows, columns)
        return product

    def hide(self, scores: FloatArray | _Small, rows: slice, columns: slice) -> None:
        """Set what is left out to minus infinity."""
        if self.own is not None:
            own = self.own[rows]
            here = np.flatnonzero((own >= columns.start) & (own < columns.stop))
            scores[here, own[here] - columns.start] = -np.inf
        if self.words is not None:
            of_rows, of_columns = self.words
            scores[of_rows[rows, None] == of_columns[None, columns]] = -np.inf


def best_columns(table: Scores, k: int) -> Rows:
    """Return the k columns of the largest scores of each row, in ascending order.

    Parameters
    ----------
    table : Scores
    k : int
        At most the columns that no row leaves out.

    Returns
    -------
    ndarray of int, shape (m, k)
        Ties at the k-th place go to the smaller column.
    """
    m, n = len(table.left), len(table.right)
    # Where many places are looked for, one tile holds whole rows.
    whole = n <= max(_TILE, 8 * _GROUPS * k)
    width = n if whole else _TILE
    step = max(1, min(_TILE, AT_ONCE // n)) if whole else _TILE
    blocks = [_Block.of(slice(s, min(s + step, m)), k, n) for s in range(0, m, step)]
    symmetric = table.symmetric and step == width
    found = np.empty((m, k), dtype=np.intp)
    for i, block in enumerate(blocks):
        for start in range(block.rows.start if symmetric else 0, n, width):
            columns = slice(start, min(start + width, n))
            scores = table.tile(block.rows, columns)
            block.offer(scores, columns.start, table.error)
            if symmetric and start > block.rows.start:
                other = blocks[i + (start - block.rows.start) // step]
                other.offer(scores, block.rows.start, table.error, turned=True)
        found[block.rows] = block.chosen(table)
        block.forget()
    return found


@dataclass
class _Block:
    """What is known of the best columns of some rows.

    Attributes
    ----------
    best : ndarray of float32, shape (rows, k)
        Largest maxima of groups of columns so far, the least of them first: no larger than the
        k-th score, and near it.
    limit : ndarray of float32, shape (rows,)
        Whatever may be among the k best has at least this score.
    parts : list of (rows within the block, columns, scores)
        What may be among the k best. For each row, columns come in ascending order.
    """

    rows: slice
    k: int
    n: int
    best: _Small
    limit: _Small
    parts: list[tuple[NDArray[np.uint16], NDArray[np.int32], _Small]] = field(default_factory=list)
    held: int = 0
    hopeless: bool = False

    @classmethod
    def of(cls, rows: slice, k: int, n: int) -> _Block:
        size = rows.stop - rows.start
        nothing = np.full((size, 0), -np.inf, dtype=np.float32)
        return cls(rows, k, n, nothing, np.full(size, np.finfo(np.float32).min))

    @property
    def size(self) -> int:
        return len(self.limit)

    def forget(self) -> None:
        self.parts, self.best = [], self.best[:0]

    def offer(self, scores: _Small, column: int, error: float, *, turned: bool = False) -> None:
        """Take in the scores with the columns from `column` on; turned: given column by row."""
        if self.hopeless:
            return
        self._raise_limit(scores, error, turned)
        if turned:
            flat = np.flatnonzero(scores >= self.limit)
            columns, rows = np.divmod(flat, scores.shape[1])
        else:
            flat = np.flatnonzero(scores >= self.limit[:, None])
            rows, columns = np.divmod(flat, scores.shape[1])
        values = scores.ravel()[flat]
        self.parts.append((rows.astype(np.uint16), (columns + column).astype(np.int32), values))
        self.held += flat.size
        enough = 3 * self.k * self.size
        if self.held > enough:
            self._sift()
            self.hopeless = self.held > max(enough, _MANY * self.size * self.n)
            if self.hopeless:
                self.parts = []

    def _raise_limit(self, scores: _Small, error: float, turned: bool) -> None:
        length = scores.shape[0] if turned else scores.shape[1]
        groups = _GROUPS * self.k
        if self.best.shape[1] == self.k:
            groups = math.ceil(groups * length / self.n)
        groups = min(groups, length)
        width = length // groups
        if turned:
            maxima = scores[: groups * width].reshape(groups, width, -1).max(axis=1).T
        else:
            maxima = scores[:, : groups * width].reshape(-1, groups, width).max(axis=2)
        best = np.concatenate([self.best, maxima], axis=1)
        if best.shape[1] < self.k:
            self.best = best
            return
        place = best.shape[1] - self.k
        self.best = np.partition(best, place, axis=1)[:, place:]
        # The exact k-th is at least this less the error, and what reaches it seems so less once
        # more. One step down, lest the rounding of the limit itself costs a candidate.
        limit = (self.best[:, 0].astype(np.float64) - 2 * error).astype(np.float32)
        limit = np.nextafter(limit, np.float32(-np.inf))
        self.limit = np.maximum(limit, np.finfo(np.float32).min)

    def _sift(self) -> tuple[NDArray[np.uint16], NDArray[np.int32], _Small]:
        """Drop what the limit has left behind, and return the rest."""
        rows, columns, values = (np.concatenate(part) for part in zip(*self.parts, strict=True))
        keep = np.flatnonzero(values >= self.limit[rows])
        kept = rows[keep], columns[keep], values[keep]
        self.parts, self.held = [kept], keep.size
        return kept

    def chosen(self, table: Scores) -> Rows:
        """Return the k best columns of each row, all columns having been offered."""
        if self.hopeless:
            return self._sorted(table)
        rows, columns, values = self._sift()
        # Radix: fast, and stable, so that columns stay in order.
        order = np.argsort(rows, kind="stable")
        row, column = rows[order].astype(np.intp), columns[order].astype(np.intp)
        value, kth = values[order], _kth(rows, values, self.k, self.size)
        sure = value > (kth + 2 * table.error)[row]
        places = self.k - np.bincount(row[sure], minlength=self.size)
        unsure = np.bincount(row[~sure], minlength=self.size)
        taken = sure | (unsure == places)[row]
        doubt = np.flatnonzero(~taken)
        exact = table.by_pair(row[doubt] + self.rows.start, column[doubt])
        ranked = doubt[np.lexsort((column[doubt], -exact, row[doubt]))]
        first = np.searchsorted(row[ranked], np.arange(self.size))
        rank = np.arange(ranked.size) - first[row[ranked]]
        taken[ranked[rank < places[row[ranked]]]] = True
        chosen: Rows = column[taken].reshape(self.size, self.k)
        return chosen

    def _sorted(self, table: Scores) -> Rows:
        """Return the same where too many scores are alike for float32: all of them exactly."""
        found = np.empty((self.size, self.k), dtype=np.intp)
        step = max(1, AT_ONCE // self.n)
        for start in range(self.rows.start, self.rows.stop, step):
            part = slice(start, min(start + step, self.rows.stop))
            scores = table.by_block(part)
            table.hide(scores, part, slice(0, self.n))
            best = np.argsort(-scores, axis=1, kind="stable")[:, : self.k]
            found[start - self.rows.start : part.stop - self.rows.start] = np.sort(best, axis=1)
        return found


def _kth(rows: NDArray[np.uint16], values: _Small, k: int, size: int) -> FloatArray:
    """Return the k-th largest value of each row."""
    # One sort of whole numbers that are in the order of the values: row first, then value.
    bits = values.view(np.uint32)
    top = np.uint32(2**31)
    keys = np.where(bits & top, ~bits, bits | top)
    pairs = np.sort((rows.astype(np.uint64) << np.uint64(32)) | keys)
    ends = np.cumsum(np.bincount(rows, minlength=size))
    found = (pairs[ends - k] & np.uint64(2**32 - 1)).astype(np.uint32)
    back = np.where(found & top, found ^ top, ~found).astype(np.uint32)
    return back.view(np.float32).astype(np.float64)
