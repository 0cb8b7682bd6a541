"""Vectors as a quantised index stores them: 8 bits or 1 bit a dimension."""

from __future__ import annotations

import warnings
from typing import Any, Literal, Self, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import OneToOneFeatureMixin

from embias.errors import InputError
from embias.geometry import quantize
from embias.stats.inputs import as_numbers, check_choice
from embias.transforms._checks import TransformWarning, checked_fit
from embias.transforms.card import TransformCard
from embias.transforms.row_transform import RowTransform
from embias.types import FloatArray

__all__ = ["CARD", "Quantize"]

Precision: TypeAlias = Literal["int8", "binary"]
QuantizedValues: TypeAlias = Literal["codes", "dequantised"]

#: Fewer rows give ranges that other rows leave; sentence-transformers draws the same line.
_ENOUGH = 100
#: A dimension that varies by less than this share of the one that varies most holds rounding.
_DEAD = 1e-6


class Quantize(OneToOneFeatureMixin, RowTransform):
    """Round every coordinate to 8 bits or to its sign.

    ``int8``: with the smallest and largest value of each dimension and ``step = (max - min) / 255``
    (1 where that is 0), x becomes the code ``floor((x - min) / step) - 128``, from -128 to 127;
    values outside the range get the code at its end. ``binary``: 1 where x > 0, else -1.

    Parameters
    ----------
    precision : {"int8", "binary"}
    values : {"codes", "dequantised"}
        For ``int8``: the codes, or ``(code + 128) step + min``, which are again coordinates of the
        space.
    ranges : array_like of shape (2, d), optional
        For ``int8``: smallest and largest values; by default those of the fit rows.

    Attributes
    ----------
    ranges_ : ndarray of float32, shape (2, d), or None

    Notes
    -----
    Codes come in the number type of the rows, so that dot products cannot overflow; they are whole
    numbers, ``.astype(numpy.int8)`` stores them. All arithmetic is in float32. The same as
    ``sentence_transformers.quantize_embeddings`` with these ranges, bits unpacked, and as
    :class:`embias.encoders.QuantizedEncoder`.

    Not affine: nothing is folded across it, and it cannot be put into a model. After an erasure
    the concept leaks a little through int8 and more through signs.

    Examples
    --------
    >>> import numpy as np
    >>> from embias.transforms.quantize import Quantize
    >>> Quantize("binary").fit_transform(np.array([[0.5, -2.0], [-0.1, 0.3]]))
    array([[ 1., -1.],
           [-1.,  1.]])
    """

    def __init__(
        self,
        precision: Precision = "int8",
        *,
        values: QuantizedValues = "codes",
        ranges: ArrayLike | None = None,
    ) -> None:
        self.precision = precision
        self.values = values
        self.ranges = ranges

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Learn the ranges of the dimensions.

        Parameters
        ----------
        X : array_like of shape (n, d)
            The set to calibrate on, far more than 100 rows.
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        InputError, VectorError
            An option that does not exist or does not go with ``binary``; ranges that are no ranges.
        """
        check_choice("precision", self.precision, get_args(Precision))
        check_choice("values", self.values, get_args(QuantizedValues))
        rows = checked_fit(self, X)
        if self.precision == "binary":
            if self.ranges is not None or self.values != "codes":
                raise InputError(
                    "Quantize: precision='binary' is the sign of each coordinate and has no ranges "
                    "and no values to choose; leave both out"
                )
            _warn_of_dead(rows)
            self.ranges_: NDArray[np.float32] | None = None
            return self
        given = self.ranges
        if given is None and len(rows) < _ENOUGH:
            warnings.warn(
                f"Quantize: ranges of {len(rows)} rows; those of fewer than {_ENOUGH} are unstable "
                "and other rows leave them; fit on more, or give ranges=",
                TransformWarning,
                stacklevel=2,
            )
        with np.errstate(over="ignore"):
            own = quantize.ranges_of(rows.astype(np.float32))
        found = own if given is None else as_numbers(given, "ranges")
        self.ranges_ = quantize.checked_ranges(found, rows.shape[1], "Quantize")
        return self

    def _map_rows(self, rows: NDArray[Any]) -> NDArray[Any]:
        with np.errstate(over="ignore"):
            work = rows.astype(np.float32)
        if self.ranges_ is None:
            return quantize.signs(work).astype(rows.dtype)
        codes = quantize.int8_codes(work, self.ranges_)
        if self.values == "codes":
            return codes.astype(rows.dtype)
        return quantize.dequantised(codes, self.ranges_).astype(rows.dtype)


def _warn_of_dead(rows: FloatArray) -> None:
    spread = rows.std(axis=0)
    dead = int(((spread > 0) & (spread <= _DEAD * spread.max())).sum())
    if dead:
        warnings.warn(
            f"Quantize: {dead} of {len(spread)} dimensions vary by less than a millionth of the "
            "largest; their signs are rounding, and after an erasure can give the concept away; "
            "drop them first (sklearn.feature_selection.VarianceThreshold)",
            TransformWarning,
            stacklevel=3,
        )


CARD = TransformCard(
    name="quantize",
    estimator=Quantize,
    title="Quantised vectors (int8, binary)",
    learns_from="vectors",
    removes="All but 8 bits, or the sign, of every coordinate.",
    guarantee=None,
    guaranteed="Nothing is known of any concept. The zero cross-covariance of an erasure before it "
    "is broken: a little by int8, more by signs.",
    affine=False,
    caveats="Ranges of few rows are unstable. Signs of dimensions that hardly vary are rounding "
    "and can carry a concept that was erased.",
    paper="none; the arithmetic of sentence-transformers",
)
