"""A fast way to read must accept, refuse and round exactly as the slow one does."""

from __future__ import annotations

import gzip
import struct
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from embias.encoders import _text_numbers, read_vectors
from embias.encoders._text_numbers import parse_rows
from embias.encoders._text_rows import NUMBER
from embias.encoders.vector_file_encoder import VectorFileEncoder
from embias.errors import DataFileError

HERE = Path("v.txt")

# --- numbers -------------------------------------------------------------------------------------

PATTERN = r"[+-]?([0-9]{1,25}\.?[0-9]{0,25}|\.[0-9]{1,9})([eE][+-]?[0-9]{1,4})?"
ODD = """nan -inf Infinity 1_0 +1 1e400 -1e400 1e-400 -1e-400 0x5 0x1p3 1e 1e+ 1e5e6 1.2.3 1-2 1e--5
1e+-5 1e-.5 . - -. .e5 e5 %1 1% nan(5) 1j 1+2j --1 1e5-3 1.e5 4.9e-324 2.4703282292062328e-324
1.7976931348623159e308 -0 00012 3.4028235677973366e38 3.4028235e38 1.401298464324817e-45
7.006492321624085e-46 1e99999999999999999999 -1e-99999999999999999999 \u0663"""
good = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False, width=32).map(repr),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.floats(allow_nan=False, allow_infinity=False).map(lambda value: f"{value:.40e}"),
    st.from_regex(PATTERN, fullmatch=True),
)
odd = st.one_of(
    st.text(alphabet="0123456789.+-eE", max_size=8),
    st.text(alphabet="01.-e_xX,%#\x00\v\f\r\t naifNAIFdD()", max_size=6),
    st.sampled_from([*ODD.split(), "1\x00", "\x001", "", "1\v2"]),
)


@st.composite
def blocks(draw):
    dim = draw(st.integers(1, 4))
    n_rows = draw(st.integers(1, 4))
    field = st.one_of(good, odd) if draw(st.booleans()) else good
    rows = draw(
        st.lists(st.lists(field, min_size=dim, max_size=dim), min_size=n_rows, max_size=n_rows)
    )
    if draw(st.booleans()):  # a field too many, and perhaps one too few elsewhere
        rows[draw(st.integers(0, n_rows - 1))].append(draw(field))
        rows[draw(st.integers(0, n_rows - 1))].pop()
    token = st.sampled_from(["w", "new york", "", "a\tb", "é", "1984", "w 1", "w 1.5", "x\ry"])
    separator = draw(st.sampled_from([" ", " ", " ", "\t"]))
    lines = [separator.join([draw(token), *row]).encode() for row in rows]
    return dim, lines


def parsed(dim: int, lines: list[bytes], *, bulk: bool):
    try:
        tokens, rows = parse_rows(HERE, lines, range(1, len(lines) + 1), dim, bulk=bulk)
    except DataFileError as error:
        return str(error)
    return tokens, rows.dtype, rows.shape, rows.tobytes()


def canonical(outcome):
    """Without the bits of a NaN, which the table refuses whatever they are."""
    if isinstance(outcome, str):
        return outcome
    tokens, dtype, shape, raw = outcome
    rows = np.frombuffer(raw, dtype=dtype)
    return tokens, shape, np.where(np.isnan(rows), np.float32("nan"), rows).tobytes()


@settings(max_examples=300, deadline=None)
@given(block=blocks())
@example(block=(2, [b"a 1 2", b"b 1_0 2"]))
@example(block=(2, [b"a 1 2", b"b 1\x00 2"]))
@example(block=(1, [b"a 1-2"]))
@example(block=(2, [b"a 1  2", b"b 4 5\v5"]))
def test_fast_and_slow_parser_agree_on_everything(block):
    dim, lines = block
    assert canonical(parsed(dim, lines, bulk=True)) == canonical(parsed(dim, lines, bulk=False))


@settings(max_examples=300, deadline=None)
@given(numbers=st.lists(good, min_size=1, max_size=30))
def test_the_fast_parser_rounds_as_float_does(numbers):
    text = [number.lstrip("+").encode() for number in numbers]
    rows = _text_numbers._parse_scipy(text, 1)
    assert rows is not None, "scipy's reader refused numbers, so nothing is fast"
    with np.errstate(over="ignore"):
        expected = np.array([float(number) for number in text]).astype(np.float32)
    np.testing.assert_array_equal(rows[:, 0].view(np.uint32), expected.view(np.uint32))


