"""The vectors of one encoder on disk: files that are only ever added whole, merged or removed."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embias.encoders._cache_files import (
    ENCODERS,
    INFO,
    evict,
    remove_strays,
    shard_files,
    write_whole,
)
from embias.encoders._cache_shard import (
    DamagedShardError,
    KeyArray,
    Shard,
    as_key_array,
    open_shard,
    write_shard,
)
from embias.encoders._show import at
from embias.errors import OutputError
from embias.types import EncoderInfo

__all__ = ["Found", "VectorStore"]

#: Files below this size are merged once there are more than that many of them.
_SMALL_BYTES = 4 * 2**20
_MOST_SMALL = 64


@dataclass(slots=True)
class Found:
    """What a look-up gave, by position in the keys that were asked for."""

    rows: dict[int, NDArray[Any]] = field(default_factory=dict)
    hows: dict[int, str] = field(default_factory=dict)


class VectorStore:
    """A folder of shards for one encoder.

    Nothing is locked: a writer adds files under names of its own, a reader sees whole files or
    none, and whatever is gone or damaged counts as not kept.
    """

    def __init__(self, root: Path, key: str, info: EncoderInfo, max_bytes: int) -> None:
        self._root = root
        self._folder = root / ENCODERS / key
        self._info = info
        self._max_bytes = max_bytes
        self._shards: dict[Path, Shard] = {}
        remove_strays(root)
        remove_strays(self._folder)

    def look_up(self, keys: Sequence[bytes]) -> Found:
        """Return the vectors that are kept; files that are damaged are removed."""
        wanted = as_key_array(keys)
        for _ in range(2):  # again when another process merged files meanwhile
            self._refresh()
            found, is_complete = self._read(wanted)
            if is_complete:
                break
        return found

    def holds(self, keys: Sequence[bytes]) -> NDArray[np.bool_]:
        """Return which keys have a vector (that is not read yet, and may prove damaged)."""
        self._refresh()
        wanted = as_key_array(keys)
        held = np.zeros(len(wanted), dtype=np.bool_)
        for shard in self._shards.values():
            held |= shard.find(wanted) >= 0
        return held

    def add(self, keys: Sequence[bytes], rows: NDArray[Any], hows: Sequence[str]) -> None:
        """Keep vectors; the files used longest ago make room for them.

        Raises
        ------
        OutputError
            When they cannot be written.
        """
        try:
            path = self._write(as_key_array(keys), rows, hows)
            path = self._merge() or path
        except OSError as error:
            raise OutputError(
                f"{at(self._folder)}: vectors cannot be written to the cache ({error.strerror}); "
                "make room, name another folder, or go without a cache"
            ) from error
        evict(self._root, self._max_bytes, keep=path)

    def _write(self, keys: KeyArray, rows: NDArray[Any], hows: Sequence[str]) -> Path:
        for attempt in range(3):
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                if not (self._folder / INFO).exists():
                    text = json.dumps(self._info.to_dict(), indent=1, sort_keys=True)
                    write_whole(self._folder / INFO, text.encode())
                return write_shard(self._folder, keys, rows, hows)
            except FileNotFoundError:  # somebody clears the cache at this moment
                if attempt == 2:
                    raise
        raise AssertionError

    def _refresh(self) -> None:
        """Take notice of files that came and went."""
        files = [file.path for file in shard_files(self._folder)]
        known, self._shards = self._shards, {}
        for path in files:
            if path in known:
                self._shards[path] = known[path]
                continue
            try:
                self._shards[path] = open_shard(path)
            except DamagedShardError:
                _remove(path)
            except OSError:  # gone again, or not ours to read
                continue

    def _read(self, wanted: KeyArray) -> tuple[Found, bool]:
        found = Found()
        remaining = np.arange(len(wanted))
        is_complete = True
        for path, shard in list(self._shards.items()):
            rows = shard.find(wanted[remaining])
            hits = rows >= 0
            if not hits.any():
                continue
            try:
                vectors = shard.read(rows[hits].tolist())
            except DamagedShardError:
                self._forget(path)
                _remove(path)
                continue
            except OSError:
                self._forget(path)
                is_complete = False
                continue
            for position, row, vector in zip(
                remaining[hits].tolist(), rows[hits].tolist(), vectors, strict=True
            ):
                found.rows[position] = vector
                found.hows[position] = shard.hows.get(row, "")
            remaining = remaining[~hits]
            with suppress(OSError):  # the time of the last use decides what makes room
                os.utime(path)
        return found, is_complete

    def _forget(self, path: Path) -> None:
        self._shards.pop(path, None)

    def _merge(self) -> Path | None:
        """Put many small files together; killed on the way, it leaves vectors twice at most."""
        small = [file for file in shard_files(self._folder) if file.size < _SMALL_BYTES]
        if len(small) <= _MOST_SMALL:
            return None
        self._refresh()
        shards = [self._shards[file.path] for file in small if file.path in self._shards]
        newest: Path | None = None
        for kind in dict.fromkeys((shard.dtype, shard.dim) for shard in shards):
            alike = [shard for shard in shards if (shard.dtype, shard.dim) == kind]
            merged = self._merge_alike(alike)
            newest = merged or newest
        return newest

    def _merge_alike(self, shards: list[Shard]) -> Path | None:
        keys: list[KeyArray] = []
        vectors: list[NDArray[Any]] = []
        hows: list[str] = []
        read: list[Path] = []
        for shard in shards:
            try:
                vectors.append(shard.read(range(len(shard.keys))))
            except DamagedShardError:
                _remove(shard.path)
                continue
            except OSError:
                continue
            keys.append(shard.keys)
            hows += [shard.hows.get(row, "") for row in range(len(shard.keys))]
            read.append(shard.path)
        if len(read) < 2:
            return None
        every = np.concatenate(keys)
        _, first = np.unique(every, return_index=True)  # the oldest of two wins, as in a look-up
        path = self._write(
            every[first], np.concatenate(vectors)[first], [hows[index] for index in first.tolist()]
        )
        for old in read:
            _remove(old)
        return path


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()
