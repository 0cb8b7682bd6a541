"""What a report card is made of, checked, in an order that does not depend on how it came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embias.audit._card_rows import Rows, rows_from
from embias.errors import InputError
from embias.metrics._labelled import Codes, canonical_order, class_codes, labels_to_array
from embias.metrics._probes import split_units

__all__ = ["Labelled", "labelled"]


@dataclass(frozen=True, eq=False)
class Labelled:
    """Rows with their labels.

    Attributes
    ----------
    rows : Rows
    labels : ndarray of shape (n,)
        As given, for the fit.
    codes : ndarray of int, shape (n,)
        The class of each row.
    classes : list of str
    group : ndarray of int, shape (n,), or None
        What may not be on both sides of a split, as numbers; None where every row is its own.
    unit : ndarray of int, shape (n,)
        The same, with rows of equal coordinates together.
    task : ndarray of int, shape (n,), or None
        Labels of the concept that should stay.
    """

    rows: Rows
    labels: NDArray[Any]
    codes: Codes
    classes: list[str]
    group: Codes | None
    unit: Codes
    task: Codes | None

    def __len__(self) -> int:
        return self.codes.size

    @property
    def mixed(self) -> bool:
        """Whether a group has rows of several classes (a template with words of both sides)."""
        if self.group is None:
            return False
        return bool(np.unique(np.stack([self.group, self.codes]), axis=1).shape[1] > self.n_groups)

    @property
    def n_groups(self) -> int:
        """Number of groups, of rows where there are none."""
        return len(self) if self.group is None else int(self.group.max()) + 1


def labelled(X: ArrayLike, y: ArrayLike, groups: Any, task: Any) -> Labelled:
    """Return the rows with their labels, after checking them.

    Raises
    ------
    InputError
        One class only, numbers with a fraction as labels, another number of labels than rows.
    VectorError
        A row that is NaN, infinite or zero.
    """
    rows = rows_from(X, "X")
    given = _column(y, "y")
    classes, codes = class_codes(given, len(rows), "y")
    group = None if groups is None else _numbers(groups, len(rows), "groups")
    wanted = None if task is None else class_codes(_column(task, "task"), len(rows), "task")[1]
    number = canonical_order(rows.values)[1]
    keys = [each for each in (wanted, group) if each is not None]
    order = np.lexsort((*keys, codes, number))
    own = np.arange(len(rows)) if group is None else group[order]
    return Labelled(
        rows=rows.take(order),
        labels=given[order],
        codes=codes[order],
        classes=classes,
        group=None if group is None else own,
        unit=split_units(own, number[order]),
        task=None if wanted is None else wanted[order],
    )


def _column(labels: Any, name: str) -> NDArray[Any]:
    array = labels_to_array(labels, name)
    if array.dtype.kind == "f" and (array % 1).any():
        raise InputError(
            f"{name} holds numbers with a fraction ({array[array % 1 != 0][0]}); a report card "
            "needs classes, so give labels (numbers cut into bins, say)"
        )
    return array


def _numbers(groups: Any, n: int, name: str) -> Codes:
    array = labels_to_array(groups, name)
    if array.size != n:
        raise InputError(f"{name} has {array.size} entries for {n} rows; give one for each row")
    numbers: Codes = np.unique(array, return_inverse=True)[1].ravel()
    return numbers
