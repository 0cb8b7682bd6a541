"""More sources of static vectors: numpy, Parquet, spaCy, model2vec, pickles; zip bombs."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import pickle
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest

from embias.encoders import StaticEncoder, _sources, as_encoder, read_vectors
from embias.encoders.fasttext import FastTextEncoder
from embias.encoders.lookup import LookupPolicy
from embias.encoders.model2vec import Model2VecEncoder, is_model2vec_folder
from embias.encoders.unsafe import load_pickled
from embias.encoders.vector_files import FORMATS
from embias.errors import DataFileError, EmbiasError, InputError, VectorError
from embias.types import InContext

WORDS = ["dog", "café", "new york", "no\u00a0break", "x\u2028y", "#", "<b>", "🦊"]
VECTORS = np.random.default_rng(5).normal(size=(len(WORDS), 6)).astype(np.float32)


def beside(path: Path, words=WORDS) -> Path:
    """Put the word list where it belongs."""
    path.with_name(path.stem + ".vocab.txt").write_bytes("".join(f"{w}\n" for w in words).encode())
    return path


def refused(path: Path, *parts: str, **options) -> str:
    with pytest.raises(DataFileError) as caught:
        read_vectors(path, **options)
    message = str(caught.value)
    for part in (path.stem, *parts):
        assert part in message
    assert "\n" not in message
    return message


def check_table(path, format, *, rtol=0.0, words=WORDS):
    table = read_vectors(path)
    assert table.format == format
    assert list(table.words) == list(words)
    np.testing.assert_allclose(table.vectors, VECTORS[: len(words)], rtol=rtol)
    assert read_vectors(path, format=format).words == table.words
    assert StaticEncoder.from_file(path).info.revision == as_encoder(path).info.revision
    return table


# --- numpy ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["<f4", "<f8", ">f4", "<f2"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_npy_with_a_word_list(tmp_path, dtype, order):
    path = beside(tmp_path / "some.vectors")  # the suffix plays no part
    with path.open("wb") as file:
        np.save(file, np.asarray(VECTORS, dtype=dtype, order=order), allow_pickle=False)
    check_table(path, "numpy", rtol=1e-2 if dtype == "<f2" else 0)


def test_npy_of_many_rows_and_integers(tmp_path, monkeypatch):
    monkeypatch.setattr("embias.encoders._numpy_format._CHUNK_NUMBERS", 20)
    rows = np.arange(63, dtype=np.int16).reshape(21, 3)
    path = beside(tmp_path / "v.npy", [f"w{i}" for i in range(21)])
    np.save(path, rows)
    table = read_vectors(path)
    np.testing.assert_array_equal(table.vectors, rows)
    assert table.words[20] == "w20"


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz(tmp_path, save):
    save(tmp_path / "inside.npz", words=np.array(WORDS), vectors=VECTORS, other=np.ones(3))
    check_table(tmp_path / "inside.npz", "numpy")
    save(tmp_path / "one.npz", VECTORS)  # arr_0
    check_table(beside(tmp_path / "one.npz"), "numpy")
    save(tmp_path / "two.npz", words=np.array(WORDS), embedding=VECTORS)
    check_table(tmp_path / "two.npz", "numpy")


def test_npz_policies(tmp_path):
    words = np.array(["a", "b", "a", "", "z"])
    vectors = np.array([[1, 2], [3, 4], [5, 6], [7, 8], [0, 0]], dtype=float)
    np.savez(tmp_path / "v.npz", words=words, vectors=vectors)
    table = read_vectors(tmp_path / "v.npz")
    assert table.words == ("a", "b", "z")
    assert len(table.notes) == 3
    vectors[1, 1] = np.nan
    np.savez(tmp_path / "v.npz", words=words, vectors=vectors)
    refused(tmp_path / "v.npz", "row 2", "'b'", "finite")
    np.savez(tmp_path / "v.npz", words=np.array(["a", "\ud800"]), vectors=np.ones((2, 2)))
    refused(tmp_path / "v.npz", "row 2", "not UTF-8")


@pytest.mark.parametrize(
    ("arrays", "parts"),
    [
        ({"words": np.array(["a"]), "vectors": np.ones((2, 2))}, ["2 rows", "'words' has 1"]),
        ({"words": np.array(["a"]), "vectors": np.ones(2)}, ["'vectors'", "(2,)"]),
        ({"words": np.array(["a"]), "vectors": np.ones((1, 2)) * 1j}, ["complex128"]),
        ({"words": np.array(["a"]), "vectors": np.ones((0, 2))}, ["(0, 2)"]),
        ({"words": np.array([b"a"]), "vectors": np.ones((1, 2))}, ["'words'", "|S1"]),
        ({"words": np.array([["a"]]), "vectors": np.ones((1, 2))}, ["(1, 1)"]),
        ({"a": np.ones((1, 2)), "b": np.ones((1, 2))}, ["no array named 'vectors'", "'a', 'b'"]),
        ({"words": np.array(["a"])}, ["no array named 'vectors'"]),
        ({"vectors": np.ones((1, 2))}, ["word list of", "cannot be read"]),
    ],
)
def test_malformed_npz(tmp_path, arrays, parts):
    np.savez(tmp_path / "v.npz", **arrays)
    refused(tmp_path / "v.npz", *parts)


def npy(array) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def npy_claiming(shape, data=b"", descr="<f4") -> bytes:
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (117 - len(header)) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_numpy_files_that_lie(tmp_path):
    path = beside(tmp_path / "v.npy")
    for shape in [(10**12, 300), (2**62, 2**62), (len(WORDS), 7), (-1, 3), (-2, -3)]:
        path.write_bytes(npy_claiming(shape, VECTORS.tobytes()))
        refused(path)
        words = npy(np.array(WORDS))
        content = {"vectors.npy": npy_claiming(shape, VECTORS.tobytes()), "words.npy": words}
        refused(zipped(tmp_path / "v.npz", content))
    whole = npy(VECTORS)
    for length in [7, 9, 50, 127, 128, len(whole) - 1]:
        path.write_bytes(whole[:length])
        refused(path)
    path.write_bytes(whole + b"x")
    refused(path, "is cut short or damaged")
    path.write_bytes(gzip.compress(whole))
    refused(path, "holds a numpy file in compressed form", "unpack it")
    path.write_bytes(b"a 1 2\n")
    refused(path, "cannot be read", format="numpy")
    path.write_bytes(npy_claiming("(8, 6), 'x': 1", VECTORS.tobytes()))
    refused(path, "cannot be read as a numpy array")


def test_damaged_npz(tmp_path):
    np.savez_compressed(tmp_path / "v.npz", words=np.array(WORDS), vectors=VECTORS)
    whole = (tmp_path / "v.npz").read_bytes()
    for length in range(4, len(whole), 7):
        (tmp_path / "v.npz").write_bytes(whole[:length])
        refused(tmp_path / "v.npz")
    flipped = bytearray(whole)
    flipped[200] ^= 0xFF  # inside the compressed numbers: caught by the checksum at the latest
    (tmp_path / "v.npz").write_bytes(flipped)
    refused(tmp_path / "v.npz")


# --- Parquet -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pa():
    return pytest.importorskip("pyarrow")


def write_parquet(pa, path, columns, **options):
    pq = pytest.importorskip("pyarrow.parquet")
    pq.write_table(pa.table(columns), path, **options)
    return path


@pytest.mark.parametrize("kind", ["list", "large", "fixed", "columns"])
@pytest.mark.parametrize("text", ["string", "large_string", "dictionary"])
def test_parquet_equals_pandas(pa, tmp_path, kind, text):
    import pandas as pd

    words = pa.array(WORDS, type=pa.large_string() if text == "large_string" else pa.string())
    if text == "dictionary":
        words = words.dictionary_encode()
    numbers = {
        "list": {"v": pa.array(VECTORS.tolist(), type=pa.list_(pa.float32()))},
        "large": {"v": pa.array(VECTORS.tolist(), type=pa.large_list(pa.float64()))},
        "fixed": {"v": pa.array(VECTORS.tolist(), type=pa.list_(pa.float32(), 6))},
        "columns": {f"d{i}": VECTORS[:, i].astype("f8") for i in range(6)},
    }[kind]
    path = write_parquet(pa, tmp_path / "v.dat", {"w": words, **numbers}, row_group_size=3)
    check_table(path, "parquet")
    frame = pd.read_parquet(path)
    stacked = np.stack(frame["v"]) if "v" in frame else frame.drop(columns="w").to_numpy()
    np.testing.assert_array_equal(read_vectors(path).vectors, stacked.astype(np.float32))


def test_parquet_of_a_dataframe_with_an_index_of_words(pa, tmp_path):
    import pandas as pd

    frame = pd.DataFrame(VECTORS, index=WORDS, columns=[f"d{i}" for i in range(6)])
    frame.to_parquet(tmp_path / "v.parquet")
    check_table(tmp_path / "v.parquet", "parquet")


@pytest.mark.parametrize("lists", [True, False])
def test_parquet_in_many_batches(pa, tmp_path, monkeypatch, lists):
    monkeypatch.setattr("embias.encoders._parquet_format._BATCH_NUMBERS", 100)
    rows = np.random.default_rng(0).normal(size=(1000, 4)).astype(np.float32)
    words = [f"w{i}" for i in range(1000)]
    numbers = {"v": pa.array(rows.tolist(), type=pa.list_(pa.float32()))}
    if not lists:
        numbers = {f"d{i}": rows[:, i] for i in range(4)}
    path = write_parquet(pa, tmp_path / "v.parquet", {"w": words, **numbers}, row_group_size=300)
    table = read_vectors(path)
    np.testing.assert_array_equal(table.vectors, rows)
    assert list(table.words) == words


def test_malformed_parquet(pa, tmp_path):
    path = tmp_path / "v.parquet"

    def check(columns, *parts, **options):
        refused(write_parquet(pa, path, columns), *parts, **options)

    word, number = ["a", "b"], [1.0, 2.0]
    check({"w": word}, "0 of lists, 0 of numbers", "'w' (string)")
    check({"x": number}, "0 columns of text")
    check({"w": word, "u": word, "x": number}, "2 columns of text")
    check({"w": word, "x": number, "n": [1, 2]}, "'n'", "count")
    check({"w": word, "x": number, "t": [True, False]}, "'t' (bool)")
    check({"w": word, "v": [[1.0], [2.0]], "x": number}, "1 of lists, 1 of numbers")
    check({"w": word, "__index_level_0__": [1, 2], "n": [1, 2]}, "__index_level_0__")
    check({"w": word, "v": [[1.0, 2.0], [1.0]]}, "row 2", "'b'", "1 numbers, expected 2")
    check({"w": word, "v": pa.array([[], []], pa.list_(pa.float32()))}, "row 1", "0 numbers")
    check({"w": word, "v": [[1.0, 2.0], None]}, "null")
    check({"w": word, "v": [[1.0, 2.0], [None, 2.0]]}, "null")
    check({"w": word, "x": [1.0, None]}, "null")
    check({"w": ["a", None], "x": number}, "row 2", "word is null")
    check({"w": word, "x": [1.0, float("inf")]}, "row 2", "'b'", "finite")
    check({"w": pa.array([], pa.string()), "x": pa.array([], pa.float32())}, "no rows")
    not_utf8 = pa.StringArray.from_buffers(
        1, pa.py_buffer(struct.pack("<2i", 0, 2)), pa.py_buffer(b"a\xff")
    )
    check({"w": not_utf8, "x": [1.0]}, "row 1", "not UTF-8")
    assert read_vectors(path, encoding_errors="replace").words == ("a\ufffd",)
    assert read_vectors(write_parquet(pa, path, {"w": word, "n": [1, 2]})).vectors.tolist() == [
        [1],
        [2],
    ]
    whole = path.read_bytes()
    for length in range(4, len(whole), 50):
        path.write_bytes(whole[:length])
        refused(path)
    path.write_bytes(b"a 1 2\n")
    refused(path, "not a Parquet file", format="parquet")


def test_parquet_that_expands_without_end(pa, tmp_path, monkeypatch):
    # one number, a million times: some hundred bytes after run-length encoding
    columns = {"w": pa.array([f"w{i}" for i in range(4)]), "v": [[1.0] * 250_000] * 4}
    path = write_parquet(pa, tmp_path / "v.parquet", columns)
    assert path.stat().st_size < 20_000
    assert read_vectors(path).vectors.shape == (4, 250_000)  # below 64 MiB nothing is refused
    monkeypatch.setattr(_sources, "FREE_BYTES", 1000)
    monkeypatch.setattr(_sources, "MAX_EXPANSION", 20)
    refused(path, "expands to more than", "exhaust memory")


def test_parquet_without_pyarrow(pa, tmp_path, monkeypatch):
    path = write_parquet(pa, tmp_path / "v.parquet", {"w": ["a"], "x": [1.0]})
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"needs the package 'pyarrow'.*embias\[static\]"):
        read_vectors(path)


# --- spaCy ---------------------------------------------------------------------------------------


@pytest.fixture
def nlp():
    return pytest.importorskip("spacy").blank("en")


def test_spacy_vectors_equal_spacy(nlp):
    for word, vector in zip(WORDS, VECTORS, strict=True):
        nlp.vocab.set_vector(word, vector)
    for held, id in ((nlp, "en_pipeline"), (nlp.vocab, "spacy")):
        made = StaticEncoder.from_spacy(held)
        assert made.info.id == id
        assert sorted(made.words) == sorted(WORDS)
        for word in WORDS:
            np.testing.assert_array_equal(made.encode([word])[0], nlp.vocab.get_vector(word))
            np.testing.assert_array_equal(made.encode([word])[0], nlp.vocab[word].vector)
    assert made.missing(["dogs"]) == ["dogs"]
    assert set(made.info.libraries) == {"numpy", "spacy"}
    before = made.encode(["dog"])
    nlp.vocab.set_vector("dog", np.zeros(6))
    np.testing.assert_array_equal(made.encode(["dog"]), before)
    policy = LookupPolicy(lower=True)
    assert StaticEncoder.from_spacy(nlp, id="x", lookup=policy).missing(["DOG"]) == ["DOG"]
    nlp.vocab.set_vector("dog", VECTORS[0])
    lowered = StaticEncoder.from_spacy(nlp, id="x", lookup=policy)
    assert lowered.how_encoded("DOG") == "as 'dog' (lower)"


def test_spacy_pruned_vectors(nlp):
    for word, vector in zip(WORDS, VECTORS, strict=True):
        nlp.vocab.set_vector(word, vector)
    nlp.vocab.prune_vectors(3)
    made = StaticEncoder.from_spacy(nlp)
    assert len(made) == len(WORDS)
    assert len({row.tobytes() for row in made.vectors}) == 3
    for word in WORDS:
        np.testing.assert_array_equal(made.encode([word])[0], nlp.vocab.get_vector(word))
    assert any("share a vector with others (pruned vectors)" in note for note in made.info.notes)


def test_spacy_keys_without_a_word_and_other_attributes(nlp):
    from spacy.vectors import Vectors

    made_for = Vectors(
        data=VECTORS[:2], keys=["dog", 12345], strings=nlp.vocab.strings, attr="LOWER"
    )
    nlp.vocab.strings.add("dog")
    nlp.vocab.vectors = made_for
    made = StaticEncoder.from_spacy(nlp)
    assert made.words == ("dog",)
    assert made.info.notes[0] == "vectors skipped whose word is not in the vocabulary: 1"
    assert "attribute LOWER" in made.info.notes[1]


def test_spacy_refusals(nlp):
    from spacy.vectors import Vectors

    with pytest.raises(InputError, match=r"table of vectors is empty.*en_core_web_md"):
        StaticEncoder.from_spacy(nlp)
    nlp.vocab.vectors = Vectors(data=VECTORS, mode="floret", minn=2, maxn=3, hash_count=1)
    with pytest.raises(InputError, match=r"floret.*get_vector"):
        StaticEncoder.from_spacy(nlp)
    for other in (3, {"a": 1}, None):
        with pytest.raises(InputError, match="expected a spaCy Language or Vocab"):
            StaticEncoder.from_spacy(other)


# --- model2vec -----------------------------------------------------------------------------------

PIECES = ["[PAD]", "[UNK]", "the", "dog", "run", "##s", "##ning", "doctor", "."]


def static_model(dtype=np.float32, normalize=True, **options):
    model2vec = pytest.importorskip("model2vec")
    tokenizers = pytest.importorskip("tokenizers")
    vocabulary = {piece: i for i, piece in enumerate(PIECES)}
    tokenizer = tokenizers.Tokenizer(
        tokenizers.models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=50)
    )
    tokenizer.normalizer = tokenizers.normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    vectors = np.random.default_rng(2).normal(size=(len(PIECES), 4)) * 3
    return model2vec.StaticModel(vectors.astype(dtype), tokenizer, normalize=normalize, **options)


TEXTS = ["the dog runs", "Running dog.", "doctor", "the unseen dog", "dog", "the dog runs"]


@pytest.mark.parametrize("dtype", ["float32", "float16", "float64", "int8"])
@pytest.mark.parametrize("normalize", [True, False])
def test_model2vec_equals_the_library(dtype, normalize):
    model = static_model(dtype, normalize)
    made = Model2VecEncoder(model)
    rows = made.encode(TEXTS)
    np.testing.assert_allclose(rows, model.encode(TEXTS), atol=1e-6)
    assert rows.dtype == (np.float64 if dtype == "float64" else np.float32)
    for text, row in zip(TEXTS, rows, strict=True):
        np.testing.assert_allclose(made.encode([text])[0], row, atol=1e-6)
    info = made.info
    assert (info.id, info.kind, info.dim) == ("model2vec", "static", 4)
    assert (info.normalized, info.dtype) == (normalize, dtype)
    assert "mean of sub-token vectors, no context" in info.notes[0]
    assert any(dtype in note for note in info.notes) == (dtype in ("float16", "int8"))
    assert made.encode([]).shape == (0, 4)


def test_model2vec_is_the_mean_written_out():
    model = static_model(normalize=False)
    vectors = model.embedding.astype(float)
    place = {piece: i for i, piece in enumerate(PIECES)}
    tokens = ["the", "dog", "run", "##s"]
    expected = np.mean([vectors[place[token]] for token in tokens], axis=0)
    made = Model2VecEncoder(model)
    np.testing.assert_allclose(made.encode(["the dog runs"])[0], expected, atol=1e-6)
    np.testing.assert_allclose(made.encode(["the xyz dog RUNS"])[0], expected, atol=1e-6)
    assert made.how_encoded("the dog runs") == ""
    assert made.how_encoded("the xyz dog runs") == "1 unknown token left out"


def test_model2vec_weights_and_mapping_of_tokens():
    weights = np.linspace(0.1, 1, len(PIECES))
    mapping = np.arange(len(PIECES)) % 4
    base = static_model(normalize=False)
    model2vec = pytest.importorskip("model2vec")
    model = model2vec.StaticModel(
        base.embedding[:4], base.tokenizer, weights=weights, token_mapping=mapping
    )
    made = Model2VecEncoder(model)
    np.testing.assert_allclose(made.encode(TEXTS), model.encode(TEXTS), atol=1e-6)
    assert any("tokens share 4 vectors" in note for note in made.info.notes)
    plain = Model2VecEncoder(base)
    assert made.info.revision != plain.info.revision
    assert made.info.tokenizer == plain.info.tokenizer
    assert plain.info == Model2VecEncoder(static_model(normalize=False)).info


def test_model2vec_counts_what_gives_zero_as_missing():
    made = Model2VecEncoder(static_model())
    inside = InContext("the dog", 4, 7)
    items = ["dog", "xyz", "", " ", inside, "xyz", "the xyz"]
    assert made.missing(items) == ["xyz", "", " ", inside]
    assert made.why_missing("xyz") == "zero vector"
    assert made.why_missing(inside) == "no vector"
    with pytest.raises(InputError, match="'dog' has a vector"):
        made.why_missing("dog")
    with pytest.raises(VectorError, match="no token of 'xyz' has a vector"):
        made.encode(["dog", "xyz"])
    with pytest.raises(InputError, match="is empty or blank"):
        made.encode([""])
    with pytest.raises(InputError, match="word 'dog' inside"):
        made.encode([inside])


def test_model2vec_cuts_nothing():
    model = static_model(normalize=False)
    made = Model2VecEncoder(model)
    long = "dog " * 600 + "doctor"
    row = made.encode([long])[0].astype(float)
    dog, doctor = (model.embedding[PIECES.index(word)].astype(float) for word in ("dog", "doctor"))
    np.testing.assert_allclose(row, (600 * dog + doctor) / 601, atol=1e-4)
    assert np.abs(model.encode([long])[0] - row).max() > 1e-3, "the library does cut it"
    assert made.how_encoded("dog " * 600 + "xyz") == "1 unknown token left out"


def test_model2vec_folders(tmp_path):
    model = static_model()
    folder = tmp_path / "my-model"
    model.save_pretrained(folder)
    assert is_model2vec_folder(folder)
    made = Model2VecEncoder(folder, weights="W", revision="r")
    assert (made.info.id, made.info.weights, made.info.revision) == ("my-model", "W", "r")
    np.testing.assert_allclose(made.encode(TEXTS), model.encode(TEXTS), atol=1e-6)
    assert Model2VecEncoder(folder).info.revision == Model2VecEncoder(model).info.revision
    assert not is_model2vec_folder(tmp_path)
    with pytest.raises(DataFileError, match="no folder of a model2vec model"):
        Model2VecEncoder(tmp_path)
    with pytest.raises(InputError, match=r"no such folder.*from_pretrained"):
        Model2VecEncoder("minishlab/potion-base-8M")
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(DataFileError, match="cannot be loaded"):
        Model2VecEncoder(folder)
    for other in (3, type(model), {"a": [1.0]}):
        with pytest.raises(InputError, match="expected a model2vec StaticModel or the folder"):
            Model2VecEncoder(other)


# --- compressed files that expand without end ----------------------------------------------------

LINES = b"".join(b"w%d 0.5 0.25\n" % i for i in range(400))


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, "zip"])
def test_expansion_is_limited(tmp_path, monkeypatch, pack):
    path = tmp_path / "v.txt"
    if pack == "zip":
        zipped(path, {"v.txt": LINES})
    else:
        path.write_bytes(pack(LINES))
    size = path.stat().st_size
    assert len(read_vectors(path)) == 400
    # The rule is what it says it is: right at the limit a file passes, one byte below it does not.
    monkeypatch.setattr(_sources, "MAX_EXPANSION", 1)
    monkeypatch.setattr(_sources, "FREE_BYTES", len(LINES) - size)
    assert len(read_vectors(path)) == 400
    monkeypatch.setattr(_sources, "FREE_BYTES", len(LINES) - size - 1)
    refused(path, f"expands to more than {len(LINES) - 1} bytes", "unpack it")


def test_real_vectors_are_far_from_the_limit():
    rng = np.random.default_rng(0)
    dense = [[f"{x:.5f}" for x in row] for row in rng.normal(size=(300, 100))]
    sparse = [["0" if x > 0.01 else f"{x:.5f}" for x in row] for row in rng.random((300, 1000))]
    for rows, most in ((dense, 3), (sparse, _sources.MAX_EXPANSION / 3)):
        text = "\n".join(f"w{i} " + " ".join(row) for i, row in enumerate(rows)).encode()
        for pack in (gzip.compress, bz2.compress, lzma.compress):
            assert len(text) / len(pack(text)) < most


@pytest.mark.parametrize("name", ["line.gz", "binary.gz", "archive.npz"])
def test_a_bomb_ends_within_bounded_memory(tmp_path, name):
    """A GiB in a MiB: refused within 1.5 GiB of address space, of which numpy takes a part."""
    path = tmp_path / name
    if name == "archive.npz":
        claimed = npy_claiming((2**28, 1))
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            with archive.open("vectors.npy", "w", force_zip64=True) as member:
                member.write(claimed)
                for _ in range(64):
                    member.write(bytes(1 << 24))
            archive.writestr("words.npy", npy(np.array(["a"])))
    else:
        start = b"" if name == "line.gz" else b"30000 10000\n"
        body = zlib.compressobj(9, zlib.DEFLATED, 31)
        # One endless line, or the same record again and again, of which the table keeps one.
        piece = b"1" * (1 << 24) if name == "line.gz" else (b"w " + bytes(40_000)) * 419
        packed = body.compress(piece) + body.flush()
        path.write_bytes(gzip.compress(start) * bool(start) + packed * 64)
    assert path.stat().st_size < 2 << 20
    code = (
        "import resource, sys; from embias.encoders import read_vectors;"
        "resource.setrlimit(resource.RLIMIT_AS, (3 << 29, 3 << 29))\n"
        "try: read_vectors(sys.argv[1])\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )
    assert done.stdout.startswith("DataFileError"), done.stdout + done.stderr
    # An endless line is noticed before the bytes it expands to are too many.
    reason = "is longer than" if name == "line.gz" else "expands to more than"
    assert reason in done.stdout


def test_xz_headers_may_not_ask_for_gigabytes(tmp_path):
    path = tmp_path / "v.xz"
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 9}]
    path.write_bytes(lzma.compress(LINES, filters=filters))
    assert len(read_vectors(path)) == 400
    data = bytearray(path.read_bytes())
    at = 12 + 4  # after the header of the stream: size, flags, filter id and size, then the size
    assert data[at - 2 : at] == b"\x21\x01"
    data[at] = 40  # a dictionary of 4 GiB
    data[20:24] = struct.pack("<I", zlib.crc32(data[12:20]))
    path.write_bytes(data)
    refused(path, "cannot be read", "emory")


# --- pickles, by name only -----------------------------------------------------------------------


class Bomb:
    """A pickle that creates a file when it is loaded."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return (open, (str(self.marker), "w"))


