"""The command line: ``embias audit`` and ``embias list``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import get_args

from embias._version import version
from embias.errors import EmbiasError, InputError, OutputError
from embias.results import Alternative, Audit

__all__ = ["main"]

#: What is audited when neither a model nor the suite names an encoder.
_DEFAULT_ENCODER = "word2vec-googlenews-extract"

_DONE, _BAD_INPUT, _INTERRUPTED = 0, 2, 130


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
    options = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        status = run(options)
        sys.stdout.flush()
        return status
    except EmbiasError as error:
        print(f"embias: error: {error}", file=sys.stderr)
        return _BAD_INPUT
    except BrokenPipeError:
        # The reader (head, less) has gone; nothing more can be said to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _DONE
    except KeyboardInterrupt:
        print("embias: interrupted; nothing was written", file=sys.stderr)
        return _INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="embias", description="Audit embeddings for social bias.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"embias {version()}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_audit(
        commands.add_parser("audit", help="run association tests on models", allow_abbrev=False)
    )
    listing = commands.add_parser("list", help="show what there is", allow_abbrev=False)
    listing.add_argument("what", choices=("suites", "encoders", "metrics"))
    listing.set_defaults(run=_list)
    return parser


def _add_audit(audit: argparse.ArgumentParser) -> None:
    audit.add_argument(
        "models",
        nargs="*",
        metavar="MODEL",
        help="a known id (embias list encoders), a file of word vectors, a folder or hub id of a "
        "sentence-transformers model; by default what the suite names",
    )
    audit.add_argument(
        "--suite",
        action="append",
        metavar="NAME|FILE",
        help="a suite (embias list suites) or a .toml file of your own; may be repeated; "
        "default: weat",
    )
    audit.add_argument("--json", type=Path, metavar="FILE", help="write all figures as JSON")
    audit.add_argument("--html", type=Path, metavar="FILE", help="write a report for the browser")
    audit.add_argument("--seed", type=int, default=0, metavar="N", help="default: 0")
    audit.add_argument(
        "--alternative",
        choices=get_args(Alternative),
        default="greater",
        help="default: greater (X goes with A more than Y does), as published",
    )
    audit.add_argument(
        "--min-coverage",
        type=float,
        default=0.8,
        metavar="SHARE",
        help="share of each word set that must have a vector; default: 0.8",
    )
    audit.add_argument(
        "--published",
        metavar="WEIGHTS",
        help="compare with the figures published for these weights, such as glove-840b",
    )
    audit.set_defaults(run=_audit)


def _audit(options: argparse.Namespace) -> int:
    outputs = [path for path in (options.json, options.html) if path is not None]
    if len({path.absolute() for path in outputs}) < len(outputs):
        raise InputError(f"--json and --html name the same file, {str(options.json)!r}")
    for path in outputs:
        # Before the work, not after it.
        _check_writable(path)
    audit = _run_audit(options)
    texts = {}
    if options.json is not None:
        texts[options.json] = audit.to_json()
    if options.html is not None:
        texts[options.html] = audit.to_html()
    print(audit.to_text())
    from embias.results.audit import write_text

    for path, text in texts.items():
        write_text(path, text)
        print(f"Wrote {path}")
    if any(result.status == "ok" for result in audit.results):
        return _DONE
    print("embias: error: no test could be run; the reasons are above", file=sys.stderr)
    return _BAD_INPUT


def _run_audit(options: argparse.Namespace) -> Audit:
    # Imported here, so that --help and errors in the arguments are immediate.
    from embias.audit import audit
    from embias.stimuli import load_suite

    suites = [load_suite(name) for name in options.suite or ["weat"]]
    pairs = (
        [(options.models, suites)]
        if options.models
        else [([suite.encoder or _DEFAULT_ENCODER], [suite]) for suite in suites]
    )
    parts = [
        audit(
            models,
            asked,
            alternative=options.alternative,
            min_coverage=options.min_coverage,
            published=options.published,
            rng=options.seed,
        )
        for models, asked in pairs
    ]
    return parts[0].merge(*parts[1:])


def _check_writable(path: Path) -> None:
    folder = path.absolute().parent
    if path.is_dir():
        raise OutputError(f"cannot write {str(path)!r}: it is a folder; name a file in it")
    if not folder.is_dir():
        raise OutputError(
            f"cannot write {str(path)!r}: the folder {str(folder)!r} is not there; make it first"
        )
    if not os.access(folder, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
        raise OutputError(f"cannot write {str(path)!r}: no permission; choose another folder")


def _list(options: argparse.Namespace) -> int:
    from embias.encoders import known_encoders
    from embias.metrics import METRICS
    from embias.stimuli import known_suites

    if options.what == "metrics":
        for card in METRICS.values():
            print(
                f"{card.name}\n"
                f"  measures   {card.measures}\n"
                f"  formula    {card.formula}\n"
                f"  range      {card.value_range}\n"
                f"  no bias    {card.no_bias}\n"
                f"  direction  {card.direction}\n"
                f"  p-value    {card.pvalue}\n"
                f"  caveats    {card.caveats}\n"
                f"  paper      {card.paper}"
            )
        return _DONE
    rows = known_suites() if options.what == "suites" else known_encoders()
    width = max(map(len, rows))
    for name, title in rows.items():
        print(f"{name:<{width}}  {title}")
    return _DONE
