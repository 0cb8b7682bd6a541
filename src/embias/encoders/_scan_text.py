"""Finds rows of a text file without parsing the others."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from embias.encoders._scan import Kept, Scan, canonical, check_rows
from embias.encoders._show import at
from embias.encoders._sources import Source
from embias.encoders._table import Float32Array
from embias.encoders._text_format import (
    CUT_NOTE,
    layout_of,
    refuse_extra_rows,
    refuse_missing_rows,
)
from embias.encoders._text_lines import BOM, LONGEST_LINE, Block, blocks, refuse_long_line
from embias.encoders._text_numbers import parse_rows
from embias.encoders._text_rows import Layout, RowError, is_empty, split_row
from embias.errors import DataFileError

_BLOCK_BYTES = 1 << 20


class TextRows:
    """Rows of a text file: a raw row is a line without its end.

    A row is looked up by its first field, because where its word ends ("new york") is certain
    only from the right.
    """

    unit = "line"

    def __init__(self, path: Path, encoding_errors: str) -> None:
        self.path = path
        self.encoding_errors = encoding_errors

    def key(self, word: str) -> bytes:
        """Return the first field of a word."""
        return word.encode("utf-8").replace(b"\t", b" ").partition(b" ")[0]

    def key_of(self, raw: bytes) -> bytes:
        """Return the first field of a row."""
        key = raw.replace(b"\t", b" ").partition(b" ")[0]
        return canonical(key) if self.encoding_errors == "replace" else key

    def dim_of(self, source: Source) -> int:
        """Return the number of coordinates, from the first lines."""
        return layout_of(self.path, next(blocks(source, _BLOCK_BYTES))).dim

    def scan(self, source: Source, wanted: frozenset[bytes] | None) -> Scan:
        """Pass over the whole file; keep rows with a wanted key, or the places of all (None)."""
        return _Pass(self, wanted).run(source)

    def read_at(self, stream: IO[bytes], offset: int, dim: int) -> bytes:
        """Return the row that starts at an offset."""
        stream.seek(offset)
        return clean(stream.readline(LONGEST_LINE + 3))

    def token(self, row: Kept, dim: int) -> bytes:
        """Return the word of a row."""
        try:
            return split_row(row.raw, dim)[0]
        except RowError as error:
            raise DataFileError(f"{at(self.path)}: line {row.place}: {error}") from error

    def parse(self, rows: Sequence[Kept], dim: int) -> tuple[list[bytes], Float32Array]:
        """Return the words and numbers of rows."""
        return parse_rows(self.path, [row.raw for row in rows], [row.place for row in rows], dim)


def clean(line: bytes) -> bytes:
    """Return a line without its end and one trailing space."""
    return line.removesuffix(b"\n").removesuffix(b"\r").removesuffix(b" ")


class _Pass:
    """One pass over a file.

    Every line is counted, and refused when it is too short or too long for a row; only the last
    row, which tells where a download broke off, is checked in full.
    """

    def __init__(self, form: TextRows, wanted: frozenset[bytes] | None) -> None:
        self.form = form
        self.path = form.path
        self.wanted = wanted
        self.layout = Layout(0, None)
        self.found = Scan(0, 0, 0)
        self.last_row = b""

    def run(self, source: Source) -> Scan:
        """Scan the file."""
        found = self.found
        for block in blocks(source, _BLOCK_BYTES):
            self._scan_block(block, block.start if found.first else self._begin(block))
            if self.layout.count is not None and found.count > self.layout.count:
                refuse_extra_rows(self.path, self.layout.count)
            found.notes = (CUT_NOTE,) if block.cut else ()
        refuse_missing_rows(self.path, self.layout, found.count)
        last = Kept(found.first + found.count - 1, clean(self.last_row))
        check_rows(self.form, [last], found.dim)
        return found

    def _begin(self, block: Block) -> int:
        """Find the layout; return where the first row starts."""
        self.layout = layout_of(self.path, block)
        self.found.dim = self.layout.dim
        if self.layout.count is None:
            self.found.first = 1
            return len(BOM) if block.data.startswith(BOM) else 0
        self.found.first = 2
        return block.data.index(b"\n") + 1

    def _scan_block(self, block: Block, start: int) -> None:
        data, found, wanted = block.data, self.found, self.wanted
        plain = data.replace(b"\t", b" ") if b"\t" in data else data
        end, shortest = block.stop, 2 * found.dim  # a row without a word is " 1 1"
        replace = self.form.encoding_errors == "replace"
        find, crc32 = plain.find, zlib.crc32
        add_key, add_offset = found.keys.append, found.offsets.append
        base = block.offset - block.start
        place, last = found.first + found.count, -1
        while start < end:
            stop = find(b"\n", start, end)
            if stop < 0:
                stop = end
            space = find(b" ", start, stop)
            if space < 0 or not shortest <= stop - start <= LONGEST_LINE:
                line = clean(data[start:stop])
                if block.last and stop + 1 >= end and is_empty(line):
                    break
                self._look_closer(Kept(place, line))
            key = plain[start:space]
            if replace and not key.isascii():
                key = canonical(key)
            if wanted is None:
                add_key(crc32(key))
                add_offset(base + start)
            elif key in wanted:
                found.kept.append(Kept(place, clean(data[start:stop])))
            place += 1
            last, start = start, stop + 1
        found.count = place - found.first
        if last >= 0:
            self.last_row = data[last:end].partition(b"\n")[0]

    def _look_closer(self, row: Kept) -> None:
        """Refuse a row that is malformed by its length."""
        if len(row.raw) > LONGEST_LINE:
            refuse_long_line(self.path, row.place)
        self.form.token(row, self.found.dim)
