"""Reads arrays of vectors that numpy saved (.npy, .npz), with the words beside or inside."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from embias.encoders._items import quoted
from embias.encoders._safetensors_format import read_tokens as read_word_list
from embias.encoders._show import at, one_line, plain
from embias.encoders._sources import NPY, Source, bomb_error, expansion_limit, object_array_error
from embias.encoders._table import TableBuilder
from embias.errors import DataFileError

_VECTORS, _WORDS = "vectors", "words"
_CHUNK_NUMBERS = 4_000_000


@dataclass(frozen=True, slots=True)
class _Header:
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    size: int  # of the header itself

    @property
    def data_bytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


def read_numpy(source: Source, encoding_errors: str) -> tuple[TableBuilder, list[str]]:
    """Read the array and its words."""
    if source.head.startswith(NPY):
        vectors, tokens = _mapped(source), None
    else:
        vectors, tokens = _from_archive(source)
    path = source.path
    beside = path.with_name(path.stem + ".vocab.txt")
    inside = tokens is not None
    if tokens is None:
        tokens = list(read_word_list(path, beside))
    if len(tokens) != len(vectors):
        raise DataFileError(
            f"{at(path)}: has {len(vectors)} rows, but "
            f"{f'its array {_WORDS!r}' if inside else plain(beside.name)} has {len(tokens)} words; "
            "there must be one word for every row: get the vectors and the words anew"
        )
    unit = "row" if inside else "line"
    table = TableBuilder(
        path if inside else beside, vectors.shape[1], unit=unit, encoding_errors=encoding_errors
    )
    size = max(1, _CHUNK_NUMBERS // vectors.shape[1])
    for start in range(0, len(tokens), size):
        rows = np.asarray(vectors[start : start + size])
        with np.errstate(over="ignore"):  # beyond float32: infinite, refused with its word
            numbers = np.ascontiguousarray(rows, dtype=np.float32)
        stop = start + len(rows)
        table.add(tokens[start:stop], numbers, range(start + 1, stop + 1))
    table.path = path
    return table, []


def _mapped(source: Source) -> NDArray[Any]:
    """Return the array of an .npy file, mapped: it is read as it is copied into the table."""
    path = source.path
    header = _header(path, source.stream, "the array")
    _check_vectors(path, header, "the array")
    if source.size is None or header.size + header.data_bytes != source.size:
        raise DataFileError(
            f"{at(path)}: the header says {header.shape} numbers of type {header.dtype}, which is "
            f"{header.size + header.data_bytes} bytes, but the file has {source.size}; the file "
            "is cut short or damaged: get the whole file"
        )
    mapped: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return mapped


def _from_archive(source: Source) -> tuple[NDArray[Any], list[bytes] | None]:
    """Return the vectors of an .npz file, and its words when it has them."""
    path = source.path
    with zipfile.ZipFile(source.stream) as archive:
        names = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
        others = [name for name in names if name != _WORDS]
        name = _VECTORS if _VECTORS in names or len(others) != 1 else others[0]
        if name not in names:
            raise DataFileError(
                f"{at(path)}: has no array named {_VECTORS!r} (it has: {quoted(names)}); save the "
                "array of shape (words, coordinates) under that name"
            )
        vectors = _member(path, archive, name)
        words = _member(path, archive, _WORDS) if _WORDS in names else None
    return vectors, None if words is None else list(_encoded(words))


def _member(path: Path, archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    what = f"the array {name!r}"
    info = archive.getinfo(name + ".npy")
    if info.flag_bits & 1:
        raise DataFileError(f"{at(path)}: the archive is encrypted; unpack it and pack it anew")
    with archive.open(info) as stream:
        header = _header(path, stream, what)
    if name == _WORDS:
        if header.dtype.kind != "U" or len(header.shape) != 1:
            raise DataFileError(
                f"{at(path)}: {what} has shape {header.shape} and type {header.dtype}, expected "
                "text of shape (words,); save numpy.array(words, dtype=str)"
            )
    else:
        _check_vectors(path, header, what)
    if header.size + header.data_bytes != info.file_size:
        raise DataFileError(
            f"{at(path)}: {what} has {info.file_size} bytes, but its header says {header.shape} of "
            f"type {header.dtype}; the file is damaged: get it anew"
        )
    if info.file_size > expansion_limit(path):
        raise bomb_error(path, expansion_limit(path))
    try:
        with archive.open(info) as stream:
            array: NDArray[Any] = np.lib.format.read_array(stream, allow_pickle=False)
    except ValueError as error:
        raise _damaged(path, what, error) from error
    return array


def _header(path: Path, stream: IO[bytes], what: str) -> _Header:
    try:
        version = np.lib.format.read_magic(stream)
        if version == (1, 0):
            shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
        elif version == (2, 0):
            shape, _, dtype = np.lib.format.read_array_header_2_0(stream)
        else:
            raise ValueError(f"version {version} of the format, which only tables need")
    except (ValueError, TypeError, SyntaxError, EOFError, OverflowError) as error:
        raise _damaged(path, what, error) from error
    if dtype.hasobject:
        raise object_array_error(path, what)
    return _Header(tuple(shape), dtype, stream.tell())


def _check_vectors(path: Path, header: _Header, what: str) -> None:
    if len(header.shape) != 2 or min(header.shape) < 1 or header.dtype.kind not in "fiu":
        raise DataFileError(
            f"{at(path)}: {what} has shape {header.shape} and type {header.dtype}, expected "
            "numbers of shape (words, coordinates)"
        )


def _encoded(words: NDArray[Any]) -> Iterator[bytes]:
    for word in words.tolist():
        # Half of a surrogate pair is no text; its bytes are refused as not being UTF-8.
        yield word.encode("utf-8", errors="surrogatepass")


def _damaged(path: Path, what: str, error: Exception) -> DataFileError:
    return DataFileError(
        f"{at(path)}: {what} cannot be read as a numpy array ({one_line(error)}); get the file anew"
    )
