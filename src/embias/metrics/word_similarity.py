"""Word and sentence similarity: whether cosines follow human ratings."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from embias.errors import InputError
from embias.geometry.vectors import check_same_dimension, unit_rows
from embias.metrics._correlation import (
    Statistic,
    bootstrap_correlation,
    correlate,
    fisher_interval,
    permutation_tests,
)
from embias.metrics._row_numbers import row_numbers
from embias.metrics.card import EdgeCases, MetricCard
from embias.results import Alternative, Interval, Measure
from embias.stats.bootstrap import check_level
from embias.stats.inputs import as_generator, as_scores, check_choice, check_rng, check_size
from embias.types import FloatArray

__all__ = ["pair_similarity", "word_similarity"]

IntervalMethod: TypeAlias = Literal["fisher", "bca", "percentile", "none"]
Missing: TypeAlias = Literal["drop", "zero"]

#: Decimals of cosines that are compared: the rest is rounding, and must not break ties.
_DECIMALS = 13

CARD = MetricCard(
    name="word_similarity",
    measures=(
        "Whether cosines of word pairs follow human ratings of similarity: what an embedding "
        "is worth, and what is left of it after debiasing. Not a bias."
    ),
    formula="Spearman correlation over pairs of cos(w1, w2) with the rating",
    value_range="[-1, 1]",
    no_bias="none: 1 is full agreement, 0 none; compare before and after a change",
    direction="positive: pairs rated similar are close",
    pvalue=(
        "ratings relabelled over pairs; exact up to 9 pairs, else sampled; two-sided unless "
        "asked otherwise. Interval: Fisher's z with the variance of Bonett & Wright, or bootstrap"
    ),
    caveats=(
        "A weak test of retention: it barely moves under debiasing (look at neighbour_overlap). "
        "Ratings mix similarity with relatedness (SimLex-999 does not), raters agree only to "
        "about .6 - .9, and pairs that share words are not independent. Compare figures only "
        "over the same pairs."
    ),
    edge_cases=EdgeCases(
        missing=(
            "pairs with a missing word (-1) are dropped and counted, or get the cosine 0 "
            "(missing='zero')"
        ),
        unequal="as many ratings as pairs, else refused",
        one_word="fewer than three pairs give NaN, with a note",
        duplicates="a pair that occurs twice counts twice",
        two_sets="a pair of a word with itself has a cosine of 1 and counts",
    ),
    paper=(
        "Finkelstein et al. 2002 (WordSim-353); Hill, Reichart & Korhonen 2015 (SimLex-999); "
        "Bruni, Tran & Baroni 2014 (MEN); Bonett & Wright 2000, Psychometrika 65:23-28"
    ),
    conventions=(
        "gensim's evaluate_word_pairs gives the same correlation, with words compared in upper "
        "case and an analytic p. Pairs with a missing word are dropped, as there by default; "
        "missing='zero' is its dummy4unknown, which mixes coverage with quality."
    ),
    takes="vectors",
    needs="pairs of words with a human rating of their similarity",
)


@dataclass(frozen=True)
class _Options:
    correlation: Statistic
    alternative: Alternative
    interval: IntervalMethod
    level: float
    n_resamples: int
    rng: int | np.random.Generator | None

    def check(self) -> None:
        check_choice("correlation", self.correlation, get_args(Statistic))
        check_choice("alternative", self.alternative, get_args(Alternative))
        check_choice("interval", self.interval, get_args(IntervalMethod))
        check_level(self.level)
        check_size("n_resamples", self.n_resamples, at_least=100)
        check_rng(self.rng)


def word_similarity(
    vectors: ArrayLike,
    pairs: ArrayLike,
    ratings: ArrayLike,
    *,
    missing: Missing = "drop",
    correlation: Statistic = "spearman",
    alternative: Alternative = "two-sided",
    interval: IntervalMethod = "fisher",
    level: float = 0.95,
    n_resamples: int = 9_999,
    rng: int | np.random.Generator | None = 0,
) -> Measure:
    """Correlate cosines of word pairs with human ratings.

    Parameters
    ----------
    vectors : array_like of shape (n, d)
        One row per word.
    pairs : array_like of int, shape (k, 2)
        Rows of the two words of each pair, -1 for a word that has no vector; as
        :func:`embias.metrics.pair_rows` returns them. A pair of a word with itself, and a pair
        that occurs twice, count like any.
    ratings : array_like of shape (k,)
        Larger is more similar; any scale.
    missing : {"drop", "zero"}
        Pairs with a missing word are left out, or get the cosine 0 (as gensim's
        ``dummy4unknown``). They are counted either way.
    correlation : {"spearman", "pearson"}
    alternative : {"two-sided", "greater", "less"}
    interval : {"fisher", "bca", "percentile", "none"}
        Fisher's z (for Spearman with the variance of Bonett & Wright 2000), or a bootstrap
        over pairs.
    level : float
        Confidence, in (0, 1).
    n_resamples : int
        Draws of the p-value beyond 9 pairs, and bootstrap samples; 100 at least.
    rng : int, Generator or None
        Seed.

    Returns
    -------
    Measure
        `value` in [-1, 1]; 1 is full agreement. NaN, with a note, where fewer than three pairs
        are left, or all cosines or all ratings are equal. ``scores["pairs"]``: the cosines,
        NaN for a dropped pair.

    Raises
    ------
    InputError
        Rows that do not exist, ratings that do not match the pairs, options out of range.
    VectorError
        A zero or non-finite vector among those that are asked for.

    References
    ----------
    Finkelstein et al. 2002, ACM TOIS 20:116-131; Hill et al. 2015, CL 41:665-695.
    """
    options = _Options(correlation, alternative, interval, level, n_resamples, rng)
    options.check()
    check_choice("missing", missing, get_args(Missing))
    rated = as_scores(ratings, "ratings")
    table = _table(vectors)
    rows = row_numbers(pairs, "pairs", len(table), columns=2, missing=True)
    if len(rows) != rated.size:
        raise InputError(f"{len(rows)} pairs and {rated.size} ratings; give one for each pair")
    known = (rows >= 0).all(axis=1)
    cosines = np.full(rated.size, math.nan if missing == "drop" else 0.0)
    if known.any():
        used, place = np.unique(rows[known], return_inverse=True)
        units = unit_rows(table[used], "vectors")
        first, second = units[place.reshape(-1, 2)].transpose(1, 0, 2)
        cosines[known] = (first * second).sum(axis=1)
    measure = _correlated("word_similarity", cosines, rated, options)
    lost = int(np.count_nonzero(~known))
    measure.counts.update({"asked": rated.size, "missing": lost})
    measure.settings["missing"] = missing
    if lost:
        what = "left out" if missing == "drop" else "given the cosine 0"
        words = f"{lost} of {rated.size} pairs have a word without a vector and were {what}."
        measure = replace(measure, note=f"{words} {measure.note}".strip())
    return measure


def pair_similarity(
    first: ArrayLike,
    second: ArrayLike,
    ratings: ArrayLike,
    *,
    correlation: Statistic = "spearman",
    alternative: Alternative = "two-sided",
    interval: IntervalMethod = "fisher",
    level: float = 0.95,
    n_resamples: int = 9_999,
    rng: int | np.random.Generator | None = 0,
) -> Measure:
    """Correlate cosines of paired rows with human ratings: semantic textual similarity (STS).

    The same as :func:`word_similarity`, for texts of which each stands in one pair.

    Parameters
    ----------
    first, second : array_like of shape (k, d)
        Vectors of the two texts of each pair.
    ratings : array_like of shape (k,)
    correlation, alternative, interval, level, n_resamples, rng
        As for :func:`word_similarity`.

    Returns
    -------
    Measure
        As of :func:`word_similarity`.

    Raises
    ------
    InputError, VectorError
        As :func:`word_similarity`; also where the two arrays differ in shape.

    References
    ----------
    Cer et al. 2017, SemEval (STS benchmark); Reimers, Beyer & Gurevych 2016, COLING (why
    Spearman rather than Pearson).
    """
    options = _Options(correlation, alternative, interval, level, n_resamples, rng)
    options.check()
    one, two = unit_rows(first, "first"), unit_rows(second, "second")
    check_same_dimension({"first": one, "second": two})
    rated = as_scores(ratings, "ratings")
    if not len(one) == len(two) == rated.size:
        raise InputError(
            f"{len(one)} first texts, {len(two)} second texts and {rated.size} ratings; give one "
            "of each for every pair"
        )
    return _correlated("pair_similarity", (one * two).sum(axis=1), rated, options)


def _table(vectors: ArrayLike) -> NDArray[Any]:
    """Return the vectors as an array, whose rows are checked when they are used."""
    try:
        table = np.asarray(vectors)
    except ValueError as error:
        raise InputError(f"vectors: not an array of numbers ({error})") from error
    if table.ndim != 2:
        raise InputError(f"vectors has shape {table.shape}; give (words, dimensions)")
    return table


def _correlated(
    metric: str, cosines: FloatArray, ratings: FloatArray, options: _Options
) -> Measure:
    kept = np.isfinite(cosines)
    x, y = np.round(cosines[kept], _DECIMALS), ratings[kept]
    empty = Measure(
        metric=metric,
        value=math.nan,
        no_bias=None,
        value_range=(-1.0, 1.0),
        counts={"pairs": x.size},
        scores={"pairs": tuple(cosines.tolist())},
        settings={"correlation": options.correlation, "interval": options.interval},
    )
    if x.size < 3:
        return replace(empty, note="Fewer than three pairs are left, so there is no correlation.")
    for what, values in (("cosines", x), ("ratings", y)):
        if np.ptp(values) == 0:
            return replace(empty, note=f"All {what} are equal, so there is no correlation.")
    value = float(correlate(x[None], y[None], options.correlation)[0])
    ranked = options.correlation == "spearman"
    compared = (stats.rankdata(x), stats.rankdata(y)) if ranked else (x, y)
    generator, seed = as_generator(options.rng)
    # The interval has a stream of its own, so that asking for it leaves the p-value as it is.
    other = generator.spawn(1)[0]
    (tested,) = permutation_tests([compared], options.alternative, options.n_resamples, generator)
    found, note = _interval(x, y, value, options, other)
    if seed is not None:
        empty.settings["seed"] = seed
    return replace(
        empty,
        value=value,
        **tested.fields(),
        alternative=options.alternative,
        null="ratings relabelled over pairs",
        interval=found,
        note=note,
    )


def _interval(
    x: FloatArray, y: FloatArray, value: float, options: _Options, rng: np.random.Generator
) -> tuple[Interval | None, str]:
    if options.interval == "none":
        return None, ""
    if options.interval == "fisher":
        # Bonett & Wright 2000 for ranks, Fisher 1921 for values.
        excess = 1 + value**2 / 2 if options.correlation == "spearman" else 1.0
        return fisher_interval(value, x.size, options.level, unit="pair", excess=excess)
    return bootstrap_correlation(
        x,
        y,
        options.correlation,
        method=options.interval,
        level=options.level,
        n_resamples=options.n_resamples,
        rng=rng,
        unit="pair",
    )
