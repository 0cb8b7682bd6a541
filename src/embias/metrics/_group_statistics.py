"""A measure by group: its values, resampled and relabelled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from embias.errors import InputError
from embias.metrics._labelled import Codes
from embias.metrics._performance import Performance
from embias.metrics._relabel import Relabelled, tally
from embias.stats.permutation import permutation_pvalue
from embias.types import FloatArray

__all__ = ["Called", "GroupStatistic", "OwnMeasure", "Sums", "gap_test"]

#: Numbers held at a time.
_NUMBERS_AT_ONCE = 2**21
#: Items of two groups up to which a difference of means is tested exactly.
_MOST_EXACT = 30
#: Gaps closer than this share of them are equal.
_TIED = 1e-12

#: A measure of the caller's own: ``f(y_true, y_pred)`` on the items of a group.
OwnMeasure: TypeAlias = Callable[[NDArray[Any], NDArray[Any]], float]


class GroupStatistic(Protocol):
    """A measure on the items of each group."""

    @property
    def sizes(self) -> Codes:
        """Items of each group that the measure is of."""

    @property
    def values(self) -> FloatArray:
        """The measure of each group, NaN where it is not defined."""

    def of(self, groups: Codes) -> GroupStatistic:
        """Return the same for some of the groups only, in this order."""

    def resampled(self, group: int, generator: np.random.Generator, size: int) -> FloatArray:
        """Return the measure of a group's items drawn with replacement, shape ``(size,)``."""

    def left_out(self, group: int) -> FloatArray:
        """Return the measure of a group without each of its items; empty: too dear."""

    def relabelled(self, generator: np.random.Generator, size: int) -> FloatArray:
        """Return the measure of each group with its items exchanged, shape ``(size, groups)``."""


