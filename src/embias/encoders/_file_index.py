"""Where each word of a vector file stands, kept beside a cache so that a file is scanned once."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import zlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from embias.encoders._file_hash import FileStamp
from embias.encoders._scan import Scan

#: Goes up whenever the meaning of a field or the key of a row changes.
_SCHEMA = "embias vector file index 1"


@dataclass(frozen=True, slots=True, eq=False)
class FileIndex:
    """The places of all rows of one uncompressed file.

    Attributes
    ----------
    stamp : FileStamp
        The file when it was scanned.
    sha256 : str
        Hash (hex) of its bytes.
    dim, first : int
        Coordinates; line or record number of the first row.
    notes : tuple of str
        What the scan noticed.
    keys : ndarray of uint32, shape (n,)
        crc32 of the key of each row, sorted.
    rows : ndarray of uint32, shape (n,)
        The row (in the order of the file) of each key; rising where keys are equal.
    offsets : ndarray of int64, shape (n,)
        Where each row starts, in the order of the file.
    """

    stamp: FileStamp
    sha256: str
    dim: int
    first: int
    notes: tuple[str, ...]
    keys: NDArray[np.uint32]
    rows: NDArray[np.uint32]
    offsets: NDArray[np.int64]

    @classmethod
    def from_scan(cls, scan: Scan, stamp: FileStamp, sha256: str) -> FileIndex:
        """Sort what a scan has found."""
        keys = np.array(scan.keys, dtype=np.uint32)
        rows = np.argsort(keys, kind="stable").astype(np.uint32)
        offsets = np.array(scan.offsets, dtype=np.int64)
        return cls(stamp, sha256, scan.dim, scan.first, scan.notes, keys[rows], rows, offsets)

    def rows_of(self, keys: Iterable[bytes]) -> list[int]:
        """Return the rows that may have one of some keys, in the order of the file."""
        sums = np.array(sorted({zlib.crc32(key) for key in keys}), dtype=np.uint32)
        starts = np.searchsorted(self.keys, sums, side="left")
        stops = np.searchsorted(self.keys, sums, side="right")
        found = [self.rows[i:j] for i, j in zip(starts, stops, strict=True) if j > i]
        return sorted(np.concatenate(found).tolist()) if found else []

    def save(self, path: Path) -> str | None:
        """Write the index; return why it could not be written, None when it was.

        The file appears under its name only when it is whole, so two processes may write at once.
        """
        head = {
            **{"size": self.stamp.size, "mtime_ns": self.stamp.mtime_ns, "sha256": self.sha256},
            **{"dim": self.dim, "first": self.first, "notes": self.notes},
        }
        tensors: dict[str, NDArray[Any]] = {}
        tensors.update(keys=self.keys, rows=self.rows, offsets=self.offsets)
        text = json.dumps(head)
        metadata = {"schema": _SCHEMA, "head": text, "digest": _digest(text, tensors)}
        content = save(tensors, metadata=metadata)
        temporary = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.stem, suffix=".tmp")
            with open(handle, "wb") as file:
                file.write(content)
            os.replace(temporary, path)
        except OSError as error:
            if temporary is not None:
                _remove(temporary)
            return error.strerror or type(error).__name__
        return None

    @classmethod
    def load(cls, path: Path, stamp: FileStamp) -> FileIndex | None:
        """Read an index; None when there is none for the file as it is now, or it is damaged."""
        names = ("keys", "rows", "offsets")
        try:
            with safe_open(str(path), framework="numpy") as file:
                metadata = file.metadata() or {}
                if metadata.get("schema") != _SCHEMA or set(file.keys()) != set(names):
                    return None
                tensors = {name: file.get_tensor(name) for name in names}
        except (SafetensorError, OSError, ValueError, TypeError, AttributeError):
            return None
        text = metadata.get("head", "")
        if metadata.get("digest") != _digest(text, tensors):
            return None
        head = json.loads(text)
        if FileStamp(head.pop("size"), head.pop("mtime_ns")) != stamp:
            return None
        head["notes"] = tuple(head["notes"])
        return cls(stamp=stamp, **head, **tensors)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.offsets)


def index_path(folder: Path, file: Path, format: str, encoding_errors: str) -> Path:
    """Return where the index of a file lies, the same for every way to write its path."""
    name = "\0".join([str(file.resolve()), format, encoding_errors])
    key = hashlib.sha256(name.encode("utf-8", errors="surrogateescape")).hexdigest()
    return folder / f"vectors-{key[:32]}.safetensors"


def _digest(head: str, tensors: dict[str, NDArray[Any]]) -> str:
    digest = hashlib.sha256(head.encode("utf-8", errors="replace"))
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"\n{name} {tensor.dtype} {tensor.shape}\n".encode("ascii"))
        digest.update(np.ascontiguousarray(tensor).tobytes())
    return digest.hexdigest()


def _remove(path: str) -> None:
    with suppress(OSError):
        os.remove(path)
