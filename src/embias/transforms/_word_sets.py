"""Word sets met in vectors: the subspace they span, and what of them can be equalised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from embias.errors import InputError
from embias.geometry import Subspace, as_basis, direction_from_sets
from embias.geometry.direction_from_pairs import direction_from_pairs
from embias.transforms._hard_steps import equalised, scaled_to_unit
from embias.transforms._named_rows import NamedRows
from embias.types import FloatArray

__all__ = ["Equalised", "equalise_sets", "found_sets", "given_subspace", "subspace_of_sets"]

WordSet = tuple[str, ...]


def found_sets(
    sets: Sequence[WordSet], named: NamedRows, name: str
) -> tuple[list[WordSet], dict[str, int], tuple[str, ...]]:
    """Return the sets of which every word has a vector, the rows, and the words without one.

    Raises
    ------
    InputError
        When no set is left.
    """
    rows = named.find(word for each in sets for word in each)
    whole = [each for each in sets if all(word in rows for word in each)]
    words = dict.fromkeys(word for each in sets for word in each)
    missing = tuple(word for word in words if word not in rows)
    if not whole:
        raise InputError(
            f"{named.who}: no set of {name} has vectors for all of its words "
            f"({named.without(missing)}); give sets of words that were given to fit"
        )
    return whole, rows, missing


def given_subspace(given: Any, name: str, named: NamedRows) -> Subspace:
    """Return a subspace that was given as such or as rows, after checking its dimension."""
    basis, d = as_basis(given, name), named.rows.shape[1]
    if basis.shape[1] != d:
        raise InputError(
            f"{named.who}: {name} lies in {basis.shape[1]} dimensions and the rows have {d}; find "
            "it with vectors of the same encoder"
        )
    if isinstance(given, Subspace):
        return given
    rows = len(basis)
    return Subspace(np.array(basis), "vectors", (), rows, rows, "positive: the first vector")


def subspace_of_sets(
    sets: Sequence[WordSet], rows: dict[str, int], named: NamedRows, k: int | None
) -> Subspace:
    """Return the principal components of the sets about their means, k or all there are."""
    vectors = [named.rows[[rows[word] for word in each]] for each in sets]
    if all(len(each) == 2 for each in sets) and k is not None:
        return direction_from_pairs(np.stack(vectors), k=k, minimum=1)
    if k is None:
        k = len(direction_from_sets(vectors, k=1, minimum=1).explained_variance)
    return direction_from_sets(vectors, k=k, minimum=1)


@dataclass(frozen=True)
class Equalised:
    """Words that get one vector each, whatever row they come with.

    Attributes
    ----------
    sets, untouched : tuple of tuple of str
        What was equalised, and what could not be.
    vectors, units : ndarray of shape (m, d)
        Of the words of `sets` one after the other: equalised, and as they were, unit length.
    missing : tuple of str
        Words without a vector.
    left_out : int
        Listed sets of which no form has vectors for all words.
    """

    sets: tuple[WordSet, ...]
    untouched: tuple[WordSet, ...]
    vectors: FloatArray
    units: FloatArray
    missing: tuple[str, ...]
    left_out: int


def equalise_sets(
    formed: Sequence[tuple[WordSet, ...]], named: NamedRows, basis: FloatArray
) -> Equalised:
    """Equalise sets of words, each in all of its forms that have vectors.

    Parameters
    ----------
    formed : sequence of tuple of word sets
        For each listed set its forms, the one as written first.
    named : NamedRows
    basis : ndarray of shape (k, d)

    Raises
    ------
    InputError
        No set with vectors; two listed sets that share a word.
    """
    rows = named.find(word for forms in formed for form in forms for word in form)
    chosen, met = _without_overlap(formed, rows, named.who)
    none_of = [forms[0] for forms, found in zip(formed, met, strict=True) if not found]
    missing = tuple(dict.fromkeys(w for words in none_of for w in words if w not in rows))
    if not chosen:
        raise InputError(
            f"{named.who}: no set to equalise has vectors for all of its words "
            f"({named.without(missing)}); give sets of words that were given to fit, or "
            "equalize=None"
        )
    sets, untouched, vectors, units = [], [], [], []
    for words in chosen:
        unit = scaled_to_unit(named.rows[[rows[word] for word in words]])
        made = equalised(unit, basis)
        if made is None:
            untouched.append(words)
            continue
        sets.append(words)
        vectors.append(made)
        units.append(unit)
    none = np.zeros((0, basis.shape[1]))
    return Equalised(
        tuple(sets),
        tuple(untouched),
        np.concatenate([none, *vectors]),
        np.concatenate([none, *units]),
        missing,
        len(none_of),
    )


def _without_overlap(
    formed: Sequence[tuple[WordSet, ...]], rows: dict[str, int], who: str
) -> tuple[list[WordSet], list[bool]]:
    """Return the sets with vectors, each word in one, and which listed sets have any.

    The listed form of every set goes before all other forms; a form that nobody listed gives way.
    """
    taken: dict[str, WordSet] = {}
    chosen: list[WordSet] = []
    met = [False] * len(formed)
    most = max((len(forms) for forms in formed), default=0)
    for rank in range(most):
        for i, forms in enumerate(formed):
            if rank >= len(forms) or not all(word in rows for word in forms[rank]):
                continue
            words, met[i] = forms[rank], True
            shared = [taken[word] for word in words if word in taken]
            if not shared:
                chosen.append(words)
                taken.update(dict.fromkeys(words, words))
            elif rank == 0 and any(set(other) != set(words) for other in shared):
                word = next(w for w in words if w in taken)
                raise InputError(
                    f"{who}: {word!r:.60} stands in two sets to equalise, {taken[word]!r:.80} and "
                    f"{words!r:.80}; it can have one place only: join the sets, or leave one out"
                )
    return chosen, met
