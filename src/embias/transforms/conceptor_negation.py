"""Conceptor negation: a soft projection away from the ellipsoid of the concept's words."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any, Literal, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from scipy import linalg

from embias.errors import InputError
from embias.stats.inputs import check_choice
from embias.transforms._checks import checked_fit
from embias.transforms._soft import (
    check_above_zero,
    concept_rows,
    shrinking_map,
    spectrum_of,
    spectrum_of_rows,
)
from embias.transforms.affine import AffineTransform
from embias.transforms.card import TransformCard
from embias.types import FloatArray

__all__ = ["CARD", "Combination", "ConceptorNegation"]

Combination: TypeAlias = Literal["or", "and"]


class ConceptorNegation(AffineTransform):
    """Apply NOT C: ``x' = x (I - C)`` with ``C = R (R + aperture^-2 I)^-1``.

    R is the correlation matrix ``D'D / m`` of the m vectors of the concept's words, not centred.

    Parameters
    ----------
    vectors : array_like of shape (m, d), or a sequence of such, optional
        The vectors of the concept's words; several word lists as several matrices, of which each
        counts the same, however long. By default the rows given to `fit`.
    aperture : float or sequence of float
        Above 0; the larger, the more is removed. One for each list, or one for all.
    combine : {"or", "and"}
        What of several lists is removed. ``or``: what any of them spans, NOT (C1 OR C2), which
        is NOT C1 AND NOT C2 and the paper's choice; ``and``: what all of them span.

    Attributes
    ----------
    map_ : LowRankMap or DenseMap
    kept_ : ndarray
        What share of each principal direction of the conceptor stays, from the least on.

    Notes
    -----
    With ``S_i = aperture_i^2 R_i`` the boolean operations have a closed form that needs no inverse
    of a singular matrix: OR belongs to the sum of the S, AND to their parallel sum
    ``S1 (S1 + S2)^+ S2``. For one list it is the same map as :class:`HalfSiblingRegression` with
    ``alpha = m / aperture^2``.

    The meaning of an aperture depends on the length of the vectors. The paper's code uses 2 by
    default and 1 to 10 in its experiments.

    References
    ----------
    Karve, Ungar & Sedoc 2019, GeBNLP; conceptors are of Jaeger 2014.

    Examples
    --------
    >>> import numpy as np
    >>> from embias.transforms.conceptor_negation import ConceptorNegation
    >>> gendered = np.array([[3.0, 0.0], [-3.0, 0.0]])
    >>> ConceptorNegation(aperture=1).fit(gendered).transform(np.array([[1.0, 1.0]]))
    array([[0.1, 1. ]])
    """

    def __init__(
        self,
        vectors: ArrayLike | Sequence[ArrayLike] | None = None,
        *,
        aperture: float | Sequence[float] = 2.0,
        combine: Combination = "or",
    ) -> None:
        self.vectors = vectors
        self.aperture = aperture
        self.combine = combine

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Learn the map.

        Parameters
        ----------
        X : array_like of shape (n, d)
            The vectors of the concept's words, unless they were given as `vectors`.
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        InputError, VectorError
            NaN, another dimension than that of `vectors`, an aperture not above 0, or not one
            for each list.
        """
        check_choice("combine", self.combine, ("or", "and"))
        rows = checked_fit(self, X)
        lists = concept_rows(self.vectors, rows, type(self).__name__)
        scaled = [
            each * (aperture / np.sqrt(len(each)))
            for each, aperture in zip(lists, self._apertures(len(lists)), strict=True)
        ]
        if self.combine == "or" or len(lists) == 1:
            values, vectors = spectrum_of_rows(np.vstack(scaled))
        else:
            values, vectors = spectrum_of(reduce(_parallel_sum, (f.T @ f for f in scaled)))
        self.kept_ = np.sort(1 / (1 + values))
        self.map_ = shrinking_map(values, vectors)
        return self

    def _apertures(self, lists: int) -> list[float]:
        one = not isinstance(self.aperture, list | tuple)
        given: list[Any] = [self.aperture] * lists if one else list(self.aperture)  # type: ignore[arg-type]
        if len(given) != lists:
            raise InputError(
                f"aperture has {len(given)} numbers for {lists} list(s) of vectors; give one each"
            )
        for each in given:
            check_above_zero("aperture", each)
        return [float(each) for each in given]


def _parallel_sum(one: FloatArray, two: FloatArray) -> FloatArray:
    """Return ``A (A + B)^+ B``, the inverse of ``A^-1 + B^-1`` where both have one."""
    made = one @ linalg.pinvh(one + two, rtol=1e-12) @ two
    symmetric: FloatArray = (made + made.T) / 2
    return symmetric


CARD = TransformCard(
    name="conceptor-negation",
    estimator=ConceptorNegation,
    title="Conceptor negation",
    learns_from="vectors",
    removes="A share of every direction that the vectors of the concept's words span, the larger "
    "the more of them lies along it; word lists are combined by OR or AND.",
    guarantee=None,
    guaranteed="Nothing is removed altogether: a direction along which the words' vectors have the "
    "mean square s keeps 1 / (1 + aperture^2 s) of itself.",
    affine=True,
    caveats="The words' vectors are not centred, so what all of them share is shrunk most. The "
    "aperture is no number to carry over: its effect depends on the length of the vectors.",
    paper="Karve, Ungar & Sedoc 2019, GeBNLP",
)
