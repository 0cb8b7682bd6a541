"""Reading tables of a TOML file strictly, with errors that name file, table, key and rule."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from embias.errors import DataFileError, did_you_mean

__all__ = ["Table"]

_REQUIRED: Any = object()


class Table:
    """One table of a file; every key must be known, every value of the right kind.

    Parameters
    ----------
    values : object
        What the TOML reader made of the table.
    where : str
        File and table, for errors: ``"my.toml: [sets.flowers]"``.
    keys : collection of str, optional
        The keys that may occur; None allows any.
    """

    def __init__(self, values: object, where: str, keys: Collection[str] | None = None) -> None:
        self.where = where
        if not isinstance(values, dict):
            raise DataFileError(f"{where}: must be a table, not {_kind(values)}")
        self.values: dict[str, Any] = values
        if keys is not None:
            for key in values:
                if key not in keys:
                    raise DataFileError(f"{where}: unknown key {key!r}; {did_you_mean(key, keys)}")

    def error(self, key: str, rule: str) -> DataFileError:
        """Return the error that a key breaks a rule."""
        return DataFileError(f"{self.where}, key {key!r}: {rule}")

    def get(self, key: str, default: Any = _REQUIRED) -> Any:
        """Return a value of any kind; an error if it is required and not there."""
        if key in self.values:
            return self.values[key]
        if default is _REQUIRED:
            raise self.error(key, "is missing; every such table needs it")
        return default

    def text(self, key: str, default: Any = _REQUIRED) -> str:
        """Return a string; an empty one only as the default."""
        value = self.get(key, default)
        if key in self.values and not (isinstance(value, str) and (value or default == "")):
            raise self.error(key, f"must be a text, not {_kind(value)}; write it in quotes")
        return str(value)

    def tables(self, key: str) -> list[Any]:
        """Return an array of tables, empty if the key is not there."""
        value = self.get(key, [])
        if not isinstance(value, list):
            name = self.where.rpartition("[")[2].rstrip("]")
            raise self.error(key, f"must be a list of tables; write [[{name}.{key}]] above each")
        return value

    def strings(self, key: str) -> tuple[str, ...]:
        """Return a list of strings with at least one."""
        value = self.get(key)
        if not isinstance(value, list):
            raise self.error(key, f"must be a list of texts, not {_kind(value)}")
        if not value:
            raise self.error(key, "is empty; give at least one")
        for entry in value:
            if not isinstance(entry, str) or not entry.strip():
                raise self.error(key, f"{entry!r} is not a text")
        return tuple(value)

    def one_or_more(self, key: str) -> tuple[str, ...]:
        """Return a string, or a list of strings with at least one, as a tuple."""
        if isinstance(self.get(key), str):
            return (self.text(key),)
        return self.strings(key)

    def pairs(self, key: str) -> tuple[tuple[str, str], ...]:
        """Return a list of lists of two strings, empty if the key is not there."""
        value = self.get(key, [])
        listed: list[Any] = value if isinstance(value, list) else [value]
        for entry in listed:
            texts = isinstance(entry, list) and all(isinstance(word, str) for word in entry)
            if not texts or len(entry) != 2:
                raise self.error(key, 'must be a list of pairs of words, such as [["he", "she"]]')
        return tuple((first, second) for first, second in listed)

    def pair(self, key: str) -> tuple[str, str]:
        """Return a list of exactly two strings."""
        value = self.strings(key)
        if len(value) != 2:
            raise self.error(key, f"must name two sets, and names {len(value)}")
        return value[0], value[1]


def _kind(value: object) -> str:
    names = {
        str: f"the text {value!r:.60}" if value else "an empty text",
        bool: f"{str(value).lower()}",
        int: "a number",
        float: "a number",
        list: "a list",
        dict: "a table",
    }
    return names.get(type(value), type(value).__name__)
