"""Collects rows of a vector file under the rules that all formats share."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embias.encoders._show import at, shown
from embias.errors import DataFileError

Float32Array = NDArray[np.float32]


class TableBuilder:
    """Growing table of words and float32 rows.

    Rows that are not finite and tokens that are not UTF-8 are errors that name the place. Empty
    tokens and repeated words are left out (of a repeated word the first row stays) and counted.
    """

    def __init__(self, path: Path, dim: int, *, unit: str, encoding_errors: str) -> None:
        self.path = path
        self.dim = dim
        self.unit = unit
        self.encoding_errors = encoding_errors
        #: The words in order; the dict also tells which are there already.
        self.words: dict[str, None] = {}
        self.empty = 0
        self.duplicates = 0
        self.replaced = 0
        self._rows: Float32Array = np.empty((0, dim), dtype=np.float32)

    def reserve(self, rows: int) -> None:
        """Make room for about `rows` rows in an empty table; room never used costs no memory."""
        # No room is no error: a file with a hole in it looks larger than it turns out to be.
        with suppress(MemoryError):
            self._rows = np.empty((rows, self.dim), dtype=np.float32)

    def add(self, tokens: Sequence[bytes], rows: Float32Array, places: Sequence[int]) -> None:
        """Add the rows of `tokens`; `places` are their line or record numbers, from 1."""
        self._check_finite(tokens, rows, places)
        kept: list[int] = []
        for index, token in enumerate(tokens):
            word = self._decode(token, places[index])
            if not word:
                self.empty += 1
            elif word in self.words:
                self.duplicates += 1
            else:
                self.words[word] = None
                kept.append(index)
        self._append(rows if len(kept) == len(tokens) else rows[kept])

    def finish(self) -> Float32Array:
        """Return all rows, shape ``(len(words), dim)``; the builder must not be used again."""
        self._rows.resize((len(self.words), self.dim), refcheck=False)
        return self._rows

    def notes(self) -> list[str]:
        """Return what was left out or changed, one sentence each."""
        notes = []
        if self.duplicates:
            notes.append(f"repeated words skipped, the first row of each kept: {self.duplicates}")
        if self.empty:
            notes.append(f"rows without a word skipped: {self.empty}")
        if self.replaced:
            notes.append(
                f"words with bytes that are not UTF-8, replaced by U+FFFD: {self.replaced}"
            )
        return notes

    def _append(self, rows: Float32Array) -> None:
        start = len(self.words) - len(rows)
        if len(self.words) > len(self._rows):
            # realloc often makes no copy, and what it adds is filled: a large step costs more.
            capacity = max(len(self.words), len(self._rows) * 9 // 8)
            self._rows.resize((capacity, self.dim), refcheck=False)
        self._rows[start : len(self.words)] = rows

    def _decode(self, token: bytes, place: int) -> str:
        try:
            return token.decode("utf-8")
        except UnicodeDecodeError as error:
            if self.encoding_errors == "replace":
                self.replaced += 1
                return token.decode("utf-8", errors="replace")
            raise DataFileError(
                f"{at(self.path)}: {self.unit} {place}: the word {token[:60]!r} is not UTF-8 (byte "
                f"0x{token[error.start]:02x} at position {error.start}); save the file as UTF-8 "
                'or read it with encoding_errors="replace"'
            ) from error

    def _check_finite(
        self, tokens: Sequence[bytes], rows: Float32Array, places: Sequence[int]
    ) -> None:
        finite = np.isfinite(rows)
        if finite.all():
            return
        index, column = (int(position) for position in np.argwhere(~finite)[0])
        word = tokens[index].decode("utf-8", errors="replace")
        raise DataFileError(
            f"{at(self.path)}: {self.unit} {places[index]}: coordinate {column + 1} of the word "
            f"{shown(word)} is {rows[index, column]} in float32, but coordinates must be finite; "
            "remove the row or repair the number"
        )
