"""The Contextualized Embedding Association Test: WEAT over many contexts of each word."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike

from embias.errors import InputError
from embias.metrics._ceat_words import (
    BLOCK,
    MOST_UNDEFINED,
    Bootstrap,
    WordLevel,
    direction_between,
    word_level,
)
from embias.metrics._vectors import check_same_dimension, unit_rows
from embias.metrics.card import EdgeCases, MetricCard
from embias.results import Alternative, Interval
from embias.stats.bootstrap import check_level
from embias.stats.effect_size import figures_by_row, largest_d, variance_of_d
from embias.stats.inputs import as_generator, check_choice, check_rng, check_size
from embias.stats.pooling import Pooled, pool_random_effects
from embias.types import FloatArray

__all__ = ["Ceat", "CeatVariance", "ContextSpread", "WordLevel", "ceat"]

CARD = MetricCard(
    name="ceat",
    measures=(
        "Whether two sets of target words differ in how close they are to two sets of "
        "attribute words, over many contexts of every word."
    ),
    formula=(
        "one draw: one context of every word, then WEAT's d; CES = sum v d / sum v, "
        "v = 1 / (variance of d + tau2), tau2 by DerSimonian-Laird"
    ),
    value_range="as WEAT's d: |CES| <= sqrt(N (N - 1) / (nX nY)), about 2 for equal sets",
    no_bias="CES = 0, and D = 0 over words",
    direction="positive: X goes with A and Y with B",
    pvalue=(
        "of CES by the normal distribution (conditional on the word list); beside it the "
        "permutation of words, each averaged over its contexts"
    ),
    caveats=(
        "The draws share their words: the standard error of CES falls with the number of "
        "draws alone, so its p-value says nothing about other words. Read the test and the "
        "intervals over words, and the spread of d over contexts."
    ),
    edge_cases=EdgeCases(
        missing="the caller leaves out words without a context; one context is enough",
        unequal="any numbers of words, and of contexts of each",
        one_word=(
            "one target on each side is refused; one against several is computed, without "
            "intervals over words"
        ),
        two_sets="entries are not compared: it counts in both",
    ),
    paper="Guo & Caliskan 2021, AIES, 122-133",
    takes="contexts",
)

CeatVariance: TypeAlias = Literal["effect", "scores"]


@dataclass(frozen=True, slots=True)
class ContextSpread:
    """How much the effect size depends on which contexts are taken.

    Attributes
    ----------
    mean, sd : float
        Of the effect size over the draws; the SD with ``ddof=1``.
    p5, p50, p95 : float
        Its 5th, 50th and 95th percentile.
    other_sign : float
        Share of the draws whose sign is opposite to the combined effect size, in [0, 1].
    """

    mean: float
    sd: float
    p5: float
    p50: float
    p95: float
    other_sign: float


@dataclass(frozen=True, slots=True)
class Ceat:
    """The result of a CEAT.

    Attributes
    ----------
    pooled : Pooled
        The published figures: the draws pooled as if they were independent studies. Its p-values
        and standard error speak of *these words* only and shrink as draws are added; i2 = 0
        says that contexts move d less than other words would, not that they do not move it.
    spread : ContextSpread
        The effect sizes over the draws.
    words : WordLevel
        The test and intervals over words, which do not depend on the number of draws.
    variance : {"effect", "scores"}
        What each draw was weighted by.
    ddof : int
        Degrees of freedom in the effect size.
    n_draws, n_undefined : int
        Draws asked for, and those left out because all their scores were equal.
    contexts_x, contexts_y, contexts_a, contexts_b : tuple of int
        Number of contexts of each word.
    n_single_context : int
        Words, of all four sets, with fewer than two different context vectors: every draw takes
        the same one.
    seed : int or None
        Seed, where it was not a generator.
    note : str
        How far the combined effect size can be trusted.
    effect_sizes, variances : tuple of float
        Every defined draw, the evidence.
    """

    pooled: Pooled
    spread: ContextSpread
    words: WordLevel
    variance: CeatVariance
    ddof: int
    n_draws: int
    n_undefined: int
    contexts_x: tuple[int, ...]
    contexts_y: tuple[int, ...]
    contexts_a: tuple[int, ...]
    contexts_b: tuple[int, ...]
    n_single_context: int
    seed: int | None
    note: str
    effect_sizes: tuple[float, ...] = field(repr=False)
    variances: tuple[float, ...] = field(repr=False)

    @property
    def combined_effect_size(self) -> float:
        """CES: sign, zero and range of WEAT's d; conditional on the word list."""
        return self.pooled.estimate

    @property
    def se(self) -> float:
        """Standard error of CES over contexts; falls as one over the root of the draws."""
        return self.pooled.se

    @property
    def tau2(self) -> float:
        """Variance between draws beyond `variance`."""
        return self.pooled.tau2

    @property
    def q(self) -> float:
        """Cochran's Q of the draws."""
        return self.pooled.q

    @property
    def i2(self) -> float:
        """Share of the variation of the draws beyond `variance`, in [0, 1]."""
        return self.pooled.i2

    @property
    def prediction_interval(self) -> Interval | None:
        """Prediction interval of the pooling model.

        The draws share their words, so they vary less than independent studies would, and with
        ``variance="effect"`` tau2 is often 0 and this interval as narrow as that of the mean.
        Where the effect size of another draw lies is said by `spread`.
        """
        return self.pooled.prediction_interval

    @property
    def pvalue(self) -> float:
        """Two-sided p of CES, as the paper writes it; conditional on the word list."""
        return self.pooled.pvalue

    @property
    def pvalue_one_sided(self) -> float:
        """One-sided p of CES, as the published code prints it: near 1 for a negative CES."""
        return self.pooled.pvalue_one_sided


