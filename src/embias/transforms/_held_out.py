"""What transforms by classifiers share: one label a row, and rows held out to watch them by."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from embias.errors import InputError
from embias.stats.inputs import check_share
from embias.transforms._labels import Labels, label_columns, read_labels

__all__ = ["check_margin", "class_codes", "held_out_split", "one_label_a_row"]


def check_margin(value: Any) -> None:
    """Raise an InputError unless a margin above the majority share is a number in [0, 1)."""
    number = isinstance(value, int | float | np.integer | np.floating)
    if not number or isinstance(value, bool) or not 0 <= value < 1:
        raise InputError(f"margin={value!r:.40}; give a number from 0 to below 1")


def one_label_a_row(y: Any) -> Any:
    """Return the column number of each row's 1 for a one-hot matrix, else `y` as it is.

    Read as columns, it would be k concepts of two classes, with a classifier each.
    """
    if y is None:
        return y
    given = np.asarray(y)
    if given.ndim != 2 or given.shape[1] < 2 or given.dtype.kind not in "biuf":
        return y
    one_hot = np.isin(given, (0, 1)).all() and (given.sum(axis=1) == 1).all()
    return given.argmax(axis=1) if one_hot else y


def class_codes(y: Any, who: str) -> NDArray[np.intp]:
    """Return the class number of every row, for what works on one concept of classes.

    Raises
    ------
    InputError
        No labels, one class only, or several concepts: a column that is not looked at would stay
        in the vectors without a word.
    """
    given = one_label_a_row(y)
    columns = label_columns(given, "classes", who)
    if len(columns) > 1:
        raise InputError(
            f"{who}: y has {len(columns)} concepts; give one, or take LEACE or SAL for several"
        )
    return read_labels(given, columns, who).codes()


def held_out_split(
    labels: Labels, fraction: float, generator: np.random.Generator, who: str
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the numbers of the rows to train on, and of those held out, both in rising order.

    Every class (of several concepts, every combination of classes) is divided by itself; one
    with a single row goes to the training rows.

    Raises
    ------
    InputError
        A fraction not in (0, 1); no class with two rows.
    """
    check_share("validation_fraction", fraction)
    n = len(labels.values)
    held = np.zeros(n, dtype=bool)
    for members in _groups(labels):
        size = len(members)
        taken = min(max(round(fraction * size), 1), size - 1)
        held[generator.permutation(members)[:taken]] = True
    if not held.any():
        raise InputError(
            f"{who}: no class has two rows (n_samples={n}), so none can be held out; give more rows"
        )
    return np.flatnonzero(~held), np.flatnonzero(held)


def _groups(labels: Labels) -> list[NDArray[np.intp]]:
    coded = [labels.codes(i) for i, each in enumerate(labels.columns) if each.classes is not None]
    if not coded:
        return [np.arange(len(labels.values))]
    _, group = np.unique(np.column_stack(coded), axis=0, return_inverse=True)
    group = group.ravel()
    order = np.argsort(group, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(group[order])) + 1)
