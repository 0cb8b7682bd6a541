"""How many values lie below others once these are shifted, for many shifts of many values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embias.types import FloatArray

__all__ = ["RankTable"]

#: Cells for each value: one lookup in ten or so then meets a cell that holds a value.
_CELLS = 16
#: Most cells: a table that stays near the processor.
_MOST_CELLS = 2**17
#: Numbers worked on at a time, near the processor too.
_AT_ONCE = 2**16
#: Cells on either side of a value that count as holding it, for the rounding of positions.
_GUARD = 1e-6


@dataclass(frozen=True)
class RankTable:
    """Sorted values, and for each cell of a grid over them how many lie below it.

    A number is placed in its cell, and where the cell holds no value that is all: no search.
    Only in a cell with values is the number compared with them.

    Attributes
    ----------
    values : ndarray of shape (n,)
        In ascending order.
    tie : float
        Numbers that are no farther apart are equal; equal ones count one half.
    origin, scale : float
        The position of v in the grid is ``(v - origin) * scale``.
    ranks : ndarray of int32
        For each cell how many values lie below it; minus one less that, where it holds values.
        Empty, where the values are too close together for a grid.
    """

    values: FloatArray
    tie: float
    origin: float
    scale: float
    ranks: NDArray[np.int32]

    @classmethod
    def of(cls, values: FloatArray, tie: float, reach: float) -> RankTable:
        """Make the table of sorted values, for numbers up to `reach` in size."""
        n = values.size
        cells = min(_MOST_CELLS, 2 ** math.ceil(math.log2(_CELLS * n)))
        width = float(values[-1] - values[0])
        nothing = np.zeros(0, dtype=np.int32)
        # The ends are kept free, so that what lies beyond them has a cell.
        scale = (cells - 3) / width if width > 0 else math.inf
        if not scale * max(tie, 4 * reach * 2.0**-50) < _GUARD / 4:
            return cls(values, tie, 0.0, 0.0, nothing)
        origin = float(values[0]) - 1.5 / scale
        positions = (values - origin) * scale
        low = (positions - _GUARD).astype(np.intp)
        high = (positions + _GUARD).astype(np.intp)
        # Values whose last cell comes before this one are below whatever is in this one.
        below = np.cumsum(np.bincount(high + 1, minlength=cells)[:cells]).astype(np.int32)
        below[low] = ~below[low]
        at_end = high[high != low]
        below[at_end] = np.where(below[at_end] < 0, below[at_end], ~below[at_end])
        return cls(values, tie, origin, scale, below)

    def below_all(self, bases: FloatArray, shifts: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Count pairs of a value and a number ``base + shift``.

        Parameters
        ----------
        bases, shifts : ndarray of shape (m,), (t,)

        Returns
        -------
        (ndarray of shape (m,), ndarray of shape (n,))
            For each base, how many values lie below base + shift, over all shifts; for each
            value, how many of the m t numbers lie below it.
        """
        n, m = self.values.size, bases.size
        of_bases = np.zeros(m)
        # Numbers by the count of values that are certainly, and possibly, below them.
        least, most = np.zeros(n + 1, dtype=np.intp), np.zeros(n + 1, dtype=np.intp)
        step = max(1, _AT_ONCE // m)
        for start in range(0, shifts.size, step):
            part = shifts[start : start + step]
            low, tied, high = self._ranks(bases, part)
            of_bases += low.sum(axis=0)
            counted = np.bincount(low.ravel(), minlength=n + 1)
            least += counted
            most += counted
            if tied.size:
                before = low.ravel()[tied]
                of_bases += np.bincount(tied % m, (high - before) / 2, minlength=m)
                most += np.bincount(high, minlength=n + 1) - np.bincount(before, minlength=n + 1)
        of_values = (np.cumsum(least)[:n] + np.cumsum(most)[:n]) / 2
        return of_bases, of_values

    def total_below(self, bases: FloatArray, shifts: FloatArray) -> float:
        """Return the sum of the counts that :meth:`below_all` gives for the bases."""
        total = 0.0
        step = max(1, _AT_ONCE // bases.size)
        for start in range(0, shifts.size, step):
            low, tied, high = self._ranks(bases, shifts[start : start + step])
            total += float(low.sum()) + float((high - low.ravel()[tied]).sum()) / 2
        return total

    def _ranks(
        self, bases: FloatArray, shifts: FloatArray
    ) -> tuple[NDArray[np.integer[Any]], NDArray[np.intp], NDArray[np.intp]]:
        """Return how many values lie below each number, shape (shifts, bases).

        With ties: those certainly below; which numbers (of the flat array) tie, and how many
        values are below these or tie with them.
        """
        if not self.ranks.size:
            numbers = (shifts[:, None] + bases).ravel()
            low, high = self._searched(numbers)
            tied = np.flatnonzero(low < high)
            return low.reshape(shifts.size, -1), tied, high[tied]
        places = (shifts * self.scale)[:, None] + (bases - self.origin) * self.scale
        cells = places.astype(np.intp)
        ranks = self.ranks.take(cells, mode="clip")
        flat = ranks.ravel()
        held = np.flatnonzero(flat < 0)
        if not held.size:
            return ranks, held, held
        numbers = shifts[held // bases.size] + bases[held % bases.size]
        low, high = self._compared(numbers, (~flat[held]).astype(np.intp))
        flat[held] = low
        tied = np.flatnonzero(low < high)
        return ranks, held[tied], high[tied]

    def _compared(
        self, numbers: FloatArray, below: NDArray[np.intp]
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return counts, given how many values are below the cell: mostly, one is in it."""
        n = self.values.size
        above = self.values[below] < numbers - self.tie
        low = below + above
        following = self.values[np.minimum(low, n - 1)]
        # Clearly below the next value: done. Else there is a tie, or several in the cell.
        rest = np.flatnonzero((low < n) & (following <= numbers + self.tie))
        high = low.copy()
        low[rest], high[rest] = self._searched(numbers[rest])
        return low, high

    def _searched(self, numbers: FloatArray) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        low = np.searchsorted(self.values, numbers - self.tie, side="left")
        high = np.searchsorted(self.values, numbers + self.tie, side="right")
        return low, high
