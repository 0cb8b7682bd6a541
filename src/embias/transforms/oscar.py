"""OSCaR: two directions are brought to a right angle, by a rotation that fades away from them."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg
from sklearn.base import OneToOneFeatureMixin

from embias.errors import InputError, VectorError
from embias.geometry import Subspace, as_basis, span_of_classes
from embias.transforms._checks import checked_fit
from embias.transforms._labels import label_columns, one_label_a_row, read_labels
from embias.transforms.card import TransformCard
from embias.transforms.concept import concept_of
from embias.transforms.row_transform import RowTransform
from embias.types import FloatArray

__all__ = ["CARD", "OSCaR"]

#: Directions nearer than this (in radians) are one.
_SAME = 1e-6


class OSCaR(OneToOneFeatureMixin, RowTransform):
    """Orthogonal subspace correction and rectification: two directions become orthogonal.

    Only the part of a vector in the plane of the two directions turns: not at all along `first`,
    by the missing angle along `second`, in between by less and less. Nothing is projected away, so
    what each of the two directions says is kept; only that they say the same is undone.

    Parameters
    ----------
    first : Subspace or array_like of shape (d,), optional
        The direction that stays (gender); by default the difference of class means, and then
        `fit` needs labels.
    second : Subspace or array_like of shape (d,), optional
        The direction that is turned away from it (occupations). By default the difference of
        class means of a second column of labels; without one the direction of most variance.

    Attributes
    ----------
    plane_ : ndarray of shape (2, d)
        Orthonormal: the first direction, and where the second one is turned to.
    angle_ : float
        Angle between the two directions before, in (0, pi/2]; pi/2 is nothing to do.

    Notes
    -----
    Lengths are kept, and the map is continuous, but not linear: it cannot be folded or put into a
    model. Of the two public codes one turns by the wrong angle, so that the directions do not
    become orthogonal, and fails on vectors of 300 coordinates; the other takes wrong coordinates.

    References
    ----------
    Dev, Li, Phillips & Srikumar 2021, EMNLP.

    Examples
    --------
    >>> import numpy as np
    >>> from embias.transforms.oscar import OSCaR
    >>> rows = np.array([[1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 2.0]])
    >>> turned = OSCaR(first=rows[0], second=rows[1]).fit_transform(rows)
    >>> bool(abs(turned[0] @ turned[1]) < 1e-12)
    True
    """

    def __init__(
        self,
        first: Subspace | ArrayLike | None = None,
        second: Subspace | ArrayLike | None = None,
    ) -> None:
        self.first = first
        self.second = second

    def fit(
        self, X: ArrayLike, y: ArrayLike | None = None, *, sensitive_features: Any = None
    ) -> Self:
        """Find the plane of the two directions.

        Parameters
        ----------
        X : array_like of shape (n, d)
            Two coordinates at least.
        y : array_like of shape (n,) or (n, 2)
            Classes of the first concept, or of both; not looked at where both directions are
            given.
        sensitive_features : array_like, optional
            The classes, in place of `y`.

        Returns
        -------
        self

        Raises
        ------
        InputError, VectorError
            No labels where they are needed, directions of another dimension than the rows, or
            directions that are the same.
        """
        rows = checked_fit(self, X, at_least=1 if self.first is not None else 2)
        if rows.shape[1] < 2:
            raise InputError(
                "OSCaR: n_features=1, and one coordinate has no plane; give vectors of two "
                "coordinates at least"
            )
        target = concept_of(y, sensitive_features)
        first, second = self._directions(rows, target)
        along = float(first @ second)
        if along < 0:
            second, along = -second, -along
        rest = second - along * first
        away = float(np.linalg.norm(rest))
        # Taken off twice: next to a short rest the rounding of the first time is large.
        rest = rest - (rest @ first) * first
        self.angle_ = float(np.arctan2(away, along))
        if self.angle_ < _SAME:
            raise VectorError(
                "OSCaR: the two directions are the same, so they cannot be told apart; give other "
                "words for one of them"
            )
        self.plane_ = np.stack([first, rest / away])
        return self

    def _directions(self, rows: FloatArray, target: Any) -> tuple[FloatArray, FloatArray]:
        classes: list[NDArray[np.intp]] = []
        needed = (self.first is None) + (self.second is None)
        if self.first is None or (needed and target is not None):
            given = one_label_a_row(target)
            columns = label_columns(given, "classes", "OSCaR")
            if len(columns) > 2:
                raise InputError(
                    f"OSCaR: y has {len(columns)} concepts; give the two whose directions are to "
                    "become orthogonal"
                )
            labels = read_labels(given, columns, "OSCaR")
            classes = [labels.codes(i) for i in range(len(columns))]
        first = (
            span_of_classes(rows, classes.pop(0), k=1).vector
            if self.first is None
            else _one(self.first, "first", rows)
        )
        if self.second is not None:
            return first, _one(self.second, "second", rows)
        if classes:
            return first, span_of_classes(rows, classes[0], k=1).vector
        return first, _widest(rows, first)

    def _map_rows(self, rows: NDArray[Any]) -> NDArray[Any]:
        given = rows.astype(np.float64)
        inside = given @ self.plane_.T
        turned = _turn(inside, _turning(inside, self.angle_))
        made: NDArray[Any] = (given + (turned - inside) @ self.plane_).astype(rows.dtype)
        return made

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = self.first is None
        tags.target_tags.multi_output = True
        return tags


def _one(direction: Subspace | ArrayLike, name: str, rows: FloatArray) -> FloatArray:
    basis = as_basis(direction, name)
    if basis.shape != (1, rows.shape[1]):
        raise InputError(
            f"OSCaR: {name} has shape {basis.shape}; give one direction of the {rows.shape[1]} "
            "dimensions of the rows"
        )
    vector: FloatArray = basis[0]
    return vector


def _widest(rows: FloatArray, first: FloatArray) -> FloatArray:
    """Return the direction of most variance; where that is the first one, the next."""
    _, lengths, components = linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
    for component, length in zip(components, lengths, strict=True):
        if length > 0 and abs(component @ first) < np.cos(_SAME):
            vector: FloatArray = component
            return vector
    raise VectorError(
        "OSCaR: the rows vary along the first direction only, so there is no second one; give one"
    )


def _turning(inside: FloatArray, angle: float) -> FloatArray:
    """Return by which angle each point of the plane, shape (n, 2), is turned."""
    missing = np.pi / 2 - angle
    above = inside[:, 1] >= 0
    phi = np.arctan2(np.abs(inside[:, 1]), inside[:, 0])
    # Below the first direction lies the opposite of the second one, at pi - angle.
    bend = np.where(above, angle, np.pi - angle)
    most = np.where(phi <= bend, phi / bend, (np.pi - phi) / (np.pi - bend))
    return missing * most


def _turn(inside: FloatArray, by: FloatArray) -> FloatArray:
    cos, sin = np.cos(by), np.sin(by)
    p, q = inside[:, 0], inside[:, 1]
    return np.stack([p * cos - q * sin, p * sin + q * cos], axis=1)


CARD = TransformCard(
    name="oscar",
    estimator=OSCaR,
    title="Two directions to a right angle",
    learns_from="labels",
    removes="What two directions have in common, by turning every vector in their plane.",
    guarantee=None,
    guaranteed="The first direction stays, the second becomes exactly orthogonal to it, lengths "
    "are kept. Either concept can still be read from the vectors.",
    affine=False,
    caveats="Only what the two given directions share is undone. Public implementations turn by "
    "the wrong angle or take wrong coordinates.",
    paper="Dev, Li, Phillips & Srikumar 2021, EMNLP",
)
