"""How the forest plot looks: measures of its two layouts, colours, markers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from embias.report.phrasing import ALPHA

__all__ = ["BAND_LABEL", "MARKERS", "NARROW", "PALETTE", "STYLE", "WIDE", "Layout"]

#: What the light band of a row is.
BAND_LABEL = "95 % of relabellings, normal approximation (not a confidence interval)"

#: Colours of the plot by what they stand for; the blue and the vermilion of Okabe and Ito.
PALETTE = {
    "ink": "#1c2024",
    "muted": "#5d6670",
    "grid": "#e2e5e9",
    "band": "#cfdcea",
    "computed": "#0072b2",
    "published": "#d55e00",
    "paper": "#ffffff",
}

#: Settings laid over matplotlib's own defaults, so that a user's style changes nothing.
STYLE: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.size": 9.0,
    "svg.fonttype": "none",
    "svg.hashsalt": "embias",
    "text.color": PALETTE["ink"],
}

#: The markers, in the order of the legend; each goes by its key as ``gid``.
MARKERS: dict[str, dict[str, Any]] = {
    "low": {
        "label": f"computed d, p < {ALPHA} (uncorrected)",
        "marker": "o",
        "markersize": 7.5,
        "color": PALETTE["computed"],
        "markeredgewidth": 1.5,
        "zorder": 4,
    },
    "high": {
        "label": f"computed d, p ≥ {ALPHA}",
        "marker": "o",
        "markersize": 7.5,
        "markerfacecolor": PALETTE["paper"],
        "markeredgecolor": PALETTE["computed"],
        "markeredgewidth": 1.5,
        "zorder": 4,
    },
    "published": {
        "label": "published d for the same weights",
        "marker": "D",
        "markersize": 10,
        "markerfacecolor": "none",
        "markeredgecolor": PALETTE["published"],
        "markeredgewidth": 1.4,
        "zorder": 5,
    },
    "words": {
        "label": "d over words (templated tests; the band is of this one)",
        "marker": "s",
        "markersize": 4.5,
        "color": PALETTE["muted"],
        "zorder": 3,
    },
}


@dataclass(frozen=True, slots=True)
class Layout:
    """Measures in inches; those that end in ``_at`` run from the top of a row.

    Attributes
    ----------
    width, left, right : float
        Width of the figure, and of what stands at the left and the right of the axes.
    row, heading, legend, axis : float
        Heights of a row, of a heading, of the legend above and of the axis below.
    name_at, what_at, mark_at : float
        Where the test, its description and its markers stand.
    heading_limit, name_limit, what_limit, reason_limit : int
        Characters of the texts.
    legend_columns, legend_limit : int
        Columns of the legend, and characters of a line of it.
    """

    width: float
    left: float
    right: float
    row: float
    heading: float
    legend: float
    axis: float
    name_at: float
    what_at: float
    mark_at: float
    heading_limit: int
    name_limit: int
    what_limit: int
    reason_limit: int
    legend_columns: int
    legend_limit: int

    @property
    def plot_width(self) -> float:
        """Width of the axes."""
        return self.width - self.left - self.right

    @property
    def labels_beside(self) -> bool:
        """Whether the labels stand beside the axes, not above their markers."""
        return self.mark_at < self.what_at


#: Labels at the left, figures at the right.
WIDE = Layout(
    width=10.6, left=4.3, right=1.5, row=0.42, heading=0.46, legend=0.80, axis=0.75,
    name_at=0.135, what_at=0.305, mark_at=0.21, heading_limit=64, name_limit=46, what_limit=70,
    reason_limit=74, legend_columns=2, legend_limit=100,
)  # fmt: skip

#: For a phone: every label above its markers.
NARROW = Layout(
    width=4.2, left=0.15, right=0.15, row=0.72, heading=0.48, legend=1.40, axis=0.75,
    name_at=0.12, what_at=0.28, mark_at=0.52, heading_limit=48, name_limit=34, what_limit=64,
    reason_limit=60, legend_columns=1, legend_limit=56,
)  # fmt: skip
