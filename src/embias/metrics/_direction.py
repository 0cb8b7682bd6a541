"""What a bias direction is, and how a metric takes one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from embias.errors import InputError, VectorError
from embias.metrics._vectors import check_same_dimension, unit_rows
from embias.stats.inputs import as_numbers, check_size
from embias.types import FloatArray

__all__ = [
    "BiasDirection",
    "DirectionMethod",
    "as_basis",
    "describe",
    "few",
    "one_component",
    "orientation_of",
    "remark",
    "unit_ends",
    "words_and_basis",
]

DirectionMethod: TypeAlias = Literal[
    "pair_pca", "diff_pca", "set_pca", "single", "two_means", "mean_difference", "classifier"
]
#: Fewer pairs, sets or words than this are worth a remark.
_FEW = 5


@dataclass(frozen=True, eq=False)
class BiasDirection:
    """A direction (k = 1) or subspace, and how well the words agree on it.

    Attributes
    ----------
    basis : ndarray of shape (k, d)
        Orthonormal rows, read-only. Each is oriented: the first ends lie on its positive side.
    method : str
        How it was found, see :func:`bias_direction`.
    explained_variance : tuple of float
        Share of every component there is, not only of those kept; they add up to 1. Empty for
        methods without components.
    n_given, n_used : int
        Pairs, sets or vectors given, and those whose ends differ.
    orientation : str
        Which end is positive.
    stability : dict of str to float
        ``leave_one_out_min``, ``leave_one_out_median``: |cos| with the direction found without
        one pair, set or vector (for k > 1 the cosine of the largest angle between the two
        subspaces). ``folds_min``, ``folds_median`` for a classifier. ``random_mean``,
        ``random_95``: mean and 95 % quantile of the first component's share for words drawn
        from a pool. All in [0, 1].
    figures : dict of str to float
        ``cv_accuracy``, ``cv_accuracy_sd`` and ``majority`` of a classifier.
    settings : dict
    note : str
    """

    basis: FloatArray
    method: DirectionMethod
    explained_variance: tuple[float, ...]
    n_given: int
    n_used: int
    orientation: str
    stability: dict[str, float] = field(default_factory=dict)
    figures: dict[str, float] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    note: str = ""

    def __post_init__(self) -> None:
        self.basis.setflags(write=False)

    @property
    def k(self) -> int:
        """Number of dimensions of the subspace."""
        return int(self.basis.shape[0])

    @property
    def vector(self) -> FloatArray:
        """The first component, shape ``(d,)``, unit length."""
        row: FloatArray = self.basis[0]
        return row

    def to_dict(self) -> dict[str, Any]:
        """Return all but the basis as plain values, for the record of a result."""
        return {
            "method": self.method,
            "given": self.n_given,
            "used": self.n_used,
            "k": self.k,
            "explained_variance": list(self.explained_variance),
            "orientation": self.orientation,
            "stability": dict(self.stability),
            **self.figures,
            **self.settings,
            "note": self.note,
        }


def as_basis(direction: BiasDirection | ArrayLike, name: str = "direction") -> FloatArray:
    """Return a direction or subspace as orthonormal rows.

    Parameters
    ----------
    direction : BiasDirection or array_like of shape (d,) or (k, d)
        Rows of an array need neither unit length nor right angles: their span counts, and the
        first row keeps its direction.
    name : str
        Name of the argument, for the error.

    Returns
    -------
    ndarray of shape (k, d)

    Raises
    ------
    InputError, VectorError
        Wrong shape, a zero or non-finite row, rows that do not span k dimensions.
    """
    if isinstance(direction, BiasDirection):
        return direction.basis
    given = as_numbers(direction, name)
    rows = unit_rows(given[None, :] if given.ndim == 1 else given, name)
    if len(rows) == 1:
        return rows
    if len(rows) > rows.shape[1]:
        raise InputError(f"{name} has {len(rows)} rows of {rows.shape[1]} dimensions; give fewer")
    q, r = np.linalg.qr(rows.T)
    if np.abs(np.diag(r)).min() <= 1e-10:
        raise VectorError(
            f"the {len(rows)} rows of {name} lie in a smaller subspace; remove those that are "
            "sums of others"
        )
    basis: FloatArray = q.T * np.sign(np.diag(r))[:, None]
    return basis


def words_and_basis(
    words: ArrayLike, direction: BiasDirection | ArrayLike, name: str = "words"
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


def describe(direction: BiasDirection | ArrayLike, basis: FloatArray) -> dict[str, Any]:
    """Return what a result says of the direction it was measured along."""
    if isinstance(direction, BiasDirection):
        return direction.to_dict()
    return {"method": "given as an array", "k": len(basis)}


def remark(direction: BiasDirection | ArrayLike) -> str:
    """Return what makes the direction weak, for the note of a result; empty for an array."""
    if isinstance(direction, BiasDirection) and direction.note:
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


def orientation_of(ends: tuple[str, str] | None, default: str) -> str:
    """Return in words which end of a direction is positive."""
    return f"positive: {default if ends is None else ends[0]}" + (
        "" if ends is None else f"; negative: {ends[1]}"
    )


def few(number: int, what: str) -> str:
    """Return a remark where a direction hangs on few words, else an empty text."""
    return f"Only {number} {what}; {_FEW} or more make a steadier direction." * (number < _FEW)
