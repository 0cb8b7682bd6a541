"""Relabelling tests for statistics that are no sum of fixed scores.

Where every word has a fixed score, :func:`embias.stats.permutation_pvalue` counts exactly and
far further. A statistic that is recomputed for every labelling has to be enumerated, while that
is feasible, or sampled.
"""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from embias.results import Alternative
from embias.stats import clopper_pearson
from embias.stats.inputs import check_size
from embias.types import FloatArray

__all__ = [
    "Labels",
    "Relabelled",
    "coordinates",
    "draws_for",
    "in_first",
    "partitions",
    "relabelling_test",
    "relabellings",
    "share_of",
    "tally",
]

#: For each relabelling (row) and unit (column), the number of the group it is in.
Labels: TypeAlias = NDArray[np.int16]

#: Relabellings up to which all of them are taken.
MOST_ENUMERATED = 200_000
#: Numbers held in one array, at most (32 MB).
ENTRIES = 4_000_000
#: Entries (units times draws) that the default number of draws may cost; and fewest draws.
_DEFAULT_WORK = 40_000_000
_FEWEST_DRAWS = 999


@dataclass(frozen=True, slots=True)
class Relabelled:
    """A p-value by relabelling, and the mean of the statistic over the relabellings."""

    pvalue: float
    bounds: tuple[float, float]
    method: Literal["exact", "sampled"]
    n_resamples: int | None
    null_mean: float = math.nan

    @classmethod
    def from_hits(
        cls, hits: int, total: int, *, exact: bool, sides: int = 1, null_mean: float = math.nan
    ) -> Relabelled:
        """Return the p-value of `hits` relabellings out of `total`, times the `sides`."""
        value = min(1.0, sides * float(share_of(hits, total, exact=exact)))
        if exact:
            return cls(value, (value, value), "exact", None, null_mean)
        low, high = (min(1.0, sides * end) for end in clopper_pearson(hits, total))
        # What is known of a p-value is never that it is 0.
        low = max(min(low, value), sys.float_info.min)
        return cls(value, (low, max(high, value)), "sampled", total, null_mean)

    def fields(self) -> dict[str, Any]:
        """Return what a :class:`embias.results.Measure` says of it."""
        return {
            "pvalue": self.pvalue,
            "pvalue_bounds": self.bounds,
            "pvalue_method": self.method,
            "n_resamples": self.n_resamples,
        }


def share_of(hits: int | NDArray[np.integer[Any]], total: int, *, exact: bool) -> Any:
    """Return the p-value for each number of hits among all relabellings, or among draws."""
    if exact:
        # Rounding beyond the noise cannot make the observed labels miss themselves.
        return np.maximum(hits, 1) / total
    return (hits + 1) / (total + 1)


