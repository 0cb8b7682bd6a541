"""Invariance: whether an encoder gives the same vector to what should be the same."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from embias.errors import InputError, VectorError
from embias.geometry.vectors import unit_rows
from embias.metrics._neighbours import nearest
from embias.metrics.card import EdgeCases, MetricCard
from embias.results import Measure
from embias.stats.inputs import as_numbers
from embias.types import FloatArray

__all__ = ["invariance"]

CARD = MetricCard(
    name="invariance",
    measures=(
        "Whether vectors of the same items stay where they are when order, casing, punctuation "
        "or a sample changes: a check of an encoder before its bias is believed. Not a bias."
    ),
    formula="mean over items and variants of cos(variant, base)",
    value_range="[-1, 1]",
    no_bias="none: 1 is no change at all; compare with other_items",
    direction="larger: less change",
    pvalue="none",
    caveats=(
        "In an anisotropic space all cosines are high: read the mean beside other_items (mean "
        "cosine of different items) and own_nearest (share of variants whose nearest base item "
        "is their own). Which variants ought to leave the vector unchanged is for the reader to "
        "say: casing may carry meaning."
    ),
    edge_cases=EdgeCases(
        missing="the caller leaves the item out of all variants",
        unequal="the same items in every variant, else refused",
        one_word=("one item is enough, without the figures of other items; one variant is refused"),
        duplicates=(
            "an item given twice counts twice; its two bases tie, so that neither is the nearest"
        ),
        two_sets="there is one set of items",
    ),
    paper=(
        "Cong, Hulsebos, Sun, Groth & Jagadish 2023, Observatory: Characterizing Embeddings of "
        "Relational Tables, PVLDB 17:849-862; Albert & Zhang 2010 (coefficient of variation)"
    ),
    conventions=(
        "Observatory compares with the unpermuted item by cosine, as here, and gives the "
        "multivariate coefficient of variation of Albert & Zhang, here the figure mcv."
    ),
    takes="vectors",
    needs="the vectors of the same items in several variants (order, casing, ...)",
)


def invariance(variants: ArrayLike, *, base: int = 0, threshold: float = 0.9) -> Measure:
    """Measure how little vectors change between variants of the same items.

    Parameters
    ----------
    variants : array_like of shape (v, n, d)
        Vectors of the same n items in v variants (as written, lower case, shuffled, ...); two
        variants at least.
    base : int
        Which variant the others are compared with.
    threshold : float
        Cosines under it count as changed; in (-1, 1].

    Returns
    -------
    Measure
        `value`: mean cosine with the base, over items and variants. Figures: ``worst`` (least
        cosine), ``under_threshold`` (share of item-variant pairs), ``other_items`` (mean
        cosine of different base items, NaN for one item), ``own_nearest`` (share of
        item-variant pairs nearer to their own base than to any other; a tie is not nearer),
        ``mcv`` (mean over items of the multivariate coefficient of variation over all variants,
        on raw vectors; 0 is no change; NaN where variants cancel out), and for each variant
        ``mean:I``, ``worst:I``. ``scores["rows"]``: the least cosine of each item over variants.

    Raises
    ------
    InputError
        Wrong shape, one variant only, options out of range.
    VectorError
        A zero or non-finite vector.

    References
    ----------
    Cong et al. 2023, PVLDB 17:849-862.
    """
    raw = as_numbers(variants, "variants")
    if raw.ndim != 3 or raw.shape[0] < 2 or 0 in raw.shape:
        raise InputError(
            f"variants has shape {raw.shape}; give (variants, items, dimensions) with at least "
            "two variants of one item"
        )
    v, n, d = raw.shape
    if isinstance(base, bool) or not isinstance(base, int | np.integer) or not 0 <= base < v:
        raise InputError(f"base={base!r}; give the place of one of the {v} variants, from 0 on")
    if not -1 < threshold <= 1:
        raise InputError(f"threshold={threshold!r}; give a cosine above -1 up to 1, such as 0.9")
    units = np.stack([_units(rows, place) for place, rows in enumerate(raw)])
    others = [place for place in range(v) if place != base]
    cosines = np.einsum("vnd,nd->vn", units[others], units[base])
    figures = {
        "worst": float(cosines.min()),
        "under_threshold": float((np.round(cosines, 12) < threshold).mean()),
        "other_items": _mean_of_others(units[base]),
        "own_nearest": float(np.mean([_own_nearest(units[i], units[base]) for i in others])),
        "mcv": _variation(raw),
    }
    for place, row in zip(others, cosines, strict=True):
        figures[f"mean:{place}"] = float(row.mean())
        figures[f"worst:{place}"] = float(row.min())
    return Measure(
        metric="invariance",
        value=float(cosines.mean()),
        no_bias=None,
        value_range=(-1.0, 1.0),
        counts={"variants": v, "items": n, "dimensions": d},
        figures=figures,
        scores={"rows": tuple(cosines.min(axis=0).tolist())},
        settings={"base": int(base), "threshold": float(threshold)},
    )


def _units(rows: FloatArray, place: int) -> FloatArray:
    try:
        return unit_rows(rows, f"variants[{place}]")
    except VectorError as error:
        raise VectorError(f"{error} (in every variant)") from error


def _mean_of_others(units: FloatArray) -> float:
    n = len(units)
    if n == 1:
        return math.nan
    total = units.sum(axis=0)
    return float(total @ total - n) / (n * (n - 1))


def _own_nearest(rows: FloatArray, base: FloatArray) -> float:
    """Return the share of rows whose own base is nearer than every other."""
    if len(base) == 1:
        return 1.0
    found, cosines = nearest(rows, base, 2)
    alone = cosines[:, 0] > cosines[:, 1]
    return float(((found[:, 0] == np.arange(len(base))) & alone).mean())


def _variation(raw: FloatArray) -> float:
    """Return the mean over items of sqrt(m'Sm) / m'm, m mean and S covariance over variants."""
    raw = raw / np.abs(raw).max(axis=(0, 2))[None, :, None]
    means = raw.mean(axis=0)
    along = np.einsum("vnd,nd->vn", raw, means)
    squares = (means**2).sum(axis=1)
    if (squares < 1e-24).any():
        return math.nan
    return float((along.std(axis=0, ddof=1) / squares).mean())
