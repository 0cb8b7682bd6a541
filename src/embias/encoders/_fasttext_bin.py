"""Reads fastText's own .bin format: header, vocabulary, and a mapped matrix of rows."""

from __future__ import annotations

import mmap
import os
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embias.encoders._show import at
from embias.encoders._sources import FASTTEXT_BIN
from embias.errors import DataFileError

Float32Array = NDArray[np.float32]

_NEWEST_VERSION = 12
_SUPERVISED = 3
_LONGEST_WORD = 1 << 20
_END_OF_LINE = b"</s>"
_WORD, _LABEL = 0, 1


@dataclass(frozen=True, slots=True)
class Subwords:
    """How words are split: n-grams of `min_n` to `max_n` characters, hashed into `bucket` rows."""

    min_n: int
    max_n: int
    bucket: int

    def rows(self, word: bytes) -> list[int]:
        """Return the buckets of the n-grams of a word (UTF-8), one for each n-gram.

        This is ``Dictionary::computeSubwords``: characters of ``<word>``, with single ``<`` and
        ``>`` left out. The mark for the end of a line has none.
        """
        if self.bucket < 1 or word == _END_OF_LINE:
            return []
        text = b"<" + word + b">"
        # A character starts at every byte that does not continue one.
        starts = [i for i, byte in enumerate(text) if byte & 0xC0 != 0x80] + [len(text)]
        count = len(starts) - 1
        return [
            _hash(text[starts[first] : starts[first + size]]) % self.bucket
            for first in range(count)
            for size in range(max(1, self.min_n), min(self.max_n, count - first) + 1)
            if not (size == 1 and first in (0, count - 1))
        ]


def _hash(ngram: bytes) -> int:
    """Return fastText's FNV-1a of 32 bits, in which a byte is a signed char (the quirk)."""
    value = 2166136261
    for byte in ngram:
        value = ((value ^ (byte if byte < 128 else byte | 0xFFFFFF00)) * 16777619) & 0xFFFFFFFF
    return value


@dataclass(frozen=True, slots=True, eq=False)
class FastTextFile:
    """An open model: the vocabulary in memory, the rows of words and buckets on disk."""

    words: dict[bytes, int]
    subwords: Subwords
    matrix: Float32Array


def open_fasttext(path: Path) -> FastTextFile:
    """Read header and vocabulary, check every claim against the size of the file, map the rows.

    Raises
    ------
    DataFileError
        When the file is no such model, is quantised or pruned, is cut short (anywhere) or is
        longer than it says.
    """
    if not os.path.isfile(path):
        raise DataFileError(f"{at(path)}: no such file; check the path of the fastText model")
    try:
        with path.open("rb") as file:
            if not file.read(4) == FASTTEXT_BIN:
                raise DataFileError(
                    f"{at(path)}: is not a fastText .bin model (its first bytes are others); give "
                    "the unpacked .bin file, or read .vec and other tables with StaticEncoder"
                )
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return _parse(path, _Cursor(path, data))
    except (OSError, OverflowError) as error:
        raise DataFileError(f"{at(path)}: cannot be read ({error}); check the file") from error


class _Cursor:
    """Reads numbers and words one after the other; running out of bytes is a DataFileError."""

    def __init__(self, path: Path, data: mmap.mmap) -> None:
        self.path, self.data = path, data
        self.size = len(data)
        self.at = 0

    def take(self, layout: str, what: str) -> tuple[int, ...]:
        layout = "<" + layout
        size = struct.calcsize(layout)
        if self.size - self.at < size:
            raise self.cut(what)
        self.at += size
        numbers: tuple[int, ...] = struct.unpack_from(layout, self.data, self.at - size)
        return numbers

    def word(self, number: int) -> bytes:
        stop = self.data.find(b"\0", self.at, self.at + _LONGEST_WORD)
        if stop < 0:
            raise self.cut(f"word {number} of the vocabulary")
        word = self.data[self.at : stop]
        self.at = stop + 1
        return word

    def cut(self, what: str) -> DataFileError:
        return DataFileError(
            f"{at(self.path)}: byte {self.at}: {what} is cut short; the file is incomplete or "
            "damaged: get the whole file"
        )

    def wrong(self, what: str) -> DataFileError:
        return DataFileError(
            f"{at(self.path)}: byte {self.at}: {what}; the file is damaged: get it anew"
        )