def ceat(
    x_contexts: Sequence[ArrayLike],
    y_contexts: Sequence[ArrayLike],
    a_contexts: Sequence[ArrayLike],
    b_contexts: Sequence[ArrayLike],
    *,
    n_draws: int = 1000,
    ddof: int = 1,
    variance: CeatVariance = "effect",
    alternative: Alternative = "greater",
    n_resamples: int = 1000,
    level: float = 0.95,
    rng: int | np.random.Generator | None = 0,
    progress: bool = False,
) -> Ceat:
    """Test whether words differ in their association, over many contexts of each word.

    Each draw takes one context of every word and computes WEAT's d; the draws are pooled with
    random effects (DerSimonian-Laird), as published. Beside that stands a test of words.

    Parameters
    ----------
    x_contexts, y_contexts : sequence of array_like of shape (c_i, d)
        For each target word the vectors of its contexts, at least one. Numbers of words and of
        contexts may differ.
    a_contexts, b_contexts : sequence of array_like of shape (c_i, d)
        Likewise for each attribute word.
    n_draws : int
        Number of draws, at least 2. The paper's is 10,000, its script's 1,000.
    ddof : {1, 0}
        Degrees of freedom in the effect size; 1 as published.
    variance : {"effect", "scores"}
        Sampling variance of a draw. ``effect``: that of d (:func:`embias.stats.variance_of_d`).
        ``scores``: the variance of the association scores with ``ddof=1``, as the published
        code has it, for comparison: it is not a variance of d and depends on the size of the
        cosines.
    alternative : {"greater", "less", "two-sided"}
        Of the permutation test of words; ``greater``: X is closer to A than Y is.
    n_resamples : int
        Bootstrap samples, at least 100.
    level : float
        Confidence of all intervals, in (0, 1).
    rng : int, Generator or None
        Seed of the draws and of the bootstrap.
    progress : bool
        Show progress bars.

    Returns
    -------
    Ceat
        No association is 0 for all effect sizes; positive means that X goes with A.
        ``|CES| <= largest_d(n_x, n_y, ddof)``.

    Raises
    ------
    InputError
        A set without words, a wrong shape, dimensions that differ, one word on either side, an
        option that does not exist, draws without spread (over one in a hundred), or, with
        ``variance="effect"``, a draw without spread inside X and Y, whose variance is 0.
    VectorError
        A zero or non-finite vector.

    Notes
    -----
    With ``variance="effect"`` a draw whose d is larger has a smaller variance and so weighs more:
    CES lies a little farther from 0 than the mean of the draws, which `spread` has.

    References
    ----------
    Guo & Caliskan 2021, AIES (CEAT); DerSimonian & Laird 1986.
    """
    check_choice("variance", variance, get_args(CeatVariance))
    check_choice("alternative", alternative, get_args(Alternative))
    check_level(level)
    check_size("n_draws", n_draws, at_least=2)
    if isinstance(ddof, bool) or ddof not in (0, 1):
        raise InputError(f"ddof={ddof!r}; use 1 (as published) or 0")
    given = {"x": x_contexts, "y": y_contexts, "a": a_contexts, "b": b_contexts}
    sets = {name: _words(words, f"{name}_contexts") for name, words in given.items()}
    check_same_dimension({f"{n}_contexts[{i}]": w for n in sets for i, w in enumerate(sets[n])})
    if len(sets["x"]) == len(sets["y"]) == 1:
        raise InputError(
            "ceat: one target word on each side; the effect size would be the same whatever the "
            "vectors: give at least two on one side"
        )
    (drawing, resampling, permuting), seed = _generators(rng)
    scores = _drawn_scores(sets, n_draws, drawing, progress)
    effects, variances = _effects(scores, len(sets["x"]), ddof, variance)
    pooled = pool_random_effects(effects, variances, level=level)
    counts = {name: tuple(len(word) for word in words) for name, words in sets.items()}
    return Ceat(
        pooled=pooled,
        spread=_spread(effects, pooled.estimate),
        words=word_level(
            sets, ddof, alternative, permuting, Bootstrap(n_resamples, level, resampling, progress)
        ),
        variance=variance,
        ddof=ddof,
        n_draws=n_draws,
        n_undefined=n_draws - effects.size,
        contexts_x=counts["x"],
        contexts_y=counts["y"],
        contexts_a=counts["a"],
        contexts_b=counts["b"],
        n_single_context=sum(_is_single(word) for words in sets.values() for word in words),
        seed=seed,
        note=_note(variance),
        effect_sizes=tuple(effects.tolist()),
        variances=tuple(variances.tolist()),
    )


