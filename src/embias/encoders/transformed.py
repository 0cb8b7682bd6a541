"""Vectors of an encoder after a transform: projections, whitening, removal of directions."""

from __future__ import annotations

import copy
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embias.encoders._cache_keys import UNPINNED
from embias.encoders._compose import Composable
from embias.encoders._guards import ask_guards
from embias.encoders._items import as_items, check_rows, unique
from embias.encoders._numbers import as_real
from embias.encoders._options import as_optional_text
from embias.encoders._show import one_line, plain, shown
from embias.encoders._transform_state import describe, libraries_of
from embias.encoders._word_steps import run_transform, word_of
from embias.errors import InputError, VectorError
from embias.types import (
    Encoder,
    EncoderInfo,
    FloatArray,
    Stimulus,
    calibrated,
    how_encoded,
    why_missing,
)

__all__ = ["TransformedEncoder"]

_SAME = 1e-4


class TransformedEncoder(Composable):
    """An encoder followed by a fitted transform; ``encoder | transform`` is short for it.

    Parameters
    ----------
    encoder : Encoder
        What makes the vectors.
    transform : object or callable
        Anything fitted with ``transform(X) -> (n, k)``, such as a transformer or a Pipeline of
        scikit-learn, or a function from an array (n, d) to one (n, k). Every row must be
        transformed on its own: what depends on other rows (centring with the mean of the
        call) has to be learnt beforehand. A transform whose state can be read is copied; any
        other (a function, an object of C code) must not change while the encoder is in use.
        One with the attribute ``takes_words = True``, alone or as a step of a Pipeline, is called
        as ``transform(X, words=[...])``: a text is its own word, a word in context (InContext) is
        the word, a picture has None.
    revision : str, optional
        What pins the transform, when its state cannot be read (a function, an object of C
        code). By default a hash of its parameters and everything it learnt.

    Raises
    ------
    InputError
        When the transform is not fitted, was fitted on vectors of another dimension, fails on a
        row, or does not treat rows one by one.
    VectorError
        When it gives something else than one row of real numbers per vector.
    """

    def __init__(self, encoder: Encoder, transform: Any, *, revision: str | None = None) -> None:
        if isinstance(encoder, type) or not isinstance(encoder, Encoder):
            raise InputError(
                f"TransformedEncoder: expected an Encoder, got {shown(encoder)}; make one with "
                "embias.as_encoder"
            )
        as_optional_text("revision", revision)
        inner = encoder.info
        self._who = plain(inner.id)
        _check_transform(transform, inner.dim, self._who)
        text = describe(transform, revision)
        self._encoder = encoder
        self._transform = transform if text.endswith(UNPINNED) else _copied(transform)
        self._name = text
        probe = self._probe(inner)
        self._info = replace(
            inner,
            dim=probe.shape[1],
            normalized=True if _normalizes(transform) else None,
            precision=_precision(inner, probe),
            libraries={**inner.libraries, **libraries_of(transform)},
            transforms=(*inner.transforms, text),
        )
        ask_guards(encoder, transform)

    def _probe(self, inner: EncoderInfo) -> NDArray[Any]:
        """Transform two made-up rows: learns the dimension, and that rows are taken one by one."""
        one = np.linspace(1, 2, inner.dim)
        rows = np.stack([one, one[::-1] ** 2]).astype(_probe_type(inner))
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # the rows are nobody's
            try:
                # Nobody's rows are no words.
                both, alone = self._apply(rows, [None] * 2), self._apply(rows[:1], [None])
            except (VectorError, MemoryError):
                raise
            except Exception as error:  # the transform is somebody else's
                raise InputError(
                    f"{self._who}: the transform {plain(self._name)} fails on vectors of "
                    f"{inner.dim} coordinates ({type(error).__name__}: {one_line(error)}); give "
                    "one that was fitted on vectors of this encoder"
                ) from error
            scale = float(np.abs(alone[np.isfinite(alone)]).max(initial=1e-30))
            same = both.shape[1] == alone.shape[1] and np.allclose(
                both[:1], alone, rtol=_SAME, atol=_SAME * scale, equal_nan=True
            )
        if not same:
            raise InputError(
                f"{self._who}: what the transform {plain(self._name)} gives for a vector depends "
                "on the other vectors of the call; learn such quantities beforehand (fit), and "
                "give a transform that treats every row on its own"
            )
        return both

    def _apply(self, rows: NDArray[Any], words: Sequence[str | None]) -> NDArray[Any]:
        returned = run_transform(self._transform, rows, words)
        what = f"{self._who}: what the transform {plain(self._name)} returned"
        made = as_real(_dense(returned), f"{what} ({type(returned).__name__})")
        if made.ndim != 2 or len(made) != len(rows) or made.shape[1] < 1:
            raise VectorError(
                f"{what} for {len(rows)} vectors has shape {made.shape}, expected ({len(rows)}, k) "
                "with k >= 1: one row per vector, in order"
            )
        return np.array(made)  # a function may go on to use its array

    @property
    def info(self) -> EncoderInfo:
        """How the vectors are made; the transform is the last of ``transforms``."""
        return self._info

    def encode(self, items: Sequence[Stimulus], *, progress: bool = False) -> FloatArray:
        """Encode the items and transform their vectors.

        Parameters
        ----------
        items : sequence of str, InContext or Image
            What the encoder inside takes.
        progress : bool
            Passed on to the encoder inside.

        Returns
        -------
        ndarray, shape (len(items), k)
            One finite row, not zero, per item, in order.

        Raises
        ------
        VectorError
            When a transformed vector is zero or not finite; the item is named.
        """
        listed = as_items(items, self._who)
        if not listed:
            return np.empty((0, self._info.dim), dtype=_probe_type(self._info))
        distinct = unique(listed)
        rows: NDArray[Any] = np.asarray(self._encoder.encode(distinct, progress=progress))
        if rows.dtype.kind in "iu":  # codes of a quantiser would overflow in products
            rows = rows.astype(np.float64)
        made = self._apply(rows, [word_of(item) for item in distinct])
        check_rows(made, distinct, self._info.dim, self._transformed())
        if len(distinct) == len(listed):
            return made
        positions = {item: index for index, item in enumerate(distinct)}
        return made[[positions[item] for item in listed]]

    def _transformed(self) -> str:
        return f"{self._who} after {plain(self._name)}"

    def missing(self, items: Sequence[Stimulus]) -> list[Stimulus]:
        """Return the items that the encoder inside has no vector for."""
        return self._encoder.missing(items)

    def why_missing(self, item: Stimulus) -> str:
        """Return why an item has no vector, as the encoder inside says."""
        return why_missing(self._encoder, item)

    def how_encoded(self, item: Stimulus) -> str:
        """Return what was done to an item before the transform, as the encoder inside says."""
        return how_encoded(self._encoder, item)

    def calibrate(self, items: Sequence[Stimulus]) -> TransformedEncoder:
        """Return the transform over the encoder fixed to these items."""
        fixed = calibrated(self._encoder, items)
        return self if fixed is self._encoder else self.rewrapped(lambda _: fixed)

    def rewrapped(self, wrap: Callable[[Encoder], Encoder]) -> TransformedEncoder:
        """Return the same transform over what `wrap` makes of the encoder inside."""
        inner = wrap(self._encoder)
        if inner is self._encoder:
            return self
        made = copy.copy(self)
        made._encoder = inner
        outer = self._info
        made._info = replace(
            inner.info,
            dim=outer.dim,
            normalized=outer.normalized,
            precision=outer.precision,
            libraries={**inner.info.libraries, **outer.libraries},
            transforms=(*inner.info.transforms, self._name),
        )
        return made

    def __repr__(self) -> str:
        """Return a one-line summary."""
        return f"{self._encoder!r} | {self._name}"


