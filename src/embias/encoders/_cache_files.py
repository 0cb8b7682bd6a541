"""The folder of a cache: where it is, whose it is, how much it holds."""

from __future__ import annotations

import os
import re
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embias.encoders._options import as_path
from embias.encoders._show import at, shown
from embias.errors import InputError, OutputError

__all__ = [
    "ENCODERS",
    "FOLDERS",
    "INDEXES",
    "INFO",
    "RECIPES",
    "ShardFile",
    "default_directory",
    "default_max_bytes",
    "encoder_folders",
    "evict",
    "existing_root",
    "is_hex_name",
    "is_index_name",
    "new_shard_path",
    "open_root",
    "remove_strays",
    "shard_files",
    "write_whole",
]

#: Raised when vectors that were kept are no longer what an equal info stands for today.
_SCHEMA = "vectors-v1"
ENCODERS, RECIPES, FOLDERS, INDEXES = "encoders", "recipes", "folders", "indexes"
INFO = "info.json"
_TEMPORARY = ".tmp-"

#: Told by its content from the tag of another program; backup programs know its first line.
_TAG = "CACHEDIR.TAG"
_TAG_TEXT = (
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# Vectors kept by embias; they can be computed again. See: embias cache --help\n"
)
_OURS = frozenset((_TAG, ENCODERS, RECIPES, FOLDERS, INDEXES))

_DEFAULT_MAX_BYTES = 10 * 2**30
#: A file is written in far less time; what is older was left by a process that was killed.
_STRAY_SECONDS = 3600
_HEX_NAME = re.compile("[0-9a-f]{64}")
_INDEX_NAME = re.compile("vectors-[0-9a-f]{32}[.]safetensors")
_SHARD_NAME = re.compile("[0-9]{20}-[0-9a-f]{16}[.]safetensors")


@dataclass(frozen=True, slots=True)
class ShardFile:
    """A file of vectors, as the file system knows it."""

    path: Path
    size: int
    used_ns: int


def default_directory() -> Path:
    """Return ``$EMBIAS_CACHE``, else the folder for embias among the user's caches."""
    chosen = os.environ.get("EMBIAS_CACHE")
    if chosen:
        return as_path(chosen, "the environment variable EMBIAS_CACHE")
    try:
        home = Path.home()
    except RuntimeError as error:
        raise InputError(
            "the folder of the cache is not known, since there is no home folder; give the folder, "
            "or set EMBIAS_CACHE"
        ) from error
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "embias"
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "embias"
    caches = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG rules say that a relative path there counts for nothing.
    return (Path(caches) if os.path.isabs(caches) else home / ".cache") / "embias"


def default_max_bytes() -> int:
    """Return ``$EMBIAS_CACHE_MAX_BYTES``, else 10 GiB."""
    text = os.environ.get("EMBIAS_CACHE_MAX_BYTES")
    if not text:
        return _DEFAULT_MAX_BYTES
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise InputError(
            f"the environment variable EMBIAS_CACHE_MAX_BYTES={shown(text)} is not a size; give a "
            "whole number of bytes of at least 1, such as 10000000000"
        )
    return int(text)


def _root(directory: Any) -> Path:
    if directory is None:
        return default_directory() / _SCHEMA
    return as_path(directory, "the folder of the cache") / _SCHEMA


def _is_marked(root: Path) -> bool:
    try:
        return (root / _TAG).read_bytes() == _TAG_TEXT.encode()
    except OSError:
        return False


def open_root(directory: Any) -> Path:
    """Return the folder of vectors inside `directory`, made if need be, and writable."""
    root = _root(directory)
    try:
        root.mkdir(parents=True, exist_ok=True)
        if not _is_marked(root):
            _refuse_foreign(root)
            write_whole(root / _TAG, _TAG_TEXT.encode())
        # The only sure way to know that files can be written there.
        probe = root / _temporary_name()
        probe.touch(exist_ok=False)
        probe.unlink()
    except OutputError:
        raise
    except OSError as error:
        raise OutputError(
            f"{at(root)}: the cache cannot be written ({error.strerror}); name another folder, or "
            "set EMBIAS_CACHE"
        ) from error
    return root


def existing_root(directory: Any) -> Path | None:
    """Return the folder of vectors inside `directory`; None where the default has none yet."""
    root = _root(directory)
    if _is_marked(root):
        return root
    if directory is None and not root.exists():
        return None
    raise InputError(
        f"{at(root.parent)}: holds no cache of embias; give the folder that was given as cache"
    )


def _refuse_foreign(root: Path) -> None:
    # Another process may be making the same cache just now, so a folder without tag may be ours.
    for name in sorted(os.listdir(root)):
        if name not in _OURS and not name.startswith(_TEMPORARY):
            raise OutputError(
                f"{at(root)}: is not a cache of embias, it holds {shown(name)}; name another folder"
            )


def _temporary_name() -> str:
    return f"{_TEMPORARY}{os.getpid()}-{secrets.token_hex(8)}"


def write_whole(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, and safely on the disk before it has its name."""
    temporary = path.with_name(_temporary_name())
    try:
        with temporary.open("xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:  # also an interruption from the keyboard
        temporary.unlink(missing_ok=True)
        raise


def is_hex_name(name: str) -> bool:
    """Return whether a name is one of ours: 64 hex digits."""
    return _HEX_NAME.fullmatch(name) is not None


def is_index_name(name: str) -> bool:
    """Return whether a name is that of a file in which the places of words are kept."""
    return _INDEX_NAME.fullmatch(name) is not None


def encoder_folders(root: Path) -> list[Path]:
    """Return the folders of encoders; links and what has another kind of name are not ours."""
    try:
        entries = list(os.scandir(root / ENCODERS))
    except FileNotFoundError:
        return []
    return sorted(
        Path(entry.path)
        for entry in entries
        if is_hex_name(entry.name) and entry.is_dir(follow_symlinks=False)
    )


def shard_files(folder: Path) -> list[ShardFile]:
    """Return the files of vectors in the folder of an encoder, oldest name first."""
    return sorted(_shards(folder), key=lambda shard: shard.path.name)


def _shards(folder: Path) -> Iterator[ShardFile]:
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:
        return
    for entry in entries:
        if _SHARD_NAME.fullmatch(entry.name):
            with suppress(FileNotFoundError):  # another process may have removed it just now
                if entry.is_file(follow_symlinks=False):
                    state = entry.stat(follow_symlinks=False)
                    yield ShardFile(Path(entry.path), state.st_size, state.st_mtime_ns)


def new_shard_path(folder: Path) -> Path:
    """Return a name that no other writer has; names of later shards sort later."""
    return folder / f"{time.time_ns():020d}-{secrets.token_hex(8)}.safetensors"


def evict(root: Path, max_bytes: int, keep: Path) -> None:
    """Remove the files used longest ago until the rest fits; never the one just written."""
    files = [file for folder in encoder_folders(root) for file in shard_files(folder)]
    total = sum(file.size for file in files)
    for file in sorted(files, key=lambda file: (file.used_ns, file.path.name)):
        if total <= max_bytes:
            return
        if file.path != keep:
            with suppress(OSError):  # in use, on Windows, or already gone
                file.path.unlink()
            total -= file.size


def remove_strays(folder: Path) -> None:
    """Remove temporary files that killed processes left long ago."""
    oldest = time.time() - _STRAY_SECONDS
    with suppress(OSError):
        for entry in list(os.scandir(folder)):
            with suppress(OSError):
                if entry.name.startswith(_TEMPORARY) and entry.stat().st_mtime < oldest:
                    os.unlink(entry.path)
