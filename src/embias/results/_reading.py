"""Reading result values back from JSON, every field checked against its declared type."""

from __future__ import annotations

import dataclasses
import math
import os
import types
import typing
from pathlib import Path
from typing import Any

from embias.errors import DataFileError, InputError

__all__ = ["read_source", "read_value"]

#: The only figures that can be undefined, and are null in JSON.
_MAY_BE_NAN = frozenset({"effect_size", "unit_effect_size", "value", "figures", "scores"})


def read_source(source: object, who: str = "Audit.from_json") -> tuple[str, str]:
    """Return a name for errors and the text of a file, or of a text that is given itself.

    `who` is asked, for errors.

    Raises
    ------
    DataFileError
        When the file is not there or not UTF-8.
    """
    if isinstance(source, str) and _is_json(source):
        return who, source.removeprefix("\ufeff")
    if not isinstance(source, str | os.PathLike) or not os.fspath(source):
        raise DataFileError(f"{who}: {source!r:.60} is neither a path nor JSON")
    path = Path(source)
    try:
        return str(path), path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataFileError(f"{path}: not UTF-8 text (byte {error.start})") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataFileError(f"{str(path)!r:.200}: cannot be read: {reason}") from error


def _is_json(text: str) -> bool:
    # A path has neither line ends nor a brace in front.
    return text.lstrip("\ufeff \t\r\n").startswith(("{", "[")) or "\n" in text


def read_value(value: Any, declared: Any, where: str) -> Any:
    """Return a value read from JSON as the type that was declared for it.

    Parameters
    ----------
    value : object
        What the JSON reader made of it.
    declared : type
        A dataclass, a plain type, or a Literal, union, tuple or dict of them.
    where : str
        Place in the file, for errors.

    Raises
    ------
    InputError
        When it is of another type; names the place.
    """
    if dataclasses.is_dataclass(declared):
        return _read_dataclass(value, declared, where)
    origin, arguments = typing.get_origin(declared), typing.get_args(declared)
    if origin in (typing.Union, types.UnionType):
        kinds = [kind for kind in arguments if kind is not type(None)]
        return None if value is None else read_value(value, kinds[0], where)
    if origin is typing.Literal:
        if value not in arguments:
            raise InputError(f"{where} is {value!r:.60}, not {' or '.join(map(repr, arguments))}")
        return value
    if origin is tuple:
        return _read_tuple(value, arguments, where)
    if origin is dict:
        return _read_dict(value, arguments, where)
    return _read_plain(value, declared, where)


def _read_dataclass(value: Any, declared: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise InputError(f"{where} is not an object")
    hints = typing.get_type_hints(declared)
    known = {entry.name: entry for entry in dataclasses.fields(declared)}
    for name in value:
        if name not in known:
            raise InputError(f"{where} has the unknown field {name!r:.60}")
    values = {}
    for name, entry in known.items():
        if name in value:
            undefined = name in _MAY_BE_NAN and type(None) not in typing.get_args(hints[name])
            given = _nan_for_null(value[name]) if undefined else value[name]
            values[name] = read_value(given, hints[name], f"{where}.{name}")
        elif entry.default is entry.default_factory is dataclasses.MISSING:
            raise InputError(f"{where}.{name} is missing")
    return declared(**values)


def _nan_for_null(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _nan_for_null(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_nan_for_null(entry) for entry in value]
    return math.nan if value is None else value


def _read_tuple(value: Any, arguments: tuple[Any, ...], where: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise InputError(f"{where} is not a list")
    if arguments[-1] is Ellipsis:
        kinds = [arguments[0]] * len(value)
    elif len(value) == len(arguments):
        kinds = list(arguments)
    else:
        raise InputError(f"{where} has {len(value)} entries, not {len(arguments)}")
    pairs = zip(value, kinds, strict=True)
    return tuple(read_value(v, kind, f"{where}[{i}]") for i, (v, kind) in enumerate(pairs))


def _read_dict(value: Any, arguments: tuple[Any, ...], where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{where} is not an object")
    return {key: read_value(entry, arguments[1], f"{where}.{key}") for key, entry in value.items()}


def _read_plain(value: Any, declared: Any, where: str) -> Any:
    if declared is Any:
        return value
    whole = isinstance(value, int) and not isinstance(value, bool)
    if declared is float and (whole or isinstance(value, float)):
        return float(value)
    if declared is int and whole:
        return value
    if declared in (str, bool) and isinstance(value, declared):
        return value
    raise InputError(f"{where} is {value!r:.60}, not of type {declared.__name__}")
