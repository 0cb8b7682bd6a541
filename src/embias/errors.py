"""The exceptions that embias raises.

Every message names the thing, the rule, the value and the cure. All of them derive from
:class:`EmbiasError`, so that a caller (the command line, a CI job) can tell a user's mistake
from a defect; each also derives from the built-in exception a reader would expect.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "DataFileError",
    "EmbiasError",
    "InputError",
    "MissingExtraError",
    "OutputError",
    "UnknownNameError",
    "VectorError",
    "did_you_mean",
]


class EmbiasError(Exception):
    """Base class of every error that embias raises on purpose."""


class InputError(EmbiasError, ValueError):
    """An argument breaks a rule: wrong shape, empty set, option that does not exist."""


class VectorError(InputError):
    """A vector cannot be used: zero length, NaN or infinite coordinates, wrong dimension."""


class UnknownNameError(InputError):
    """A name (suite, encoder, metric, published column) that does not exist."""


class DataFileError(EmbiasError, ValueError):
    """A data file (suite, vectors, saved audit) that is malformed; names file, place and rule."""


class OutputError(EmbiasError, OSError):
    """A result cannot be written where it was asked for."""


class MissingExtraError(EmbiasError, ImportError):
    """An optional dependency is not installed; names the extra that brings it."""

    def __init__(self, what: str, package: str, extra: str) -> None:
        super().__init__(
            f"{what} needs the package {package!r}, which is not installed; "
            f"install it with: pip install 'embias[{extra}]'"
        )


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the cure for an unknown name: the nearest known names, or all of them.

    Parameters
    ----------
    name : str
        What the user wrote.
    known : iterable of str
        The names that exist.

    Returns
    -------
    str
        ``"did you mean 'weat'?"`` or ``"known: 'seat', 'weat'"``, without a final full stop.
    """
    names = sorted(set(known))
    folded = {candidate.casefold(): candidate for candidate in reversed(names)}
    close = difflib.get_close_matches(name.casefold(), list(folded), n=3, cutoff=0.5)
    if close:
        return "did you mean " + " or ".join(repr(folded[match]) for match in close) + "?"
    return "known: " + (", ".join(repr(candidate) for candidate in names) or "none")
