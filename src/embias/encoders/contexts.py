"""Finds the places at which words stand in a corpus."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Iterator
from typing import Any

from embias.encoders._items import quoted
from embias.encoders._occurrences import Finder
from embias.encoders._retry import as_count
from embias.encoders._show import shown
from embias.errors import InputError
from embias.types import InContext

__all__ = ["find_contexts"]

_WHO = "find_contexts"


def find_contexts(
    words: Iterable[str],
    sentences: Iterable[str],
    *,
    limit: int | None = None,
    rng: Any = 0,
    case_sensitive: bool = True,
) -> dict[str, tuple[InContext, ...]]:
    """Find words in sentences, as whole words, in one pass over the sentences.

    A word of a sentence is a run of letters, digits and the marks that belong to them (in the
    sense of Unicode), with apostrophes inside it: "he" is not in "here", "it" not in "it's",
    "cafe" not in "café". Everything else separates: "art" is in "state-of-the-art". Text written
    without spaces between words (Chinese, Thai) must be segmented before.

    Parameters
    ----------
    words : iterable of str
        What to find. An entry may be several words, and hold other characters ("New York",
        "C++", "rock'n'roll"), which must stand in the sentence exactly so; it must hold a letter
        or a digit. Of a repeated entry the first counts.
    sentences : iterable of str
        Read once, one at a time; an open text file does. A line end at the end is dropped, so
        that it is not encoded; nothing else is changed. The code points must match: bring words
        and sentences to the same Unicode form.
    limit : int, optional
        Keep at most so many places of each word, drawn at random: every subset of `limit` places
        is equally likely (reservoir sampling). Memory is then bounded by `limit` sentences a
        word, however long the corpus. By default all are kept.
    rng : int, numpy.random.Generator or None
        Seed of the drawing; None draws a fresh one. What is kept of a word depends on the seed,
        the word and the sentences, not on the other words or their order.
    case_sensitive : bool
        False: letters match whatever their case (``str.casefold``).

    Returns
    -------
    dict of str to tuple of InContext
        A key for each word, in the order given; places in the order of the corpus. Each place
        counts, also several in a sentence, places that overlap, and sentences that repeat. A word
        that stands nowhere has ``()``.

    Raises
    ------
    InputError
        When an entry or a sentence is no text, an entry holds no letter or digit or has spaces
        around it, or an option breaks its rule.
    """
    entries = _as_entries(words)
    if limit is not None:
        as_count("limit", limit, 1)
    if not isinstance(case_sensitive, bool):
        raise InputError(f"case_sensitive must be True or False, got {shown(case_sensitive)}")
    seed = _as_seed(rng)
    finder = Finder(entries, case_sensitive=case_sensitive)
    kept = {entry: _Reservoir(limit, seed, entry) for entry in entries}
    for text in _as_sentences(sentences):
        for entry, start, stop in finder.find(text):
            kept[entry].offer(text, start, stop)
    return {entry: reservoir.contexts() for entry, reservoir in kept.items()}


class _Reservoir:
    """Keeps a uniform sample of what it is offered (algorithm R of Vitter, 1985)."""

    def __init__(self, limit: int | None, seed: int, entry: str) -> None:
        self._limit = limit
        self._offered = 0
        self._kept: list[tuple[int, InContext]] = []
        spelled = f"{seed} {entry}".encode("utf-8", errors="surrogatepass")
        self._random = random.Random(int.from_bytes(hashlib.sha256(spelled).digest()))

    def offer(self, text: str, start: int, stop: int) -> None:
        number = self._offered
        self._offered += 1
        if self._limit is None or number < self._limit:
            self._kept.append((number, InContext(text, start, stop)))
            return
        place = self._random.randrange(number + 1)
        if place < self._limit:
            self._kept[place] = (number, InContext(text, start, stop))

    def contexts(self) -> tuple[InContext, ...]:
        return tuple(context for _, context in sorted(self._kept, key=lambda one: one[0]))


def _as_entries(words: Iterable[Any]) -> list[str]:
    if isinstance(words, (str, bytes)) or not isinstance(words, Iterable):
        raise InputError(f"{_WHO}: words is {shown(words)}; give a list of words")
    entries = list(dict.fromkeys(_as_entry(word) for word in words))
    if not entries:
        raise InputError(f"{_WHO}: there are no words; give at least one")
    return entries


def _as_entry(word: Any) -> str:
    if not isinstance(word, str):
        raise InputError(
            f"{_WHO}: words must be str, got {shown(word)} of type {type(word).__name__}; "
            "convert it to text"
        )
    if word != word.strip():
        raise InputError(f"{_WHO}: {quoted([word])} has spaces around it; remove them")
    if not any(char.isalnum() for char in word):
        raise InputError(
            f"{_WHO}: {quoted([word])} holds no letter or digit, and is no word in this sense; "
            "remove it, or make its InContext yourself"
        )
    return str(word)


def _as_sentences(sentences: Iterable[Any]) -> Iterator[str]:
    if isinstance(sentences, (str, bytes)) or not isinstance(sentences, Iterable):
        raise InputError(
            f"{_WHO}: sentences is {shown(sentences)}; give a list of sentences, or an open file"
        )
    for number, sentence in enumerate(sentences, start=1):
        if not isinstance(sentence, str):
            raise InputError(
                f"{_WHO}: sentence {number} is {shown(sentence)} of type "
                f"{type(sentence).__name__}; give str (open a file as text, not as bytes)"
            )
        yield str(sentence).rstrip("\r\n")


def _as_seed(rng: Any) -> int:
    import numpy as np

    from embias.stats.inputs import as_generator, check_rng

    check_rng(rng)
    if isinstance(rng, np.random.Generator):
        return int(rng.integers(2**63))
    seed = as_generator(rng)[1]
    assert seed is not None  # only a Generator has none
    return seed
