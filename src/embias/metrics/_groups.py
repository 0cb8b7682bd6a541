"""Groups of items, and the crossings of several groupings."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from embias.errors import InputError
from embias.metrics._labelled import Codes, labels_to_array

__all__ = ["Grouping", "as_columns", "crossings"]

#: Groupings that are crossed at most: five have 31 crossings.
_MOST_COLUMNS = 5


@dataclass(frozen=True)
class Grouping:
    """One grouping, or several crossed.

    Attributes
    ----------
    name : str
        Names of the groupings, ``"gender x skin"``.
    groups : list of str
        ``"f"`` of an unnamed grouping, else ``"gender=f, skin=dark"``.
    codes : ndarray of int, shape (n,)
        The group of each item.
    """

    name: str
    groups: list[str]
    codes: Codes


def as_columns(groups: Any, n: int) -> dict[str, tuple[list[str], Codes]]:
    """Return the groupings by name, each as labels and codes.

    Parameters
    ----------
    groups : array_like of shape (n,), or mapping (or data frame) of them
    n : int
        Number of items.

    Raises
    ------
    InputError
        Another number of items, missing labels, no or too many groupings.
    """
    if isinstance(groups, Mapping) or hasattr(groups, "columns"):
        columns = {str(name): groups[name] for name in groups}
    else:
        columns = {"": groups}
    if not 1 <= len(columns) <= _MOST_COLUMNS:
        raise InputError(f"groups has {len(columns)} groupings; give 1 to {_MOST_COLUMNS}")
    return {name: _coded(column, name, n) for name, column in columns.items()}


def _coded(column: ArrayLike, name: str, n: int) -> tuple[list[str], Codes]:
    shown = f"groups[{name!r}]" if name else "groups"
    labels = labels_to_array(column, shown)
    if labels.size != n:
        raise InputError(f"{shown} has {labels.size} entries for {n} items; give one for each item")
    texts = np.array([str(label) for label in labels])
    values, codes = np.unique(texts, return_inverse=True)
    if len(values) < 2:
        raise InputError(
            f"{shown} is {str(values[0])!r} for all items; there is nothing to compare"
        )
    return [str(value) for value in values], codes.ravel()


def crossings(columns: dict[str, tuple[list[str], Codes]]) -> list[Grouping]:
    """Return every grouping and every crossing of them, the one of all groupings last."""
    found = []
    for size in range(1, len(columns) + 1):
        for names in itertools.combinations(columns, size):
            cells = np.stack([columns[name][1] for name in names])
            values, codes = np.unique(cells, axis=1, return_inverse=True)
            labels = [
                ", ".join(
                    f"{name}={columns[name][0][code]}" if name else columns[name][0][code]
                    for name, code in zip(names, cell, strict=True)
                )
                for cell in values.T
            ]
            found.append(Grouping(" x ".join(names), labels, codes.ravel()))
    return found
