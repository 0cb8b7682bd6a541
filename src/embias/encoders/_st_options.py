"""The options of a sentence encoder: their rules, and what they mean for one model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from embias.encoders import _st_facts as facts
from embias.encoders._options import as_optional_text
from embias.encoders._show import shown
from embias.errors import InputError, UnknownNameError, did_you_mean

_CHOICES: dict[str, tuple[str | None, ...]] = {
    "pool": (None, "mean"),
    "long_inputs": ("error", "truncate"),
    "dtype": ("float32", "float16", "bfloat16"),
    "backend": ("torch", "onnx", "openvino"),
}


@dataclass(frozen=True, slots=True)
class Options:
    """What a caller asked for, checked as far as that is possible without the model."""

    batch_size: int
    prompt: str | None
    prompt_name: str | None
    pool: str | None
    truncate_dim: int | None
    max_length: int | None
    long_inputs: str
    dtype: str
    backend: str

    def __post_init__(self) -> None:
        _check_positive("batch_size", self.batch_size)
        for name in ("truncate_dim", "max_length"):
            if getattr(self, name) is not None:
                _check_positive(name, getattr(self, name))
        if self.prompt is not None and not isinstance(self.prompt, str):
            raise InputError(
                f"prompt must be str or None, got {shown(self.prompt)}; give '' for no prompt"
            )
        as_optional_text("prompt_name", self.prompt_name)
        if self.prompt is not None and self.prompt_name is not None:
            raise InputError(
                f"prompt={shown(self.prompt)} and prompt_name={shown(self.prompt_name)} are both "
                "given; give the text or the name"
            )
        for name, choices in _CHOICES.items():
            value = getattr(self, name)
            if value not in choices:
                known = [choice for choice in choices if choice is not None]
                hint = f"; {did_you_mean(value, known)}" if isinstance(value, str) else ""
                listed = ", ".join("None" if one is None else repr(one) for one in choices)
                raise InputError(f"{name} must be one of {listed}, got {shown(value)}{hint}")
        if self.backend != "torch" and self.dtype != "float32":
            raise InputError(
                f"dtype={self.dtype!r} goes with backend='torch' only: the graph of "
                f"{self.backend!r} has its own number type; leave dtype out"
            )
        if self.pool is not None and self.truncate_dim is not None:
            raise InputError(
                f"truncate_dim={self.truncate_dim} and pool={self.pool!r} do not go together; "
                "leave truncate_dim out"
            )

    def check_object(self, model: Any) -> None:
        """Refuse a number type or backend that a model given as an object does not have."""
        backend, dtype = str(getattr(model, "backend", "torch")), facts.dtype_of(model)
        if self.backend not in ("torch", backend):
            raise InputError(
                f"backend={self.backend!r}, but the model given runs on {backend!r}; load it with "
                "that backend, or give its folder or hub id"
            )
        if self.dtype not in ("float32", dtype):
            raise InputError(
                f"dtype={self.dtype!r}, but the model given is in {dtype}; convert it, or give its "
                "folder or hub id"
            )

    def prompt_text(self, model: Any, who: str) -> str:
        """Return the text that is put before every input."""
        if self.prompt_name is None:
            return facts.default_prompt(model) if self.prompt is None else self.prompt
        prompts = {name: text for name, text in model.prompts.items() if text is not None}
        if self.prompt_name not in prompts:
            raise UnknownNameError(
                f"{who}: the model has no prompt named {shown(self.prompt_name)}; "
                f"{did_you_mean(self.prompt_name, prompts)}"
            )
        return str(prompts[self.prompt_name])

    def coordinates(self, model: Any, who: str) -> int | None:
        """Return how many coordinates are kept, None for all."""
        full = facts.full_dimension(model)
        if self.truncate_dim is None:
            own = getattr(model, "truncate_dim", None)
            return None if own is None or (full is not None and own >= full) else int(own)
        if full is not None and self.truncate_dim > full:
            raise InputError(
                f"{who}: truncate_dim={self.truncate_dim}, but the model gives only "
                f"{full} coordinates; give a smaller number"
            )
        return self.truncate_dim

    def limit(self, model: Any, who: str) -> int | None:
        """Return the longest input in tokens, None without a limit."""
        own = facts.max_length_of(model)
        if self.max_length is None:
            return own
        if own is not None and self.max_length > own:
            raise InputError(
                f"{who}: max_length={self.max_length}, but the model takes at most {own} tokens; "
                "give a smaller number"
            )
        if not facts.can_be_cut(model):
            raise InputError(
                f"{who}: max_length={self.max_length}, but the number of tokens of this model "
                "cannot be limited; leave max_length out"
            )
        return self.max_length


def _check_positive(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InputError(f"{name} must be a whole number of at least 1, got {shown(value)}")
