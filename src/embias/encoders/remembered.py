"""Vectors kept in memory, for several readers of one encoder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from embias.encoders._compose import Composable
from embias.encoders._items import as_items, unique
from embias.encoders._show import plain
from embias.types import (
    Encoder,
    EncoderInfo,
    FloatArray,
    Stimulus,
    calibrated,
    how_encoded,
    why_missing,
)

__all__ = ["RememberedEncoder"]


class RememberedEncoder(Composable):
    """Another encoder that computes each vector once as long as this object lives.

    Parameters
    ----------
    encoder : Encoder
        What makes the vectors; a table that is in memory already is better used as it is.
    """

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._rows: dict[Stimulus, FloatArray] = {}

    @property
    def info(self) -> EncoderInfo:
        """How the vectors are made: as the other encoder makes them."""
        return self._encoder.info

    def encode(self, items: Sequence[Stimulus], *, progress: bool = False) -> FloatArray:
        """Return the vectors, shape ``(len(items), dim)``; only new items are computed."""
        listed = as_items(items, plain(self.info.id))
        new = [item for item in unique(listed) if item not in self._rows]
        if new or not listed:
            rows = np.asarray(self._encoder.encode(new, progress=progress))
            if not listed:
                return rows
            self._rows.update(zip(new, rows, strict=True))
        return np.stack([self._rows[item] for item in listed])

    def missing(self, items: Sequence[Stimulus]) -> list[Stimulus]:
        """Return what the other encoder has no vector for."""
        return self._encoder.missing(items)

    def why_missing(self, item: Stimulus) -> str:
        """Return why the other encoder has no vector for an item."""
        return why_missing(self._encoder, item)

    def how_encoded(self, item: Stimulus) -> str:
        """Return what the other encoder says of an item."""
        return how_encoded(self._encoder, item)

    def calibrate(self, items: Sequence[Stimulus]) -> RememberedEncoder:
        """Return the other encoder fixed to these items, remembered again."""
        fixed = calibrated(self._encoder, items)
        return self if fixed is self._encoder else RememberedEncoder(fixed)

    def __repr__(self) -> str:
        """Return a one-line summary."""
        return repr(self._encoder)
