"""One audit over many ways of reading vectors out of one model."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, TypeAlias, TypeVar, cast

import numpy as np

from embias.audit.inputs import Settings, SuiteLike, check_settings
from embias.audit.run import audit_pairs
from embias.encoders import TransformerEncoder, TruncatedEncoder, as_encoder, known_encoders
from embias.errors import InputError
from embias.results import Audit
from embias.stats.inputs import check_choice
from embias.types import (
    Encoder,
    EncoderInfo,
    FloatArray,
    Stimulus,
    calibrated,
    how_encoded,
    why_missing,
)

__all__ = ["readings", "sweep"]

Value = TypeVar("Value")
Layers: TypeAlias = Literal["all"] | Sequence[int | Sequence[int]]


def sweep(
    model: object,
    suite: SuiteLike | Sequence[SuiteLike],
    *,
    layers: Layers | None = None,
    poolings: Sequence[str] | None = None,
    dims: Sequence[int | None] | None = None,
    level: Literal["sentence", "word"] = "sentence",
    settings: Settings | None = None,
    progress: bool | None = None,
) -> Audit:
    """Audit one model across layers, poolings and dimensions.

    Each distinct text goes through the model once, however many combinations there are. What is
    swept is a choice of the reader and not of the model: the figures of a sweep show how far a
    result depends on it, and the largest of them is no finding of its own (the adjusted p-values
    correct for the tests of a suite, not for the choice among combinations).

    Parameters
    ----------
    model : TransformerEncoder, Encoder, name, folder or (tokenizer, model)
        A name or a folder is read as a transformers model when `layers` or `poolings` are given,
        else as :func:`embias.as_encoder` reads it.
    suite : Suite, AssociationTest, str or path, or a list or tuple of them
        As for :func:`embias.audit`.
    layers : "all" or sequence, optional
        Numbers (0 is the embedding layer, -1 the last one), or lists of them for their mean.
    poolings : sequence of str, optional
        Poolings of :class:`~embias.encoders.TransformerEncoder`: at the sentence level "cls",
        "mean", "max", "last", "weighted-mean"; at the word level "first", "last", "mean".
    dims : sequence of int or None, optional
        First coordinates to keep (:class:`~embias.encoders.TruncatedEncoder`); None: all.
    level : {"sentence", "word"}
        Vectors of the whole text, or of the word in it. Only where the model is opened here.
    settings : Settings, optional
        :func:`embias.audit.check_settings` makes them from the other arguments of an audit.
    progress : bool, optional
        See :func:`embias.audit`.

    Returns
    -------
    Audit
        One encoder per combination; ``plot("heatmap")`` shows tests by combinations.

    Raises
    ------
    InputError
        When nothing is swept, something is listed twice, or a layer, pooling or dimension does
        not exist.
    """
    encoders = readings(model, layers=layers, poolings=poolings, dims=dims, level=level)
    return audit_pairs([(encoders, suite)], settings or check_settings(), progress=progress)


def readings(
    model: object,
    *,
    layers: Layers | None = None,
    poolings: Sequence[str] | None = None,
    dims: Sequence[int | None] | None = None,
    level: Literal["sentence", "word"] = "sentence",
) -> list[Encoder]:
    """Return the encoders of a sweep, which share one pass through the model.

    Parameters
    ----------
    model, layers, poolings, dims, level
        As for :func:`sweep`.

    Returns
    -------
    list of Encoder
        One for each combination; all keep the vectors of what they were asked for.
    """
    if layers is None and poolings is None and dims is None:
        raise InputError("sweep: nothing to sweep; give layers=, poolings= or dims=")
    check_choice("level", level, ("sentence", "word"))
    encoders = _by_layer_and_pooling(model, layers, poolings, level)
    return encoders if dims is None else _by_dim(encoders, dims)


def _by_layer_and_pooling(
    model: object, layers: Layers | None, poolings: Sequence[str] | None, level: str
) -> list[Encoder]:
    if layers is None and poolings is None and (level == "sentence" or isinstance(model, Encoder)):
        return [as_encoder(model)]
    opened = model if isinstance(model, TransformerEncoder) else _transformer(model, level)
    listed = _listed("poolings", poolings) if poolings is not None else None
    chosen = _layers(opened, layers) if layers is not None else None
    return cast(list[Encoder], opened.variants(layers=chosen, poolings=listed))


def _transformer(model: object, level: str) -> TransformerEncoder:
    if isinstance(model, Encoder):
        raise InputError(
            f"sweep: {model.info.id!r} is no TransformerEncoder, so its layers and poolings cannot "
            "be chosen; give a TransformerEncoder, the model's folder, or only dims="
        )
    if isinstance(model, str | os.PathLike) and _is_table(model):
        raise InputError(
            f"sweep: {os.fspath(model)!r:.200} is a table of word vectors: it has no layers, no "
            "poolings and no words in sentences; give only dims="
        )
    return TransformerEncoder(model, level=level)  # type: ignore[arg-type]


def _is_table(name: str | os.PathLike[str]) -> bool:
    embedded = isinstance(name, str) and name in known_encoders() and name != "minilm"
    return embedded or os.path.isfile(name)


def _layers(encoder: TransformerEncoder, layers: Layers) -> list[Any]:
    if isinstance(layers, str):
        if layers != "all":
            raise InputError(f"sweep: layers={layers!r}; give 'all' or a list of whole numbers")
        return list(range(encoder.n_layers + 1))
    return _listed("layers", layers)


def _listed(name: str, values: Iterable[Value]) -> list[Value]:
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise InputError(f"sweep: {name}={values!r}; give a list")
    listed = [_plain(value) for value in values]
    if not listed or len(set(listed)) < len(listed):
        raise InputError(f"sweep: {name}={listed!r:.80}; give at least one, each once")
    return listed


def _plain(value: Any) -> Any:
    """Return numbers of numpy as those of Python, and lists as tuples, which can be compared."""
    if isinstance(value, list | tuple | np.ndarray):
        return tuple(_plain(entry) for entry in value)
    return value.item() if isinstance(value, np.integer) else value


def _by_dim(encoders: Sequence[Encoder], dims: Sequence[int | None]) -> list[Encoder]:
    listed = _listed("dims", dims)
    cut: list[Encoder] = []
    for encoder in encoders:
        whole = _Remembering(encoder)
        cut += [whole if dim is None else TruncatedEncoder(whole, dim) for dim in listed]
    return cut


class _Remembering:
    """An encoder that is asked once for every item, however many encoders are cut from it."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._rows: dict[Stimulus, FloatArray] = {}
        self._changed: dict[str, _Remembering] = {}

    @property
    def info(self) -> EncoderInfo:
        return self._encoder.info

    def encode(self, items: Sequence[Stimulus], *, progress: bool = False) -> FloatArray:
        new = [item for item in dict.fromkeys(items) if item not in self._rows]
        if new:
            self._rows.update(zip(new, self._encoder.encode(new, progress=progress), strict=True))
        if not items:
            return np.empty((0, self.info.dim), dtype=np.float32)
        return np.stack([self._rows[item] for item in items])

    def missing(self, items: Sequence[Stimulus]) -> list[Stimulus]:
        return self._encoder.missing(items)

    def why_missing(self, item: Stimulus) -> str:
        return why_missing(self._encoder, item)

    def how_encoded(self, item: Stimulus) -> str:
        return how_encoded(self._encoder, item)

    def calibrate(self, items: Sequence[Stimulus]) -> _Remembering:
        return self._once("calibrated", lambda: calibrated(self._encoder, items))

    def rewrapped(self, wrap: Callable[[Encoder], Encoder]) -> _Remembering:
        return self._once("wrapped", lambda: wrap(self._encoder))

    def _once(self, change: str, make: Callable[[], Encoder]) -> _Remembering:
        # All that are cut from this one go over to the same encoder.
        if change not in self._changed:
            inner = make()
            self._changed[change] = self if inner is self._encoder else _Remembering(inner)
        return self._changed[change]
