"""Lines of small text files that a user brings: pairs with ratings, analogy questions."""

from __future__ import annotations

import os
from pathlib import Path

from embias.errors import DataFileError

__all__ = ["numbered_lines"]


def numbered_lines(path: str | os.PathLike[str]) -> list[tuple[int, str]]:
    """Return the lines of a UTF-8 file that are not blank, with their numbers from 1.

    Raises
    ------
    DataFileError
        When the file cannot be read, is not UTF-8, or holds nothing.
    """
    place = Path(path)
    try:
        text = place.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataFileError(f"{place}: cannot be read ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise DataFileError(
            f"{place}: byte {error.start} is not UTF-8; save the file as UTF-8"
        ) from error
    # Not splitlines(): it also splits at characters that may stand inside a sentence.
    lines = [(number, line.rstrip("\r")) for number, line in enumerate(text.split("\n"), 1)]
    lines = [(number, line) for number, line in lines if line.strip()]
    if not lines:
        raise DataFileError(f"{place}: holds no line; give a file with one entry a line")
    return lines
