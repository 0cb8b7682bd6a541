"""What an encoder will be, told from its files without loading it."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from embias.encoders._cache_files import FOLDERS, RECIPES, write_whole
from embias.encoders._show import plain, shown
from embias.encoders._versions import versions
from embias.errors import InputError
from embias.types import Encoder, EncoderInfo, FloatArray, Stimulus, how_encoded, why_missing

__all__ = ["LazyEncoder", "Recipe", "folder_content", "open_lazily"]

# Whatever takes part in loading a model, and so may change what its info says.
_PACKAGES = (
    *("embias", "numpy", "safetensors", "torch", "tokenizers", "transformers"),
    *("sentence-transformers", "huggingface-hub", "model2vec"),
)
#: A file may change once more within the clock's resolution of the time that it shows.
_SETTLED_NS = 2_000_000_000


@dataclass(frozen=True)
class Recipe:
    """All that decides what loading gives.

    Attributes
    ----------
    parts : dict
        Plain values: the kind of source, the hash of its content or its commit, the options.
    load : callable
        Loads the encoder; it takes seconds.
    pin : str or None
        What the vectors depend on beyond the info of the encoder.
    """

    parts: dict[str, str | None]
    load: Callable[[], Encoder]
    pin: str | None = None

    def complete(self) -> dict[str, Any]:
        """Return the parts with the versions of everything that takes part in loading."""
        return {
            "parts": self.parts,
            "packages": versions(*_PACKAGES),
            "info": sorted(field.name for field in fields(EncoderInfo)),
        }


class LazyEncoder:
    """An encoder whose info is known and which is loaded when a vector is asked of it."""

    def __init__(self, info: EncoderInfo, load: Callable[[], Encoder], note: Path) -> None:
        self._info = info
        self._load = load
        self._note = note
        self._loaded: Encoder | None = None

    @property
    def info(self) -> EncoderInfo:
        """What loading gave the last time."""
        return self._info

    def _encoder(self) -> Encoder:
        if self._loaded is None:
            loaded = self._load()
            now, then = loaded.info.to_dict(), self._info.to_dict()
            if now != then:
                self._note.unlink(missing_ok=True)
                differ = [name for name in now if now[name] != then.get(name)]
                raise InputError(
                    f"{plain(self._info.id)}: the model changed while it was in use (its "
                    f"{shown(', '.join(differ))[1:-1]}); run again"
                )
            self._loaded = loaded
        return self._loaded

    def encode(self, items: Sequence[Stimulus], *, progress: bool = False) -> FloatArray:
        """Load and encode."""
        return self._encoder().encode(items, progress=progress)

    def missing(self, items: Sequence[Stimulus]) -> list[Stimulus]:
        """Load and ask."""
        return self._encoder().missing(items)

    def why_missing(self, item: Stimulus) -> str:
        """Load and ask."""
        return why_missing(self._encoder(), item)

    def how_encoded(self, item: Stimulus) -> str:
        """Load and ask."""
        return how_encoded(self._encoder(), item)

    def __repr__(self) -> str:
        """Return a one-line summary."""
        return f"LazyEncoder(id={self._info.id!r})" if self._loaded is None else repr(self._loaded)


def open_lazily(recipe: Recipe, root: Path) -> Encoder:
    """Return the encoder of a recipe, not loaded where an earlier call noted down its info."""
    complete = recipe.complete()
    text = json.dumps(complete, sort_keys=True)
    note = root / RECIPES / f"{hashlib.sha256(text.encode()).hexdigest()}.json"
    info = _noted(note, complete)
    if info is not None:
        return LazyEncoder(info, recipe.load, note)
    encoder = recipe.load()
    kept = {
        "recipe": complete,
        "info": encoder.info.to_dict(),
        "fingerprint": encoder.info.fingerprint(),
    }
    _write_note(note, kept)
    return encoder


def _noted(note: Path, complete: dict[str, Any]) -> EncoderInfo | None:
    try:
        kept = json.loads(note.read_bytes())
        info = EncoderInfo.from_dict(kept["info"])
        is_whole = kept["recipe"] == complete and kept["fingerprint"] == info.fingerprint()
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return info if is_whole else None


def _write_note(path: Path, content: Any) -> None:
    # Without the note the next run loads the model, that is all.
    with suppress(OSError):
        path.parent.mkdir(exist_ok=True)
        write_whole(path, json.dumps(content, indent=1).encode())


def folder_content(folder: Path, root: Path) -> str:
    """Return a hash of all files in a folder; remembered while they do not change.

    Hidden files and folders (version control, downloads under way) do not count.

    Raises
    ------
    OSError
        When a file cannot be read.
    """
    place = os.path.realpath(folder).encode("utf-8", "surrogateescape")
    note = root / FOLDERS / f"{hashlib.sha256(place).hexdigest()}.json"
    names = sorted(_files(folder))
    now = time.time_ns()
    states = [_state(folder / name) for name in names]
    state = [[name, *each] for name, each in zip(names, states, strict=True)]
    with suppress(OSError, ValueError, TypeError, KeyError):
        kept = json.loads(note.read_bytes())
        if kept["files"] == state and isinstance(kept["content"], str):
            return kept["content"]
    digest = hashlib.sha256()
    for name in names:
        with (folder / name).open("rb") as stream:
            content = hashlib.file_digest(stream, "sha256").hexdigest()
        digest.update(f"{content} {name}\0".encode("utf-8", "surrogateescape"))
    result = f"sha256:{digest.hexdigest()}"
    if all(max(changed, touched) < now - _SETTLED_NS for _, changed, touched, _ in states):
        _write_note(note, {"files": state, "content": result})
    return result


def _files(folder: Path) -> Iterator[str]:
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(place, name)
            if not name.startswith(".") and path.is_file():
                yield path.relative_to(folder).as_posix()


def _state(path: Path) -> tuple[int, int, int, int]:
    # The time of the last change to the inode cannot be set back, unlike that of the content.
    state = path.stat()
    return state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino
