"""The rows of one split before and after a transform, as measures take them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from embias.audit._card_finding import Data, Finding, failed
from embias.errors import InputError
from embias.metrics._labelled import Codes
from embias.types import FloatArray

__all__ = ["View", "attempt"]


@dataclass(frozen=True, eq=False)
class View:
    """Some rows of a split.

    Attributes
    ----------
    data : {"fit", "fresh", "given"}
    before, after : ndarray of shape (n, d), (n, d')
    codes : ndarray of int, shape (n,)
        Class of each row.
    group : ndarray of int, shape (n,), or None
    unit : ndarray of int, shape (n,)
        Group, or rows of equal coordinates.
    level : float
        Confidence of intervals.
    seed : callable
        Gives the seed of a figure.
    """

    data: Data
    before: FloatArray
    after: FloatArray
    codes: Codes
    group: Codes | None
    unit: Codes
    level: float
    seed: Callable[[str], int]

    def folds(self, most: int) -> int:
        """Return as many folds as every class has words for, two at least."""
        sizes = [np.unique(self.unit[self.codes == c]).size for c in np.unique(self.codes)]
        return max(2, min(most, *sizes))

    def by_group(self) -> View:
        """Return one row a group, the mean of its rows; groups must be of one class."""
        if self.group is None:
            return self
        _, first, group = np.unique(self.group, return_index=True, return_inverse=True)
        group = group.ravel()
        sums = np.zeros((first.size, len(group)))
        sums[group, np.arange(len(group))] = 1 / np.bincount(group)[group]
        return View(
            data=self.data,
            before=sums @ self.before,
            after=sums @ self.after,
            codes=self.codes[first],
            group=None,
            unit=np.arange(first.size),
            level=self.level,
            seed=self.seed,
        )


def attempt(figure: str, data: Data, compute: Callable[[], Finding]) -> Finding:
    """Return a finding, or that it could not be computed and why."""
    try:
        return compute()
    except InputError as error:
        return failed(figure, data, str(error))
