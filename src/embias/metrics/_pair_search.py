"""Search of all pairs of words for those whose difference points along a direction."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embias.types import FloatArray

__all__ = ["Candidates", "search_pairs"]

#: Words in a block; two blocks make a 16 MB matrix of cosines.
_BLOCK = 2048
#: Numbers in a piece of pairs that are looked at exactly.
_NUMBERS = 2**22
#: Coordinates gathered at a time: few enough to stay near the processor.
_GATHERED = 2**16
#: Cosines of float32 rows are wrong by less than this; twice as much for squared distances.
_SLACK = 1e-5


@dataclass(frozen=True)
class Candidates:
    """Pairs in order of their score, the best first.

    Attributes
    ----------
    x, y : ndarray of int, shape (n,)
        Rows; x lies farther along the direction.
    scores, distances : ndarray of shape (n,)
    pruned : bool
        Whether worse pairs were dropped to bound the memory.
    """

    x: NDArray[np.intp]
    y: NDArray[np.intp]
    scores: FloatArray
    distances: FloatArray
    pruned: bool


@dataclass
class _Best:
    """The best pairs so far, about `capacity` to twice as many."""

    capacity: int
    floor: float = 0.0
    pruned: bool = False
    held: int = 0
    parts: list[tuple[Any, ...]] = field(default_factory=list)

    def add(self, part: tuple[Any, ...]) -> None:
        self.parts.append(part)
        self.held += len(part[0])
        if self.held > 2 * self.capacity:
            best = tuple(column[: self.capacity] for column in self.ordered())
            self.parts, self.held, self.pruned = [best], self.capacity, True
            self.floor = float(best[2][-1])

    def ordered(self) -> tuple[Any, ...]:
        if not self.parts:
            nothing = np.zeros(0, dtype=np.intp)
            return nothing, nothing, np.zeros(0), np.zeros(0)
        x, y, scores, distances = (np.concatenate(c) for c in zip(*self.parts, strict=True))
        # Ties by row, so that the blocks do not show in the result.
        order = np.lexsort((y, x, -scores))
        return x[order], y[order], scores[order], distances[order]


def search_pairs(
    units: FloatArray,
    direction: FloatArray,
    *,
    delta: float,
    apart: float,
    capacity: int,
    progress: bool = False,
) -> Candidates:
    """Find pairs with ``apart < |x - y| <= delta`` and ``cos(g, x - y) > 0``.

    Parameters
    ----------
    units : ndarray of shape (n, d)
        Unit rows.
    direction : ndarray of shape (d,)
        Unit vector g.
    delta, apart : float
        Greatest distance; distance up to which two vectors are the same.
    capacity : int
        Pairs to keep at least, the best ones.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Candidates
    """
    # float32 only rules out: whatever is reported is computed in float64.
    coarse, along = units.astype(np.float32), units @ direction
    best = _Best(capacity)
    starts = range(0, len(units), _BLOCK)
    blocks: Any = [(i, j) for i in starts for j in starts if j >= i]
    if progress:
        from tqdm.auto import tqdm

        blocks = tqdm(blocks, desc="searching pairs", unit="block")
    for i, j in blocks:
        rows, columns = _within_reach(coarse, along, i, j, delta, best.floor)
        step = max(1, _NUMBERS // units.shape[1])
        for start in range(0, len(rows), step):
            piece = slice(start, start + step)
            best.add(_exactly(units, along, rows[piece], columns[piece], delta, apart))
    x, y, scores, distances = best.ordered()
    return Candidates(x, y, scores, distances, best.pruned)


def _within_reach(
    coarse: NDArray[np.float32], along: FloatArray, i: int, j: int, delta: float, floor: float
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the pairs of two blocks that may be close enough and score high enough."""
    cosines = coarse[i : i + _BLOCK] @ coarse[j : j + _BLOCK].T
    near = cosines >= 1 - delta**2 / 2 - _SLACK
    if i == j:
        near = np.triu(near, 1)
    rows, columns = np.divmod(np.flatnonzero(near), near.shape[1])
    if floor > 0:
        shortest = np.sqrt(np.maximum(2 - 2 * cosines[rows, columns] - 2 * _SLACK, 0.0))
        high = np.abs(along[rows + i] - along[columns + j]) >= floor * shortest
        rows, columns = rows[high], columns[high]
    return rows + i, columns + j


def _exactly(
    units: FloatArray,
    along: FloatArray,
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    delta: float,
    apart: float,
) -> tuple[Any, ...]:
    """Return x, y, score and distance of the pairs that are within reach indeed."""
    distances = np.empty(rows.size)
    step = max(1, _GATHERED // units.shape[1])
    for start in range(0, rows.size, step):
        part = slice(start, start + step)
        between = units[rows[part]]
        between -= units[columns[part]]
        between *= between
        distances[part] = np.sqrt(between.sum(axis=1))
    gains = along[rows] - along[columns]
    # Whichever of the two lies farther along the direction is x.
    x, y = np.where(gains > 0, rows, columns), np.where(gains > 0, columns, rows)
    right = (distances > apart) & (distances <= delta * (1 + 1e-12)) & (gains != 0)
    scores = np.minimum(np.abs(gains[right]) / distances[right], 1.0)
    return x[right], y[right], scores, distances[right]
