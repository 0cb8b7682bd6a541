"""UnitLEACE: erasure for vectors that are used at unit length, where plain erasure leaks."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg
from sklearn.base import OneToOneFeatureMixin
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import Normalizer

from embias.errors import InputError
from embias.stats.inputs import check_size
from embias.transforms._checks import TransformWarning, check_fitted
from embias.transforms._labels import Concept, Labels, warn_of_small_classes
from embias.transforms._moments import Moments, rounding_of
from embias.transforms._whitening import Whitening, label_whitener, readable, varying, whitening
from embias.transforms.affine_map import AffineMap, LowRankMap, identity_map
from embias.transforms.card import TransformCard
from embias.transforms.concept import LabelledFit
from embias.transforms.folding import FoldedAffine
from embias.transforms.leace import warn_of_few_rows
from embias.transforms.row_transform import RowTransform
from embias.types import FloatArray

__all__ = ["CARD", "UnitLEACE"]

#: Correlations below this are rounding, as for LEACE.
_NONE = 1e-8
#: A vector that erasure shortens to less than this counts no more than one of this length.
_GONE = 1e-6


class UnitLEACE(LabelledFit, OneToOneFeatureMixin, RowTransform):
    """Least-squares concept erasure that holds for vectors of unit length.

    L2 normalisation (and so cosine) after :class:`LEACE` divides every row by a length that
    differs between classes, and the concept can be read again. Here erasing and normalising
    alternate until both hold at once: each round measures the lengths that the last one left and
    erases what the concept covaries with once rows are divided by them. The result is one affine
    map between two normalisations.

    Parameters
    ----------
    concept : {"auto", "classes", "numeric"}
        What `y` is. ``auto``: numbers with a fraction are a numeric concept, all else, whole
        numbers too, are classes.
    tolerance : float
        Stop when no coordinate of the unit vectors covaries by more than this with the labels
        (at variance 1).
    max_rounds : int
        Rounds at most; a warning tells when they were not enough.

    Attributes
    ----------
    map_ : LowRankMap
        Between the two normalisations; at most ``classes - 1`` directions.
    correlations_ : ndarray of shape (2,)
        Largest canonical correlation of unit vectors and labels on the fit data, before and
        after.
    n_rounds_ : int
    classes_ : list
        Classes of the concept; a list for each concept, where there are several.

    Notes
    -----
    In each round, of all affine maps that do so the one that moves the unit vectors least (mean
    squared distance, before the lengths are divided out) is taken; the first round is LEACE.
    Fitting LEACE again and again on the normalised output of the last one also brings usual
    probes back to chance, but leaves a direction of little variance that tells the classes.

    Guaranteed on the fit data only, as for LEACE; non-linear probes usually still succeed. A
    later affine step that is followed by another normalisation breaks it.

    References
    ----------
    Belrose et al. 2023, NeurIPS, for the erasure; the lengths are our addition.

    Examples
    --------
    >>> import numpy as np
    >>> from embias.transforms.unit_leace import UnitLEACE
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["a", "b"], 50)
    >>> X = rng.normal(size=(100, 8)) + (y == "a")[:, None]
    >>> erased = UnitLEACE().fit_transform(X, y)
    >>> bool(np.allclose(erased[y == "a"].mean(axis=0), erased[y == "b"].mean(axis=0)))
    True
    >>> bool(np.allclose(np.linalg.norm(erased, axis=1), 1))
    True
    """

    #: What comes out has unit length, for those who put steps after it.
    gives_unit_rows = True

    map_: AffineMap

    def __init__(
        self, *, concept: Concept = "auto", tolerance: float = 1e-12, max_rounds: int = 1000
    ) -> None:
        self.concept = concept
        self.tolerance = tolerance
        self.max_rounds = max_rounds

    _any_float = True

    def _fit_rows(self, rows: FloatArray, labels: Labels) -> None:
        who = type(self).__name__
        self._check_parameters(rows.shape[1])
        warn_of_small_classes(labels, who)
        given = _unit(rows.astype(np.float64))
        unit, values = _without_zero_rows(given, labels.values, who)
        warn_of_few_rows(len(unit), unit.shape[1], who, "as many as you can")
        moments = _moments_of(unit, values)
        whitener = label_whitener(moments)
        moments.eps = rounding_of(rows)
        white = whitening(moments.covariances()[0], moments.mean_x, readable(moments))
        # Products with these columns are covariances with labels of variance 1.
        columns = (values - moments.mean_z) @ whitener / (len(unit) - 1)
        lengths = np.ones(len(unit))
        self.map_, self.n_rounds_, left = identity_map(unit.shape[1]), 0, np.inf
        while self.n_rounds_ < self.max_rounds and left > self.tolerance:
            self.map_ = _round(unit, columns / lengths[:, None], white, moments.mean_x)
            moved = self.map_.apply(unit)
            made = _unit(moved)
            lengths = np.maximum(np.linalg.norm(moved, axis=1), _GONE)
            left = float(np.abs(columns.T @ made).max())
            self.n_rounds_ += 1
        before = _correlation(white, moments, whitener)
        after = _correlation_after(made, values, whitener)
        self.correlations_ = np.array([before, after])
        if left > self.tolerance:
            warnings.warn(
                f"{who}: after {self.n_rounds_} rounds a covariance of {left:.1g} with the labels "
                f"is left (tolerance {self.tolerance:.1g}; the largest canonical correlation is "
                f"{after:.2g}, {before:.2g} before); give a larger max_rounds, or more rows and "
                "dimensions",
                TransformWarning,
                stacklevel=4,
            )

    def _check_parameters(self, d: int) -> None:
        check_size("max_rounds", self.max_rounds)
        real = isinstance(self.tolerance, int | float | np.number)
        if not real or not 0 < self.tolerance < 1:
            raise InputError(f"tolerance={self.tolerance!r:.40}; give a number between 0 and 1")
        if d < 2:
            raise InputError(
                f"{type(self).__name__}: n_features = {d}: at unit length a row of one number is "
                "only its sign; give vectors of more dimensions"
            )

    def _map_rows(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Bring rows to unit length, erase, bring them to unit length again."""
        work = rows.astype(np.float32) if rows.dtype.itemsize < 4 else rows
        made: NDArray[Any] = _unit(self.map_.apply(_unit(work))).astype(rows.dtype, copy=False)
        return made

    def as_pipeline(self) -> Pipeline:
        """Return the same as three plain steps: normalise, one affine map, normalise."""
        check_fitted(self)
        folded = FoldedAffine.of(self.map_, (type(self).__name__,))
        return Pipeline([("before", Normalizer()), ("erase", folded), ("after", Normalizer())])


