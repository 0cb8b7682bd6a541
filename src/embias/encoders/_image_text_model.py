"""Models with vectors for texts and pictures in one space, of either library."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from embias.encoders import _images_model as im
from embias.encoders import _st_facts as facts
from embias.encoders import _st_model as st
from embias.encoders._inference import for_inference
from embias.encoders._model_hash import object_hash, tokenizer_hash
from embias.encoders._pictures import describe
from embias.encoders._quiet import quiet
from embias.encoders._show import plain, shown
from embias.encoders._st_kinds import sentence_transformer_class
from embias.encoders._versions import versions
from embias.errors import InputError

_METHODS = ("get_text_features", "get_image_features")
#: Trained on texts padded to the full length, without a mask: a shorter padding is another input.
_PADDED_TO_LIMIT = frozenset(("siglip", "siglip2"))
_NO_LIMIT = 1_000_000  # tokenizers say "no limit" with huge numbers


class ImageTextModel(Protocol):
    """What the encoder needs of a model."""

    name: str

    def texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one row per text."""
        ...

    def pictures(self, pictures: Sequence[Any]) -> NDArray[np.float32]:
        """Return one row per Pillow image."""
        ...

    def lengths(self, texts: Sequence[str]) -> list[int] | None:
        """Return the number of tokens of every text."""
        ...

    def facts(self) -> dict[str, Any]:
        """Return fields of the EncoderInfo."""
        ...


class TwoTowers:
    """A transformers model with ``get_text_features`` and ``get_image_features``."""

    def __init__(self, parts: im.Parts, device: str | None, *, loaded: bool) -> None:
        wanting = [name for name in _METHODS if not hasattr(parts.model, name)]
        if wanting:
            raise InputError(
                f"{plain(parts.name)}: a {type(parts.model).__name__} has no {wanting[0]}, so that "
                "texts and pictures do not come out in one space; give a CLIP-like model, or use "
                "VisionEncoder for pictures alone"
            )
        im.refuse_random_weights(parts)
        self.name = parts.name
        self._parts = parts
        self._model = im.place(parts.model, device, loaded=loaded)
        limits = (
            getattr(parts.tokenizer, "model_max_length", None),
            getattr(self._model.config.get_text_config(), "max_position_embeddings", None),
        )
        known = [int(limit) for limit in limits if limit is not None and limit < _NO_LIMIT]
        self._limit = min(known, default=None)
        self._to_limit = self._model.config.model_type in _PADDED_TO_LIMIT and known

    def texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one row per text."""
        import torch

        how: dict[str, Any] = {"padding": True}
        if self._to_limit:
            how = {"padding": "max_length", "max_length": self._limit}
        with quiet(), torch.inference_mode():
            inputs = self._parts.tokenizer(list(texts), return_tensors="pt", **how)
            output = self._model.get_text_features(**im.on_model(inputs, self._model))
        return im.as_array(getattr(output, "pooler_output", output))

    def pictures(self, pictures: Sequence[Any]) -> NDArray[np.float32]:
        """Return one row per Pillow image."""
        import torch

        rows: dict[int, NDArray[np.float32]] = {}
        for positions, inputs in im.pixel_batches(self._parts.images, pictures):
            with quiet(), torch.inference_mode():
                output = self._model.get_image_features(**im.on_model(inputs, self._model))
            found = im.as_array(getattr(output, "pooler_output", output))
            rows |= dict(zip(positions, found, strict=True))
        return np.stack([rows[position] for position in range(len(pictures))])

    def lengths(self, texts: Sequence[str]) -> list[int] | None:
        """Return the number of tokens of every text."""
        with quiet():
            encoded = self._parts.tokenizer(list(texts), truncation=False, padding=False)
        return [len(ids) for ids in encoded["input_ids"]]

    def facts(self) -> dict[str, Any]:
        """Return fields of the EncoderInfo."""
        return {
            "weights": self._parts.weights,
            "revision": self._parts.revision,
            "normalized": False,
            "max_length": self._limit,
            "dtype": im.dtype_of(self._model),
            "tokenizer": tokenizer_hash(self._parts.tokenizer),
            "preprocessing": describe(self._parts.images),
            "libraries": versions("transformers", "torch", "Pillow"),
        }


class SentenceModel:
    """A sentence-transformers model that takes pictures too."""

    def __init__(self, loaded: st.Loaded, device: str | None) -> None:
        self._model = loaded.model
        self._loaded = loaded
        self._device = device
        self._prompt = facts.default_prompt(loaded.model)
        self._truncate_dim = getattr(loaded.model, "truncate_dim", None)
        self.name = loaded.name
        takes = list(getattr(loaded.model, "modalities", ()))
        if not {"text", "image"} <= set(takes):
            raise InputError(
                f"{plain(self.name)}: this sentence-transformers model takes "
                f"{', '.join(map(str, takes)) or 'texts'}, not texts and pictures; give a "
                "CLIP-like model, or use SentenceTransformerEncoder for texts"
            )

    def texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one row per text."""
        # As a dict: a bare text that looks like a path or an address would be opened as a picture.
        return self._encode([{"text": text} for text in texts])

    def pictures(self, pictures: Sequence[Any]) -> NDArray[np.float32]:
        """Return one row per Pillow image."""
        return self._encode([{"image": picture} for picture in pictures])

    def _encode(self, inputs: list[dict[str, Any]]) -> NDArray[np.float32]:
        with quiet(), for_inference(self._model):
            rows = self._model.encode(
                inputs,
                prompt=self._prompt,
                batch_size=len(inputs),
                show_progress_bar=False,
                convert_to_numpy=True,
                device=self._device,
                normalize_embeddings=self._truncate_dim is not None
                and facts.ends_normalized(self._model),
                truncate_dim=self._truncate_dim,
            )
        return np.asarray(rows, dtype=np.float32)

    def lengths(self, texts: Sequence[str]) -> list[int] | None:
        """Return the number of tokens of every text."""
        return facts.token_counts(self._model, [self._prompt + text for text in texts])

    def facts(self) -> dict[str, Any]:
        """Return fields of the EncoderInfo."""
        processor = getattr(self._model[0], "processor", None)
        images = getattr(processor, "image_processor", processor)
        return {
            "weights": self._loaded.weights,
            "revision": self._loaded.revision,
            "prompt": self._prompt or None,
            "pooling": facts.pooling_of(self._model, self._prompt),
            "truncate_dim": self._truncate_dim,
            "normalized": facts.ends_normalized(self._model),
            "max_length": facts.max_length_of(self._model),
            "dtype": str(getattr(self._model, "dtype", "float32")).removeprefix("torch."),
            "tokenizer": tokenizer_hash(getattr(self._model, "tokenizer", None)),
            "preprocessing": describe(images) if hasattr(images, "to_dict") else None,
            "libraries": versions("sentence-transformers", "transformers", "torch", "Pillow"),
            "notes": self._loaded.notes,
        }


