"""Drift: how far words have moved between time slices."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from embias.metrics._slices import AlignTo, Slices, align_slices, stacked_units
from embias.metrics.card import EdgeCases, MetricCard
from embias.results import Interval, Measure
from embias.stats.bootstrap import bootstrap_interval, bootstrap_replicates, check_level
from embias.stats.inputs import check_size, seed_of
from embias.types import FloatArray

__all__ = ["diachronic_drift"]

#: Numbers held at a time.
_NUMBERS = 2**22

CARD = MetricCard(
    name="diachronic_drift",
    measures="How far words have moved between the first and the last of several time slices.",
    formula="mean over words of 1 - cos(w in the first slice, w in the last), after alignment",
    value_range="[0, 2]",
    no_bias="0: no movement; sampling alone makes it positive, so compare with random slices",
    direction="larger: more movement",
    pvalue="none; bootstrap interval over words",
    caveats=(
        "Rare words move by noise, and so does every word between two trainings: slice the same "
        "corpus at random for a baseline (Dubossarsky 2017). The alignment presumes that most "
        "anchors stand still."
    ),
    edge_cases=EdgeCases(
        missing=(
            "a row of NaN is a word that a slice does not have: it has no drift, and is counted"
        ),
        unequal="the same words in every slice, else refused",
        one_word="one word is enough, without an interval",
        duplicates="a word given twice counts twice",
        two_sets="there is one set of words",
    ),
    paper="Hamilton, Leskovec & Jurafsky 2016, ACL; Dubossarsky et al. 2017, EMNLP (baseline)",
    conventions=(
        "Vectors have unit length before the rotation is fitted, and are not centred; some "
        "codes centre them first."
    ),
    takes="vectors",
    needs="the vectors of the same words in several time slices",
)


def diachronic_drift(
    slices: Slices,
    *,
    align: bool = True,
    anchors: ArrayLike | None = None,
    to: AlignTo = "previous",
    level: float = 0.95,
    n_resamples: int = 1_999,
    rng: int | np.random.Generator | None = 0,
) -> Measure:
    """Return the mean cosine distance of words between the first and the last slice.

    Parameters
    ----------
    slices : sequence of array_like of shape (n, d)
        In the order of time; the same words in the same rows, a row of NaN for a word that a
        slice does not have.
    align : bool
        Rotate the slices onto each other first, see :func:`embias.metrics.align_slices`; not
        needed where one model encodes all slices.
    anchors, to
        As for :func:`embias.metrics.align_slices`.
    level : float
        Confidence of the interval, in (0, 1).
    n_resamples : int
        Bootstrap samples of words (BCa), 100 at least.
    rng : int, Generator or None
        Seed.

    Returns
    -------
    Measure
        `value` in [0, 2], 0 is no movement; over the words that both slices have, NaN with a
        note where there is none. ``figures["step:I"]``: mean distance between slices I - 1 and
        I. ``scores["words"]``: the drift of each word, NaN for one that is missing. No interval
        for one word, or where all words have moved alike.

    Raises
    ------
    InputError
        Fewer than two slices, slices of different shape, options out of range.
    VectorError
        A zero or partly non-finite row.

    References
    ----------
    Hamilton, Leskovec & Jurafsky 2016, ACL.
    """
    check_level(level)
    check_size("n_resamples", n_resamples, at_least=100)
    seed = seed_of(rng)
    if align:
        units = align_slices(slices, anchors=anchors, to=to)
    else:
        units = stacked_units(slices, "slices")
    drift = _distances(units[0], units[-1])
    known = drift[np.isfinite(drift)]
    figures = {f"step:{i}": _mean(_distances(units[i - 1], units[i])) for i in range(1, len(units))}
    lost = drift.size - known.size
    note = f"{lost} of {drift.size} words are not in both ends." if lost else ""
    if not known.size:
        note += " There is no drift to measure."
    return Measure(
        metric="diachronic_drift",
        value=_mean(drift),
        no_bias=0.0,
        value_range=(0.0, 2.0),
        interval=_interval(known, level, n_resamples, seed),
        counts={"slices": len(units), "words": known.size, "missing": lost},
        figures=figures,
        scores={"words": tuple(drift.tolist())},
        settings={
            "align": bool(align),
            "to": to if align else None,
            "anchors": "all" if anchors is None else int(np.unique(np.asarray(anchors)).size),
            "seed": seed,
        },
        note=note,
    )


def _distances(one: FloatArray, two: FloatArray) -> FloatArray:
    # Half the squared distance of unit vectors: 1 - cos without its cancellation.
    found: FloatArray = 0.5 * ((one - two) ** 2).sum(axis=1)
    return found


def _mean(values: FloatArray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else math.nan


def _interval(drift: FloatArray, level: float, n_resamples: int, seed: int) -> Interval | None:
    n = drift.size
    if n < 2 or np.ptp(drift) <= 1e-14:
        return None

    def draw(generator: np.random.Generator, size: int) -> FloatArray:
        step = max(1, _NUMBERS // n)
        parts = [min(step, size - start) for start in range(0, size, step)]
        return np.concatenate(
            [drift[generator.integers(n, size=(part, n))].mean(axis=1) for part in parts]
        )

    replicates = bootstrap_replicates(draw, n_resamples, seed)
    left_out = (drift.sum() - drift) / (n - 1)
    return bootstrap_interval(float(drift.mean()), replicates, level=level, jackknife=[left_out])
