"""Where the data files that ship with embias lie, in a wheel and in a source tree."""

from __future__ import annotations

from pathlib import Path

from embias.errors import DataFileError

__all__ = ["data_path"]


def data_path(relative: str) -> Path:
    """Return the path of a file that ships with embias.

    Parameters
    ----------
    relative : str
        Path below the data folder, with forward slashes: ``"vectors/name.safetensors"``.

    Returns
    -------
    pathlib.Path
        An existing file or folder: first in the package itself (a wheel carries the data as
        ``embias/data``), then in the ``data`` folder of the repository (an editable install).

    Raises
    ------
    DataFileError
        When the file is in neither place.
    """
    package = Path(__file__).resolve().parent
    candidates = [package / "data" / relative, package.parents[1] / "data" / relative]
    for candidate in candidates:
        if candidate.exists():
            return candidate
    raise DataFileError(
        f"{relative}: the data file is not in this installation of embias (looked for "
        f"{' and '.join(str(candidate) for candidate in candidates)}); reinstall embias"
    )
