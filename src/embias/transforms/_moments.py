"""Means and covariances of rows that come in batches, exact in any order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from embias.errors import InputError
from embias.types import FloatArray

__all__ = ["Moments", "blocks"]

#: Rows of one update: large enough for a fast product, small enough to stay in cache.
_BLOCK = 8192


def blocks(n: int) -> list[slice]:
    """Return slices that cut n rows into blocks."""
    return [slice(start, start + _BLOCK) for start in range(0, n, _BLOCK)]


@dataclass
class Moments:
    """Running first and second moments of x, shape (d,), and z, shape (k,), in float64.

    Attributes
    ----------
    n : int
        Rows so far.
    mean_x, mean_z : ndarray of shape (d,), (k,)
    scatter_x : ndarray of shape (d, d)
        Sum of ``(x - mean)(x - mean)'``.
    scatter_xz : ndarray of shape (d, k)
    scatter_z : ndarray of shape (k, k)
    """

    n: int
    mean_x: FloatArray
    mean_z: FloatArray
    scatter_x: FloatArray
    scatter_xz: FloatArray
    scatter_z: FloatArray

    @classmethod
    def empty(cls, d: int, k: int = 0) -> Moments:
        """Return the moments of no row."""
        return cls(
            0,
            np.zeros(d),
            np.zeros(k),
            np.zeros((d, d)),
            np.zeros((d, k)),
            np.zeros((k, k)),
        )

    def update(self, x: FloatArray, z: FloatArray | None = None) -> None:
        """Add rows, shapes (m, d) and (m, k)."""
        labels = np.zeros((len(x), 0)) if z is None else z
        for block in blocks(len(x)):
            self._add(x[block], labels[block])

    def _add(self, x: FloatArray, z: FloatArray) -> None:
        # Centred about the block's own mean, then merged: two large numbers are never subtracted.
        m = len(x)
        mean_x, mean_z = x.mean(axis=0), z.mean(axis=0)
        dx, dz = x - mean_x, z - mean_z
        total = self.n + m
        weight = self.n * m / total
        gap_x, gap_z = mean_x - self.mean_x, mean_z - self.mean_z
        self.scatter_x += dx.T @ dx + weight * np.outer(gap_x, gap_x)
        self.scatter_xz += dx.T @ dz + weight * np.outer(gap_x, gap_z)
        self.scatter_z += dz.T @ dz + weight * np.outer(gap_z, gap_z)
        self.mean_x = self.mean_x + gap_x * (m / total)
        self.mean_z = self.mean_z + gap_z * (m / total)
        self.n = total

    def covariances(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return ``S_xx``, ``S_xz`` and ``S_zz``, with n - 1.

        Raises
        ------
        InputError
            With fewer than two rows.
        """
        if self.n < 2:
            raise InputError(
                f"a covariance needs two rows at least, and there is n_samples={self.n}; give more"
            )
        divide = self.n - 1
        return self.scatter_x / divide, self.scatter_xz / divide, self.scatter_z / divide
