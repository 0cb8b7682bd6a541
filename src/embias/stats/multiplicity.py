"""Adjusting p-values for the number of tests that are looked through together."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike

from embias.errors import InputError
from embias.stats.inputs import check_choice
from embias.types import FloatArray

__all__ = ["Adjustment", "adjust"]

Adjustment: TypeAlias = Literal[
    "holm", "benjamini-hochberg", "benjamini-yekutieli", "bonferroni", "none"
]


def adjust(pvalues: ArrayLike, method: Adjustment = "holm") -> FloatArray:
    """Adjust the p-values of one family of tests.

    Parameters
    ----------
    pvalues : array_like of shape (n,)
        p-values in [0, 1], in any order. NaN stands for a test that could not be run: it stays
        NaN and does not count.
    method : {"holm", "benjamini-hochberg", "benjamini-yekutieli", "bonferroni", "none"}
        ``holm`` (default) and the weaker ``bonferroni`` bound the chance of one false alarm in
        the family, whatever the dependence. ``benjamini-hochberg`` bounds the expected share of
        false alarms among the alarms, for independent or positively dependent tests;
        ``benjamini-yekutieli`` does so under any dependence. ``none`` returns a copy.

    Returns
    -------
    ndarray of shape (n,)
        In the order given, in [0, 1], never below the p-value itself. A test is an alarm at
        level alpha when its adjusted p-value is at most alpha.

    Raises
    ------
    InputError
        A p-value outside [0, 1], an array that is not one-dimensional, an unknown method.

    References
    ----------
    Holm 1979, Scandinavian Journal of Statistics 6:65-70; Benjamini & Hochberg 1995, JRSS B
    57:289-300; Benjamini & Yekutieli 2001, Annals of Statistics 29:1165-1188.

    Examples
    --------
    >>> adjust([0.01, float("nan"), 0.02, 0.5]).tolist()
    [0.03, nan, 0.04, 0.5]
    """
    check_choice("method", method, get_args(Adjustment))
    given = _checked(pvalues)
    adjusted = given.copy()
    counted = np.flatnonzero(~np.isnan(given))
    if method == "none" or counted.size == 0:
        return adjusted
    order = counted[np.argsort(given[counted], kind="stable")]
    adjusted[order] = np.minimum(1.0, _stepped(given[order], method))
    return adjusted


def _stepped(ascending: FloatArray, method: Adjustment) -> FloatArray:
    n = ascending.size
    rank = np.arange(1, n + 1)
    if method == "bonferroni":
        return n * ascending
    if method == "holm":
        return np.maximum.accumulate((n - rank + 1) * ascending)
    # max: the factor is at least 1, but p * n / n may come out below p by a rounding.
    scaled = np.maximum(ascending * n / rank, ascending)
    if method == "benjamini-yekutieli":
        scaled = scaled * (1 / rank).sum()
    smallest: FloatArray = np.minimum.accumulate(scaled[::-1])[::-1]
    return smallest


def _checked(pvalues: ArrayLike) -> FloatArray:
    try:
        array = np.asarray(pvalues, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"pvalues: not an array of numbers ({error})") from error
    if array.ndim != 1:
        raise InputError(
            f"pvalues has shape {array.shape}; give the p-values of one family in one dimension"
        )
    bad = np.flatnonzero((array < 0) | (array > 1))
    if bad.size:
        raise InputError(
            f"pvalues[{bad[0]}] is {array[bad[0]]}; a p-value lies in [0, 1] "
            "(use NaN for a test that could not be run)"
        )
    return array
