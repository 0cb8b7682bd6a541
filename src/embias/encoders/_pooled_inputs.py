"""What is given to be pooled over contexts: checked, and hashed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from embias.encoders._items import quoted
from embias.encoders._keyed_rows import as_keys
from embias.encoders._precomputed_file import key_of
from embias.encoders._show import plain, shown
from embias.errors import InputError, did_you_mean
from embias.types import Encoder, EncoderInfo, InContext

__all__ = ["POOLINGS", "WHO", "as_contexts", "check_options", "counted", "digest_of"]

WHO = "pool_contexts"
POOLINGS = ("mean", "max", "min")


def check_options(encoder: Any, pooling: Any, sentence_vectors: Any) -> None:
    """Refuse an encoder of another kind than the one asked for, and wrong options."""
    if not isinstance(encoder, Encoder):
        raise InputError(
            f"{WHO}: encoder must be an Encoder, got {type(encoder).__name__}; make one first, "
            "with as_encoder for example"
        )
    if not isinstance(pooling, str) or pooling not in POOLINGS:
        raise InputError(f"{WHO}: pooling={shown(pooling)}; {did_you_mean(str(pooling), POOLINGS)}")
    if not isinstance(sentence_vectors, bool):
        raise InputError(
            f"{WHO}: sentence_vectors must be True or False, got {shown(sentence_vectors)}"
        )
    asked, kind = "sentence" if sentence_vectors else "token", encoder.info.kind
    if kind != asked:
        cure = (
            "leave sentence_vectors out"
            if kind == "token"
            else "give an encoder of words in context"
            + (" (or sentence_vectors=True, for those of sentences)" if kind == "sentence" else "")
        )
        raise InputError(
            f"{WHO}: {plain(encoder.info.id)} is of the kind {kind!r}, and vectors of the kind "
            f"{asked!r} were asked for; {cure}"
        )


def as_contexts(contexts: Any) -> dict[str, tuple[InContext, ...]]:
    """Return words and contexts, the latter as tuples."""
    if not isinstance(contexts, Mapping) or not contexts:
        raise InputError(
            f"{WHO}: contexts is {shown(contexts)}; give a dict of word to a list of InContext, "
            "as find_contexts returns it"
        )
    given = {}
    for word, listed in zip(as_keys(contexts, "static", WHO), contexts.values(), strict=True):
        if isinstance(listed, (str, bytes, InContext)) or not isinstance(listed, Iterable):
            raise InputError(
                f"{WHO}: the contexts of {shown(word)} are {shown(listed)}; give a list of "
                "InContext"
            )
        given[str(word)] = tuple(listed)
        wrong = [one for one in given[str(word)] if not isinstance(one, InContext)]
        if wrong:
            raise InputError(
                f"{WHO}: the contexts of {shown(word)} must be InContext, got {quoted(wrong)}; "
                "find_contexts makes them from sentences"
            )
    return given


def digest_of(
    inner: EncoderInfo,
    given: Mapping[str, Sequence[InContext]],
    pooling: str,
    least: int,
    sentence_vectors: bool,
) -> str:
    """Return a hash (hex) of all that the vectors depend on; the order of the words is not."""
    digest = hashlib.sha256(
        f"{inner.fingerprint()} {pooling} {least} {sentence_vectors}\n".encode("ascii")
    )
    for word in sorted(given):
        digest.update(f"{key_of(word)}\n".encode("ascii"))
        for key in sorted(key_of(context) for context in given[word]):
            digest.update(f"{key}\n".encode("ascii"))
    return digest.hexdigest()


def counted(count: int) -> str:
    """Return ``"1 context"``, ``"2 contexts"``."""
    return f"{count} context{'' if count == 1 else 's'}"
