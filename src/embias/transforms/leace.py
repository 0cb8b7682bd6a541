"""LEACE: the least change after which no linear predictor of a concept beats a constant."""

from __future__ import annotations

import warnings

import numpy as np
from scipy import linalg

from embias.transforms._checks import TransformWarning, check_fitted, check_strength
from embias.transforms._labels import Concept
from embias.transforms._moments import Moments
from embias.transforms._whitening import label_whitener, readable, shrunk, whitening
from embias.transforms.affine_map import AffineMap, LowRankMap
from embias.transforms.card import TransformCard
from embias.transforms.concept import MomentEraser
from embias.types import FloatArray

__all__ = ["CARD", "LEACE", "warn_of_few_rows"]

#: Canonical correlations below this are rounding: far under the 1/sqrt(n) of noise.
_NONE = 1e-8


class LEACE(MomentEraser):
    """Least-squares concept erasure: ``x - (x - mean) W U U' W^+``.

    Among all affine maps after which the cross-covariance with the labels is zero, the one that
    moves the vectors least (mean squared distance). At most ``classes - 1`` directions change.

    Parameters
    ----------
    concept : {"auto", "classes", "numeric"}
        What `y` is. ``auto``: numbers with a fraction are a numeric concept, all else, whole
        numbers too, are classes.
    shrinkage : bool
        Shrink the covariance towards a multiple of the identity (for n not much above d). The
        cross-covariance still is zero; the move is no longer the least, and `correlations_` are
        smaller than the canonical ones.
    strength : float
        From 0 (no change) to 1; the guarantee holds at 1 only.

    Attributes
    ----------
    map_ : LowRankMap
    correlations_ : ndarray
        Canonical correlations of vectors and labels on the fit data that were removed, in
        (0, 1].
    moments_ : Moments
    classes_ : list
        Classes of the concept; a list for each concept, where there are several.

    Notes
    -----
    Which directions carry the concept is told by canonical correlations, which depend neither on
    the scale of a label nor on how rare a class is. The reference code cuts at an absolute
    covariance and silently keeps a class of one in a thousand.

    Guaranteed on the fit data only, and not after L2 normalisation, cosine or quantisation: see
    :class:`UnitLEACE` for unit vectors and :func:`broken_guarantees` for whole pipelines. A
    coordinate in which nothing but the concept varied holds rounding afterwards, whose signs may
    still tell the classes: see :class:`DropDeadDimensions`.

    References
    ----------
    Belrose et al. 2023, NeurIPS.

    Examples
    --------
    >>> import numpy as np
    >>> from embias.transforms import LEACE
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["a", "b"], 50)
    >>> X = rng.normal(size=(100, 8)) + (y == "a")[:, None]
    >>> erased = LEACE().fit_transform(X, y)
    >>> bool(np.allclose(erased[y == "a"].mean(axis=0), erased[y == "b"].mean(axis=0)))
    True
    """

    def __init__(
        self, *, concept: Concept = "auto", shrinkage: bool = False, strength: float = 1.0
    ) -> None:
        self.concept = concept
        self.shrinkage = shrinkage
        self.strength = strength

    def _solve(self, moments: Moments) -> AffineMap:
        check_strength(self.strength)
        s_xx, s_xz, _ = moments.covariances()
        if not self.shrinkage:
            warn_of_few_rows(moments.n, len(s_xx), type(self).__name__, "or shrinkage=True")
        cross = s_xz @ label_whitener(moments)
        covariance = shrunk(s_xx, moments.n) if self.shrinkage else s_xx
        white = whitening(covariance, moments.mean_x, readable(moments))
        u, correlations, vt = linalg.svd(white.exact @ cross, full_matrices=False)
        if correlations[0] <= _NONE:  # a concept may stand in the faint columns alone
            white = whitening(covariance, moments.mean_x)
            u, correlations, vt = linalg.svd(white.exact @ cross, full_matrices=False)
        kept = correlations > _NONE
        self._correlations = np.minimum(correlations[kept], 1.0)
        # The left factor is made of the cross-covariance itself, so that this is erased to the
        # last digit, also along directions too faint for the covariance to resolve.
        left = cross @ (vt[kept].T / correlations[kept])
        right = u[:, kept].T @ white.inverse
        left = linalg.solve((right @ left).T, left.T).T if kept.any() else left
        return LowRankMap.about(moments.mean_x, left, right).scaled(self.strength)

    @property
    def correlations_(self) -> FloatArray:
        """Canonical correlations that were removed, in falling order."""
        check_fitted(self)
        return self._correlations


def warn_of_few_rows(n: int, d: int, who: str, cure: str) -> None:
    """Warn where rows are too few to tell the concept from what is special to each row."""
    if n <= d:
        warnings.warn(
            f"{who}: {n} rows of {d} dimensions: any labels of so few rows can be read off "
            "linearly, so what is erased holds for these rows and says little of others; give "
            f"more rows than dimensions, {cure}",
            TransformWarning,
            stacklevel=5,
        )


CARD = TransformCard(
    name="leace",
    estimator=LEACE,
    title="Least-squares concept erasure",
    learns_from="labels",
    removes="The directions along which the class means (or a numeric label) vary, out of every "
    "vector, with the least squared change.",
    guarantee="covariance",
    guaranteed="On the fit data no linear predictor of the labels beats a constant. On other data "
    "only as far as they are like these; not for non-linear probes; not after L2 normalisation, "
    "cosine or quantisation.",
    affine=True,
    caveats="RBF and MLP probes usually still find the concept. The reference code reads whole "
    "numbers as one numeric label and drops rare classes by an absolute tolerance.",
    paper="Belrose et al. 2023, NeurIPS",
)
