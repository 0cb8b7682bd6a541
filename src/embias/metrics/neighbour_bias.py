"""Whether the neighbours of a word still tell its bias (Gonen & Goldberg 2019)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from embias.errors import InputError
from embias.geometry.vectors import unit_rows
from embias.metrics._correlation import (
    bootstrap_correlation,
    correlate,
    permutation_tests,
)
from embias.metrics._labelled import Codes, same_rows
from embias.metrics._neighbours import neighbour_sets
from embias.metrics._relabel import draws_for
from embias.metrics.card import EdgeCases, MetricCard
from embias.metrics.most_biased import most_biased
from embias.results import Alternative, Measure
from embias.stats.bootstrap import check_level
from embias.stats.inputs import as_generator, as_scores, check_choice, check_rng, check_size
from embias.types import FloatArray

__all__ = ["NeighbourPool", "neighbour_bias"]

NeighbourPool: TypeAlias = Literal["all", "balanced"]

#: Targets up to which the interval is corrected with each of them left out.
_MOST_LEFT_OUT = 2_000


def neighbour_bias(
    vectors: ArrayLike,
    bias: ArrayLike,
    *,
    targets: ArrayLike | None = None,
    original: ArrayLike | None = None,
    k: int = 100,
    pool: NeighbourPool = "all",
    n_biased: int = 500,
    alternative: Alternative = "greater",
    n_resamples: int | None = None,
    level: float = 0.95,
    rng: int | np.random.Generator | None = None,
) -> Measure:
    """Correlate the bias of words with the side that their neighbours are on.

    Parameters
    ----------
    vectors : array_like of shape (n, d)
        Vectors of the vocabulary as they are now: after a transform, say.
    bias : array_like of shape (n,)
        Bias of each word on the *original* vectors, ``cos(w, he) - cos(w, she)`` in the paper
        (``association_scores(original, [he], [she])``). Its sign is the side of a word; a word
        with 0 counts half on either side.
    targets : array_like of int, optional
        Rows of the words to look at (professions in the paper); all by default.
    original : array_like of shape (n, d'), optional
        Vectors before the transform, to measure beside it.
    k : int
        Neighbours of each target by cosine, the target itself left out; ties by row.
    pool : {"all", "balanced"}
        Where neighbours are looked for: in the whole vocabulary, or (Manzini et al. 2019) among
        the `n_biased` words of most bias on each side.
    n_biased : int
        See `pool`.
    alternative : {"greater", "less", "two-sided"}
        ``greater``: the larger the bias, the more neighbours on the first side.
    n_resamples : int, optional
        Draws of p-value and interval; by default 9,999, fewer for more than 1,000 targets.
    level : float
        Confidence of the interval, in (0, 1).
    rng : int, Generator or None
        Seed of the draws.

    Returns
    -------
    Measure
        `value`: Pearson's r of bias and share of neighbours on the first side, over the targets,
        in [-1, 1]; 0 is no bias. NaN where one of both does not vary. `interval`: bootstrap over
        targets (BCa). p: bias permuted among the targets.
        ``figures``: ``spearman``; ``mean_share``; ``base_rate``, the share of the pool on the
        first side; ``deviation``, the mean of each target's share less its base rate (0 is no
        lean), and ``ratio``, the mean of the one by the other (1 is no lean);
        ``same_side`` and ``same_side_base``: the mean share of neighbours on the target's own
        side, and what the base rate gives. With `original` also ``original`` (r).
        ``scores["words"]``: the share of each target.

    Raises
    ------
    InputError
        Wrong shapes, fewer than three targets, too few words for k, an option that does not
        exist.
    VectorError
        A zero or non-finite vector.

    Notes
    -----
    Rotation of the vectors, their lengths and the order of the words change nothing (where no
    cosines tie). Turning the sign of the bias leaves r as it is and turns every share into one
    minus itself. r does not depend on the base rate; shares do.

    References
    ----------
    Gonen & Goldberg 2019, NAACL, section 4; Manzini et al. 2019, NAACL.
    """
    check_choice("pool", pool, get_args(NeighbourPool))
    check_choice("alternative", alternative, get_args(Alternative))
    check_size("k", k)
    check_level(level)
    check_rng(rng)
    rows, scores = unit_rows(vectors, "vectors"), as_scores(bias, "bias")
    if scores.size != len(rows):
        raise InputError(f"bias has {scores.size} numbers for {len(rows)} vectors; give one each")
    chosen = _targets(targets, len(rows))
    among = np.sort(most_biased(scores, n_biased)[0]) if pool == "balanced" else None
    before = None if original is None else unit_rows(original, "original")
    if before is not None:
        same_rows(before, rows)
    draws = draws_for(n_resamples, 4 * chosen.size, at_least=100)
    now = _Shares.of(rows, scores, chosen, among, k)
    result = _measure(now, scores[chosen], {"k": k, "pool": pool})
    if before is not None:
        was = _Shares.of(before, scores, chosen, among, k)
        r = float(correlate(scores[chosen][None], was.share[None], "pearson")[0])
        result = replace(result, figures={**result.figures, "original": r})
    if math.isnan(result.value):
        return result
    generator, seed = as_generator(rng)
    result = replace(result, settings={**result.settings, "seed": seed})
    result = _with_test(result, scores[chosen], now.share, alternative, draws, generator)
    return _with_interval(result, scores[chosen], now.share, level, draws, generator)


def _targets(targets: ArrayLike | None, n: int) -> Codes:
    if targets is None:
        rows = np.arange(n)
    else:
        given = np.asarray(targets)
        if given.ndim != 1 or given.dtype.kind not in "iu":
            raise InputError(
                "targets must be the row numbers of words, whole numbers in one dimension "
                f"(its type is {given.dtype}, its shape {given.shape})"
            )
        rows = given.astype(np.intp)
        outside = rows[(rows < 0) | (rows >= n)]
        if outside.size:
            raise InputError(f"targets holds {outside[0]}; rows are numbered 0 to {n - 1}")
        if np.unique(rows).size < rows.size:
            raise InputError("targets names a row twice; give each once")
    if rows.size < 3:
        raise InputError(f"{rows.size} target(s); a correlation needs three at least: add words")
    return rows


@dataclass(frozen=True)
class _Shares:
    """Of each target: the share of neighbours on the first side, and of all it could have."""

    share: FloatArray
    base: FloatArray
    pool_size: int
    pool_rate: float

    @classmethod
    def of(
        cls, rows: FloatArray, bias: FloatArray, targets: Codes, among: Codes | None, k: int
    ) -> _Shares:
        among = np.arange(len(rows)) if among is None else among
        side = (np.sign(bias[among]) + 1) / 2
        place = np.full(len(rows), -1)
        place[among] = np.arange(among.size)
        own = place[targets]
        found = neighbour_sets(rows[targets], rows[among], k, own=own)
        inside = own >= 0
        itself = np.where(inside, side[own], 0.0)
        base = (side.sum() - itself) / (among.size - inside)
        return cls(side[found].mean(axis=1), base, among.size, float(side.mean()))


def _measure(now: _Shares, bias: FloatArray, settings: dict[str, int | str]) -> Measure:
    r = float(correlate(bias[None], now.share[None], "pearson")[0])
    undefined = math.isnan(r)
    # Rounding must not order shares that are equal.
    ranks = math.nan if undefined else stats.spearmanr(bias, np.round(now.share, 12)).statistic
    first = (np.sign(bias) + 1) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = float(np.mean(now.share / now.base)) if (now.base > 0).all() else math.nan
    return Measure(
        metric="neighbour_bias",
        value=r,
        no_bias=0.0,
        value_range=(-1.0, 1.0),
        counts={"words": bias.size, "pool": now.pool_size},
        figures={
            "spearman": float(ranks),
            "mean_share": float(now.share.mean()),
            "base_rate": now.pool_rate,
            "deviation": float((now.share - now.base).mean()),
            "ratio": ratio,
            "same_side": float(_on_side(now.share, first).mean()),
            "same_side_base": float(_on_side(now.base, first).mean()),
        },
        scores={"words": tuple(now.share.tolist()), "bias": tuple(bias.tolist())},
        settings=dict(settings),
        note="r is undefined: all shares, or all biases, are equal." if undefined else "",
    )


def _on_side(share: FloatArray, first: FloatArray) -> FloatArray:
    return first * share + (1 - first) * (1 - share)


def _with_test(
    result: Measure,
    bias: FloatArray,
    share: FloatArray,
    alternative: Alternative,
    draws: int,
    generator: np.random.Generator,
) -> Measure:
    (test,) = permutation_tests([(share, bias)], alternative, draws, generator)
    null = "bias permuted among the targets"
    return replace(result, **test.fields(), alternative=alternative, null=null)


def _with_interval(
    result: Measure,
    bias: FloatArray,
    share: FloatArray,
    level: float,
    draws: int,
    generator: np.random.Generator,
) -> Measure:
    interval, reason = bootstrap_correlation(
        bias,
        share,
        "pearson",
        method="bca" if bias.size <= _MOST_LEFT_OUT else "percentile",
        level=level,
        n_resamples=draws,
        rng=generator,
        unit="target",
        otherwise="add targets",
    )
    if interval is not None and bias.size < 10:
        reason = "Fewer than 10 targets: the interval is too narrow."
    note = " ".join(part for part in (result.note, reason) if part)
    return replace(result, interval=interval, note=note)


CARD = MetricCard(
    name="neighbour_bias",
    measures=(
        "Whether the neighbours of a word tell the side it was biased to: bias by neighbours, "
        "for words (professions) and their nearest neighbours in the vectors as they are now."
    ),
    formula=(
        "Pearson's r over targets w of bias(w) = cos(w, he) - cos(w, she) on the original "
        "vectors, and the share of w's k = 100 nearest neighbours v that have bias(v) > 0"
    ),
    value_range="[-1, 1]",
    no_bias="0",
    direction="positive: words of the first side have neighbours of the first side",
    pvalue="bias permuted among the targets: exact for up to 9, else sampled",
    caveats=(
        "Gendered words must be out of the vocabulary. Targets that are neighbours of each other "
        "are not independent, so p and interval are somewhat too good. In a vocabulary that leans "
        "to one side read the shares beside the base rate."
    ),
    edge_cases=EdgeCases(
        missing="the caller leaves them out of the vocabulary",
        unequal="sides of any size; read the base rate and the deviation from it",
        one_word="fewer than three targets are refused",
        duplicates="equal rows are neighbours of each other; a target named twice is refused",
        two_sets="a word of bias 0 counts one half on either side",
    ),
    paper="Gonen & Goldberg 2019, NAACL; Manzini et al. 2019, NAACL",
    conventions=(
        "Manzini's pool of 500 + 500 most biased words is pool='balanced'; that code takes "
        "Euclidean distances and counts a target in the pool as its own neighbour. So does "
        "EmbeddingBiasScores, where any shared coordinate makes two words one. A word is never "
        "its own neighbour here."
    ),
    takes="vectors",
    needs="a vocabulary and the bias of each of its words before a transform",
    measured="none",
)
