"""CEAT over words: each word averaged over its contexts, words and contexts resampled."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from embias.results import Alternative, Interval, PermutationResult
from embias.stats.bootstrap import bootstrap_interval, bootstrap_replicates
from embias.stats.effect_size import figures_by_row
from embias.stats.permutation import permutation_pvalue
from embias.types import FloatArray

__all__ = ["Bootstrap", "WordLevel", "direction_between", "word_level"]

#: Share of undefined draws above which the figures would be about something else.
MOST_UNDEFINED = 0.01
#: Draws computed at once: bounds the memory, changes no figure.
BLOCK = 256
#: Entries of the largest array of the bootstrap (32 MB).
_ENTRIES = 4_000_000


@dataclass(frozen=True, slots=True)
class WordLevel:
    """The association of words, each averaged over its contexts: what speaks of other words.

    Attributes
    ----------
    statistic : float
        Difference of the mean scores of X and Y, in [-4, 4]; 0 is no association.
    effect_size : float
        The same over the standard deviation of all word scores; NaN when they are all equal.
    test : PermutationResult
        Permutation of words.
    statistic_interval : Interval or None
        Nested bootstrap (percentile): target words drawn anew, and contexts within each word,
        those of attribute words too. Too narrow under about ten words a set. None when a target
        set has one word, which cannot be drawn anew.
    effect_size_interval : Interval or None
        Likewise; None too when over one bootstrap sample in a hundred leaves it undefined.
    scores_x, scores_y : tuple of float
        Mean score of every word, the evidence.
    """

    statistic: float
    effect_size: float
    test: PermutationResult
    statistic_interval: Interval | None
    effect_size_interval: Interval | None
    scores_x: tuple[float, ...]
    scores_y: tuple[float, ...]


def direction_between(
    sets: dict[str, list[FloatArray]], vectors: Callable[[str, int], FloatArray]
) -> FloatArray:
    """Return the mean of A less the mean of B, word by word so that the memory stays bounded."""
    means = []
    for name in "ab":
        total = vectors(name, 0)
        for i in range(1, len(sets[name])):
            total = total + vectors(name, i)
        means.append(total / len(sets[name]))
    difference: FloatArray = means[0] - means[1]
    return difference


@dataclass(frozen=True)
class Bootstrap:
    """Words drawn anew within X and within Y, and contexts within every word."""

    n_resamples: int
    level: float
    rng: np.random.Generator
    progress: bool

    def intervals(
        self, sets: dict[str, list[FloatArray]], ddof: int, observed: tuple[float, float]
    ) -> list[Interval | None]:
        """Return the intervals of D and d, None where one is undefined."""
        n_x = len(sets["x"])
        if 1 in (n_x, len(sets["y"])):
            return [None, None]
        scores = bootstrap_replicates(
            lambda generator, size: _resampled_scores(sets, generator, size),
            self.n_resamples,
            self.rng,
            progress=self.progress,
        )
        figures = figures_by_row(scores[:, :n_x], scores[:, n_x:], ddof)
        both = zip(observed, figures, strict=True)
        return [self._interval(figure, replicates) for figure, replicates in both]

    def _interval(self, observed: float, replicates: FloatArray) -> Interval | None:
        undefined = int(np.count_nonzero(~np.isfinite(replicates)))
        if not math.isfinite(observed) or undefined > MOST_UNDEFINED * replicates.size:
            return None
        interval = bootstrap_interval(observed, replicates, level=self.level, method="percentile")
        return replace(interval, method="nested bootstrap, percentile")


def _resampled_scores(
    sets: dict[str, list[FloatArray]], generator: np.random.Generator, size: int
) -> FloatArray:
    """Return the scores of `size` bootstrap samples, shape (size, n_x + n_y)."""
    most = max(len(word) for words in sets.values() for word in words)
    step = max(1, min(BLOCK, _ENTRIES // most))
    sizes = [min(step, size - start) for start in range(0, size, step)]
    return np.concatenate([_resampled_block(sets, generator, n) for n in sizes])


def _resampled_block(
    sets: dict[str, list[FloatArray]], generator: np.random.Generator, size: int
) -> FloatArray:
    direction = direction_between(
        sets, lambda name, i: _resampled_means(sets[name][i], generator, size)
    )
    parts = []
    for name in "xy":
        words = sets[name]
        chosen = generator.integers(0, len(words), size=(size, len(words)))
        scores = np.empty(chosen.shape)
        for i, word in enumerate(words):
            # A word that is drawn twice gets its contexts drawn twice.
            rows, places = np.nonzero(chosen == i)
            means = _resampled_means(word, generator, rows.size)
            scores[rows, places] = np.einsum("kd,kd->k", means, direction[rows])
        parts.append(scores)
    return np.concatenate(parts, axis=1)


def _resampled_means(word: FloatArray, generator: np.random.Generator, size: int) -> FloatArray:
    """Return the mean vectors of `size` samples of a word's contexts, with replacement."""
    n = word.shape[0]
    taken = generator.integers(0, n, size=(size, n)) + n * np.arange(size)[:, None]
    times = np.bincount(taken.ravel(), minlength=size * n).reshape(size, n)
    means: FloatArray = times @ word / n
    return means


def word_level(
    sets: dict[str, list[FloatArray]],
    ddof: int,
    alternative: Alternative,
    generator: np.random.Generator,
    bootstrap: Bootstrap,
) -> WordLevel:
    """Return the figures, the test and the intervals of words averaged over their contexts.

    Parameters
    ----------
    sets : dict of list of ndarray of shape (c_i, d)
        For ``x``, ``y``, ``a``, ``b`` the unit context vectors of each word.
    ddof : {1, 0}
    alternative : {"greater", "less", "two-sided"}
    generator : Generator
        For a permutation test that has to be sampled.
    bootstrap : Bootstrap
    """
    # The mean over contexts of s is s of the mean unit vector.
    means = {name: [word.mean(axis=0) for word in words] for name, words in sets.items()}
    direction = direction_between(sets, lambda name, i: means[name][i])
    scores_x, scores_y = (np.array(means[name]) @ direction for name in "xy")
    figures = figures_by_row(scores_x[None], scores_y[None], ddof)
    statistic, effect = (float(figure[0]) for figure in figures)
    test = permutation_pvalue(
        scores_x, scores_y, alternative=alternative, magnitude=1.0, rng=generator
    )
    intervals = bootstrap.intervals(sets, ddof, (statistic, effect))
    return WordLevel(
        statistic=statistic,
        effect_size=effect,
        test=test,
        statistic_interval=intervals[0],
        effect_size_interval=intervals[1],
        scores_x=tuple(scores_x.tolist()),
        scores_y=tuple(scores_y.tolist()),
    )
