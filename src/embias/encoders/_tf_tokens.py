"""Tokens of texts, the tokens of a word, and windows over texts that are too long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embias.encoders._quiet import quiet
from embias.encoders._show import shown
from embias.errors import InputError

Integers = NDArray[np.int64]

_SHOWN = 12
_MARKERS = "▁Ġ"  # stand for a space in pieces of SentencePiece and of byte-level tokenizers


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of one input: leading specials, prompt, text, trailing specials.

    `starts` and `stops` are character offsets into `text`, which begins with the prompt (of
    `prompt` characters). They are zeros where the tokenizer has no offsets. ``[lead, head)`` are
    the tokens of the prompt, ``[head, tail)`` those of the text.
    """

    text: str
    prompt: int
    ids: Integers
    types: Integers | None
    special: NDArray[np.bool_]
    starts: Integers
    stops: Integers
    lead: int
    head: int
    tail: int

    def __len__(self) -> int:
        """Return the number of tokens, specials included."""
        return len(self.ids)


def tokenize(tokenizer: Any, texts: Sequence[str], prompt: str, who: str) -> list[Tokens]:
    """Return the tokens of every text behind the prompt, uncut."""
    for text in texts:
        _refuse_surrogates(text, who)
    whole = [prompt + text for text in texts]
    fast = bool(tokenizer.is_fast)
    with quiet():  # the tokenizer logs that a text is long, which is looked after here
        encoded = tokenizer(
            whole,
            add_special_tokens=True,
            truncation=False,
            padding=False,
            return_special_tokens_mask=True,
            return_offsets_mapping=fast,
        )
    types = encoded.get("token_type_ids")
    return [
        _tokens(
            text,
            len(prompt),
            encoded["input_ids"][row],
            None if types is None else types[row],
            encoded["special_tokens_mask"][row],
            encoded["offset_mapping"][row] if fast else None,
            who,
        )
        for row, text in enumerate(whole)
    ]


def _tokens(
    text: str,
    prompt: int,
    ids: list[int],
    types: list[int] | None,
    special_mask: list[int],
    offsets: list[tuple[int, int]] | None,
    who: str,
) -> Tokens:
    special = np.array(special_mask, dtype=bool)
    spans = np.array(offsets or [(0, 0)] * len(ids), dtype=np.int64).reshape(-1, 2)
    inner = np.flatnonzero(~special)
    lead, tail = (int(inner[0]), int(inner[-1]) + 1) if inner.size else (len(ids), len(ids))
    head = lead
    # A token that begins in the prompt (with its last space) and ends in the text is of the text.
    while offsets is not None and head < tail and spans[head, 1] <= prompt and prompt:
        head += 1
    if head == tail:
        raise InputError(
            f"{who}: the tokenizer makes no token of the text {shown(text[prompt:])}; remove it"
        )
    return Tokens(
        text,
        prompt,
        np.array(ids, dtype=np.int64),
        None if types is None else np.array(types, dtype=np.int64),
        special,
        spans[:, 0],
        spans[:, 1],
        lead,
        head,
        tail,
    )


def _refuse_surrogates(text: str, who: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"{who}: the text {shown(text)} holds {text[error.start]!r}, which is half of a "
            "character; repair the text"
        ) from error


def pieces(tokenizer: Any, tokens: Tokens) -> list[str]:
    """Return the tokens as the tokenizer writes them."""
    return [str(piece) for piece in tokenizer.convert_ids_to_tokens(tokens.ids.tolist())]


def span_tokens(tokenizer: Any, tokens: Tokens, start: int, stop: int, who: str) -> Integers:
    """Return the indices of the tokens that hold characters of ``[start, stop)`` of the text.

    A token belongs to a word when their characters overlap. SentencePiece gives a piece that is
    nothing but the mark of a space the offsets of the character behind it, though the piece holds
    none of it: such a piece is no token of the word.
    """
    first, last = start + tokens.prompt, stop + tokens.prompt
    hit = (tokens.starts < last) & (tokens.stops > first) & (tokens.stops > tokens.starts)
    written = pieces(tokenizer, tokens)
    found = [
        int(token)
        for token in np.flatnonzero(hit & ~tokens.special)
        if not _only_a_mark(written[token], tokens.text[tokens.starts[token] : tokens.stops[token]])
    ]
    if not found:
        raise InputError(
            f"{who}: no token holds the word {shown(tokens.text[first:last])} at [{start}, {stop}) "
            f"of {shown(tokens.text[tokens.prompt :])}; tokens: {some(written)}; check the span"
        )
    return np.array(found, dtype=np.int64)


def _only_a_mark(piece: str, covered: str) -> bool:
    stands_there = any(char.isspace() or char in _MARKERS for char in covered)
    return not piece.strip(_MARKERS) and not stands_there


def some(written: Sequence[str]) -> str:
    """Return tokens for a message, cut after a few."""
    text = " ".join(shown(piece, 20) for piece in written[:_SHOWN])
    return text + (f" and {len(written) - _SHOWN} more" if len(written) > _SHOWN else "")


# --- windows: intervals [a, b) of the tokens of the text, specials and prompt not counted ---------


def windows(start: int, stop: int, room: int, overlap: int) -> list[tuple[int, int]]:
    """Return windows of `room` tokens over ``[start, stop)``; neighbours share `overlap` or more.

    All are full unless one is enough: the last one ends with the text and reaches further back.
    """
    if stop - start <= room:
        return [(start, stop)]
    begins = list(range(start, stop - room, max(1, room - overlap)))
    return [(begin, begin + room) for begin in (*begins, stop - room)]


def owners(intervals: Sequence[tuple[int, int]]) -> Integers:
    """Return for every token from the first to the last which window it is taken from.

    That is the one in which the token is furthest from the nearer edge, the first of equals.
    """
    start, stop = intervals[0][0], intervals[-1][1]
    place = np.arange(start, stop)
    depth = np.stack([np.minimum(place - a, b - 1 - place) for a, b in intervals])
    return np.asarray(depth.argmax(axis=0), dtype=np.int64)


def around(first: int, last: int, start: int, stop: int, room: int) -> tuple[int, int]:
    """Return the window of `room` tokens inside ``[start, stop)`` around ``[first, last]``."""
    begin = first - (room - (last - first + 1)) // 2
    begin = max(start, min(begin, stop - room))
    return begin, min(begin + room, stop)
