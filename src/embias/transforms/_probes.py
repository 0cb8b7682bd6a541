"""Linear predictors of a concept that are trained again and again in shrinking subspaces."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, optimize, special

from embias.transforms._labels import Labels
from embias.types import FloatArray

__all__ = ["ClassProbe", "NumberProbe", "Probe", "probes_of"]

#: Rows of one pass: they stay in the cache between the scores and the gradient.
_BLOCK = 1024
#: Rows, for each dimension, from which the curvature is estimated.
_SAMPLE = 16
#: Steps of the solver at most; a handful is usual.
_STEPS = 200


class Probe(ABC):
    """A ridge-penalised linear predictor of one concept, from centred training rows.

    Attributes
    ----------
    chance : float
        The held-out score of the best constant.
    """

    chance: float

    @abstractmethod
    def fit(self, free: FloatArray) -> FloatArray:
        """Train on the rows within a subspace and return weights, shape (r, d).

        Parameters
        ----------
        free : ndarray of shape (q, d)
            Orthonormal rows: what of the space is left. The weights lie in their span, and are
            what training on the projected rows gives.
        """

    @abstractmethod
    def score(self) -> float:
        """Return the held-out score of what was trained last: accuracy, or R squared."""


class ClassProbe(Probe):
    """Logistic regression: that of scikit-learn with lbfgs, at the same penalty.

    The coordinates are whitened by a bound of the curvature, ``X'X / 4``, which is nearly the
    curvature itself where the classes hardly differ: a few passes over the rows are enough then.

    Parameters
    ----------
    rows, held : ndarray of shape (n, d), (m, d)
        Training and held-out rows, less the mean of the training rows.
    codes, held_codes : ndarray of shape (n,), (m,)
        Class numbers.
    c : float
        Inverse strength of the penalty.
    tol : float
    """

    def __init__(
        self,
        rows: FloatArray,
        codes: NDArray[np.intp],
        held: FloatArray,
        held_codes: NDArray[np.intp],
        c: float,
        tol: float,
    ) -> None:
        self._rows, self._held, self._held_codes = rows, held, held_codes
        present, self._codes = np.unique(codes, return_inverse=True)
        self._present = present
        self._classes = len(present)
        self._outputs = 1 if self._classes == 2 else self._classes
        self._penalty = 1 / (c * len(rows))
        self._gradient_below = tol / np.sqrt(len(rows))
        sample = rows[:: max(1, len(rows) // (_SAMPLE * rows.shape[1]))]
        self._curvature = sample.T @ sample / (4 * len(sample))
        counts = np.bincount(self._codes)
        majority = present[counts.argmax()]
        self._start = self._first_step(counts / len(rows))
        self.chance = float(np.mean(held_codes == majority))

    def fit(self, free: FloatArray) -> FloatArray:
        bound = free @ self._curvature @ free.T
        bound[np.diag_indices_from(bound)] += self._penalty + 1e-12 * np.trace(bound)
        factor = linalg.cholesky(bound, lower=True)
        to_weights = linalg.solve_triangular(factor, free, lower=True).T

        def loss(point: FloatArray) -> tuple[float, FloatArray]:
            weights, intercept = self._unpacked(point, to_weights)
            value, slope, slope_b = self._loss(weights, intercept)
            inner = slope @ to_weights
            return value, np.concatenate([inner.ravel(), 2 * slope_b])

        begin, intercept = self._start
        start = np.concatenate([(begin @ to_weights).ravel(), intercept / 2])
        found = optimize.minimize(
            loss,
            start,
            jac=True,
            method="L-BFGS-B",
            options={"gtol": self._gradient_below, "ftol": 0.0, "maxiter": _STEPS},
        )
        self._weights, self._intercept = self._unpacked(found.x, to_weights)
        if self._outputs == 1:
            return self._weights
        # What all classes share decides nothing, and would count as a direction.
        apart: FloatArray = self._weights - self._weights.mean(axis=0)
        return apart

    def _first_step(self, shares: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the downhill slope at the best constant, over 4 times the curvature's factor.

        Whitened within a subspace it is Fisher's discriminant there, without a pass over the rows.
        """
        if self._outputs == 1:
            off = (self._codes == 1) - shares[1]
            slope = off[None, :] @ self._rows / (4 * shares[0] * shares[1])
            return slope / len(off), np.array([np.log(shares[1] / shares[0])])
        off = (self._codes == np.arange(self._classes)[:, None]) - shares[:, None]
        return off @ self._rows / (4 * shares[:, None] * len(self._rows)), np.log(shares)

    def _unpacked(self, point: FloatArray, to_weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        inner, intercept = point[: -self._outputs], 2 * point[-self._outputs :]
        weights: FloatArray = inner.reshape(self._outputs, -1) @ to_weights.T
        return weights, intercept

    def _loss(
        self, weights: FloatArray, intercept: FloatArray
    ) -> tuple[float, FloatArray, FloatArray]:
        """Return the mean loss with penalty, and its gradient by weights and intercept."""
        total, slope, slope_b = 0.0, np.zeros_like(weights), np.zeros_like(intercept)
        for begin in range(0, len(self._rows), _BLOCK):
            block = self._rows[begin : begin + _BLOCK]
            codes = self._codes[begin : begin + _BLOCK]
            value, off = _residuals(block @ weights.T + intercept, codes)
            total += value
            slope += off.T @ block
            slope_b += off.sum(axis=0)
        n = len(self._rows)
        penalty = self._penalty / 2 * float((weights**2).sum())
        return total / n + penalty, slope / n + self._penalty * weights, slope_b / n

    def score(self) -> float:
        scores = self._held @ self._weights.T + self._intercept
        chosen = (scores[:, 0] > 0).astype(np.intp) if self._outputs == 1 else scores.argmax(axis=1)
        return float(np.mean(self._present[chosen] == self._held_codes))


def _residuals(scores: FloatArray, codes: NDArray[np.intp]) -> tuple[float, FloatArray]:
    """Return the summed logistic loss and its slope by the scores, shape (n, 1) or (n, k)."""
    if scores.shape[1] == 1:
        signed = np.where(codes == 1, scores[:, 0], -scores[:, 0])
        off = special.expit(scores) - (codes == 1)[:, None]
        return float(np.logaddexp(0.0, -signed).sum()), off
    logs = scores - special.logsumexp(scores, axis=1, keepdims=True)
    at = np.arange(len(codes)), codes
    value = -float(logs[at].sum())
    off = np.exp(logs)
    off[at] -= 1.0
    return value, off


class NumberProbe(Probe):
    """Ridge regression on a number; the score is R squared, that of the mean is 0."""

    chance = 0.0

    def __init__(
        self,
        rows: FloatArray,
        values: FloatArray,
        held: FloatArray,
        held_values: FloatArray,
        c: float,
    ) -> None:
        mean = values.mean()
        self._scatter, self._cross = rows.T @ rows, rows.T @ (values - mean)
        self._penalty = 1 / c
        self._held, self._held_values = held, held_values - mean

    def fit(self, free: FloatArray) -> FloatArray:
        inner = free @ self._scatter @ free.T
        inner[np.diag_indices_from(inner)] += self._penalty
        self._weights = linalg.solve(inner, free @ self._cross, assume_a="pos") @ free
        return self._weights[None, :]

    def score(self) -> float:
        error = float(((self._held_values - self._held @ self._weights) ** 2).sum())
        total = float((self._held_values**2).sum())
        return 1.0 - error / total if total > 0 else 0.0


def probes_of(
    rows: FloatArray,
    labels: Labels,
    train: NDArray[np.intp],
    held: NDArray[np.intp],
    c: float,
    tol: float,
) -> list[Probe]:
    """Return one probe for each concept; rows are centred once for all of them."""
    mean = rows[train].mean(axis=0)
    inside, outside = rows[train], rows[held]
    inside -= mean
    outside -= mean
    made: list[Probe] = []
    start = 0
    for i, column in enumerate(labels.columns):
        if column.classes is None:
            values = labels.values[:, start]
            made.append(NumberProbe(inside, values[train], outside, values[held], c))
        else:
            codes = labels.codes(i)
            made.append(ClassProbe(inside, codes[train], outside, codes[held], c, tol))
        start += column.width
    return made
