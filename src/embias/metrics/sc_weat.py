"""Single-category WEAT: the association of each word by itself with two sets of attributes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike

from embias.errors import InputError
from embias.metrics._relabel import relabellings
from embias.metrics._vectors import check_same_dimension, unit_rows
from embias.metrics.card import MetricCard, RoleVectors
from embias.results import Alternative, Measure
from embias.stats._exact import number_of_sums
from embias.stats.effect_size import largest_d
from embias.stats.inputs import as_generator, check_choice, check_rng, check_size
from embias.stats.multiplicity import Adjustment, adjust
from embias.stats.permutation import MethodChoice, permutation_pvalue
from embias.types import FloatArray

__all__ = ["attribute_cosines", "sc_weat", "standardised"]

WordMethod: TypeAlias = Literal["auto", "exact", "certified", "sampled", "none"]

#: Subset sums, over all words, that counting word by word may cost; and what one call costs.
_WORK = 40_000_000
_CALL = 20_000
#: A standard deviation of cosines below this is rounding.
_EQUAL_COSINES = 1e-14
#: Share of the family's level that the smallest p-value by drawing may use up.
_TOO_COARSE = 0.05


def sc_weat(
    words: ArrayLike,
    a: ArrayLike,
    b: ArrayLike,
    *,
    ddof: int = 1,
    alternative: Alternative = "two-sided",
    method: MethodChoice = "auto",
    word_method: WordMethod = "auto",
    adjustment: Adjustment = "holm",
    n_resamples: int = 9_999,
    rng: int | np.random.Generator | None = None,
) -> Measure:
    """Return how much closer each word is to A than to B, in its own standard deviations.

    ``s1(w) = (mean_a cos(w, a) - mean_b cos(w, b)) / std_{x in A and B} cos(w, x)``.

    Parameters
    ----------
    words : array_like of shape (n, d)
        Vectors of the words to be scored; one is enough.
    a, b : array_like of shape (n_a, d), (n_b, d)
        Attribute vectors, three in all at least. The numbers may differ.
    ddof : {1, 0}
        Degrees of freedom of that standard deviation; 1 as ValNorm and WEAT have it.
    alternative : {"two-sided", "greater", "less"}
        ``greater``: closer to A.
    method : {"auto", "exact", "certified", "sampled"}
        How the p-value of the mean is computed, see :func:`embias.stats.permutation_pvalue`.
    word_method : {"auto", "exact", "certified", "sampled", "none"}
        How those of the words are. ``auto``: exact where that is feasible for all the words,
        else the same random relabellings for all.
    adjustment : {"holm", "benjamini-hochberg", "benjamini-yekutieli", "bonferroni", "none"}
        How the p-values of the words are corrected for their number. They depend on one another
        through the attributes they share; Holm's correction allows for that.
    n_resamples : int
        Draws, where p-values are sampled.
    rng : int, Generator or None
        Seed of these draws.

    Returns
    -------
    Measure
        `value`: the mean of s1 over the words; it is not WEAT. 0 is no association, positive is
        closer to A, bounded as WEAT's d with the sizes of A and B. Scores of ``words``: s1;
        ``pvalues`` and ``pvalues_adjusted`` of each word. Figures: ``words_above_0``, the share
        of positive s1; ``alarms``, the number of words with an adjusted p-value of 0.05 at
        most.

    Raises
    ------
    InputError
        Wrong shape, empty set, one attribute on each side (whose s1 would be the same whatever
        the vectors), option that does not exist, a method that is not feasible.
    VectorError
        A zero or non-finite vector.

    Notes
    -----
    The attribute cosines of a word are relabelled, with the sizes of A and B. The p-value of
    the mean relabels the attribute words for all words together: the mean of s1 is a difference
    of means over attribute words too, so it is counted exactly. Both speak of other attribute
    words, not of other measured words.

    A word whose cosines are all equal has no s1 (NaN, p = 1) and is left out of the mean, with
    a note. Rows are not compared: one given twice counts twice, one in A and B counts in both.

    References
    ----------
    Caliskan, Bryson & Narayanan 2017, Science 356:183-186 (WEFAT); Toney & Caliskan 2021, EMNLP
    (ValNorm).

    Examples
    --------
    >>> result = sc_weat([[1.0, 0.0]], [[1.0, 0.0], [1.0, 0.0]], [[0.0, 1.0], [0.0, 1.0]])
    >>> round(result.value, 3)
    1.732
    """
    _check_options(ddof, alternative, word_method, n_resamples, rng)
    cosines, n_a = attribute_cosines(words, a, b)
    scores, deviations = standardised(cosines, n_a, ddof)
    defined = ~np.isnan(scores)
    generator, _ = as_generator(rng)
    pvalues, found = _word_pvalues(cosines, n_a, alternative, word_method, n_resamples, generator)
    adjusted = adjust(pvalues, adjustment)
    parts, noise = _parts_of_mean(cosines[defined], deviations[defined])
    test = permutation_pvalue(
        parts[:n_a],
        parts[n_a:],
        alternative=alternative,
        method=method,
        magnitude=noise,
        n_resamples=n_resamples,
        rng=generator,
    )
    bound = largest_d(n_a, cosines.shape[1] - n_a, ddof=ddof)
    return Measure(
        metric="sc_weat",
        value=_mean(scores),
        no_bias=0.0,
        value_range=(-bound, bound),
        pvalue=test.pvalue,
        pvalue_bounds=test.pvalue_bounds,
        pvalue_method=test.method,
        alternative=alternative,
        null="attribute words relabelled, for all words together",
        n_resamples=test.n_resamples,
        counts={"words": scores.size, "A": n_a, "B": cosines.shape[1] - n_a},
        figures={
            "words_above_0": _mean(np.where(defined, scores > 0, np.nan)),
            "alarms": float(np.count_nonzero(adjusted <= 0.05)),
        },
        scores={
            "words": tuple(scores.tolist()),
            "pvalues": tuple(pvalues.tolist()),
            "pvalues_adjusted": tuple(adjusted.tolist()),
        },
        settings={"ddof": int(ddof), "adjustment": adjustment, "word_method": found},
        note=_note(scores, found, n_resamples),
    )


def _check_options(
    ddof: int, alternative: Alternative, word_method: WordMethod, n_resamples: int, rng: object
) -> None:
    check_choice("alternative", alternative, get_args(Alternative))
    check_choice("word_method", word_method, get_args(WordMethod))
    check_size("n_resamples", n_resamples)
    check_rng(rng)
    if isinstance(ddof, bool) or ddof not in (0, 1):
        raise InputError(f"ddof={ddof!r}; the score is defined for ddof 1 (as published) or 0")


def attribute_cosines(words: ArrayLike, a: ArrayLike, b: ArrayLike) -> tuple[FloatArray, int]:
    """Return the cosines of each word with the attributes, A before B, and the size of A.

    Raises
    ------
    InputError, VectorError
        As :func:`sc_weat`.
    """
    units = {n: unit_rows(rows, n) for n, rows in (("words", words), ("a", a), ("b", b))}
    check_same_dimension(units)
    n_a, n_b = len(units["a"]), len(units["b"])
    if n_a == n_b == 1:
        raise InputError(
            "one attribute on each side: the score would be the same whatever the vectors, and p "
            "at least 1/2; give at least two on one side"
        )
    cosines: FloatArray = units["words"] @ np.concatenate([units["a"], units["b"]]).T
    return cosines, n_a


def standardised(cosines: FloatArray, n_a: int, ddof: int) -> tuple[FloatArray, FloatArray]:
    """Return s1 of each word (NaN where all cosines are equal), and its standard deviation."""
    deviations = cosines.std(axis=1, ddof=ddof)
    differences = cosines[:, :n_a].mean(axis=1) - cosines[:, n_a:].mean(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        scores = np.where(deviations > _EQUAL_COSINES, differences / deviations, np.nan)
    return scores, deviations


def _parts_of_mean(cosines: FloatArray, deviations: FloatArray) -> tuple[FloatArray, float]:
    """Return numbers by attribute word whose difference of means is the mean of s1 over words.

    And the size of the numbers that they come from by subtraction.
    """
    if len(cosines) == 0:
        return np.zeros(cosines.shape[1]), 1.0
    parts: FloatArray = (cosines / deviations[:, None]).mean(axis=0)
    return parts, float((1 / deviations).mean())


def _word_pvalues(
    cosines: FloatArray,
    n_a: int,
    alternative: Alternative,
    method: WordMethod,
    n_resamples: int,
    generator: np.random.Generator,
) -> tuple[FloatArray, str]:
    """Return the p-value of each word, and how it was found."""
    n_words, n = cosines.shape
    if method == "none":
        return np.full(n_words, math.nan), method
    if method in ("auto", "sampled"):
        exact, blocks = relabellings(
            n_a,
            n - n_a,
            cost=n_words,
            n_resamples=n_resamples,
            rng=generator,
            enumerated=method == "auto",
        )
        sums = number_of_sums(n, min(n_a, n - n_a), _WORK)
        dearer = sums is None or n_words * (sums + _CALL) > _WORK
        if exact or method == "sampled" or dearer:
            return _shared(cosines, n_a, alternative, exact, blocks)
        method = "exact"
    found = [
        permutation_pvalue(
            row[:n_a], row[n_a:], alternative=alternative, method=method, magnitude=1.0
        ).pvalue
        for row in cosines
    ]
    return np.array(found), method


def _shared(
    cosines: FloatArray,
    n_a: int,
    alternative: Alternative,
    exact: bool,
    blocks: Iterator[FloatArray],
) -> tuple[FloatArray, Literal["exact", "sampled"]]:
    """Return the p-values of all words by the same relabellings."""
    centred = cosines - cosines.mean(axis=1, keepdims=True)
    if alternative == "less":
        centred = -centred
    observed = centred[:, :n_a].sum(axis=1)
    # As permutation_pvalue has it: sums closer than this are tied.
    noise = n_a * np.maximum(1e-10 * np.abs(centred).max(axis=1), 1e-15)
    if alternative == "two-sided":
        observed = np.abs(observed)
    hits = np.zeros(len(cosines), dtype=np.int64)
    total = 0
    for chosen in blocks:
        sums = chosen @ centred.T
        if alternative == "two-sided":
            np.abs(sums, out=sums)
        hits += np.count_nonzero(sums >= observed - noise, axis=0)
        total += len(sums)
    if exact:
        return np.maximum(hits, 1) / total, "exact"
    return (hits + 1) / (total + 1), "sampled"


def _note(scores: FloatArray, found: str, n_resamples: int) -> str:
    notes = []
    undefined = int(np.count_nonzero(np.isnan(scores)))
    if undefined == scores.size:
        notes.append("All cosines of every word are equal: the score is not defined.")
    elif undefined:
        notes.append(f"{undefined} word(s) with equal cosines have no score: left out.")
    if found == "sampled" and scores.size > _TOO_COARSE * (n_resamples + 1):
        notes.append(
            f"{n_resamples} draws are too few for {scores.size} words: no p-value of a word can "
            "get below 0.05 when corrected for their number."
        )
    return " ".join(notes)


def _run(roles: RoleVectors) -> Measure:
    words = np.concatenate([roles.x, roles.y])
    result = sc_weat(words, roles.a, roles.b, alternative=roles.alternative, rng=roles.rng)
    scores = np.array(result.scores["words"])
    of_x, of_y = (_mean(part) for part in (scores[: len(roles.x)], scores[len(roles.x) :]))
    figures = {"x": of_x, "y": of_y, "x_minus_y": of_x - of_y}
    return replace(result, figures={**result.figures, **figures})


def _mean(scores: FloatArray) -> float:
    defined = scores[~np.isnan(scores)]
    return float(defined.mean()) if defined.size else math.nan


CARD = MetricCard(
    name="sc_weat",
    measures=(
        "How much closer each single word is to one of two attribute sets than to the other. In "
        "an audit the words are X and Y together; figures give X and Y alone."
    ),
    formula="s1(w) = (mean_a cos(w, a) - mean_b cos(w, b)) / std_{x in A and B} cos(w, x), ddof 1",
    value_range="|s1| <= sqrt(N (N - 1) / (nA nB)), N = nA + nB; about 2 for equal sets",
    no_bias="0, for each word and for the mean over words, which is the value",
    direction="positive: closer to A",
    pvalue=(
        "attribute words relabelled, exact where feasible: for each word (corrected for the "
        "number of words), and for the mean of all words together"
    ),
    caveats=(
        "The mean over a set of words is not WEAT. s1 does not change when all cosines of a word "
        "shrink. The p-values of words that share attributes depend on one another."
    ),
    paper=(
        "Caliskan, Bryson & Narayanan 2017, Science 356:183-186; Toney & Caliskan 2021, EMNLP, "
        "7203-7218"
    ),
    conventions=(
        "ValNorm reads the p-value off a normal distribution fitted to shuffles and cuts A and B "
        "to one size; weat_replication divides by one standard deviation of all words. Ours is "
        "the paper's formula with exact counting."
    ),
    run=_run,
)
