"""Writing a file whole or not at all."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from embias.errors import EmbiasError, InputError, OutputError

__all__ = ["check_output", "open_output", "write_text"]


def check_output(path: str | os.PathLike[str]) -> Path:
    """Return where a text would be written, links followed, if it can be written there.

    Raises
    ------
    OutputError
        When the folder is not there or may not be written to, or the path is a folder, a
        device or a pipe, which would be replaced by a file.
    """
    if not isinstance(path, str | os.PathLike) or not os.fspath(path):
        raise InputError(f"{path!r:.60} is not a path; give the name of a file to write")
    try:
        target = Path(os.path.realpath(path))
        mode = target.stat().st_mode if target.exists() else None
        folder = target.parent.is_dir()
    except (OSError, ValueError) as error:
        raise _cannot_write(path, error) from error
    if mode is not None and not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "a device or a pipe"
        raise OutputError(f"cannot write {str(path)!r}: it is {kind}; name a file")
    if not folder:
        raise OutputError(
            f"cannot write {str(path)!r}: the folder {str(target.parent)!r} is not there; give a "
            "path in a folder that exists"
        )
    if not os.access(target.parent, os.W_OK) or (mode is not None and not mode & 0o222):
        raise OutputError(f"cannot write {str(path)!r}: no permission; choose another folder")
    try:
        # The only sure way to know that the name is allowed and the disk takes files.
        handle, temporary = _temporary(target)
        os.close(handle)
        os.unlink(temporary)
    except OSError as error:
        raise _cannot_write(path, error) from error
    return target


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write `text` to `path` whole or not at all.

    A link is followed, and a file that is there keeps its permissions.

    Raises
    ------
    OutputError
        When it cannot be written; what was there before is then still there.
    """
    with open_output(path) as stream:
        stream.write(text.encode("utf-8", errors="backslashreplace"))


@contextmanager
def open_output(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """Open `path` for bytes that appear there when the block ends without an error, or never.

    A link is followed, and a file that is there keeps its permissions.

    Raises
    ------
    OutputError
        When it cannot be written; what was there before is then still there.
    """
    target = check_output(path)
    temporary: str | None = None
    try:
        handle, temporary = _temporary(target)
        with open(handle, "wb") as stream:
            yield stream
        os.chmod(temporary, _permissions(target))
        os.replace(temporary, target)
    except EmbiasError:
        raise
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        # After the rename there is nothing under this name any more.
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def _temporary(target: Path) -> tuple[int, str]:
    # In the same folder, so that the rename cannot cross file systems.
    return tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")


def _permissions(target: Path) -> int:
    if target.exists():
        return stat.S_IMODE(target.stat().st_mode)
    # mkstemp makes files that only their owner reads; a report gets the usual rights.
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask


def _cannot_write(path: str | os.PathLike[str], error: Exception) -> OutputError:
    reason = getattr(error, "strerror", None) or error
    return OutputError(
        f"cannot write {str(path)!r:.200}: {reason}; give a path in a folder that exists and "
        "that you may write to"
    )
