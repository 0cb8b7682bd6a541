"""The smallest effect that a test finds reliably, by simulation on the observed scores."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from embias.results import Alternative
from embias.stats.effect_size import d_from_g
from embias.stats.inputs import check_share, seed_of
from embias.stats.power import smallest_pvalue
from embias.stats.simulated_power import simulate_power

__all__ = ["simulated_detectable_effect"]

#: Effects beyond this many standard deviations within the sets are found by any test that can.
_LARGEST_G = 64.0


def simulated_detectable_effect(
    scores_x: ArrayLike,
    scores_y: ArrayLike,
    *,
    power: float = 0.8,
    alpha: float = 0.05,
    alternative: Alternative = "greater",
    n_x: int | None = None,
    n_y: int | None = None,
    n_simulations: int = 1000,
    tolerance: float = 0.02,
    rng: int | np.random.Generator | None = 0,
) -> float:
    """Return the smallest true effect size that the permutation test finds reliably.

    Unlike :func:`embias.stats.detectable_effect` it does not take the scores for normal: words
    are drawn from the observed ones, see :func:`embias.stats.simulate_power`. The same draws are
    used for every effect, so that power grows with it but for the last few simulations.

    Parameters
    ----------
    scores_x, scores_y : array_like of shape (k_x,), (k_y,)
        Finite scores, at least two on each side; their spread is used, not their difference.
    power : float
        Share of tests that should find the effect, in (0, 1).
    alpha : float
        Level of the test, in (0, 1).
    alternative : {"greater", "less", "two-sided"}
    n_x, n_y : int, optional
        Words on each side of the simulated tests; as many as observed, by default.
    n_simulations : int
        Number of simulated tests for each effect tried, about a dozen of them.
    tolerance : float
        How finely the effect is located, in standard deviations within the sets.
    rng : int, Generator or None
        Seed.

    Returns
    -------
    float
        d (ddof 1), above 0 whatever the direction; infinite where no p-value can be as small as
        `alpha` with so few words.

    Raises
    ------
    InputError
        As :func:`embias.stats.simulate_power`; power outside (0, 1).
    """
    check_share("power", power)
    seed = seed_of(rng)
    sign = -1.0 if alternative == "less" else 1.0

    def found(g: float) -> float:
        simulated = simulate_power(
            scores_x,
            scores_y,
            sign * float(d_from_g(g, sizes[0], sizes[1])),
            n_x=n_x,
            n_y=n_y,
            alpha=alpha,
            alternative=alternative,
            n_simulations=n_simulations,
            rng=seed,
        )
        return simulated.power

    sizes = (n_x or np.size(np.asarray(scores_x)), n_y or np.size(np.asarray(scores_y)))
    low, high = 0.0, 0.5
    # Also checks the arguments, before anything is made of the sizes.
    if found(0.0) >= power:
        return 0.0
    if smallest_pvalue(sizes[0], sizes[1], alternative) > alpha:
        return math.inf
    while found(high) < power:
        low, high = high, 2 * high
        if high > _LARGEST_G:
            return math.inf
    while high - low > tolerance:
        middle = (low + high) / 2
        low, high = (low, middle) if found(middle) >= power else (middle, high)
    return float(d_from_g(high, sizes[0], sizes[1]))
