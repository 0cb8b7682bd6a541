"""A report card as a frame, as JSON, as tables and as a plot."""

import json
from dataclasses import replace

import numpy as np
import pytest

import embias
from embias import ReportCard, report_card
from embias.errors import DataFileError, InputError, OutputError
from embias.results import CARD_COLUMNS, CardFigure, Interval
from embias.transforms import LEACE


@pytest.fixture(scope="module")
def card():
    rng = np.random.default_rng(0)
    y = np.repeat(["f", "m"], 60)
    X = rng.normal(size=(120, 5)) + 3 * (y == "m")[:, None]
    return report_card(
        LEACE(), X, y, task=np.arange(120) % 2, n_splits=2, probes=["linear", "rbf"],
        association=[rng.normal(size=(5, 5)) for _ in range(4)],
    )  # fmt: skip


MADE = ReportCard(
    transform="Made | up",
    results=(
        CardFigure("rbf", "RBF", "removal", "fresh", 0.91, 0.5, None, Interval(0.4, 0.6, 0.95, "w"),
                   reference=0.5, n=20, reading="not found"),
        CardFigure("covariance", "Cov", "removal", "fit", 2.0, 1e-17, reading="by construction"),
        CardFigure("weat_statistic", "D", "removal", "given", 0.02, 0.0812, reference=0.0,
                   reading="uninformative"),
        CardFigure("rank", "Rank", "retention", "all", 384.0, 383.0, reading="changed"),
        CardFigure("norm", "Length", "retention", "fresh", 1.0, 0.004, reading="changed"),
        CardFigure("dimension", "Dim", "retention", "fresh", None, None, reading="not measured",
                   note="Not measured: 3 | rows"),
    ),
    counts={"rows": 1200, "dimensions": 384, "groups": 40, "fit": 600, "fresh": 600},
    settings={"n_splits": 3},
    notes=("A note.\x1b[31m",),
)  # fmt: skip


def test_the_frame_is_tidy_and_in_full_precision(card):
    frame = card.frame
    assert tuple(frame.columns) == CARD_COLUMNS
    assert len(frame) == len(card.results)
    row = frame.set_index(["figure", "data"]).loc[("linear_weak", "fresh")]
    figure = card.figure("linear_weak")
    assert row["after"] == figure.after
    assert (row["after_low"], row["after_high"]) == (
        figure.after_interval.low, figure.after_interval.high,
    )  # fmt: skip
    assert (frame["panel"] == "removal").sum() + (frame["panel"] == "retention").sum() == len(frame)
    assert frame["panel"].is_monotonic_increasing  # removal in front
    frame.loc[0, "after"] = 7
    assert card.frame.loc[0, "after"] != 7
    assert MADE.frame["before"].isna().sum() == 1
    assert frame.dtypes["after"] == MADE.frame.dtypes["after"] == "float64"


def test_json_is_strict_and_comes_back_equal(card, tmp_path):
    text = card.to_json(tmp_path / "card.json")
    assert (tmp_path / "card.json").read_text(encoding="utf-8") == text
    assert json.loads(text, parse_constant=pytest.fail) == card.to_dict()
    for source in (text, tmp_path / "card.json"):
        assert ReportCard.from_json(source) == card
    assert ReportCard.from_json(MADE.to_json()) == MADE


def test_a_file_that_is_no_card_is_named(tmp_path):
    with pytest.raises(DataFileError, match="cannot be read"):
        ReportCard.from_json(tmp_path / "none.json")
    with pytest.raises(DataFileError, match=r"ReportCard\.from_json: not JSON"):
        ReportCard.from_json("{")
    with pytest.raises(DataFileError, match="not a saved card"):
        ReportCard.from_json('{"kind": "embias.audit", "schema": 1}')
    document = MADE.to_dict()
    with pytest.raises(DataFileError, match="schema 9"):
        ReportCard.from_json(json.dumps({**document, "schema": 9}))
    document["results"][0]["before"] = "much"
    with pytest.raises(DataFileError, match=r"results\[0\].before is 'much'.*damaged"):
        ReportCard.from_json(json.dumps(document))
    with pytest.raises(OutputError):
        MADE.to_json(tmp_path / "no folder" / "card.json")


def test_a_figure_is_found_by_name_and_data(card):
    assert card.figure("covariance", "fit").data == "fit"
    with pytest.raises(InputError, match=r"2 figures are 'covariance'.*linear_weak \(fresh\)"):
        card.figure("covariance")
    with pytest.raises(InputError, match="0 figures are 'nothing'"):
        card.figure("nothing")


