"""``embias debias``: a concept taken out of a model or of word vectors, and saved."""

from __future__ import annotations

import argparse
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embias.cli._output import DONE, show
from embias.errors import InputError, OutputError

if TYPE_CHECKING:
    from embias.audit import Removal
    from embias.stimuli import Concept
    from embias.types import FloatArray

__all__ = ["add_debias"]

_SUFFIXES = {
    ".bin": "word2vec-binary",
    ".txt": "word2vec",
    ".vec": "word2vec",
    ".w2v": "word2vec",
    ".glove": "glove",
}
_BLOCK = 8192


def add_debias(debias: argparse.ArgumentParser) -> None:
    """Describe the arguments."""
    debias.add_argument(
        "model",
        metavar="MODEL",
        help="a known id (embias list encoders), a file of word vectors, a folder or hub id of a "
        "sentence-transformers model",
    )
    debias.add_argument(
        "--method", required=True, metavar="NAME", help="a transform (embias list transforms)"
    )
    debias.add_argument(
        "--concept",
        required=True,
        metavar="NAME|FILE",
        help="what to remove (embias list concepts), or a .toml file of your own",
    )
    debias.add_argument(
        "--save",
        required=True,
        metavar="PATH",
        help="the folder of the new model, or the file of the new word vectors",
    )
    debias.add_argument(
        "--strength",
        type=float,
        metavar="SHARE",
        help="from 0 (nothing) to 1 (all); only 1 has a guarantee; default: that of the method",
    )
    debias.add_argument(
        "--position",
        choices=("end", "before-normalize"),
        help="where the map goes in a model that ends in a Normalize module: after it, so that "
        "vectors no longer have unit length, or before it, which breaks the guarantee of erasure",
    )
    debias.add_argument(
        "--renormalize",
        action="store_true",
        help="with --position end: scale to unit length after the map too (breaks the guarantee)",
    )
    debias.add_argument(
        "--format",
        choices=("word2vec", "word2vec-binary", "glove"),
        help="of the file of word vectors; default: by the suffix (.txt .vec: word2vec text, "
        ".bin: binary, .glove: GloVe text)",
    )
    debias.add_argument("--seed", type=int, default=0, metavar="N", help="default: 0")
    debias.add_argument("--overwrite", action="store_true", help="replace what is there")
    debias.set_defaults(run=_debias)


def _debias(options: argparse.Namespace) -> int:
    _check_numbers(options)
    # Names are checked before a model is loaded.
    from embias.stimuli import load_concept
    from embias.transforms import get_transform

    get_transform(options.method)
    concept = load_concept(options.concept)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        text, written = _run(options, concept)
    options.written.append(written)
    show("\n".join([text, *_notes(caught), f"Wrote {written}"]))
    return DONE


def _check_numbers(options: argparse.Namespace) -> None:
    if options.strength is not None and not 0 <= options.strength <= 1:
        raise InputError(f"--strength {options.strength:g}: give a number from 0 to 1")
    if not 0 <= options.seed < 2**63:
        raise InputError(f"--seed {options.seed}: give a whole number from 0 to 2**63 - 1")


def _notes(caught: list[warnings.WarningMessage]) -> list[str]:
    """Return the remarks of transforms as lines; other warnings go where they went."""
    from embias.transforms import TransformWarning

    notes = []
    for each in caught:
        if issubclass(each.category, TransformWarning):
            notes.append(f"Note: {each.message}")
        else:
            warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)
    return list(dict.fromkeys(notes))


def _run(options: argparse.Namespace, concept: Concept) -> tuple[str, str]:
    from embias.encoders import (
        SentenceTransformerEncoder,
        StaticEncoder,
        VectorFileEncoder,
        as_encoder,
    )

    encoder = as_encoder(options.model)
    if isinstance(encoder, SentenceTransformerEncoder):
        return _debias_model(options, concept, encoder)
    if isinstance(encoder, VectorFileEncoder):
        encoder = StaticEncoder.from_file(options.model)
    if isinstance(encoder, StaticEncoder):
        return _debias_words(options, concept, encoder)
    raise InputError(
        f"{options.model!r:.200} opens as a {type(encoder).__name__}, which cannot be saved with a "
        "map in it: give a sentence-transformers model, or a file of word vectors with a row for "
        "each word"
    )


