"""Vectors as a quantised index stores them, from any encoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from embias.encoders._compose import Composable
from embias.encoders._guards import ask_guards
from embias.encoders._items import as_items, check_rows, unique
from embias.encoders._numbers import as_real
from embias.encoders._options import as_id
from embias.encoders._show import plain, shown
from embias.errors import InputError, did_you_mean
from embias.geometry import quantize
from embias.types import Encoder, EncoderInfo, Stimulus, calibrated, how_encoded, why_missing

__all__ = ["QuantizedEncoder"]

_PRECISIONS = ("int8", "binary")
_VALUES = ("codes", "dequantised")
_ENOUGH = 100  # below that many items sentence-transformers calls int8 ranges unstable


class QuantizedEncoder(Composable):
    """Another encoder's vectors, rounded to 8 bits or 1 bit per dimension.

    ``int8``: with the smallest and largest value of each dimension, ``(min, max)``, and
    ``step = (max - min) / 255`` (1 where that is 0), a coordinate x becomes the code
    ``floor((x - min) / step) - 128``, from -128 to 127; values outside the range get the code at
    its end. The ranges are taken once, over all items (:meth:`calibrate`) or from `ranges`:
    ranges of each batch, as ``SentenceTransformer.encode(precision="int8")`` takes them, would
    give the same text other codes in other company. ``binary``: 1 where x > 0, else -1; the
    cosine is then 1 - 2 h / d with h the number of dimensions that differ (Hamming distance).

    Parameters
    ----------
    encoder : Encoder
        Whose vectors are rounded (from float32).
    precision : {"int8", "binary"}
        Bits per dimension.
    values : {"codes", "dequantised"}
        For ``int8``: the codes themselves, whose cosines are what an index of codes computes
        (each dimension is shifted by its own offset), or ``(code + 128) step + min``, which are
        again coordinates of the original space.
    ranges : array_like, shape (2, d), optional
        For ``int8``: smallest and largest values of a calibration set.
    id : str, optional
        The name in results; by default that of `encoder`. An audit that compares both needs two.

    Raises
    ------
    InputError
        When an option breaks its rule, or `encoder` is quantised already.
    VectorError
        When `ranges` are not finite, not ordered or of another shape.

    Notes
    -----
    The same as ``sentence_transformers.quantize_embeddings`` with these ranges; its packed bits
    are unpacked here, and the bits that fill the last byte are left out.
    """

    def __init__(
        self,
        encoder: Encoder,
        precision: Literal["int8", "binary"],
        *,
        values: Literal["codes", "dequantised"] = "codes",
        ranges: Any = None,
        id: str | None = None,
    ) -> None:
        self._set_up(encoder, precision, values, ranges, id)
        ask_guards(encoder, precision)

    def _set_up(
        self,
        encoder: Encoder,
        precision: Literal["int8", "binary"],
        values: Literal["codes", "dequantised"],
        ranges: Any,
        id: str | None,
    ) -> None:
        if isinstance(encoder, type) or not isinstance(encoder, Encoder):
            raise InputError(
                f"QuantizedEncoder: encoder must be an Encoder, got {shown(encoder)}; "
                "make one with as_encoder(...)"
            )
        self._encoder = encoder
        self._id = encoder.info.id if id is None else as_id(id)
        self._who = plain(self._id)
        _check_choice("precision", precision, _PRECISIONS)
        _check_choice("values", values, _VALUES)
        if encoder.info.precision.startswith(_PRECISIONS):
            raise InputError(
                f"{self._who}: the vectors are {encoder.info.precision} already; quantise the "
                "encoder they come from"
            )
        if precision == "binary" and (ranges is not None or values != "codes"):
            raise InputError(
                f"{self._who}: precision='binary' is the sign of each coordinate and has no "
                "ranges and no values to choose; leave both out"
            )
        self._precision = precision
        self._values = values
        self._known: dict[Stimulus, int] = {}
        self._codes = np.empty((0, encoder.info.dim), dtype=np.int8)
        self._note: tuple[str, ...] = ()
        self._ranges: NDArray[np.float32] | None = None
        if ranges is not None:
            given = as_real(ranges, f"{self._who}: ranges")
            self._ranges = quantize.checked_ranges(given, encoder.info.dim, self._who)
            self._note = (_note_on_ranges(self._ranges, "given ranges"),)

    @property
    def info(self) -> EncoderInfo:
        """How the vectors are made; `ranges` is None as long as there are none."""
        inner = self._encoder.info
        return replace(
            inner,
            id=self._id,
            precision=self._precision if self._precision == "binary" else f"int8 {self._values}",
            ranges=None if self._ranges is None else quantize.hash_of(self._ranges),
            normalized=False,
            notes=(*inner.notes, *self._note),
        )

    @property
    def ranges(self) -> NDArray[np.float32] | None:
        """Smallest and largest value of each dimension, shape (2, d), a copy; None without."""
        return None if self._ranges is None else self._ranges.copy()

    def calibrate(self, items: Sequence[Stimulus], *, progress: bool = False) -> QuantizedEncoder:
        """Return the encoder that is fixed to a set of items.

        Every distinct item is encoded once; the codes are kept, so that encoding these items
        afterwards computes nothing. ``binary`` works without, and learns here only which
        dimensions tell nothing apart (in ``info.notes``).

        Parameters
        ----------
        items : sequence of Stimulus
            The whole set; items without a vector have no part in it.
        progress : bool
            Passed on to the wrapped encoder.

        Returns
        -------
        QuantizedEncoder
            A new encoder, which never changes. An encoder that has its ranges, or has been
            calibrated, is returned as it is.

        Raises
        ------
        InputError
            When fewer than two distinct items have a vector.
        """
        if self._known:
            return self
        listed = as_items(items, self._who)
        inner = calibrated(self._encoder, listed)
        if self._ranges is not None:
            return self if inner is self._encoder else self._around(inner, self._ranges)
        absent = set(inner.missing(listed))
        wanted = [item for item in unique(listed) if item not in absent]
        if len(wanted) < 2:
            raise InputError(
                f"{self._who}: {self._precision} needs at least 2 distinct items with a vector to "
                f"calibrate on, got {len(wanted)}; give the whole set of items"
            )
        fixed = self._around(inner, None)
        rows = fixed._rows(wanted, progress=progress)
        fixed._known = {item: place for place, item in enumerate(wanted)}
        if self._precision == "binary":
            fixed._codes = quantize.signs(rows)
            fixed._note = (_note_on_signs(fixed._codes),)
        else:
            fixed._ranges = quantize.checked_ranges(
                quantize.ranges_of(rows), rows.shape[1], self._who
            )
            fixed._codes = quantize.int8_codes(rows, fixed._ranges)
            fixed._note = (_note_on_ranges(fixed._ranges, f"ranges over {len(wanted)} items"),)
            if len(wanted) < _ENOUGH:
                fixed._note += (f"int8: ranges over fewer than {_ENOUGH} items are unstable",)
        return fixed

    def rewrapped(self, change: Callable[[Encoder], Encoder]) -> QuantizedEncoder:
        """Return the same around another encoder of the same vectors (a cache of it, say).

        Parameters
        ----------
        change : callable
            Takes the wrapped encoder, returns the one to put in its place.

        Returns
        -------
        QuantizedEncoder
        """
        inner = change(self._encoder)
        if inner is self._encoder:
            return self
        other = self._around(inner, self._ranges)
        other._known, other._codes, other._note = self._known, self._codes, self._note
        return other

    def _around(self, encoder: Encoder, ranges: NDArray[np.float32] | None) -> QuantizedEncoder:
        # Not through __init__: guards of transforms inside have been asked once.
        made = object.__new__(QuantizedEncoder)
        made._set_up(encoder, self._precision, self._values, ranges, self._id)
        return made

    def encode(self, items: Sequence[Stimulus], *, progress: bool = False) -> NDArray[np.float64]:
        """Return the rounded vectors; the same whatever the order and company of the items.

        Parameters
        ----------
        items : sequence of Stimulus
            What the wrapped encoder takes.
        progress : bool
            Passed on to the wrapped encoder.

        Returns
        -------
        ndarray of float64, shape (len(items), d)
            One row per item, in order. Codes are whole numbers, as floats so that products of
            them cannot overflow.

        Raises
        ------
        InputError
            When ``int8`` has no ranges yet: call :meth:`calibrate`, or give `ranges`.
        VectorError
            When all codes of an item are zero, or the wrapped encoder's vector is unusable.
        """
        listed = as_items(items, self._who)
        if self._precision == "int8" and self._ranges is None:
            raise InputError(
                f"{self._who}: int8 needs the range of each dimension over the whole set of "
                "items; call encoder = encoder.calibrate(items) before encode, or give ranges="
            )
        codes = np.empty((len(listed), self._encoder.info.dim), dtype=np.int8)
        kept = [row for row, item in enumerate(listed) if item in self._known]
        codes[kept] = self._codes[[self._known[listed[row]] for row in kept]]
        new = [item for item in unique(listed) if item not in self._known]
        if new:
            made = dict(zip(new, self._made(new, progress), strict=True))
            for row, item in enumerate(listed):
                if item in made:
                    codes[row] = made[item]
        values = self._as_values(codes)
        check_rows(values, listed, None, f"{self._who}: {self._precision}")
        return values

    def _made(self, items: list[Stimulus], progress: bool) -> NDArray[np.int8]:
        rows = self._rows(items, progress=progress)
        if self._ranges is None:
            return quantize.signs(rows)
        return quantize.int8_codes(rows, self._ranges)

    def _as_values(self, codes: NDArray[np.int8]) -> NDArray[np.float64]:
        if self._values == "dequantised" and self._ranges is not None:
            return quantize.dequantised(codes, self._ranges)
        return codes.astype(np.float64)

    def _rows(self, items: list[Stimulus], *, progress: bool) -> NDArray[np.float32]:
        with np.errstate(over="ignore"):
            rows = np.asarray(self._encoder.encode(items, progress=progress)).astype(np.float32)
        check_rows(rows, items, self._encoder.info.dim, self._who)
        return rows

    def missing(self, items: Sequence[Stimulus]) -> list[Stimulus]:
        """Return the items that the wrapped encoder has no vector for.

        Parameters
        ----------
        items : sequence of Stimulus
            What is to be encoded.

        Returns
        -------
        list
            As written, each once.
        """
        return self._encoder.missing(items)

    def why_missing(self, item: Stimulus) -> str:
        """Return why the wrapped encoder has no vector for an item.

        Parameters
        ----------
        item : Stimulus
            One that :meth:`missing` returned.

        Returns
        -------
        str
        """
        return why_missing(self._encoder, item)

    def how_encoded(self, item: Stimulus) -> str:
        """Return what the wrapped encoder did to an item, ``""`` for nothing.

        Parameters
        ----------
        item : Stimulus
            One that has a vector.

        Returns
        -------
        str
        """
        return how_encoded(self._encoder, item)

    def __repr__(self) -> str:
        """Return a one-line summary."""
        return f"QuantizedEncoder({self._encoder!r}, {self.info.precision!r})"


def _check_choice(name: str, value: Any, choices: tuple[str, ...]) -> None:
    if not isinstance(value, str) or value not in choices:
        hint = f"; {did_you_mean(value, choices)}" if isinstance(value, str) else ""
        listed = " or ".join(repr(choice) for choice in choices)
        raise InputError(f"{name} must be {listed}, got {shown(value)}{hint}")


def _note_on_ranges(ranges: NDArray[np.float32], source: str) -> str:
    low, high = ranges
    constant = int((low == high).sum())
    one_signed = int(((low != high) & ((low > 0) | (high <= 0))).sum())
    return (
        f"int8: {source}; of {len(low)} dimensions {constant} are constant and {one_signed} more "
        "have one sign"
    )


def _note_on_signs(codes: NDArray[np.int8]) -> str:
    carried = int((codes.min(axis=0) != codes.max(axis=0)).sum())
    return (
        f"binary: of {codes.shape[1]} dimensions {codes.shape[1] - carried} have one sign over "
        f"{len(codes)} items and tell nothing apart"
    )
