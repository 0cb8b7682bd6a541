"""Exact counting of relabellings by meet-in-the-middle.

The number of m-subsets of N scores whose sum reaches a threshold is found from the subset sums
of two halves (Horowitz & Sahni 1974, J. ACM 21:277-292), so that 50 scores cost 2 x 2**25 sums
instead of 1.3e14.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from embias.types import FloatArray

__all__ = ["count_reaching", "number_of_sums"]

#: Sums held at a time, at most: about one and a half gigabytes with their copies.
_MOST_AT_ONCE = 60_000_000


def number_of_sums(n: int, m: int, limit: int) -> int | None:
    """Return how many subset sums :func:`count_reaching` forms, its cost in time.

    Parameters
    ----------
    n : int
        Number of scores.
    m : int
        Size of the subsets.
    limit : int
        Stop counting beyond it: the numbers themselves can be huge.

    Returns
    -------
    int or None
        None when there are more than `limit`, or so many of one size at a time that they would
        not fit into the memory.
    """
    half = n // 2
    total = 0
    for k in range(max(0, m - (n - half)), min(half, m) + 1):
        at_once = math.comb(half, k) + math.comb(n - half, m - k)
        total += at_once
        if total > limit or at_once > _MOST_AT_ONCE:
            return None
    return total


def count_reaching(scores: FloatArray, m: int, threshold: float) -> int:
    """Count the m-subsets of `scores` whose sum is at least `threshold`.

    Parameters
    ----------
    scores : ndarray of shape (n,)
        Finite float64 scores.
    m : int
        Size of the subsets, ``0 <= m <= n``.
    threshold : float
        The sum to reach. Sums are formed in another order than the caller's, so take rounding
        off the threshold beforehand.

    Returns
    -------
    int
        Between 0 and ``comb(n, m)``.
    """
    n = scores.size
    half = n // 2
    exact: NDArray[np.float64] = scores.astype(np.float64)
    left, right = _Sums(exact[:half], m), _Sums(exact[half:], m)
    total = 0
    for k in range(max(0, m - (n - half)), min(half, m) + 1):
        total += _count_pairs(left.of_size(k), right.of_size(m - k), threshold)
    return total


def _count_pairs(left: FloatArray, right: FloatArray, threshold: float) -> int:
    """Count the pairs with ``l + r >= threshold``."""
    # What cannot reach the threshold with the best partner, and what reaches it with the worst,
    # needs no search; in a far tail that is nearly everything.
    left = left[left >= threshold - right.max()]
    if left.size == 0:
        return 0
    sure = left >= threshold - right.min()
    count = int(np.count_nonzero(sure)) * right.size
    left = left[~sure]
    if left.size == 0:
        return count
    right = right[right >= threshold - left.max()]
    if right.size == 0:
        return count
    if right.size > left.size:
        left, right = right, left
    right.sort()
    # Sorted queries walk the memory in order, which is worth the sort.
    needed = threshold - left
    needed.sort()
    below = np.searchsorted(right, needed, side="left")
    return count + left.size * right.size - int(below.sum(dtype=np.int64))


class _Sums:
    """Subset sums of one half, formed size by size from two quarters to bound the memory."""

    def __init__(self, scores: NDArray[np.float64], largest: int) -> None:
        middle = scores.size // 2
        self._first = _all_sums(scores[:middle], largest)
        self._second = _all_sums(scores[middle:], largest)

    def of_size(self, k: int) -> FloatArray:
        """Return the sums of all k-subsets of the half."""
        return _joined(self._first, self._second, k)


def _joined(
    first: list[NDArray[np.float64]], second: list[NDArray[np.float64]], k: int
) -> NDArray[np.float64]:
    """Return the sums of all k-subsets of two parts, from the sums of each."""
    sizes = range(max(0, k - len(second) + 1), min(k, len(first) - 1) + 1)
    return np.concatenate([np.add.outer(first[j], second[k - j]).ravel() for j in sizes])


def _all_sums(scores: NDArray[np.float64], largest: int) -> list[NDArray[np.float64]]:
    """Return the subset sums of `scores`, one array for every size up to `largest`."""
    if scores.size == 0:
        return [np.zeros(1)]
    if scores.size == 1:
        return [np.zeros(1), scores.copy()][: largest + 1]
    middle = scores.size // 2
    first = _all_sums(scores[:middle], largest)
    second = _all_sums(scores[middle:], largest)
    return [_joined(first, second, k) for k in range(min(scores.size, largest) + 1)]
