"""Correlations of many rows at once, their permutation tests and their intervals."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from embias.errors import InputError
from embias.metrics._relabel import Relabelled
from embias.results import Alternative, Interval
from embias.stats.bootstrap import BootstrapMethod, bootstrap_interval, bootstrap_replicates
from embias.types import FloatArray

__all__ = [
    "Statistic",
    "bootstrap_correlation",
    "correlate",
    "fisher_interval",
    "is_constant",
    "leave_one_out_correlations",
    "permutation_tests",
    "residuals",
]

Statistic: TypeAlias = Literal["pearson", "spearman"]
#: Words up to which all orders are counted: 9! = 362,880.
MOST_EXACT = 9
#: Correlations nearer to 1 than this have no finite z.
_PERFECT = 1e-12
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


def is_constant(values: FloatArray) -> bool:
    """Whether values differ by no more than rounding, so that they have no correlation."""
    return bool(np.isnan(_centred(values[None])[1][0]))


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
) -> list[Relabelled]:
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
    list of Relabelled
        Two-sided is that of the absolute correlation.
    """
    units = [(_unit(x), _unit(y)) for x, y in pairs]
    n, hits, total = pairs[0][0].size, [0] * len(pairs), 0
    exact = n <= MOST_EXACT
    for orders in _all_orders(n) if exact else _drawn_orders(n, n_resamples, rng):
        total += len(orders)
        for i, (x, y) in enumerate(units):
            hits[i] += _extreme(y[orders] @ x, float(x @ y), alternative)
    return [Relabelled.from_hits(each, total, exact=exact) for each in hits]


def _extreme(drawn: FloatArray, observed: float, alternative: Alternative) -> int:
    if alternative == "two-sided":
        drawn, observed = np.abs(drawn), abs(observed)
    if alternative == "less":
        drawn, observed = -drawn, -observed
    # Equal correlations differ in their last digits.
    return int(np.count_nonzero(drawn >= observed - 1e-12))


def _unit(values: FloatArray) -> FloatArray:
    rows, lengths = _centred(values[None])
    unit: FloatArray = rows[0] / lengths
    return unit


def _all_orders(n: int) -> Iterator[NDArray[np.int8]]:
    orders = np.zeros((1, 1), dtype=np.int8)
    for last in range(1, n):
        # Insert the next number at every place of every order so far.
        orders = np.concatenate(
            [np.insert(orders, place, last, axis=1) for place in range(last + 1)]
        )
    yield orders


def _drawn_orders(n: int, draws: int, rng: np.random.Generator) -> Iterator[NDArray[np.int32]]:
    rows = max(1, _NUMBERS // n)
    for start in range(0, draws, rows):
        size = min(rows, draws - start)
        yield rng.permuted(np.broadcast_to(np.arange(n, dtype=np.int32), (size, n)), axis=1)


def fisher_interval(
    r: float, n: int, level: float, *, unit: str = "word", excess: float = 1.0
) -> tuple[Interval | None, str]:
    """Return the interval by Fisher's z, or None and the reason.

    Parameters
    ----------
    r : float
        The correlation of `n` units.
    n : int
    level : float
    unit : str
        What is correlated, for the reason.
    excess : float
        The variance of z times ``n - 3``: 1 for Pearson, more for ranks.
    """
    if n < 4:
        return None, f"No interval: Fisher's z needs four {unit}s."
    if abs(r) >= 1 - _PERFECT:
        return None, "No interval: Fisher's z is infinite at a correlation of 1."
    half = float(stats.norm.ppf((1 + level) / 2)) * math.sqrt(excess / (n - 3))
    centre = math.atanh(r)
    return Interval(math.tanh(centre - half), math.tanh(centre + half), level, "fisher"), ""


def bootstrap_correlation(
    x: FloatArray,
    y: FloatArray,
    statistic: Statistic,
    *,
    method: BootstrapMethod,
    level: float,
    n_resamples: int,
    rng: np.random.Generator,
    unit: str = "word",
    otherwise: str = "use interval='fisher'",
    most_left_out: int | None = None,
) -> tuple[Interval | None, str]:
    """Return the bootstrap interval of a correlation, or None and the reason.

    Parameters
    ----------
    x, y : ndarray of shape (n,)
        Not constant. Pairs of them are drawn with replacement.
    statistic : {"pearson", "spearman"}
    method : {"bca", "percentile"}
    level : float
    n_resamples : int
    rng : Generator
    unit : str
        What is drawn, for the reason.
    otherwise : str
        What to do where they are too few.
    most_left_out : int, optional
        Units up to which ``bca`` is corrected for skewness by leaving each out; beyond, for
        bias alone. All by default.
    """

    def draw(generator: np.random.Generator, size: int) -> FloatArray:
        return _replicates(x, y, statistic, generator, size)

    observed = float(correlate(x[None], y[None], statistic)[0])
    replicates = bootstrap_replicates(draw, n_resamples, rng)
    jackknife = []
    if method == "bca" and (most_left_out is None or x.size <= most_left_out):
        jackknife = [leave_one_out_correlations(x, y, statistic)]
        if np.isnan(jackknife[0]).any():
            return None, f"No interval: without one {unit}, the correlation is not defined."
    try:
        found = bootstrap_interval(
            observed, replicates, level=level, method=method, jackknife=jackknife
        )
    except InputError:
        return None, f"No interval: too few distinct {unit}s for a bootstrap; {otherwise}."
    return found, ""


def _replicates(
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
