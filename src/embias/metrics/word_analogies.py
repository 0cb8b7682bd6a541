"""Analogy questions: a is to b as c is to which word."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embias.errors import InputError
from embias.geometry.vectors import unit_rows
from embias.metrics._row_numbers import row_numbers
from embias.metrics.card import EdgeCases, MetricCard
from embias.results import Interval, Measure
from embias.stats.bootstrap import check_level
from embias.stats.inputs import check_choice
from embias.stats.proportion import wilson_interval
from embias.types import FloatArray

__all__ = ["AnalogyMethod", "word_analogies"]

AnalogyMethod: TypeAlias = Literal["3cosadd", "3cosmul"]
Rows: TypeAlias = NDArray[np.intp]

#: Cosines held at a time (64 MB).
_AT_ONCE = 2**23
#: A word must be ahead of all others by this much; less is rounding.
_TIED = 1e-12

CARD = MetricCard(
    name="word_analogies",
    measures=(
        "Share of analogy questions (a is to b as c is to ?) that vector arithmetic answers: "
        "what an embedding is worth, and what is left of it after debiasing. Not a bias."
    ),
    formula=(
        "3CosAdd: argmax_w cos(w, b) - cos(w, a) + cos(w, c); 3CosMul: argmax_w "
        "c'(w, b) c'(w, c) / (c'(w, a) + epsilon), c' = (1 + cos) / 2; w none of a, b, c"
    ),
    value_range="[0, 1]",
    no_bias="none: 1 is every question answered; compare before and after a change",
    direction="larger: more questions answered",
    pvalue="none; Wilson interval over questions (which share words, so it is too narrow)",
    caveats=(
        "The inputs are excluded from the answers, without which the answer is often an input "
        "itself (Linzen 2016; Nissim et al. 2020): both accuracies are given. Only the sections "
        "and words that are found count, so compare over the same questions and candidates."
    ),
    edge_cases=EdgeCases(
        missing="questions with a missing word (-1) are left out and counted",
        unequal="sections of any size; every question weighs the same",
        one_word="one question is enough; none with all its words gives NaN, with a note",
        duplicates=(
            "a question twice counts twice; an answer that ties with an equal vector is none"
        ),
        two_sets=(
            "a question whose answer is one of its words cannot be right while those are excluded"
        ),
    ),
    paper=(
        "Mikolov et al. 2013, NAACL (3CosAdd) and arXiv:1301.3781 (questions); Levy & Goldberg "
        "2014, CoNLL (3CosMul)"
    ),
    conventions=(
        "gensim's evaluate_word_analogies is the same search among the first 300,000 words, in "
        "upper case; its 3CosMul adds 1e-6 where the paper adds 0.001 (epsilon). Ties: here the "
        "answer must be ahead of all others; gensim takes one of them. gensim 4.4.0 ignores "
        "similarity_function there, so what it calls 3CosMul is 3CosAdd."
    ),
    takes="vectors",
    needs="a vocabulary and a file of analogy questions",
)


@dataclass(frozen=True)
class _Search:
    method: AnalogyMethod
    epsilon: float

    def scores(self, with_a: FloatArray, with_b: FloatArray, with_c: FloatArray) -> FloatArray:
        """Return the score of words from their cosines with a, b and c."""
        found: FloatArray
        if self.method == "3cosadd":
            found = with_b - with_a
            found += with_c
            return found
        # 0.25 * (1 + cos_b)(1 + cos_c) / (0.5 (1 + cos_a) + epsilon)
        found = (1 + with_b) * (1 + with_c)
        found /= 2 * (1 + with_a) + 4 * self.epsilon
        return found


def word_analogies(
    vectors: ArrayLike,
    questions: ArrayLike,
    *,
    sections: Sequence[str] | None = None,
    method: AnalogyMethod = "3cosadd",
    exclude_inputs: bool = True,
    candidates: ArrayLike | None = None,
    epsilon: float = 0.001,
    level: float = 0.95,
) -> Measure:
    """Return the share of analogy questions that vector arithmetic answers.

    Parameters
    ----------
    vectors : array_like of shape (n, d)
        One row per word.
    questions : array_like of int, shape (q, 4)
        Rows of a, b, c and of the answer d; -1 for a word that has no vector. As
        :func:`embias.metrics.question_rows` returns them.
    sections : sequence of str, optional
        Section of each question, for a figure of each.
    method : {"3cosadd", "3cosmul"}
    exclude_inputs : bool
        Whether a, b and c cannot be answers. Both accuracies are among the figures.
    candidates : array_like of int, optional
        Rows among which the answer is searched (the most frequent words, say); all by default.
        A question whose d is not among them counts as missing.
    epsilon : float
        Of 3CosMul; above 0. 0.001 in the paper, 1e-6 in gensim.
    level : float
        Confidence of the intervals, in (0, 1).

    Returns
    -------
    Measure
        `value` in [0, 1], with the Wilson interval. NaN, with a note, where no question has
        all its words. Figures: ``accuracy_excluding_inputs``, ``accuracy_unrestricted``, and
        for each section ``section:NAME`` with ``section:NAME:low`` and ``section:NAME:high``.
        ``scores["questions"]``: 1, 0, or NaN for a question with a missing word.
        An answer that ties with another word is no answer; a question whose d is one of its
        inputs cannot be answered while those are excluded, and counts.

    Raises
    ------
    InputError
        Rows that do not exist, sections that do not match, options out of range.
    VectorError
        A zero or non-finite vector.

    References
    ----------
    Mikolov, Yih & Zweig 2013, NAACL; Levy & Goldberg 2014, CoNLL.
    """
    check_choice("method", method, get_args(AnalogyMethod))
    check_level(level)
    if not 0 < epsilon < math.inf:
        raise InputError(f"epsilon={epsilon!r}; give a small number above 0, such as 0.001")
    units = unit_rows(vectors, "vectors")
    asked = row_numbers(questions, "questions", len(units), columns=4, missing=True)
    names = _checked_sections(sections, len(asked))
    pool = np.arange(len(units), dtype=np.intp)
    if candidates is not None:
        pool = np.unique(row_numbers(candidates, "candidates", len(units)))
    is_candidate = np.zeros(len(units) + 1, dtype=bool)
    is_candidate[pool] = True
    known = (asked >= 0).all(axis=1) & is_candidate[asked[:, 3]]
    excluding = np.full(len(asked), math.nan)
    unrestricted = excluding.copy()
    if known.any():
        excluding[known], unrestricted[known] = _answered(
            units, asked[known], pool, is_candidate, _Search(method, epsilon)
        )
    settings: dict[str, object] = {
        "method": method,
        "exclude_inputs": bool(exclude_inputs),
        "candidates": "all" if candidates is None else pool.size,
        "epsilon": float(epsilon) if method == "3cosmul" else None,
    }
    return _measure(excluding, unrestricted, names, settings, level)


def _answered(
    units: FloatArray, questions: Rows, pool: Rows, is_candidate: NDArray[np.bool_], search: _Search
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return whether each question is answered without its inputs among the candidates, and with.

    What counts is the best score of any candidate but the inputs and d, against that of d; the
    inputs are looked at by themselves.
    """
    inputs, expected = questions[:, :3], questions[:, 3]
    needed, place = np.unique(inputs, return_inverse=True)
    place = place.reshape(-1, 3)
    best = np.full(len(questions), -np.inf)
    for columns in _blocks(pool, max(1, _AT_ONCE // max(needed.size, 1))):
        cosines = units[needed] @ units[columns].T
        position = np.full(len(units), -1, dtype=np.intp)
        position[columns] = np.arange(columns.size)
        step = max(1, _AT_ONCE // (8 * columns.size))
        for start in range(0, len(questions), step):
            part = slice(start, start + step)
            a, b, c = place[part].T
            scores = search.scores(cosines[a], cosines[b], cosines[c])
            left_out = position[questions[part]]
            row, which = np.nonzero(left_out >= 0)
            scores[row, left_out[row, which]] = -np.inf
            best[part] = np.maximum(best[part], scores.max(axis=1))
    own = _scores_of(units, inputs, questions, search)
    target = own[:, 3]
    slack = _TIED * np.maximum(1.0, np.abs(target))
    ahead = target > best + slack
    # Inputs that are no candidates cannot be answers; d itself may be an input.
    rivals = is_candidate[inputs] & (inputs != expected[:, None])
    strongest = np.where(rivals, own[:, :3], -np.inf).max(axis=1)
    is_input = (inputs == expected[:, None]).any(axis=1)
    return ahead & ~is_input, ahead & (target > strongest + slack)


def _scores_of(units: FloatArray, inputs: Rows, words: Rows, search: _Search) -> FloatArray:
    """Return the scores of some words for each question, shape (q, words of a question)."""
    found = np.empty(words.shape)
    step = max(1, _AT_ONCE // (16 * units.shape[1]))
    for start in range(0, len(words), step):
        part = slice(start, start + step)
        cosines = np.einsum("qid,qwd->iqw", units[inputs[part]], units[words[part]])
        found[part] = search.scores(*cosines)
    return found


def _blocks(rows: Rows, size: int) -> Iterator[Rows]:
    for start in range(0, rows.size, size):
        yield rows[start : start + size]


def _checked_sections(sections: Sequence[str] | None, n: int) -> list[str] | None:
    if sections is None:
        return None
    if isinstance(sections, str) or len(sections) != n:
        raise InputError(
            f"{len(sections)} sections for {n} questions; give the section of each question"
        )
    return [str(name) for name in sections]


def _measure(
    excluding: FloatArray,
    unrestricted: FloatArray,
    names: list[str] | None,
    settings: dict[str, object],
    level: float,
) -> Measure:
    right = excluding if settings["exclude_inputs"] else unrestricted
    known = np.isfinite(right)
    used, missing = int(known.sum()), int((~known).sum())
    value, low, high = _share(right[known], level)
    figures = {
        "accuracy_excluding_inputs": _share(excluding[known], level)[0],
        "accuracy_unrestricted": _share(unrestricted[known], level)[0],
    }
    of_question = np.array(names or ())
    for name in dict.fromkeys(names or ()):
        inside = (of_question == name) & known
        share = _share(right[inside], level)
        keys = (f"section:{name}", f"section:{name}:low", f"section:{name}:high")
        figures.update(zip(keys, share, strict=True))
    note = f"{missing} of {missing + used} questions have a word without a vector or a candidate."
    if not used:
        note += " None is left, so there is no accuracy."
    return Measure(
        metric="word_analogies",
        value=value,
        no_bias=None,
        value_range=(0.0, 1.0),
        interval=Interval(low, high, level, "wilson") if used else None,
        counts={
            "asked": missing + used,
            "questions": used,
            "missing": missing,
            "right": int(right[known].sum()),
        },
        figures=figures,
        scores={"questions": tuple(right.tolist())},
        settings=settings,
        note=note if missing else "",
    )


def _share(right: FloatArray, level: float) -> tuple[float, float, float]:
    """Return the share of ones with its interval, NaN of none."""
    if right.size == 0:
        return math.nan, math.nan, math.nan
    interval = wilson_interval(int(right.sum()), right.size, level)
    return float(right.mean()), interval.low, interval.high
