"""Word vectors looked up in a file that is not loaded: only the words asked for are read."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import cached_property
from os import PathLike

import numpy as np
from numpy.typing import NDArray

from embias.encoders._file_hash import FileStamp
from embias.encoders._finders import Finder, format_of, open_finder, watched
from embias.encoders._options import as_id, as_optional_text, as_path
from embias.encoders._show import plain, printable_id, shown
from embias.encoders._word_encoder import NO_VECTOR, WordEncoder
from embias.encoders.lookup import LookupPolicy, as_lookup
from embias.encoders.vector_files import FORMATS
from embias.errors import InputError, did_you_mean
from embias.types import EncoderInfo

__all__ = ["VectorFileEncoder"]

Float32Array = NDArray[np.float32]


class VectorFileEncoder(WordEncoder):
    """A file of word vectors of any size, of which only the words asked for are read.

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
    lookup : LookupPolicy, optional
        In which other forms a word is looked for; by default exactly as written.
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
        lookup: LookupPolicy | None = None,
        index_dir: str | PathLike[str] | None = None,
    ) -> None:
        self._path = as_path(path, "path")
        self._id = printable_id(self._path.name) if id is None else as_id(id)
        self._who = plain(self._id)
        self._weights = as_optional_text("weights", weights)
        self._lookup = as_lookup(lookup)
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
            lookup=self._lookup.describe(),
            libraries={"numpy": np.__version__},
            notes=self._finder.notes,
        )

    def _has(self, form: str) -> bool:
        return form in self._rows

    def _is_zero(self, form: str) -> bool:
        return not self._rows[form].any()

    def _vectors_of(self, forms: Sequence[str]) -> Float32Array:
        return np.stack([self._rows[form] for form in forms])

    def _dim(self) -> int:
        return self._finder.dim

    def _why_not_found(self, word: str) -> str:
        if any(form in self._rows for form in _unicode_forms(word)):
            return f"{NO_VECTOR} as written; the vocabulary has it in another Unicode form"
        return NO_VECTOR

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

    def _prepare(self, words: Sequence[str]) -> None:
        """Read the rows of all forms that are not known yet, in one search."""
        # The other Unicode forms of a word come along, so that why_missing() needs no search.
        asked = (
            form for word in words for form in (*self._lookup.forms(word), *_unicode_forms(word))
        )
        new = [f for f in dict.fromkeys(asked) if f not in self._rows and f not in self._absent]
        possible = [form for form in new if form and _is_encodable(form)]
        if possible:
            finder = self._finder
            self._refuse_change()
            found = finder.fetch(possible)
            self._refuse_change()
            self._rows.update(found)
        self._absent.update(form for form in new if form not in self._rows)

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
