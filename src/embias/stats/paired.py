"""Two encoders on the same words: whether their bias differs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike

from embias.errors import InputError
from embias.results import Alternative, Interval
from embias.stats.bootstrap import bootstrap_interval, bootstrap_replicates, check_level
from embias.stats.effect_size import figures_by_row
from embias.stats.inputs import check_choice, check_size, checked_scores, pooled_sd, seed_of
from embias.stats.permutation import MAX_SUMS
from embias.stats.sign_flips import sign_flips
from embias.types import FloatArray

__all__ = ["PairedResult", "Scale", "paired_test"]

Scale: TypeAlias = Literal["none", "pooled_sd"]

#: Sign patterns drawn at a time. Fixed, so that the draws do not depend on the machine.
_AT_ONCE = 2048


@dataclass(frozen=True, slots=True)
class PairedResult:
    """The difference in bias between two encoders, on the same words.

    Attributes
    ----------
    statistic : float
        ``D2 - D1``, the difference of the mean differences, on the chosen scale; 0 is no
        difference, positive: encoder 2 has the larger D.
    statistic_1, statistic_2 : float
        D of each encoder, on the chosen scale.
    interval : Interval
        Percentile bootstrap over words (within X and within Y, both encoders together) of
        `statistic`. NaN ends where too few words leave it undefined.
    effect_size : float
        ``d2 - d1``, the difference of the effect sizes (ddof 1). NaN where one is undefined.
    effect_size_1, effect_size_2 : float
    effect_size_interval : Interval
        Of `effect_size`, from the same resamples.
    pvalue, pvalue_bounds : float, tuple of float
        Of `statistic`, by flipping signs; bounds as in :class:`PermutationResult`.
    method : {"exact", "sampled"}
    alternative : {"greater", "less", "two-sided"}
    scale : {"none", "pooled_sd"}
    n_x, n_y : int
        Number of words on each side.
    n_flips : int
        ``2 ** (n_x + n_y)``, the number of ways to swap the encoders' scores word by word.
    count : int or None
        Number of them at least as extreme, where the p-value is exact.
    n_resamples : int
        Bootstrap resamples, and draws where the p-value is sampled.
    n_hits : int or None
        Draws at least as extreme, where the p-value is sampled.
    seed : int
    tolerance : float
        Two sums closer than this count as equal.
    note : str
        What a reader must know about these figures.
    """

    statistic: float
    statistic_1: float
    statistic_2: float
    interval: Interval
    effect_size: float
    effect_size_1: float
    effect_size_2: float
    effect_size_interval: Interval
    pvalue: float
    pvalue_bounds: tuple[float, float]
    method: Literal["exact", "sampled"]
    alternative: Alternative
    scale: Scale
    n_x: int
    n_y: int
    n_flips: int
    count: int | None
    n_resamples: int
    n_hits: int | None
    seed: int
    tolerance: float
    note: str = ""


def paired_test(
    x1: ArrayLike,
    y1: ArrayLike,
    x2: ArrayLike,
    y2: ArrayLike,
    *,
    alternative: Alternative = "two-sided",
    scale: Scale = "none",
    n_resamples: int = 9999,
    level: float = 0.95,
    magnitude: float = 0.0,
    max_sums: int = MAX_SUMS,
    rng: int | np.random.Generator | None = 0,
) -> PairedResult:
    """Test whether two encoders differ in bias, on the same words.

    Parameters
    ----------
    x1, y1 : array_like of shape (n_x,), (n_y,)
        Scores of the words of X and Y by encoder 1; three words in all at least.
    x2, y2 : array_like of shape (n_x,), (n_y,)
        Scores of the same words, in the same order, by encoder 2.
    alternative : {"two-sided", "greater", "less"}
        ``greater``: encoder 2 has the larger D.
    scale : {"none", "pooled_sd"}
        ``none``: scores as they are. ``pooled_sd``: the scores of each encoder are divided by
        their own pooled spread within the sets, for encoders whose cosines have different
        spreads; the p-value takes the two spreads as known and is then approximate.
    n_resamples : int
        Bootstrap resamples, at least 100, and draws of the p-value should it be sampled.
    level : float
        Confidence of the intervals, in (0, 1).
    magnitude : float
        Size of the numbers the scores were computed from by subtraction (1 for differences of
        cosines), as in :func:`permutation_pvalue`.
    max_sums : int
        Budget of exact counting, in subset sums: 44 words by default.
    rng : int, Generator or None
        Seed of the bootstrap and of a sampled p-value; None draws a fresh one, recorded.

    Returns
    -------
    PairedResult
        0 is no difference between the encoders; identical scores have p = 1.

    Raises
    ------
    InputError
        Empty, non-finite or not one-dimensional scores; encoders with different numbers of
        words; fewer than three words; scores without spread under ``scale="pooled_sd"``; an
        option that does not exist or is out of range.

    Notes
    -----
    Null hypothesis: for every word, the two encoders' scores are exchangeable. Swapping them
    turns the sign of the word's contribution ``(x2 - x1) / n_x`` or ``-(y2 - y1) / n_y``, so p
    is the share of sign patterns whose sum is as extreme; exact by meet-in-the-middle, else
    sampled with the +1 of Phipson & Smyth. An encoder that scores *all* words higher by the
    same amount has the same D but breaks that null: the test is then conservative. To leave
    such a common shift out, permute ``x2 - x1`` against ``y2 - y1`` with
    :func:`permutation_pvalue`.

    References
    ----------
    Fisher 1935, The Design of Experiments, section 21; Horowitz & Sahni 1974;
    Phipson & Smyth 2010, Stat. Appl. Genet. Mol. Biol. 9:39.
    """
    scores = _checked_pairs(x1, y1, x2, y2)
    check_choice("alternative", alternative, get_args(Alternative))
    check_level(level)
    check_size("n_resamples", n_resamples, 100)
    factors = _factors(scores, scale)
    seed = seed_of(rng)
    first, second = scores.differences(factors)
    flips = sign_flips(scores.contributions(factors), magnitude * max(factors) / scores.smaller)
    pvalue = flips.pvalue(alternative, max_sums, n_resamples, seed)
    size_1, size_2 = scores.effect_sizes()
    intervals = _intervals(scores, factors, n_resamples, level, seed)
    return PairedResult(
        statistic=second - first,
        statistic_1=first,
        statistic_2=second,
        interval=intervals[0],
        effect_size=size_2 - size_1,
        effect_size_1=size_1,
        effect_size_2=size_2,
        effect_size_interval=intervals[1],
        pvalue=pvalue.value,
        pvalue_bounds=pvalue.bounds,
        method="sampled" if pvalue.count is None else "exact",
        alternative=alternative,
        scale=scale,
        n_x=scores.x1.size,
        n_y=scores.y1.size,
        n_flips=2 ** (scores.x1.size + scores.y1.size),
        count=pvalue.count,
        n_resamples=n_resamples,
        n_hits=pvalue.hits,
        seed=seed,
        tolerance=flips.tolerance,
        note=_note(scores, intervals),
    )


@dataclass(frozen=True)
class _Scores:
    """Scores of the words by both encoders."""

    x1: FloatArray
    y1: FloatArray
    x2: FloatArray
    y2: FloatArray

    @property
    def smaller(self) -> int:
        return min(self.x1.size, self.y1.size)

    def differences(self, factors: tuple[float, float]) -> tuple[float, float]:
        """Return D of each encoder."""
        first = float(self.x1.mean() - self.y1.mean()) * factors[0]
        return first, float(self.x2.mean() - self.y2.mean()) * factors[1]

    def effect_sizes(self) -> tuple[float, float]:
        """Return d of each encoder."""
        pairs = ((self.x1, self.y1), (self.x2, self.y2))
        first, second = (float(figures_by_row(x[None], y[None])[1][0]) for x, y in pairs)
        return first, second

    def contributions(self, factors: tuple[float, float]) -> FloatArray:
        """Return what each word adds to ``D2 - D1``."""
        x = (self.x2 * factors[1] - self.x1 * factors[0]) / self.x1.size
        y = (self.y2 * factors[1] - self.y1 * factors[0]) / self.y1.size
        return np.concatenate([x, -y])


def _checked_pairs(x1: ArrayLike, y1: ArrayLike, x2: ArrayLike, y2: ArrayLike) -> _Scores:
    named = {"x1": x1, "y1": y1, "x2": x2, "y2": y2}
    scores = _Scores(*(checked_scores(values, name) for name, values in named.items()))
    for name, one, two in (("x", scores.x1, scores.x2), ("y", scores.y1, scores.y2)):
        if one.size != two.size:
            raise InputError(
                f"{name}1 has {one.size} scores and {name}2 has {two.size}; give the scores of "
                "the same words, in the same order, by both encoders"
            )
    if scores.x1.size + scores.y1.size < 3:
        raise InputError("one word on each side has no effect size; give three words in all")
    return scores


def _factors(scores: _Scores, scale: Scale) -> tuple[float, float]:
    """Return what the scores of each encoder are multiplied by."""
    check_choice("scale", scale, get_args(Scale))
    if scale == "none":
        return 1.0, 1.0
    spreads = pooled_sd(scores.x1, scores.y1), pooled_sd(scores.x2, scores.y2)
    if not all(spreads):
        raise InputError(
            f"scale='pooled_sd': the scores of encoder {1 + spreads.index(0.0)} have no spread "
            "within the sets; use scale='none'"
        )
    return 1 / spreads[0], 1 / spreads[1]


def _intervals(
    scores: _Scores, factors: tuple[float, float], n_resamples: int, level: float, seed: int
) -> tuple[Interval, Interval]:
    """Return the bootstrap intervals of the differences of D and of d."""

    def resample(generator: np.random.Generator, size: int) -> tuple[FloatArray, ...]:
        # The same words for both encoders: that is what makes it paired.
        rows_x = generator.integers(0, scores.x1.size, size=(size, scores.x1.size))
        rows_y = generator.integers(0, scores.y1.size, size=(size, scores.y1.size))
        return scores.x1[rows_x], scores.y1[rows_y], scores.x2[rows_x], scores.y2[rows_y]

    def statistics(generator: np.random.Generator, size: int) -> FloatArray:
        x1, y1, x2, y2 = resample(generator, size)
        second = (x2.mean(axis=1) - y2.mean(axis=1)) * factors[1]
        drawn: FloatArray = second - (x1.mean(axis=1) - y1.mean(axis=1)) * factors[0]
        return drawn

    def sizes(generator: np.random.Generator, size: int) -> FloatArray:
        x1, y1, x2, y2 = resample(generator, size)
        return figures_by_row(x2, y2)[1] - figures_by_row(x1, y1)[1]

    first, second = scores.differences(factors)
    size_1, size_2 = scores.effect_sizes()
    return (
        _percentile(second - first, bootstrap_replicates(statistics, n_resamples, seed), level),
        _percentile(size_2 - size_1, bootstrap_replicates(sizes, n_resamples, seed), level),
    )


def _percentile(observed: float, replicates: FloatArray, level: float) -> Interval:
    try:
        return bootstrap_interval(observed, replicates, level=level, method="percentile")
    except InputError:
        # Too few distinct words: the other figures stand.
        return Interval(math.nan, math.nan, level, "percentile")


def _note(scores: _Scores, intervals: tuple[Interval, Interval]) -> str:
    notes = []
    if scores.smaller == 1:
        notes.append("One word on one side: the intervals leave out how such words vary.")
    elif scores.smaller < 10:
        notes.append("Fewer than 10 words on a side: bootstrap intervals are too narrow.")
    if math.isnan(intervals[1].low):
        notes.append("Too few distinct words for an interval of the effect sizes' difference.")
    return " ".join(notes)
