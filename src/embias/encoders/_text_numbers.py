"""Turns blocks of numbers written as text into float32, exactly rounded and fast."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from embias.encoders._show import at
from embias.encoders._table import Float32Array
from embias.encoders._text_rows import NUMBER, RowError, refuse_odd_separators, split_row
from embias.errors import DataFileError

# Bytes that numpy skips as white space although they do not separate fields here.
_STRAY_SPACES = (b"\r", b"\v", b"\f", b"  ")


def parse_rows(
    path: Path, lines: Sequence[bytes], places: Sequence[int], dim: int, *, bulk: bool = False
) -> tuple[list[bytes], Float32Array]:
    """Return the tokens and numbers of some rows.

    Parameters
    ----------
    path : Path
        The file, for messages.
    lines : sequence of bytes
        Rows without line end.
    places : sequence of int
        Their line numbers.
    dim : int
        Numbers in a row.
    bulk : bool
        Whether there is so much to parse that it pays to import scipy.io; the result is the same.

    Returns
    -------
    tokens : list of bytes
    rows : ndarray of float32, shape (len(lines), dim)
        Each number is the float64 nearest to the text, rounded to float32; beyond float32 it is
        infinite.

    Raises
    ------
    DataFileError
        When a row does not split into a word and `dim` numbers; the line is named.
    """
    if not lines:
        return [], np.empty((0, dim), dtype=np.float32)
    if bulk:
        tokens, numbers = _split_simply(lines)
        rows = _parse_scipy(numbers, dim) if numbers else None
        if rows is not None:
            return tokens, rows
    tokens, numbers = _split(path, lines, places, dim)
    rows = _parse_scipy(numbers, dim) if bulk else None
    if rows is None:
        rows = _parse_numpy(b" ".join(numbers), len(numbers), dim)
    if rows is None:
        rows = _parse_slowly(path, tokens, numbers, places)
    return tokens, rows


def _split(
    path: Path, lines: Sequence[bytes], places: Sequence[int], dim: int
) -> tuple[list[bytes], list[bytes]]:
    tokens: list[bytes] = []
    numbers: list[bytes] = []
    for line, place in zip(lines, places, strict=True):
        try:
            token, text = split_row(line, dim)
        except RowError as error:
            raise DataFileError(f"{at(path)}: line {place}: {error}") from error
        tokens.append(token)
        numbers.append(text)
    return tokens, numbers


def _split_simply(lines: Sequence[bytes]) -> tuple[list[bytes], list[bytes]]:
    """Split at the first space; nothing when the tokens are not certain to be right.

    They are when `_is_plain` finds the right number of numbers in every row: `split_row` takes
    the same way then, but counts the spaces of each row for it.
    """
    parts = [line.partition(b" ") for line in lines]
    tokens = [token for token, _, _ in parts]
    joined = b" ".join(tokens)
    if b"\t" in joined or b"\r" in joined:
        return [], []
    return tokens, [numbers for _, _, numbers in parts]


# --- scipy's reader of the Matrix Market format --------------------------------------------------

_PIECE_BYTES = 1 << 18
_DOT, _SIGN, _E, _SEPARATOR = 1, 2, 4, 8

#: What a byte of a number is, and what must not follow it (a digit is no class: it may follow all).
_RULES = {
    b"0123456789": (0, _SIGN),
    b"+-": (_SIGN, _SIGN | _E | _SEPARATOR),
    b".": (_DOT, _DOT | _SIGN),
    b"eE": (_E, _E | _DOT | _SEPARATOR),
    b" \n": (_SEPARATOR, _SEPARATOR | _E),
}
#: The same once digits and signs are gone: then an e may be all that is left of a number.
_BARE_RULES = {b".": (_DOT, _DOT), b"eE": (_E, _E | _DOT), b" \n": (_SEPARATOR, 0)}


def _table(rules: dict[bytes, tuple[int, int]]) -> bytes:
    """Return what each byte is (low half) and what must not follow it (high half).

    Any other byte is of all four classes, and none may follow it.
    """
    table = bytearray([0xFF] * 256)
    for members, (kind, not_next) in rules.items():
        for byte in members:
            table[byte] = kind | not_next << 4
    return bytes(table)


_TABLE, _BARE_TABLE = _table(_RULES), _table(_BARE_RULES)


def _parse_scipy(numbers: Sequence[bytes], dim: int) -> Float32Array | None:
    """Parse with the C++ reader of scipy 1.12; None when it is not there or anything is odd."""
    mmread = _mmread()
    if mmread is None:
        return None
    # One column: scipy then writes the numbers one after the other, which is faster.
    header = b"%%%%MatrixMarket matrix array real general\n%d 1" % (len(numbers) * dim)
    pieces = [memoryview(header)]
    step = max(1, _PIECE_BYTES // (1 + len(numbers[0])))
    for start in range(0, len(numbers), step):  # pieces that stay in the processor's cache
        rows = numbers[start : start + step]
        text = b"\n".join((b"", *rows, b""))
        if not _is_plain(text, len(rows), dim):
            return None
        pieces.append(memoryview(text.replace(b" ", b"\n"))[:-1])
    document = b"".join(pieces)
    try:
        flat = mmread(document)[:, 0]
    except (ValueError, OverflowError):  # a plus sign, for one; the other parsers judge it
        return None
    _restore_negative_zeros(flat, np.frombuffer(document, dtype=np.uint8)[len(header) :])
    with np.errstate(over="ignore"):  # beyond float32: infinite, refused with its word later
        return flat.astype(np.float32).reshape(len(numbers), dim)


def _restore_negative_zeros(flat: NDArray[np.float64], text: NDArray[np.uint8]) -> None:
    """Put the sign back that scipy loses when it adds each number to a zero."""
    zeros = np.flatnonzero(flat == 0)
    if zeros.size:
        fields = np.flatnonzero(text == ord("\n"))[zeros] + 1
        flat[zeros[text[fields] == ord("-")]] = -0.0


@cache
def _mmread() -> Callable[[bytes], NDArray[np.float64]] | None:
    import scipy

    if tuple(int(part) for part in scipy.__version__.split(".")[:2]) < (1, 12):
        return None
    from scipy.io import mmread

    # The library is found by threadpoolctl only once it is loaded.
    mmread(io.BytesIO(b"%%MatrixMarket matrix array real general\n1 1\n1\n"))
    limits = _thread_limits()

    def read(document: bytes) -> NDArray[np.float64]:
        with nullcontext() if limits is None else limits.limit(limits=1, user_api="scipy"):
            return cast(NDArray[np.float64], mmread(io.BytesIO(document)))

    return read


def _thread_limits() -> Any:
    """Return what keeps scipy's reader to one thread; more cost it time on blocks as small."""
    try:
        return import_module("threadpoolctl").ThreadpoolController()
    except (ImportError, AttributeError):
        return None


