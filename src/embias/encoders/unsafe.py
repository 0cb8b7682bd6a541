"""Loads what runs code when it is loaded. Nothing else in embias does, and nothing calls this."""

from __future__ import annotations

import os
from typing import Any

from embias.encoders._options import as_id, as_path
from embias.encoders._quiet import quiet
from embias.encoders._show import at, one_line, printable_id
from embias.encoders.lookup import LookupPolicy, as_lookup
from embias.encoders.static import StaticEncoder
from embias.errors import DataFileError, MissingExtraError

__all__ = ["load_pickled"]


def load_pickled(
    path: str | os.PathLike[str], *, id: str | None = None, lookup: LookupPolicy | None = None
) -> StaticEncoder:
    """Load vectors that gensim saved as a pickle (``.kv``, ``.model``), which RUNS CODE.

    A pickle is a program: whoever made the file decides what happens on this machine when it is
    loaded. Use this only on files of your own or of people you trust as much; to pass vectors on,
    save them with ``KeyedVectors.save_word2vec_format``, or as safetensors. This function is the
    only one of embias that unpickles; no file name, id or setting leads to it.

    Parameters
    ----------
    path : str or os.PathLike
        The file; the arrays that gensim put beside it (``.npy``) must lie there still.
    id : str, optional
        By default the name of the file.
    lookup : LookupPolicy, optional
        As for :class:`~embias.encoders.static.StaticEncoder`.

    Returns
    -------
    StaticEncoder
        Of a fastText object, the words of its vocabulary.

    Raises
    ------
    DataFileError
        When the file does not exist, cannot be loaded, or holds no word vectors of gensim.
    MissingExtraError
        When gensim is not installed.
    """
    file = as_path(path, "path")
    name = printable_id(file.name) if id is None else as_id(id)
    policy = as_lookup(lookup)
    if not os.path.isfile(file):
        raise DataFileError(f"{at(file)}: no such file; check the path")
    try:
        from gensim.models import KeyedVectors
    except ImportError as error:
        raise MissingExtraError("loading a pickle of gensim", "gensim", "static") from error
    loaded = _load(KeyedVectors, file)
    vectors = getattr(loaded, "wv", loaded)
    if not (hasattr(vectors, "key_to_index") and hasattr(vectors, "vectors")):
        raise DataFileError(
            f"{at(file)}: holds a {type(loaded).__name__}, not word vectors of gensim; give a "
            "file that KeyedVectors.save or Word2Vec.save wrote"
        )
    return StaticEncoder.from_keyed_vectors(vectors, id=name, lookup=policy)


def _load(loader: Any, file: os.PathLike[str]) -> Any:
    try:
        with quiet():
            return loader.load(os.fspath(file))
    except Exception as error:  # a pickle may raise anything
        raise DataFileError(
            f"{at(file)}: cannot be loaded ({type(error).__name__}: {one_line(error)}); it must be "
            "a file that gensim 4 saved, with the .npy files that belong to it beside it"
        ) from error
