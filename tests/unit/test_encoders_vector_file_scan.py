"""VectorFileEncoder: reads what is asked for, remembers it, and is not fooled by its files."""

from __future__ import annotations

import gzip
import hashlib
import os
import struct
import subprocess
import sys
import threading
import zlib
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from embias.encoders import StaticEncoder, _finders, _text_lines, _text_numbers, read_vectors
from embias.encoders._file_hash import FileStamp
from embias.encoders._file_index import FileIndex
from embias.encoders._finders import ASKED_NOTE, TableFinder
from embias.encoders._scan_binary import BinaryRows
from embias.encoders._scan_text import TextRows
from embias.encoders.vector_file_encoder import VectorFileEncoder
from embias.errors import DataFileError, InputError, VectorError
from embias.types import Encoder, InContext

TEXT = "dog 1 2\nnew york 3 4\nnew 5 6\ndog 7 8\nzero 0 0\ncaf\u00e9 9 10\n"
ROWS = {"dog": [1, 2], "new york": [3, 4], "new": [5, 6], "caf\u00e9": [9, 10]}


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def binary(rows: dict[str, list[float]], *, gap: bytes = b"") -> bytes:
    dim = len(next(iter(rows.values())))
    body = b"".join(w.encode() + b" " + struct.pack(f"<{dim}f", *v) + gap for w, v in rows.items())
    return f"{len(rows)} {dim}\n".encode() + body


@pytest.fixture
def path(tmp_path):
    return write(tmp_path / "v.txt", TEXT)


@pytest.fixture
def count_opens(monkeypatch):
    opened = []

    def counted(path):
        opened.append(path)
        return original(path)

    original = _finders.open_source
    monkeypatch.setattr(_finders, "open_source", counted)
    return opened


# --- looking up ----------------------------------------------------------------------------------


def test_rows_in_the_order_asked(path):
    encoder = VectorFileEncoder(path)
    assert isinstance(encoder, Encoder)
    rows = encoder.encode(["new york", "dog", "new", "dog"])
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(rows, [[3, 4], [1, 2], [5, 6], [1, 2]])
    rows[0] = 99
    np.testing.assert_array_equal(encoder.encode(["new york"]), [[3, 4]])
    assert encoder.encode([]).shape == (0, 2)
    assert encoder.encode([]).dtype == np.float32


def test_missing_and_why(path):
    encoder = VectorFileEncoder(path)
    inside = InContext("a dog", 2, 5)
    items = ["emu", "dog", "zero", inside, "emu", "Dog", "york", "", "a\nb", "\ud800", "cafe\u0301"]
    left = ["emu", "zero", inside, "Dog", "york", "", "a\nb", "\ud800", "cafe\u0301"]
    assert encoder.missing(items) == left
    assert encoder.why_missing("zero") == "zero vector"
    assert encoder.why_missing("emu") == "no vector"
    assert encoder.why_missing(inside) == "no vector"
    form = "no vector as written; the vocabulary has it in another Unicode form"
    assert encoder.why_missing("cafe\u0301") == form
    with pytest.raises(InputError, match="'dog' has a vector"):
        encoder.why_missing("dog")


def test_messages_are_those_of_a_loaded_table(path):
    ours = VectorFileEncoder(path, id="x")
    theirs = StaticEncoder.from_file(path, id="x")
    for items, kind in ((["emu", "dog", "Dog"], InputError), (["dog", "zero"], VectorError)):
        messages = []
        for encoder in (ours, theirs):
            with pytest.raises(kind) as caught:
                encoder.encode(items)
            messages.append(str(caught.value))
        assert messages[0] == messages[1]


def test_the_file_is_read_once_for_a_word(path, count_opens):
    encoder = VectorFileEncoder(path)
    encoder.encode(["dog", "new york"])
    assert encoder.missing(["emu", "dog", "cafe\u0301"]) == ["emu", "cafe\u0301"]
    count_opens.clear()
    encoder.encode(["new york", "dog"])
    assert encoder.missing(["dog", "emu"]) == ["emu"]
    encoder.why_missing("cafe\u0301")
    encoder.encode(["caf\u00e9"])
    assert encoder.info.dim == 2
    assert count_opens == []
    encoder.encode(["new"])
    assert count_opens == [path]


