"""Principal components of centred word sets, and how far they hang on single sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from embias.errors import InputError, VectorError
from embias.types import FloatArray

__all__ = ["Principal", "centred", "leave_one_out", "principal_components", "random_shares"]

#: Sets left out at most, evenly spread over all of them.
MOST_LEFT_OUT = 200


@dataclass(frozen=True)
class Principal:
    """Components of a stack of rows whose mean is zero.

    Attributes
    ----------
    basis : ndarray of shape (k, d)
        Orthonormal rows, signs as they come.
    shares : ndarray of shape (rank,)
        Explained variance of every component there is, as shares that add up to 1.
    """

    basis: FloatArray
    shares: FloatArray


def centred(sets: Sequence[FloatArray]) -> list[FloatArray]:
    """Return each set minus its mean; a pair becomes one row, half its difference.

    The two centred rows of a pair are each other's negative, so one of them holds all that
    both do: the components and the shares of variance are the same.
    """
    halves = [(s[:1] - s[1:]) / 2 if len(s) == 2 else s - s.mean(axis=0) for s in sets]
    # The weight of two rows, where pairs stand among larger sets.
    return [h * np.sqrt(2) if len(s) == 2 else h for h, s in zip(halves, sets, strict=True)]


def principal_components(rows: FloatArray, k: int) -> Principal:
    """Return the first components of rows that need no centring, at most as many as there are.

    Parameters
    ----------
    rows : ndarray of shape (n, d)
    k : int
        Number of components asked for; the rank of the rows bounds it.

    Raises
    ------
    VectorError
        When the rows are all zero.
    """
    _, lengths, components = linalg.svd(rows, full_matrices=False)
    # Rounding of unit vectors leaves rows of about 1e-16 where the vectors are equal.
    floor = max(rows.shape) * np.finfo(np.float64).eps
    if lengths[0] <= floor:
        raise VectorError(
            "the two ends of every pair (or the vectors of every set) are equal, so there is no "
            "direction between them; give words that differ"
        )
    rank = int(np.count_nonzero(lengths > lengths[0] * floor))
    shares = lengths[:rank] ** 2
    return Principal(components[: min(k, rank)], shares / shares.sum())


def leave_one_out(units: Sequence[FloatArray], basis: FloatArray) -> FloatArray:
    """Return how well the basis is met when each set in turn is left out.

    Parameters
    ----------
    units : sequence of ndarray of shape (m_i, d)
        Centred rows of each set.
    basis : ndarray of shape (k, d)
        Components of all of them.

    Returns
    -------
    ndarray of shape (min(n, 200),)
        Cosine of the largest angle between the two subspaces, in [0, 1]; ``|cos|`` for k = 1.
        0 where too little is left for k components.
    """
    rows, of_unit = np.concatenate(units), np.repeat(np.arange(len(units)), [len(u) for u in units])
    chosen = np.unique(np.linspace(0, len(units) - 1, MOST_LEFT_OUT).astype(int))
    if len(rows) <= rows.shape[1]:
        gram, met = rows @ rows.T, basis @ rows.T
        return np.array([_met_by_gram(gram, met, of_unit != i) for i in chosen])
    scatter = rows.T @ rows
    return np.array([_met_by_scatter(scatter - units[i].T @ units[i], basis) for i in chosen])


def _met_by_gram(gram: FloatArray, met: FloatArray, keep: NDArray[np.bool_]) -> float:
    k, left = len(met), int(keep.sum())
    if left < k:
        return 0.0
    squares, vectors = linalg.eigh(gram[np.ix_(keep, keep)], subset_by_index=[left - k, left - 1])
    if squares[0] <= squares[-1] * 1e-14 or squares[-1] <= 0:
        return 0.0
    return _smallest_cosine(met[:, keep] @ vectors / np.sqrt(squares))


def _met_by_scatter(scatter: FloatArray, basis: FloatArray) -> float:
    k, d = basis.shape
    squares, vectors = linalg.eigh(scatter, subset_by_index=[d - k, d - 1])
    if squares[0] <= squares[-1] * 1e-14 or squares[-1] <= 0:
        return 0.0
    return _smallest_cosine(basis @ vectors)


def _smallest_cosine(overlap: FloatArray) -> float:
    return float(min(linalg.svdvals(overlap)[-1], 1.0))


def random_shares(
    pool: FloatArray, sizes: Sequence[int], draws: int, rng: np.random.Generator
) -> FloatArray:
    """Return the first component's share of variance for sets of words drawn at random.

    Parameters
    ----------
    pool : ndarray of shape (m, d)
        Vectors to draw from, each at most once in a draw.
    sizes : sequence of int
        Size of each set.
    draws : int
    rng : Generator

    Returns
    -------
    ndarray of shape (draws,)
        In (0, 1].
    """
    needed, bounds = sum(sizes), np.cumsum(sizes)[:-1]
    if len(pool) < needed:
        raise InputError(
            f"pool has {len(pool)} vectors; {needed} are drawn at a time, so give at least "
            "as many, better some thousands"
        )
    shares = np.empty(draws)
    for i in range(draws):
        drawn = pool[rng.choice(len(pool), needed, replace=False)]
        lengths = linalg.svdvals(np.concatenate(centred(np.split(drawn, bounds))))
        total = float((lengths**2).sum())
        shares[i] = lengths[0] ** 2 / total if total > 0 else np.nan
    return shares