def _is_plain(text: bytes, n_rows: int, dim: int) -> bool:
    """Return whether a block is rows of decimal numbers, one space between two, and no more.

    The reader of scipy passes over what follows a number ("1_0" is 1 to it) and crashes on a NUL
    byte, so it must see nothing but numbers. What is left to it is a field without a digit.
    """
    if not _pairs_fit(text, _TABLE):
        return False
    # Without digits and signs, "-1.5e-05" is ".e": a second dot or e, which digits held apart
    # before, now follows the first.
    bare = text.translate(None, b"0123456789+-")
    if not _pairs_fit(bare, _BARE_TABLE):
        return False
    return bare.translate(None, b".eE") == b"\n" + (b" " * (dim - 1) + b"\n") * n_rows


def _pairs_fit(text: bytes, table: bytes) -> bool:
    """Return whether no byte is followed by one that must not follow it."""
    classes = np.frombuffer(text.translate(table), dtype=np.uint8)
    clashes = classes[:-1] >> 4
    clashes &= classes[1:]
    return not clashes.any()


# --- numpy, and plain Python to name the culprit -------------------------------------------------


def _parse_numpy(text: bytes, n_rows: int, dim: int) -> Float32Array | None:
    """Parse a block of numbers at once; None when anything about it is odd."""
    if any(space in text for space in _STRAY_SPACES):
        return None
    with warnings.catch_warnings():
        # Before numpy 2.4 text that is not a number is a warning and a short result.
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            flat = np.fromstring(text, dtype=np.float32, sep=" ")
        except ValueError:
            return None
    return flat.reshape(n_rows, dim) if flat.size == n_rows * dim else None


def _parse_slowly(
    path: Path, tokens: list[bytes], numbers: list[bytes], places: Sequence[int]
) -> Float32Array:
    """Parse field by field, to name the field that is not a number."""
    rows = []
    for place, token, text in zip(places, tokens, numbers, strict=True):
        fields = text.split(b" ")
        try:
            refuse_odd_separators(token + b" " + text)
        except RowError as error:
            raise DataFileError(f"{at(path)}: line {place}: {error}") from error
        for field in fields:
            if not NUMBER.fullmatch(field):
                word = token[:60].decode("utf-8", errors="replace")
                raise DataFileError(
                    f"{at(path)}: line {place}: {field[:40].decode('utf-8', 'replace')!r} "
                    f"in the row of the word {word!r} is not a number; repair the line (fields "
                    "are separated by one space or tab)"
                )
        rows.append([float(field) for field in fields])
    # A number beyond float32 becomes infinite here and is refused with its word by the table.
    with np.errstate(over="ignore"):
        return np.array(rows, dtype=np.float64).astype(np.float32)
