"""What is asked of an encoder, as frozen values."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias, TypeVar

from embias.errors import InputError, UnknownNameError, did_you_mean
from embias.results import Published
from embias.stimuli.templates import BARE, check_template, fill_template
from embias.types import Image, InContext, Stimulus

__all__ = ["ROLES", "AssociationTest", "Role", "Source", "Suite", "WordSet"]

Kind = TypeVar("Kind")
Role: TypeAlias = Literal["X", "Y", "A", "B"]
ROLES: tuple[Role, ...] = ("X", "Y", "A", "B")

_ALONE = "Here each word stands alone, out of its sentences."


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
        check_name("word set", name)
        if isinstance(words, str) or not isinstance(words, Iterable):
            raise InputError(f"word set {name!r}: words is {words!r:.60}; give a list of strings")
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
    images : mapping of str to tuple of Image, optional
        The pictures of those words that stand for pictures: they are encoded in place of the
        word, and put into no template. The other words are texts.
    pairs : tuple of (str, str)
        Words of X and of Y that belong together (he - she), for the metrics that compare within
        pairs; they are never formed by position.

    Raises
    ------
    InputError
        When a pair is not of a word of X and one of Y, a word is in both targets or both
        attributes, a template has no place for the word, a word has no sentences, or a picture
        (by content) is in both targets or both attributes, or belongs to no word of the test.
    """

    name: str
    targets: tuple[WordSet, WordSet]
    attributes: tuple[WordSet, WordSet]
    templates: tuple[str, ...] = (BARE,)
    source: Source | None = None
    sentences: Mapping[str, tuple[InContext, ...]] = field(default_factory=dict, hash=False)
    published: tuple[Published, ...] = ()
    note: str = ""
    images: Mapping[str, tuple[Image, ...]] = field(default_factory=dict, hash=False)
    pairs: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        check_name("test", self.name)
        for kind in ("targets", "attributes"):
            object.__setattr__(self, kind, self._checked_pair(kind))
        object.__setattr__(self, "templates", self._checked_templates())
        object.__setattr__(self, "images", self._checked_images())
        object.__setattr__(self, "sentences", self._checked_sentences())
        if self.source is not None and not isinstance(self.source, Source):
            raise InputError(f"test {self.name!r}: source must be a Source, such as Source('...')")
        published = _tuple_of(self.published, Published)
        if published is None:
            raise InputError(f"test {self.name!r}: published must be a tuple of Published")
        object.__setattr__(self, "published", published)
        object.__setattr__(self, "pairs", self._checked_pairs())

    def _checked_pairs(self) -> tuple[tuple[str, str], ...]:
        listed = _tuple_of(self.pairs, (list, tuple))
        if listed is None:
            raise InputError(f"test {self.name!r}: pairs must be a list of (word of X, word of Y)")
        x, y = (set(each.words) for each in self.targets)
        pairs: list[tuple[str, str]] = []
        for pair in listed:
            if len(pair) != 2 or pair[0] not in x or pair[1] not in y or tuple(pair) in pairs:
                raise InputError(
                    f"test {self.name!r}: {tuple(pair)!r:.80} in pairs; give each pair once, a "
                    f"word of {self.targets[0].name!r} and one of {self.targets[1].name!r}"
                )
            pairs.append((pair[0], pair[1]))
        return tuple(pairs)

    def _checked_pair(self, kind: str) -> tuple[WordSet, WordSet]:
        pair = _tuple_of(getattr(self, kind), WordSet)
        if pair is None or len(pair) != 2:
            raise InputError(f"test {self.name!r}: {kind} must be two WordSets")
        if pair[0] == pair[1]:
            raise InputError(f"test {self.name!r}: {kind} are one set twice; give two sets")
        shared = [word for word in pair[0].words if word in set(pair[1].words)]
        if shared:
            raise InputError(
                f"test {self.name!r}: {shared[0]!r} is in both {kind} ({pair[0].name!r} and "
                f"{pair[1].name!r}); take it out of one"
            )
        return pair[0], pair[1]

    def _checked_templates(self) -> tuple[str, ...]:
        templates = _tuple_of(self.templates, str)
        if not templates:
            raise InputError(
                f"test {self.name!r}: templates must be a list of texts with at least one"
            )
        for template in templates:
            check_template(template)
            if templates.count(template) > 1:
                raise InputError(f"test {self.name!r}: the template {template!r} is listed twice")
        return templates

    def _checked_sentences(self) -> dict[str, tuple[InContext, ...]]:
        if not isinstance(self.sentences, Mapping):
            raise InputError(
                f"test {self.name!r}: sentences must be a mapping of word to InContext"
            )
        checked = {}
        for role in ROLES if self.sentences else ():
            for word in self.words(role).words:
                if word in self.images:
                    continue
                sentences = _tuple_of(self.sentences.get(word), InContext)
                if not sentences:
                    raise InputError(
                        f"test {self.name!r}: {word!r} has no sentences; give a list of InContext"
                    )
                checked[word] = sentences
        return checked

    def _checked_images(self) -> dict[str, tuple[Image, ...]]:
        if not isinstance(self.images, Mapping):
            raise InputError(f"test {self.name!r}: images must be a mapping of word to Images")
        known = {word for role in ROLES for word in self.words(role).words}
        checked = {}
        for word, given in self.images.items():
            if word not in known:
                raise InputError(
                    f"test {self.name!r}: images has {word!r:.80}, which is no word of the test; "
                    "name the word in a set"
                )
            pictures = _tuple_of(given, Image)
            if not pictures or len(set(pictures)) < len(pictures):
                raise InputError(
                    f"test {self.name!r}: images of {word!r:.80} must be a list of Images, each "
                    "once, with at least one"
                )
            checked[word] = pictures
        for kind in ("targets", "attributes"):
            self._check_shared_pictures(kind, checked)
        return checked

    def _check_shared_pictures(self, kind: str, images: Mapping[str, tuple[Image, ...]]) -> None:
        first, second = (
            {picture: word for word in each.words for picture in images.get(word, ())}
            for each in getattr(self, kind)
        )
        for picture, word in second.items():
            if picture in first:
                raise InputError(
                    f"test {self.name!r}: {first[picture]!r:.80} and {word!r:.80} are the same "
                    f"picture in both {kind}; take it out of one"
                )

    def with_images(self, images: Mapping[str, Iterable[Image]]) -> AssociationTest:
        """Return the test with pictures for some of its words.

        Parameters
        ----------
        images : mapping of str to iterable of Image
            Word to its pictures, in place of those it had; the other words stay as they are.

        Returns
        -------
        AssociationTest

        Raises
        ------
        InputError
            As for the class.
        """
        if not isinstance(images, Mapping):
            raise InputError(f"test {self.name!r}: images must be a mapping of word to Images")
        for word, given in images.items():
            if isinstance(given, Image | str) or not isinstance(given, Iterable):
                raise InputError(
                    f"test {self.name!r}: images of {word!r:.80} must be a list of Images, got "
                    f"{type(given).__name__}"
                )
        added = {word: tuple(given) for word, given in images.items()}
        return replace(self, images={**self.images, **added})

    def bare(self) -> AssociationTest:
        """Return the test with every word alone, out of its templates and sentences.

        Returns
        -------
        AssociationTest
            With a note that says so, and without published figures, which are of the words in
            their sentences. A test that is not templated is returned as it is.
        """
        if not self.templated:
            return self
        note = f"{self.note} {_ALONE}".lstrip()
        return replace(self, templates=(BARE,), sentences={}, published=(), note=note)

    def words(self, role: Role) -> WordSet:
        """Return the word set of a role, ``"X"``, ``"Y"``, ``"A"`` or ``"B"``."""
        sets = dict(zip(ROLES, (*self.targets, *self.attributes), strict=True))
        if role not in sets:
            raise InputError(f"no role {role!r}; a test has X, Y (targets), A and B (attributes)")
        return sets[role]

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
        """Return what is encoded for a word: itself, its sentences with its span, its pictures."""
        if word in self.images:
            return self.images[word]
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
    shipped : bool
        Whether it comes with embias, so that name, version and hash are enough to find it again.

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
    shipped: bool = field(default=False, compare=False)

    def __post_init__(self) -> None:
        check_name("suite", self.name)
        tests = _tuple_of(self.tests, AssociationTest)
        if tests is None:
            raise InputError(f"suite {self.name!r}: tests must be a list of AssociationTests")
        object.__setattr__(self, "tests", tests)
        if not tests:
            raise InputError(f"suite {self.name!r} has no tests; give at least one")
        names = [test.name for test in tests]
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise InputError(
                f"suite {self.name!r}: two tests are named {twice[0]!r}; give each its own name"
            )

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

    def bare(self) -> Suite:
        """Return the suite with every word alone, out of its templates and sentences.

        Returns
        -------
        Suite
            Of the same name, with :meth:`AssociationTest.bare` of every test; no longer the
            shipped one if that changed a test.
        """
        tests = tuple(test.bare() for test in self.tests)
        return replace(self, tests=tests, shipped=self.shipped and tests == self.tests)

    @property
    def sha256(self) -> str:
        """Hash of what is asked: words, roles, sentences, content of pictures.

        Not of titles, sources or layout, nor of where pictures lie and what their files are called.
        """
        asked = json.dumps(self._asked(named=False), ensure_ascii=True)
        return hashlib.sha256(asked.encode()).hexdigest()

    def _asked(self, *, named: bool) -> list[list[object]]:
        return [
            [
                test.name,
                [[role, test.words(role).name, _asked(test, role, named)] for role in ROLES],
                *([[list(pair) for pair in test.pairs]] if test.pairs else []),
            ]
            for test in self.tests
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return what identifies the suite in a result; of one's own, all that is asked."""
        identity: dict[str, Any] = {
            "name": self.name,
            "version": self.version,
            "title": self.title,
            "sha256": self.sha256,
            "source": self.source.to_dict() if self.source else {},
        }
        # A shipped suite is found again by its name, version and hash; nobody else has this one.
        return identity if self.shipped else {**identity, "asked": self._asked(named=True)}


def check_name(thing: str, name: object) -> None:
    """Raise an InputError unless `name` is a text that is not blank."""
    if not isinstance(name, str) or not name.strip():
        raise InputError(f"the name of a {thing} is {name!r:.60}; give a text")


def _tuple_of(values: object, kind: type[Kind] | tuple[type[Kind], ...]) -> tuple[Kind, ...] | None:
    """Return a list or tuple as a tuple if all of its entries are of a kind, else None."""
    if not isinstance(values, list | tuple) or not all(isinstance(v, kind) for v in values):
        return None
    return tuple(values)


def _asked(test: AssociationTest, role: Role, named: bool) -> list[list[object]]:
    def plain(item: Stimulus) -> object:
        if isinstance(item, Image):
            return {"image": item.digest}
        return item if isinstance(item, str) else [item.text, item.start, item.stop]

    words = test.words(role).words
    asked: list[list[object]] = [
        [word, [plain(item) for item in test.stimuli(word)]]
        for word in words
        if named or word not in test.images
    ]
    if not named:
        # Names of files, and the order they put pictures in, are not part of the question.
        digests = [
            sorted(item.digest for item in test.images[w]) for w in words if w in test.images
        ]
        asked += [["", [{"image": digest} for digest in each]] for each in sorted(digests)]
    return asked
