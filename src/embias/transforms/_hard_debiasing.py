"""What all kinds of hard debiasing share: neutral, protected and equalised words."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embias.errors import InputError
from embias.geometry import Subspace
from embias.transforms._checks import TransformWarning
from embias.transforms._hard_steps import neutralised, scaled_to_unit
from embias.transforms._named_rows import NamedRows, places_in
from embias.transforms._word_lists import (
    are_words,
    as_word_list,
    as_word_sets,
    forms_of_sets,
    forms_of_words,
)
from embias.transforms._word_sets import (
    Equalised,
    equalise_sets,
    found_sets,
    given_subspace,
    subspace_of_sets,
)
from embias.transforms.word_transform import WordTransform
from embias.types import FloatArray

__all__ = ["HardDebiasing", "Lists"]

#: 1 - cosine with the vector at fit time from which on a row counts as another vector.
_OTHER = 1e-3


@dataclass(frozen=True)
class Lists:
    """What a transform was told, before it is checked.

    Attributes
    ----------
    subspace : object
        Word sets, a Subspace or rows.
    name : str
        Name of the argument `subspace` came in.
    k : int or None
        Components of word sets; None for all.
    size : int or None
        Words in a defining set; None for any number.
    equalize : object
        Word sets; ``"defining"``: those that define the subspace; None: none.
    protected : object
    case_variants : bool
    """

    subspace: Any
    name: str
    k: int | None
    size: int | None
    equalize: Any
    protected: Any
    case_variants: bool


class HardDebiasing(WordTransform):
    """Base: the component in a subspace goes out of all words but those listed.

    A subclass says in ``_told`` what it was told.
    """

    #: Whether words on no list lose their component, and whether rows come out at unit length.
    _neutralizes: bool = True
    _unit: bool = True

    subspace_: Subspace
    protected_: tuple[str, ...]
    equalized_: tuple[tuple[str, ...], ...]
    untouched_: tuple[tuple[str, ...], ...]
    missing_: tuple[str, ...]
    equalized_vectors_: FloatArray
    equalized_from_: FloatArray

    @abstractmethod
    def _told(self) -> Lists:
        """Return the parameters."""

    def _defining(self, told: Lists) -> tuple[tuple[str, ...], ...] | None:
        """Return the word sets that define the subspace, None where it is given."""
        given = told.subspace
        if not are_words(given):
            if given is None or (isinstance(given, list | tuple) and not given):
                raise InputError(
                    f"{type(self).__name__}: {told.name} is {given!r:.40}; give word sets "
                    "such as [('she', 'he'), ('woman', 'man')], or a Subspace"
                )
            return None
        return as_word_sets(given, told.name, type(self).__name__, told.size)

    def _equalizing(self, told: Lists) -> tuple[tuple[tuple[str, ...], ...], ...]:
        """Return the sets to equalise, each in its forms."""
        who, sets = type(self).__name__, told.equalize
        if sets is None or (isinstance(sets, list | tuple) and not sets):
            return ()
        if isinstance(sets, str):
            if sets != "defining":
                raise InputError(
                    f"{who}: equalize={sets!r:.40}; give word sets, 'defining' for those that "
                    "define the subspace, or None"
                )
            sets = self._defining(told)
            if sets is None:
                raise InputError(
                    f"{who}: equalize='defining', and the subspace is not defined by words; give "
                    "the sets to equalise, or equalize=None"
                )
        return forms_of_sets(as_word_sets(sets, "equalize", who), told.case_variants)

    def _needed(self) -> tuple[str, ...]:
        told = self._told()
        sets = [*(self._defining(told) or ()), *(s for f in self._equalizing(told) for s in f)]
        return tuple(dict.fromkeys(word for each in sets for word in each))

    def _learn(self, named: NamedRows) -> None:
        told = self._told()
        protected = as_word_list(told.protected, "protected", named.who)
        subspace, missing, left_out = self._learn_subspace(told, named)
        formed = self._equalizing(told)
        none = np.zeros((0, subspace.dim))
        made = (
            equalise_sets(formed, named, subspace.basis)
            if formed
            else Equalised((), (), none, none, (), 0)
        )
        self.subspace_ = subspace
        self.protected_ = forms_of_words(protected, told.case_variants)
        self.equalized_, self.untouched_ = made.sets, made.untouched
        self.equalized_vectors_, self.equalized_from_ = made.vectors, made.units
        self.missing_ = tuple(dict.fromkeys([*missing, *made.missing]))
        same = isinstance(told.equalize, str)
        self._warn_of_words(told, left_out if same else left_out + made.left_out)

    def _learn_subspace(
        self, told: Lists, named: NamedRows
    ) -> tuple[Subspace, tuple[str, ...], int]:
        """Return the subspace, words without a vector, and how many sets were left out."""
        sets = self._defining(told)
        if sets is None:
            return given_subspace(told.subspace, told.name, named), (), 0
        whole, rows, missing = found_sets(sets, named, told.name)
        return subspace_of_sets(whole, rows, named, told.k), missing, len(sets) - len(whole)

    def _warn_of_words(self, told: Lists, left_out: int) -> None:
        who, missing = type(self).__name__, self.missing_
        notes = []
        if left_out:
            named = ", ".join(map(repr, missing[:3])) + ", ..." * (len(missing) > 3)
            notes.append(
                f"{left_out} word set(s) are left out, for {len(missing)} word(s) have no vector "
                f"({named}); take them off the lists"
            )
        if self.subspace_.k < (told.k or 0) and are_words(told.subspace):
            notes.append(
                f"k={told.k}, and the sets span {self.subspace_.k} directions, which are removed; "
                "more would be arbitrary. Give a smaller k, or more sets"
            )
        if self.untouched_:
            notes.append(
                f"{len(self.untouched_)} set(s) are not equalised, for a word has no side in the "
                f"subspace ({self.untouched_[0]!r:.80}); see untouched_, and take them off the list"
            )
        if self.subspace_.k == 1 and any(len(each) > 2 for each in self.equalized_):
            notes.append(
                "sets of three words or more are equalised along one direction, so that words on "
                "the same side become one and the same vector; give a subspace of more directions"
            )
        for note in notes:
            warnings.warn(f"{who}: {note}", TransformWarning, stacklevel=4)

    def _special(self) -> tuple[str, ...]:
        kept = self.protected_ if self._neutralizes else ()
        return tuple(dict.fromkeys([*(w for each in self.equalized_ for w in each), *kept]))

    def _apply(self, rows: NDArray[Any], words: NDArray[Any]) -> NDArray[Any]:
        # The equalised words come first, in the order of their vectors.
        places = places_in(self._special(), words)
        kept = places >= 0
        own = np.flatnonzero(kept & (places < len(self.equalized_vectors_)))
        own = own[rows[own].any(axis=1)]  # a zero row is no vector of the word
        basis = self.subspace_.basis if self._neutralizes else np.zeros((1, rows.shape[1]))
        made, gone = neutralised(rows, basis, kept, normalize=self._unit)
        if own.size:
            self._warn_of_other_vectors(rows[own], places[own], words[own])
            made[own] = self.equalized_vectors_[places[own]]
        if gone.size:
            named = next((w for w in words[gone] if w is not None), None)
            warnings.warn(
                f"{type(self).__name__}: {gone.size} of {len(rows)} rows lie in the subspace (the "
                f"first is row {gone[0]}{'' if named is None else f', {named!r:.60}'}), so nothing "
                "is left of them; they are zero. Protect these words, or leave them out",
                TransformWarning,
                stacklevel=4,
            )
        return made

    def _warn_of_other_vectors(
        self, rows: NDArray[Any], places: NDArray[np.intp], words: NDArray[Any]
    ) -> None:
        cosines = np.einsum("ij,ij->i", scaled_to_unit(rows), self.equalized_from_[places])
        other = np.flatnonzero(cosines < 1 - _OTHER)
        if other.size:
            warnings.warn(
                f"{type(self).__name__}: {other.size} rows of equalised words (the first is "
                f"{words[other[0]]!r:.60}) are other vectors than at fit; they become the "
                "equalised vectors learnt there. Fit on the vectors that are transformed",
                TransformWarning,
                stacklevel=5,
            )
