"""Principal components, from moments: a thin PCA that folds, streams and can be saved."""

from __future__ import annotations

import numpy as np
from scipy import linalg

from embias.errors import InputError
from embias.transforms._checks import check_fitted
from embias.transforms._moments import Moments
from embias.transforms._whitening import varying
from embias.transforms.affine_map import AffineMap, DenseMap
from embias.transforms.card import TransformCard
from embias.transforms.moment_transform import MomentTransform
from embias.types import FloatArray

__all__ = ["CARD", "PCA", "principal_axes"]


class PCA(MomentTransform):
    """Coordinates along the directions of most variance: ``(x - mean) B'``.

    Parameters
    ----------
    n_components : int or float, optional
        Directions to keep; or, between 0 and 1, the share of the variance that they must exceed.
        By default all in which the rows vary.
    whiten : bool
        Bring every coordinate to variance 1.

    Attributes
    ----------
    map_ : DenseMap
    components_ : ndarray of shape (k, d)
        Orthonormal rows by falling variance, each with its largest coordinate positive.
    explained_variance_ : ndarray of shape (k,)
        With n - 1.
    explained_variance_ratio_ : ndarray of shape (k,)
        Shares of the variance of all directions.
    mean_ : ndarray of shape (d,)
    moments_ : Moments

    Notes
    -----
    The same as ``sklearn.decomposition.PCA`` (whose signs are those since scikit-learn 1.5), but
    computed from the covariance, so that rows may come in batches: exact in any order, unlike
    ``IncrementalPCA``. Directions with less than about 1e-7 of the largest standard deviation
    are rounding.

    Examples
    --------
    >>> import numpy as np
    >>> from embias.transforms.pca import PCA
    >>> X = np.array([[0.0, 1.0], [2.0, 1.0], [4.0, 1.0]])
    >>> PCA().fit_transform(X)
    array([[-2.],
           [ 0.],
           [ 2.]])
    """

    _new_columns = True

    def __init__(self, n_components: int | float | None = None, *, whiten: bool = False) -> None:
        self.n_components = n_components
        self.whiten = whiten

    def _solve(self, moments: Moments) -> AffineMap:
        variances, axes = principal_axes(moments)
        k = _checked_number(self.n_components, variances, moments)
        self._total = float(np.trace(moments.covariances()[0]))
        self._variances, self._axes = variances[:k], axes[:k]
        matrix = self._axes / np.sqrt(self._variances)[:, None] if self.whiten else self._axes
        return DenseMap(matrix, -matrix @ moments.mean_x)

    @property
    def components_(self) -> FloatArray:
        """Directions that are kept, shape (k, d)."""
        check_fitted(self)
        return self._axes

    @property
    def explained_variance_(self) -> FloatArray:
        """Variance along each of them."""
        check_fitted(self)
        return self._variances

    @property
    def explained_variance_ratio_(self) -> FloatArray:
        """The same as shares of the variance of all directions."""
        check_fitted(self)
        return self._variances / self._total

    @property
    def mean_(self) -> FloatArray:
        """Mean of the rows."""
        check_fitted(self)
        return self.moments_.mean_x


def principal_axes(moments: Moments) -> tuple[FloatArray, FloatArray]:
    """Return the variances and the directions, shape (r, d), in which rows vary.

    Returns
    -------
    variances : ndarray of shape (r,)
        Falling, above rounding.
    axes : ndarray of shape (r, d)
        Orthonormal, each with its largest coordinate positive.

    Raises
    ------
    InputError
        When the rows do not differ.
    """
    covariance = moments.covariances()[0]
    values, vectors = linalg.eigh(covariance)
    values, axes = values[::-1], vectors[:, ::-1].T
    # What a mean of equal rows leaves is not exactly zero.
    live = varying(np.diag(covariance), moments.mean_x).any()
    floor = len(values) * np.finfo(np.float64).eps * max(float(values[0]), 0.0)
    rank = min(int(np.count_nonzero(values > floor)), moments.n - 1) if live else 0
    if rank == 0:
        raise InputError(
            f"the {moments.n} rows do not differ, so they have no principal direction; give others"
        )
    axes = axes[:rank]
    signs = np.sign(axes[np.arange(rank), np.abs(axes).argmax(axis=1)])
    return values[:rank], axes * signs[:, None]


def _checked_number(asked: int | float | None, variances: FloatArray, moments: Moments) -> int:
    rank = len(variances)
    if asked is None:
        return rank
    if isinstance(asked, float | np.floating) and 0 < asked < 1:
        shares = np.cumsum(variances) / variances.sum()
        return min(int(np.searchsorted(shares, asked, side="right")) + 1, rank)
    whole = isinstance(asked, int | np.integer) and not isinstance(asked, bool)
    if not whole or asked < 1:
        raise InputError(
            f"n_components={asked!r:.40}; give a whole number from 1 on, or a share of the "
            "variance above 0 and below 1"
        )
    if asked > rank:
        raise InputError(
            f"n_components={asked}, and the rows vary in {rank} directions only "
            f"(n_samples={moments.n}, n_features={len(moments.mean_x)}); give more rows or fewer "
            "components"
        )
    return int(asked)


CARD = TransformCard(
    name="pca",
    estimator=PCA,
    title="Principal components",
    learns_from="vectors",
    removes="The mean, and the directions of least variance.",
    guarantee=None,
    guaranteed="Nothing is known of any concept: it stays where it has variance. The zero "
    "cross-covariance of an erasure before it is kept.",
    affine=True,
    caveats="Computed from the covariance: directions with less than about 1e-7 of the largest "
    "standard deviation are rounding. Whitening changes all cosines.",
    paper="Pearson 1901; Hotelling 1933",
)
