"""The first coordinates of another encoder's vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from embias.encoders._compose import Composable
from embias.encoders._items import as_items, check_rows
from embias.encoders._show import plain, shown
from embias.errors import InputError
from embias.types import (
    Encoder,
    EncoderInfo,
    FloatArray,
    Stimulus,
    calibrated,
    how_encoded,
    why_missing,
)

__all__ = ["TruncatedEncoder"]


class TruncatedEncoder(Composable):
    """Keep the first `dim` coordinates of every vector.

    Shortened vectors are as good as whole ones only where a model was trained for it (Matryoshka
    representation learning, Kusupati et al. 2022); on any other model the first coordinates are a
    random choice of directions, and an effect can vanish with them.

    Parameters
    ----------
    encoder : Encoder
        Whose vectors are cut. Where they have unit length, the cut ones are scaled to it again.
    dim : int
        Coordinates to keep, from 1 to ``encoder.info.dim``.

    Raises
    ------
    InputError
        When `dim` is no whole number in that range.
    """

    def __init__(self, encoder: Encoder, dim: int) -> None:
        whole = encoder.info.dim
        number = isinstance(dim, int | np.integer) and not isinstance(dim, bool)
        if not number or not 1 <= dim <= whole:
            raise InputError(
                f"truncate to dim={shown(dim)}: the vectors of {plain(encoder.info.id)} have "
                f"{whole} coordinates; give a whole number from 1 to {whole}"
            )
        self._encoder = encoder
        self._dim = int(dim)

    @property
    def info(self) -> EncoderInfo:
        """How the vectors are made: those of the other encoder, and `truncate_dim`."""
        inner = self._encoder.info
        return replace(
            inner,
            id=f"{inner.id} [{self._dim} of {inner.dim}]",
            dim=self._dim,
            truncate_dim=self._dim,
            # After a transform the cut is a step of its own: cutting first gives other vectors.
            transforms=(*inner.transforms, f"first {self._dim} of {inner.dim} coordinates")
            if inner.transforms
            else (),
        )

    def encode(self, items: Sequence[Stimulus], *, progress: bool = False) -> FloatArray:
        """Return the first coordinates, shape ``(len(items), dim)``.

        Raises
        ------
        VectorError
            When nothing but zeros is left of a vector; the item is named.
        """
        who = plain(self.info.id)
        listed = as_items(items, who)
        rows = np.asarray(self._encoder.encode(listed, progress=progress))[:, : self._dim]
        check_rows(rows, listed, self._dim, who)
        if self._encoder.info.normalized:
            rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return np.ascontiguousarray(rows)

    def missing(self, items: Sequence[Stimulus]) -> list[Stimulus]:
        """Return what the other encoder has no vector for."""
        return self._encoder.missing(items)

    def why_missing(self, item: Stimulus) -> str:
        """Return why the other encoder has no vector for an item."""
        return why_missing(self._encoder, item)

    def how_encoded(self, item: Stimulus) -> str:
        """Return what the other encoder says of an item."""
        return how_encoded(self._encoder, item)

    def calibrate(self, items: Sequence[Stimulus]) -> TruncatedEncoder:
        """Return the cut of the other encoder fixed to these items."""
        return self.rewrapped(lambda encoder: calibrated(encoder, items))

    def rewrapped(self, wrap: Callable[[Encoder], Encoder]) -> TruncatedEncoder:
        """Return the same cut of what `wrap` makes of the other encoder."""
        inner = wrap(self._encoder)
        return self if inner is self._encoder else TruncatedEncoder(inner, self._dim)

    def __repr__(self) -> str:
        """Return a one-line summary."""
        return f"TruncatedEncoder({self._encoder!r}, {self._dim})"