@pytest.mark.parametrize(
    "name", ["v.kv", "v.model", "v.npy", "v.npz", "v.parquet", "v.bin", "v.gz"]
)
def test_nothing_but_load_pickled_unpickles(tmp_path, name):
    marker = tmp_path / "marker"
    packed = pickle.dumps(Bomb(marker))
    array = np.empty((1, 1), dtype=object)
    array[0, 0] = Bomb(marker)
    contents = {
        "pickle": packed,
        "gzip": gzip.compress(packed),
        "npy": npy(array),
        "old": pickle.dumps(Bomb(marker), protocol=0),
        "pt": zipped(tmp_path / "t.zip", {"x/data.pkl": packed}).read_bytes(),
        "npz": zipped(tmp_path / "n.zip", {"vectors.npy": npy(array)}).read_bytes(),
        "words": zipped(
            tmp_path / "w.zip", {"vectors.npy": npy(np.ones((1, 1))), "words.npy": npy(array)}
        ).read_bytes(),
    }
    path = beside(tmp_path / name, ["a"])
    for content in contents.values():
        path.write_bytes(content)
        # A file is looked into when something is asked of it.
        ways = [
            lambda p: as_encoder(p).info,
            StaticEncoder.from_file,
            FastTextEncoder,
            Model2VecEncoder,
        ]
        ways += [lambda p, f=f: read_vectors(p, format=f) for f in FORMATS]
        for way in ways:
            with pytest.raises(EmbiasError):
                way(path)
            assert not marker.exists()
    pickle.loads(packed).close()
    assert marker.exists(), "the pickle is harmless, so the checks above say nothing"


