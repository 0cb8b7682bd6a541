"""Reads word2vec text (with a header line) and GloVe text (without one)."""

from __future__ import annotations

from pathlib import Path

from embias.encoders._show import at
from embias.encoders._sources import Source
from embias.encoders._table import TableBuilder
from embias.encoders._text_lines import LONGEST_LINE, Block, blocks, refuse_long_line
from embias.encoders._text_numbers import parse_rows
from embias.encoders._text_rows import (
    CARRIAGE_RETURN,
    EMPTY_LINE,
    Layout,
    find_layout,
    header_of,
    is_empty,
)
from embias.errors import DataFileError

__all__ = ["CARRIAGE_RETURN", "header_of", "layout_of", "read_text"]

_BLOCK_BYTES = 1 << 21
_SAMPLE_LINES = 100
CUT_NOTE = "the last line has no line end: if the file was cut, its last number is wrong"


def read_text(source: Source, encoding_errors: str) -> tuple[TableBuilder, list[str]]:
    """Read all rows of a text file; notes that only this format has come beside the table."""
    path = source.path
    table: TableBuilder | None = None
    layout = Layout(0, None)
    number = 1
    rows_read = 0
    cut = False
    for block in blocks(source, _BLOCK_BYTES):
        lines = block.lines()
        if table is None:
            layout = layout_of(path, block)
            table = TableBuilder(path, layout.dim, unit="line", encoding_errors=encoding_errors)
            table.reserve(_rows_expected(source, lines, layout.dim))
            if layout.count is not None:
                del lines[0]
                number += 1
        if layout.count is not None and rows_read + len(lines) > layout.count:
            _refuse_empty_lines(path, lines, number)
            refuse_extra_rows(path, layout.count)
        _refuse_long_lines(path, lines, number)
        places = range(number, number + len(lines))
        bulk = rows_read > 0 or not block.last
        table.add(*parse_rows(path, lines, places, layout.dim, bulk=bulk), places)
        rows_read += len(lines)
        number += len(lines)
        cut = block.cut
    if table is None:
        raise DataFileError(f"{at(path)}: the file is empty; get it anew")
    refuse_missing_rows(path, layout, rows_read)
    return table, [CUT_NOTE] if cut else []


def layout_of(path: Path, block: Block) -> Layout:
    """Return the layout of a file by its first block.

    Raises
    ------
    DataFileError
        When it does not look like rows of a word and its numbers, or contradicts its header.
    """
    sample = block.head(_SAMPLE_LINES + 1)
    _refuse_long_lines(path, sample, 1)
    return find_layout(path, sample)


def refuse_extra_rows(path: Path, count: int) -> None:
    """Raise the error of a header that promises fewer rows than there are."""
    raise DataFileError(
        f"{at(path)}: line {2 + count}: the header says {count} words, but more rows follow; "
        "correct the count in line 1 or remove the rows"
    )


def refuse_missing_rows(path: Path, layout: Layout, rows: int) -> None:
    """Refuse a file with fewer rows than its header promises."""
    if layout.count is not None and rows < layout.count:
        raise DataFileError(
            f"{at(path)}: line {rows + 1} is the last, but the header says {layout.count} "
            f"words and only {rows} rows are there; the file is cut short: get the whole "
            "file, or correct the count in line 1"
        )


def _rows_expected(source: Source, lines: list[bytes], dim: int) -> int:
    """Estimate the number of rows, so that the table need not grow; untouched room is free."""
    if source.size is None:
        return 0
    sample = lines[1 : _SAMPLE_LINES + 1] or lines
    mean = sum(map(len, sample)) / len(sample) + 1
    return int(1.02 * source.size / max(mean, 2 * dim)) + 1


def _refuse_empty_lines(path: Path, lines: list[bytes], first: int) -> None:
    for number, line in enumerate(lines, start=first):
        if is_empty(line):
            raise DataFileError(f"{at(path)}: line {number}: {EMPTY_LINE}")


def _refuse_long_lines(path: Path, lines: list[bytes], first: int) -> None:
    for number, line in enumerate(lines, start=first):
        if len(line) > LONGEST_LINE:
            refuse_long_line(path, number)
