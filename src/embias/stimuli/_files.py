"""What all TOML files of stimuli share: how they are read, their schema, their source."""

from __future__ import annotations

import os
import tomllib
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

from embias._data import data_path
from embias.errors import DataFileError, InputError, UnknownNameError, did_you_mean
from embias.stimuli._table import Table
from embias.stimuli.values import Source

__all__ = ["check_schema", "find_file", "quoted", "read_source", "read_toml", "titles_of"]

_SOURCE_KEYS = ("paper", "url", "table", "license", "note")

#: Layout of the file; written in it, so that a later layout is told from a mistake.
_SCHEMA = 1


def find_file(name_or_path: str | os.PathLike[str], thing: str) -> tuple[Path, str, bool]:
    """Return the file of a shipped name or of a path.

    Parameters
    ----------
    name_or_path : str or path
        A path has a folder or the suffix ``.toml``, or is there.
    thing : str
        ``"suite"``, ``"concept"``: shipped ones lie in the data folder of its plural.

    Returns
    -------
    path : Path
    where : str
        How errors name it.
    shipped : bool

    Raises
    ------
    UnknownNameError
        When nothing of that name ships and it is no path.
    InputError
        When it is neither a name nor a path.
    """
    if not isinstance(name_or_path, str | os.PathLike):
        raise InputError(f"load_{thing}: {name_or_path!r:.60} is neither a name nor a path")
    text = os.fspath(name_or_path)
    known = _shipped(thing)
    if isinstance(name_or_path, str) and text in known:
        return known[text], known[text].name, True
    is_path = isinstance(name_or_path, os.PathLike) or text.endswith(".toml") or os.sep in text
    # os.path, unlike pathlib, takes a name that no file could have for a missing file.
    if is_path or os.path.isfile(text):
        return Path(text), text, False
    raise UnknownNameError(
        f"no {thing} {text!r:.80} ({did_you_mean(text, known)}); a {thing} of your own is given "
        "as the path of a .toml file"
    )


def titles_of(thing: str, read: Callable[[Path, str], dict[str, Any]]) -> dict[str, str]:
    """Return the names of what ships, each with its title."""
    return {
        name: str(read(path, str(path)).get("title", "")) for name, path in _shipped(thing).items()
    }


def _shipped(thing: str) -> dict[str, Path]:
    return {path.stem: path for path in sorted(data_path(f"{thing}s").glob("*.toml"))}


def read_toml(path: Path, where: str, thing: str, needed: str) -> dict[str, Any]:
    """Return the content of a file.

    Parameters
    ----------
    path : Path
    where : str
        How the file is named in errors.
    thing : str
        What it holds: ``"suite"``; ``embias list suites`` shows those that ship.
    needed : str
        What an empty file lacks.

    Raises
    ------
    DataFileError
        When it is not there, empty, not UTF-8 or not TOML.
    """
    try:
        raw = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataFileError(
            f"{where}: cannot be read: {reason}; give the path of a .toml file, or the name of a "
            f"shipped {thing} (embias list {thing}s)"
        ) from error
    if not raw.strip():
        raise DataFileError(f"{where}: the file is empty; write {needed} into it")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise DataFileError(
            f"{where}, line {line}: not UTF-8 text; save the file as UTF-8"
        ) from error
    try:
        # Composed form, so that an accent written in two characters finds its word.
        return tomllib.loads(unicodedata.normalize("NFC", text))
    except (ValueError, RecursionError) as error:
        # Besides its own error, tomllib lets through those of huge numbers and deep nesting.
        raise DataFileError(f"{where}: not valid TOML: {error}") from error


def check_schema(top: Table) -> None:
    """Raise a DataFileError for a file of a later layout."""
    schema = top.get("schema", _SCHEMA)
    if schema != _SCHEMA:
        raise top.error("schema", f"is {schema!r}; this version of embias reads {_SCHEMA}")


def read_source(values: object, where: str) -> Source | None:
    """Return the source that a table states, None where there is no table."""
    if values is None:
        return None
    table = Table(values, where, _SOURCE_KEYS)
    return Source(table.text("paper"), *(table.text(key, "") for key in _SOURCE_KEYS[1:]))


def quoted(key: str) -> str:
    """Return a key as it stands in a table heading, on one line whatever it holds."""
    return key if key.replace("-", "").replace("_", "").isalnum() else repr(key)
