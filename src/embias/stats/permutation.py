"""The permutation test for the difference of two means of fixed scores."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike

from embias.errors import InputError
from embias.results import Alternative, PermutationResult, PvalueMethod
from embias.stats._certified import LARGEST_COUNT_BITS, bracket_upper_tail
from embias.stats._exact import count_reaching, number_of_sums
from embias.stats._sampled import count_hits
from embias.stats.inputs import as_generator, as_scores, check_choice, check_rng
from embias.stats.proportion import clopper_pearson
from embias.types import FloatArray

__all__ = [
    "MAX_SUMS",
    "MethodChoice",
    "all_tied",
    "permutation_pvalue",
]

MethodChoice: TypeAlias = Literal["auto", "exact", "certified", "sampled"]
TwoSided: TypeAlias = Literal["abs", "doubled"]

#: Subset sums up to which ``auto`` counts exactly: about half a second.
MAX_SUMS = 10_000_000
#: Subset sums up to which ``exact`` by name is tried: about two minutes.
_MAX_SUMS_BY_NAME = 1_100_000_000
#: Scores that differ by less than this share of the numbers they come from are equal.
_TIED = 1e-14
#: The number of relabellings is given up to here; Python refuses to print much larger numbers.
LARGEST_SHOWN = 10**3000
#: Bracket, relative to the p-value, that ``auto`` takes without a look at sampling.
_NARROW = 0.1


@dataclass(frozen=True)
class _Problem:
    """A one-tailed question: whether the sum over m of the scores reaches t - tolerance.

    The scores are centred, scaled to about one, and oriented so that a large sum is extreme;
    the subset is the smaller side.
    """

    scores: FloatArray
    m: int
    t: float
    tolerance: float

    @property
    def threshold(self) -> float:
        return self.t - self.tolerance

    @property
    def partitions(self) -> int:
        return math.comb(self.scores.size, self.m)

    def mirrored(self) -> _Problem:
        """Ask about the other tail, at the same distance from zero."""
        return _Problem(-self.scores, self.m, self.t, self.tolerance)

    def opposite(self) -> _Problem:
        """Ask the other one-sided question: whether the sum stays at or below t."""
        return _Problem(-self.scores, self.m, -self.t, self.tolerance)


@dataclass(frozen=True)
class _Pvalue:
    method: PvalueMethod
    value: float
    low: float
    high: float
    count: int | None = None
    n_resamples: int | None = None
    hits: int | None = None
    seed: int | None = None
    note: str = ""


@dataclass(frozen=True)
class _Settings:
    method: MethodChoice
    two_sided: TwoSided
    n_resamples: int
    rtol: float
    max_sums: int
    max_work: float
    rng: int | np.random.Generator | None


def permutation_pvalue(
    scores_x: ArrayLike,
    scores_y: ArrayLike,
    *,
    alternative: Alternative = "greater",
    method: MethodChoice = "auto",
    two_sided: TwoSided = "abs",
    n_resamples: int = 99_999,
    rtol: float = 0.01,
    magnitude: float = 0.0,
    max_sums: int = MAX_SUMS,
    max_work: float = 1e9,
    rng: int | np.random.Generator | None = None,
) -> PermutationResult:
    """Test whether two sets of scores differ in mean, by relabelling.

    Under the null hypothesis the labels "x" and "y" are exchangeable: every way to split the
    pooled scores into sets of the observed sizes is equally likely. The p-value is the share of
    these splits, the observed one included, that are at least as extreme as the observed one.

    Parameters
    ----------
    scores_x, scores_y : array_like of shape (n_x,), (n_y,)
        Finite scores, at least one on each side; the sizes may differ.
    alternative : {"greater", "less", "two-sided"}
        ``greater``: the mean of x is larger.
    method : {"auto", "exact", "certified", "sampled"}
        ``exact`` counts all splits (meet-in-the-middle). ``certified`` gives a rigorous
        bracket (dynamic programming on rounded scores) whose upper end is the p-value.
        ``sampled`` draws random splits. ``auto`` takes the first of them that is feasible:
        exact up to `max_sums`, certified if the bracket gets narrower than a tenth of the
        p-value (or than the interval that sampling would leave), else sampled.
    two_sided : {"abs", "doubled"}
        ``abs`` (default): splits whose mean difference is at least as far from its null mean
        0. ``doubled``: twice the smaller one-sided p-value, at most 1 (SciPy's convention).
        The same for equal sizes, except when the statistic is 0.
    n_resamples : int
        Number of draws of the sampled method.
    rtol : float
        Relative width the certified bracket is refined to.
    magnitude : float
        Size of the numbers the scores were computed from by subtraction (1 for differences of
        cosines); their rounding decides what counts as a tie.
    max_sums : int
        Budget of ``auto`` for exact counting, in subset sums.
    max_work : float
        Budget of the certified method, in additions per grid.
    rng : int, Generator or None
        Seed of the sampled method; None draws a fresh one, which is recorded.

    Returns
    -------
    PermutationResult
        `pvalue` is never 0: the smallest is one over the number of splits.

    Raises
    ------
    InputError
        Empty, non-finite or not one-dimensional scores; an option that does not exist; a
        method that cannot be carried out for these sizes.

    Notes
    -----
    Sums closer than ``m max(1e-10 max|c|, 1e-15 u)`` count as tied, with m the smaller size, c
    the centred scores and u the larger of `magnitude` and the largest raw score. When all
    scores are equal up to ``1e-14 u``, p = 1.

    References
    ----------
    Phipson & Smyth 2010, Stat. Appl. Genet. Mol. Biol. 9:39 (the +1 of the sampled p-value);
    Horowitz & Sahni 1974; Pagano & Tritchler 1983.
    """
    x, y = as_scores(scores_x, "scores_x"), as_scores(scores_y, "scores_y")
    check_choice("alternative", alternative, get_args(Alternative))
    check_choice("method", method, get_args(MethodChoice))
    check_choice("two_sided", two_sided, get_args(TwoSided))
    _check_numbers(n_resamples, rtol, magnitude, max_sums, max_work)
    check_rng(rng)
    settings = _Settings(method, two_sided, n_resamples, rtol, max_sums, max_work, rng)
    problem, tolerance = _prepare(x, y, alternative, magnitude)
    pvalue = _solve(problem, alternative, settings)
    return PermutationResult(
        statistic=_mean_difference(x, y),
        pvalue=pvalue.value,
        pvalue_bounds=(pvalue.low, pvalue.high),
        method=pvalue.method,
        alternative=alternative,
        two_sided=two_sided,
        n_x=x.size,
        n_y=y.size,
        n_partitions=min(problem.partitions, LARGEST_SHOWN),
        count=pvalue.count,
        n_resamples=pvalue.n_resamples,
        n_hits=pvalue.hits,
        seed=pvalue.seed,
        tolerance=tolerance,
        note=pvalue.note,
    )


def _check_numbers(
    n_resamples: int, rtol: float, magnitude: float, max_sums: int, max_work: float
) -> None:
    if isinstance(n_resamples, bool) or not isinstance(n_resamples, int | np.integer):
        raise InputError(f"n_resamples={n_resamples!r} is not a whole number")
    if n_resamples < 1:
        raise InputError(f"n_resamples is {n_resamples}; at least 1 draw is needed")
    if not 0 < rtol <= 1:
        raise InputError(f"rtol is {rtol}; give a relative width above 0 up to 1, such as 0.01")
    if not 0 <= magnitude < math.inf:
        raise InputError(f"magnitude is {magnitude}; give the size of numbers, such as 1 or 0")
    for name, budget in (("max_sums", max_sums), ("max_work", max_work)):
        if not budget >= 0:
            raise InputError(f"{name} is {budget}; give a budget from 0 on")


def _mean_difference(x: FloatArray, y: FloatArray) -> float:
    largest = float(max(np.abs(x).max(), np.abs(y).max()))
    if largest < 1e300:
        return float(x.mean() - y.mean())
    # The sum of such scores would overflow on the way to their mean.
    return float(((x / largest).mean() - (y / largest).mean()) * largest)


def _prepare(
    x: FloatArray, y: FloatArray, alternative: Alternative, magnitude: float
) -> tuple[_Problem, float]:
    pooled = np.concatenate([x, y])
    largest = float(np.abs(pooled).max())
    # Dividing first keeps sums of very large scores from overflowing.
    pooled = pooled / (largest or 1.0)
    centred = pooled - math.fsum(pooled) / pooled.size
    spread = float(np.abs(centred).max())
    m = min(x.size, y.size)
    # In units of the largest score, like all that follows; dividing could overflow.
    noise = magnitude / largest if magnitude > largest > 0 else 1.0
    tolerance = m * max(1e-10 * spread, 1e-15 * noise)
    if spread <= max(tolerance, _TIED * noise):
        centred, spread = np.zeros_like(centred), 1.0
    # The sum over y is minus the sum over x: take the smaller side, and turn it so that the
    # question is about a large sum.
    side, sign = (centred[: x.size], 1.0) if x.size <= y.size else (centred[x.size :], -1.0)
    if alternative == "less":
        sign = -sign
    t = sign * math.fsum(side) / spread
    problem = _Problem(sign * centred / spread, m, t, tolerance / spread)
    rounding = m * max(1e-10 * spread * largest, 1e-15 * max(magnitude, largest))
    return problem, rounding


def all_tied(x: FloatArray, y: FloatArray, magnitude: float) -> bool:
    """Whether the scores of both sets are equal up to rounding, so that p is 1.

    Parameters
    ----------
    x, y : ndarray of shape (n_x,), (n_y,)
        Finite scores.
    magnitude : float
        As for :func:`permutation_pvalue`.
    """
    return not np.any(_prepare(x, y, "greater", magnitude)[0].scores)


def _solve(problem: _Problem, alternative: Alternative, settings: _Settings) -> _Pvalue:
    if alternative != "two-sided":
        return _tails([problem], settings)
    if settings.two_sided == "doubled":
        sides = [_tails([side], settings) for side in (problem, problem.opposite())]
        smaller = min(sides, key=lambda side: side.value)
        # Either side may turn out the smaller one: its lower end counts too.
        return _doubled(replace(smaller, low=min(side.low for side in sides)))
    if abs(problem.t) <= problem.tolerance:
        return _Pvalue("exact", 1.0, 1.0, 1.0, count=problem.partitions)
    turned = problem if problem.t > 0 else problem.opposite()
    return _tails([turned, turned.mirrored()], settings)


def _doubled(side: _Pvalue) -> _Pvalue:
    return _Pvalue(
        method=side.method,
        value=min(1.0, 2 * side.value),
        low=min(1.0, 2 * side.low),
        high=min(1.0, 2 * side.high),
        n_resamples=side.n_resamples,
        hits=side.hits,
        seed=side.seed,
        note=side.note,
    )


def _tails(tails: list[_Problem], settings: _Settings) -> _Pvalue:
    """Return the p-value of the union of disjoint tails by the method that is asked for."""
    first = tails[0]
    if not np.any(first.scores):
        # All scores are tied: every relabelling is as extreme as the observed one.
        return _Pvalue("exact", 1.0, 1.0, 1.0, count=first.partitions)
    if settings.method == "sampled":
        return _sampled(tails, settings, note="")
    if settings.method in ("exact", "auto"):
        limit = _MAX_SUMS_BY_NAME if settings.method == "exact" else settings.max_sums
        if number_of_sums(first.scores.size, first.m, limit) is not None:
            return _exact(tails)
    if settings.method == "exact":
        raise InputError(
            f"method='exact' would take too long or too much memory for {first.scores.size} "
            f"scores ({first.m} on the smaller side); use method='certified' for a rigorous "
            "bracket"
        )
    return _certified_or_sampled(tails, settings)


def _exact(tails: list[_Problem]) -> _Pvalue:
    count = sum(count_reaching(tail.scores, tail.m, tail.threshold) for tail in tails)
    # Rounding beyond the tolerance cannot make the observed relabelling miss itself.
    count = min(max(count, 1), tails[0].partitions)
    value = count / tails[0].partitions
    return _Pvalue("exact", value, value, value, count=count)


def _certified_or_sampled(tails: list[_Problem], settings: _Settings) -> _Pvalue:
    certain = settings.method == "certified"
    partitions = tails[0].partitions
    if partitions.bit_length() > LARGEST_COUNT_BITS:
        reason = (
            f"{tails[0].scores.size} scores have more than 2**{LARGEST_COUNT_BITS} relabellings, "
            "too many to certify"
        )
        if certain:
            raise InputError(f"method='certified': {reason}; use method='sampled'")
        return _sampled(tails, settings, note=f"Sampled: {reason}.")
    low = high = 0.0
    for tail in tails:
        bracket = bracket_upper_tail(
            tail.scores,
            tail.m,
            tail.threshold,
            rtol=settings.rtol,
            max_work=settings.max_work,
            # The second tail need not be known better than the first one is.
            atol=settings.rtol * low,
        )
        low, high = low + bracket.low, high + bracket.high
    # The observed relabelling is one of those that count.
    low, high = max(low, 1 / partitions), min(1.0, max(high, 1 / partitions))
    low = min(low, high)
    width = (high - low) / high
    # About what the 95 % interval of a sampled p-value would leave open.
    blur = 4 * math.sqrt((1 - high) / (high * settings.n_resamples))
    if certain or width <= max(_NARROW, blur):
        note = "" if width <= _NARROW else f"The certified bracket is {width:.0%} of p wide."
        return _Pvalue("certified", high, low, high, note=note)
    note = f"Sampled: the certified bracket [{low:.2g}, {high:.2g}] stayed wider than sampling."
    return _sampled(tails, settings, note=note)


def _sampled(tails: list[_Problem], settings: _Settings, *, note: str) -> _Pvalue:
    first = tails[0]
    generator, seed = as_generator(settings.rng)
    lower = -first.threshold if len(tails) == 2 else None
    draws = settings.n_resamples
    hits = count_hits(first.scores, first.m, first.threshold, lower, draws, generator)
    low, high = clopper_pearson(hits, draws)
    value = (hits + 1) / (draws + 1)
    return _Pvalue(
        "sampled",
        value,
        low=max(min(low, value), 1 / first.partitions, sys.float_info.min),
        high=max(high, value),
        n_resamples=draws,
        hits=hits,
        seed=seed,
        note=note,
    )
