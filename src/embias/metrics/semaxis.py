"""SemAxis: where words lie on the axis between two poles."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike

from embias.errors import InputError
from embias.geometry.vectors import check_same_dimension, unit_rows
from embias.metrics._pool import with_neighbours
from embias.metrics._relabel import Labels, draws_for, relabelling_test
from embias.metrics._sides import with_side_means
from embias.metrics.card import OF_AN_ASSOCIATION, EdgeCases, MetricCard, RoleVectors
from embias.results import Alternative, Measure
from embias.stats.inputs import as_generator, as_numbers, check_choice, check_rng, check_size
from embias.types import FloatArray

__all__ = ["semaxis"]

VectorLength: TypeAlias = Literal["raw", "unit"]

#: An axis shorter than this share of the vectors it comes from is rounding.
_NO_AXIS = 1e-12


def semaxis(
    words: ArrayLike,
    a: ArrayLike,
    b: ArrayLike,
    *,
    neighbours: int = 0,
    pool: ArrayLike | None = None,
    vectors: VectorLength = "raw",
    alternative: Alternative = "two-sided",
    n_resamples: int | None = None,
    rng: int | np.random.Generator | None = None,
) -> Measure:
    """Return the cosine of each word with the axis from pole B to pole A.

    ``axis = mean(A) - mean(B); score(w) = cos(w, axis)``

    Parameters
    ----------
    words : array_like of shape (n, d)
        Vectors of the words to be scored; one is enough.
    a, b : array_like of shape (n_a, d), (n_b, d)
        Words of the two poles; one on each side is enough. The numbers may differ.
    neighbours : int
        Each pole word is averaged with so many of its nearest words in `pool` (the paper's
        ``k``, sweater's ``l``); 0, sweater's default, takes the word alone.
    pool : array_like of shape (m, d), optional
        Vectors of the vocabulary, for neighbours. A row of a pole word's own direction is that
        word and is passed over.
    vectors : {"raw", "unit"}
        Whether the vectors of poles and neighbours are averaged as they are (the paper's) or at
        unit length, which makes the score that of SAME for two groups.
    alternative : {"two-sided", "greater", "less"}
        ``greater``: the words lie towards A.
    n_resamples : int, optional
        Draws, where the p-value is sampled: 9,999 for up to 1,000 pole words, fewer for more and
        999 at least, unless given.
    rng : int, Generator or None
        Seed of the draws.

    Returns
    -------
    Measure
        `value`: the mean score of the words, in [-1, 1]; 0 is no association, positive is
        towards A. NaN where both poles have the same mean. ``scores["words"]``: the score of
        each word. ``figures["axis_length"]``: length of the axis.

    Raises
    ------
    InputError
        Wrong shape, empty set, neighbours without a pool or more than it has.
    VectorError
        A zero or non-finite vector.

    Notes
    -----
    For the p-value pole words (with their neighbours) are put on either side, all ways for up
    to 200,000 of them, else drawn; the axis is computed anew. It speaks of other pole words,
    not of other measured words; with two or three on a side it cannot be small.

    Rows are not compared: one given twice counts twice, one in A and B cancels out.

    References
    ----------
    An, Kwak & Ahn 2018, ACL, 2450-2461.

    Examples
    --------
    >>> semaxis([[1.0, 0.0]], [[1.0, 1.0]], [[0.0, 1.0]]).value
    1.0
    """
    check_choice("alternative", alternative, get_args(Alternative))
    check_choice("vectors", vectors, get_args(VectorLength))
    check_size("neighbours", neighbours, at_least=0)
    check_rng(rng)
    units = {name: unit_rows(rows, name) for name, rows in (("words", words), ("a", a), ("b", b))}
    check_same_dimension(units)
    n_a = units["a"].shape[0]
    draws = draws_for(n_resamples, 4 * (n_a + units["b"].shape[0]))
    poles = _poles(units, a, b, neighbours, pool, vectors)
    # Only the direction of the axis counts; scaling keeps its square from overflowing.
    scale = float(np.abs(poles).max()) or 1.0
    poles = poles / scale
    axis = poles[:n_a].mean(axis=0) - poles[n_a:].mean(axis=0)
    length = float(np.linalg.norm(axis))
    defined = length > _NO_AXIS * float(np.linalg.norm(poles, axis=1).max())
    scores = units["words"] @ axis / length if defined else np.full(len(units["words"]), np.nan)
    value = float(scores.mean())
    tested: dict[str, Any] = {}
    if defined:
        tested = _tested(value, units["words"].mean(axis=0), poles, n_a, alternative, draws, rng)
    return Measure(
        metric="semaxis",
        value=value,
        no_bias=0.0,
        value_range=(-1.0, 1.0),
        counts={"words": scores.size, "A": n_a, "B": len(poles) - n_a},
        figures={"axis_length": length * scale if defined else 0.0},
        scores={"words": tuple(scores.tolist())},
        settings={"vectors": vectors, "neighbours": int(neighbours), "two_sided": "doubled"},
        note="" if defined else "A and B have the same mean, so there is no axis between them.",
        **tested,
    )


def _poles(
    units: dict[str, FloatArray],
    a: ArrayLike,
    b: ArrayLike,
    neighbours: int,
    pool: ArrayLike | None,
    vectors: VectorLength,
) -> FloatArray:
    """Return the rows of A above those of B, each with its neighbours."""
    unit = vectors == "unit"
    both = (units["a"], units["b"]) if unit else (as_numbers(a, "a"), as_numbers(b, "b"))
    rows: FloatArray = np.concatenate(both)
    if neighbours == 0:
        return rows
    if pool is None:
        raise InputError(
            f"neighbours={neighbours} needs a pool to find them in; give pool=, the vectors of a "
            "vocabulary"
        )
    return with_neighbours(rows, pool, neighbours, unit)


def _tested(
    value: float,
    mean_word: FloatArray,
    poles: FloatArray,
    n_a: int,
    alternative: Alternative,
    n_resamples: int,
    rng: int | np.random.Generator | None,
) -> dict[str, Any]:
    """Return the fields of the p-value: pole words on either side."""
    along = poles @ mean_word
    # Few poles: the same lengths in as many coordinates as there are poles.
    short = poles if len(poles) >= poles.shape[1] else np.linalg.qr(poles.T)[1].T
    rounding = _NO_AXIS * float(np.linalg.norm(poles, axis=1).max())

    def statistic(labels: Labels) -> FloatArray:
        weights = np.where(labels == 0, 1 / n_a, -1 / (len(poles) - n_a))
        lengths = np.linalg.norm(weights @ short, axis=1)
        found: FloatArray = weights @ along / np.where(lengths > rounding, lengths, np.nan)
        return found

    test = relabelling_test(
        value,
        statistic,
        (n_a, len(poles) - n_a),
        alternative=alternative,
        noise=1e-10,
        n_resamples=n_resamples,
        rng=as_generator(rng)[0],
    )
    null = "attribute words relabelled, for all words together"
    return {"alternative": alternative, "null": null, **test.fields()}


def _run(roles: RoleVectors) -> Measure:
    words = np.concatenate([roles.x, roles.y])
    result = semaxis(words, roles.a, roles.b, alternative=roles.alternative, rng=roles.rng)
    return with_side_means(result, len(roles.x), "x", "y", "x_minus_y")


CARD = MetricCard(
    name="semaxis",
    measures=(
        "Where words lie on the axis between two poles. In an audit the words are X and Y "
        "together, the poles A and B; figures give X and Y alone."
    ),
    formula="cos(w, mean(A) - mean(B)), on vectors of their own length",
    value_range="[-1, 1]",
    no_bias="0, for each word and for the mean over words, which is the value",
    direction="positive: towards A",
    pvalue="of the mean: attribute words relabelled, axis computed anew; exact up to 200,000 ways",
    caveats=(
        "Long vectors weigh more in the axis, and length goes with word frequency: "
        "vectors='unit' takes that out. The score says nothing of how far the poles are apart, "
        "so read the length of the axis beside it. The mean over a set of words is not WEAT."
    ),
    edge_cases=EdgeCases(
        unequal="any sizes; the poles are means, so each weighs the same",
        one_word="one is enough, in every set",
        two_sets=(
            "in A and B it counts in both and cancels out of equal poles, in X and Y it counts in "
            "both (an audit refuses either); as target and attribute it draws its pole to itself"
        ),
    ),
    paper="An, Kwak & Ahn 2018, ACL, 2450-2461",
    conventions=(
        "Figures by word are those of sweater (its l is neighbours= with pool=). SAME is the "
        "same cosine with vectors='unit'."
    ),
    run=_run,
    evidence=OF_AN_ASSOCIATION,
)
