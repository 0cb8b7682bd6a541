"""Reads the word2vec binary format: text header, then token, space and float32 numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from embias.encoders._show import at
from embias.encoders._sources import Source
from embias.encoders._table import Float32Array, TableBuilder
from embias.encoders._text_rows import header_of
from embias.errors import DataFileError

_READ_BYTES = 1 << 22
_CHUNK_BYTES = 1 << 22
LONGEST_TOKEN = 4096
_LONGEST_HEADER = 64
#: A row of 4 MiB; a header that says more is damaged, and a row that large is never read.
_LARGEST_DIM = 1 << 20
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class BinaryHeader:
    """What the first line of a file says, and its length in bytes."""

    count: int
    dim: int
    size: int

    def __str__(self) -> str:
        return f"the header says {self.count} words of {self.dim} coordinates"


class RecordStream:
    """A stream read in large pieces, with a cheap search for the next space.

    `position` is the place in the file of what comes next.
    """

    def __init__(self, stream: IO[bytes], position: int) -> None:
        self._stream = stream
        self._data = b""
        self._start = 0
        self._base = position

    @property
    def position(self) -> int:
        """Where the next byte stands in the file."""
        return self._base + self._start

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes, fewer at the end of the stream."""
        while len(self._data) - self._start < size and self._fill():
            pass
        taken = self._data[self._start : self._start + size]
        self._start += len(taken)
        return taken

    def skip(self, size: int) -> int:
        """Pass over `size` bytes, fewer at the end of the stream; return how many there were."""
        while len(self._data) - self._start < size and self._fill():
            pass
        skipped = min(size, len(self._data) - self._start)
        self._start += skipped
        return skipped

    def take_token(self) -> bytes | None:
        """Return what stands before the next space, None when no space is near."""
        while True:
            stop = self._data.find(b" ", self._start, self._start + LONGEST_TOKEN)
            if stop >= 0:
                token = self._data[self._start : stop]
                self._start = stop + 1
                return token
            if len(self._data) - self._start >= LONGEST_TOKEN or not self._fill():
                return None

    def _fill(self) -> bool:
        more = self._stream.read(_READ_BYTES)
        self._base += self._start
        self._data = self._data[self._start :] + more
        self._start = 0
        return bool(more)


def read_binary(source: Source, encoding_errors: str) -> tuple[TableBuilder, list[str]]:
    """Read all records of a word2vec binary file."""
    path = source.path
    header = read_header(source)
    count, dim = header.count, header.dim
    table = TableBuilder(path, dim, unit="record", encoding_errors=encoding_errors)
    if source.size is not None:  # else only reading to the end tells whether the count is true
        table.reserve(count)
    data = RecordStream(source.stream, header.size)
    size = max(1, _CHUNK_BYTES // (4 * dim))
    for first in range(1, count + 1, size):
        _add_chunk(table, data, range(first, min(first + size, count + 1)), header)
    refuse_rest(path, data, header)
    return table, []


def read_header(source: Source) -> BinaryHeader:
    """Read the first line and refuse what it cannot truly say of this file."""
    path = source.path
    line = source.stream.readline(_LONGEST_HEADER)
    numbers = header_of(line.removesuffix(b"\n").removesuffix(b"\r").removesuffix(b" "))
    if numbers is None or not line.endswith(b"\n"):
        raise DataFileError(
            f"{at(path)}: a word2vec binary file starts with a line of two whole numbers "
            f"(words and coordinates), this one starts with {line[:40]!r}; give the right format="
        )
    count, dim = numbers
    header = BinaryHeader(count, dim, len(line))
    if count < 1 or dim < 1:
        raise DataFileError(f"{at(path)}: {header}, but both must be at least 1; get the file anew")
    if source.size is not None and header.size + count * (4 * dim + 1) > source.size:
        raise DataFileError(
            f"{at(path)}: the header says {count} words of {dim} float32 coordinates, which is "
            f"more than the {source.size} bytes of the file; the file is cut short or the header "
            "is wrong: get the whole file"
        )
    if dim > _LARGEST_DIM:
        raise DataFileError(
            f"{at(path)}: line 1: {header}, but at most {_LARGEST_DIM} coordinates are read; "
            "the header is wrong: get the file anew"
        )
    return header


def refuse_rest(path: Path, data: RecordStream, header: BinaryHeader) -> None:
    """Refuse a file that goes on after its last record."""
    if data.take(2) not in (b"", b"\n"):
        raise DataFileError(
            f"{at(path)}: bytes are left after record {header.count}; {header}, so the header is "
            "wrong, the file is damaged or a word contains a space: get it anew, or the text format"
        )


def next_token(path: Path, data: RecordStream, record: int, header: BinaryHeader) -> bytes:
    """Return the word of the next record."""
    token = data.take_token()
    if token is None:
        raise record_error(path, record, "no word and space are there", header)
    token = token.removeprefix(b"\n")  # some writers end a record with a line end
    if _CONTROL.search(token):
        raise record_error(path, record, f"the word {token[:40]!r} holds control bytes", header)
    return token


def refuse_short_row(path: Path, size: int, record: int, header: BinaryHeader) -> None:
    """Refuse a record of which only `size` bytes of numbers are there."""
    if size < 4 * header.dim:
        what = f"the row ends after {size} of {4 * header.dim} bytes"
        raise record_error(path, record, what, header)


def _add_chunk(
    table: TableBuilder, data: RecordStream, records: range, header: BinaryHeader
) -> None:
    tokens: list[bytes] = []
    numbers: list[bytes] = []
    for record in records:
        tokens.append(next_token(table.path, data, record, header))
        row = data.take(4 * table.dim)
        refuse_short_row(table.path, len(row), record, header)
        numbers.append(row)
    table.add(tokens, as_rows(numbers, table.dim), records)


def as_rows(numbers: Sequence[bytes], dim: int) -> Float32Array:
    """Return the numbers of some records, shape ``(len(numbers), dim)``."""
    return np.frombuffer(b"".join(numbers), dtype="<f4").reshape(-1, dim).astype(np.float32)


def record_error(path: Path, record: int, what: str, header: BinaryHeader) -> DataFileError:
    """Return the error of a record that is not what it must be."""
    return DataFileError(
        f"{at(path)}: record {record}: {what}; {header}: the file is cut short, the header is "
        "wrong or a word contains a space: get the whole file, or the text format"
    )
