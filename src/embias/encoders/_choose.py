"""Puts whatever a user holds behind the encoder protocol."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from embias.encoders._known import DESCRIPTIONS
from embias.encoders._names import looks_like_path
from embias.encoders._options import as_id, as_path
from embias.encoders._show import at, shown
from embias.encoders.callables import CallableEncoder
from embias.encoders.embedded import load_embedded
from embias.encoders.sentence import SentenceTransformerEncoder
from embias.encoders.static import StaticEncoder
from embias.errors import DataFileError, InputError, did_you_mean
from embias.types import Encoder

_ACCEPTED = (
    "an embias id, a file of word vectors, a folder or hub id of a sentence-transformers model, "
    "a dict of word to vector, a DataFrame with words as index, a gensim KeyedVectors, a "
    "SentenceTransformer, a function from a list of texts to an array, or an Encoder"
)


def as_encoder(
    obj: Any, *, id: str | None = None, cache: bool | str | os.PathLike[str] | None = None
) -> Encoder:
    """Return an encoder for what the caller holds.

    Parameters
    ----------
    obj : object
        An :class:`~embias.types.Encoder` (returned as it is); the id of an encoder that embias
        knows (:func:`known_encoders`); the path (str or ``os.PathLike``) of a file of word
        vectors; the folder or the hub id of a sentence-transformers model; a mapping of word to
        vector; a pandas DataFrame with the words as its index; a gensim ``KeyedVectors`` or a
        model with ``.wv``; a ``SentenceTransformer``; a function from a list of n texts to an
        array (n, d).
    id : str, optional
        The name in results, where the default does not do.
    cache : bool, str or os.PathLike, optional
        Keep vectors on disk, True in the default folder, else in this one: see
        :class:`~embias.encoders.cache.CachedEncoder`. A model that is given by name is then not
        even loaded as long as all that is asked of it was kept; a hub id stands for the commit
        in the local cache of Hugging Face, and a later one is not looked for. Tables of vectors
        are not cached, and under a transform the cache is for what is transformed.

    Returns
    -------
    Encoder

    Raises
    ------
    InputError
        When `obj` is none of these, `id` is no text or blank, `id` would rename an encoder
        that has its name, or nothing pins the vectors that are to be cached.
    UnknownNameError
        When a name is known neither to embias nor to the hub (or its cache, offline).
    DataFileError
        When a file does not exist or is malformed.
    OutputError
        When the cache cannot be written.
    """
    if isinstance(obj, type):
        raise InputError(f"as_encoder: got the class {obj.__name__}; give an instance of it")
    if id is not None:
        id = as_id(id)
    if cache is None or cache is False:
        return _opened(obj, id)
    return _opened_with_cache(obj, id, None if cache is True else as_path(cache, "cache"))


def _opened_with_cache(obj: Any, id: str | None, directory: Path | None) -> Encoder:
    # Imported here, since most encoders are opened without a cache.
    from embias.encoders._named_models import open_named_model
    from embias.encoders.cache import with_cache

    if isinstance(obj, (str, os.PathLike)):
        model = open_named_model(obj, id, directory)
        if model is not None:
            return model
    return with_cache(_opened(obj, id), directory)


def _opened(obj: Any, id: str | None) -> Encoder:
    if isinstance(obj, Encoder):
        if id is not None and id != obj.info.id:
            raise InputError(
                f"as_encoder: the encoder is named {shown(obj.info.id)} and is not renamed to "
                f"{shown(id)}; give the id where it is made"
            )
        return obj
    if isinstance(obj, (str, os.PathLike)):
        return _from_name(obj, id)
    return _from_object(obj, id)


def _from_name(name: str | os.PathLike[Any], id: str | None) -> Encoder:
    text = os.fsdecode(name)
    if isinstance(name, str) and name in DESCRIPTIONS:
        return load_embedded(name, id=id)
    if not text.strip():
        raise InputError(f"as_encoder: the name {shown(text)} is empty; give {_ACCEPTED}")
    path = as_path(text, "as_encoder")
    # os.path, unlike pathlib, takes a name that no file could have for a missing file.
    if os.path.isdir(path):
        return SentenceTransformerEncoder(path, id=id)
    if os.path.exists(path):
        return StaticEncoder.from_file(path, id=id)
    if not isinstance(name, str) or looks_like_path(text):
        raise DataFileError(
            f"{at(text)}: no such file or folder; check the path, or give an encoder of embias: "
            f"{did_you_mean(text, DESCRIPTIONS)}"
        )
    return SentenceTransformerEncoder(text, id=id)


def _from_object(obj: Any, id: str | None) -> Encoder:
    named = {} if id is None else {"id": id}
    if isinstance(obj, Mapping):
        return StaticEncoder.from_dict(obj, **named)
    if _is_instance(obj, "pandas", "DataFrame"):
        return StaticEncoder.from_dataframe(obj, **named)
    if _is_instance(obj, "sentence_transformers", "SentenceTransformer"):
        return SentenceTransformerEncoder(obj, id=id)
    for vectors in (obj, getattr(obj, "wv", None)):
        if hasattr(vectors, "key_to_index") and hasattr(vectors, "vectors"):
            return StaticEncoder.from_keyed_vectors(vectors, **named)
    if callable(obj):
        return CallableEncoder(obj, id="callable" if id is None else id)
    raise InputError(f"as_encoder: cannot use {type(obj).__name__}; give {_ACCEPTED}")


def _is_instance(obj: Any, module: str, name: str) -> bool:
    """Return isinstance without an import: who holds such an object has imported its module."""
    kind = getattr(sys.modules.get(module), name, None)
    return isinstance(kind, type) and isinstance(obj, kind)
