"""Items of StereoSet: a context, and three sentences that fill its blank or follow it."""

from __future__ import annotations

import json
import os
import string
from dataclasses import dataclass, fields
from typing import Any, Literal, TypeAlias

from embias.errors import DataFileError, InputError
from embias.metrics._text_file import read_text

__all__ = [
    "BLANK",
    "Filler",
    "IntersentenceItem",
    "StereoItem",
    "fillers_of",
    "is_filled_in",
    "read_stereoset",
    "read_stereoset_intersentence",
]

Half: TypeAlias = Literal["intrasentence", "intersentence"]

BLANK = "BLANK"
_LABELS = ("stereotype", "anti-stereotype", "unrelated")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


@dataclass(frozen=True, slots=True)
class _Item:
    term: str
    domain: str
    context: str
    stereotype: str
    antistereotype: str
    unrelated: str

    def __post_init__(self) -> None:
        for name in (field.name for field in fields(self)):
            value = getattr(self, name)
            if not isinstance(value, str) or not value.strip():
                kind = type(self).__name__
                raise InputError(f"{kind}: {name} is {value!r:.60}; give a text")

    @property
    def sentences(self) -> tuple[str, str, str]:
        """Stereotype, anti-stereotype, unrelated."""
        return self.stereotype, self.antistereotype, self.unrelated


@dataclass(frozen=True, slots=True)
class StereoItem(_Item):
    """A context whose blank is filled in three ways (intrasentence).

    Parameters
    ----------
    term : str
        The group or person that the context is about; scores are averaged per term.
    domain : str
        ``"gender"``, ``"profession"``, ``"race"``, ``"religion"``, ...
    context : str
        With the word ``BLANK`` in it once.
    stereotype, antistereotype, unrelated : str
        The three sentences, complete.

    Raises
    ------
    InputError
        A text that is empty, a context without a blank.
    """

    def __post_init__(self) -> None:
        _Item.__post_init__(self)
        if BLANK not in self.context:
            raise InputError(f"StereoItem: the context {self.context!r:.80} has no {BLANK}")


@dataclass(frozen=True, slots=True)
class IntersentenceItem(_Item):
    """A context and three sentences that may follow it (intersentence).

    Parameters
    ----------
    term : str
        The group or person that the context is about; scores are averaged per term.
    domain : str
        ``"gender"``, ``"profession"``, ``"race"``, ``"religion"``, ...
    context : str
        A sentence.
    stereotype, antistereotype, unrelated : str
        The three sentences after it.

    Raises
    ------
    InputError
        A text that is empty.
    """


@dataclass(frozen=True, slots=True)
class Filler:
    """What fills the blank: ``text[start:stop]`` of the filled context."""

    text: str
    start: int
    stop: int


def fillers_of(item: StereoItem, *, by_position: bool = False) -> tuple[Filler, ...] | None:
    """Return what the three sentences put in the blank, None where that cannot be told.

    It is what stands between the two parts of the context; where a sentence is not the context
    filled in (or with `by_position`), the word at the place of the blank, counted by spaces and
    without its punctuation, as in the published code.
    """
    before, _, after = item.context.partition(BLANK)
    if BLANK in after:
        return None
    place = len(before.split(" ")) - 1
    found = []
    for sentence in item.sentences:
        if not by_position and _fills(sentence, before, after):
            word = sentence[len(before) : len(sentence) - len(after)].strip()
        else:
            words = sentence.split(" ")
            word = words[place].translate(_NO_PUNCTUATION) if place < len(words) else ""
        if not word:
            return None
        found.append(Filler(before + word + after, len(before), len(before) + len(word)))
    return tuple(found)


def is_filled_in(item: StereoItem) -> bool:
    """Return whether all three sentences are the context with the blank filled in."""
    before, _, after = item.context.partition(BLANK)
    return BLANK not in after and all(_fills(one, before, after) for one in item.sentences)


def _fills(sentence: str, before: str, after: str) -> bool:
    room = len(sentence) > len(before) + len(after)
    return room and sentence.startswith(before) and sentence.endswith(after)


