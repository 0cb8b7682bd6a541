"""Rows held out to watch a classifier by."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from embias.errors import InputError
from embias.stats.inputs import check_share
from embias.transforms._labels import Labels

__all__ = ["check_margin", "held_out_split"]


def check_margin(value: Any) -> None:
    """Raise an InputError unless a margin above the majority share is a number in [0, 1)."""
    number = isinstance(value, int | float | np.integer | np.floating)
    if not number or isinstance(value, bool) or not 0 <= value < 1:
        raise InputError(f"margin={value!r:.40}; give a number from 0 to below 1")


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
