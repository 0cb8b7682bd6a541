"""fastText models: words of the vocabulary, and words made from their n-grams, told apart."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from embias.encoders import _adapt
from embias.encoders._fasttext_bin import FastTextFile, Subwords, open_fasttext
from embias.encoders._options import as_id, as_optional_text, as_path
from embias.encoders._show import plain, printable_id, shown
from embias.encoders._sources import FASTTEXT_BIN
from embias.encoders._versions import versions
from embias.encoders._word_encoder import NO_VECTOR, WordEncoder
from embias.encoders.lookup import Found, LookupPolicy, as_lookup
from embias.errors import DataFileError, InputError, did_you_mean
from embias.types import FROM_NGRAMS, EncoderInfo, Stimulus

__all__ = ["FastTextEncoder", "is_fasttext_file"]

Float32Array = NDArray[np.float32]
OutOfVocabulary = Literal["ngrams", "missing"]


class FastTextEncoder(WordEncoder):
    """Word vectors of a fastText ``.bin`` model, as fastText's ``get_word_vector`` gives them.

    The vector of a word of the vocabulary is the mean of its own row and the rows of its
    character n-grams; that of any other word the mean over its n-grams alone (Bojanowski et al.,
    "Enriching Word Vectors with Subword Information", TACL 2017). Such words are marked:
    :meth:`how_encoded` says ``"from n-grams"``. Only the vocabulary is read into memory; the rows
    stay in the file, which must not change while the encoder is in use.

    Parameters
    ----------
    path : str or os.PathLike
        The model, not compressed. Supervised models are read too (their labels are no words);
        quantised ones (``.ftz``) are refused.
    oov : {"ngrams", "missing"}
        What to do with a word outside the vocabulary.
    id : str, optional
        By default the name of the file.
    lookup : LookupPolicy, optional
        In which other forms a word is looked for in the vocabulary, before n-grams are used. The
        n-grams are those of the word as written.
    weights : str, optional
        Official name of the pretrained vectors.
    revision : str, optional
        What pins them; by default the hash of the whole file, computed when :attr:`info` is first
        asked for (some seconds for several GB).

    Raises
    ------
    DataFileError
        When the file does not exist, is no such model, is quantised, or is cut short anywhere.
    InputError
        When an option breaks its rule.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        oov: OutOfVocabulary = "ngrams",
        id: str | None = None,
        lookup: LookupPolicy | None = None,
        weights: str | None = None,
        revision: str | None = None,
    ) -> None:
        file = as_path(path, "path")
        self._options(oov, printable_id(file.name) if id is None else id, lookup, weights, revision)
        self._path: Path | None = file
        self._model = open_fasttext(file)
        # In a file the row of a word is only one part of its vector.
        self._composed: Float32Array | None = None
        self._libraries = versions("numpy")

    @classmethod
    def from_keyed_vectors(
        cls,
        kv: Any,
        *,
        oov: OutOfVocabulary = "ngrams",
        id: str = "fasttext",
        lookup: LookupPolicy | None = None,
        weights: str | None = None,
        revision: str | None = None,
    ) -> FastTextEncoder:
        """Take the vectors of a gensim (4 or later) ``FastTextKeyedVectors``.

        Parameters
        ----------
        kv : gensim.models.fasttext.FastTextKeyedVectors
            Its vectors and n-grams are copied.
        oov, id, lookup, weights, revision
            As for the class; the revision is by default a hash of the copied arrays.

        Raises
        ------
        InputError
            When the object has no n-grams, or an option breaks its rule.
        VectorError
            When a coordinate is not finite.
        """
        encoder = cls.__new__(cls)
        encoder._options(oov, id, lookup, weights, revision)
        who = encoder._who
        ngrams = getattr(kv, "vectors_ngrams", None)
        sizes = [getattr(kv, name, None) for name in ("min_n", "max_n", "bucket")]
        if not isinstance(ngrams, np.ndarray) or None in sizes:
            raise InputError(
                f"{who}: expected a gensim FastTextKeyedVectors with n-grams, got "
                f"{type(kv).__name__}; pass model.wv of a FastText model, or use "
                "StaticEncoder.from_keyed_vectors"
            )
        subwords = Subwords(*(int(size) for size in sizes if size is not None))
        words, rows, _, libraries = _adapt.from_keyed_vectors(kv, who)
        if ngrams.shape != (subwords.bucket, rows.shape[1]):
            raise InputError(
                f"{who}: the n-grams have the shape {ngrams.shape}, expected "
                f"{(subwords.bucket, rows.shape[1])}; save and load the model anew"
            )
        index = {word.encode("utf-8", "surrogatepass"): row for row, word in enumerate(words)}
        copied = np.array(ngrams, dtype=np.float32, order="C", copy=True)
        encoder._model = FastTextFile(index, subwords, copied)
        encoder._composed = rows
        encoder._path = None
        encoder._libraries = versions("numpy") | libraries
        return encoder

    def _options(
        self,
        oov: Any,
        id: str,
        lookup: LookupPolicy | None,
        weights: str | None,
        revision: str | None,
    ) -> None:
        if oov not in get_args(OutOfVocabulary):
            raise InputError(
                f"FastTextEncoder: oov={shown(oov)}; "
                f"{did_you_mean(str(oov), get_args(OutOfVocabulary))}"
            )
        self._oov = oov
        self._id = as_id(id)
        self._who = plain(self._id)
        self._lookup = as_lookup(lookup)
        self._weights = as_optional_text("weights", weights)
        self._revision = as_optional_text("revision", revision)

    @cached_property
    def info(self) -> EncoderInfo:
        """How the vectors are made (the hash of the file is computed on first use)."""
        subwords = self._model.subwords
        looked = self._lookup.describe() or "exact"
        if self._oov == "ngrams":
            looked += ", else from n-grams"
        pooling = "word"
        if subwords.bucket and subwords.max_n:
            pooling = f"mean of word and n-grams of {subwords.min_n} to {subwords.max_n} characters"
        return EncoderInfo(
            id=self._id,
            kind="static",
            dim=self._dim(),
            weights=self._weights,
            revision=self._revision or self._content_hash(),
            pooling=pooling,
            lookup=looked,
            libraries=dict(self._libraries),
        )

    def _content_hash(self) -> str:
        if self._path is not None:
            try:
                with self._path.open("rb") as file:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
            except OSError as error:
                raise DataFileError(
                    f"{plain(self._path)}: cannot be read again ({error.strerror}); the model must "
                    "stay where it is while it is in use"
                ) from error
        else:
            parts = hashlib.sha256(repr((self._model.subwords, list(self._model.words))).encode())
            for array in (self._composed, self._model.matrix):
                parts.update(np.ascontiguousarray(array, dtype="<f4").data)
            digest = parts.hexdigest()
        return f"sha256:{digest[:16]}"

    def _has(self, form: str) -> bool:
        return _utf8(form) in self._model.words

    def _find(self, item: Stimulus) -> Found | None:
        found = super()._find(item)
        if found is None and isinstance(item, str) and self._ngrams(item):
            return Found((item,), FROM_NGRAMS)
        return found

    def _ngrams(self, word: str) -> list[int]:
        encoded = _utf8(word)
        if self._oov != "ngrams" or encoded is None or not word.strip():
            return []
        return self._model.subwords.rows(encoded)

    def _is_zero(self, form: str) -> bool:
        return not self._vector(form).any()

    def _vectors_of(self, forms: Sequence[str]) -> Float32Array:
        return np.stack([self._vector(form) for form in forms])

    def _vector(self, form: str) -> Float32Array:
        model = self._model
        encoded = form.encode("utf-8")
        word = model.words.get(encoded)
        if word is not None and self._composed is not None:
            composed: Float32Array = self._composed[word]
            return composed
        first = 0 if self._composed is not None else len(model.matrix) - model.subwords.bucket
        rows = [first + row for row in model.subwords.rows(encoded)]
        if word is not None:
            rows.insert(0, word)
        # In double precision, so that the order of the n-grams does not matter.
        mean: Float32Array = model.matrix[rows].mean(axis=0, dtype=np.float64).astype(np.float32)
        return mean

    def _dim(self) -> int:
        return int(self._model.matrix.shape[1])

    def _why_not_found(self, word: str) -> str:
        if self._oov == "missing":
            return f"{NO_VECTOR}: not in the vocabulary"
        return f"{NO_VECTOR}: not in the vocabulary, and without n-grams"

    def __contains__(self, word: object) -> bool:
        """Return whether the word is in the vocabulary, whether or not it has n-grams."""
        return isinstance(word, str) and self._has(word)

    def __len__(self) -> int:
        """Return the number of words of the vocabulary."""
        return len(self._model.words)

    def __repr__(self) -> str:
        """Return a one-line summary."""
        return f"FastTextEncoder(id={self._id!r}, {len(self)} words, {self._dim()} coordinates)"


def is_fasttext_file(path: str | os.PathLike[str]) -> bool:
    """Return whether a file starts as a fastText model (``.bin`` or ``.ftz``).

    Parameters
    ----------
    path : str or os.PathLike
        False also when there is no such file or it cannot be read.
    """
    if not os.path.isfile(path):
        return False
    try:
        with open(path, "rb") as file:
            return file.read(4) == FASTTEXT_BIN
    except OSError:
        return False


def _utf8(word: str) -> bytes | None:
    try:
        return word.encode("utf-8")
    except UnicodeEncodeError:  # half of a surrogate pair, which no file holds
        return None
