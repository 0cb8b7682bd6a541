"""Static encoders: look-ups, what counts as missing, and every way to make one."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from embias.encoders import StaticEncoder, as_encoder
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


@pytest.mark.parametrize("method", ["encode", "missing"])
def test_items_are_a_list_of_stimuli(encoder, method):
    with pytest.raises(InputError, match="items is one str"):
        getattr(encoder, method)("dog")
    with pytest.raises(InputError, match="must be str or InContext, got 3 of type int"):
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
        ({"a": "1 2"}, InputError, "vector of 'a' has the type"),
        ({"a": [1, None]}, VectorError, "vector of 'a'"),
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
    with pytest.raises(InputError, match=r"not: 'word'.*set_index"):
        StaticEncoder.from_dataframe(bad)
    with pytest.raises(InputError, match="must be str, got 0, 1"):
        StaticEncoder.from_dataframe(frame.reset_index(drop=True))
    with pytest.raises(InputError, match="repeated: 'a'"):
        StaticEncoder.from_dataframe(frame.rename({"b": "a"}))
    with pytest.raises(VectorError, match="vector of 'a'"):
        StaticEncoder.from_dataframe(frame.where(frame > 0.25, np.nan).rename({"b": "a", "a": "b"}))


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
