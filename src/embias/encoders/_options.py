"""Checks on the options that several adapters share."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from embias.encoders._show import printable_id, shown
from embias.errors import InputError


def as_id(id: Any) -> str:
    r"""Return the id, with what cannot be printed as ``\x..``; refuse no text and blank text."""
    if not isinstance(id, str) or not id.strip():
        raise InputError(
            f"id must be a text that is not blank, got {shown(id)}; give the name that the "
            "encoder is to have in results"
        )
    return printable_id(id)


def as_optional_text(name: str, value: Any) -> str | None:
    """Return a text or None."""
    if value is not None and not isinstance(value, str):
        raise InputError(f"{name} must be a text or None, got {shown(value)}; give a str")
    return value


def as_notes(notes: Any) -> tuple[str, ...]:
    """Return notes as a tuple; a lone text is refused, since it would be read as letters."""
    if isinstance(notes, (str, bytes)) or not isinstance(notes, Iterable):
        raise InputError(
            f"notes must be a list of texts, got {shown(notes)}; give one note as [note]"
        )
    listed = tuple(notes)
    for note in listed:
        if not isinstance(note, str):
            raise InputError(f"notes must be a list of texts, got {shown(note)} in it; give str")
    return listed


def as_path(name: Any, argument: str) -> Path:
    """Return a path with ``~`` expanded; refuse what no file can be named."""
    if not isinstance(name, (str, os.PathLike)):
        raise InputError(
            f"{argument} must be a str or an os.PathLike, got {type(name).__name__}; give a path"
        )
    text = os.fsdecode(name)
    if not text.strip():
        raise InputError(f"{argument}: the name {shown(text)} is empty; give a path")
    refuse_nul(text, argument)
    # Unlike Path.expanduser, this one leaves the ~ of a user who does not exist as it is.
    return Path(os.path.expanduser(text))


def refuse_nul(text: str, argument: str) -> None:
    """Refuse a name with a NUL character, on which the system calls give up."""
    if "\0" in text:
        raise InputError(
            f"{argument}: the name {shown(text)} holds a NUL character, which no file and no "
            "model has in its name; correct the name"
        )
