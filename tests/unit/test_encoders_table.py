"""Tables of vectors computed elsewhere: keyed on any stimulus, saved and loaded."""

from __future__ import annotations

import json
import os
import pickle
from collections import OrderedDict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow
from safetensors import safe_open
from safetensors.numpy import save_file

from embias.encoders import StaticEncoder
from embias.encoders.table import PrecomputedEncoder
from embias.errors import DataFileError, InputError, OutputError, VectorError
from embias.types import Encoder, Image, InContext

FIRST, SECOND = InContext("he saw he", 0, 2), InContext("he saw he", 7, 9)
RED = Image.from_pillow(Pillow.new("RGB", (2, 2), (255, 0, 0)), name="red")
BLUE = Image.from_pillow(Pillow.new("RGB", (2, 2), (0, 0, 255)), name="blue")


@pytest.fixture
def words():
    table = {FIRST: [1.0, 2.0], SECOND: [3.0, 4.0], "he": [5.0, 6.0], "zero": [0.0, 0.0]}
    return PrecomputedEncoder(table, id="toy", kind="token")


def test_static_encoder_serves_names_of_rows():
    names = ["Anna Karenina", "user 17", "new\u00a0item", " x "]
    vectors = np.arange(1, 9, dtype=np.float32).reshape(4, 2)
    users = StaticEncoder(names, vectors, id="users")
    np.testing.assert_array_equal(users.encode(names[::-1]), vectors[::-1])
    assert users.missing(["Anna  Karenina", "x"]) == ["Anna  Karenina", "x"]
    with pytest.raises(InputError, match=r"must be str, got 0, 1 .*convert the names .* to text"):
        StaticEncoder(range(2), vectors[:2], id="ids")


def test_look_up_by_any_stimulus(words):
    assert isinstance(words, Encoder)
    rows = words.encode([SECOND, "he", FIRST, SECOND])
    np.testing.assert_array_equal(rows, [[3, 4], [5, 6], [1, 2], [3, 4]])
    rows[:] = 9
    np.testing.assert_array_equal(words.encode([FIRST]), [[1, 2]])
    assert words.encode([]).shape == (0, 2)
    assert words.encode(["he"], progress=True).shape == (1, 2)
    pictures = PrecomputedEncoder({RED: [1.0], BLUE: [2.0]}, id="p", kind="image")
    same = Image.from_pillow(Pillow.new("RGB", (2, 2), (0, 0, 255)), name="another name")
    np.testing.assert_array_equal(pictures.encode([same, RED]), [[2], [1]])
    assert (pictures.info.kind, pictures.info.modalities) == ("image", ("image",))
    both = PrecomputedEncoder({RED: [1.0], "red": [2.0]}, id="b", kind="sentence")
    assert both.info.modalities == ("text", "image")


def test_missing(words):
    other = InContext("he saw he", 0, 6)
    items = ["He", FIRST, other, "zero", "He", RED]
    assert words.missing(items) == ["He", other, "zero", RED]
    assert [words.why_missing(item) for item in ("He", "zero")] == ["no vector", "zero vector"]
    with pytest.raises(InputError, match="'he' has a vector"):
        words.why_missing("he")
    with pytest.raises(InputError, match=r"no vector for InContext\(text='he saw he', start=0, st"):
        words.encode([other, FIRST])
    with pytest.raises(VectorError, match="the vector of 'zero' is zero"):
        words.encode(["zero"])
    assert FIRST in words
    assert other not in words
    assert [] not in words
    assert len(words) == 4
    assert repr(words) == "PrecomputedEncoder(id='toy', kind='token', 4 items, 2 coordinates)"


def test_precision_is_that_of_the_numbers():
    third = 1 / 3
    for given_type, kept in (
        ("f8", "float64"),
        ("f4", "float32"),
        ("f2", "float32"),
        ("i4", "float64"),
    ):
        value = np.array([third * 9], dtype=given_type)
        for made in (
            PrecomputedEncoder({"a": value}, id="x", kind="static"),
            PrecomputedEncoder.from_arrays(["a"], value[None], id="x", kind="static"),
        ):
            assert made.info.precision == kept
            assert made.encode(["a"]).dtype == kept
            assert made.encode(["a"])[0, 0] == value[0]
    mixed = PrecomputedEncoder(
        {"a": np.ones(1, "f4"), "b": np.array([third])}, id="x", kind="static"
    )
    assert mixed.encode(["b"])[0, 0] == third


