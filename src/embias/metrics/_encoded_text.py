"""The tokens of one text, and a question about some of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from embias.errors import InputError

__all__ = ["Encoded", "Query", "begun", "words_of"]


@dataclass(frozen=True, slots=True)
class Encoded:
    """The tokens of one text, the special tokens around it included.

    `spans` are character offsets and `words` the number of the word of each token, both None
    where the tokenizer does not tell. The start token that a causal model is given is in it.
    """

    text: str
    ids: tuple[int, ...]
    types: tuple[int, ...] | None
    special: tuple[bool, ...]
    spans: tuple[tuple[int, int], ...] | None
    words: tuple[int | None, ...] | None

    @property
    def own(self) -> list[int]:
        """Positions of the tokens of the text itself."""
        return [at for at, special in enumerate(self.special) if not special]

    def overlapping(self, start: int, stop: int) -> list[int]:
        """Positions of the tokens that hold characters of ``text[start:stop]``."""
        if self.spans is None:
            raise InputError(
                "the tokenizer does not tell which characters a token stands for; use a fast one "
                "(AutoTokenizer.from_pretrained(..., use_fast=True))"
            )
        spans = self.spans
        hit = [
            at for at in self.own if spans[at][0] < stop and spans[at][1] > max(start, spans[at][0])
        ]
        if not hit:
            return []
        first, last = hit[0], hit[-1]
        # A piece that is only the mark of a space has no characters of its own; the one in front
        # belongs to the word as it does where mark and letters are one piece.
        while first - 1 in self.own and self._is_mark_before(first):
            first -= 1
        return list(range(first, last + 1))

    def _is_mark_before(self, at: int) -> bool:
        if self.spans is None or self.words is None:
            return False
        start, stop = self.spans[at - 1]
        return not self.text[start:stop].strip() and self.words[at - 1] == self.words[at]


@dataclass(frozen=True, slots=True)
class Query:
    """Ask for ``ln P(targets[k] at position at[k] | ids)``.

    A masked model sees all of `ids`, a causal one those before the position.
    """

    ids: tuple[int, ...]
    types: tuple[int, ...] | None
    at: tuple[int, ...]
    targets: tuple[int, ...]


def words_of(
    text: str, spans: Sequence[tuple[int, int]], words: Sequence[int | None]
) -> tuple[int | None, ...]:
    """Return the number of the word of each token: the tokenizer's own, cut at white space.

    Some tokenizers take a whole text for one word.
    """
    found: list[int | None] = []
    number = 0
    for at, ((start, stop), word) in enumerate(zip(spans, words, strict=True)):
        begin = stop - len(text[start:stop].lstrip())
        gap = at > 0 and any(char.isspace() for char in text[spans[at - 1][1] : begin])
        if at and (word is None or word != words[at - 1] or gap):
            number += 1
        found.append(None if word is None else number)
    return tuple(found)


def begun(found: Encoded, start: int) -> Encoded:
    """Return the tokens behind a start token, so that the first one has a probability too."""
    return Encoded(
        found.text,
        (start, *found.ids),
        None if found.types is None else (found.types[0], *found.types),
        (True, *found.special),
        None if found.spans is None else ((0, 0), *found.spans),
        None if found.words is None else (None, *found.words),
    )
