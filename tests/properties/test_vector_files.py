"""Whatever the tokens look like, a text file gives back the words and numbers written to it."""

from __future__ import annotations

import gzip
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save

from embias.encoders import VectorTable, read_vectors
from embias.errors import DataFileError

PIECES = ["dog", "#", "<b>", "&amp;", "é", "e\u0301", "\u00a0", "\u0085", "\u2028", "\u3000", "🙂"]
PIECES += ["1984", "-", ".", "'", '"', "\x1c", "\t", "ß", "_", "a,b", "nan"]
# A tab is a separator like a space: it may stand inside a token, not at its edge and not twice.
tokens = (
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=4)
    .map("".join)
    .filter(lambda token: token == token.strip("\t") and "\t\t" not in token)
)
spaced = st.lists(st.sampled_from(["new", "york", "é", ".", "\u00a0x"]), min_size=2, max_size=4)
words = st.lists(st.one_of(tokens, spaced.map(" ".join)), min_size=1, max_size=8, unique=True)
SEPARATORS = st.sampled_from([" ", "\t"])


@st.composite
def tables(draw):
    names = draw(words)
    dim = draw(st.integers(min_value=2, max_value=5))
    number = st.floats(width=32, allow_nan=False, allow_infinity=False)
    row = st.lists(number, min_size=dim, max_size=dim)
    rows = draw(st.lists(row, min_size=len(names), max_size=len(names)))
    return names, np.array(rows, dtype=np.float32)


def written(names, vectors, *, header, separator, trailing, line_end):
    lines = [f"{len(names)} {vectors.shape[1]}"] if header else []
    for name, row in zip(names, vectors, strict=True):
        lines.append(separator.join([name, *(f"{float(value):.9e}" for value in row)]))
    return "".join(line + trailing + line_end for line in lines).encode()


@settings(max_examples=150, deadline=None)
@given(
    table=tables(),
    header=st.booleans(),
    separator=SEPARATORS,
    trailing=st.sampled_from(["", " "]),
    line_end=st.sampled_from(["\n", "\r\n"]),
)
@example(
    table=(["new york", "no\u00a0break", "#", "<b>", "é"], np.eye(5, 2, dtype=np.float32) + 0.5),
    header=True,
    separator=" ",
    trailing=" ",
    line_end="\n",
)
def test_text_round_trip(table, header, separator, trailing, line_end):
    names, vectors = table
    content = written(
        names, vectors, header=header, separator=separator, trailing=trailing, line_end=line_end
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "v.txt"
        path.write_bytes(content)
        read = read_vectors(path, format="text")
        detected = read_vectors(path)
    assert list(read.words) == names
    np.testing.assert_array_equal(read.vectors, vectors)
    assert detected.words == read.words
    np.testing.assert_array_equal(detected.vectors, vectors)


@settings(max_examples=100, deadline=None)
@given(table=tables(), data=st.data())
def test_a_file_cut_anywhere_is_never_read_in_silence(table, data):
    names, vectors = table
    whole = written(names, vectors, header=True, separator=" ", trailing="", line_end="\n")
    cut = data.draw(st.integers(min_value=1, max_value=len(whole) - 1))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "v.txt"
        path.write_bytes(whole[:cut])
        try:
            read = read_vectors(path)
        except ValueError as error:
            assert "v.txt" in str(error)  # noqa: PT017 - both ways out are checked
        else:
            # All rows are there, and only the end of the last number can be gone.
            assert any("line end" in note for note in read.notes)
            assert list(read.words) == names
            np.testing.assert_array_equal(read.vectors[:-1], vectors[:-1])


def _samples(folder: Path) -> dict[str, bytes]:
    vectors = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    text = written(
        ["a", "new york", "é"], vectors, header=True, separator=" ", trailing="", line_end="\n"
    )
    rows = b"".join(f"w{i} ".encode() + row.tobytes() for i, row in enumerate(vectors))
    with zipfile.ZipFile(folder / "v.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("v.txt", text)
    return {
        "text": text,
        "binary": b"3 4\n" + rows,
        "safetensors": save({"vectors": vectors}),
        "gzip": gzip.compress(text),
        "zip": (folder / "v.zip").read_bytes(),
    }


@settings(max_examples=250, deadline=None)
@given(data=st.data(), kind=st.sampled_from(["text", "binary", "safetensors", "gzip", "zip"]))
def test_damage_gives_a_table_or_one_clear_error(data, kind):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        content = bytearray(_samples(folder)[kind])
        for _ in range(data.draw(st.integers(1, 3))):
            place = data.draw(st.integers(0, len(content) - 1))
            content[place] = data.draw(st.integers(0, 255))
        del content[data.draw(st.integers(1, len(content))) :]
        path = folder / "v.safetensors"
        path.write_bytes(content)
        (folder / "v.vocab.txt").write_text("a\nb\nc\n")
        try:
            table = read_vectors(path)
        except DataFileError as error:
            assert "v." in str(error)  # noqa: PT017 - both ways out are checked
        else:
            assert isinstance(table, VectorTable)
            assert table.vectors.shape[0] == len(table.words)
            assert np.isfinite(table.vectors).all()
