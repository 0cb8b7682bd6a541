"""Relational inner product association: words read along the difference of word pairs."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike

from embias.errors import InputError, VectorError
from embias.geometry.vectors import check_same_dimension, unit_rows
from embias.metrics._raw import Length, rows_of
from embias.metrics._sides import with_side_means
from embias.metrics.card import OF_AN_ASSOCIATION, EdgeCases, MetricCard, RoleVectors
from embias.results import Alternative, Measure
from embias.stats.inputs import as_numbers, check_choice, check_rng, check_size, seed_of
from embias.stats.permutation import MAX_SUMS
from embias.stats.sign_flips import sign_flips
from embias.types import FloatArray

__all__ = ["RipaAggregate", "ripa"]

RipaAggregate: TypeAlias = Literal["pc1", "mean_pairs"]

#: Shares below which a direction, or the gap behind the first component, is rounding.
_ROUNDING = 1e-9


def ripa(
    words: ArrayLike,
    pairs: ArrayLike,
    *,
    aggregate: RipaAggregate = "pc1",
    vectors: Length = "raw",
    alternative: Alternative = "two-sided",
    n_resamples: int = 99_999,
    rng: int | np.random.Generator | None = None,
) -> Measure:
    """Return the inner product of words with the direction of word pairs.

    ``RIPA(w; b) = w . b``, with b the unit vector ``(x - y) / |x - y|`` of a pair.

    Parameters
    ----------
    words : array_like of shape (n, d)
        Vectors of the words to be scored.
    pairs : array_like of shape (k, 2, d)
        Vectors of k pairs, the first side x (``man``) before y (``woman``). Pairs are explicit:
        where a word is missing, the pair goes.
    aggregate : {"pc1", "mean_pairs"}
        For several pairs. ``pc1`` (the paper's): b is the first principal component of the
        differences ``x_i - y_i``, not centred, turned so that their sum lies on its positive
        side. ``mean_pairs`` (WEFE's): the mean of ``w . b_i`` over the pairs. The same for one
        pair, very different for many.
    vectors : {"raw", "unit"}
        ``raw``: as they are; only so can the score be read, on vectors of skip-gram with
        negative sampling, as a scaled log ratio of co-occurrence. ``unit``: words and members
        of pairs at unit length; the score is then a cosine (or a mean of cosines).
    alternative : {"two-sided", "greater", "less"}
        Of the test for ``mean_pairs``; ``greater``: towards the first side.
    n_resamples : int
        Draws, where there are more than about 44 pairs and signs are drawn.
    rng : int, Generator or None
        Seed of these draws.

    Returns
    -------
    Measure
        `value`: the mean over the words, 0 is no bias, positive is towards the first side,
        without bound on raw vectors. Figures: ``mean_absolute`` over the words;
        ``explained_variance``, the share of the sum of squares of the differences that lies
        along b (pc1); ``spread_over_pairs``, the mean over words of the standard deviation
        (population) over pairs (mean_pairs). Scores of ``words``, and of ``pairs``: for
        mean_pairs the mean over words by pair, for pc1 the cosine of each difference with b.

    Raises
    ------
    InputError
        Wrong shape, no pair, a pair whose members are the same; an option that does not exist.
    VectorError
        A zero or non-finite vector.

    Notes
    -----
    The p-value of ``mean_pairs`` turns pairs round (a sign for each pair, the same for all
    words), exactly up to about 44 pairs: the smallest is 1/2 for one pair, one-sided, and 1/32
    for five. Turning a pair round leaves pc1 as it is, up to the sign that the pairs give it,
    so there is no p-value for pc1.

    Undefined for pc1, with NaN as the value and a note: differences that cancel out (the
    component has no side), or whose first two components are equally strong. Rows are not
    compared: one given twice counts twice.

    References
    ----------
    Ethayarajh, Duvenaud & Hirst 2019, ACL, 1696-1705.

    Examples
    --------
    >>> ripa([[3.0, 4.0]], [[[2.0, 0.0], [1.0, 0.0]]]).value
    3.0
    """
    check_choice("aggregate", aggregate, get_args(RipaAggregate))
    check_choice("alternative", alternative, get_args(Alternative))
    check_size("n_resamples", n_resamples)
    check_rng(rng)
    rows = rows_of(words, "words", vectors)
    differences = _differences(pairs, vectors)
    check_same_dimension({"words": rows, "pairs": differences})
    if aggregate == "mean_pairs":
        return _mean_pairs(rows, differences, vectors, alternative, n_resamples, rng)
    return _first_component(rows, differences, vectors)


def _differences(pairs: ArrayLike, vectors: Length) -> FloatArray:
    """Return ``x - y`` of each pair after checking the pairs."""
    given = as_numbers(pairs, "pairs")
    if given.ndim != 3 or given.shape[0] == 0 or given.shape[1] != 2:
        raise InputError(
            f"pairs has shape {given.shape}; give an array (pairs, 2, dimensions) with at least "
            "one pair"
        )
    try:
        first, second = (rows_of(given[:, side], "pairs", vectors) for side in (0, 1))
    except VectorError as error:
        raise VectorError(f"a member of {error}") from error
    differences: FloatArray = first - second
    # By the largest coordinate: the squares of very short vectors would vanish.
    same = np.abs(differences).max(axis=1) <= 1e-12 * np.abs(first).max(axis=1)
    if same.any():
        raise InputError(
            f"pairs[{int(np.flatnonzero(same)[0])}]: both members have the same vector, and so "
            "no direction; take the pair out"
        )
    # Directions do not depend on one common scale, and squares must not vanish.
    scaled: FloatArray = differences / np.abs(differences).max()
    return scaled


def _mean_pairs(
    rows: FloatArray,
    differences: FloatArray,
    vectors: Length,
    alternative: Alternative,
    n_resamples: int,
    rng: int | np.random.Generator | None,
) -> Measure:
    directions = unit_rows(differences, "pairs")
    scores = rows @ directions.mean(axis=0)
    by_pair = directions @ rows.mean(axis=0)
    size = float(np.linalg.norm(rows, axis=1).max())
    # The sums over all patterns of signs, as two encoders' scores are swapped word by word.
    test = sign_flips(by_pair / len(by_pair), size / len(by_pair)).pvalue(
        alternative, MAX_SUMS, n_resamples, seed_of(rng)
    )
    return replace(
        _measure(scores, len(by_pair), "mean_pairs", vectors),
        pvalue=test.value,
        pvalue_bounds=test.bounds,
        pvalue_method="exact" if test.count is not None else "sampled",
        alternative=alternative,
        null="pairs turned round",
        n_resamples=None if test.count is not None else n_resamples,
        figures={
            "mean_absolute": float(np.abs(scores).mean()),
            "spread_over_pairs": _spread(rows, directions),
        },
        scores={"words": tuple(scores.tolist()), "pairs": tuple(by_pair.tolist())},
    )


def _spread(rows: FloatArray, directions: FloatArray) -> float:
    """Return the mean over words of the SD over pairs, in blocks of words."""
    total = 0.0
    block = max(1, 4_000_000 // directions.shape[0])
    for start in range(0, rows.shape[0], block):
        total += float((rows[start : start + block] @ directions.T).std(axis=1).sum())
    return float(total / rows.shape[0])


@dataclass(frozen=True)
class _Component:
    direction: FloatArray | None
    explained: float
    note: str = ""


def _component(differences: FloatArray) -> _Component:
    """Return the first principal component of the differences, turned to the first side."""
    _, strengths, components = np.linalg.svd(differences, full_matrices=False)
    explained = float(strengths[0] ** 2 / (strengths**2).sum())
    second = strengths[1] if strengths.size > 1 else 0.0
    if strengths[0] - second <= _ROUNDING * strengths[0]:
        return _Component(
            None,
            explained,
            "The first two components of the differences are equally strong, so neither is the "
            "direction: use aggregate='mean_pairs', or other pairs.",
        )
    along = float(differences.sum(axis=0) @ components[0])
    if abs(along) <= _ROUNDING * strengths[0]:
        return _Component(
            None,
            explained,
            "The differences of the pairs cancel out, so their component has no first side: "
            "check the order within the pairs.",
        )
    return _Component(math.copysign(1.0, along) * components[0], explained)


def _first_component(rows: FloatArray, differences: FloatArray, vectors: Length) -> Measure:
    component = _component(differences)
    undefined = component.direction is None
    b = np.full(rows.shape[1], math.nan) if component.direction is None else component.direction
    scores = rows @ b
    cosines = unit_rows(differences, "pairs") @ b
    turned = int(np.count_nonzero(cosines < 0))
    note = component.note
    if not undefined and turned:
        note = f"{turned} of {len(cosines)} pairs point to the other side of their component."
    return replace(
        _measure(scores, len(cosines), "pc1", vectors),
        figures={
            "mean_absolute": float(np.abs(scores).mean()),
            "explained_variance": component.explained,
        },
        scores={"words": tuple(scores.tolist()), "pairs": tuple(cosines.tolist())},
        note=note,
    )


def _measure(scores: FloatArray, n_pairs: int, aggregate: RipaAggregate, length: Length) -> Measure:
    bound = 1.0 if length == "unit" else None
    return Measure(
        metric="ripa",
        value=float(scores.mean()),
        no_bias=0.0,
        value_range=(None if bound is None else -bound, bound),
        counts={"words": scores.size, "pairs": n_pairs},
        settings={"aggregate": aggregate, "vectors": length},
    )


def _run(roles: RoleVectors) -> Measure:
    if roles.pairs is None or len(roles.pairs) == 0:
        raise InputError(
            "ripa reads words along pairs (he - she), and this test does not say which words of "
            "X and Y belong together; give the test its pairs, or call embias.metrics.ripa with "
            "the vectors of pairs"
        )
    pairs = np.stack([roles.x[roles.pairs[:, 0]], roles.y[roles.pairs[:, 1]]], axis=1)
    result = ripa(
        np.concatenate([roles.a, roles.b]), pairs, alternative=roles.alternative, rng=roles.rng
    )
    return with_side_means(result, len(roles.a), "a", "b", "a_minus_b")


CARD = MetricCard(
    name="ripa",
    measures=(
        "How far words lie towards one side of word pairs (man - woman). In an audit the pairs "
        "are those of X and Y that the test names, the words A and B together; figures give A "
        "and B alone."
    ),
    formula=(
        "w . b, b the unit vector (x - y) / |x - y|; several pairs: first principal component of "
        "the differences, not centred (pc1), or the mean over pairs (mean_pairs)"
    ),
    value_range="without bound on raw vectors; [-1, 1] on unit vectors",
    no_bias="0",
    direction="positive: towards the first of each pair (X)",
    pvalue="mean_pairs: pairs turned round, exact; pc1: none (turning a pair round leaves it)",
    caveats=(
        "Depends on the pairs, and through raw vectors on the length of each word's vector. The "
        "reading as a log ratio of co-occurrence holds for skip-gram with negative sampling, not "
        "for contextual encoders. In an audit, words of A towards X and of B towards Y cancel "
        "out: read a_minus_b for that."
    ),
    edge_cases=EdgeCases(
        missing=(
            "an audit drops and counts them, and every pair that has one; a set that keeps fewer "
            "than 80% of its words (min_coverage), or fewer than two targets, is an error of the "
            "row"
        ),
        unequal="any sizes; words without a partner do not count",
        one_word="one pair and one word are enough",
        duplicates="a row given twice counts twice, a pair given twice likewise",
        two_sets=(
            "a pair of a word with itself is refused; an attribute in both sets counts in both"
        ),
    ),
    paper="Ethayarajh, Duvenaud & Hirst 2019, ACL, 1696-1705",
    conventions=(
        "WEFE averages over pairs (aggregate='mean_pairs' gives its numbers) and forms pairs by "
        "position after missing words are dropped, so that one missing word mispairs the rest; "
        "EmbeddingBiasScores adds up absolute products with components of centred pairs, without "
        "a sign. Ours is the paper's component, of pairs that are named."
    ),
    run=_run,
    measured="attributes",
    evidence=OF_AN_ASSOCIATION,
)
