"""Concepts as TOML files: the shipped ones and a user's own."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from embias._data import data_path
from embias.errors import DataFileError, InputError, did_you_mean
from embias.stimuli._files import (
    check_schema,
    find_file,
    quoted,
    read_source,
    read_toml,
    titles_of,
)
from embias.stimuli._table import Table
from embias.stimuli.concepts import Concept

__all__ = ["known_concepts", "load_concept"]

_KEYS = (
    *("schema", "name", "version", "title", "description", "language", "source"),
    *("groups", "templates", "kinds", "related", "protected"),
)
_RELATED = ("definitional", "equalize", "together")
_LIST_KEYS = ("list", "key")


def known_concepts() -> dict[str, str]:
    """Return the shipped concepts: name to title."""
    return titles_of("concept", _read)


def load_concept(name_or_path: str | os.PathLike[str]) -> Concept:
    """Load a shipped concept by name, or a concept of your own from a TOML file.

    Parameters
    ----------
    name_or_path : str or path
        ``"gender"``, ``"gender-de"``, or the path of a file (with a folder or the suffix
        ``.toml``).

    Returns
    -------
    Concept

    Raises
    ------
    UnknownNameError
        When there is no shipped concept of that name.
    DataFileError
        When the file is not there or breaks a rule; the message names file, table, key and rule.

    Notes
    -----
    ``[groups.LABEL]`` has the `words` of each group. `templates` is a list, or a table of lists
    by kind, and then ``[kinds]`` says which words go into which. ``[related]`` has `definitional`,
    `equalize` and `together`; ``[protected]`` has `words`. In place of a list of words or sets
    there may be a table with `list` and `key`, which takes it from a list that ships with embias:
    ``equalize = { list = "bolukbasi2016", key = "equalize-pairs" }``.

    Examples
    --------
    >>> from embias.stimuli import load_concept
    >>> load_concept("gender").texts().texts[0]
    'The woman opened the door.'
    """
    path, where, shipped = find_file(name_or_path, "concept")
    concept = _concept(_read(path, where), where)
    return replace(concept, shipped=True) if shipped else concept


def _read(path: Path, where: str) -> dict[str, Any]:
    return read_toml(path, where, "concept", "[groups] and templates")


def _concept(document: dict[str, Any], where: str) -> Concept:
    top = Table(document, where, _KEYS)
    check_schema(top)
    related = Table(top.get("related", {}), f"{where}: [related]", _RELATED)
    try:
        return Concept(
            name=top.text("name"),
            groups=_groups(top, where),
            definitional=_sets(related, "definitional"),
            equalize=_sets(related, "equalize"),
            together=_sets(related, "together"),
            protected=_protected(top.get("protected", None), f"{where}: [protected]"),
            templates=_templates(top, where),
            kinds=_words_by(top.get("kinds", {}), f"{where}: [kinds]"),
            source=read_source(top.get("source", None), f"{where}: [source]"),
            language=top.text("language", ""),
            version=top.text("version", "1"),
            title=top.text("title", ""),
            description=top.text("description", ""),
        )
    except InputError as error:
        raise DataFileError(f"{where}: {error}") from error


def _groups(top: Table, where: str) -> dict[str, tuple[str, ...]]:
    entries = Table(top.get("groups"), f"{where}: [groups]").values
    return {
        label: Table(entry, f"{where}: [groups.{quoted(label)}]", ("words",)).strings("words")
        for label, entry in entries.items()
    }


def _templates(top: Table, where: str) -> dict[str, tuple[str, ...]]:
    if isinstance(top.get("templates", {}), list):
        return {"": top.strings("templates")}
    return _words_by(top.get("templates", {}), f"{where}: [templates]")


def _words_by(values: object, where: str) -> dict[str, tuple[str, ...]]:
    table = Table(values, where)
    return {key: table.strings(key) for key in table.values}


def _sets(table: Table, key: str) -> tuple[tuple[str, ...], ...]:
    given = table.get(key, [])
    if isinstance(given, dict):
        given = _shipped(given, f"{table.where}, key {key!r}", "pairs")
    if not isinstance(given, list) or not all(isinstance(each, list) for each in given):
        raise table.error(key, 'must be a list of lists of words, such as [["she", "he"]]')
    return tuple(tuple(each) for each in given)


def _protected(values: object, where: str) -> tuple[str, ...]:
    if values is None:
        return ()
    table = Table(values, where, ("words", *_LIST_KEYS))
    if "words" in table.values:
        return Table(values, where, ("words",)).strings("words")
    return tuple(_shipped(table.values, where, "words"))


def _shipped(values: dict[str, Any], where: str, kind: str) -> list[Any]:
    """Return a list of words or pairs that ships with embias."""
    table = Table(values, where, _LIST_KEYS)
    name, key = table.text("list"), table.text("key")
    known = {path.stem: path for path in data_path("lists").glob("*.toml")}
    if name not in known:
        raise table.error("list", f"no list {name!r} ships; {did_you_mean(name, known)}")
    lists = read_toml(known[name], known[name].name, "list", "[lists]")["lists"]
    usable = {each: entry[kind] for each, entry in lists.items() if kind in entry}
    if key not in usable:
        raise table.error("key", f"{name!r} has no {kind} {key!r}; {did_you_mean(key, usable)}")
    found: list[Any] = usable[key]
    return found
