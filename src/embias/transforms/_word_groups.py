"""Two lists of words met in vectors, for what is learnt from all of their pairs."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from embias.errors import InputError
from embias.transforms._checks import TransformWarning
from embias.transforms._named_rows import NamedRows
from embias.transforms._word_lists import as_word_list, as_word_sets
from embias.transforms._word_sets import found_sets
from embias.types import FloatArray

__all__ = ["both_lists", "found_lists", "found_pairs"]


def both_lists(
    first: Sequence[str], second: Sequence[str], who: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return two lists of words after checking them: neither empty, no word in both."""
    lists = as_word_list(first, "first", who), as_word_list(second, "second", who)
    for name, words in zip(("first", "second"), lists, strict=True):
        if not words:
            raise InputError(f"{who}: {name} is empty; give a list of words")
    both = [word for word in lists[0] if word in set(lists[1])]
    if both:
        raise InputError(f"{who}: {both[0]!r:.60} is in first and in second; give it to one list")
    return lists


def found_lists(
    lists: tuple[tuple[str, ...], tuple[str, ...]], named: NamedRows
) -> tuple[FloatArray, FloatArray, tuple[str, ...]]:
    """Return the vectors of both lists, shapes (n, d) and (m, d), and the words without one.

    Raises
    ------
    InputError
        When no word of a list has a vector.
    """
    rows = named.find(word for words in lists for word in words)
    missing = tuple(word for words in lists for word in words if word not in rows)
    shown = ", ".join(map(repr, missing[:3])) + ", ..." * (len(missing) > 3)
    found = []
    for name, words in zip(("first", "second"), lists, strict=True):
        place = [rows[word] for word in words if word in rows]
        if not place:
            raise InputError(
                f"{named.who}: no word of {name} has a vector ({named.without(missing)}); give "
                "words that were given to fit"
            )
        found.append(named.rows[place])
    if missing:
        _warn(f"{len(missing)} word(s) are left out, for they have no vector ({shown})", named)
    return found[0], found[1], missing


def found_pairs(
    first: Sequence[str], second: Sequence[str], named: NamedRows
) -> tuple[FloatArray, FloatArray, tuple[str, ...]]:
    """Return the vectors of two lists whose i-th words belong together, shape (n, d) each.

    Raises
    ------
    InputError
        Lists of different length; no pair with two vectors.
    """
    if len(first) != len(second):
        raise InputError(
            f"{named.who}: {len(first)} words in first and {len(second)} in second; matched pairs "
            "need as many in both"
        )
    pairs = as_word_sets(list(zip(first, second, strict=True)), "pairs", named.who, 2)
    whole, rows, missing = found_sets(pairs, named, "first and second")
    if missing:
        left_out = len(pairs) - len(whole)
        _warn(f"{left_out} pair(s) are left out, for words have no vector {missing[:3]!r}", named)
    one, two = ([rows[pair[side]] for pair in whole] for side in (0, 1))
    return named.rows[one], named.rows[two], missing


def _warn(what: str, named: NamedRows) -> None:
    warnings.warn(f"{named.who}: {what}; take them off the lists", TransformWarning, stacklevel=5)