@settings(max_examples=300, deadline=None)
@given(fields=st.lists(st.one_of(good, odd), min_size=1, max_size=4))
def test_what_is_plain_is_numbers_but_for_missing_digits(fields):
    raw = [field.encode() for field in fields]
    text = b"\n" + b" ".join(raw) + b"\n"
    digits = [any(48 <= byte <= 57 for byte in field.lower().partition(b"e")[0]) for field in raw]
    if _text_numbers._is_plain(text, 1, len(raw)) and all(digits):
        assert all(NUMBER.fullmatch(field) for field in raw)
        assert not any(field.lower().strip(b"+-").startswith((b"n", b"i")) for field in raw)
    elif all(NUMBER.fullmatch(field) and field.isascii() for field in raw):
        named = any(byte in b"naiNAI" for field in raw for byte in field)
        assert named, "plain numbers are held for something else"


# --- files ---------------------------------------------------------------------------------------

WORDS = ["dog", "new york", "new", "new\tdelhi", "é", "e\u0301", "1984", "#", "\u00a0x", "🙂"]


@st.composite
def tables(draw):
    names = draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=8))  # with repeats
    dim = draw(st.integers(2, 4))
    number = st.floats(width=32, allow_nan=False, allow_infinity=False)
    row = st.lists(number, min_size=dim, max_size=dim)
    rows = draw(st.lists(row, min_size=len(names), max_size=len(names)))
    return names, np.array(rows, dtype=np.float32)


def as_text(names, vectors, *, header: bool, end: str = "\n", bom: bool = False) -> bytes:
    lines = [f"{len(names)} {vectors.shape[1]}"] if header else []
    for name, row in zip(names, vectors, strict=True):
        lines.append(" ".join([name, *(f"{float(value):.9e}" for value in row)]))
    return ("\ufeff" * bom + "".join(line + end for line in lines)).encode()


def as_binary(names, vectors, *, gap: bytes = b"") -> bytes:
    records = [
        name.encode() + b" " + row.astype("<f4").tobytes() + gap
        for name, row in zip(names, vectors, strict=True)
    ]
    return f"{len(names)} {vectors.shape[1]}\n".encode() + b"".join(records)


def check_same(path: Path, asked: list[str], index_dir: Path | None, **options) -> None:
    """The rows that a scan finds are those of a full load, to the bit."""
    table = read_vectors(path, **options)
    rows = dict(zip(table.words, table.vectors, strict=True))
    for _ in range(2):  # the second encoder has the index of the first
        encoder = VectorFileEncoder(path, index_dir=index_dir, **options)
        here = [word for word in asked if word in rows and rows[word].any()]
        distinct = list(dict.fromkeys(asked))
        assert encoder.missing(asked) == [word for word in distinct if word not in here]
        found = encoder.encode(here)
        assert found.shape == (len(here), table.vectors.shape[1])
        for word, row in zip(here, found, strict=True):
            assert row.tobytes() == rows[word].tobytes()


@settings(max_examples=120, deadline=None)
@given(
    table=tables(),
    asked=st.lists(st.sampled_from([*WORDS, "cat", "", "york", " ", "a\nb", "\ud800", "\ufffd"])),
    kind=st.sampled_from(["header", "plain", "crlf", "bom", "gzip", "binary", "lines", "packed"]),
    indexed=st.booleans(),
    errors=st.sampled_from(["strict", "replace"]),
)
def test_a_scan_finds_what_a_full_load_finds(table, asked, kind, indexed, errors):
    names, vectors = table
    binary = kind in ("binary", "lines", "packed")
    if binary:
        names = [name.replace(" ", "_").replace("\t", "_") for name in names]
    content = {
        "binary": lambda: as_binary(names, vectors),
        "lines": lambda: as_binary(names, vectors, gap=b"\n"),
        "packed": lambda: gzip.compress(as_binary(names, vectors)),
        "gzip": lambda: gzip.compress(as_text(names, vectors, header=True)),
        "crlf": lambda: as_text(names, vectors, header=True, end=" \r\n"),
        "bom": lambda: as_text(names, vectors, header=False, bom=True),
        "plain": lambda: as_text(names, vectors, header=False),
        "header": lambda: as_text(names, vectors, header=True),
    }[kind]()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "v"
        path.write_bytes(content)
        form = "word2vec-binary" if binary else "text"
        index_dir = Path(folder) / "index" if indexed else None
        check_same(path, asked, index_dir, format=form, encoding_errors=errors)


