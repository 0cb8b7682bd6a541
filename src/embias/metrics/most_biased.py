"""The words that lean most to either side, by which what remains of a bias is measured."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embias.errors import InputError
from embias.stats.inputs import as_scores, check_size

__all__ = ["most_biased"]


def most_biased(bias: ArrayLike, n: int) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return the n words that lean most to the first side, and the n that lean most away.

    Parameters
    ----------
    bias : array_like of shape (n_words,)
        Bias of each word on the *original* vectors; positive is towards the first side. In
        Gonen & Goldberg 2019 ``cos(w, he) - cos(w, she)``, which is
        ``association_scores(vectors, [he], [she])``; words that are gendered by meaning are
        taken out before.
    n : int
        Words on each side (500 in the paper).

    Returns
    -------
    rows : ndarray of int, shape (2 n,)
        First the n largest, descending, then the n smallest, ascending. Ties by row: with
        words in order of frequency, the more frequent one.
    sides : ndarray of bool, shape (2 n,)
        True for the first n.

    Raises
    ------
    InputError
        When fewer than n words lean to a side.

    References
    ----------
    Gonen & Goldberg 2019, NAACL.
    """
    scores = as_scores(bias, "bias")
    check_size("n", n)
    for side, count in (("first", (scores > 0).sum()), ("second", (scores < 0).sum())):
        if count < n:
            raise InputError(
                f"n={n}, and {count} words lean to the {side} side; give more words or a smaller n"
            )
    rows = np.concatenate(
        [np.argsort(-scores, kind="stable")[:n], np.argsort(scores, kind="stable")[:n]]
    )
    return rows, np.repeat([True, False], n)
