"""Reads the word2vec binary format: text header, then token, space and float32 numbers."""

from __future__ import annotations

from pathlib import Path
from typing import IO

import numpy as np

from embias.encoders._show import at
from embias.encoders._sources import Source
from embias.encoders._table import Float32Array, TableBuilder
from embias.encoders._text_format import header_of
from embias.errors import DataFileError

_READ_BYTES = 1 << 22
_CHUNK_BYTES = 1 << 22
_LONGEST_TOKEN = 4096
_LONGEST_HEADER = 64


class _Bytes:
    """A stream read in large pieces, with a cheap search for the next space."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._data = b""
        self._start = 0

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes, fewer at the end of the stream."""
        while len(self._data) - self._start < size and self._fill():
            pass
        taken = self._data[self._start : self._start + size]
        self._start += len(taken)
        return taken

    def take_token(self) -> bytes | None:
        """Return what stands before the next space, None when no space is near."""
        while True:
            stop = self._data.find(b" ", self._start, self._start + _LONGEST_TOKEN)
            if stop >= 0:
                token = self._data[self._start : stop]
                self._start = stop + 1
                return token
            if len(self._data) - self._start >= _LONGEST_TOKEN or not self._fill():
                return None

    def _fill(self) -> bool:
        more = self._stream.read(_READ_BYTES)
        self._data = self._data[self._start :] + more
        self._start = 0
        return bool(more)


def read_binary(source: Source, encoding_errors: str) -> tuple[TableBuilder, list[str]]:
    """Read all records of a word2vec binary file."""
    path = source.path
    count, dim, header_bytes = _header(source)
    if source.size is not None and header_bytes + count * (4 * dim + 1) > source.size:
        raise DataFileError(
            f"{at(path)}: the header says {count} words of {dim} float32 coordinates, which is "
            f"more than the {source.size} bytes of the file; the file is cut short or the header "
            "is wrong: get the whole file"
        )
    table = TableBuilder(path, dim, unit="record", encoding_errors=encoding_errors)
    said = f"the header says {count} words of {dim} coordinates"
    data = _Bytes(source.stream)
    size = max(1, _CHUNK_BYTES // (4 * dim))
    for first in range(1, count + 1, size):
        _add_chunk(table, data, range(first, min(first + size, count + 1)), said)
    rest = data.take(2)
    if rest not in (b"", b"\n"):
        raise DataFileError(
            f"{at(path)}: bytes are left after record {count}; {said}, so the header is wrong, the "
            "file is damaged or a word contains a space: get it anew, or the text format"
        )
    return table, []


def _header(source: Source) -> tuple[int, int, int]:
    line = source.stream.readline(_LONGEST_HEADER)
    header = header_of(line.removesuffix(b"\n").removesuffix(b"\r").removesuffix(b" "))
    if header is None or not line.endswith(b"\n"):
        raise DataFileError(
            f"{at(source.path)}: a word2vec binary file starts with a line of two whole numbers "
            f"(words and coordinates), this one starts with {line[:40]!r}; give the right format="
        )
    count, dim = header
    if count < 1 or dim < 1:
        raise DataFileError(
            f"{at(source.path)}: the header says {count} words of {dim} coordinates, but both must "
            "be at least 1; get the file anew"
        )
    return count, dim, len(line)


def _add_chunk(table: TableBuilder, data: _Bytes, records: range, said: str) -> None:
    tokens: list[bytes] = []
    numbers: list[bytes] = []
    for record in records:
        token = data.take_token()
        if token is None:
            raise _record_error(table.path, record, "no word and space are there", said)
        token = token.removeprefix(b"\n")  # some writers end a record with a line end
        if any(byte < 0x20 or byte == 0x7F for byte in token):
            raise _record_error(
                table.path, record, f"the word {token[:40]!r} holds control bytes", said
            )
        row = data.take(4 * table.dim)
        if len(row) < 4 * table.dim:
            raise _record_error(
                table.path, record, f"the row ends after {len(row)} of {4 * table.dim} bytes", said
            )
        tokens.append(token)
        numbers.append(row)
    table.add(tokens, _as_rows(numbers, table.dim), records)


def _as_rows(numbers: list[bytes], dim: int) -> Float32Array:
    return np.frombuffer(b"".join(numbers), dtype="<f4").reshape(-1, dim).astype(np.float32)


def _record_error(path: Path, record: int, what: str, said: str) -> DataFileError:
    return DataFileError(
        f"{at(path)}: record {record}: {what}; {said}: the file is cut short, the header is wrong "
        "or a word contains a space: get the whole file, or the text format"
    )
