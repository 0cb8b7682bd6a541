"""All-but-the-top: the mean and the first principal directions taken out."""

from __future__ import annotations

import numpy as np

from embias.errors import InputError
from embias.stats.inputs import check_size
from embias.transforms._checks import check_fitted
from embias.transforms._moments import Moments
from embias.transforms.affine_map import AffineMap, LowRankMap
from embias.transforms.card import TransformCard
from embias.transforms.moment_transform import MomentTransform
from embias.transforms.pca import principal_axes
from embias.types import FloatArray

__all__ = ["CARD", "AllButTheTop"]


class AllButTheTop(MomentTransform):
    """Subtract the mean and project out the first principal directions: ``(x - m)(I - B'B)``.

    Parameters
    ----------
    n_components : int, optional
        ``D``, the directions to remove; by default the d / 100 of the paper, rounded, 1 at least.

    Attributes
    ----------
    map_ : LowRankMap
    components_ : ndarray of shape (D, d)
        The directions that are removed.
    removed_share_ : float
        Their share of the variance of the rows, in (0, 1).
    moments_ : Moments

    Notes
    -----
    The fit rows have mean zero afterwards and no component along the directions. Code in use
    projects the vector as it was, not centred: all vectors are then shifted by ``-m B'B``, a
    constant along the very directions that were to go. Here the centred vector is projected.

    Applied twice it is not the same as once (the mean is subtracted again).

    References
    ----------
    Mu & Viswanath 2018, ICLR.

    Examples
    --------
    >>> import numpy as np
    >>> from embias.transforms.all_but_the_top import AllButTheTop
    >>> X = np.array([[9.0, 1.0], [1.0, 1.5], [5.0, 2.0], [5.0, 1.5]])
    >>> made = AllButTheTop().fit_transform(X)
    >>> bool(np.allclose(made.mean(axis=0), 0))
    True
    """

    def __init__(self, n_components: int | None = None) -> None:
        self.n_components = n_components

    def _solve(self, moments: Moments) -> AffineMap:
        d = len(moments.mean_x)
        number = max(1, round(d / 100)) if self.n_components is None else self.n_components
        check_size("n_components", number)
        variances, axes = principal_axes(moments)
        if number >= len(axes):
            raise InputError(
                f"AllButTheTop: to remove {number} of the {len(axes)} directions in which the rows "
                f"vary leaves nothing (n_samples={moments.n}, n_features={d}); give more rows or a "
                "smaller n_components"
            )
        self._axes = axes[:number]
        self._share = float(variances[:number].sum() / variances.sum())
        shift = moments.mean_x - (moments.mean_x @ self._axes.T) @ self._axes
        # One more factor, whose right side is zero, carries the constant.
        left = np.column_stack([self._axes.T, shift])
        right = np.vstack([self._axes, np.zeros(d)])
        return LowRankMap(left, right, np.append(np.zeros(number), -1.0))

    @property
    def components_(self) -> FloatArray:
        """Directions that are removed, shape (D, d)."""
        check_fitted(self)
        return self._axes

    @property
    def removed_share_(self) -> float:
        """Share of the variance that is removed."""
        check_fitted(self)
        return self._share


CARD = TransformCard(
    name="all-but-the-top",
    estimator=AllButTheTop,
    title="All-but-the-top",
    learns_from="vectors",
    removes="The mean and the first principal directions, out of every vector.",
    guarantee=None,
    guaranteed="Nothing is known of any concept: the directions are those of most variance (often "
    "word frequency).",
    affine=True,
    caveats="Code in use projects the vector as it was, not centred, which leaves a constant along "
    "the removed directions. The number of directions is a rule of thumb (d / 100).",
    paper="Mu & Viswanath 2018, ICLR",
)
