"""The layout of a vector text file, and how one row splits into a word and its numbers."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from embias.encoders._show import at, shown
from embias.errors import DataFileError

# Possessive (++): a field of a million digits and then a letter takes no quadratic time.
NUMBER = re.compile(
    rb"[+-]?(?:\d++\.?\d*+|\.\d++)(?:e[+-]?\d++)?|[+-]?(?:nan|infinity|inf)", re.IGNORECASE
)
CARRIAGE_RETURN = (
    "a carriage return (\\r) stands inside the line: the file has the CR line ends of old systems, "
    "or the line is damaged; lines must end in \\n or \\r\\n, convert them (tr '\\r' '\\n' < old > "
    "new)"
)
EMPTY_LINE = "the line is empty; remove it: each line must hold a word and its numbers"


@dataclass(frozen=True, slots=True)
class Layout:
    """How a text file is laid out: coordinates per row, words promised by a header."""

    dim: int
    count: int | None


class RowError(ValueError):
    """What is wrong with one row, without the place."""


def is_empty(line: bytes) -> bool:
    """Return whether a line holds nothing but spaces and tabs."""
    return not line.strip(b" \t")


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
            (i for i, field in enumerate(reversed(fields)) if not NUMBER.fullmatch(field)),
            len(fields),
        )
        counts[run] += not is_empty(row)
    return counts.most_common(1)[0][0]


def split_row(line: bytes, dim: int) -> tuple[bytes, bytes]:
    """Split a row from the right: the last `dim` fields are numbers, the rest is the token."""
    if b"\t" not in line and line.count(b" ") == dim:
        token, numbers = line.split(b" ", 1)
        # An empty field would stand among the numbers, where the parser stumbles over it.
        if b"\r" not in token:
            return token, numbers
    refuse_odd_separators(line)
    plain = line.replace(b"\t", b" ")  # one byte for one byte: positions stay the same
    parts = plain.rsplit(b" ", dim)
    if len(parts) != dim + 1:
        raise RowError(
            f"{len(parts)} fields, expected a word and {dim} numbers; the line is cut or damaged"
        )
    token, numbers = line[: len(parts[0])], plain[len(parts[0]) + 1 :]
    if parts[0].startswith(b" "):
        raise RowError(
            f"a space or tab before the word leaves an empty field in {_excerpt(line)}; remove it"
        )
    extra = parts[0].split(b" ")[1:]
    # "world war 2 0.1 0.2" is a token that ends in a number; "word 0.3 0.1 0.2" has a coordinate
    # too many. What may be a coordinate by its looks is one: an error, not a guess.
    decimals = all(b"." in number for number in numbers.split(b" "))
    if extra and NUMBER.fullmatch(extra[-1]) and (b"." in extra[-1] or not decimals):
        raise RowError(
            f"{dim + len(extra) + 1} fields, expected a word and {dim} numbers; if "
            f"{token[:60].decode('utf-8', 'replace')!r} is one word, join its parts with '_'"
        )
    return token, numbers


def refuse_odd_separators(line: bytes) -> None:
    """Refuse an empty line, a carriage return, and separators that leave an empty field."""
    if b"\r" in line:
        raise RowError(CARRIAGE_RETURN)
    if is_empty(line):
        raise RowError(EMPTY_LINE)
    plain = line.replace(b"\t", b" ") if b"\t" in line else line
    gap = plain.find(b"  ")
    if gap >= 0:
        near = line[max(0, gap - 30) :]
        raise RowError(
            f"a double space (or tab) leaves an empty field in {_excerpt(near)}; fields are "
            "separated by one space or one tab: replace each run of them by one "
            "(tr -s ' \\t' ' ' < old > new)"
        )
    if plain.endswith(b" "):
        raise RowError(
            f"a space or tab too many at the end leaves an empty field in {_excerpt(line)}; "
            "remove it"
        )


def _excerpt(line: bytes) -> str:
    return shown(line[:120].decode("utf-8", errors="replace"), 60)
