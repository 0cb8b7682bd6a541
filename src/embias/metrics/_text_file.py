"""Reads whole text files of a user's, with errors that name the file and the line."""

from __future__ import annotations

import os
from pathlib import Path

from embias.errors import DataFileError

__all__ = ["numbered_lines", "read_text"]


def read_text(path: str | os.PathLike[str], what: str) -> tuple[str, str]:
    """Return the name for errors and the text of a UTF-8 file.

    Parameters
    ----------
    path : str or path
    what : str
        What the file should be, for the cure: ``"the CSV file of CrowS-Pairs"``.

    Raises
    ------
    DataFileError
        No such file; not UTF-8; empty.
    """
    if not isinstance(path, str | os.PathLike) or not os.fspath(path):
        raise DataFileError(f"{path!r:.80} is not a path; give that of {what}")
    where = f"{os.fspath(path)!s:.200}"
    try:
        raw = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataFileError(
            f"{where}: cannot be read: {reason}; give the path of {what}"
        ) from error
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise DataFileError(f"{where}, line {line}: not UTF-8 text; save it as UTF-8") from error
    if not text.strip():
        raise DataFileError(f"{where}: the file is empty; give {what}")
    return where, text


def numbered_lines(path: str | os.PathLike[str], what: str) -> list[tuple[int, str]]:
    """Return the lines of a file that are not blank, with their numbers from 1.

    Raises
    ------
    DataFileError
        As :func:`read_text`.
    """
    # Not splitlines(): it also splits at characters that may stand inside a sentence.
    lines = enumerate(read_text(path, what)[1].split("\n"), start=1)
    return [(number, line.rstrip("\r")) for number, line in lines if line.strip()]
