"""Finds records of a word2vec binary file without keeping the others."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from embias.encoders._binary_format import (
    LONGEST_TOKEN,
    RecordStream,
    as_rows,
    next_token,
    read_header,
    refuse_rest,
    refuse_short_row,
)
from embias.encoders._scan import Kept, Scan, canonical
from embias.encoders._sources import Source
from embias.encoders._table import Float32Array


class BinaryRows:
    """Records of a word2vec binary file: the raw row is word, space and numbers."""

    unit = "record"

    def __init__(self, path: Path, encoding_errors: str) -> None:
        self.path = path
        self.encoding_errors = encoding_errors

    def key(self, word: str) -> bytes:
        """Return the bytes of a word."""
        return word.encode("utf-8")

    def key_of(self, raw: bytes) -> bytes:
        """Return the word of a record."""
        key = raw.partition(b" ")[0]
        return canonical(key) if self.encoding_errors == "replace" else key

    def dim_of(self, source: Source) -> int:
        """Return the number of coordinates, from the header."""
        return read_header(source).dim

    def scan(self, source: Source, wanted: frozenset[bytes] | None) -> Scan:
        """Pass over the whole file; keep records with a wanted word, or the places of all (None).

        Words are searched for control bytes, by which a wrong header shows; of the numbers only
        the length is checked.
        """
        header = read_header(source)
        found = Scan(header.dim, 1, header.count)
        data = RecordStream(source.stream, header.size)
        size = 4 * header.dim
        replace = self.encoding_errors == "replace"
        for record in range(1, header.count + 1):
            offset = data.position
            token = next_token(self.path, data, record, header)
            key = canonical(token) if replace and not token.isascii() else token
            if wanted is not None and key in wanted:
                row = data.take(size)
                refuse_short_row(self.path, len(row), record, header)
                found.kept.append(Kept(record, token + b" " + row))
                continue
            refuse_short_row(self.path, data.skip(size), record, header)
            if wanted is None:
                found.keys.append(zlib.crc32(key))
                found.offsets.append(offset)
        refuse_rest(self.path, data, header)
        return found

    def read_at(self, stream: IO[bytes], offset: int, dim: int) -> bytes:
        """Return the record that starts at an offset."""
        stream.seek(offset)
        record = stream.read(LONGEST_TOKEN + 4 * dim)
        stop = record.find(b" ") + 1 + 4 * dim
        return record[:stop].removeprefix(b"\n")

    def token(self, row: Kept, dim: int) -> bytes:
        """Return the word of a record."""
        return row.raw.partition(b" ")[0]

    def parse(self, rows: Sequence[Kept], dim: int) -> tuple[list[bytes], Float32Array]:
        """Return the words and numbers of records."""
        parts = [row.raw.partition(b" ") for row in rows]
        return [token for token, _, _ in parts], as_rows([numbers for *_, numbers in parts], dim)
