"""Reads files of word vectors into one checked table."""

from __future__ import annotations

import re
from dataclasses import dataclass
from os import PathLike

import numpy as np
from numpy.typing import NDArray

from embias.encoders._binary_format import read_binary
from embias.encoders._numpy_format import read_numpy
from embias.encoders._options import as_path
from embias.encoders._parquet_format import read_parquet
from embias.encoders._safetensors_format import read_safetensors
from embias.encoders._show import at, shown
from embias.encoders._sources import NPY, PARQUET, ZIP, Source, open_source
from embias.encoders._table import TableBuilder
from embias.encoders._text_format import header_of, read_text
from embias.errors import DataFileError, InputError, did_you_mean

__all__ = ["FORMATS", "VectorTable", "is_normalized", "read_vectors"]

FORMATS = ("text", "word2vec-binary", "safetensors", "numpy", "parquet")

_READERS = {
    "text": read_text,
    "word2vec-binary": read_binary,
    "safetensors": read_safetensors,
    "numpy": read_numpy,
    "parquet": read_parquet,
}

_ENCODING_ERRORS = ("strict", "replace")
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")
_ZERO_NOTE = "words with a zero vector, which has no direction, counted as missing: {}"


@dataclass(frozen=True, slots=True, eq=False)
class VectorTable:
    """Words and their vectors, as a file holds them.

    Attributes
    ----------
    words : tuple of str
        Each word once, in the order of the file.
    vectors : ndarray of float32, shape (n, d)
        One finite row per word, read-only. A row may be zero.
    notes : tuple of str
        What was left out or changed on the way, with counts.
    normalized : bool
        Whether every row that is not zero has unit length, to 1e-4.
    path : str
        The file.
    format : {"text", "word2vec-binary", "safetensors", "numpy", "parquet"}
        How the file was read.
    """

    words: tuple[str, ...]
    vectors: NDArray[np.float32]
    notes: tuple[str, ...]
    normalized: bool
    path: str
    format: str

    def __len__(self) -> int:
        """Return the number of words."""
        return len(self.words)


def read_vectors(
    path: str | PathLike[str], *, format: str | None = None, encoding_errors: str = "strict"
) -> VectorTable:
    r"""Read a file of word vectors.

    Parameters
    ----------
    path : str or os.PathLike
        The file. Compression (gzip, bz2, xz, zip of one file) is undone for the first two formats.
    format : {"text", "word2vec-binary", "safetensors", "numpy", "parquet"}, optional
        By default told from the content, never from the suffix.

        ``text``: a word and its d numbers a line, separated by single spaces or tabs; a header
        line "count dim" may come first (word2vec, fastText ``.vec``) or not (GloVe). Lines end
        at ``\n`` only and a row is split from the right, so words may hold single spaces. Two
        separators in a row, a carriage return inside a line, and an empty line are errors.

        ``word2vec-binary``: a header line, then word, space and d little-endian float32.

        ``safetensors``: a tensor ``vectors`` of shape (n, d); the words, one a line in UTF-8,
        lie beside it in a file of the same stem ending in ``.vocab.txt``.

        ``numpy``: an array (n, d) of numbers with the words beside it in the same way; an archive
        ``.npz`` holds it as ``vectors``, or as its only array, and may hold the words as ``words``
        (an array of text). Arrays of Python objects are refused.

        ``parquet``: a column of text, and either one column of lists of d numbers or d columns of
        numbers.
    encoding_errors : {"strict", "replace"}
        What to do with words that are not UTF-8: an error, or U+FFFD and a count in the notes.

    Returns
    -------
    VectorTable
        Of a repeated word the first row is kept, rows without a word are skipped; both are
        counted in the notes, as are zero vectors, which stay in the table.

    Raises
    ------
    DataFileError
        When the file is missing, empty, cut short, contradicts its header, has a row with
        another number of fields, a field that is not a number, a coordinate that is not finite
        or a word that is not UTF-8; when a compressed file comes to more than 64 MiB and 200 times
        its size; when it is a pickle or another format that is not read.
    InputError
        When an option does not exist, or `path` is not a path.
    MissingExtraError
        When a Parquet file is given and pyarrow is not installed.
    """
    file = as_path(path, "path")
    _check_option("format", format, (None, *FORMATS))
    _check_option("encoding_errors", encoding_errors, _ENCODING_ERRORS)
    with open_source(file) as source:
        if not source.head:
            raise DataFileError(f"{at(file)}: the file is empty; get it anew")
        chosen = format or detect_format(source)
        table, notes = _READERS[chosen](source, encoding_errors)
    return _finished(table, notes, chosen)


