"""SAL: orthogonal projection away from the directions that covary with a concept."""

from __future__ import annotations

import numpy as np
from scipy import linalg

from embias.transforms._checks import check_fitted, check_strength
from embias.transforms._labels import Concept
from embias.transforms._moments import Moments
from embias.transforms._whitening import label_whitener, live_columns
from embias.transforms.affine_map import AffineMap, LowRankMap
from embias.transforms.card import TransformCard
from embias.transforms.concept import MomentEraser
from embias.types import FloatArray

__all__ = ["CARD", "SAL"]

#: Covariances with labels of variance 1 below this share of the spread of the rows are rounding.
_NONE = 1e-12


class SAL(MomentEraser):
    """Spectral attribute removal: ``x - (x - mean) U U'``, U spans the cross-covariance.

    The orthogonal counterpart of :class:`LEACE`: as well guarded, with more movement, and
    independent of how the vectors vary within a class. Two classes: the difference of the means.

    Parameters
    ----------
    concept : {"auto", "classes", "numeric"}
        What `y` is. ``auto``: numbers with a fraction are a numeric concept, all else, whole
        numbers too, are classes.
    strength : float
        From 0 (no change) to 1; the guarantee holds at 1 only.

    Attributes
    ----------
    map_ : LowRankMap
    covariances_ : ndarray
        Covariance of the vectors, along each direction that was removed, with the combination of
        labels (at variance 1) that goes with it most; in falling order.
    moments_ : Moments
    classes_ : list
        Classes of the concept; a list for each concept, where there are several.

    Notes
    -----
    All directions that covary are removed, not a chosen number of them. The mean of the rows
    stays where it is. :class:`OrthogonalProjection` fitted on labels removes the same directions
    for one concept of classes, and the component of the mean along them too.

    References
    ----------
    Shao, Ziser & Cohen 2023, EACL; "orth" in Belrose et al. 2023, NeurIPS.

    Examples
    --------
    >>> import numpy as np
    >>> from embias.transforms.sal import SAL
    >>> X = np.array([[0.0, 1.0], [2.0, 1.0], [0.0, 3.0], [2.0, 3.0]] * 5)
    >>> SAL().fit_transform(X, ["a", "b", "a", "b"] * 5)[:4]
    array([[1., 1.],
           [1., 1.],
           [1., 3.],
           [1., 3.]])
    """

    def __init__(self, *, concept: Concept = "auto", strength: float = 1.0) -> None:
        self.concept = concept
        self.strength = strength

    def _solve(self, moments: Moments) -> AffineMap:
        check_strength(self.strength)
        s_xx, s_xz, _ = moments.covariances()
        live_columns(s_xx, moments.mean_x)
        u, covariances, _ = linalg.svd(s_xz @ label_whitener(moments), full_matrices=False)
        # Rounding grows with the numbers themselves, so with the mean where it is large.
        size = np.sqrt(np.trace(s_xx)) + 1e-3 * np.abs(moments.mean_x).max()
        kept = covariances > _NONE * size
        self._covariances: FloatArray = covariances[kept]
        u = u[:, kept]
        return LowRankMap.about(moments.mean_x, u, u.T).scaled(self.strength)

    @property
    def covariances_(self) -> FloatArray:
        """Covariances with the labels that were removed, in falling order."""
        check_fitted(self)
        return self._covariances


CARD = TransformCard(
    name="sal",
    estimator=SAL,
    title="Spectral attribute removal (orthogonal erasure)",
    learns_from="labels",
    removes="The directions along which the class means (or a numeric label) vary, by an "
    "orthogonal projection.",
    guarantee="covariance",
    guaranteed="On the fit data no linear predictor of the labels beats a constant. On other data "
    "only as far as they are like these; not for non-linear probes; not after L2 normalisation, "
    "cosine or quantisation.",
    affine=True,
    caveats="Moves the vectors more than LEACE does, where directions that covary with the concept "
    "carry much else. RBF and MLP probes usually still find the concept.",
    paper="Shao, Ziser & Cohen 2023, EACL",
)
