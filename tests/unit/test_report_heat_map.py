"""The heat map of tests by encoders, and of a sweep."""

from dataclasses import replace

import numpy as np
import pytest
from test_report_samples import full, hostile

from embias import Audit, EncoderInfo, audit, load_suite
from embias.errors import InputError
from embias.report import heat_map

pytest.importorskip("matplotlib")


class Reading:
    """One reading of an imagined model."""

    def __init__(self, layer, pooling, truncate_dim=None):
        self.info = EncoderInfo(
            id=f"model [layer {layer}, {pooling}, {truncate_dim}]",
            kind="sentence",
            dim=truncate_dim or 8,
            layer=layer,
            pooling=pooling,
            truncate_dim=truncate_dim,
            weights="model",
        )

    def encode(self, items, *, progress=False):
        seeds = [[*self.info.id.encode(), *repr(item).encode()] for item in items]
        rows = [np.random.default_rng(seed).normal(size=self.info.dim) for seed in seeds]
        return np.array(rows).reshape(len(items), self.info.dim)

    def missing(self, items):
        return []


@pytest.fixture(scope="module")
def swept():
    readings = [Reading(f"{n}", p) for p in ("cls", "mean") for n in (10, 2, 0)]
    return audit([*readings, Reading("2", "mean", 4)], load_suite("weat"))


def panels(figure):
    """Title of each panel to its column labels and the texts of its cells."""
    return {
        axes.get_title(): (
            [label.get_text() for label in axes.get_xticklabels()],
            [text.get_text() for text in axes.texts],
        )
        for axes in figure.axes[:-1]  # the last one is the colour bar
    }


def test_a_sweep_has_a_panel_for_each_pooling_and_its_layers_in_order(swept):
    assert {name: labels for name, (labels, _) in panels(swept.plot("heatmap")).items()} == {
        "cls": ["0", "2", "10"],
        "mean": ["0", "2", "10"],
        "mean, 4 coordinates": ["2"],
    }


def test_every_cell_holds_the_effect_size_of_its_test_and_reading(swept):
    _, texts = panels(heat_map(swept))["cls"]
    by_place = {(r.test, r.encoder): r for r in swept.results}
    expected = []
    for test in load_suite("weat").tests:
        for layer in ("0", "2", "10"):
            row = by_place[test.name, f"model [layer {layer}, cls, None]"]
            dot = " ●" if row.pvalue_adjusted < 0.05 else ""
            figure = f"{row.association.effect_size:.2f}".replace("-0.00", "0.00")
            expected.append(f"{figure}{dot}")
    assert texts == expected


def test_white_is_zero_and_the_range_is_that_of_the_audit(swept):
    (image, *_), colours = heat_map(swept).axes[0].images, heat_map(swept).axes[0].images[0].cmap
    most = max(abs(row.association.effect_size) for row in swept.results)
    assert image.get_clim() == (-most, most)
    assert all(channel > 0.9 for channel in colours(0.5)[:3])
    statistic = heat_map(swept, value="statistic").axes[0].images[0]
    assert statistic.get_clim()[1] == max(abs(row.association.statistic) for row in swept.results)


def test_encoders_that_are_no_sweep_stand_side_by_side(extract):
    result = audit([extract, Reading("1", "mean")], "weat")
    labels, _ = panels(heat_map(result))[""]
    assert labels == ["word2vec-googlenews-extract", "model [layer 1, mean, None]"]


def test_a_test_that_could_not_be_run_is_a_cross():
    crossed = [r for r in full().results if r.status == "error"]
    assert crossed
    texts = [text for _, listed in panels(heat_map(full())).values() for text in listed]
    assert texts.count("×") == len(crossed)


def test_one_row_and_none(swept):
    one = replace(swept, results=swept.results[:1])
    assert len(panels(heat_map(one))[""][1]) == 1
    none = Audit((), swept.provenance)
    assert next(text.get_text() for text in heat_map(none).texts) == "The audit holds no test."


def test_rows_of_other_metrics_alone_are_not_said_to_be_no_test(extract):
    from embias.report.plot import forest_plot

    other = audit(extract, "weat", metrics=["lpbs"])
    assert other.results
    for figure in (heat_map(other), forest_plot(other)):
        said = [text.get_text() for text in figure.texts]
        assert "The audit holds no test." not in said
        assert any("No row is an association test" in text for text in said)
    drawn = forest_plot(audit(extract, "weat"))
    assert not any("No row" in text.get_text() for text in drawn.texts)


def test_names_from_outside_are_cleaned():
    heard = [t for labels, _ in panels(heat_map(hostile())).values() for t in labels]
    assert heard
    assert not any("\x1b" in text or "\u202e" in text for text in heard)


def test_unknown_values_and_kinds_are_named(swept):
    with pytest.raises(InputError, match="heat map of 'p'; give one of: effect_size, statistic"):
        heat_map(swept, value="p")
    with pytest.raises(InputError, match="give one of: forest, heatmap"):
        swept.plot("pie")
