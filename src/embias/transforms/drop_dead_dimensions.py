"""DropDeadDimensions: leave out coordinates that hold nothing but rounding."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import _check_feature_names_in

from embias.errors import InputError
from embias.transforms._checks import check_fitted, checked_fit
from embias.transforms.affine import AffineTransform
from embias.transforms.affine_map import DenseMap, identity_map
from embias.transforms.card import TransformCard

__all__ = ["CARD", "DropDeadDimensions"]


class DropDeadDimensions(AffineTransform):
    """Leave out coordinates whose spread is rounding.

    After erasure a coordinate in which little but the concept varied holds values of about 1e-8.
    They mean nothing, yet their signs, or their values once columns are scaled, may tell the
    classes without an error. Fit this on what comes out of the erasure, before signs are taken,
    columns scaled or vectors quantised.

    Parameters
    ----------
    tolerance : float
        A coordinate is left out when its standard deviation is at most this share of the largest
        one of all coordinates, or of its own mean. The default is some hundred times the rounding
        of float32; give about 1e-12 for data that were float64 all along.

    Attributes
    ----------
    kept_, dropped_ : ndarray of int
        Indices of the coordinates.
    map_ : AffineMap

    Notes
    -----
    Only coordinates are looked at, not directions across them: fit it after the last rotation
    (PCA) before signs are taken. Signs can still carry the concept in live coordinates: take the
    mean off first, and probe the codes.

    Examples
    --------
    >>> import numpy as np
    >>> from embias.transforms.drop_dead_dimensions import DropDeadDimensions
    >>> X = np.array([[1.0, 1e-9, 3.0], [2.0, -1e-9, 5.0], [4.0, 1e-9, 2.0]])
    >>> DropDeadDimensions().fit_transform(X)
    array([[1., 3.],
           [2., 5.],
           [4., 2.]])
    """

    def __init__(self, *, tolerance: float = 1e-5) -> None:
        self.tolerance = tolerance

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Learn which coordinates vary.

        Parameters
        ----------
        X : array_like of shape (n, d)
            At least two rows.
        y : object
            Not looked at.

        Returns
        -------
        self

        Raises
        ------
        InputError
            When no coordinate varies, or the tolerance is no number in [0, 1).
        """
        rows = checked_fit(self, X, at_least=2)
        number = isinstance(self.tolerance, int | float | np.number)
        if not number or not 0 <= self.tolerance < 1:
            raise InputError(f"tolerance={self.tolerance!r:.40}; give a number from 0 to below 1")
        sd, size = rows.std(axis=0), np.abs(rows.mean(axis=0))
        live = sd > self.tolerance * np.maximum(sd.max(), size)
        if not live.any():
            raise InputError(
                f"{type(self).__name__}: no coordinate varies by more than {self.tolerance:g} of "
                "its size; give rows that differ"
            )
        self.kept_, self.dropped_ = np.flatnonzero(live), np.flatnonzero(~live)
        d = rows.shape[1]
        self.map_ = (
            identity_map(d) if live.all() else DenseMap(np.eye(d)[live], np.zeros(live.sum()))
        )
        return self

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray[Any]:
        """Return the names of the coordinates that are kept."""
        check_fitted(self)
        names: NDArray[Any] = _check_feature_names_in(self, input_features)[self.kept_]
        return names


CARD = TransformCard(
    name="drop-dead-dimensions",
    estimator=DropDeadDimensions,
    title="Leave out coordinates of rounding",
    learns_from="vectors",
    removes="Coordinates whose spread is rounding, which may carry the classes in their signs.",
    guarantee=None,
    guaranteed="Nothing about the concept: it keeps what an erasure before it guarantees, and "
    "takes away one way in which signs or scaled columns would break it.",
    affine=True,
    caveats="Does not see directions across coordinates; signs of live coordinates can carry the "
    "concept too.",
    paper="",
)
