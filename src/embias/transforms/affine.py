"""The base of all transforms that are one affine map for every row."""

from __future__ import annotations

import os
from typing import Any, Self

from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import _check_feature_names_in, _generate_get_feature_names_out

from embias.transforms._checks import check_fitted, checked_rows, keep_zero_rows
from embias.transforms._guarded import Guarded
from embias.transforms.affine_map import AffineMap
from embias.types import FloatArray

__all__ = ["AffineTransform"]


class AffineTransform(Guarded, TransformerMixin, BaseEstimator):
    """A fitted transform that maps every row by itself: ``x' = x A' + b``.

    What it learns is one frozen :class:`AffineMap`, ``map_``, fitted and stored in float64 and
    applied in the number type of the rows. Neighbouring affine steps can be merged
    (:func:`fold`), saved (:func:`save_transform`) and put into a model (:mod:`embias.export`).
    """

    map_: AffineMap

    def transform(self, X: ArrayLike) -> NDArray[Any]:
        """Map rows.

        Parameters
        ----------
        X : array_like of shape (n, d)
            float16, float32 and float64 stay what they are. A row of zeros stays zero, with a
            warning.

        Returns
        -------
        ndarray of shape (n, d')

        Raises
        ------
        InputError
            Not fitted, another dimension than fitted on, NaN or infinite values, no matrix.
        """
        rows = checked_rows(self, X)
        return keep_zero_rows(rows, self.map_.apply(rows), type(self).__name__)

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
        if self.map_.n_out == self.map_.n_in:
            names: NDArray[Any] = _check_feature_names_in(self, input_features)
            return names
        made: NDArray[Any] = _generate_get_feature_names_out(
            self, self.map_.n_out, input_features=input_features
        )
        return made

    def save(self, folder: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write the fitted transform into a folder; see :func:`save_transform`."""
        from embias.transforms.saving import save_transform

        save_transform(self, folder, overwrite=overwrite)

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Self:
        """Read a transform of this class back; see :func:`load_transform`."""
        from embias.transforms.saving import load_as

        return load_as(cls, folder)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32", "float16"]
        return tags