@dataclass(frozen=True)
class Sums:
    """A ratio of sums over items (or the mean of several): items of one kind are counted.

    Attributes
    ----------
    above, below : ndarray of shape (kinds, parts)
        What an item of each kind adds.
    strata : ndarray of int, shape (kinds,)
        Kinds of one stratum may be exchanged between groups.
    counts : ndarray of int, shape (kinds, groups)
    rate : bool
    """

    above: FloatArray
    below: FloatArray
    strata: Codes
    counts: Codes
    rate: bool

    @classmethod
    def from_items(cls, performance: Performance, codes: Codes, n_groups: int) -> Sums:
        """Count the items of each kind in each group; those that add nothing are left out."""
        kept = (performance.below != 0).any(axis=1)
        table = np.column_stack([performance.strata, performance.above, performance.below])[kept]
        kinds, kind = np.unique(table, axis=0, return_inverse=True)
        counts = np.zeros((len(kinds), n_groups), dtype=np.intp)
        np.add.at(counts, (kind.ravel(), codes[kept]), 1)
        parts = performance.above.shape[1]
        return cls(
            above=kinds[:, 1 : 1 + parts],
            below=kinds[:, 1 + parts :],
            strata=kinds[:, 0].astype(np.intp),
            counts=counts,
            rate=performance.rate,
        )

    @property
    def sizes(self) -> Codes:
        sizes: Codes = self.counts.sum(axis=0)
        return sizes

    @property
    def values(self) -> FloatArray:
        return self._ratio(self.counts.T @ self.above, self.counts.T @ self.below)

    @property
    def hits(self) -> Codes:
        """Items of each group that are a hit, of a rate."""
        hits: Codes = np.rint(self.counts.T @ self.above[:, 0]).astype(np.intp)
        return hits

    @property
    def of_two_means(self) -> bool:
        """Whether they are means of two groups, with few items to exchange in all ways."""
        small = self.counts.shape[1] == 2 and self.counts.sum() <= _MOST_EXACT
        return bool(small and self.above.shape[1] == 1 and (self.below == 1).all())

    def scores(self, group: int) -> FloatArray:
        """Return the numbers that a mean is of."""
        scores: FloatArray = np.repeat(self.above[:, 0], self.counts[:, group])
        return scores

    def by_part(self) -> FloatArray:
        """Return the measure of each group (row) and part (column)."""
        above, below = self.counts.T @ self.above, self.counts.T @ self.below
        parts: FloatArray = np.full(above.shape, np.nan)
        np.divide(above, below, out=parts, where=below != 0)
        return parts

    def of(self, groups: Codes) -> Sums:
        counts = self.counts[:, groups]
        kept = counts.any(axis=1)
        return replace(
            self,
            above=self.above[kept],
            below=self.below[kept],
            strata=self.strata[kept],
            counts=counts[kept],
        )

    def resampled(self, group: int, generator: np.random.Generator, size: int) -> FloatArray:
        counts = self.counts[:, group]
        kinds, n = np.flatnonzero(counts), int(counts.sum())
        found = []
        if 4 * kinds.size <= n:
            step = max(1, _NUMBERS_AT_ONCE // kinds.size)
            for start in range(0, size, step):
                drawn = generator.multinomial(n, counts[kinds] / n, min(step, size - start))
                found.append(self._ratio(drawn @ self.above[kinds], drawn @ self.below[kinds]))
            return np.concatenate(found)
        items = np.repeat(kinds, counts[kinds])
        step = max(1, _NUMBERS_AT_ONCE // (n * self.above.shape[1]))
        for start in range(0, size, step):
            rows = items[generator.integers(n, size=(min(step, size - start), n))]
            found.append(self._ratio(self.above[rows].sum(axis=1), self.below[rows].sum(axis=1)))
        return np.concatenate(found)

    def left_out(self, group: int) -> FloatArray:
        counts = self.counts[:, group]
        above, below = counts @ self.above - self.above, counts @ self.below - self.below
        return np.repeat(self._ratio(above, below), counts)

    def relabelled(self, generator: np.random.Generator, size: int) -> FloatArray:
        # Few kinds are counted; of many, items are moved one by one.
        few = 4 * len(self.counts) <= self.counts.sum()
        width = self.counts.size if few else int(self.counts.sum())
        step = max(1, _NUMBERS_AT_ONCE // (width * self.above.shape[1]))
        found = []
        for start in range(0, size, step):
            drawn = min(step, size - start)
            sums = np.zeros((2, drawn, self.counts.shape[1], self.above.shape[1]))
            for stratum in np.unique(self.strata):
                kinds = np.flatnonzero(self.strata == stratum)
                sums += (self._tables if few else self._moved)(kinds, generator, drawn)
            found.append(self._ratio(sums[0], sums[1]))
        return np.concatenate(found)

    def _tables(self, kinds: Codes, generator: np.random.Generator, size: int) -> FloatArray:
        """Return the sums of each group for random tables with the margins of these kinds."""
        counts = self.counts[kinds]
        law = stats.random_table(counts.sum(axis=1), counts.sum(axis=0))
        tables = law.rvs(size=size, random_state=generator)
        sides = (self.above[kinds], self.below[kinds])
        return np.stack([np.einsum("dkg,kp->dgp", tables, side) for side in sides])

    def _moved(self, kinds: Codes, generator: np.random.Generator, size: int) -> FloatArray:
        """Return the sums of each group when the items of these kinds change places."""
        counts = self.counts[kinds]
        items = np.repeat(kinds, counts.sum(axis=1))
        places = np.repeat(np.arange(counts.shape[1]), counts.sum(axis=0))
        starts = np.searchsorted(places, np.arange(counts.shape[1]))
        filled = counts.any(axis=0)
        rows = generator.permuted(np.broadcast_to(items, (size, items.size)), axis=1)
        sums = np.zeros((2, size, counts.shape[1], self.above.shape[1]))
        for side, values in enumerate((self.above, self.below)):
            sums[side][:, filled] = np.add.reduceat(values[rows], starts[filled], axis=1)
        return sums

    @staticmethod
    def _ratio(above: FloatArray, below: FloatArray) -> FloatArray:
        """Return the mean over the parts (last axis), NaN where one has no denominator."""
        parts = np.divide(above, below, out=np.full(above.shape, np.nan), where=below != 0)
        ratio: FloatArray = parts.mean(axis=-1)
        return ratio


@dataclass(frozen=True)
class Called:
    """A measure that the caller computes, on items."""

    measure: OwnMeasure
    true: NDArray[Any]
    predicted: NDArray[Any]
    codes: Codes
    n_groups: int

    @property
    def sizes(self) -> Codes:
        return np.bincount(self.codes, minlength=self.n_groups)

    @property
    def values(self) -> FloatArray:
        return self._values(self.codes)

    def of(self, groups: Codes) -> Called:
        place = np.full(self.n_groups, -1)
        place[groups] = np.arange(groups.size)
        codes = place[self.codes]
        kept = codes >= 0
        return replace(
            self,
            true=self.true[kept],
            predicted=self.predicted[kept],
            codes=codes[kept],
            n_groups=groups.size,
        )

    def resampled(self, group: int, generator: np.random.Generator, size: int) -> FloatArray:
        items = np.flatnonzero(self.codes == group)
        rows = (items[generator.integers(items.size, size=items.size)] for _ in range(size))
        return np.array([self._value(each) for each in rows])

    def left_out(self, group: int) -> FloatArray:
        return np.empty(0)

    def relabelled(self, generator: np.random.Generator, size: int) -> FloatArray:
        return np.array([self._values(generator.permutation(self.codes)) for _ in range(size)])

    def _values(self, codes: Codes) -> FloatArray:
        return np.array([self._value(np.flatnonzero(codes == g)) for g in range(self.n_groups)])

    def _value(self, items: Codes) -> float:
        if items.size == 0:
            return float("nan")
        found = self.measure(self.true[items], self.predicted[items])
        try:
            return float(found)
        except (TypeError, ValueError) as error:
            raise InputError(
                f"the measure returned {found!r:.60}; it must return one number ({error})"
            ) from error


def gap_test(statistic: GroupStatistic, draws: int, generator: np.random.Generator) -> Relabelled:
    """Test the gap between groups by exchanging items between them.

    Parameters
    ----------
    statistic : GroupStatistic
        Two groups or more, their measures all defined.
    draws : int
        Draws, where the p-value is not exact (a rate of two groups is).
    generator : Generator

    Returns
    -------
    Relabelled
        Relabellings that leave a group undefined count as extreme.
    """
    observed = float(np.ptp(statistic.values))
    if isinstance(statistic, Sums) and statistic.rate and statistic.sizes.size == 2:
        return _exact(statistic, observed)
    gaps = np.ptp(statistic.relabelled(generator, draws), axis=1)
    found = tally(observed, [gaps], exact=False, alternative="greater", noise=_TIED * observed)
    if not (isinstance(statistic, Sums) and statistic.of_two_means):
        return found
    x, y = statistic.scores(0), statistic.scores(1)
    exact = permutation_pvalue(x, y, alternative="two-sided", method="exact")
    return replace(
        found, pvalue=exact.pvalue, bounds=exact.pvalue_bounds, method="exact", n_resamples=None
    )


def _exact(statistic: Sums, observed: float) -> Relabelled:
    """Exchange the items of two groups in all ways: the hits of one are hypergeometric."""
    n, m = (int(size) for size in statistic.sizes)
    total = int(statistic.hits.sum())
    hits = np.arange(max(0, total - m), min(n, total) + 1)
    chance = stats.hypergeom(n + m, total, n).pmf(hits)
    gaps = np.abs(hits / n - (total - hits) / m)
    pvalue = float(chance[gaps >= observed - _TIED].sum())
    # Rounding must not leave (0, 1].
    pvalue = min(1.0, max(pvalue, float(np.finfo(float).tiny)))
    return Relabelled(pvalue, (pvalue, pvalue), "exact", None, float(chance @ gaps))
