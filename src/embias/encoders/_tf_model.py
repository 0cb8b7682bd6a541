"""What a transformers model is: its stack of layers, its sizes, and what pins it."""

from __future__ import annotations

from typing import Any, Literal

from embias.encoders import _model_hash
from embias.errors import InputError

Family = Literal["encoder", "decoder", "encoder-decoder"]

_LONGEST_LIMIT = 1_000_000  # a tokenizer without a limit says about 1e30
_POSITION_TABLES = frozenset({"position_embeddings", "wpe", "embed_positions"})


def body_of(model: Any) -> tuple[Any, Family]:
    """Return the stack of layers without heads, and what kind of stack it is."""
    if getattr(model.config, "is_encoder_decoder", False):
        return model.get_encoder(), "encoder-decoder"
    body = getattr(model, "base_model", model)
    return body, "decoder" if _is_causal(body) else "encoder"


def _is_causal(body: Any) -> bool:
    """Return whether no token sees what follows it: attention says so, else the kind of model."""
    said = [module.is_causal for module in body.modules() if hasattr(module, "is_causal")]
    if said:
        return any(said)
    from transformers.models.auto import modeling_auto as auto

    kind = getattr(body.config, "model_type", "")
    masked = kind in auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES
    return kind in auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES and not masked


def size_of(body: Any, name: str) -> int:
    """Return a size that the configuration states (``hidden_size``, ``num_hidden_layers``)."""
    config = body.config
    size = getattr(config, name, None)
    if size is None and hasattr(config, "get_text_config"):
        size = getattr(config.get_text_config(), name, None)
    if not isinstance(size, int):
        raise InputError(
            f"{type(body).__name__}: the configuration of the model does not state {name}; it is "
            "not a model of texts that can be used here"
        )
    return size


def positions_of(body: Any) -> int | None:
    """Return how many tokens the model has positions for, None without such a limit."""
    import torch

    stated = getattr(body.config, "max_position_embeddings", None)
    stated = stated if isinstance(stated, int) and stated > 0 else None
    for name, module in body.named_modules():
        if isinstance(module, torch.nn.Embedding) and name.split(".")[-1] in _POSITION_TABLES:
            if module.padding_idx is not None:  # RoBERTa counts its positions from after this row
                return module.num_embeddings - module.padding_idx - 1
            return min(module.num_embeddings, stated or module.num_embeddings)
    return stated


def length_of(tokenizer: Any) -> int | None:
    """Return the longest input that the tokenizer states, None when it states none."""
    limit = getattr(tokenizer, "model_max_length", None)
    return int(limit) if limit is not None and 0 < limit < _LONGEST_LIMIT else None


def is_pooler(key: str) -> bool:
    """Return whether a weight is that of a pooler, on which no layer depends."""
    return "pooler" in key.split(".")


def object_hash(body: Any) -> str:
    """Return a hash of weights, modules and configuration: epsilons and heads are not weights.

    A pooler is left out: no layer depends on it, and many checkpoints have none, so that it is
    filled at random when they are loaded.
    """
    return str(_model_hash.object_hash(body, leave_out=is_pooler))
