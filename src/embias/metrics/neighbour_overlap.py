"""How many of the nearest neighbours two spaces of the same items share."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embias.errors import InputError
from embias.geometry.vectors import unit_rows
from embias.metrics._neighbours import check_k, neighbour_sets
from embias.metrics._row_numbers import row_numbers
from embias.metrics.card import EdgeCases, MetricCard
from embias.results import Measure
from embias.stats.inputs import check_choice
from embias.types import FloatArray

__all__ = ["Overlap", "neighbour_overlap"]

Overlap: TypeAlias = Literal["share", "jaccard"]

CARD = MetricCard(
    name="neighbour_overlap",
    measures=(
        "How much of the neighbourhoods of a space is left in another space of the same items: "
        "what debiasing (or quantising, cutting, another model) costs. Not a bias."
    ),
    formula="mean over items of |N_k before & N_k after| / k; Jaccard by name: / |union|",
    value_range="[0, 1]; by chance about k / (n - 1)",
    no_bias="none: 1 is nothing changed",
    direction="larger: more neighbours kept",
    pvalue="none",
    caveats=(
        "Depends on k and on how many items there are: compare at the same k on the same items. "
        "The most sensitive of the retention figures; some change is meant where the "
        "neighbourhoods themselves were biased."
    ),
    edge_cases=EdgeCases(
        missing="the caller leaves the item out of both spaces",
        unequal="as many items in both spaces, else refused; dimensions may differ",
        one_word="more items than k are needed, two at least",
        duplicates="equal items are neighbours of each other, the smaller row first",
        two_sets="there is one set of items",
    ),
    paper=(
        "Wendlandt, Kummerfeld & Mihalcea 2018, NAACL (share); Antoniak & Mimno 2018, TACL "
        "(Jaccard)"
    ),
    conventions="The item itself is no neighbour; ties go to the smaller row in both spaces.",
    takes="vectors",
    needs="the same items in two spaces",
)


def neighbour_overlap(
    before: ArrayLike,
    after: ArrayLike,
    *,
    k: int = 10,
    overlap: Overlap = "share",
    rows: ArrayLike | None = None,
) -> Measure:
    """Return the mean share of the k nearest neighbours that two spaces have in common.

    Parameters
    ----------
    before, after : array_like of shape (n, d_before), (n, d_after)
        Vectors of the same items in the same order; the dimensions may differ.
    k : int
        Number of neighbours by cosine, less than n.
    overlap : {"share", "jaccard"}
        Common neighbours over k, or over the union of both sets.
    rows : array_like of int, optional
        Items whose neighbours (among all) are compared; all by default. For large
        vocabularies: time grows with their number times n.

    Returns
    -------
    Measure
        `value` in [0, 1]; 1: the neighbourhoods are the same. Figures: ``share``, ``jaccard``,
        ``share_by_chance`` (what random neighbours would give), ``all_kept`` and ``none_kept``
        (share of the items of which that holds). ``scores["rows"]``: the overlap of each item.
        Duplicate items are neighbours of each other, the smaller row first.

    Raises
    ------
    InputError
        Arrays of different length, k out of range, rows that do not exist.
    VectorError
        A zero or non-finite vector.

    References
    ----------
    Wendlandt, Kummerfeld & Mihalcea 2018, NAACL.
    """
    check_choice("overlap", overlap, get_args(Overlap))
    one, two = unit_rows(before, "before"), unit_rows(after, "after")
    n = len(one)
    if len(two) != n:
        raise InputError(
            f"before has {n} rows and after {len(two)}; give the same items in the same order"
        )
    check_k(k, n)
    which = np.arange(n, dtype=np.intp) if rows is None else row_numbers(rows, "rows", n)
    kept = _common(
        neighbour_sets(one[which], one, k, own=which),
        neighbour_sets(two[which], two, k, own=which),
        n,
    )
    shares, unions = kept / k, kept / (2 * k - kept)
    chosen: FloatArray = shares if overlap == "share" else unions
    return Measure(
        metric="neighbour_overlap",
        value=float(chosen.mean()),
        no_bias=None,
        value_range=(0.0, 1.0),
        counts={"rows": which.size, "pool": n, "k": int(k)},
        figures={
            "share": float(shares.mean()),
            "jaccard": float(unions.mean()),
            "share_by_chance": k / (n - 1),
            "all_kept": float((kept == k).mean()),
            "none_kept": float((kept == 0).mean()),
        },
        scores={"rows": tuple(chosen.tolist())},
        settings={"overlap": overlap, "k": int(k), "vectors": "unit"},
    )


def _common(one: NDArray[np.intp], two: NDArray[np.intp], n: int) -> NDArray[np.intp]:
    """Return how many entries the rows of two tables of distinct entries have in common."""
    # One number for each (row, entry): those that occur twice are common.
    offset = np.arange(len(one))[:, None] * n
    common = np.intersect1d(one + offset, two + offset, assume_unique=True)
    counts: NDArray[np.intp] = np.bincount(common // n, minlength=len(one))
    return counts
