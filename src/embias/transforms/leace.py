"""LEACE: the least change after which no linear predictor of a concept beats a constant."""

from __future__ import annotations

import numpy as np
from scipy import linalg

from embias.errors import InputError
from embias.transforms._checks import check_fitted, check_strength
from embias.transforms._labels import Concept
from embias.transforms._moments import Moments
from embias.transforms.affine_map import AffineMap, LowRankMap
from embias.transforms.card import TransformCard
from embias.transforms.concept import MomentEraser
from embias.types import FloatArray

__all__ = ["CARD", "LEACE", "half_powers", "label_whitener", "shrunk"]

#: Canonical correlations below this are rounding: far under the 1/sqrt(n) of noise.
_NONE = 1e-8
#: Label columns at variance 1 have no combination with less variance than this but for rounding.
_NO_LABEL = 1e-10


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
        cross-covariance still is zero; the move is no longer the least.
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

    Guaranteed on the fit data only, and not after L2 normalisation, cosine or quantisation.

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
        s_xx, s_xz, s_zz = moments.covariances()
        if self.shrinkage:
            s_xx = shrunk(s_xx, moments.n)
        inverse_root, root = half_powers(s_xx)
        whitened = inverse_root @ s_xz @ label_whitener(s_zz)
        u, correlations, _ = linalg.svd(whitened, full_matrices=False)
        kept = correlations > _NONE
        self._correlations = np.minimum(correlations[kept], 1.0)
        u = u[:, kept]
        erased = LowRankMap.about(moments.mean_x, root @ u, u.T @ inverse_root)
        return erased.scaled(self.strength)

    @property
    def correlations_(self) -> FloatArray:
        """Canonical correlations that were removed, in falling order."""
        check_fitted(self)
        return self._correlations


def label_whitener(s_zz: FloatArray) -> FloatArray:
    """Return a matrix after which label columns, shape (k, r), are uncorrelated, at variance 1.

    Columns are brought to variance 1 first, so that neither a rare class nor a small unit counts
    as rounding; what one-hot columns share (they add up to 1) is dropped.
    """
    sd = np.sqrt(np.diag(s_zz))
    scale = np.divide(1.0, sd, out=np.zeros_like(sd), where=sd > 0)
    values, vectors = linalg.eigh(s_zz * np.outer(scale, scale))
    kept = values > _NO_LABEL
    whitener: FloatArray = scale[:, None] * vectors[:, kept] / np.sqrt(values[kept])
    return whitener


def half_powers(covariance: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the symmetric ``S^(-1/2)`` and ``S^(1/2)``, both zero where S is (to rounding)."""
    values, vectors = linalg.eigh(covariance)
    floor = len(values) * np.finfo(np.float64).eps * max(float(values[-1]), 0.0)
    kept = values > floor
    vectors, roots = vectors[:, kept], np.sqrt(values[kept])
    return (vectors / roots) @ vectors.T, (vectors * roots) @ vectors.T


def shrunk(covariance: FloatArray, n: int) -> FloatArray:
    """Return the covariance shrunk towards a multiple of the identity, by n rows.

    ``a S + (1 - a) tr(S)/d I`` with ``1 - a = tr(S)^2 / (n (|S|_F^2 - tr(S)^2/d))`` in [0, 1].
    """
    d = len(covariance)
    trace = float(np.trace(covariance))
    spread = float((covariance**2).sum()) - trace**2 / d
    if trace <= 0:
        raise InputError("the rows do not differ, so there is nothing to learn; give other rows")
    share = min(1.0, trace**2 / (n * spread)) if spread > 0 else 1.0
    return (1 - share) * covariance + share * trace / d * np.eye(d)


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
