"""Hashes that pin a model: its files, its weights, its tokenizer."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from embias.encoders._structure import structure

__all__ = ["folder_hash", "object_hash", "tokenizer_hash"]

# What is never a part: texts about the model, its own code (which is not run), pictures, weights
# for other libraries. Anything else may be one; vocabularies come under many names.
_NO_PART = frozenset(
    (
        ".md",
        ".rst",
        ".pdf",
        ".html",
        ".py",
        ".ipynb",
        ".png",
        ".jpg",
        ".jpeg",
        ".gif",
        ".svg",
        ".webp",
        ".h5",
        ".msgpack",
        ".ot",
        ".mlmodel",
        ".tflite",
        ".lock",
    )
)
_NO_PART_NAMES = frozenset({"LICENSE", "LICENCE", "LICENSE.txt", "NOTICE"})
_GRAPH_SUFFIXES = frozenset({".onnx", ".onnx_data", ".xml"})
_GRAPH_FOLDERS = frozenset({"onnx", "openvino", "coreml"})
# Where a tokenizer came from, and how a call pads and cuts, which each encoder says itself.
_NO_PART_OF_A_TOKENIZER = frozenset(
    (
        "cache_dir",
        "chat_template",
        "is_local",
        "local_files_only",
        "max_len_single_sentence",
        "model_max_length",
        "name_or_path",
        "padding_side",
        "truncation_side",
        "verbose",
    )
)


def folder_hash(folder: Path, backend: str = "torch") -> str:
    """Return a hash of every file of a model that has a part in its vectors."""
    digest = hashlib.sha256()
    files = (path for path in folder.rglob("*") if path.is_file())
    for path in sorted(path for path in files if _is_part(path.relative_to(folder), backend)):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(
            f"{path.relative_to(folder).as_posix()}\n{content}\n".encode(errors="surrogateescape")
        )
    return "sha256:" + digest.hexdigest()[:16]


def _is_part(path: Path, backend: str) -> bool:
    if any(part.startswith(".") for part in path.parts) or path.name in _NO_PART_NAMES:
        return False
    if backend == "torch" and (path.suffix in _GRAPH_SUFFIXES or path.parts[0] in _GRAPH_FOLDERS):
        return False
    return path.suffix.lower() not in _NO_PART


def object_hash(model: Any, leave_out: Callable[[str], bool] | None = None) -> str | None:
    """Return a hash of what a model given as an object computes: its weights and its structure.

    The commit in its configuration would not do: it stays the same when the model is tuned.

    Parameters
    ----------
    model : torch.nn.Module
    leave_out : callable, optional
        Whether a module or weight of this name has no part in the vectors.

    Returns
    -------
    str or None
        None where the model shows no weights (another backend than torch).
    """
    gone = leave_out or (lambda name: False)
    weights = _weights_hash({n: value for n, value in model.state_dict().items() if not gone(n)})
    if weights is None:
        return None
    return _json_hash([weights, [one for one in structure(model) if not gone(one[0])]])


def _weights_hash(weights: dict[str, Any]) -> str | None:
    import torch

    state = sorted(weights.items())
    if not state:
        return None
    digest = hashlib.sha256()
    for name, tensor in state:
        flat = tensor.detach().cpu().contiguous().reshape(-1)
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(flat.view(torch.uint8).numpy().data)
    return "sha256:" + digest.hexdigest()[:16]


def tokenizer_hash(tokenizer: Any) -> str | None:
    """Return a hash of everything that makes tokens, None where a tokenizer does not show it.

    How the last call padded and cut stays in a fast tokenizer, and has no part in the hash.
    """
    fast = getattr(tokenizer, "backend_tokenizer", tokenizer)
    if hasattr(fast, "to_str"):
        content = {**json.loads(fast.to_str()), "padding": None, "truncation": None}
    elif hasattr(tokenizer, "get_vocab"):
        special = getattr(tokenizer, "special_tokens_map", {})
        content = {
            "class": type(tokenizer).__name__,
            "vocabulary": tokenizer.get_vocab(),
            "special": {key: str(token) for key, token in special.items()},
            "added": {
                str(key): repr(token)
                for key, token in getattr(tokenizer, "added_tokens_decoder", {}).items()
            },
            **_settings(tokenizer),
        }
    else:
        return None
    return _json_hash(content)


def _settings(tokenizer: Any) -> dict[str, Any]:
    """Return what a tokenizer in Python was built with: plain values, and files by their content.

    Its own attributes come after what it was built with: they are what it uses now.
    """
    given = {**getattr(tokenizer, "init_kwargs", {}), **vars(tokenizer)}
    of_files = set(getattr(tokenizer, "vocab_files_names", {}))
    plain: dict[str, Any] = {}
    files: dict[str, Any] = {}
    for key, value in given.items():
        if key in of_files or key.endswith("_file"):
            files[key] = _file_hash(value)
        elif key in _NO_PART_OF_A_TOKENIZER or key.startswith("_"):
            continue
        elif value is None or isinstance(value, bool | int | float | str):
            # A path says where, not what; any that matters is among the files.
            plain[key] = None if isinstance(value, str) and os.path.isabs(value) else value
        elif isinstance(value, list | tuple) and all(isinstance(one, str) for one in value):
            files[key] = [_file_hash(one) or one for one in value]
    return {"settings": plain, "files": files}


def _file_hash(path: Any) -> str | None:
    if not isinstance(path, str | os.PathLike) or not os.path.isfile(path):
        return None
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _json_hash(content: Any) -> str:
    text = json.dumps(content, sort_keys=True, default=str)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()[:16]
