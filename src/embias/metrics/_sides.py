"""Figures of the two sides of an association test, read off the scores of their words."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from embias.results import Measure

__all__ = ["with_side_means"]


def with_side_means(
    measure: Measure,
    n_first: int,
    first: str,
    second: str,
    difference: str | None = None,
    *,
    sign: float = 1.0,
) -> Measure:
    """Return the measure with the mean score of either side among its figures.

    Parameters
    ----------
    measure : Measure
        Has ``scores["words"]``, those of the first side in front.
    n_first : int
        Number of words on the first side.
    first, second : str
        Names of the figures.
    difference : str, optional
        Name of the figure for the first mean less the second.
    sign : float
        The scores are multiplied by it.

    Returns
    -------
    Measure
        Words without a score (NaN) are left out of the means.
    """
    scores = sign * np.array(measure.scores["words"])
    means = []
    for side in (scores[:n_first], scores[n_first:]):
        defined = side[~np.isnan(side)]
        means.append(float(defined.mean()) if defined.size else math.nan)
    figures = {first: means[0], second: means[1]}
    if difference is not None:
        figures[difference] = means[0] - means[1]
    return replace(measure, figures={**measure.figures, **figures})
