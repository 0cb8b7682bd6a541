"""Correlations of many rows at once, their permutations, replicates and leave-one-outs."""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Iterator, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from embias.results import Alternative
from embias.stats import clopper_pearson
from embias.types import FloatArray

__all__ = [
    "Statistic",
    "correlate",
    "correlation_replicates",
    "leave_one_out_correlations",
    "permutation_tests",
    "residuals",
]

Statistic: TypeAlias = Literal["pearson", "spearman"]
#: Words up to which all orders are counted: 9! = 362,880.
MOST_EXACT = 9
#: Numbers held at a time.
_NUMBERS = 2**20


def correlate(x: FloatArray, y: FloatArray, statistic: Statistic) -> FloatArray:
    """Return the correlation of each row of x with that of y, NaN where one is constant.

    Parameters
    ----------
    x, y : ndarray of shape (m, n)
    statistic : {"pearson", "spearman"}
        Spearman gives ties their mean rank.

    Returns
    -------
    ndarray of shape (m,)
        In [-1, 1].
    """
    if statistic == "spearman":
        x, y = stats.rankdata(x, axis=1), stats.rankdata(y, axis=1)
    (x, x_length), (y, y_length) = _centred(x), _centred(y)
    products = (x * y).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        found: FloatArray = np.clip(products / (x_length * y_length), -1.0, 1.0)
    return found


def _centred(rows: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return rows without their mean, scaled, and their lengths: NaN where a row is constant."""
    scale = np.abs(rows).max(axis=1, keepdims=True)
    rows = rows / np.where(scale > 0, scale, 1.0)
    rows = rows - rows.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(rows, axis=1)
    # A constant row leaves its rounding.
    return rows, np.where(lengths > 1e-13 * math.sqrt(rows.shape[1]), lengths, np.nan)


def residuals(values: FloatArray, control: FloatArray) -> FloatArray:
    """Return what a straight line in `control` leaves of `values`."""
    centred = control - control.mean()
    slope = float(centred @ values) / float(centred @ centred)
    rest: FloatArray = values - values.mean() - slope * centred
    # What is left of values that follow the line is rounding.
    size = float(np.abs(values).max()) + abs(slope) * float(np.abs(centred).max())
    return np.where(np.abs(rest) <= 1e-13 * size, 0.0, rest)


def permutation_tests(
    pairs: Sequence[tuple[FloatArray, FloatArray]],
    alternative: Alternative,
    n_resamples: int,
    rng: np.random.Generator,
) -> list[tuple[float, tuple[float, float], Literal["exact", "sampled"]]]:
    """Test Pearson correlations by putting the second values in other orders.

    Parameters
    ----------
    pairs : sequence of (x, y), ndarrays of shape (n,)
        Not constant; ranks for Spearman. All are tested with the same orders.
    alternative : {"greater", "less", "two-sided"}
    n_resamples : int
        Draws where there are too many orders to count.
    rng : Generator

    Returns
    -------
    list of (pvalue, bounds, method)
        In (0, 1]; the same number twice where it is exact, else the 95 % Clopper-Pearson
        interval; "exact" or "sampled".
    """
    units = [tuple(_unit(side) for side in pair) for pair in pairs]
    n, hits = units[0][0].size, [0] * len(units)
    exact = n <= MOST_EXACT
    for orders in _all_orders(n) if exact else _drawn_orders(n, n_resamples, rng):
        for i, (x, y) in enumerate(units):
            hits[i] += _hits(y[orders] @ x, float(x @ y), alternative)
    if exact:
        return [(h / math.factorial(n), (h / math.factorial(n),) * 2, "exact") for h in hits]
    found: list[tuple[float, tuple[float, float], Literal["exact", "sampled"]]] = []
    for h in hits:
        pvalue = (h + 1) / (n_resamples + 1)
        low, high = clopper_pearson(h, n_resamples)
        low = max(min(low, pvalue), sys.float_info.min)
        found.append((pvalue, (low, max(high, pvalue)), "sampled"))
    return found


def _unit(values: FloatArray) -> FloatArray:
    rows, lengths = _centred(values[None])
    unit: FloatArray = rows[0] / lengths
    return unit


def _all_orders(n: int) -> Iterator[NDArray[np.integer[Any]]]:
    yield np.array(list(itertools.permutations(range(n))), dtype=np.int8)


def _drawn_orders(
    n: int, draws: int, rng: np.random.Generator
) -> Iterator[NDArray[np.integer[Any]]]:
    rows = max(1, _NUMBERS // n)
    for start in range(0, draws, rows):
        size = min(rows, draws - start)
        yield rng.permuted(np.broadcast_to(np.arange(n, dtype=np.int32), (size, n)), axis=1)


def _hits(drawn: FloatArray, observed: float, alternative: Alternative) -> int:
    # Equal correlations differ in their last digits.
    slack = 1e-12
    if alternative == "greater":
        return int(np.count_nonzero(drawn >= observed - slack))
    if alternative == "less":
        return int(np.count_nonzero(drawn <= observed + slack))
    return int(np.count_nonzero(np.abs(drawn) >= abs(observed) - slack))


def correlation_replicates(
    x: FloatArray, y: FloatArray, statistic: Statistic, generator: np.random.Generator, size: int
) -> FloatArray:
    """Return the correlation of words drawn with replacement, shape ``(size,)``."""
    rows = max(1, _NUMBERS // x.size)
    found = []
    for start in range(0, size, rows):
        drawn = generator.integers(x.size, size=(min(rows, size - start), x.size))
        found.append(correlate(x[drawn], y[drawn], statistic))
    return np.concatenate(found)


def leave_one_out_correlations(x: FloatArray, y: FloatArray, statistic: Statistic) -> FloatArray:
    """Return the correlation without each of the words, shape ``(n,)``."""
    n = x.size
    # Row i of this table counts 0, 1, ... without i.
    others = np.arange(n - 1)[None, :] + (np.arange(n - 1)[None, :] >= np.arange(n)[:, None])
    found = [
        correlate(x[rows], y[rows], statistic)
        for rows in np.array_split(others, max(1, n * n // _NUMBERS))
    ]
    return np.concatenate(found)
