"""Writing a folder whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from embias.errors import EmbiasError, OutputError

__all__ = ["new_folder"]


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Give a folder to write into, which becomes `target` when the block ends without an error.

    What was there before stays until then, and comes back if the last step fails. Whether it may
    be replaced is for the caller to check.

    Raises
    ------
    OutputError
        When it cannot be written.
    """
    # Links are followed: what they point at is replaced.
    place = Path(os.path.realpath(target))
    scratch: Path | None = None
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        # In the same folder, so that the rename cannot cross file systems.
        scratch = Path(tempfile.mkdtemp(prefix=".embias-", dir=place.parent))
        new = scratch / "new"
        new.mkdir()  # with the usual rights, which mkdtemp does not give
        yield new
        _replace(place, new, scratch / "old")
    except EmbiasError:
        raise
    except OSError as error:
        raise OutputError(f"{target}: cannot be written ({error.strerror or error})") from error
    finally:
        if scratch is not None:
            shutil.rmtree(scratch, ignore_errors=True)


def _replace(place: Path, new: Path, old: Path) -> None:
    if not os.path.lexists(place):
        os.rename(new, place)
        return
    os.rename(place, old)
    try:
        os.rename(new, place)
    except OSError:
        os.rename(old, place)
        raise
