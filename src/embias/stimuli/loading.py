"""Suites as TOML files: the shipped ones and a user's own."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from embias.errors import DataFileError, InputError, did_you_mean
from embias.results import Published
from embias.stimuli._files import (
    check_schema,
    find_file,
    quoted,
    read_source,
    read_toml,
    titles_of,
)
from embias.stimuli._sentences import Sentences, sentences_by_role
from embias.stimuli._table import Table
from embias.stimuli.pictures import ImageSet, find_pictures, printable_name
from embias.stimuli.templates import BARE
from embias.stimuli.values import AssociationTest, Source, Suite, WordSet
from embias.types import Image, InContext

__all__ = ["known_suites", "load_suite"]

_SUITE_KEYS = (
    *("schema", "name", "version", "title", "description", "encoder"),
    *("source", "sets", "tests", "templates", "words"),
)
_SET_KEYS = ("name", "words", "images")
_TEST_KEYS = ("targets", "attributes", "templates", "note", "source", "published", "pairs")
_PUBLISHED_KEYS = ("weights", "effect_size", "pvalue", "decimals", "source", "note")


def known_suites() -> dict[str, str]:
    """Return the shipped suites: name to title."""
    return titles_of("suite", _read)


def load_suite(name_or_path: str | os.PathLike[str]) -> Suite:
    """Load a shipped suite by name, or a suite of your own from a TOML file.

    Parameters
    ----------
    name_or_path : str or path
        ``"weat"``, ``"seat"``, ``"tan2019"``, or the path of a file (with a folder or the suffix
        ``.toml``).

    Returns
    -------
    Suite

    Raises
    ------
    UnknownNameError
        When there is no shipped suite of that name.
    DataFileError
        When the file is not there or breaks a rule, or a picture is not there; the message names
        file, table, key and rule.

    Notes
    -----
    A set has ``words``, or ``images``: a file, a folder or a pattern (``"flowers/*.png"``), or a
    list of them, from the folder of the TOML file on. Of a folder all files with the suffix of a
    picture are taken, without folders in it. Pictures are in the order of their names.

    Examples
    --------
    >>> from embias import load_suite
    >>> len(load_suite("weat"))
    10
    """
    path, where, shipped = find_file(name_or_path, "suite")
    suite = _suite(_read(path, where), where, path.parent)
    return replace(suite, shipped=True) if shipped else suite


def _read(path: Path, where: str) -> dict[str, Any]:
    return read_toml(path, where, "suite", "[sets] and [tests]")


def _suite(document: dict[str, Any], where: str, folder: Path) -> Suite:
    top = Table(document, where, _SUITE_KEYS)
    check_schema(top)
    source = read_source(top.get("source", None), f"{where}: [source]")
    sets = _sets(top.get("sets"), where, folder)
    sentences = Sentences(document, where)
    entries = Table(top.get("tests"), f"{where}: [tests]").values
    if not entries:
        raise top.error("tests", "has no test; give at least one table [tests.NAME]")
    tests = tuple(
        _test(name, entry, f"{where}: [tests.{quoted(name)}]", sets, sentences, source)
        for name, entry in entries.items()
    )
    return Suite(
        name=top.text("name"),
        tests=tests,
        source=source,
        version=top.text("version", "1"),
        title=top.text("title", ""),
        description=top.text("description", ""),
        encoder=top.text("encoder", "") or None,
    )


def _sets(values: object, where: str, folder: Path) -> dict[str, ImageSet]:
    sets = {}
    for key, entry in Table(values, f"{where}: [sets]").values.items():
        table = Table(entry, f"{where}: [sets.{quoted(key)}]", _SET_KEYS)
        if "images" in table.values:
            sets[key] = _picture_set(table, table.text("name", key), folder)
        else:
            sets[key] = ImageSet(_word_set(table, table.text("name", key)), {})
    return sets


def _word_set(table: Table, name: str) -> WordSet:
    words = table.strings("words")
    with warnings.catch_warnings():
        # In a file a repeated word is a slip to mend, not something to pass over.
        warnings.simplefilter("error")
        try:
            return WordSet(name, words)
        except (InputError, UserWarning) as error:
            twice = next((word for word in words if words.count(word) > 1), None)
            rule = f"{twice!r} is listed twice" if twice else str(error)
            raise table.error("words", rule) from error


def _picture_set(table: Table, name: str, folder: Path) -> ImageSet:
    if "words" in table.values:
        raise table.error("images", "stands beside 'words'; make two sets of them")
    images: dict[str, tuple[Image, ...]] = {}
    names: dict[Image, str] = {}
    try:
        found = {each for p in table.one_or_more("images") for each in find_pictures(folder, p)}
        for path in sorted(found):
            word = printable_name(path)
            # Results name the picture as the suite does, not by its place on this machine.
            picture = replace(Image.from_file(folder / path), name=word)
            if picture in names:
                raise table.error("images", f"{names[picture]!r} and {word!r} are one picture")
            names[picture] = word
            images[word] = (picture,)
        return ImageSet(WordSet(name, images), images)
    except InputError as error:
        raise table.error("images", str(error)) from error


def _test(
    name: str,
    values: object,
    where: str,
    sets: Mapping[str, ImageSet],
    sentences: Sentences,
    source: Source | None,
) -> AssociationTest:
    table = Table(values, where, _TEST_KEYS)
    targets = _pair(table, "targets", sets)
    attributes = _pair(table, "attributes", sets)
    images = {word: each for one in (*targets, *attributes) for word, each in one.images.items()}
    own: dict[str, tuple[InContext, ...]] = {}
    templates: tuple[str, ...] = (BARE,)
    given = table.get("templates", [BARE])
    if given == "words":
        words = [word for one in (*targets, *attributes) for word in one.words.words]
        own = {word: sentences.of(word) for word in words if word not in images}
    elif isinstance(given, dict):
        own = sentences_by_role(given, where, targets, attributes)
    elif "templates" in table.values:
        templates = table.strings("templates")
    published = tuple(
        _published(entry, f"{where}, published figure {number}")
        for number, entry in enumerate(table.tables("published"), start=1)
    )
    weights = [figure.weights for figure in published]
    twice = [name for name in weights if weights.count(name) > 1]
    if twice:
        raise table.error("published", f"two figures for the weights {twice[0]!r}; keep one")
    try:
        return AssociationTest(
            name=name,
            targets=(targets[0].words, targets[1].words),
            attributes=(attributes[0].words, attributes[1].words),
            templates=templates,
            source=read_source(table.get("source", None), f"{where}, key 'source'") or source,
            sentences=own,
            published=published,
            note=table.text("note", ""),
            images=images,
            pairs=table.pairs("pairs"),
        )
    except InputError as error:
        raise DataFileError(f"{where}: {error}") from error


def _pair(table: Table, key: str, sets: Mapping[str, ImageSet]) -> tuple[ImageSet, ImageSet]:
    first, second = table.pair(key)
    for name in (first, second):
        if name not in sets:
            raise table.error(key, f"no set {name!r} in [sets]; {did_you_mean(name, sets)}")
    return sets[first], sets[second]


def _published(values: object, where: str) -> Published:
    table = Table(values, where, _PUBLISHED_KEYS)
    effect_size = table.get("effect_size", None)
    if effect_size is not None and not _is_finite_number(effect_size):
        raise table.error("effect_size", "must be a number, and finite")
    decimals = table.get("decimals", 2)
    if type(decimals) is not int or not 0 <= decimals <= 15:
        raise table.error("decimals", "must be a whole number from 0 to 15")
    return Published(
        weights=table.text("weights"),
        effect_size=None if effect_size is None else float(effect_size),
        pvalue=table.text("pvalue", "") or None,
        decimals=decimals,
        source=table.text("source"),
        note=table.text("note", ""),
    )


def _is_finite_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond every float
        return False
