"""The kinds of model that sentence-transformers has, and which of them give vectors of texts."""

from __future__ import annotations

import importlib
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from embias.encoders._quiet import quiet
from embias.encoders._show import at, plain, shown
from embias.errors import InputError, MissingExtraError

SENTENCE = "SentenceTransformer"
MULTI_VECTOR = "MultiVectorEncoder"
_SPARSE = "SparseEncoder"
_CROSS = "CrossEncoder"

# What each backend needs: a package that is imported under this name, and the library's extra.
_BACKENDS = {
    "onnx": (("optimum", "onnxruntime"), "sentence-transformers[onnx]"),
    "openvino": (("optimum", "openvino"), "sentence-transformers[openvino]"),
}
_REFUSED = {
    _SPARSE: (
        "is a SparseEncoder, whose vectors have one coordinate per entry of the vocabulary; "
        "embias takes dense vectors: give a SentenceTransformer, or a function that returns "
        "the dense rows"
    ),
    _CROSS: (
        "is a CrossEncoder, which scores pairs of texts and gives no vectors; give a "
        "SentenceTransformer"
    ),
}


def sentence_transformer_class() -> Any:
    """Import the class on first use; it takes seconds, so nothing else may import it."""
    try:
        with quiet():
            from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise MissingExtraError(
            "a sentence encoder", "sentence-transformers", "contextual"
        ) from error
    return SentenceTransformer


def model_class(kind: str) -> Any:
    """Return the library's class of a kind of model."""
    sentence_transformer_class()
    found = getattr(importlib.import_module("sentence_transformers"), kind, None)
    if found is None:
        raise InputError(
            f"the installed sentence-transformers has no {kind}; install a later version"
        )
    return found


def kind_of_object(model: Any) -> str | None:
    """Return the kind of a model, None for what is none of the library's."""
    sentence_transformer_class()
    library = importlib.import_module("sentence_transformers")
    for kind in (SENTENCE, MULTI_VECTOR, _SPARSE, _CROSS):
        known = getattr(library, kind, None)
        if isinstance(known, type) and isinstance(model, known):
            return kind
    return None


def kind_of_folder(folder: Path) -> str:
    """Return the kind of model that a folder says it holds.

    Asked before loading, because the library turns any kind into a SentenceTransformer with a
    pooling of its own choice.
    """
    kind = _json(folder / "config_sentence_transformers.json").get("model_type")
    if kind == "ColBERT":  # as PyLate writes it
        return MULTI_VECTOR
    if isinstance(kind, str):
        return kind
    config = _json(folder / "config.json")
    if "HF_ColBERT" in (config.get("architectures") or []):
        return MULTI_VECTOR
    settings = config.get("sentence_transformers")
    if isinstance(settings, dict) and "activation_fn" in settings:  # as older ones were saved
        return _CROSS
    return SENTENCE


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):  # absent or damaged: loading it says which
        return {}
    return content if isinstance(content, dict) else {}


def check_kind(kind: str, pool: str | None, name: str) -> None:
    """Refuse models without one dense vector per text, and a `pool` that has nothing to pool."""
    who = at(name)
    if kind == SENTENCE:
        if pool is not None:
            raise InputError(
                f"{who}: pool={plain(pool)} is for multi-vector models, and this "
                "SentenceTransformer pools by itself; leave pool out"
            )
    elif kind == MULTI_VECTOR:
        if pool is None:
            raise InputError(
                f"{who}: is a multi-vector model (late interaction): one vector per token, none "
                "for the text; give pool='mean' to SentenceTransformerEncoder to audit the mean "
                "of the token vectors"
            )
    else:
        reason = _REFUSED.get(kind, f"is of the kind {shown(kind)}, which embias does not know")
        raise InputError(f"{who}: {reason}")


def refuse_backend(backend: str) -> None:
    """Refuse a backend whose packages are not installed."""
    packages, extra = _BACKENDS.get(backend, ((), ""))
    absent = [package for package in packages if find_spec(package) is None]
    if absent:
        raise InputError(
            f"backend={backend!r} needs the package {absent[0]!r}, which is not installed; install "
            f"it with: pip install '{extra}', or leave backend out"
        )
