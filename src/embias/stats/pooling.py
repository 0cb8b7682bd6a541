"""Random-effects pooling of independent effects with known sampling variances."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, stats

from embias.errors import InputError
from embias.results import Interval
from embias.stats.inputs import check_choice
from embias.types import FloatArray

__all__ = ["Pooled", "StandardError", "Tau2", "pool_random_effects"]

Tau2: TypeAlias = Literal["dersimonian-laird", "paule-mandel", "reml"]
StandardError: TypeAlias = Literal["normal", "hartung-knapp"]

#: Variances outside (1 / _RANGE, _RANGE) and effects beyond _RANGE would overflow when squared.
_RANGE = 1e100
#: A p-value too small for a floating-point number is given as the smallest one, never as 0.
_SMALLEST = sys.float_info.min


@dataclass(frozen=True, slots=True)
class Pooled:
    """The mean of a distribution of effects, and how wide that distribution is.

    Attributes
    ----------
    estimate : float
        Mean effect, in the unit of the effects; 0 is no effect.
    se : float
        Its standard error.
    tau2 : float
        Variance of the true effects, at least 0; NaN for a single effect.
    q : float
        Cochran's Q, ``sum w (effect - fixed mean)**2`` with ``w = 1 / variance``; about `df`
        when all true effects are equal.
    df : int
        ``n - 1``.
    i2 : float
        ``max(0, (q - df) / q)``, the share of the variation that is not sampling error, in
        [0, 1]; NaN for a single effect.
    interval : Interval
        Confidence interval of the mean.
    prediction_interval : Interval or None
        Where the true effect of one more study would lie; None for fewer than three effects.
        A mean near 0 can hide strong opposite effects: look here.
    pvalue : float
        Two-sided, for a mean of 0, in (0, 1].
    pvalue_one_sided : float
        For a mean of at most 0: near 1 for a strongly negative estimate.
    n : int
        Number of effects.
    tau2_method : {"dersimonian-laird", "paule-mandel", "reml"}
    se_method : {"normal", "hartung-knapp"}
    """

    estimate: float
    se: float
    tau2: float
    q: float
    df: int
    i2: float
    interval: Interval
    prediction_interval: Interval | None
    pvalue: float
    pvalue_one_sided: float
    n: int
    tau2_method: Tau2
    se_method: StandardError


def pool_random_effects(
    effects: ArrayLike,
    variances: ArrayLike,
    *,
    tau2: Tau2 = "dersimonian-laird",
    se: StandardError = "normal",
    level: float = 0.95,
) -> Pooled:
    """Pool independent effects whose true values may differ.

    Parameters
    ----------
    effects : array_like of shape (n,)
        Independent effects, at least one. Draws that share words, several models on one word
        list and templates of one word are *not* independent; pool scores first and test once.
    variances : array_like of shape (n,)
        The sampling variance of each effect (not of the scores it was computed from), above 0.
    tau2 : {"dersimonian-laird", "paule-mandel", "reml"}
        Estimator of the variance between true effects. The first is the usual one; the others
        are better for few effects.
    se : {"normal", "hartung-knapp"}
        ``hartung-knapp`` scales the standard error by the spread of the effects and uses t with
        n - 1 degrees of freedom: better for few effects; it needs two that differ.
    level : float
        Confidence of the intervals, in (0, 1).

    Returns
    -------
    Pooled
        A single effect is returned as it is, with its own standard error.

    Raises
    ------
    InputError
        Empty, non-finite or misshapen arrays, a variance of 0 or less, an option that does not
        exist, Hartung-Knapp for effects that are one or all equal.

    References
    ----------
    DerSimonian & Laird 1986, Controlled Clinical Trials 7:177-188; Paule & Mandel 1982, J. Res.
    Natl. Bur. Stand. 87:377-385; Viechtbauer 2005, J. Educ. Behav. Stat. 30:261-293 (REML);
    Hartung & Knapp 2001, Statistics in Medicine 20:3875-3889; Higgins, Thompson & Spiegelhalter
    2009, JRSS A 172:137-159 (prediction interval).
    """
    check_choice("tau2", tau2, get_args(Tau2))
    check_choice("se", se, get_args(StandardError))
    if not 0 < level < 1:
        raise InputError(f"level={level!r} is not a confidence; give a share such as 0.95")
    y, v = _checked(effects, variances)
    n = y.size
    between = _TAU2[tau2](y, v) if n > 1 else 0.0
    mean = _mean(y, v + between)
    error = _standard_error(y, v + between, mean, se)
    q = _q(y, v)
    student = stats.t(n - 1) if se == "hartung-knapp" else stats.norm
    name = f"{tau2}, {se}"
    return Pooled(
        estimate=mean,
        se=error,
        tau2=between if n > 1 else math.nan,
        q=q,
        df=n - 1,
        i2=(max(0.0, (q - n + 1) / q) if q > 0 else 0.0) if n > 1 else math.nan,
        interval=_around(mean, float(student.isf((1 - level) / 2)) * error, level, name),
        prediction_interval=_prediction(mean, between + error**2, n, level, name),
        pvalue=max(_SMALLEST, min(1.0, 2 * float(student.sf(abs(mean / error))))),
        pvalue_one_sided=max(_SMALLEST, float(student.sf(mean / error))),
        n=n,
        tau2_method=tau2,
        se_method=se,
    )


def _checked(effects: ArrayLike, variances: ArrayLike) -> tuple[FloatArray, FloatArray]:
    y, v = _finite(effects, "effects"), _finite(variances, "variances")
    if y.size != v.size:
        raise InputError(
            f"{y.size} effects but {v.size} variances; give one variance for each effect"
        )
    bad = np.flatnonzero((v <= 1 / _RANGE) | (v >= _RANGE))
    if bad.size:
        raise InputError(
            f"variances[{bad[0]}] is {v[bad[0]]}; a sampling variance is above 0 (and within "
            f"1e+-100): leave out an effect that is known without error, it would take all weight"
        )
    return y, v


def _finite(values: ArrayLike, name: str) -> FloatArray:
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name}: not an array of numbers ({error})") from error
    if array.ndim != 1 or array.size == 0:
        raise InputError(
            f"{name} has shape {array.shape}; give a one-dimensional array with at least one entry"
        )
    bad = np.flatnonzero(~(np.abs(array) <= _RANGE))
    if bad.size:
        raise InputError(
            f"{name}[{bad[0]}] is {array[bad[0]]}; it must be finite (and below 1e100): leave "
            "undefined effects out, and count them"
        )
    return array


def _mean(y: FloatArray, v: FloatArray) -> float:
    return float((y / v).sum() / (1 / v).sum())


def _q(y: FloatArray, v: FloatArray) -> float:
    return float(((y - _mean(y, v)) ** 2 / v).sum())


def _standard_error(y: FloatArray, v: FloatArray, mean: float, se: StandardError) -> float:
    if se == "normal":
        return math.sqrt(1 / float((1 / v).sum()))
    if np.ptp(y) == 0:
        raise InputError(
            f"se='hartung-knapp' needs effects that differ, and there "
            f"{'is one effect' if y.size == 1 else 'are only equal ones'}; use se='normal'"
        )
    spread = float(((y - mean) ** 2 / v).sum())
    return math.sqrt(spread / ((y.size - 1) * float((1 / v).sum())))


def _prediction(mean: float, variance: float, n: int, level: float, name: str) -> Interval | None:
    if n < 3:
        return None
    quantile = float(stats.t.isf((1 - level) / 2, n - 2))
    return _around(mean, quantile * math.sqrt(variance), level, f"{name}, prediction")


def _around(mean: float, half: float, level: float, method: str) -> Interval:
    return Interval(mean - half, mean + half, level, method)


def _dersimonian_laird(y: FloatArray, v: FloatArray) -> float:
    w = 1 / v
    c = float(w.sum() - (w**2).sum() / w.sum())
    return max(0.0, (_q(y, v) - (y.size - 1)) / c)


def _paule_mandel(y: FloatArray, v: FloatArray) -> float:
    """Solve Q(tau2) = n - 1; Q falls with tau2."""
    df = y.size - 1
    if _q(y, v) <= df:
        return 0.0
    # Q(tau2) <= sum (y - mean)**2 / tau2, so Q is below df here.
    highest = 1.001 * float(((y - y.mean()) ** 2).sum()) / df
    root = optimize.brentq(lambda t: _q(y, v + t) - df, 0.0, highest, xtol=1e-15 * highest)
    return float(root)


def _reml(y: FloatArray, v: FloatArray) -> float:
    """Maximise the restricted likelihood over tau2 >= 0, through all zeros of its slope."""
    widest = float(((y - y.mean()) ** 2).sum()) / (y.size - 1) + float(v.max())
    grid = np.concatenate([[0.0], np.geomspace(1e-9 * widest, 10 * widest, 200)])
    slopes = np.array([_slope(t, y, v) for t in grid])
    falls = np.flatnonzero((slopes[:-1] > 0) & (slopes[1:] <= 0))
    peaks = [0.0] + [
        float(optimize.brentq(_slope, grid[i], grid[i + 1], (y, v), xtol=1e-15 * widest))
        for i in falls
    ]
    return max(peaks, key=lambda t: _restricted(t, y, v))


def _slope(t: float, y: FloatArray, v: FloatArray) -> float:
    w = 1 / (v + t)
    mean = _mean(y, v + t)
    return float((w**2 * (y - mean) ** 2).sum() - w.sum() + (w**2).sum() / w.sum())


def _restricted(t: float, y: FloatArray, v: FloatArray) -> float:
    """Return twice the restricted log-likelihood, up to a constant."""
    w = 1 / (v + t)
    return float(np.log(w).sum() - np.log(w.sum())) - _q(y, v + t)


_TAU2 = {
    "dersimonian-laird": _dersimonian_laird,
    "paule-mandel": _paule_mandel,
    "reml": _reml,
}
