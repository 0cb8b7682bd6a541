"""Frozen values that carry a result together with its evidence."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from embias.results.measure import Measure
from embias.results.terms import Alternative, Interval, PvalueMethod, Status, Unit
from embias.types import EncoderInfo

__all__ = [
    "Association",
    "BiasResult",
    "Counts",
    "PermutationResult",
    "Provenance",
    "Published",
]


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of one word set: asked, found and dropped words.

    Attributes
    ----------
    role : str
        ``"X"``, ``"Y"`` (targets), ``"A"`` or ``"B"`` (attributes).
    name : str
        Name of the set.
    asked : int
        Number of words in the set.
    items : int
        Number of stimuli the found words were measured with (sentences, for a templated
        test; equal to `found` otherwise).
    dropped : tuple of str
        The words that were not used, as written.
    reasons : tuple of str
        Why, one for each dropped word.
    altered : tuple of str
        Words that were used, but not exactly as written: found by another form, made from
        n-grams, read through several windows.
    alterations : tuple of str
        What was done, one for each altered word: ``"as 'Cat' (title)"``.
    synthesised : int
        Words outside the vocabulary whose vector was made from parts of the word. They are used,
        and not covered.
    """

    role: str
    name: str
    asked: int
    items: int
    dropped: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    altered: tuple[str, ...] = ()
    alterations: tuple[str, ...] = ()
    synthesised: int = 0

    @property
    def found(self) -> int:
        """Number of words that were used."""
        return self.asked - len(self.dropped)

    @property
    def coverage(self) -> float:
        """Share of the words that have a vector of their own, in [0, 1]."""
        return (self.found - self.synthesised) / self.asked if self.asked else 0.0


@dataclass(frozen=True, slots=True)
class PermutationResult:
    """A permutation p-value and how far it can be trusted.

    Attributes
    ----------
    statistic : float
        Difference of the means, ``mean(scores_x) - mean(scores_y)``.
    pvalue : float
        In (0, 1]. Exact; or the upper end of a certified bracket; or ``(hits + 1)/(draws + 1)``.
    pvalue_bounds : tuple of float
        What is known of the exact p-value: twice the same number (exact), the rigorous
        bracket (certified), the 95 % Clopper-Pearson interval (sampled).
    method : {"exact", "certified", "sampled"}
    alternative : {"greater", "less", "two-sided"}
    two_sided : {"abs", "doubled"}
        Which two-sided p-value; of no effect on one-sided ones.
    n_x, n_y : int
        Number of units on each side.
    n_partitions : int
        ``comb(n_x + n_y, n_x)``, the number of relabellings.
    count : int or None
        Number of relabellings at least as extreme, where the p-value is exact.
    n_resamples, n_hits : int or None
        Draws, and draws at least as extreme, where the p-value is sampled.
    seed : int or None
        Seed of the draws where one was given as a number.
    tolerance : float
        Two sums closer than this count as equal.
    note : str
        Why this method, where a reader may ask.
    """

    statistic: float
    pvalue: float
    pvalue_bounds: tuple[float, float]
    method: PvalueMethod
    alternative: Alternative
    two_sided: Literal["abs", "doubled"]
    n_x: int
    n_y: int
    n_partitions: int
    count: int | None = None
    n_resamples: int | None = None
    n_hits: int | None = None
    seed: int | None = None
    tolerance: float = 0.0
    note: str = ""


@dataclass(frozen=True, slots=True)
class Association:
    """The result of an association test between two target and two attribute sets.

    Attributes
    ----------
    statistic : float
        Mean difference of association over the items, ``D = mean_X s - mean_Y s`` with
        ``s(w) = mean_a cos(w, a) - mean_b cos(w, b)``. In [-4, 4]; 0 is no association;
        positive: X goes with A and Y with B.
    effect_size : float
        ``d = D / std(s over X and Y together)``, over the items, as published. NaN when all
        scores are equal. 0 is no association. ``|d| <= sqrt(N (N - 1) / (nX nY))`` (ddof 1).
    ddof : int
        Degrees of freedom taken off in that standard deviation.
    unit : {"word", "item"}
        What was relabelled for the p-value.
    unit_statistic, unit_effect_size : float
        The same two figures over the units that were relabelled (means over the items of a
        word); equal to `statistic` and `effect_size` when every word has one item.
    pvalue, pvalue_bounds, pvalue_method, alternative, n_resamples
        See :class:`PermutationResult`.
    n_partitions : int
        Number of relabellings (at most 10**3000); the smallest one-sided p-value is one over it.
    n_x, n_y : int
        Number of units.
    items_x, items_y, items_a, items_b : int
        Number of items (rows) in each set.
    scores_x, scores_y : tuple of float
        s of every unit, the evidence.
    note : str
        Remarks of the p-value engine.
    """

    statistic: float
    effect_size: float
    ddof: int
    unit: Unit
    unit_statistic: float
    unit_effect_size: float
    pvalue: float
    pvalue_bounds: tuple[float, float]
    pvalue_method: PvalueMethod
    alternative: Alternative
    n_resamples: int | None
    n_partitions: int
    n_x: int
    n_y: int
    items_x: int
    items_y: int
    items_a: int
    items_b: int
    scores_x: tuple[float, ...]
    scores_y: tuple[float, ...]
    note: str = ""

    def __eq__(self, other: object) -> bool:
        # An undefined effect size is NaN, which is unequal to itself; two results are not.
        if not isinstance(other, Association):
            return NotImplemented
        return self._comparable() == other._comparable()

    def __hash__(self) -> int:
        return hash(self._comparable())

    def _comparable(self) -> tuple[object, ...]:
        values = (getattr(self, entry.name) for entry in fields(self))
        return tuple(None if isinstance(v, float) and math.isnan(v) else v for v in values)

    @property
    def sum_statistic(self) -> float:
        """The paper's ``S = sum_X s - sum_Y s`` over the units; not centred if nX != nY."""
        return math.fsum(self.scores_x) - math.fsum(self.scores_y)