def draws_for(n_resamples: int | None, cost: int, *, most: int = 9_999, at_least: int = 1) -> int:
    """Return the number of draws: as asked for, else fewer than `most` where each costs much.

    Parameters
    ----------
    n_resamples : int or None
        What the user asked for.
    cost : int
        Entries that one draw handles, times the passes over them: `most` draws up to
        40,000,000 in all, fewer beyond, 999 at least.
    most : int
    at_least : int
        Fewest draws that a user may ask for.

    Raises
    ------
    InputError
        When it is no whole number from `at_least` on.
    """
    if n_resamples is None:
        return min(most, max(_FEWEST_DRAWS, _DEFAULT_WORK // cost))
    check_size("n_resamples", n_resamples, at_least)
    return int(n_resamples)


def coordinates(rows: FloatArray, others: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return `rows`, and `others` projected on their span, in a basis of that span.

    Products between combinations of `rows` and the `others` stay what they are, at the cost of
    ``min(n, d)`` coordinates in place of d.
    """
    basis, triangle = np.linalg.qr(rows.T)
    return triangle.T, others @ basis


def partitions(sizes: Sequence[int]) -> int:
    """Return the number of ways to label ``sum(sizes)`` units with groups of these sizes."""
    total, units = 1, 0
    for size in sizes:
        units += size
        total *= math.comb(units, size)
    return total


def relabellings(
    sizes: Sequence[int],
    *,
    n_resamples: int,
    rng: np.random.Generator,
    cost: int = 1,
    enumerated: bool = True,
) -> tuple[bool, Iterator[Labels]]:
    """Return the ways to put units into groups of these sizes, as blocks of labels.

    Parameters
    ----------
    sizes : sequence of int
        Sizes of the groups; the observed labels have the units group by group.
    n_resamples : int
        Draws, where there are too many to take all.
    rng : Generator
    cost : int
        Entries that one relabelling costs, where they are more than there are units: bounds
        the blocks, and how many are enumerated.
    enumerated : bool
        Whether all may be taken; False draws in any case.

    Returns
    -------
    (bool, iterator of ndarray of shape (k, sum(sizes)))
        Whether all of them come, each once; and the blocks.
    """
    cost = max(cost, sum(sizes))
    block = max(1, ENTRIES // cost)
    # All of them where that is no dearer than the draws would be.
    affordable = max(n_resamples, min(MOST_ENUMERATED, _DEFAULT_WORK // cost))
    if enumerated and partitions(sizes) <= affordable:
        return True, _all_labels(sizes, block)
    return False, _drawn_labels(sizes, block, n_resamples, rng)


def in_first(labels: Labels) -> FloatArray:
    """Return ones for the units of the first group, zeros for the others."""
    marks: FloatArray = (labels == 0).astype(np.float64)
    return marks


def _all_labels(sizes: Sequence[int], block: int) -> Iterator[Labels]:
    """Yield every labelling once: a subset of the places that are free for group after group."""
    # The largest group takes what the others leave, so that the fewest places are chosen.
    *chosen, rest = sorted(range(len(sizes)), key=lambda group: sizes[group])
    free, subsets = sum(sizes), []
    for group in chosen:
        subsets.append(_subsets(free, sizes[group]))
        free -= sizes[group]
    total = partitions(sizes)
    for start in range(0, total, block):
        number = np.arange(start, min(start + block, total))
        labels: Labels = np.full((number.size, sum(sizes)), rest, dtype=np.int16)
        for group, each in zip(chosen, subsets, strict=True):
            places = np.nonzero(labels == rest)[1].reshape(number.size, -1)
            taken = np.take_along_axis(places, each[number % len(each)], axis=1)
            np.put_along_axis(labels, taken, np.int16(group), axis=1)
            number = number // len(each)
        yield labels


def _subsets(n: int, m: int) -> NDArray[np.int32]:
    """Return all subsets of m numbers below n, a row for each."""
    subsets = itertools.chain.from_iterable(itertools.combinations(range(n), m))
    return np.fromiter(subsets, dtype=np.int32, count=m * math.comb(n, m)).reshape(-1, m)


def _drawn_labels(
    sizes: Sequence[int], block: int, n_resamples: int, rng: np.random.Generator
) -> Iterator[Labels]:
    labels = np.repeat(np.arange(len(sizes), dtype=np.int16), sizes)
    for start in range(0, n_resamples, block):
        # Row by row the same numbers, whatever the size of the blocks.
        size = min(block, n_resamples - start)
        yield rng.permuted(np.broadcast_to(labels, (size, labels.size)), axis=1)


def relabelling_test(
    observed: float,
    statistic: Callable[[Labels], FloatArray],
    sizes: Sequence[int],
    *,
    alternative: Alternative,
    noise: float,
    n_resamples: int,
    rng: np.random.Generator,
    cost: int = 1,
    enumerated: bool = True,
) -> Relabelled:
    """Count, or draw, the relabellings whose statistic is as extreme as the observed one.

    Parameters
    ----------
    observed : float
    statistic : callable
        Takes labels of shape (m, n), returns m values. Undefined ones (NaN) count as extreme.
    sizes, n_resamples, rng, cost, enumerated
        As in :func:`relabellings`.
    alternative, noise
        As in :func:`tally`; two-sided is doubled.
    """
    exact, blocks = relabellings(
        sizes, n_resamples=n_resamples, rng=rng, cost=cost, enumerated=enumerated
    )
    return tally(
        observed, map(statistic, blocks), exact=exact, alternative=alternative, noise=noise
    )


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
        ``doubled``, twice the smaller one-sided p-value, for statistics that need not be spread
        evenly around 0.

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
    sides = 2 if alternative == "two-sided" else 1
    if sides == 2 and two_sided == "abs":
        hits, sides = beyond, 1
    null_mean = added / defined if defined else math.nan
    return Relabelled.from_hits(hits, total, exact=exact, sides=sides, null_mean=null_mean)
