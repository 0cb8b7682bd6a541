"""What a model given as an object computes beyond its weights: modules, settings, functions."""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Iterator
from types import BuiltinFunctionType, FunctionType
from typing import Any

import numpy as np

__all__ = ["structure"]

# What has no part in the vectors, or is where a model was found: the same model, loaded from
# another folder, is the same model.
_NO_PART = frozenset(
    {
        "_commit_hash",
        "_name_or_path",
        "architectures",
        "cache_dir",
        "dtype",
        "gradient_checkpointing",
        "loss_type",
        "name_or_path",
        "torch_dtype",
        "training",
        "transformers_version",
    }
)
# Recorded in the info of each encoder, as it uses them.
_OF_THE_WHOLE = frozenset({"default_prompt_name", "prompts", "truncate_dim", "model_card_data"})


def structure(model: Any) -> list[Any]:
    """Return, for every module in order, its name, its class and all that it is set to.

    Settings are taken from the module itself: what a configuration said when the model was built
    need not hold any more (the epsilon of a norm may have been changed since). Dropout has no part
    in inference. What comes back can be written as JSON.
    """
    told: set[int] = set()  # most modules hold the configuration of the whole
    return [_module(name, module, told) for name, module in _modules(model)]


def _modules(model: Any) -> Iterator[tuple[str, Any]]:
    for name, module in model.named_modules():
        if "Dropout" not in type(module).__name__:
            yield name, module


def _module(name: str, module: Any, told: set[int]) -> list[Any]:
    settings = {
        key: value
        for key, value in vars(module).items()
        if not key.startswith("_")
        and not key.endswith("_cached")  # grows with the texts that went through
        and "dropout" not in key
        and not (name == "" and key in _OF_THE_WHOLE)
    }
    config = settings.pop("config", None)
    new = hasattr(config, "to_dict") and id(config) not in told
    told.add(id(config))
    saved = getattr(module, "get_config_dict", None)
    return [
        name,
        _name_of(type(module)),
        module.extra_repr(),
        _plain(settings),
        _plain(config.to_dict()) if new else None,
        _plain(saved()) if callable(saved) else None,
    ]


def _plain(value: Any) -> Any:
    """Return a setting as JSON can hold it, whatever cannot be told by its class alone."""
    if isinstance(value, enum.Enum):
        value = value.value
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, dict):
        kept = {str(key): _plain(entry) for key, entry in value.items() if str(key) not in _NO_PART}
        return dict(sorted(kept.items()))
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, set | frozenset):
        return sorted(str(entry) for entry in value)
    if isinstance(value, type | FunctionType | BuiltinFunctionType):
        return _name_of(value)
    return _other(value)


def _other(value: Any) -> Any:
    if hasattr(value, "detach"):  # a tensor that was not registered as a buffer
        value = value.detach().float().cpu().numpy()
    if isinstance(value, np.ndarray):
        return [list(value.shape), hashlib.sha256(value.tobytes()).hexdigest()]
    return _name_of(type(value))


def _name_of(what: Any) -> str:
    return f"{what.__module__}.{what.__qualname__}"
