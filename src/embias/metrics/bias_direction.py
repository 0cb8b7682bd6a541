"""The direction or subspace that direction metrics measure along, by the name of a method."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast, get_args

import numpy as np
from numpy.typing import ArrayLike

from embias.errors import InputError
from embias.geometry.direction_from_groups import GroupMethod, direction_from_groups
from embias.geometry.direction_from_pairs import (
    PairMethod,
    direction_from_pairs,
    direction_from_sets,
)
from embias.geometry.subspace import DirectionMethod, Subspace
from embias.metrics.card import EdgeCases, MetricCard, RoleVectors
from embias.results import Measure
from embias.stats.inputs import check_choice

__all__ = ["DirectionMethod", "Subspace", "bias_direction", "direction_of_targets"]


def bias_direction(
    vectors: ArrayLike | Sequence[ArrayLike], *, method: DirectionMethod = "pair_pca", k: int = 1
) -> Subspace:
    """Find a bias direction by the name of a method, with its usual settings.

    Parameters
    ----------
    vectors : array_like or sequence
        Pairs of shape (n, 2, d) for ``pair_pca``, ``diff_pca`` and ``single``; a sequence of
        sets of shape (m_i, d) for ``set_pca``; two groups ``(first, second)`` of shape (n, d)
        and (m, d) for ``two_means``, ``mean_difference`` and ``classifier``.
    method : str
        One of the above; see :func:`direction_from_pairs`, :func:`direction_from_sets` and
        :func:`direction_from_groups`, which have more options.
    k : int
        Components of ``pair_pca``, ``diff_pca`` and ``set_pca``.

    Returns
    -------
    Subspace

    Raises
    ------
    InputError, VectorError
        See the functions above.
    """
    check_choice("method", method, get_args(DirectionMethod))
    if method in get_args(PairMethod):
        pairs = cast(ArrayLike, vectors)
        return direction_from_pairs(pairs, method=cast(PairMethod, method), k=k)
    if method == "set_pca":
        return direction_from_sets(list(cast(Sequence[ArrayLike], vectors)), k=k)
    if k != 1:
        raise InputError(f"k={k!r}, and {method} finds one direction; leave k out")
    groups = list(cast(Sequence[ArrayLike], vectors))
    if len(groups) != 2:
        raise InputError(f"{method} takes two groups of vectors, and {len(groups)} were given")
    return direction_from_groups(groups[0], groups[1], method=cast(GroupMethod, method))


def direction_of_targets(vectors: RoleVectors) -> Subspace:
    """Return the direction from targets Y to targets X of an association test.

    ``pair_pca`` where the test says which targets belong together (three pairs at least),
    ``two_means`` where it does not.
    """
    if vectors.pairs is None:
        return direction_from_groups(vectors.x, vectors.y, minimum=1, ends=("X", "Y"))
    pairs = np.stack([vectors.x[vectors.pairs[:, 0]], vectors.y[vectors.pairs[:, 1]]], axis=1)
    return direction_from_pairs(pairs, ends=("X", "Y"))


def _run(roles: RoleVectors) -> Measure:
    g = direction_of_targets(roles)
    value = g.stability.get("leave_one_out_median", math.nan)
    shares = g.explained_variance
    return Measure(
        metric="bias_direction",
        value=value,
        no_bias=None,
        value_range=(0.0, 1.0),
        counts={"used": g.n_used},
        figures={
            "least": g.stability.get("leave_one_out_min", math.nan),
            "explained_variance": shares[0] if shares else math.nan,
        },
        settings={"direction": g.to_dict()},
        note=g.note if math.isfinite(value) else f"{g.note} Nothing is left without one.".strip(),
    )


CARD = MetricCard(
    name="bias_direction",
    measures=(
        "How little a bias direction (she - he) depends on any one word or pair that it is made "
        "of. Not a bias: a check of the direction that other metrics measure along. In an audit: "
        "the direction from targets Y to targets X, as direct_bias has it."
    ),
    formula=(
        "median over pairs (or words) of |cos| of the direction with that found without the one; "
        "figures: the least of them, the first component's share of the variance (of pairs)"
    ),
    value_range="[0, 1]",
    no_bias="none: 1 is a direction that no single word moves",
    direction="larger: the words agree on the direction",
    pvalue="none",
    caveats=(
        "Large groups move little without one word, whatever they are: a stable direction is not "
        "one of bias. Pairs that do not agree show in a small share of the first component."
    ),
    paper="Bolukbasi et al. 2016, NIPS (pairs, components); leave-one-out is ours",
    edge_cases=EdgeCases(
        unequal="any sizes where the test names no pairs; a pair with a missing word is left out",
        one_word=(
            "fewer than three pairs are refused; without pairs, one word on each side has no "
            "figure (NaN, with a note): nothing is left without the only one"
        ),
        duplicates="words and pairs are not compared, so one given twice counts twice",
        two_sets=(
            "without pairs a word of X and Y is in both means (an audit refuses it); a pair of "
            "equal vectors is left out; A and B have no part in it"
        ),
    ),
    run=_run,
    measured="none",
)
