"""The readers of vector files: equal to gensim's numbers, loud where a file is wrong."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import pickle
import struct
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from embias.encoders import StaticEncoder, read_vectors
from embias.encoders.vector_files import FORMATS
from embias.errors import DataFileError, EmbiasError, InputError

gensim = pytest.importorskip("gensim.models")

WORDS = ["dog", "café", "no\u00a0break", "#", "<b>", "x\u2028y", "\u3000", "1984", "a\u0085b"]


@pytest.fixture(autouse=True)
def _warnings_are_errors():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.fixture(scope="module")
def keyed():
    kv = gensim.KeyedVectors(7)
    rng = np.random.default_rng(3)
    kv.add_vectors(WORDS, rng.normal(size=(len(WORDS), 7)).astype(np.float32))
    return kv


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def refused(path: Path, *parts: str, **options) -> str:
    """Read a bad file and return the message, which must hold the parts and name the file."""
    with pytest.raises(DataFileError) as caught:
        read_vectors(path, **options)
    message = str(caught.value)
    for part in (path.name, *parts):
        assert part in message
    assert "\n" not in message
    # One error of ours: what it was raised from is no second one.
    assert not isinstance(caught.value.__cause__, EmbiasError)
    return message


# --- equal to gensim -----------------------------------------------------------------------------


@pytest.mark.parametrize("binary", [False, True])
def test_word2vec_files_equal_gensim(keyed, tmp_path, binary):
    path = tmp_path / "vectors.whatever"
    keyed.save_word2vec_format(str(path), binary=binary)
    table = read_vectors(path)
    assert table.format == ("word2vec-binary" if binary else "text")
    assert list(table.words) == keyed.index_to_key
    assert table.vectors.dtype == np.float32
    np.testing.assert_array_equal(table.vectors, keyed.vectors)
    assert table.notes == ()
    assert not table.normalized


@pytest.mark.parametrize("binary", [False, True])
def test_gensim_reads_the_same_numbers(keyed, tmp_path, binary):
    path = tmp_path / "v"
    keyed.save_word2vec_format(str(path), binary=binary)
    theirs = gensim.KeyedVectors.load_word2vec_format(str(path), binary=binary)
    ours = read_vectors(path)
    plain = [word for word in ours.words if word.isascii()]
    assert len(plain) >= 4
    for word in plain:
        np.testing.assert_array_equal(ours.vectors[ours.words.index(word)], theirs[word])


def test_glove_without_header_equals_gensim(keyed, tmp_path):
    path = tmp_path / "glove.txt"
    keyed.save_word2vec_format(str(path), write_header=False)
    table = read_vectors(path)
    assert list(table.words) == keyed.index_to_key
    np.testing.assert_array_equal(table.vectors, keyed.vectors)


def test_decimals_are_rounded_as_gensim_rounds_them(tmp_path):
    rng = np.random.default_rng(0)
    numbers = [
        f"{value:.17g}" for value in rng.normal(size=300) * 10.0 ** rng.integers(-20, 20, 300)
    ]
    path = write(tmp_path / "v.txt", "1 300\nw " + " ".join(numbers) + "\n")
    theirs = gensim.KeyedVectors.load_word2vec_format(str(path))
    np.testing.assert_array_equal(read_vectors(path).vectors[0], theirs["w"])


def test_binary_with_line_ends_between_records(keyed, tmp_path):
    records = [word.encode() + b" " + keyed[word].astype("<f4").tobytes() + b"\n" for word in WORDS]
    path = write(tmp_path / "w2v.bin", f"{len(WORDS)} 7\n".encode() + b"".join(records))
    table = read_vectors(path)
    assert list(table.words) == WORDS
    np.testing.assert_array_equal(table.vectors, keyed.vectors)


def test_many_rows_cross_the_chunks(tmp_path):
    n, d = 30_000, 16  # more numbers than one chunk of the text reader holds
    vectors = np.random.default_rng(1).normal(size=(n, d)).astype(np.float32)
    kv = gensim.KeyedVectors(d)
    kv.add_vectors([f"w{i}" for i in range(n)], vectors)
    for binary in (False, True):
        path = tmp_path / f"many{binary}"
        kv.save_word2vec_format(str(path), binary=binary)
        table = read_vectors(path)
        assert table.words[-1] == f"w{n - 1}"
        np.testing.assert_array_equal(table.vectors, vectors)
    lines = (tmp_path / "manyFalse").read_bytes().split(b"\n")
    lines[29_000] = b"broken 1.0 2.0"
    refused(write(tmp_path / "bad", b"\n".join(lines)), "line 29001", "3 fields")


# --- layouts of text -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        "2 3\na 1 2 3\nb 4 5 6\n",
        "a 1 2 3\nb 4 5 6\n",
        "2 3 \na 1 2 3 \nb 4 5 6 \n",  # fastText .vec: one trailing space
        "2 3\r\na 1 2 3\r\nb 4 5 6\r\n",
        "a\t1\t2\t3\nb\t4\t5\t6\n",
        "a\t1 2 3\nb\t4 5 6\n",
        "\ufeff2 3\na 1 2 3\nb 4 5 6\n",
        "a 1. 2e0 +3\nb .4e1 5.00 6E+0\n",
        "2 3\na 1 2 3\nb 4 5 6\n\n",  # one empty line at the very end
        "a 1 2 3\nb 4 5 6\n\r\n",
    ],
)
def test_layouts_of_text(tmp_path, content):
    table = read_vectors(write(tmp_path / "v", content))
    assert table.words == ("a", "b")
    np.testing.assert_array_equal(table.vectors, [[1, 2, 3], [4, 5, 6]])
    assert table.notes == ()


def test_a_word_of_digits_may_come_first(tmp_path):
    table = read_vectors(write(tmp_path / "v", "1984 7 8\ndog 3 4\n"))
    assert table.words == ("1984", "dog")
    np.testing.assert_array_equal(table.vectors, [[7, 8], [3, 4]])


def test_tokens_with_spaces(tmp_path):
    content = "4 2\nnew york 0.1 0.2\n. . . 0.3 0.4\ncat 0.5 0.6\nworld war 2 0.7 0.8\n"
    table = read_vectors(write(tmp_path / "v", content))
    assert table.words == ("new york", ". . .", "cat", "world war 2")
    np.testing.assert_array_equal(table.vectors[:, 0], np.float32([0.1, 0.3, 0.5, 0.7]))


def test_line_end_missing_at_the_end_is_noted(tmp_path):
    table = read_vectors(write(tmp_path / "v", "a 1 2\nb 3 4"))
    assert table.words == ("a", "b")
    assert any("line end" in note for note in table.notes)


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
@pytest.mark.parametrize("binary", [False, True])
def test_compressed_files_are_told_by_content(keyed, tmp_path, compress, binary):
    plain = tmp_path / "plain"
    keyed.save_word2vec_format(str(plain), binary=binary)
    packed = write(tmp_path / "packed.txt", compress(plain.read_bytes()))
    np.testing.assert_array_equal(read_vectors(packed).vectors, keyed.vectors)
    refused(write(tmp_path / "short.txt", packed.read_bytes()[:-20]), "get the")


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_zip_of_one_file(tmp_path):
    table = read_vectors(zipped(tmp_path / "v.txt", {"in.txt": b"1 2\na 1 2\n"}))
    assert table.words == ("a",)
    refused(
        zipped(tmp_path / "two.zip", {"a.txt": b"a 1\n", "b.txt": b"b 1\n"}), "holds 2", "unpack"
    )


# --- counted policies ----------------------------------------------------------------------------


def test_repeated_words_keep_the_first_row(tmp_path):
    table = read_vectors(write(tmp_path / "v", "3 2\na 1 2\nb 3 4\na 5 6\n"))
    assert table.words == ("a", "b")
    np.testing.assert_array_equal(table.vectors, [[1, 2], [3, 4]])
    assert table.notes == ("repeated words skipped, the first row of each kept: 1",)


def test_rows_without_a_word_are_skipped(tmp_path):
    table = read_vectors(write(tmp_path / "v", "a 1 2\n 3 4\nb 5 6\n"))
    assert table.words == ("a", "b")
    assert table.notes == ("rows without a word skipped: 1",)


def test_zero_vectors_stay_and_are_counted(tmp_path):
    path = write(tmp_path / "v", "a 1 2\nzero 0 0\nb 3 4\n")
    table = read_vectors(path)
    assert table.words == ("a", "zero", "b")
    assert len(table.notes) == 1
    assert table.notes[0].endswith("counted as missing: 1")
    encoder = StaticEncoder.from_file(path)
    assert encoder.missing(["zero", "a"]) == ["zero"]
    assert encoder.info.notes == table.notes


def test_normalized_is_measured(tmp_path):
    assert read_vectors(write(tmp_path / "u", "a 0.6 0.8\nz 0 0\nb 1 0\n")).normalized
    assert not read_vectors(write(tmp_path / "v", "a 0.6 0.8\nb 1 0.02\n")).normalized


@pytest.mark.parametrize("binary", [False, True])
def test_words_that_are_not_utf8(tmp_path, binary):
    if binary:
        content = b"2 1\na " + struct.pack("<f", 1.5) + b"caf\xe9 " + struct.pack("<f", 2.5)
    else:
        content = b"2 1\na 1.5\ncaf\xe9 2.5\n"
    path = write(tmp_path / "latin", content)
    place = "record 2" if binary else "line 3"
    refused(path, place, "not UTF-8", "0xe9", 'encoding_errors="replace"')
    table = read_vectors(path, encoding_errors="replace")
    assert table.words == ("a", "caf\ufffd")
    assert table.notes == ("words with bytes that are not UTF-8, replaced by U+FFFD: 1",)


# --- errors of text ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ("3 2\na 1 2\nb 3 4\n", ["line 3", "header says 3 words", "2 rows", "get the whole file"]),
        ("1 2\na 1 2\nb 3 4\n", ["line 3", "header says 1 words", "correct the count"]),
        ("2 5\na 1 2\nb 3 4\n", ["line 1", "header says 5", "have 2", "correct line 1"]),
        ("2 1\na 1 2\nb 3 4\n", ["line 1", "header says 1", "have 2"]),
        ("1 2\na 1.5\n", ["line 1", "header says 2", "have 1"]),
        ("3 50\n", ["line 1", "3 words", "no rows"]),
        ("a 1 2 3\nb 4 5 6\nc 7 8\n", ["line 3", "3 fields", "3 numbers"]),
        ("2 3\na 1 2 3\nb 4 5", ["line 3", "cut or damaged"]),
        ("a 1 2 3\nb 4 5 6 7\nc 7 8 9\n", ["line 2", "5 fields", "'b 4'", "_"]),
        ("a .1 .2 .3\nb .4 .5 .6 .7\nc .7 .8 .9\n", ["line 2", "5 fields"]),
        ("a 1 2 3\nb 4 five 6\nc 7 8 9\n", ["line 2", "'five'", "'b'", "not a number"]),
        ("a 1 2 3\nb 4 1_0 6\nc 7 8 9\n", ["line 2", "'1_0'", "not a number"]),
        ("a 1 2 3\nb 4  6\nc 7 8 9\n", ["line 2", "double space", "'b 4  6'", "tr -s"]),
        ("a 1 2 3\nb 4 5\r6 \nc 7 8 9\n", ["line 2", "carriage return", "tr "]),
        ("a 1 2 3\nb\rc 4 5 6\n", ["line 2", "carriage return"]),
        ("rose 0.9 0.1\rtulip 0.8 0.2\r", ["line 1", "CR line ends", "tr '\\r' '\\n'"]),
        ("2 2\rrose 0.9 0.1\rtulip 0.8 0.2\r", ["line 1", "CR line ends"]),
        ("1 2\nrose 0.9 0.1\rtulip 0.8 0.2\r", ["line 2", "CR line ends"]),
        ("rose  0.9  0.1\ntulip  0.8  0.2\n", ["line 1", "double space", "tr -s"]),
        ("2 2\nrose  0.9  0.1\ntulip  0.8  0.2\n", ["line 2", "double space"]),
        ("rose  0.9 0.1\ntulip 0.8 0.2\n", ["line 1", "double space"]),
        ("new  york 0.9 0.1\ntulip 0.8 0.2\n", ["line 1", "double space"]),
        ("rose\t\t1\t2\n", ["line 1", "double space (or tab)"]),
        ("rose 1 2  \nb 3 4  \n", ["line 1", "at the end"]),
        ("rose\t1\t2\t\n", ["line 1", "at the end"]),
        (" rose 1 2\nb 3 4\nc 5 6\n", ["line 1", "before the word"]),
        ("2 2\na 1 2\n\nb 3 4\n", ["line 3", "line is empty"]),
        ("a 1 2\nb 3 4\n\n\n", ["line 3", "line is empty"]),
        ("\na 1 2\n", ["line 1", "line is empty"]),
        ("a 1 2 3\nb 4 0x5 6\nc 7 8 9\n", ["line 2", "'0x5'"]),
        ("a 1 2 3\nb 4 5-6 6\nc 7 8 9\n", ["line 2", "'5-6'"]),
        ("a 1 2 3\nb 4 nan 6\nc 7 8 9\n", ["line 2", "'b'", "coordinate 2", "nan", "finite"]),
        ("a 1 2 3\nb 4 5 -inf\nc 7 8 9\n", ["line 2", "'b'", "coordinate 3", "-inf"]),
        ("2 3\na 1 2 3\nb 4 1e39 6\n", ["line 3", "'b'", "coordinate 2", "inf", "float32"]),
        ("a 1 2 3\n\nb 4 5 6\n", ["line 2", "line is empty; remove it"]),
        ("just some prose\nand a second line\n", ["line 1", "one word and its coordinates"]),
        (" 1 2\n", ["no word"]),
    ],
)
def test_malformed_text(tmp_path, content, parts):
    refused(write(tmp_path / "bad.vec", content), *parts)


def test_two_odd_fields_do_not_cancel_out(tmp_path):
    # One empty field and one field that numpy reads as two numbers: the totals agree.
    refused(
        write(tmp_path / "v", "a 1  3\nb 4 5\v5 6\n" + "c 7 8 9\n" * 3),
        "line 1",
        "double space",
        format="text",
    )


def test_missing_empty_folder(tmp_path):
    refused(tmp_path / "none.txt", "no such file", "check the path")
    refused(write(tmp_path / "empty.txt", b""), "empty")
    refused(write(tmp_path / "packed.gz", gzip.compress(b"")), "empty")
    refused(tmp_path, "folder")
    with pytest.raises(DataFileError, match=r"n\.\.\.n+: no such file") as caught:
        read_vectors(tmp_path / ("n" * 5000))
    assert len(str(caught.value)) < 300


def test_pipes_and_devices(tmp_path):
    if not hasattr(os, "mkfifo"):
        pytest.skip("the system has no pipes with names")
    os.mkfifo(tmp_path / "pipe")  # opening it would wait for a writer for ever
    message = refused(tmp_path / "pipe", "give a regular file")
    assert "permissions" not in message
    refused(Path("/dev/null"), "give a regular file")
    path = save_tensors(tmp_path / "x.safetensors", np.ones((1, 2), dtype=np.float32), b"a\n")
    (tmp_path / "x.vocab.txt").unlink()
    os.mkfifo(tmp_path / "x.vocab.txt")
    with pytest.raises(DataFileError, match=r"x\.vocab\.txt: .*give a regular file"):
        read_vectors(path)


def test_options_are_checked(tmp_path):
    path = write(tmp_path / "v", "a 1\n")
    with pytest.raises(InputError, match=r"format='txt'.*'text'"):
        read_vectors(path, format="txt")
    with pytest.raises(InputError, match="encoding_errors='ignore'"):
        read_vectors(path, encoding_errors="ignore")


def test_unreadable_file(tmp_path, monkeypatch):
    def denied(*_args, **_options):
        raise PermissionError(13, "Permission denied")

    path = write(tmp_path / "v", "a 1\n")
    monkeypatch.setattr(Path, "open", denied)  # file modes do not stop a test run as root
    refused(path, "cannot be read", "permissions")


# --- errors of the binary format -----------------------------------------------------------------


def binary(count: int, dim: int, rows: list[tuple[bytes, list[float]]]) -> bytes:
    body = b"".join(word + b" " + struct.pack(f"<{len(v)}f", *v) for word, v in rows)
    return f"{count} {dim}\n".encode() + body


ROWS = [(b"one", [0.1, 0.2, 0.3]), (b"two", [0.4, 0.5, 0.6]), (b"three", [0.7, 0.8, 0.9])]


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        (binary(3, 3, ROWS)[:-1], ["record 3", "11 of 12 bytes", "get the whole file"]),
        (binary(3, 3, ROWS)[:-14], ["more than the", "cut short"]),
        (binary(4, 3, ROWS), ["cut short"]),
        (binary(2, 3, ROWS), ["bytes are left after record 2", "2 words of 3"]),
        (binary(3, 3, ROWS) + b"xx", ["bytes are left after record 3"]),
        (binary(3, 2, ROWS), ["record"]),
        (binary(3, 4, ROWS), ["header"]),
        (binary(10**12, 300, ROWS), ["1000000000000 words", "more than the"]),
        (binary(0, 3, ROWS), ["at least 1"]),
        (binary(1, 2, [(b"w", [1.0, float("nan")])]), ["record 1", "'w'", "nan", "finite"]),
        (binary(1, 2, [(b"new york", [1.0, 2.0])]), ["contains a space"]),
    ],
)
def test_malformed_binary(tmp_path, content, parts):
    message = refused(write(tmp_path / "bad.bin", content), *parts, format="word2vec-binary")
    assert message == refused(tmp_path / "bad.bin")  # told from the content just as well


def test_binary_header_is_needed(tmp_path):
    refused(write(tmp_path / "v", "a 1 2\n"), "two whole numbers", format="word2vec-binary")


def test_huge_header_in_a_compressed_file_allocates_nothing(tmp_path):
    content = gzip.compress(binary(10**12, 10**6, ROWS))
    refused(write(tmp_path / "v.gz", content), "record 1", "the row ends")


# --- safetensors ---------------------------------------------------------------------------------


def save_tensors(path: Path, vectors: np.ndarray, words: bytes, name: str = "vectors") -> Path:
    save_file({name: vectors}, str(path))
    path.with_name(path.stem + ".vocab.txt").write_bytes(words)
    return path


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_safetensors(tmp_path, dtype):
    vectors = np.random.default_rng(2).normal(size=(len(WORDS), 3)).astype(dtype)
    path = save_tensors(tmp_path / "x.safetensors", vectors, "\n".join(WORDS).encode() + b"\n")
    table = read_vectors(path)
    assert table.format == "safetensors"
    assert list(table.words) == WORDS
    np.testing.assert_array_equal(table.vectors, vectors.astype(np.float32))


def test_safetensors_policies_and_errors(tmp_path):
    good = np.ones((3, 2), dtype=np.float32)
    path = tmp_path / "x.safetensors"
    table = read_vectors(save_tensors(path, good, b"a\n\na\n"))
    assert table.words == ("a",)
    assert len(table.notes) == 2
    refused(save_tensors(path, good, b"a\nb\n"), "3 rows", "x.vocab.txt has 2 lines")
    refused(save_tensors(path, good, b"a\nb\nc\n", name="other"), "'vectors'", "other")
    refused(save_tensors(path, good[0], b"a\nb\n"), "shape (2,)")
    refused(save_tensors(path, good.astype(np.int32), b"a\nb\nc\n"), "int32")
    with pytest.raises(DataFileError, match=r"x\.vocab\.txt: line 2: a carriage return"):
        read_vectors(save_tensors(path, good, b"a\nb\rc\nd\n"))
    bad = good.copy()
    bad[1, 1] = np.inf
    with pytest.raises(DataFileError, match=r"x\.vocab\.txt: line 2: .*'b' is inf"):
        read_vectors(save_tensors(path, bad, b"a\nb\nc\n"))
    save_tensors(path, good, b"a\nb\nc\n")
    refused(write(path, path.read_bytes()[:-4]), "cannot be read as safetensors", "anew")
    save_tensors(path, good, b"a\nb\nc\n")
    (tmp_path / "x.vocab.txt").unlink()
    with pytest.raises(DataFileError, match=r"x\.vocab\.txt: the word list of x\.safetensors"):
        read_vectors(path)


# --- what is never loaded ------------------------------------------------------------------------


class Bomb:
    """A pickle that creates a file when it is loaded."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return (open, (str(self.marker), "w"))


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("format", [None, *FORMATS])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_renamed_pickle_is_refused(tmp_path, protocol, format, pack):
    marker = tmp_path / "marker"
    path = write(tmp_path / "vectors.bin", pack(pickle.dumps(Bomb(marker), protocol=protocol)))
    refused(path, "pickle", "embias.encoders.unsafe.load_pickled(path)", format=format)
    assert not marker.exists()
    if pack is bytes:
        pickle.loads(path.read_bytes()).close()
        assert marker.exists(), "the pickle is harmless, so the check above says nothing"


