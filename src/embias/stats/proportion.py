"""Confidence intervals of a share."""

from __future__ import annotations

import math

from scipy import stats

from embias.errors import InputError
from embias.results import Interval
from embias.stats.inputs import (
    check_share,
    check_size,
)

__all__ = ["clopper_pearson", "wilson_interval"]


def wilson_interval(hits: int, draws: int, level: float = 0.95) -> Interval:
    """Return the Wilson score interval of a share.

    Parameters
    ----------
    hits, draws : int
        ``0 <= hits <= draws``, at least one draw.
    level : float
        Confidence, in (0, 1).

    Returns
    -------
    Interval
        Within [0, 1].

    Raises
    ------
    InputError
        Hits that are not among the draws; a level outside (0, 1).

    References
    ----------
    Wilson 1927, J. Am. Stat. Assoc. 22:209-212.
    """
    check_size("draws", draws)
    check_share("level", level)
    if not 0 <= hits <= draws:
        raise InputError(f"hits={hits}; give a number from 0 to draws={draws}")
    z = float(stats.norm.isf((1 - level) / 2))
    share = hits / draws
    centre = (share + z * z / (2 * draws)) / (1 + z * z / draws)
    spread = share * (1 - share) / draws + z * z / (4 * draws * draws)
    half = z * math.sqrt(spread) / (1 + z * z / draws)
    # At 0 and at all hits the end is exactly 0 or 1; rounding must not move it.
    low = 0.0 if hits == 0 else max(0.0, centre - half)
    high = 1.0 if hits == draws else min(1.0, centre + half)
    return Interval(low, high, level, "wilson")


def clopper_pearson(hits: int, draws: int, level: float = 0.95) -> tuple[float, float]:
    """Return the exact binomial interval of a share (Clopper & Pearson 1934).

    Parameters
    ----------
    hits, draws : int
        Successes among independent draws.
    level : float
        Confidence, in (0, 1).

    Returns
    -------
    tuple of float
        ``(low, high)``.
    """
    alpha = (1 - level) / 2
    low = float(stats.beta.ppf(alpha, hits, draws - hits + 1)) if hits > 0 else 0.0
    high = float(stats.beta.ppf(1 - alpha, hits + 1, draws - hits)) if hits < draws else 1.0
    return low, high
