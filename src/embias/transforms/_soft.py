"""Soft removal: every direction is shrunk by how much of a set of rows lies along it.

``x (I + F'F)^-1`` for rows F is the common form of half-sibling regression, conceptor negation
and soft equalising; they differ in what F is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import linalg

from embias.errors import InputError
from embias.geometry import finite_rows
from embias.transforms.affine_map import AffineMap, DenseMap, LowRankMap
from embias.types import FloatArray

__all__ = ["check_above_zero", "concept_rows", "shrinking_map", "spectrum_of", "spectrum_of_rows"]

#: Squared singular values below this share of the largest are rounding.
_RANK = 1e-14


def shrinking_map(values: FloatArray, vectors: FloatArray) -> AffineMap:
    """Return ``x -> x (I + S)^-1`` for ``S = vectors' diag(values) vectors``.

    Parameters
    ----------
    values : ndarray of shape (r,)
        From 0 on; a direction of value s keeps ``1 / (1 + s)`` of itself.
    vectors : ndarray of shape (r, d)
        Orthonormal rows.
    """
    shares = values / (1 + values)
    rank, d = vectors.shape
    if 2 * rank <= d:
        return LowRankMap(vectors.T * shares, vectors, np.zeros(rank))
    return DenseMap(np.eye(d) - (vectors.T * shares) @ vectors, np.zeros(d))


def spectrum_of_rows(rows: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the eigenvalues above zero and eigenvectors, as rows, of ``F'F`` for rows F."""
    if len(rows) >= rows.shape[1]:
        return spectrum_of(rows.T @ rows)
    _, lengths, vectors = linalg.svd(rows, full_matrices=False)
    values = lengths**2
    kept = values > _RANK * values.max(initial=0.0)
    return values[kept], vectors[kept]


def spectrum_of(matrix: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the eigenvalues above zero and eigenvectors, as rows, of a symmetric matrix."""
    values, columns = linalg.eigh(matrix)
    kept = values > _RANK * max(float(values[-1]), 0.0)
    return values[kept], columns[:, kept].T


def concept_rows(vectors: ArrayLike | Sequence[ArrayLike] | None, X: FloatArray, who: str) -> Any:
    """Return the vectors of a concept's words as a list of matrices, one for each word list.

    Parameters
    ----------
    vectors : array_like of shape (m, d), sequence of such, or None
        None: the rows given to fit.
    X : ndarray of shape (n, d)
        The rows given to fit.
    who : str
        Name of the transform, for the error.
    """
    given = [X] if vectors is None else _lists(vectors)
    lists = [finite_rows(each, "vectors") for each in given]
    for rows in lists:
        if rows.shape[1] != X.shape[1]:
            raise InputError(
                f"{who}: vectors have {rows.shape[1]} dimensions and the rows {X.shape[1]}; take "
                "both from the same encoder"
            )
    return lists


def _lists(vectors: Any) -> list[Any]:
    one = not isinstance(vectors, list | tuple) or not len(vectors) or np.ndim(vectors[0]) != 2
    return [vectors] if one else list(vectors)


def check_above_zero(name: str, value: Any) -> None:
    """Raise an InputError unless a parameter is a finite number above 0."""
    number = isinstance(value, int | float | np.integer | np.floating)
    if not number or isinstance(value, bool) or not 0 < value < np.inf:
        raise InputError(f"{name}={value!r:.40}; give a number above 0")
