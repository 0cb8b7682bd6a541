"""A sentence-transformers model with another list of modules; the model itself is left alone."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from embias.errors import DataFileError, InputError, MissingExtraError
from embias.types import Encoder

__all__ = [
    "describe_model",
    "model_of",
    "output_dimension",
    "place_of_normalize",
    "silent",
    "with_modules",
]

_NAME = "SentenceTransformer"


def model_of(model: Any) -> tuple[Any, Encoder | None]:
    """Return a model of sentence-transformers, and the encoder it was given in, if any.

    Parameters
    ----------
    model : SentenceTransformer, str, os.PathLike or Encoder
        A folder or hub id is loaded in float32, and runs no code that comes with it. Of an
        encoder the attribute `model` is taken.

    Raises
    ------
    InputError
        What is no such model, or runs on another backend than torch.
    DataFileError
        A folder or id that cannot be loaded.
    MissingExtraError
    """
    encoder = None
    if isinstance(model, str | os.PathLike):
        found = _load(os.fsdecode(model))
    elif not isinstance(model, type) and isinstance(model, Encoder):
        encoder, found = model, getattr(model, "model", None)
    else:
        found = model
    if not isinstance(found, _class()):
        raise InputError(
            f"{type(model).__name__} is not a model that a Dense module can be added to; give a "
            "SentenceTransformer, its folder or id, or an encoder of one (as_encoder). Word "
            "vectors are written with save_word_vectors"
        )
    if getattr(found, "backend", "torch") != "torch":
        raise InputError(
            f"the model runs on {found.backend}, in which nothing can be added to it; load it with "
            "backend='torch'"
        )
    return found, encoder


def _class() -> Any:
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise MissingExtraError(
            "a saved sentence model", "sentence-transformers", "contextual"
        ) from error
    return SentenceTransformer


def _load(name: str) -> Any:
    kind = _class()
    import torch

    _check_kind(name)
    try:
        with silent():
            return kind(
                name, trust_remote_code=False, device="cpu", model_kwargs={"dtype": torch.float32}
            ).to(torch.float32)
    except Exception as error:  # the libraries raise many kinds
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataFileError(
            f"{name!r:.200}: cannot be loaded as a sentence-transformers model ({reason:.200}); "
            "give its folder or hub id, or an encoder (embias.as_encoder)"
        ) from error


def _check_kind(name: str) -> None:
    """Refuse a folder of another kind, which would be loaded with a pooling of nobody's choice."""
    try:
        config = json.loads((Path(name) / "config_sentence_transformers.json").read_bytes())
        kind = config.get("model_type", _NAME)
    except (OSError, ValueError, AttributeError):  # loading it says what is wrong
        return
    if kind != _NAME:
        raise InputError(f"{name!r:.200} holds a {kind}, not a {_NAME}, so no map can be added")


@contextmanager
def silent() -> Iterator[None]:
    """Switch off the bars that transformers shows while it loads and writes weights."""
    from transformers.utils import logging

    bars: Any = logging  # its switches have no types
    shown = bars.is_progress_bar_enabled()
    bars.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            bars.enable_progress_bar()


def place_of_normalize(model: Any) -> int | None:
    """Return the place of the module that scales the vectors at the end, None without one."""
    last = len(model) - 1
    return last if type(model[last]).__name__ == "Normalize" else None


def with_modules(model: Any, modules: dict[str, Any]) -> Any:
    """Return a model of these modules, which it shares with the one it was made from.

    Prompts, truncation and similarity are kept. Nothing is copied, and nothing of the first model
    is changed: its own constructor would move modules to another device or number type.
    """
    made = copy.copy(model)
    # Past torch's own attribute setting, which takes such a dict for an ordinary attribute.
    made.__dict__["_modules"] = dict(modules)
    return made


def output_dimension(model: Any) -> int:
    """Return the number of coordinates before any truncation."""
    with model.truncate_embeddings(None):
        known = model.get_embedding_dimension()
        return int(known if known is not None else len(model.encode("a", show_progress_bar=False)))


def describe_model(model: Any, encoder: Encoder | None) -> dict[str, str]:
    """Return what is known of the model, for its card."""
    known = {}
    if encoder is not None:
        info = encoder.info
        fields = {"model": info.weights or info.id, "revision": info.revision}
        known = {name: value for name, value in fields.items() if value}
        if info.prompt:
            known["prompt of the encoder"] = info.prompt
        known["encoder sha256"] = info.fingerprint()
    elif getattr(getattr(model, "model_card_data", None), "base_model", None):
        known["model"] = str(model.model_card_data.base_model)
    return known
