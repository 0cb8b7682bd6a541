"""Sentence pairs in the format of CrowS-Pairs, and which tokens the two sentences share."""

from __future__ import annotations

import csv
import difflib
import io
import os
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from embias.errors import DataFileError, InputError
from embias.metrics._text_file import read_text

__all__ = ["Direction", "SentencePair", "differing_tokens", "read_crows_pairs", "shared_tokens"]

Direction: TypeAlias = Literal["stereo", "antistereo"]

_COLUMNS = ("sent_more", "sent_less", "stereo_antistereo", "bias_type")


@dataclass(frozen=True, slots=True)
class SentencePair:
    """Two sentences that differ in the group they are about.

    Parameters
    ----------
    more, less : str
        The sentence that is more, and the one that is less stereotypical.
    bias_type : str
        ``"gender"``, ``"race-color"``, ...
    direction : {"stereo", "antistereo"}
        Whether the pair states a stereotype about a disadvantaged group or goes against one.

    Raises
    ------
    InputError
        A sentence or a type that is empty; a direction that does not exist.
    """

    more: str
    less: str
    bias_type: str = "all"
    direction: Direction = "stereo"

    def __post_init__(self) -> None:
        for name in ("more", "less", "bias_type"):
            value = getattr(self, name)
            if not isinstance(value, str) or not value.strip():
                raise InputError(f"SentencePair: {name} is {value!r:.60}; give a text")
        if self.direction not in get_args(Direction):
            raise InputError(
                f"SentencePair: direction is {self.direction!r:.60}; 'stereo' or 'antistereo'"
            )


def read_crows_pairs(path: str | os.PathLike[str]) -> tuple[SentencePair, ...]:
    """Read sentence pairs from a CSV file in the published format of CrowS-Pairs.

    Parameters
    ----------
    path : str or path
        A UTF-8 file with the columns ``sent_more``, ``sent_less``, ``stereo_antistereo``
        (``stereo`` or ``antistereo``) and ``bias_type``; other columns are left alone.

    Returns
    -------
    tuple of SentencePair
        In the order of the file, the sentences as they are written there.

    Raises
    ------
    DataFileError
        The file cannot be read, lacks a column or has a row that breaks a rule; the message names
        file, line, column and rule. Nothing is read by half.

    Notes
    -----
    The data themselves (Nangia et al. 2020, CC BY-SA 4.0) do not come with embias.
    """
    where, text = read_text(path, "the CSV file of CrowS-Pairs")
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        header = reader.fieldnames or []
        missing = [column for column in _COLUMNS if column not in header]
        if missing:
            raise DataFileError(
                f"{where}, line 1: no column {missing[0]!r}; the format has {', '.join(_COLUMNS)}"
            )
        repeated = [column for column in _COLUMNS if list(header).count(column) > 1]
        if repeated:
            raise DataFileError(f"{where}, line 1: two columns {repeated[0]!r}; keep one")
        pairs = tuple(_pair(row, f"{where}, line {reader.line_num}") for row in reader)
    except csv.Error as error:
        line = reader.reader.line_num
        raise DataFileError(f"{where}, line {line}: not CSV ({error})") from error
    if not pairs:
        raise DataFileError(f"{where}: no row below the header; give the file with its pairs")
    return pairs


def _pair(row: dict[str | None, str | None], where: str) -> SentencePair:
    if None in row:
        raise DataFileError(f"{where}: more fields than columns; quote a field that has a comma")
    for column in _COLUMNS:
        value = row[column]
        if value is None:
            raise DataFileError(f"{where}, column {column!r}: is missing; the row ends before it")
        if not value.strip():
            raise DataFileError(f"{where}, column {column!r}: is empty; give a text")
    direction = row["stereo_antistereo"]
    if direction not in get_args(Direction):
        raise DataFileError(
            f"{where}, column 'stereo_antistereo': {direction!r:.60}; 'stereo' or 'antistereo'"
        )
    more, less, kind = row["sent_more"], row["sent_less"], row["bias_type"]
    assert more is not None
    assert less is not None
    assert kind is not None
    return SentencePair(more, less, kind, "stereo" if direction == "stereo" else "antistereo")


def shared_tokens(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[list[int], list[int]]:
    """Return the positions of the tokens that two sequences have in common, in their order.

    By the alignment of the published code (Ratcliff & Obershelp, special tokens included).
    """
    blocks = _aligned(a, b).get_matching_blocks()
    return (
        [one.a + step for one in blocks for step in range(one.size)],
        [one.b + step for one in blocks for step in range(one.size)],
    )


def differing_tokens(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[list[int], list[int]]:
    """Return the positions of the tokens that each of two sequences has for itself."""
    in_a, in_b = (set(places) for places in shared_tokens(a, b))
    return (
        [at for at in range(len(a)) if at not in in_a],
        [at for at in range(len(b)) if at not in in_b],
    )


def _aligned(a: tuple[int, ...], b: tuple[int, ...]) -> difflib.SequenceMatcher[int]:
    # Without autojunk: in a long sentence it would leave frequent tokens out of the alignment.
    return difflib.SequenceMatcher(None, a, b, autojunk=False)
