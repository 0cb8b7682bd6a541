"""Finds many entries in a text at once, as whole words."""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

__all__ = ["Finder", "token_pattern"]

_APOSTROPHES = "'\u2019\uff07"  # U+02BC, the letter apostrophe, is a letter anyway
# Joiners and the soft hyphen stand inside words, and are no marks.
_JOINERS = "\u00ad\u200c\u200d"


_ASCII = re.compile("[A-Za-z0-9]+(?:'[A-Za-z0-9]+)*")  # the same words, found faster


@cache
def token_pattern() -> re.Pattern[str]:
    r"""Return the expression for one word: letters, digits, their marks, apostrophes inside.

    Python's ``\w`` is letters, numbers and the underscore, without marks (those of Devanagari
    vowels and of decomposed accents, for example), so these are listed here.
    """
    marks = "".join(
        char
        for char in map(chr, range(sys.maxunicode + 1))
        if unicodedata.category(char).startswith("M")
    )
    # The list is long and would be searched at the end of every word: what most often follows a
    # word (ASCII, Latin-1 and general punctuation; none is in the list) is sorted out first.
    following = f"(?![\x00-\xac\u2010-\u206f])[{re.escape(marks + _JOINERS)}]"
    letters = r"[^\W_]"
    run = f"{letters}+(?:(?:{following})+{letters}*)*"
    return re.compile(f"{run}(?:[{_APOSTROPHES}]{run})*")


@dataclass(frozen=True, slots=True)
class _Entry:
    """An entry as words (case folded, if so asked), and what stands before and after each."""

    entry: str
    tokens: tuple[str, ...]
    gaps: tuple[str, ...]


class Finder:
    """Looks for entries: one pass over a text, whatever the number of entries.

    An entry stands where its words are words of the text, one after the other, with the same
    characters before, between and after them.
    """

    def __init__(self, entries: Sequence[str], *, case_sensitive: bool) -> None:
        self._fold: Callable[[str], str] = str if case_sensitive else str.casefold
        self._by_first: dict[str, list[_Entry]] = {}
        for entry in entries:
            spans = [match.span() for match in _pattern(entry).finditer(entry)]
            edges = [0, *(edge for span in spans for edge in span), len(entry)]
            gaps = tuple(entry[edges[at] : edges[at + 1]] for at in range(0, len(edges), 2))
            tokens = tuple(self._fold(entry[start:stop]) for start, stop in spans)
            self._by_first.setdefault(tokens[0], []).append(_Entry(entry, tokens, gaps))

    def find(self, text: str) -> Iterator[tuple[str, int, int]]:
        """Yield entry, start and stop of each place, by the place of its first word."""
        # Most sentences of a corpus hold none of the words: this test is all they cost.
        pattern = _pattern(text)
        if self._by_first.keys().isdisjoint(map(self._fold, pattern.findall(text))):
            return
        spans = [match.span() for match in pattern.finditer(text)]
        tokens = [self._fold(text[start:stop]) for start, stop in spans]
        for index, token in enumerate(tokens):
            for entry in self._by_first.get(token, ()):
                place = _place(entry, index, tokens, spans, text)
                if place is not None:
                    yield entry.entry, *place


def _pattern(text: str) -> re.Pattern[str]:
    return _ASCII if text.isascii() else token_pattern()


def _place(
    entry: _Entry,
    index: int,
    tokens: Sequence[str],
    spans: Sequence[tuple[int, int]],
    text: str,
) -> tuple[int, int] | None:
    """Return where an entry stands whose first word may be the word `index` of the text."""
    count = len(entry.tokens)
    if tuple(tokens[index : index + count]) != entry.tokens:
        return None
    before, *between, after = entry.gaps
    start = spans[index][0] - len(before)
    stop = spans[index + count - 1][1] + len(after)
    # A mark before the first word may belong to the word before it in the text. What stands after
    # the last word cannot reach into the next one, which begins with a letter or digit.
    if start < (spans[index - 1][1] if index else 0):
        return None
    if not (text.startswith(before, start) and text.startswith(after, stop - len(after))):
        return None
    for step, gap in enumerate(between, start=index):
        if text[spans[step][1] : spans[step + 1][0]] != gap:
            return None
    return start, stop
