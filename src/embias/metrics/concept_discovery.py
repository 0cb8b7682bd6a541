"""Discovery without a word list: the concepts in which two groups of texts differ."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embias.errors import InputError
from embias.metrics._relabel import Relabelled, in_first, relabellings, share_of
from embias.metrics.card import EdgeCases, MetricCard
from embias.metrics.concepts import checked_codes
from embias.results import Measure
from embias.stats.inputs import as_generator, check_choice, check_rng, check_size
from embias.stats.multiplicity import adjust
from embias.types import FloatArray

__all__ = ["Correction", "Figure", "concept_discovery"]

Figure: TypeAlias = Literal["mean", "active"]
Correction: TypeAlias = Literal["max-t", "holm", "benjamini-hochberg", "benjamini-yekutieli"]

#: Standardised differences nearer than this are tied.
_TIED = 1e-10

CARD = MetricCard(
    name="concept_discovery",
    measures=(
        "In which concepts two groups of texts differ most, without a word list: concepts are "
        "dimensions of a dictionary or a sparse autoencoder fitted on the vectors."
    ),
    formula=(
        "for each concept d = (mean activation of the first group - of the second) / standard "
        "deviation over both (ddof 1); value: the d that is largest in absolute value"
    ),
    value_range="|d| <= sqrt(N (N - 1) / (n1 n2))",
    no_bias="0; the largest of many is above 0 by chance, which is what its p-value is about",
    direction="positive: the first group has more of the concept",
    pvalue=(
        "texts relabelled, all concepts together, two-sided: the p-value of the largest of all "
        "(max-T, Westfall & Young), and for each concept alone and adjusted; exact for small "
        "groups"
    ),
    caveats=(
        "Fit the concepts on other texts than those compared, or on both groups alike without "
        "labels. Another seed gives other concepts. Texts of one author are not independent. A "
        "concept is named by looking at its top texts, which is a reading, not a measurement."
    ),
    edge_cases=EdgeCases(
        missing="the caller leaves the text out",
        unequal="groups of any size",
        one_word="one text in each group is refused; three in all are enough",
        duplicates="a text given twice counts twice",
        two_sets="rows are not compared: it counts in both groups",
    ),
    paper=(
        "Westfall & Young 1993, Resampling-Based Multiple Testing; Cunningham et al. 2023, "
        "arXiv:2309.08600 (concepts from sparse autoencoders)"
    ),
    takes="vectors",
    needs="concept codes of two groups of texts",
)


def concept_discovery(
    first: ArrayLike,
    second: ArrayLike,
    *,
    figure: Figure = "mean",
    correction: Correction = "max-t",
    n_resamples: int = 1_999,
    rng: int | np.random.Generator | None = 0,
) -> Measure:
    """Compare the activations of concepts between two groups of texts.

    Parameters
    ----------
    first, second : array_like of shape (n1, c), (n2, c)
        Codes of the texts of each group, at least 0: rows of
        :attr:`embias.metrics.Concepts.codes`, or of a sparse autoencoder. Three texts at least.
    figure : {"mean", "active"}
        What is compared: mean activations, or the shares of texts in which a concept is active.
    correction : {"max-t", "holm", "benjamini-hochberg", "benjamini-yekutieli"}
        How the p-values of single concepts are adjusted for their number.
    n_resamples : int
        Relabellings drawn, where there are too many to count all.
    rng : int, Generator or None
        Seed.

    Returns
    -------
    Measure
        `value`: d of the concept that differs most; `pvalue` that of the largest difference
        among all concepts (whatever the correction). NaN, with a note, where no concept
        varies. ``scores["concepts"]``: d of each concept (NaN where it does not vary),
        ``scores["difference"]``, ``scores["pvalue"]`` and ``scores["pvalue_adjusted"]``.
        Figures: ``strongest`` (its place), ``differing`` (concepts with an adjusted p of at
        most 0.05).

    Raises
    ------
    InputError
        Different numbers of concepts, an empty group, negative codes, options out of range.

    References
    ----------
    Westfall & Young 1993, Resampling-Based Multiple Testing, Wiley.
    """
    check_choice("figure", figure, get_args(Figure))
    check_choice("correction", correction, get_args(Correction))
    check_size("n_resamples", n_resamples, at_least=99)
    check_rng(rng)
    groups = [checked_codes(first, "first"), checked_codes(second, "second")]
    if groups[0].shape[1] != groups[1].shape[1]:
        raise InputError(
            f"first has {groups[0].shape[1]} concepts and second {groups[1].shape[1]}; both must "
            "be coded by the same dictionary"
        )
    n_1, n_2 = len(groups[0]), len(groups[1])
    if n_1 + n_2 < 3:
        raise InputError("one text in each group; give three texts or more in all")
    if figure == "active":
        groups = [(codes > 0).astype(np.float64) for codes in groups]
    standard, varies = _standardised(np.concatenate(groups))
    base = Measure(
        metric="concept_discovery",
        value=math.nan,
        no_bias=0.0,
        value_range=_bounds(n_1, n_2),
        counts={
            "first": n_1,
            "second": n_2,
            "concepts": groups[0].shape[1],
            "varying": varies.size,
        },
        scores={"difference": tuple((groups[0].mean(axis=0) - groups[1].mean(axis=0)).tolist())},
        settings={"figure": figure, "correction": correction},
        note="No concept varies between the texts, so none can differ.",
    )
    if not varies.size:
        return base
    test = _relabelled(standard, n_1, n_resamples, rng)
    found = standard[:n_1].mean(axis=0) - standard[n_1:].mean(axis=0)
    adjusted = test.largest if correction == "max-t" else adjust(test.single, correction)
    return _measured(base, varies, (found, test.single, adjusted), test)


def _measured(
    base: Measure, varies: NDArray[np.intp], by_concept: tuple[FloatArray, ...], test: _Test
) -> Measure:
    size = base.counts["concepts"]
    scores = dict(base.scores)
    for name, values in zip(("concepts", "pvalue", "pvalue_adjusted"), by_concept, strict=True):
        every = np.full(size, math.nan)
        every[varies] = values
        scores[name] = tuple(every.tolist())
    strongest = int(np.abs(by_concept[0]).argmax())
    seed = {} if test.seed is None else {"seed": test.seed}
    return replace(
        base,
        value=float(by_concept[0][strongest]),
        **test.of_largest.fields(),
        alternative="two-sided",
        null="texts relabelled between the groups",
        figures={
            "strongest": float(varies[strongest]),
            "differing": float(np.count_nonzero(by_concept[2] <= 0.05)),
        },
        scores=scores,
        settings={**base.settings, **seed},
        note="",
    )


def _bounds(n_1: int, n_2: int) -> tuple[float, float]:
    n = n_1 + n_2
    bound = math.sqrt(n * (n - 1) / (n_1 * n_2))
    return -bound, bound


def _standardised(codes: FloatArray) -> tuple[FloatArray, NDArray[np.intp]]:
    """Return the concepts that vary with mean 0 and standard deviation 1, and which they are."""
    largest = codes.max(axis=0)
    codes = codes / np.where(largest > 0, largest, 1.0)
    varies = np.flatnonzero(np.ptp(codes, axis=0) > 1e-12)
    kept = codes[:, varies]
    kept = kept - kept.mean(axis=0)
    standard: FloatArray = kept / kept.std(axis=0, ddof=1)
    return standard, varies


@dataclass(frozen=True)
class _Test:
    single: FloatArray  # p-value of each concept
    largest: FloatArray  # the same against the largest of all concepts
    of_largest: Relabelled
    seed: int | None


def _relabelled(
    standard: FloatArray, n_1: int, n_resamples: int, rng: int | np.random.Generator | None
) -> _Test:
    """Relabel the texts; concepts are standardised, so sums over the first group compare them."""
    generator, seed = as_generator(rng)
    observed = np.abs(standard[:n_1].sum(axis=0)) - _TIED * n_1
    single = np.zeros(observed.size, dtype=np.int64)
    largest, total = single.copy(), 0
    n = len(standard)
    cost = max(standard.shape)
    exact, blocks = relabellings((n_1, n - n_1), cost=cost, n_resamples=n_resamples, rng=generator)
    for labels in blocks:
        sums = np.abs(in_first(labels) @ standard)
        single += (sums >= observed).sum(axis=0)
        # How many relabellings have a largest sum that reaches each concept's own.
        top = np.sort(sums.max(axis=1))
        largest += top.size - np.searchsorted(top, observed, side="left")
        total += len(labels)
    shares = [share_of(hits, total, exact=exact) for hits in (single, largest)]
    of_largest = Relabelled.from_hits(int(largest.min()), total, exact=exact)
    return _Test(shares[0], shares[1], of_largest, None if exact else seed)