def test_a_file_is_scanned_once_whatever_is_asked(path, monkeypatch):
    encoder = VectorFileEncoder(path)
    assert encoder.missing(["emu"]) == ["emu"]
    monkeypatch.setattr(TextRows, "scan", None)
    np.testing.assert_array_equal(encoder.encode(["new", "dog"]), [[5, 6], [1, 2]])


def test_info_is_that_of_the_file(path):
    encoder = VectorFileEncoder(path, weights="glove")
    other = VectorFileEncoder(path, weights="glove")
    other.encode(["dog", "caf\u00e9"])
    assert encoder.info == other.info
    info = encoder.info
    assert info.revision == "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    assert (info.id, info.kind, info.dim, info.weights) == ("v.txt", "static", 2, "glove")
    assert info.normalized is None
    assert info.notes == (ASKED_NOTE,)
    assert info.libraries == {"numpy": np.__version__}
    cut = VectorFileEncoder(write(path.with_name("cut.txt"), TEXT[:-1]))
    assert any("no line end" in note for note in cut.info.notes)


def test_compressed_files(tmp_path, count_opens):
    plain = {word.replace(" ", "_"): row for word, row in ROWS.items()}
    for name, content in (("t.gz", TEXT.encode()), ("b.gz", binary(plain))):
        path = write(tmp_path / name, gzip.compress(content))
        encoder = VectorFileEncoder(path, index_dir=tmp_path / "index")
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        assert encoder.info.revision == f"sha256:{digest[:16]}"
        np.testing.assert_array_equal(encoder.encode(["new", "dog"]), [[5, 6], [1, 2]])
        assert encoder.missing(["york"]) == ["york"]
        count_opens.clear()
        encoder.encode(["dog"])
        assert count_opens == []
        write(path, path.read_bytes()[:-9])
        with pytest.raises(DataFileError, match="cut short"):
            VectorFileEncoder(path)
    assert not (tmp_path / "index").exists()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_safetensors(tmp_path, dtype):
    vectors = np.array(list(ROWS.values()), dtype=dtype) / 3
    path, words = tmp_path / "x.safetensors", tmp_path / "x.vocab.txt"
    save_file({"vectors": vectors}, str(path))
    words.write_text("\n".join(ROWS) + "\n", encoding="utf-8")
    encoder = VectorFileEncoder(path)
    np.testing.assert_array_equal(
        encoder.encode(["new", "new york"]), vectors[[2, 1]].astype(np.float32)
    )
    assert encoder.missing(["emu", "dog"]) == ["emu"]
    digest = hashlib.sha256(path.read_bytes() + words.read_bytes()).hexdigest()
    assert encoder.info.revision == f"sha256:{digest[:16]}"
    words.write_text("\n".join(list(ROWS)[:3]) + "\n", encoding="utf-8")
    with pytest.raises(DataFileError, match=r"4 rows, but .* has 3 lines"):
        VectorFileEncoder(path).encode(["dog"])
    with pytest.raises(DataFileError, match=r"x\.vocab\.txt: the file has changed"):
        encoder.encode(["caf\u00e9"])


def test_safetensors_rows_that_are_asked_for_are_checked(tmp_path):
    path = tmp_path / "x.safetensors"
    save_file({"vectors": np.array([[1], [np.nan]], dtype=np.float32)}, str(path))
    (tmp_path / "x.vocab.txt").write_bytes(b"a\nb\n")
    encoder = VectorFileEncoder(path)
    np.testing.assert_array_equal(encoder.encode(["a"]), [[1]])
    with pytest.raises(DataFileError, match=r"line 2: .*'b' is nan"):
        encoder.encode(["b"])


def test_a_format_that_is_read_as_a_whole(path):
    finder = TableFinder(path, "text", "strict")
    table = read_vectors(path)
    assert finder.notes == table.notes
    assert finder.normalized is False
    np.testing.assert_array_equal(finder.fetch(["dog", "emu"])["dog"], [1, 2])


def test_words_that_are_not_utf8(tmp_path):
    path = write(tmp_path / "v", b"a 1 2\ncaf\xe9 3 4\nb 5 6\n")
    assert VectorFileEncoder(path).missing(["caf\ufffd", "a"]) == ["caf\ufffd"]
    for index_dir in (None, tmp_path, tmp_path):
        encoder = VectorFileEncoder(path, encoding_errors="replace", index_dir=index_dir)
        np.testing.assert_array_equal(encoder.encode(["caf\ufffd"]), [[3, 4]])


