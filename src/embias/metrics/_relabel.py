"""Relabelling tests for statistics that are no sum of fixed scores.

Where every word has a fixed score, :func:`embias.stats.permutation_pvalue` counts exactly and
far further. A statistic that is recomputed from the means of the groups has to be enumerated,
while that is feasible, or sampled.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from embias.results import Alternative
from embias.stats import clopper_pearson
from embias.types import FloatArray

__all__ = ["Relabelled", "coordinates", "default_draws", "relabellings", "tally"]

#: Relabellings up to which all of them are taken.
MOST_ENUMERATED = 200_000
#: Numbers held in one array, at most (32 MB).
ENTRIES = 4_000_000
#: Entries (words times draws) that the default number of draws may cost.
_DEFAULT_WORK = 40_000_000


@dataclass(frozen=True, slots=True)
class Relabelled:
    """A p-value by relabelling, and the mean of the statistic over the relabellings."""

    pvalue: float
    bounds: tuple[float, float]
    method: Literal["exact", "sampled"]
    n_resamples: int | None
    null_mean: float


def default_draws(n: int) -> int:
    """Return 9,999 draws for up to 4,000 words, fewer for more, 999 at least."""
    return min(9_999, max(999, _DEFAULT_WORK // n))


def coordinates(rows: FloatArray, others: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return `rows`, and `others` projected on their span, in a basis of that span.

    Products between combinations of `rows` and the `others` stay what they are, at the cost of
    ``min(n, d)`` coordinates in place of d.
    """
    basis, triangle = np.linalg.qr(rows.T)
    return triangle.T, others @ basis


def relabellings(
    n_first: int,
    n_second: int,
    *,
    cost: int,
    n_resamples: int,
    rng: np.random.Generator,
    enumerated: bool = True,
) -> tuple[bool, Iterator[FloatArray]]:
    """Return the ways to choose the first group from all words, as blocks of zeros and ones.

    Parameters
    ----------
    n_first, n_second : int
        Sizes of the groups; the observed labelling has the first group in front.
    cost : int
        Entries that one relabelling costs: bounds the blocks, and how many are enumerated.
    n_resamples : int
        Draws, where there are too many to take all.
    rng : Generator
    enumerated : bool
        Whether all may be taken; False draws in any case.

    Returns
    -------
    (bool, iterator of ndarray of shape (k, n_first + n_second))
        Whether all of them come, each once; and the blocks.
    """
    n = n_first + n_second
    total = math.comb(n, n_first)
    block = max(1, ENTRIES // max(cost, n))
    # All of them where that is no dearer than the draws would be.
    affordable = max(n_resamples, min(MOST_ENUMERATED, _DEFAULT_WORK // cost))
    if enumerated and total <= affordable:
        return True, _all_subsets(n, n_first, block)
    return False, _random_subsets(n, n_first, block, n_resamples, rng)


def _all_subsets(n: int, m: int, block: int) -> Iterator[FloatArray]:
    subsets = itertools.combinations(range(n), m)
    while chosen := list(itertools.islice(subsets, block)):
        yield _indicator(np.array(chosen, dtype=np.intp), n)


def _random_subsets(
    n: int, m: int, block: int, n_resamples: int, rng: np.random.Generator
) -> Iterator[FloatArray]:
    for start in range(0, n_resamples, block):
        # Row by row the same numbers, whatever the size of the blocks.
        keys = rng.random((min(block, n_resamples - start), n))
        yield _indicator(np.argsort(keys, axis=1)[:, :m], n)


def _indicator(chosen: NDArray[np.intp], n: int) -> FloatArray:
    marks = np.zeros((chosen.shape[0], n))
    np.put_along_axis(marks, chosen, 1.0, axis=1)
    return marks


def tally(
    observed: float,
    statistics: Iterable[FloatArray],
    *,
    exact: bool,
    alternative: Alternative,
    noise: float,
    two_sided: Literal["abs", "doubled"] = "doubled",
) -> Relabelled:
    """Count the relabelled statistics that are at least as extreme as the observed one.

    Parameters
    ----------
    observed : float
    statistics : iterable of ndarray
        The statistic under relabelling, in blocks. Undefined ones (NaN) count as extreme.
    exact : bool
        Whether these are all relabellings (the observed one among them), or draws.
    alternative : {"greater", "less", "two-sided"}
    noise : float
        Rounding of the statistic: closer than this is equal.
    two_sided : {"abs", "doubled"}
        ``doubled`` for statistics whose mean under relabelling is not 0.

    Returns
    -------
    Relabelled
    """
    above = below = beyond = total = defined = 0
    added = 0.0
    for block in statistics:
        lost = np.isnan(block)
        above += int(np.count_nonzero((block >= observed - noise) | lost))
        below += int(np.count_nonzero((block <= observed + noise) | lost))
        beyond += int(np.count_nonzero((np.abs(block) >= abs(observed) - noise) | lost))
        total += block.size
        defined += int(block.size - np.count_nonzero(lost))
        added += float(block[~lost].sum())
    hits = {"greater": above, "less": below}.get(alternative, min(above, below))
    factor = 2 if alternative == "two-sided" else 1
    if factor == 2 and two_sided == "abs":
        hits, factor = beyond, 1
    null_mean = added / defined if defined else math.nan
    if exact:
        value = min(1.0, factor * max(hits, 1) / total)
        return Relabelled(value, (value, value), "exact", None, null_mean)
    value = min(1.0, factor * (hits + 1) / (total + 1))
    low, high = (min(1.0, factor * end) for end in clopper_pearson(hits, total))
    return Relabelled(value, (min(low, value), max(high, value)), "sampled", total, null_mean)