def test_load_pickled(tmp_path, monkeypatch):
    models = pytest.importorskip("gensim.models")
    kv = models.KeyedVectors(6)
    kv.add_vectors(WORDS, VECTORS)
    kv.save(str(tmp_path / "v.kv"), separately=["vectors"])
    assert (tmp_path / "v.kv.vectors.npy").exists()
    refused(tmp_path / "v.kv", "load_pickled(path)")
    made = load_pickled(tmp_path / "v.kv", lookup=LookupPolicy(lower=True))
    assert (made.info.id, made.words) == ("v.kv", tuple(WORDS))
    np.testing.assert_array_equal(made.vectors, VECTORS)
    assert made.how_encoded("DOG") == "as 'dog' (lower)"
    for kind in (models.Word2Vec, models.FastText):
        model = kind([WORDS] * 2, vector_size=4, min_count=1, workers=1)
        model.save(str(tmp_path / "m.model"))
        made = load_pickled(str(tmp_path / "m.model"), id="m")
        assert made.info.id == "m"
        for word in WORDS:
            np.testing.assert_array_equal(made.encode([word])[0], model.wv[word])
    (tmp_path / "v.kv.vectors.npy").unlink()
    with pytest.raises(DataFileError, match=r"FileNotFoundError.*npy files that belong to it"):
        load_pickled(tmp_path / "v.kv")
    (tmp_path / "d.pkl").write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(DataFileError, match=r"cannot be loaded|holds a dict"):
        load_pickled(tmp_path / "d.pkl")
    (tmp_path / "x").write_bytes(b"a 1 2\n")
    for path in (tmp_path / "x", tmp_path / "no", tmp_path):
        with pytest.raises(DataFileError):
            load_pickled(path)
    assert "RUNS CODE" in load_pickled.__doc__
    monkeypatch.setitem(sys.modules, "gensim.models", None)
    with pytest.raises(ImportError, match=r"embias\[static\]"):
        load_pickled(tmp_path / "v.kv")


def test_the_unsafe_module_is_imported_by_nobody():
    code = (
        "import sys, embias, embias.cli, embias.encoders as e; e.as_encoder({'a': [1.0]}); "
        "import embias.encoders.fasttext, embias.encoders.model2vec; "
        "heavy = {'torch', 'gensim', 'spacy', 'model2vec', 'pyarrow', 'tokenizers'}; "
        "print([m for m in sys.modules if m == 'embias.encoders.unsafe' or m in heavy])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
