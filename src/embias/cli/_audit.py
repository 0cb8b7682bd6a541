"""``embias audit``: association tests on models."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from embias.cli._output import BAD_INPUT, DONE, complain, show
from embias.errors import InputError

if TYPE_CHECKING:
    from embias.results import Audit
    from embias.stimuli import Suite
    from embias.types import Encoder

__all__ = ["add_audit"]

#: What is audited when neither a model nor the suite names an encoder.
_DEFAULT_ENCODER = "word2vec-googlenews-extract"


def add_audit(audit: argparse.ArgumentParser) -> None:
    """Describe the arguments."""
    audit.add_argument(
        "models",
        nargs="*",
        metavar="MODEL",
        help="a known id (embias list encoders), a file of word vectors, a folder or hub id of a "
        "model; by default what the suite names",
    )
    audit.add_argument(
        "--suite",
        action="append",
        metavar="NAME|FILE",
        help="a suite (embias list suites) or a .toml file of your own; may be repeated; "
        "default: weat",
    )
    audit.add_argument(
        "--metric",
        action="append",
        metavar="NAME",
        help="a metric (embias list metrics); may be repeated; default: weat",
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
    audit.add_argument(
        "--lookup",
        metavar="RULES",
        help="other forms in which a word is looked for in word vectors, separated by commas: "
        "lower, upper, title, underscore, unaccented, unicode, mean, prefix=TEXT; what was done "
        "is recorded for every word; default: exact",
    )
    _add_sweep(audit.add_argument_group("layers, poolings and dimensions of transformers models"))
    audit.set_defaults(run=_audit)


def _add_sweep(sweep: argparse._ArgumentGroup) -> None:
    sweep.add_argument(
        "--layers",
        metavar="LIST",
        help="all, or numbers separated by commas (0: embeddings, -1: the last)",
    )
    sweep.add_argument(
        "--poolings",
        metavar="LIST",
        help="of cls, mean, max, last, weighted-mean; at the word level of first, last, mean",
    )
    sweep.add_argument("--dims", metavar="LIST", help="first coordinates to keep, such as 64,128")
    sweep.add_argument(
        "--level",
        choices=("sentence", "word"),
        default="sentence",
        help="vectors of whole texts (default), or of the word in its sentence",
    )


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
    show("\n".join([audit.to_text(), *(f"Wrote {path}" for path in texts)]))
    if any(result.status == "ok" for result in audit.results):
        return DONE
    complain("error: no test could be run; the reasons are above")
    return BAD_INPUT


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
        if options.models.count(model) > 1:
            raise InputError(f"{model!r:.200} is named twice; name each model once")
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
        metrics=options.metric or ["weat"],
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
        defaults = [(suite.encoder or _DEFAULT_ENCODER, suite) for suite in suites]
        return [(_opened([name], options), [suite]) for name, suite in defaults]
    return [(_opened(options.models, options), suites)]


def _opened(models: list[str], options: argparse.Namespace) -> list[object]:
    """Return encoders, or the names of those that need no option."""
    from embias.encoders import LookupPolicy, as_encoder

    lookup = None if options.lookup is None else LookupPolicy.parse(options.lookup)
    chosen = (options.layers, options.poolings, options.dims)
    swept = options.level == "word" or any(choice is not None for choice in chosen)
    names = [os.path.basename(os.path.normpath(model)) for model in models]
    opened: list[object] = []
    for model, name in zip(models, names, strict=True):
        # Models of one name in two folders are told apart by their paths.
        id = model if names.count(name) > 1 and os.path.exists(model) else None
        if lookup is not None or (id is not None and not swept):
            given: object = as_encoder(model, id=id, cache=options.cache, lookup=lookup)
        else:
            given = model
        opened += _readings(given, id, options) if swept else [given]
    return opened


def _readings(model: object, id: str | None, options: argparse.Namespace) -> list[Encoder]:
    from embias.audit import readings
    from embias.encoders import TransformerEncoder

    layers = _layers(options.layers, options.level)
    poolings = None
    if options.poolings is not None:
        poolings = [part.strip() for part in options.poolings.split(",")]
    if id is not None and (layers or poolings):
        model = TransformerEncoder(model, id=id, level=options.level)
    return readings(
        model,
        layers=layers,
        poolings=poolings,
        dims=None if options.dims is None else _numbers("--dims", options.dims),
        level=options.level,
    )


def _layers(text: str | None, level: str) -> list[int] | Literal["all"] | None:
    if text is None:
        return [-1] if level == "word" else None
    return "all" if text == "all" else _numbers("--layers", text)


def _numbers(option: str, text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError as error:
        raise InputError(
            f"{option} {text}: give whole numbers separated by commas, such as "
            f"{'1,6,12' if option == '--layers' else '64,128'}"
        ) from error


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
