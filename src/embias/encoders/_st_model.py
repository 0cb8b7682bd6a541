"""Loads sentence-transformers models, from a folder or by a hub id."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from embias.encoders._hub import (
    first_line,
    known_hint,
    not_on_the_hub,
    refuse_custom_code,
    snapshot,
)
from embias.encoders._model_hash import folder_hash, object_hash
from embias.encoders._names import looks_like_path
from embias.encoders._options import as_path
from embias.encoders._quiet import no_progress_bars, quiet
from embias.encoders._show import at, printable_id, shown
from embias.encoders._st_kinds import (
    SENTENCE,
    check_kind,
    kind_of_folder,
    model_class,
    refuse_backend,
    sentence_transformer_class,
)
from embias.encoders._tokenizer_check import (
    has_tokenizer_files,
    no_tokenizer,
    refuse_made_up,
    tokenizers_of,
)
from embias.errors import (
    DataFileError,
    EmbiasError,
    InputError,
    UnknownNameError,
)

_DEFAULT_POOLING_NOTE = (
    "the model has no sentence-transformers configuration; the library chose the pooling"
)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model and where it came from."""

    model: Any
    name: str
    weights: str | None
    revision: str | None
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a model is to be loaded."""

    device: str | None = None
    revision: str | None = None
    dtype: str = "float32"
    backend: str = "torch"
    pool: str | None = None


def _installed() -> bool:
    try:
        return find_spec("sentence_transformers") is not None
    except ValueError:  # a module that somebody made by hand stands in its place
        return True


def load(name: str, wanted: Wanted) -> Loaded:
    """Load a model from a folder or by its hub id, without running its code."""
    if not _installed():
        sentence_transformer_class()  # a missing package is said before any other failure
    folder = as_path(name, "model")
    if os.path.isdir(folder):
        return _load_folder(folder, wanted)
    if os.path.exists(folder):
        raise InputError(
            f"{at(name)}: is a file, a sentence encoder is a folder; for word vectors use "
            "StaticEncoder.from_file"
        )
    if looks_like_path(name):
        raise UnknownNameError(
            f"no encoder {shown(name)}: no such folder, and it is not the form of a hub id; check "
            f"the path ({known_hint(name)})"
        )
    _refuse_unreachable(name, wanted.revision)
    sentence_transformer_class()
    refuse_backend(wanted.backend)
    try:
        model = _construct(name, wanted)
        repository, kept = snapshot(name, wanted.revision)
        kind = kind_of_folder(kept) if kept else SENTENCE
        check_kind(kind, wanted.pool, name)
        if kind != SENTENCE:  # only now are the files here that say so
            model = _construct(name, wanted, kind)
        _refuse_made_up(model, name)
    except (MemoryError, EmbiasError):
        raise
    except Exception as error:  # the libraries raise many kinds for a name that is not there
        refuse_custom_code(name, error)
        raise not_on_the_hub(name, error) from error
    return Loaded(
        model,
        name=name,
        weights=repository or name,
        revision=kept.name if kept else wanted.revision or object_hash(model),
        notes=() if not kept or _has_modules(kept) else (_DEFAULT_POOLING_NOTE,),
    )


def _load_folder(folder: Path, wanted: Wanted) -> Loaded:
    if not _has_modules(folder) and not (folder / "config.json").is_file():
        raise DataFileError(
            f"{at(folder)}: the folder is not a sentence-transformers model (no modules.json and "
            "no config.json in it); give the folder that model.save(...) wrote"
        )
    kind = kind_of_folder(folder)
    check_kind(kind, wanted.pool, str(folder))
    sentence_transformer_class()
    refuse_backend(wanted.backend)
    try:
        model = _construct(str(folder), replace(wanted, revision=None), kind)
        _refuse_made_up(model, str(folder), folder)
    except (MemoryError, EmbiasError):
        raise
    except Exception as error:  # a damaged folder shows as any of the libraries' errors
        refuse_custom_code(str(folder), error)
        if _wants_tokenizer(folder, error) and not has_tokenizer_files(folder):
            raise no_tokenizer(folder) from error
        # Lone surrogates stand for bytes that are not UTF-8, on which several libraries give up.
        odd = any("\ud800" <= char <= "\udfff" for char in str(folder))
        cure = "give it a name in UTF-8" if odd else "save it anew with model.save(...)"
        raise DataFileError(
            f"{at(folder)}: the model in this folder cannot be loaded ({first_line(error)}); {cure}"
        ) from error
    return Loaded(
        model,
        name=printable_id(folder.resolve().name),
        weights=None,
        revision=wanted.revision or folder_hash(folder, wanted.backend),
        notes=() if _has_modules(folder) else (_DEFAULT_POOLING_NOTE,),
    )


def _construct(name: str, wanted: Wanted, kind: str = SENTENCE) -> Any:
    import torch

    options: dict[str, Any] = {"device": wanted.device, "revision": wanted.revision}
    if wanted.backend != "torch":
        options["backend"] = wanted.backend
    else:
        # The stored type would be used otherwise, which may be half precision.
        options["model_kwargs"] = {"dtype": getattr(torch, wanted.dtype)}
    with quiet(), no_progress_bars():
        model = model_class(kind)(name, trust_remote_code=False, **options)
        return model.to(getattr(torch, wanted.dtype)).eval()


def _wants_tokenizer(folder: Path, error: Exception) -> bool:
    """Return whether a model that cannot be loaded may miss its tokenizer."""
    if "tokenizer" in str(error).lower():
        return True
    try:  # a module of word vectors looks for one file, and does not say which is not there
        return "StaticEmbedding" in (folder / "modules.json").read_text("utf-8")
    except (OSError, ValueError):
        return False


def _refuse_made_up(model: Any, name: str, folder: Path | None = None) -> None:
    for tokenizer in tokenizers_of(model):
        refuse_made_up(tokenizer, name, folder)


def _has_modules(folder: Path) -> bool:
    return (folder / "modules.json").is_file()


def _refuse_unreachable(name: str, revision: str | None) -> None:
    """Refuse, before the slow import of torch, a bare name that can only fail: offline, no copy."""
    try:
        from huggingface_hub import constants
    except ImportError:  # the import of sentence-transformers says so
        return
    if "/" in name or not constants.HF_HUB_OFFLINE:
        return
    try:
        cached = snapshot(name, revision) != (None, None)
    except ValueError:  # not the form of a name
        cached = False
    if not cached:
        raise not_on_the_hub(name, FileNotFoundError("no copy of it"))