def _round(unit: FloatArray, weighted: FloatArray, white: Whitening, mean: FloatArray) -> AffineMap:
    """Return the least affine map after which weighted label columns and rows have no product.

    It is LEACE in coordinates with a constant one added: the weights do not add up to zero
    within the columns, so what is erased has a component along the constant.
    """
    cross, constant = unit.T @ weighted, weighted.sum(axis=0)
    in_white = white.exact @ (cross - np.outer(mean, constant))
    # Its second moment is 1, where variances are sums over n - 1.
    one = np.sqrt(1 - 1 / len(unit))
    u, sizes, vt = linalg.svd(np.vstack([in_white, one * constant]), full_matrices=False)
    kept = sizes > _NONE
    if not kept.any():
        return identity_map(len(mean))
    combined = vt[kept].T / sizes[kept]
    left = cross @ combined
    right = u[:-1, kept].T @ white.inverse
    shift = one * u[-1, kept]
    read = right @ ((cross - np.outer(mean, constant)) @ combined)
    read += np.outer(shift, constant @ combined)
    left = linalg.solve(read.T, left.T).T  # erased to the last digit, as in LEACE
    return LowRankMap(left, right, right @ mean - shift)


def _unit(rows: NDArray[Any]) -> NDArray[Any]:
    # Scaling by the largest coordinate first keeps the squares from under- and overflowing.
    scale = np.abs(rows).max(axis=1, keepdims=True)
    scaled = rows / np.where(scale > 0, scale, 1)
    lengths = np.linalg.norm(scaled, axis=1, keepdims=True)
    made: NDArray[Any] = scaled / np.where(lengths > 0, lengths, 1)
    return made


def _without_zero_rows(
    unit: FloatArray, values: FloatArray, who: str
) -> tuple[FloatArray, FloatArray]:
    kept = unit.any(axis=1)
    if kept.all():
        return unit, values
    warnings.warn(
        f"{who}: {int((~kept).sum())} of {len(unit)} rows are the zero vector, which has no "
        f"direction (the first is row {int(kept.argmin())}); they are not learnt from. Leave them "
        "out",
        TransformWarning,
        stacklevel=5,
    )
    return unit[kept], values[kept]


def _moments_of(rows: FloatArray, values: FloatArray) -> Moments:
    moments = Moments.empty(rows.shape[1], values.shape[1])
    moments.update(rows, values)
    return moments


def _correlation(white: Whitening, moments: Moments, whitener: FloatArray) -> float:
    """Return the largest canonical correlation of rows and labels."""
    crossed = white.exact @ (moments.covariances()[1] @ whitener)
    return min(float(linalg.svdvals(crossed)[0]), 1.0)


def _correlation_after(rows: FloatArray, values: FloatArray, whitener: FloatArray) -> float:
    moments = _moments_of(rows, values)
    covariance = moments.covariances()[0]
    if not varying(np.diag(covariance), moments.mean_x).any():
        return 0.0  # as many classes as dimensions: one point is all that is left
    return _correlation(whitening(covariance, moments.mean_x), moments, whitener)


CARD = TransformCard(
    name="unit-leace",
    estimator=UnitLEACE,
    title="Least-squares concept erasure for unit vectors",
    learns_from="labels",
    removes="The directions along which the class means (or a numeric label) of unit vectors "
    "vary, with the differences of length that would bring them back when normalised.",
    guarantee="covariance",
    guaranteed="On the fit data no linear predictor of the labels from the unit vectors beats a "
    "constant, to the tolerance of the fit; so dot product and cosine are the same. On other data "
    "only as far as they are like these; not for non-linear probes; not after quantisation.",
    affine=False,
    caveats="RBF and MLP probes usually still find the concept. Needs all rows at once.",
    paper="Belrose et al. 2023, NeurIPS, alternated with L2 normalisation",
)
