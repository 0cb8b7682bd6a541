"""The forest plot."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from itertools import combinations
from statistics import fmean, stdev

import pytest
from test_report_samples import (
    CERTIFIED,
    EXACT,
    FAILED,
    HIGH,
    HOSTILE,
    TEMPLATED,
    association,
    audit,
    full,
    hostile,
    published,
    row,
)

from embias.errors import MissingExtraError
from embias.report import forest_plot
from embias.report.layout import BAND_LABEL, NARROW, WIDE
from embias.report.phrasing import clean
from embias.report.plot import draw, null_half_width
from embias.results import Audit, Interval

pytest.importorskip("matplotlib")


def markers(figure: object) -> dict[str, list[float]]:
    lines = figure.axes[0].get_lines()  # type: ignore[attr-defined]
    return {line.get_gid(): list(line.get_xdata()) for line in lines if line.get_gid() != "zero"}


def texts(figure: object) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]  # type: ignore[attr-defined]


@pytest.mark.parametrize("layout", [WIDE, NARROW])
def test_markers_stand_at_the_effect_sizes(layout: object) -> None:
    assert markers(draw(full(), layout)) == {  # type: ignore[arg-type]
        "low": [1.234, 0.543, 1.234, 0.41],
        "high": [-0.31],
        "published": [1.23, 0.72],
        "words": [0.87],
    }


def test_filled_is_a_small_p_and_open_a_large_one() -> None:
    lines = {line.get_gid(): line for line in forest_plot(full()).axes[0].get_lines()}
    assert lines["low"].get_markerfacecolor() != lines["high"].get_markerfacecolor()
    assert lines["published"].get_markerfacecolor() == "none"
    assert lines["published"].get_marker() == "D"


def test_markers_of_a_row_share_a_height_and_rows_differ() -> None:
    lines = {line.get_gid(): line for line in forest_plot(full()).axes[0].get_lines()}
    low, paper = list(lines["low"].get_ydata()), list(lines["published"].get_ydata())
    assert paper == low[:2]
    assert sorted(set(low)) == low


def test_band_is_the_spread_of_d_over_all_relabellings() -> None:
    scores = (0.9, -0.3, 0.25, 0.6, 0.05, -0.7, 0.4)
    for ddof in (0, 1):
        spread = stdev(scores) * math.sqrt((len(scores) - 1) / (len(scores) - ddof))
        values = [
            (fmean(scores[i] for i in x) - fmean(s for i, s in enumerate(scores) if i not in x))
            / spread
            for x in combinations(range(len(scores)), 3)
        ]
        exact = math.sqrt(fmean(value**2 for value in values))
        assert fmean(values) == pytest.approx(0, abs=1e-12)
        figures = association(n_x=3, n_y=4, ddof=ddof)
        assert null_half_width(figures) == pytest.approx(1.96 * exact)


def test_bands_are_centred_on_zero_and_said_to_be_no_interval() -> None:
    figure = forest_plot(full())
    bands = [patch for patch in figure.axes[0].patches if patch.get_gid() == "band"]
    assert len(bands) == 5
    for band in bands:
        assert band.get_x() == pytest.approx(-band.get_width() / 2)
    assert bands[0].get_width() == pytest.approx(2 * 1.96 * math.sqrt(1 / 25 + 1 / 24))
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert BAND_LABEL in legend
    assert "not a confidence interval" in BAND_LABEL


def test_limits_are_symmetric_and_hold_every_marker() -> None:
    wide = row("t", association(effect_size=0.2), published=published(-3.5))
    low, high = forest_plot(audit(wide)).axes[0].get_xlim()
    assert low == -high
    assert high > 3.5


def test_error_row_shows_its_reason_and_no_marker() -> None:
    figure = forest_plot(audit(FAILED))
    assert markers(figure) == {}
    assert any(text.startswith("not run: only 3 of 8") for text in texts(figure))


def test_undefined_d_has_no_place_but_a_row() -> None:
    undefined = association(effect_size=math.nan, unit_effect_size=math.nan, pvalue=1.0)
    figure = forest_plot(audit(row("t", undefined), HIGH))
    assert "—" in texts(figure)
    assert all(map(math.isfinite, figure.axes[0].get_xlim()))
    figure.canvas.draw()


def test_groups_have_headings_and_the_height_grows() -> None:
    figure = forest_plot(full())
    assert {"weat · w2v", "seat · w2v"} <= set(texts(figure))
    taller = forest_plot(audit(*[EXACT] * 30))
    assert taller.get_figheight() > figure.get_figheight() > forest_plot(audit()).get_figheight()


def test_legend_names_only_what_is_drawn() -> None:
    legend = [t.get_text() for t in forest_plot(audit(TEMPLATED)).legends[0].get_texts()]
    assert not any("published" in text for text in legend)
    assert any("over words" in text for text in legend)
    legend = [t.get_text() for t in forest_plot(audit(CERTIFIED)).legends[0].get_texts()]
    assert any("published" in text for text in legend)
    assert not any("over words" in text for text in legend)


def test_hostile_names_are_drawn_as_written() -> None:
    figure = forest_plot(hostile())
    figure.canvas.draw()
    assert any(text.startswith(clean(HOSTILE)[:30]) for text in texts(figure))


def test_pyplot_and_the_settings_of_the_user_are_left_alone() -> None:
    import matplotlib

    before = dict(matplotlib.rcParams)
    with matplotlib.rc_context({"lines.markersize": 99, "text.usetex": True, "font.size": 40}):
        figure = forest_plot(full())
    assert dict(matplotlib.rcParams) == before
    assert figure.get_figheight() == forest_plot(full()).get_figheight()
    assert [t.get_fontsize() for t in figure.axes[0].texts] == [
        t.get_fontsize() for t in forest_plot(full()).axes[0].texts
    ]
    assert figure.canvas.manager is None  # pyplot knows no figure without one


def test_audit_plot_is_this_figure() -> None:
    figure = Audit(full().results, full().provenance).plot()
    assert markers(figure) == markers(forest_plot(full()))


def test_missing_matplotlib_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"'matplotlib'.*embias\[report\]"):
        forest_plot(full())


def test_intervals_are_drawn_where_they_are_and_named_in_the_legend() -> None:
    with_interval = replace(EXACT, interval=Interval(0.41, 1.52, 0.9, "analytic"))
    figure = forest_plot(audit(with_interval, HIGH))
    drawn = [c for c in figure.axes[0].collections if c.get_gid() == "interval"]
    (segment,) = [s for collection in drawn for s in collection.get_segments()]
    assert segment[:, 0].tolist() == [0.41, 1.52]
    legend = [text.get_text().replace("\n", " ") for text in figure.legends[0].get_texts()]
    assert "confidence interval of d over words, 90% (analytic)" in legend
    plain = forest_plot(audit(HIGH))
    assert not [c for c in plain.axes[0].collections if c.get_gid() == "interval"]
    assert not any("confidence interval of d" in t.get_text() for t in plain.legends[0].get_texts())