def open_model(
    model: Any, processor: Any, device: str | None, dtype: str | None, revision: str | None
) -> ImageTextModel:
    """Return the model behind what a user gave: a name, a folder or an object."""
    model, processor = im.split(model, processor)
    if isinstance(model, str | os.PathLike):
        if processor is not None:
            raise InputError("processor= goes with a model given as an object; leave it out here")
        name = os.fsdecode(model)
        if _is_sentence_model(name):
            if dtype not in (None, "float32"):
                raise InputError(
                    f"dtype={shown(dtype)}: a sentence-transformers model is loaded in float32; "
                    "load it yourself and pass the object"
                )
            return SentenceModel(st.load(name, st.Wanted(device, revision)), device)
        return TwoTowers(im.load(name, revision, dtype, texts=True), device, loaded=True)
    if dtype is not None:
        raise InputError("dtype= is for a model that is loaded here; convert the object yourself")
    if hasattr(model, "encode") and isinstance(model, sentence_transformer_class()):
        pinned = revision or object_hash(model)
        return SentenceModel(st.Loaded(model, "image-text", None, pinned, ()), device)
    return TwoTowers(_given(model, processor, revision), device, loaded=False)


def _given(model: Any, processor: Any, revision: str | None) -> im.Parts:
    if not hasattr(model, "state_dict") or not hasattr(model, "config"):
        raise InputError(
            f"model must be a folder, a hub id, a SentenceTransformer or (processor, model) of "
            f"transformers, got {type(model).__name__}"
        )
    images = getattr(processor, "image_processor", None)
    tokenizer = getattr(processor, "tokenizer", None)
    if images is None or tokenizer is None:
        raise InputError(
            f"processor is {shown(type(processor).__name__)} and must hold an image_processor and "
            "a tokenizer; give the CLIPProcessor (or its like) of the model"
        )
    im.transformers_package()
    pinned = revision or object_hash(model)
    return im.Parts(model, images, tokenizer, "image-text", None, pinned)


def _is_sentence_model(name: str) -> bool:
    if os.path.isdir(os.path.expanduser(name)):
        return (Path(name).expanduser() / "modules.json").is_file()
    # A name without an organisation is one of sentence-transformers' own.
    if "/" not in name:
        return True
    try:
        with quiet():
            found = im.transformers_package().utils.cached_file(
                name, "modules.json", _raise_exceptions_for_missing_entries=False
            )
    except Exception:  # not there at all: loading says so
        return False
    return found is not None
