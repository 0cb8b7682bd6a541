"""What the page says of one row, one encoder, one suite: plain values for the template."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from embias.report.notes import dropped_words
from embias.report.phrasing import (
    ABSENT,
    clean,
    format_bounds,
    format_number,
    format_plain_pvalue,
    format_pvalue,
    format_smallest_pvalue,
    is_templated,
    plural,
)
from embias.results import Association, Audit, BiasResult, Measure, Published

__all__ = [
    "Fact",
    "ScoreSet",
    "WordCounts",
    "plain_facts",
    "rerun_commands",
    "result_facts",
    "score_sets",
    "word_counts",
]

_ROLES = {
    "X": "X, first target",
    "Y": "Y, second target",
    "A": "A, first attribute",
    "B": "B, second attribute",
}


@dataclass(frozen=True, slots=True)
class Fact:
    """A term and what is said of it; `link` is an address that is safe to follow, or empty."""

    term: str
    text: str
    link: str = ""


@dataclass(frozen=True, slots=True)
class WordCounts:
    """What became of one word set, in words."""

    role: str
    name: str
    asked: int
    found: int
    items: int
    dropped: str
    altered: str


@dataclass(frozen=True, slots=True)
class ScoreSet:
    """The scores of one target set: their spread, and where to draw them (0 to 100)."""

    role: str
    name: str
    count: int
    low: str
    middle: str
    high: str
    places: tuple[float, ...]


def plain_facts(values: Mapping[str, Any], prefix: str = "") -> list[Fact]:
    """Return the entries of `values` as facts: nested ones flat, empty ones left out."""
    facts = []
    for name, value in values.items():
        term = f"{prefix}{clean(name)}".replace("_", " ")
        if isinstance(value, Mapping):
            facts += plain_facts(value, f"{term} ")
        elif value not in (None, "", [], ()):
            facts.append(_fact(term, value))
    return facts


def _fact(term: str, value: Any) -> Fact:
    if isinstance(value, str):
        return Fact(term, clean(value), value if _is_address(value) else "")
    if isinstance(value, bool):
        return Fact(term, "yes" if value else "no")
    if isinstance(value, list | tuple):
        return Fact(term, "; ".join(clean(entry) for entry in value))
    return Fact(term, clean(json.dumps(value, ensure_ascii=False, default=str)))


def _is_address(text: str) -> bool:
    # Only a plain https address becomes a link: never javascript:, never one with blanks.
    visible = clean(text) == text and not any(map(str.isspace, text))
    return visible and text.startswith("https://")


def word_counts(result: BiasResult) -> list[WordCounts]:
    """Return what became of the four word sets of a row."""
    return [
        WordCounts(
            role=_ROLES.get(counts.role, clean(counts.role)),
            name=clean(counts.name),
            asked=counts.asked,
            found=counts.found,
            items=counts.items,
            dropped=dropped_words(counts) or "none",
            altered=dropped_words(zip(counts.altered, counts.alterations, strict=False)),
        )
        for counts in result.counts
    ]


def score_sets(result: BiasResult) -> list[ScoreSet]:
    """Return how the scores of X and of Y are spread, on one common scale."""
    figures = result.association
    if figures is None or not (figures.scores_x and figures.scores_y):
        return []
    both = (*figures.scores_x, *figures.scores_y)
    reach = max(map(abs, both)) or 1.0
    if not math.isfinite(reach):
        return []
    names = {counts.role: clean(counts.name) for counts in result.counts}
    sides = (("X", figures.scores_x), ("Y", figures.scores_y))
    return [
        ScoreSet(
            role=role,
            name=names.get(role, ""),
            count=len(scores),
            low=format_number(min(scores), 3),
            middle=format_number(statistics.median(scores), 3),
            high=format_number(max(scores), 3),
            places=tuple(round(50 + 48 * score / reach, 2) for score in scores),
        )
        for role, scores in sides
    ]


def result_facts(result: BiasResult) -> list[Fact]:
    """Return the figures of a row in words, with how its p-value came about."""
    if result.measure is not None:
        return _measure_facts(result.measure, result)
    figures = result.association
    if figures is None:
        return []
    facts = [
        Fact("effect size d", f"{format_number(figures.effect_size, 3)} (ddof {figures.ddof})"),
        Fact("statistic D", format_number(figures.statistic, 4)),
        Fact("sum statistic S", format_number(figures.sum_statistic, 3)),
    ]
    if is_templated(figures):
        text = (
            f"d {format_number(figures.unit_effect_size, 3)}, "
            f"D {format_number(figures.unit_statistic, 4)}"
        )
        facts.append(Fact("over words", text))
    if result.interval is not None:
        low, high = format_number(result.interval.low, 3), format_number(result.interval.high, 3)
        how = f"{result.interval.level:.0%}, {clean(result.interval.method)}, over words"
        facts.append(Fact("interval of d", f"{low} to {high} ({how})"))
    facts += _pvalue_facts(figures)
    if result.pvalue_adjusted is not None:
        adjusted = format_plain_pvalue(result.pvalue_adjusted)
        facts.append(
            Fact("adjusted p", f"{adjusted} ({result.adjustment}, {clean(result.family)})")
        )
    if result.item_pvalue is not None:
        text = f"{format_plain_pvalue(result.item_pvalue)} ({result.item_pvalue_method}); too small"
        facts.append(Fact("p over single sentences, as published", text))
    if result.detectable_effect is not None:
        text = f"d = {format_number(result.detectable_effect, 2)} with 80 % power at the 5 % level"
        facts.append(Fact("smallest effect found reliably", text))
    if result.published is not None:
        facts += _published_facts(result.published)
    return facts


def _measure_facts(measure: Measure, result: BiasResult) -> list[Fact]:
    low, high = measure.value_range
    facts = [
        Fact("value", format_number(measure.value, 4)),
        Fact("possible values", f"{_bound(low)} to {_bound(high)}"),
    ]
    if measure.no_bias is not None:
        facts.append(Fact("no bias", f"{measure.no_bias:g}"))
    if result.interval is not None:
        ends = " to ".join(format_number(v, 4) for v in (result.interval.low, result.interval.high))
        how = f"{result.interval.level:.0%}, {clean(result.interval.method)}"
        facts.append(Fact("interval of the value", f"{ends} ({how})"))
    if measure.pvalue is not None:
        drawn = [] if measure.n_resamples is None else [plural(measure.n_resamples, "draw")]
        named = [measure.alternative or "", measure.pvalue_method or "", *drawn]
        text = [format_pvalue(measure), *named, clean(measure.null)]
        facts.append(Fact("p", ", ".join(filter(None, text))))
    facts += [Fact(clean(name), format_number(v, 4)) for name, v in measure.figures.items()]
    facts += plain_facts(
        {"computed from": ", ".join(f"{n} {k}" for k, n in measure.counts.items())}
    )
    return facts + plain_facts(measure.settings)


def _bound(value: float | None) -> str:
    return "without bound" if value is None else f"{value:g}"


def _pvalue_facts(figures: Association) -> list[Fact]:
    drawn = "" if figures.n_resamples is None else f" from {plural(figures.n_resamples, 'draw')}"
    how = f"{format_pvalue(figures)}, {figures.alternative}, {figures.pvalue_method}{drawn}"
    bounds = format_bounds(figures)
    facts = [Fact("p", f"{how}; {bounds}" if bounds else how)]
    smallest = (
        f"{format_smallest_pvalue(figures)}, for {_count(figures.n_partitions)} relabellings of "
        f"{figures.n_x}+{figures.n_y} {figures.unit}s"
    )
    return [*facts, Fact("smallest possible p", smallest)]


def _count(number: int) -> str:
    if number < 10**9:
        return f"{number:,}"
    return f"about 10^{len(str(number)) - 1}" if number < 10**4000 else "more than 10^4000"


def _published_facts(published: Published) -> list[Fact]:
    d = format_number(published.effect_size, published.decimals)
    figures = f"d {d}, p {clean(published.pvalue or ABSENT)}"
    where = f"for the weights {clean(published.weights)}; {clean(published.source)}"
    facts = [Fact("published", f"{figures}, {where}")]
    if published.note:
        facts.append(Fact("on the published figure", clean(published.note)))
    return facts


def rerun_commands(audit: Audit) -> list[str]:
    """Return the command that made the audit; none where it was made in Python."""
    command = audit.provenance.command
    return [clean(command)] if command else []
