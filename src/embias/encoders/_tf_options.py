"""Reads the options of a transformers encoder: layers, pooling, lengths; and words them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from embias.encoders import _tf_pool as pool
from embias.encoders._show import shown
from embias.encoders._tf_model import Family
from embias.encoders._tf_run import Lengths
from embias.encoders._tf_tokens import Tokens
from embias.errors import InputError

RULES = ("error", "truncate", "window")
EMBEDDING_NOTE = (
    "layer 0 is the embedding layer: the vector of a token depends on the token and its position, "
    "not on the text around it"
)
CAUSAL_NOTE = (
    "a causal model: no token sees what follows it, so that the first token of an input is not "
    "contextual at any layer"
)
ALONE_NOTE = "for words alone, without their sentences"
STACK_NOTE = "an encoder-decoder model: its encoder stack is used"


def one_of(name: str, value: Any, allowed: Sequence[str]) -> str:
    """Return an option that is one of several words."""
    if not isinstance(value, str) or value not in allowed:
        listed = ", ".join(repr(word) for word in allowed)
        raise InputError(f"{name} must be one of {listed}, got {shown(value)}")
    return value


def truth(name: str, value: Any) -> bool:
    """Return an option that is True or False."""
    if not isinstance(value, bool):
        raise InputError(f"{name} must be True or False, got {shown(value)}")
    return value


def positive(name: str, value: Any) -> int:
    """Return an option that is a whole number of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InputError(f"{name} must be a whole number of at least 1, got {shown(value)}")
    return value


# --- layers --------------------------------------------------------------------------------------


def layers_of(layer: Any, n_layers: int) -> tuple[int, ...]:
    """Return the layers to average, counted from 0 (the embedding layer)."""
    if isinstance(layer, str) and layer == "embedding":
        return (0,)
    if isinstance(layer, (list, tuple, range)):
        if not layer:
            raise InputError("layer is an empty list; give at least one layer")
        found = tuple(_one_layer(one, n_layers) for one in layer)
        if len(set(found)) < len(found):
            raise InputError(f"layer={shown(layer)} names a layer twice; name each once")
        return tuple(sorted(found))
    return (_one_layer(layer, n_layers),)


def _one_layer(layer: Any, n_layers: int) -> int:
    if isinstance(layer, bool) or not isinstance(layer, int):
        raise InputError(
            f"layer must be a whole number, a list of them, or 'embedding', got {shown(layer)}"
        )
    if not -n_layers - 1 <= layer <= n_layers:
        raise InputError(
            f"layer={layer} does not exist: the model has the layers 0 (embedding) to {n_layers}, "
            f"or counted from the end -1 to {-n_layers - 1}"
        )
    return layer % (n_layers + 1)


def layer_text(layers: tuple[int, ...]) -> str:
    """Return how ``info.layer`` says which layers."""
    numbers = ",".join(str(layer) for layer in layers)
    return numbers if len(layers) == 1 else f"mean of {numbers}"


# --- pooling -------------------------------------------------------------------------------------


def pooling_of(
    value: Any, level: str, family: Family, probe: Tokens, cls: int | None, special_tokens: bool
) -> str:
    """Return the pooling (of texts, or over the sub-tokens of a word), or its default."""
    if level == "word":
        return one_of("subtokens", "mean" if value is None else value, pool.OF_WORDS)
    default = "last" if family == "decoder" else "mean"
    pooling = one_of("pooling", default if value is None else value, pool.OF_TEXTS)
    if pooling == "cls":
        if cls is None or not probe.lead or int(probe.ids[0]) != cls:
            raise InputError(
                "pooling='cls', but the tokenizer puts no such token first; use 'mean' or 'last'"
            )
        if family == "decoder":
            raise InputError(
                "pooling='cls' on a causal model gives every text the same vector, since the first "
                "token sees nothing else; use 'last' or 'weighted-mean'"
            )
        if not special_tokens:
            raise InputError(
                "pooling='cls' with special_tokens=False contradict each other: the token is "
                "special; leave special_tokens out"
            )
    return pooling


def pooling_text(pooling: str, level: str, special_tokens: bool, prompt_left_out: bool) -> str:
    """Return how ``info.pooling`` says it."""
    if level == "word":
        return short_pooling(pooling, level) + " of the word"
    texts = [short_pooling(pooling, level)]
    texts += [] if special_tokens else ["without special tokens"]
    texts += ["without the prompt"] if prompt_left_out and pooling != "cls" else []
    return ", ".join(texts)


