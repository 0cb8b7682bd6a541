"""Reads a safetensors file of vectors with the word list that lies beside it."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from embias.encoders._items import quoted
from embias.encoders._show import at, one_line, plain
from embias.encoders._sources import Source
from embias.encoders._table import Float32Array, TableBuilder
from embias.encoders._text_rows import CARRIAGE_RETURN
from embias.errors import DataFileError

_TENSOR = "vectors"
_CHUNK_NUMBERS = 1 << 20
_LONGEST_WORD = 1 << 20


@dataclass(frozen=True, slots=True)
class OpenTensor:
    """The tensor ``vectors`` of an open file: its shape, and rows on request."""

    rows: int
    dim: int
    slice: Any

    def __getitem__(self, rows: slice) -> Float32Array:
        """Return some rows as float32, shape ``(n, dim)``."""
        with np.errstate(over="ignore"):  # beyond float32: infinite, refused with its word later
            return np.asarray(self.slice[rows], dtype=np.float32)


def read_safetensors(source: Source, encoding_errors: str) -> tuple[TableBuilder, list[str]]:
    """Read the tensor ``vectors`` and the words of ``<stem>.vocab.txt``."""
    path = source.path
    vocabulary = vocabulary_of(path)
    with open_tensor(path) as tensor:
        tokens = list(read_tokens(path, vocabulary))
        refuse_other_count(path, tensor.rows, len(tokens))
        table = TableBuilder(vocabulary, tensor.dim, unit="line", encoding_errors=encoding_errors)
        table.reserve(tensor.rows)
        step = max(1, _CHUNK_NUMBERS // tensor.dim)
        for start in range(0, tensor.rows, step):
            stop = min(start + step, tensor.rows)
            table.add(tokens[start:stop], tensor[start:stop], range(start + 1, stop + 1))
    table.path = path
    return table, []


def find_in_safetensors(
    path: Path, words: Collection[str], encoding_errors: str
) -> dict[str, Float32Array]:
    """Return the vectors of some words; the others are only counted.

    Raises
    ------
    DataFileError
        When the files do not fit together, or a row that is asked for is not finite.
    """
    vocabulary = vocabulary_of(path)
    left = {word.encode("utf-8") for word in words}
    found: list[tuple[int, bytes]] = []
    count = 0
    for token in read_tokens(path, vocabulary):
        # Replacing is the same for every token that is UTF-8, and changes one that is not.
        key = token.decode("utf-8", errors="replace").encode() if not token.isascii() else token
        if key in left and (key == token or encoding_errors == "replace"):
            left.remove(key)
            found.append((count, token))
        count += 1
    with open_tensor(path) as tensor:
        refuse_other_count(path, tensor.rows, count)
        table = TableBuilder(vocabulary, tensor.dim, unit="line", encoding_errors=encoding_errors)
        for row, token in found:
            table.add([token], tensor[row : row + 1], [row + 1])
    return dict(zip(table.words, table.finish(), strict=True))


def vocabulary_of(path: Path) -> Path:
    """Return the path of the word list that belongs to a file."""
    return path.with_name(path.stem + ".vocab.txt")


def refuse_other_count(path: Path, rows: int, words: int) -> None:
    """Refuse a word list that does not have one word for every row."""
    if words != rows:
        raise DataFileError(
            f"{at(path)}: has {rows} rows, but {plain(vocabulary_of(path).name)} has {words} "
            "lines; there must be one word a line for every row: get both files anew"
        )


@contextmanager
def open_tensor(path: Path) -> Iterator[OpenTensor]:
    """Open the tensor of vectors; every failure to read it becomes one DataFileError."""
    try:
        with safe_open(str(path), framework="numpy") as file:
            names = list(file.keys())
            if _TENSOR not in names:
                raise DataFileError(
                    f"{at(path)}: has no tensor named {_TENSOR!r} (it has: {quoted(names)}); "
                    "save the array of shape (words, coordinates) under that name"
                )
            yield _checked(path, file.get_slice(_TENSOR))
    except UnicodeEncodeError as error:
        raise DataFileError(
            f"{at(path)}: safetensors opens no file whose name is not UTF-8; rename the file"
        ) from error
    except (SafetensorError, OSError, TypeError, AttributeError) as error:
        # TypeError, AttributeError: a number type that numpy does not have, such as bfloat16.
        raise DataFileError(
            f"{at(path)}: cannot be read as safetensors ({one_line(error)}); get the file anew, or "
            "save it as float32"
        ) from error


def _checked(path: Path, tensor: Any) -> OpenTensor:
    shape = tuple(tensor.get_shape())
    dtype = tensor[0:0].dtype if shape else tensor.get_dtype()
    if len(shape) != 2 or shape[1] < 1 or dtype.kind != "f":
        raise DataFileError(
            f"{at(path)}: the tensor {_TENSOR!r} has shape {shape} and type {dtype}, "
            "expected floating point of shape (words, coordinates)"
        )
    return OpenTensor(shape[0], shape[1], tensor)


def read_tokens(path: Path, vocabulary: Path) -> Iterator[bytes]:
    """Yield the lines of a word list; every failure to read it becomes one DataFileError."""
    if os.path.exists(vocabulary) and not os.path.isfile(vocabulary):
        raise DataFileError(
            f"{at(vocabulary)}: the word list of {plain(path.name)} is not a regular file; give "
            "a regular file"
        )
    try:
        with vocabulary.open("rb") as stream:
            lines = iter(lambda: stream.readline(_LONGEST_WORD + 1), b"")
            for number, line in enumerate(lines, start=1):
                token = line.removesuffix(b"\n").removesuffix(b"\r")
                if b"\r" in token:
                    raise DataFileError(f"{at(vocabulary)}: line {number}: {CARRIAGE_RETURN}")
                if len(token) > _LONGEST_WORD - 1:
                    raise DataFileError(
                        f"{at(vocabulary)}: line {number}: is too long for a word (more than "
                        f"{_LONGEST_WORD} bytes); put one word a line"
                    )
                yield token
    except OSError as error:
        raise DataFileError(
            f"{at(vocabulary)}: the word list of {plain(path.name)} cannot be read "
            f"({error.strerror}); put a UTF-8 file with one word a line beside the vectors"
        ) from error
