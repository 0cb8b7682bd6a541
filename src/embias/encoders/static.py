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
from embias.encoders._options import as_id, as_notes, as_optional_text, as_path
from embias.encoders._show import plain, printable_id
from embias.encoders._word_encoder import NO_VECTOR, WordEncoder
from embias.encoders.lookup import LookupPolicy, as_lookup
from embias.encoders.spacy_vectors import from_spacy, spacy_id
from embias.encoders.vector_files import is_normalized, read_vectors
from embias.types import EncoderInfo

__all__ = ["StaticEncoder"]

Float32Array = NDArray[np.float32]


class StaticEncoder(WordEncoder):
    """A fixed table of word vectors; a look-up is exact unless a policy says otherwise.

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
    lookup : LookupPolicy, optional
        In which other forms a word is looked for that does not stand in the table as written; by
        default in none. Every other way to make an encoder takes it too.

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
        lookup: LookupPolicy | None = None,
    ) -> None:
        id = as_id(id)
        who = plain(id)
        checked = as_notes(notes)
        as_optional_text("weights", weights)
        as_optional_text("revision", revision)
        listed = _adapt.as_words(words, who)
        matrix = _adapt.as_matrix(vectors, listed, who)
        self._set_up(
            listed,
            matrix,
            id=id,
            weights=weights,
            revision=revision,
            notes=checked,
            lookup=as_lookup(lookup),
        )

    def _set_up(
        self,
        words: tuple[str, ...],
        vectors: Float32Array,
        *,
        id: str,
        weights: str | None,
        revision: str | None,
        notes: tuple[str, ...],
        lookup: LookupPolicy,
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
        self._lookup = lookup
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
        lookup: LookupPolicy | None = None,
    ) -> StaticEncoder:
        """Read the vectors from a file.

        Parameters
        ----------
        path : str or os.PathLike
            A word2vec or GloVe text file, word2vec binary, safetensors or numpy array with a word
            list, or a Parquet table.
        id : str, optional
            By default the name of the file; characters that cannot be printed are escaped.
        format, encoding_errors
            As for :func:`~embias.encoders.vector_files.read_vectors`.
        weights : str, optional
            Official name of the pretrained vectors.
        lookup : LookupPolicy, optional
            As for the class.

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
        policy = as_lookup(lookup)
        table = read_vectors(path, format=format, encoding_errors=encoding_errors)
        encoder = cls.__new__(cls)
        encoder._set_up(
            table.words,
            table.vectors,
            id=name,
            weights=weights,
            revision=None,
            notes=table.notes,
            lookup=policy,
        )
        return encoder

    @classmethod
    def from_dict(
        cls,
        mapping: Mapping[str, ArrayLike],
        *,
        id: str = "dict",
        lookup: LookupPolicy | None = None,
    ) -> StaticEncoder:
        """Take the vectors from a mapping of word to vector.

        Parameters
        ----------
        mapping : mapping of str to array_like, shape (d,)
            Copied: later changes to it do not reach the encoder.
        id : str
            The name of the encoder in results.
        lookup : LookupPolicy, optional
            As for the class.

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
        return cls(words, rows, id=id, lookup=lookup)

    @classmethod
    def from_keyed_vectors(
        cls, kv: Any, *, id: str = "keyedvectors", lookup: LookupPolicy | None = None
    ) -> StaticEncoder:
        """Take the vectors from a gensim (4 or later) ``KeyedVectors``.

        Parameters
        ----------
        kv : gensim.models.KeyedVectors
            Or any object with ``key_to_index`` and ``vectors``. Vectors are copied. A fastText
            object gives the words of its vocabulary only, none synthesised from n-grams
            (:meth:`~embias.encoders.fasttext.FastTextEncoder.from_keyed_vectors` does).
        id : str
            The name of the encoder in results.
        lookup : LookupPolicy, optional
            As for the class.

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
        encoder = cls(words, rows, id=id, notes=notes, lookup=lookup)
        encoder._libraries.update(libraries)
        return encoder

    @classmethod
    def from_dataframe(
        cls, frame: Any, *, id: str = "dataframe", lookup: LookupPolicy | None = None
    ) -> StaticEncoder:
        """Take the vectors from a pandas ``DataFrame`` whose index holds the words.

        Parameters
        ----------
        frame : pandas.DataFrame, shape (n, d)
            Numeric columns, one word a row; copied.
        id : str
            The name of the encoder in results.
        lookup : LookupPolicy, optional
            As for the class.

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
        return cls(words, rows, id=id, lookup=lookup)

    @classmethod
    def from_spacy(
        cls, nlp: Any, *, id: str | None = None, lookup: LookupPolicy | None = None
    ) -> StaticEncoder:
        """Take the table of word vectors of a spaCy pipeline, without its context.

        Parameters
        ----------
        nlp : spacy.language.Language or spacy.vocab.Vocab
            With a table of vectors; they are copied. Several words may share a vector (pruned
            vectors); how many do is noted.
        id : str, optional
            By default language and name of the pipeline, such as ``"en_core_web_md"``.
        lookup : LookupPolicy, optional
            As for the class.

        Returns
        -------
        StaticEncoder

        Raises
        ------
        InputError
            When there is no such table, it is empty, or it is a floret table, which has no words.
        VectorError
            When a coordinate is not finite; the word is named.
        """
        name = spacy_id(nlp) if id is None else as_id(id)
        words, rows, notes, libraries = from_spacy(nlp, plain(name))
        encoder = cls(words, rows, id=name, notes=notes, lookup=lookup)
        encoder._libraries.update(libraries)
        return encoder

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
            lookup=self._lookup.describe(),
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

    def _has(self, form: str) -> bool:
        return form in self._rows

    def _is_zero(self, form: str) -> bool:
        return form in self._zero

    def _vectors_of(self, forms: Sequence[str]) -> Float32Array:
        return self._vectors[np.array([self._rows[form] for form in forms], dtype=np.intp)]

    def _dim(self) -> int:
        return int(self._vectors.shape[1])

    def _why_not_found(self, word: str) -> str:
        if unicodedata.normalize("NFC", word) in self._composed:
            return f"{NO_VECTOR} as written; the vocabulary has it in another Unicode form"
        return NO_VECTOR

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
