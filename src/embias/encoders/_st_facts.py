"""Reads from a sentence-transformers model what an audit must record."""

from __future__ import annotations

import math
from typing import Any

from embias.encoders._quiet import quiet

_NO_LIMIT = 10**9  # transformers writes "no limit" as a very large number
_STATIC = frozenset({"StaticEmbedding", "WordEmbeddings", "BoW"})


def default_prompt(model: Any) -> str:
    """Return the text that the model puts before every input unless told otherwise."""
    name = getattr(model, "default_prompt_name", None)
    return (model.prompts.get(name) or "") if name is not None else ""


def pooling_of(model: Any, prompt: str) -> str | None:
    """Return how token vectors become one vector, None when no module says so."""
    for module in model.children():
        kind = type(module).__name__
        if kind == "StaticEmbedding":
            return "mean"
        if kind == "Pooling":
            mode = module.pooling_mode
            text = mode if isinstance(mode, str) else "+".join(mode)
            leaves_out = prompt and not getattr(module, "include_prompt", True)
            return f"{text}, without the prompt" if leaves_out else text
    return None


def prompt_in_pool(model: Any, prompt: str) -> bool | None:
    """Return whether the tokens of the prompt are pooled, None without a prompt."""
    if not prompt:
        return None
    return all(getattr(module, "include_prompt", True) for module in model.children())


def full_dimension(model: Any) -> int | None:
    """Return the number of coordinates before any truncation, None where it is not known."""
    if not hasattr(model, "truncate_embeddings"):
        full = model.get_embedding_dimension()
    else:
        with model.truncate_embeddings(None):
            full = model.get_embedding_dimension()
    return None if full is None else int(full)


def dtype_of(model: Any) -> str | None:
    """Return the number type of the weights, None where the model shows none."""
    dtype = getattr(model, "dtype", None)
    return None if dtype is None else str(dtype).removeprefix("torch.")


def is_static(model: Any) -> bool:
    """Return whether words are averaged without context (StaticEmbedding, model2vec)."""
    return any(type(module).__name__ in _STATIC for module in model.children())


def ends_normalized(model: Any) -> bool:
    """Return whether the last module scales vectors to unit length."""
    modules = list(model.children())
    return bool(modules) and type(modules[-1]).__name__ == "Normalize"


def keeps_zero(model: Any) -> bool:
    """Return whether no tokens give the zero vector: no layer that could add to it follows."""
    return all(type(module).__name__ in _STATIC | {"Normalize"} for module in model.children())


def max_length_of(model: Any) -> int | None:
    """Return the longest input in tokens, None without a limit."""
    limit = getattr(model, "max_seq_length", None)
    if limit is None or limit == math.inf or limit > _NO_LIMIT:
        return None
    return int(limit)


def can_be_cut(model: Any) -> bool:
    """Return whether the number of tokens can be limited for one call."""
    first = next(iter(model.children()), None)
    return type(first).__name__ == "Transformer" and callable(getattr(model, "tokenizer", None))


def token_counts(model: Any, texts: list[str]) -> list[int] | None:
    """Return the number of tokens of each text with special tokens; None when not countable.

    Exact, by the tokenizer itself: no bound on the number of characters is safe (one character
    can become 18 by compatibility normalisation), and it takes under a hundredth of a forward
    pass.
    """
    tokenizer: Any = getattr(model, "tokenizer", None)
    if callable(tokenizer):
        with quiet():  # the tokenizer logs that a text is long, which is what is asked here
            encoded = tokenizer(
                texts,
                add_special_tokens=True,
                truncation=False,
                padding=False,
                return_attention_mask=False,
                return_token_type_ids=False,
            )
        return [len(ids) for ids in encoded["input_ids"]]
    if hasattr(tokenizer, "encode_batch"):  # of StaticEmbedding, which adds no special tokens
        return [len(one.ids) for one in tokenizer.encode_batch(texts, add_special_tokens=False)]
    if hasattr(tokenizer, "tokenize"):
        return [len(tokenizer.tokenize(text)) for text in texts]
    return None
