"""Writes word vectors to the files that other tools read."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import IO, Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embias.encoders._binary_format import LONGEST_TOKEN
from embias.encoders._options import as_path
from embias.encoders._show import at, shown
from embias.encoders._text_lines import LONGEST_LINE
from embias.errors import InputError, VectorError, did_you_mean
from embias.results import open_output

__all__ = ["WRITTEN_FORMATS", "WrittenFormat", "check_words", "save_word_vectors"]

WrittenFormat: TypeAlias = Literal["word2vec", "word2vec-binary", "glove"]
WRITTEN_FORMATS: tuple[str, ...] = get_args(WrittenFormat)

#: Numbers that are converted at once: a few megabytes as Python floats and as text.
_BLOCK = 1 << 16
_COMPRESSED = (".gz", ".bz2", ".xz", ".zip")
# What separates fields or ends a line for one reader or another, and what none prints.
_SEPARATORS = re.compile(r"[\x00-\x20\x7f]")


def save_word_vectors(
    words: Iterable[str],
    vectors: ArrayLike | Iterator[NDArray[Any]],
    path: str | os.PathLike[str],
    *,
    format: WrittenFormat = "word2vec",
) -> None:
    r"""Write words and their vectors to a file, whole or not at all.

    Parameters
    ----------
    words : iterable of str
        Each once; not empty, without spaces, line ends and control characters.
    vectors : array_like of shape (n, d), or iterator of arrays of shape (m, d)
        One row of finite numbers per word, written as float32, which is what these formats are
        read as: float32 rows come back bit for bit. Blocks of rows, from an iterator, are written
        as they come, so that a vocabulary that is transformed block by block is in memory once.
    path : str or os.PathLike
        Replaced, if it is there. Nothing is compressed.
    format : {"word2vec", "word2vec-binary", "glove"}
        ``word2vec``: text with a line "count dim" first; ``glove``: the same without that line;
        ``word2vec-binary``: that line, then word, space and d little-endian float32, as gensim
        and the GoogleNews file have it. Numbers in text have 9 significant digits, from which
        every reader gets the same float32 back, also one that goes by way of float64.

    Raises
    ------
    InputError
        A word that the format cannot hold or that repeats, numbers of rows and words that differ,
        an unknown format, a path with the suffix of a compression.
    VectorError
        A coordinate that is NaN, infinite or beyond float32; the word is named.
    OutputError
        When it cannot be written; what was there before is then still there.
    """
    if format not in WRITTEN_FORMATS:
        raise InputError(
            f"save_word_vectors: format={shown(format)}; "
            f"{did_you_mean(str(format), WRITTEN_FORMATS)}"
        )
    target = as_path(path, "path")
    if target.suffix.lower() in _COMPRESSED:
        raise InputError(
            f"{at(target)}: nothing is compressed here; write {target.stem!r} and compress the file"
        )
    listed = check_words(words)
    blocks = _as_blocks(vectors)
    first = next(blocks, None)
    if first is None or not first.shape[1]:
        raise InputError("save_word_vectors: vectors has no coordinates; give (n, d) with d >= 1")
    dim = first.shape[1]
    _check_layout(listed, dim, format)
    with open_output(target) as stream:
        if format != "glove":
            stream.write(f"{len(listed)} {dim}\n".encode("ascii"))
        write = _write_binary if format == "word2vec-binary" else _write_text
        _write_rows(stream, listed, dim, chain([first], blocks), write)


def check_words(words: Iterable[str]) -> list[str]:
    """Return the words as a list, if all of these formats can hold them.

    Raises
    ------
    InputError
        The word and what is wrong with it.
    """
    if isinstance(words, str) or not isinstance(words, Iterable):
        raise InputError(f"words is {shown(words)}; give a list of texts")
    listed = list(words)
    if not listed:
        raise InputError("words is empty; give at least one word with its vector")
    for number, word in enumerate(listed):
        if not isinstance(word, str) or not word:
            raise InputError(f"words[{number}] is {shown(word)}; give texts that are not empty")
        found = _SEPARATORS.search(word)
        if found:
            raise InputError(
                f"words[{number}] is {shown(word)}, with {found[0]!r} in it, at which readers of "
                "these formats cut it; replace it, spaces by '_' as in word2vec GoogleNews"
            )
        _check_bytes(number, word)
    if len(set(listed)) < len(listed):
        word, times = Counter(listed).most_common(1)[0]
        raise InputError(f"the word {shown(word)} is there {times} times; give each word once")
    return listed


def _check_bytes(number: int, word: str) -> None:
    try:
        long = len(word) * 4 >= LONGEST_TOKEN and len(word.encode("utf-8")) >= LONGEST_TOKEN
        if not word.isascii():
            word.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(
            f"words[{number}] is {shown(word)}, which UTF-8 cannot hold; replace the lone surrogate"
        ) from error
    if long:
        raise InputError(
            f"words[{number}], {shown(word)}, has {LONGEST_TOKEN} bytes or more, which readers "
            "take for a damaged file; shorten it"
        )


def _check_layout(words: Sequence[str], dim: int, format: str) -> None:
    if format == "glove" and (dim == 1 or words[0].startswith("\ufeff")):
        what = "one coordinate" if dim == 1 else "a first word that starts with a byte order mark"
        raise InputError(
            f"GloVe text with {what} is read as something else; give format='word2vec'"
        )
    if format != "word2vec-binary" and dim * 17 + LONGEST_TOKEN > LONGEST_LINE:
        raise InputError(
            f"{dim} coordinates make lines that readers refuse; give format='word2vec-binary'"
        )


def _as_blocks(vectors: Any) -> Iterator[NDArray[Any]]:
    if isinstance(vectors, Iterator):
        for block in vectors:
            yield _as_rows(block)
        return
    yield _as_rows(vectors)


def _as_rows(values: Any) -> NDArray[Any]:
    try:
        rows = np.asarray(values)
    except ValueError as error:
        raise InputError("vectors has rows of different length; give (n, d)") from error
    if rows.ndim != 2 or rows.dtype.kind not in "iuf":
        raise InputError(
            f"vectors has shape {rows.shape} and type {rows.dtype}; give one row of real numbers "
            "per word, (n, d)"
        )
    return rows


def _write_rows(
    stream: IO[bytes],
    words: Sequence[str],
    dim: int,
    blocks: Iterator[NDArray[Any]],
    write: Any,
) -> None:
    done, step = 0, max(1, _BLOCK // dim)
    for block in blocks:
        if block.shape[1] != dim:
            raise InputError(
                f"vectors has rows of {dim} and of {block.shape[1]} coordinates; give one dimension"
            )
        for start in range(0, len(block), step):
            part = block[start : start + step]
            names = words[done : done + len(part)]
            done += len(part)
            if len(names) == len(part):
                write(stream, names, _float32(part, names))
    if done != len(words):
        raise InputError(f"{len(words)} words and {done} rows of vectors; give one row per word")


def _float32(rows: NDArray[Any], words: Sequence[str]) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):  # beyond float32: infinite, and refused here
        made = np.ascontiguousarray(rows, dtype="<f4")
    good = np.isfinite(made).all(axis=1)
    if not good.all():
        raise VectorError(
            f"the vector of {shown(words[int(good.argmin())])} has a coordinate that is NaN, "
            "infinite or beyond float32; leave the word out or mend its vector"
        )
    return made


def _write_text(stream: IO[bytes], words: Sequence[str], rows: NDArray[np.float32]) -> None:
    form = " ".join(["%s", *["%.9g"] * rows.shape[1]]) + "\n"
    lines = (form % (word, *row) for word, row in zip(words, rows.tolist(), strict=True))
    stream.write("".join(lines).encode("utf-8"))


def _write_binary(stream: IO[bytes], words: Sequence[str], rows: NDArray[np.float32]) -> None:
    stream.write(
        b"".join(
            part
            for word, row in zip(words, rows, strict=True)
            for part in (word.encode("utf-8"), b" ", row.tobytes())
        )
    )
