"""The confidence interval that inverts the permutation test."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import get_args

import numpy as np
from numpy.typing import ArrayLike

from embias.results import Alternative, Interval
from embias.stats._exact import number_of_sums
from embias.stats.bootstrap import check_level
from embias.stats.inputs import check_choice, checked_scores, seed_of
from embias.stats.permutation import MethodChoice, permutation_pvalue

__all__ = ["shift_interval"]

#: Exact counting up to about ten milliseconds; an interval takes some fifty p-values.
_MAX_SUMS = 200_000
#: Width, relative to all possible shifts, to which the ends are found.
_PRECISION = 1e-7
#: The same where p-values are not exact, so that their own error is larger.
_COARSE_PRECISION = 1e-5


def shift_interval(
    scores_x: ArrayLike,
    scores_y: ArrayLike,
    *,
    level: float = 0.95,
    method: MethodChoice = "auto",
    n_resamples: int = 9_999,
    max_sums: int = _MAX_SUMS,
    rng: int | np.random.Generator | None = 0,
) -> Interval:
    """Return the differences of means that a permutation test does not reject.

    A difference ``delta`` is in the interval when neither one-sided permutation test of
    ``scores_x - delta`` against ``scores_y`` has ``p <= (1 - level) / 2``.

    Parameters
    ----------
    scores_x, scores_y : array_like of shape (n_x,), (n_y,)
        Finite scores; the sizes may differ.
    level : float
        Confidence, in (0, 1).
    method : {"auto", "exact", "certified", "sampled"}
        How each p-value is computed, see :func:`permutation_pvalue`.
    n_resamples : int
        Draws of each p-value, should it be sampled.
    max_sums : int
        Budget of ``auto`` for exact counting, per p-value.
    rng : int, Generator or None
        Seed, should a p-value be sampled. All of them use the same relabellings.

    Returns
    -------
    Interval
        For ``D = mean(scores_x) - mean(scores_y)``, in the unit of the scores; a difference of
        0 is no bias. ``(-inf, inf)`` when the sets are so small that no difference could be
        rejected, that is when ``1 / comb(n_x + n_y, n_x) > (1 - level) / 2``: the sets say
        nothing at this level (3 and 3 words at 95 %). `method` of the interval names the
        methods of its p-values.

    Raises
    ------
    InputError
        Empty, non-finite or not one-dimensional scores; a level outside (0, 1); a method that
        does not exist or cannot be carried out for these sizes.

    Notes
    -----
    Exact for any number of words under the shift model: the scores of X are distributed as
    those of Y, moved by D. The interval covers D with probability `level` at least. The
    p-values are monotone in the shift, so each end is found by bisection; it lies outside the
    exact end by less than 1e-7 of the span of all shifts (1e-5, and the width of the bracket,
    where p-values are not exact).

    References
    ----------
    Lehmann & Romano 2005, Testing Statistical Hypotheses, section 5.10; Pitman 1937.
    """
    x, y = checked_scores(scores_x, "scores_x"), checked_scores(scores_y, "scores_y")
    check_level(level)
    check_choice("method", method, get_args(MethodChoice))
    tail = (1 - level) / 2
    # 1 - .95 is a little more than .05: without a slack, 20 relabellings would decide by it.
    tail *= 1 + 1e-12
    if math.comb(x.size + y.size, x.size) * tail < 1:
        return Interval(-math.inf, math.inf, level, "shift, unattainable")
    # Means first: adding a constant to one set moves the ends by exactly that constant.
    centre = float(x.mean() - y.mean())
    x, y = x - x.mean(), y - y.mean()
    used: set[str] = set()
    seed = seed_of(rng)

    def rejects(alternative: Alternative, shift: float) -> bool:
        test = permutation_pvalue(
            x - shift,
            y,
            alternative=alternative,
            method=method,
            n_resamples=n_resamples,
            max_sums=max_sums,
            rng=seed,
        )
        used.add(test.method)
        return test.pvalue <= tail

    countable = number_of_sums(x.size + y.size, min(x.size, y.size), max_sums) is not None
    exact = method == "exact" or (method == "auto" and countable)
    precision = _PRECISION if exact else _COARSE_PRECISION
    smallest, largest = float(x.min() - y.max()), float(x.max() - y.min())
    low = _edge(lambda shift: rejects("greater", shift), smallest, largest, precision)
    high = _edge(lambda shift: rejects("less", shift), largest, smallest, precision)
    methods = ", ".join(sorted(used)) or "exact"
    return Interval(centre + low, centre + high, level, f"shift, {methods}")


def _edge(rejects: Callable[[float], bool], start: float, stop: float, precision: float) -> float:
    """Return the last rejected shift on the way from `start` to `stop`, by bisection.

    The ends of the interval lie between the smallest and the largest difference of an x and a
    y, whatever the level: before `start` the observed labels are the most extreme ones, at
    `stop` the least.
    """
    width = precision * abs(stop - start)
    while abs(stop - start) > width:
        middle = (start + stop) / 2
        if rejects(middle):
            start = middle
        else:
            stop = middle
    return start