def test_options_are_checked(path):
    with pytest.raises(InputError, match="encoding_errors='ignore'"):
        VectorFileEncoder(path, encoding_errors="ignore")
    with pytest.raises(InputError, match=r"format='txt'.*'text'"):
        VectorFileEncoder(path, format="txt")
    with pytest.raises(InputError, match="index_dir must be"):
        VectorFileEncoder(path, index_dir=5)
    with pytest.raises(DataFileError, match="no such file"):
        VectorFileEncoder(path.with_name("none"))
    with pytest.raises(DataFileError, match="empty"):
        VectorFileEncoder(write(path.with_name("empty"), b""))
    with pytest.raises(DataFileError, match="pickle"):
        VectorFileEncoder(write(path.with_name("p"), b"\x80\x04K\x01."))


# --- what is checked, and what is not ------------------------------------------------------------


def message(path: Path, words: list[str]) -> str:
    with pytest.raises(DataFileError) as caught:
        VectorFileEncoder(path).encode(words)
    return str(caught.value)


def test_rows_asked_for_are_checked_and_others_are_not(tmp_path):
    path = write(tmp_path / "v", "a 1 2 3\nb 4 five 6\nc 7 nan 9\nd 1 2 3\n")
    np.testing.assert_array_equal(VectorFileEncoder(path).encode(["a", "d"]), [[1, 2, 3]] * 2)
    assert "line 2: 'five' in the row of the word 'b' is not a number" in message(path, ["a", "b"])
    assert "line 3: coordinate 2 of the word 'c' is nan" in message(path, ["c"])
    with pytest.raises(DataFileError) as caught:
        read_vectors(path)
    assert str(caught.value) == message(path, ["b"])


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ("3 2\na 1 2\nb 3 4\n", "line 3 is the last, but the header says 3 words and only 2"),
        ("1 2\na 1 2\nb 3 4\n", "line 3: the header says 1 words, but more rows follow"),
        ("2 5\na 1 2\nb 3 4\n", "line 1: the header says 5"),
        ("1000000000000 2\na 1 2\n", "line 2 is the last, but the header says 1000000000000"),
        ("a 1 2 3\nb 4\nc 7 8 9\n", "line 2: 2 fields, expected a word and 3 numbers"),
        ("a 1 2 3\n\nc 7 8 9\n", "line 2: the line is empty"),
        ("a 1 2 3\nc 7 8 9\n\n\n", "line 3: the line is empty"),
        ("a 1 2 3\nc 7 8 9\nd 1.5 2.5", "line 3: 3 fields"),
        ("a 1 2 3\nc 7 8 9\nd 1.5 2.5 3x\n", "line 3: '3x'"),
        ("a 1 2 3\nlonglonglonglong\nc 7 8 9\n", "line 2: 1 fields"),
    ],
)
def test_a_file_that_contradicts_itself(tmp_path, content, part):
    assert part in message(write(tmp_path / "v", content), ["a"])


def test_binary_records(tmp_path):
    rows = {"a": [1.0, 2.0], "b": [3.0, float("inf")], "c": [5.0, 6.0]}
    path = write(tmp_path / "v", binary(rows, gap=b"\n"))
    np.testing.assert_array_equal(VectorFileEncoder(path).encode(["c", "a"]), [[5, 6], [1, 2]])
    assert "record 2: coordinate 2 of the word 'b' is inf" in message(path, ["b"])
    assert "record 3: the row ends after 7 of 8" in message(write(path, binary(rows)[:-1]), ["a"])
    assert "bytes are left after record 3" in message(write(path, binary(rows) + b"xx"), ["a"])
    wrong = binary(rows).replace(b"3 2\n", b"3 1\n", 1)
    assert "record 2" in message(write(path, wrong), ["a"])


def test_a_file_that_changes(path):
    encoder = VectorFileEncoder(path)
    encoder.encode(["dog"])
    write(path, TEXT + "more 1 2\n")
    np.testing.assert_array_equal(encoder.encode(["dog"]), [[1, 2]])  # known: no look at the file
    with pytest.raises(DataFileError, match=r"has changed since .* \(its size is another"):
        encoder.encode(["new"])
    untouched = VectorFileEncoder(path)
    os.utime(path, ns=(0, 10**18))
    with pytest.raises(DataFileError, match=r"has changed since .* \(its time of change"):
        _ = untouched.info
    path.unlink()
    with pytest.raises(DataFileError, match="cannot be read"):
        encoder.missing(["emu"])


