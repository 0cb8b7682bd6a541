"""A direction or subspace, with where it came from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from embias.errors import InputError, VectorError
from embias.geometry.vectors import unit_rows
from embias.stats.inputs import as_numbers
from embias.types import Encoder, FloatArray

if TYPE_CHECKING:
    from embias.geometry.direction_from_pairs import PairMethod

__all__ = ["DirectionMethod", "Subspace", "SubspaceMethod", "as_basis"]

DirectionMethod: TypeAlias = Literal[
    "pair_pca", "diff_pca", "set_pca", "single", "two_means", "mean_difference", "classifier"
]
SubspaceMethod: TypeAlias = (
    DirectionMethod | Literal["vectors", "labels", "texts", "spectrum", "joined"]
)


@dataclass(frozen=True, eq=False)
class Subspace:
    """A direction (k = 1) or subspace, where it came from, and how well the words agree on it.

    Made by one of ``from_pairs``, ``from_sets``, ``from_labels``, ``from_vectors``,
    ``from_texts``, ``from_spectrum`` or ``join``. Metrics measure along it, transforms remove it.

    Attributes
    ----------
    basis : ndarray of shape (k, d)
        Orthonormal rows, read-only. Each is oriented: the first ends lie on its positive side.
    method : str
        How it was found: the name of a method of :func:`embias.metrics.bias_direction`, or
        ``"vectors"``, ``"labels"``, ``"texts"``, ``"spectrum"``, ``"joined"``.
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
    method: SubspaceMethod
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

    def __repr__(self) -> str:
        """Return a one-line summary."""
        return f"Subspace(k={self.k}, dim={self.dim}, method={self.method!r})"

    @property
    def k(self) -> int:
        """Number of dimensions of the subspace."""
        return int(self.basis.shape[0])

    @property
    def vector(self) -> FloatArray:
        """The first component, shape ``(d,)``, unit length."""
        row: FloatArray = self.basis[0]
        return row

    @property
    def dim(self) -> int:
        """Number of dimensions of the space it lies in."""
        return int(self.basis.shape[1])

    @classmethod
    def from_pairs(
        cls,
        pairs: ArrayLike,
        *,
        k: int = 1,
        method: PairMethod = "pair_pca",
        normalise: bool = True,
    ) -> Subspace:
        """Find it from pairs of vectors; see :func:`embias.geometry.direction_from_pairs`."""
        from embias.geometry.direction_from_pairs import direction_from_pairs

        return direction_from_pairs(pairs, k=k, method=method, normalise=normalise)

    @classmethod
    def from_sets(
        cls, sets: Sequence[ArrayLike], *, k: int = 2, normalise: bool = True
    ) -> Subspace:
        """Find it from sets of vectors; see :func:`embias.geometry.direction_from_sets`."""
        from embias.geometry.direction_from_pairs import direction_from_sets

        return direction_from_sets(sets, k=k, normalise=normalise)

    @classmethod
    def from_vectors(cls, vectors: ArrayLike, *, k: int | None = None) -> Subspace:
        """Take the span of vectors; see :func:`embias.geometry.span_of_vectors`."""
        from embias.geometry.spans import span_of_vectors

        return span_of_vectors(vectors, k=k)

    @classmethod
    def from_labels(
        cls, vectors: ArrayLike, labels: ArrayLike, *, k: int | None = None
    ) -> Subspace:
        """Take the differences of class means; see :func:`embias.geometry.span_of_classes`."""
        from embias.geometry.spans import span_of_classes

        return span_of_classes(vectors, labels, k=k)

    @classmethod
    def from_spectrum(
        cls, matrix: ArrayLike, band: tuple[int, int] | tuple[float, float]
    ) -> Subspace:
        """Take a band of singular vectors; see :func:`embias.geometry.span_of_spectrum`."""
        from embias.geometry.spans import span_of_spectrum

        return span_of_spectrum(matrix, band)

    @classmethod
    def from_texts(
        cls,
        encoder: Encoder,
        sets: Sequence[Sequence[str]],
        *,
        templates: Sequence[str] = ("{}",),
        k: int = 1,
        normalise: bool = True,
        progress: bool = False,
    ) -> Subspace:
        """Find it from texts that differ in one word; see :func:`embias.geometry.span_of_texts`."""
        from embias.geometry.texts import span_of_texts

        return span_of_texts(
            encoder, sets, templates=templates, k=k, normalise=normalise, progress=progress
        )

    @classmethod
    def join(cls, *subspaces: Subspace | ArrayLike) -> Subspace:
        """Return the span of several subspaces together.

        Removing one subspace after another puts a part of the first one back where they are not
        at right angles; removing their join removes them all.

        Raises
        ------
        InputError
            No subspace, or subspaces of different dimension.
        """
        from embias.geometry.spans import joint_span

        return joint_span(subspaces)

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


def as_basis(direction: Subspace | ArrayLike, name: str = "direction") -> FloatArray:
    """Return a direction or subspace as orthonormal rows.

    Parameters
    ----------
    direction : Subspace or array_like of shape (d,) or (k, d)
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
    if isinstance(direction, Subspace):
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
