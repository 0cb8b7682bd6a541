"""Labelled rows: what the metrics on words of two or more sides check and share."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embias.errors import InputError
from embias.types import FloatArray

__all__ = [
    "Codes",
    "canonical_order",
    "class_codes",
    "labels_to_array",
    "same_rows",
    "word_codes",
]

Codes: TypeAlias = NDArray[np.intp]


def labels_to_array(labels: ArrayLike, name: str) -> NDArray[np.generic]:
    """Return labels as a one-dimensional array, after checking that none is missing."""
    import pandas as pd

    array = np.asarray(labels)
    if array.ndim != 1 or array.size == 0:
        raise InputError(
            f"{name} has shape {array.shape}; give a one-dimensional array, one label for each row"
        )
    missing = np.asarray(pd.isna(array))
    if missing.any():
        raise InputError(
            f"{name}[{int(np.flatnonzero(missing)[0])}] is missing ({missing.sum()} of "
            f"{array.size}); leave these rows out, or give them a label of their own"
        )
    # Objects of one kind (a column of a data frame) are texts or numbers after all.
    return np.asarray(array.tolist()) if array.dtype.kind == "O" else array


def class_codes(
    labels: ArrayLike, n: int, name: str, *, at_least: int = 2
) -> tuple[list[str], Codes]:
    """Return the names of the classes, and for each row which of them it has.

    Parameters
    ----------
    labels : array_like of shape (n,)
        Texts, numbers or truth values.
    n : int
        Number of rows.
    name : str
        Name of the argument, for the error.
    at_least : int
        Rows that each class needs.

    Returns
    -------
    (list of str, ndarray of int of shape (n,))
        Two classes at least, in ascending order of the labels.

    Raises
    ------
    InputError
        Labels of another number, missing ones, one class only, a class that is too small.
    """
    array = labels_to_array(labels, name)
    if array.size != n:
        raise InputError(f"{name} has {array.size} entries for {n} rows; give one for each row")
    try:
        values, codes, sizes = np.unique(array, return_inverse=True, return_counts=True)
    except TypeError as error:
        raise InputError(f"{name} mixes kinds of labels ({error}); use texts") from error
    if len(values) < 2:
        raise InputError(f"{name} are all {values[0]!s}; at least two different ones are needed")
    if sizes.min() < at_least:
        small = int(sizes.argmin())
        raise InputError(
            f"{name}: {values[small]!s} has {sizes[small]} word(s); at least {at_least} of each "
            "are needed here, so give more words"
        )
    return [str(value) for value in values], codes.ravel()


def word_codes(words: ArrayLike | None, codes: Codes) -> tuple[Codes, Codes]:
    """Return the number of each row's word, and the class of each word.

    Parameters
    ----------
    words : array_like of shape (n,), or None
        The word of each row; None where every row is a word of its own.
    codes : ndarray of int, shape (n,)
        The class of each row.

    Returns
    -------
    (ndarray of int of shape (n,), ndarray of int of shape (number of words,))

    Raises
    ------
    InputError
        Words of another number, or a word with two classes.
    """
    if words is None:
        return np.arange(codes.size), codes
    array = labels_to_array(words, "words")
    if array.size != codes.size:
        raise InputError(
            f"words has {array.size} entries for {codes.size} rows; give one for each row"
        )
    names, first, numbers = np.unique(array, return_index=True, return_inverse=True)
    numbers = numbers.ravel()
    of_word = codes[first]
    both = np.flatnonzero(of_word[numbers] != codes)
    if both.size:
        shown = str(names[numbers[both[0]]])
        raise InputError(
            f"{shown!r} has rows with different labels; a word on both sides has no side, so take "
            "it out of one"
        )
    return numbers, of_word


def same_rows(original: FloatArray, rows: FloatArray) -> None:
    """Raise an InputError unless there is a row before for each row now."""
    if len(original) != len(rows):
        raise InputError(
            f"original has {len(original)} rows and vectors {len(rows)}; give the same words in "
            "the same order"
        )


def canonical_order(rows: FloatArray) -> tuple[Codes, Codes]:
    """Return an order of the rows that does not depend on how they were given.

    Returns
    -------
    (ndarray of int, ndarray of int), each of shape (n,)
        The order, and the number of each row, the same for equal rows.
    """
    number = np.unique(rows, axis=0, return_inverse=True)[1].ravel()
    return np.argsort(number, kind="stable"), number