def short_pooling(pooling: str, level: str) -> str:
    """Return the pooling as the ids of variants say it."""
    if level == "word":
        return "mean of sub-tokens" if pooling == "mean" else f"{pooling} sub-token"
    return "last token" if pooling == "last" else pooling


def specials_of(level: str, special_tokens: Any, pooling: Any, subtokens: Any) -> bool:
    """Return whether special tokens are in the pool; refuse options of the other level."""
    if level == "sentence":
        if subtokens is not None:
            raise InputError("subtokens is for level='word'; at this level give pooling=")
        return True if special_tokens is None else truth("special_tokens", special_tokens)
    if pooling is not None:
        raise InputError("pooling is for level='sentence'; at this level give subtokens=")
    if special_tokens:
        raise InputError(
            "special_tokens=True is for level='sentence': a special token is never part of a word; "
            "leave it out"
        )
    return False


def check_offsets(
    tokenizer: Any, level: str, include_prompt: bool, prompt: str, long_inputs: str, who: str
) -> None:
    """Refuse what needs offsets when the tokenizer has none."""
    needs = {
        "level='word'": level == "word",
        "include_prompt=False": bool(prompt) and not include_prompt,
        "long_inputs='window' with a prompt": bool(prompt) and long_inputs == "window",
    }
    for option, needed in needs.items():
        if needed and not tokenizer.is_fast:
            raise InputError(
                f"{who}: {option} needs the places of tokens in the text, which the slow tokenizer "
                f"{type(tokenizer).__name__} does not tell; give the model's fast tokenizer "
                "(tokenizer=), one with is_fast"
            )


# --- lengths -------------------------------------------------------------------------------------


def lengths_of(
    rule: Any,
    max_length: Any,
    overlap: Any,
    positions: int | None,
    stated: int | None,
    probe: Tokens,
) -> Lengths:
    """Return what is done about long inputs.

    `positions` is what the model has room for, `stated` what the tokenizer says; `probe` is the
    shortest text with the prompt and special tokens.
    """
    one_of("long_inputs", rule, RULES)
    if max_length is None:
        limits = [limit for limit in (positions, stated) if limit is not None]
        limit = min(limits) if limits else None
    else:
        limit = positive("max_length", max_length)
        if positions is not None and limit > positions:
            raise InputError(
                f"max_length={limit}, but the model has positions for {positions} tokens only; "
                "give a smaller number"
            )
    if limit is None and rule != "error":
        raise InputError(
            f"long_inputs={rule!r}, but neither model nor tokenizer states a limit; give "
            "max_length="
        )
    if rule != "window":
        if overlap is not None:
            raise InputError("window_overlap is for long_inputs='window'; leave it out")
        return Lengths(limit, rule, 0)
    return Lengths(limit, rule, _overlap_of(overlap, limit or 0, probe))


def _overlap_of(overlap: Any, limit: int, probe: Tokens) -> int:
    around = len(probe) - (probe.tail - probe.head)
    room = limit - around
    if room < 1:
        raise InputError(
            f"max_length={limit} leaves no room for a text beside {around} tokens of prompt and "
            "special tokens; raise it or shorten the prompt"
        )
    if overlap is None:
        return room // 2
    if isinstance(overlap, bool) or not isinstance(overlap, int) or not 0 <= overlap < room:
        raise InputError(
            f"window_overlap must be a whole number from 0 to {room - 1} (a window of {limit} has "
            f"room for {room} tokens of the text), got {shown(overlap)}"
        )
    return overlap


# --- notes and variants --------------------------------------------------------------------------


def notes_of(family: Family, layers: tuple[int, ...]) -> tuple[str, ...]:
    """Return what a reader must know of a model of this kind and of these layers."""
    notes = []
    if family == "encoder-decoder":
        notes.append(STACK_NOTE)
    if family == "decoder":
        notes.append(CAUSAL_NOTE)
    if 0 in layers:
        notes.append(EMBEDDING_NOTE)
    return tuple(notes)


def listed(name: str, values: Any) -> list[Any]:
    """Return the values of an option of variants(); one value alone is refused."""
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise InputError(f"{name} must be a list, got {shown(values)}; give [{shown(values)}]")
    found = list(values)
    if not found:
        raise InputError(f"{name} is an empty list; give at least one, or leave it out")
    return found
