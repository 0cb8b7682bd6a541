"""What is said of a direction in its record."""

from __future__ import annotations

__all__ = ["few", "orientation_of"]

#: Fewer pairs, sets or words than this are worth a remark.
_FEW = 5


def orientation_of(ends: tuple[str, str] | None, default: str) -> str:
    """Return in words which end of a direction is positive."""
    return f"positive: {default if ends is None else ends[0]}" + (
        "" if ends is None else f"; negative: {ends[1]}"
    )


def few(number: int, what: str) -> str:
    """Return a remark where a direction hangs on few words, else an empty text."""
    return f"Only {number} {what}; {_FEW} or more make a steadier direction." * (number < _FEW)
