"""Reads word2vec text (with a header line) and GloVe text (without one)."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import numpy as np

from embias.encoders._sources import Source
from embias.encoders._table import Float32Array, TableBuilder
from embias.errors import DataFileError

_NUMBER = re.compile(rb"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-]?(?:nan|inf|infinity)", re.I)
_SAMPLE_LINES = 100
_CHUNK_NUMBERS = 400_000
# Bytes that numpy skips as white space although they do not separate fields here.
_STRAY_SPACE = re.compile(rb"[\r\v\f]|  ")
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Layout:
    """How a text file is laid out: coordinates per row, words promised by a header."""

    dim: int
    count: int | None


class _RowError(ValueError):
    """What is wrong with one row, without the place."""


def read_text(source: Source, encoding_errors: str) -> tuple[TableBuilder, list[str]]:
    """Read all rows of a text file; notes that only this format has come beside the table."""
    path = source.path
    cut_line: list[bytes] = []
    lines = _clean_lines(source, cut_line)
    sample = list(islice(lines, _SAMPLE_LINES + 1))
    layout = find_layout(path, sample)
    table = TableBuilder(path, layout.dim, unit="line", encoding_errors=encoding_errors)
    first = 1 if layout.count is None else 2
    rows_read = 0
    for chunk in _chunks(chain(sample[first - 1 :], lines), layout.dim):
        if layout.count is not None and rows_read + len(chunk) > layout.count:
            raise DataFileError(
                f"{path}: line {first + layout.count}: the header says {layout.count} words, but "
                "more rows follow; correct the count in line 1 or remove the rows"
            )
        _add_chunk(table, chunk, first + rows_read)
        rows_read += len(chunk)
    if layout.count is not None and rows_read < layout.count:
        raise DataFileError(
            f"{path}: line {rows_read + 1} is the last, but the header says {layout.count} words "
            f"and only {rows_read} rows are there; the file is cut short: get the whole file, or "
            "correct the count in line 1"
        )
    notes = ["the last line has no line end: if the file was cut, its last number is wrong"]
    return table, notes if cut_line else []


def _clean_lines(source: Source, cut_line: list[bytes]) -> Iterator[bytes]:
    r"""Yield the lines without line end (``\n`` only), one ``\r`` and one trailing space."""
    for number, raw in enumerate(source.stream):
        line = raw.removesuffix(b"\n")
        if len(line) == len(raw):
            cut_line.append(raw)
        if number == 0:
            line = line.removeprefix(_BOM)
        yield line.removesuffix(b"\r").removesuffix(b" ")


def _chunks(lines: Iterator[bytes], dim: int) -> Iterator[list[bytes]]:
    size = max(1, _CHUNK_NUMBERS // dim)
    while chunk := list(islice(lines, size)):
        yield chunk


def header_of(line: bytes) -> tuple[int, int] | None:
    """Return the two whole numbers of a header line, None for any other line."""
    fields = line.split(b" ")
    if len(fields) == 2 and all(field.isdigit() and len(field) < 19 for field in fields):
        return int(fields[0]), int(fields[1])
    return None


def find_layout(path: Path, sample: list[bytes]) -> Layout:
    """Tell from the first lines whether there is a header, and how many coordinates a row has."""
    header = header_of(sample[0])
    rows = sample[1:] if header else sample
    if header and not rows:
        raise DataFileError(
            f"{path}: line 1 is a header ({header[0]} words of {header[1]} coordinates) and no "
            "rows follow; the file is cut short: get the whole file"
        )
    common = _common_dim(rows)
    if header is None:
        return Layout(_checked_dim(path, common), None)
    count, dim = header
    if dim == common and dim > 0:
        return Layout(dim, count)
    raise DataFileError(
        f"{path}: line 1: the header says {dim} coordinates a word, but most rows have {common}; "
        "correct line 1, or get the whole file"
    )


def _checked_dim(path: Path, dim: int) -> int:
    if dim < 1:
        raise DataFileError(
            f"{path}: line 1: no row of numbers after a word is in the first lines; a text vector "
            "file has one word and its coordinates a line, separated by single spaces"
        )
    return dim


def _common_dim(rows: list[bytes]) -> int:
    """Return the most common number of trailing numeric fields (the first field is the word)."""
    counts: Counter[int] = Counter()
    for row in rows:
        fields = row.replace(b"\t", b" ").split(b" ")[1:]
        run = next(
            (i for i, field in enumerate(reversed(fields)) if not _NUMBER.fullmatch(field)),
            len(fields),
        )
        counts[run] += 1
    return counts.most_common(1)[0][0]


def split_row(line: bytes, dim: int) -> tuple[bytes, bytes]:
    """Split a row from the right: the last `dim` fields are numbers, the rest is the token."""
    if b"\t" not in line and line.count(b" ") == dim:
        token, numbers = line.split(b" ", 1)
        return token, numbers
    plain = line.replace(b"\t", b" ")  # one byte for one byte: positions stay the same
    parts = plain.rsplit(b" ", dim)
    if len(parts) != dim + 1:
        raise _RowError(
            f"{len(parts)} fields, expected a word and {dim} numbers; the line is cut or damaged"
        )
    token, numbers = line[: len(parts[0])], plain[len(parts[0]) + 1 :]
    extra = parts[0].split(b" ")[1:]
    # "world war 2 0.1 0.2" is a token that ends in a number; "word 0.3 0.1 0.2" has a coordinate
    # too many. What may be a coordinate by its looks is one: an error, not a guess.
    decimals = all(b"." in number for number in numbers.split(b" "))
    if extra and _NUMBER.fullmatch(extra[-1]) and (b"." in extra[-1] or not decimals):
        raise _RowError(
            f"{dim + len(extra) + 1} fields, expected a word and {dim} numbers; if "
            f"{token[:60].decode('utf-8', 'replace')!r} is one word, join its parts with '_'"
        )
    return token, numbers


def _add_chunk(table: TableBuilder, lines: list[bytes], first: int) -> None:
    tokens: list[bytes] = []
    numbers: list[bytes] = []
    for offset, line in enumerate(lines):
        try:
            token, text = split_row(line, table.dim)
        except _RowError as error:
            raise DataFileError(f"{table.path}: line {first + offset}: {error}") from error
        tokens.append(token)
        numbers.append(text)
    rows = _parse_fast(b" ".join(numbers), len(lines), table.dim)
    if rows is None:
        rows = _parse_slowly(table.path, tokens, numbers, first)
    table.add(tokens, rows, range(first, first + len(lines)))


def _parse_fast(text: bytes, n_rows: int, dim: int) -> Float32Array | None:
    """Parse a block of numbers at once; None when anything about it is odd."""
    if _STRAY_SPACE.search(text):
        return None
    with warnings.catch_warnings():
        # Before numpy 2.4 text that is not a number is a warning and a short result.
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            flat = np.fromstring(text, dtype=np.float32, sep=" ")
        except ValueError:
            return None
    return flat.reshape(n_rows, dim) if flat.size == n_rows * dim else None


def _parse_slowly(
    path: Path, tokens: list[bytes], numbers: list[bytes], first: int
) -> Float32Array:
    """Parse field by field, to name the field that is not a number."""
    rows = []
    for offset, (token, text) in enumerate(zip(tokens, numbers, strict=True)):
        fields = text.split(b" ")
        for field in fields:
            if not _NUMBER.fullmatch(field):
                word = token[:60].decode("utf-8", errors="replace")
                raise DataFileError(
                    f"{path}: line {first + offset}: {field[:40].decode('utf-8', 'replace')!r} "
                    f"in the row of the word {word!r} is not a number; repair the line (fields "
                    "are separated by one space or tab)"
                )
        rows.append([float(field) for field in fields])
    # A number beyond float32 becomes infinite here and is refused with its word by the table.
    with np.errstate(over="ignore"):
        return np.array(rows, dtype=np.float64).astype(np.float32)
