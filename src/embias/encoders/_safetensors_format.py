"""Reads a safetensors file of vectors with the word list that lies beside it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from embias.encoders._items import quoted
from embias.encoders._show import at, one_line, plain
from embias.encoders._sources import Source
from embias.encoders._table import Float32Array, TableBuilder
from embias.encoders._text_format import CARRIAGE_RETURN
from embias.errors import DataFileError

_TENSOR = "vectors"


def read_safetensors(source: Source, encoding_errors: str) -> tuple[TableBuilder, list[str]]:
    """Read the tensor ``vectors`` and the words of ``<stem>.vocab.txt``."""
    path = source.path
    rows = _tensor(path)
    vocabulary = path.with_name(path.stem + ".vocab.txt")
    tokens = _tokens(path, vocabulary)
    if len(tokens) != len(rows):
        raise DataFileError(
            f"{at(path)}: has {len(rows)} rows, but {plain(vocabulary.name)} has {len(tokens)} "
            "lines; there must be one word a line for every row: get both files anew"
        )
    table = TableBuilder(vocabulary, rows.shape[1], unit="line", encoding_errors=encoding_errors)
    table.add(tokens, rows, range(1, len(tokens) + 1))
    table.path = path
    return table, []


def _tensor(path: Path) -> Float32Array:
    try:
        with safe_open(str(path), framework="numpy") as file:
            names = list(file.keys())
            if _TENSOR not in names:
                raise DataFileError(
                    f"{at(path)}: has no tensor named {_TENSOR!r} (it has: {quoted(names)}); "
                    "save the array of shape (words, coordinates) under that name"
                )
            tensor = file.get_tensor(_TENSOR)
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
    if tensor.ndim != 2 or tensor.shape[1] < 1 or tensor.dtype.kind != "f":
        raise DataFileError(
            f"{at(path)}: the tensor {_TENSOR!r} has shape {tensor.shape} and type {tensor.dtype}, "
            "expected floating point of shape (words, coordinates)"
        )
    with np.errstate(over="ignore"):  # beyond float32: infinite, refused with its word later
        return np.asarray(tensor, dtype=np.float32)


def _tokens(path: Path, vocabulary: Path) -> list[bytes]:
    if os.path.exists(vocabulary) and not os.path.isfile(vocabulary):
        raise DataFileError(
            f"{at(vocabulary)}: the word list of {plain(path.name)} is not a regular file; give "
            "a regular file"
        )
    try:
        data = vocabulary.read_bytes()
    except OSError as error:
        raise DataFileError(
            f"{at(vocabulary)}: the word list of {plain(path.name)} cannot be read "
            f"({error.strerror}); put a UTF-8 file with one word a line beside the vectors"
        ) from error
    lines = data.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    tokens = [line.removesuffix(b"\r") for line in lines]
    for number, token in enumerate(tokens, start=1):
        if b"\r" in token:
            raise DataFileError(f"{at(vocabulary)}: line {number}: {CARRIAGE_RETURN}")
    return tokens
