"""The forest plot: one effect size a row, beside what relabelling the targets gives."""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from embias.errors import MissingExtraError
from embias.report.layout import BAND_LABEL, MARKERS, PALETTE, STYLE, WIDE, Layout
from embias.report.phrasing import (
    clean,
    format_number,
    has_low_pvalue,
    is_association,
    is_templated,
    nothing_to_draw,
    pvalue_phrase,
    shorten,
)
from embias.report.tables import groups
from embias.results import Association, Audit, BiasResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw", "forest_plot", "null_half_width"]

_QUANTILE = 1.96


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of the plot: where it begins, and either a heading or a result."""

    top: float
    heading: str = ""
    result: BiasResult | None = None


def null_half_width(association: Association) -> float:
    """Return 1.96 standard deviations of d over all relabellings of its units.

    Over the relabellings d has mean 0 and variance ``(1/n_x + 1/n_y) (N - ddof) / (N - 1)``,
    both exact; that 1.96 of them hold 95 % is the normal approximation.
    """
    units = association.n_x + association.n_y
    variance = 1 / association.n_x + 1 / association.n_y
    return _QUANTILE * math.sqrt(variance * (units - association.ddof) / (units - 1))


def forest_plot(audit: Audit) -> Figure:
    """Draw the effect sizes of an audit, one row per result, grouped by suite and encoder.

    Parameters
    ----------
    audit : Audit
        What to show.

    Returns
    -------
    matplotlib.figure.Figure
        A figure that pyplot does not know of; ``figure.savefig(path)`` writes it.

    Raises
    ------
    MissingExtraError
        When matplotlib is not installed.
    """
    return draw(audit, WIDE)


def draw(audit: Audit, layout: Layout) -> Figure:
    """Draw the forest plot in a layout."""
    try:
        from matplotlib import style
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("the forest plot", "matplotlib", "report") from error
    # Other metrics have other scales than d; their figures stand in the tables.
    empty = nothing_to_draw(audit)
    audit = replace(audit, results=tuple(filter(is_association, audit.results)))
    with style.context(["default", STYLE]):
        lines, depth = _lay_out(audit, layout)
        height = layout.legend + depth + layout.axis
        figure = Figure(figsize=(layout.width, height), facecolor=PALETTE["paper"])
        FigureCanvasAgg(figure)
        left, bottom = layout.left / layout.width, layout.axis / height
        axes = figure.add_axes((left, bottom, layout.plot_width / layout.width, depth / height))
        _frame(axes, depth, _limit(audit))
        _draw_bands(axes, lines, layout)
        _draw_intervals(axes, lines, layout)
        _draw_markers(axes, lines, layout)
        for line in lines:
            _write_line(axes, line, layout)
        if not lines:
            figure.text(0.5, 0.5, empty, ha="center", color=PALETTE["muted"])
        _legend(figure, axes, height, layout, _interval_label(lines))
    return figure


def _lay_out(audit: Audit, layout: Layout) -> tuple[list[_Line], float]:
    lines, depth = [], 0.0
    for group in groups(audit):
        lines.append(_Line(depth, heading=group.short_title))
        depth += layout.heading
        for result in group.results:
            lines.append(_Line(depth, result=result))
            depth += layout.row
    return lines, max(depth, layout.row) + 0.08


def _limit(audit: Audit) -> float:
    reach = [1.0]
    for result in audit.results:
        if result.association is not None:
            figures = result.association
            reach += [figures.effect_size, figures.unit_effect_size, null_half_width(figures)]
        if result.published is not None and result.published.effect_size is not None:
            reach.append(result.published.effect_size)
        if result.interval is not None:
            reach += [result.interval.low, result.interval.high]
    return 1.08 * max(abs(value) for value in reach if math.isfinite(value))


def _frame(axes: Axes, depth: float, limit: float) -> None:
    axes.set(xlim=(-limit, limit), ylim=(depth, 0), facecolor=PALETTE["paper"])
    axes.set_yticks([])
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(PALETTE["muted"])
    axes.tick_params(axis="x", color=PALETTE["muted"], labelcolor=PALETTE["ink"])
    axes.xaxis.grid(True, color=PALETTE["grid"], linewidth=0.8)
    axes.set_axisbelow(True)
    axes.axvline(0, color=PALETTE["muted"], linewidth=1.0, zorder=2, gid="zero")
    axes.set_xlabel("effect size d", color=PALETTE["ink"], labelpad=8)
    ends = ((-limit, "left", "← X with B, Y with A"), (limit, "right", "X with A, Y with B →"))
    for x, side, text in ends:
        axes.annotate(
            text, (x, depth), xytext=(0, -29), textcoords="offset points", ha=side,
            va="center", color=PALETTE["muted"], fontsize=8, annotation_clip=False,
        )  # fmt: skip


def _draw_bands(axes: Axes, lines: list[_Line], layout: Layout) -> None:
    for line in lines:
        figures = line.result.association if line.result else None
        if figures is not None:
            half = null_half_width(figures)
            axes.barh(
                line.top + layout.mark_at, 2 * half, left=-half, height=0.26,
                color=PALETTE["band"], zorder=1.5, gid="band",
            )  # fmt: skip


def _draw_intervals(axes: Axes, lines: list[_Line], layout: Layout) -> None:
    for line in lines:
        interval = line.result.interval if line.result else None
        if interval is not None:
            axes.hlines(
                line.top + layout.mark_at, interval.low, interval.high,
                color=PALETTE["computed"], linewidth=1.6, zorder=3, gid="interval",
            )  # fmt: skip


def _interval_label(lines: list[_Line]) -> str:
    shown = [line.result.interval for line in lines if line.result and line.result.interval]
    kinds = dict.fromkeys(f"{interval.level:.0%} ({interval.method})" for interval in shown)
    return f"confidence interval of d over words, {', '.join(kinds)}" if kinds else ""


def _draw_markers(axes: Axes, lines: list[_Line], layout: Layout) -> None:
    points: dict[str, list[tuple[float, float]]] = {name: [] for name in MARKERS}
    for line in lines:
        result = line.result
        if result is None or result.association is None:
            continue
        figures, y = result.association, line.top + layout.mark_at
        points["low" if has_low_pvalue(result) else "high"].append((figures.effect_size, y))
        if is_templated(figures):
            points["words"].append((figures.unit_effect_size, y))
        if result.published is not None and result.published.effect_size is not None:
            points["published"].append((result.published.effect_size, y))
    for kind, places in points.items():
        if places:
            xs, ys = zip(*places, strict=True)
            axes.plot(xs, ys, linestyle="none", gid=kind, **MARKERS[kind])


def _write_line(axes: Axes, line: _Line, layout: Layout) -> None:
    left = (0.15 - layout.left) / layout.plot_width
    if line.result is None:
        heading = shorten(line.heading, layout.heading_limit)
        y = line.top + layout.heading * 0.6
        _write(axes, left, y, heading, fontweight="bold", fontsize=9.5)
        return
    result, figures = line.result, line.result.association
    color = PALETTE["ink"] if figures is not None else PALETTE["muted"]
    test = shorten(clean(result.test), layout.name_limit)
    _write(axes, left, line.top + layout.name_at, test, color=color)
    what = shorten(clean(result.description), layout.what_limit)
    small: dict[str, Any] = {"color": PALETTE["muted"], "fontsize": 7.5}
    _write(axes, left, line.top + layout.what_at, what, **small)
    if figures is not None:
        _write_figures(axes, line.top, figures, layout)
        return
    why = shorten(f"not run: {clean(result.reason)}", layout.reason_limit)
    y = line.top + layout.mark_at
    _write(axes, 0.5, y, why, ha="center", gid="reason", fontstyle="italic", **small)


def _write_figures(axes: Axes, top: float, figures: Association, layout: Layout) -> None:
    effect_size, pvalue = format_number(figures.effect_size, 2), pvalue_phrase(figures)
    if layout.labels_beside:
        y = top + layout.mark_at
        _write(axes, 1 + 0.42 / layout.plot_width, y, effect_size, ha="right")
        _write(axes, 1 + 0.55 / layout.plot_width, y, pvalue)
    else:
        _write(axes, 1, top + layout.name_at, f"d = {effect_size}, {pvalue}", ha="right")


def _write(axes: Axes, x: float, y: float, text: str, **style: Any) -> None:
    # Where labels stand inside the axes, no line runs through them. A dollar sign in a name
    # is a dollar sign, not mathematics.
    if 0 <= x <= 1:
        style = {"bbox": {"facecolor": PALETTE["paper"], "edgecolor": "none", "pad": 1.0}, **style}
    axes.text(
        x, y, text, transform=axes.get_yaxis_transform(), va="center_baseline",
        parse_math=False, usetex=False, zorder=6, **style,
    )  # fmt: skip


def _legend(figure: Figure, axes: Axes, height: float, layout: Layout, interval: str) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    drawn = {line.get_gid(): line for line in axes.get_lines()}
    handles: list[Any] = [drawn[kind] for kind in MARKERS if kind in drawn]
    if interval:
        handles.append(Line2D([], [], color=PALETTE["computed"], linewidth=1.6, label=interval))
    handles.append(Patch(color=PALETTE["band"], label=BAND_LABEL))
    labels = [textwrap.fill(handle.get_label(), layout.legend_limit) for handle in handles]
    figure.legend(
        handles, labels, loc="upper left", ncols=layout.legend_columns, frameon=False,
        fontsize=8, borderpad=0, borderaxespad=0, columnspacing=2.5, handletextpad=0.6,
        bbox_to_anchor=(0.15 / layout.width, 1 - 0.15 / height), labelspacing=0.7,
        labelcolor=PALETTE["ink"],
    )  # fmt: skip
