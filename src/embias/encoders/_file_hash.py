"""Hashes a file, on the side while it is read for another purpose, and notices changes."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from queue import Queue
from types import TracebackType
from typing import IO, Any, cast

from embias.encoders._show import at, one_line
from embias.encoders._sources import Source
from embias.errors import DataFileError

_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class FileStamp:
    """What tells cheaply whether a file has changed: its size and the time of its last change."""

    size: int
    mtime_ns: int

    @classmethod
    def of(cls, path: Path) -> FileStamp:
        """Return the stamp of a file.

        Raises
        ------
        DataFileError
            When there is no such file any more.
        """
        try:
            status = path.stat()
        except OSError as error:
            raise DataFileError(
                f"{at(path)}: cannot be read ({error.strerror}); check the path and the permissions"
            ) from error
        return cls(status.st_size, status.st_mtime_ns)

    def refuse_change(self, path: Path) -> None:
        """Refuse a file that has changed since the stamp was taken."""
        now = FileStamp.of(path)
        if now != self:
            what = "size" if now.size != self.size else "time of change"
            raise DataFileError(
                f"{at(path)}: the file has changed since the encoder was made (its {what} is "
                "another), and vectors of two files must not be mixed; make a new encoder"
            )


def sha256_of(paths: Iterable[Path]) -> str:
    """Return the sha256 (hex) of the bytes of some files, one after the other."""
    digest = hashlib.sha256()
    for path in paths:
        try:
            with path.open("rb", buffering=0) as file:
                while piece := file.read(_PIECE):
                    digest.update(piece)
        except OSError as error:
            raise DataFileError(
                f"{at(path)}: cannot be read ({one_line(error)}); check the permissions"
            ) from error
    return digest.hexdigest()


class HashedStream:
    """A binary stream whose bytes are hashed in a second thread as they are read.

    hashlib releases the interpreter lock, so that hashing costs next to no time.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._digest = hashlib.sha256()
        # A bounded queue: a slow hash holds the reader up instead of filling the memory.
        self._pieces: Queue[bytes | None] = Queue(4)
        self._thread = threading.Thread(target=self._hash, name="embias-hash", daemon=True)

    def __enter__(self) -> HashedStream:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._pieces.put(None)
        self._thread.join()

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes."""
        piece = self._stream.read(size)
        self._pieces.put(piece)
        return piece

    def readline(self, size: int = -1) -> bytes:
        """Return the next line."""
        line = self._stream.readline(size)
        self._pieces.put(line)
        return line

    def source(self, source: Source) -> Source:
        """Return a source that reads through this stream."""
        return replace(source, stream=cast("IO[bytes]", cast(Any, self)))

    def hexdigest(self) -> str:
        """Return the hash of what was read, once the ``with`` block has ended."""
        return self._digest.hexdigest()

    def _hash(self) -> None:
        while (piece := self._pieces.get()) is not None:
            self._digest.update(piece)
