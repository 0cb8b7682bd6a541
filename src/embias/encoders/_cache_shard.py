"""One file of cached vectors: safetensors with sorted keys and a check for every row."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embias.encoders._cache_files import new_shard_path, write_whole
from embias.encoders._cache_keys import KEY_BYTES

__all__ = ["DamagedShardError", "Shard", "as_key_array", "open_shard", "storable", "write_shard"]

_CHECK_BYTES = 16
_LARGEST_HEADER = 100_000_000
_KEY_TYPE = f"S{KEY_BYTES}"
# What safetensors calls the types that numpy has too.
_TYPES = {
    **{"F16": "<f2", "F32": "<f4", "F64": "<f8"},
    **{f"I{8 * size}": f"<i{size}" for size in (1, 2, 4, 8)},
    **{f"U{8 * size}": f"<u{size}" for size in (1, 2, 4, 8)},
}

KeyArray = NDArray[np.bytes_]


class DamagedShardError(Exception):
    """A file that is not what was written; its vectors are to be computed again."""


def as_key_array(keys: Sequence[bytes]) -> KeyArray:
    """Return keys of 32 bytes as an array that can be sorted and searched."""
    return np.frombuffer(b"".join(keys), dtype=_KEY_TYPE)


def storable(dtype: np.dtype[Any]) -> bool:
    """Return whether rows of this type come back bit for bit."""
    return dtype.newbyteorder("<").str.replace("|", "<") in _TYPES.values()


@dataclass(frozen=True, slots=True)
class Shard:
    """An open file: its keys are in memory, its vectors are read when they are asked for."""

    path: Path
    keys: KeyArray
    checks: bytes
    dtype: np.dtype[Any]
    dim: int
    offset: int
    hows: Mapping[int, str]

    def find(self, wanted: KeyArray) -> NDArray[np.intp]:
        """Return the row of each key, -1 where there is none."""
        rows = np.searchsorted(self.keys, wanted)
        rows[rows == len(self.keys)] = 0
        return np.where(self.keys[rows] == wanted, rows, -1)

    def read(self, rows: Sequence[int]) -> NDArray[Any]:
        """Return the vectors of some rows, every one checked.

        Raises
        ------
        DamagedShardError
            When a row is not what was written.
        FileNotFoundError
            When another process has removed the file.
        """
        width = self.dim * self.dtype.itemsize
        data = bytearray(len(rows) * width)
        into = memoryview(data)
        with self.path.open("rb", buffering=0) as stream:  # rows lie far apart
            for target, row in enumerate(rows):
                stream.seek(self.offset + row * width)
                part = into[target * width : (target + 1) * width]
                if stream.readinto(part) != width or not self._is_right(row, part):
                    raise DamagedShardError(f"row {row}")
        return np.frombuffer(data, dtype=self.dtype).reshape(len(rows), self.dim)

    def _is_right(self, row: int, data: memoryview) -> bool:
        # Through the buffer: numpy drops the zero bytes at the end of a key.
        key = self.keys[row : row + 1].tobytes()
        check = self.checks[row * _CHECK_BYTES : (row + 1) * _CHECK_BYTES]
        return _check(key, data, self.hows.get(row, "")) == check


def _check(key: bytes, row: bytes | memoryview, how: str) -> bytes:
    digest = hashlib.blake2b(key, digest_size=_CHECK_BYTES)
    digest.update(row)
    digest.update(how.encode("utf-8", "surrogatepass"))
    return digest.digest()


def write_shard(folder: Path, keys: KeyArray, rows: NDArray[Any], hows: Sequence[str]) -> Path:
    """Write keys, vectors and how each was made as a new file of `folder`; return its path."""
    from safetensors.numpy import save

    order = np.argsort(keys)
    keys = keys[order]
    native = rows.dtype.newbyteorder("=")
    rows = np.ascontiguousarray(rows[order], dtype=native)
    sorted_hows = [hows[index] for index in order]
    checks = b"".join(
        _check(keys[row : row + 1].tobytes(), rows[row].tobytes(), how)
        for row, how in enumerate(sorted_hows)
    )
    data = save(
        {
            "keys": np.frombuffer(keys.tobytes(), dtype=np.uint8).reshape(-1, KEY_BYTES),
            "checks": np.frombuffer(checks, dtype=np.uint8).reshape(-1, _CHECK_BYTES),
            "vectors": rows,
        },
        metadata={"how": json.dumps({row: how for row, how in enumerate(sorted_hows) if how})},
    )
    path = new_shard_path(folder)
    write_whole(path, data)
    return path


def open_shard(path: Path) -> Shard:
    """Read header and keys of a file.

    Raises
    ------
    DamagedShardError
        When it is not a whole file of vectors.
    OSError
        When it cannot be read, or is gone.
    """
    with path.open("rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        try:
            return _parsed(path, stream, size)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise DamagedShardError(str(error)) from error


def _parsed(path: Path, stream: Any, size: int) -> Shard:
    length = int.from_bytes(stream.read(8), "little")
    if not 0 < length <= min(size - 8, _LARGEST_HEADER):
        raise ValueError("length of the header")
    header = json.loads(stream.read(length))
    hows = json.loads(header.pop("__metadata__")["how"])
    if set(header) != {"keys", "checks", "vectors"}:
        raise ValueError("names of the tensors")
    begin = 8 + length
    count, dim = header["vectors"]["shape"]
    dtype = np.dtype(_TYPES[header["vectors"]["dtype"]])
    places = {
        "keys": _place(header["keys"], "U8", [count, KEY_BYTES], 1),
        "checks": _place(header["checks"], "U8", [count, _CHECK_BYTES], 1),
        "vectors": _place(header["vectors"], header["vectors"]["dtype"], [count, dim], 0),
    }
    if max(stop for _, stop in places.values()) != size - begin or count < 1 or dim < 1:
        raise ValueError("size of the file")
    if prod((count, dim, dtype.itemsize)) != places["vectors"][1] - places["vectors"][0]:
        raise ValueError("size of the vectors")
    stream.seek(begin + places["keys"][0])
    keys = np.frombuffer(stream.read(count * KEY_BYTES), dtype=_KEY_TYPE)
    stream.seek(begin + places["checks"][0])
    checks = stream.read(count * _CHECK_BYTES)
    return Shard(
        path=path,
        keys=keys,
        checks=checks,
        dtype=dtype,
        dim=dim,
        offset=begin + places["vectors"][0],
        hows={int(row): str(how) for row, how in hows.items()},
    )


def _place(tensor: Any, dtype: str, shape: list[int], itemsize: int) -> tuple[int, int]:
    start, stop = tensor["data_offsets"]
    if tensor["dtype"] != dtype or tensor["shape"] != shape or not 0 <= start <= stop:
        raise ValueError("form of a tensor")
    if itemsize and stop - start != prod(shape) * itemsize:
        raise ValueError("size of a tensor")
    return start, stop