def _debias_model(options: argparse.Namespace, concept: Concept, encoder: Any) -> tuple[str, str]:
    from embias.audit import remove_concept
    from embias.encoders import SentenceTransformerEncoder
    from embias.report.removal import removal_markdown, removal_text
    from embias.transforms.export import model_before, to_sentence_transformer

    if options.format is not None:
        raise InputError(f"--format is for word vectors, and {options.model!r:.200} is a model")
    _check_folder(options)
    _check_position(options, encoder)
    model = encoder.model
    fitted = SentenceTransformerEncoder(
        model_before(model, options.position),
        id=encoder.info.id,
        weights=encoder.info.weights,
        revision=encoder.info.revision,
    )
    unit = options.renormalize or options.position == "before-normalize"
    removal = remove_concept(
        fitted,
        concept,
        options.method,
        strength=options.strength,
        finish=_finish(model.truncate_dim, unit),
        rng=options.seed,
    )
    to_sentence_transformer(
        encoder,
        removal.transform,
        options.save,
        position=options.position,
        renormalize=options.renormalize,
        concept=f"{concept.name} {concept.version} (sha256 {concept.sha256[:16]})",
        report=removal_markdown(removal),
        overwrite=options.overwrite,
    )
    return removal_text(removal, encoder.info.id), options.save


def _check_position(options: argparse.Namespace, encoder: Any) -> None:
    if encoder.info.normalized and options.position is None:
        raise InputError(
            f"{options.model!r:.200} ends in a Normalize module: give --position end (vectors no "
            "longer have unit length then) or --position before-normalize (the scaling after the "
            "map breaks the guarantee of an erasure)"
        )


def _check_folder(options: argparse.Namespace) -> None:
    from embias.transforms.export import check_folder

    check_folder(options.save, overwrite=options.overwrite, cure="--overwrite")
    if not os.path.isdir(options.model):
        return
    model, target = (Path(os.path.realpath(path)) for path in (options.model, options.save))
    if model == target:
        raise OutputError(f"--save {options.save} is the model itself; name another folder")
    if model in target.parents or target in model.parents:
        raise OutputError(
            f"--save {options.save}: one of it and the model's folder {options.model} is inside "
            "the other; name a folder elsewhere"
        )


def _finish(dim: int | None, unit: bool) -> Any:
    """Return what the saved model does to vectors after the map, None where it does nothing."""
    if dim is None and not unit:
        return None

    def finish(rows: FloatArray) -> FloatArray:
        import numpy as np

        if unit:
            rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return rows[:, :dim]

    return finish


def _debias_words(options: argparse.Namespace, concept: Concept, encoder: Any) -> tuple[str, str]:
    from embias.audit import remove_concept
    from embias.encoders import save_word_vectors
    from embias.encoders.vector_writer import check_words
    from embias.report.removal import removal_text

    if options.position is not None or options.renormalize:
        raise InputError("--position and --renormalize are for sentence models, not word vectors")
    format = _format(options)
    _check_file(options)
    check_words(encoder.words)
    removal = remove_concept(
        encoder, concept, options.method, strength=options.strength, rng=options.seed
    )
    blocks = _blocks(removal, encoder.words, encoder.vectors)
    save_word_vectors(encoder.words, blocks, options.save, format=format)
    return removal_text(removal, encoder.info.id), options.save


def _format(options: argparse.Namespace) -> Any:
    if options.format is not None:
        return options.format
    suffix = Path(options.save).suffix.lower()
    if suffix not in _SUFFIXES:
        raise InputError(
            f"--save {options.save}: the suffix {suffix!r} says no format of word vectors; give "
            f"one of {' '.join(_SUFFIXES)}, or --format"
        )
    return _SUFFIXES[suffix]


def _check_file(options: argparse.Namespace) -> None:
    from embias.results import check_output

    target = check_output(options.save)
    inputs = [os.path.realpath(path) for path in (options.model, options.concept)]
    if target.exists() and str(target) in inputs:
        raise OutputError(f"--save {options.save} is the input itself; name another file")
    if target.exists() and not options.overwrite:
        raise OutputError(f"--save {options.save}: is there already; --overwrite replaces it")


def _blocks(removal: Removal, words: Any, vectors: FloatArray) -> Iterator[FloatArray]:
    """Yield the transformed vocabulary piece by piece, so that it is in memory once."""
    from embias.audit.method_fitting import transformed

    for start in range(0, len(words), _BLOCK):
        stop = start + _BLOCK
        yield transformed(removal.transform, vectors[start:stop], words[start:stop])
