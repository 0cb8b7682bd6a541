"""Power of the permutation test among scores like the observed ones, by simulation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import ArrayLike

from embias.errors import InputError
from embias.results import Alternative, Interval
from embias.stats._exact import number_of_sums
from embias.stats.effect_size import d_from_g, g_from_d, largest_d
from embias.stats.inputs import (
    check_choice,
    check_size,
    checked_scores,
    pooled_sd,
    seed_of,
)
from embias.stats.permutation import permutation_pvalue
from embias.stats.power import EffectUnit, check_plan, smallest_pvalue
from embias.stats.proportion import wilson_interval
from embias.types import FloatArray

__all__ = ["SimulatedPower", "simulate_power"]

#: Exact counting up to about four milliseconds a test; larger tests are sampled.
_MAX_SUMS = 40_000


@dataclass(frozen=True, slots=True)
class SimulatedPower:
    """How often a permutation test found an effect that was put into the observed scores.

    Attributes
    ----------
    power : float
        Share of the simulated tests with ``p <= alpha``, in [0, 1].
    interval : Interval
        95 % Wilson interval of that share: the error of the simulation alone.
    effect : float
        The difference of means put in, in the unit of the scores.
    effect_size : float
        The same as a true d (ddof 1), by the pooled spread within the observed sets.
    sd : float
        That spread.
    alpha : float
    alternative : {"greater", "less", "two-sided"}
    n_x, n_y : int
        Number of words on each side in the simulated tests.
    n_simulations, n_rejected : int
    seed : int
    note : str
        Why the power is 0 whatever the effect, if it is.
    """

    power: float
    interval: Interval
    effect: float
    effect_size: float
    sd: float
    alpha: float
    alternative: Alternative
    n_x: int
    n_y: int
    n_simulations: int
    n_rejected: int
    seed: int
    note: str = ""


def simulate_power(
    scores_x: ArrayLike,
    scores_y: ArrayLike,
    effect: float,
    *,
    unit: EffectUnit = "effect_size",
    n_x: int | None = None,
    n_y: int | None = None,
    alpha: float = 0.05,
    alternative: Alternative = "greater",
    n_simulations: int = 1000,
    rng: int | np.random.Generator | None = 0,
) -> SimulatedPower:
    """Estimate how often the permutation test would find an effect among scores like these.

    Both sets are centred, words are drawn from them with replacement (within each set), X is
    shifted to the effect, and the permutation test is made. The observed difference plays no
    part: this is not "observed power".

    Parameters
    ----------
    scores_x, scores_y : array_like of shape (k_x,), (k_y,)
        Finite scores, at least two on each side, not all equal within the sets.
    effect : float
        The true effect, signed; 0 is no bias and gives the rate of false alarms.
    unit : {"effect_size", "statistic"}
        ``effect_size``: d (ddof 1); ``statistic``: D, in the unit of the scores.
    n_x, n_y : int, optional
        Words on each side of the simulated tests; as many as observed, by default.
    alpha : float
        Level of the test, in (0, 1).
    alternative : {"greater", "less", "two-sided"}
    n_simulations : int
        Number of simulated tests; 1000 leave an interval about 0.05 wide.
    rng : int, Generator or None
        Seed.

    Returns
    -------
    SimulatedPower

    Raises
    ------
    InputError
        Bad scores; an effect size that no data can have; alpha outside (0, 1); an option that
        does not exist.

    Notes
    -----
    Centred scores are stretched by ``sqrt(k / (k - 1))``, so that the drawn words have the
    unbiased variance of their set. Tests too large to count quickly are sampled with as many
    relabellings as keep the level exact (999 at .05, 1999 at .01), which costs little power.
    """
    x = checked_scores(scores_x, "scores_x", at_least=2)
    y = checked_scores(scores_y, "scores_y", at_least=2)
    n_x, n_y = x.size if n_x is None else n_x, y.size if n_y is None else n_y
    check_plan(n_x, n_y, alpha, alternative)
    check_size("n_simulations", n_simulations)
    sd = pooled_sd(x, y)
    if sd == 0:
        raise InputError("scores_x, scores_y: no spread within either set, so nothing to simulate")
    shift, d = _shift(effect, unit, sd, n_x, n_y)
    seed = seed_of(rng)
    note = ""
    rejected = 0
    if smallest_pvalue(n_x, n_y, alternative) > alpha:
        note = f"{n_x} and {n_y} words are too few: the smallest possible p is above {alpha:g}."
    else:
        draws = _Draws(_stretched(x), _stretched(y), n_x, n_y, shift)
        rejected = _count_rejections(draws, alpha, alternative, n_simulations, seed)
    return SimulatedPower(
        power=rejected / n_simulations,
        interval=Interval(0.0, 0.0, 0.95, "floor")
        if note
        else wilson_interval(rejected, n_simulations),
        effect=shift,
        effect_size=d,
        sd=sd,
        alpha=alpha,
        alternative=alternative,
        n_x=n_x,
        n_y=n_y,
        n_simulations=n_simulations,
        n_rejected=rejected,
        seed=seed,
        note=note,
    )


@dataclass(frozen=True)
class _Draws:
    """The populations that simulated words come from, and how many of them."""

    x: FloatArray
    y: FloatArray
    n_x: int
    n_y: int
    shift: float

    def draw(self, generator: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        x = generator.choice(self.x, size=self.n_x) + self.shift
        return x, generator.choice(self.y, size=self.n_y)


def _stretched(scores: FloatArray) -> FloatArray:
    centred: FloatArray = (scores - scores.mean()) * math.sqrt(scores.size / (scores.size - 1))
    return centred


def _shift(effect: float, unit: EffectUnit, sd: float, n_x: int, n_y: int) -> tuple[float, float]:
    """Return the effect as a difference of means and as d."""
    check_choice("unit", unit, get_args(EffectUnit))
    if not math.isfinite(effect):
        raise InputError(f"effect={effect!r}; give a finite number")
    if unit == "statistic":
        return float(effect), d_from_g(effect / sd, n_x, n_y)
    if abs(effect) >= largest_d(n_x, n_y):
        raise InputError(
            f"effect={effect!r} as an effect size; {n_x} and {n_y} words have "
            f"|d| < {largest_d(n_x, n_y):.3g}, give a smaller one or unit='statistic'"
        )
    return g_from_d(effect, n_x, n_y) * sd, float(effect)


def _count_rejections(
    draws: _Draws, alpha: float, alternative: Alternative, n_simulations: int, seed: int
) -> int:
    smaller = min(draws.n_x, draws.n_y)
    counted = number_of_sums(draws.n_x + draws.n_y, smaller, _MAX_SUMS) is not None
    # (hits + 1) / (draws + 1) <= alpha has exactly the level alpha when alpha (draws + 1) is
    # whole: 999 draws at .05, 1999 at .01.
    relabellings = math.ceil(max(20, math.ceil(1000 * alpha)) / alpha)
    rejected = 0
    for simulation in np.random.SeedSequence(seed).spawn(n_simulations):
        generator = np.random.default_rng(simulation)
        x, y = draws.draw(generator)
        test = permutation_pvalue(
            x,
            y,
            alternative=alternative,
            method="exact" if counted else "sampled",
            n_resamples=relabellings - 1,
            rng=generator,
        )
        rejected += test.pvalue <= alpha
    return rejected
