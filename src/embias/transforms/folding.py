"""Neighbouring affine steps as one."""

from __future__ import annotations

from functools import reduce
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from embias.errors import InputError
from embias.transforms._checks import check_fitted, checked_fit
from embias.transforms.affine import AffineTransform
from embias.transforms.affine_map import AffineMap, DenseMap, compose
from embias.types import FloatArray

__all__ = ["FoldedAffine", "affine_map_of", "fold", "steps_of"]


class FoldedAffine(AffineTransform):
    """An affine transform that is given, not learnt: what :func:`fold` makes of several steps.

    Parameters
    ----------
    matrix : array_like of shape (d', d), optional
        ``A``; without one the transform changes nothing.
    offset : array_like of shape (d',), optional
        ``b``; zero by default.

    Attributes
    ----------
    map_ : AffineMap
    folded_ : tuple of str
        The steps it stands for.
    """

    def __init__(self, matrix: ArrayLike | None = None, offset: ArrayLike | None = None) -> None:
        self.matrix = matrix
        self.offset = offset

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Check that the matrix fits the rows; nothing is learnt."""
        d = checked_fit(self, X).shape[1]
        matrix = np.eye(d) if self.matrix is None else np.asarray(self.matrix, dtype=np.float64)
        if matrix.ndim != 2 or matrix.shape[1] != d:
            raise InputError(f"matrix has shape {matrix.shape}; give (d', {d}) for these rows")
        offset = (
            np.zeros(len(matrix))
            if self.offset is None
            else np.asarray(self.offset, dtype=np.float64)
        )
        if offset.shape != (len(matrix),):
            raise InputError(f"offset has shape {offset.shape}; give ({len(matrix)},)")
        if not (np.isfinite(matrix).all() and np.isfinite(offset).all()):
            raise InputError("matrix or offset has a value that is NaN or infinite; mend it")
        self.map_: AffineMap = DenseMap(matrix, offset)
        self.folded_: tuple[str, ...] = ()
        return self

    @classmethod
    def of(cls, map_: AffineMap, folded: tuple[str, ...]) -> FoldedAffine:
        """Return a fitted transform that applies a map."""
        made = cls(*map_.dense())
        made.map_ = map_
        made.n_features_in_ = map_.n_in
        made.folded_ = folded
        return made


def steps_of(transform: Any) -> list[Any]:
    """Return the steps of a pipeline (of pipelines), or the transform itself."""
    if not isinstance(transform, Pipeline):
        return [transform]
    steps = [step for _, step in transform.steps if step is not None and step != "passthrough"]
    return [part for step in steps for part in steps_of(step)]


def affine_map_of(transform: Any) -> AffineMap | None:
    """Return the affine map of one fitted step, or None where it is not affine.

    Besides the transforms of embias, ``PCA``, ``TruncatedSVD`` and ``StandardScaler`` of
    scikit-learn are known.
    """
    check_fitted(transform)
    if isinstance(transform, AffineTransform):
        return transform.map_
    if isinstance(transform, PCA):
        components: FloatArray = np.asarray(transform.components_, dtype=np.float64)
        if transform.whiten:
            sd = np.sqrt(transform.explained_variance_)
            components = components / np.maximum(sd, np.finfo(sd.dtype).eps)[:, None]
        return DenseMap(components, -components @ transform.mean_)
    if isinstance(transform, TruncatedSVD):
        return DenseMap(transform.components_, np.zeros(len(transform.components_)))
    if isinstance(transform, StandardScaler):
        d = transform.n_features_in_
        scale = np.ones(d) if transform.scale_ is None else transform.scale_
        mean = (
            np.zeros(d) if transform.mean_ is None or not transform.with_mean else transform.mean_
        )
        return DenseMap(np.diag(1 / scale), -mean / scale)
    return None


def fold(transform: Any) -> Any:
    """Merge neighbouring affine steps of a fitted pipeline into one.

    Parameters
    ----------
    transform : estimator or Pipeline
        Fitted. Steps that are not affine (L2 normalisation, signs, quantisation, what depends on
        the word) stay where they are: nothing is merged across them. A row of zeros stays zero,
        also where a step of scikit-learn alone would move it.

    Returns
    -------
    FoldedAffine or Pipeline
        One :class:`FoldedAffine` where all steps are affine, else a pipeline.

    Raises
    ------
    InputError
        Not fitted, or neighbouring steps of different dimension.

    Warns
    -----
    TransformWarning
        When a step breaks what an earlier one guarantees, see :func:`broken_guarantees`.
    """
    from embias.transforms.guard import warn_of_broken_guarantees

    warn_of_broken_guarantees(transform)
    runs: list[list[Any]] = []
    for step in steps_of(transform):
        map_ = affine_map_of(step)
        folded = step.folded_ if isinstance(step, FoldedAffine) else ()
        entry = (folded or (type(step).__name__,), step if map_ is None else map_)
        joins = runs and map_ is not None and isinstance(runs[-1][-1][1], AffineMap)
        if joins:
            runs[-1].append(entry)
        else:
            runs.append([entry])
    made = [_one(run) for run in runs]
    if len(made) == 1:
        return made[0]
    return Pipeline([(f"{type(step).__name__.lower()}-{i}", step) for i, step in enumerate(made)])


def _one(run: list[Any]) -> Any:
    if not isinstance(run[0][1], AffineMap):
        return run[0][1]
    names = tuple(name for names, _ in run for name in names)
    return FoldedAffine.of(reduce(_checked_compose, (map_ for _, map_ in run)), names)


def _checked_compose(first: AffineMap, second: AffineMap) -> AffineMap:
    if first.n_out != second.n_in:
        raise InputError(
            f"a step gives {first.n_out} coordinates and the next takes {second.n_in}; fit them "
            "one after the other"
        )
    return compose(first, second)