def cut_samples():
    names = ["dog", "new york", "é", "zz"]
    vectors = np.array([[1.5, -2], [3, 0.25], [5e-5, 6], [7, 8]], dtype=np.float32)
    text = "".join(
        f"{name} {row[0]:g} {row[1]:g}\n" for name, row in zip(names, vectors.tolist(), strict=True)
    )
    plain = [name.replace(" ", "_") for name in names]
    return {
        "header": f"4 2\n{text}".encode(),
        "plain": text.encode(),
        "binary": as_binary(plain, vectors),
        "lines": as_binary(plain, vectors, gap=b"\n"),
    }


@pytest.mark.parametrize("kind", ["header", "plain", "binary", "lines"])
@pytest.mark.parametrize("scan", [False, True])
def test_a_file_cut_at_any_byte_is_refused_or_whole_rows(kind, scan, tmp_path):
    whole = cut_samples()[kind]
    path = tmp_path / "v.txt"
    full = np.array([[1.5, -2], [3, 0.25], [5e-5, 6], [7, 8]], dtype=np.float32)
    accepted = set()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        try:
            if scan:
                encoder = VectorFileEncoder(path)
                notes = encoder.info.notes
                rows = encoder.encode(["dog"])
            else:
                table = read_vectors(path)
                notes, rows = table.notes, table.vectors[:1]
        except DataFileError as error:
            message = str(error)
            assert "v.txt" in message
            places = ("line ", "record ", "byte", "the file is empty", "two whole numbers")
            assert any(place in message for place in places), message
        else:
            accepted.add(size)
            at_line_end = whole[:size].endswith(b"\n") and kind != "binary"
            noted = any("no line end" in note for note in notes)
            assert at_line_end or noted or kind == "lines"
            if size > whole.index(b"\n") + 12:
                np.testing.assert_array_equal(rows, full[:1])
    ends = {i + 1 for i, byte in enumerate(whole) if byte == ord("\n")} - {len(whole)}
    if kind == "plain":
        assert ends <= accepted  # nothing tells these from a shorter file
    elif kind == "header":
        assert not ends & accepted
        assert min(accepted, default=len(whole)) > max(ends)
    else:
        assert accepted <= {len(whole) - 1}  # the line end after the last record


def test_every_cut_is_judged_alike_by_a_load_and_a_scan(tmp_path):
    path = tmp_path / "v.txt"
    for kind, whole in cut_samples().items():
        for size in range(1, len(whole)):
            path.write_bytes(whole[:size])
            outcomes = []
            for read in (read_vectors, lambda file: VectorFileEncoder(file).info):
                try:
                    read(path)
                except DataFileError:
                    outcomes.append("refused")
                else:
                    outcomes.append("read")
            assert outcomes[0] == outcomes[1], (kind, whole[:size])


@settings(max_examples=200, deadline=None)
@given(data=st.data(), kind=st.sampled_from(["header", "plain", "binary", "lines"]))
def test_damage_gives_vectors_or_one_clear_error(data, kind):
    content = bytearray(cut_samples()[kind])
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "v.txt"
        path.write_bytes(content)
        try:
            encoder = VectorFileEncoder(path, index_dir=folder)
            wanted = ["dog", "new york", "new_york", "é", "zz"]
            left = set(encoder.missing(wanted))
            rows = encoder.encode([word for word in wanted if word not in left])
        except DataFileError as error:
            assert "v.txt" in str(error)  # noqa: PT017 - both ways out are checked
        else:
            assert np.isfinite(rows).all()
            assert rows.any(axis=1).all()


def test_binary_numbers_are_kept_to_the_bit(tmp_path):
    path = tmp_path / "v.bin"
    numbers = struct.pack("<3f", 1e-45, -0.0, 3.4028235e38)
    path.write_bytes(b"1 3\nw " + numbers)
    assert VectorFileEncoder(path).encode(["w"]).astype("<f4").tobytes() == numbers
