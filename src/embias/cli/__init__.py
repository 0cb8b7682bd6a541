"""The command line: ``embias audit``, ``debias``, ``list`` and ``cache``."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Sequence

from embias._version import version
from embias.cli._audit import add_audit
from embias.cli._cache import add_cache
from embias.cli._debias import add_debias
from embias.cli._list import add_list
from embias.cli._output import BAD_INPUT, INTERRUPTED, complain
from embias.errors import EmbiasError

__all__ = ["main"]

#: Options whose value is a list of whole numbers.
_LISTS = ("--layers", "--dims")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the program name; by default those of the process.

    Returns
    -------
    int
        0 done, 2 bad input (one line on standard error says what), 130 interrupted.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A terminal that lacks a character shows "?" instead of a traceback.
            stream.reconfigure(errors="replace")
    written: list[str] = []
    try:
        given = list(sys.argv[1:] if arguments is None else arguments)
        options = _parser().parse_args(_with_negative_numbers(given))
        options.written = written
        options.given = given
        run: Callable[[argparse.Namespace], int] = options.run
        return run(options)
    except EmbiasError as error:
        complain(f"error: {error}")
        return BAD_INPUT
    except KeyboardInterrupt:
        done = f"already written: {', '.join(written)}" if written else "nothing was written"
        complain(f"interrupted; {done}")
        return INTERRUPTED


def _with_negative_numbers(arguments: list[str]) -> list[str]:
    """Join an option with a list that begins with a minus, which argparse takes for an option."""
    joined: list[str] = []
    for argument in arguments:
        if joined and joined[-1] in _LISTS and re.fullmatch(r"-[0-9][-0-9,]*", argument):
            joined[-1] += f"={argument}"
        else:
            joined.append(argument)
    return joined


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="embias", description="Audit embeddings for social bias.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"embias {version()}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    add_audit(
        commands.add_parser("audit", help="run association tests on models", allow_abbrev=False)
    )
    add_debias(
        commands.add_parser(
            "debias", help="take a concept out of a model or word vectors", allow_abbrev=False
        )
    )
    add_list(commands.add_parser("list", help="show what there is", allow_abbrev=False))
    add_cache(commands.add_parser("cache", help="show or clear cached vectors", allow_abbrev=False))
    return parser
