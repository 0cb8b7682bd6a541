"""How a metric takes a direction, and what it says of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from embias.errors import InputError
from embias.geometry.subspace import Subspace, as_basis
from embias.geometry.vectors import check_same_dimension, unit_rows
from embias.stats.inputs import as_numbers, check_size
from embias.types import FloatArray

__all__ = ["describe", "one_component", "remark", "unit_ends", "words_and_basis"]


def words_and_basis(
    words: ArrayLike, direction: Subspace | ArrayLike, name: str = "words"
) -> tuple[FloatArray, FloatArray]:
    """Return the words at unit length and the basis, after checking that they fit together."""
    arrays = {name: unit_rows(words, name), "direction": as_basis(direction)}
    check_same_dimension(arrays)
    return arrays[name], arrays["direction"]


def one_component(basis: FloatArray, component: int) -> FloatArray:
    """Return one row of a basis, shape ``(d,)``."""
    check_size("component", component, 0)
    if component >= len(basis):
        raise InputError(
            f"component={component}, and the direction has {len(basis)} (from 0 on); give one "
            "that it has"
        )
    row: FloatArray = basis[component]
    return row


def describe(direction: Subspace | ArrayLike, basis: FloatArray) -> dict[str, Any]:
    """Return what a result says of the direction it was measured along."""
    if isinstance(direction, Subspace):
        return direction.to_dict()
    return {"method": "given as an array", "k": len(basis)}


def remark(direction: Subspace | ArrayLike) -> str:
    """Return what makes the direction weak, for the note of a result; empty for an array."""
    if isinstance(direction, Subspace) and direction.note:
        return f"Direction: {direction.note}"
    return ""


def unit_ends(first: ArrayLike, second: ArrayLike, dimension: int) -> FloatArray:
    """Return two vectors of that many dimensions at unit length, shape ``(2, d)``."""
    ends = [as_numbers(end, name) for end, name in ((first, "first"), (second, "second"))]
    for end, name in zip(ends, ("first", "second"), strict=True):
        if end.shape != (dimension,):
            raise InputError(
                f"the {name} end has shape {end.shape}; give one vector of {dimension} dimensions"
            )
    return unit_rows(np.stack(ends), "ends")
