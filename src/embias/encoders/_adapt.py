"""Turns what users hold (dict, KeyedVectors, DataFrame, arrays) into words and float32 rows."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embias.encoders._items import quoted
from embias.encoders._numbers import as_real
from embias.encoders._show import shown
from embias.encoders._versions import versions
from embias.errors import InputError, VectorError

Float32Array = NDArray[np.float32]


def as_words(words: Iterable[Any], who: str) -> tuple[str, ...]:
    """Return the words as plain str; refuse none at all, other types, empty ones, repeats."""
    if isinstance(words, (str, bytes)):
        raise InputError(f"{who}: words is one {type(words).__name__}; give a list of words")
    if not isinstance(words, Iterable):
        raise InputError(f"{who}: words is {shown(words)}; give a list of words")
    listed = list(words)
    if not listed:
        raise InputError(f"{who}: there are no words; give at least one word and its vector")
    wrong = [word for word in listed if not isinstance(word, str)]
    if wrong:
        raise InputError(
            f"{who}: words must be str, got {quoted(wrong)} of type {type(wrong[0]).__name__}; "
            "convert the names of the rows to text"
        )
    plain = tuple(str(word) for word in listed)
    if "" in plain:
        raise InputError(f"{who}: row {plain.index('')} has the empty word ''; remove it")
    if len(set(plain)) < len(plain):
        repeated = [word for word, count in Counter(plain).items() if count > 1]
        raise InputError(
            f"{who}: each word must stand once, repeated: {quoted(repeated)}; remove the repeats"
        )
    return plain


def as_matrix(vectors: ArrayLike, words: tuple[str, ...], who: str) -> Float32Array:
    """Return a float32 copy of shape (len(words), d) with finite coordinates."""
    raw = as_real(vectors, f"{who}: the vectors", words)
    if raw.ndim != 2 or raw.shape[0] != len(words) or raw.shape[1] < 1:
        raise InputError(
            f"{who}: {len(words)} words need vectors of shape ({len(words)}, d) with d >= 1, got "
            f"{raw.shape}"
        )
    with np.errstate(over="ignore"):  # beyond float32 becomes infinite and is refused below
        matrix = np.array(raw, dtype=np.float32, order="C", copy=True)
    finite = np.isfinite(matrix).all(axis=1)
    if not finite.all():
        bad = [words[row] for row in np.flatnonzero(~finite)]
        raise VectorError(
            f"{who}: the vector of {quoted(bad)} has coordinates that are NaN or infinite in "
            "float32; remove the word or repair its vector"
        )
    return matrix


def from_mapping(
    mapping: Mapping[str, ArrayLike], who: str
) -> tuple[tuple[str, ...], Float32Array]:
    """Return words and rows of a mapping, naming the word whose value is wrong."""
    if not isinstance(mapping, Mapping):
        raise InputError(
            f"{who}: mapping must be a mapping of word to vector, got {type(mapping).__name__}; "
            "give a dict, or words and vectors to StaticEncoder(words, vectors, id=...)"
        )
    words = as_words(mapping, who)
    rows: list[NDArray[Any]] = []
    for word, value in zip(words, mapping.values(), strict=True):
        row = as_real(value, f"{who}: the vector of {shown(word)}")
        if row.ndim != 1 or not row.size:
            raise InputError(
                f"{who}: the vector of {shown(word)} has shape {row.shape}, expected one row of "
                "numbers (d,)"
            )
        if rows and row.size != rows[0].size:
            raise VectorError(
                f"{who}: the vector of {shown(word)} has {row.size} coordinates, that of "
                f"{shown(words[0])} has {rows[0].size}; all must have the same number"
            )
        rows.append(row)
    return words, as_matrix(np.stack(rows), words, who)


def from_keyed_vectors(
    kv: Any, who: str
) -> tuple[tuple[str, ...], Float32Array, list[str], dict[str, str]]:
    """Return words, rows, notes and library versions of a gensim object."""
    index = getattr(kv, "key_to_index", None)
    matrix = getattr(kv, "vectors", None)
    if not isinstance(index, Mapping) or not isinstance(matrix, np.ndarray):
        raise InputError(
            f"{who}: expected a gensim (4 or later) KeyedVectors with key_to_index and vectors, "
            f"got {type(kv).__name__}; pass model.wv, or a dict of word to vector"
        )
    # kv.vectors may have rows that no key points to: gensim keeps a zero row for every word that
    # a file repeats. Only the rows of key_to_index are real.
    keys = sorted(index, key=lambda key: int(index[key]))
    words = as_words(keys, who)
    rows = as_matrix(matrix[[int(index[key]) for key in keys]], words, who)
    notes = []
    if len(matrix) > len(words):
        notes.append(f"rows without a word skipped: {len(matrix) - len(words)}")
    if hasattr(kv, "vectors_ngrams"):
        notes.append("fastText: words outside the vocabulary are missing, not made from n-grams")
    return words, rows, notes, versions("gensim")


def from_dataframe(frame: Any, who: str) -> tuple[tuple[str, ...], Float32Array]:
    """Return words and rows of a DataFrame whose index holds the words."""
    if not all(hasattr(frame, name) for name in ("index", "columns", "dtypes", "to_numpy")):
        raise InputError(
            f"{who}: frame must be a pandas DataFrame, got {type(frame).__name__}; give one with "
            "the words as its index and one column for each coordinate"
        )
    words = as_words(frame.index, who)
    wrong = [
        f"{shown(name)} ({dtype})"
        for name, dtype in zip(frame.columns, frame.dtypes, strict=True)
        if getattr(dtype, "kind", "O") not in "fiu"
    ]
    if wrong:
        raise InputError(
            f"{who}: columns must be numeric, these are not: {', '.join(wrong[:10])}"
            f"{f' and {len(wrong) - 10} more' if len(wrong) > 10 else ''}; put the words in the "
            "index (frame.set_index(...)) and keep only coordinates as columns"
        )
    return words, as_matrix(frame.to_numpy(dtype=np.float64, na_value=np.nan), words, who)


def content_hash(words: Sequence[str], vectors: Float32Array) -> str:
    """Return the sha256 (hex) of words and vectors; independent of where they came from."""
    digest = hashlib.sha256(json.dumps(list(words), ensure_ascii=True).encode("ascii"))
    digest.update(f"\n{vectors.shape}\n".encode("ascii"))
    for start in range(0, len(vectors), 65536):
        digest.update(np.ascontiguousarray(vectors[start : start + 65536], dtype="<f4").tobytes())
    return digest.hexdigest()
