"""From the scores of three sentences to SS, LMS and ICAT, with intervals over terms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embias.metrics._preference import share_of
from embias.metrics._stereo_items import IntersentenceItem, StereoItem
from embias.results import Interval
from embias.stats.bootstrap import bootstrap_interval, bootstrap_replicates
from embias.types import FloatArray

__all__ = ["StereoFigures", "TermIntervals", "stereo_figures"]

_NAMES = ("ss", "lms", "icat")


@dataclass(frozen=True)
class TermIntervals:
    """How intervals over terms are made: the same samples for every figure."""

    level: float
    n_resamples: int
    seed: int

    def of(self, shares: FloatArray, column: int) -> Interval | None:
        """Return the interval of one of the three figures, None with fewer than two terms."""
        n = len(shares)
        if n < 2:
            return None

        def draw(generator: np.random.Generator, size: int) -> FloatArray:
            return _three(shares[generator.integers(n, size=(size, n))].mean(axis=1))[:, column]

        left_out = (shares.sum(axis=0) - shares) / (n - 1)
        return bootstrap_interval(
            float(_three(shares.mean(axis=0)[None])[0, column]),
            bootstrap_replicates(draw, self.n_resamples, self.seed),
            level=self.level,
            jackknife=[_three(left_out)[:, column]],
        )


@dataclass(frozen=True)
class StereoFigures:
    """The figures of all items and of every domain, and the interval of SS over all."""

    figures: dict[str, float]
    interval: Interval | None
    terms: int
    items_by_domain: dict[str, int]


def stereo_figures(
    items: Sequence[StereoItem | IntersentenceItem],
    scores: FloatArray,
    intervals: TermIntervals,
    *,
    half: bool,
) -> StereoFigures:
    """Average what the scores prefer, first over the items of a term, then over terms.

    Parameters
    ----------
    items : sequence of StereoItem and IntersentenceItem
    scores : ndarray of shape (items, 3)
        Of stereotype, anti-stereotype and unrelated; a row of NaN is left out.
    intervals : TermIntervals
    half : bool
        Whether a tie counts one half, or nothing.
    """
    used = np.asarray(np.isfinite(scores).all(axis=1), dtype=np.bool_)
    stereo, anti, unrelated = scores[used].T
    sense = share_of(stereo - unrelated, half=half) + share_of(anti - unrelated, half=half)
    shares = 100 * np.stack([share_of(stereo - anti, half=half), sense / 2], axis=1)
    kept = [item for item, ok in zip(items, used, strict=True) if ok]
    terms = np.array([item.term for item in kept])
    domains = np.array([item.domain for item in kept])
    over_all = _per_term(terms, shares)
    figures, interval = _with_intervals(over_all, intervals, "")
    counts: dict[str, int] = {}
    for domain in dict.fromkeys(item.domain for item in items):
        chosen = domains == domain
        counts[f"{domain}_items"] = int(chosen.sum())
        own = _per_term(terms[chosen], shares[chosen])
        figures |= _with_intervals(own, intervals, f"{domain}_")[0]
    return StereoFigures(figures, interval, len(over_all), counts)


def _per_term(terms: NDArray[np.str_], shares: FloatArray) -> FloatArray:
    """Return the mean shares of every term, shape (terms, 2)."""
    names, index = np.unique(terms, return_inverse=True)
    counts = np.bincount(index, minlength=len(names))
    columns = [np.bincount(index, shares[:, k], minlength=len(names)) / counts for k in (0, 1)]
    return np.stack(columns, axis=1)


def _with_intervals(
    shares: FloatArray, intervals: TermIntervals, prefix: str
) -> tuple[dict[str, float], Interval | None]:
    if not len(shares):
        return {f"{prefix}{name}": math.nan for name in _NAMES}, None
    values = _three(shares.mean(axis=0)[None])[0]
    figures: dict[str, float] = {}
    found = [intervals.of(shares, column) for column in range(len(_NAMES))]
    for name, value, interval in zip(_NAMES, values.tolist(), found, strict=True):
        figures[prefix + name] = value
        figures[f"{prefix}{name}_low"] = math.nan if interval is None else interval.low
        figures[f"{prefix}{name}_high"] = math.nan if interval is None else interval.high
    return figures, found[0]


def _three(shares: FloatArray) -> FloatArray:
    """Return SS, LMS and ICAT of rows of SS and LMS."""
    ss, lms = shares[:, 0], shares[:, 1]
    return np.stack([ss, lms, lms * np.minimum(ss, 100 - ss) / 50], axis=1)
