"""An audit as a compact table for a notebook cell."""

from __future__ import annotations

from html import escape

from embias.report.notes import caution, significance
from embias.report.tables import Group, Row, groups
from embias.results import Audit

__all__ = ["to_notebook"]


def to_notebook(audit: Audit) -> str:
    """Return the audit as compact HTML: the tables, their notes, the closing line.

    Parameters
    ----------
    audit : Audit
        What to show.

    Returns
    -------
    str
        A fragment without scripts or styles of its own page, everything escaped.
    """
    parts = [_group(group) for group in groups(audit)]
    closing = f"<p><strong>{escape(significance(audit))}</strong> {escape(caution(audit))}</p>"
    return f'<div class="embias-audit">{"".join(parts)}{closing}</div>'


def _group(group: Group) -> str:
    heads = "".join(f'<th scope="col">{escape(column.heading)}</th>' for column in group.columns)
    body = "".join(_row(group, row) for row in group.rows)
    notes = "".join(f"<div>[{note.number}] {escape(note.line)}</div>" for note in group.footnotes)
    return (
        f'<table><caption style="text-align:left;font-weight:bold">{escape(group.title)}'
        f"</caption><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"
        f'<div style="font-size:smaller">{escape(group.reading)}{notes}</div>'
    )


def _row(group: Group, row: Row) -> str:
    cells = []
    for column, cell in zip(group.columns, row.cells, strict=True):
        align = "right" if column.figures else "left"
        style = f'style="text-align:{align}"'
        if column.key == "test":
            marks = f" <sup>{','.join(map(str, row.notes))}</sup>" if row.notes else ""
            cells.append(f'<th scope="row" {style}>{escape(cell)}{marks}</th>')
        else:
            cells.append(f"<td {style}>{escape(cell)}</td>")
    return f"<tr>{''.join(cells)}</tr>"