def test_what_is_given_is_copied():
    for dtype in ("f4", "f8"):
        array = np.ones((1, 2), dtype=dtype)
        made = [
            PrecomputedEncoder({"a": array[0]}, id="x", kind="static"),
            PrecomputedEncoder.from_arrays(["a"], array, id="x", kind="static"),
        ]
        array[:] = 7
        for encoder in made:
            np.testing.assert_array_equal(encoder.encode(["a"]), [[1, 1]])
            with pytest.raises(ValueError, match="read-only"):
                encoder.vectors[0, 0] = 9


def revision(table, **options):
    return PrecomputedEncoder(table, **{"id": "x", "kind": "token", **options}).info.revision


def test_revision_follows_the_content():
    base = revision({"a": [1.0], FIRST: [2.0]})
    assert base == revision(OrderedDict([(FIRST, [2.0]), ("a", [1.0])]))
    others = [
        revision({"a": [2.0], FIRST: [1.0]}),
        revision({"a": [1.0], SECOND: [2.0]}),
        revision({"b": [1.0], FIRST: [2.0]}),
        revision({"a": [1.0]}),
        revision({"a": np.array([1.0], "f4"), FIRST: np.array([2.0], "f4")}),
    ]
    assert len({base, *others}) == 6
    assert revision({"a": [1.0]}, revision="r1") == "r1"
    # A text that spells what another kind of item is written as.
    spelled = json.dumps([FIRST.text, FIRST.start, FIRST.stop])
    assert revision({spelled: [1.0]}) != revision({FIRST: [1.0]})


@pytest.mark.parametrize(
    ("table", "kind", "error", "message"),
    [
        ({}, "static", InputError, "there are no items"),
        ([("a", [1.0])], "static", InputError, "mapping must be a mapping.*got list.*from_arrays"),
        ({3: [1.0]}, "static", InputError, "must be str, got 3 of type int; give the names"),
        ({FIRST: [1.0]}, "sentence", InputError, 'must be str or Image, got .*the kind "token"'),
        ({RED: [1.0]}, "token", InputError, "must be str or InContext, got Image"),
        ({"a": [1.0]}, "image", InputError, "must be Image, got 'a'"),
        ({"": [1.0]}, "static", InputError, "row 0 has the empty text"),
        ({"a": [1.0]}, "words", InputError, "kind='words'; known: 'image', 'sentence'"),
        ({"a": [1.0]}, ["static"], InputError, r"kind=\['static'\]"),
        ({"a": 1.0}, "static", InputError, r"'a' has shape \(\)"),
        ({"a": []}, "static", InputError, "'a' has shape"),
        ({"a": [1.0], "b": [1.0, 2.0]}, "static", VectorError, "'b' has 2 coordinates.*'a' has 1"),
        ({"a": [np.nan]}, "static", VectorError, "vector of 'a' has .*NaN"),
        ({"a": np.array([1e39], "f8")}, "static", None, ""),
        ({"a": ["x"]}, "static", VectorError, "vector of 'a' cannot be read as numbers"),
    ],
)
def test_tables_are_checked(table, kind, error, message):
    if error is None:
        assert PrecomputedEncoder(table, id="x", kind=kind).vectors[0, 0] == 1e39
        return
    with pytest.raises(error, match=message):
        PrecomputedEncoder(table, id="x", kind=kind)


@pytest.mark.parametrize(
    ("items", "vectors", "message"),
    [
        (["a", "b", "a"], np.ones((3, 1)), "each item must stand once, repeated: 'a'"),
        (["a"], np.ones((2, 1)), r"1 items need vectors of shape \(1, d\).*got \(2, 1\)"),
        (["a"], np.ones(1), r"got \(1,\)"),
        (["a"], np.ones((1, 0)), r"got \(1, 0\)"),
        ("a", np.ones((1, 1)), "items is 'a'; give a list"),
        (None, np.ones((1, 1)), "items is None; give a list"),
        (["a", "b"], [[1.0], [1.0, 2.0]], "row 'b' has 2 coordinates"),
        (["a", "b"], [[1.0], [np.inf]], "vector of 'b' has"),
    ],
)
def test_arrays_are_checked(items, vectors, message):
    with pytest.raises(InputError, match=message):
        PrecomputedEncoder.from_arrays(items, vectors, id="x", kind="static")


# --- files ---------------------------------------------------------------------------------------


