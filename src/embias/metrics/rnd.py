"""Relative norm distance: whether neutral words lie nearer to one group or to the other."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike

from embias.geometry.vectors import check_same_dimension
from embias.metrics._raw import Length, mean_direction, rows_of
from embias.metrics._relabel import (
    Labels,
    Relabelled,
    coordinates,
    draws_for,
    in_first,
    relabelling_test,
)
from embias.metrics._sides import with_side_means
from embias.metrics.card import OF_AN_ASSOCIATION, EdgeCases, MetricCard, RoleVectors
from embias.results import Alternative, Measure
from embias.stats.inputs import as_generator, check_choice, check_rng
from embias.types import FloatArray

__all__ = ["RndConvention", "RndDistance", "rnd"]

RndDistance: TypeAlias = Literal["norm", "cosine"]
RndConvention: TypeAlias = Literal["paper", "wefe"]


def rnd(
    group_1: ArrayLike,
    group_2: ArrayLike,
    neutral: ArrayLike,
    *,
    distance: RndDistance = "norm",
    convention: RndConvention = "paper",
    vectors: Length | None = None,
    alternative: Alternative = "two-sided",
    n_resamples: int | None = None,
    rng: int | np.random.Generator | None = None,
) -> Measure:
    """Return how much nearer neutral words lie to the mean of one group than of another.

    ``RND = mean_w (|w - m1| - |w - m2|)`` with m the mean vector of each group.
    **Positive: nearer to group 2**, the field's sign; ``figures["towards_first"]`` has the sign
    of the other metrics.

    Parameters
    ----------
    group_1, group_2 : array_like of shape (n_1, d), (n_2, d)
        Vectors of the two groups' words (``he``, ``man``; ``she``, ``woman``). The sizes may
        differ, and one word is enough; see Notes.
    neutral : array_like of shape (n, d)
        Vectors of the words to be scored (occupations, say).
    distance : {"norm", "cosine"}
        ``norm``: Euclidean distance. ``cosine``: cosine distance ``1 - cos(w, m)``, which
        agrees with it in sign of meaning.
    convention : {"paper", "wefe"}
        ``paper``: all vectors at unit length first, the mean not normalised again. ``wefe``:
        what WEFE computes unless asked otherwise, with raw vectors; and its ``cos`` is a
        *similarity*, so that under ``distance="cosine"`` positive means nearer to group 1.
    vectors : {"unit", "raw"}, optional
        Length of the vectors; by convention where it is not given.
    alternative : {"two-sided", "greater", "less"}
        ``greater``: the neutral words are nearer to the *first* group.
    n_resamples : int, optional
        Draws, where there are too many relabellings to take all; 9,999 for up to 4,000 neutral
        words and fewer for more, unless given.
    rng : int, Generator or None
        Seed of these draws.

    Returns
    -------
    Measure
        `value` in [-2, 2] on unit vectors, 0 is no bias. Figures: ``towards_first``; ``sum``,
        which Garg reports, in the place of the mean; ``null_mean``, the mean of the value over
        the relabellings. Scores of ``words``: one for each neutral word, signed as the value.

    Raises
    ------
    InputError, VectorError
        Wrong shape, empty set, option that does not exist; a zero or non-finite vector.

    Notes
    -----
    The p-value relabels the words of the groups; enumerated where there are up to 200,000
    relabellings (fewer for thousands of neutral words), else drawn. Two-sided it is twice the
    smaller one-sided one. With groups of different size the value has not the mean 0 without
    bias, for the mean of few vectors is longer: compare with ``null_mean``. With one word on
    each side p is 1/2 at least.

    Rows are not compared: one given twice counts twice, one in both groups counts in both.
    Means that cancel out have no cosine: the value is NaN then, with a note.

    References
    ----------
    Garg, Schiebinger, Jurafsky & Zou 2018, PNAS 115:E3635-E3644.

    Examples
    --------
    >>> result = rnd([[1.0, 0.0]], [[0.0, 1.0]], [[1.0, 0.0]])
    >>> round(result.value, 3), round(result.figures["towards_first"], 3)
    (-1.414, 1.414)
    """
    check_choice("distance", distance, get_args(RndDistance))
    check_choice("convention", convention, get_args(RndConvention))
    check_choice("alternative", alternative, get_args(Alternative))
    length: Length = vectors or ("unit" if convention == "paper" else "raw")
    named = {"group_1": group_1, "group_2": group_2, "neutral": neutral}
    rows = {name: rows_of(given, name, length) for name, given in named.items()}
    check_same_dimension(rows)
    draws = draws_for(n_resamples, rows["neutral"].shape[0])
    check_rng(rng)
    # A cosine similarity grows where a distance falls.
    turned = -1.0 if convention == "wefe" and distance == "cosine" else 1.0
    problem = _Problem(rows["group_1"], rows["group_2"], rows["neutral"], distance)
    scores = problem.scores()
    settings: dict[str, str] = {"distance": distance, "convention": convention, "vectors": length}
    result = _measure(scores, turned, settings, problem)
    if scores is None:
        return result
    test = problem.relabelled(alternative, draws, as_generator(rng)[0])
    return replace(
        result,
        **test.fields(),
        alternative=alternative,
        null="words of the groups relabelled (greater: nearer to the first group)",
        # The test is on towards_first.
        figures={**result.figures, "null_mean": -turned * test.null_mean},
    )


def _measure(
    scores: FloatArray | None, turned: float, settings: dict[str, str], problem: _Problem
) -> Measure:
    """Return the value and its evidence, without the test; no scores: undefined."""
    n = problem.neutral.shape[0]
    each = np.full(n, math.nan) if scores is None else turned * scores
    mean = float(each.mean())
    cosine = settings["distance"] == "cosine"
    bound = 2.0 if cosine or settings["vectors"] == "unit" else None
    return Measure(
        metric="rnd",
        value=mean,
        no_bias=0.0,
        value_range=(None if bound is None else -bound, bound),
        counts={"words": n, "group 1": problem.first.shape[0], "group 2": problem.second.shape[0]},
        figures={
            "towards_first": -turned * mean,
            "sum": float(each.sum()),
            "null_mean": math.nan,
        },
        scores={"words": tuple(each.tolist())},
        settings={**settings, "positive": "group 1" if turned < 0 else "group 2"},
        note=""
        if scores is not None
        else "The vectors of a group cancel out: their mean has no direction, so no cosine.",
    )


@dataclass(frozen=True)
class _Problem:
    """Two groups, the neutral words, and a distance between a word and the mean of a group."""

    first: FloatArray
    second: FloatArray
    neutral: FloatArray
    distance: RndDistance

    def scores(self) -> FloatArray | None:
        """Return the difference of the distances of each neutral word; None: undefined."""
        if self.distance == "norm":
            to_first, to_second = (
                np.linalg.norm(self.neutral - group.mean(axis=0), axis=1)
                for group in (self.first, self.second)
            )
            differences: FloatArray = to_first - to_second
            return differences
        one, two = mean_direction(self.first), mean_direction(self.second)
        if one is None or two is None:
            return None
        lengths = np.linalg.norm(self.neutral, axis=1)
        cosines: FloatArray = self.neutral @ (two - one) / lengths
        return cosines

    def relabelled(
        self, alternative: Alternative, n_resamples: int, rng: np.random.Generator
    ) -> Relabelled:
        """Test the mean difference, turned towards the first group."""
        n_first, n_second = self.first.shape[0], self.second.shape[0]
        pooled = np.concatenate([self.first, self.second])
        rows, neutral = coordinates(pooled, self.neutral)
        mean_distance = self._mean_distance(neutral)

        def towards_first(labels: Labels) -> FloatArray:
            chosen = in_first(labels)
            means = (chosen @ rows / n_first, (1.0 - chosen) @ rows / n_second)
            return mean_distance(means[1]) - mean_distance(means[0])

        sizes = (n_first, n_second)
        labels: Labels = np.repeat(np.arange(2, dtype=np.int16), sizes)
        # The root of a difference of squares near 0 is good to half of the digits.
        scale = float(np.linalg.norm(np.r_[pooled, self.neutral], axis=1).max())
        noise = 2e-9 * scale if self.distance == "norm" else 1e-12
        return relabelling_test(
            float(towards_first(labels[None])[0]),
            towards_first,
            sizes,
            alternative=alternative,
            noise=noise,
            n_resamples=n_resamples,
            rng=rng,
            cost=neutral.shape[0] if self.distance == "norm" else 1,
        )

    def _mean_distance(self, neutral: FloatArray) -> Callable[[FloatArray], FloatArray]:
        """Return what gives the mean distance of the neutral words to each of many means."""
        squares = (self.neutral**2).sum(axis=1)
        mean_unit = (neutral / np.sqrt(squares)[:, None]).mean(axis=0)

        def norm(means: FloatArray) -> FloatArray:
            distances = means @ (-2.0 * neutral.T)
            distances += squares
            distances += (means**2).sum(axis=1)[:, None]
            np.maximum(distances, 0.0, out=distances)
            np.sqrt(distances, out=distances)
            mean: FloatArray = distances.mean(axis=1)
            return mean

        def cosine(means: FloatArray) -> FloatArray:
            with np.errstate(divide="ignore", invalid="ignore"):
                away: FloatArray = 1.0 - means @ mean_unit / np.linalg.norm(means, axis=1)
            return away

        return norm if self.distance == "norm" else cosine


def _run(roles: RoleVectors) -> Measure:
    result = rnd(
        roles.x,
        roles.y,
        np.concatenate([roles.a, roles.b]),
        alternative=roles.alternative,
        rng=roles.rng,
    )
    names = ("towards_first_a", "towards_first_b", "a_minus_b")
    return with_side_means(result, len(roles.a), *names, sign=-1.0)


CARD = MetricCard(
    name="rnd",
    measures=(
        "Whether neutral words lie nearer to the mean of one group of words or of another. In an "
        "audit the groups are X and Y, the neutral words A and B together; figures give A and B "
        "alone."
    ),
    formula="mean_w (|w - m1| - |w - m2|), m the mean of a group's unit vectors",
    value_range="[-2, 2] on unit vectors",
    no_bias="0 (near 0 for groups of different size: see null_mean)",
    direction="positive: nearer to group 2 (Y), as the field has it; towards_first is turned",
    pvalue=(
        "words of the groups relabelled; exact by enumeration, else sampled; 'greater' is nearer "
        "to the first group"
    ),
    caveats=(
        "Depends on the length of the vectors: raw ones can change the sign. In an audit, words "
        "of A near X and words of B near Y cancel out: read a_minus_b for that."
    ),
    edge_cases=EdgeCases(
        unequal="any sizes; the mean of a small group is longer, so read null_mean",
        one_word="one is enough, in every set; with one on each side p is 1/2 at least",
        two_sets=(
            "in X and Y it counts in both, as in A and B (an audit refuses either); as target and "
            "attribute it draws the mean of its group to itself"
        ),
    ),
    paper="Garg, Schiebinger, Jurafsky & Zou 2018, PNAS 115:E3635-E3644",
    conventions=(
        "Garg adds the words up (figure sum), WEFE and we average. WEFE takes raw vectors unless "
        "told to normalise, and its cos is a similarity, so positive is nearer to group 1 there "
        "(convention='wefe' does both). Ours are the unit vectors of the paper, which leave the "
        "frequency of words out, and a cosine distance, which keeps one sign for both variants."
    ),
    run=_run,
    measured="attributes",
    evidence=OF_AN_ASSOCIATION,
)
