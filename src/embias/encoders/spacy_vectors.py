"""Takes the table of word vectors out of a spaCy pipeline."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embias.encoders._adapt import as_matrix, as_words
from embias.encoders._show import printable_id
from embias.encoders._versions import versions
from embias.errors import InputError

__all__ = ["from_spacy", "spacy_id"]

Float32Array = NDArray[np.float32]


def spacy_id(nlp: Any) -> str:
    """Return the name of a pipeline; of a bare vocabulary, that of its vectors or ``"spacy"``.

    Parameters
    ----------
    nlp : object
        A spaCy Language or Vocab; anything else is called ``"spacy"``.
    """
    meta = getattr(nlp, "meta", None)
    if isinstance(meta, Mapping) and meta.get("lang") and meta.get("name"):
        return printable_id(f"{meta['lang']}_{meta['name']}")
    name = getattr(getattr(nlp, "vectors", None), "name", None)
    return printable_id(name) if isinstance(name, str) and name.strip() else "spacy"


def from_spacy(
    nlp: Any, who: str
) -> tuple[tuple[str, ...], Float32Array, list[str], dict[str, str]]:
    """Return words, rows, notes and library versions of a spaCy Language or Vocab.

    Parameters
    ----------
    nlp : spacy.language.Language or spacy.vocab.Vocab
        With a table of vectors.
    who : str
        How a message begins.

    Raises
    ------
    InputError
        When there is no such table, it is empty, or it has no words (floret).
    VectorError
        When a coordinate is not finite.
    """
    vocab = getattr(nlp, "vocab", nlp)
    vectors, strings = getattr(vocab, "vectors", None), getattr(vocab, "strings", None)
    rows_of = getattr(vectors, "key2row", None)
    if strings is None or not isinstance(rows_of, Mapping):
        raise InputError(
            f"{who}: expected a spaCy Language or Vocab with a table of vectors, got "
            f"{type(nlp).__name__}; give spacy.load(...), or its vocab"
        )
    if getattr(vectors, "mode", "default") != "default":
        raise InputError(
            f"{who}: these are floret vectors, which make a vector for every string from its "
            "n-grams and have no list of words; give a function instead: lambda words: "
            "numpy.stack([nlp.vocab.get_vector(w) for w in words])"
        )
    keys = {int(key): int(row) for key, row in rows_of.items() if int(row) >= 0}
    # The key 0 stands for no text at all; a StringStore has no get().
    named = {key: strings[key] for key in keys if key and key in strings}
    if not named:
        raise InputError(
            f"{who}: the table of vectors is empty: pipelines such as en_core_web_sm come without "
            "one; load one with vectors (en_core_web_md or _lg)"
        )
    words = as_words(named.values(), who)
    rows = as_matrix(_on_cpu(vectors)[[keys[key] for key in named]], words, who)
    return words, rows, _notes(vectors, keys, named), versions("spacy")


def _on_cpu(vectors: Any) -> NDArray[Any]:
    data: Any = vectors.data  # a cupy array has get(), numpy and torch on the CPU do not need it
    array: NDArray[Any] = np.asarray(data.get() if hasattr(data, "get") else data)
    return array


def _notes(vectors: Any, keys: dict[int, int], named: dict[int, str]) -> list[str]:
    notes = []
    if len(named) < len(keys):
        notes.append(
            f"vectors skipped whose word is not in the vocabulary: {len(keys) - len(named)}"
        )
    used = Counter(keys[key] for key in named)
    shared = sum(count for count in used.values() if count > 1)
    if shared:
        notes.append(f"words that share a vector with others (pruned vectors): {shared}")
    attribute = _attribute(vectors)
    if attribute != "ORTH":
        notes.append(
            f"spaCy looks these vectors up by the attribute {attribute} of a token; here a word "
            "is looked up as written"
        )
    return notes


def _attribute(vectors: Any) -> str:
    number = getattr(vectors, "attr", None)
    if not isinstance(number, int):
        return "ORTH"
    # Who holds such an object has imported the module.
    return str(sys.modules["spacy.attrs"].NAMES[number])