@pytest.mark.parametrize("protocol", [0, 1])
def test_old_pickles_are_not_loaded_either(tmp_path, protocol):
    marker = tmp_path / "marker"
    refused(write(tmp_path / "v.txt", pickle.dumps(Bomb(marker), protocol=protocol)))
    assert not marker.exists()


def test_other_unsafe_or_foreign_files(tmp_path):
    torch_file = zipped(tmp_path / "v.pt", {"archive/data.pkl": b"\x80\x02", "archive/data/0": b""})
    refused(torch_file, "torch", "pickle")
    buffer = io.BytesIO()
    np.save(buffer, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    refused(write(tmp_path / "v.npy", buffer.getvalue()), "Python objects", "pickle")
    refused(zipped(tmp_path / "v.npz", {"a.npy": buffer.getvalue()}), "Python objects", "pickle")
    fasttext = struct.pack("<ii", 793712314, 12) + bytes(50)
    refused(write(tmp_path / "v.bin", fasttext), "fastText", "fasttext.FastTextEncoder")
    refused(write(tmp_path / "v.bin.gz", gzip.compress(fasttext)), "fastText", "unpacked")
    refused(write(tmp_path / "v.h5", b"\x89HDF\r\n\x1a\n\x00\x00"), "none of the formats")
    refused(write(tmp_path / "v.txt", "a 1 2\n".encode("utf-16")), "none of the formats")


def test_a_gensim_save_is_refused(keyed, tmp_path):
    path = tmp_path / "v.kv"
    keyed.save(str(path))
    refused(path, "pickle")
