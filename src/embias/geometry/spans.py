"""Subspaces spanned by vectors, by class means, by a band of a spectrum, by other subspaces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike
from scipy import linalg

from embias.errors import InputError, VectorError
from embias.geometry.subspace import Subspace, as_basis
from embias.geometry.vectors import check_same_dimension, unit_rows
from embias.stats.inputs import as_numbers, check_size
from embias.types import FloatArray

__all__ = [
    "checked_band",
    "finite_rows",
    "joint_span",
    "span_of_classes",
    "span_of_spectrum",
    "span_of_vectors",
]

#: Singular values below this share of the largest are rounding.
_RANK = 1e-10


def finite_rows(vectors: ArrayLike, name: str, at_least: int = 1) -> FloatArray:
    """Return a matrix as float64 after checking shape and values.

    Parameters
    ----------
    vectors : array_like of shape (n, d)
        Zero rows are allowed.
    name : str
        Name of the argument, for the error.
    at_least : int
        Rows that are needed.

    Raises
    ------
    InputError
        When it is no numeric matrix or has too few rows.
    VectorError
        When a coordinate is NaN or infinite.
    """
    rows = as_numbers(vectors, name)
    if rows.ndim != 2 or rows.shape[1] == 0 or len(rows) < at_least:
        raise InputError(
            f"{name} has shape {rows.shape}; give a two-dimensional array (items, dimensions) "
            f"with at least {at_least} row(s)"
        )
    bad = np.flatnonzero(~np.isfinite(rows).all(axis=1))
    if bad.size:
        raise VectorError(
            f"{name}[{bad[0]}] has a coordinate that is NaN or infinite; remove the row or mend it"
        )
    return rows


def span_of_vectors(vectors: ArrayLike, *, k: int | None = None) -> Subspace:
    """Return the span of vectors, or its k principal directions (not centred).

    Parameters
    ----------
    vectors : array_like of shape (n, d)
        Token vectors of a phrase, prompts, given directions. Taken at unit length, so that each
        counts the same.
    k : int, optional
        Directions to keep; by default as many as the vectors span.

    Returns
    -------
    Subspace
        Components by falling share of the squared length, each with the sum of the vectors on
        its positive side.

    Raises
    ------
    InputError, VectorError
        Wrong shape, a zero or non-finite vector, k below 1.

    References
    ----------
    Removing the span of a few token vectors is the projection of DECOR (2024).
    """
    return _span_of(unit_rows(vectors, "vectors"), k)


def _span_of(rows: FloatArray, k: int | None) -> Subspace:
    if k is not None:
        check_size("k", k)
    _, lengths, components = linalg.svd(rows, full_matrices=False)
    rank = int(np.count_nonzero(lengths > _RANK * lengths[0]))
    basis = components[: rank if k is None else min(k, rank)]
    basis = basis * np.where((basis @ rows.sum(axis=0)) < 0, -1.0, 1.0)[:, None]
    shares = lengths[:rank] ** 2
    return Subspace(
        basis=np.ascontiguousarray(basis),
        method="vectors",
        explained_variance=tuple((shares / shares.sum()).tolist()),
        n_given=len(rows),
        n_used=len(rows),
        orientation="positive: the sum of the vectors",
        settings={"vectors": "unit", "centred": False},
        note=f"k={k} was asked for, and the vectors span {rank}."
        if k is not None and rank < k
        else "",
    )


def span_of_classes(vectors: ArrayLike, labels: ArrayLike, *, k: int | None = None) -> Subspace:
    """Return the span of the differences between class means.

    It is the column space of the cross-covariance of vectors and one-hot labels: a projection
    that removes it makes all class means equal (SAL; for two classes the mean difference).

    Parameters
    ----------
    vectors : array_like of shape (n, d)
    labels : array_like of shape (n,)
        A class for each row; at least two classes.
    k : int, optional
        Directions to keep, those of the most variance between classes; by default all, at most
        ``classes - 1``.

    Returns
    -------
    Subspace
        With two classes, the second one (sorted) lies on the positive side; with more, the last.

    Raises
    ------
    InputError, VectorError
        Wrong shape, one class only, class means that are all equal, k below 1.

    References
    ----------
    Shao, Ziser & Cohen 2023, EACL (SAL); Belrose et al. 2023, NeurIPS.
    """
    rows = finite_rows(vectors, "vectors", 2)
    given = np.asarray(labels)
    if given.shape != (len(rows),):
        raise InputError(
            f"labels has shape {given.shape}; give one class for each of the {len(rows)} rows"
        )
    if k is not None:
        check_size("k", k)
    classes, codes, counts = np.unique(given, return_inverse=True, return_counts=True)
    if len(classes) < 2:
        raise InputError(f"labels has one class only ({classes[0]!r:.60}); give at least two")
    sums = np.zeros((len(classes), rows.shape[1]))
    np.add.at(sums, codes, rows - rows.mean(axis=0))
    between = sums / np.sqrt(counts)[:, None]  # rows weigh as their class does
    _, lengths, components = linalg.svd(between, full_matrices=False)
    floor = _RANK * max(float(np.abs(rows).max()) * np.sqrt(len(rows)), np.finfo(float).tiny)
    rank = min(int(np.count_nonzero(lengths > floor)), len(classes) - 1)
    if rank == 0:
        raise VectorError(
            "the class means are equal, so there is no direction between the classes; there is "
            "nothing to remove by a projection"
        )
    basis = components[: rank if k is None else min(k, rank)]
    basis = basis * np.where(basis @ between[-1] < 0, -1.0, 1.0)[:, None]
    shares = lengths[:rank] ** 2
    return Subspace(
        basis=np.ascontiguousarray(basis),
        method="labels",
        explained_variance=tuple((shares / shares.sum()).tolist()),
        n_given=len(rows),
        n_used=len(rows),
        orientation=f"positive: {str(classes[-1])[:60]}",
        settings={"vectors": "raw", "classes": [str(each)[:60] for each in classes.tolist()]},
    )


def span_of_spectrum(matrix: ArrayLike, band: tuple[int, int] | tuple[float, float]) -> Subspace:
    """Return the span of a band of right singular vectors of a matrix (not centred).

    Parameters
    ----------
    matrix : array_like of shape (n, d)
        For EmbedFilter the unembedding (output) matrix of a language model, one row a token.
    band : tuple of int or of float
        Start and stop, stop left out, in order of falling singular values: two whole numbers
        count directions, two floats from 0 to 1 are shares of the d directions, rounded to
        whole ones.

    Returns
    -------
    Subspace
        ``explained_variance`` are the shares of squared singular values of all directions.

    Raises
    ------
    InputError, VectorError
        Wrong shape, non-finite or only zero values, a band that is empty or out of range.
    """
    rows = finite_rows(matrix, "matrix")
    start, stop = checked_band(band, rows.shape[1])
    # The Gram matrix is d x d where the matrix has a row for every token of a vocabulary.
    scale = float(np.abs(rows).max())
    if scale == 0:
        raise VectorError("matrix has only zeros and no singular vectors; give another")
    squares, vectors = linalg.eigh((rows / scale).T @ (rows / scale))
    squares = np.maximum(squares[::-1], 0.0)
    basis = vectors[:, ::-1].T[start:stop]
    largest = np.abs(basis).argmax(axis=1)
    basis = basis * np.sign(basis[np.arange(len(basis)), largest])[:, None]
    return Subspace(
        basis=np.ascontiguousarray(basis),
        method="spectrum",
        explained_variance=tuple((squares / squares.sum()).tolist()),
        n_given=len(rows),
        n_used=len(rows),
        orientation="positive: the largest coordinate",
        settings={"band": [start, stop], "centred": False},
    )


def checked_band(band: tuple[float, float], dim: int) -> tuple[int, int]:
    """Return a band of `dim` directions, as counts or shares, as start and stop (left out).

    Raises
    ------
    InputError
        When it is no such pair, is empty or out of range.
    """
    rule = (
        f"give (start, stop) with 0 <= start < stop <= {dim} as whole numbers, or two floats "
        "from 0 to 1 as shares"
    )
    if not isinstance(band, list | tuple) or len(band) != 2:
        raise InputError(f"band={band!r:.60}; {rule}")
    start, stop = band
    numbers = (int, float, np.integer, np.floating)
    if any(isinstance(end, bool) or not isinstance(end, numbers) for end in band):
        raise InputError(f"band={band!r:.60}; {rule}")
    if any(isinstance(end, float | np.floating) for end in band):
        if not 0 <= start < stop <= 1:
            raise InputError(f"band={band!r:.60}; {rule}")
        start, stop = round(start * dim), round(stop * dim)
    if not 0 <= start < stop <= dim:
        raise InputError(f"band={band!r:.60} holds no direction of {dim}; {rule}")
    return int(start), int(stop)


def joint_span(subspaces: Sequence[Subspace | ArrayLike]) -> Subspace:
    """Return the span of several subspaces together; see :meth:`Subspace.join`."""
    if not subspaces:
        raise InputError("join needs at least one subspace; give one")
    bases = {
        f"subspaces[{i}]": as_basis(each, f"subspaces[{i}]") for i, each in enumerate(subspaces)
    }
    check_same_dimension(bases)
    found = _span_of(np.concatenate(list(bases.values())), None)
    parts = [each.to_dict() for each in subspaces if isinstance(each, Subspace)]
    return replace(
        found,
        method="joined",
        n_given=len(bases),
        n_used=len(bases),
        orientation="positive: the sum of the bases",
        settings={"joined": parts},
    )
