"""Lists of words that a transform is told of: sets to equalise, words to protect."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np

from embias.errors import InputError

__all__ = [
    "WordSets",
    "are_words",
    "as_word_list",
    "as_word_sets",
    "forms_of_sets",
    "forms_of_words",
]

#: ``[("she", "he"), ("woman", "man")]``: pairs, or larger sets, of words that differ in a group.
WordSets: TypeAlias = Sequence[Sequence[str]]


def are_words(given: object) -> bool:
    """Whether something is made of texts (word sets), and not a Subspace or numbers."""
    parts = given.tolist() if isinstance(given, np.ndarray) else given
    while isinstance(parts, list | tuple) and len(parts):
        parts = parts[0]
    return isinstance(parts, str)


def as_word_list(given: Any, name: str, who: str) -> tuple[str, ...]:
    """Return words, each once, in their order.

    Raises
    ------
    InputError
        One text in place of a list, or something in it that is no text.
    """
    cure = "give a list of words"
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise InputError(f"{who}: {name} is {given!r:.60}; {cure}")
    listed = list(given)
    for word in listed:
        if not isinstance(word, str) or not word:
            raise InputError(f"{who}: {name} holds {word!r:.60}, which is no word; {cure}")
    return tuple(dict.fromkeys(str(word) for word in listed))


def as_word_sets(
    given: Any, name: str, who: str, size: int | None = None
) -> tuple[tuple[str, ...], ...]:
    """Return sets of words after checking them.

    Parameters
    ----------
    given : sequence of sequence of str
        At least two different words in each.
    name, who : str
        Argument and transform, for the error.
    size : int, optional
        Words that each set must have.

    Raises
    ------
    InputError
        No set, a set that is too small or of another size, a word twice in one set.
    """
    many = f"{size} words" if size else "two words or more"
    cure = f"give sets of {many}, such as [('she', 'he'), ('woman', 'man')]"
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise InputError(f"{who}: {name} is {given!r:.60}; {cure}")
    listed = list(given)
    if not listed:
        raise InputError(f"{who}: {name} is empty; {cure}")
    checked = []
    for i, each in enumerate(listed):
        if isinstance(each, str | bytes) or not isinstance(each, Iterable):
            raise InputError(f"{who}: {name}[{i}] is {each!r:.60}; {cure}")
        words = [*each]
        distinct = as_word_list(words, f"{name}[{i}]", who)
        if len(distinct) < len(words):
            raise InputError(f"{who}: {name}[{i}] is {words!r:.80}: a word stands twice; {cure}")
        if len(words) < 2 or (size and len(words) != size):
            raise InputError(f"{who}: {name}[{i}] is {words!r:.80}; {cure}")
        checked.append(distinct)
    return tuple(checked)


def forms_of_words(words: Sequence[str], case_variants: bool) -> tuple[str, ...]:
    """Return the words as written and, if asked for, in lower, Title and UPPER case."""
    if not case_variants:
        return tuple(words)
    return tuple(dict.fromkeys(form for word in words for form in _forms(word)))


def forms_of_sets(
    sets: Sequence[tuple[str, ...]], case_variants: bool
) -> tuple[tuple[tuple[str, ...], ...], ...]:
    """Return for every set its forms: as written, then lower, Title and UPPER case.

    A form in which two words become one is left out.
    """
    if not case_variants:
        return tuple((each,) for each in sets)
    formed = []
    for each in sets:
        forms = dict.fromkeys(zip(*(_forms(word) for word in each), strict=True))
        formed.append(tuple(form for form in forms if len(set(form)) == len(form)))
    return tuple(formed)


def _forms(word: str) -> tuple[str, str, str, str]:
    return word, word.lower(), word.title(), word.upper()
