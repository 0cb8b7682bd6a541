"""Sums under all patterns of signs: the null of paired differences."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from embias.results import Alternative
from embias.stats.proportion import clopper_pearson
from embias.types import FloatArray

__all__ = ["SignFlipPvalue", "SignFlips", "sign_flips"]

#: Sign patterns drawn at a time. Fixed, so that the draws do not depend on the machine.
_AT_ONCE = 2048


@dataclass(frozen=True)
class SignFlipPvalue:
    """A p-value, what is known of it, and the number of patterns or draws behind it."""

    value: float
    bounds: tuple[float, float]
    count: int | None = None
    hits: int | None = None


@dataclass(frozen=True)
class SignFlips:
    """The sums of `parts` under all patterns of signs."""

    parts: FloatArray
    tolerance: float

    def pvalue(
        self, alternative: Alternative, max_sums: int, n_resamples: int, seed: int
    ) -> SignFlipPvalue:
        """Return the share of patterns at least as extreme as all plus signs."""
        n = self.parts.size
        if not np.any(np.abs(self.parts) > self.tolerance / n):
            return SignFlipPvalue(1.0, (1.0, 1.0), count=2**n)
        observed = math.fsum(self.parts)
        # Turning all signs mirrors the sums, so the tails are equally large.
        sides = 2 if alternative == "two-sided" else 1
        if sides == 2 and abs(observed) <= self.tolerance:
            return SignFlipPvalue(1.0, (1.0, 1.0), count=2**n)
        signs = {"greater": 1.0, "less": -1.0}
        parts = self.parts * signs.get(alternative, math.copysign(1.0, observed))
        if 2 ** (n // 2) + 2 ** (n - n // 2) <= max_sums:
            # The sum is at least the observed one when the turned parts add up to 0 at most.
            count = sides * max(1, _count_at_most(parts, self.tolerance / 2))
            return SignFlipPvalue(count / 2**n, (count / 2**n, count / 2**n), count=count)
        threshold = math.fsum(parts) - self.tolerance
        hits = _count_flips(parts, threshold, sides, n_resamples, seed)
        low, high = clopper_pearson(hits, n_resamples)
        value = (hits + 1) / (n_resamples + 1)
        floor = math.ldexp(sides, -n)
        return SignFlipPvalue(value, (max(min(low, value), floor), max(high, value)), hits=hits)


def sign_flips(parts: FloatArray, noise: float) -> SignFlips:
    """Return the problem with its tolerance, as for the permutation test."""
    spread = float(np.abs(parts).max())
    return SignFlips(parts, parts.size * max(1e-10 * spread, 1e-15 * noise))


def _count_at_most(parts: FloatArray, limit: float) -> int:
    """Count the subsets of any size whose sum is at most `limit`, by meet-in-the-middle."""
    half = parts.size // 2
    left, right = _subset_sums(parts[:half]), _subset_sums(parts[half:])
    left.sort()
    right.sort()
    # Sorted queries walk the memory in order.
    reached = np.searchsorted(right, limit - left[::-1], side="right")
    return int(reached.sum(dtype=np.int64))


def _subset_sums(parts: FloatArray) -> FloatArray:
    sums: FloatArray = np.zeros(1)
    for part in parts:
        sums = np.concatenate([sums, sums + part])
    return sums


def _count_flips(
    parts: FloatArray, threshold: float, sides: int, n_resamples: int, seed: int
) -> int:
    """Draw random signs and count the sums that are extreme."""
    generator = np.random.default_rng(seed)
    hits = 0
    for start in range(0, n_resamples, _AT_ONCE):
        size = min(_AT_ONCE, n_resamples - start)
        signs = 2.0 * generator.integers(0, 2, size=(size, parts.size)) - 1.0
        sums = signs @ parts
        hits += int(np.count_nonzero((np.abs(sums) if sides == 2 else sums) >= threshold))
    return hits