@dataclass(frozen=True, slots=True)
class Published:
    """A published figure to set beside a computed one.

    Attributes
    ----------
    weights : str
        Official name of the weights the figure was computed with.
    effect_size : float or None
        As printed.
    pvalue : str or None
        As printed (papers print ``1e-3`` for "about a thousandth").
    decimals : int
        Decimals of the printed effect size.
    source : str
        Paper and table.
    note : str
        Known reason why a correct computation does not meet it; empty when it should.
    """

    weights: str
    effect_size: float | None
    pvalue: str | None
    decimals: int
    source: str
    note: str = ""

    def agrees(self, effect_size: float) -> bool | None:
        """Whether `effect_size` rounds to the printed digits; None if nothing is printed."""
        if self.effect_size is None or math.isnan(effect_size):
            return None
        return round(effect_size, self.decimals) == round(self.effect_size, self.decimals)


@dataclass(frozen=True, slots=True)
class BiasResult:
    """One row of an audit: encoder x transform x test x metric.

    Attributes
    ----------
    encoder, transform, suite, test, metric : str
        What was measured; `transform` is ``""`` when there is none.
    description : str
        The test in words, ``"Flowers/Insects vs Pleasant/Unpleasant"``.
    status : {"ok", "error"}
        ``error``: the test could not be run, and `reason` says why.
    reason : str
        Empty when the status is ok.
    association : Association or None
        The figures, None on error.
    counts : tuple of Counts
        X, Y, A, B, in this order.
    published : Published or None
        The published figure for these weights.
    notes : tuple of str
        What a reader must know about this row.
    interval : Interval or None
        Confidence interval of the effect size over words; None where it was not asked for or
        there is none (the notes say why).
    pvalue_adjusted : float or None
        The p-value corrected for the number of tests in its family.
    adjustment : str
        How (``"holm"``), empty where there was none.
    family : str
        What the family is: suite, encoder and number of tests.
    detectable_effect : float or None
        Smallest true effect size that a test with so many words finds in four cases of five
        at the 5 % level; None where no p-value below 0.05 is possible.
    item_pvalue : float or None
        The p-value that relabels single sentences as the published code does (too small);
        None where it was not asked for or words stand alone.
    item_pvalue_method : {"exact", "certified", "sampled"} or None
    measure : Measure or None
        The figures of a metric that is no association test; `association` is None then.
    measured : tuple of str
        The words that ``measure.scores["words"]`` are of, in its order.
    """

    encoder: str
    transform: str
    suite: str
    test: str
    metric: str
    description: str
    status: Status
    reason: str = ""
    association: Association | None = None
    counts: tuple[Counts, ...] = ()
    published: Published | None = None
    notes: tuple[str, ...] = ()
    interval: Interval | None = None
    pvalue_adjusted: float | None = None
    adjustment: str = ""
    family: str = ""
    detectable_effect: float | None = None
    item_pvalue: float | None = None
    item_pvalue_method: PvalueMethod | None = None
    measure: Measure | None = None
    measured: tuple[str, ...] = ()

    @property
    def pvalue(self) -> float | None:
        """The p-value of the row, whatever its metric; None where there is none."""
        if self.association is not None:
            return self.association.pvalue
        return None if self.measure is None else self.measure.pvalue


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where an audit comes from: all that is needed to run it again.

    Attributes
    ----------
    embias : str
        Version of embias.
    python, platform : str
    packages : dict of str to str
        Versions of the libraries that compute.
    seed : int
        Seed of the audit.
    settings : dict
        Arguments of the audit that change figures.
    encoders : tuple of EncoderInfo
    suites : tuple of dict
        Name, version, sha256 and source of each suite.
    created : str
        UTC time in ISO 8601 (``SOURCE_DATE_EPOCH`` is honoured). Not compared.
    command : str
        The command line that made the audit, empty where it was made in Python. Not compared.
    """

    embias: str
    python: str
    platform: str
    packages: dict[str, str]
    seed: int
    settings: dict[str, Any]
    encoders: tuple[EncoderInfo, ...]
    suites: tuple[dict[str, Any], ...]
    created: str = field(default="", compare=False)
    command: str = field(default="", compare=False)
