"""Transforms that need only means and covariances, so that rows may come in batches."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Self

from numpy.typing import ArrayLike

from embias.transforms._checks import checked_fit
from embias.transforms._moments import Moments
from embias.transforms.affine import AffineTransform
from embias.transforms.affine_map import AffineMap

__all__ = ["MomentTransform", "SolvedFromMoments"]


class SolvedFromMoments(AffineTransform):
    """An affine transform whose map is computed from :class:`Moments`, in ``_solve``."""

    moments_: Moments
    _map: AffineMap | None

    @property
    def map_(self) -> AffineMap:  # type: ignore[override]
        """The map, computed when it is first needed after new rows."""
        if self._map is None:
            self._map = self._solve(self.moments_)
        return self._map

    def __sklearn_is_fitted__(self) -> bool:
        # Solving here keeps the state of a fitted transform, and so its hash, the same for good.
        return hasattr(self, "moments_") and self.map_ is not None

    @abstractmethod
    def _solve(self, moments: Moments) -> AffineMap:
        """Return the map for these moments."""


class MomentTransform(SolvedFromMoments):
    """One that learns from vectors alone."""

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Learn from rows.

        Parameters
        ----------
        X : array_like of shape (n, d)
            Two rows at least.
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        InputError
            NaN, a wrong shape, rows that do not differ, too few of them for what is asked.
        """
        rows = checked_fit(self, X, at_least=2)
        moments = Moments.empty(rows.shape[1])
        moments.update(rows)
        self._map = self._solve(moments)
        self.moments_ = moments
        return self

    def partial_fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Learn from one more batch of rows; the order of the batches does not matter.

        Parameters
        ----------
        X : array_like of shape (n, d)
            A batch may be one row.
        y : ignored

        Returns
        -------
        self
        """
        first = not hasattr(self, "moments_")
        rows = checked_fit(self, X, reset=first)
        if first:
            self.moments_ = Moments.empty(rows.shape[1])
        self.moments_.update(rows)
        self._map = None
        return self
