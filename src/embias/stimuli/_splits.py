"""Which words of a concept are tested on, so that none of them is learnt from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

__all__ = ["drawn_words", "units_of"]


def drawn_words(
    groups: Mapping[str, Sequence[str]],
    whole: Iterable[Sequence[str]],
    share: float,
    generator: np.random.Generator,
) -> set[str]:
    """Draw about a share of the words of each group.

    Parameters
    ----------
    groups : mapping of str to sequence of str
    whole : iterable of sequences of str
        Words that are drawn all or none; those of no group do not count.
    share : float
    generator : Generator

    Returns
    -------
    set of str
    """
    drawn: set[str] = set()
    units = units_of([word for words in groups.values() for word in words], whole)
    # Units that touch the same groups are drawn from apart, so that each group gets its share.
    touched = [tuple(any(w in words for w in unit) for words in groups.values()) for unit in units]
    for kind in dict.fromkeys(touched):
        alike = [unit for unit, each in zip(units, touched, strict=True) if each == kind]
        goal = share * sum(map(len, alike))
        taken = 0
        for place in generator.permutation(len(alike)):
            size = len(alike[place])
            # The first is taken in any case, a later one where it brings the share nearer.
            if taken == 0 or abs(taken + size - goal) < abs(taken - goal):
                drawn |= set(alike[place])
                taken += size
    return drawn


def units_of(words: Sequence[str], whole: Iterable[Sequence[str]]) -> list[list[str]]:
    """Return the words as sets that are not divided: those that `whole` links, in order."""
    unit_of = {word: [word] for word in words}
    for each in whole:
        known = [word for word in each if word in unit_of]
        for word in known[1:]:
            unit, other = unit_of[known[0]], unit_of[word]
            if other is not unit:
                unit.extend(other)
                unit_of |= dict.fromkeys(other, unit)
    return list({id(unit): unit for unit in unit_of.values()}.values())
