"""One embedding space mapped into another, from items that have a vector in both."""

from __future__ import annotations

import warnings
from typing import Any, Literal, Self, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg
from sklearn.utils.validation import check_array

from embias.errors import InputError
from embias.stats.inputs import check_choice
from embias.transforms._checks import TransformWarning, check_fitted, checked_fit
from embias.transforms._moments import Moments
from embias.transforms._whitening import varying, whitening
from embias.transforms.affine_map import AffineMap, DenseMap, LowRankMap
from embias.transforms.card import TransformCard
from embias.transforms.moment_transform import SolvedFromMoments
from embias.types import FloatArray

__all__ = ["CARD", "SpaceAligner"]

AlignMethod: TypeAlias = Literal["procrustes", "affine", "shift"]

#: Singular values below this share of the largest say nothing of the rotation there.
_RANK = 1e-10


class SpaceAligner(SolvedFromMoments):
    """Map vectors of one space into another, learnt from rows that correspond.

    Parameters
    ----------
    method : {"procrustes", "affine", "shift"}
        ``procrustes``: the rotation (or reflection) ``Q`` with the least squared distance between
        ``(x - mean) Q + mean'`` and the target; angles are kept. ``affine``: any affine map, least
        squares. ``shift``: the difference of the means only, ``x - mean + mean'``.
    scale : bool
        For ``procrustes``: one factor for all coordinates too, the least-squares one.
    centre : bool
        Take the means of both spaces off first (always so for ``shift``). Without, ``procrustes``
        is ``scipy.linalg.orthogonal_procrustes``.

    Attributes
    ----------
    map_ : DenseMap or LowRankMap
    scale_ : float
        The factor, 1 without `scale`.
    unexplained_ : float
        Squared distance to the target that is left on the fit rows, as a share of the target's
        spread about its mean; 0 is a perfect fit, and above 1 the target's mean would be nearer.
    moments_ : Moments

    Notes
    -----
    The target goes where scikit-learn has the labels: ``fit(X, y=target)``, a row for each row of
    `X`, as in a regression with several outputs. In a pipeline for a task, where `y` is something
    else, fit the aligner beforehand.

    Where the target has another number of dimensions, ``procrustes`` pads the smaller space with
    zeros, so that the map is a part of a rotation. ``shift`` needs the same number.

    With no more rows than dimensions ``affine`` fits the rows exactly and means little elsewhere,
    and the rotation is not determined in all directions: both warn.

    References
    ----------
    Schönemann 1966, Psychometrika; Xing et al. 2015, NAACL; Hamilton et al. 2016, ACL.

    Examples
    --------
    >>> import numpy as np
    >>> from embias.transforms.space_aligner import SpaceAligner
    >>> X = np.array([[1.0, 0.0], [0.0, 1.0], [-2.0, 1.0]])
    >>> turned = X @ np.array([[0.0, 1.0], [-1.0, 0.0]]) + 5
    >>> bool(np.allclose(SpaceAligner().fit(X, turned).transform(X), turned))
    True
    """

    _new_columns = True

    def __init__(
        self, method: AlignMethod = "procrustes", *, scale: bool = False, centre: bool = True
    ) -> None:
        self.method = method
        self.scale = scale
        self.centre = centre

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Learn the map from rows that correspond.

        Parameters
        ----------
        X : array_like of shape (n, d)
        y : array_like of shape (n, d') or (n,)
            The target: row i is the same item as row i of `X` in the other space.

        Returns
        -------
        self

        Raises
        ------
        InputError
            No target, another number of rows, NaN, rows that do not differ, options that do not
            go together, another dimension with ``shift``.
        """
        self._check_options()
        rows = checked_fit(self, X, at_least=2)
        target = _checked_target(y, len(rows))
        moments = Moments.empty(rows.shape[1], target.shape[1])
        moments.update(rows, target)
        self._names = _columns_of(y)
        self._map = self._solve(moments)
        self.moments_ = moments
        return self

    def partial_fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Learn from one more batch of rows; the order of the batches does not matter.

        Parameters
        ----------
        X, y
            See :meth:`fit`; a batch may be one row.

        Returns
        -------
        self
        """
        self._check_options()
        first = not hasattr(self, "moments_")
        rows = checked_fit(self, X, reset=first)
        target = _checked_target(y, len(rows))
        if first:
            self.moments_ = Moments.empty(rows.shape[1], target.shape[1])
            self._names = _columns_of(y)
        width = len(self.moments_.mean_z)
        if target.shape[1] != width:
            raise InputError(
                f"SpaceAligner: the target has {target.shape[1]} dimensions, and {width} in the "
                "batches before; give vectors of one space"
            )
        self.moments_.update(rows, target)
        self._map = None
        return self

    def _check_options(self) -> None:
        check_choice("method", self.method, get_args(AlignMethod))
        if self.scale and self.method != "procrustes":
            raise InputError(
                f"method={self.method!r} has no scale to choose; leave scale=True to 'procrustes'"
            )
        if not self.centre and self.method == "shift":
            raise InputError(
                "method='shift' is the difference of the means, and centre=False leaves the means "
                "as they are; choose one"
            )

    def _solve(self, moments: Moments) -> AffineMap:
        d, width = moments.scatter_xz.shape
        if not varying(np.diag(moments.covariances()[0]), moments.mean_x).any():
            raise InputError(
                f"the {moments.n} rows do not differ, so they say nothing of a map; give others"
            )
        s_xx, s_xz = moments.scatter_x, moments.scatter_xz
        if not self.centre:
            s_xx = s_xx + moments.n * np.outer(moments.mean_x, moments.mean_x)
            s_xz = s_xz + moments.n * np.outer(moments.mean_x, moments.mean_z)
        self._scale = 1.0
        if self.method == "shift":
            if d != width:
                raise InputError(
                    f"method='shift' needs spaces of one dimension, and the rows have {d}, the "
                    f"target {width}; use 'procrustes' or 'affine'"
                )
            moved = (moments.mean_z - moments.mean_x)[:, None]
            self._left_over = _unexplained(np.eye(d), moments, 0.0)
            return LowRankMap(moved, np.zeros((1, d)), np.ones(1))
        if self.method == "affine":
            about = moments.mean_x if self.centre else np.zeros(d)
            matrix = _least_squares(s_xx, s_xz, moments.n, about).T
        else:
            rotation, total = _rotation(s_xz)
            if self.scale:
                self._scale = total / float(((s_xx @ rotation) * rotation).sum())
            matrix = self._scale * rotation.T
        offset = moments.mean_z - matrix @ moments.mean_x if self.centre else np.zeros(width)
        missed = matrix @ moments.mean_x + offset - moments.mean_z
        self._left_over = _unexplained(matrix, moments, float(missed @ missed))
        return DenseMap(matrix, offset)

    @property
    def scale_(self) -> float:
        """Factor of all coordinates."""
        check_fitted(self)
        return self._scale

    @property
    def unexplained_(self) -> float:
        """Share of the target's spread that is left on the fit rows."""
        check_fitted(self)
        return self._left_over

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray[Any]:
        """Return the names of the target's columns where it had any, else numbered ones."""
        check_fitted(self)
        if self._names is not None:
            return np.asarray(self._names, dtype=object)
        return super().get_feature_names_out(input_features)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        return tags


def _checked_target(y: Any, n: int) -> FloatArray:
    if y is None:
        raise InputError(
            "SpaceAligner requires y to be passed, but the target y is None; give the vectors of "
            "the same items in the other space"
        )
    try:
        checked: FloatArray = check_array(y, dtype=np.float64, ensure_2d=False, input_name="y")
    except ValueError as error:
        raise InputError(f"SpaceAligner: y: {error}") from error
    if len(checked) != n:
        raise InputError(
            f"SpaceAligner: Found input variables with inconsistent numbers of samples: {n} rows "
            f"and {len(checked)} of the target; row i of both must be the same item"
        )
    return checked[:, None] if checked.ndim == 1 else checked


def _columns_of(target: Any) -> list[str] | None:
    """Return the names of the columns of a data frame that has any."""
    columns = list(getattr(target, "columns", ()))
    named = bool(columns) and all(isinstance(each, str) for each in columns)
    return columns if named else None


def _rotation(s_xz: FloatArray) -> tuple[FloatArray, float]:
    u, lengths, vt = linalg.svd(s_xz, full_matrices=False)
    known = int(np.count_nonzero(lengths > _RANK * lengths[0])) if lengths[0] > 0 else 0
    if known < len(lengths):
        warnings.warn(
            f"SpaceAligner: the rows determine the rotation in {known} of {len(lengths)} "
            "directions, and in the others it is chance; give more rows than dimensions",
            TransformWarning,
            stacklevel=4,
        )
    return u @ vt, float(lengths.sum())


def _least_squares(s_xx: FloatArray, s_xz: FloatArray, n: int, mean: FloatArray) -> FloatArray:
    if n <= len(s_xx):
        warnings.warn(
            f"SpaceAligner: {n} rows of {len(s_xx)} dimensions are fitted exactly by an affine "
            "map, which means little for others; give more rows, or use method='procrustes'",
            TransformWarning,
            stacklevel=4,
        )
    # Through coordinates of variance 1, so that a column of small numbers is not lost.
    white = whitening(s_xx / (n - 1), mean)
    solved: FloatArray = white.inverse.T @ (white.inverse @ s_xz) / (n - 1)
    return solved


def _unexplained(matrix: FloatArray, moments: Moments, missed: float) -> float:
    """Return the share left by a map of the deviations, and by means that are missed."""
    spread = float(np.trace(moments.scatter_z))
    if spread <= 0:
        return float("nan")
    made = float(((matrix @ moments.scatter_x) * matrix).sum())
    left = spread - 2 * float((matrix.T * moments.scatter_xz).sum()) + made
    return max(left + moments.n * missed, 0.0) / spread


CARD = TransformCard(
    name="space-aligner",
    estimator=SpaceAligner,
    title="Alignment of two spaces",
    learns_from="vectors",
    removes="Nothing; the difference between two spaces, as far as a rotation, an affine map or a "
    "shift of the mean makes it up.",
    guarantee=None,
    guaranteed="Nothing is known of any concept. Procrustes keeps the angles between centred "
    "vectors; affine does not.",
    affine=True,
    caveats="A shift of the mean does not bring back a rotated space. An affine map fitted on few "
    "rows fits them exactly and no others.",
    paper="Schönemann 1966, Psychometrika; Hamilton et al. 2016, ACL",
)
