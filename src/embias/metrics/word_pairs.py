"""Reads files of word or sentence pairs with human ratings, and finds their rows."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import dropwhile
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from embias.errors import DataFileError, InputError, did_you_mean
from embias.metrics._text_file import numbered_lines

__all__ = ["Columns", "WordPairs", "pair_rows", "read_word_pairs"]

#: First text, second text, rating: all by place from 0, or all by name in the header.
Columns: TypeAlias = tuple[int, int, int] | tuple[str, str, str]

_Row: TypeAlias = tuple[int, list[str]]


@dataclass(frozen=True, slots=True)
class WordPairs:
    """Pairs of texts with human ratings, in the order of a file.

    Attributes
    ----------
    first, second : tuple of str
        The two texts of each pair, as written.
    ratings : tuple of float
        In the file's own scale; larger is more similar.
    """

    first: tuple[str, ...]
    second: tuple[str, ...]
    ratings: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.ratings)


def read_word_pairs(
    path: str | os.PathLike[str],
    *,
    columns: Columns | None = None,
    delimiter: str | None = None,
) -> WordPairs:
    r"""Read pairs with ratings: WordSim-353, SimLex-999, MEN, STS and files like them.

    Parameters
    ----------
    path : path
        Text in UTF-8, one pair a line. Blank lines are left out, and so are lines
        with ``#`` before the first pair. A first row whose rating is no number is a header.
    columns : tuple of three int or str, optional
        Where the two texts and the rating stand, by place from 0 or by name in the header
        (``("sentence1", "sentence2", "score")``). By default the first two columns are the
        texts, and the rating is the first later column that is a number in every row (which
        passes over the part of speech in SimLex-999).
    delimiter : str, optional
        One character. By default a tab where the first line has one, else a semicolon, else a
        comma, else spaces. Quotation marks mean something only in files with commas or
        semicolons.

    Returns
    -------
    WordPairs

    Raises
    ------
    DataFileError
        A file that cannot be read, a row that is too short or whose rating is no finite number.
    InputError
        `columns` that do not exist, a `delimiter` of more than one character.
    """
    if delimiter is not None and len(delimiter) != 1:
        raise InputError(f"delimiter={delimiter!r}; give one character, such as ',' or '\\t'")
    place = Path(path)
    lines = list(
        dropwhile(
            lambda line: line[1].startswith("#"),
            numbered_lines(place, "a file of rated word pairs"),
        )
    )
    if not lines:
        raise DataFileError(f"{place}: holds only comments; give one pair a line")
    rows = _split(place, lines, delimiter)
    if columns is not None and isinstance(columns[0], str):
        where = _named(place, rows.pop(0)[1], columns)
    elif columns is not None:
        where = _placed(columns)
        if not _is_number(_cell(rows[0][1], where[2])):
            rows = rows[1:]
    else:
        # Other cells of a header may be numbers (WordSim-353 numbers its raters).
        rating = _rating_column(place, rows[1:] or rows)
        if not _is_number(_cell(rows[0][1], rating)):
            rows = rows[1:]
        where = (0, 1, rating)
    if not rows:
        raise DataFileError(f"{place}: has a header and no pair; give one pair a line")
    return _pairs(place, rows, where)


def pair_rows(pairs: WordPairs, lookup: Mapping[str, int]) -> NDArray[np.intp]:
    """Return the row of each word of each pair, -1 for a word that has none.

    Parameters
    ----------
    pairs : WordPairs
    lookup : mapping of str to int
        Word to row; words are looked up exactly as written. For other rules (lower case, say)
        give a mapping that follows them.

    Returns
    -------
    ndarray of int, shape (n, 2)
        For :func:`embias.metrics.word_similarity`.
    """
    rows = [
        (lookup.get(first, -1), lookup.get(second, -1))
        for first, second in zip(pairs.first, pairs.second, strict=True)
    ]
    return np.array(rows, dtype=np.intp).reshape(-1, 2)


def _split(place: Path, lines: Sequence[tuple[int, str]], delimiter: str | None) -> list[_Row]:
    if delimiter is None:
        delimiter = next((mark for mark in "\t;," if mark in lines[0][1]), " ")
    if delimiter == " ":
        return [(number, line.split()) for number, line in lines]
    if delimiter in ",;":
        texts = [line for _, line in lines]
        cells = csv.reader(texts, delimiter=delimiter, skipinitialspace=True)
        try:
            return [(lines[cells.line_num - 1][0], row) for row in cells]
        except csv.Error as error:
            raise DataFileError(f"{place}: is no table of {delimiter!r} cells ({error})") from error
    return [(number, line.split(delimiter)) for number, line in lines]


def _named(place: Path, header: Sequence[str], columns: Columns) -> tuple[int, int, int]:
    names = [name.strip() for name in header]
    missing = [name for name in columns if name not in names]
    if missing:
        raise InputError(
            f"{place}: no column {missing[0]!r}; {did_you_mean(str(missing[0]), names)}"
        )
    first, second, rating = (names.index(str(name)) for name in columns)
    return first, second, rating


def _placed(columns: Columns) -> tuple[int, int, int]:
    places = [place for place in columns if isinstance(place, int) and place >= 0]
    if len(places) != 3 or len(columns) != 3:
        raise InputError(
            f"columns={columns!r}; give three places from 0 on, or three names of the header"
        )
    return places[0], places[1], places[2]


def _cell(row: Sequence[str], place: int) -> str:
    return row[place].strip() if place < len(row) else ""


def _is_number(cell: str) -> bool:
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False


def _rating_column(place: Path, rows: Sequence[_Row]) -> int:
    """Return the first column after the texts that is a number in every row."""
    for column in range(2, max((len(row) for _, row in rows), default=0)):
        if all(_is_number(_cell(row, column)) for _, row in rows):
            return column
    # The row to complain of is the first in which no column can be the rating.
    number = next((n for n, row in rows if not any(map(_is_number, row[2:]))), rows[0][0])
    raise DataFileError(
        f"{place}: line {number}: no column after the two texts is a number in every row, so "
        "none is the rating; say where it stands with columns="
    )


def _pairs(place: Path, rows: Sequence[_Row], where: tuple[int, int, int]) -> WordPairs:
    first, second, ratings = [], [], []
    for number, row in rows:
        texts = [_cell(row, where[0]), _cell(row, where[1])]
        rating = _cell(row, where[2])
        if not all(texts):
            raise DataFileError(f"{place}: line {number}: a text of the pair is missing; mend it")
        if not _is_number(rating):
            raise DataFileError(
                f"{place}: line {number}: the rating {rating!r} is no finite number; mend it, or "
                "say where it stands with columns="
            )
        first.append(texts[0])
        second.append(texts[1])
        ratings.append(float(rating))
    return WordPairs(tuple(first), tuple(second), tuple(ratings))
