"""Checks on the parts of a concept; `who` names it in errors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from embias.errors import InputError, did_you_mean
from embias.stimuli.templates import check_template
from embias.stimuli.values import check_name

__all__ = [
    "check_aligned",
    "check_disjoint",
    "checked_groups",
    "checked_kinds",
    "checked_members",
    "checked_sets",
    "checked_templates",
    "checked_texts",
]

Texts = tuple[str, ...]


def checked_texts(values: Any, what: str, *, at_least: int = 0) -> Texts:
    """Return texts as a tuple: none empty, none twice, as many as are needed."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise InputError(f"{what} is {values!r:.60}; give a list of texts")
    listed = tuple(values)
    for word in listed:
        if not isinstance(word, str) or not word.strip():
            raise InputError(f"{what}: {word!r:.60} is not a text; give texts that are not empty")
    if len(set(listed)) < len(listed):
        twice = Counter(listed).most_common(1)[0][0]
        raise InputError(f"{what}: {twice!r:.60} is there twice; give it once")
    if len(listed) < at_least:
        raise InputError(f"{what}: {listed!r:.60}; give {at_least} at least")
    return listed


def checked_groups(groups: Any, who: str) -> dict[str, Texts]:
    """Return two groups or more, no word of which is in two."""
    if not isinstance(groups, Mapping) or len(groups) < 2:
        raise InputError(f"{who}: groups must map two labels or more to their words")
    checked: dict[str, Texts] = {}
    group_of: dict[str, str] = {}
    for label, words in groups.items():
        check_name(f"group of {who}", label)
        checked[label] = checked_texts(words, f"{who}, group {label!r}", at_least=1)
        for word in checked[label]:
            if word in group_of:
                raise InputError(
                    f"{who}: {word!r} is in the groups {group_of[word]!r} and {label!r}; "
                    "take it out of one"
                )
            group_of[word] = label
    return checked


def checked_templates(templates: Any, who: str) -> dict[str, Texts]:
    """Return templates by kind; a list is of one kind."""
    given = templates if isinstance(templates, Mapping) else {"": templates}
    checked = {}
    for kind, each in given.items():
        listed = checked_texts(each, f"{who}, templates {kind!r}")
        for template in listed:
            check_template(template)
        if listed:
            checked[str(kind)] = listed
    return checked


def checked_kinds(
    kinds: Any, templates: Mapping[str, Texts], known: Collection[str], who: str
) -> dict[str, Texts]:
    """Return words by the kind of their templates, each of one kind."""
    if not isinstance(kinds, Mapping):
        raise InputError(f"{who}: kinds must map a kind of template to words")
    kind_of: dict[str, str] = {}
    checked = {}
    for kind, words in kinds.items():
        if kind not in templates:
            raise InputError(
                f"{who}: no templates of the kind {kind!r}; {did_you_mean(str(kind), templates)}"
            )
        checked[kind] = checked_members(words, known, f"{who}, kind {kind!r}")
        for word in checked[kind]:
            if word in kind_of:
                raise InputError(
                    f"{who}: {word!r} is of the kinds {kind_of[word]!r} and {kind!r}; give one"
                )
            kind_of[word] = kind
    return checked


def checked_members(words: Any, known: Collection[str], what: str) -> Texts:
    """Return words, all of which are known."""
    listed = checked_texts(words, what)
    for word in listed:
        if word not in known:
            raise InputError(f"{what}: {word!r} is in no group; {did_you_mean(word, known)}")
    return listed


def checked_sets(sets: Any, name: str, who: str) -> tuple[Texts, ...]:
    """Return sets of two words at least."""
    if isinstance(sets, str) or not isinstance(sets, Sequence):
        raise InputError(f"{who}: {name} must be a list of lists of words")
    return tuple(checked_texts(each, f"{who}: {name}", at_least=2) for each in sets)


def check_aligned(sets: Iterable[Texts], groups: Mapping[str, Texts], who: str) -> None:
    """Raise an InputError unless each set is one word of each group, in their order."""
    for words in sets:
        if len(words) != len(groups) or any(
            word not in listed for word, listed in zip(words, groups.values(), strict=True)
        ):
            raise InputError(
                f"{who}: the definitional set {words!r:.80} is not one word of each group, in "
                f"the order {', '.join(groups)}"
            )


def check_disjoint(sets: Iterable[Texts], who: str) -> None:
    """Raise an InputError when a word is in two sets to equalize."""
    seen: set[str] = set()
    for words in sets:
        if both := seen & set(words):
            raise InputError(
                f"{who}: {min(both)!r} is in two sets to equalize, of which the second would "
                "undo the first; keep one"
            )
        seen |= set(words)
