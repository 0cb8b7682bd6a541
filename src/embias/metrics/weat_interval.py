"""Confidence intervals for WEAT by resampling words: targets, attributes, or both."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike

from embias.errors import InputError
from embias.geometry.vectors import check_same_dimension, unit_rows
from embias.results import Interval
from embias.stats.bootstrap import BootstrapMethod, bootstrap_interval, bootstrap_replicates
from embias.stats.effect_size import EQUAL_SCORES
from embias.stats.inputs import check_choice
from embias.types import FloatArray

__all__ = ["Figure", "Resample", "weat_interval"]

Figure: TypeAlias = Literal["effect_size", "statistic"]
Resample: TypeAlias = Literal["targets", "attributes", "both"]


def weat_interval(
    x: ArrayLike,
    y: ArrayLike,
    a: ArrayLike,
    b: ArrayLike,
    *,
    of: Figure = "effect_size",
    resample: Resample = "targets",
    method: BootstrapMethod = "bca",
    level: float = 0.95,
    n_resamples: int = 9_999,
    ddof: int = 1,
    x_groups: Sequence[Hashable] | None = None,
    y_groups: Sequence[Hashable] | None = None,
    a_groups: Sequence[Hashable] | None = None,
    b_groups: Sequence[Hashable] | None = None,
    rng: int | np.random.Generator | None = 0,
    progress: bool = False,
) -> Interval:
    """Return a bootstrap interval for the effect size or the mean difference of a WEAT.

    Words are drawn with replacement within their sets; what is drawn says what the interval
    generalises to: other target words, other attribute words, or both.

    Parameters
    ----------
    x, y : array_like of shape (n_x, d), (n_y, d)
        Target vectors.
    a, b : array_like of shape (n_a, d), (n_b, d)
        Attribute vectors.
    of : {"effect_size", "statistic"}
        d, or the mean difference D. Under about ten words a set both intervals are too narrow,
        and d is bounded and biased: look at D first.
    resample : {"targets", "attributes", "both"}
        Which words are drawn again.
    method : {"bca", "percentile"}
        See :func:`embias.stats.bootstrap.bootstrap_interval`.
    level : float
        Confidence, in (0, 1).
    n_resamples : int
        Number of bootstrap samples.
    ddof : {1, 0}
        Degrees of freedom in the effect size.
    x_groups, y_groups, a_groups, b_groups : sequence of hashable, optional
        The word each row belongs to; a word is drawn with all its rows, and the figures are
        those over word means.
    rng : int, Generator or None
        Seed.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Interval
        0 inside it: no association cannot be excluded at this level.

    Raises
    ------
    InputError, VectorError
        Bad shapes, options or vectors; scores without spread; a set of one word that is to be
        resampled.

    References
    ----------
    Efron & Tibshirani 1993, An Introduction to the Bootstrap, chapters 13 and 14.
    """
    check_choice("of", of, get_args(Figure))
    check_choice("resample", resample, get_args(Resample))
    if ddof not in (0, 1):
        raise InputError(f"ddof={ddof!r}; use 1 (as published) or 0")
    sets = {n: unit_rows(v, n) for n, v in (("x", x), ("y", y), ("a", a), ("b", b))}
    check_same_dimension(sets)
    groups = dict(zip("xyab", (x_groups, y_groups, a_groups, b_groups), strict=True))
    weights = {name: _word_weights(sets[name], groups[name], name) for name in "xyab"}
    problem = _problem(sets, weights, of, ddof)
    drawn = {"targets": "xy", "attributes": "ab", "both": "xyab"}[resample]
    for name in drawn:
        if problem.sizes[name] == 1:
            raise InputError(f"{name} has one word, which cannot be resampled; add words")
    replicates = bootstrap_replicates(
        lambda generator, size: problem.draw(generator, size, drawn),
        n_resamples,
        rng,
        progress=progress,
    )
    ones = {name: np.ones((1, n)) for name, n in problem.sizes.items()}
    observed = float(problem.figures(ones)[0])
    jackknife = [problem.left_out(name) for name in drawn] if method == "bca" else []
    return bootstrap_interval(observed, replicates, level=level, method=method, jackknife=jackknife)


@dataclass(frozen=True)
class _Problem:
    """Mean cosines between target words and attribute words; all that resampling needs."""

    cosines_a: FloatArray  # (n_x + n_y, words of a)
    cosines_b: FloatArray
    rows_a: FloatArray  # rows of each word of a
    rows_b: FloatArray
    sizes: dict[str, int]
    of: Figure
    ddof: int

    def draw(self, generator: np.random.Generator, size: int, drawn: str) -> FloatArray:
        """Return `size` replicates, the sets named in `drawn` resampled."""
        times: dict[str, FloatArray] = {name: np.ones((1, n)) for name, n in self.sizes.items()}
        for name in drawn:
            n = self.sizes[name]
            times[name] = generator.multinomial(n, np.full(n, 1 / n), size=size).astype(float)
        return self.figures(times)

    def left_out(self, name: str) -> FloatArray:
        """Return the figure with each word of one set left out."""
        n = self.sizes[name]
        times: dict[str, FloatArray] = {each: np.ones((1, m)) for each, m in self.sizes.items()}
        times[name] = 1.0 - np.eye(n)
        return self.figures(times)

    def figures(self, times: Mapping[str, FloatArray]) -> FloatArray:
        """Return the figure for each row of how often every word is taken."""
        scores = self._means(self.cosines_a, self.rows_a, times["a"])
        scores = scores - self._means(self.cosines_b, self.rows_b, times["b"])
        n_x = self.sizes["x"]
        taken = np.broadcast_arrays(times["x"][:, :1], times["y"][:, :1], scores[:, :1])[0].shape[0]
        scores = np.broadcast_to(scores, (taken, scores.shape[1]))
        x, y = scores[:, :n_x], scores[:, n_x:]
        size_x, size_y = times["x"].sum(axis=1), times["y"].sum(axis=1)
        mean_x = (times["x"] * x).sum(axis=1) / size_x
        mean_y = (times["y"] * y).sum(axis=1) / size_y
        difference: FloatArray = mean_x - mean_y
        if self.of == "statistic":
            return difference
        size = size_x + size_y
        mean = (size_x * mean_x + size_y * mean_y) / size
        squares = (times["x"] * (x - mean[:, None]) ** 2).sum(axis=1)
        squares = squares + (times["y"] * (y - mean[:, None]) ** 2).sum(axis=1)
        deviation = np.sqrt(squares / (size - self.ddof))
        with np.errstate(divide="ignore", invalid="ignore"):
            effect: FloatArray = np.where(deviation > EQUAL_SCORES, difference / deviation, np.nan)
        return effect

    @staticmethod
    def _means(cosines: FloatArray, rows: FloatArray, times: FloatArray) -> FloatArray:
        means: FloatArray = (times @ cosines.T) / (times @ rows)[:, None]
        return means


def _problem(
    sets: Mapping[str, FloatArray], weights: Mapping[str, FloatArray], of: Figure, ddof: int
) -> _Problem:
    # Words of the targets are means over their rows; attribute words are sums, because the
    # mean over an attribute set is over its rows.
    targets = np.concatenate(
        [(weights[n] / weights[n].sum(axis=1, keepdims=True)) @ sets[n] for n in "xy"]
    )
    return _Problem(
        cosines_a=targets @ (weights["a"] @ sets["a"]).T,
        cosines_b=targets @ (weights["b"] @ sets["b"]).T,
        rows_a=weights["a"].sum(axis=1),
        rows_b=weights["b"].sum(axis=1),
        sizes={name: weights[name].shape[0] for name in "xyab"},
        of=of,
        ddof=ddof,
    )


def _word_weights(rows: FloatArray, groups: Sequence[Hashable] | None, name: str) -> FloatArray:
    """Return a (words, rows) matrix of zeros and ones: which row belongs to which word."""
    if groups is None:
        return np.eye(rows.shape[0])
    if len(groups) != rows.shape[0]:
        raise InputError(f"{name}_groups has {len(groups)} entries for {rows.shape[0]} rows")
    words = list(dict.fromkeys(groups))
    return np.array([[float(group == word) for group in groups] for word in words])
