"""Means and covariances of rows that come in batches, exact in any order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embias.errors import InputError
from embias.types import FloatArray

__all__ = ["Moments", "blocks", "rounding_of"]

#: Rows of one update: large enough for a fast product, small enough to stay in cache.
_BLOCK = 4096


def blocks(n: int) -> list[slice]:
    """Return slices that cut n rows into blocks."""
    return [slice(start, start + _BLOCK) for start in range(0, n, _BLOCK)]


def rounding_of(rows: NDArray[Any]) -> float:
    """Return the relative rounding of rows: of their type, or of float32 if it holds them all.

    Vectors of a float32 encoder are often handed on as float64, with no more digits.
    """
    kind = rows.dtype
    if kind.itemsize > 4:
        with np.errstate(over="ignore"):
            same = all((rows[b].astype(np.float32) == rows[b]).all() for b in blocks(len(rows)))
        kind = np.dtype(np.float32) if same else kind
    return float(np.finfo(kind).eps)


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
    eps : float
        Relative rounding of the coarsest rows so far: about 1e-7 for float32.
    """

    n: int
    mean_x: FloatArray
    mean_z: FloatArray
    scatter_x: FloatArray
    scatter_xz: FloatArray
    scatter_z: FloatArray
    eps: float = float(np.finfo(np.float64).eps)

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

    def update(self, x: NDArray[Any], z: FloatArray | None = None) -> None:
        """Add rows, shapes (m, d) and (m, k); of any floating type, summed in float64."""
        self.eps = max(self.eps, rounding_of(x))
        labels = np.zeros((len(x), 0)) if z is None else z
        for block in blocks(len(x)):
            self._add(x[block], labels[block])

    def _add(self, x: NDArray[Any], z: FloatArray) -> None:
        # Centred about a mean near its own before anything is squared: two large numbers are
        # never subtracted. The running mean is one once it stands on as many rows.
        n, m = self.n, len(x)
        near = n >= m
        about_x = self.mean_x if near else x.mean(axis=0, dtype=np.float64)
        about_z = self.mean_z if near else z.mean(axis=0)
        # Rows, labels and a one side by side: one product holds all sums there are.
        d, k = len(self.mean_x), len(self.mean_z)
        joint = np.empty((m, d + k + 1))
        np.subtract(x, about_x, out=joint[:, :d])
        np.subtract(z, about_z, out=joint[:, d:-1])
        joint[:, -1] = 1
        sums = joint.T @ joint
        own_x, own_z = sums[:d, -1] / m, sums[d:-1, -1] / m
        gap_x, gap_z = about_x - self.mean_x + own_x, about_z - self.mean_z + own_z
        weight = n * m / (n + m)
        self.scatter_x += sums[:d, :d]
        if near:
            self.scatter_x += np.outer((weight - m) * own_x, own_x)
        elif n:
            self.scatter_x += np.outer(weight * gap_x, gap_x)
        self.scatter_xz += sums[:d, d:-1] - m * np.outer(own_x, own_z)
        self.scatter_xz += weight * np.outer(gap_x, gap_z)
        self.scatter_z += sums[d:-1, d:-1] - m * np.outer(own_z, own_z)
        self.scatter_z += weight * np.outer(gap_z, gap_z)
        self.mean_x = self.mean_x + gap_x * (m / (n + m))
        self.mean_z = self.mean_z + gap_z * (m / (n + m))
        self.n = n + m

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
