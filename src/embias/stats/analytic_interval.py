"""The interval of a standardised mean difference under normal scores."""

from __future__ import annotations

import math

from scipy import optimize, stats

from embias.errors import InputError
from embias.results import Interval
from embias.stats.bootstrap import check_level
from embias.stats.effect_size import d_from_g, g_from_d

__all__ = ["analytic_interval"]

#: Noncentralities beyond this give probabilities of 0 and 1 in float64.
_LARGEST = 1e4


def analytic_interval(
    effect_size: float, n_x: int, n_y: int, *, level: float = 0.95, ddof: int = 1
) -> Interval:
    """Return the interval of WEAT's d by inverting the noncentral t distribution.

    Exact when the scores in both sets are normal with one variance; close to it for scores of
    words in practice. Unlike a bootstrap it holds its level with few words, and it respects the
    bound of d.

    Parameters
    ----------
    effect_size : float
        d over the units (words), finite.
    n_x, n_y : int
        Number of units on each side, three in all at least.
    level : float
        Confidence, in (0, 1).
    ddof : {1, 0}
        Degrees of freedom in the effect size.

    Returns
    -------
    Interval
        0 inside it: no association cannot be excluded at this level (two-sided).

    Raises
    ------
    InputError
        When d is undefined, or reaches its bound (no spread within the sets, so that their
        variance, and with it the interval, is unknown).

    References
    ----------
    Steiger & Fouladi 1997, Noncentrality interval estimation.
    """
    check_level(level)
    df = n_x + n_y - 2
    if df < 1:
        raise InputError(f"{n_x} + {n_y} words leave nothing to estimate a variance from")
    if not math.isfinite(effect_size):
        raise InputError("the effect size is undefined, so it has no interval")
    g = float(g_from_d(effect_size, n_x, n_y, ddof))
    if not math.isfinite(g):
        raise InputError(
            "the effect size is at its bound: the scores do not vary within the sets, so there "
            "is nothing to estimate an interval from"
        )
    root = math.sqrt(n_x * n_y / (n_x + n_y))
    t = g * root
    ends = [_noncentrality(t, df, share) / root for share in ((1 + level) / 2, (1 - level) / 2)]
    low, high = (float(d_from_g(end, n_x, n_y, ddof)) for end in ends)
    return Interval(low, high, level, "analytic")


def _noncentrality(t: float, df: int, share: float) -> float:
    """Return the noncentrality under which a share of draws lies below t."""

    def excess(noncentrality: float) -> float:
        below = float(stats.nct.cdf(t, df, noncentrality))
        if math.isnan(below):
            # SciPy gives NaN far out, where all of the distribution is on one side of t.
            below = 1.0 if noncentrality < t else 0.0
        return below - share

    width = 5.0 + 2 * abs(t)
    low, high = t - width, t + width
    # cdf falls with the noncentrality.
    while excess(low) < 0 and low > -_LARGEST:
        low -= width
    while excess(high) > 0 and high < _LARGEST:
        high += width
    return float(optimize.brentq(excess, low, high, xtol=1e-10))
