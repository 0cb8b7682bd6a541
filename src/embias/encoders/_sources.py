"""Opens a vector file by its content: compression undone, pickles refused."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from embias.encoders._items import quoted
from embias.encoders._show import at, one_line
from embias.errors import DataFileError

HEAD_BYTES = 65536

# What a compressed file may come to: the first 64 MiB always, and beyond them 200 times its own
# size. Measured: decimal text shrinks 2-fold, vectors with one number in a hundred not zero 40 to
# 50-fold; only nearly empty tables (one in a thousand, one-hot) reach the limit, and bombs, with
# 1000-fold and more.
FREE_BYTES = 64 << 20
MAX_EXPANSION = 200
_XZ_MEMORY = 512 << 20  # the strongest preset (-9) needs 65 MiB

NPY, ZIP, PARQUET = b"\x93NUMPY", b"PK\x03\x04", b"PAR1"
FASTTEXT_BIN = (793712314).to_bytes(4, "little")
_GZIP, _BZ2, _XZ = b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00"


@dataclass(frozen=True, slots=True)
class Source:
    """An open vector file: its bytes after decompression.

    `size` is the number of those bytes, None when only reading to the end would tell. A numpy
    archive (.npz) is left as it is, a zip file.
    """

    path: Path
    stream: IO[bytes]
    head: bytes
    size: int | None


@contextmanager
def open_source(path: Path) -> Iterator[Source]:
    """Open a file for reading; every failure to read it becomes one DataFileError."""
    # os.path, unlike pathlib, takes a name that no file could have for a missing file.
    if not os.path.exists(path):
        raise DataFileError(f"{at(path)}: no such file; check the path of the vector file")
    if path.is_dir():
        raise DataFileError(f"{at(path)}: is a folder, not a vector file; give a file in it")
    if not os.path.isfile(path):
        # Opening a pipe may wait for ever, and the file is read more than once.
        raise DataFileError(
            f"{at(path)}: is a pipe or a device, not a regular file; give a regular file (write "
            "the stream to one first)"
        )
    try:
        with path.open("rb") as raw:
            head = raw.read(HEAD_BYTES)
            raw.seek(0)
            refuse_unsafe(path, head)
            with _decompressed(path, raw, head) as stream:
                if stream is raw:
                    yield Source(path, raw, head, path.stat().st_size)
                else:
                    with io.BufferedReader(_Bounded(path, stream), 1 << 20) as bounded:
                        inner = bounded.read(HEAD_BYTES)
                        bounded.seek(0)
                        refuse_unsafe(path, inner)
                        _refuse_compressed(path, inner)
                        yield Source(path, bounded, inner, None)
    except EOFError as error:
        raise DataFileError(
            f"{at(path)}: the compressed file is cut short ({one_line(error)}); get the whole file"
        ) from error
    except (OSError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, NotImplementedError) as error:
        raise DataFileError(
            f"{at(path)}: cannot be read ({one_line(error)}); check the permissions or get the "
            "file anew"
        ) from error


def expansion_limit(path: Path) -> int:
    """Return how many bytes the content of a compressed file may come to."""
    return FREE_BYTES + MAX_EXPANSION * os.path.getsize(path)


class _Bounded(io.RawIOBase):
    """A decompressed stream that ends in an error when it grows out of all proportion."""

    def __init__(self, path: Path, stream: IO[bytes]) -> None:
        self._path, self._stream = path, stream
        self._position = 0
        self._limit = expansion_limit(path)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._stream.read(len(buffer))
        self._position += len(data)
        if self._position > self._limit:
            raise bomb_error(self._path, self._limit)
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._position = self._stream.seek(offset, whence)
        return self._position

    def tell(self) -> int:
        return self._position


def bomb_error(path: Path, limit: int) -> DataFileError:
    """Say that a compressed file holds far more than its size."""
    return DataFileError(
        f"{at(path)}: the compressed file expands to more than {limit} bytes ({MAX_EXPANSION} "
        f"times its size and {FREE_BYTES >> 20} MiB), which vectors never do unless nearly all "
        "numbers are zero; it may be made to exhaust memory: if you trust it, unpack it and give "
        "the file"
    )


@contextmanager
def _decompressed(path: Path, raw: IO[bytes], head: bytes) -> Iterator[IO[bytes]]:
    if head.startswith(_GZIP):
        with gzip.open(raw, "rb") as unzipped:
            yield cast(IO[bytes], unzipped)
    elif head.startswith(_BZ2):
        with bz2.open(raw, "rb") as stream:
            yield stream
    elif head.startswith(_XZ):
        # A header may ask for a dictionary of 4 GiB; looked at before anything is allocated.
        lzma.LZMADecompressor(memlimit=_XZ_MEMORY).decompress(head, max_length=1)
        with lzma.open(raw, "rb") as stream:
            yield stream
    elif head.startswith(ZIP):
        with zipfile.ZipFile(raw) as archive:
            if any(name.endswith(".npy") for name in archive.namelist()):
                raw.seek(0)
                yield raw
                return
            with archive.open(_only_member(path, archive)) as member:
                yield member
    else:
        yield raw


def _only_member(path: Path, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    members = [member for member in archive.infolist() if not member.is_dir()]
    names = [member.filename for member in members]
    if any(name.endswith("data.pkl") for name in names):
        raise _pickle_error(path, "a torch file, which holds a pickle")
    if len(members) != 1:
        raise DataFileError(
            f"{at(path)}: a zip archive must hold exactly one vector file, this one holds "
            f"{len(members)} ({quoted(names)}); unpack it and give the file"
        )
    if members[0].flag_bits & 1:
        raise DataFileError(
            f"{at(path)}: the zip archive is encrypted; unpack it and give the file"
        )
    return members[0]


def refuse_unsafe(path: Path, head: bytes) -> None:
    """Refuse, by its first bytes and never its suffix, what would run code or is another kind."""
    if len(head) >= 2 and head[0] == 0x80 and 2 <= head[1] <= 5:
        raise _pickle_error(path, f"a Python pickle (protocol {head[1]})")
    if head.startswith(FASTTEXT_BIN):
        raise DataFileError(
            f"{at(path)}: is a fastText .bin model, which is no plain table of words; open it "
            "(unpacked) with embias.encoders.fasttext.FastTextEncoder, or give the .vec file"
        )


def _refuse_compressed(path: Path, inner: bytes) -> None:
    for magic, what in ((NPY, "numpy"), (PARQUET, "Parquet"), (ZIP, "zip")):
        if inner.startswith(magic):
            raise DataFileError(
                f"{at(path)}: holds a {what} file in compressed form; unpack it and give the file"
            )


def _pickle_error(path: Path, what: str) -> DataFileError:
    return DataFileError(
        f"{at(path)}: is {what}; loading it could run code, so embias never does unless asked to "
        "by name: if you trust it and gensim saved it, use "
        "embias.encoders.unsafe.load_pickled(path), else save the vectors as word2vec text or "
        "safetensors"
    )


def object_array_error(path: Path, what: str) -> DataFileError:
    """Refuse an array of Python objects, which is stored as a pickle."""
    return DataFileError(
        f"{at(path)}: {what} holds Python objects, which numpy stores as a pickle; loading it "
        "could run code, so embias never does: save numbers as float32 and words as text"
    )
