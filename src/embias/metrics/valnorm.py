"""ValNorm: whether an embedding orders words by valence as people do."""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Iterator
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from embias.errors import InputError
from embias.metrics._partitions import draws_for
from embias.metrics._single_category import single_category
from embias.metrics.card import MetricCard
from embias.results import Alternative, Interval, Measure
from embias.stats._sampled import clopper_pearson
from embias.stats.bootstrap import bootstrap_interval, bootstrap_replicates, check_level
from embias.stats.inputs import as_generator, as_scores, check_choice, check_rng
from embias.types import FloatArray

__all__ = ["valnorm"]

ValnormInterval: TypeAlias = Literal["fisher", "bca", "percentile"]

#: Words up to which all orders of the ratings are counted: 9! = 362,880.
_MOST_COUNTED = 9
_FEWEST = 4
_NUMBERS_AT_ONCE = 2**20
#: Spread below this share of the largest number is rounding.
_CONSTANT = 1e-13


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
        finite, one attribute on each side, too few distinct words for a bootstrap.
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
    if isinstance(ddof, bool) or ddof not in (0, 1):
        raise InputError(f"ddof={ddof!r}; the score is defined for ddof 1 (the paper's) or 0")
    ratings = as_scores(valence, "valence")
    draws = draws_for(n_resamples, ratings.size, most=9_999)
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
    value = _pearson(scores[None], kept[None])[0]
    generator, _ = as_generator(rng)
    left_out = ratings.size - kept.size
    notes = [f"{left_out} words have equal cosines, so no score; left out."] if left_out else []
    tested: dict[str, Any] = {}
    if math.isnan(value):
        notes.append("All scores or all ratings are equal: the correlation is not defined.")
    else:
        tested = _tested(scores, kept, alternative, draws, generator)
        tested["interval"] = _interval(value, scores, kept, interval, level, draws, generator)
    return Measure(
        metric="valnorm",
        value=float(value),
        no_bias=None,
        value_range=(-1.0, 1.0),
        counts={"words": int(kept.size), "A": found.n_a, "B": found.n_b},
        figures={"spearman": float(_pearson(_ranks(scores), _ranks(kept))[0])},
        scores={"words": tuple(found.scores.tolist())},
        settings={"ddof": int(ddof), "vectors": "unit"},
        note=" ".join(notes),
        **tested,
    )


def _ranks(values: FloatArray) -> FloatArray:
    ranks: FloatArray = stats.rankdata(values)[None]
    return ranks


def _pearson(x: FloatArray, y: FloatArray) -> FloatArray:
    """Return the correlation of each row of x with that of y, NaN where one is constant."""
    (x, x_length), (y, y_length) = _centred(x), _centred(y)
    with np.errstate(invalid="ignore", divide="ignore"):
        found: FloatArray = np.clip((x * y).sum(axis=1) / (x_length * y_length), -1.0, 1.0)
    return found


def _centred(rows: FloatArray) -> tuple[FloatArray, FloatArray]:
    scale = np.abs(rows).max(axis=1, keepdims=True)
    rows = rows / np.where(scale > 0, scale, 1.0)
    rows = rows - rows.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(rows, axis=1)
    return rows, np.where(lengths > _CONSTANT * math.sqrt(rows.shape[1]), lengths, np.nan)


def _tested(
    scores: FloatArray,
    ratings: FloatArray,
    alternative: Alternative,
    n_resamples: int,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """Return the fields of the p-value: ratings in other orders."""
    (x,), (x_length,) = _centred(scores[None])
    (y,), (y_length,) = _centred(ratings[None])
    x, y = x / x_length, y / y_length
    exact = x.size <= _MOST_COUNTED
    hits = total = 0
    for orders in _all_orders(x.size) if exact else _drawn_orders(x.size, n_resamples, rng):
        hits += _extreme(y[orders] @ x, float(x @ y), alternative)
        total += len(orders)
    fields: dict[str, Any] = {"alternative": alternative, "null": "ratings put in other orders"}
    if exact:
        p = hits / total
        return {**fields, "pvalue": p, "pvalue_bounds": (p, p), "pvalue_method": "exact"}
    p = (hits + 1) / (total + 1)
    low, high = clopper_pearson(hits, total)
    bounds = (max(min(low, p), sys.float_info.min), max(high, p))
    sampled = {"pvalue": p, "pvalue_bounds": bounds, "pvalue_method": "sampled"}
    return {**fields, **sampled, "n_resamples": total}


def _extreme(drawn: FloatArray, observed: float, alternative: Alternative) -> int:
    slack = 1e-12
    if alternative == "two-sided":
        drawn, observed = np.abs(drawn), abs(observed)
    if alternative == "less":
        drawn, observed = -drawn, -observed
    return int(np.count_nonzero(drawn >= observed - slack))


def _all_orders(n: int) -> Iterator[NDArray[np.intp]]:
    yield np.array(list(itertools.permutations(range(n))), dtype=np.intp)


def _drawn_orders(n: int, draws: int, rng: np.random.Generator) -> Iterator[NDArray[np.intp]]:
    rows = max(1, _NUMBERS_AT_ONCE // n)
    for start in range(0, draws, rows):
        size = min(rows, draws - start)
        yield rng.permuted(np.broadcast_to(np.arange(n), (size, n)), axis=1)


def _interval(
    value: float,
    scores: FloatArray,
    ratings: FloatArray,
    method: ValnormInterval,
    level: float,
    n_resamples: int,
    rng: np.random.Generator,
) -> Interval:
    n = scores.size
    if method == "fisher":
        if abs(value) == 1:
            return Interval(value, value, level, "fisher")
        reach = float(stats.norm.ppf((1 + level) / 2)) / math.sqrt(n - 3)
        centre = math.atanh(value)
        return Interval(math.tanh(centre - reach), math.tanh(centre + reach), level, "fisher")

    def draw(generator: np.random.Generator, size: int) -> FloatArray:
        step = max(1, _NUMBERS_AT_ONCE // n)
        parts = []
        for start in range(0, size, step):
            rows = generator.integers(n, size=(min(step, size - start), n))
            parts.append(_pearson(scores[rows], ratings[rows]))
        return np.concatenate(parts)

    replicates = bootstrap_replicates(draw, n_resamples, rng)
    left_out = []
    if method == "bca":
        kept = [np.delete(np.arange(n), i) for i in range(n)]
        left_out = [np.array([_pearson(scores[None, k], ratings[None, k])[0] for k in kept])]
    return bootstrap_interval(value, replicates, level=level, method=method, jackknife=left_out)


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
    paper="Toney & Caliskan 2021, EMNLP, 7203-7218",
    conventions=(
        "The released code cuts A and B to one size in a random order where words are missing, "
        "and its p-values by word come from a fitted normal. Ours keeps all words; r is the same "
        "where none is missing. WEFAT is the same correlation with another property."
    ),
    takes="vectors",
    measured="none",
)
