"""Coordinates in which rows have unit covariance, and what of labels can be read in them."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from embias.errors import InputError
from embias.types import FloatArray

__all__ = ["Frame", "Split", "explained", "flat_directions", "probe_accuracy", "without_flat"]

#: Of each class, one row in this many is held out.
_ONE_IN = 5
#: A direction that a map leaves less of is flat.
_FLAT = 0.1


@dataclass(frozen=True)
class Frame:
    """Whitened coordinates of rows: every direction that varies counts the same.

    Attributes
    ----------
    mean : ndarray of shape (d,)
    forth : ndarray of shape (k, d)
        ``(x - mean) @ forth.T`` has unit covariance; k is the rank of the covariance.
    back : ndarray of shape (d, k)
        Takes such coordinates back to the space of the rows.
    """

    mean: FloatArray
    forth: FloatArray
    back: FloatArray

    @classmethod
    def of(cls, rows: FloatArray, who: str) -> Frame:
        """Return the frame of rows, shape (n, d)."""
        mean = rows.mean(axis=0)
        centred = rows - mean
        values, vectors = linalg.eigh(centred.T @ centred / len(rows))
        # Relative to the rows themselves too: what is left of a constant is rounding.
        size = max(float(values[-1]), float(np.abs(rows).max()) ** 2 * np.finfo(np.float64).eps)
        kept = values > len(values) * np.finfo(np.float64).eps * size
        if not kept.any():
            raise InputError(
                f"{who}: the rows do not differ, so there is nothing to learn; give other rows"
            )
        vectors, roots = vectors[:, kept], np.sqrt(values[kept])
        return cls(mean, (vectors / roots).T, vectors * roots)

    def coordinates(self, rows: FloatArray) -> FloatArray:
        """Return the coordinates of rows, shape (n, k)."""
        made: FloatArray = (rows - self.mean) @ self.forth.T
        return made


@dataclass(frozen=True)
class Split:
    """Row numbers to train on and row numbers to measure on.

    Where no class has enough rows to spare one, both are all the rows.
    """

    train: NDArray[np.intp]
    test: NDArray[np.intp]
    apart: bool

    @classmethod
    def of(cls, codes: NDArray[np.intp], rng: np.random.Generator) -> Split:
        """Hold out a fifth of every class."""
        held = [
            rng.permutation(members)[: len(members) // _ONE_IN]
            for members in (np.flatnonzero(codes == c) for c in np.unique(codes))
        ]
        test = np.sort(np.concatenate(held))
        everything = np.arange(len(codes))
        if not test.size:
            return cls(everything, everything, False)
        return cls(np.setdiff1d(everything, test), test, True)


def flat_directions(
    inner: FloatArray, outer: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the directions of which ``x - x inner outer'`` leaves less than a tenth.

    Returns
    -------
    given : ndarray of shape (k, m)
        Orthonormal columns, in the space that goes in.
    left : ndarray of shape (m,)
        What is left of each.
    made : ndarray of shape (k, m)
        Where that lies, in the space that comes out.
    """
    # Outside the span of both factors the map is the identity.
    basis = linalg.orth(np.hstack([inner, outer]))
    small = np.eye(basis.shape[1]) - (basis.T @ inner) @ (outer.T @ basis)
    u, values, vt = linalg.svd(small)
    flat = values < _FLAT
    return basis @ u[:, flat], values[flat], basis @ vt[flat].T


def without_flat(inner: FloatArray, outer: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the factors of the map that leaves nothing of the flat directions."""
    given, left, made = flat_directions(inner, outer)
    return np.hstack([inner, given * left]), np.hstack([outer, made])


def explained(rows: FloatArray, targets: FloatArray, split: Split) -> float:
    """Return the share of the targets' variance that a fresh ridge predictor gets on test rows.

    Below 0 where it does worse than the mean. Targets of shape (n, m) are taken together.
    """
    train, test = rows[split.train], rows[split.test]
    center = train.mean(axis=0)
    mean = targets[split.train].mean(axis=0)
    gram = (train - center).T @ (train - center)
    # In whitened coordinates a penalty of their number keeps the noise of n rows out.
    gram[np.diag_indices_from(gram)] += rows.shape[1]
    slope = linalg.solve(gram, (train - center).T @ (targets[split.train] - mean), assume_a="pos")
    wanted = targets[split.test] - mean
    total = float((wanted**2).sum())
    missed = float(((wanted - (test - center) @ slope) ** 2).sum())
    return 1 - missed / total if total > 0 else 0.0


def probe_accuracy(rows: FloatArray, codes: NDArray[np.intp], split: Split) -> float:
    """Return the test accuracy of a fresh logistic regression on the training rows."""
    wanted = codes[split.train]
    if (wanted == wanted[0]).all():
        return float(np.mean(codes[split.test] == wanted[0]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        probe = LogisticRegression(max_iter=500).fit(rows[split.train], wanted)
    return float(probe.score(rows[split.test], codes[split.test]))
