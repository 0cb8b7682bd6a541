"""Vectors from a function of the caller."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embias.encoders._items import as_items, as_texts, check_rows
from embias.encoders._numbers import as_real
from embias.encoders._options import as_id, as_optional_text
from embias.encoders._show import one_line, plain, shown
from embias.errors import InputError, VectorError
from embias.types import EncoderInfo, Stimulus

__all__ = ["CallableEncoder"]

_PROBE = "word"


class CallableEncoder:
    """Whatever a function gives for a list of texts.

    Parameters
    ----------
    fn : callable
        Takes a list of n str, returns an array of shape (n, d), rows in the same order.
    id : str
        The name in results. A function has no identity of its own: give each its own id.
    dim : int, optional
        d. By default learned, when first needed, from the vector of the text ``"word"``.
    revision : str, optional
        What pins the function's vectors, where there is such a thing.

    Raises
    ------
    InputError
        When `fn` cannot be called, or an option breaks its rule.
    """

    def __init__(
        self,
        fn: Callable[[list[str]], Any],
        *,
        id: str = "callable",
        dim: int | None = None,
        revision: str | None = None,
    ) -> None:
        if not callable(fn):
            raise InputError(f"fn must be callable, got {type(fn).__name__}; give a function")
        if dim is not None and (isinstance(dim, bool) or not isinstance(dim, int) or dim < 1):
            raise InputError(f"dim must be a whole number of at least 1, got {shown(dim)}")
        self._fn = fn
        self._id = as_id(id)
        self._who = plain(self._id)
        self._dim = dim
        self._revision = as_optional_text("revision", revision)

    @cached_property
    def info(self) -> EncoderInfo:
        """How the vectors are made; calls the function once when `dim` was not given."""
        return EncoderInfo(
            id=self._id,
            kind="sentence",
            dim=self._known_dim(),
            revision=self._revision,
            precision="float64",
        )

    def _known_dim(self) -> int:
        if self._dim is None:
            try:
                self._dim = self._rows([_PROBE]).shape[1]
            except VectorError:
                raise
            except Exception as error:
                raise InputError(
                    f"{self._who}: the dimension is not known, and the function fails on "
                    f"[{_PROBE!r}] ({type(error).__name__}: {one_line(error)}); give dim= to "
                    "CallableEncoder"
                ) from error
        return self._dim

    def _rows(self, texts: list[str]) -> NDArray[np.float64]:
        returned = self._fn(list(texts))
        what = f"{self._who}: what the function returned ({type(returned).__name__})"
        # astype makes the copy: the function may go on to use its array.
        rows = as_real(returned, what, texts).astype(np.float64)
        check_rows(rows, texts, self._dim, self._who)
        return rows

    def encode(self, items: Sequence[Stimulus], *, progress: bool = False) -> NDArray[np.float64]:
        """Call the function on the texts.

        Parameters
        ----------
        items : sequence of str
            Whole texts, not blank.
        progress : bool
            Without effect: there is one call.

        Returns
        -------
        ndarray of float64, shape (len(items), d)
            One finite row, not zero, per text, in order. Exceptions of the function come through.

        Raises
        ------
        InputError
            When an item is not a text, is blank or is a word in context.
        VectorError
            When the function returns another shape, values that are not real numbers
            (complex, text, truth values, objects), or a row that is zero or not finite.
        """
        texts = as_texts(items, self._who)
        if not texts:
            return np.empty((0, self._known_dim()), dtype=np.float64)
        rows = self._rows(texts)
        self._dim = rows.shape[1]
        return rows

    def missing(self, items: Sequence[Stimulus]) -> list[Stimulus]:
        """Return an empty list: a function is asked for every text.

        Parameters
        ----------
        items : sequence of str or InContext
            What is to be encoded.

        Returns
        -------
        list
            Always empty.
        """
        as_items(items, self._who)
        return []

    def __repr__(self) -> str:
        """Return a one-line summary."""
        return f"CallableEncoder(id={self._id!r})"
