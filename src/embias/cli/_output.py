"""What the commands print, and their exit statuses."""

from __future__ import annotations

import os
import sys

__all__ = ["BAD_INPUT", "DONE", "INTERRUPTED", "complain", "show"]

DONE, BAD_INPUT, INTERRUPTED = 0, 2, 130


def complain(message: str) -> None:
    """Print one line on standard error."""
    if sys.stderr is None:
        return
    from embias.report.phrasing import clean

    # One line, whatever a name in the message holds.
    print(f"embias: {clean(message)}", file=sys.stderr)


def show(text: str) -> None:
    """Print, and let it be if nobody reads: the files of the run are what counts."""
    if sys.stdout is None:
        return
    try:
        print(text)
        sys.stdout.flush()
    except OSError as error:
        if not isinstance(error, BrokenPipeError):
            complain(f"cannot write to the standard output: {error.strerror}")
        # What is left in the buffer would raise once more when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
