"""What is in a cache, and clearing it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from embias.encoders._cache_files import (
    FOLDERS,
    INDEXES,
    INFO,
    RECIPES,
    default_directory,
    encoder_folders,
    existing_root,
    is_hex_name,
    is_index_name,
    remove_strays,
    shard_files,
)
from embias.encoders._cache_shard import DamagedShardError, open_shard
from embias.encoders._options import as_path
from embias.encoders._show import at, plain, shown
from embias.errors import InputError, UnknownNameError, did_you_mean
from embias.types import EncoderInfo

__all__ = ["CacheInfo", "CachedVectors", "cache_directory", "cache_info", "clear_cache"]


@dataclass(frozen=True, slots=True)
class CachedVectors:
    """What a cache holds of one encoder.

    Attributes
    ----------
    info : EncoderInfo or None
        How the vectors were made; None when the note about it is damaged.
    vectors : int
        Number of distinct items.
    bytes : int
        What their files take.
    last_use : datetime.datetime or None
        When vectors were last read or written, UTC; None when there are none.
    """

    info: EncoderInfo | None
    vectors: int
    bytes: int
    last_use: datetime | None

    @property
    def id(self) -> str:
        """The name of the encoder in results, ``"?"`` when it is not known."""
        return "?" if self.info is None else self.info.id


@dataclass(frozen=True, slots=True)
class CacheInfo:
    """What a cache holds, or what was removed from it.

    Attributes
    ----------
    directory : pathlib.Path
        The folder, as it is given to :class:`~embias.encoders.cache.CachedEncoder`.
    encoders : tuple of CachedVectors
        In the order of their names.
    """

    directory: Path
    encoders: tuple[CachedVectors, ...]

    @property
    def vectors(self) -> int:
        """Number of vectors of all encoders."""
        return sum(each.vectors for each in self.encoders)

    @property
    def bytes(self) -> int:
        """What the vectors of all encoders take."""
        return sum(each.bytes for each in self.encoders)

    def to_text(self) -> str:
        """Return a line for every encoder, and one for all."""
        rows = [
            (
                plain(each.id),
                f"{each.vectors:,} vectors",
                _size(each.bytes),
                f"used {each.last_use:%Y-%m-%d %H:%M} UTC" if each.last_use else "",
                plain(each.info.revision) if each.info and each.info.revision else "",
            )
            for each in self.encoders
        ]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
        total = f"{self.vectors:,} vectors, {_size(self.bytes)} in {at(self.directory)}"
        return "\n".join([*lines, total])


def cache_directory(directory: str | os.PathLike[str] | None = None) -> Path:
    """Return the folder of a cache, which need not be there yet.

    Parameters
    ----------
    directory : str or os.PathLike, optional
        As for :class:`~embias.encoders.cache.CachedEncoder`.

    Returns
    -------
    pathlib.Path
    """
    return default_directory() if directory is None else as_path(directory, "directory")


def cache_info(directory: str | os.PathLike[str] | None = None) -> CacheInfo:
    """Say what a cache holds.

    Parameters
    ----------
    directory : str or os.PathLike, optional
        As for :class:`~embias.encoders.cache.CachedEncoder`.

    Returns
    -------
    CacheInfo

    Raises
    ------
    InputError
        When `directory` is given and holds no cache, or cannot be read.
    """
    root = existing_root(directory)
    return _described(directory, [] if root is None else encoder_folders(root))


def clear_cache(
    directory: str | os.PathLike[str] | None = None, *, encoder: str | None = None
) -> CacheInfo:
    """Remove cached vectors; files that are not of the cache stay.

    Parameters
    ----------
    directory : str or os.PathLike, optional
        As for :class:`~embias.encoders.cache.CachedEncoder`.
    encoder : str, optional
        Only those of the encoders with this name in results; by default all.

    Returns
    -------
    CacheInfo
        What was removed.

    Raises
    ------
    InputError
        When `directory` is given and holds no cache, or a file cannot be removed.
    UnknownNameError
        When no encoder of that name is in the cache.
    """
    root = existing_root(directory)
    folders = [] if root is None else encoder_folders(root)
    chosen = [folder for folder in folders if encoder is None or _name(folder) == encoder]
    if encoder is not None and not chosen:
        hint = did_you_mean(encoder, {_name(folder) for folder in folders})
        raise UnknownNameError(f"no encoder {shown(encoder)} in the cache; {hint}")
    removed = _described(directory, chosen)
    try:
        for folder in chosen:
            _remove_encoder(folder)
        if root is not None:
            _remove_notes(root / RECIPES, encoder)
            if encoder is None:
                _remove_notes(root / FOLDERS, None)
                _remove_indexes(root / INDEXES)
            remove_strays(root)
    except OSError as error:
        raise InputError(
            f"the cache cannot be cleared ({error.strerror}: {shown(error.filename)}); check the "
            "permissions"
        ) from error
    return removed


def _described(directory: Any, folders: Iterable[Path]) -> CacheInfo:
    each = (_describe(folder) for folder in folders)
    return CacheInfo(
        cache_directory(directory), tuple(sorted(each, key=lambda one: (one.id, -one.bytes)))
    )


def _describe(folder: Path) -> CachedVectors:
    files = shard_files(folder)
    keys = []
    for file in files:
        with suppress(DamagedShardError, OSError):
            keys.append(open_shard(file.path).keys)
    used = max((file.used_ns for file in files), default=None)
    return CachedVectors(
        info=_info(folder),
        vectors=len(np.unique(np.concatenate(keys))) if keys else 0,
        bytes=sum(file.size for file in files),
        last_use=None if used is None else datetime.fromtimestamp(used / 1e9, UTC),
    )


def _info(folder: Path) -> EncoderInfo | None:
    try:
        return EncoderInfo.from_dict(json.loads((folder / INFO).read_bytes()))
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def _name(folder: Path) -> str:
    info = _info(folder)
    return "?" if info is None else info.id


def _remove_encoder(folder: Path) -> None:
    remove_strays(folder)
    for path in [*(file.path for file in shard_files(folder)), folder / INFO]:
        path.unlink(missing_ok=True)
    with suppress(OSError):  # somebody else's file is in it, or a writer is at work
        folder.rmdir()


def _remove_notes(folder: Path, encoder: str | None) -> None:
    """Remove what recipes and folders are remembered, of one encoder or of all."""
    for path in list(folder.glob("*.json")) if folder.is_dir() else []:
        if not is_hex_name(path.stem) or path.is_symlink():
            continue
        if encoder is None or _recipe_name(path) == encoder:
            path.unlink(missing_ok=True)


def _remove_indexes(folder: Path) -> None:
    """Remove what is remembered of where words stand in files."""
    for path in list(folder.iterdir()) if folder.is_dir() else []:
        if is_index_name(path.name) and not path.is_symlink():
            path.unlink(missing_ok=True)


def _recipe_name(path: Path) -> str | None:
    try:
        return str(json.loads(path.read_bytes())["info"]["id"])
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _size(count: int) -> str:
    if count < 1000:
        return f"{count} bytes"
    size, unit = count / 1000, "KB"
    for larger in ("MB", "GB", "TB"):
        if size < 1000:
            break
        size, unit = size / 1000, larger
    return f"{size:.1f} {unit}"
