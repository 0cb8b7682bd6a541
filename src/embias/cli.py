"""The command line: ``embias audit``, ``embias list`` and ``embias cache``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from embias._version import version
from embias.errors import EmbiasError, InputError

if TYPE_CHECKING:
    from embias.results import Audit
    from embias.stimuli import Suite

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
    written: list[str] = []
    try:
        options = _parser().parse_args(arguments)
        options.written = written
        options.given = list(sys.argv[1:] if arguments is None else arguments)
        run: Callable[[argparse.Namespace], int] = options.run
        return run(options)
    except EmbiasError as error:
        _complain(f"error: {error}")
        return _BAD_INPUT
    except KeyboardInterrupt:
        done = f"already written: {', '.join(written)}" if written else "nothing was written"
        _complain(f"interrupted; {done}")
        return _INTERRUPTED


def _complain(message: str) -> None:
    if sys.stderr is None:
        return
    from embias.report.phrasing import clean

    # One line, whatever a name in the message holds.
    print(f"embias: {clean(message)}", file=sys.stderr)


def _show(text: str) -> None:
    """Print, and let it be if nobody reads: the files of the run are what counts."""
    if sys.stdout is None:
        return
    try:
        print(text)
        sys.stdout.flush()
    except OSError as error:
        if not isinstance(error, BrokenPipeError):
            _complain(f"cannot write to the standard output: {error.strerror}")
        # What is left in the buffer would raise once more when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


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
    _add_cache(
        commands.add_parser("cache", help="show or clear cached vectors", allow_abbrev=False)
    )
    return parser


def _add_cache(cache: argparse.ArgumentParser) -> None:
    actions = cache.add_subparsers(title="actions", required=True, metavar="ACTION")
    info = actions.add_parser("info", help="show what is kept", allow_abbrev=False)
    info.set_defaults(run=_cache_info)
    clear = actions.add_parser("clear", help="remove vectors", allow_abbrev=False)
    clear.add_argument(
        "--encoder", metavar="NAME", help="only those of the encoders with this name in results"
    )
    clear.set_defaults(run=_cache_clear)
    path = actions.add_parser("path", help="show where the vectors are", allow_abbrev=False)
    path.set_defaults(run=_cache_path)
    for action in (info, clear, path):
        action.add_argument(
            "--dir",
            metavar="DIR",
            help="the folder; by default EMBIAS_CACHE, else the one of the system for caches",
        )


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
    audit.add_argument("--json", metavar="FILE", help="write all figures as JSON")
    audit.add_argument("--html", metavar="FILE", help="write a report for the browser")
    audit.add_argument("--seed", type=int, default=0, metavar="N", help="default: 0")
    audit.add_argument(
        "--alternative",
        choices=("greater", "less", "two-sided"),
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
    audit.add_argument(
        "--cache",
        nargs="?",
        const=True,
        metavar="DIR",
        help="keep the vectors of models in a folder and take from there what is kept; without "
        "DIR in the default folder (embias cache path)",
    )
    audit.set_defaults(run=_audit)


def _audit(options: argparse.Namespace) -> int:
    from embias.results import write_text

    _check_options(options)
    outputs = _check_outputs(options)
    audit = _run_audit(options)
    # All texts first: a missing package is then said before anything is written.
    texts = {
        path: audit.to_json() if kind == "json" else audit.to_html()
        for kind, path in outputs.items()
    }
    for path, text in texts.items():
        write_text(path, text)
        options.written.append(path)
    _show("\n".join([audit.to_text(), *(f"Wrote {path}" for path in texts)]))
    if any(result.status == "ok" for result in audit.results):
        return _DONE
    _complain("error: no test could be run; the reasons are above")
    return _BAD_INPUT


def _check_options(options: argparse.Namespace) -> None:
    if not 0 <= options.seed < 2**63:
        raise InputError(f"--seed {options.seed}: give a whole number from 0 to 2**63 - 1")
    if not 0 <= options.min_coverage <= 1:
        raise InputError(
            f"--min-coverage {options.min_coverage:g} is not a share; give a number from 0 to 1, "
            "such as 0.8"
        )
    _check_cache(options)
    from embias.stimuli import known_suites

    for model in options.models:
        if model in known_suites() and not os.path.exists(model):
            raise InputError(f"{model!r} is a suite, not a model; write --suite {model}")


def _check_cache(options: argparse.Namespace) -> None:
    """Refuse ``--cache MODEL``, in which the model would be taken for the folder."""
    folder = options.cache
    if not isinstance(folder, str) or f"--cache={folder}" in options.given:
        return
    from embias.encoders import known_encoders

    is_model = folder in known_encoders() or os.path.isfile(os.path.join(folder, "config.json"))
    if is_model or os.path.isfile(folder) or not options.models:
        raise InputError(
            f"--cache {folder}: is this the folder of the cache or a model to audit? For the "
            f"folder write --cache={folder}; a model goes before --cache"
        )


def _check_outputs(options: argparse.Namespace) -> dict[str, str]:
    """Return what is to be written where, after checking that it can be: before the work."""
    from embias.results import check_output

    outputs = {kind: getattr(options, kind) for kind in ("json", "html")}
    outputs = {kind: path for kind, path in outputs.items() if path is not None}
    inputs = {os.path.realpath(path): path for path in [*options.models, *(options.suite or [])]}
    taken: dict[Path, str] = {}
    for kind, path in outputs.items():
        target = check_output(path)
        if str(target) in inputs and target.exists():
            raise InputError(
                f"--{kind} {path} would overwrite the input {inputs[str(target)]!r}; name "
                "another file"
            )
        if target in taken:
            raise InputError(f"--json and --html name the same file, {path!r}; give two names")
        taken[target] = path
    return outputs


def _run_audit(options: argparse.Namespace) -> Audit:
    # Imported here, so that --help and errors in the arguments are immediate.
    import shlex
    from dataclasses import replace

    from embias.audit import audit_pairs, check_settings
    from embias.audit.inputs import as_suites

    settings = check_settings(
        alternative=options.alternative,
        min_coverage=options.min_coverage,
        published=options.published,
        rng=options.seed,
    )
    pairs = _pairs(options, as_suites(options.suite or ["weat"]))
    audit = audit_pairs(pairs, settings, cache=options.cache)
    command = shlex.join(["embias", *_without_outputs(options.given, options.cache)])
    return replace(audit, provenance=replace(audit.provenance, command=command))


def _pairs(options: argparse.Namespace, suites: list[Suite]) -> list[tuple[object, object]]:
    """Return which encoders go with which suites."""
    if not options.models:
        return [([suite.encoder or _DEFAULT_ENCODER], [suite]) for suite in suites]
    from embias.encoders import as_encoder

    names = [os.path.basename(os.path.normpath(model)) for model in options.models]
    # Files of one name in two folders are told apart by their paths.
    return [
        (
            [
                as_encoder(model, id=model, cache=options.cache)
                if names.count(name) > 1 and os.path.exists(model)
                else model
                for model, name in zip(options.models, names, strict=True)
            ],
            suites,
        )
    ]


def _without_outputs(arguments: list[str], cache: str | bool | None = None) -> list[str]:
    """Return the arguments that decide the figures, for the report's "run it again"."""
    kept: list[str] = []
    skip = False
    for argument in arguments:
        if skip or argument.startswith(("--json=", "--html=", "--cache=")):
            skip = False
        elif argument in ("--json", "--html", "--cache"):
            skip = argument != "--cache" or isinstance(cache, str)
        else:
            kept.append(argument)
    return kept


def _list(options: argparse.Namespace) -> int:
    from embias.encoders import known_encoders
    from embias.metrics import METRICS
    from embias.stimuli import known_suites

    if options.what == "metrics":
        _show("\n".join(card.to_text() for card in METRICS.values()))
        return _DONE
    rows = known_suites() if options.what == "suites" else known_encoders()
    width = max(map(len, rows))
    _show("\n".join(f"{name:<{width}}  {title}" for name, title in rows.items()))
    return _DONE


def _cache_info(options: argparse.Namespace) -> int:
    from embias.encoders.cache import cache_info

    _show(cache_info(options.dir).to_text())
    return _DONE


def _cache_clear(options: argparse.Namespace) -> int:
    from embias.encoders.cache import clear_cache

    _show(f"Removed:\n{clear_cache(options.dir, encoder=options.encoder).to_text()}")
    return _DONE


def _cache_path(options: argparse.Namespace) -> int:
    from embias.encoders.cache import cache_directory

    _show(str(cache_directory(options.dir)))
    return _DONE
