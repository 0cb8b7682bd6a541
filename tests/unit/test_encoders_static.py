"""Static encoders: look-ups, what counts as missing, and every way to make one."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from embias.encoders import (
    CallableEncoder,
    SentenceTransformerEncoder,
    StaticEncoder,
    as_encoder,
    read_vectors,
)
from embias.errors import DataFileError, InputError, UnknownNameError, VectorError
from embias.types import Encoder, InContext

TABLE = {"dog": [1.0, 2.0], "cat": [3.0, 4.0], "zero": [0.0, 0.0]}


@pytest.fixture
def encoder():
    return StaticEncoder.from_dict(TABLE, id="toy")


def test_encode_keeps_order_and_repeats(encoder):
    rows = encoder.encode(["cat", "dog", "cat"])
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(rows, [[3, 4], [1, 2], [3, 4]])
    assert encoder.encode([]).shape == (0, 2)
    assert encoder.encode([]).dtype == np.float32
    assert encoder.encode(["dog"], progress=True).shape == (1, 2)
    assert encoder.encode(("dog",)).shape == (1, 2)


def test_encode_names_what_it_has_not(encoder):
    with pytest.raises(InputError, match=r"toy: no vector for 'Dog', 'emu' .*missing\(items\)"):
        encoder.encode(["Dog", "dog", "emu", "Dog"])
    with pytest.raises(VectorError, match=r"vector of 'zero' is zero.*missing\(items\)"):
        encoder.encode(["dog", "zero"])
    with pytest.raises(InputError, match="no vector for 'dog '"):
        encoder.encode(["dog "])
    with pytest.raises(InputError, match="InContext"):
        encoder.encode([InContext("a dog", 2, 5)])


def test_missing(encoder):
    inside = InContext("a dog", 2, 5)
    items = ["emu", "dog", "zero", inside, "emu", "DOG", inside]
    assert encoder.missing(items) == ["emu", "zero", inside, "DOG"]
    assert encoder.missing(["dog", "cat"]) == []
    assert encoder.missing([]) == []


def test_why_missing():
    made = StaticEncoder.from_dict(
        {"café": [1.0], "noe\u0308l": [2.0], "\u212a": [3.0], "z": [0.0]}
    )
    form = "no vector as written; the vocabulary has it in another Unicode form"
    for word in ("cafe\u0301", "noël", "K"):
        assert made.missing([word]) == [word]
        assert made.why_missing(word) == form
    assert made.why_missing("z") == "zero vector"
    assert made.why_missing("cafe") == "no vector"
    assert made.why_missing(InContext("café", 0, 4)) == "no vector"
    with pytest.raises(InputError, match="'café' has a vector"):
        made.why_missing("café")
    with pytest.raises(InputError, match="must be str, InContext or Image, got 3"):
        made.why_missing(3)


@pytest.mark.parametrize("id", [5, "", " ", b"x", ["x"]])
def test_ids_are_texts(gensim, id, tmp_path):
    path = tmp_path / "v.txt"
    path.write_text("1 1\na 1\n")
    kv = gensim.KeyedVectors.load_word2vec_format(str(path))
    frame = pd.DataFrame([[1.0]], index=["a"])
    makers = [
        lambda: StaticEncoder(["a"], [[1.0]], id=id),
        lambda: StaticEncoder.from_dict({"a": [1.0]}, id=id),
        lambda: StaticEncoder.from_file(path, id=id),
        lambda: StaticEncoder.from_keyed_vectors(kv, id=id),
        lambda: StaticEncoder.from_dataframe(frame, id=id),
        lambda: CallableEncoder(len, id=id),
        lambda: SentenceTransformerEncoder("org/some", id=id),
        lambda: as_encoder("minilm", id=id),
        *(lambda held=held: as_encoder(held, id=id) for held in (TABLE, path, kv, frame, len)),
        lambda: as_encoder(StaticEncoder.from_dict(TABLE), id=id),
    ]
    for make in makers:
        with pytest.raises(InputError, match=r"id must be a text that is not blank, got .*; give"):
            make()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"notes": "hello"}, r"notes must be a list of texts, got 'hello'; give one note as \["),
        ({"notes": None}, "notes must be a list of texts, got None"),
        ({"notes": [1]}, "notes must be a list of texts, got 1 in it"),
        ({"weights": 5}, "weights must be a text or None, got 5"),
        ({"revision": 5}, "revision must be a text or None, got 5"),
    ],
)
def test_options_of_a_table(options, message):
    with pytest.raises(InputError, match=message):
        StaticEncoder(["a"], [[1.0]], id="x", **options)


@pytest.mark.parametrize("method", ["encode", "missing"])
def test_items_are_a_list_of_stimuli(encoder, method):
    with pytest.raises(InputError, match="items is one str"):
        getattr(encoder, method)("dog")
    with pytest.raises(InputError, match="must be str, InContext or Image, got 3 of type int"):
        getattr(encoder, method)(["dog", 3])


def test_container_and_repr(encoder):
    assert "dog" in encoder
    assert "Dog" not in encoder
    assert 3 not in encoder
    assert len(encoder) == 3
    assert encoder.words == ("dog", "cat", "zero")
    assert repr(encoder) == "StaticEncoder(id='toy', 3 words, 2 coordinates)"
    assert isinstance(encoder, Encoder)
    with pytest.raises(ValueError, match="read-only"):
        encoder.vectors[0, 0] = 9


def test_info(encoder):
    info = encoder.info
    assert (info.id, info.kind, info.dim, info.normalized) == ("toy", "static", 2, False)
    assert info.revision is not None
    assert info.revision.startswith("sha256:")
    assert len(info.revision) == len("sha256:") + 16
    assert info.libraries == {"numpy": np.__version__}
    unit = StaticEncoder(["a", "b", "z"], [[0.6, 0.8], [1, 0], [0, 0]], id="u")
    assert unit.info.normalized
    named = StaticEncoder(["a"], [[1.0]], id="n", weights="W", revision="r1", notes=["hm"])
    assert (named.info.weights, named.info.revision, named.info.notes) == ("W", "r1", ("hm",))


def test_revision_follows_the_content():
    def revision(words, vectors):
        return StaticEncoder(words, vectors, id="x").info.revision

    base = revision(["a", "b"], [[1, 2], [3, 4]])
    assert base == revision(["a", "b"], np.array([[1, 2], [3, 4]], dtype=np.float64, order="F"))
    others = [
        revision(["b", "a"], [[1, 2], [3, 4]]),
        revision(["a", "b"], [[1, 2], [3, 5]]),
        revision(["a", "B"], [[1, 2], [3, 4]]),
        revision(["a"], [[1, 2]]),
    ]
    assert base not in others
    assert len(set(others)) == 4


def test_input_is_copied():
    array = np.ones((2, 2), dtype=np.float32)
    row = np.ones(2, dtype=np.float32)
    frame = pd.DataFrame(array, index=["a", "b"])
    encoders = [
        StaticEncoder(["a", "b"], array, id="x"),
        StaticEncoder.from_dict({"a": row}),
        StaticEncoder.from_dataframe(frame),
    ]
    array[:] = 7
    row[:] = 7
    frame.iloc[0, 0] = 7
    for made in encoders:
        np.testing.assert_array_equal(made.encode(["a"]), [[1, 1]])
        made.encode(["a"])[0, 0] = 5  # what encode returns is the caller's own
        np.testing.assert_array_equal(made.encode(["a"]), [[1, 1]])


@pytest.mark.parametrize(
    ("words", "vectors", "error", "message"),
    [
        ([], np.empty((0, 2)), InputError, "no words"),
        (["a", "b", "a", "b"], np.ones((4, 2)), InputError, "repeated: 'a', 'b'"),
        (["a", ""], np.ones((2, 2)), InputError, "row 1 has the empty word"),
        (["a", 3], np.ones((2, 2)), InputError, "must be str, got 3 of type int"),
        ("ab", np.ones((2, 2)), InputError, "words is one str"),
        (["a", "b"], np.ones((3, 2)), InputError, r"shape \(2, d\).*got \(3, 2\)"),
        (["a"], np.ones(2), InputError, r"got \(2,\)"),
        (["a"], np.ones((1, 0)), InputError, r"got \(1, 0\)"),
        (["a", "b"], [[1, 2], [1, np.nan]], VectorError, "vector of 'b' .*NaN"),
        (["a", "b"], [[1, 2], [1e39, 2]], VectorError, "vector of 'b' .*float32"),
        (["a"], [["x"]], InputError, "expected real numbers"),
        (["a"], [[False]], InputError, "type bool"),
        (["a"], np.ones((1, 2), dtype=object), InputError, "type object"),
        (["a"], None, InputError, "type object"),
        (None, np.ones((1, 2)), InputError, "words is None; give a list of words"),
        (["a"], [[1j]], InputError, "complex128"),
        (["a", "b"], [[1, 2], [3]], InputError, "cannot be read as numbers"),
    ],
)
def test_arrays_are_checked(words, vectors, error, message):
    with pytest.raises(error, match=message):
        StaticEncoder(words, vectors, id="x")


@pytest.mark.parametrize(
    ("mapping", "error", "message"),
    [
        ({}, InputError, "no words"),
        ({"a": [1, 2], "b": [1, 2, 3]}, VectorError, "'b' has 3 coordinates.*'a' has 2"),
        ({"a": [1, float("inf")]}, VectorError, "vector of 'a'"),
        ({1: [1, 2]}, InputError, "must be str, got 1"),
        ({"a": 1.0}, InputError, r"'a' has shape \(\)"),
        ({"a": [[1.0]]}, InputError, r"'a' has shape \(1, 1\)"),
        ({"a": []}, InputError, "'a' has shape"),
        ({"a": "1 2"}, InputError, "vector of 'a' .*type <U3"),
        ({"a": [1, 2], "b": [10**400, 1]}, VectorError, "vector of 'b' .*beyond 64 bits"),
        ({"a": [10**400, 1.5]}, VectorError, "vector of 'a'"),
        ({"a": [1j]}, InputError, "vector of 'a' .*complex128"),
        ({"a": [True]}, InputError, "vector of 'a' .*type bool"),
        ({"a": np.array([1.0, 2.0], dtype=object)}, InputError, "vector of 'a' .*type object"),
        ({"a": [[1], [1, 2]]}, InputError, "vector of 'a' .*ragged: row 2 has 2"),
        ({"a": [1, [2, 3]]}, InputError, "vector of 'a' .*ragged"),
        (None, InputError, "mapping must be a mapping of word to vector, got NoneType"),
        ([("a", [1.0])], InputError, "must be a mapping.*got list"),
        ({"a\nb" * 100: [np.nan]}, VectorError, r"vector of 'a\\nba.{1,90}\.\.\.' has"),
        ({"a": [1, None]}, VectorError, "vector of 'a' .*type object"),
    ],
)
def test_dicts_are_checked(mapping, error, message):
    with pytest.raises(error, match=message):
        StaticEncoder.from_dict(mapping)


def test_dict_takes_lists_tuples_arrays_and_integers():
    made = StaticEncoder.from_dict({"a": [1, 2], "b": (3, 4), "c": np.array([5, 6], dtype="f2")})
    np.testing.assert_array_equal(made.encode(["a", "b", "c"]), [[1, 2], [3, 4], [5, 6]])
    assert made.info.id == "dict"


def test_from_file(tmp_path):
    path = tmp_path / "tiny.vec"
    path.write_text("3 2\na 1 2\nb 3 4\na 5 6\n")
    made = StaticEncoder.from_file(path, weights="W")
    assert (made.info.id, made.info.weights) == ("tiny.vec", "W")
    assert made.info.notes == ("repeated words skipped, the first row of each kept: 1",)
    assert made.info.revision == StaticEncoder(["a", "b"], [[1, 2], [3, 4]], id="x").info.revision
    assert StaticEncoder.from_file(str(path), id="mine").info.id == "mine"
    with pytest.raises(DataFileError, match=r"no\.vec: no such file"):
        StaticEncoder.from_file(tmp_path / "no.vec")


def test_from_dataframe():
    frame = pd.DataFrame({"x": [1, 2], "y": [0.5, 0.25]}, index=["a", "b"])
    made = StaticEncoder.from_dataframe(frame, id="frame")
    np.testing.assert_array_equal(made.encode(["b", "a"]), [[2, 0.25], [1, 0.5]])
    assert made.info.id == "frame"
    bad = frame.assign(word=["p", "q"])
    with pytest.raises(InputError, match=r"not: 'word' \((object|str)\).*set_index"):
        StaticEncoder.from_dataframe(bad)
    mixed = frame.assign(t=[True, False], c=[1j, 2j])
    with pytest.raises(InputError, match=r"'t' \(bool\), 'c' \(complex128\)"):
        StaticEncoder.from_dataframe(mixed)
    for given in (5, None, frame["x"], [[1.0]]):
        with pytest.raises(InputError, match=r"must be a pandas DataFrame, got \w+; give"):
            StaticEncoder.from_dataframe(given)
    with pytest.raises(InputError, match="must be str, got 0, 1"):
        StaticEncoder.from_dataframe(frame.reset_index(drop=True))
    with pytest.raises(InputError, match="repeated: 'a'"):
        StaticEncoder.from_dataframe(frame.rename({"b": "a"}))
    with pytest.raises(VectorError, match="vector of 'a'"):
        StaticEncoder.from_dataframe(frame.where(frame > 0.25, np.nan).rename({"b": "a", "a": "b"}))


class Held:
    """A path that is no pathlib.Path."""

    def __init__(self, path):
        self.path = path

    def __fspath__(self):
        return self.path


def test_paths_of_every_kind(tmp_path):
    path = tmp_path / "v.txt"
    path.write_text("a 1 2\n")
    for held in (Held(str(path)), Held(os.fsencode(path))):
        for make in (StaticEncoder.from_file, as_encoder):
            assert make(held).info.id == "v.txt"
        assert read_vectors(held).words == ("a",)
    with pytest.raises(DataFileError, match="no such file or folder"):
        as_encoder(Held("minilm"))
    for given in (None, 5, b"v.txt"):
        for read in (read_vectors, StaticEncoder.from_file):
            with pytest.raises(InputError, match=r"path must be a str or an os\.PathLike, got"):
                read(given)


@pytest.mark.parametrize("make", [read_vectors, StaticEncoder.from_file, as_encoder])
def test_names_that_no_file_has(make):
    with pytest.raises(DataFileError, match=r"~nosuchuser/x\.txt: no such file"):
        make("~nosuchuser/x.txt")
    with pytest.raises(InputError, match=r"the name 'a\\x00b' holds a NUL character"):
        make("a\0b")
    with pytest.raises(InputError, match="the name '' is empty"):
        make("")
    with pytest.raises(DataFileError, match=r"'/no/such/two\\nlines\.txt': no such file"):
        make("/no/such/two\nlines.txt")


def test_home_is_expanded(tmp_path, monkeypatch):
    (tmp_path / "v.txt").write_text("a 1 2\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert as_encoder("~/v.txt").missing(["a"]) == []


def test_file_names_that_cannot_be_printed(tmp_path):
    name = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9\n.txt")
    try:
        with open(name, "w") as file:
            file.write("a 1 2\n\nb 3 4\n")
    except OSError:
        pytest.skip("the file system takes no such name")
    with pytest.raises(
        DataFileError, match=r"caf\\udce9\\n\.txt': line 2: the line is empty"
    ) as caught:
        StaticEncoder.from_file(name)
    assert str(caught.value).isprintable()
    with open(name, "w") as file:
        file.write("a 1 2\n")
    for encoder in (as_encoder(name), as_encoder(name, id=os.path.basename(name))):
        assert encoder.info.id == r"caf\udce9\n.txt"
        assert encoder.info.fingerprint()


# --- gensim --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def gensim():
    return pytest.importorskip("gensim.models")


def test_keyed_vectors_give_their_own_rows(gensim):
    kv = gensim.KeyedVectors(3)
    vectors = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    kv.add_vectors(["a", "b", "c", "d"], vectors)
    made = StaticEncoder.from_keyed_vectors(kv)
    assert list(made.words) == kv.index_to_key
    for word in kv.index_to_key:
        np.testing.assert_array_equal(made.encode([word])[0], kv[word])
    kv.vectors[:] = 0
    np.testing.assert_array_equal(made.vectors, vectors)
    assert set(made.info.libraries) == {"numpy", "gensim"}
    assert made.info.id == "keyedvectors"


def test_keyed_vectors_with_a_repeated_word(gensim, tmp_path):
    path = tmp_path / "v.txt"
    path.write_text("3 2\na 1 2\nb 3 4\na 5 6\n")
    kv = gensim.KeyedVectors.load_word2vec_format(str(path))
    assert None in kv.index_to_key  # the trap: a row that belongs to no word
    made = StaticEncoder.from_keyed_vectors(kv)
    assert made.words == ("a", "b")
    np.testing.assert_array_equal(made.vectors, [[1, 2], [3, 4]])
    assert made.info.notes == ("rows without a word skipped: 1",)


def test_fasttext_gives_its_vocabulary_only(gensim):
    model = gensim.FastText(
        [["dog", "cat", "emu"]] * 3, vector_size=4, min_count=1, workers=1, bucket=50
    )
    assert "dogs" in model.wv  # the trap: every word is "in" a fastText model
    made = as_encoder(model)
    assert made.missing(["dog", "dogs"]) == ["dogs"]
    np.testing.assert_array_equal(made.encode(["dog"])[0], model.wv["dog"])
    assert any("n-grams" in note for note in made.info.notes)


def test_not_keyed_vectors():
    with pytest.raises(InputError, match=r"expected a gensim.*got list.*model.wv"):
        StaticEncoder.from_keyed_vectors([1, 2])


# --- as_encoder ----------------------------------------------------------------------------------


def test_as_encoder_takes_what_users_hold(gensim, encoder, tmp_path):
    path = tmp_path / "v.txt"
    path.write_text("2 2\ndog 1 2\ncat 3 4\n")
    kv = gensim.KeyedVectors.load_word2vec_format(str(path))
    word2vec = gensim.Word2Vec([["dog", "cat"]] * 3, vector_size=2, min_count=1, workers=1)
    word2vec.wv = kv
    frame = pd.DataFrame([[1, 2], [3, 4]], index=["dog", "cat"])
    for held in (encoder, TABLE, path, str(path), kv, word2vec, frame):
        made = as_encoder(held)
        np.testing.assert_array_equal(made.encode(["cat", "dog"]), [[3, 4], [1, 2]])
        if held is not encoder:
            assert as_encoder(held, id="mine").info.id == "mine"
    assert as_encoder(encoder) is encoder
    assert as_encoder(encoder, id="toy") is encoder
    with pytest.raises(InputError, match="named 'toy' and is not renamed to 'other'"):
        as_encoder(encoder, id="other")


@pytest.mark.parametrize("held", [3, None, [1.0], object(), b"minilm"])
def test_as_encoder_lists_what_it_accepts(held):
    with pytest.raises(InputError, match=r"cannot use .*dict of word to vector.*KeyedVectors"):
        as_encoder(held)


def test_as_encoder_refuses_classes_and_blank_names():
    with pytest.raises(InputError, match="the class StaticEncoder; give an instance"):
        as_encoder(StaticEncoder)
    with pytest.raises(InputError, match="the name ' ' is empty"):
        as_encoder(" ")


@pytest.mark.parametrize(
    "name",
    ["glove.txt", "data/glove.vec", "./model", "/no/such/thing", "a/b/c", "x.BIN", "folder/"],
)
def test_as_encoder_tells_a_missing_file_from_a_hub_id(name):
    with pytest.raises(DataFileError, match="no such file or folder; check the path") as caught:
        as_encoder(name)
    assert name in str(caught.value)
    assert not isinstance(caught.value, UnknownNameError)


def test_importing_encoders_is_light():
    heavy = "{'torch', 'sentence_transformers', 'transformers', 'gensim', 'pandas'}"
    code = (
        "import sys, embias.encoders as e; "
        "x = e.as_encoder({'a': [1.0]}); x.encode(['a']); "
        "e.as_encoder(lambda t: [[1.0]] * len(t)).encode(['a']); "
        f"print(sorted({heavy} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
