"""Puts whatever a user holds behind the encoder protocol."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from embias.encoders._finders import SCANNED, format_of
from embias.encoders._folders import open_folder
from embias.encoders._known import DESCRIPTIONS
from embias.encoders._names import looks_like_path
from embias.encoders._options import as_id, as_path
from embias.encoders._precomputed_file import is_precomputed_file
from embias.encoders._show import at, shown
from embias.encoders._word_encoder import WordEncoder
from embias.encoders.callables import CallableEncoder
from embias.encoders.embedded import load_embedded
from embias.encoders.fasttext import FastTextEncoder, is_fasttext_file
from embias.encoders.lookup import LookupPolicy
from embias.encoders.model2vec import Model2VecEncoder
from embias.encoders.sentence import SentenceTransformerEncoder
from embias.encoders.static import StaticEncoder
from embias.encoders.table import PrecomputedEncoder
from embias.encoders.transformer import TransformerEncoder
from embias.encoders.vector_file_encoder import VectorFileEncoder
from embias.errors import DataFileError, InputError, did_you_mean
from embias.types import Encoder

_ACCEPTED = (
    "an embias id, a file of word vectors, a folder or hub id of a model, a dict of word to "
    "vector, a DataFrame with words as index, a gensim KeyedVectors, a spaCy pipeline, a "
    "SentenceTransformer, a (tokenizer, model) of transformers, a function from a list of texts "
    "to an array, or an Encoder"
)


def as_encoder(
    obj: Any,
    *,
    id: str | None = None,
    cache: bool | str | os.PathLike[str] | None = None,
    lookup: LookupPolicy | None = None,
) -> Encoder:
    """Return an encoder for what the caller holds.

    Parameters
    ----------
    obj : object
        An :class:`~embias.types.Encoder` (returned as it is); the id of an encoder that embias
        knows (:func:`known_encoders`); the path (str or ``os.PathLike``) of a file of word
        vectors, of which only the words asked for are read, of a fastText model, or of what
        :meth:`PrecomputedEncoder.save <embias.encoders.PrecomputedEncoder.save>` wrote; the folder
        or the hub id of a sentence-transformers model, or the folder of a model2vec model or of
        one that takes pictures; a mapping of word to vector; a pandas DataFrame with the words
        as its index; a gensim ``KeyedVectors`` or a model with ``.wv``; a spaCy ``Language`` or
        ``Vocab``; a model2vec ``StaticModel``; a ``SentenceTransformer``; a (tokenizer, model)
        of transformers, of which the tokens of the last layer are averaged; a function from a
        list of n texts to an array (n, d).
    id : str, optional
        The name in results, where the default does not do.
    cache : bool, str or os.PathLike, optional
        Keep vectors on disk, True in the default folder, else in this one: see
        :class:`~embias.encoders.cache.CachedEncoder`. A model that is given by name is then not
        even loaded as long as all that is asked of it was kept; a hub id stands for the commit
        in the local cache of Hugging Face, and a later one is not looked for. Tables of vectors
        are not cached, and under a transform the cache is for what is transformed.
    lookup : LookupPolicy, optional
        In which other forms a word is looked for, of tables of word vectors.

    Returns
    -------
    Encoder

    Raises
    ------
    InputError
        When `obj` is none of these, `lookup` is given for what is no table of words, `id` is no
        text or blank, `id` would rename an encoder that has its name, or nothing pins the vectors
        that are to be cached.
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
        encoder = _opened(obj, id)
    else:
        encoder = _opened_with_cache(obj, id, None if cache is True else as_path(cache, "cache"))
    return encoder if lookup is None else _with_lookup(encoder, lookup)


def _with_lookup(encoder: Encoder, lookup: LookupPolicy) -> Encoder:
    if not isinstance(encoder, WordEncoder):
        raise InputError(
            f"as_encoder: {shown(encoder.info.id)} is no table of words, so nothing is looked up "
            "in it; leave lookup out"
        )
    return encoder.with_lookup(lookup)


