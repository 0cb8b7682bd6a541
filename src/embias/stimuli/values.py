"""What is asked of an encoder, as frozen values."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from embias.errors import InputError, UnknownNameError, did_you_mean
from embias.results import Published
from embias.stimuli.templates import BARE, check_template, fill_template
from embias.types import InContext, Stimulus

__all__ = ["ROLES", "AssociationTest", "Role", "Source", "Suite", "WordSet"]

Role: TypeAlias = Literal["X", "Y", "A", "B"]
ROLES: tuple[Role, ...] = ("X", "Y", "A", "B")


@dataclass(frozen=True, slots=True)
class Source:
    """Where a test or a word list comes from."""

    paper: str
    url: str = ""
    table: str = ""
    license: str = ""
    note: str = ""

    def to_dict(self) -> dict[str, str]:
        """Return the fields as plain values that JSON can hold."""
        return {name: getattr(self, name) for name in ("paper", "url", "table", "license", "note")}


@dataclass(frozen=True, slots=True, init=False)
class WordSet:
    """A named set of words.

    Parameters
    ----------
    name : str
        Name of the set, as it appears in results.
    words : iterable of str
        The words as they are looked up: nothing is lower-cased or stripped. A word given twice
        is kept once, with a warning.

    Raises
    ------
    InputError
        When there is no word, or a word is empty, or something is not a string.
    """

    name: str
    words: tuple[str, ...]

    def __init__(self, name: str, words: Iterable[str]) -> None:
        if isinstance(words, str):
            raise InputError(f"word set {name!r}: words is one string; give a list of strings")
        given = tuple(words)
        if not given:
            raise InputError(f"word set {name!r} is empty; give at least one word")
        for word in given:
            if not isinstance(word, str) or not word.strip():
                raise InputError(f"word set {name!r}: {word!r} is not a word; give texts")
        distinct = tuple(dict.fromkeys(given))
        if len(distinct) < len(given):
            twice = next(word for word in distinct if given.count(word) > 1)
            warnings.warn(
                f"word set {name!r}: {len(given) - len(distinct)} repeated word(s) removed, "
                f"the first is {twice!r}",
                stacklevel=2,
            )
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "words", distinct)

    def __len__(self) -> int:
        return len(self.words)


@dataclass(frozen=True, slots=True)
class AssociationTest:
    """Two target sets, two attribute sets, and the sentences the words are put into.

    Parameters
    ----------
    name : str
        Name of the test, unique in its suite.
    targets : (WordSet, WordSet)
        X and Y; a positive effect says that X goes with A and Y with B.
    attributes : (WordSet, WordSet)
        A and B.
    templates : tuple of str
        Every word is put into each of them; ``("{}",)`` leaves words bare.
    source : Source, optional
        Where the test comes from.
    sentences : mapping of str to tuple of InContext, optional
        The sentences of every single word, in place of `templates` (for tests whose templates
        depend on the word's class).
    published : tuple of Published
        Published figures, one for each set of weights.
    note : str
        What a reader of the result must know.

    Raises
    ------
    InputError
        When a word is in both targets or both attributes, or a template has no place for the
        word, or a word has no sentences.
    """

    name: str
    targets: tuple[WordSet, WordSet]
    attributes: tuple[WordSet, WordSet]
    templates: tuple[str, ...] = (BARE,)
    source: Source | None = None
    sentences: Mapping[str, tuple[InContext, ...]] = field(
        default_factory=lambda: MappingProxyType({}), hash=False
    )
    published: tuple[Published, ...] = ()
    note: str = ""

    def __post_init__(self) -> None:
        for kind, pair in (("targets", self.targets), ("attributes", self.attributes)):
            if len(pair) != 2 or not all(isinstance(words, WordSet) for words in pair):
                raise InputError(f"test {self.name!r}: {kind} must be two WordSets")
            shared = [word for word in pair[0].words if word in set(pair[1].words)]
            if shared:
                raise InputError(
                    f"test {self.name!r}: {shared[0]!r} is in both {kind} ({pair[0].name} and "
                    f"{pair[1].name}); take it out of one"
                )
        if isinstance(self.templates, str) or not self.templates:
            raise InputError(f"test {self.name!r}: templates must be a list with at least one")
        for template in self.templates:
            check_template(template)
        if self.sentences:
            for role in ROLES:
                for word in self.words(role).words:
                    if not self.sentences.get(word):
                        raise InputError(f"test {self.name!r}: {word!r} has no sentences")

    def words(self, role: Role) -> WordSet:
        """Return the word set of a role, ``"X"``, ``"Y"``, ``"A"`` or ``"B"``."""
        return dict(zip(ROLES, (*self.targets, *self.attributes), strict=True))[role]

    @property
    def templated(self) -> bool:
        """Whether words are put into sentences."""
        return bool(self.sentences) or self.templates != (BARE,)

    @property
    def description(self) -> str:
        """The test in words: ``"Flowers/Insects vs Pleasant/Unpleasant"``."""
        (x, y), (a, b) = self.targets, self.attributes
        return f"{x.name}/{y.name} vs {a.name}/{b.name}"

    def stimuli(self, word: str) -> tuple[Stimulus, ...]:
        """Return what is encoded for a word: itself, or its sentences with its span."""
        if self.sentences:
            return self.sentences[word]
        if not self.templated:
            return (word,)
        return tuple(fill_template(template, word) for template in self.templates)

    def published_for(self, weights: str | None) -> Published | None:
        """Return the published figure for these weights, if there is one."""
        return next((p for p in self.published if weights and p.weights == weights), None)


@dataclass(frozen=True, slots=True)
class Suite:
    """Tests that belong together.

    Parameters
    ----------
    name : str
        Name of the suite.
    tests : tuple of AssociationTest
        At least one; their names differ.
    source : Source, optional
        Where the suite comes from.
    version : str
        Version of the word lists.
    title, description : str
        For readers.
    encoder : str or None
        Id of the encoder it is run on when none is named.

    Raises
    ------
    InputError
        When there is no test or two tests share a name.
    """

    name: str
    tests: tuple[AssociationTest, ...]
    source: Source | None = None
    version: str = "1"
    title: str = ""
    description: str = ""
    encoder: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "tests", tuple(self.tests))
        if not self.tests:
            raise InputError(f"suite {self.name!r} has no tests; give at least one")
        names = [test.name for test in self.tests]
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise InputError(f"suite {self.name!r}: two tests are named {twice[0]!r}")

    def __len__(self) -> int:
        return len(self.tests)

    def test(self, name: str) -> AssociationTest:
        """Return the test of this name.

        Raises
        ------
        UnknownNameError
            When the suite has no such test.
        """
        for test in self.tests:
            if test.name == name:
                return test
        known = [test.name for test in self.tests]
        raise UnknownNameError(
            f"suite {self.name!r} has no test {name!r}; {did_you_mean(name, known)}"
        )

    @property
    def sha256(self) -> str:
        """Hash of what is asked (words, roles, sentences); not of titles, sources or layout."""
        asked = [
            [test.name, [[role, test.words(role).name, _asked(test, role)] for role in ROLES]]
            for test in self.tests
        ]
        return hashlib.sha256(json.dumps(asked, ensure_ascii=True).encode()).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """Return what identifies the suite in a result."""
        return {
            "name": self.name,
            "version": self.version,
            "title": self.title,
            "sha256": self.sha256,
            "source": self.source.to_dict() if self.source else {},
        }


def _asked(test: AssociationTest, role: Role) -> list[list[object]]:
    def plain(item: Stimulus) -> object:
        return item if isinstance(item, str) else [item.text, item.start, item.stop]

    return [[word, [plain(s) for s in test.stimuli(word)]] for word in test.words(role).words]
