"""The plot of a report card: every figure before and after, removal above retention."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from embias.errors import MissingExtraError
from embias.report.card_table import figure_text
from embias.report.layout import PALETTE, STYLE
from embias.report.phrasing import clean, shorten
from embias.results import CardFigure, Panel, ReportCard

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["card_plot"]

#: Figures on scales of their own: drawn as a share of what they were.
_RELATIVE = frozenset(
    {"weat_statistic", "weat_effect_size", "covariance", "dimension", "norm", "rank"}
)
_PANELS: dict[Panel, str] = {
    "removal": "Removal: nearer to chance is less of the concept",
    "retention": "Retention: nearer to before is less lost",
}
# Inches.
_ROW, _LEFT, _RIGHT, _WIDE = 0.27, 3.5, 2.3, 4.6
_INDENT = 0.15 - _LEFT
_ABOVE, _BELOW = 0.95, 0.55
_LONGEST = 52
#: Shares of the value before that are drawn; an arrow stands for what lies beyond.
_LEAST, _MOST = -1.0, 1.5


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of the plot: a heading, or a figure on the scale it is drawn on."""

    heading: str = ""
    figure: CardFigure | None = None

    @property
    def relative(self) -> bool:
        return self.figure is not None and self.figure.figure in _RELATIVE

    def scaled(self, value: float | None) -> float:
        """Return where a value is drawn, NaN for nowhere."""
        if value is None or self.figure is None:
            return math.nan
        if not self.relative:
            return value
        share = value / self.figure.before if self.figure.before else math.nan
        return min(max(share, _LEAST), _MOST) if math.isfinite(share) else math.nan

    @property
    def marker(self) -> str:
        """Return the marker of the value after."""
        if not self.relative or self.figure is None:
            return "o"
        after = self.scaled(self.figure.after)
        return ">" if after == _MOST else "<" if after == _LEAST else "s"


def card_plot(card: ReportCard, ax: Axes | None = None) -> Axes:
    """Draw every figure of a card before and after the transform.

    Parameters
    ----------
    card : ReportCard
    ax : matplotlib.axes.Axes, optional
        Where to draw; needs room at the left for names and at the right for figures.

    Returns
    -------
    matplotlib.axes.Axes
        Of a figure that pyplot does not know of, where none was given.

    Raises
    ------
    MissingExtraError
        When matplotlib is not installed.
    """
    try:
        from matplotlib import style
    except ImportError as error:
        raise MissingExtraError("the plot of a report card", "matplotlib", "report") from error
    lines = _lines(card)
    with style.context(["default", STYLE]):
        axes = _axes(len(lines)) if ax is None else ax
        _frame(axes, lines)
        for place, line in enumerate(lines):
            if line.figure is not None:
                _draw(axes, place, line, line.figure)
        _legend(axes, any(map(_is_dim, lines)))
        axes.annotate(
            shorten(clean(card.transform), 90), (0, 1), xycoords="axes fraction",
            xytext=(72 * _INDENT, 34), textcoords="offset points", fontsize=10.5,
            fontweight="bold", color=PALETTE["ink"], parse_math=False, annotation_clip=False,
        )  # fmt: skip
    return axes


def _lines(card: ReportCard) -> list[_Line]:
    lines = []
    for panel, heading in _PANELS.items():
        figures = [figure for figure in card.results if figure.panel == panel]
        if figures:
            lines += [_Line(heading=heading), *(_Line(figure=figure) for figure in figures)]
    return lines


def _axes(rows: int) -> Axes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    width, depth = _LEFT + _WIDE + _RIGHT, _ROW * max(rows, 1)
    height = _ABOVE + depth + _BELOW
    figure = Figure(figsize=(width, height), facecolor=PALETTE["paper"])
    FigureCanvasAgg(figure)
    return figure.add_axes(
        (_LEFT / width, _BELOW / height, _WIDE / width, depth / height),
        facecolor=PALETTE["paper"],
    )


