"""The normalised association score of single words, as the R package sweater has it."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np
from numpy.typing import ArrayLike

from embias.metrics._relabel import draws_for
from embias.metrics._sides import with_side_means
from embias.metrics._single_category import single_category
from embias.metrics.card import OF_AN_ASSOCIATION, EdgeCases, MetricCard, RoleVectors
from embias.results import Alternative, Measure
from embias.stats.inputs import check_choice
from embias.stats.permutation import MethodChoice

__all__ = ["nas"]


def nas(
    words: ArrayLike,
    a: ArrayLike,
    b: ArrayLike,
    *,
    ddof: int = 1,
    alternative: Alternative = "two-sided",
    method: MethodChoice = "auto",
    n_resamples: int | None = None,
    rng: int | np.random.Generator | None = None,
) -> Measure:
    """Return how much closer each word is to A than to B, in its own standard deviations.

    ``NAS(w) = (mean_a cos(w, a) - mean_b cos(w, b)) / std_{x in A and B} cos(w, x)``

    It is the statistic of a word in WEFAT (Caliskan et al. 2017), also called single-category
    WEAT; the name is that of the R package sweater.

    Parameters
    ----------
    words : array_like of shape (n, d)
        Vectors of the words to be scored; one is enough.
    a, b : array_like of shape (n_a, d), (n_b, d)
        Attribute vectors, three in all at least. The numbers may differ.
    ddof : {1, 0}
        Degrees of freedom of the standard deviation; 1 is R's, and so sweater's.
    alternative : {"two-sided", "greater", "less"}
        ``greater``: closer to A.
    method : {"auto", "exact", "certified", "sampled"}
        How the p-value is computed, see :func:`embias.stats.permutation_pvalue`.
    n_resamples : int, optional
        Draws, where the p-value is sampled: 99,999 for up to 100 attributes, fewer for more and 999
        at least, unless given.
    rng : int, Generator or None
        Seed of the draws.

    Returns
    -------
    Measure
        `value`: the mean score of the words (it is not WEAT). 0 is no association; positive is
        closer to A; no score is beyond ``sqrt(N (N - 1) / (n_a n_b))``, N = n_a + n_b.
        ``scores["words"]``: the score of each word.

    Raises
    ------
    InputError
        Wrong shape, empty set, one attribute on each side (whose score would be the same
        whatever the vectors).
    VectorError
        A zero or non-finite vector.

    Notes
    -----
    The p-value is that of the mean: attribute words are relabelled for all words together. It
    speaks of other attribute words, not of other measured words.

    A word whose cosines are all equal has no score (NaN) and is left out of the mean, with a
    note. Rows are not compared: one given twice counts twice, one in A and B counts in both,
    and one in `words` and A has a cosine of 1 with itself.

    References
    ----------
    Caliskan, Bryson & Narayanan 2017, Science 356:183-186; Chan 2022, JOSS 7:4036 (sweater).

    Examples
    --------
    >>> result = nas([[1.0, 0.0]], [[1.0, 0.0], [1.0, 0.0]], [[0.0, 1.0], [0.0, 1.0]])
    >>> round(result.value, 3)
    1.732
    """
    check_choice("alternative", alternative, get_args(Alternative))
    found = single_category(words, a, b, ddof)
    result = found.mean_measure(
        "nas",
        alternative=alternative,
        method=method,
        n_resamples=draws_for(n_resamples, 4 * found.cosines.shape[1], most=99_999),
        rng=rng,
    )
    return replace(result, settings={**result.settings, "vectors": "unit"})


def _run(roles: RoleVectors) -> Measure:
    words = np.concatenate([roles.x, roles.y])
    result = nas(words, roles.a, roles.b, alternative=roles.alternative, rng=roles.rng)
    return with_side_means(result, len(roles.x), "x", "y", "x_minus_y")


CARD = MetricCard(
    name="nas",
    measures=(
        "How much closer each single word is to one of two attribute sets than to the other. In "
        "an audit the words are X and Y together; figures give X and Y alone."
    ),
    formula="(mean_a cos(w, a) - mean_b cos(w, b)) / std_{x in A and B} cos(w, x), ddof 1",
    value_range="|NAS| <= sqrt(N (N - 1) / (nA nB)), N = nA + nB; about 2 for equal sets",
    no_bias="0, for each word and for the mean over words, which is the value",
    direction="positive: closer to A",
    pvalue="of the mean: attribute words relabelled for all words together; exact where feasible",
    caveats=(
        "The mean over a set of words is not WEAT. The score does not change when all cosines of "
        "a word shrink, so a word near to nothing can score high."
    ),
    edge_cases=EdgeCases(
        unequal="any sizes; every attribute of a set weighs the same",
        one_word="one measured word is enough; one attribute on each side is refused",
        two_sets=(
            "in X and Y, or A and B, it counts in both (an audit refuses that); as target and "
            "attribute it has a cosine of 1 with itself, which an audit notes"
        ),
    ),
    paper="Caliskan, Bryson & Narayanan 2017, Science 356:183-186; Chan 2022, JOSS 7:4036",
    conventions=(
        "The name is sweater's, whose figures by word are ours; elsewhere it is WEFAT or "
        "single-category WEAT. sweater gives neither a figure for the set nor a p-value."
    ),
    run=_run,
    evidence=OF_AN_ASSOCIATION,
)
