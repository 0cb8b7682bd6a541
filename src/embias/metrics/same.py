"""SAME: cosines of words with the directions between groups of attributes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike

from embias.errors import InputError
from embias.geometry.vectors import check_same_dimension, unit_rows
from embias.metrics._relabel import (
    Labels,
    Relabelled,
    coordinates,
    draws_for,
    in_first,
    relabelling_test,
)
from embias.metrics._sides import with_side_means
from embias.metrics.card import OF_AN_ASSOCIATION, EdgeCases, MetricCard, RoleVectors
from embias.results import Alternative, Measure
from embias.stats.inputs import as_generator, check_choice, check_rng
from embias.types import FloatArray

__all__ = ["SameWeights", "same"]

SameWeights: TypeAlias = Literal["none", "all", "reference"]

#: A difference of mean unit vectors that is shorter is rounding: it has no direction.
_NO_LENGTH = 1e-10


def same(
    words: ArrayLike,
    groups: Sequence[ArrayLike],
    *,
    weights: SameWeights = "none",
    alternative: Alternative | None = None,
    n_resamples: int | None = None,
    rng: int | np.random.Generator | None = None,
) -> Measure:
    """Return how far words lean along the directions between groups of attributes.

    Two groups: ``score(w) = cos(w, b)``, ``b = mean u(a_0) - mean u(a_1)``; the set of words is
    described by ``skew``, the mean score (the whole set leans), and ``stereotype``, the
    standard deviation (its members differ). More groups, the first being the reference:
    ``b_i = m_0 - m_i``, each made orthogonal to the earlier ones, and
    ``score(w) = sum_i |cos(w, b_i)|``.

    Parameters
    ----------
    words : array_like of shape (n, d)
        Vectors of the words to be scored; one is enough.
    groups : sequence of array_like of shape (n_j, d)
        Two attribute groups at least; the numbers of rows may differ.
    weights : {"none", "all", "reference"}
        Of the terms for more than two groups: ``none`` as above; ``all``: each times
        ``|b_i|``, so that groups that hardly differ hardly count; ``reference``: what the
        reference implementation does, the first term without and the others with ``|b_i|``,
        which makes the result depend on the order of the groups even more. Two groups have
        one term, weighted only under ``all`` (it is WEAT's s(w) then).
    alternative : {"two-sided", "greater", "less"}, optional
        Two groups: of the skew, ``greater`` is towards the first group; two-sided unless
        given. More groups: the score has no sign, and only ``greater`` makes sense.
    n_resamples : int, optional
        Draws, where there are too many relabellings to take all (always for more groups); 9,999
        unless given, fewer for more groups and thousands of words.
    rng : int, Generator or None
        Seed of these draws.

    Returns
    -------
    Measure
        `value`: skew for two groups, in [-1, 1] ([-2, 2] under ``all``), 0 is no bias, positive
        is towards the first group; the mean score for more, at least 0 and at most the root of
        the number of later groups (times 2 where weighted). Figures: ``skew``, ``stereotype``
        (population SD), ``mean_absolute``; for more groups ``mean_score``, ``stereotype``,
        ``in_span`` (mean length of the words' part in the span of all b, which does not depend
        on the order of groups) and ``skew_2``, ``skew_3``...: the mean cosine with
        ``m_0 - m_i``, positive towards the first group. ``null_mean``: mean of the value over
        the relabellings. Scores of ``words``.

    Raises
    ------
    InputError, VectorError
        Wrong shape, fewer than two groups, empty group, option that does not exist; a zero or
        non-finite vector.

    Notes
    -----
    The p-value relabels attribute words among the groups, for all words together; it says
    whether the value is more than any labelling gives, for this list of words. The mean score
    of more groups is above 0 without any bias: compare it with ``null_mean``. Groups with the
    same mean, or (for more groups) differences that are linearly dependent, leave a direction
    undefined: the value is NaN, with a note. Rows are not compared: one given twice counts
    twice, one in two groups counts in both.

    References
    ----------
    Schröder, Schulz & Hammer 2022, "The SAME score", arXiv:2203.14603.

    Examples
    --------
    >>> result = same([[1.0, 0.0], [0.0, 1.0]], [[[1.0, 0.0]], [[0.0, 1.0]]])
    >>> round(result.value, 3), round(result.figures["stereotype"], 3)
    (0.0, 0.707)
    """
    check_choice("weights", weights, get_args(SameWeights))
    check_rng(rng)
    units, parts = _checked(words, groups)
    # Two groups cost nothing by the number of words, for the mean word is enough.
    cost = 1 if len(parts) == 2 else len(parts) * len(units)
    draws = draws_for(n_resamples, cost)
    chosen = _checked_alternative(alternative, len(parts))
    sizes = [part.shape[0] for part in parts]
    directions = _directions(np.stack([part.mean(axis=0) for part in parts])[None])[0]
    result = _measure(units, parts, directions, weights)
    if math.isnan(result.value):
        return result
    rows, projected = coordinates(np.concatenate(parts), units)
    test = _tested(rows, projected, sizes, weights, chosen, draws, as_generator(rng)[0])
    return replace(
        result,
        **test.fields(),
        alternative=chosen,
        null="attribute words relabelled",
        figures={**result.figures, "null_mean": test.null_mean},
    )


def _checked(words: ArrayLike, groups: Sequence[ArrayLike]) -> tuple[FloatArray, list[FloatArray]]:
    if isinstance(groups, np.ndarray) and groups.ndim == 2:
        raise InputError(
            "groups is one two-dimensional array; give a list of arrays, one for each group"
        )
    given = list(groups)
    if len(given) < 2:
        raise InputError(f"groups has {len(given)} group(s); SAME compares two at least")
    units = {"words": unit_rows(words, "words")}
    units |= {f"groups[{i}]": unit_rows(rows, f"groups[{i}]") for i, rows in enumerate(given)}
    check_same_dimension(units)
    return units["words"], [units[f"groups[{i}]"] for i in range(len(given))]


def _checked_alternative(alternative: Alternative | None, n_groups: int) -> Alternative:
    if alternative is not None:
        check_choice("alternative", alternative, get_args(Alternative))
    if n_groups == 2:
        return alternative or "two-sided"
    if alternative not in (None, "greater"):
        raise InputError(
            f"alternative={alternative!r}: the score of {n_groups} groups has no sign; use "
            "'greater', or two groups"
        )
    return "greater"


def _directions(means: FloatArray) -> FloatArray:
    """Return ``b_i`` for means of shape (k, groups, d): (k, groups - 1, d), NaN if undefined."""
    raw = means[:, :1] - means[:, 1:]
    found: list[FloatArray] = []
    units: list[FloatArray] = []
    for i in range(raw.shape[1]):
        b = raw[:, i]
        # Twice: what the first pass leaves by rounding, the second one takes away.
        for unit in (*units, *units):
            b = b - (b * unit).sum(axis=1, keepdims=True) * unit
        length = np.linalg.norm(b, axis=1, keepdims=True)
        b = np.where(length > _NO_LENGTH, b, np.nan)
        found.append(b)
        units.append(b / length)
    return np.stack(found, axis=1)


def _weighted(directions: FloatArray, weights: SameWeights) -> FloatArray:
    """Return the directions at the length by which their terms count."""
    lengths = np.linalg.norm(directions, axis=-1, keepdims=True)
    times = np.ones_like(lengths)
    if weights == "all":
        times = lengths
    elif weights == "reference":
        times[..., 1:, :] = lengths[..., 1:, :]
    weighted: FloatArray = directions / lengths * times
    return weighted


def _measure(
    units: FloatArray, parts: list[FloatArray], directions: FloatArray, weights: SameWeights
) -> Measure:
    terms = units @ _weighted(directions, weights).T
    two = len(parts) == 2
    scores = terms[:, 0] if two else np.abs(terms).sum(axis=1)
    value = float(scores.mean())
    figures = {"stereotype": float(scores.std())}
    if two:
        figures |= {"skew": value, "mean_absolute": float(np.abs(scores).mean())}
    else:
        in_span = np.linalg.norm(units @ _weighted(directions, "none").T, axis=1)
        figures |= {"mean_score": value, "in_span": float(in_span.mean())}
        for i, part in enumerate(parts[1:], start=2):
            towards = parts[0].mean(axis=0) - part.mean(axis=0)
            length = float(np.linalg.norm(towards))
            skew = float((units @ towards).mean()) / length if length > _NO_LENGTH else math.nan
            figures[f"skew_{i}"] = skew
    bound = math.sqrt(len(parts) - 1) * (1.0 if weights == "none" else 2.0)
    bound = 1.0 if two and weights == "reference" else bound
    return Measure(
        metric="same",
        value=value,
        no_bias=0.0,
        value_range=(-bound if two else 0.0, bound),
        counts={"words": len(units)} | {f"group {i + 1}": len(p) for i, p in enumerate(parts)},
        figures=figures,
        scores={"words": tuple(scores.tolist())},
        settings={"weights": weights},
        note="Groups with the same mean, or differences of means that depend on one another: "
        "there is no direction between them."
        if math.isnan(value)
        else "",
    )


def _tested(
    rows: FloatArray,
    words: FloatArray,
    sizes: list[int],
    weights: SameWeights,
    alternative: Alternative,
    n_resamples: int,
    rng: np.random.Generator,
) -> Relabelled:
    two = len(sizes) == 2
    statistic = (_skew if two else _mean_score)(rows, words, sizes, weights)
    labels: Labels = np.repeat(np.arange(len(sizes), dtype=np.int16), sizes)
    return relabelling_test(
        float(statistic(labels[None])[0]),
        statistic,
        sizes,
        alternative=alternative,
        noise=1e-12,
        n_resamples=n_resamples,
        rng=rng,
        cost=rows.shape[1] if two else len(sizes) * max(words.shape[0], *rows.shape),
        enumerated=two,
    )


def _skew(
    rows: FloatArray, words: FloatArray, sizes: list[int], weights: SameWeights
) -> Callable[[Labels], FloatArray]:
    """Return what gives the skew for many labellings of two groups."""
    mean_word = words.mean(axis=0)

    def skew(labels: Labels) -> FloatArray:
        chosen = in_first(labels)
        b = (chosen / sizes[0] - (1.0 - chosen) / sizes[1]) @ rows
        length = np.linalg.norm(b, axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            over = 1.0 if weights == "all" else length
            return np.where(length > _NO_LENGTH, b @ mean_word / over, np.nan)

    return skew


def _mean_score(
    rows: FloatArray, words: FloatArray, sizes: list[int], weights: SameWeights
) -> Callable[[Labels], FloatArray]:
    """Return what gives the mean score for many labellings of more groups."""

    def mean_score(labels: Labels) -> FloatArray:
        # (draws, groups, attribute words): the share of each word in the mean of its group.
        shares = (labels[:, None] == np.arange(len(sizes))[:, None]) / np.array(sizes)[:, None]
        directions = _weighted(_directions(shares @ rows), weights)
        means: FloatArray = np.abs(directions @ words.T).sum(axis=1).mean(axis=1)
        return means

    return mean_score


def _run(roles: RoleVectors) -> Measure:
    words = np.concatenate([roles.x, roles.y])
    result = same(words, [roles.a, roles.b], alternative=roles.alternative, rng=roles.rng)
    return with_side_means(result, len(roles.x), "skew_x", "skew_y", "x_minus_y")


CARD = MetricCard(
    name="same",
    measures=(
        "How far words lean along the direction between groups of attributes: as a set (skew) "
        "and in how far they differ (stereotype). In an audit the words are X and Y together, "
        "the groups A and B; figures give X and Y alone."
    ),
    formula=(
        "two groups: mean over w of cos(w, b), b = mean u(a) - mean u(b); more: mean of "
        "sum_i |cos(w, b_i)|, b_i = m_0 - m_i made orthogonal to the earlier ones"
    ),
    value_range="two groups: [-1, 1]; k + 1 groups: [0, sqrt(k)]",
    no_bias="0 (more than two groups: see null_mean, which is above 0)",
    direction="positive: towards the first group (A); unsigned for more than two groups",
    pvalue="attribute words relabelled; exact by enumeration, else sampled",
    caveats=(
        "The length of the difference of the group means is divided out: groups that hardly "
        "differ give scores as large as any. With more than two groups the score depends on "
        "their order (in_span does not). In an audit, X towards A and Y towards B cancel out: "
        "read stereotype and x_minus_y for that."
    ),
    edge_cases=EdgeCases(
        unequal="any sizes; every group weighs the same, whatever its size",
        one_word="one is enough, in every set",
        two_sets=(
            "in A and B it counts in both and cancels out of equal groups, in X and Y it counts "
            "in both (an audit refuses either); as target and attribute it draws the mean of its "
            "group to itself"
        ),
    ),
    paper="Schröder, Schulz & Hammer 2022, arXiv:2203.14603",
    conventions=(
        "EmbeddingBiasScores weights the later of more than two groups by |b_i| and not the first "
        "(weights='reference'), and its signs point to one group or the other by function. Ours "
        "weights none, so that two groups are the same formula, and points to the first."
    ),
    run=_run,
    evidence=OF_AN_ASSOCIATION,
)
