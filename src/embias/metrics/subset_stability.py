"""How much an association hangs on the choice of words: random subsets of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embias.errors import InputError
from embias.metrics._cosines import ROLES, Cosines, Labels, labels_of, numbered
from embias.metrics.weat import effect_size_of
from embias.stats.effect_size import EQUAL_SCORES
from embias.stats.inputs import check_share, check_size, seed_of
from embias.types import FloatArray

__all__ = ["SubsetStability", "subset_stability"]

#: Subsets measured at a time, which bounds the memory.
_CHUNK = 256


@dataclass(frozen=True)
class SubsetStability:
    """How an association varies over random subsets of its words.

    Not a confidence interval: subsets overlap, so the spread is smaller than that between
    independent sets of words.

    Attributes
    ----------
    effect_size, statistic : float
        Of all words.
    effect_sizes, statistics : tuple of float
        Of each subset; an effect size is NaN where all scores are equal.
    same_sign : float
        Share of the subsets whose statistic has the sign of that of all words, in [0, 1]. NaN
        where that is 0 up to rounding.
    share : float
        Share of each set that was drawn.
    sizes : tuple of int
        Words drawn from X, Y, A and B.
    seed : int
    """

    effect_size: float
    statistic: float
    effect_sizes: tuple[float, ...]
    statistics: tuple[float, ...]
    same_sign: float
    share: float
    sizes: tuple[int, int, int, int]
    seed: int

    def effect_size_quantiles(self, *shares: float) -> tuple[float, ...]:
        """Return quantiles of the defined effect sizes, at 0.025, 0.5 and 0.975 by default."""
        for value in shares:
            if not 0 <= value <= 1:
                raise InputError(f"quantile {value!r}; give shares from 0 to 1")
        found = np.nanquantile(self.effect_sizes, shares or (0.025, 0.5, 0.975))
        return tuple(float(value) for value in found)


def subset_stability(
    x: ArrayLike,
    y: ArrayLike,
    a: ArrayLike,
    b: ArrayLike,
    *,
    share: float = 0.8,
    n_subsets: int = 1000,
    words_x: Labels | None = None,
    words_y: Labels | None = None,
    words_a: Labels | None = None,
    words_b: Labels | None = None,
    ddof: int = 1,
    rng: int | np.random.Generator | None = 0,
) -> SubsetStability:
    """Measure an association on random subsets of its targets and attributes.

    Parameters
    ----------
    x, y, a, b : array_like of shape (n, d)
        Target and attribute vectors, as in :func:`embias.weat`.
    share : float
        Share of the words of each set that a subset keeps, in (0, 1); rounded, at least one
        word.
    n_subsets : int
        Number of subsets, at least 1, each drawn without replacement.
    words_x, words_y, words_a, words_b : sequence of hashable, optional
        The word of each row; rows of one word are drawn together. By default each row is a
        word.
    ddof : {1, 0}
        As in :func:`embias.weat`.
    rng : int, Generator or None
        Seed; None draws a fresh one, which is recorded.

    Returns
    -------
    SubsetStability
        `same_sign` near 1: the direction does not hang on a few words. Without bias it is about
        one half to any degree, by chance.

    Raises
    ------
    InputError
        Wrong shape, empty set, labels that do not match the rows, a share that leaves out no
        word of any set or leaves one target on each side, an option out of range.
    VectorError
        A zero or non-finite vector.
    """
    check_share("share", share)
    check_size("n_subsets", n_subsets)
    if ddof not in (0, 1):
        raise InputError(f"ddof={ddof!r}; use 1 (as published) or 0")
    cosines = Cosines.of(x, y, a, b)
    words = (words_x, words_y, words_a, words_b)
    index = [
        numbered(labels_of(given, size, role), role)[1]
        for given, size, role in zip(words, cosines.sizes, ROLES, strict=True)
    ]
    drawn = _sizes_drawn([int(numbers.max()) + 1 for numbers in index], share)
    seed = seed_of(rng)
    generator = np.random.default_rng(seed)
    found = []
    for start in range(0, n_subsets, _CHUNK):
        size = min(_CHUNK, n_subsets - start)
        kept = [
            _draw(numbers, keep, size, generator)
            for numbers, keep in zip(index, drawn, strict=True)
        ]
        found.append(_subset_figures(cosines, kept, ddof))
    statistics, sizes = (np.concatenate(part) for part in zip(*found, strict=True))
    scores_x, scores_y = cosines.scores(*(np.ones(size, dtype=bool) for size in cosines.sizes[2:]))
    statistic = float(scores_x.mean() - scores_y.mean())
    same = np.sign(statistics) == np.sign(statistic)
    return SubsetStability(
        effect_size=effect_size_of(scores_x, scores_y, ddof),
        statistic=statistic,
        effect_sizes=tuple(sizes.tolist()),
        statistics=tuple(statistics.tolist()),
        same_sign=float(same.mean()) if abs(statistic) > EQUAL_SCORES else math.nan,
        share=share,
        sizes=drawn,
        seed=seed,
    )


def _sizes_drawn(counts: list[int], share: float) -> tuple[int, int, int, int]:
    """Return how many words to draw from sets of these numbers of words."""
    n_x, n_y, n_a, n_b = (max(1, round(share * count)) for count in counts)
    if [n_x, n_y, n_a, n_b] == counts:
        raise InputError(
            f"share={share!r} leaves out no word of sets of {counts} words; give a smaller share"
        )
    if n_x == n_y == 1:
        raise InputError(
            f"share={share!r} leaves one target on each side, which has no effect size; "
            "give a larger share or more words"
        )
    return n_x, n_y, n_a, n_b


def _draw(
    index: NDArray[np.intp], keep: int, size: int, generator: np.random.Generator
) -> FloatArray:
    """Return `size` random choices of `keep` words as weights of the rows, which sum to one."""
    words = int(index.max()) + 1
    order = np.argsort(generator.random((size, words)), axis=1)
    chosen = np.zeros((size, words))
    np.put_along_axis(chosen, order[:, :keep], 1.0, axis=1)
    rows: FloatArray = chosen[:, index]
    rows /= rows.sum(axis=1, keepdims=True)
    return rows


def _subset_figures(
    cosines: Cosines, weights: list[FloatArray], ddof: int
) -> tuple[FloatArray, FloatArray]:
    """Return statistic and effect size of every subset."""
    of_x, of_y, of_a, of_b = weights
    scores = of_a @ cosines.with_a.T - of_b @ cosines.with_b.T
    scores_x, scores_y = scores[:, : cosines.n_x], scores[:, cosines.n_x :]
    statistics: FloatArray = (of_x * scores_x).sum(axis=1) - (of_y * scores_y).sum(axis=1)
    kept = np.concatenate([of_x > 0, of_y > 0], axis=1)
    count = kept.sum(axis=1)
    centred = scores - (np.where(kept, scores, 0).sum(axis=1) / count)[:, None]
    squares = np.where(kept, centred**2, 0).sum(axis=1)
    ranges = np.where(kept, scores, -np.inf).max(axis=1) - np.where(kept, scores, np.inf).min(
        axis=1
    )
    spread = np.where(ranges > EQUAL_SCORES, np.sqrt(squares / (count - ddof)), np.nan)
    return statistics, statistics / spread
