"""Measures of performance as ratios of sums, so that groups and resamples come cheap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embias.errors import InputError
from embias.metrics._labelled import Codes, labels_to_array
from embias.stats.inputs import as_scores, check_choice
from embias.types import FloatArray

__all__ = ["Performance", "PerformanceName", "contributions"]

PerformanceName: TypeAlias = Literal[
    "accuracy",
    "recall",
    "precision",
    "f1",
    "false_positive_rate",
    "selection_rate",
    "mean_error",
    "mean_absolute_error",
]

#: Measures on labels that are about one class, or the mean over classes.
_OF_A_CLASS = ("recall", "precision", "f1", "false_positive_rate", "selection_rate")
#: A share of items: each that counts is a hit or a miss.
_RATES = ("accuracy", "recall", "precision", "false_positive_rate", "selection_rate")
#: Those of which no end is the worse one.
_NO_WORSE_END = ("selection_rate", "mean_error")
_LOWER_IS_BETTER = ("false_positive_rate", "mean_absolute_error")


@dataclass(frozen=True)
class Performance:
    """What every item adds to a measure: the mean over parts of sum(above) / sum(below).

    Attributes
    ----------
    above, below : ndarray of shape (n, parts)
        One part, or one for each class.
    parts : list of str
        Names of the classes where there are several.
    strata : ndarray of int, shape (n,)
        Items that may be exchanged between groups when there is no disparity: those whose part
        in the denominators is the same, for a rate.
    rate : bool
        Whether it is a share of items (Wilson interval, exact tests).
    higher_is_better : bool or None
        None where no end is the worse one.
    value_range : tuple of (float or None)
        Of the measure itself.
    """

    above: FloatArray
    below: FloatArray
    parts: list[str]
    strata: Codes
    rate: bool
    higher_is_better: bool | None
    value_range: tuple[float | None, float | None]


def contributions(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    metric: str,
    positive: Any,
    threshold: float | None,
) -> Performance:
    """Return what each item adds to a measure of performance.

    Parameters
    ----------
    y_true, y_pred : array_like of shape (n,)
    metric : str
        A name of :data:`PerformanceName`.
    positive : label or None
        The class that a measure is about; None: all classes, and the mean over them.
    threshold : float or None
        `y_pred` are scores: from here on the prediction is `positive`.

    Raises
    ------
    InputError
        Labels of different kinds or numbers, a positive class that there is none of, a measure
        that needs one.
    """
    check_choice("metric", metric, get_args(PerformanceName))
    if metric in ("mean_error", "mean_absolute_error"):
        return _errors(y_true, y_pred, metric, positive, threshold)
    true, predicted, names = _as_codes(y_true, y_pred, positive, threshold)
    if threshold is not None:
        positive = names[1]
    better = None if metric in _NO_WORSE_END else metric not in _LOWER_IS_BETTER
    if metric == "accuracy":
        right = (true == predicted).astype(np.float64)[:, None]
        ones = np.ones_like(right)
        return Performance(right, ones, [], np.zeros(true.size, np.intp), True, True, (0.0, 1.0))
    assert metric in _OF_A_CLASS
    classes = _classes(names, metric, positive, true)
    above, below = zip(
        *(_of_class(metric, true == code, predicted == code) for code in classes), strict=True
    )
    several = len(classes) > 1
    # Exchanging items of one stratum leaves every denominator of a rate as it is.
    strata = np.zeros(true.size, dtype=np.intp)
    if several and metric in ("recall", "precision"):
        strata = true if metric == "recall" else predicted
    return Performance(
        above=np.stack(above, axis=1).astype(np.float64),
        below=np.stack(below, axis=1).astype(np.float64),
        parts=[names[code] for code in classes] if several else [],
        strata=strata,
        rate=metric in _RATES and not several,
        higher_is_better=better,
        value_range=(0.0, 1.0),
    )


def _of_class(
    metric: str, true: NDArray[np.bool_], predicted: NDArray[np.bool_]
) -> tuple[NDArray[Any], NDArray[Any]]:
    both = true & predicted
    if metric == "recall":
        return both, true
    if metric == "precision":
        return both, predicted
    if metric == "f1":
        return 2 * both.astype(np.intp), true.astype(np.intp) + predicted
    if metric == "false_positive_rate":
        return predicted & ~true, ~true
    return predicted, np.ones_like(predicted)


def _classes(names: list[str], metric: str, positive: Any, true: Codes) -> list[int]:
    if positive is not None:
        # 1 is the label of 1.0 and of True.
        like = {str(positive)}
        if isinstance(positive, bool | int | float | np.number):
            like |= {str(float(positive)), f"{positive:g}"}
            like |= {str(bool(positive))} if positive in (0, 1) else set()
        known = [code for code, name in enumerate(names) if name in like]
        if not known:
            raise InputError(f"positive={positive!r} is no label; there are {_listed(names)}")
        return known
    if metric in ("false_positive_rate", "selection_rate"):
        raise InputError(
            f"metric={metric!r} is about one class; name it by positive=, one of {_listed(names)}"
        )
    # A class that is predicted and never true has no recall.
    return [int(code) for code in np.unique(true)]


def _as_codes(
    y_true: ArrayLike, y_pred: ArrayLike, positive: Any, threshold: float | None
) -> tuple[Codes, Codes, list[str]]:
    true = labels_to_array(y_true, "y_true")
    if threshold is not None:
        return _thresholded(true, y_pred, positive, threshold)
    predicted = labels_to_array(y_pred, "y_pred")
    _check_sizes(true, predicted)
    kinds = [_kind(each) for each in (true, predicted)]
    if kinds[0] != kinds[1]:
        raise InputError(
            f"y_true holds {kinds[0]} and y_pred {kinds[1]}, so none could agree; give the labels "
            "in one form (or scores with threshold=)"
        )
    try:
        values, codes = np.unique(np.concatenate([true, predicted]), return_inverse=True)
    except TypeError as error:
        raise InputError(f"y_true and y_pred mix kinds of labels ({error}); use texts") from error
    codes = codes.ravel()
    return codes[: true.size], codes[true.size :], [str(value) for value in values]


def _thresholded(
    true: NDArray[np.generic], y_pred: ArrayLike, positive: Any, threshold: float
) -> tuple[Codes, Codes, list[str]]:
    scores = as_scores(y_pred, "y_pred")
    _check_sizes(true, scores)
    names = sorted({str(value) for value in true})
    if positive is None or str(positive) not in names:
        raise InputError(
            f"positive={positive!r}; with threshold= name the label that high scores stand for, "
            f"one of {_listed(names)}"
        )
    is_true = np.array([str(value) == str(positive) for value in true])
    return (
        is_true.astype(np.intp),
        (scores >= threshold).astype(np.intp),
        [f"not {positive}", str(positive)],
    )


def _errors(
    y_true: ArrayLike, y_pred: ArrayLike, metric: str, positive: Any, threshold: float | None
) -> Performance:
    if positive is not None or threshold is not None:
        raise InputError(f"metric={metric!r} is of numbers; it takes no positive= or threshold=")
    true, predicted = as_scores(y_true, "y_true"), as_scores(y_pred, "y_pred")
    _check_sizes(true, predicted)
    error = predicted - true
    signed = metric == "mean_error"
    above = (error if signed else np.abs(error))[:, None]
    strata = np.zeros(true.size, dtype=np.intp)
    better = None if signed else False
    low = None if signed else 0.0
    return Performance(above, np.ones_like(above), [], strata, False, better, (low, None))


def _check_sizes(true: NDArray[Any], predicted: NDArray[Any]) -> None:
    if true.size != predicted.size:
        raise InputError(
            f"y_true has {true.size} entries and y_pred {predicted.size}; give one each"
        )


def _kind(labels: NDArray[np.generic]) -> str:
    if labels.dtype.kind in "biuf":
        return "numbers"
    if labels.dtype.kind in "US":
        return "texts"
    return "texts" if all(isinstance(each, str) for each in labels) else "objects"


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return ", ".join(repr(name) for name in names[:8]) + more
