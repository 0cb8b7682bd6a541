"""Word vectors looked up in a file that is not loaded: only the words asked for are read."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from functools import cached_property
from os import PathLike

import numpy as np
from numpy.typing import NDArray

from embias.encoders._compose import Composable
from embias.encoders._file_hash import FileStamp
from embias.encoders._finders import Finder, format_of, open_finder, watched
from embias.encoders._items import as_items, quoted, unique
from embias.encoders._options import as_id, as_optional_text, as_path
from embias.encoders._show import plain, printable_id, shown
from embias.encoders.vector_files import FORMATS
from embias.errors import InputError, VectorError, did_you_mean
from embias.types import EncoderInfo, Stimulus

__all__ = ["VectorFileEncoder"]

Float32Array = NDArray[np.float32]


class VectorFileEncoder(Composable):
    """A file of word vectors of any size; a look-up is exact (no lower-casing, no trimming).

    The file is passed over once, which finds where each word stands; then only the rows of the
    words asked for are read, and kept. Rows that nobody asks for are counted but not checked,
    apart from the last one, by which a download that broke off is known. Compressed files, in
    which there is no seeking, are passed over once for each new set of words.

    Parameters
    ----------
    path : str or os.PathLike
        The file, as for :func:`~embias.encoders.vector_files.read_vectors`.
    id : str, optional
        By default the name of the file; characters that cannot be printed are escaped.
    format, encoding_errors
        As for :func:`~embias.encoders.vector_files.read_vectors`. Formats other than text,
        word2vec binary and safetensors are read as a whole.
    weights : str, optional
        Official name of the pretrained vectors.
    index_dir : str or os.PathLike, optional
        A folder, made where it does not exist, in which the places of the words are kept (16
        bytes a word): another encoder of the same file, told by size and time of change, then
        needs no pass. What lies there is never trusted further than it fits: an index that is
        damaged or of another state of the file is written anew. Text and word2vec binary only.

    Raises
    ------
    DataFileError
        When the file is missing, empty, a pickle, or of no known format; later, when the file
        has changed, is malformed where it is looked at, or holds another number of rows than
        its header says.
    InputError
        When `path` is not a path, or an option breaks its rule.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        id: str | None = None,
        format: str | None = None,
        encoding_errors: str = "strict",
        weights: str | None = None,
        index_dir: str | PathLike[str] | None = None,
    ) -> None:
        self._path = as_path(path, "path")
        self._id = printable_id(self._path.name) if id is None else as_id(id)
        self._who = plain(self._id)
        self._weights = as_optional_text("weights", weights)
        self._index_dir = None if index_dir is None else as_path(index_dir, "index_dir")
        _check_option("encoding_errors", encoding_errors, ("strict", "replace"))
        if format is not None:
            _check_option("format", format, FORMATS)
        self._encoding_errors = encoding_errors
        self._format = format_of(self._path, format)
        self._stamps = {file: FileStamp.of(file) for file in watched(self._path, self._format)}
        self._rows: dict[str, Float32Array] = {}
        self._absent: set[str] = set()

    @cached_property
    def info(self) -> EncoderInfo:
        """How the vectors are made, the same whatever was asked for.

        `revision` is ``"sha256:"`` and 16 hex digits over the bytes of the file (of a
        safetensors file and its word list, one after the other); the first use reads the file.
        `normalized` is None where not all rows are read.
        """
        return EncoderInfo(
            id=self._id,
            kind="static",
            dim=self._finder.dim,
            weights=self._weights,
            revision=f"sha256:{self._finder.sha256[:16]}",
            normalized=self._finder.normalized,
            libraries={"numpy": np.__version__},
            notes=self._finder.notes,
        )

    def encode(self, items: Sequence[Stimulus], *, progress: bool = False) -> Float32Array:
        """Look the words up; those not asked for before are searched in the file together.

        Parameters
        ----------
        items : sequence of str
            Words, exactly as they stand in the file.
        progress : bool
            Without effect: a search is quick.

        Returns
        -------
        ndarray of float32, shape (len(items), d)
            One row per item, in order; a new array.

        Raises
        ------
        InputError
            When an item has no vector; all such items are named.
        VectorError
            When the vector of an item is zero.
        DataFileError
            When the file has changed, or a row that is asked for is malformed.
        """
        listed = as_items(items, self._who)
        distinct = unique(listed)
        self._fetch(item for item in distinct if isinstance(item, str))
        rows = {item: self._row_of(item) for item in distinct}
        unknown = [item for item, row in rows.items() if row is None]
        if unknown:
            raise InputError(
                f"{self._who}: no vector for {quoted(unknown)} (a look-up is exact: case and "
                "spaces count, words in context have none); ask missing(items) first and leave "
                "these out"
            )
        known = {item: row for item, row in rows.items() if row is not None}
        zero = [item for item, row in known.items() if not row.any()]
        if zero:
            raise VectorError(
                f"{self._who}: the vector of {quoted(zero)} is zero and has no direction; ask "
                "missing(items) first and leave these out"
            )
        if not listed:
            return np.empty((0, self._finder.dim), dtype=np.float32)
        return np.stack([known[item] for item in listed])

    def missing(self, items: Sequence[Stimulus]) -> list[Stimulus]:
        """Return the items without a vector that has a direction.

        Parameters
        ----------
        items : sequence of str or InContext
            What is to be encoded.

        Returns
        -------
        list
            Words not in the file, words whose vector is zero, and every ``InContext``; in
            order of first appearance, each once; :meth:`why_missing` says why of each.

        Raises
        ------
        DataFileError
            When the file has changed, or a row that is asked for is malformed.
        """
        listed = unique(as_items(items, self._who))
        self._fetch(item for item in listed if isinstance(item, str))
        return [item for item in listed if not self._has_direction(item)]

    def why_missing(self, item: Stimulus) -> str:
        """Return why an item is missing.

        Parameters
        ----------
        item : str or InContext
            One of those that :meth:`missing` returns.

        Returns
        -------
        str
            ``"zero vector"``: the word stands in the file, with a vector that has no direction.
            ``"no vector as written; the vocabulary has it in another Unicode form"``: the file
            has its composed (NFC) or decomposed (NFD) form; normalise one of the two.
            ``"no vector"``: anything else, and every ``InContext``.

        Raises
        ------
        InputError
            When the item is not missing, or is no stimulus.
        """
        (checked,) = as_items([item], self._who)
        if not isinstance(checked, str):
            return "no vector"
        self._fetch([checked])
        if self._has_direction(checked):
            raise InputError(
                f"{self._who}: {quoted([checked])} has a vector, so there is no reason why it is "
                "missing; ask only for what missing(items) returns"
            )
        if self._row_of(checked) is not None:
            return "zero vector"
        if any(self._row_of(form) is not None for form in _unicode_forms(checked)):
            return "no vector as written; the vocabulary has it in another Unicode form"
        return "no vector"

    def __repr__(self) -> str:
        """Return a one-line summary."""
        return f"VectorFileEncoder(id={self._id!r}, {self._format}, {len(self._rows)} words read)"

    @cached_property
    def _finder(self) -> Finder:
        self._refuse_change()
        stamp = self._stamps[self._path]
        path, format, errors = self._path, self._format, self._encoding_errors
        finder = open_finder(path, format, errors, self._index_dir, stamp)
        self._refuse_change()
        return finder

    def _fetch(self, forms: Iterable[str]) -> None:
        """Read the rows of all forms that are not known yet, in one search."""
        # The other Unicode forms of a word come along, so that why_missing() needs no search.
        wanted = dict.fromkeys(form for word in forms for form in (word, *_unicode_forms(word)))
        new = [form for form in wanted if form not in self._rows and form not in self._absent]
        possible = [form for form in new if form and _is_encodable(form)]
        if possible:
            finder = self._finder
            self._refuse_change()
            found = finder.fetch(possible)
            self._refuse_change()
            self._rows.update(found)
        self._absent.update(form for form in new if form not in self._rows)

    def _row_of(self, item: Stimulus) -> Float32Array | None:
        """Return the row of a word that was fetched, None when the file does not have it."""
        return self._rows.get(item) if isinstance(item, str) else None

    def _has_direction(self, item: Stimulus) -> bool:
        row = self._row_of(item)
        return row is not None and bool(row.any())

    def _refuse_change(self) -> None:
        for path, stamp in self._stamps.items():
            stamp.refuse_change(path)


def _unicode_forms(word: str) -> tuple[str, ...]:
    if word.isascii():
        return ()
    return unicodedata.normalize("NFC", word), unicodedata.normalize("NFD", word)


def _is_encodable(word: str) -> bool:
    try:
        word.encode("utf-8")
    except UnicodeEncodeError:  # a lone surrogate, which no file in UTF-8 holds
        return False
    return True


def _check_option(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise InputError(
            f"VectorFileEncoder: {name}={shown(value)}; {did_you_mean(str(value), known)}"
        )