def read_stereoset(path: str | os.PathLike[str]) -> tuple[StereoItem, ...]:
    """Read the intrasentence items of a JSON file in the published format of StereoSet.

    Parameters
    ----------
    path : str or path
        A UTF-8 file with ``data.intrasentence``, a list of items that have ``target``,
        ``bias_type``, ``context`` and three ``sentences`` (``sentence`` and ``gold_label``:
        stereotype, anti-stereotype, unrelated). Other keys are left alone.

    Returns
    -------
    tuple of StereoItem
        In the order of the file, the texts as they are written there.

    Raises
    ------
    DataFileError
        The file cannot be read or an item breaks a rule; the message names file, item, key and
        rule. Nothing is read by half.

    Notes
    -----
    The data themselves (Nadeem et al. 2021, CC BY-SA 4.0) do not come with embias.
    :func:`read_stereoset_intersentence` reads the other half of the same file.
    """
    found = []
    for value, where in _rows(path, "intrasentence"):
        parts = _parts(value, where)
        if BLANK not in parts[2]:
            raise DataFileError(f"{where}, key 'context': {parts[2]!r:.80} has no {BLANK}")
        found.append(StereoItem(*parts))
    return tuple(found)


def read_stereoset_intersentence(path: str | os.PathLike[str]) -> tuple[IntersentenceItem, ...]:
    """Read the intersentence items of a JSON file in the published format of StereoSet.

    Parameters
    ----------
    path : str or path
        A UTF-8 file with ``data.intersentence``, a list of items with the keys that
        :func:`read_stereoset` tells; the contexts have no blank.

    Returns
    -------
    tuple of IntersentenceItem
        In the order of the file, the texts as they are written there.

    Raises
    ------
    DataFileError
        As :func:`read_stereoset`.
    """
    rows = _rows(path, "intersentence")
    return tuple(IntersentenceItem(*_parts(value, where)) for value, where in rows)


def _rows(path: str | os.PathLike[str], half: Half) -> list[tuple[Any, str]]:
    """Return the items of one half of a file, as they are there, each with its place."""
    where, text = read_text(path, "the JSON file of StereoSet")
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise DataFileError(f"{where}, line {error.lineno}: not JSON ({error.msg})") from error
    except (ValueError, RecursionError) as error:
        raise DataFileError(f"{where}: not JSON that can be read ({error})") from error
    data = _get(document, "data", dict, where)
    if half not in data:
        inside = half == "intrasentence"
        other, reader = (
            ("intersentence", "read_stereoset_intersentence")
            if inside
            else ("intrasentence", "read_stereoset")
        )
        had = f", but {other} items, which {reader} reads" if other in data else ""
        raise DataFileError(f"{where}, key 'data': has no {half!r}{had}")
    items = _get(data, half, list, f"{where}: data")
    if not items:
        raise DataFileError(f"{where}: data.{half} has no items")
    return [(value, f"{where}: data.{half}[{row}]") for row, value in enumerate(items)]


def _parts(value: Any, where: str) -> tuple[str, str, str, str, str, str]:
    """Return what an item is made of, in the order of its fields."""
    by_label: dict[str, str] = {}
    for number, entry in enumerate(_get(value, "sentences", list, where)):
        place = f"{where}.sentences[{number}]"
        label = _text(entry, "gold_label", place)
        if label not in _LABELS:
            raise DataFileError(
                f"{place}, key 'gold_label': {label!r:.60} is none of {', '.join(_LABELS)}"
            )
        if label in by_label:
            raise DataFileError(f"{place}, key 'gold_label': a second {label!r}; give one of each")
        by_label[label] = _text(entry, "sentence", place)
    missing = [label for label in _LABELS if label not in by_label]
    if missing:
        raise DataFileError(f"{where}, key 'sentences': no {missing[0]!r}; give one of each label")
    context = _text(value, "context", where)
    term, domain = _text(value, "target", where), _text(value, "bias_type", where)
    stereotype, antistereotype, unrelated = (by_label[label] for label in _LABELS)
    return term, domain, context, stereotype, antistereotype, unrelated


def _text(value: Any, key: str, where: str) -> str:
    found = _get(value, key, str, where)
    if not found.strip():
        raise DataFileError(f"{where}, key {key!r}: is empty; give a text")
    return str(found)


def _get(value: Any, key: str, kind: type[dict[Any, Any] | list[Any] | str], where: str) -> Any:
    name = "a table" if kind is dict else "a list" if kind is list else "a text"
    if not isinstance(value, dict):
        raise DataFileError(f"{where}: must be a table with the key {key!r}")
    if key not in value:
        raise DataFileError(f"{where}, key {key!r}: is missing")
    if not isinstance(value[key], kind):
        raise DataFileError(f"{where}, key {key!r}: {value[key]!r:.60} is not {name}")
    return value[key]
