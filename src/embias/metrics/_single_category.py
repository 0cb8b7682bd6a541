"""The association of single words with two attribute sets, in standard deviations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from embias.errors import InputError
from embias.metrics._vectors import check_same_dimension, unit_rows
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
    """

    scores: FloatArray
    cosines: FloatArray
    deviations: FloatArray
    n_a: int

    @property
    def n_b(self) -> int:
        return int(self.cosines.shape[1]) - self.n_a

    def parts_of_mean(self) -> tuple[FloatArray, float]:
        """Return a number for each attribute whose difference of means is the mean score.

        The standard deviations do not change when attributes are relabelled, so the mean score
        is a sum over attributes and can be counted exactly. Also returned is the size of the
        numbers that these come from by subtraction.
        """
        defined = ~np.isnan(self.scores)
        if not defined.any():
            return np.zeros(self.cosines.shape[1]), 1.0
        weights = 1 / self.deviations[defined]
        parts: FloatArray = weights @ self.cosines[defined] / weights.size
        return parts, float(weights.mean())


def single_category(words: ArrayLike, a: ArrayLike, b: ArrayLike, ddof: int) -> SingleCategory:
    """Return ``(mean_a cos(w, a) - mean_b cos(w, b)) / std_{x in A and B} cos(w, x)`` by word.

    Parameters
    ----------
    words : array_like of shape (n, d)
    a, b : array_like of shape (n_a, d), (n_b, d)
    ddof : int
        Degrees of freedom of the standard deviation.

    Raises
    ------
    InputError
        Wrong shape, empty set, one attribute on each side.
    VectorError
        A zero or non-finite vector.
    """
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
    return SingleCategory(scores, cosines, deviations, n_a)
