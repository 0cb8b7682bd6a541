"""The heat map: tests by encoders, or by the layers, poolings and dimensions of a sweep."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from embias.errors import InputError, MissingExtraError
from embias.report.layout import PALETTE, STYLE
from embias.report.phrasing import (
    ALPHA,
    clean,
    format_number,
    is_association,
    nothing_to_draw,
    shorten,
)
from embias.results import Audit, BiasResult
from embias.types import EncoderInfo

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["VALUES", "heat_map"]

#: What a cell may show, and how the colour bar calls it.
VALUES = {"effect_size": "effect size d", "statistic": "statistic D"}

# Inches; a cell is wide enough for its figure ("-0.00").
_CELL_WIDE, _CELL_HIGH = 0.46, 0.24
_LABEL_INCHES_PER_CHARACTER = 0.068
_MOST_LABEL = 44
# Beyond so many columns figures are too small to read, and the colours speak alone.
_MOST_COLUMNS_WITH_FIGURES = 16
_DIVERGING = "PuOr"  # safe for the colour-blind, white in the middle
_DARK_FROM = 0.6  # share of the range from which text is white


@dataclass(frozen=True, slots=True)
class _Column:
    """A column: the panel it stands in, its label, and the encoder and transform it shows."""

    panel: str
    label: str
    encoder: str
    transform: str


def heat_map(audit: Audit, *, value: str = "effect_size") -> Figure:
    """Draw one cell per test and encoder.

    The encoders of a sweep are ordered by layer, with one panel for each pooling and dimension.

    Parameters
    ----------
    audit : Audit
    value : {"effect_size", "statistic"}
        What the colour of a cell says. Zero, no association, is white; a dot marks an adjusted p
        below 0.05, a cross a test that could not be run.

    Returns
    -------
    matplotlib.figure.Figure
        A figure that pyplot does not know of.

    Raises
    ------
    InputError
        When `value` is none of these.
    MissingExtraError
        When matplotlib is not installed.
    """
    if value not in VALUES:
        raise InputError(f"heat map of {value!r:.60}; give one of: {', '.join(VALUES)}")
    try:
        from matplotlib import style
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("the heat map", "matplotlib", "report") from error
    rows = _rows(audit)
    panels = _panels(_columns(audit))
    cells = {_place(result): result for result in audit.results}
    with style.context(["default", STYLE]):
        labels = _labels(rows)
        left = 0.3 + _LABEL_INCHES_PER_CHARACTER * max(map(len, labels), default=0)
        wide = [_CELL_WIDE * len(columns) for columns in panels.values()]
        deep = max(map(len, (c.label for p in panels.values() for c in p)), default=1)
        bottom = 0.75 + _LABEL_INCHES_PER_CHARACTER * min(deep, _MOST_LABEL)
        width = left + sum(wide) + 0.3 * len(wide) + 1.1
        height = bottom + _CELL_HIGH * max(len(rows), 1) + 0.55
        figure = Figure(figsize=(width, height), facecolor=PALETTE["paper"])
        FigureCanvasAgg(figure)
        reach = _reach(audit.results, value)
        at = left
        for number, (panel, columns) in enumerate(panels.items()):
            box = (at / width, bottom / height, wide[number] / width, 1 - (bottom + 0.45) / height)
            axes = figure.add_axes(box)
            image = _draw(axes, rows, columns, cells, value, reach)
            _label(axes, panel, labels if number == 0 else [], columns)
            at += wide[number] + 0.3
        if panels and rows:
            bar = figure.add_axes(((at + 0.1) / width, bottom / height, 0.13 / width, box[3]))
            figure.colorbar(image, cax=bar).set_label(VALUES[value], color=PALETTE["ink"])
        else:
            figure.text(0.5, 0.5, nothing_to_draw(audit), ha="center", color=PALETTE["muted"])
        figure.text(0.12 / width, 0.15 / height, _KEY, color=PALETTE["muted"], fontsize=7.5)
    return figure


_KEY = f"● adjusted p < {ALPHA}   — not defined   × could not be run"


def _rows(audit: Audit) -> list[tuple[str, str, str]]:
    # The figures of other metrics have other scales; one colour bar cannot speak for all.
    tests = [r for r in audit.results if is_association(r)]
    return list(dict.fromkeys((r.suite, r.test, r.metric) for r in tests))


def _labels(rows: Sequence[tuple[str, str, str]]) -> list[str]:
    """Name suite and metric only where there are several."""
    several = [len({row[part] for row in rows}) > 1 for part in (0, 2)]
    named = [
        " · ".join(filter(None, (suite if several[0] else "", test, metric if several[1] else "")))
        for suite, test, metric in rows
    ]
    return [shorten(clean(name), _MOST_LABEL) for name in named]


def _columns(audit: Audit) -> list[_Column]:
    infos = {info.id: info for info in audit.provenance.encoders}
    pairs = list(dict.fromkeys((r.encoder, r.transform) for r in audit.results))
    swept = _is_sweep([infos.get(encoder) for encoder, _ in pairs])
    columns = []
    for encoder, transform in pairs:
        info = infos.get(encoder)
        if swept and info is not None:
            cut = f"{info.dim} coordinates" if info.truncate_dim else ""
            panel = ", ".join(filter(None, (info.pooling, cut)))
            columns.append(_Column(panel, info.layer or "", encoder, transform))
        else:
            label = " · ".join(filter(None, (encoder, transform)))
            columns.append(_Column("", label, encoder, transform))
    return columns


def _is_sweep(infos: Sequence[EncoderInfo | None]) -> bool:
    """Whether all encoders are readings of one model that differ in layer, pooling or size."""
    known = [info for info in infos if info is not None]
    models = {(info.weights, info.revision) for info in known}
    readings = {(info.layer, info.pooling, info.truncate_dim) for info in known}
    return len(known) == len(infos) > 1 and len(models) == 1 and len(readings) == len(known)


def _panels(columns: Sequence[_Column]) -> dict[str, list[_Column]]:
    panels: dict[str, list[_Column]] = {}
    for column in columns:
        panels.setdefault(column.panel, []).append(column)
    return {name: sorted(listed, key=_by_layer) for name, listed in panels.items()}


def _by_layer(column: _Column) -> tuple[float, str]:
    # Stable for everything that is no plain layer number.
    number = column.label.split(" ")[0]
    return (float(number), "") if number.isdigit() else (math.inf, "")


def _place(result: BiasResult) -> tuple[str, ...]:
    return (result.suite, result.test, result.metric, result.encoder, result.transform)


def _figure_of(result: BiasResult | None, value: str) -> float:
    if result is None or result.association is None:
        return math.nan
    return float(getattr(result.association, value))


def _reach(results: Sequence[BiasResult], value: str) -> float:
    figures = [abs(_figure_of(result, value)) for result in results]
    return max((figure for figure in figures if math.isfinite(figure)), default=1.0) or 1.0


def _draw(
    axes: Axes,
    rows: Sequence[tuple[str, str, str]],
    columns: Sequence[_Column],
    cells: dict[tuple[str, ...], BiasResult],
    value: str,
    reach: float,
) -> Any:
    grid = [[cells.get((*row, c.encoder, c.transform)) for c in columns] for row in rows]
    figures = [[_figure_of(result, value) for result in line] for line in grid]
    axes.set_facecolor(PALETTE["grid"])
    image = axes.imshow(
        figures or [[math.nan]], cmap=_DIVERGING, vmin=-reach, vmax=reach, aspect="auto"
    )
    written = len(columns) <= _MOST_COLUMNS_WITH_FIGURES
    for down, line in enumerate(grid):
        for across, result in enumerate(line):
            text = _cell_text(result, figures[down][across], written)
            dark = abs(figures[down][across]) > _DARK_FROM * reach
            ink = PALETTE["paper"] if dark else PALETTE["ink"]
            axes.text(across, down, text, ha="center", va="center", fontsize=7, color=ink)
    return image


def _cell_text(result: BiasResult | None, figure: float, written: bool) -> str:
    if result is None:
        return ""
    if result.association is None:
        return "×"
    if not math.isfinite(figure):
        return "—"
    adjusted = result.pvalue_adjusted
    low = (result.association.pvalue if adjusted is None else adjusted) < ALPHA
    return " ".join(filter(None, (format_number(figure, 2) if written else "", "●" if low else "")))


def _label(axes: Axes, panel: str, labels: Sequence[str], columns: Sequence[_Column]) -> None:
    axes.set_title(clean(panel), fontsize=9, color=PALETTE["ink"], pad=6)
    names = [shorten(clean(column.label), _MOST_LABEL) for column in columns]
    turned = 90 if max(map(len, names), default=0) > 4 else 0
    axes.set_xticks(range(len(names)), names, rotation=turned, fontsize=8)
    axes.set_yticks(range(len(labels)), list(labels), fontsize=8)
    if not labels:
        axes.set_yticks([])
    if panel or all(name.isdigit() for name in names):
        axes.set_xlabel("layer", fontsize=8, color=PALETTE["muted"])
    axes.tick_params(length=0, labelcolor=PALETTE["ink"])
    for spine in axes.spines.values():
        spine.set_visible(False)
