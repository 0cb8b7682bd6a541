"""Single-category WEAT: the association of each word by itself with two sets of attributes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike

from embias.metrics._relabel import Labels, in_first, relabellings, share_of
from embias.metrics._sides import with_side_means
from embias.metrics._single_category import SingleCategory, single_category
from embias.metrics.card import OF_AN_ASSOCIATION, EdgeCases, MetricCard, RoleVectors
from embias.results import Alternative, Measure
from embias.stats import number_of_sums
from embias.stats.inputs import as_generator, check_choice, check_rng, check_size
from embias.stats.multiplicity import Adjustment, adjust
from embias.stats.permutation import MethodChoice, permutation_pvalue
from embias.types import FloatArray

__all__ = ["sc_weat"]

WordMethod: TypeAlias = Literal["auto", "exact", "certified", "sampled", "none"]

#: Subset sums, over all words, that counting word by word may cost; and what one call costs.
_WORK = 40_000_000
_CALL = 20_000
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
    _check_options(alternative, word_method, n_resamples, rng)
    found = single_category(words, a, b, ddof)
    generator, _ = as_generator(rng)
    pvalues, how = _word_pvalues(found, alternative, word_method, n_resamples, generator)
    adjusted = adjust(pvalues, adjustment)
    result = found.mean_measure(
        "sc_weat", alternative=alternative, method=method, n_resamples=n_resamples, rng=generator
    )
    coarse = how == "sampled" and pvalues.size > _TOO_COARSE * (n_resamples + 1)
    notes = [found.note] if found.note else []
    if coarse:
        notes.append(
            f"{n_resamples} draws are too few for {pvalues.size} words: no p-value of a word can "
            "get below 0.05 when corrected for their number."
        )
    return replace(
        result,
        figures={**result.figures, "alarms": float(np.count_nonzero(adjusted <= 0.05))},
        scores={
            **result.scores,
            "pvalues": tuple(pvalues.tolist()),
            "pvalues_adjusted": tuple(adjusted.tolist()),
        },
        settings={**result.settings, "adjustment": adjustment, "word_method": how},
        note=" ".join(notes),
    )


def _check_options(
    alternative: Alternative, word_method: WordMethod, n_resamples: int, rng: object
) -> None:
    check_choice("alternative", alternative, get_args(Alternative))
    check_choice("word_method", word_method, get_args(WordMethod))
    check_size("n_resamples", n_resamples)
    check_rng(rng)


def _word_pvalues(
    scored: SingleCategory,
    alternative: Alternative,
    method: WordMethod,
    n_resamples: int,
    generator: np.random.Generator,
) -> tuple[FloatArray, str]:
    """Return the p-value of each word, and how it was found."""
    cosines, n_a = scored.cosines, scored.n_a
    n_words, n = cosines.shape
    if method == "none":
        return np.full(n_words, math.nan), method
    if method in ("auto", "sampled"):
        exact, blocks = relabellings(
            (n_a, n - n_a),
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
    blocks: Iterator[Labels],
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
    for labels in blocks:
        sums = in_first(labels) @ centred.T
        if alternative == "two-sided":
            np.abs(sums, out=sums)
        hits += np.count_nonzero(sums >= observed - noise, axis=0)
        total += len(sums)
    return share_of(hits, total, exact=exact), "exact" if exact else "sampled"


def _run(roles: RoleVectors) -> Measure:
    words = np.concatenate([roles.x, roles.y])
    result = sc_weat(words, roles.a, roles.b, alternative=roles.alternative, rng=roles.rng)
    return with_side_means(result, len(roles.x), "x", "y", "x_minus_y")


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
    edge_cases=EdgeCases(
        unequal="any sizes; every attribute of a set weighs the same",
        one_word="one measured word is enough; one attribute on each side is refused",
        two_sets=(
            "in X and Y, or A and B, it counts in both (an audit refuses that); as target and "
            "attribute it has a cosine of 1 with itself, which an audit notes"
        ),
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
    evidence=OF_AN_ASSOCIATION,
)
