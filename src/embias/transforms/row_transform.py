"""The base of all transforms that treat every row by itself."""

from __future__ import annotations

import os
from abc import abstractmethod
from typing import Any, Self

from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin

from embias.transforms._checks import checked_rows, keep_zero_rows
from embias.transforms._guarded import Guarded

__all__ = ["RowTransform"]


class RowTransform(Guarded, TransformerMixin, BaseEstimator):
    """A fitted transform that maps every row by itself, whatever the other rows of the call.

    A subclass computes the rows in ``_map_rows``.
    """

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
        return keep_zero_rows(rows, self._map_rows(rows), type(self).__name__)

    @abstractmethod
    def _map_rows(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Return an array of its own for checked rows (n, d), in their number type."""

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
