"""What a model of transformers is and takes: its kind, its length, its inputs and its logits."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, TypeAlias

from embias.errors import InputError

__all__ = [
    "CURE",
    "Kind",
    "accepted_by",
    "device_of",
    "for_inference",
    "kind_of",
    "logits_of",
    "longest_of",
    "vocabulary_of",
]

Kind: TypeAlias = Literal["masked", "causal"]

CURE = (
    "give the pair (tokenizer, model), the model loaded with "
    "AutoModelForMaskedLM or AutoModelForCausalLM"
)
_MASKED = ("ForMaskedLM",)
_CAUSAL = ("ForCausalLM", "LMHeadModel")
_POSITION_TABLES = frozenset({"position_embeddings", "wpe", "embed_positions"})
_NO_LIMIT = 10**6  # tokenizers write 10**30 where there is none


def kind_of(model: Any, who: str) -> Kind:
    """Return whether the model fills masks or continues texts; refuse one that does neither."""
    # By the class, also one that was derived from it: the configuration only says what the saved
    # weights once belonged to.
    if not callable(model):
        raise InputError(f"{who}: {model!r:.60} is not a model; {CURE}")
    names = [cls.__name__ for cls in type(model).__mro__]
    if getattr(getattr(model, "config", None), "is_encoder_decoder", False):
        raise InputError(
            f"{who}: {names[0]} is an encoder with a decoder, whose likelihoods are of other "
            f"texts than the one it reads; {CURE}"
        )
    if any(name.endswith(_MASKED) for name in names):
        return "masked"
    if any(name.endswith(_CAUSAL) for name in names):
        return "causal"
    raise InputError(f"{who}: {names[0]} gives no probabilities of tokens; {CURE}")


def logits_of(model: Any, inputs: dict[str, Any]) -> Any:
    """Return the logits of one forward pass, shape (texts, tokens, vocabulary)."""
    import torch

    with torch.no_grad():
        output = model(**inputs)
    logits = getattr(output, "logits", None)
    if logits is None and isinstance(output, tuple):
        logits = output[0]
    if logits is None or logits.ndim != 3:
        raise InputError(f"{type(model).__name__} gives no logits of tokens; {CURE}")
    return logits


def longest_of(tokenizer: Any, model: Any) -> int | None:
    """Return how many tokens the model takes, None where nothing states it."""
    limits = [getattr(tokenizer, "model_max_length", None)]
    limits.append(getattr(getattr(model, "config", None), "max_position_embeddings", None))
    for name, module in getattr(model, "named_modules", lambda: ())():
        if name.split(".")[-1] in _POSITION_TABLES and hasattr(module, "num_embeddings"):
            # RoBERTa counts its positions from after the row of the padding.
            skipped = 0 if module.padding_idx is None else module.padding_idx + 1
            limits.append(module.num_embeddings - skipped)
    stated = [int(limit) for limit in limits if limit is not None and 0 < limit < _NO_LIMIT]
    return min(stated, default=None)


def vocabulary_of(model: Any) -> int | None:
    """Return how many tokens the model can read, None where it does not tell."""
    try:
        return int(model.get_input_embeddings().num_embeddings)
    except (AttributeError, NotImplementedError):
        return None


def device_of(model: Any) -> Any:
    """Return the device of the model's weights."""
    parameters = getattr(model, "parameters", None)
    first = next(iter(parameters()), None) if callable(parameters) else None
    return "cpu" if first is None else first.device


def accepted_by(model: Any) -> Callable[[str], bool]:
    """Return whether the model takes an input of a name; what passes all on gets the mask too."""
    parameters = inspect.signature(getattr(model, "forward", model)).parameters
    passes_on = any(one.kind is one.VAR_KEYWORD for one in parameters.values())
    return lambda name: name in parameters or (passes_on and name != "token_type_ids")


@contextmanager
def for_inference(model: Any) -> Iterator[None]:
    """Switch dropout off for the time of a call, and leave the caller's model as it was."""
    modules: Callable[[], Any] = getattr(model, "modules", lambda: ())
    training = [module for module in modules() if module.training]
    try:
        for module in training:
            module.training = False
        yield
    finally:
        for module in training:
            module.training = True
