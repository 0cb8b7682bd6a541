"""Puts what a user gave into messages: on one line, printable, not too long."""

from __future__ import annotations

import unicodedata

_LONGEST = 80
_LONGEST_PATH = 200  # a path that is cut too early cannot be found again
# Control characters, lone surrogates (bytes of a file name that are not UTF-8), line separators.
_NOT_IN_AN_ID = frozenset(("Cc", "Cs", "Zl", "Zp"))


def shown(value: object, limit: int = _LONGEST) -> str:
    """Return the repr of a value, cut to about `limit` characters, without line breaks."""
    if isinstance(value, str):
        text = repr(str(value[:limit]))
        if len(value) <= limit and len(text) <= limit + 2:
            return text
        return f"{text[0]}{text[1:-1][: limit - 3]}...{text[0]}"
    try:
        text = repr(value)
    except Exception:  # a repr of the caller's own may raise anything
        text = f"<{type(value).__name__}>"
    return _cut(_printable(text), limit)


def plain(name: object, limit: int = _LONGEST) -> str:
    """Return a name as it stands when it can be printed on one line, else its repr; cut."""
    text = str(name)
    return _cut(text, limit) if text.isprintable() else shown(text, limit)


def at(path: object) -> str:
    """Return a path for the beginning of a message; a very long one is cut in the middle."""
    return plain(path, _LONGEST_PATH)


def one_line(error: BaseException) -> str:
    """Return the text of somebody else's exception on one line."""
    return _cut(_printable(" ".join(str(error).split())), 2 * _LONGEST)


def printable_id(name: str) -> str:
    r"""Return a name as an id: what breaks a line or cannot be written becomes ``\x..``."""
    return "".join(
        _escaped(char) if unicodedata.category(char) in _NOT_IN_AN_ID else char for char in name
    )


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    end = limit // 3
    return f"{text[: limit - end - 3]}...{text[-end:]}"
