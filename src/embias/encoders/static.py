"""Word vectors looked up in a table."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embias.encoders import _adapt
from embias.encoders._items import as_items, quoted, unique
from embias.encoders._options import as_id, as_notes, as_optional_text, as_path
from embias.encoders._show import plain, printable_id
from embias.encoders.vector_files import is_normalized, read_vectors
from embias.errors import InputError, VectorError
from embias.types import EncoderInfo, Stimulus

__all__ = ["StaticEncoder"]

Float32Array = NDArray[np.float32]


class StaticEncoder:
    """A fixed table of word vectors; a look-up is exact (no lower-casing, no trimming).

    Parameters
    ----------
    words : iterable of str
        The names of the rows, each once, not empty.
    vectors : array_like, shape (n, d)
        One row of finite numbers per word; copied as float32. A zero row is allowed, but its
        word counts as missing, because a zero vector has no direction.
    id : str
        The name of the encoder in results.
    weights : str, optional
        Official name of the pretrained vectors, such as ``"word2vec-googlenews"``.
    revision : str, optional
        What pins the vectors; by default ``"sha256:"`` and 16 hex digits over words and vectors.
    notes : iterable of str
        What a reader of a result must know about the vectors.

    Raises
    ------
    InputError
        When words repeat or are not text, there are none, or the numbers do not match them.
    VectorError
        When a coordinate is NaN or infinite (in float32).
    """

    def __init__(
        self,
        words: Iterable[str],
        vectors: ArrayLike,
        *,
        id: str,
        weights: str | None = None,
        revision: str | None = None,
        notes: Iterable[str] = (),
    ) -> None:
        id = as_id(id)
        who = plain(id)
        checked = as_notes(notes)
        as_optional_text("weights", weights)
        as_optional_text("revision", revision)
        listed = _adapt.as_words(words, who)
        matrix = _adapt.as_matrix(vectors, listed, who)
        self._set_up(listed, matrix, id=id, weights=weights, revision=revision, notes=checked)

    def _set_up(
        self,
        words: tuple[str, ...],
        vectors: Float32Array,
        *,
        id: str,
        weights: str | None,
        revision: str | None,
        notes: tuple[str, ...],
    ) -> None:
        """Take over words and an array of our own that have been checked."""
        vectors.flags.writeable = False
        self._words = words
        self._vectors = vectors
        self._rows = {word: row for row, word in enumerate(words)}
        self._zero = frozenset(words[row] for row in np.flatnonzero(~vectors.any(axis=1)))
        self._id, self._weights, self._revision = id, weights, revision
        self._who = plain(id)
        self._notes = notes
        self._libraries = {"numpy": np.__version__}

    @classmethod
    def from_file(
        cls,
        path: str | PathLike[str],
        *,
        id: str | None = None,
        format: str | None = None,
        encoding_errors: str = "strict",
        weights: str | None = None,
    ) -> StaticEncoder:
        """Read the vectors from a file.

        Parameters
        ----------
        path : str or os.PathLike
            A word2vec or GloVe text file, word2vec binary, or safetensors with a word list.
        id : str, optional
            By default the name of the file; characters that cannot be printed are escaped.
        format, encoding_errors
            As for :func:`~embias.encoders.vector_files.read_vectors`.
        weights : str, optional
            Official name of the pretrained vectors.

        Returns
        -------
        StaticEncoder
            What the reader counted (repeated words, for example) stands in ``info.notes``.

        Raises
        ------
        DataFileError
            When the file cannot be read or is malformed.
        InputError
            When `path` is not a path, or an option breaks its rule.
        """
        name = printable_id(as_path(path, "path").name) if id is None else as_id(id)
        as_optional_text("weights", weights)
        table = read_vectors(path, format=format, encoding_errors=encoding_errors)
        encoder = cls.__new__(cls)
        encoder._set_up(
            table.words,
            table.vectors,
            id=name,
            weights=weights,
            revision=None,
            notes=table.notes,
        )
        return encoder

    @classmethod
    def from_dict(cls, mapping: Mapping[str, ArrayLike], *, id: str = "dict") -> StaticEncoder:
        """Take the vectors from a mapping of word to vector.

        Parameters
        ----------
        mapping : mapping of str to array_like, shape (d,)
            Copied: later changes to it do not reach the encoder.
        id : str
            The name of the encoder in results.

        Returns
        -------
        StaticEncoder

        Raises
        ------
        InputError
            When it is empty, a key is not text, or a value is not a row of d numbers.
        VectorError
            When dimensions differ or a coordinate is not finite; the word is named.
        """
        words, rows = _adapt.from_mapping(mapping, plain(as_id(id)))
        return cls(words, rows, id=id)

    @classmethod
    def from_keyed_vectors(cls, kv: Any, *, id: str = "keyedvectors") -> StaticEncoder:
        """Take the vectors from a gensim (4 or later) ``KeyedVectors``.

        Parameters
        ----------
        kv : gensim.models.KeyedVectors
            Or any object with ``key_to_index`` and ``vectors``. Vectors are copied. A fastText
            object gives the words of its vocabulary only, none synthesised from n-grams.
        id : str
            The name of the encoder in results.

        Returns
        -------
        StaticEncoder

        Raises
        ------
        InputError
            When the object has no ``key_to_index`` and ``vectors``, or a key is not text.
        VectorError
            When a coordinate is not finite; the word is named.
        """
        words, rows, notes, libraries = _adapt.from_keyed_vectors(kv, plain(as_id(id)))
        encoder = cls(words, rows, id=id, notes=notes)
        encoder._libraries.update(libraries)
        return encoder

    @classmethod
    def from_dataframe(cls, frame: Any, *, id: str = "dataframe") -> StaticEncoder:
        """Take the vectors from a pandas ``DataFrame`` whose index holds the words.

        Parameters
        ----------
        frame : pandas.DataFrame, shape (n, d)
            Numeric columns, one word a row; copied.
        id : str
            The name of the encoder in results.

        Returns
        -------
        StaticEncoder

        Raises
        ------
        InputError
            When an index label is not text or repeats, or a column is not numeric.
        VectorError
            When a coordinate is not finite; the word is named.
        """
        words, rows = _adapt.from_dataframe(frame, plain(as_id(id)))
        return cls(words, rows, id=id)

    @cached_property
    def info(self) -> EncoderInfo:
        """How the vectors are made (the content hash is computed on first use)."""
        revision = self._revision
        if revision is None:
            revision = "sha256:" + _adapt.content_hash(self._words, self._vectors)[:16]
        return EncoderInfo(
            id=self._id,
            kind="static",
            dim=self._vectors.shape[1],
            weights=self._weights,
            revision=revision,
            normalized=is_normalized(self._vectors),
            libraries=dict(self._libraries),
            notes=self._notes,
        )

    @property
    def words(self) -> tuple[str, ...]:
        """The words, in the order of the rows."""
        return self._words

    @property
    def vectors(self) -> Float32Array:
        """The vectors, shape ``(n, d)``, float32, read-only."""
        return self._vectors

    def encode(self, items: Sequence[Stimulus], *, progress: bool = False) -> Float32Array:
        """Look the words up.

        Parameters
        ----------
        items : sequence of str
            Words, exactly as they stand in the table.
        progress : bool
            Without effect: a look-up is quick.

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
        """
        listed = as_items(items, self._who)
        unknown = [item for item in unique(listed) if item not in self._rows]
        if unknown:
            raise InputError(
                f"{self._who}: no vector for {quoted(unknown)} (a look-up is exact: case and "
                "spaces count, words in context have none); ask missing(items) first and leave "
                "these out"
            )
        zero = [item for item in unique(listed) if item in self._zero]
        if zero:
            raise VectorError(
                f"{self._who}: the vector of {quoted(zero)} is zero and has no direction; ask "
                "missing(items) first and leave these out"
            )
        rows = [self._rows[str(item)] for item in listed]
        return self._vectors[np.array(rows, dtype=np.intp)]

    def missing(self, items: Sequence[Stimulus]) -> list[Stimulus]:
        """Return the items without a vector that has a direction.

        Parameters
        ----------
        items : sequence of str or InContext
            What is to be encoded.

        Returns
        -------
        list
            Words not in the table, words whose vector is zero, and every ``InContext``; in
            order of first appearance, each once; :meth:`why_missing` says why of each.
        """
        return [
            item
            for item in unique(as_items(items, self._who))
            if item not in self._rows or item in self._zero
        ]

    def why_missing(self, item: Stimulus) -> str:
        """Return why an item is missing.

        Parameters
        ----------
        item : str or InContext
            One of those that :meth:`missing` returns.

        Returns
        -------
        str
            ``"zero vector"``: the word stands in the table, with a vector that has no direction.
            ``"no vector as written; the vocabulary has it in another Unicode form"``: the table
            has a word that looks the same, composed of other code points (NFC and NFD, an accent
            as a part of its letter or after it); normalise one of the two. ``"no vector"``:
            anything else, and every ``InContext``.

        Raises
        ------
        InputError
            When the item is not missing, or is no stimulus.
        """
        (checked,) = as_items([item], self._who)
        if not isinstance(checked, str):
            return "no vector"
        if checked in self._zero:
            return "zero vector"
        if checked in self._rows:
            raise InputError(
                f"{self._who}: {quoted([checked])} has a vector, so there is no reason why it is "
                "missing; ask only for what missing(items) returns"
            )
        if unicodedata.normalize("NFC", checked) in self._composed:
            return "no vector as written; the vocabulary has it in another Unicode form"
        return "no vector"

    @cached_property
    def _composed(self) -> frozenset[str]:
        # The plain words too: a letter such as the Kelvin sign is another form of an ASCII one.
        return frozenset(
            word if word.isascii() else unicodedata.normalize("NFC", word) for word in self._words
        )

    def __contains__(self, word: object) -> bool:
        """Return whether the word is in the table."""
        return word in self._rows

    def __len__(self) -> int:
        """Return the number of words."""
        return len(self._words)

    def __repr__(self) -> str:
        """Return a one-line summary."""
        n, d = self._vectors.shape
        return f"StaticEncoder(id={self._id!r}, {n} words, {d} coordinates)"
