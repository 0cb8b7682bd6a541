"""Reads the items of a transformers encoder: a text, or a text and where the word is in it."""

from __future__ import annotations

from collections.abc import Sequence

from embias.encoders._items import as_items, as_texts
from embias.encoders._show import shown
from embias.errors import InputError
from embias.types import Image, InContext, Stimulus

Span = tuple[int, int]
Request = tuple[str, Span | None]  # a text, and where the word is at the level of words


def as_requests(items: Sequence[Stimulus], level: str, who: str) -> list[Request]:
    """Return the items as requests; blank ones and those of the other level are refused."""
    if level == "sentence":
        return [(text, None) for text in as_texts(items, who)]
    found: list[Request] = []
    for item in as_items(items, who):
        if isinstance(item, Image):
            raise InputError(
                f"{who}: this encoder takes texts, not the picture {shown(item.name)}; use an "
                "encoder of images"
            )
        word = item if isinstance(item, InContext) else item and InContext(str(item), 0, len(item))
        if not word or not word.word.strip():
            raise InputError(f"{who}: the word of {shown(item)} is empty or blank; remove it")
        found.append((word.text, (word.start, word.stop)))
    return found


def named(request: Request) -> str:
    """Return the name of an item for messages."""
    text, span = request
    if span is None or span == (0, len(text)):
        return text
    return f"{text[span[0] : span[1]]} in: {text}"
