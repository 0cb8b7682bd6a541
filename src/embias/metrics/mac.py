"""Mean average cosine: how far target words are from several attribute sets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from embias.errors import InputError
from embias.geometry.vectors import check_same_dimension, unit_rows
from embias.metrics.card import EdgeCases, MetricCard, RoleVectors
from embias.results import Measure

__all__ = ["mac"]


def mac(targets: ArrayLike, attributes: Sequence[ArrayLike]) -> Measure:
    """Return the mean cosine distance of target words from sets of attribute words.

    ``MAC = mean over targets t and sets A_j of mean_{a in A_j} (1 - cos(t, a))``. Named a
    similarity in the paper, it is a *distance*: 1 is orthogonal on average, the paper's
    "no bias"; it lies below 1 wherever cosines are positive, with or without bias.

    Parameters
    ----------
    targets : array_like of shape (n, d)
        Target vectors, of all groups together.
    attributes : sequence of array_like of shape (n_j, d)
        One array for each attribute set; the numbers of rows may differ, every set weighs the
        same.

    Returns
    -------
    Measure
        `value` in [0, 2]; 1 is no bias by the paper. Figures ``set 1``, ``set 2``...: the mean
        over the targets for each attribute set. Scores of ``words``: the mean over the sets for
        each target; ``set 1``, ``set 2``...: its mean distance from each set. There is no
        p-value.

    Raises
    ------
    InputError, VectorError
        Wrong shape, no attribute set, an empty set; a zero or non-finite vector.

    Notes
    -----
    One target or one attribute word is enough. Rows are not compared: one given twice counts
    twice, and a word that is target and attribute has a distance of 0 from itself.

    References
    ----------
    Manzini, Lim, Tsvetkov & Black 2019, NAACL, 615-621.

    Examples
    --------
    >>> mac([[1.0, 0.0]], [[[1.0, 0.0]], [[0.0, 1.0]]]).value
    0.5
    """
    units = {"targets": unit_rows(targets, "targets")}
    if isinstance(attributes, np.ndarray) and attributes.ndim == 2:
        raise InputError(
            "attributes is one two-dimensional array; give a list of arrays, one for each "
            "attribute set"
        )
    sets = list(attributes)
    if not sets:
        raise InputError("attributes is empty; give at least one attribute set")
    for i, rows in enumerate(sets):
        units[f"attributes[{i}]"] = unit_rows(rows, f"attributes[{i}]")
    check_same_dimension(units)
    # The mean of cosines is one product with the mean unit vector.
    means = np.stack([units[f"attributes[{i}]"].mean(axis=0) for i in range(len(sets))])
    distances = np.clip(1.0 - units["targets"] @ means.T, 0.0, 2.0)
    names = [f"set {i + 1}" for i in range(len(sets))]
    return Measure(
        metric="mac",
        value=float(distances.mean()),
        no_bias=1.0,
        value_range=(0.0, 2.0),
        counts={
            "words": distances.shape[0],
            **{name: len(units[f"attributes[{i}]"]) for i, name in enumerate(names)},
        },
        figures=dict(zip(names, distances.mean(axis=0).tolist(), strict=True)),
        scores={
            "words": tuple(distances.mean(axis=1).tolist()),
            **{name: tuple(distances[:, i].tolist()) for i, name in enumerate(names)},
        },
        settings={"vectors": "unit"},
        note="For comparison only: high cosines all over lower it without any bias.",
    )


def _run(roles: RoleVectors) -> Measure:
    return mac(np.concatenate([roles.x, roles.y]), [roles.a, roles.b])


CARD = MetricCard(
    name="mac",
    measures=(
        "How far target words are, on average, from the attribute words of several sets. In an "
        "audit the targets are X and Y together, the sets A and B."
    ),
    formula="mean over targets t and sets A_j of mean_{a in A_j} (1 - cos(t, a))",
    value_range="[0, 2]",
    no_bias="1 (by the paper)",
    direction="unsigned: 1 is orthogonal, less is closer",
    pvalue="none",
    caveats=(
        "Blind to which group is closer to which set, and moved by anisotropy (all cosines high) "
        "without any bias; larger is better only up to 1. For comparison, never to pass or fail "
        "by."
    ),
    edge_cases=EdgeCases(
        unequal="any sizes; every attribute set weighs the same, whatever its size",
        one_word="one is enough, in every set",
        two_sets=(
            "it counts in both (in X and Y, or A and B, an audit refuses that); as target and "
            "attribute it has a distance of 0 from itself"
        ),
    ),
    paper="Manzini, Lim, Tsvetkov & Black 2019, NAACL, 615-621",
    conventions=(
        "WEFE gives the same number. Called a similarity in the paper and in WEFE, it is a mean "
        "distance. Manzini's paired t-test before and after debiasing takes shared attributes "
        "for independent and is left out."
    ),
    run=_run,
)
