"""The results table that all reports show: groups of rows, columns, cells, footnotes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from embias.metrics import METRICS
from embias.report.notes import row_notes, row_published_agrees
from embias.report.phrasing import (
    ABSENT,
    clean,
    format_number,
    format_plain_pvalue,
    format_pvalue,
    is_templated,
    join_names,
    shorten,
)
from embias.results import Association, Audit, BiasResult, Measure

__all__ = ["Column", "Footnote", "Group", "Row", "groups"]

_SIDES = {
    "greater": "one-sided (greater)",
    "less": "one-sided (less)",
    "two-sided": "two-sided",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its key, its heading in full and in short, whether it holds figures."""

    key: str
    heading: str
    short: str
    figures: bool = True


@dataclass(frozen=True, slots=True)
class Row:
    """A row: the result, its cells in the order of the columns, the numbers of its notes."""

    result: BiasResult
    cells: tuple[str, ...]
    notes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Footnote:
    """A remark under a table, and the tests it speaks of (none: all of them)."""

    number: int
    tests: str
    text: str

    @property
    def line(self) -> str:
        """The remark with its tests in front."""
        return f"{self.tests}: {self.text}" if self.tests else self.text


@dataclass(frozen=True, slots=True)
class Group:
    """The rows of one suite, one encoder, one transform and one metric."""

    suite: str
    suite_name: str
    encoder: str
    results: tuple[BiasResult, ...]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    footnotes: tuple[Footnote, ...]
    reading: str

    @property
    def title(self) -> str:
        """Suite and encoder."""
        return f"{self.suite} · {self.encoder}"

    @property
    def short_title(self) -> str:
        """The same with the short name of the suite."""
        return f"{self.suite_name} · {self.encoder}"


_COLUMNS = (
    Column("test", "test", "test", figures=False),
    Column("what", "what", "what", figures=False),
    Column("n", "n", "n"),
    Column("value", "value", "value"),
    Column("no_bias", "no bias", "no\nbias"),
    Column("d", "effect size d", "d"),
    Column("word_d", "d over words", "d\nwords"),
    Column("interval", "interval", "interval"),
    Column("published_d", "published d", "publ.\nd"),
    Column("agrees", "agrees", "agrees", figures=False),
    Column("statistic", "statistic D", "D"),
    Column("p", "p", "p"),
    Column("adjusted_p", "adjusted p", "adj.\np"),
    Column("published_p", "published p", "publ.\np"),
    Column("how", "how", "how", figures=False),
)


def groups(audit: Audit) -> list[Group]:
    """Return the rows of `audit` as tables, one per suite, encoder, transform and metric.

    Parameters
    ----------
    audit : Audit
        What to show.

    Returns
    -------
    list of Group
        In the order in which they first appear; every string is safe for a terminal, none is
        escaped for HTML.
    """
    titles = {
        str(suite.get("name")): str(suite["title"])
        for suite in audit.provenance.suites
        if suite.get("title")
    }
    members: dict[tuple[str, ...], list[BiasResult]] = {}
    for result in audit.results:
        key = (result.suite, result.encoder, result.transform, result.metric)
        members.setdefault(key, []).append(result)
    name_metric = len({result.metric for result in audit.results}) > 1
    remarks = {info.id: info.notes for info in audit.provenance.encoders}
    return [
        _group(rows, titles, name_metric, remarks.get(rows[0].encoder, ()))
        for rows in members.values()
    ]


def _group(
    results: list[BiasResult],
    titles: dict[str, str],
    name_metric: bool,
    remarks: tuple[str, ...],
) -> Group:
    first = results[0]
    encoder = clean(first.encoder)
    if first.transform:
        encoder += f" · {clean(first.transform)}"
    if name_metric:
        encoder += f" · {clean(first.metric)}"
    columns = _columns(results)
    footnotes, numbers = _footnotes(results)
    rows = [
        Row(result, tuple(_CELLS[column.key](result) for column in columns), tuple(notes))
        for result, notes in zip(results, numbers, strict=True)
    ]
    return Group(
        suite=clean(titles.get(first.suite, first.suite)),
        suite_name=clean(first.suite),
        encoder=encoder,
        results=tuple(results),
        columns=columns,
        rows=tuple(rows),
        footnotes=tuple(footnotes),
        reading=_reading(results, remarks),
    )


def _columns(results: list[BiasResult]) -> tuple[Column, ...]:
    published = [row.published for row in results if row.published is not None]
    # A metric that is no association test has a value and what it would be without bias.
    card = METRICS.get(results[0].metric)
    measured = any(row.measure for row in results) or (card is not None and not card.associates)
    hidden = {"d", "statistic", "word_d"} if measured else {"value", "no_bias"}
    if not any(row.pvalue is not None for row in results) and measured:
        hidden |= {"p", "how"}
    if not any(figure.effect_size is not None for figure in published):
        hidden |= {"published_d", "agrees"}
    if not any(figure.pvalue for figure in published):
        hidden.add("published_p")
    if not any(row.association and is_templated(row.association) for row in results):
        hidden.add("word_d")
    if not any(row.interval for row in results):
        hidden.add("interval")
    if len(results) == 1 or not any(row.pvalue_adjusted is not None for row in results):
        hidden.add("adjusted_p")
    return tuple(column for column in _COLUMNS if column.key not in hidden)


