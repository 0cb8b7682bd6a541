"""Half-sibling regression: what the vectors of gendered words predict is subtracted."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from embias.transforms._checks import checked_fit
from embias.transforms._soft import (
    check_above_zero,
    concept_rows,
    shrinking_map,
    spectrum_of_rows,
)
from embias.transforms.affine import AffineTransform
from embias.transforms.card import TransformCard

__all__ = ["CARD", "HalfSiblingRegression"]


class HalfSiblingRegression(AffineTransform):
    """Subtract the ridge regression of a vector on those of the concept's words.

    With D, shape (m, d), the vectors of words that are gendered by meaning, a vector x as d
    cases of one variable is regressed on the m columns of D', and the prediction is taken off:
    ``x - D'(DD' + alpha I)^-1 D x``, which is ``x' = x M`` with ``M = alpha (D'D + alpha I)^-1``.

    Parameters
    ----------
    vectors : array_like of shape (m, d), optional
        The vectors of the concept's words. By default the rows given to `fit` are those, and
        `transform` is for the others.
    alpha : float
        Ridge penalty, above 0; 60 in the paper.

    Attributes
    ----------
    map_ : LowRankMap or DenseMap
    kept_ : ndarray
        What share of each principal direction of D stays, ``alpha / (s^2 + alpha)``, from the
        least on.

    Notes
    -----
    A soft projection: no direction is removed altogether. It is the same map as
    :class:`ConceptorNegation` of the aperture ``sqrt(m / alpha)``. The weight of `alpha` depends
    on the number and the length of the vectors: ten times as many words need ten times the alpha.

    In the paper the gendered words themselves stay as they are: transform the others only.

    References
    ----------
    Yang & Feng 2020, AAAI.

    Examples
    --------
    >>> import numpy as np
    >>> from embias.transforms.half_sibling_regression import HalfSiblingRegression
    >>> gendered = np.array([[3.0, 0.0], [-3.0, 0.0]])
    >>> HalfSiblingRegression(alpha=2.0).fit(gendered).transform(np.array([[1.0, 1.0]]))
    array([[0.1, 1. ]])
    """

    def __init__(self, vectors: ArrayLike | None = None, *, alpha: float = 60.0) -> None:
        self.vectors = vectors
        self.alpha = alpha

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
            NaN, another dimension than that of `vectors`, alpha not above 0.
        """
        check_above_zero("alpha", self.alpha)
        rows = checked_fit(self, X)
        stacked = np.vstack(concept_rows(self.vectors, rows, type(self).__name__))
        values, vectors = spectrum_of_rows(stacked / np.sqrt(self.alpha))
        self.kept_ = np.sort(1 / (1 + values))
        self.map_ = shrinking_map(values, vectors)
        return self


CARD = TransformCard(
    name="half-sibling-regression",
    estimator=HalfSiblingRegression,
    title="Half-sibling regression (HSR)",
    learns_from="vectors",
    removes="A share of every direction that the vectors of gendered words span, the larger the "
    "more they vary along it.",
    guarantee=None,
    guaranteed="Nothing is removed altogether: a direction along which the words' vectors have the "
    "singular value s keeps alpha / (s^2 + alpha) of itself.",
    affine=True,
    caveats="The words' vectors are not centred, so what all of them share is shrunk most. Alpha "
    "must be set by the number of words. WEFE subtracts once more on a second call of transform.",
    paper="Yang & Feng 2020, AAAI",
)
