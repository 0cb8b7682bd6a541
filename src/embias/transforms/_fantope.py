"""The Fantope: symmetric matrices with eigenvalues from 0 to 1 that add up to k."""

from __future__ import annotations

import numpy as np
from scipy import linalg

from embias.types import FloatArray

__all__ = ["capped_simplex", "onto_fantope"]


def onto_fantope(matrix: FloatArray, k: int) -> tuple[FloatArray, FloatArray]:
    """Return the nearest matrix of the Fantope, and its k first eigenvectors as rows.

    Parameters
    ----------
    matrix : ndarray of shape (d, d)
        Symmetric.
    k : int
        From 1 to d.
    """
    values, vectors = linalg.eigh((matrix + matrix.T) / 2)
    shares = capped_simplex(values, k)
    some = shares > 0
    kept = vectors[:, some]
    return (kept * shares[some]) @ kept.T, np.ascontiguousarray(vectors[:, : -k - 1 : -1].T)


def capped_simplex(values: FloatArray, k: int) -> FloatArray:
    """Return the nearest numbers from 0 to 1 that add up to k: ``clip(values - shift, 0, 1)``."""
    # The sum falls with the shift, and is linear between the shifts at which a number is clipped.
    corners = np.unique(np.concatenate([values, values - 1]))
    low, high = 0, len(corners) - 1
    while high - low > 1:
        middle = (low + high) // 2
        if np.clip(values - corners[middle], 0, 1).sum() >= k:
            low = middle
        else:
            high = middle
    at = np.clip(values - corners[low], 0, 1).sum(), np.clip(values - corners[high], 0, 1).sum()
    part = (at[0] - k) / (at[0] - at[1]) if at[0] > at[1] else 0.0
    shift = corners[low] + part * (corners[high] - corners[low])
    shares: FloatArray = np.clip(values - shift, 0, 1)
    return shares