def _parse(path: Path, cursor: _Cursor) -> FastTextFile:
    dim, subwords = _header(cursor)
    words, n_words = _vocabulary(cursor)
    offset, rows = _matrix(cursor, dim, "the matrix of words and n-grams")
    if rows != n_words + subwords.bucket:
        raise cursor.wrong(
            f"the matrix has {rows} rows, expected {n_words} words and {subwords.bucket} buckets"
        )
    # Only to know that the file is whole: the output layer plays no part in word vectors.
    _matrix(cursor, None, "the output matrix")
    if cursor.at != cursor.size:
        raise cursor.wrong(f"{cursor.size - cursor.at} bytes are left after the model")
    matrix: Float32Array = np.memmap(path, dtype="<f4", mode="r", offset=offset, shape=(rows, dim))
    return FastTextFile(words, subwords, matrix)


def _header(cursor: _Cursor) -> tuple[int, Subwords]:
    _, version = cursor.take("ii", "the header")
    if not 0 < version <= _NEWEST_VERSION:
        raise cursor.wrong(f"version {version} of the format is not known")
    dim, *_, model, bucket, min_n, max_n, _ = cursor.take("12i", "the header")
    cursor.take("d", "the header")
    if dim < 1 or bucket < 0 or min_n < 0 or max_n < 0:
        raise cursor.wrong(f"{dim} coordinates, {bucket} buckets, n-grams {min_n} to {max_n}")
    if version == 11 and model == _SUPERVISED:
        max_n = 0  # these models were trained without n-grams, whatever their header says
    return dim, Subwords(min_n, max_n, bucket)


def _vocabulary(cursor: _Cursor) -> tuple[dict[bytes, int], int]:
    size, n_words, n_labels = cursor.take("3i", "the vocabulary")
    _, pruned = cursor.take("2q", "the vocabulary")
    if min(size, n_words, n_labels) < 0 or size != n_words + n_labels or n_words < 1:
        raise cursor.wrong(f"{size} entries of {n_words} words and {n_labels} labels")
    if size * 10 > cursor.size - cursor.at:
        raise cursor.cut(f"the vocabulary of {size} entries")
    words: dict[bytes, int] = {}
    for index in range(size):
        word = cursor.word(index + 1)
        _, kind = cursor.take("qb", f"entry {index + 1} of the vocabulary")
        if kind != (_WORD if index < n_words else _LABEL):
            raise cursor.wrong(f"entry {index + 1} of the vocabulary has the type {kind}")
        if index < n_words:
            words.setdefault(word, index)
    if pruned >= 0:
        raise _quantised(cursor)
    return words, n_words


def _matrix(cursor: _Cursor, dim: int | None, what: str) -> tuple[int, int]:
    """Step over a matrix; return where its numbers begin and how many rows it has."""
    (quantised,) = cursor.take("b", what)
    if quantised:
        raise _quantised(cursor)
    rows, columns = cursor.take("2q", what)
    if rows < 0 or columns < 1 or (dim is not None and columns != dim):
        raise cursor.wrong(f"{what} has {rows} rows of {columns} numbers")
    if rows * columns * 4 > cursor.size - cursor.at:
        raise cursor.cut(f"{what} of {rows} rows of {columns} numbers")
    offset = cursor.at
    cursor.at += rows * columns * 4
    return offset, rows


def _quantised(cursor: _Cursor) -> DataFileError:
    return DataFileError(
        f"{at(cursor.path)}: is a quantised fastText model (.ftz): its vectors are approximations "
        "from a code book, and n-grams were left out; give the .bin model it was made from, or a "
        "function that asks fastText itself"
    )
