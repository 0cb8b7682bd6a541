"""WEAT for any number of groups: each with attributes of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

import numpy as np
from numpy.typing import ArrayLike

from embias.errors import InputError
from embias.geometry.vectors import check_same_dimension, unit_rows
from embias.metrics._relabel import Labels, draws_for, relabelling_test
from embias.metrics.card import OF_AN_ASSOCIATION, EdgeCases, MetricCard, RoleVectors
from embias.results import Alternative, Measure
from embias.stats.inputs import as_generator, check_choice, check_rng
from embias.stats.permutation import permutation_pvalue
from embias.types import FloatArray

__all__ = ["generalized_weat"]


def generalized_weat(
    targets: Sequence[ArrayLike],
    attributes: Sequence[ArrayLike],
    *,
    alternative: Alternative = "greater",
    n_resamples: int | None = None,
    rng: int | np.random.Generator | None = None,
) -> Measure:
    """Return how much closer each group of targets is to its own attributes than the others are.

    ``g = sum_i (mean(X_i) - mu) . (mean(A_i) - alpha)``

    over the n pairs of a group of targets X_i and its attributes A_i, all vectors at unit
    length; mu is the mean of the n means of targets, alpha that of the n means of attributes.

    Parameters
    ----------
    targets : sequence of array_like of shape (n_i, d)
        Two groups at least. The numbers of rows may differ, one is enough.
    attributes : sequence of array_like of shape (m_i, d)
        One set for each group, in the same order. The numbers of rows may differ.
    alternative : {"greater", "less", "two-sided"}
        ``greater``: groups go with their own attributes.
    n_resamples : int, optional
        Draws, where the p-value is sampled: 99,999 for up to 100 targets, fewer for more and 999
        at least, unless given.
    rng : int, Generator or None
        Seed of the draws.

    Returns
    -------
    Measure
        `value`: g, in [-n, n]; 0 is no association, positive: groups go with their own
        attributes. For two groups g is half of WEAT's mean difference D. Figures: ``group_1``,
        ``group_2``, ...: the terms of the sum; ``weat_statistic``: 2 g, for two groups.
        ``scores["words"]``: for each target, ``u(x) . (mean(A_i) - alpha)`` with the attributes
        of its own group, in the order of the groups; the means of the groups add up to g.

    Raises
    ------
    InputError
        Fewer than two groups, another number of attribute sets, wrong shape, empty set.
    VectorError
        A zero or non-finite vector.

    Notes
    -----
    For the p-value targets are put into groups of the same sizes anew; attributes stay. With two
    groups it is WEAT's, from the same engine (exact, certified or sampled). With more it is
    exact for up to 200,000 relabellings, else sampled; two-sided is then twice the smaller
    one-sided p-value. The paper's own p-values, for words chosen by an algorithm, rotate the
    attributes at random instead.

    Since the centred attribute means add up to zero, mu changes no value. Rows are not compared:
    one given twice counts twice, also where it is in two groups.

    References
    ----------
    Swinger, De-Arteaga, Heffernan, Leiserson & Kalai 2019, AIES, 305-311.

    Examples
    --------
    >>> x, y = [[1.0, 0.0]], [[0.0, 1.0]]
    >>> generalized_weat([x, y], [x, y]).value
    1.0
    """
    check_choice("alternative", alternative, get_args(Alternative))
    check_rng(rng)
    groups, sets = _checked(targets, attributes)
    means = np.stack([rows.mean(axis=0) for rows in sets])
    centred = means - means.mean(axis=0)
    sizes = [len(group) for group in groups]
    draws = draws_for(n_resamples, 4 * sum(sizes), most=99_999)
    own = [group @ towards for group, towards in zip(groups, centred, strict=True)]
    value = float(sum(scores.mean() for scores in own))
    mu = np.mean([group.mean(axis=0) for group in groups], axis=0)
    terms = [
        float((group.mean(axis=0) - mu) @ towards)
        for group, towards in zip(groups, centred, strict=True)
    ]
    figures = {f"group_{i}": term for i, term in enumerate(terms, start=1)}
    if len(groups) == 2:
        figures["weat_statistic"] = 2 * value
    counts = {f"targets_{i}": size for i, size in enumerate(sizes, start=1)}
    counts |= {f"attributes_{i}": len(rows) for i, rows in enumerate(sets, start=1)}
    return Measure(
        metric="generalized_weat",
        value=value,
        no_bias=0.0,
        value_range=(-float(len(groups)), float(len(groups))),
        alternative=alternative,
        null="targets relabelled across groups",
        counts={"groups": len(groups), "words": sum(sizes), **counts},
        figures=figures,
        scores={"words": tuple(np.concatenate(own).tolist())},
        settings={
            "vectors": "unit",
            "two_sided": "abs" if len(groups) == 2 else "doubled",
        },
        **_tested(value, groups, centred, alternative, draws, rng),
    )


def _checked(
    targets: Sequence[ArrayLike], attributes: Sequence[ArrayLike]
) -> tuple[list[FloatArray], list[FloatArray]]:
    """Return the groups of targets and the sets of attributes at unit length."""
    if len(targets) < 2:
        raise InputError(
            f"targets has {len(targets)} group(s); give at least two: what one group is compared "
            "with are the others"
        )
    if len(targets) != len(attributes):
        raise InputError(
            f"targets has {len(targets)} groups and attributes has {len(attributes)}; give one "
            "set of attributes for each group, in the same order"
        )
    groups = [unit_rows(rows, f"targets[{i}]") for i, rows in enumerate(targets)]
    sets = [unit_rows(rows, f"attributes[{i}]") for i, rows in enumerate(attributes)]
    named = {f"targets[{i}]": rows for i, rows in enumerate(groups)}
    check_same_dimension(named | {f"attributes[{i}]": rows for i, rows in enumerate(sets)})
    return groups, sets


def _tested(
    value: float,
    groups: list[FloatArray],
    centred: FloatArray,
    alternative: Alternative,
    n_resamples: int,
    rng: int | np.random.Generator | None,
) -> dict[str, Any]:
    """Return the fields of the p-value."""
    if len(groups) == 2:
        # g is a difference of means of fixed scores: counted exactly, and far further.
        scores = [group @ centred[0] for group in groups]
        found = permutation_pvalue(
            *scores, alternative=alternative, magnitude=1.0, n_resamples=n_resamples, rng=rng
        )
        return {
            "pvalue": found.pvalue,
            "pvalue_bounds": found.pvalue_bounds,
            "pvalue_method": found.method,
            "n_resamples": found.n_resamples,
            "note": found.note,
        }
    sizes = [len(group) for group in groups]
    # What a target adds to g if it is in group j.
    added = np.concatenate(groups) @ centred.T / sizes
    units = np.arange(len(added))

    def statistic(labels: Labels) -> FloatArray:
        sums: FloatArray = added[units, labels].sum(axis=1)
        return sums

    return relabelling_test(
        value,
        statistic,
        sizes,
        alternative=alternative,
        noise=1e-12,
        n_resamples=n_resamples,
        rng=as_generator(rng)[0],
    ).fields()


def _run(roles: RoleVectors) -> Measure:
    return generalized_weat(
        [roles.x, roles.y], [roles.a, roles.b], alternative=roles.alternative, rng=roles.rng
    )


CARD = MetricCard(
    name="generalized_weat",
    measures=(
        "Whether groups of targets, two or more, each go with attributes of their own. In an "
        "audit there are two: X with A, Y with B; the function takes any number."
    ),
    formula="g = sum_i (mean(X_i) - mu) . (mean(A_i) - alpha), unit vectors, means of means",
    value_range="[-n, n] for n groups",
    no_bias="0",
    direction="positive: groups go with their own attributes (X with A and Y with B)",
    pvalue=(
        "targets relabelled across groups; for two groups that of WEAT, for more exact up to "
        "200,000 relabellings, else sampled"
    ),
    caveats=(
        "A sum over groups: one strong group can make it, so read the terms. It is not divided "
        "by a standard deviation and shrinks with all cosines; compare it within one encoder."
    ),
    edge_cases=EdgeCases(
        unequal="any sizes; every group weighs the same, whatever its size",
        one_word="one is enough, in every set",
        two_sets=(
            "in X and Y, or A and B, it counts in both (an audit refuses that); as target and "
            "attribute it has a cosine of 1 with itself, which an audit notes"
        ),
    ),
    paper="Swinger, De-Arteaga, Heffernan, Leiserson & Kalai 2019, AIES, 305-311",
    conventions=(
        "Half of WEAT's mean difference D for two groups. The paper's p-values rotate the "
        "attributes at random, as its words are chosen by an algorithm; with given words "
        "relabelling targets is WEAT's own test."
    ),
    run=_run,
    evidence=OF_AN_ASSOCIATION,
)
