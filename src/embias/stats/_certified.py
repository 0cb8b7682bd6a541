"""Rigorous bounds on a permutation p-value by dynamic programming over rounded scores.

Scores are rounded to a grid, the relabellings are counted exactly on the grid (Pagano &
Tritchler 1983, JASA 78:435-440), and what rounding can do is bounded, so the exact p-value
lies between two computed numbers. Only positive terms are added, so that the relative error of
the arithmetic itself is bounded too and widens the bracket.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embias.types import FloatArray

__all__ = ["LARGEST_COUNT_BITS", "Bracket", "bracket_upper_tail"]

#: Counts of subsets are kept in float64; beyond this size of ``comb(n, m)`` they would overflow.
LARGEST_COUNT_BITS = 1000

#: States held at once, at most: 256 MB.
MOST_CELLS = 32_000_000

#: Scores of the order of one closer than this to a grid point lie on it.
_ROUNDING = 1e-12
#: Finest grid that is looked for, in levels from the lowest to the highest score.
_LARGEST_LEVEL = 100_000


@dataclass(frozen=True)
class Bracket:
    """Certain bounds: ``low <= p <= high``; `work` is the cost in additions."""

    low: float
    high: float
    work: int

    @property
    def relative_width(self) -> float:
        """``(high - low) / high``, in [0, 1]; 0 when nothing reaches the threshold."""
        return (self.high - self.low) / self.high if self.high else 0.0


def bracket_upper_tail(
    scores: FloatArray,
    m: int,
    threshold: float,
    *,
    rtol: float,
    max_work: float,
    atol: float = 0.0,
) -> Bracket:
    """Bound the share of m-subsets of `scores` whose sum is at least `threshold`.

    The grid is refined until the bracket is relatively narrower than `rtol` or the next grid
    would cost more than `max_work` additions; the narrowest bracket is returned.

    Parameters
    ----------
    scores : ndarray of shape (n,)
        Finite float64 scores, of the order of one.
    m : int
        Size of the subsets, ``1 <= m < n``, best the smaller side.
    threshold : float
        The sum to reach, rounding already taken off.
    rtol : float
        Relative width to reach.
    max_work : float
        Budget of additions for one grid.
    atol : float
        Absolute width that is enough, whatever the relative one.

    Returns
    -------
    Bracket
    """
    ordered = np.sort(scores)[::-1]
    total = math.comb(scores.size, m)
    if ordered[0] == ordered[-1]:
        return Bracket(0.0, 1.0, 0)
    lattice = _lattice(ordered, m)
    if lattice is not None:
        windows = _Windows(lattice.levels, m, *lattice.thresholds(threshold))
        if windows.fit(max_work):
            # Whole multiples of one step are rounded by nothing: there is nothing to refine.
            return _bracket(lattice, windows, total)
    spill = 0.002 * rtol * max(_normal_tail(ordered, m, threshold), 1 / total)
    steps = _affordable(ordered, m, 512.0, threshold, spill, max_work / 20, floor=16.0)
    best: Bracket | None = None
    while True:
        grid = _best_grid(ordered, m, steps, spill)
        windows = _Windows(grid.levels, m, *grid.thresholds(threshold))
        if best is not None and not windows.fit(max_work):
            return best
        bracket = _bracket(grid, windows, total)
        resolved = grid.error_high - grid.error_low <= 4 * grid.slack
        if best is None or bracket.relative_width < best.relative_width:
            best = bracket
        elif resolved:
            # A finer grid changes nothing: what is left are sums equal to the threshold.
            return best
        # Below one and a half relabellings, only the observed one can be left between.
        width = best.high - best.low
        narrow = width <= max(rtol * best.high, atol) or width * total < 1.5
        if narrow or not windows.fit(max_work):
            return best
        # The width falls about as one over the steps while it is small.
        growth = 1.3 * best.relative_width / rtol if best.relative_width < 0.3 else 16.0
        spill = 0.02 * max(rtol * best.low, atol)
        wanted = grid.steps * min(16.0, max(1.5, growth))
        steps = _affordable(ordered, m, wanted, threshold, spill, max_work, floor=1.2 * grid.steps)


def _lattice(ordered: FloatArray, m: int) -> _Grid | None:
    """Return the grid on which all scores lie (ranks, counts, zeros and ones), if there is one."""
    above = ordered - ordered[-1]
    step = float(above[0])
    for value in np.unique(above)[1:]:
        # Euclid's algorithm, with the rounding of the scores for zero.
        larger, smaller = max(step, float(value)), min(step, float(value))
        while smaller > _ROUNDING:
            larger, smaller = smaller, larger % smaller
            smaller = min(smaller, larger - smaller)
        step = larger
        if step < above[0] / _LARGEST_LEVEL:
            return None
    grid = _round(ordered, m, float(np.rint(above[0] / step)) / float(above[0]), 0.0)
    exact = grid.error_high - grid.error_low <= m * _ROUNDING
    return grid if exact else None


def _normal_tail(ordered: FloatArray, m: int, threshold: float) -> float:
    """Guess the p-value from the first two moments; only to choose where to spend effort."""
    n = ordered.size
    deviation = float(ordered.std(ddof=1)) * math.sqrt(m * (n - m) / n)
    z = (threshold - m * float(ordered.mean())) / deviation
    return 0.5 * math.erfc(z / math.sqrt(2))


def _affordable(
    ordered: FloatArray,
    m: int,
    steps: float,
    threshold: float,
    spill: float,
    max_work: float,
    floor: float,
) -> float:
    """Return the finest grid up to `steps` that stays within the budget (at least `floor`)."""
    while steps > floor:
        grid = _round(ordered, m, steps, spill)
        if _Windows(grid.levels, m, *grid.thresholds(threshold)).fit(max_work):
            return steps
        steps /= 1.3
    return floor


@dataclass(frozen=True)
class _Grid:
    """Scores as whole numbers of steps above the lowest, and what rounding can do to a sum."""

    levels: NDArray[np.int64]  # descending
    steps: float  # grid steps per unit of score
    base: float  # m times the lowest score
    error_low: float
    error_high: float
    spill: float  # probability left outside [error_low, error_high]
    slack: float  # rounding of the thresholds themselves

    def thresholds(self, threshold: float) -> tuple[int, int]:
        """Return the level sums that certainly miss (below the first) and reach (the second)."""
        lower = self.steps * (threshold - self.base - self.error_high - self.slack)
        upper = self.steps * (threshold - self.base - self.error_low + self.slack)
        return math.ceil(lower), math.ceil(upper)


def _best_grid(ordered: FloatArray, m: int, steps: float, spill: float) -> _Grid:
    """Try a few grids up to `steps` and keep the one on which the scores lie best."""
    grids = [_round(ordered, m, steps * (1 - j / 160), spill) for j in range(16)]
    return min(grids, key=lambda grid: grid.error_high - grid.error_low)


def _round(ordered: FloatArray, m: int, steps: float, spill: float) -> _Grid:
    above = ordered - ordered[-1]
    levels = np.rint(steps * above)
    errors = np.sort(above - levels / steps)
    low, high = float(errors[:m].sum()), float(errors[-m:].sum())
    used = 0.0
    if spill > 0:
        # Hoeffding (1963), valid without replacement: for large m the errors of a random
        # subset hardly ever add up to the worst case.
        spread = float(errors[-1] - errors[0])
        margin = spread * math.sqrt(m * math.log(1 / spill) / 2)
        centre = m * float(errors.mean())
        if centre + margin < high and centre - margin > low:
            low, high, used = centre - margin, centre + margin, spill
    largest = float(np.abs(ordered).max())
    return _Grid(
        levels=levels.astype(np.int64),
        steps=steps,
        base=m * float(ordered[-1]),
        error_low=low,
        error_high=high,
        spill=used,
        slack=4 * m * 2.0**-50 * largest,
    )


class _Windows:
    """Which partial sums can still decide: the states of the dynamic programme.

    Items come in descending order. Having taken k of the first i items with level sum v, the
    best completion takes the next m - k items, the worst one the last m - k. States whose best
    completion misses `lower` are dropped; states whose worst one reaches `upper` are counted at
    once, with all their completions.
    """

    def __init__(self, levels: NDArray[np.int64], m: int, lower: int, upper: int) -> None:
        self.levels = levels
        self.n = levels.size
        self.m = m
        self.lower = lower
        self.upper = upper
        self.prefix = np.concatenate([[0], np.cumsum(levels)])
        k = np.arange(m + 1)
        worst = self.prefix[-1] - self.prefix[self.n - (m - k)]
        #: A state of row k with at least this sum is sure to reach `upper`.
        self.sure = upper - worst
        #: Rows span what is reachable and not dropped when they are entered first.
        self.start = np.maximum(lower - (self.prefix[m] - self.prefix[k]), 0)
        self.stop = np.maximum(np.minimum(self.prefix[k] + 1, self.sure), self.start)
        self.stop[m] = max(int(self.start[m]), int(min(self.prefix[m] + 1, upper)))

    def taken(self, i: int) -> range:
        """Return the numbers k that can have been taken from the first i items (k < m)."""
        return range(max(0, self.m - (self.n - i)), min(i, self.m - 1) + 1)

    def alive(self, i: int, k: int) -> tuple[int, int]:
        """Return the sums, first and behind the last, that matter in row k before item i."""
        prefix, m = self.prefix, self.m
        first = max(int(prefix[i] - prefix[i - k]), self.lower - int(prefix[i + m - k] - prefix[i]))
        return max(first, int(self.start[k])), int(self.stop[k])

    @property
    def work(self) -> int:
        """Number of additions, at most."""
        k = np.arange(self.m)
        cost = 0
        for i in range(self.n):
            rows = k[(k >= self.m - (self.n - i)) & (k <= i)]
            if rows.size == 0:
                continue
            reach = self.prefix[i] - self.prefix[i - rows]
            first = np.maximum(reach, self.lower - self.prefix[i + self.m - rows] + self.prefix[i])
            first = np.maximum(first, self.start[rows])
            cost += int(np.maximum(self.stop[rows] - first, 0).sum())
        return cost + self.cells

    @property
    def cells(self) -> int:
        """Number of states held at once."""
        return int((self.stop - self.start).sum())

    def fit(self, max_work: float) -> bool:
        """Whether time and memory stay within the budget."""
        return self.cells <= MOST_CELLS and self.work <= max_work


def _bracket(grid: _Grid, windows: _Windows, total: int) -> Bracket:
    """Count on the grid and turn the two counts into certain bounds."""
    sure, between = _count(windows)
    low = sure / total
    high = (sure + between) / total
    # Each count is a sum of positive terms with at most n roundings along any path, and the
    # sums over states are pairwise.
    rho = (4 * windows.n + 64) * 2.0**-53
    low = max(low * (1 - rho) - grid.spill, 0.0)
    high = min(1.0, high * (1 + rho) + grid.spill)
    return Bracket(low, max(low, high), windows.work)


def _count(windows: _Windows) -> tuple[int, int]:
    """Count subsets with level sum >= upper, and those in [lower, upper)."""
    n, m = windows.n, windows.m
    rows = [
        np.zeros(int(stop - start)) for start, stop in zip(windows.start, windows.stop, strict=True)
    ]
    sure = 0
    if windows.sure[0] <= 0:
        return math.comb(n, m), 0
    if rows[0].size and windows.start[0] == 0:
        rows[0][0] = 1.0
    for i in range(n):
        level = int(windows.levels[i])
        for k, first, stop in _transfers(windows, i):
            source = rows[k][first - int(windows.start[k]) : stop - int(windows.start[k])]
            target = rows[k + 1]
            # Sums from `cut` on enter row k + 1 as sure ones: all completions count at once.
            cut = min(stop, max(first, int(windows.sure[k + 1]) - level))
            if cut < stop:
                completions = math.comb(n - i - 1, m - k - 1)
                sure += int(source[cut - first :].sum()) * completions
            if cut > first:
                at = first + level - int(windows.start[k + 1])
                target[at : at + cut - first] += source[: cut - first]
    return sure, int(rows[m].sum())


def _transfers(windows: _Windows, i: int) -> Iterator[tuple[int, int, int]]:
    """Yield (k, first, stop) for the rows from which item i is taken, k descending."""
    # Descending, so that a row is read before item i is added to it.
    for k in reversed(windows.taken(i)):
        first, stop = windows.alive(i, k)
        if first < stop:
            yield k, first, stop
