"""Rows as a transform takes them, and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embias.errors import InputError, VectorError
from embias.geometry.vectors import unit_rows
from embias.stats.inputs import as_numbers
from embias.types import FloatArray

__all__ = [
    "Rows",
    "applied",
    "check_transform",
    "fitted_on",
    "name_of",
    "normalises_after_erasing",
    "rows_from",
]


@dataclass(frozen=True, eq=False)
class Rows:
    """Vectors, with their words where a data frame says them.

    Attributes
    ----------
    values : ndarray of shape (n, d)
        float64, finite, no row of zeros.
    words : ndarray of shape (n,), or None
        The index of the data frame.
    columns : sequence, or None
    """

    values: FloatArray
    words: NDArray[Any] | None = None
    columns: Any = None

    def __len__(self) -> int:
        return len(self.values)

    def take(self, which: NDArray[np.intp]) -> Rows:
        """Return some of the rows."""
        words = None if self.words is None else self.words[which]
        return Rows(self.values[which], words, self.columns)

    def given(self) -> Any:
        """Return what the transform is handed: an array, or a data frame as the caller gave."""
        if self.columns is None:
            return self.values.copy()
        import pandas as pd

        return pd.DataFrame(self.values.copy(), index=self.words, columns=self.columns)


def rows_from(vectors: ArrayLike, name: str, like: Rows | None = None) -> Rows:
    """Return vectors after checking them.

    Parameters
    ----------
    vectors : array_like or DataFrame of shape (n, d)
    name : str
        Name of the argument, for the error.
    like : Rows, optional
        Rows of the same space, whose dimension and columns these must have.

    Raises
    ------
    InputError
        Not a matrix of numbers, or of another dimension.
    VectorError
        A row that is NaN, infinite or zero.
    """
    unit_rows(vectors, name)
    values = as_numbers(vectors, name)
    index, columns = getattr(vectors, "index", None), getattr(vectors, "columns", None)
    words = None if columns is None or index is None else np.asarray(index)
    if like is None:
        return Rows(values, words, columns)
    if values.shape[1] != like.values.shape[1]:
        raise InputError(
            f"{name} has {values.shape[1]} dimensions and X {like.values.shape[1]}; give vectors "
            "of the same encoder"
        )
    return Rows(values, words, like.columns)


def check_transform(transform: Any, *, fitted: bool) -> None:
    """Raise an InputError for what is no transform, or is not fitted where it has to be."""
    if isinstance(transform, type):
        raise InputError(
            f"transform is the class {transform.__name__}; give {transform.__name__}()"
        )
    needed = ("transform",) if fitted else ("transform", "fit", "get_params")
    for method in needed:
        if not callable(getattr(transform, method, None)):
            cure = "" if method == "transform" else ", or fit it and say fit=False"
            raise InputError(
                f"transform is a {type(transform).__name__} without {method}(); give an estimator "
                f"with fit and transform{cure}"
            )
    if fitted and hasattr(transform, "fit"):
        from embias.transforms._checks import check_fitted

        check_fitted(transform)


def applied(transform: Any, rows: Rows, normalise: bool) -> FloatArray:
    """Return the rows after the transform, as float64, at unit length if asked.

    Raises
    ------
    InputError
        When the transform refuses the rows, or returns something else than a row for each.
    VectorError
        When it makes a row NaN, infinite or zero.
    """
    who = type(transform).__name__
    try:
        made = transform.transform(rows.given())
    except InputError:
        raise
    except ValueError as error:  # scikit-learn's words; its NotFittedError is one too
        raise InputError(f"{who}.transform: {error}") from error
    made = made.toarray() if hasattr(made, "toarray") else made
    values = as_numbers(made, f"what {who} returned")
    if values.ndim != 2 or len(values) != len(rows):
        raise InputError(
            f"{who}.transform returned an array of shape {values.shape} for {len(rows)} rows; one "
            "row for each is needed"
        )
    try:
        unit = unit_rows(values, "the rows after it")
    except VectorError as error:
        raise VectorError(
            f"{who}: {error} (what has no direction cannot be measured: take these rows out of X)"
        ) from error
    return unit if normalise else values


def fitted_on(transform: Any, rows: Rows, labels: NDArray[Any]) -> Any:
    """Return a copy of a transform, fitted on rows and labels.

    Raises
    ------
    InputError
        When the rows cannot be fitted on.
    """
    from sklearn.base import clone

    try:
        return clone(transform).fit(rows.given(), labels)
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"{type(transform).__name__}.fit: {error}") from error


def name_of(transform: Any) -> str:
    """Return the class of a transform with its plain parameters that are not the default.

    Steps of a pipeline are joined by ``" | "``.
    """
    from embias.transforms.folding import steps_of

    return " | ".join(_name_of_step(step) for step in steps_of(transform))


def _name_of_step(step: Any) -> str:
    import inspect

    defaults = inspect.signature(type(step).__init__).parameters
    given = step.get_params(deep=False) if hasattr(step, "get_params") else {}
    shown = [
        f"{name}={value!r}"
        for name, value in given.items()
        if isinstance(value, bool | int | float | str)
        and (name not in defaults or defaults[name].default != value)
    ]
    return f"{type(step).__name__}({', '.join(shown)})" if shown else type(step).__name__


def normalises_after_erasing(transform: Any) -> bool:
    """Whether a pipeline brings rows to unit length after a step that makes a covariance zero.

    (A component that is projected out stays out at any length.)
    """
    from sklearn.preprocessing import Normalizer

    from embias.transforms import TRANSFORMS
    from embias.transforms.folding import steps_of

    cards = [card for card in TRANSFORMS.values() if card.guarantee == "covariance"]
    erasers = tuple(card.estimator for card in cards)
    erased = False
    for step in steps_of(transform):
        if erased and isinstance(step, Normalizer):
            return True
        erased = erased or isinstance(step, erasers)
    return False
