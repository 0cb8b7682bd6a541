"""The association of single words with two attribute sets, in standard deviations."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embias.errors import InputError
from embias.geometry.vectors import check_same_dimension, unit_rows
from embias.results import Alternative, Measure
from embias.stats.effect_size import largest_d
from embias.stats.permutation import MethodChoice, permutation_pvalue
from embias.types import FloatArray

__all__ = ["SingleCategory", "single_category"]

#: A standard deviation of cosines below this is rounding.
_EQUAL_COSINES = 1e-14


@dataclass(frozen=True)
class SingleCategory:
    """Scores of words, and the cosines they come from.

    Attributes
    ----------
    scores : ndarray of shape (n,)
        NaN where all cosines of a word are equal.
    cosines : ndarray of shape (n, n_a + n_b)
        A before B.
    deviations : ndarray of shape (n,)
    n_a : int
    ddof : int
    """

    scores: FloatArray
    cosines: FloatArray
    deviations: FloatArray
    n_a: int
    ddof: int

    @property
    def n_b(self) -> int:
        return int(self.cosines.shape[1]) - self.n_a

    @property
    def defined(self) -> NDArray[np.bool_]:
        """Which of the words have a score."""
        return ~np.isnan(self.scores)

    @property
    def note(self) -> str:
        """What is to be said of words without a score."""
        n, undefined = self.scores.size, int(np.count_nonzero(~self.defined))
        if undefined == 0:
            return ""
        if undefined == n:
            return "All cosines of every word are equal: the score is not defined."
        return f"{undefined} of {n} words have equal cosines, so no score; left out."

    def parts_of_mean(self) -> tuple[FloatArray, float]:
        """Return a number for each attribute whose difference of means is the mean score.

        The standard deviations do not change when attributes are relabelled, so the mean score
        is a sum over attributes and can be counted exactly. Also returned is the size of the
        numbers that these come from by subtraction.
        """
        if not self.defined.any():
            return np.zeros(self.cosines.shape[1]), 1.0
        weights = 1 / self.deviations[self.defined]
        parts: FloatArray = weights @ self.cosines[self.defined] / weights.size
        return parts, float(weights.mean())

    def mean_measure(
        self,
        metric: str,
        *,
        alternative: Alternative,
        method: MethodChoice,
        n_resamples: int,
        rng: int | np.random.Generator | None,
    ) -> Measure:
        """Return the mean score, tested by relabelling attributes for all words together."""
        parts, size = self.parts_of_mean()
        test = permutation_pvalue(
            parts[: self.n_a],
            parts[self.n_a :],
            alternative=alternative,
            method=method,
            magnitude=size,
            n_resamples=n_resamples,
            rng=rng,
        )
        bound = largest_d(self.n_a, self.n_b, ddof=self.ddof)
        scores = self.scores[self.defined]
        return Measure(
            metric=metric,
            value=float(scores.mean()) if scores.size else math.nan,
            no_bias=0.0,
            value_range=(-bound, bound),
            pvalue=test.pvalue,
            pvalue_bounds=test.pvalue_bounds,
            pvalue_method=test.method,
            alternative=alternative,
            null="attribute words relabelled, for all words together",
            n_resamples=test.n_resamples,
            counts={"words": self.scores.size, "A": self.n_a, "B": self.n_b},
            figures={"words_above_0": float((scores > 0).mean()) if scores.size else math.nan},
            scores={"words": tuple(self.scores.tolist())},
            settings={"ddof": int(self.ddof)},
            note=self.note,
        )


def single_category(words: ArrayLike, a: ArrayLike, b: ArrayLike, ddof: int) -> SingleCategory:
    """Return ``(mean_a cos(w, a) - mean_b cos(w, b)) / std_{x in A and B} cos(w, x)`` by word.

    Parameters
    ----------
    words : array_like of shape (n, d)
    a, b : array_like of shape (n_a, d), (n_b, d)
    ddof : {1, 0}
        Degrees of freedom of the standard deviation.

    Raises
    ------
    InputError
        Wrong shape, empty set, one attribute on each side, another `ddof`.
    VectorError
        A zero or non-finite vector.
    """
    if isinstance(ddof, bool) or ddof not in (0, 1):
        raise InputError(f"ddof={ddof!r}; the score is defined for ddof 1 (as published) or 0")
    units = {name: unit_rows(rows, name) for name, rows in (("words", words), ("a", a), ("b", b))}
    check_same_dimension(units)
    n_a = units["a"].shape[0]
    if n_a == units["b"].shape[0] == 1:
        raise InputError(
            "a and b have one attribute each: the score would be the same whatever the vectors; "
            "give at least two on one side"
        )
    cosines = units["words"] @ np.concatenate([units["a"], units["b"]]).T
    deviations = cosines.std(axis=1, ddof=ddof)
    differences = cosines[:, :n_a].mean(axis=1) - cosines[:, n_a:].mean(axis=1)
    scores = np.full(differences.size, np.nan)
    np.divide(differences, deviations, out=scores, where=deviations > _EQUAL_COSINES)
    return SingleCategory(scores, cosines, deviations, n_a, ddof)
