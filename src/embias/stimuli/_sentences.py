"""The sentences of the words of a suite file: by the class of a word, or by its role in a test."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from embias.errors import DataFileError, InputError, did_you_mean
from embias.stimuli._table import Table
from embias.stimuli.pictures import ImageSet
from embias.stimuli.templates import check_template, fill_template
from embias.types import InContext

__all__ = ["Sentences", "sentences_by_role"]

_ROLE_KEYS = ("targets", "attributes")


class Sentences:
    """The sentences of a word, made from the templates of its own entry in ``[words]``."""

    def __init__(self, document: Mapping[str, Any], where: str) -> None:
        self.where = where
        self.templates = Table(document.get("templates", {}), f"{where}: [templates]")
        self.words = Table(document.get("words", {}), f"{where}: [words]")

    def of(self, word: str) -> tuple[InContext, ...]:
        """Return the filled templates of a word."""
        if word not in self.words.values:
            raise self.words.error(word, "is missing; a test with templates = 'words' needs it")
        entry = Table(self.words.values[word], f"{self.where}: [words], key {word!r}")
        use = entry.text("use")
        if use not in self.templates.values:
            raise entry.error(
                "use", f"no templates {use!r}; {did_you_mean(use, self.templates.values)}"
            )
        forms = {key: entry.text(key) for key in entry.values if key != "use"}
        try:
            return tuple(fill_template(t, word, forms) for t in self.templates.strings(use))
        except InputError as error:
            raise DataFileError(f"{entry.where}: {error}") from error


def sentences_by_role(
    values: object, where: str, targets: Iterable[ImageSet], attributes: Iterable[ImageSet]
) -> dict[str, tuple[InContext, ...]]:
    """Return the sentences of a test whose targets and attributes have templates of their own."""
    table = Table(values, f"{where}, key 'templates'", _ROLE_KEYS)
    own: dict[str, tuple[InContext, ...]] = {}
    for key, sets in zip(_ROLE_KEYS, (targets, attributes), strict=True):
        templates = _templates(table, key)
        words = [word for one in sets for word in one.words.words if word not in one.images]
        if both := [word for word in words if word in own and key == "attributes"]:
            raise table.error(
                key, f"{both[0]!r} is a target too; give both roles the same list of templates"
            )
        own |= {word: tuple(fill_template(each, word) for each in templates) for word in words}
    return own


def _templates(table: Table, key: str) -> tuple[str, ...]:
    templates = table.strings(key)
    for template in templates:
        try:
            check_template(template)
        except InputError as error:
            raise table.error(key, str(error)) from error
        if templates.count(template) > 1:
            raise table.error(key, f"the template {template!r} is listed twice")
    return templates
