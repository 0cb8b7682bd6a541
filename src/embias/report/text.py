"""An audit as tables for a terminal."""

from __future__ import annotations

import io
import shutil
import sys
import textwrap
from typing import TYPE_CHECKING

from embias.report.notes import closing_line
from embias.report.tables import Column, Footnote, Group, groups
from embias.results import Audit

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["to_text"]

_DEFAULT_WIDTH = 120


def to_text(audit: Audit, *, width: int | None = None) -> str:
    """Return the audit as plain text, one table per suite and encoder, with its notes.

    Parameters
    ----------
    audit : Audit
        What to show.
    width : int or None
        Columns to use; None takes those of the terminal, 120 where the output is none. A
        table is never made so narrow that a digit is lost.

    Returns
    -------
    str
        Text without colours or control sequences, without a final line end.
    """
    width = _terminal_width() if width is None else width
    blocks = [_block(group, width) for group in groups(audit)]
    return "\n\n".join([*blocks, _wrap(closing_line(audit), width)])


def _terminal_width() -> int:
    # There is no standard output at all under some window systems.
    if sys.stdout is not None and sys.stdout.isatty():
        return shutil.get_terminal_size((_DEFAULT_WIDTH, 24)).columns
    return _DEFAULT_WIDTH


def _block(group: Group, width: int) -> str:
    lines = [_wrap(group.title, width), _draw(_table(group), width)]
    if group.reading:
        lines.append(_wrap(group.reading, width))
    lines += [_footnote(note, width) for note in group.footnotes]
    return "\n".join(lines)


def _table(group: Group) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for column in group.columns:
        # Headings and cells are Text: a name in brackets is a name, not a style.
        heading = Text(column.short)
        if column.key in ("test", "what"):
            least = 14 if column.key == "what" else min(_widest(group, column), 12)
            table.add_column(heading, overflow="fold", min_width=least)
        elif column.figures:
            table.add_column(heading, justify="right", min_width=_widest(group, column))
        else:
            table.add_column(heading, min_width=_widest(group, column))
    for row in group.rows:
        cells = list(row.cells)
        if row.notes:
            cells[1] += f" [{','.join(map(str, row.notes))}]"
        table.add_row(*(Text(cell) for cell in cells))
    return table


def _widest(group: Group, column: Column) -> int:
    index = group.columns.index(column)
    cells = [row.cells[index] for row in group.rows]
    return max(map(len, [*cells, *column.short.split("\n")]))


def _draw(table: Table, width: int) -> str:
    from rich.console import Console

    # A file, no colours, no terminal, no notebook: rich must not look at its surroundings.
    stream = io.StringIO()
    options = {"color_system": None, "force_terminal": False, "force_jupyter": False}
    console = Console(file=stream, width=width, highlight=False, emoji=False, **options)  # type: ignore[arg-type]
    # Long words of the first two columns are folded; figures are not.
    least = sum((column.min_width or 0) + 2 for column in table.columns)
    console.width = max(width, least)
    console.print(table)
    lines = (line.rstrip() for line in stream.getvalue().splitlines())
    return "\n".join(line for line in lines if line)


def _footnote(note: Footnote, width: int) -> str:
    mark = f"[{note.number}] "
    return _wrap(mark + note.line, width, indent=" " * len(mark))


def _wrap(text: str, width: int, indent: str = "") -> str:
    return textwrap.fill(text, max(width, 40), subsequent_indent=indent, break_on_hyphens=False)
