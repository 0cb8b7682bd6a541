"""Loads transformers models: by folder or hub id, never with code of their own, or as given."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from embias.encoders._hub import first_line, not_on_the_hub
from embias.encoders._known import MINILM
from embias.encoders._model_hash import folder_hash
from embias.encoders._names import looks_like_path
from embias.encoders._options import as_path
from embias.encoders._quiet import no_progress_bars, quiet
from embias.encoders._show import at, printable_id, shown
from embias.encoders._tf_model import Family, body_of, is_pooler, object_hash
from embias.encoders._tokenizer_check import (
    has_tokenizer_files,
    no_tokenizer,
    refuse_made_up,
)
from embias.encoders.embedded import minilm_folder
from embias.errors import (
    DataFileError,
    EmbiasError,
    InputError,
    MissingExtraError,
    UnknownNameError,
)

_ST_NOTE = (
    "the folder is a sentence-transformers model: only its transformer is used, not its pooling, "
    "its limit on the length or what follows them"
)
_CURE = "give a folder, a hub id, a pair (tokenizer, model), or a model and tokenizer="


@dataclass(frozen=True, slots=True)
class Loaded:
    """The stack of layers that is run, its tokenizer, and where they came from."""

    body: Any
    tokenizer: Any
    family: Family
    name: str
    weights: str | None
    revision: str
    notes: tuple[str, ...]


def load(
    model: Any, tokenizer: Any, device: str | None, dtype: Any, revision: str | None
) -> Loaded:
    """Load a model by its folder or hub id, or take a model that is given; no code of its own."""
    _import_libraries()
    if isinstance(model, str) and model == MINILM:
        loaded = _from_name(minilm_folder(), tokenizer, device, dtype, revision)
        return replace(loaded, name=MINILM)
    if isinstance(model, (str, os.PathLike)):
        return _from_name(os.fsdecode(model), tokenizer, device, dtype, revision)
    if isinstance(model, tuple) and len(model) == 2 and tokenizer is None:
        tokenizer, model = model
    return _from_object(model, tokenizer, device, dtype, revision)


def _import_libraries() -> None:
    for package in ("torch", "transformers"):
        try:
            with quiet():
                __import__(package)
        except ImportError as error:
            raise MissingExtraError("a transformers encoder", package, "contextual") from error


def _from_object(
    model: Any, tokenizer: Any, device: str | None, dtype: Any, revision: str | None
) -> Loaded:
    import torch

    if not isinstance(model, torch.nn.Module) or not hasattr(model, "config"):
        raise InputError(f"model is of type {type(model).__name__}; {_CURE}")
    if dtype is not None:
        raise InputError(
            f"dtype={shown(dtype)} is for models that are loaded here, a model given as an object "
            "is used in its own precision; call model.to(dtype) before"
        )
    if tokenizer is None:
        raise InputError("a model given as an object needs its tokenizer; give tokenizer=")
    if device is not None:
        _move(model, device)
    body, family = body_of(model)
    return Loaded(
        body,
        _tokenizer(tokenizer),
        family,
        name="transformer",
        weights=None,
        revision=revision or object_hash(body),
        notes=(),
    )


def _from_name(
    name: str, tokenizer: Any, device: str | None, dtype: Any, revision: str | None
) -> Loaded:
    place = _resolve_device(device)
    number = _resolve_dtype(dtype, place)
    folder = as_path(name, "model")
    is_folder = os.path.isdir(folder)
    if not is_folder:
        _refuse_no_folder(name, folder)
    source, notes = _transformer_folder(folder) if is_folder else (name, ())
    try:
        commit = None if is_folder else revision
        model, missing = _pretrained(source, number, commit)
        if tokenizer is None:
            tokenizer = _pretrained_tokenizer(name, source, commit, is_folder)
    except (MemoryError, EmbiasError):
        raise
    except Exception as error:  # the libraries raise many kinds for a name or a damaged file
        _refuse_custom_code(name, error)
        if is_folder:
            raise _damaged(folder, first_line(error)) from error
        raise not_on_the_hub(name, error) from error
    body, family = body_of(model)
    _refuse_untrained(missing, family, name)
    _move(body, place)
    pinned = folder_hash(folder) if is_folder else _commit(name, revision)
    return Loaded(
        body,
        _tokenizer(tokenizer),
        family,
        name=printable_id(folder.resolve().name) if is_folder else name,
        weights=None if is_folder else name,
        revision=(revision if is_folder else None) or pinned or revision or object_hash(body),
        notes=notes,
    )


def _refuse_no_folder(name: str, folder: Path) -> None:
    if os.path.exists(folder):
        raise InputError(f"{at(name)}: is a file, a transformers model is a folder; {_CURE}")
    if looks_like_path(name):
        raise UnknownNameError(
            f"no model {shown(name)}: no such folder, and it is not the form of a hub id; check "
            "the path"
        )


def _transformer_folder(folder: Path) -> tuple[str, tuple[str, ...]]:
    """Return where the model itself lies: sentence-transformers may keep it in a folder below."""
    modules = folder / "modules.json"
    notes = (_ST_NOTE,) if modules.is_file() else ()
    inner = folder
    if modules.is_file() and not (folder / "config.json").is_file():
        try:
            inner = folder / str(json.loads(modules.read_text("utf-8"))[0]["path"])
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise _damaged(folder, first_line(error)) from error
    if not (inner / "config.json").is_file():
        raise DataFileError(
            f"{at(folder)}: the folder is not a transformers model (no config.json in it); give "
            "the folder that model.save_pretrained(...) wrote"
        )
    return str(inner), notes


def _damaged(folder: Path, why: str) -> DataFileError:
    return DataFileError(
        f"{at(folder)}: the model in this folder cannot be loaded ({why}); save model and "
        "tokenizer anew with save_pretrained(...)"
    )


def _pretrained(source: str, dtype: Any, revision: str | None) -> tuple[Any, list[str]]:
    """Return the model and the names of the weights that were not in the files."""
    from transformers import AutoModel

    with quiet(), no_progress_bars():
        model, report = AutoModel.from_pretrained(
            source,
            revision=revision or "main",
            trust_remote_code=False,
            dtype=dtype,
            output_loading_info=True,
        )
    return model.eval(), sorted(report["missing_keys"])


def _pretrained_tokenizer(name: str, source: str, revision: str | None, is_folder: bool) -> Any:
    from transformers import AutoTokenizer

    folder = Path(source) if is_folder else None
    try:
        with quiet(), no_progress_bars():
            tokenizer = AutoTokenizer.from_pretrained(
                source, revision=revision or "main", trust_remote_code=False
            )
    except Exception as error:  # of many kinds, few of which say that there are no files
        if folder is None or has_tokenizer_files(folder) or "trust_remote_code" in str(error):
            raise
        raise no_tokenizer(folder) from error
    refuse_made_up(tokenizer, name, folder)
    return tokenizer


def _commit(name: str, revision: str | None) -> str | None:
    """Return the commit that was loaded: the name of the folder in the cache."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(name, "config.json", revision=revision)
    return Path(found).parent.name if isinstance(found, str) else None


