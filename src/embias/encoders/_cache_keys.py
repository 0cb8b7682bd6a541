"""What a cached vector is found by: the encoder that made it and the content of the item."""

from __future__ import annotations

import hashlib

from embias.encoders._show import plain
from embias.errors import InputError
from embias.types import EncoderInfo, Image, InContext, Stimulus

__all__ = ["KEY_BYTES", "UNPINNED", "encoder_key", "item_key", "refuse_without_identity"]

KEY_BYTES = 32

#: Ends the description of a transform of which nothing says what it computes.
UNPINNED = "(unpinned)"


def item_key(item: Stimulus) -> bytes:
    """Return 32 bytes that stand for the content of an item.

    The text counts exactly as it is given to the model, not normalised; a word in context is
    another item than its text; a picture is its content and not its name.
    """
    # No kind can be written so that it reads as another: the first byte string tells them apart,
    # and what follows it has a fixed form.
    if isinstance(item, InContext):
        content = b"span\0%d %d\0" % (item.start, item.stop) + _bytes(item.text)
    elif isinstance(item, Image):
        content = b"image\0" + _bytes(item.digest)
    else:
        content = b"text\0" + _bytes(item)
    return hashlib.sha256(content).digest()


def _bytes(text: str) -> bytes:
    # A lone surrogate is a character like another here: two such texts are two items.
    return text.encode("utf-8", "surrogatepass")


def encoder_key(info: EncoderInfo, pin: str | None = None) -> str:
    """Return the name of the folder for the vectors of an encoder: 64 hex digits.

    Parameters
    ----------
    info : EncoderInfo
        Every field counts, also the versions of the libraries.
    pin : str, optional
        What is known of the weights beyond ``info.revision``.
    """
    fingerprint = info.fingerprint()
    if pin is None:
        return fingerprint
    return hashlib.sha256(f"{fingerprint}\n{pin}".encode()).hexdigest()


def refuse_without_identity(info: EncoderInfo) -> None:
    """Refuse an encoder of which nothing says that it is the same one tomorrow."""
    who = plain(info.id)
    if info.revision is None:
        raise InputError(
            f"{who}: nothing pins its vectors (its info has no revision), so a cache could hand "
            "out those of another model; give revision= where the encoder is made, such as "
            "CallableEncoder(fn, id=..., revision='2024-05-01')"
        )
    loose = [text for text in info.transforms if text.endswith(UNPINNED)]
    if loose:
        raise InputError(
            f"{who}: nothing pins what the transform {plain(loose[0])} computes, so its vectors "
            "cannot be kept; give TransformedEncoder(encoder, transform, revision='...'), or put "
            "the cache before it: encoder.cached() | transform"
        )