def test_save_and_load(words, tmp_path):
    path = tmp_path / "table.safetensors"
    words.save(path)
    assert os.listdir(tmp_path) == ["table.safetensors"]
    read = PrecomputedEncoder.load(path)
    assert read.items == words.items
    np.testing.assert_array_equal(read.vectors, words.vectors)
    assert read.info == words.info
    assert PrecomputedEncoder.load(str(path), id="other").info.id == "other"
    pictures = PrecomputedEncoder({RED: [1.0]}, id="p", kind="image", notes=["n"], weights="w")
    pictures.save(path)  # replaced
    read = PrecomputedEncoder.load(path)
    assert read.info == pictures.info
    assert read.encode([RED]) == [[1.0]]
    (item,) = read.items
    assert (item.name, item.source) == ("red", None)


texts = st.text(st.characters(), min_size=1, max_size=6)
spans = st.builds(
    lambda text, more: InContext(text + more, 0, len(text)), texts, st.text(max_size=3)
)
tables = st.dictionaries(
    st.one_of(texts, spans),
    st.lists(st.floats(allow_nan=False, allow_infinity=False).filter(bool), min_size=2, max_size=2),
    min_size=1,
    max_size=6,
)


@settings(max_examples=60, deadline=None)
@given(table=tables, notes=st.lists(texts, max_size=2), revised=st.none() | texts)
def test_files_give_back_what_was_saved(table, notes, revised, tmp_path_factory):
    made = PrecomputedEncoder(table, id="x", kind="token", notes=notes, revision=revised)
    path = tmp_path_factory.mktemp("tables") / "t"
    made.save(path)
    read = PrecomputedEncoder.load(path)
    assert read.info == made.info
    np.testing.assert_array_equal(read.encode(list(table)), made.encode(list(table)))


def test_a_failed_save_leaves_what_was_there(words, tmp_path, monkeypatch):
    path = tmp_path / "table"
    path.write_text("before")

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OutputError, match=r"table: .*No space left"):
        words.save(path)
    assert os.listdir(tmp_path) == ["table"]
    assert path.read_text() == "before"
    for wrong in (tmp_path, tmp_path / "no" / "folder"):
        with pytest.raises(OutputError, match="cannot write"):
            words.save(wrong)


def parts(path):
    with safe_open(str(path), framework="numpy") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118


def test_damaged_files(words, tmp_path):
    path = tmp_path / "table"
    words.save(path)
    whole = path.read_bytes()
    tensors, metadata = parts(path)

    def load_with(changed, described=metadata):
        save_file({**tensors, **changed}, str(path), metadata=described)
        PrecomputedEncoder.load(path)

    load_with({})  # what follows fails by its change alone
    fields = json.loads(metadata["embias"])
    other = tensors["vectors"] + 1
    bad_item = np.frombuffer(b'["a", "b", {"text": "x", "start": 0, "stop": 9}, "c"]', np.uint8)
    for changed, described, message in [
        ({"vectors": other}, metadata, "not those that were saved"),
        ({"vectors": other[:3]}, metadata, "4 items need vectors"),
        ({"vectors": other.astype("f4")}, metadata, "not those that were saved"),
        ({"items": np.frombuffer(b'["a"', np.uint8)}, metadata, "cannot be read as a table"),
        ({"items": np.frombuffer(b'{"a": 1}', np.uint8)}, metadata, "the items are no list"),
        ({"items": np.frombuffer(b"[1, 2, 3, 4]", np.uint8)}, metadata, "neither a text"),
        ({"items": bad_item}, metadata, r"span \[0, 9\) is not inside"),
        ({}, None, "is no table that"),
        ({}, {"embias": "{}"}, "is no table that"),
        ({}, {"embias": "x"}, "cannot be read as a table"),
        ({}, {"embias": json.dumps({**fields, "more": 1})}, "the fields must be"),
        ({}, {"embias": json.dumps({**fields, "kind": ["token"]})}, r"kind=\['token'\]"),
        ({}, {"embias": json.dumps({**fields, "id": None})}, "id must be a text"),
        ({}, {"embias": json.dumps({**fields, "notes": "x"})}, "notes must be a list"),
    ]:
        with pytest.raises(DataFileError, match=message) as caught:
            load_with(changed, described)
        assert str(caught.value).startswith(str(path))
        assert str(caught.value).isprintable()
    for data in (b"", whole[:-1], whole[:50], pickle.dumps([1])):
        path.write_bytes(data)
        with pytest.raises(DataFileError, match="cannot be read as a table of vectors"):
            PrecomputedEncoder.load(path)
    with pytest.raises(DataFileError, match="no such file"):
        PrecomputedEncoder.load(tmp_path / "none")
    with pytest.raises(InputError, match="id must be a text"):
        PrecomputedEncoder.load(path, id=" ")