def detect_format(source: Source) -> str:
    """Tell the format from the first bytes of a file.

    Parameters
    ----------
    source : Source
        An open file that is not empty.

    Returns
    -------
    str
        One of `FORMATS`.

    Raises
    ------
    DataFileError
        When the bytes fit none of them.
    """
    head = source.head
    length = int.from_bytes(head[:8], "little")
    if head[8:9] == b"{" and (source.size is None or 2 <= length <= source.size - 8):
        return "safetensors"
    if head.startswith((NPY, ZIP)):  # a zip file that is still one here holds numpy arrays
        return "numpy"
    if head.startswith(PARQUET):
        return "parquet"
    first, _, rest = head.partition(b"\n")
    if header_of(first.removesuffix(b"\r").removesuffix(b" ")) is not None:
        return "text" if _looks_like_text(rest) else "word2vec-binary"
    if not _looks_like_text(head):
        raise DataFileError(
            f"{at(source.path)}: starts with {head[:12]!r}, which is none of the formats "
            f"{', '.join(FORMATS)}; save the vectors in one of them"
        )
    return "text"


def is_normalized(vectors: NDArray[np.float32]) -> bool:
    """Return whether all rows that are not zero have unit length, to 1e-4.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n, d)
        Finite rows.

    Returns
    -------
    bool
        False also when every row is zero.
    """
    some = False
    step = max(1, 65536 // max(1, vectors.shape[1]))  # a piece of half a megabyte
    for start in range(0, len(vectors), step):
        rows = vectors[start : start + step].astype(np.float64)
        norms = np.sqrt(np.einsum("ij,ij->i", rows, rows))
        norms = norms[norms > 0]
        some = some or norms.size > 0
        if norms.size and np.abs(norms - 1).max() >= 1e-4:
            return False
    return some


def _looks_like_text(rest: bytes) -> bool:
    # The first row of a text file ends in a number; that float32 bytes spell one by
    # chance before a line end is out of the question. A damaged text file has no such line, but
    # no control bytes either, which real float32 rows do.
    first_row = rest.partition(b"\n")[0].removesuffix(b"\r").removesuffix(b" ")
    last_field = first_row.replace(b"\t", b" ").rpartition(b" ")[2]
    try:
        float(last_field)
    except ValueError:
        return not _CONTROL.search(rest[:4096])
    return last_field.isascii()


def _check_option(name: str, value: str | None, known: tuple[str | None, ...]) -> None:
    if value not in known:
        names = [option for option in known if option is not None]
        raise InputError(f"read_vectors: {name}={shown(value)}; {did_you_mean(str(value), names)}")


def _finished(table: TableBuilder, notes: list[str], format: str) -> VectorTable:
    if not table.words:
        raise DataFileError(f"{at(table.path)}: holds no word with a vector; get the file anew")
    vectors = table.finish()
    zeros = len(vectors) - int(np.count_nonzero(vectors.any(axis=1)))
    if zeros:
        notes = [_ZERO_NOTE.format(zeros), *notes]
    vectors.flags.writeable = False
    return VectorTable(
        words=tuple(table.words),
        vectors=vectors,
        notes=(*table.notes(), *notes),
        normalized=is_normalized(vectors),
        path=str(table.path),
        format=format,
    )
