"""Concepts that are found in vectors, not asked for: a dictionary, and what can be read off it."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embias.errors import InputError
from embias.geometry.vectors import unit_rows
from embias.metrics._progress import progress_bar
from embias.stats.inputs import as_numbers, check_size, seed_of
from embias.types import FloatArray

__all__ = ["Concepts", "checked_codes", "concept_correlation", "fit_concepts", "top_items"]


@dataclass(frozen=True, eq=False)
class Concepts:
    """Concept dimensions fitted on vectors.

    Attributes
    ----------
    codes : ndarray of shape (n, c)
        How much of each concept is in each item; at least 0, mostly exactly 0.
    directions : ndarray of shape (c, d)
        Unit vectors; an item is about ``mean + codes @ directions``.
    mean : ndarray of shape (d,)
        Mean of the unit vectors, which was taken off first.
    explained : float
        Share of the variance that the codes give back, at most 1.
    active : float
        Mean number of concepts that an item has.
    settings : dict
    """

    codes: FloatArray
    directions: FloatArray
    mean: FloatArray
    explained: float
    active: float
    settings: dict[str, object]


def fit_concepts(
    vectors: ArrayLike,
    n_concepts: int = 32,
    *,
    sparsity: float = 0.03,
    n_epochs: int = 20,
    rng: int | np.random.Generator | None = 0,
    progress: bool = False,
) -> Concepts:
    """Fit concept dimensions: a sparse, non-negative code over a learned dictionary.

    The same model as a sparse autoencoder (items as sparse non-negative sums of directions),
    fitted by scikit-learn's MiniBatchDictionaryLearning. Codes of a trained sparse autoencoder
    can be given to :func:`concept_discovery` as they are.

    Parameters
    ----------
    vectors : array_like of shape (n, d)
        Brought to unit length and centred. More rows than concepts.
    n_concepts : int
        Number of concepts, 2 at least.
    sparsity : float
        Weight of the L1 penalty on the codes, in (0, 1), for vectors scaled to a mean square
        length of 1: near 0 every item has most concepts, towards 1 none. Look at `active` and
        `explained` of the result: in 300 dimensions 0.1 already leaves few concepts.
    n_epochs : int
        Passes over the vectors.
    rng : int, Generator or None
        Seed. Another seed finds other concepts: look which come back.
    progress : bool
        Show a progress bar of the batches; the fit may end early, when it gets no better.

    Returns
    -------
    Concepts
        In descending order of how much they are used. Concepts that no item has keep their
        place, with codes of 0.

    Raises
    ------
    InputError
        Wrong shape, not more rows than concepts, options out of range, vectors that are all
        the same.
    VectorError
        A zero or non-finite vector.

    References
    ----------
    Mairal, Bach, Ponce & Sapiro 2009, ICML; Cunningham et al. 2023, arXiv:2309.08600.
    """
    from sklearn.decomposition import MiniBatchDictionaryLearning
    from sklearn.exceptions import ConvergenceWarning

    check_size("n_concepts", n_concepts, at_least=2)
    check_size("n_epochs", n_epochs)
    if not 0 < sparsity < 1:
        raise InputError(f"sparsity={sparsity!r}; give a number above 0 and below 1, such as 0.03")
    units = unit_rows(vectors, "vectors")
    if len(units) <= n_concepts:
        raise InputError(
            f"vectors has {len(units)} rows for {n_concepts} concepts; give more rows, or ask for "
            "fewer concepts"
        )
    mean = units.mean(axis=0)
    centred = units - mean
    total = float((centred**2).sum())
    if total <= 1e-20 * len(units):
        raise InputError("vectors: all rows have the same direction, so there are no concepts")
    seed = seed_of(rng)
    # Scaled to a mean square length of 1, so that `sparsity` means the same in every space.
    scale = math.sqrt(total / len(units))
    size = min(256, len(units))
    batches = n_epochs * -(-len(units) // size)
    bar = progress_bar(batches, "fitting concepts", "batch", progress)
    model = MiniBatchDictionaryLearning(
        n_components=n_concepts,
        alpha=sparsity,
        max_iter=n_epochs,
        batch_size=size,
        fit_algorithm="cd",
        transform_algorithm="lasso_cd",
        positive_code=True,
        random_state=seed % 2**32,
        callback=lambda _: bar.update(),
    )
    with bar, warnings.catch_warnings():
        # The codes are taken as they are; what they explain is in the result.
        warnings.simplefilter("ignore", ConvergenceWarning)
        codes = model.fit_transform(centred / scale)
    directions = np.asarray(model.components_, dtype=np.float64)
    lengths = np.linalg.norm(directions, axis=1)
    codes = codes * lengths * scale
    directions = directions / np.where(lengths > 0, lengths, 1.0)[:, None]
    order = np.argsort(-(codes**2).sum(axis=0), kind="stable")
    codes, directions = codes[:, order], directions[order]
    rest = float(((centred - codes @ directions) ** 2).sum())
    return Concepts(
        codes=codes,
        directions=directions,
        mean=mean,
        explained=1 - rest / total,
        active=float((codes > 0).sum(axis=1).mean()),
        settings={"sparsity": float(sparsity), "n_epochs": int(n_epochs), "seed": seed},
    )


def concept_correlation(codes: ArrayLike) -> FloatArray:
    """Return how concepts go together: normalised pointwise mutual information.

    ``NPMI(i, j) = log(p_ij / (p_i p_j)) / -log p_ij``, p the share of items in which a concept
    (or both) is active, that is above 0.

    Parameters
    ----------
    codes : array_like of shape (n, c)
        At least 0.

    Returns
    -------
    ndarray of shape (c, c)
        Symmetric, in [-1, 1]: -1 never together, 0 independent, 1 only together. NaN for a
        concept that no item has, and for two that all items have.

    Raises
    ------
    InputError
        Wrong shape, a negative or non-finite code.

    References
    ----------
    Bouma 2009, GSCL.
    """
    table = checked_codes(codes, "codes")
    active = (table > 0).astype(np.float64)
    both = active.T @ active / len(table)
    alone = np.diagonal(both)
    with np.errstate(divide="ignore", invalid="ignore"):
        found: FloatArray = np.log(both / np.outer(alone, alone)) / -np.log(both)
    found = np.where(both == 0, -1.0, found)
    found[alone == 0, :] = np.nan
    found[:, alone == 0] = np.nan
    return np.clip(found, -1.0, 1.0)


def top_items(codes: ArrayLike, k: int = 10) -> NDArray[np.intp]:
    """Return the items that have most of each concept, by which a reader may name it.

    Parameters
    ----------
    codes : array_like of shape (n, c)
        At least 0.
    k : int

    Returns
    -------
    ndarray of int, shape (c, k)
        Rows, most first, the smaller row first where equal; -1 where fewer than k items have
        the concept at all.

    Raises
    ------
    InputError
        Wrong shape, a negative or non-finite code, k below 1.
    """
    check_size("k", k)
    table = checked_codes(codes, "codes")
    found = np.full((table.shape[1], k), -1, dtype=np.intp)
    for concept, column in enumerate(table.T):
        having = np.flatnonzero(column > 0)
        best = having[np.argsort(-column[having], kind="stable")[:k]]
        found[concept, : best.size] = best
    return found


def checked_codes(codes: ArrayLike, name: str) -> FloatArray:
    """Return codes as float64 after checking that they are finite and at least 0."""
    table = as_numbers(codes, name)
    if table.ndim != 2 or table.size == 0:
        raise InputError(f"{name} has shape {table.shape}; give (items, concepts), not empty")
    bad = np.argwhere(~(np.isfinite(table) & (table >= 0)))
    if bad.size:
        row, column = bad[0]
        raise InputError(
            f"{name}[{row}, {column}] is {table[row, column]}; activations are finite and at "
            "least 0 (clip them at 0 if yours are not)"
        )
    return table
