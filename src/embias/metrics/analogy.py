"""One analogy, a : b :: x : ?, with and without the words of the question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from embias.errors import InputError, UnknownNameError, VectorError
from embias.geometry.vectors import unit_rows
from embias.metrics.card import EdgeCases, MetricCard
from embias.stats.inputs import check_size

__all__ = ["AnalogyAnswer", "analogy"]

CARD = MetricCard(
    name="analogy",
    measures=(
        "Which word completes a : b :: x : ? (man : doctor :: woman : ?), searched among all "
        "words, those of the question included, and beside it without them."
    ),
    formula="argmax_y cos(u(x) - u(a) + u(b), y), over all words; and over all but a, b and x",
    value_range="cosines in [-1, 1]",
    no_bias="no value; man : doctor :: woman : doctor is no stereotype",
    direction="none",
    pvalue="none",
    caveats=(
        "The usual search leaves a, b and x out and so cannot answer doctor: it makes biased "
        "analogies. Trust an answer only where match is True."
    ),
    edge_cases=EdgeCases(
        missing="a word of the question that is not among the words is refused",
        unequal="there is one set, the vocabulary",
        one_word="three words of a question need at least one other",
        duplicates="equal vectors are two answers; a name given twice is the first of them",
        two_sets=(
            "words of the question may be answers of the unrestricted search, and are flagged there"
        ),
    ),
    paper="Nissim, van Noord & van der Goot 2020, Computational Linguistics 46:487-497",
    conventions=(
        "gensim's most_similar excludes the words of the question without saying so; that is "
        "`restricted` here."
    ),
    takes="vectors",
    needs="a question (a is to b as x is to what) and a vocabulary to answer it from",
    measured="none",
)


@dataclass(frozen=True)
class AnalogyAnswer:
    """Answers to a : b :: x : ?, the best first.

    Attributes
    ----------
    unrestricted, restricted : tuple of int
        Rows found among all words, and among all but a, b and x.
    unrestricted_scores, restricted_scores : tuple of float
        Their cosines, in [-1, 1].
    match : bool
        Whether the first answer is the same: only then is the usual, restricted answer what
        the vectors say.
    question_word : {"a", "b", "x", ""}
        Which word of the question comes first in the unrestricted search, if any does.
    unrestricted_words, restricted_words : tuple of str
        Empty where no words were given.
    """

    unrestricted: tuple[int, ...]
    restricted: tuple[int, ...]
    unrestricted_scores: tuple[float, ...]
    restricted_scores: tuple[float, ...]
    match: bool
    question_word: str
    unrestricted_words: tuple[str, ...] = ()
    restricted_words: tuple[str, ...] = ()


def analogy(
    vectors: ArrayLike,
    a: int | str,
    b: int | str,
    x: int | str,
    *,
    words: Sequence[str] | None = None,
    n: int = 10,
) -> AnalogyAnswer:
    """Answer a : b :: x : ? by vector arithmetic, with nothing excluded and as is usual.

    Parameters
    ----------
    vectors : array_like of shape (n_words, d)
        The vocabulary; the length of a vector does not count.
    a, b, x : int or str
        Rows, or words where `words` are given.
    words : sequence of str, optional
        Their names.
    n : int
        Answers to give.

    Returns
    -------
    AnalogyAnswer

    Raises
    ------
    InputError
        Wrong shape, a row or word that is not there, no word left beside a, b and x.
    VectorError
        A zero or non-finite vector; a question whose vector is zero.

    References
    ----------
    Nissim et al. 2020, Computational Linguistics 46:487-497.
    """
    check_size("n", n)
    units = unit_rows(vectors, "vectors")
    names = None if words is None else list(words)
    if names is not None and len(names) != len(units):
        raise InputError(f"words has {len(names)} entries for {len(units)} vectors; give as many")
    rows = {
        name: _row(name, given, names, len(units)) for name, given in (("a", a), ("b", b), ("x", x))
    }
    query = units[rows["x"]] - units[rows["a"]] + units[rows["b"]]
    length = float(np.linalg.norm(query))
    if length <= 1e-9:
        raise VectorError("x - a + b is the zero vector, which has no neighbours; ask otherwise")
    cosines = np.clip(units @ (query / length), -1.0, 1.0)
    # Ties by row.
    order = np.argsort(-cosines, kind="stable")
    others = order[~np.isin(order, list(rows.values()))]
    if not others.size:
        raise InputError(f"{len(units)} vectors leave no answer beside a, b and x; give more")
    first = int(order[0])
    return AnalogyAnswer(
        unrestricted=tuple(order[:n].tolist()),
        restricted=tuple(others[:n].tolist()),
        unrestricted_scores=tuple(cosines[order[:n]].tolist()),
        restricted_scores=tuple(cosines[others[:n]].tolist()),
        match=first == int(others[0]),
        question_word=next((name for name, row in rows.items() if row == first), ""),
        unrestricted_words=tuple(names[i] for i in order[:n]) if names else (),
        restricted_words=tuple(names[i] for i in others[:n]) if names else (),
    )


def _row(name: str, given: int | str, words: list[str] | None, n: int) -> int:
    if isinstance(given, str):
        if words is None:
            raise InputError(f"{name}={given!r} is a word, and no words are given; give a row")
        if given not in words:
            raise UnknownNameError(
                f"{name}={given!r} is not among the words; look at its spelling and case"
            )
        return words.index(given)
    check_size(name, given, 0)
    if given >= n:
        raise InputError(f"{name}={given}, and there are {n} vectors; rows count from 0")
    return int(given)
