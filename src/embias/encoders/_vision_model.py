"""A transformers vision model: which hidden state, and how its positions become one vector."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from embias.encoders import _images_model as im
from embias.encoders._model_hash import object_hash
from embias.encoders._quiet import quiet
from embias.encoders._show import shown
from embias.errors import InputError

VisionPooling: TypeAlias = Literal["cls", "mean", "max", "pooler"]

_CLASS_TOKENS = frozenset(("cls_token", "class_embedding", "class_token"))
#: How far the states of one picture may lie apart in one batch, relative to their size.
_SAME = 1e-2


class VisionModel:
    """What the encoder needs of a vision model."""

    def __init__(
        self,
        model: Any,
        processor: Any,
        device: str | None,
        dtype: str | None,
        revision: str | None,
        pooling: VisionPooling,
        special_tokens: bool,
    ) -> None:
        model, processor = im.split(model, processor)
        loaded = isinstance(model, str | os.PathLike)
        self.parts = (
            _load(os.fsdecode(model), processor, revision, dtype)
            if loaded
            else _given(model, processor, revision, dtype)
        )
        # A head that is not used may lack its weights.
        unused: tuple[str, ...] = () if pooling == "pooler" else ("pooler.", "vision_model.head.")
        tower = getattr(self.parts.model, "vision_model", None)
        if tower is not None and hasattr(self.parts.model, "get_image_features"):
            unused += ("text_", "logit_", "visual_projection")
        else:
            tower = None
        im.refuse_random_weights(self.parts, allowed=unused)
        self.model = im.place(self.parts.model if tower is None else tower, device, loaded=loaded)
        self.notes: tuple[str, ...] = ()
        if tower is not None:
            self.notes = ("vision tower of a model of texts and pictures, before its projection",)
        self.layer = -1
        self._last = True
        self._pooling = pooling
        self._special_tokens = special_tokens
        names = (name.rpartition(".")[2] for name, _ in self.model.named_parameters())
        self._has_class_token = any(name in _CLASS_TOKENS for name in names)

    def prepare(self, layer: int, picture: Any, who: str) -> int:
        """Check layer and pooling on a picture, and return the number of coordinates."""
        (_, inputs), *_ = im.pixel_batches(self.parts.images, [picture, picture])
        output = self._forward(inputs, states=True)
        states = getattr(output, "hidden_states", None)
        if self._pooling == "pooler" and layer not in (-1, len(states or (0,)) - 1):
            raise InputError(
                f"{who}: layer={layer}: the pooler reads the last layer only; leave layer out, or "
                "use pooling='mean'"
            )
        if states is None and layer != -1:
            raise InputError(
                f"{who}: the model does not give its hidden states; leave layer out (-1)"
            )
        blocks = len(states) - 1 if states is not None else 0
        if not -blocks - 1 <= layer <= blocks:
            raise InputError(
                f"{who}: layer={layer}, but the model has layers 0 to {blocks}; give one of them, "
                "or -1 for the last"
            )
        self.layer = layer if layer >= 0 else blocks + 1 + layer
        self._last = self.layer == blocks
        if self.layer == 0 and blocks and self._pooling == "cls":
            raise InputError(
                f"{who}: layer=0 with pooling='cls': before the first block the class token is the "
                "same for every picture; use pooling='mean' or another layer"
            )
        first, second = im.as_array(output.last_hidden_state)
        if np.abs(first - second).max() > _SAME * max(float(np.abs(first).max()), 1e-30):
            raise InputError(
                f"{who}: the model gives two results for one picture (it masks patches at random); "
                "give a model without masking"
            )
        return int(self._pooled(output, inputs).shape[1])

    def rows(self, pictures: Sequence[Any]) -> NDArray[np.float32]:
        """Return one row per Pillow image."""
        rows: dict[int, NDArray[np.float32]] = {}
        for positions, inputs in im.pixel_batches(self.parts.images, pictures):
            output = self._forward(inputs, states=not self._last)
            rows |= zip(positions, im.as_array(self._pooled(output, inputs)), strict=True)
        return np.stack([rows[position] for position in range(len(pictures))])

    def _forward(self, inputs: dict[str, Any], *, states: bool) -> Any:
        import torch

        with quiet(), torch.inference_mode():
            return self.model(
                **im.on_model(inputs, self.model), output_hidden_states=states, return_dict=True
            )

    def _pooled(self, output: Any, inputs: dict[str, Any]) -> Any:
        if self._pooling == "pooler":
            pooled = getattr(output, "pooler_output", None)
            if pooled is None:
                raise InputError(
                    "pooling='pooler': the model has no pooled output; use pooling='cls' or 'mean'"
                )
            return pooled.flatten(1)
        # The output, not hidden_states[-1], which some models give before their final norm.
        state = output.last_hidden_state if self._last else output.hidden_states[self.layer]
        state = self._positions(state)
        prefix = self._prefix(state, inputs)
        if self._pooling == "cls":
            if not prefix:
                raise InputError(
                    "pooling='cls': the model has no class token; use pooling='mean' or 'pooler'"
                )
            return state[:, 0]
        if not self._special_tokens:
            state = state[:, prefix:]
        return state.mean(dim=1) if self._pooling == "mean" else state.amax(dim=1)

    def _positions(self, state: Any) -> Any:
        """Return a hidden state as (pictures, positions, coordinates)."""
        if state.ndim == 3:
            return state
        widths = _widths(self.model.config)
        channels = [axis for axis in (1, 3) if state.ndim == 4 and state.shape[axis] in widths]
        if len(channels) != 1:
            raise InputError(
                f"the hidden states have the shape {tuple(state.shape)}, in which the coordinates "
                "cannot be told from the positions; use pooling='pooler'"
            )
        return state.flatten(2).transpose(1, 2) if channels == [1] else state.flatten(1, 2)

    def _prefix(self, state: Any, inputs: dict[str, Any]) -> int:
        """Return how many positions before the patches are class and register tokens."""
        if not self._has_class_token:
            return 0
        height, width = inputs["pixel_values"].shape[-2:]
        size = getattr(self.model.config, "patch_size", None)
        sides = (size, size) if isinstance(size, int) else tuple(size or ())
        patches = (height // sides[0]) * (width // sides[1]) if len(sides) == 2 else -1
        prefix = int(state.shape[1]) - patches
        if patches < 1 or prefix < 1:
            raise InputError(
                f"the model has a class token, but {state.shape[1]} positions do not fit a picture "
                f"of {height} x {width} pixels in patches of {shown(size)}; use pooling='pooler'"
            )
        return prefix


def _widths(config: Any) -> set[int]:
    found: set[int] = set()
    for name in ("hidden_size", "hidden_sizes", "embedding_size", "num_features"):
        value = getattr(config, name, None)
        found |= {value} if isinstance(value, int) else set(value or ())
    return found


def _load(name: str, processor: Any, revision: str | None, dtype: str | None) -> im.Parts:
    if processor is not None:
        raise InputError("processor= goes with a model given as an object; leave it out here")
    return im.load(name, revision, dtype, texts=False)


def _given(model: Any, processor: Any, revision: str | None, dtype: str | None) -> im.Parts:
    if not hasattr(model, "state_dict") or not hasattr(model, "config"):
        raise InputError(
            f"model must be a folder, a hub id or (processor, model) of transformers, got "
            f"{type(model).__name__}"
        )
    if dtype is not None:
        raise InputError("dtype= is for a model that is loaded here; convert the object yourself")
    images = getattr(processor, "image_processor", processor)
    if not callable(images) or not hasattr(images, "to_dict"):
        raise InputError(
            f"processor is {shown(type(processor).__name__)}; give the image processor of the model"
        )
    im.transformers_package()
    return im.Parts(model, images, None, "vision", None, revision or object_hash(model))
