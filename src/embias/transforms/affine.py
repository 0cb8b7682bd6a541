"""The base of all transforms that are one affine map for every row."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import _check_feature_names_in, _generate_get_feature_names_out

from embias.transforms._checks import check_fitted
from embias.transforms.affine_map import AffineMap
from embias.transforms.row_transform import RowTransform
from embias.types import FloatArray

__all__ = ["AffineTransform"]


class AffineTransform(RowTransform):
    """A fitted transform that maps every row by itself: ``x' = x A' + b``.

    What it learns is one frozen :class:`AffineMap`, ``map_``, fitted and stored in float64 and
    applied in the number type of the rows. Neighbouring affine steps can be merged
    (:func:`fold`), saved (:func:`save_transform`) and put into a model
    (:func:`to_sentence_transformer`).
    """

    map_: AffineMap

    #: Whether the columns that come out are others than those that went in, whatever their number.
    _new_columns = False

    def _map_rows(self, rows: NDArray[Any]) -> NDArray[Any]:
        return self.map_.apply(rows)

    def as_affine(self) -> tuple[FloatArray, FloatArray]:
        """Return ``A`` of shape (d', d) and ``b`` of shape (d',), so that ``x' = x A' + b``."""
        check_fitted(self)
        return self.map_.dense()

    @property
    def _n_features_out(self) -> int:
        return self.map_.n_out

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray[Any]:
        """Return the names of the columns: those that went in where their number stays.

        Otherwise the name of the class and a number, as in scikit-learn.
        """
        check_fitted(self)
        if self.map_.n_out == self.map_.n_in and not self._new_columns:
            names: NDArray[Any] = _check_feature_names_in(self, input_features)
            return names
        made: NDArray[Any] = _generate_get_feature_names_out(
            self, self.map_.n_out, input_features=input_features
        )
        return made
