"""The embedding coherence test: whether two groups order the attribute words alike."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from embias.errors import InputError
from embias.geometry.vectors import check_same_dimension, unit_rows
from embias.metrics._raw import Length, mean_direction, rows_of
from embias.metrics._relabel import ENTRIES, draws_for
from embias.metrics.card import EdgeCases, MetricCard, RoleVectors
from embias.results import Interval, Measure
from embias.stats.bootstrap import bootstrap_interval, bootstrap_replicates, check_level
from embias.stats.inputs import as_generator, check_choice, check_rng
from embias.types import FloatArray

__all__ = ["EctConvention", "EctReference", "ect"]

EctConvention: TypeAlias = Literal["paper", "wefe"]
EctReference: TypeAlias = Literal["none", "halves"]

#: Decimals of cosines that are compared: the rest is rounding, and must not break ties.
_DECIMALS = 13
#: Attribute words up to which the interval is corrected for skewness by the jackknife.
_MOST_LEFT_OUT = 1_000
#: Random halves of each group.
_SPLITS = 100


def ect(
    group_1: ArrayLike,
    group_2: ArrayLike,
    attributes: ArrayLike,
    *,
    convention: EctConvention = "paper",
    vectors: Length | None = None,
    reference: EctReference = "none",
    level: float = 0.95,
    n_resamples: int | None = None,
    rng: int | np.random.Generator | None = None,
) -> Measure:
    """Return the rank correlation of attribute words' cosines with the means of two groups.

    ``ECT = Spearman(cos(m1, a_i), cos(m2, a_i))`` over attribute words, m the mean vector of a
    group. **1 is no bias.**

    Parameters
    ----------
    group_1, group_2 : array_like of shape (n_1, d), (n_2, d)
        Vectors of the two groups' words. The sizes may differ, and one word is enough.
    attributes : array_like of shape (n, d)
        Vectors of attribute words, three distinct ones at least.
    convention : {"paper", "wefe"}
        ``paper``: means of unit vectors. ``wefe``: means of raw vectors, as WEFE has it unless
        told to normalise, in which long vectors weigh more.
    vectors : {"unit", "raw"}, optional
        Length of the groups' vectors; by convention where it is not given.
    reference : {"none", "halves"}
        ``halves``: the same figure for two random halves of one group, the mean over 100
        splits. Any space whose cosines are all alike has a high coherence: only what falls
        short of this reference speaks of the groups. Halves have fewer words, so the reference
        is rather too low.
    level : float
        Confidence of the interval, in (0, 1).
    n_resamples : int, optional
        Bootstrap samples; 9,999 for up to 400 attribute words and fewer for more, unless given.
    rng : int, Generator or None
        Seed of bootstrap and splits.

    Returns
    -------
    Measure
        `value` in [-1, 1], 1 is no bias, with a bootstrap interval over attribute words (BCa;
        without the correction for skewness beyond 1,000 words). Figures under ``halves``:
        ``halves_1``, ``halves_2`` (NaN for a group of one word). Scores of ``words``: the
        cosine of each attribute word with the mean of group 1 less that with the mean of group
        2 (positive: nearer to group 1); ``group 1``, ``group 2``: these cosines.

    Raises
    ------
    InputError, VectorError
        Wrong shape, empty set, fewer than three distinct attribute words, option that does not
        exist; a zero or non-finite vector.

    Notes
    -----
    There is no p-value: the usual one of a rank correlation supposes *no* correlation, the
    opposite of what is asked. The value is NaN, with a note, where the vectors of a group
    cancel out or all attribute words are equally near. Rows are not compared otherwise: an
    attribute word given twice counts twice.

    References
    ----------
    Dev & Phillips 2019, AISTATS, 879-887.

    Examples
    --------
    >>> ect([[1.0, 0.0]], [[1.0, 0.1]], [[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]], rng=0).value
    1.0
    """
    check_choice("convention", convention, get_args(EctConvention))
    check_choice("reference", reference, get_args(EctReference))
    check_level(level)
    check_rng(rng)
    length: Length = vectors or ("unit" if convention == "paper" else "raw")
    named = {"group_1": group_1, "group_2": group_2}
    rows = {name: rows_of(given, name, length) for name, given in named.items()}
    rows["attributes"] = unit_rows(attributes, "attributes")
    check_same_dimension(rows)
    _check_distinct(rows["attributes"])
    draws = draws_for(n_resamples, 10 * len(rows["attributes"]), at_least=100)
    generator, _ = as_generator(rng)
    figures: dict[str, float] = {}
    if reference == "halves":
        for i in (1, 2):
            figures[f"halves_{i}"] = _halves(rows[f"group_{i}"], rows["attributes"], generator)
    cosines = np.stack([_cosines(rows[name], rows["attributes"]) for name in named])
    value, interval, note = _figure(cosines, level, draws, generator)
    return Measure(
        metric="ect",
        value=value,
        no_bias=1.0,
        value_range=(-1.0, 1.0),
        interval=interval,
        counts={"words": cosines.shape[1], "group 1": len(rows["group_1"])}
        | {"group 2": len(rows["group_2"])},
        figures=figures,
        scores={
            "words": tuple((cosines[0] - cosines[1]).tolist()),
            "group 1": tuple(cosines[0].tolist()),
            "group 2": tuple(cosines[1].tolist()),
        },
        settings={"convention": convention, "vectors": length, "n_resamples": draws},
        note=note,
    )


def _check_distinct(units: FloatArray) -> None:
    """Raise an InputError unless there are three different rows."""
    left = units
    for found in range(3):
        if left.shape[0] == 0:
            raise InputError(
                f"attributes: {found} distinct attribute word(s); a rank correlation needs three "
                "at least, so give more"
            )
        left = left[np.abs(left - left[0]).max(axis=1) > 1e-12]


def _cosines(group: FloatArray, attributes: FloatArray) -> FloatArray:
    """Return the cosine of each attribute word with the mean of a group, NaN without a mean."""
    direction = mean_direction(group)
    if direction is None:
        return np.full(attributes.shape[0], math.nan)
    cosines: FloatArray = np.round(attributes @ direction, _DECIMALS)
    return cosines


def _figure(
    cosines: FloatArray, level: float, draws: int, generator: np.random.Generator
) -> tuple[float, Interval | None, str]:
    """Return value, interval and note."""
    if np.isnan(cosines).any():
        return math.nan, None, "The vectors of a group cancel out: their mean has no direction."
    # In the order of one group, so that its ranks are read in the order of the memory.
    cosines = cosines[:, np.argsort(cosines[0], kind="stable")]
    problem = _Ranks.of(cosines[0]), _Ranks.of(cosines[1])
    n = cosines.shape[1]
    value = float(_spearman(problem, np.ones((1, n)))[0])
    if math.isnan(value):
        return value, None, "All attribute words are equally near to a group: they have no order."

    def draw(child: np.random.Generator, size: int) -> FloatArray:
        parts = []
        block = max(1, ENTRIES // (8 * n))
        for start in range(0, size, block):
            rows = min(block, size - start)
            parts.append(_spearman(problem, _times(child, rows, n)))
        return np.concatenate(parts)

    replicates = bootstrap_replicates(draw, draws, generator)
    left_out = [_spearman(problem, 1.0 - np.eye(n))] if n <= _MOST_LEFT_OUT else []
    try:
        interval = bootstrap_interval(value, replicates, level=level, jackknife=left_out)
    except InputError:
        return value, None, "No interval: too few attribute words for a bootstrap."
    note = "Fewer than 10 attribute words: the interval is too narrow." if n < 10 else ""
    return value, interval, note


def _times(generator: np.random.Generator, rows: int, n: int) -> FloatArray:
    """Return how often each of n words is drawn, for `rows` bootstrap samples."""
    drawn = generator.integers(0, n, size=(rows, n))
    drawn += n * np.arange(rows)[:, None]
    return np.bincount(drawn.ravel(), minlength=rows * n).reshape(rows, n).astype(np.float64)


@dataclass(frozen=True)
class _Ranks:
    """The order of one list of numbers, from which ranks follow however often each is taken."""

    order: NDArray[np.intp]
    first: NDArray[np.intp]  # in that order, the first and the last number equal to each
    last: NDArray[np.intp]

    @classmethod
    def of(cls, values: FloatArray) -> _Ranks:
        order = np.argsort(values, kind="stable")
        ordered = values[order]
        place = np.empty_like(order)
        place[order] = np.arange(order.size)
        first = np.searchsorted(ordered, ordered, side="left")
        last = np.searchsorted(ordered, ordered, side="right") - 1
        return cls(order, first[place], last[place])

    def centred(self, times: FloatArray) -> FloatArray:
        """Return twice the average rank of each number, less the mean rank."""
        taken = np.zeros((times.shape[0], times.shape[1] + 1))
        np.cumsum(np.take(times, self.order, axis=1), axis=1, out=taken[:, 1:])
        # Twice: (count below + count up to and with) / 2 + 1/2, minus (n + 1) / 2.
        ranks: FloatArray = np.take(taken, self.first, axis=1)
        ranks += np.take(taken, self.last + 1, axis=1)
        ranks -= taken[:, -1:]
        return ranks


def _spearman(ranks: tuple[_Ranks, _Ranks], times: FloatArray) -> FloatArray:
    """Return the rank correlation for each row of `times`, NaN where one side is constant."""
    one, two = (each.centred(times) for each in ranks)
    products = np.einsum("ij,ij,ij->i", times, one, two)
    squares = np.einsum("ij,ij,ij->i", times, one, one)
    squares = squares * np.einsum("ij,ij,ij->i", times, two, two)
    with np.errstate(divide="ignore", invalid="ignore"):
        correlations = np.where(squares > 0, products / np.sqrt(squares), np.nan)
    clipped: FloatArray = np.clip(correlations, -1.0, 1.0)
    return clipped


def _halves(group: FloatArray, attributes: FloatArray, generator: np.random.Generator) -> float:
    """Return the mean coherence of two random halves of one group."""
    n = group.shape[0]
    if n == 1:
        return math.nan
    orders = np.argsort(generator.random((_SPLITS, n)), axis=1)
    in_first = np.zeros((_SPLITS, n))
    np.put_along_axis(in_first, orders[:, : n // 2], 1.0, axis=1)
    ranks = []
    for chosen in (in_first, 1.0 - in_first):
        means = chosen @ group
        # The length of a mean does not change the order of its cosines.
        means /= np.linalg.norm(means, axis=1, keepdims=True) + np.finfo(float).tiny
        ranks.append(stats.rankdata(np.round(means @ attributes.T, _DECIMALS), axis=1))
    one, two = (each - (attributes.shape[0] + 1) / 2 for each in ranks)
    squares = (one**2).sum(axis=1) * (two**2).sum(axis=1)
    defined = squares > 0
    if not defined.any():
        return math.nan
    found = (one * two).sum(axis=1)[defined] / np.sqrt(squares[defined])
    return float(found.mean())


def _run(roles: RoleVectors) -> Measure:
    return ect(
        roles.x,
        roles.y,
        np.concatenate([roles.a, roles.b]),
        reference="halves",
        level=roles.level,
        rng=roles.rng,
    )


CARD = MetricCard(
    name="ect",
    measures=(
        "Whether two groups of words order attribute words alike by nearness. In an audit the "
        "groups are X and Y, the attribute words A and B together."
    ),
    formula="Spearman(cos(m1, a_i), cos(m2, a_i)), m the mean of a group's unit vectors",
    value_range="[-1, 1]",
    no_bias="1",
    direction="unsigned: the lower, the more the groups differ",
    pvalue="none; a bootstrap interval over attribute words (BCa)",
    caveats=(
        "High in any space whose cosines are all alike: compare with halves_1 and halves_2, the "
        "same figure for two random halves of one group. Says that the groups differ, not which "
        "words make the difference."
    ),
    edge_cases=EdgeCases(
        unequal="any sizes; a mean stands for each group",
        one_word=(
            "one word in a group is enough, without the reference of its halves; fewer than three "
            "distinct attribute words are refused"
        ),
        duplicates=(
            "a row given twice counts twice, but is one of the three distinct attribute words"
        ),
        two_sets=(
            "it counts in both: in X and Y it makes the groups more coherent (an audit refuses "
            "that)"
        ),
    ),
    paper="Dev & Phillips 2019, AISTATS, 879-887",
    conventions=(
        "WEFE takes the means of raw vectors unless told to normalise (convention='wefe'), in "
        "which long vectors, those of some frequencies, weigh more. The p-value of SciPy's "
        "spearmanr supposes no correlation, the opposite of no bias."
    ),
    run=_run,
    measured="attributes",
)
