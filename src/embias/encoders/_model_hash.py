"""Hashes that pin a model: its files, its weights, its tokenizer."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

__all__ = ["folder_hash", "state_hash", "tokenizer_hash"]

# Every file that has a part in the vectors: weights, configuration, tokenizer.
_MODEL_SUFFIXES = frozenset({".safetensors", ".bin", ".pt", ".json", ".txt", ".model"})
_GRAPH_SUFFIXES = frozenset({".onnx", ".onnx_data", ".xml"})


def folder_hash(folder: Path, backend: str = "torch") -> str:
    """Return a hash of every file of a model that has a part in its vectors."""
    digest = hashlib.sha256()
    suffixes = _MODEL_SUFFIXES if backend == "torch" else _MODEL_SUFFIXES | _GRAPH_SUFFIXES
    files = (path for path in folder.rglob("*") if path.suffix in suffixes)
    for path in sorted(path for path in files if path.is_file()):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(
            f"{path.relative_to(folder).as_posix()}\n{content}\n".encode(errors="surrogateescape")
        )
    return "sha256:" + digest.hexdigest()[:16]


def state_hash(model: Any) -> str | None:
    """Return a hash of all weights: the only thing that pins a model given as an object.

    The commit in its configuration would not do: it stays the same when the model is tuned. None
    where the model shows no weights (another backend than torch).
    """
    import torch

    state = sorted(model.state_dict().items())
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
        }
    else:
        return None
    text = json.dumps(content, sort_keys=True, default=str)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()[:16]
