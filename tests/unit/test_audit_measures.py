"""Metrics that are no association test: rows of an audit, saved, shown."""

import math
from dataclasses import replace

import numpy as np
import pytest
from test_audit import flowers

from embias import Audit, Suite, audit, load_suite, metrics
from embias.errors import DataFileError, InputError
from embias.metrics import EdgeCases, MetricCard
from embias.results import Interval, Measure

WORDS = ("rose", "daisy", "wasp", "flea", "love", "joy", "war", "filth")


def spread(vectors):
    """A metric for these tests: the mean length of the targets."""
    lengths = np.linalg.norm(np.concatenate([vectors.x, vectors.y]), axis=1)
    if lengths.max() > 100:
        raise InputError("too long for spread")
    return Measure(
        metric="spread",
        value=float(lengths.mean()) if vectors.alternative != "less" else math.nan,
        no_bias=1.0,
        value_range=(0.0, None),
        pvalue=float(vectors.rng.uniform(0.01, 0.04)),
        pvalue_method="sampled",
        n_resamples=999,
        null="nothing is supposed",
        interval=Interval(0.5, 2.5, vectors.level, "made up"),
        counts={"words": len(lengths)},
        figures={"greatest": float(lengths.max()), "undefined": math.nan},
        scores={"words": tuple(lengths.tolist())},
        settings={"vectors": "raw"},
        note="An invention <of> this test.",
    )


CARD = MetricCard(
    name="spread",
    measures="How long the vectors are.",
    formula="mean |w|",
    value_range="[0, inf)",
    no_bias="1",
    direction="larger: longer",
    pvalue="drawn",
    caveats="none",
    edge_cases=EdgeCases(unequal="any", one_word="enough", two_sets="counts in both"),
    paper="none",
    run=spread,
)


@pytest.fixture(autouse=True)
def known(monkeypatch):
    monkeypatch.setitem(metrics.METRICS, "spread", CARD)


@pytest.fixture
def table():
    return {word: np.eye(4)[i % 4] * (i + 1) for i, word in enumerate(WORDS)}


def test_a_row_holds_the_figure_and_the_words_it_is_of(table):
    weat_row, row = audit(table, flowers(), metrics=["weat", "spread"]).results
    assert (weat_row.status, weat_row.measure, weat_row.metric) == ("ok", None, "weat")
    assert (row.status, row.association) == ("ok", None)
    assert row.measure.value == 2.5
    assert dict(zip(row.measured, row.measure.scores["words"], strict=True)) == {
        "rose": 1,
        "daisy": 2,
        "wasp": 3,
        "flea": 4,
    }
    assert row.pvalue == row.pvalue_adjusted < 0.05
    assert row.interval == Interval(0.5, 2.5, 0.95, "made up")


def test_words_in_sentences_are_the_mean_of_their_vectors():
    class Encoder:
        def __init__(self):
            from embias import EncoderInfo

            self.info = EncoderInfo(id="sentences", kind="sentence", dim=2)

        def missing(self, items):
            return []

        def encode(self, items, *, progress=False):
            return np.array([[len(item), item.count("!") + 1.0] for item in items])

    (row,) = audit(Encoder(), flowers(templates=("{}", "{}!!")), metrics=["spread"]).results
    assert row.measure.scores["words"][0] == np.hypot(4 + 1, 2)  # rose: (4, 1) and (6, 3)
    assert row.measured == ("rose", "daisy", "wasp", "flea")


def test_it_is_saved_and_shown(table):
    result = audit(table, flowers(), metrics=["weat", "spread"], alternative="less")
    assert math.isnan(result.results[1].measure.value)
    assert Audit.from_json(result.to_json()) == result
    frame = result.frame.set_index("metric")
    assert frame.loc["weat", "value"] == frame.loc["weat", "effect_size"]
    assert math.isnan(frame.loc["spread", "value"])
    assert frame.loc["spread", "no_bias"] == 1
    assert frame.loc["spread", "pvalue"] == result.results[1].measure.pvalue
    assert (frame.loc["spread", "effect_low"], frame.loc["spread", "effect_high"]) == (0.5, 2.5)
    text = " ".join(result.to_text().split())
    assert "How long the vectors are. No bias: 1. Larger: longer. p: nothing is supposed." in text
    assert "An invention <of> this test." in text
    page = result.to_html()
    assert "An invention &lt;of&gt; this test." in page
    assert "without bound" in page
    result.plot()
    result.plot("heatmap")
    assert "spread" in result._repr_html_()


def test_a_metric_that_cannot_be_computed_is_a_row_with_its_reason(table):
    long = {word: vector * 1000 for word, vector in table.items()}
    (row,) = audit(long, flowers(), metrics=["spread"]).results
    assert (row.status, row.reason, row.measure) == ("error", "too long for spread", None)


def test_draws_depend_on_the_seed_and_not_on_the_other_metrics(table):
    alone = audit(table, flowers(), metrics=["spread"]).results[0]
    beside = audit(table, flowers(), metrics=["weat", "spread"]).results[1]
    other = audit(table, flowers(), metrics=["spread"], rng=1).results[0]
    assert alone.pvalue == beside.pvalue != other.pvalue


def test_pairs_are_given_and_a_missing_word_drops_its_pair(table):
    seen = []

    def paired(vectors):
        seen.append(vectors.pairs)
        return spread(vectors)

    metrics.METRICS["spread"] = replace(CARD, run=paired)
    targets = (("rose", "daisy", "nosuch"), ("wasp", "flea", "tick"))
    pairs = [("daisy", "wasp"), ("nosuch", "tick"), ("rose", "flea")]
    test = flowers(targets=targets, pairs=pairs)
    (row,) = audit(table, test, metrics=["spread"], min_coverage=0.5).results
    assert seen[0].tolist() == [[1, 0], [0, 1]]
    assert "1 of 3 pairs dropped with a missing word." in row.notes
    with_pairs, without = Suite("s", (test,)), Suite("s", (flowers(targets=targets),))
    assert with_pairs.sha256 != without.sha256
    audit(table, flowers(), metrics=["spread"])
    assert seen[1] is None


@pytest.mark.parametrize(
    "pairs", [[("rose", "daisy")], [("rose",)], ["ab"], [("rose", "wasp")] * 2]
)
def test_pairs_are_of_a_word_of_x_and_one_of_y(pairs):
    with pytest.raises(InputError, match=r"pairs"):
        flowers(pairs=pairs)


def test_pairs_in_a_file(tmp_path):
    text = """
    name = "paired"
    [sets]
    x = { words = ["he", "man", "king"] }
    y = { words = ["she", "woman", "queen"] }
    a = { words = ["work"] }
    b = { words = ["home"] }
    [tests.one]
    targets = ["x", "y"]
    attributes = ["a", "b"]
    pairs = PAIRS
    """
    file = tmp_path / "paired.toml"
    file.write_text(text.replace("PAIRS", '[["he", "she"], ["man", "woman"], ["king", "queen"]]'))
    suite = load_suite(file)
    assert suite.tests[0].pairs == (("he", "she"), ("man", "woman"), ("king", "queen"))
    rows = audit("word2vec-googlenews-extract", suite, metrics=["ripa", "direct_bias"]).results
    assert [row.status for row in rows] == ["ok", "ok"]
    assert rows[1].measure.settings["direction"]["method"] == "pair_pca"
    file.write_text(text.replace("PAIRS", '["he", "she"]'))
    with pytest.raises(DataFileError, match="must be a list of pairs of words"):
        load_suite(file)
