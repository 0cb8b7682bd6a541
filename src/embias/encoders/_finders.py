"""The ways to get the vectors of some words out of a file, one for each kind of file."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Protocol

from embias.encoders._file_hash import FileStamp, HashedStream, sha256_of
from embias.encoders._file_index import FileIndex, index_path
from embias.encoders._safetensors_format import (
    find_in_safetensors,
    open_tensor,
    vocabulary_of,
)
from embias.encoders._scan import Kept, RowFormat, take_rows
from embias.encoders._scan_binary import BinaryRows
from embias.encoders._scan_text import TextRows
from embias.encoders._show import at
from embias.encoders._sources import open_source
from embias.encoders._table import Float32Array
from embias.encoders.vector_files import detect_format, read_vectors
from embias.errors import DataFileError

ASKED_NOTE = "only the words asked for were read; the other rows were counted, not checked"
_NO_INDEX_NOTE = "the index of the file could not be written ({}), so the next run scans it again"
_ROWS: dict[str, type[TextRows] | type[BinaryRows]] = {
    "text": TextRows,
    "word2vec-binary": BinaryRows,
}


class Finder(Protocol):
    """What an encoder needs of a file."""

    dim: int
    sha256: str
    notes: tuple[str, ...]
    normalized: bool | None

    def fetch(self, words: Collection[str]) -> dict[str, Float32Array]:
        """Return the vectors of those words that the file has."""
        ...


def watched(path: Path, format: str) -> tuple[Path, ...]:
    """Return the files that the vectors come from."""
    return (path, vocabulary_of(path)) if format == "safetensors" else (path,)


def format_of(path: Path, format: str | None) -> str:
    """Return the format of a file that can be opened and is not empty."""
    with open_source(path) as source:
        if not source.head:
            raise DataFileError(f"{at(path)}: the file is empty; get it anew")
        return format or detect_format(source)


def open_finder(
    path: Path, format: str, encoding_errors: str, index_dir: Path | None, stamp: FileStamp
) -> Finder:
    """Return what finds words in a file.

    Raises
    ------
    DataFileError
        When the file is malformed as far as it is looked at.
    """
    if format == "safetensors":
        return SafetensorsFinder(path, encoding_errors)
    if format not in _ROWS:
        return TableFinder(path, format, encoding_errors)
    form = _ROWS[format](path, encoding_errors)
    with open_source(path) as source:
        if source.size is None:
            return StreamFinder(form, form.dim_of(source))
    place = None
    if index_dir is not None:
        place = index_path(index_dir, path, format, encoding_errors)
    return SeekFinder(form, stamp, place)


class SeekFinder:
    """Rows of an uncompressed text or binary file, reached through an index.

    The index comes from `place`, else from one pass over the file, after which it is put there.
    """

    def __init__(self, form: RowFormat, stamp: FileStamp, place: Path | None) -> None:
        self._form = form
        notes: tuple[str, ...] = (ASKED_NOTE,)
        index = None if place is None else FileIndex.load(place, stamp)
        if index is None:
            index = self._scan(stamp)
            reason = None if place is None else index.save(place)
            if reason is not None:
                notes = (*notes, _NO_INDEX_NOTE.format(reason))
        self._index = index
        self.dim, self.sha256 = index.dim, index.sha256
        self.notes: tuple[str, ...] = (*index.notes, *notes)
        self.normalized: bool | None = None

    def _scan(self, stamp: FileStamp) -> FileIndex:
        with open_source(self._form.path) as source:
            with HashedStream(source.stream) as hashed:
                scan = self._form.scan(hashed.source(source), None)
            stamp.refuse_change(self._form.path)
            return FileIndex.from_scan(scan, stamp, hashed.hexdigest())

    def fetch(self, words: Collection[str]) -> dict[str, Float32Array]:
        """Return the vectors of those words that the file has."""
        form, index = self._form, self._index
        keys = {form.key(word) for word in words}
        rows = index.rows_of(keys)
        if not rows:
            return {}
        with open_source(form.path) as source:
            places = ((index.first + row, int(index.offsets[row])) for row in rows)
            read = (Kept(n, form.read_at(source.stream, offset, self.dim)) for n, offset in places)
            # Two words may have one checksum.
            candidates = (row for row in read if form.key_of(row.raw) in keys)
            return take_rows(form, candidates, words, self.dim)


class StreamFinder:
    """Rows of a compressed file, which is passed over once for every new set of words."""

    def __init__(self, form: RowFormat, dim: int) -> None:
        self._form = form
        self.dim = dim
        self.sha256 = sha256_of([form.path])
        self.notes: tuple[str, ...] = (ASKED_NOTE,)
        self.normalized: bool | None = None

    def fetch(self, words: Collection[str]) -> dict[str, Float32Array]:
        """Return the vectors of those words that the file has."""
        with open_source(self._form.path) as source:
            scan = self._form.scan(source, frozenset(self._form.key(word) for word in words))
            return take_rows(self._form, scan.kept, words, self.dim)


class SafetensorsFinder:
    """Rows of a tensor; the word list beside it is passed over for every new set of words."""

    def __init__(self, path: Path, encoding_errors: str) -> None:
        self._path = path
        self._encoding_errors = encoding_errors
        with open_tensor(path) as tensor:
            self.dim = tensor.dim
        self.sha256 = sha256_of([path, vocabulary_of(path)])
        self.notes: tuple[str, ...] = (ASKED_NOTE,)
        self.normalized: bool | None = None

    def fetch(self, words: Collection[str]) -> dict[str, Float32Array]:
        """Return the vectors of those words that the file has."""
        return find_in_safetensors(self._path, words, self._encoding_errors)


class TableFinder:
    """A file of a format that is only read as a whole."""

    def __init__(self, path: Path, format: str, encoding_errors: str) -> None:
        table = read_vectors(path, format=format, encoding_errors=encoding_errors)
        self._rows = {word: row for row, word in enumerate(table.words)}
        self._vectors = table.vectors
        self.dim = table.vectors.shape[1]
        self.sha256 = sha256_of([path])
        self.notes = table.notes
        self.normalized: bool | None = table.normalized

    def fetch(self, words: Collection[str]) -> dict[str, Float32Array]:
        """Return the vectors of those words that the file has."""
        return {word: self._vectors[self._rows[word]] for word in words if word in self._rows}