def _opened_with_cache(obj: Any, id: str | None, directory: Path | None) -> Encoder:
    # Imported here, since most encoders are opened without a cache.
    from embias.encoders._cache_files import INDEXES, open_root
    from embias.encoders._named_models import open_named_model
    from embias.encoders.cache import with_cache

    if isinstance(obj, (str, os.PathLike)):
        model = open_named_model(obj, id, directory)
        if model is not None:
            return model
    return with_cache(_opened(obj, id, lambda: open_root(directory) / INDEXES), directory)


def _opened(obj: Any, id: str | None, indexes: Callable[[], Path] | None = None) -> Encoder:
    if isinstance(obj, Encoder):
        if id is not None and id != obj.info.id:
            raise InputError(
                f"as_encoder: the encoder is named {shown(obj.info.id)} and is not renamed to "
                f"{shown(id)}; give the id where it is made"
            )
        return obj
    if isinstance(obj, (str, os.PathLike)):
        return _from_name(obj, id, indexes)
    return _from_object(obj, id)


def _from_name(
    name: str | os.PathLike[Any], id: str | None, indexes: Callable[[], Path] | None
) -> Encoder:
    text = os.fsdecode(name)
    if isinstance(name, str) and name in DESCRIPTIONS:
        return load_embedded(name, id=id)
    if not text.strip():
        raise InputError(f"as_encoder: the name {shown(text)} is empty; give {_ACCEPTED}")
    path = as_path(text, "as_encoder")
    # os.path, unlike pathlib, takes a name that no file could have for a missing file.
    if os.path.isdir(path):
        return open_folder(path, id)
    if os.path.exists(path):
        return _from_file(path, id, indexes)
    if not isinstance(name, str) or looks_like_path(text):
        raise DataFileError(
            f"{at(text)}: no such file or folder; check the path, or give an encoder of embias: "
            f"{did_you_mean(text, DESCRIPTIONS)}"
        )
    return SentenceTransformerEncoder(text, id=id)


def _from_file(path: Path, id: str | None, indexes: Callable[[], Path] | None) -> Encoder:
    if is_fasttext_file(path):
        return FastTextEncoder(path, id=id)
    if is_precomputed_file(path):
        return PrecomputedEncoder.load(path, id=id)
    if format_of(path, None) not in SCANNED:
        return StaticEncoder.from_file(path, id=id)  # read as a whole either way
    return VectorFileEncoder(path, id=id, index_dir=indexes and indexes())


def _from_object(obj: Any, id: str | None) -> Encoder:
    if isinstance(obj, Mapping):
        return StaticEncoder.from_dict(obj, id=id or "dict")
    if isinstance(obj, tuple) and len(obj) == 2 and callable(obj[0]):
        return TransformerEncoder(obj, id=id)
    for module, kinds, make in _OF_LIBRARIES:
        if any(_is_instance(obj, module, kind) for kind in kinds):
            return make(obj, id)
    for vectors in (obj, getattr(obj, "wv", None)):
        if hasattr(vectors, "key_to_index") and hasattr(vectors, "vectors"):
            return StaticEncoder.from_keyed_vectors(vectors, id=id or "keyedvectors")
    if callable(obj):
        return CallableEncoder(obj, id=id or "callable")
    raise InputError(f"as_encoder: cannot use {type(obj).__name__}; give {_ACCEPTED}")


#: Module, classes, what encodes their objects. Many of them can be called, and give no array.
_OF_LIBRARIES: tuple[tuple[str, tuple[str, ...], Callable[[Any, str | None], Encoder]], ...] = (
    ("pandas", ("DataFrame",), lambda o, id: StaticEncoder.from_dataframe(o, id=id or "dataframe")),
    ("spacy", ("Language", "Vocab"), lambda o, id: StaticEncoder.from_spacy(o, id=id)),
    ("model2vec", ("StaticModel",), lambda o, id: Model2VecEncoder(o, id=id)),
    (
        "sentence_transformers",
        # The last three have vectors of another kind, or none, which the adapter says.
        ("SentenceTransformer", "MultiVectorEncoder", "SparseEncoder", "CrossEncoder"),
        lambda o, id: SentenceTransformerEncoder(o, id=id),
    ),
)


def _is_instance(obj: Any, module: str, name: str) -> bool:
    """Return isinstance without an import: who holds such an object has imported its module."""
    kind = getattr(sys.modules.get(module), name, None)
    return isinstance(kind, type) and isinstance(obj, kind)
