"""Vectors computed elsewhere, looked up by the text, the word in context or the picture."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from os import PathLike
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike

from embias.encoders._compose import Composable
from embias.encoders._items import as_items, quoted, unique
from embias.encoders._keyed_rows import as_keys, as_rows, check_matrix, stacked
from embias.encoders._options import as_id, as_notes, as_optional_text
from embias.encoders._precomputed_file import key_of, read_table, write_table
from embias.encoders._show import plain, shown
from embias.encoders.vector_files import is_normalized
from embias.errors import InputError, VectorError
from embias.types import EncoderInfo, EncoderKind, FloatArray, Image, InContext, Stimulus

__all__ = ["PrecomputedEncoder"]


class PrecomputedEncoder(Composable):
    """A fixed table of vectors, keyed on any stimulus; a look-up is exact.

    For vectors of whole texts, of words in context or of pictures that were computed elsewhere.
    For names of rows (words, users, products) :class:`~embias.encoders.static.StaticEncoder`
    does the same.

    Parameters
    ----------
    mapping : mapping of str, InContext or Image to array_like, shape (d,)
        Copied, in float32 where all rows are float32 or shorter, else in float64. A zero row is
        allowed, but its item counts as missing, because a zero vector has no direction. Pictures
        are looked up by their content, whatever they are called.
    id : str
        The name of the encoder in results.
    kind : {"static", "sentence", "token", "image"}
        What a vector stands for. Keys are str for ``"static"``, str or Image for ``"sentence"``,
        InContext or str for ``"token"``, Image for ``"image"``.
    weights : str, optional
        Official name of the pretrained weights the vectors come from.
    revision : str, optional
        What pins the vectors; by default ``"sha256:"`` and 16 hex digits over items and vectors,
        the same in whatever order they are given.
    notes : iterable of str
        What a reader of a result must know about the vectors.

    Raises
    ------
    InputError
        When there are no items, one is not of the kind, or an option breaks its rule.
    VectorError
        When the rows are not numbers, have different lengths, or are not finite.
    """

    def __init__(
        self,
        mapping: Mapping[Any, ArrayLike],
        *,
        id: str,
        kind: EncoderKind,
        weights: str | None = None,
        revision: str | None = None,
        notes: Iterable[str] = (),
    ) -> None:
        who = plain(as_id(id))
        if not isinstance(mapping, Mapping):
            raise InputError(
                f"{who}: mapping must be a mapping of stimulus to vector, got "
                f"{type(mapping).__name__}; give a dict, or items and vectors to from_arrays"
            )
        items = as_keys(mapping, kind, who)
        rows = stacked(items, mapping.values(), who)
        self._set_up(items, rows, id=id, kind=kind, weights=weights, revision=revision, notes=notes)

    @classmethod
    def from_arrays(
        cls,
        items: Iterable[Stimulus],
        vectors: ArrayLike,
        *,
        id: str,
        kind: EncoderKind,
        weights: str | None = None,
        revision: str | None = None,
        notes: Iterable[str] = (),
    ) -> PrecomputedEncoder:
        """Take the vectors as one array.

        Parameters
        ----------
        items : iterable of str, InContext or Image
            What the rows stand for, each once.
        vectors : array_like, shape (n, d)
            One row of finite numbers per item; copied.
        id, kind, weights, revision, notes
            As for the class.

        Returns
        -------
        PrecomputedEncoder

        Raises
        ------
        InputError
            When an item repeats or is not of the kind, or the numbers do not match the items.
        VectorError
            When the vectors are not numbers, or not finite.
        """
        who = plain(as_id(id))
        if isinstance(items, (str, bytes, InContext, Image)) or not isinstance(items, Iterable):
            raise InputError(f"{who}: items is {shown(items)}; give a list of stimuli")
        keys = as_keys(items, kind, who)
        rows = as_rows(keys, vectors, who)
        encoder = cls.__new__(cls)
        encoder._set_up(
            keys, rows, id=id, kind=kind, weights=weights, revision=revision, notes=notes
        )
        return encoder

    def _set_up(
        self,
        items: tuple[Stimulus, ...],
        vectors: FloatArray,
        *,
        id: str,
        kind: EncoderKind,
        weights: str | None,
        revision: str | None,
        notes: Iterable[str],
    ) -> None:
        """Take over an array of our own."""
        self._id = as_id(id)
        self._who = plain(self._id)
        self._kind = kind
        self._weights = as_optional_text("weights", weights)
        self._revision = as_optional_text("revision", revision)
        self._notes = as_notes(notes)
        check_matrix(items, vectors, self._who)
        vectors.flags.writeable = False
        self._items = items
        self._vectors = vectors
        self._rows = {item: row for row, item in enumerate(items)}
        self._zero = frozenset(items[row] for row in np.flatnonzero(~vectors.any(axis=1)))

    @cached_property
    def _content(self) -> str:
        keys = [key_of(item) for item in self._items]
        order = sorted(range(len(keys)), key=keys.__getitem__)
        digest = hashlib.sha256(f"{self._vectors.dtype} {self._vectors.shape}\n".encode("ascii"))
        little = self._vectors.dtype.newbyteorder("<")
        for row in order:
            digest.update(keys[row].encode("ascii") + b"\n")
            digest.update(self._vectors[row].astype(little, copy=False).tobytes())
        return "sha256:" + digest.hexdigest()[:16]

    @cached_property
    def info(self) -> EncoderInfo:
        """How the vectors are made (the content hash is computed on first use)."""
        pictures = any(isinstance(item, Image) for item in self._items)
        texts = any(not isinstance(item, Image) for item in self._items)
        with np.errstate(over="ignore"):  # the length of a huge row is infinite: not 1
            normalized = is_normalized(cast(Any, self._vectors))
        return EncoderInfo(
            id=self._id,
            kind=self._kind,
            dim=self._vectors.shape[1],
            weights=self._weights,
            revision=self._content if self._revision is None else self._revision,
            precision=str(self._vectors.dtype),
            normalized=normalized,
            modalities=("text",) * texts + ("image",) * pictures,
            libraries={"numpy": np.__version__},
            notes=self._notes,
        )

    @property
    def items(self) -> tuple[Stimulus, ...]:
        """What there are vectors of, in the order of the rows."""
        return self._items

    @property
    def vectors(self) -> FloatArray:
        """The vectors, shape ``(n, d)``, read-only."""
        return self._vectors

    def encode(self, items: Sequence[Stimulus], *, progress: bool = False) -> FloatArray:
        """Look the items up.

        Parameters
        ----------
        items : sequence of str, InContext or Image
            Exactly as they stand in the table.
        progress : bool
            Without effect: a look-up is quick.

        Returns
        -------
        ndarray of float32 or float64, shape (len(items), d)
            One row per item, in order; a new array.

        Raises
        ------
        InputError
            When an item has no vector; all such items are named.
        VectorError
            When the vector of an item is zero.
        """
        listed = as_items(items, self._who)
        unknown = [item for item in unique(listed) if item not in self._rows]
        if unknown:
            raise InputError(
                f"{self._who}: no vector for {quoted(unknown)} (a look-up is exact: "
                "every character counts, and the place of a word in context); ask missing(items) "
                "first and leave these out"
            )
        zero = [item for item in unique(listed) if item in self._zero]
        if zero:
            raise VectorError(
                f"{self._who}: the vector of {quoted(zero)} is zero and has no "
                "direction; ask missing(items) first and leave these out"
            )
        return self._vectors[np.array([self._rows[item] for item in listed], dtype=np.intp)]

    def missing(self, items: Sequence[Stimulus]) -> list[Stimulus]:
        """Return the items without a vector that has a direction, each once, in order.

        Parameters
        ----------
        items : sequence of str, InContext or Image
            What is to be encoded.

        Returns
        -------
        list
            Items not in the table and items whose vector is zero; :meth:`why_missing` says why.
        """
        return [
            item
            for item in unique(as_items(items, self._who))
            if item not in self._rows or item in self._zero
        ]

    def why_missing(self, item: Stimulus) -> str:
        """Return ``"zero vector"`` or ``"no vector"`` for an item that :meth:`missing` returns.

        Raises
        ------
        InputError
            When the item is not missing, or is no stimulus.
        """
        (checked,) = as_items([item], self._who)
        if checked in self._zero:
            return "zero vector"
        if checked in self._rows:
            raise InputError(
                f"{self._who}: {quoted([checked])} has a vector, so there is no reason "
                "why it is missing; ask only for what missing(items) returns"
            )
        return "no vector"

    def save(self, path: str | PathLike[str]) -> None:
        """Write the table to one safetensors file, whole or not at all.

        The items stand in it as JSON. Of a picture its name and hash are written, not its
        pixels: enough to look its vector up.

        Parameters
        ----------
        path : str or os.PathLike
            Replaced, if it is there.

        Raises
        ------
        OutputError
            When it cannot be written; what was there before is then still there.
        """
        fields = {
            "id": self._id,
            "kind": self._kind,
            "weights": self._weights,
            "revision": self._revision,
            "notes": list(self._notes),
            "content": self._content,
        }
        write_table(path, self._items, self._vectors, fields)

    @classmethod
    def load(cls, path: str | PathLike[str], *, id: str | None = None) -> PrecomputedEncoder:
        """Read a table that :meth:`save` wrote.

        Parameters
        ----------
        path : str or os.PathLike
            The file.
        id : str, optional
            Another name in results than the one it was saved with.

        Returns
        -------
        PrecomputedEncoder
            With the info it was saved with. Its pictures have no ``source``.

        Raises
        ------
        DataFileError
            When the file is not there, was not written by :meth:`save`, or is damaged.
        """
        # Checked before the file is read, so that the caller's mistake is not the file's.
        named = None if id is None else as_id(id)

        def build(items: list[Stimulus], vectors: FloatArray, fields: dict[str, Any]) -> Any:
            content = fields.pop("content")
            table = cls.from_arrays(items, vectors, **{**fields, "id": named or fields["id"]})
            if table._content != content:
                raise InputError("items or vectors are not those that were saved")
            return table

        loaded: PrecomputedEncoder = read_table(path, build)
        return loaded

    def __contains__(self, item: object) -> bool:
        """Return whether the item is in the table."""
        return isinstance(item, (str, InContext, Image)) and item in self._rows

    def __len__(self) -> int:
        """Return the number of items."""
        return len(self._items)

    def __repr__(self) -> str:
        """Return a one-line summary."""
        n, d = self._vectors.shape
        return (
            f"PrecomputedEncoder(id={self._id!r}, kind={self._kind!r}, {n} items, {d} coordinates)"
        )
