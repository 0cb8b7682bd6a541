"""How often the first of two scores is the higher one, with its interval and its test."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from embias.results import Alternative, Interval
from embias.stats.proportion import wilson_interval
from embias.types import FloatArray

__all__ = ["TIE", "Preference", "share_of"]

#: Two scores (natural logarithms) that differ by less are a tie: single precision and the make-up
#: of a batch move them by about a tenth of this.
TIE = 1e-5
#: The smallest p-value that float64 holds with full precision.
_TINY = float(np.finfo(np.float64).tiny)


def share_of(differences: FloatArray, *, half: bool) -> FloatArray:
    """Return 1 where the first score is higher, 0 where the second is; for a tie 1/2 or 0."""
    tied = 0.5 if half else 0.0
    return np.where(np.abs(differences) <= TIE, tied, (differences > 0).astype(np.float64))


@dataclass(frozen=True)
class Preference:
    """The number of pairs, of those whose first score is higher, and of ties.

    `half` says whether a tie counts one half, or nothing.
    """

    pairs: int
    wins: int
    ties: int
    half: bool

    @classmethod
    def of(cls, differences: FloatArray, *, half: bool) -> Preference:
        """Count finite differences (first score minus second)."""
        ties = np.abs(differences) <= TIE
        wins = (differences > 0) & ~ties
        return cls(differences.size, int(wins.sum()), int(ties.sum()), half)

    @property
    def percent(self) -> float:
        """Percentage of pairs with the first score higher, NaN where there is no pair."""
        if not self.pairs:
            return math.nan
        return 100 * (self.wins + self.half * self.ties / 2) / self.pairs

    @property
    def percent_of_decided(self) -> float:
        """The same among pairs that are not tied."""
        decided = self.pairs - self.ties
        return 100 * self.wins / decided if decided else math.nan

    def interval(self, level: float) -> Interval | None:
        """Return the Wilson interval of `percent`, None where there is no pair."""
        if not self.pairs:
            return None
        # With half a pair over, the ends lie midway between those of the whole numbers.
        twice = 2 * self.wins + self.half * self.ties
        ends = [wilson_interval(hits, self.pairs, level) for hits in (twice // 2, (twice + 1) // 2)]
        low, high = (sum(getattr(one, end) for one in ends) / 2 for end in ("low", "high"))
        return Interval(100 * low, 100 * high, level, "wilson")

    def pvalue(self, alternative: Alternative) -> float:
        """Return the p-value of the sign test against one half, NaN where there is no pair."""
        if not self.pairs:
            return math.nan
        decided = self.pairs - self.ties
        if not decided:
            return 1.0
        found = stats.binomtest(self.wins, decided, 0.5, alternative=alternative)
        # A p-value of 1e-400 is no number of float64, and no p-value is 0.
        return max(float(found.pvalue), _TINY)

    def pvalue_bounds(self, alternative: Alternative) -> tuple[float, float] | None:
        """Return what is known of the p-value."""
        if not self.pairs:
            return None
        value = self.pvalue(alternative)
        return (0.0 if value <= _TINY else value), value
