"""Rows with the words they belong to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embias.errors import InputError
from embias.types import FloatArray

__all__ = ["NamedRows", "places_in", "words_of"]


def words_of(X: Any, words: Any, n: int, who: str) -> NDArray[Any] | None:
    """Return the word of each row, or None where nobody said.

    Parameters
    ----------
    X : array_like
        A DataFrame whose index holds texts says it by that.
    words : iterable of (str or None), optional
        One for each row; None for a row that is no word. Goes before the index.
    n : int
        Number of rows.
    who : str
        Name of the transform, for the error.

    Returns
    -------
    ndarray of object, shape (n,), or None

    Raises
    ------
    InputError
        Another number of words than rows, or something that is neither a text nor None.
    """
    if words is None:
        words = _text_index(X)
        if words is None:
            return None
    if isinstance(words, str | bytes) or not isinstance(words, Iterable):
        raise InputError(f"{who}: words is {words!r:.60}; give a list, one word for each row")
    listed = list(words)
    if len(listed) != n:
        raise InputError(f"{who}: words has {len(listed)} entries for {n} rows; give one for each")
    if not set(map(type, listed)) <= {str, type(None)}:
        for i, word in enumerate(listed):
            if word is not None and not isinstance(word, str):
                raise InputError(
                    f"{who}: words[{i}] is {word!r:.60}; give texts, and None for a row without "
                    "a word"
                )
    named = np.empty(n, dtype=object)
    named[:] = listed
    return named


def _text_index(X: Any) -> Any:
    import pandas as pd

    index = getattr(X, "index", None)
    if not isinstance(index, pd.Index) or isinstance(index, pd.MultiIndex):
        return None
    return index if index.inferred_type == "string" else None


def places_in(wanted: Sequence[str], words: NDArray[Any]) -> NDArray[np.intp]:
    """Return for each of `words` its place in `wanted` (distinct), -1 where it is not there."""
    place = {word: i for i, word in enumerate(wanted)}
    return np.fromiter(map(place.get, words.tolist(), repeat(-1)), np.intp, len(words))


@dataclass(frozen=True)
class NamedRows:
    """Vectors of words to fit on.

    Attributes
    ----------
    words : ndarray of object, shape (n,)
        Texts, or None.
    rows : ndarray of shape (n, d)
    who : str
        Name of the transform, for errors.
    """

    words: NDArray[Any]
    rows: FloatArray
    who: str

    def find(self, wanted: Iterable[str]) -> dict[str, int]:
        """Return the row of each word that has one; a zero row stands for a missing vector.

        Raises
        ------
        InputError
            When a wanted word stands on two rows that differ.
        """
        distinct = tuple(dict.fromkeys(wanted))
        places = places_in(distinct, self.words)
        found: dict[str, int] = {}
        for row in np.flatnonzero(places >= 0).tolist():
            word = distinct[places[row]]
            first = found.setdefault(word, row)
            if first != row and not np.array_equal(self.rows[first], self.rows[row]):
                raise InputError(
                    f"{self.who}: the word {word!r:.60} stands on rows {first} and {row}, which "
                    "differ; give one vector for each word to fit on"
                )
        return {word: row for word, row in found.items() if self.rows[row].any()}

    def without(self, missing: Sequence[str]) -> str:
        """Return in words which words have no vector here, for an error."""
        shown = ", ".join(map(repr, missing[:5])) + ", ..." * (len(missing) > 5)
        return f"none for {shown} among the rows, n_samples={len(self.rows)}"
