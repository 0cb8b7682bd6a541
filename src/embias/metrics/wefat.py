"""WEFAT: whether single-word associations follow a known property of the words."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from embias.errors import InputError
from embias.metrics._relabel import ENTRIES, Relabelled, default_draws, tally
from embias.metrics.card import MetricCard, RoleVectors
from embias.metrics.sc_weat import attribute_cosines, standardised
from embias.results import Alternative, Interval, Measure
from embias.stats.bootstrap import bootstrap_interval, bootstrap_replicates, check_level
from embias.stats.inputs import as_generator, as_scores, check_choice, check_rng, check_size
from embias.stats.permutation import permutation_pvalue
from embias.types import FloatArray

__all__ = ["WefatInterval", "wefat"]

WefatInterval: TypeAlias = Literal["bca", "fisher"]

#: Words up to which all orders of the property are taken (9! = 362,880).
_MOST_ORDERED = 9
#: Words up to which the bootstrap is corrected for skewness by the jackknife.
_MOST_LEFT_OUT = 1_000
#: A list whose spread is below this share of its size is constant but for rounding.
_CONSTANT = 1e-13


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
    if isinstance(ddof, bool) or ddof not in (0, 1):
        raise InputError(f"ddof={ddof!r}; the score is defined for ddof 1 (as published) or 0")
    cosines, n_a = attribute_cosines(words, a, b)
    known = _checked_values(values, len(cosines))
    draws = default_draws(10 * len(known)) if n_resamples is None else n_resamples
    check_size("n_resamples", draws, 100)
    scores, _ = standardised(cosines, n_a, ddof)
    result = _measure(scores, known, ddof, (n_a, cosines.shape[1] - n_a))
    if math.isnan(result.value):
        return result
    kept = ~np.isnan(scores)
    generator, _ = as_generator(rng)
    result = _with_test(result, scores[kept], known[kept], alternative, draws, generator)
    return _with_interval(result, scores[kept], known[kept], interval, level, draws, generator)


def _checked_values(values: ArrayLike, n: int) -> FloatArray:
    known = as_scores(values, "values")
    if known.size != n:
        raise InputError(f"values has {known.size} numbers for {n} words; give one for each word")
    if n < 3:
        raise InputError(f"words has {n} row(s); a correlation needs three at least: add words")
    if _is_constant(known):
        raise InputError(
            f"values are all {known[0]:g}; a correlation needs a property in which words differ"
        )
    return known


def _is_constant(numbers: FloatArray) -> bool:
    return bool(np.ptp(numbers) <= _CONSTANT * np.abs(numbers).max())


def _standard(numbers: FloatArray) -> FloatArray:
    """Return numbers with mean 0 and sum of squares 1, so that r is a sum of products."""
    # Dividing first keeps the squares of very large numbers from overflowing.
    scaled = numbers / np.abs(numbers).max()
    centred = scaled - scaled.mean()
    standard: FloatArray = centred / np.linalg.norm(centred)
    return standard


def _measure(scores: FloatArray, known: FloatArray, ddof: int, sizes: tuple[int, int]) -> Measure:
    kept = ~np.isnan(scores)
    dropped = int(scores.size - kept.sum())
    note = f"{dropped} word(s) with equal cosines have no score: left out." * bool(dropped)
    r = spearman = slope = math.nan
    s, v = scores[kept], known[kept]
    if s.size < 3 or _is_constant(s) or _is_constant(v):
        note = f"{note} Too few words that differ in score and property: r is undefined.".strip()
    else:
        r = float(np.clip(_standard(s) @ _standard(v), -1.0, 1.0))
        # Rounding must not order scores that are equal.
        spearman = float(stats.spearmanr(np.round(s, 12), v).statistic)
        slope = r * float(s.std() / v.std())
    return Measure(
        metric="wefat",
        value=r,
        no_bias=0.0,
        value_range=(-1.0, 1.0),
        counts={"words": int(kept.sum()), "A": sizes[0], "B": sizes[1]},
        figures={"spearman": spearman, "slope": slope, "r_squared": r * r},
        scores={"words": tuple(scores.tolist()), "values": tuple(known.tolist())},
        settings={"ddof": int(ddof)},
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
    if levels.size == 2:
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
        found = test.pvalue, test.pvalue_bounds, test.method, test.n_resamples
    else:
        drawn = _over_orders(_standard(scores), _standard(known), alternative, draws, generator)
        found = drawn.pvalue, drawn.bounds, drawn.method, drawn.n_resamples
    pvalue, bounds, method, n_resamples = found
    return replace(
        result,
        pvalue=pvalue,
        pvalue_bounds=bounds,
        pvalue_method=method,
        n_resamples=n_resamples,
    )


def _over_orders(
    s: FloatArray,
    v: FloatArray,
    alternative: Alternative,
    draws: int,
    generator: np.random.Generator,
) -> Relabelled:
    exact = s.size <= _MOST_ORDERED
    orders = _all_orders(s.size) if exact else _random_orders(s.size, draws, generator)
    return tally(
        float(s @ v),
        (v[order] @ s for order in orders),
        exact=exact,
        alternative=alternative,
        noise=1e-12,
        two_sided="abs",
    )


def _all_orders(n: int) -> Iterator[NDArray[np.intp]]:
    orders = np.zeros((1, 1), dtype=np.intp)
    for last in range(1, n):
        # Insert the next number at every place of every order so far.
        orders = np.concatenate(
            [np.insert(orders, place, last, axis=1) for place in range(last + 1)]
        )
    yield orders


def _random_orders(
    n: int, draws: int, generator: np.random.Generator
) -> Iterator[NDArray[np.intp]]:
    block = max(1, ENTRIES // n)
    for start in range(0, draws, block):
        size = min(block, draws - start)
        yield np.argsort(generator.random((size, n)), axis=1)


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
        found, note = _fisher(result.value, scores.size, level)
    else:
        found, note = _bootstrap(result.value, scores, known, level, draws, generator)
    note = " ".join(part for part in (result.note, note) if part)
    return replace(result, interval=found, settings=settings, note=note)


def _fisher(r: float, n: int, level: float) -> tuple[Interval | None, str]:
    if n < 4 or abs(r) >= 1:
        return None, "No interval: Fisher's needs four words, and r between -1 and 1."
    half = float(stats.norm.ppf((1 + level) / 2)) / math.sqrt(n - 3)
    centre = math.atanh(r)
    return Interval(math.tanh(centre - half), math.tanh(centre + half), level, "fisher"), ""


def _bootstrap(
    r: float,
    scores: FloatArray,
    known: FloatArray,
    level: float,
    draws: int,
    generator: np.random.Generator,
) -> tuple[Interval | None, str]:
    s, v = _standard(scores), _standard(known)
    n = s.size
    block = max(1, ENTRIES // n)

    def draw(child: np.random.Generator, size: int) -> FloatArray:
        parts = []
        for start in range(0, size, block):
            rows = child.integers(0, n, size=(min(block, size - start), n))
            parts.append(_correlations(s[rows], v[rows]))
        return np.concatenate(parts)

    replicates = bootstrap_replicates(draw, draws, generator)
    left_out = []
    if n <= _MOST_LEFT_OUT:
        rows = np.array([np.delete(np.arange(n), i) for i in range(n)])
        left_out = [_correlations(s[rows], v[rows])]
    if left_out and np.isnan(left_out[0]).any():
        return None, "No interval: without one of the words, r is undefined."
    try:
        found = bootstrap_interval(r, replicates, level=level, jackknife=left_out)
    except InputError:
        return None, "No interval: too few words for a bootstrap; use interval='fisher'."
    return found, "Fewer than 10 words: the interval is too narrow." if n < 10 else ""


def _correlations(s: FloatArray, v: FloatArray) -> FloatArray:
    """Return Pearson's r of each row, NaN where one side is constant."""
    s = s - s.mean(axis=1, keepdims=True)
    v = v - v.mean(axis=1, keepdims=True)
    squares_s, squares_v = (s**2).sum(axis=1), (v**2).sum(axis=1)
    varied = (squares_s > 1e-24) & (squares_v > 1e-24)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(varied, (s * v).sum(axis=1) / np.sqrt(squares_s * squares_v), np.nan)


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
    paper="Caliskan, Bryson & Narayanan 2017, Science 356:183-186",
    conventions=(
        "weat_replication divides by one standard deviation of all words, which changes r. Ours "
        "is the paper's score of each word by its own attribute cosines."
    ),
    run=_run,
)
