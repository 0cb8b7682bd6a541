"""ValNorm: whether an embedding orders words by valence as people do."""

from __future__ import annotations

import math
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike

from embias.errors import InputError
from embias.metrics._correlation import (
    bootstrap_correlation,
    correlate,
    fisher_interval,
    permutation_tests,
)
from embias.metrics._relabel import draws_for
from embias.metrics._single_category import single_category
from embias.metrics.card import EdgeCases, MetricCard
from embias.results import Alternative, Interval, Measure
from embias.stats.bootstrap import check_level
from embias.stats.inputs import as_generator, as_scores, check_choice, check_rng
from embias.types import FloatArray

__all__ = ["valnorm"]

ValnormInterval: TypeAlias = Literal["fisher", "bca", "percentile"]

#: Words that a correlation with an interval needs.
_FEWEST = 4


def valnorm(
    words: ArrayLike,
    valence: ArrayLike,
    a: ArrayLike,
    b: ArrayLike,
    *,
    ddof: int = 1,
    alternative: Alternative = "greater",
    interval: ValnormInterval = "fisher",
    level: float = 0.95,
    n_resamples: int | None = None,
    rng: int | np.random.Generator | None = None,
) -> Measure:
    """Return the correlation of words' association with pleasantness and their human valence.

    ``r = Pearson(s1(w), valence(w))``,
    ``s1(w) = (mean_a cos(w, a) - mean_b cos(w, b)) / std_{x in A and B} cos(w, x)``

    Parameters
    ----------
    words : array_like of shape (n, d)
        Vectors of the rated words, four at least.
    valence : array_like of shape (n,)
        Human rating of each word, in the same order; larger is more pleasant.
    a, b : array_like of shape (n_a, d), (n_b, d)
        Pleasant and unpleasant attribute words (25 each in the paper), three in all at least.
        The numbers may differ.
    ddof : {1, 0}
        Degrees of freedom of the standard deviation in s1; 1 is the paper's.
    alternative : {"greater", "less", "two-sided"}
        ``greater``: r is positive.
    interval : {"fisher", "bca", "percentile"}
        Fisher's z, or the bootstrap over words.
    level : float
        Confidence of the interval, in (0, 1).
    n_resamples : int, optional
        Draws, where the p-value is sampled, and of the bootstrap: 9,999 for up to 1,000 words,
        fewer for more and 999 at least, unless given.
    rng : int, Generator or None
        Seed of the draws.

    Returns
    -------
    Measure
        `value`: r, in [-1, 1]; 1: the embedding orders words as people do, 0: it knows nothing
        of valence. It measures quality, so that no value means "no bias". ``scores["words"]``:
        s1 of each word. ``figures["spearman"]``: the rank correlation.

    Raises
    ------
    InputError
        Wrong shape, empty set, fewer than four words with a score, a rating missing or not
        finite, one attribute on each side.
    VectorError
        A zero or non-finite vector.

    Notes
    -----
    For the p-value the ratings are put into other orders: all of them for up to 9 words, else
    drawn. Interval and p-value take words for independent.

    A word whose cosines are all equal has no s1 and is left out, with a note. Where all s1 or
    all ratings are equal, r is NaN. Rows are not compared: one given twice counts twice.

    References
    ----------
    Toney & Caliskan 2021, EMNLP, 7203-7218.
    """
    check_choice("alternative", alternative, get_args(Alternative))
    check_choice("interval", interval, get_args(ValnormInterval))
    check_level(level)
    check_rng(rng)
    ratings = as_scores(valence, "valence")
    draws = draws_for(n_resamples, 4 * ratings.size)
    found = single_category(words, a, b, ddof)
    if ratings.size != found.scores.size:
        raise InputError(
            f"valence has {ratings.size} ratings for {found.scores.size} words; give one each"
        )
    defined = ~np.isnan(found.scores)
    scores, kept = found.scores[defined], ratings[defined]
    if scores.size < _FEWEST:
        raise InputError(
            f"{scores.size} words have a score and a rating; a correlation needs {_FEWEST}"
        )
    value = float(correlate(scores[None], kept[None], "pearson")[0])
    generator, _ = as_generator(rng)
    notes = [found.note]
    tested: dict[str, Any] = {}
    if math.isnan(value):
        notes.append("All scores or all ratings are equal: the correlation is not defined.")
    else:
        (test,) = permutation_tests([(scores, kept)], alternative, draws, generator)
        tested = {"alternative": alternative, "null": "ratings put in other orders"}
        tested |= test.fields()
        bounds, why = _interval(value, scores, kept, interval, level, draws, generator)
        tested["interval"] = bounds
        notes.append(why)
    return Measure(
        metric="valnorm",
        value=value,
        no_bias=None,
        value_range=(-1.0, 1.0),
        counts={"words": int(kept.size), "A": found.n_a, "B": found.n_b},
        figures={"spearman": float(correlate(scores[None], kept[None], "spearman")[0])},
        scores={"words": tuple(found.scores.tolist())},
        settings={"ddof": int(ddof), "vectors": "unit"},
        note=" ".join(note for note in notes if note),
        **tested,
    )


def _interval(
    value: float,
    scores: FloatArray,
    ratings: FloatArray,
    method: ValnormInterval,
    level: float,
    n_resamples: int,
    rng: np.random.Generator,
) -> tuple[Interval | None, str]:
    if method != "fisher":
        return bootstrap_correlation(
            scores, ratings, "pearson", method=method, level=level, n_resamples=n_resamples, rng=rng
        )
    interval, why = fisher_interval(value, scores.size, level)
    if interval is None:
        # With four words or more r is 1, where the interval shrinks to a point.
        return Interval(value, value, level, "fisher"), ""
    return interval, why


CARD = MetricCard(
    name="valnorm",
    measures=(
        "Whether an embedding orders words by valence (how pleasant they are) as people do; a "
        "check of quality, on arrays and ratings that the user brings."
    ),
    formula=(
        "Pearson r of valence(w) and s1(w) = (mean_a cos(w, a) - mean_b cos(w, b)) / "
        "std_{x in A and B} cos(w, x), A pleasant, B unpleasant"
    ),
    value_range="[-1, 1]",
    no_bias="no value: 1 is agreement with people, 0 is none",
    direction="larger: words that people find pleasant are closer to A",
    pvalue="ratings put in other orders; exact for up to 9 words, else sampled",
    caveats=(
        "It says how well valence is encoded, not how biased an embedding is: the paper takes "
        "valence of words on which people agree to be a norm. Attribute words that are also rated "
        "words raise r: they have a cosine of 1 with themselves."
    ),
    edge_cases=EdgeCases(
        missing=(
            "the caller leaves out the word and its rating; a rating that is missing is refused"
        ),
        unequal="any sizes of A and B; one rating for each word",
        one_word="fewer than four rated words, or one attribute on each side, are refused",
        two_sets=(
            "in A and B it counts in both; a rated word that is an attribute has a cosine of 1 "
            "with itself"
        ),
    ),
    paper="Toney & Caliskan 2021, EMNLP, 7203-7218",
    conventions=(
        "The released code cuts A and B to one size in a random order where words are missing, "
        "and its p-values by word come from a fitted normal. Ours keeps all words; r is the same "
        "where none is missing. WEFAT is the same correlation with another property."
    ),
    takes="vectors",
    needs="words with a human rating of their valence",
    measured="none",
)