# --- the index -----------------------------------------------------------------------------------


def the_index(folder: Path) -> Path:
    (found,) = folder.iterdir()
    return found


@pytest.mark.parametrize("kind", ["text", "binary"])
def test_the_index_makes_a_scan_unnecessary(tmp_path, kind, monkeypatch):
    rng = np.random.default_rng(5)
    rows = {f"w{i}": rng.normal(size=5).astype(np.float32).tolist() for i in range(300)}
    # Two words with one checksum: which row is whose, only the file can tell.
    assert zlib.crc32(b"plumless") == zlib.crc32(b"buckeroo")
    rows |= {"buckeroo": [1.0] * 5, "other": [2.0] * 5}
    lines = [f"{word} {' '.join(map(repr, row))}\n" for word, row in rows.items()]
    content = binary(rows) if kind == "binary" else "".join(lines)
    path = write(tmp_path / "v", content)
    first = VectorFileEncoder(path, index_dir=tmp_path / "a" / "index")
    table = read_vectors(path)
    np.testing.assert_array_equal(first.encode(table.words), table.vectors)
    monkeypatch.setattr(BinaryRows if kind == "binary" else TextRows, "scan", None)
    second = VectorFileEncoder(path, index_dir=tmp_path / "a" / "index")
    assert second.encode(table.words).tobytes() == table.vectors.tobytes()
    assert second.missing(["emu", "w7", "plumless"]) == ["emu", "plumless"]
    assert second.info == first.info
    with safe_open(str(the_index(tmp_path / "a" / "index")), framework="numpy") as file:
        assert len(file.get_tensor("keys")) == 302
        assert str(tmp_path) not in str(file.metadata())


def test_an_index_of_another_state_is_written_anew(path, tmp_path):
    folder = tmp_path / "index"
    VectorFileEncoder(path, index_dir=folder).encode(["dog"])
    assert FileIndex.load(the_index(folder), FileStamp.of(path)) is not None
    write(path, TEXT.replace("dog 1 2", "emu 1 2"))
    os.utime(path, ns=(0, 10**18))
    assert FileIndex.load(the_index(folder), FileStamp.of(path)) is None
    encoder = VectorFileEncoder(path, index_dir=folder)
    np.testing.assert_array_equal(encoder.encode(["dog", "emu"]), [[7, 8], [1, 2]])
    assert encoder.info.revision == VectorFileEncoder(path).info.revision
    assert FileIndex.load(the_index(folder), FileStamp.of(path)) is not None


def test_a_damaged_index_is_ignored_and_rewritten(path, tmp_path):
    folder = tmp_path / "index"
    table = read_vectors(path)
    first = VectorFileEncoder(path, index_dir=folder)
    info = first.info
    place = the_index(folder)
    whole, stamp = place.read_bytes(), FileStamp.of(path)
    damaged = [whole[:size] for size in range(0, len(whole), 7)]
    for position in range(0, len(whole), 3):
        content = bytearray(whole)
        content[position] ^= 1 << position % 8
        damaged.append(bytes(content))
    damaged += [b"", b"\x80\x04K\x01.", whole + b"x"]
    for content in damaged:
        place.write_bytes(content)
        encoder = VectorFileEncoder(path, index_dir=folder)
        assert encoder.encode(["new york", "dog"]).tobytes() == table.vectors[[1, 0]].tobytes()
        assert encoder.info == info
        assert FileIndex.load(place, stamp) is not None
    save_file({"keys": np.zeros(3, dtype=np.uint32)}, str(place))  # whole, but not one of ours
    assert VectorFileEncoder(path, index_dir=folder).missing(["dog"]) == []
    assert FileIndex.load(place, stamp) is not None


def test_an_index_that_cannot_be_written_is_a_note(path, tmp_path):
    blocked = write(tmp_path / "file", b"")
    encoder = VectorFileEncoder(path, index_dir=blocked)
    np.testing.assert_array_equal(encoder.encode(["dog"]), [[1, 2]])
    (note,) = [note for note in encoder.info.notes if "index" in note]
    assert "could not be written" in note
    assert str(tmp_path) not in note


