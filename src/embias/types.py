"""What passes between the rooms: stimuli, encoder descriptions, the encoder protocol."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from embias.errors import InputError

__all__ = ["Encoder", "EncoderInfo", "EncoderKind", "FloatArray", "InContext", "Stimulus"]

FloatArray: TypeAlias = NDArray[np.floating[Any]]
EncoderKind: TypeAlias = Literal["static", "sentence", "token"]


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


Stimulus: TypeAlias = str | InContext


@dataclass(frozen=True, slots=True)
class EncoderInfo:
    """Exactly how an encoder makes its vectors; goes into every result.

    Two encoders with equal info give equal vectors (up to rounding of the arithmetic), so the
    fields are what a cache key or a baseline comparison needs.

    Attributes
    ----------
    id : str
        The name under which the encoder appears in results.
    kind : {"static", "sentence", "token"}
        ``static``: a table of word vectors; ``sentence``: one vector for a whole text;
        ``token``: the vector of one word inside its text.
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
    libraries: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    transforms: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values that JSON can hold."""
        fields = asdict(self)
        fields["notes"] = list(self.notes)
        fields["transforms"] = list(self.transforms)
        return fields

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> EncoderInfo:
        """Rebuild an info from :meth:`to_dict`."""
        values = dict(fields)
        values["notes"] = tuple(values.get("notes", ()))
        values["transforms"] = tuple(values.get("transforms", ()))
        return cls(**values)

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
