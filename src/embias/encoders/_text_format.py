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

from embias.encoders._show import at, shown
from embias.encoders._sources import Source
from embias.encoders._table import Float32Array, TableBuilder
from embias.errors import DataFileError

_NUMBER = re.compile(rb"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-]?(?:nan|inf|infinity)", re.I)
_SAMPLE_LINES = 100
_CHUNK_NUMBERS = 400_000
# Bytes that numpy skips as white space although they do not separate fields here.
_STRAY_SPACE = re.compile(rb"[\r\v\f]|  ")
_BOM = b"\xef\xbb\xbf"
CARRIAGE_RETURN = (
    "a carriage return (\\r) stands inside the line: the file has the CR line ends of old systems, "
    "or the line is damaged; lines must end in \\n or \\r\\n, convert them (tr '\\r' '\\n' < old > "
    "new)"
)
_EMPTY_LINE = "the line is empty; remove it: each line must hold a word and its numbers"


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
            _refuse_empty_lines(path, chunk, first + rows_read)
            raise DataFileError(
                f"{at(path)}: line {first + layout.count}: the header says {layout.count} words, "
                "but more rows follow; correct the count in line 1 or remove the rows"
            )
        _add_chunk(table, chunk, first + rows_read)
        rows_read += len(chunk)
    if layout.count is not None and rows_read < layout.count:
        raise DataFileError(
            f"{at(path)}: line {rows_read + 1} is the last, but the header says {layout.count} "
            f"words and only {rows_read} rows are there; the file is cut short: get the whole "
            "file, or correct the count in line 1"
        )
    notes = ["the last line has no line end: if the file was cut, its last number is wrong"]
    return table, notes if cut_line else []


def _clean_lines(source: Source, cut_line: list[bytes]) -> Iterator[bytes]:
    r"""Yield the lines without line end (``\n`` only), one ``\r`` and one trailing space.

    One empty line at the very end is left out.
    """
    held: bytes | None = None
    for number, raw in enumerate(source.stream):
        if held is not None:
            yield held
            held = None
        line = raw.removesuffix(b"\n")
        cut = len(line) == len(raw)
        if number == 0:
            line = line.removeprefix(_BOM)
        line = line.removesuffix(b"\r").removesuffix(b" ")
        if number > 0 and _is_empty(line):
            held = line
            continue
        if cut:
            cut_line.append(raw)
        yield line


def _is_empty(line: bytes) -> bool:
    return not line.strip(b" \t")


def _refuse_empty_lines(path: Path, lines: list[bytes], first: int) -> None:
    for number, line in enumerate(lines, start=first):
        if _is_empty(line):
            raise DataFileError(f"{at(path)}: line {number}: {_EMPTY_LINE}")


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
    if b"\r" in sample[0]:  # the whole file is one line then, and any guess at it is wrong
        raise DataFileError(f"{at(path)}: line 1: {CARRIAGE_RETURN}")
    header = header_of(sample[0])
    rows = sample[1:] if header else sample
    if header and not rows:
        raise DataFileError(
            f"{at(path)}: line 1 is a header ({header[0]} words of {header[1]} coordinates) and no "
            "rows follow; the file is cut short: get the whole file"
        )
    common = _common_dim(rows)
    if header is None:
        return Layout(_checked_dim(path, common), None)
    count, dim = header
    if dim == common and dim > 0:
        return Layout(dim, count)
    raise DataFileError(
        f"{at(path)}: line 1: the header says {dim} coordinates a word, but most rows have "
        f"{common}; correct line 1, or get the whole file"
    )


def _checked_dim(path: Path, dim: int) -> int:
    if dim < 1:
        raise DataFileError(
            f"{at(path)}: line 1: no row of numbers after a word is in the first lines; a text "
            "vector file has one word and its coordinates a line, separated by single spaces"
        )
    return dim


def _common_dim(rows: list[bytes]) -> int:
    """Return the most common number of trailing numeric fields (the first field is the word)."""
    counts: Counter[int] = Counter()
    for row in rows:
        # Empty fields are errors, but of their rows: they must not move the number of coordinates.
        fields = [field for field in row.replace(b"\t", b" ").split(b" ")[1:] if field]
        run = next(
            (i for i, field in enumerate(reversed(fields)) if not _NUMBER.fullmatch(field)),
            len(fields),
        )
        counts[run] += not _is_empty(row)
    return counts.most_common(1)[0][0]


def split_row(line: bytes, dim: int) -> tuple[bytes, bytes]:
    """Split a row from the right: the last `dim` fields are numbers, the rest is the token."""
    if b"\t" not in line and line.count(b" ") == dim:
        token, numbers = line.split(b" ", 1)
        # An empty field would stand among the numbers, where the parser stumbles over it.
        if b"\r" not in token:
            return token, numbers
    _refuse_odd_separators(line)
    plain = line.replace(b"\t", b" ")  # one byte for one byte: positions stay the same
    parts = plain.rsplit(b" ", dim)
    if len(parts) != dim + 1:
        raise _RowError(
            f"{len(parts)} fields, expected a word and {dim} numbers; the line is cut or damaged"
        )
    token, numbers = line[: len(parts[0])], plain[len(parts[0]) + 1 :]
    if parts[0].startswith(b" "):
        raise _RowError(
            f"a space or tab before the word leaves an empty field in {_excerpt(line)}; remove it"
        )
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


def _refuse_odd_separators(line: bytes) -> None:
    """Refuse an empty line, a carriage return, and separators that leave an empty field."""
    if b"\r" in line:
        raise _RowError(CARRIAGE_RETURN)
    if _is_empty(line):
        raise _RowError(_EMPTY_LINE)
    plain = line.replace(b"\t", b" ") if b"\t" in line else line
    gap = plain.find(b"  ")
    if gap >= 0:
        near = line[max(0, gap - 30) :]
        raise _RowError(
            f"a double space (or tab) leaves an empty field in {_excerpt(near)}; fields are "
            "separated by one space or one tab: replace each run of them by one "
            "(tr -s ' \\t' ' ' < old > new)"
        )
    if plain.endswith(b" "):
        raise _RowError(
            f"a space or tab too many at the end leaves an empty field in {_excerpt(line)}; "
            "remove it"
        )


def _excerpt(line: bytes) -> str:
    return shown(line[:120].decode("utf-8", errors="replace"), 60)


def _add_chunk(table: TableBuilder, lines: list[bytes], first: int) -> None:
    tokens: list[bytes] = []
    numbers: list[bytes] = []
    for offset, line in enumerate(lines):
        try:
            token, text = split_row(line, table.dim)
        except _RowError as error:
            raise DataFileError(f"{at(table.path)}: line {first + offset}: {error}") from error
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
        try:
            _refuse_odd_separators(token + b" " + text)
        except _RowError as error:
            raise DataFileError(f"{at(path)}: line {first + offset}: {error}") from error
        for field in fields:
            if not _NUMBER.fullmatch(field):
                word = token[:60].decode("utf-8", errors="replace")
                raise DataFileError(
                    f"{at(path)}: line {first + offset}: {field[:40].decode('utf-8', 'replace')!r} "
                    f"in the row of the word {word!r} is not a number; repair the line (fields "
                    "are separated by one space or tab)"
                )
        rows.append([float(field) for field in fields])
    # A number beyond float32 becomes infinite here and is refused with its word by the table.
    with np.errstate(over="ignore"):
        return np.array(rows, dtype=np.float64).astype(np.float32)
