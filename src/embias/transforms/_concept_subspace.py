"""The subspace that a transform removes: the one that was given, or the span of class means."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike

from embias.errors import InputError
from embias.geometry import Subspace, as_basis, span_of_classes
from embias.transforms._labels import class_codes
from embias.types import FloatArray

__all__ = ["basis_in", "given_or_of_classes"]


def given_or_of_classes(
    subspace: Subspace | ArrayLike | None,
    rows: FloatArray,
    y: Any,
    who: str,
    *,
    k: int | None = None,
) -> Subspace | ArrayLike:
    """Return the subspace that was given; without one that between the means of the classes."""
    if subspace is not None:
        return subspace
    return span_of_classes(rows, class_codes(y, who), k=k)


def basis_in(subspace: Subspace | ArrayLike, dim: int, who: str) -> FloatArray:
    """Return the orthonormal rows of a subspace of vectors of `dim` coordinates.

    Raises
    ------
    InputError
        When it lies in another number of dimensions.
    """
    basis = as_basis(subspace, "subspace")
    if basis.shape[1] != dim:
        raise InputError(
            f"{who}: the subspace lies in {basis.shape[1]} dimensions and the rows have {dim}; "
            "find it with vectors of the same encoder"
        )
    return basis
