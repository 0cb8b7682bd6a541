"""Bootstrap intervals from replicates: percentile and bias-corrected accelerated (BCa)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Literal, TypeAlias, get_args

import numpy as np
from scipy import stats

from embias.errors import InputError
from embias.results import Interval
from embias.stats.inputs import check_choice, check_rng
from embias.types import FloatArray

__all__ = ["BootstrapMethod", "bootstrap_interval", "bootstrap_replicates", "check_level"]

BootstrapMethod: TypeAlias = Literal["bca", "percentile"]

#: Replicates drawn with one child generator. Fixed, so that neither the machine nor the number
#: of workers changes a figure.
CHUNK = 1000
#: Share of undefined replicates above which an interval would be about something else.
_MOST_UNDEFINED = 0.01


def bootstrap_replicates(
    draw: Callable[[np.random.Generator, int], FloatArray],
    n_resamples: int,
    rng: int | np.random.Generator | None,
    *,
    progress: bool = False,
) -> FloatArray:
    """Draw replicates of a statistic in chunks, each from a generator of its own.

    Parameters
    ----------
    draw : callable
        ``draw(generator, size)`` returns `size` replicates, shape ``(size,)``.
    n_resamples : int
        Number of replicates, at least 100.
    rng : int, Generator or None
        Seed. Chunk k uses the k-th child of the seed, whoever draws it and when.
    progress : bool
        Show a progress bar.

    Returns
    -------
    ndarray of shape (n_resamples,)

    Raises
    ------
    InputError
        When there are too few replicates for an interval, or `rng` is no seed.
    """
    if n_resamples < 100:
        raise InputError(f"n_resamples is {n_resamples}; an interval needs at least 100")
    check_rng(rng)
    sizes = [min(CHUNK, n_resamples - start) for start in range(0, n_resamples, CHUNK)]
    if isinstance(rng, np.random.Generator):
        generators = rng.spawn(len(sizes))
    else:
        children = np.random.SeedSequence(rng).spawn(len(sizes))
        generators = [np.random.default_rng(child) for child in children]
    pairs: Iterable[tuple[np.random.Generator, int]] = zip(generators, sizes, strict=True)
    if progress:
        from tqdm.auto import tqdm

        pairs = tqdm(pairs, desc="resampling", unit="thousand", total=len(sizes))
    return np.concatenate([draw(generator, size) for generator, size in pairs])


def bootstrap_interval(
    observed: float,
    replicates: FloatArray,
    *,
    level: float = 0.95,
    method: BootstrapMethod = "bca",
    jackknife: Sequence[FloatArray] = (),
) -> Interval:
    """Turn replicates of a statistic into a confidence interval.

    Parameters
    ----------
    observed : float
        The statistic on the data.
    replicates : ndarray of shape (n,)
        The statistic on resampled data. Undefined ones (NaN) are left out.
    level : float
        Confidence, in (0, 1).
    method : {"bca", "percentile"}
        ``bca`` corrects bias and skewness (Efron 1987) and needs `jackknife`.
    jackknife : sequence of ndarray
        For each resampled sample, the statistic with each of its units left out.

    Returns
    -------
    Interval

    Raises
    ------
    InputError
        When more than one replicate in a hundred is undefined (too few distinct units), or the
        statistic itself is.
    """
    check_level(level)
    check_choice("method", method, get_args(BootstrapMethod))
    if not math.isfinite(observed):
        raise InputError("the statistic is undefined on the data, so it has no interval")
    defined = np.sort(replicates[np.isfinite(replicates)])
    undefined = replicates.size - defined.size
    if undefined > _MOST_UNDEFINED * replicates.size:
        raise InputError(
            f"{undefined} of {replicates.size} bootstrap samples leave the statistic undefined; "
            "there are too few distinct units for a bootstrap, use method='analytic'"
        )
    tails = np.array([(1 - level) / 2, (1 + level) / 2])
    if method == "bca":
        tails = _corrected(tails, observed, defined, jackknife)
    low, high = np.quantile(defined, tails)
    return Interval(float(low), float(high), level, method)


def check_level(level: float) -> None:
    """Raise an InputError unless `level` is a confidence strictly between 0 and 1."""
    if not 0 < level < 1:
        raise InputError(f"level={level!r} is not a confidence; give a share such as 0.95")


def _corrected(
    tails: FloatArray, observed: float, replicates: FloatArray, jackknife: Sequence[FloatArray]
) -> FloatArray:
    """Shift the tail probabilities for bias and skewness (Efron & Tibshirani 1993, eq. 14.10)."""
    # Replicates equal to the statistic (up to rounding) count half, for discrete statistics.
    slack = 1e-12 * max(1.0, abs(observed))
    below = np.count_nonzero(replicates < observed - slack)
    equal = np.count_nonzero(np.abs(replicates - observed) <= slack)
    share = float(below + 0.5 * equal) / replicates.size
    # A statistic at the edge of its replicates has no finite correction.
    share = min(max(share, 0.5 / replicates.size), 1 - 0.5 / replicates.size)
    bias = float(stats.norm.ppf(share))
    acceleration = _acceleration(jackknife)
    z = bias + stats.norm.ppf(tails)
    corrected: FloatArray = stats.norm.cdf(bias + z / (1 - acceleration * z))
    return corrected


def _acceleration(jackknife: Sequence[FloatArray]) -> float:
    cubes: float = 0.0
    squares: float = 0.0
    for left_out in jackknife:
        influence = (left_out.size - 1) * (left_out.mean() - left_out) / left_out.size
        cubes += float(np.sum(influence**3))
        squares += float(np.sum(influence**2))
    return float(cubes / (6 * squares**1.5)) if squares > 0 else 0.0
