"""Coordinates in which rows, or labels, are uncorrelated and have variance 1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from embias.errors import InputError
from embias.transforms._moments import Moments
from embias.types import FloatArray

__all__ = [
    "Whitening",
    "label_whitener",
    "live_columns",
    "readable",
    "shrunk",
    "varying",
    "whitening",
]

#: A standard deviation below this share of the largest one is rounding.
_DEAD = 1e-13
#: So is one below this share of the mean, which a sum over many rows carries to 13 digits.
_CONSTANT = 1e-12
#: Label columns at variance 1 have no combination with less variance than this but for rounding.
_NO_LABEL = 1e-10
_EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Whitening:
    """``w = inverse (x - mean)`` has the identity as covariance, and ``x - mean = root w``.

    Attributes
    ----------
    root : ndarray of shape (d, r)
        r is the rank of the covariance.
    inverse : ndarray of shape (r, d)
        Moore-Penrose inverse of `root`: it does not read what never varied.
    exact : ndarray of shape (r, d)
        A left inverse of `root` that is accurate however the columns are scaled; equal to
        `inverse` for what varies.
    """

    root: FloatArray
    inverse: FloatArray
    exact: FloatArray


def varying(variances: FloatArray, mean: FloatArray, dead: float = _DEAD) -> NDArray[np.bool_]:
    """Return which columns vary by more than rounding, `dead` as a share of the largest SD."""
    sd = np.sqrt(np.maximum(variances, 0.0))
    floor = np.maximum(dead * sd.max(initial=0.0), _CONSTANT * np.abs(mean))
    return np.asarray(sd > floor)


def live_columns(
    covariance: FloatArray, mean: FloatArray, dead: float = _DEAD
) -> NDArray[np.bool_]:
    """Return which columns vary; raise an InputError when none does."""
    live = varying(np.diag(covariance), mean, dead)
    if not live.any():
        raise InputError("the rows do not differ, so there is nothing to learn; give other rows")
    return live


def whitening(covariance: FloatArray, mean: FloatArray, dead: float = _DEAD) -> Whitening:
    """Return the whitening of rows with this covariance, shape (d, d), and mean.

    The columns are brought to variance 1 first: the rank is then told from correlations, so that
    a column of small numbers is not taken for rounding. Columns whose SD is below the share `dead`
    of the largest one are not read.

    Raises
    ------
    InputError
        When no column varies.
    """
    live = live_columns(covariance, mean, dead)
    sd = np.sqrt(np.diag(covariance)[live])
    # Divide and conquer: the quickest for all eigenvectors of a dense matrix.
    values, vectors = linalg.eigh(
        covariance[np.ix_(live, live)] / np.outer(sd, sd), driver="evd", overwrite_a=True
    )
    kept = values > max(len(values), 64) * _EPS * values[-1]
    vectors, roots = vectors[:, kept], np.sqrt(values[kept])
    d, r = len(covariance), len(roots)
    root, inverse, exact = np.zeros((d, r)), np.zeros((r, d)), np.zeros((r, d))
    root[live] = sd[:, None] * vectors * roots
    exact[:, live] = (vectors / roots).T / sd
    full = r == live.sum()
    inverse[:, live] = exact[:, live] if full else linalg.pinv(root[live], rtol=0.0)
    return Whitening(root, inverse, exact)


def readable(moments: Moments) -> float:
    """Return the share of the largest SD below which a column is the rounding of its encoder.

    A float32 network leaves dead coordinates at 1e-8 of the others. Erasure that read them would
    hang on digits that change with the batch or the machine; it erases them without reading them.
    """
    return _DEAD if moments.eps <= _EPS else 8 * moments.eps


def label_whitener(moments: Moments) -> FloatArray:
    """Return a matrix after which label columns, shape (k, q), are uncorrelated, at variance 1.

    Columns are brought to variance 1 first, so that neither a rare class nor a small unit counts
    as rounding; what one-hot columns share (they add up to 1) is dropped.

    Raises
    ------
    InputError
        When the labels do not differ.
    """
    s_zz = moments.covariances()[2]
    sd = np.sqrt(np.diag(s_zz))
    live = sd > _CONSTANT * np.abs(moments.mean_z)
    if not live.any():
        raise InputError(
            "the labels of all rows are equal, so there is nothing to erase; give rows of at "
            "least two classes, or numbers that differ"
        )
    scale = np.divide(1.0, sd, out=np.zeros_like(sd), where=live)
    values, vectors = linalg.eigh(s_zz * np.outer(scale, scale))
    kept = values > _NO_LABEL
    whitener: FloatArray = scale[:, None] * vectors[:, kept] / np.sqrt(values[kept])
    return whitener


def shrunk(covariance: FloatArray, n: int) -> FloatArray:
    """Return the covariance shrunk towards a multiple of the identity, by n rows.

    ``a S + (1 - a) tr(S)/d I`` with ``1 - a = tr(S)^2 / (n (|S|_F^2 - tr(S)^2/d))`` in [0, 1].
    """
    d = len(covariance)
    trace = float(np.trace(covariance))
    spread = float((covariance**2).sum()) - trace**2 / d
    if trace <= 0:
        raise InputError("the rows do not differ, so there is nothing to learn; give other rows")
    share = min(1.0, trace**2 / (n * spread)) if spread > 0 else 1.0
    return (1 - share) * covariance + share * trace / d * np.eye(d)
