"""WEFAT: whether single-word associations follow a known property of the words."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike

from embias.errors import InputError
from embias.metrics._correlation import (
    bootstrap_correlation,
    correlate,
    fisher_interval,
    is_constant,
    permutation_tests,
)
from embias.metrics._relabel import draws_for
from embias.metrics._single_category import SingleCategory, single_category
from embias.metrics.card import OF_AN_ASSOCIATION, EdgeCases, MetricCard, RoleVectors
from embias.results import Alternative, Measure
from embias.stats.bootstrap import check_level
from embias.stats.inputs import as_generator, as_scores, check_choice, check_rng
from embias.stats.permutation import permutation_pvalue
from embias.types import FloatArray

__all__ = ["WefatInterval", "wefat"]

WefatInterval: TypeAlias = Literal["bca", "fisher"]

#: Words up to which the bootstrap is corrected for skewness by the jackknife.
_MOST_LEFT_OUT = 1_000


def wefat(
    words: ArrayLike,
    a: ArrayLike,
    b: ArrayLike,
    values: ArrayLike,
    *,
    ddof: int = 1,
    alternative: Alternative = "two-sided",
    interval: WefatInterval = "bca",
    level: float = 0.95,
    n_resamples: int | None = None,
    rng: int | np.random.Generator | None = None,
) -> Measure:
    """Return the correlation of the words' single-category WEAT with a property of the words.

    Parameters
    ----------
    words : array_like of shape (n, d)
        Vectors of the words (occupations, say), three at least.
    a, b : array_like of shape (n_a, d), (n_b, d)
        Attribute vectors (female and male words), three in all at least.
    values : array_like of shape (n,)
        The property, one finite number for each word: the percentage of women in an occupation.
        Leave out words without a number.
    ddof : {1, 0}
        Degrees of freedom of the standard deviation in the scores.
    alternative : {"two-sided", "greater", "less"}
        ``greater``: words with larger values are closer to A.
    interval : {"bca", "fisher"}
        Bootstrap over words, or Fisher's transform of r (which supposes a bivariate normal
        distribution).
    level : float
        Confidence of the interval, in (0, 1).
    n_resamples : int, optional
        Bootstrap samples, and draws of the p-value; 9,999 for up to 400 words and fewer for
        more, unless given.
    rng : int, Generator or None
        Seed of both.

    Returns
    -------
    Measure
        `value`: Pearson's r of s1 and `values`, in [-1, 1]; 0 is no association, positive: the
        larger the value, the closer to A. Figures: ``spearman``, ``slope`` (s1 for one unit of
        the property) and ``r_squared``. Scores of ``words``: s1; ``values``.

    Raises
    ------
    InputError
        Wrong shape, empty set, fewer than three words, one attribute on each side, values that
        are all equal, not finite or not one for each word; an option that does not exist.
    VectorError
        A zero or non-finite vector.

    Notes
    -----
    The p-value permutes the values among the words: all orders for up to nine words, exact
    counting where the property has two values only, else drawn. A high r says that the vectors
    reflect the statistics of the property; it is neither proof of harm nor of its absence.

    A word whose cosines are all equal has no s1 and is left out, with a note; the value is NaN
    where fewer than three words are left or their s1 are all equal. Rows are not compared: a
    word given twice counts twice.

    References
    ----------
    Caliskan, Bryson & Narayanan 2017, Science 356:183-186.
    """
    check_choice("alternative", alternative, get_args(Alternative))
    check_choice("interval", interval, get_args(WefatInterval))
    check_level(level)
    check_rng(rng)
    found = single_category(words, a, b, ddof)
    known = _checked_values(values, found.scores.size)
    draws = draws_for(n_resamples, 10 * known.size, at_least=100)
    result = _measure(found, known)
    if math.isnan(result.value):
        return result
    scores, known = found.scores[found.defined], known[found.defined]
    generator, _ = as_generator(rng)
    result = _with_test(result, scores, known, alternative, draws, generator)
    return _with_interval(result, scores, known, interval, level, draws, generator)


def _checked_values(values: ArrayLike, n: int) -> FloatArray:
    known = as_scores(values, "values")
    if known.size != n:
        raise InputError(f"values has {known.size} numbers for {n} words; give one for each word")
    if n < 3:
        raise InputError(f"words has {n} row(s); a correlation needs three at least: add words")
    if is_constant(known):
        raise InputError(
            f"values are all {known[0]:g}; a correlation needs a property in which words differ"
        )
    return known


def _measure(found: SingleCategory, known: FloatArray) -> Measure:
    note = found.note
    r = spearman = slope = math.nan
    s, v = found.scores[found.defined], known[found.defined]
    if s.size >= 3:
        r = float(correlate(s[None], v[None], "pearson")[0])
    if math.isnan(r):
        note = f"{note} Too few words that differ in score and property: r is undefined.".strip()
    else:
        # Rounding must not order scores that are equal.
        spearman = float(correlate(np.round(s, 12)[None], v[None], "spearman")[0])
        slope = r * float(s.std() / v.std())
    return Measure(
        metric="wefat",
        value=r,
        no_bias=0.0,
        value_range=(-1.0, 1.0),
        counts={"words": s.size, "A": found.n_a, "B": found.n_b},
        figures={"spearman": spearman, "slope": slope, "r_squared": r * r},
        scores={"words": tuple(found.scores.tolist()), "values": tuple(known.tolist())},
        settings={"ddof": int(found.ddof)},
        note=note,
    )


def _with_test(
    result: Measure,
    scores: FloatArray,
    known: FloatArray,
    alternative: Alternative,
    draws: int,
    generator: np.random.Generator,
) -> Measure:
    result = replace(result, alternative=alternative, null="values permuted among the words")
    levels = np.unique(known)
    if levels.size != 2:
        (drawn,) = permutation_tests([(scores, known)], alternative, draws, generator)
        return replace(result, **drawn.fields())
    # With two values, r grows with the difference of the means: counted like WEAT.
    upper = known == levels[1]
    test = permutation_pvalue(
        scores[upper],
        scores[~upper],
        alternative=alternative,
        magnitude=float(np.abs(scores).max()),
        n_resamples=draws,
        rng=generator,
    )
    return replace(
        result,
        pvalue=test.pvalue,
        pvalue_bounds=test.pvalue_bounds,
        pvalue_method=test.method,
        n_resamples=test.n_resamples,
    )


def _with_interval(
    result: Measure,
    scores: FloatArray,
    known: FloatArray,
    kind: WefatInterval,
    level: float,
    draws: int,
    generator: np.random.Generator,
) -> Measure:
    settings = {**result.settings, "interval": kind, "n_resamples": draws}
    if kind == "fisher":
        found, note = fisher_interval(result.value, scores.size, level)
    else:
        found, note = bootstrap_correlation(
            scores,
            known,
            "pearson",
            method="bca",
            level=level,
            n_resamples=draws,
            rng=generator,
            most_left_out=_MOST_LEFT_OUT,
        )
        if found is not None and scores.size < 10:
            note = "Fewer than 10 words: the interval is too narrow."
    note = " ".join(part for part in (result.note, note) if part)
    return replace(result, interval=found, settings=settings, note=note)


def _run(roles: RoleVectors) -> Measure:
    words = np.concatenate([roles.x, roles.y])
    result = wefat(
        words,
        roles.a,
        roles.b,
        np.r_[np.ones(len(roles.x)), np.zeros(len(roles.y))],
        alternative=roles.alternative,
        level=roles.level,
        rng=roles.rng,
    )
    return replace(result, null="words of X and Y relabelled")


CARD = MetricCard(
    name="wefat",
    measures=(
        "Whether the association of single words with two attribute sets follows a known property "
        "of the words (percentage of women in an occupation). In an audit the property is the set "
        "that a word is of: 1 for X, 0 for Y."
    ),
    formula="Pearson's r of s1(w), as in sc_weat, and the property",
    value_range="[-1, 1]",
    no_bias="0",
    direction="positive: the larger the property (X), the closer to A",
    pvalue=(
        "values permuted among words: exact for two values (sets) and for up to nine words, else "
        "sampled"
    ),
    caveats=(
        "A high r says that the vectors reflect the statistics of the property in their corpus: "
        "neither proof of harm nor of its absence. Frequency of words can drive both sides. r "
        "moves with the words that are left out: state their number."
    ),
    edge_cases=EdgeCases(
        unequal="any sizes; r weighs words, not sets",
        one_word="fewer than three words, or one attribute on each side, are refused",
        two_sets=(
            "in X and Y, or A and B, it counts in both (an audit refuses that); as target and "
            "attribute it has a cosine of 1 with itself, which an audit notes"
        ),
    ),
    paper="Caliskan, Bryson & Narayanan 2017, Science 356:183-186",
    conventions=(
        "weat_replication divides by one standard deviation of all words, which changes r. Ours "
        "is the paper's score of each word by its own attribute cosines."
    ),
    run=_run,
    evidence=OF_AN_ASSOCIATION,
)
