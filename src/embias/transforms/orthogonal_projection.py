"""Orthogonal projection: what lies in a subspace is taken out of every vector (DECOR style)."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embias.errors import InputError
from embias.geometry import Subspace, span_of_classes
from embias.transforms._checks import check_strength, checked_fit
from embias.transforms._concept_subspace import basis_in
from embias.transforms._labels import class_codes
from embias.transforms.affine import AffineTransform
from embias.transforms.affine_map import LowRankMap
from embias.transforms.card import TransformCard
from embias.transforms.concept import concept_of
from embias.types import FloatArray

__all__ = ["CARD", "OrthogonalProjection"]


class OrthogonalProjection(AffineTransform):
    """Remove the component in a subspace: ``x - strength x B'B``.

    Parameters
    ----------
    subspace : Subspace or array_like of shape (k, d) or (d,), optional
        What to remove; by default the span of the differences between class means
        (:meth:`Subspace.from_labels`), and then `fit` needs labels. Several subspaces are joined
        first (:meth:`Subspace.join`): one projection after another would put a part of the first
        one back.
    strength : float
        ``alpha`` of the method, from 0 (no change) to 1 (all of it).

    Attributes
    ----------
    map_ : LowRankMap
    subspace_ : Subspace or ndarray
        What was removed.

    Notes
    -----
    The mean is not taken off first: the component itself is removed, not its variation. Applied
    to the token matrix of a text and pooled by the mean, it gives what it gives on the pooled
    vector, by linearity; :meth:`transform_tokens` takes token matrices as they are.

    References
    ----------
    DECOR 2024; the linear projection of Dev & Phillips 2019, AISTATS.

    Examples
    --------
    >>> import numpy as np
    >>> from embias.transforms import OrthogonalProjection
    >>> OrthogonalProjection([0.0, 2.0]).fit_transform(np.array([[3.0, 4.0]]))
    array([[3., 0.]])
    """

    def __init__(
        self, subspace: Subspace | ArrayLike | None = None, *, strength: float = 1.0
    ) -> None:
        self.subspace = subspace
        self.strength = strength

    def fit(
        self, X: ArrayLike, y: ArrayLike | None = None, *, sensitive_features: Any = None
    ) -> Self:
        """Learn the subspace from labels, or check that the rows lie in the space of a given one.

        Parameters
        ----------
        X : array_like of shape (n, d)
        y : array_like of shape (n,)
            Classes of one concept, or one-hot; not looked at where the subspace was given.
        sensitive_features : array_like of shape (n,), optional
            The classes, in place of `y`; for pipelines in which `y` is the target of a task.

        Returns
        -------
        self

        Raises
        ------
        InputError, VectorError
            Another dimension than that of the subspace; no labels where there is no subspace.
        """
        who = type(self).__name__
        rows = checked_fit(self, X, at_least=1 if self.subspace is not None else 2)
        check_strength(self.strength)
        found = self.subspace
        if found is None:
            target = concept_of(y, sensitive_features)
            found = self._span_of_labels(rows, class_codes(target, who))
        return self._removing(found, rows.shape[1])

    def _span_of_labels(self, rows: FloatArray, codes: NDArray[np.intp]) -> Subspace:
        return span_of_classes(rows, codes)

    def _removing(self, subspace: Subspace | ArrayLike, d: int) -> Self:
        basis = basis_in(subspace, d, type(self).__name__)
        self.subspace_: Subspace | ArrayLike = subspace
        self.map_ = LowRankMap(basis.T, basis, np.zeros(len(basis))).scaled(self.strength)
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = self.subspace is None
        return tags

    def transform_tokens(self, tokens: ArrayLike) -> FloatArray:
        """Remove the component from every token of texts.

        Parameters
        ----------
        tokens : array_like of shape (..., d)
            Token matrices, ``(tokens, d)`` or ``(texts, tokens, d)``; padding of zeros stays zero.

        Returns
        -------
        ndarray of the same shape
        """
        given = np.asarray(tokens)
        if given.ndim < 2:
            raise InputError(
                f"tokens has shape {given.shape}; give (tokens, d) or (texts, tokens, d)"
            )
        made: FloatArray = self.transform(given.reshape(-1, given.shape[-1])).reshape(given.shape)
        return made


CARD = TransformCard(
    name="orthogonal-projection",
    estimator=OrthogonalProjection,
    title="Orthogonal projection, DECOR style",
    learns_from="subspace",
    removes="The component in a given subspace, out of every vector.",
    guarantee="orthogonal",
    guaranteed="At strength 1 no vector has a component in the subspace. The concept may still be "
    "read off other directions.",
    affine=True,
    caveats="A subspace built from a few words or tokens left a gender probe on sentences at full "
    "accuracy.",
    paper="DECOR 2024; Dev & Phillips 2019, AISTATS",
)
