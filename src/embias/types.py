"""What passes between the rooms: stimuli, encoder descriptions, the encoder protocol."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from embias.errors import InputError

__all__ = [
    "FROM_NGRAMS",
    "Encoder",
    "EncoderInfo",
    "EncoderKind",
    "FloatArray",
    "Image",
    "InContext",
    "Stimulus",
    "calibrated",
    "how_encoded",
    "why_missing",
]

FloatArray: TypeAlias = NDArray[np.floating[Any]]
#: What ``how_encoded`` says of a word outside the vocabulary whose vector is made from its parts.
FROM_NGRAMS = "from n-grams"

EncoderKind: TypeAlias = Literal["static", "sentence", "token", "image"]


@dataclass(frozen=True, slots=True)
class InContext:
    """One word at its place in a text.

    Parameters
    ----------
    text : str
        The whole text, as it is given to an encoder.
    start, stop : int
        Character offsets of the word in `text`: ``text[start:stop]`` is the word as it
        stands there.

    Raises
    ------
    InputError
        When the span is empty or lies outside the text.
    """

    text: str
    start: int
    stop: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.stop <= len(self.text):
            raise InputError(
                f"InContext: the span [{self.start}, {self.stop}) is not inside the text "
                f"{self.text!r} of {len(self.text)} characters; give 0 <= start < stop <= length"
            )

    @property
    def word(self) -> str:
        """The characters of the span."""
        return self.text[self.start : self.stop]


@dataclass(frozen=True, slots=True)
class Image:
    """A picture, told from others by the hash of its content and never by its name.

    Parameters
    ----------
    name : str
        What the picture is called in results; for a file, its path as given.
    digest : str
        ``"sha256:"`` and the hash (hex) of the file, or of all that makes up a Pillow image: mode,
        size, pixels, palette, transparency, orientation.
    source : pathlib.Path or PIL.Image.Image
        The file, or the picture itself.
    """

    name: str = field(compare=False)
    digest: str
    source: Any = field(compare=False, repr=False)

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Image:
        """Name a picture by its file, which is hashed now and opened when it is encoded.

        Raises
        ------
        InputError
            When there is no such regular file, or it cannot be read.
        """
        if not isinstance(path, str | os.PathLike):
            raise InputError(
                f"Image: a path must be a str or an os.PathLike, got {type(path).__name__}; give "
                "a path, or a Pillow image to Image.from_pillow"
            )
        file = Path(os.fsdecode(path))
        if not os.path.isfile(file):
            raise InputError(f"Image: {str(file)!r:.200}: no such file; check the path")
        try:
            with file.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            raise InputError(
                f"Image: {str(file)!r:.200} cannot be read ({error.strerror}); check its "
                "permissions"
            ) from error
        # The name stays as given; the file is found again from another working directory too.
        return cls(os.fsdecode(path), f"sha256:{digest}", file.absolute())

    @classmethod
    def from_pillow(cls, image: Any, *, name: str) -> Image:
        """Name a Pillow image; the pixels are copied, so that later changes do not reach it.

        Raises
        ------
        InputError
            When `image` is no Pillow image, or its file is damaged, or the name is blank.
        """
        if not all(hasattr(image, attribute) for attribute in ("tobytes", "size", "mode", "copy")):
            raise InputError(
                f"Image {name!r:.80}: expected a PIL.Image.Image, got {type(image).__name__}; open "
                "it with PIL.Image.open, or give the path to Image.from_file"
            )
        if not isinstance(name, str) or not name.strip():
            raise InputError(f"Image: the name of a picture is {name!r:.60}; give a text")
        try:
            own = image.copy()
            # A copy does not keep an orientation that was set by hand.
            turned = own.getexif()[0x0112] = image.getexif().get(0x0112, 1)
            # The same pixels look different in other colours or turned, and are other vectors.
            looks = (own.getpalette(), own.info.get("transparency"), turned)
            content = own.tobytes()
        except Exception as error:  # a file that is opened but not read yet may be damaged
            raise InputError(
                f"Image {name!r:.80}: the picture cannot be read ({type(error).__name__}: "
                f"{error!s:.80}); replace its file"
            ) from error
        head = f"{own.mode} {own.size}\n{looks}\n"
        return cls(name, f"sha256:{hashlib.sha256(head.encode() + content).hexdigest()}", own)


Stimulus: TypeAlias = str | InContext | Image


_TUPLES = ("modalities", "notes", "transforms")


@dataclass(frozen=True, slots=True)
class EncoderInfo:
    """Exactly how an encoder makes its vectors; goes into every result.

    Two encoders with equal info give equal vectors (up to rounding of the arithmetic), so the
    fields are what a cache key or a baseline comparison needs.

    Attributes
    ----------
    id : str
        The name under which the encoder appears in results.
    kind : {"static", "sentence", "token", "image"}
        ``static``: a table of word vectors; ``sentence``: one vector for a whole text (and, where
        `modalities` says so, for a picture); ``token``: the vector of one word inside its text;
        ``image``: one vector for a picture.
    dim : int
        Number of coordinates of a vector.
    weights : str or None
        Official name of the pretrained weights, where known (for example
        ``"word2vec-googlenews"``); published results are matched on it.
    revision : str or None
        What pins the weights: a commit, a package version, or a hash of the content.
    layer, pooling, special_tokens, prompt, truncate_dim, precision, normalized
        The extraction, where the notion applies, else None. `normalized` says whether the
        vectors come out with unit length.
    max_length : int or None
        Longest input in tokens, where there is a limit.
    long_inputs : str or None
        What is done to longer inputs: ``"error"``, ``"truncate"``, ``"window 256/128"`` (tokens
        in a window, tokens that neighbouring windows share).
    include_prompt : bool or None
        Whether the tokens of the prompt are in the pool.
    dtype : str or None
        Number type of the model's arithmetic; `precision` is that of the coordinates.
    backend : str or None
        What runs the model: ``"torch"``, ``"onnx"``, ``"openvino"``.
    tokenizer : str or None
        Hash of the tokenizer.
    ranges : str or None
        Hash of the ranges of a quantised `precision`.
    lookup : str or None
        How a word is looked up in a table, beyond exactly as written.
    preprocessing : str or None
        How pictures are resized, cropped and scaled.
    modalities : tuple of str
        What can be encoded: ``"text"``, ``"image"``.
    libraries : dict of str to str
        Versions of the libraries that computed the vectors.
    notes : tuple of str
        What a reader must know about these vectors (rows skipped in a file, for example).
    transforms : tuple of str
        Transforms applied after encoding, in order.
    """

    id: str
    kind: EncoderKind
    dim: int
    weights: str | None = None
    revision: str | None = None
    layer: str | None = None
    pooling: str | None = None
    special_tokens: bool | None = None
    prompt: str | None = None
    truncate_dim: int | None = None
    precision: str = "float32"
    normalized: bool | None = None
    max_length: int | None = None
    long_inputs: str | None = None
    include_prompt: bool | None = None
    dtype: str | None = None
    backend: str | None = None
    tokenizer: str | None = None
    ranges: str | None = None
    lookup: str | None = None
    preprocessing: str | None = None
    modalities: tuple[str, ...] = ("text",)
    libraries: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    transforms: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values that JSON can hold."""
        fields = asdict(self)
        for name in _TUPLES:
            fields[name] = list(fields[name])
        return fields

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> EncoderInfo:
        """Rebuild an info from :meth:`to_dict`."""
        values = dict(fields)
        return cls(**{**values, **{n: tuple(values[n]) for n in _TUPLES if n in values}})

    def fingerprint(self) -> str:
        """Return a sha256 (hex) of all fields: equal exactly when the infos are equal."""
        text = json.dumps(self.to_dict(), sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()


@runtime_checkable
class Encoder(Protocol):
    """What turns stimuli into vectors: the one interface that every model is put behind."""

    @property
    def info(self) -> EncoderInfo:
        """How the vectors are made."""
        ...

    def encode(self, items: Sequence[Stimulus], *, progress: bool = False) -> FloatArray:
        """Return one row per item, in order, shape ``(len(items), info.dim)``."""
        ...

    def missing(self, items: Sequence[Stimulus]) -> list[Stimulus]:
        """Return the items this encoder has no vector for, as written, each once."""
        ...


def why_missing(encoder: Encoder, item: Stimulus) -> str:
    """Return why an item that ``missing()`` returned has no vector.

    An encoder may know better than ``"no vector"``: it then has a method ``why_missing(item)``.
    """
    why = getattr(encoder, "why_missing", None)
    return "no vector" if why is None else str(why(item))


def how_encoded(encoder: Encoder, item: Stimulus) -> str:
    """Return what was done to an item beside encoding it, ``""`` for nothing.

    An encoder that does such things says so in a method ``how_encoded(item)``: ``"as 'Cat'
    (title)"`` (found in another form), :data:`FROM_NGRAMS` (not in the vocabulary), ``"3
    windows"``.
    """
    how = getattr(encoder, "how_encoded", None)
    return "" if how is None else str(how(item))


def calibrated(encoder: Encoder, items: Sequence[Stimulus]) -> Encoder:
    """Return the encoder fixed to the set of all items; most encoders do not depend on it.

    One that does (quantised ranges, say) has a method ``calibrate(items)``, which returns the
    fixed encoder; it is called once, before ``encode()``.
    """
    calibrate = getattr(encoder, "calibrate", None)
    if calibrate is None:
        return encoder
    fixed: Encoder = calibrate(items)
    return fixed