def _check_transform(transform: Any, dim: int, who: str) -> None:
    if isinstance(transform, type):
        raise InputError(f"{who}: got the class {transform.__name__}; give a fitted instance")
    if not callable(getattr(transform, "transform", transform)):
        raise InputError(
            f"{who}: {shown(transform)} is no transform; give an object with transform(X), or a "
            "function from an array (n, d) to an array (n, k)"
        )
    _check_fitted(transform, who)
    try:
        expected = getattr(transform, "n_features_in_", None)
    except Exception:  # a property of somebody else's; the probe tells
        expected = None
    if expected is not None and expected != dim:
        raise InputError(
            f"{who}: {type(transform).__name__} was fitted on vectors of {expected} coordinates, "
            f"the encoder gives {dim}; fit it on vectors of this encoder"
        )


def _check_fitted(transform: Any, who: str) -> None:
    # Who holds an estimator has imported its module.
    base = getattr(sys.modules.get("sklearn.base"), "BaseEstimator", None)
    if base is None or not isinstance(transform, base):
        return
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    try:
        check_is_fitted(transform)
    except NotFittedError as error:
        raise InputError(
            f"{who}: {type(transform).__name__} is not fitted; fit it first: "
            "transform.fit(encoder.encode(words))"
        ) from error
    except TypeError:  # not what check_is_fitted takes; the probe tells
        return


def _copied(transform: Any) -> Any:
    try:
        return copy.deepcopy(transform)
    except Exception:  # what cannot be copied is used as it is
        return transform


def _dense(returned: Any) -> Any:
    if hasattr(returned, "toarray"):  # scipy sparse
        return returned.toarray()
    return returned.to_numpy() if hasattr(returned, "to_numpy") else returned


def _normalizes(transform: Any) -> bool:
    steps = getattr(transform, "steps", None)
    last = steps[-1][1] if isinstance(steps, list) and steps else transform
    if getattr(last, "gives_unit_rows", False) is True:
        return True
    return type(last).__name__ == "Normalizer" and getattr(last, "norm", None) == "l2"


def _probe_type(info: EncoderInfo) -> str:
    return info.precision if info.precision in ("float16", "float64") else "float32"


def _precision(inner: EncoderInfo, made: NDArray[Any]) -> str:
    """Return the number type of the coordinates; what a quantiser did before stays named."""
    return str(made.dtype) if inner.precision.startswith("float") else inner.precision
