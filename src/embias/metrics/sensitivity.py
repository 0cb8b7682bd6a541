"""How much an association hangs on single words and templates: leave-one-out."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike

from embias.errors import InputError
from embias.metrics._cosines import ROLES, Cosines, Labels, Rows, labels_of, numbered
from embias.metrics.weat import effect_size_of, units_of
from embias.results import Alternative
from embias.stats.inputs import check_choice, seed_of
from embias.stats.permutation import MethodChoice, permutation_pvalue

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LeftOut", "Sensitivity", "leave_one_out"]

Role: TypeAlias = Literal["X", "Y", "A", "B", "template"]


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
    cosines = Cosines.of(x, y, a, b)
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


@dataclass(frozen=True)
class _Measure:
    """Effect size, statistic and p of the rows that are kept."""

    cosines: Cosines
    x_groups: Labels | None
    y_groups: Labels | None
    ddof: int
    alternative: Alternative
    method: MethodChoice
    n_resamples: int
    seed: int

    def __call__(self, kept: tuple[Rows, ...]) -> tuple[float, float, float]:
        keep_x, keep_y, keep_a, keep_b = kept
        for role, rows in zip(ROLES, kept, strict=True):
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


def _kept(labels: Labels | None, rows: Rows, role: str) -> Labels | None:
    if labels is None:
        return None
    full = labels_of(labels, rows.size, role)
    return [full[int(row)] for row in np.flatnonzero(rows)]


_Removal: TypeAlias = tuple[Role, Hashable, tuple[Rows, ...]]


def _words_removed(cosines: Cosines, words: tuple[Labels | None, ...]) -> list[_Removal]:
    """Return, for each word, which rows of each set are kept without it."""
    removals: list[_Removal] = []
    whole = [np.ones(size, dtype=bool) for size in cosines.sizes]
    for place, role in enumerate(ROLES):
        labels = labels_of(words[place], cosines.sizes[place], role)
        known, index = numbered(labels, role)
        for number, label in enumerate(known):
            kept = (*whole[:place], index != number, *whole[place + 1 :])
            removals.append((role, label, kept))
    return removals


def _templates_removed(cosines: Cosines, templates: tuple[Labels | None, ...]) -> list[_Removal]:
    """Return, for each template, which rows of each set are kept without it."""
    labels = [
        None if given is None else labels_of(given, size, role)
        for given, size, role in zip(templates, cosines.sizes, ROLES, strict=True)
    ]
    every = [label for given in labels if given is not None for label in given]
    known, _ = numbered(every, "templates")
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
