"""The two sides of an association test: their words with labels, and figures of either."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from embias.errors import InputError
from embias.geometry.vectors import check_same_dimension
from embias.metrics.card import RoleVectors
from embias.results import Measure
from embias.types import FloatArray

__all__ = ["target_sides", "with_side_means"]


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


def target_sides(
    roles: RoleVectors, metric: str, fewest: int, why: str
) -> tuple[FloatArray, NDArray[np.str_]]:
    """Return the targets, X above Y, and the side ``"X"`` or ``"Y"`` of each.

    Raises
    ------
    InputError
        When a side has fewer words than `fewest`; `why` ends the sentence.
    """
    sizes = {"X": len(roles.x), "Y": len(roles.y)}
    for role, size in sizes.items():
        if size < fewest:
            raise InputError(
                f"{metric}: {role} has {size} words; at least {fewest} on each side are {why}"
            )
    check_same_dimension({"x": roles.x, "y": roles.y})
    return np.concatenate([roles.x, roles.y]), np.repeat(list(sizes), list(sizes.values()))
