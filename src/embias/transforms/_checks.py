"""Checks at the door of every transform, in the words of scikit-learn and as errors of embias."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted, validate_data

from embias.errors import InputError
from embias.types import FloatArray

__all__ = [
    "NotFittedTransformError",
    "TransformWarning",
    "check_fitted",
    "check_strength",
    "checked_fit",
    "checked_rows",
    "keep_zero_rows",
]

_FLOATS = [np.float64, np.float32, np.float16]


class TransformWarning(UserWarning):
    """What a transform does or leaves is not what a reader may expect; says why and what to do."""


class NotFittedTransformError(InputError, NotFittedError):
    """A transform is used before it was fitted."""


@contextmanager
def _as_input_error(who: str, X: Any) -> Iterator[None]:
    try:
        yield
    except InputError:
        raise
    except ValueError as error:  # scikit-learn's words say thing, rule and value
        raise InputError(f"{who}: {error}") from error
    except TypeError as error:  # the checks of scikit-learn expect one for other kinds of values
        if not issparse(X):
            raise
        raise InputError(f"{who}: {error}") from error


def checked_fit(
    estimator: Any, X: Any, *, at_least: int = 1, reset: bool = True, keep_type: bool = False
) -> FloatArray:
    """Return the rows to fit on as float64, after the checks of scikit-learn.

    Sets ``n_features_in_`` and ``feature_names_in_`` on the first call (`reset`). With
    `keep_type` rows of another floating type stay as they are, for those who convert in blocks.
    """
    dtype = _FLOATS if keep_type else np.float64
    with _as_input_error(type(estimator).__name__, X):
        checked: FloatArray = validate_data(
            estimator, X, dtype=dtype, reset=reset, ensure_min_samples=at_least
        )
    return checked


def checked_rows(estimator: Any, X: Any) -> NDArray[Any]:
    """Return the rows to transform, in their own floating type (float64 for whole numbers)."""
    check_fitted(estimator)
    with _as_input_error(type(estimator).__name__, X):
        checked: NDArray[Any] = validate_data(estimator, X, dtype=_FLOATS, reset=False)
    return checked


def check_fitted(estimator: Any) -> None:
    """Raise NotFittedTransformError before the first fit, an InputError for no estimator."""
    try:
        check_is_fitted(estimator)
    except TypeError as error:  # a class, or something else altogether
        raise InputError(
            f"{estimator!r:.60} is no transform; give a fitted one, such as LEACE().fit(X, y)"
        ) from error
    except NotFittedError as error:
        name = type(estimator).__name__
        raise NotFittedTransformError(f"this {name} is not fitted yet; call fit first") from error


def check_strength(value: float) -> None:
    """Raise an InputError unless a strength is a number from 0 (nothing) to 1 (all)."""
    number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(
        value, bool
    )
    if not number or not 0 <= value <= 1:
        raise InputError(f"strength={value!r:.40}; give a number from 0 (nothing) to 1 (all of it)")


def keep_zero_rows(rows: NDArray[Any], made: NDArray[Any], who: str) -> NDArray[Any]:
    """Return `made` with the rows zero that were zero before, and warn of them.

    The zero vector is no vector but a missing one (an empty text, an unknown word); an affine map
    would send all of them to one point that looks like a text.
    """
    zero = ~rows.any(axis=1)
    if zero.any() and made[zero].any():
        made[zero] = 0
        warnings.warn(
            f"{who}: {int(zero.sum())} of {len(rows)} rows are the zero vector (the first is row "
            f"{int(zero.argmax())}), which stands for an empty text or an unknown word; they stay "
            "zero. Leave them out to have no such rows",
            TransformWarning,
            stacklevel=3,
        )
    return made
