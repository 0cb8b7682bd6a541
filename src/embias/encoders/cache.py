"""Vectors kept on disk, so that no text goes through the same model twice."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embias.encoders._cache_files import default_max_bytes, open_root
from embias.encoders._cache_info import (
    CachedVectors,
    CacheInfo,
    cache_directory,
    cache_info,
    clear_cache,
)
from embias.encoders._cache_keys import encoder_key, item_key, refuse_without_identity
from embias.encoders._cache_shard import storable
from embias.encoders._cache_store import VectorStore
from embias.encoders._compose import Composable
from embias.encoders._items import as_items, unique
from embias.encoders._show import plain, shown
from embias.errors import InputError, VectorError
from embias.types import (
    Encoder,
    EncoderInfo,
    FloatArray,
    Stimulus,
    calibrated,
    how_encoded,
    why_missing,
)

__all__ = [
    "CacheInfo",
    "CachedEncoder",
    "CachedVectors",
    "cache_directory",
    "cache_info",
    "clear_cache",
    "with_cache",
]

#: An interruption loses the vectors of at most so many items.
_CHUNK = 2000


class CachedEncoder(Composable):
    """An encoder that asks another one only for what is not in a folder yet.

    A vector is found again by the content of its item and by every field of the encoder's
    ``info`` (model, revision, prompt, library versions and so on), and comes back bit for bit. Any
    number of processes may use one folder at once, and any of them may be killed: a file is
    there whole or not at all, and one that was damaged later is thrown away and its vectors are
    computed again. When the folder grows beyond `max_bytes`, what was used longest ago goes.

    A vector that is computed here may differ by rounding (about 1e-7) from one of another call,
    because the batches differ; what is kept does not change any more.

    Parameters
    ----------
    encoder : Encoder
        What makes the vectors. Its ``info.revision`` must pin them: a function, for example, is
        cached as ``CallableEncoder(fn, id=..., revision="2024-05-01", dim=384)`` (without `dim`
        the function is called once to learn it).
    directory : str or os.PathLike, optional
        By default the environment variable ``EMBIAS_CACHE``, else ``embias`` in the folder that
        the system has for caches. The vectors are in ``vectors-v1`` in it.
    max_bytes : int, optional
        How much all vectors in the folder may take; by default the environment variable
        ``EMBIAS_CACHE_MAX_BYTES``, else 10 GiB.

    Raises
    ------
    InputError
        When nothing pins the vectors of the encoder, or an option breaks its rule.
    OutputError
        When the folder cannot be written.
    """

    def __init__(
        self,
        encoder: Encoder,
        directory: str | os.PathLike[str] | None = None,
        *,
        max_bytes: int | None = None,
    ) -> None:
        self._set_up(encoder, directory, max_bytes, pin=None)

    def _set_up(
        self, encoder: Encoder, directory: Any, max_bytes: int | None, *, pin: str | None
    ) -> None:
        if isinstance(encoder, type) or not isinstance(encoder, Encoder):
            raise InputError(
                f"CachedEncoder: expected an Encoder, got {shown(encoder)}; make one with "
                "embias.as_encoder"
            )
        info = encoder.info
        refuse_without_identity(info)
        self._max_bytes = default_max_bytes() if max_bytes is None else max_bytes
        if isinstance(max_bytes, bool) or not isinstance(self._max_bytes, int):
            raise InputError(f"max_bytes must be a whole number of bytes, got {shown(max_bytes)}")
        if self._max_bytes < 1:
            raise InputError(f"max_bytes must be at least 1, got {max_bytes}")
        self._encoder = encoder
        self._directory = directory
        self._info = info
        self._pin = pin
        self._who = plain(info.id)
        self._hows: dict[bytes, str] = {}
        self._store = VectorStore(
            open_root(directory), encoder_key(info, pin), info, self._max_bytes
        )

    @classmethod
    def _pinned(cls, encoder: Encoder, directory: Any, pin: str | None) -> CachedEncoder:
        """Make one whose vectors also depend on `pin`, a hash that the info does not have."""
        cached = cls.__new__(cls)
        cached._set_up(encoder, directory, None, pin=pin)
        return cached

    @property
    def info(self) -> EncoderInfo:
        """How the vectors are made: the info of the encoder inside, as a cache changes nothing."""
        return self._info

    def encode(self, items: Sequence[Stimulus], *, progress: bool = False) -> FloatArray:
        """Return one vector per item, computing only those that are not kept.

        Parameters
        ----------
        items : sequence of str, InContext or Image
            What the encoder inside takes.
        progress : bool
            Passed on to the encoder inside.

        Returns
        -------
        ndarray, shape (len(items), d)
            In the number type that the encoder inside gives.

        Raises
        ------
        OutputError
            When new vectors cannot be written.
        Exception
            What the encoder inside raises; the vectors made until then are kept.
        """
        listed = as_items(items, self._who)
        if not listed:
            return np.empty((0, self._info.dim), dtype=_dtype(self._info))
        if _depends_on_the_set(self._info):
            return self._encoder.encode(listed, progress=progress)
        distinct = unique(listed)
        keys = [item_key(item) for item in distinct]
        found = self._store.look_up(keys)
        rows = found.rows
        self._hows.update((keys[index], how) for index, how in found.hows.items())
        absent = [index for index in range(len(distinct)) if index not in rows]
        for start in range(0, len(absent), _CHUNK):
            chunk = absent[start : start + _CHUNK]
            made = self._make([distinct[index] for index in chunk], progress)
            hows = [how_encoded(self._encoder, distinct[index]) for index in chunk]
            new = [keys[index] for index in chunk]
            self._store.add(new, made, hows)
            self._hows.update(zip(new, hows, strict=True))
            rows.update(zip(chunk, made, strict=True))
        matrix = np.stack([rows[index] for index in range(len(distinct))])
        if len(distinct) == len(listed):
            return matrix
        positions = {item: index for index, item in enumerate(distinct)}
        return matrix[[positions[item] for item in listed]]

    def _make(self, items: list[Stimulus], progress: bool) -> NDArray[Any]:
        rows: NDArray[Any] = np.asarray(self._encoder.encode(items, progress=progress))
        if rows.shape != (len(items), self._info.dim):
            raise VectorError(
                f"{self._who}: {len(items)} items gave an array of shape {rows.shape}, expected "
                f"({len(items)}, {self._info.dim}); nothing was kept"
            )
        if not storable(rows.dtype):
            raise VectorError(
                f"{self._who}: vectors of type {rows.dtype} cannot be kept; give whole numbers or "
                "floats of at most 64 bits"
            )
        return rows.astype(rows.dtype.newbyteorder("="), copy=False)

    def missing(self, items: Sequence[Stimulus]) -> list[Stimulus]:
        """Return the items that have no vector; the encoder inside is asked if one is not kept."""
        distinct = unique(as_items(items, self._who))
        if not distinct:
            return []
        held = self._store.holds([item_key(item) for item in distinct])
        unknown = [item for item, is_held in zip(distinct, held, strict=True) if not is_held]
        return list(self._encoder.missing(unknown)) if unknown else []

    def why_missing(self, item: Stimulus) -> str:
        """Return why an item has no vector, as the encoder inside says."""
        return why_missing(self._encoder, item)

    def how_encoded(self, item: Stimulus) -> str:
        """Return what was done to an item, as the encoder inside said when it made the vector."""
        key = item_key(item)
        if key not in self._hows:
            # Position 0: one key was asked for.
            kept = self._store.look_up([key]).hows.get(0)
            self._hows[key] = how_encoded(self._encoder, item) if kept is None else kept
        return self._hows[key]

    def calibrate(self, items: Sequence[Stimulus]) -> CachedEncoder:
        """Return a cache over the encoder fixed to these items; itself where nothing is to fix."""
        rewrapped = getattr(self._encoder, "rewrapped", None)
        # What the ranges are learnt from comes from the model, and is kept like anything else.
        encoder = (
            self._encoder
            if rewrapped is None
            else rewrapped(lambda inner: with_cache(inner, self._directory))
        )
        fixed = calibrated(encoder, items)
        if fixed is encoder:
            return self
        return CachedEncoder(fixed, self._directory, max_bytes=self._max_bytes)

    def __repr__(self) -> str:
        """Return a one-line summary."""
        return f"CachedEncoder({self._encoder!r})"


def with_cache(encoder: Encoder, directory: Any) -> Encoder:
    """Return the encoder with a cache where that saves work.

    The cache goes beneath a wrapper that offers ``rewrapped`` (a transform): what is slow is the
    model, and its vectors then serve every transform. A table of vectors needs no cache.
    """
    if isinstance(encoder, CachedEncoder):
        return encoder
    rewrapped = getattr(encoder, "rewrapped", None)
    if rewrapped is not None:
        beneath: Encoder = rewrapped(lambda inner: with_cache(inner, directory))
        return beneath
    return encoder if encoder.info.kind == "static" else CachedEncoder(encoder, directory)


def _depends_on_the_set(info: EncoderInfo) -> bool:
    # Quantised by the ranges of whatever it is given: no vector of it can be kept.
    return "int8" in info.precision and info.ranges is None


def _dtype(info: EncoderInfo) -> str:
    return info.precision if info.precision in ("float16", "float64") else "float32"