def test_a_failed_write_leaves_nothing(path, tmp_path, monkeypatch):
    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("embias.encoders._file_index.os.replace", full)
    encoder = VectorFileEncoder(path, index_dir=tmp_path / "index")
    assert any("No space left" in note for note in encoder.info.notes)
    assert list((tmp_path / "index").iterdir()) == []


def test_many_write_one_index_at_once(path, tmp_path):
    folder = tmp_path / "index"
    barrier = threading.Barrier(8)
    failures = []

    def run():
        barrier.wait()
        for _ in range(20):
            encoder = VectorFileEncoder(path, index_dir=folder)
            rows = encoder.encode(["new", "dog"])
            if rows.tolist() != [[5, 6], [1, 2]] or encoder.info.notes != (ASKED_NOTE,):
                failures.append(encoder.info.notes)
            the_index_file.unlink(missing_ok=True)

    VectorFileEncoder(path, index_dir=folder).encode(["dog"])
    the_index_file = the_index(folder)
    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert [file.suffix for file in folder.iterdir()] in ([], [".safetensors"])


# --- many rows, and hostile files ----------------------------------------------------------------


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A file of several blocks, whose lines the blocks cut anywhere."""
    rng = np.random.default_rng(11)
    vectors = rng.normal(size=(5000, 150))
    vectors[17, 3], vectors[4321, 149], vectors[8, 0] = -0.0, -1e-400, 0.0
    names = [f"w{i}" if i % 7 else f"new w{i}" for i in range(len(vectors))]
    names[77] = "x" * 300_000  # a line longer than the blocks of a scan
    lines = [
        f"{name} " + " ".join(f"{value:.7g}" for value in row) + "\n"
        for name, row in zip(names, vectors, strict=True)
    ]
    lines[4321] = lines[4321].rpartition(" ")[0] + " -1e-400\n"
    path = tmp_path_factory.mktemp("large") / "v.txt"
    return write(path, "".join(lines)), names, lines


def test_every_row_of_a_large_file(large):
    path, names, lines = large
    expected = np.array([line.split(" ")[-150:] for line in lines]).astype(np.float64)
    expected = expected.astype(np.float32)
    table = read_vectors(path)
    assert list(table.words) == names
    assert table.vectors.tobytes() == expected.tobytes()
    assert VectorFileEncoder(path).encode(names).tobytes() == expected.tobytes()


@pytest.mark.parametrize("more", range(-3, 4))
@pytest.mark.parametrize("end", ["", "\n", "\r\n", "last 5 6\n", "last 5 6", "\n\n", "last 5\n"])
def test_lines_at_the_edge_of_a_block(tmp_path, more, end):
    size = _text_lines._FIRST_BYTES + more  # what the first read takes, and a little
    row = "w" * 90_000 + "{:06d} 1 2\n"
    count = size // len(row.format(0)) - 1
    rows = [row.format(i) for i in range(count)]
    rows.append("v" * (size - sum(map(len, rows)) - 5) + " 3 4\n")
    assert sum(map(len, rows)) == size
    path = write(tmp_path / "v", "".join(rows) + end)
    reads = (lambda: read_vectors(path), lambda: VectorFileEncoder(path).info)
    if end in ("\n\n", "last 5\n"):
        for read in reads:
            with pytest.raises(DataFileError, match=f"line {count + 2}: "):
                read()
        return
    table = read_vectors(path)
    names = [line.split(" ")[0] for line in rows] + ["last"] * end.startswith("last")
    assert list(table.words) == names
    assert VectorFileEncoder(path).encode(names).tobytes() == table.vectors.tobytes()
    assert table.vectors[-1].tolist() == ([5, 6] if end.startswith("last") else [3, 4])


def test_old_scipy_reads_the_same(large, monkeypatch):
    path, _, _ = large
    fast = read_vectors(path).vectors
    monkeypatch.setattr(_text_numbers, "_mmread", lambda: None)
    assert read_vectors(path).vectors.tobytes() == fast.tobytes()


def test_scipys_reader_is_used_where_it_pays(large, tmp_path, monkeypatch):
    path, _, _ = large
    assert _text_numbers._mmread() is not None, "the scipy that is tested with has it"
    blocks = []
    original = _text_numbers._parse_scipy

    def watched(numbers, dim):
        rows = original(numbers, dim)
        blocks.append(rows is not None)
        return rows

    monkeypatch.setattr(_text_numbers, "_parse_scipy", watched)
    read_vectors(write(tmp_path / "small", TEXT))
    assert blocks == []
    plain = b"".join(line for line in path.read_bytes().splitlines(True) if line[:4] != b"new ")
    read_vectors(write(tmp_path / "plain", plain))
    assert blocks
    assert all(blocks)


def test_the_threads_of_other_libraries_are_left_alone(large):
    info = pytest.importorskip("threadpoolctl").threadpool_info
    read_vectors(large[0])
    before = [library["num_threads"] for library in info()]
    read_vectors(large[0])
    assert [library["num_threads"] for library in info()] == before
    (reader,) = [library for library in info() if library["internal_api"] == "scipy_mmio"]
    assert reader["num_threads"] == 0  # scipy's default: as many as there are processors


HOSTILE = """
import gzip, resource, sys
from pathlib import Path
from embias.encoders import read_vectors
from embias.encoders.vector_file_encoder import VectorFileEncoder
from embias.errors import DataFileError