def _frame(axes: Axes, lines: list[_Line]) -> None:
    shown = [0.0, 1.0]
    for line in lines:
        if line.figure is not None:
            shown += _places(line, line.figure)
    finite = [value for value in shown if math.isfinite(value)]
    margin = 0.04 * (max(finite) - min(finite))
    axes.set(
        xlim=(min(finite) - margin, max(finite) + margin), ylim=(len(lines) - 0.5, -0.5),
        yticks=[],
    )  # fmt: skip
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(PALETTE["muted"])
    axes.tick_params(axis="x", color=PALETTE["muted"], labelcolor=PALETTE["ink"])
    axes.xaxis.grid(True, color=PALETTE["grid"], linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_xlabel(
        "share, correlation (circles), or share of the value before (squares)",
        color=PALETTE["muted"], fontsize=8,
    )  # fmt: skip
    for place, line in enumerate(lines):
        if line.figure is None:
            _write(axes, 0, place, line.heading, _INDENT, fontweight="bold")


def _is_dim(line: _Line) -> bool:
    return line.figure is not None and line.figure.reading in ("uninformative", "not measured")


def _places(line: _Line, figure: CardFigure) -> list[float]:
    ends = []
    if figure.after_interval is not None and not line.relative:
        ends = [figure.after_interval.low, figure.after_interval.high]
    chance = figure.reference if figure.panel == "removal" else None
    return [line.scaled(v) for v in (figure.before, figure.after, chance)] + ends


def _draw(axes: Axes, place: int, line: _Line, figure: CardFigure) -> None:
    dim = _is_dim(line)
    ink = PALETTE["muted"] if dim else PALETTE["ink"]
    blue = PALETTE["muted"] if dim else PALETTE["computed"]
    before, after = line.scaled(figure.before), line.scaled(figure.after)
    axes.plot([before, after], [place, place], color=PALETTE["band"], linewidth=3, zorder=1.5)
    if figure.after_interval is not None and not line.relative:
        low, high = figure.after_interval.low, figure.after_interval.high
        axes.hlines(place, low, high, color=blue, linewidth=1.4, zorder=3, gid="interval")
    if figure.panel == "removal" and figure.reference is not None:
        at = line.scaled(figure.reference)
        axes.plot(
            [at], [place], marker="|", markersize=13, markeredgewidth=2.0, linestyle="none",
            color=PALETTE["published"], zorder=2.5, gid="chance",
        )  # fmt: skip
    axes.plot(
        [before], [place], marker="s" if line.relative else "o", markersize=7.5,
        linestyle="none", zorder=4, markerfacecolor=PALETTE["paper"], markeredgecolor=ink,
        markeredgewidth=1.3, gid="before",
    )  # fmt: skip
    axes.plot(
        [after], [place], marker=line.marker, markersize=5.5, linestyle="none", color=blue,
        zorder=5, gid="after",
    )  # fmt: skip
    several = figure.data in ("fit", "fresh") and figure.figure == "covariance"
    name = f"{figure.title} ({figure.data})" if several else figure.title
    _write(axes, 0, place, shorten(clean(name), _LONGEST), _INDENT, color=ink)
    _write(axes, 1, place, _values(figure), 0.15, color=ink)


def _values(figure: CardFigure) -> str:
    before, after = (figure_text(v, figure.figure) for v in (figure.before, figure.after))
    if figure.reading == "not measured":
        return "not measured"
    said = "" if figure.reading in ("changed", "unchanged", "") else f"   {figure.reading}"
    return f"{before} → {after}{said}"


def _write(axes: Axes, x: float, y: float, text: str, shift: float, **how: Any) -> None:
    how = {"color": PALETTE["ink"], "fontsize": 8.5, **how}
    axes.annotate(
        text, (x, y), xycoords=("axes fraction", "data"), xytext=(72 * shift, 0),
        textcoords="offset points", va="center", ha="left", annotation_clip=False,
        parse_math=False, **how,
    )  # fmt: skip


def _legend(axes: Axes, dim: bool) -> None:
    from matplotlib.lines import Line2D

    blank: dict[str, Any] = {"linestyle": "none"}
    handles = [
        Line2D(
            [], [], marker="o", markersize=7.5, markerfacecolor=PALETTE["paper"],
            markeredgecolor=PALETTE["ink"], label="before", **blank,
        ),
        Line2D([], [], marker="o", color=PALETTE["computed"], label="after, with interval"),
        Line2D(
            [], [], marker="|", markersize=11, markeredgewidth=2.0, color=PALETTE["published"],
            label="by chance", **blank,
        ),
    ]  # fmt: skip
    if dim:
        grey = PALETTE["muted"]
        handles.append(Line2D([], [], marker="o", color=grey, label="grey: uninformative", **blank))
    axes.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=4, frameon=False,
        fontsize=8, borderaxespad=0.3, columnspacing=1.4, handletextpad=0.5,
    )  # fmt: skip
