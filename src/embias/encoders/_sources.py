"""Opens a vector file by its content: compression undone, pickles refused."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from embias.encoders._items import quoted
from embias.encoders._show import at, one_line
from embias.errors import DataFileError

HEAD_BYTES = 65536

_GZIP, _BZ2, _XZ, _ZIP = b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"PK\x03\x04"
_NPY = b"\x93NUMPY"
_FASTTEXT_BIN = (793712314).to_bytes(4, "little")


@dataclass(frozen=True, slots=True)
class Source:
    """An open vector file: its bytes after decompression.

    `size` is the number of those bytes, None when only reading to the end would tell.
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
                    inner = stream.read(HEAD_BYTES)
                    stream.seek(0)
                    refuse_unsafe(path, inner)
                    yield Source(path, stream, inner, None)
    except EOFError as error:
        raise DataFileError(
            f"{at(path)}: the compressed file is cut short ({one_line(error)}); get the whole file"
        ) from error
    except (OSError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, NotImplementedError) as error:
        raise DataFileError(
            f"{at(path)}: cannot be read ({one_line(error)}); check the permissions or get the "
            "file anew"
        ) from error


@contextmanager
def _decompressed(path: Path, raw: IO[bytes], head: bytes) -> Iterator[IO[bytes]]:
    if head.startswith(_GZIP):
        with gzip.open(raw, "rb") as unzipped:
            yield cast(IO[bytes], unzipped)
    elif head.startswith(_BZ2):
        with bz2.open(raw, "rb") as stream:
            yield stream
    elif head.startswith(_XZ):
        with lzma.open(raw, "rb") as stream:
            yield stream
    elif head.startswith(_ZIP):
        with zipfile.ZipFile(raw) as archive, archive.open(_only_member(path, archive)) as member:
            yield member
    else:
        yield raw


def _only_member(path: Path, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    members = [member for member in archive.infolist() if not member.is_dir()]
    names = [member.filename for member in members]
    if any(name.endswith("data.pkl") for name in names):
        raise _pickle_error(path, "a torch file, which holds a pickle")
    if any(name.endswith(".npy") for name in names):
        raise _numpy_error(path)
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
    """Refuse, by its first bytes and never its suffix, what would run code or has no words."""
    if len(head) >= 2 and head[0] == 0x80 and 2 <= head[1] <= 5:
        raise _pickle_error(path, f"a Python pickle (protocol {head[1]})")
    if head.startswith(_NPY):
        raise _numpy_error(path)
    if head.startswith(_FASTTEXT_BIN):
        raise DataFileError(
            f"{at(path)}: is a fastText .bin model, which embias does not read; load it with "
            "gensim.models.fasttext.load_facebook_vectors and pass the KeyedVectors object, or "
            "give the .vec file"
        )


def _pickle_error(path: Path, what: str) -> DataFileError:
    return DataFileError(
        f"{at(path)}: is {what}; loading it could run code, so embias never does; if you trust it, "
        "load it yourself with gensim and pass the KeyedVectors object, or save it as word2vec "
        "text or safetensors"
    )


def _numpy_error(path: Path) -> DataFileError:
    return DataFileError(
        f"{at(path)}: is a numpy file, which has no words and may hold a pickle; load it yourself "
        "with numpy.load(..., allow_pickle=False) and pass a dict of word to vector"
    )
