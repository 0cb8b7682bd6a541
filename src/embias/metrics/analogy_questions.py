"""Reads analogy questions in the format of Google's test set, and finds their rows."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embias.errors import DataFileError
from embias.metrics._text_file import numbered_lines

__all__ = ["AnalogyQuestions", "question_rows", "read_analogies"]


@dataclass(frozen=True, slots=True)
class AnalogyQuestions:
    """Questions "a is to b as c is to d", in the order of a file.

    Attributes
    ----------
    words : tuple of tuple of str
        a, b, c and d of each question, as written.
    sections : tuple of str
        The section of each question, ``""`` before the first.
    """

    words: tuple[tuple[str, str, str, str], ...]
    sections: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.words)


def read_analogies(path: str | os.PathLike[str]) -> AnalogyQuestions:
    """Read analogy questions: lines of four words under lines ``: section``.

    Parameters
    ----------
    path : path
        Text in UTF-8. Words are separated by spaces or tabs; blank lines are left out.

    Returns
    -------
    AnalogyQuestions

    Raises
    ------
    DataFileError
        A file that cannot be read, a line that is neither a section nor four words, a section
        without a name, no question at all.
    """
    place = Path(path)
    words, sections = [], []
    section = ""
    for number, line in numbered_lines(place, "a file of analogy questions"):
        cells = line.split()
        if cells[0].startswith(":"):
            section = " ".join(cells).removeprefix(":").strip()
            if not section:
                raise DataFileError(f"{place}: line {number}: a section without a name; name it")
            continue
        if len(cells) != 4:
            raise DataFileError(
                f"{place}: line {number}: {len(cells)} word(s), and a question has four "
                "(a b c d); mend the line"
            )
        a, b, c, d = cells
        words.append((a, b, c, d))
        sections.append(section)
    if not words:
        raise DataFileError(f"{place}: has no question; give lines of four words")
    return AnalogyQuestions(tuple(words), tuple(sections))


def question_rows(questions: AnalogyQuestions, lookup: Mapping[str, int]) -> NDArray[np.intp]:
    """Return the rows of the four words of each question, -1 for a word that has none.

    Parameters
    ----------
    questions : AnalogyQuestions
    lookup : mapping of str to int
        Word to row; words are looked up exactly as written.

    Returns
    -------
    ndarray of int, shape (n, 4)
        For :func:`embias.metrics.word_analogies`.
    """
    rows = [[lookup.get(word, -1) for word in four] for four in questions.words]
    return np.array(rows, dtype=np.intp).reshape(-1, 4)
