"""Bolukbasi's soft debiasing as a convex problem, and its solution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg

from embias.types import FloatArray

__all__ = ["SoftProblem", "Solution"]

#: Directions with less than this share of the largest squared singular value are not in the words.
_RANK = 1e-10
#: The least curvature of the objective in D.
_LEAST = 2.0


@dataclass(frozen=True)
class Solution:
    """What the solver found.

    Attributes
    ----------
    gram : ndarray of shape (d, d)
        ``G = T'T``.
    objectives : tuple of float
        At ``T = I`` and after every step; never rising.
    converged : bool
    """

    gram: FloatArray
    objectives: tuple[float, ...]
    converged: bool


class SoftProblem:
    """``min |W (G - I) W'|_F^2 + lam |N G B'|_F^2`` over positive semidefinite G.

    It is solved for ``D = C^(1/2) (G - I) C^(1/2)`` with ``C = W'W``: the first term is then
    ``|D|_F^2``, of curvature 2 in every direction, and G is positive semidefinite where C + D is.
    In G itself the curvature is the square of that of C, and gradient steps would crawl.

    Parameters
    ----------
    words, neutral : ndarray of shape (n, d), (m, d)
        W, and N, whose rows lie in the span of W.
    basis : ndarray of shape (k, d)
        B, orthonormal rows.
    lam : float
    """

    def __init__(
        self, words: FloatArray, neutral: FloatArray, basis: FloatArray, lam: float
    ) -> None:
        values, vectors = linalg.eigh(words.T @ words)
        kept = values > _RANK * values[-1]
        self.rank = int(kept.sum())
        self._vectors, self._values = vectors[:, kept], values[kept]
        self._roots = np.sqrt(self._values)
        # In the coordinates of C's eigenvectors, each divided by its root.
        off = (neutral @ self._vectors) / self._roots
        self._neutral = off.T @ off
        along = (basis @ self._vectors) / self._roots
        self._basis = along.T @ along
        self._lam = lam
        highest = linalg.eigvalsh(self._neutral)[-1] * linalg.eigvalsh(self._basis)[-1]
        self._curvature = _LEAST + 2.0 * lam * float(highest)

    def objective(self, move: FloatArray) -> float:
        """Return the objective at D."""
        there = np.diag(self._values) + move
        kept = float(np.sum((there @ self._neutral) * (self._basis @ there)))
        return float((move**2).sum()) + self._lam * kept

    def gradient(self, move: FloatArray) -> FloatArray:
        """Return the gradient at D."""
        half = self._neutral @ (np.diag(self._values) + move) @ self._basis
        slope: FloatArray = _LEAST * move + self._lam * (half + half.T)
        return slope

    def solve(self, max_iter: int, tol: float) -> Solution:
        """Take accelerated projected gradient steps from ``G = I``.

        Stops where the objective is above its least by no more than `tol` of itself.
        """
        ratio = np.sqrt(_LEAST / self._curvature)
        momentum = (1.0 - ratio) / (1.0 + ratio)
        move: FloatArray = np.zeros((self.rank, self.rank))
        ahead = move
        path = [self.objective(move)]
        for _ in range(max_iter):
            made, gap = self._step(ahead)
            if self.objective(made) > path[-1]:
                # Momentum overshot; a step from the best point does not rise.
                made, gap = self._step(move)
            ahead = made + momentum * (made - move)
            move = made
            path.append(min(self.objective(made), path[-1]))
            if gap <= tol * path[-1]:
                return Solution(self._gram(move), tuple(path), True)
        return Solution(self._gram(move), tuple(path), False)

    def _step(self, start: FloatArray) -> tuple[FloatArray, float]:
        """Return one projected gradient step, and how far it can be from the least objective.

        For a function of curvature mu to L, a step s lands no more than ``L^2 |s|^2 / (2 mu)``
        above the least value.
        """
        made = self._projected(start - self.gradient(start) / self._curvature)
        gap = self._curvature**2 / (2 * _LEAST) * float(((made - start) ** 2).sum())
        return made, gap

    def _projected(self, move: FloatArray) -> FloatArray:
        """Return the nearest D for which C + D has no eigenvalue below zero."""
        values, vectors = linalg.eigh(np.diag(self._values) + move)
        below = values < 0
        cut = vectors[:, below]
        made: FloatArray = move - (cut * values[below]) @ cut.T
        return (made + made.T) / 2

    def _gram(self, move: FloatArray) -> FloatArray:
        """Return G; a direction in which there is no word stays as it is."""
        inner = move / np.outer(self._roots, self._roots)
        gram: FloatArray = np.eye(len(self._vectors)) + self._vectors @ inner @ self._vectors.T
        return (gram + gram.T) / 2
