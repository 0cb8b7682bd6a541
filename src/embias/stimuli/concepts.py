"""A concept that vectors may carry: groups of words, the sentences they stand in, aligned sets."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from embias.errors import InputError
from embias.stats.inputs import check_rng, check_share
from embias.stimuli._concept_checks import (
    check_aligned,
    check_disjoint,
    checked_groups,
    checked_kinds,
    checked_members,
    checked_sets,
    checked_templates,
    checked_texts,
)
from embias.stimuli._splits import drawn_words, units_of
from embias.stimuli.templates import BARE, fill_template
from embias.stimuli.values import Source, check_name

__all__ = ["Concept", "LabelledTexts"]


class LabelledTexts(NamedTuple):
    """Texts, the group each speaks of, and the word by which it does.

    Attributes
    ----------
    texts, labels, words, families : tuple of str
        As many of each. The family of a word is the first word of its group that it stands
        `together` with, or itself; texts of one family belong on one side of every split, since
        who has seen *women* knows *woman*.
    """

    texts: tuple[str, ...]
    labels: tuple[str, ...]
    words: tuple[str, ...]
    families: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Concept:
    """Groups of words between which a concept tells, and what methods learn it from.

    Parameters
    ----------
    name : str
    groups : mapping of str to sequence of str
        Label of each group to its words; two groups at least, no word in two.
    definitional : sequence of sequences of str
        Sets of words that differ in the group alone: one word of each group, in the order of
        `groups`.
    equalize : sequence of sequences of str
        Sets whose words are to end at the same distance of every neutral word; any words, two at
        least, none in two sets.
    protected : sequence of str
        Words that mean the concept, which methods for word lists leave alone.
    templates : sequence of str, or mapping of str to sequence of str
        Sentences that a word is put into, with ``{}`` (``{Word}`` with a capital) for it; of
        several kinds where the words need other sentences. Without any, words stand alone.
    kinds : mapping of str to sequence of str
        Kind of template to the words of the groups that go into it; other words go into the
        first. The words of a definitional set have as many templates each, and the first of one
        is the first of the others.
    together : sequence of sequences of str
        Words of the groups that are forms of one word (woman, women) or nearly, so that a split
        never puts one among what is learnt and the other among what is tested.
    source : Source, optional
    language : str
        Of words and templates, such as ``"en"``.
    version, title, description : str
    shipped : bool
        Whether it comes with embias.

    Raises
    ------
    InputError
        When a rule above is broken; the word is named.
    """

    name: str
    groups: Mapping[str, tuple[str, ...]] = field(hash=False)
    definitional: tuple[tuple[str, ...], ...] = ()
    equalize: tuple[tuple[str, ...], ...] = ()
    protected: tuple[str, ...] = ()
    templates: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    kinds: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    together: tuple[tuple[str, ...], ...] = ()
    source: Source | None = None
    language: str = ""
    version: str = "1"
    title: str = ""
    description: str = ""
    shipped: bool = field(default=False, compare=False)

    def __post_init__(self) -> None:
        check_name("concept", self.name)
        who = str(self)
        groups = checked_groups(self.groups, who)
        templates = checked_templates(self.templates, who)
        object.__setattr__(self, "groups", groups)
        object.__setattr__(self, "templates", templates)
        object.__setattr__(self, "kinds", checked_kinds(self.kinds, templates, self.words, who))
        for name in ("definitional", "equalize", "together"):
            object.__setattr__(self, name, checked_sets(getattr(self, name), name, who))
        protected = checked_texts(self.protected, f"{who}: protected")
        object.__setattr__(self, "protected", protected)
        for words in self.together:
            checked_members(words, self.words, f"{who}, together")
        check_disjoint(self.equalize, who)
        check_aligned(self.definitional, groups, who)
        for words in self.definitional:
            if len({len(self.templates_of(word)) for word in words}) > 1:
                raise InputError(
                    f"{who}: the words of the definitional set {words!r:.80} have different "
                    "numbers of templates; give their kinds as many"
                )

    def __str__(self) -> str:
        """Return how errors name it."""
        return f"concept {self.name!r}"

    @property
    def words(self) -> tuple[str, ...]:
        """The words of all groups."""
        return tuple(word for words in self.groups.values() for word in words)

    def templates_of(self, word: str) -> tuple[str, ...]:
        """Return the templates that a word of a group goes into; ``("{}",)`` without any."""
        for kind, words in self.kinds.items():
            if word in words:
                return self.templates[kind]
        return next(iter(self.templates.values()), (BARE,))

    def sentences(self, word: str, *, bare: bool = False) -> tuple[str, ...]:
        """Return the texts of a word: its sentences, or (`bare`) itself."""
        templates = (BARE,) if bare else self.templates_of(word)
        return tuple(fill_template(template, word).text for template in templates)

    def texts(self, *, bare: bool = False) -> LabelledTexts:
        """Return what a method that learns from labels is fitted on.

        Parameters
        ----------
        bare : bool
            The words alone, for word vectors.

        Returns
        -------
        LabelledTexts
            The sentences of every word of every group, with label, word and family.
        """
        family = self._families()
        rows = [
            (text, label, word, family[word])
            for label, words in self.groups.items()
            for word in words
            for text in self.sentences(word, bare=bare)
        ]
        return LabelledTexts(*(tuple(column) for column in zip(*rows, strict=True)))

    def aligned_texts(self, *, bare: bool = False) -> tuple[tuple[str, ...], ...]:
        """Return sets of texts that differ in the group alone, from the definitional sets.

        Returns
        -------
        tuple of tuples of str
            One text of each group in each, in the order of `groups`.

        Raises
        ------
        InputError
            When there is no definitional set.
        """
        if not self.definitional:
            raise InputError(
                f"{self} has no definitional sets, from which a subspace is found; give some, or "
                "use a method that learns from labels"
            )
        return tuple(
            texts
            for words in self.definitional
            for texts in zip(*(self.sentences(word, bare=bare) for word in words), strict=True)
        )

    def without(self, words: Collection[str]) -> Concept:
        """Return the concept without some words, and without the sets that they are in.

        Raises
        ------
        InputError
            When no word is left in a group.
        """
        gone = set(words)
        groups = {
            label: tuple(word for word in listed if word not in gone)
            for label, listed in self.groups.items()
        }
        for label, left in groups.items():
            if not left:
                raise InputError(f"{self}: no word of the group {label!r} is left; give others")
        known = {word for listed in groups.values() for word in listed}
        together = (tuple(word for word in each if word in known) for each in self.together)
        return replace(
            self,
            groups=groups,
            definitional=tuple(each for each in self.definitional if not gone & set(each)),
            equalize=tuple(each for each in self.equalize if not gone & set(each)),
            protected=tuple(word for word in self.protected if word not in gone),
            kinds={
                kind: tuple(word for word in listed if word in known)
                for kind, listed in self.kinds.items()
            },
            together=tuple(each for each in together if len(each) > 1),
            shipped=False,
        )

    def split(
        self, share: float = 1 / 3, *, rng: int | np.random.Generator | None = 0
    ) -> tuple[Concept, Concept]:
        """Return two concepts without a common word: one to learn from, one to test on.

        Words of one definitional set, one set to equalize, or one line of `together` stay on one
        side. The parts have the same templates.

        Parameters
        ----------
        share : float
            Of the words of each group, about, that go into the second part; in (0, 1).
        rng : int, Generator or None
            Draws which.

        Returns
        -------
        tuple of Concept

        Raises
        ------
        InputError
            When a group has too few words to divide.
        """
        check_share("share", share)
        check_rng(rng)
        tested = drawn_words(self.groups, self._whole(), share, np.random.default_rng(rng))
        for label, words in self.groups.items():
            inside = sum(word in tested for word in words)
            if not 0 < inside < len(words):
                raise InputError(
                    f"{self}: the words of the group {label!r} cannot be divided into words to "
                    "learn from and words to test on; give more"
                )
        learnt = [word for word in self.words if word not in tested]
        return self.without(tested), self.without(learnt)

    def _whole(self) -> tuple[tuple[str, ...], ...]:
        """Return the sets of words that are not divided."""
        return (*self.definitional, *self.equalize, *self.together)

    def _families(self) -> dict[str, str]:
        """Return the first word of the same group that each word belongs with."""
        units = units_of(self.words, self._whole())
        of_group = (
            [word for word in unit if word in words]
            for unit in units
            for words in map(set, self.groups.values())
        )
        return {word: each[0] for each in of_group for word in each}

    @property
    def sha256(self) -> str:
        """Hash of words, sets and templates; not of titles, source or layout."""
        asked = json.dumps(self._content(), ensure_ascii=True)
        return hashlib.sha256(asked.encode()).hexdigest()

    def _content(self) -> list[Any]:
        mappings = [list(map(list, m.items())) for m in (self.groups, self.templates, self.kinds)]
        return [*mappings, self.definitional, self.equalize, self.protected, self.together]

    def to_dict(self) -> dict[str, Any]:
        """Return what identifies the concept in a record."""
        return {
            "name": self.name,
            "version": self.version,
            "title": self.title,
            "language": self.language,
            "sha256": self.sha256,
            "source": self.source.to_dict() if self.source else {},
        }
