"""The report card of a transform as Markdown, and as plain text."""

from __future__ import annotations

from collections.abc import Sequence

from embias.report.phrasing import ABSENT, clean
from embias.results import CardFigure, Interval, Panel, ReportCard

__all__ = ["card_markdown", "card_text", "figure_text"]

_HEADINGS: dict[Panel, tuple[str, ...]] = {
    "removal": ("Removal", "data", "before", "after", "by chance", "reading"),
    "retention": ("Retention", "data", "before", "after", "reading"),
}
#: Figures that are whole numbers, or have large values.
_DECIMALS = {"rank": 0, "dimension": 1}
#: Below it a figure that is not zero is written with two digits.
_SMALL = 0.0095


def figure_text(value: float | None, name: str) -> str:
    """Return a figure with the decimals of its kind; zero but for rounding is ``0``."""
    if value is None:
        return ABSENT
    if abs(value) < 1e-12:
        return "0" if name in _DECIMALS else "0.00"
    if abs(value) < _SMALL:
        return f"{value:.1g}"
    decimals = _DECIMALS.get(name, 2)
    # A mean over splits of whole numbers may be none.
    return f"{value:.{decimals if decimals or value.is_integer() else 1}f}"


def card_markdown(card: ReportCard) -> str:
    """Return two tables in Markdown, what was removed and what was kept, and the notes.

    Returns
    -------
    str
        Ends in a line end. Intervals stand in brackets behind their figure.
    """
    parts = [f"**{_cell(card.transform)}**, {_rows_of(card)}."]
    for panel, heading in _HEADINGS.items():
        lines = _lines(card, panel)
        if not lines:
            continue
        left = [":--", ":--", *["--:"] * (len(heading) - 3), ":--"]
        table = [heading, left, *([_cell(text) for text in line] for line in lines)]
        parts.append("\n".join(f"| {' | '.join(line)} |" for line in table))
    parts += [_cell(note) for note in card.notes]
    return "\n\n".join(parts) + "\n"


def card_text(card: ReportCard) -> str:
    """Return the same as columns of plain text."""
    parts = [f"{clean(card.transform)}, {_rows_of(card)}"]
    for panel, heading in _HEADINGS.items():
        lines = _lines(card, panel)
        if not lines:
            continue
        table = [[clean(text) for text in line] for line in (heading, *lines)]
        wide = [max(len(line[i]) for line in table) for i in range(len(heading))]
        shown = [
            "  ".join(
                text.rjust(wide[i]) if 1 < i < len(heading) - 1 else text.ljust(wide[i])
                for i, text in enumerate(line)
            ).rstrip()
            for line in table
        ]
        parts.append("\n".join(shown))
    parts += [clean(note) for note in card.notes]
    return "\n\n".join(parts) + "\n"


def _lines(card: ReportCard, panel: Panel) -> list[Sequence[str]]:
    return [_line(figure) for figure in card.results if figure.panel == panel]


def _line(figure: CardFigure) -> Sequence[str]:
    before = _with_interval(figure.before, figure.before_interval, figure.figure)
    after = _with_interval(figure.after, figure.after_interval, figure.figure)
    chance = [figure_text(figure.reference, figure.figure)] if figure.panel == "removal" else []
    reading = figure.note if figure.reading == "not measured" else figure.reading
    return [figure.title, figure.data, before, after, *chance, reading]


def _with_interval(value: float | None, interval: Interval | None, name: str) -> str:
    text = figure_text(value, name)
    if interval is None:
        return text
    return f"{text} [{figure_text(interval.low, name)}, {figure_text(interval.high, name)}]"


def _rows_of(card: ReportCard) -> str:
    counts, splits = card.counts, card.settings.get("n_splits")
    of = f"{counts.get('rows', 0):,} rows of {counts.get('dimensions', 0)} dimensions"
    groups = f" in {counts['groups']:,} groups" if "groups" in counts else ""
    if "fit" not in counts:
        return f"{of}{groups}, fitted elsewhere"
    times = f", mean of {splits} splits" if isinstance(splits, int) and splits > 1 else ""
    fitted = f"fitted on {counts['fit']:,} and measured on the other {counts['fresh']:,}"
    return f"{of}{groups}, {fitted}{times}"


def _cell(text: str) -> str:
    return clean(text).replace("|", "\\|")
