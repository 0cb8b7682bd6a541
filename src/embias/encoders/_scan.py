"""What passing over a vector file gives, whatever its format."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, NamedTuple, Protocol

from embias.encoders._sources import Source
from embias.encoders._table import Float32Array, TableBuilder


class Kept(NamedTuple):
    """A row as its bytes stand in the file, with its line or record number (from 1)."""

    place: int
    raw: bytes


@dataclass(slots=True, eq=False)
class Scan:
    """One pass over a file.

    `first` is the line or record number of the first row. Either `kept` holds the rows that were
    wanted, or `keys` and `offsets` the crc32 of the key and the place of every row.
    """

    dim: int
    first: int
    count: int
    notes: tuple[str, ...] = ()
    kept: list[Kept] = field(default_factory=list)
    keys: array[int] = field(default_factory=lambda: array("I"))
    offsets: array[int] = field(default_factory=lambda: array("q"))


class RowFormat(Protocol):
    """What a format must tell, so that single rows can be found."""

    unit: str
    path: Path
    encoding_errors: str

    def key(self, word: str) -> bytes:
        """Return what rows of a word are looked up by; a key may have rows of other words too."""
        ...

    def key_of(self, raw: bytes) -> bytes:
        """Return the key of a raw row."""
        ...

    def dim_of(self, source: Source) -> int:
        """Return the number of coordinates, from the beginning of a file."""
        ...

    def scan(self, source: Source, wanted: frozenset[bytes] | None) -> Scan:
        """Pass over the whole file; keep rows with a wanted key, or the places of all (None)."""
        ...

    def read_at(self, stream: IO[bytes], offset: int, dim: int) -> bytes:
        """Return the raw row that starts at an offset."""
        ...

    def token(self, row: Kept, dim: int) -> bytes:
        """Return the word of a raw row."""
        ...

    def parse(self, rows: Sequence[Kept], dim: int) -> tuple[list[bytes], Float32Array]:
        """Return the words and numbers of raw rows."""
        ...


def canonical(key: bytes) -> bytes:
    """Return a key with what is not UTF-8 replaced, as words are with that option."""
    return key.decode("utf-8", errors="replace").encode("utf-8")


def take_rows(
    form: RowFormat, candidates: Iterable[Kept], words: Collection[str], dim: int
) -> dict[str, Float32Array]:
    """Return the vectors of the words that are among some rows, under the rules of a full load.

    Parameters
    ----------
    form : RowFormat
        The format of the rows.
    candidates : iterable of Kept
        In the order of the file: of a repeated word the first row is taken.
    words : collection of str
        What is looked for.
    dim : int
        Numbers in a row.

    Returns
    -------
    dict of str to ndarray of float32, shape (dim,)

    Raises
    ------
    DataFileError
        When a row is malformed; the line or record is named.
    """
    left = set(words)
    taken: list[Kept] = []
    for row in candidates:
        # Under "strict" a token that is not UTF-8 stays unequal to any word, or is refused below.
        word = form.token(row, dim).decode("utf-8", errors="replace")
        if word in left:
            left.remove(word)
            taken.append(row)
        if not left:
            break
    return check_rows(form, taken, dim) if taken else {}


def check_rows(form: RowFormat, rows: Sequence[Kept], dim: int) -> dict[str, Float32Array]:
    """Parse rows and put them to the checks of a full load; rows without a word are left out."""
    tokens, numbers = form.parse(rows, dim)
    errors = form.encoding_errors
    table = TableBuilder(form.path, dim, unit=form.unit, encoding_errors=errors)
    table.add(tokens, numbers, [row.place for row in rows])
    return dict(zip(table.words, table.finish(), strict=True))
