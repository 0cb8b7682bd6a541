"""How much an association hangs on single words: leave-one-out and random subsets."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embias.errors import InputError
from embias.metrics._vectors import EQUAL_SCORES, check_same_dimension, unit_rows
from embias.metrics.weat import effect_size_of, units_of
from embias.results import Alternative
from embias.stats.inputs import check_choice, check_share, check_size, seed_of
from embias.stats.permutation import MethodChoice, permutation_pvalue
from embias.types import FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LeftOut", "Sensitivity", "SubsetStability", "leave_one_out", "subset_stability"]

Labels: TypeAlias = Sequence[Hashable]
Rows: TypeAlias = NDArray[np.bool_]
Role: TypeAlias = Literal["X", "Y", "A", "B", "template"]

_ROLES: tuple[Literal["X", "Y", "A", "B"], ...] = ("X", "Y", "A", "B")
#: Subsets measured at a time, which bounds the memory.
_CHUNK = 256


@dataclass(frozen=True, slots=True)
class LeftOut:
    """The association without one word or one template.

    Attributes
    ----------
    role : {"X", "Y", "A", "B", "template"}
        Where the word was left out; templates are left out of every set that names them.
    left_out : str
        The word or template.
    effect_size, statistic, pvalue : float
        Of what remains, as :func:`embias.weat` computes them. NaN where it cannot be measured.
    influence : float
        Effect size of all words minus the one without this: what it adds. 0 is no influence.
    influence_statistic : float
        The same of the statistic.
    reason : str
        Why the rest cannot be measured, if so.
    """

    role: Role
    left_out: str
    effect_size: float
    statistic: float
    pvalue: float
    influence: float
    influence_statistic: float
    reason: str = ""


@dataclass(frozen=True)
class Sensitivity:
    """An association and what becomes of it without each word.

    Attributes
    ----------
    effect_size, statistic, pvalue : float
        Of all words.
    rows : tuple of LeftOut
        By size of the influence on the effect size, largest first; those that cannot be
        measured last.
    ddof : int
    alternative : {"greater", "less", "two-sided"}
    seed : int
        Of the p-values that were sampled, if any.
    """

    effect_size: float
    statistic: float
    pvalue: float
    rows: tuple[LeftOut, ...]
    ddof: int
    alternative: Alternative
    seed: int

    @property
    def frame(self) -> pd.DataFrame:
        """The rows as a tidy table in full precision, one column per field."""
        import pandas as pd

        columns = list(LeftOut.__dataclass_fields__)
        values = [[getattr(row, column) for column in columns] for row in self.rows]
        return pd.DataFrame(values, columns=columns)

    @property
    def sign_changes(self) -> tuple[LeftOut, ...]:
        """The rows without which the association changes its sign."""
        return tuple(row for row in self.rows if row.effect_size * self.effect_size < 0)


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


def leave_one_out(
    x: ArrayLike,
    y: ArrayLike,
    a: ArrayLike,
    b: ArrayLike,
    *,
    words_x: Labels | None = None,
    words_y: Labels | None = None,
    words_a: Labels | None = None,
    words_b: Labels | None = None,
    x_groups: Labels | None = None,
    y_groups: Labels | None = None,
    x_templates: Labels | None = None,
    y_templates: Labels | None = None,
    a_templates: Labels | None = None,
    b_templates: Labels | None = None,
    ddof: int = 1,
    alternative: Alternative = "greater",
    method: MethodChoice = "auto",
    n_resamples: int = 99_999,
    rng: int | np.random.Generator | None = 0,
) -> Sensitivity:
    """Measure an association again without each of its words, and without each template.

    Parameters
    ----------
    x, y : array_like of shape (n_x, d), (n_y, d)
        Target vectors.
    a, b : array_like of shape (n_a, d), (n_b, d)
        Attribute vectors.
    words_x, words_y, words_a, words_b : sequence of hashable, optional
        The word of each row; rows of one word are left out together. By default `x_groups` and
        `y_groups` for targets, else each row is a word of its own, named by its number.
    x_groups, y_groups : sequence of hashable, optional
        The word that each target row belongs to, for the p-value, as in :func:`embias.weat`.
        `words_x` and `words_y` by default, where both are given.
    x_templates, y_templates, a_templates, b_templates : sequence of hashable, optional
        The template of each row. Each template is left out of all sets that are given one.
    ddof, alternative, method, n_resamples
        As in :func:`embias.weat`.
    rng : int, Generator or None
        Seed, should a p-value be sampled; the same one for each of them.

    Returns
    -------
    Sensitivity
        A row for every word of the four sets and every template, sorted by influence. The
        figures equal those of :func:`embias.weat` on the remaining rows, up to rounding.

    Raises
    ------
    InputError
        Wrong shape, empty set, labels that do not match the rows, an option that does not
        exist; whatever :func:`embias.weat` refuses about all words. What it refuses about a
        remainder (an empty set, one word on each side) becomes a row with its reason.
    VectorError
        A zero or non-finite vector.

    Notes
    -----
    Vectors are normalised once; leaving out an attribute subtracts its cosines.
    """
    check_choice("alternative", alternative, get_args(Alternative))
    if ddof not in (0, 1):
        raise InputError(f"ddof={ddof!r}; use 1 (as published) or 0")
    if (x_groups is None) != (y_groups is None):
        raise InputError("leave_one_out: give both x_groups and y_groups, or neither")
    if x_groups is None and words_x is not None and words_y is not None:
        x_groups, y_groups = words_x, words_y
    cosines = _Cosines.of(x, y, a, b)
    words = (
        words_x if words_x is not None else x_groups,
        words_y if words_y is not None else y_groups,
        words_a,
        words_b,
    )
    templates = (x_templates, y_templates, a_templates, b_templates)
    removals = [*_words_removed(cosines, words), *_templates_removed(cosines, templates)]
    measure = _Measure(
        cosines, x_groups, y_groups, ddof, alternative, method, n_resamples, seed_of(rng)
    )
    full = measure(tuple(np.ones(size, dtype=bool) for size in cosines.sizes))
    rows = [_row(measure, full, role, label, kept) for role, label, kept in removals]
    rows.sort(
        key=lambda row: -math.inf if math.isnan(row.influence) else abs(row.influence), reverse=True
    )
    return Sensitivity(*full, tuple(rows), ddof, alternative, measure.seed)


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
    cosines = _Cosines.of(x, y, a, b)
    words = (words_x, words_y, words_a, words_b)
    index = [
        _numbered(_labels(given, size, role), role)[1]
        for given, size, role in zip(words, cosines.sizes, _ROLES, strict=True)
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


@dataclass(frozen=True)
class _Cosines:
    """Cosines of all targets (X above Y) with the attributes."""

    with_a: FloatArray
    with_b: FloatArray
    n_x: int

    @classmethod
    def of(cls, x: ArrayLike, y: ArrayLike, a: ArrayLike, b: ArrayLike) -> _Cosines:
        sets = {n: unit_rows(v, n) for n, v in (("x", x), ("y", y), ("a", a), ("b", b))}
        check_same_dimension(sets)
        targets = np.concatenate([sets["x"], sets["y"]])
        return cls(targets @ sets["a"].T, targets @ sets["b"].T, sets["x"].shape[0])

    @property
    def sizes(self) -> tuple[int, int, int, int]:
        n, n_a = self.with_a.shape
        return self.n_x, n - self.n_x, n_a, self.with_b.shape[1]

    def scores(self, keep_a: Rows, keep_b: Rows) -> tuple[FloatArray, FloatArray]:
        """Return s of X and of Y with the attributes that are kept."""
        scores = self.with_a @ (keep_a / keep_a.sum()) - self.with_b @ (keep_b / keep_b.sum())
        return scores[: self.n_x], scores[self.n_x :]


@dataclass(frozen=True)
class _Measure:
    """Effect size, statistic and p of the rows that are kept."""

    cosines: _Cosines
    x_groups: Labels | None
    y_groups: Labels | None
    ddof: int
    alternative: Alternative
    method: MethodChoice
    n_resamples: int
    seed: int

    def __call__(self, kept: tuple[Rows, ...]) -> tuple[float, float, float]:
        keep_x, keep_y, keep_a, keep_b = kept
        for role, rows in zip(_ROLES, kept, strict=True):
            if not rows.any():
                raise InputError(f"nothing would be left of {role}")
        scores_x, scores_y = self.cosines.scores(keep_a, keep_b)
        scores_x, scores_y = scores_x[keep_x], scores_y[keep_y]
        groups_x, groups_y = _kept(self.x_groups, keep_x, "X"), _kept(self.y_groups, keep_y, "Y")
        units_x, units_y = units_of(scores_x, scores_y, groups_x, groups_y, "word")
        if units_x.size == units_y.size == 1:
            raise InputError("one target on each side has no effect size")
        test = permutation_pvalue(
            units_x,
            units_y,
            alternative=self.alternative,
            method=self.method,
            magnitude=1.0,
            n_resamples=self.n_resamples,
            rng=self.seed,
        )
        statistic = float(scores_x.mean() - scores_y.mean())
        return effect_size_of(scores_x, scores_y, self.ddof), statistic, test.pvalue


def _row(
    measure: _Measure,
    full: tuple[float, float, float],
    role: Role,
    label: Hashable,
    kept: tuple[Rows, ...],
) -> LeftOut:
    reason = ""
    try:
        size, statistic, pvalue = measure(kept)
    except InputError as error:
        size = statistic = pvalue = math.nan
        reason = str(error)
    return LeftOut(
        role=role,
        left_out=str(label),
        effect_size=size,
        statistic=statistic,
        pvalue=pvalue,
        influence=full[0] - size,
        influence_statistic=full[1] - statistic,
        reason=reason,
    )


def _labels(labels: Labels | None, size: int, role: str) -> Labels:
    """Return one label for each row, the row's number where none are given."""
    if labels is None:
        return range(size)
    if isinstance(labels, str) or len(labels) != size:
        raise InputError(
            f"{role} has {size} rows and {len(labels)} labels; give one label for each row"
        )
    return labels


