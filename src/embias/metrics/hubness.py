"""Hubness: whether a few items are neighbours of very many."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from embias.geometry.vectors import unit_rows
from embias.metrics._neighbours import check_k, neighbour_sets, point_sets
from embias.metrics._points import points_of
from embias.metrics.card import EdgeCases, MetricCard, RoleVectors
from embias.results import Measure
from embias.stats.inputs import check_choice

__all__ = ["Distance", "hubness"]

Distance: TypeAlias = Literal["cosine", "euclidean"]


def _run(roles: RoleVectors) -> Measure:
    found = hubness(roles.all_words())
    return replace(
        found, counts={"words": found.counts["rows"]}, scores={"words": found.scores["rows"]}
    )


CARD = MetricCard(
    name="hubness",
    measures=(
        "Whether some items are among the nearest neighbours of very many others, and others of "
        "none: it distorts every figure made of neighbours. Not a bias. In an audit the items are "
        "all words of the test, each once, of which there must be more than k = 10."
    ),
    formula="skewness over items of N_k(w), how often w is among the k nearest of another item",
    value_range="(-inf, inf); at most about sqrt(n)",
    no_bias="none: 0 is neighbourhoods that are spread evenly or symmetrically",
    direction="larger: more hubs",
    pvalue="none",
    caveats=(
        "Grows with the intrinsic dimension and depends on k; compare at equal n and k. The "
        "skewness is ruled by the largest hubs, so look at the share of anti-hubs beside it."
    ),
    edge_cases=EdgeCases(
        missing=(
            "an audit drops and counts them; on arrays the caller leaves them out, and a row of "
            "NaN or zeros is refused"
        ),
        unequal="there is one set, in an audit all words",
        one_word="more items than k are needed, two at least",
        duplicates=(
            "items that coincide are neighbours of each other, the smaller row first, so that "
            "many copies make hubs"
        ),
        two_sets="there is one set; in an audit a word of two sets is in it once",
    ),
    paper="Radovanovic, Nanopoulos & Ivanovic 2010, JMLR 11:2487-2531",
    conventions=(
        "Population moments. A hub has 2 k occurrences or more, as in scikit-hubness; the paper "
        "counts from two standard deviations above the mean."
    ),
    run=_run,
    measured="all",
)


def hubness(vectors: ArrayLike, *, k: int = 10, distance: Distance = "cosine") -> Measure:
    """Measure how unevenly items occur as nearest neighbours of others.

    Parameters
    ----------
    vectors : array_like of shape (n, d)
        Items that coincide are neighbours of each other, the smaller row first, so that many
        copies of an item make its first k rows hubs.
    k : int
        Number of neighbours, less than n.
    distance : {"cosine", "euclidean"}

    Returns
    -------
    Measure
        `value`: skewness of the k-occurrences; NaN, with a note, where every item occurs as
        often. Figures: ``anti_hubs`` (share of items that are nobody's neighbour), ``hubs``
        (share with 2 k occurrences or more), ``hub_occurrence`` (share of all neighbour places
        that hubs take), ``largest`` (most occurrences), ``robin_hood`` (share of places to be
        given away until all have k). ``scores["rows"]``: the occurrences of each item.

    Raises
    ------
    InputError
        k out of range, wrong shape.
    VectorError
        A zero or non-finite vector (zero is allowed for Euclidean distance).

    References
    ----------
    Radovanovic, Nanopoulos & Ivanovic 2010, JMLR 11:2487-2531.
    """
    check_choice("distance", distance, get_args(Distance))
    if distance == "cosine":
        points = unit_rows(vectors, "vectors")
        check_k(k, len(points))
        found = neighbour_sets(points, points, k, own=np.arange(len(points)))
    else:
        points = points_of(vectors, "vectors", "raw")
        check_k(k, len(points))
        found = point_sets(points, k)
    n = len(points)
    occurrences = np.bincount(found.ravel(), minlength=n)
    even = bool(np.ptp(occurrences) == 0)
    hubs = occurrences >= 2 * k
    return Measure(
        metric="hubness",
        value=math.nan if even else float(stats.skew(occurrences.astype(np.float64))),
        no_bias=None,
        value_range=(None, None),
        counts={"rows": n, "k": int(k)},
        figures={
            "anti_hubs": float((occurrences == 0).mean()),
            "hubs": float(hubs.mean()),
            "hub_occurrence": float(occurrences[hubs].sum()) / (n * k),
            "largest": float(occurrences.max()),
            "robin_hood": float(np.abs(occurrences - k).sum()) / (2 * n * k),
        },
        scores={"rows": tuple(occurrences.astype(float).tolist())},
        settings={"k": int(k), "distance": distance},
        note="Every item occurs as often as any other: no skewness." if even else "",
    )