def _note(variance: CeatVariance) -> str:
    note = (
        "CES, its standard error and its p-values are conditional on the word list: the draws "
        "share these words, so the error falls with the number of draws alone. Only the test "
        "and the intervals over words speak of other words."
    )
    if variance == "scores":
        note += (
            " Draws are weighted by the variance of the scores, as published, which is not the "
            "variance of an effect size."
        )
    return note


def _words(words: Sequence[ArrayLike], name: str) -> list[FloatArray]:
    """Return the unit context vectors of every word."""
    if isinstance(words, Mapping):
        raise InputError(f"{name} is a mapping; give its arrays, list({name}.values())")
    try:
        listed = list(words)
    except TypeError as error:
        raise InputError(
            f"{name} is a {type(words).__name__}; give a sequence with one array for each word"
        ) from error
    if not listed:
        raise InputError(f"{name} has no words; give the context vectors of at least one")
    return [unit_rows(word, f"{name}[{i}]") for i, word in enumerate(listed)]


def _is_single(word: FloatArray) -> bool:
    return not bool((word != word[0]).any())


def _generators(
    rng: int | np.random.Generator | None,
) -> tuple[list[np.random.Generator], int | None]:
    """Return a generator for the draws, the bootstrap and the permutations, and the seed."""
    if isinstance(rng, np.random.Generator):
        return rng.spawn(3), None
    check_rng(rng)
    _, seed = as_generator(rng)
    children = np.random.SeedSequence(seed).spawn(3)
    return [np.random.default_rng(child) for child in children], seed


def _drawn_scores(
    sets: dict[str, list[FloatArray]],
    n_draws: int,
    generator: np.random.Generator,
    progress: bool,
) -> FloatArray:
    """Return s of every target word in every draw, shape (n_draws, n_x + n_y)."""
    names = [(name, i) for name in "xyab" for i in range(len(sets[name]))]
    counts = np.array([len(sets[name][i]) for name, i in names])
    taken = generator.integers(0, counts, size=(n_draws, counts.size))
    columns = {place: taken[:, j] for j, place in enumerate(names)}
    targets = [place for place in names if place[0] in "xy"]
    scores = np.empty((n_draws, len(targets)))
    starts: Iterable[int] = range(0, n_draws, BLOCK)
    if progress:
        from tqdm.auto import tqdm

        starts = tqdm(starts, desc="drawing contexts", unit=f"x{BLOCK}")
    for start in starts:
        rows = slice(start, start + BLOCK)

        def drawn(name: str, i: int, rows: slice = rows) -> FloatArray:
            return sets[name][i][columns[name, i][rows]]

        direction = direction_between(sets, drawn)
        for j, place in enumerate(targets):
            scores[rows, j] = np.einsum("kd,kd->k", drawn(*place), direction)
    return scores


def _effects(
    scores: FloatArray, n_x: int, ddof: int, variance: CeatVariance
) -> tuple[FloatArray, FloatArray]:
    """Return the effect size and the variance of every draw in which both are defined."""
    _, effects = figures_by_row(scores[:, :n_x], scores[:, n_x:], ddof)
    defined = np.isfinite(effects)
    undefined = effects.size - int(defined.sum())
    if undefined > MOST_UNDEFINED * effects.size:
        raise InputError(
            f"ceat: in {undefined} of {effects.size} draws all target words have the same score, "
            "so that d is undefined; look for contexts whose vectors are all equal"
        )
    effects, scores = effects[defined], scores[defined]
    if variance == "scores":
        return effects, scores.std(axis=1, ddof=1) ** 2
    variances = variance_of_d(effects, n_x, scores.shape[1] - n_x, ddof)
    bound = int(np.count_nonzero(variances == 0))
    if bound:
        raise InputError(
            f"ceat: in {bound} of {effects.size} draws the scores do not vary inside X and Y, so "
            f"that d is at its bound {largest_d(n_x, scores.shape[1] - n_x, ddof):.4g} and has "
            "variance 0, which cannot be pooled; give more words, or use weat on word means"
        )
    return effects, variances


def _spread(effects: FloatArray, combined: float) -> ContextSpread:
    p5, p50, p95 = (float(p) for p in np.percentile(effects, [5, 50, 95]))
    return ContextSpread(
        mean=float(effects.mean()),
        sd=float(effects.std(ddof=1)),
        p5=p5,
        p50=p50,
        p95=p95,
        other_sign=float(np.mean(np.sign(effects) == -np.sign(combined))) if combined else 0.0,
    )
