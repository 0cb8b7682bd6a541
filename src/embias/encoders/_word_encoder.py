"""What all tables of word vectors share: looking up under a policy, and saying how."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray

from embias.encoders._compose import Composable
from embias.encoders._items import as_items, check_rows, quoted, unique
from embias.encoders.lookup import Found, LookupPolicy, as_lookup
from embias.errors import InputError, VectorError
from embias.types import Stimulus

Float32Array = NDArray[np.float32]

NO_VECTOR = "no vector"
ZERO = "zero vector"


class WordEncoder(Composable):
    """Encodes words that stand in a table; a subclass says what stands there."""

    _who: str
    _lookup: LookupPolicy

    def with_lookup(self, lookup: LookupPolicy | None) -> Self:
        """Return the same table under another look-up policy; None for exactly as written."""
        made = copy.copy(self)
        made._lookup = as_lookup(lookup)
        made.__dict__.pop("info", None)  # which names the policy
        return made

    def _prepare(self, words: Sequence[str]) -> None:
        """Make ready for questions about these words; for a table that is not in memory."""

    def _has(self, form: str) -> bool:
        """Return whether a form stands in the table."""
        raise NotImplementedError

    def _is_zero(self, form: str) -> bool:
        """Return whether the vector of a form that was found is zero."""
        raise NotImplementedError

    def _vectors_of(self, forms: Sequence[str]) -> Float32Array:
        """Return a new array with the vectors of forms that were found, in order."""
        raise NotImplementedError

    def _dim(self) -> int:
        raise NotImplementedError

    def _prepare_items(self, items: Sequence[Stimulus]) -> None:
        self._prepare([item for item in items if isinstance(item, str)])

    def _find(self, item: Stimulus) -> Found | None:
        """Return what stands for an item, a zero vector too; None when nothing does."""
        if not isinstance(item, str):
            return None
        return self._lookup.find(item, self._has, self._is_zero)

    def encode(self, items: Sequence[Stimulus], *, progress: bool = False) -> Float32Array:
        """Look the words up.

        Parameters
        ----------
        items : sequence of str
            Words, exactly as they stand in the table, or as the look-up policy finds them.
        progress : bool
            Without effect: a look-up is quick.

        Returns
        -------
        ndarray of float32, shape (len(items), d)
            One row per item, in order; a new array.

        Raises
        ------
        InputError
            When an item has no vector; all such items are named.
        VectorError
            When the vector of an item is zero or not finite.
        """
        listed = as_items(items, self._who)
        self._prepare_items(listed)
        found: dict[Stimulus, Found] = {}
        unknown, zero = [], []
        for item in unique(listed):
            one = self._find(item)
            if one is None:
                unknown.append(item)
                continue
            found[item] = one
            if self._is_zero_found(one):
                zero.append(item)
        self._refuse(unknown, zero)
        if not found:
            return np.empty((0, self._dim()), dtype=np.float32)
        rows = self._rows_of(list(found.values()))
        # Also what a table cannot know of itself: numbers that are read only now.
        check_rows(rows, list(found), None, self._who)
        place = {item: row for row, item in enumerate(found)}
        return rows[np.array([place[item] for item in listed], dtype=np.intp)]

    def _refuse(self, unknown: list[Stimulus], zero: list[Stimulus]) -> None:
        if unknown:
            rule = self._lookup.describe() or "exact: case and spaces count"
            raise InputError(
                f"{self._who}: no vector for {quoted(unknown)} (a look-up is {rule}; words in "
                "context have none); ask missing(items) first and leave these out"
            )
        if zero:
            raise VectorError(
                f"{self._who}: the vector of {quoted(zero)} is zero and has no direction; ask "
                "missing(items) first and leave these out"
            )

    def _rows_of(self, found: list[Found]) -> Float32Array:
        forms = list(dict.fromkeys(form for one in found for form in one.forms))
        vectors = self._vectors_of(forms)
        place = {form: row for row, form in enumerate(forms)}
        rows = vectors[np.array([place[one.forms[0]] for one in found], dtype=np.intp)]
        for row, one in enumerate(found):
            if len(one.forms) > 1:
                parts = vectors[[place[form] for form in one.forms]]
                rows[row] = parts.mean(axis=0, dtype=np.float64)
        return rows

    def _is_zero_found(self, found: Found) -> bool:
        if len(found.forms) == 1:
            return self._is_zero(found.forms[0])
        return not self._rows_of([found]).any()

    def missing(self, items: Sequence[Stimulus]) -> list[Stimulus]:
        """Return the items without a vector that has a direction.

        Parameters
        ----------
        items : sequence of str or InContext
            What is to be encoded.

        Returns
        -------
        list
            Words that are not found, words whose vector is zero, and every ``InContext``; in
            order of first appearance, each once; :meth:`why_missing` says why of each.
        """
        missing = []
        listed = unique(as_items(items, self._who))
        self._prepare_items(listed)
        for item in listed:
            found = self._find(item)
            if found is None or self._is_zero_found(found):
                missing.append(item)
        return missing

    def why_missing(self, item: Stimulus) -> str:
        """Return why an item is missing.

        Parameters
        ----------
        item : str or InContext
            One of those that :meth:`missing` returns.

        Returns
        -------
        str
            ``"zero vector"``: found, with a vector that has no direction. ``"no vector"``, and
            the reason where one is known: not found, and every ``InContext``.

        Raises
        ------
        InputError
            When the item is not missing, or is no stimulus.
        """
        (checked,) = as_items([item], self._who)
        self._prepare_items([checked])
        found = self._find(checked)
        if found is None:
            return self._why_not_found(checked) if isinstance(checked, str) else NO_VECTOR
        if self._is_zero_found(found):
            return ZERO
        raise InputError(
            f"{self._who}: {quoted([checked])} has a vector, so there is no reason why it is "
            "missing; ask only for what missing(items) returns"
        )

    def _why_not_found(self, word: str) -> str:
        return NO_VECTOR

    def how_encoded(self, item: Stimulus) -> str:
        """Return what was done to find the vector of an item.

        Parameters
        ----------
        item : str
            One that is not missing.

        Returns
        -------
        str
            ``""``: the word stands in the table as written. Else the form that does and the rule
            that made it, ``"as 'cat' (lower)"``, or what the vector was made of.

        Raises
        ------
        InputError
            When the item is missing, or is no stimulus.
        """
        (checked,) = as_items([item], self._who)
        self._prepare_items([checked])
        found = self._find(checked)
        if found is None or self._is_zero_found(found):
            raise InputError(
                f"{self._who}: {quoted([checked])} has no vector, so it is not encoded; ask only "
                "for what missing(items) does not return"
            )
        return found.how
