"""The first coordinates of vectors, for models that were trained for it (Matryoshka)."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import _check_feature_names_in

from embias.errors import InputError
from embias.transforms._arguments import count_of
from embias.transforms._checks import check_fitted, checked_fit
from embias.transforms._hard_steps import scaled_to_unit
from embias.transforms.affine import AffineTransform
from embias.transforms.affine_map import AffineMap, DenseMap
from embias.transforms.card import TransformCard
from embias.types import FloatArray

__all__ = ["CARD", "TruncateDims"]


class TruncateDims(AffineTransform):
    """Keep the first `dim` coordinates of every vector.

    Parameters
    ----------
    dim : int or float
        Coordinates to keep, or the share of them (above 0, up to 1).
    renormalise : bool
        Bring the shortened vectors to unit length, as search with cosines does. That is no affine
        map: such a step is not folded or put into a model as one, and an erasure before it is not
        kept.

    Attributes
    ----------
    dim_ : int
    map_ : DenseMap or None
        None with `renormalise`.

    Notes
    -----
    The first coordinates carry the most only where a model was trained for it; on any other they
    are a random choice. The same as ``truncate_dim`` of sentence-transformers.

    References
    ----------
    Kusupati et al. 2022, NeurIPS (Matryoshka representation learning).

    Examples
    --------
    >>> import numpy as np
    >>> from embias.transforms.truncate_dims import TruncateDims
    >>> TruncateDims(2, renormalise=True).fit_transform(np.array([[3.0, 4.0, 12.0]]))
    array([[0.6, 0.8]])
    """

    def __init__(self, dim: int | float = 0.5, *, renormalise: bool = False) -> None:
        self.dim = dim
        self.renormalise = renormalise

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Check that there are as many coordinates; nothing is learnt.

        Parameters
        ----------
        X : array_like of shape (n, d)
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        InputError
            `dim` above d, or no number of coordinates.
        """
        d = checked_fit(self, X).shape[1]
        self.dim_ = count_of("dim", self.dim, d)
        cut = None if self.renormalise else DenseMap(np.eye(self.dim_, d), np.zeros(self.dim_))
        self.map_: AffineMap | None = cut  # type: ignore[assignment]
        return self

    def _map_rows(self, rows: NDArray[Any]) -> NDArray[Any]:
        made: NDArray[Any] = rows[:, : self.dim_].copy()
        if not self.renormalise:
            return made
        unit: NDArray[Any] = scaled_to_unit(made).astype(made.dtype, copy=False)
        return unit

    def as_affine(self) -> tuple[FloatArray, FloatArray]:
        """Return ``A`` of shape (dim, d) and ``b`` of shape (dim,), so that ``x' = x A' + b``.

        Raises
        ------
        InputError
            With ``renormalise=True``, which no affine map does.
        """
        check_fitted(self)
        if self.map_ is None:
            raise InputError(
                "TruncateDims(renormalise=True) is no affine map, since every vector is divided by "
                "its own length; use renormalise=False, and sklearn.preprocessing.Normalizer as "
                "a step of its own"
            )
        return super().as_affine()

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray[Any]:
        """Return the names of the columns that are kept."""
        check_fitted(self)
        names: NDArray[Any] = _check_feature_names_in(self, input_features)
        return names[: self.dim_]


CARD = TransformCard(
    name="truncate-dims",
    estimator=TruncateDims,
    title="First dimensions (Matryoshka)",
    learns_from="nothing",
    removes="All coordinates but the first.",
    guarantee=None,
    guaranteed="Nothing is known of any concept. The zero cross-covariance of an erasure before it "
    "is kept by the cut, not by renormalising.",
    affine=True,
    caveats="Sensible only for models trained for it. With renormalise=True it is no affine map.",
    paper="Kusupati et al. 2022, NeurIPS",
)