def _kept(labels: Labels | None, rows: Rows, role: str) -> Labels | None:
    if labels is None:
        return None
    full = _labels(labels, rows.size, role)
    return [full[int(row)] for row in np.flatnonzero(rows)]


def _numbered(labels: Labels, role: str) -> tuple[list[Hashable], NDArray[np.intp]]:
    """Return the distinct labels and, for each row, which of them it has."""
    numbers: dict[Hashable, int] = {}
    try:
        index = [numbers.setdefault(label, len(numbers)) for label in labels]
    except TypeError as error:
        raise InputError(f"{role}: a label is not hashable ({error}); use strings") from error
    return list(numbers), np.array(index, dtype=np.intp)


_Removal: TypeAlias = tuple[Role, Hashable, tuple[Rows, ...]]


def _words_removed(cosines: _Cosines, words: tuple[Labels | None, ...]) -> list[_Removal]:
    """Return, for each word, which rows of each set are kept without it."""
    removals: list[_Removal] = []
    whole = [np.ones(size, dtype=bool) for size in cosines.sizes]
    for place, role in enumerate(_ROLES):
        labels = _labels(words[place], cosines.sizes[place], role)
        known, index = _numbered(labels, role)
        for number, label in enumerate(known):
            kept = (*whole[:place], index != number, *whole[place + 1 :])
            removals.append((role, label, kept))
    return removals


def _templates_removed(cosines: _Cosines, templates: tuple[Labels | None, ...]) -> list[_Removal]:
    """Return, for each template, which rows of each set are kept without it."""
    labels = [
        None if given is None else _labels(given, size, role)
        for given, size, role in zip(templates, cosines.sizes, _ROLES, strict=True)
    ]
    every = [label for given in labels if given is not None for label in given]
    known, _ = _numbered(every, "templates")
    return [
        (
            "template",
            template,
            tuple(
                np.ones(size, dtype=bool)
                if given is None
                else np.array([label != template for label in given], dtype=bool)
                for given, size in zip(labels, cosines.sizes, strict=True)
            ),
        )
        for template in known
    ]


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
    cosines: _Cosines, weights: list[FloatArray], ddof: int
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