def _footnotes(results: list[BiasResult]) -> tuple[list[Footnote], list[list[int]]]:
    tests: dict[str, list[str]] = {}
    for result in results:
        for note in dict.fromkeys(row_notes(result)):
            tests.setdefault(note, []).append(clean(result.test))
    numbered = {note: number for number, note in enumerate(tests, start=1)}
    footnotes = [
        Footnote(numbered[note], _whose(names, len(results)), note) for note, names in tests.items()
    ]
    per_row = [sorted({numbered[note] for note in row_notes(result)}) for result in results]
    return footnotes, per_row


def _whose(names: list[str], rows: int) -> str:
    return "" if len(names) == rows > 1 else join_names(names)


def _reading(results: list[BiasResult], remarks: tuple[str, ...]) -> str:
    # What was counted when the vectors were read belongs to every figure of the table.
    vectors = f"Vectors: {clean('; '.join(remarks))}." if remarks else ""
    if any(row.measure is not None for row in results):
        return f"{_measure_reading(results)} {vectors}".rstrip()
    run = [row.association for row in results if row.association is not None]
    if not run:
        return vectors
    sides = " or ".join(dict.fromkeys(_SIDES[figures.alternative] for figures in run))
    units = " or ".join(dict.fromkeys(f"{figures.unit}s" for figures in run))
    intervals = dict.fromkeys(
        f"{row.interval.level:.0%} ({row.interval.method})" for row in results if row.interval
    )
    extra = f" Interval of d over words: {', '.join(intervals)}." if intervals else ""
    adjusted = dict.fromkeys(row.adjustment for row in results if row.adjustment)
    if adjusted and len(results) > 1:
        extra += f" Adjusted p: {', '.join(adjusted)} over the {len(run)} tests of this table."
    return (
        "X/Y vs A/B: d > 0 where X goes with A and Y with B. "
        f"n: {units} in X+Y. p: {sides}, {units} relabelled.{extra} {vectors}"
    ).rstrip()


def _measure_reading(results: list[BiasResult]) -> str:
    card = METRICS.get(results[0].metric)
    if card is None:  # written by another version of embias
        return ""
    measures = [row.measure for row in results if row.measure is not None]
    nulls = " or ".join(dict.fromkeys(clean(each.null) for each in measures if each.null))
    intervals = dict.fromkeys(
        f"{row.interval.level:.0%} ({clean(row.interval.method)})"
        for row in results
        if row.interval
    )
    return " ".join(
        [
            f"{card.measures} No bias: {card.no_bias}. {card.direction[:1].upper()}"
            f"{card.direction[1:]}.",
            *([f"p: {nulls}."] if nulls else []),
            *([f"Interval of the value: {', '.join(intervals)}."] if intervals else []),
        ]
    )


def _figures(write: Callable[[Association], str]) -> Callable[[BiasResult], str]:
    def cell(result: BiasResult) -> str:
        return ABSENT if result.association is None else write(result.association)

    return cell


def _measures(write: Callable[[Measure], str]) -> Callable[[BiasResult], str]:
    def cell(result: BiasResult) -> str:
        return ABSENT if result.measure is None else write(result.measure)

    return cell


def _n(result: BiasResult) -> str:
    if result.measure is not None:
        return "+".join(str(count) for count in result.measure.counts.values())
    return _figures(lambda figures: f"{figures.n_x}+{figures.n_y}")(result)


def _p(result: BiasResult) -> str:
    figures = result.association or result.measure
    return ABSENT if figures is None else format_pvalue(figures)


def _how(result: BiasResult) -> str:
    figures = result.association or result.measure
    return ABSENT if figures is None else figures.pvalue_method or ABSENT


def _word_d(figures: Association) -> str:
    return format_number(figures.unit_effect_size, 2) if is_templated(figures) else ""


def _plain_number(value: float | None) -> str:
    return ABSENT if value is None else f"{value:.3g}"


def _interval(result: BiasResult) -> str:
    interval = result.interval
    if interval is None:
        return ""
    return f"{format_number(interval.low, 2)} to {format_number(interval.high, 2)}"


def _adjusted_p(result: BiasResult) -> str:
    return "" if result.pvalue_adjusted is None else format_plain_pvalue(result.pvalue_adjusted)


def _published_d(result: BiasResult) -> str:
    published = result.published
    if published is None or published.effect_size is None:
        return ""
    return format_number(published.effect_size, published.decimals)


def _published_p(result: BiasResult) -> str:
    published = result.published
    return "" if published is None or not published.pvalue else shorten(clean(published.pvalue), 12)


_CELLS: dict[str, Callable[[BiasResult], str]] = {
    "test": lambda result: clean(result.test),
    "what": lambda result: clean(result.description),
    "n": _n,
    "value": _measures(lambda measure: format_number(measure.value, 3)),
    "no_bias": _measures(lambda measure: _plain_number(measure.no_bias)),
    "d": _figures(lambda figures: format_number(figures.effect_size, 2)),
    "word_d": _figures(_word_d),
    "interval": _interval,
    "published_d": _published_d,
    "agrees": lambda result: {True: "✓", False: "≠", None: ""}[row_published_agrees(result)],
    "statistic": _figures(lambda figures: format_number(figures.statistic, 3)),
    "p": _p,
    "adjusted_p": _adjusted_p,
    "published_p": _published_p,
    "how": _how,
}
