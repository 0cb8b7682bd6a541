"""Relabelling tests of statistics that are no difference of means of fixed scores.

Where they are one, :func:`embias.stats.permutation_pvalue` counts exactly and far further.
"""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from embias.results import Alternative
from embias.stats._sampled import clopper_pearson
from embias.stats.inputs import check_size
from embias.types import FloatArray

__all__ = ["Labels", "Relabelling", "draws_for", "partitions", "relabelling_test"]

#: For each relabelling (row) and unit (column), the number of the group it is in.
Labels: TypeAlias = NDArray[np.int16]

#: Relabellings up to which all of them are counted, and labels in all of these.
MOST_COUNTED = 200_000
_MOST_LABELS = 20_000_000
#: Labels that are held at a time.
_LABELS_AT_ONCE = 2**20
#: Numbers that the default number of draws may cost (a quarter of a second), and fewest draws.
_DEFAULT_WORK = 10_000_000
_FEWEST_DRAWS = 999


@dataclass(frozen=True, slots=True)
class Relabelling:
    """A p-value by relabelling."""

    pvalue: float
    bounds: tuple[float, float]
    method: Literal["exact", "sampled"]
    n_resamples: int | None

    def fields(self) -> dict[str, Any]:
        """Return what a :class:`embias.results.Measure` says of it."""
        return {
            "pvalue": self.pvalue,
            "pvalue_bounds": self.bounds,
            "pvalue_method": self.method,
            "n_resamples": self.n_resamples,
        }


def draws_for(n_resamples: int | None, cost: int, most: int = 99_999) -> int:
    """Return the number of draws: as asked for, else fewer than `most` where each costs much.

    Parameters
    ----------
    n_resamples : int or None
        What the user asked for.
    cost : int
        Numbers that one draw handles: the units that are relabelled.
    most : int

    Raises
    ------
    InputError
        When it is no whole number from 1 on.
    """
    if n_resamples is None:
        return min(most, max(_FEWEST_DRAWS, _DEFAULT_WORK // cost))
    check_size("n_resamples", n_resamples)
    return int(n_resamples)


def partitions(sizes: Sequence[int]) -> int:
    """Return the number of ways to label ``sum(sizes)`` units with groups of these sizes."""
    total, units = 1, 0
    for size in sizes:
        units += size
        total *= math.comb(units, size)
    return total


def relabelling_test(
    observed: float,
    statistic: Callable[[Labels], FloatArray],
    sizes: Sequence[int],
    *,
    alternative: Alternative,
    noise: float,
    n_resamples: int,
    rng: np.random.Generator,
) -> Relabelling:
    """Count, or draw, the relabellings whose statistic is as extreme as the observed one.

    Parameters
    ----------
    observed : float
    statistic : callable
        Takes labels of shape (m, n), returns m values. Undefined ones (NaN) count as extreme.
    sizes : sequence of int
        Sizes of the groups; units come group by group.
    alternative : {"greater", "less", "two-sided"}
        Two-sided is twice the smaller one-sided p-value, 1 at most: the statistic need not be
        spread evenly around any value.
    noise : float
        Rounding of the statistic: values closer than this are equal.
    n_resamples : int
        Draws, where there are more than 200,000 relabellings.
    rng : Generator
    """
    total_labels = partitions(sizes) * sum(sizes)
    exact = partitions(sizes) <= MOST_COUNTED and total_labels <= _MOST_LABELS
    above = below = total = 0
    for labels in _all_labels(sizes) if exact else _drawn_labels(sizes, n_resamples, rng):
        values = statistic(labels)
        lost = np.isnan(values)
        above += int(np.count_nonzero((values >= observed - noise) | lost))
        below += int(np.count_nonzero((values <= observed + noise) | lost))
        total += values.size
    hits = {"greater": above, "less": below, "two-sided": min(above, below)}[alternative]
    sides = 2 if alternative == "two-sided" else 1
    if exact:
        # Rounding beyond the noise cannot make the observed labels miss themselves.
        value = min(1.0, sides * max(hits, 1) / total)
        return Relabelling(value, (value, value), "exact", None)
    value = min(1.0, sides * (hits + 1) / (total + 1))
    low, high = (min(1.0, sides * end) for end in clopper_pearson(hits, total))
    low = max(min(low, value), sys.float_info.min)
    return Relabelling(value, (low, max(high, value)), "sampled", total)


def _all_labels(sizes: Sequence[int]) -> Iterator[Labels]:
    """Yield every labelling once."""
    # The largest group takes what the others leave, so that the fewest places are chosen.
    *chosen, rest = sorted(range(len(sizes)), key=lambda group: sizes[group])
    n = sum(sizes)
    rows: Labels = np.full((1, n), rest, dtype=np.int16)
    free = np.arange(n)[None, :]
    for group in chosen:
        size, places = sizes[group], free.shape[1]
        taken = np.array(list(itertools.combinations(range(places), size)), dtype=np.intp)
        rows = np.repeat(rows, len(taken), axis=0)
        np.put_along_axis(rows, free[:, taken].reshape(-1, size), np.int16(group), axis=1)
        if group != chosen[-1]:
            left = np.ones((len(taken), places), dtype=bool)
            np.put_along_axis(left, taken, False, axis=1)
            kept = np.nonzero(left)[1].reshape(len(taken), places - size)
            free = free[:, kept].reshape(-1, places - size)
    step = max(1, _LABELS_AT_ONCE // n)
    for start in range(0, len(rows), step):
        yield rows[start : start + step]


def _drawn_labels(
    sizes: Sequence[int], n_resamples: int, rng: np.random.Generator
) -> Iterator[Labels]:
    labels = np.repeat(np.arange(len(sizes), dtype=np.int16), sizes)
    rows = max(1, _LABELS_AT_ONCE // labels.size)
    for start in range(0, n_resamples, rows):
        size = min(rows, n_resamples - start)
        yield rng.permuted(np.broadcast_to(labels, (size, labels.size)), axis=1)
