"""The result of a metric that is one figure with its evidence."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from embias.results.terms import Alternative, Interval

__all__ = ["Measure"]


@dataclass(frozen=True, slots=True, eq=False)
class Measure:
    """The result of a metric that is not the difference of two target sets.

    Attributes
    ----------
    metric : str
        Name of the metric.
    value : float
        The figure. NaN where it is not defined; `note` says why.
    no_bias : float or None
        The value that means no bias; None where no value does.
    value_range : tuple of (float or None)
        Least and greatest possible value, None where there is no bound.
    pvalue : float or None
        In (0, 1], None where the metric has no test.
    pvalue_bounds : tuple of float or None
        See :class:`PermutationResult`.
    pvalue_method : {"exact", "certified", "sampled", "analytic"} or None
        ``analytic``: from a distribution, named in `null`.
    alternative : {"greater", "less", "two-sided"} or None
    null : str
        What the p-value supposes, ``"attribute words relabelled"`` for example.
    n_resamples : int or None
        Draws, where the p-value is sampled.
    interval : Interval or None
    counts : dict of str to int
        What the figure was computed from: ``{"words": 12, "pairs": 5}``.
    figures : dict of str to float
        Further figures, by name (NaN where one is not defined).
    scores : dict of str to tuple of float
        The evidence: one number per row of an input, in its order. ``"words"`` are those of the
        measured words.
    settings : dict
        The conventions and options that were used, ``{"vectors": "unit"}`` for example.
    note : str
        What a reader must know about this figure.
    """

    metric: str
    value: float
    no_bias: float | None
    value_range: tuple[float | None, float | None]
    pvalue: float | None = None
    pvalue_bounds: tuple[float, float] | None = None
    pvalue_method: Literal["exact", "certified", "sampled", "analytic"] | None = None
    alternative: Alternative | None = None
    null: str = ""
    n_resamples: int | None = None
    interval: Interval | None = None
    counts: dict[str, int] = field(default_factory=dict)
    figures: dict[str, float] = field(default_factory=dict)
    scores: dict[str, tuple[float, ...]] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    note: str = ""

    def __eq__(self, other: object) -> bool:
        # What is undefined is NaN, which is unequal to itself; two results are not.
        if not isinstance(other, Measure):
            return NotImplemented
        return bool(_without_nan(asdict(self)) == _without_nan(asdict(other)))

    __hash__ = None  # type: ignore[assignment]


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(entry) for entry in value]
    return None if isinstance(value, float) and math.isnan(value) else value
