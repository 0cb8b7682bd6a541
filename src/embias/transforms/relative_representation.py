"""Relative representation: cosines to anchors in place of coordinates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embias.errors import InputError, VectorError
from embias.geometry import unit_rows
from embias.stats.inputs import check_size
from embias.transforms._arguments import generator_of
from embias.transforms._checks import check_fitted, checked_fit
from embias.transforms._hard_steps import scaled_to_unit
from embias.transforms.card import TransformCard
from embias.transforms.row_transform import RowTransform
from embias.types import FloatArray

__all__ = ["CARD", "RelativeRepresentation"]


class RelativeRepresentation(RowTransform):
    """Cosines of every vector with anchors: ``u(x) u(A)'``.

    Vectors of two models become comparable where the anchors are the same items: nothing changes
    when a space is rotated, mirrored or rescaled. It does change when the space is shifted.

    Parameters
    ----------
    anchors : array_like of shape (a, d), optional
        Vectors of the anchors; a data frame names the columns by its index. By default rows drawn
        from those fitted on.
    n_anchors : int, optional
        How many to draw; by default as many as there are dimensions (or rows, where they are
        fewer). For two models draw once and give the vectors of the same items to the other.
    names : sequence of str, optional
        Names of the anchors, for the columns.
    random_state : int, Generator or None
        Seed of the draw.

    Attributes
    ----------
    anchors_ : ndarray of shape (a, d)
        At unit length.
    anchor_rows_ : ndarray of shape (a,) or None
        Which rows were drawn.
    anchor_names_ : list of str

    References
    ----------
    Moschella et al. 2023, ICLR.

    Examples
    --------
    >>> import numpy as np
    >>> from embias.transforms.relative_representation import RelativeRepresentation
    >>> relative = RelativeRepresentation([[0.0, 2.0], [1.0, 0.0]], names=["she", "he"])
    >>> relative.fit_transform(np.array([[3.0, 4.0]]))
    array([[0.8, 0.6]])
    >>> list(relative.get_feature_names_out())
    ['she', 'he']
    """

    def __init__(
        self,
        anchors: ArrayLike | None = None,
        *,
        n_anchors: int | None = None,
        names: Sequence[str] | None = None,
        random_state: int | np.random.Generator | None = 0,
    ) -> None:
        self.anchors = anchors
        self.n_anchors = n_anchors
        self.names = names
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Draw the anchors, or check those that were given.

        Parameters
        ----------
        X : array_like of shape (n, d)
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        InputError, VectorError
            Anchors of another dimension, of zero length or not finite; more to draw than there
            are rows that are not zero; another number of names.
        """
        rows = checked_fit(self, X)
        self.anchor_rows_: NDArray[np.intp] | None = None
        if self.anchors is None:
            self.anchor_rows_ = self._drawn(rows)
            anchors, source = rows[self.anchor_rows_], _index_of(X)
            named = [f"anchor_{i}" for i in self.anchor_rows_.tolist()]
            listed = named if source is None else [source[i] for i in self.anchor_rows_.tolist()]
        else:
            anchors, source = np.asarray(self.anchors), _index_of(self.anchors)
            listed = [f"anchor_{i}" for i in range(len(anchors))] if source is None else source
        self.anchors_: FloatArray = unit_rows(anchors, "anchors")
        if self.anchors_.shape[1] != rows.shape[1]:
            raise InputError(
                f"RelativeRepresentation: the anchors have {self.anchors_.shape[1]} dimensions and "
                f"the rows {rows.shape[1]}; encode the anchors with the same model"
            )
        self.anchor_names_: list[str] = _checked_names(self.names, listed)
        return self

    def _drawn(self, rows: FloatArray) -> NDArray[np.intp]:
        usable = np.flatnonzero(rows.any(axis=1))
        if not len(usable):
            raise VectorError("all rows are zero, so there is no anchor among them; give others")
        number = min(rows.shape[1], len(usable)) if self.n_anchors is None else self.n_anchors
        check_size("n_anchors", number)
        if number > len(usable):
            raise InputError(
                f"n_anchors={number}, and there are {len(usable)} rows to draw from that are not "
                "zero; give more rows or fewer anchors"
            )
        generator, _ = generator_of(self.random_state)
        return np.sort(generator.choice(usable, number, replace=False))

    def _map_rows(self, rows: NDArray[Any]) -> NDArray[Any]:
        unit = scaled_to_unit(rows)
        made: NDArray[Any] = unit @ self.anchors_.T.astype(unit.dtype)
        return made.astype(rows.dtype, copy=False)

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray[Any]:
        """Return the names of the anchors; those of the columns that went in play no part."""
        check_fitted(self)
        return np.array(self.anchor_names_, dtype=object)


def _index_of(rows: Any) -> list[str] | None:
    """Return the labels of the rows of a data frame that has any."""
    index = getattr(rows, "index", None)
    if index is None or callable(index) or getattr(index, "dtype", None) in ("int64", "int32"):
        return None
    return [str(label) for label in index]


def _checked_names(names: Sequence[str] | None, listed: list[str]) -> list[str]:
    if names is None:
        return listed
    given = [str(each) for each in names]
    if isinstance(names, str) or len(given) != len(listed):
        raise InputError(
            f"names has {len(given)} entries for {len(listed)} anchors; give a list with one each"
        )
    return given


CARD = TransformCard(
    name="relative-representation",
    estimator=RelativeRepresentation,
    title="Relative representation",
    learns_from="vectors",
    removes="Lengths, and all but the angles to the anchors.",
    guarantee=None,
    guaranteed="Nothing is known of any concept. The same for a rotated, mirrored or rescaled "
    "space with the same anchors.",
    affine=False,
    caveats="Not invariant to a shift of the space: centre both first where their means differ.",
    paper="Moschella et al. 2023, ICLR",
)