def test_markdown():
    assert MADE.to_markdown() == (
        "**Made \\| up**, 1,200 rows of 384 dimensions in 40 groups, fitted on 600 and measured on "
        "the other 600, mean of 3 splits.\n\n"
        "| Removal | data | before | after | by chance | reading |\n"
        "| :-- | :-- | --: | --: | --: | :-- |\n"
        "| RBF | fresh | 0.91 | 0.50 [0.40, 0.60] | 0.50 | not found |\n"
        "| Cov | fit | 2.00 | 0.00 | — | by construction |\n"
        "| D | given | 0.02 | 0.08 | 0.00 | uninformative |\n\n"
        "| Retention | data | before | after | reading |\n"
        "| :-- | :-- | --: | --: | :-- |\n"
        "| Rank | all | 384 | 383 | changed |\n"
        "| Length | fresh | 1.00 | 0.004 | changed |\n"
        "| Dim | fresh | — | — | Not measured: 3 \\| rows |\n\n"
        "A note.\\x1b[31m\n"
    )


def test_text_stands_in_columns_and_is_what_a_notebook_shows(card):
    text = str(card)
    lines = text.splitlines()
    assert lines[
        0
    ] == "LEACE, 120 rows of 5 dimensions, fitted on 60 and measured on the other " + (
        "60, mean of 2 splits"
    )
    table = [line for line in lines if " fresh " in line and "probe" in line]
    assert len({line.index(" fresh ") for line in table if "Task" not in line}) == 1
    html = replace(card, transform="<b>")._repr_html_()
    assert html.startswith("<pre>&lt;b&gt;, ")
    assert repr(card) == f"ReportCard(LEACE, {len(card.results)} figures)"
    for words in (text, card.to_markdown()):
        assert "unbiased" not in words


def test_an_elsewhere_fitted_transform_is_said():
    counts = {"rows": 5, "dimensions": 2}
    assert "5 rows of 2 dimensions, fitted elsewhere" in replace(MADE, counts=counts).to_text()


def test_the_public_names():
    assert embias.report_card is report_card
    assert embias.ReportCard is ReportCard


# ---- the plot ------------------------------------------------------------------------------------


@pytest.fixture
def axes():
    pytest.importorskip("matplotlib")
    return MADE.plot()


def marks(axes, name):
    return [
        (float(line.get_xdata()[0]), float(line.get_ydata()[0]), line.get_marker())
        for line in axes.get_lines()
        if line.get_gid() == name
    ]


def test_every_figure_is_drawn_before_and_after_on_its_line(axes):
    before, after = marks(axes, "before"), marks(axes, "after")
    # Line 0 and line 4 are headings. Squares are shares of the value before; an arrow points
    # beyond the axis.
    assert before[:3] == [(0.91, 1, "o"), (1.0, 2, "s"), (1.0, 3, "s")]
    assert after[0] == (0.5, 1, "o")
    assert after[1] == (pytest.approx(0, abs=1e-12), 2, "s")
    assert after[2] == (1.5, 3, ">")
    assert after[3] == (pytest.approx(383 / 384), 5, "s")
    assert np.isnan(after[5][0])
    assert marks(axes, "chance") == [(0.5, 1, "|"), (0.0, 3, "|")]
    texts = [text.get_text() for text in axes.texts]
    assert "0.91 → 0.50   not found" in texts
    assert "384 → 383" in texts
    assert "not measured" in texts
    assert "Cov (fit)" in texts


def test_no_labels_overlap_and_none_leaves_the_page(card):
    pytest.importorskip("matplotlib")
    axes = card.plot()
    figure = axes.figure
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in axes.texts if text.get_text()]
    boxes.append(axes.get_legend().get_window_extent())
    page = figure.bbox
    for i, box in enumerate(boxes):
        assert box.x0 >= page.x0
        assert box.x1 <= page.x1
        assert box.y0 >= page.y0
        assert box.y1 <= page.y1
        for other in boxes[:i]:
            apart = (
                box.x1 <= other.x0 or other.x1 <= box.x0 or box.y1 <= other.y0 or other.y1 <= box.y0
            )
            assert apart


def test_what_says_nothing_is_grey(axes):
    colours = {
        line.get_ydata()[0]: line.get_color()
        for line in axes.get_lines()
        if line.get_gid() == "after"
    }
    assert colours[3] != colours[1] == "#0072b2"
    assert "grey: uninformative" in [t.get_text() for t in axes.get_legend().get_texts()]


def test_pyplot_and_the_settings_of_the_user_are_left_alone(tmp_path):
    matplotlib = pytest.importorskip("matplotlib")
    from matplotlib import pyplot as plt

    before = dict(matplotlib.rcParams)
    axes = MADE.plot()
    assert plt.get_fignums() == []
    assert dict(matplotlib.rcParams) == before
    axes.figure.savefig(tmp_path / "card.png")
    assert (tmp_path / "card.png").stat().st_size > 10_000
    figure = matplotlib.figure.Figure()
    own = figure.add_subplot()
    assert MADE.plot(own) is own
    assert len(marks(own, "after")) == 6
