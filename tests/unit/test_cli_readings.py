"""Options of ``embias audit`` that choose how vectors are read and what is computed of them."""

import pytest

from embias import Audit
from embias.cli import main
from fixtures.tiny_models import build, one_thread

SUITE = """
name = "mine"
[sets]
x = { words = ["doctor", "engineer"] }
y = { words = ["nurse", "cat"] }
a = { words = ["he", "man"] }
b = { words = ["she", "woman"] }
[tests.one]
targets = ["x", "y"]
attributes = ["a", "b"]
templates = ["the {} is here", "that is the {}."]
[tests.bare]
targets = ["x", "y"]
attributes = ["a", "b"]
"""
VECTORS = (
    "Doctor 1 2 3\nengineer 1 2 2\nnurse 3 1 1\nCAT 3 2 1\n"
    "he 1 1 3\nman 3 0 1\nshe 1 0 0\nwoman 0 1 1\n"
)


@pytest.fixture(autouse=True)
def single_thread():
    with one_thread():
        yield


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "tiny"
    for part in build("bert-cased"):
        part.save_pretrained(folder)
    return folder


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text(SUITE)
    (tmp_path / "v.txt").write_text(VECTORS)

    def call(*arguments):
        status = main(["audit", *map(str, arguments), "--suite", "mine.toml", "--json", "o.json"])
        written = capsys.readouterr()
        path = tmp_path / "o.json"
        return status, Audit.from_json(path) if path.exists() else None, written

    return call


def test_layers_poolings_and_dims(run, model):
    status, result, _ = run(model, "--layers", "0,-1", "--poolings", "cls,mean", "--dims", "4,8")
    assert status == 0
    infos = result.provenance.encoders
    assert {(i.layer, i.pooling.split(",")[0], i.truncate_dim) for i in infos} == {
        (layer, pooling, dim)
        for layer in ("0", "3")
        for pooling in ("cls", "mean")
        for dim in (4, 8)
    }
    assert "--layers 0,-1 --poolings cls,mean --dims 4,8" in result.provenance.command
    status, result, _ = run(model, "--layers", "-1,1", "--poolings", "cls, mean")
    assert [info.layer for info in result.provenance.encoders] == ["3", "3", "1", "1"]
    status, result, _ = run(model, "--layers", "all")
    assert [info.layer for info in result.provenance.encoders] == ["0", "1", "2", "3"]


def test_the_word_in_its_sentence(run, model):
    status, result, _ = run(model, "--level", "word")
    assert status == 0
    (info,) = result.provenance.encoders
    assert (info.kind, info.layer, info.pooling) == ("token", "3", "mean of sub-tokens of the word")


def test_dims_of_word_vectors_with_a_lookup(run):
    status, result, _ = run("v.txt", "--dims", "2,3", "--lookup", "title,upper")
    assert status == 0
    assert [info.truncate_dim for info in result.provenance.encoders] == [2, 3]
    assert {info.lookup for info in result.provenance.encoders} == {"exact, else upper, title"}


def test_lookup_is_recorded_for_every_word(run):
    status, result, written = run("v.txt", "--lookup", "title,upper")
    assert status == 0
    row = next(row for row in result.results if row.test == "bare")
    assert row.counts[0].alterations == ("as 'Doctor' (title)",)
    assert row.counts[1].alterations == ("as 'CAT' (upper)",)
    assert "2 of 8 words not used just as written" in " ".join(written.out.split())
    assert result.provenance.encoders[0].lookup == "exact, else upper, title"
    status, result, _ = run("v.txt")
    assert status == 2  # three of the eight words are missing without it


def test_metrics_by_name(run):
    status, result, written = run(
        "v.txt", "--lookup", "title,upper", "--metric", "weat", "--metric", "mac"
    )
    assert status == 0
    assert [row.metric for row in result.results if row.status == "ok"] == ["weat", "mac"]
    assert result.provenance.settings["metrics"] == ["weat", "mac"]
    assert "mac" in written.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--layers", "x"), "--layers x: give whole numbers"),
        (("--layers", "99"), "layer"),
        (("--layers", "1,1"), "each once"),
        (("--poolings", "median"), "median"),
        (("--dims", "0"), "from 1 to"),
        (("--metric", "waet"), "did you mean 'weat'"),
    ],
)
def test_wrong_values_are_one_clear_line(run, model, arguments, message):
    status, result, written = run(model, *arguments)
    assert (status, result) == (2, None)
    assert message in written.err
    assert written.err.count("\n") == 1


@pytest.mark.parametrize(
    ("model_name", "arguments", "message"),
    [
        ("v.txt", ("--lookup", "lwoer"), "did you mean 'lower'"),
        ("minilm", ("--lookup", "lower"), "is no table of words"),
        ("v.txt", ("--layers", "1"), "'v.txt' is a table of word vectors: it has no layers"),
        ("v.txt", ("--level", "word"), "no words in sentences; give only dims="),
        ("word2vec-googlenews-extract", ("--level", "word"), "is a table of word vectors"),
        ("minilm", ("--lookup", "lower", "--layers", "1"), "is no table of words"),
        ("v.txt", ("--lookup", "lwoer", "--dims", "2"), "did you mean 'lower'"),
        ("v.txt", ("--lookup", "prefix="), "prefix= needs the text"),
        ("v.txt", ("--dims", ""), "--dims : give whole numbers separated by commas, such as 64"),
        ("v.txt", ("v.txt",), "'v.txt' is named twice"),
    ],
)
def test_options_that_do_not_fit_the_model(run, model_name, arguments, message):
    status, result, written = run(model_name, *arguments)
    assert (status, result) == (2, None)
    assert message in written.err
    assert written.err.count("\n") == 1