def _refuse_custom_code(name: str, error: Exception) -> None:
    if "trust_remote_code" in str(error):
        raise InputError(
            f"{at(name)}: the model needs code of its own, which embias does not run; if you trust "
            "it, load model and tokenizer yourself and pass them as (tokenizer, model)"
        ) from error


def _refuse_untrained(missing: list[str], family: Family, name: str) -> None:
    """Refuse weights that the library made up at random because the files do not have them."""
    parts = ("encoder.", "shared.") if family == "encoder-decoder" else ("",)
    made_up = [key for key in missing if key.startswith(parts) and not is_pooler(key)]
    if made_up:
        raise DataFileError(
            f"{at(name)}: the files lack {len(made_up)} of the model's weights, "
            f"{shown(made_up[0])} among them, which would be random; give the folder "
            "of a complete model"
        )


def _tokenizer(tokenizer: Any) -> Any:
    from transformers import PreTrainedTokenizerBase

    if not isinstance(tokenizer, PreTrainedTokenizerBase):
        raise InputError(
            f"tokenizer is of type {type(tokenizer).__name__}; give a tokenizer of transformers "
            "(PreTrainedTokenizerFast(tokenizer_object=...) wraps one of the tokenizers package)"
        )
    refuse_made_up(tokenizer, "")
    return tokenizer


# --- device and precision ------------------------------------------------------------------------


def _resolve_device(device: str | None) -> str:
    import torch

    if device is not None:
        return device
    return "cuda" if torch.cuda.is_available() else "cpu"


def _resolve_dtype(dtype: Any, device: str) -> Any:
    import torch

    name = "float32" if dtype is None else str(dtype).removeprefix("torch.")
    if name not in {"float32", "bfloat16", "float16"}:
        raise InputError(
            f"dtype must be 'float32', 'bfloat16' or 'float16', got {shown(dtype)}; float32 is the "
            "default"
        )
    if name != "float32" and str(device).startswith("cpu"):
        raise InputError(
            f"dtype={name!r} is for an accelerator, on device 'cpu' use 'float32'; or give device="
        )
    return getattr(torch, name)


def _move(module: Any, device: str) -> None:
    try:
        module.to(device)
    except (RuntimeError, AssertionError, TypeError, NotImplementedError) as error:
        raise InputError(
            f"device={shown(device)} cannot take the model ({first_line(error)}); give a "
            "device that torch knows here, such as 'cpu'"
        ) from error
