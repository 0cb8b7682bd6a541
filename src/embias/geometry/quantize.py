"""The arithmetic of quantised vectors, in float32 as sentence-transformers does it."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embias.errors import VectorError

__all__ = ["checked_ranges", "dequantised", "hash_of", "int8_codes", "ranges_of", "signs"]

_LEVELS = 255  # steps between the 256 codes
_OFFSET = 128


def ranges_of(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the smallest and the largest value of each dimension, shape (2, d)."""
    return np.stack((rows.min(axis=0), rows.max(axis=0)))


def checked_ranges(given: NDArray[Any], dim: int, who: str) -> NDArray[np.float32]:
    """Return a caller's ranges as float32, shape (2, d); refuse what is no range.

    Parameters
    ----------
    given : ndarray of real numbers
        Smallest values in row 0, largest in row 1.
    dim : int
        Dimensions there must be.
    who : str
        How the message begins.

    Raises
    ------
    VectorError
        Another shape, not finite in float32, a smallest value above the largest.
    """
    if given.shape != (2, dim):
        raise VectorError(
            f"{who}: ranges have the shape {given.shape}, expected (2, {dim}): the smallest and "
            "the largest value of each dimension"
        )
    with np.errstate(over="ignore", invalid="ignore"):
        ranges = given.astype(np.float32)
        width = ranges[1] - ranges[0]
    if not np.isfinite(width).all():
        raise VectorError(
            f"{who}: ranges of dimension {int(np.flatnonzero(~np.isfinite(width))[0])} are not "
            "finite, or too wide for float32; give finite numbers"
        )
    if (width < 0).any():
        at = int(np.flatnonzero(width < 0)[0])
        raise VectorError(
            f"{who}: ranges of dimension {at} run from {ranges[0, at]:g} down to "
            f"{ranges[1, at]:g}; give the smallest values in row 0 and the largest in row 1"
        )
    return ranges


def _steps(ranges: NDArray[np.float32]) -> NDArray[np.float32]:
    steps = (ranges[1] - ranges[0]) / np.float32(_LEVELS)
    return np.where(steps == 0, np.float32(1), steps)


def int8_codes(rows: NDArray[np.float32], ranges: NDArray[np.float32]) -> NDArray[np.int8]:
    """Return ``floor((x - min) / step) - 128``, values outside the range at its ends."""
    with np.errstate(over="ignore"):  # a value far outside becomes infinite, and is then clipped
        places = np.floor((rows - ranges[0]) / _steps(ranges))
    codes: NDArray[np.int8] = (np.clip(places, 0, _LEVELS) - _OFFSET).astype(np.int8)
    return codes


def dequantised(codes: NDArray[np.int8], ranges: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the lower ends of the steps that the codes stand for."""
    values: NDArray[np.float64] = (codes.astype(np.float64) + _OFFSET) * _steps(ranges) + ranges[0]
    return values


def signs(rows: NDArray[np.float32]) -> NDArray[np.int8]:
    """Return 1 where a coordinate is above zero, else -1."""
    return np.where(rows > 0, np.int8(1), np.int8(-1))


def hash_of(ranges: NDArray[np.float32]) -> str:
    """Return a hash of ranges."""
    content = np.ascontiguousarray(ranges, dtype="<f4") + np.float32(0)  # -0.0 is 0.0
    return "sha256:" + hashlib.sha256(content.tobytes()).hexdigest()[:16]