folder = Path(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
limit = 3 << 30
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

def sparse(name, head, size):
    path = folder / name
    path.write_bytes(head)
    with path.open("r+b") as file:
        file.truncate(size)
    return path

def packed(name, head, megabytes):
    path = folder / name
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(head)
        for _ in range(megabytes):
            file.write(bytes(1 << 20))
    return path

huge = 40 << 30
files = [
    (sparse("endless.txt", b"dog 0.1 0.2 ", huge), "text"),
    (sparse("late.txt", b"dog 0.1 0.2\\ncat 0.3 0.4\\nemu 1 ", huge), "text"),
    (sparse("rows.bin", b"1000000000000 300\\n", 1 << 20), None),
    (sparse("dim.bin", b"3 1000000000\\n", huge), "word2vec-binary"),
    (sparse("word.bin", b"3 100\\n", huge), "word2vec-binary"),
    (packed("dim.gz", b"1 1000000000\\nw ", 64), "word2vec-binary"),
    (packed("rows.gz", b"1000000000000 1000000\\nw ", 64), "word2vec-binary"),
    (packed("endless.gz", b"dog 0.1 0.2 ", 64), "text"),
]
for path, form in files:
    for name, read in (
        ("load", lambda: read_vectors(path, format=form)),
        ("scan", lambda: VectorFileEncoder(path, format=form).encode(["dog", "w"])),
    ):
        try:
            read()
        except DataFileError as error:
            text = str(error).replace(str(folder), "")
            assert "line " in text or "record " in text or "bytes" in text, text
            print(name, text)
        else:
            print(name, path.name, "READ")
used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
print("used", used // 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits on memory and sparse files")
def test_hostile_files_do_not_exhaust_memory(tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", HOSTILE, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    *lines, last = done.stdout.splitlines()
    assert len(lines) == 16
    assert not any("READ" in line for line in lines)
    assert int(last.split()[1]) < 150, done.stdout


def test_a_line_may_be_long_but_not_endless(tmp_path):
    fits = "w" * ((1 << 20) - 4)
    path = write(tmp_path / "v", f"a 1 2\n{fits} 3 4\nb 5 6\n")
    assert read_vectors(path).words == ("a", fits, "b")
    np.testing.assert_array_equal(VectorFileEncoder(path).encode([fits]), [[3, 4]])
    path = write(tmp_path / "v", f"a 1 2\n{fits}w 3 4\nb 5 6\n")
    for read in (read_vectors, lambda file: VectorFileEncoder(file).info):
        with pytest.raises(DataFileError, match="line 2: is longer than 1048576 bytes"):
            read(path)


@pytest.mark.parametrize("field", ["1" * 900_000 + "x", "1." + "1" * 900_000, "." * 900_000])
def test_a_long_field_takes_no_quadratic_time(tmp_path, field):
    # With a regular expression that goes back and forth this takes hours.
    path = write(tmp_path / "v", f"a 1 2\nb 3 4\nc {field} 5\n")
    if field.endswith("11"):
        assert read_vectors(path).vectors[2, 0] == np.float32(10 / 9)
    else:
        with pytest.raises(DataFileError, match=r"line 3: .*is not a number"):
            read_vectors(path)
