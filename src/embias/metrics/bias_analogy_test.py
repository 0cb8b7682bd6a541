"""The bias analogy test: whether t1 - t2 + a2 finds a1 before other words of the second set."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike

from embias.errors import InputError
from embias.geometry.vectors import check_same_dimension, unit_rows
from embias.metrics._relabel import Labels, draws_for, in_first, relabelling_test
from embias.metrics._shifted_ranks import RankTable
from embias.metrics.card import OF_AN_ASSOCIATION, EdgeCases, MetricCard, RoleVectors
from embias.results import Alternative, Measure
from embias.stats.inputs import as_generator, as_numbers, check_choice, check_rng
from embias.types import FloatArray

__all__ = ["bias_analogy_test"]

AnalogyVectors: TypeAlias = Literal["unit", "raw"]

#: Pairs of targets times pairs of attributes up to which the p-value is computed (seconds).
_MOST_TESTED = 50_000_000
#: Numbers held at a time.
_NUMBERS_AT_ONCE = 2**21
#: Distances that differ by less than this share of the longest vector's square are equal.
_TIE = 1e-12


def bias_analogy_test(
    x: ArrayLike,
    y: ArrayLike,
    a: ArrayLike,
    b: ArrayLike,
    *,
    vectors: AnalogyVectors = "unit",
    alternative: Alternative = "greater",
    n_resamples: int | None = None,
    rng: int | np.random.Generator | None = None,
) -> Measure:
    """Return how often biased analogies, ``x - y = a - b``, hold in the ranking of attributes.

    For every x, y, a and b two queries are made, and words ranked by distance from them:

    - ``q1 = x - y + b``: a should come before each other word of B;
    - ``q2 = a - x + y``: b should come before each other word of A.

    BAT is the share of these comparisons (``n_x n_y n_a n_b (n_a + n_b - 2)`` of them) that come
    out so. Equal distances count one half.

    Parameters
    ----------
    x, y : array_like of shape (n_x, d), (n_y, d)
        Targets.
    a, b : array_like of shape (n_a, d), (n_b, d)
        Attributes, three in all at least. The numbers may differ.
    vectors : {"unit", "raw"}
        Length of the vectors. At their own length, as in the released code, long words are far
        from any query and so come late.
    alternative : {"greater", "less", "two-sided"}
        ``greater``: X goes with A.
    n_resamples : int, optional
        Draws, where the p-value is sampled: 9,999, or fewer where there are many targets and 999
        at least, unless given.
    rng : int, Generator or None
        Seed of the draws.

    Returns
    -------
    Measure
        `value`: BAT, in [0, 1]. **No bias is not one half**: a word of B is near to ``b``
        before anything is added, so that the other words of B come first in most embeddings.
        `no_bias` is the mean of BAT over all relabellings of the targets, which is what these
        words give when X and Y do not differ. Figures: ``expected``, that mean; ``swapped``, BAT
        with X and Y exchanged; ``difference``, value less ``swapped``: 0 is no bias, positive
        means that X goes with A and Y with B. ``scores["words"]``: for each x and each y, the
        share over the comparisons that it is in.

    Raises
    ------
    InputError
        Wrong shape, empty set, one attribute on each side (nothing to compare).
    VectorError
        A zero or non-finite vector.

    Notes
    -----
    A comparison comes out when ``(a - b) . (x - y)`` is above a threshold that does not depend
    on x and y, so no ranking is made: memory is that of the targets, and the cost that of placing
    each of them once for each threshold (two seconds or so for 5,000 + 5,000 targets with 25 + 25
    attributes, a tenth of a second for 25 + 25 targets).

    The p-value relabels targets, all ways for up to 200,000 of them, else by drawing, and needs
    the share of each ordered pair of targets. It is left out, with a note, where the square of
    the number of targets, times n_a n_b, is above 50 million.

    Rows are not compared: one given twice counts twice; an attribute in both sets ties with
    itself.

    References
    ----------
    Lauscher, Glavas, Ponzetto & Vulic 2020, AAAI 34:8131-8138.
    """
    check_choice("vectors", vectors, get_args(AnalogyVectors))
    check_choice("alternative", alternative, get_args(Alternative))
    check_rng(rng)
    sets = _checked({"x": x, "y": y, "a": a, "b": b}, vectors)
    n_x, n_y = len(sets["x"]), len(sets["y"])
    # A draw is a product with the square table of all targets, at many numbers a nanosecond.
    draws = draws_for(n_resamples, 4 * max(1, (n_x + n_y) ** 2 // 100))
    problem = _Problem.of(sets)
    tested: dict[str, Any] = {}
    figures: dict[str, float] = {}
    if problem.work <= _MOST_TESTED:
        pairs = problem.pair_shares()
        of_x, of_y = pairs[:n_x, n_x:].mean(axis=1), pairs[:n_x, n_x:].mean(axis=0)
        swapped = float(pairs[n_x:, :n_x].mean())
        figures["expected"] = float((pairs.sum() - np.trace(pairs)) / (pairs.size - len(pairs)))
        tested = _tested(float(of_x.mean()), pairs, (n_x, n_y), alternative, draws, rng)
    else:
        of_x, of_y, swapped = problem.shares(n_x)
    value = float(of_x.mean())
    figures |= {"swapped": swapped, "difference": value - swapped}
    return Measure(
        metric="bias_analogy_test",
        value=value,
        no_bias=figures.get("expected"),
        value_range=(0.0, 1.0),
        counts={"X": n_x, "Y": n_y, "A": len(sets["a"]), "B": len(sets["b"])},
        figures=figures,
        scores={"words": (*of_x.tolist(), *of_y.tolist())},
        settings={"vectors": vectors, "two_sided": "doubled"},
        note="" if tested else "Too many pairs of words for a p-value and an expected value.",
        **tested,
    )


def _checked(given: dict[str, ArrayLike], vectors: AnalogyVectors) -> dict[str, FloatArray]:
    units = {name: unit_rows(rows, name) for name, rows in given.items()}
    check_same_dimension(units)
    if len(units["a"]) == len(units["b"]) == 1:
        raise InputError(
            "a and b have one attribute each, so there is no other word to come after; give at "
            "least two on one side"
        )
    if vectors == "unit":
        return units
    raw = {name: as_numbers(rows, name) for name, rows in given.items()}
    # Comparing distances does not depend on one common scale, and squares must not overflow.
    scale = max(float(np.abs(rows).max()) for rows in raw.values())
    return {name: rows / scale for name, rows in raw.items()}


@dataclass(frozen=True)
class _Problem:
    """Comparisons as inequalities: (a - b) . (x - y) > threshold.

    Attributes
    ----------
    along_a, along_b : ndarray of shape (n, n_a), (n, n_b)
        Products of the targets (X above Y) with the attributes.
    products : ndarray of shape (n_a + n_b, n_a + n_b)
        Products of the attributes, A before B, with one another.
    tie : float
        Rounding of the inequality.
    """

    along_a: FloatArray
    along_b: FloatArray
    products: FloatArray
    tie: float

    @classmethod
    def of(cls, sets: dict[str, FloatArray]) -> _Problem:
        targets = np.concatenate([sets["x"], sets["y"]])
        attributes = np.concatenate([sets["a"], sets["b"]])
        products = attributes @ attributes.T
        largest = max(float((targets**2).sum(axis=1).max()), float(np.diag(products).max()))
        return cls(targets @ sets["a"].T, targets @ sets["b"].T, products, _TIE * largest)

    @property
    def n(self) -> int:
        return int(self.along_a.shape[0])

    @property
    def sizes(self) -> tuple[int, int]:
        return self.along_a.shape[1], self.along_b.shape[1]

    @property
    def work(self) -> int:
        n_a, n_b = self.sizes
        return self.n**2 * n_a * n_b

    @property
    def comparisons(self) -> int:
        """Number of comparisons for one pair of targets."""
        n_a, n_b = self.sizes
        return n_a * n_b * (n_a + n_b - 2)

    def questions(self) -> Iterator[tuple[FloatArray, FloatArray]]:
        """Yield, for each a and b, the targets along a - b and the thresholds in order."""
        n_a, n_b = self.sizes
        half = np.diag(self.products) / 2
        for i in range(n_a):
            for j in range(n_b):
                k = n_a + j
                difference = self.products[i] - self.products[k]
                longer = half[i] - half[k]
                # a_i before b_j for x - y + b', every other b' of B; then b_j before a_i for
                # a' - x + y, every other a' of A.
                first = longer - np.delete(difference[n_a:], j)
                second = np.delete(difference[:n_a], i) - longer
                along = self.along_a[:, i] - self.along_b[:, j]
                yield along, np.sort(np.concatenate([first, second]))

    def shares(self, n_x: int) -> tuple[FloatArray, FloatArray, float]:
        """Return the share of comparisons that come out, for each x and y; and with X for Y."""
        won_x, won_y, swapped = np.zeros(n_x), np.zeros(self.n - n_x), 0.0
        largest = max(float(np.abs(self.along_a).max()), float(np.abs(self.along_b).max()))
        reach = 2 * largest + 4 * float(np.abs(self.products).max())
        for along, thresholds in self.questions():
            of_x, of_y = along[:n_x], along[n_x:]
            order = np.argsort(of_x)
            table = RankTable.of(of_x[order], self.tie, reach)
            # x - y is above a threshold where y + threshold is below x.
            missed, won = table.below_all(of_y, thresholds)
            won_x[order] += won
            won_y += thresholds.size * n_x - missed
            # y - x is above it where x is below y - threshold.
            swapped += table.total_below(of_y, -thresholds)
        each = self.comparisons
        shares_x, shares_y = won_x / (each * won_y.size), won_y / (each * n_x)
        return shares_x, shares_y, swapped / (each * n_x * won_y.size)

    def pair_shares(self) -> FloatArray:
        """Return, for each ordered pair of targets, the share of comparisons that come out."""
        shares = np.zeros((self.n, self.n))
        step = max(1, _NUMBERS_AT_ONCE // self.n)
        for along, thresholds in self.questions():
            for start in range(0, self.n, step):
                apart = along[start : start + step, None] - along[None, :]
                shares[start : start + step] += _below(thresholds, apart, self.tie)
        return shares / self.comparisons


def _below(values: FloatArray, limits: FloatArray, tie: float) -> FloatArray:
    """Return how many of the sorted values lie below each limit, ties counting one half."""
    below: FloatArray = (
        np.searchsorted(values, limits - tie, side="left")
        + np.searchsorted(values, limits + tie, side="right")
    ) / 2
    return below


def _tested(
    value: float,
    pairs: FloatArray,
    sizes: tuple[int, int],
    alternative: Alternative,
    n_resamples: int,
    rng: int | np.random.Generator | None,
) -> dict[str, Any]:
    """Return the fields of the p-value: targets relabelled."""

    def statistic(labels: Labels) -> FloatArray:
        chosen = in_first(labels)
        found: FloatArray = ((chosen @ pairs) * (1 - chosen)).sum(axis=1)
        return found / (sizes[0] * sizes[1])

    test = relabelling_test(
        value,
        statistic,
        sizes,
        alternative=alternative,
        noise=1e-10,
        n_resamples=n_resamples,
        rng=as_generator(rng)[0],
    )
    return {"alternative": alternative, "null": "target words relabelled", **test.fields()}


def _run(roles: RoleVectors) -> Measure:
    return bias_analogy_test(
        roles.x, roles.y, roles.a, roles.b, alternative=roles.alternative, rng=roles.rng
    )


CARD = MetricCard(
    name="bias_analogy_test",
    measures=(
        "How often the biased analogies x : y = a : b hold when attributes are ranked by their "
        "distance from the query x - y + b (or a - x + y)."
    ),
    formula=(
        "share of (x, y, a, b, b') with |a - q1| < |b' - q1|, q1 = x - y + b, b' not b; and of "
        "(x, y, a, b, a') with |b - q2| < |a' - q2|, q2 = a - x + y, a' not a"
    ),
    value_range="[0, 1]",
    no_bias=(
        "the mean over relabelled targets (figure: expected), mostly well below 0.5; 0 for the "
        "difference from BAT with X and Y exchanged (figure: difference)"
    ),
    direction="larger than expected: X goes with A and Y with B",
    pvalue="target words relabelled, exact up to 200,000 ways, else sampled",
    caveats=(
        "BAT by itself mostly says how tight A and B are: 0.5 is not its zero. Queries that start "
        "from an attribute favour that attribute's neighbours, as in all analogies."
    ),
    edge_cases=EdgeCases(
        unequal="any sizes; every comparison weighs the same",
        one_word="one target a side is enough; one attribute on each side is refused",
        two_sets=(
            "it counts in both (an audit refuses a word in X and Y or A and B); an attribute in "
            "both sets ties with itself, which counts one half"
        ),
    ),
    paper="Lauscher, Glavas, Ponzetto & Vulic 2020, AAAI 34:8131-8138 (BAT)",
    conventions=(
        "The paper's formula. The released code (DEBIE) starts its counts anew for each pair of "
        "targets and so returns the share of the last pair only; it cuts the attribute sets to "
        "one size, takes words in both out, uses raw vectors and breaks ties by the order of "
        "words. vectors='raw' on that one pair gives its number."
    ),
    run=_run,
    evidence=OF_AN_ASSOCIATION,
)
