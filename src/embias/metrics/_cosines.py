"""What the measures of sensitivity share: cosines once, labels of rows."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embias.errors import InputError
from embias.geometry.vectors import check_same_dimension, unit_rows
from embias.types import FloatArray

__all__ = ["ROLES", "Cosines", "Labels", "Rows", "labels_of", "numbered"]

Labels: TypeAlias = Sequence[Hashable]
Rows: TypeAlias = NDArray[np.bool_]

ROLES: tuple[Literal["X", "Y", "A", "B"], ...] = ("X", "Y", "A", "B")


@dataclass(frozen=True)
class Cosines:
    """Cosines of all targets (X above Y) with the attributes."""

    with_a: FloatArray
    with_b: FloatArray
    n_x: int

    @classmethod
    def of(cls, x: ArrayLike, y: ArrayLike, a: ArrayLike, b: ArrayLike) -> Cosines:
        sets = {n: unit_rows(v, n) for n, v in (("x", x), ("y", y), ("a", a), ("b", b))}
        check_same_dimension(sets)
        targets = np.concatenate([sets["x"], sets["y"]])
        return cls(targets @ sets["a"].T, targets @ sets["b"].T, sets["x"].shape[0])

    @property
    def sizes(self) -> tuple[int, int, int, int]:
        n, n_a = self.with_a.shape
        return self.n_x, n - self.n_x, n_a, self.with_b.shape[1]

    def scores(self, keep_a: Rows, keep_b: Rows) -> tuple[FloatArray, FloatArray]:
        """Return s of X and of Y with the attributes that are kept."""
        scores = self.with_a @ (keep_a / keep_a.sum()) - self.with_b @ (keep_b / keep_b.sum())
        return scores[: self.n_x], scores[self.n_x :]


def labels_of(labels: Labels | None, size: int, role: str) -> Labels:
    """Return one label for each row, the row's number where none are given."""
    if labels is None:
        return range(size)
    if isinstance(labels, str) or len(labels) != size:
        raise InputError(
            f"{role} has {size} rows and {len(labels)} labels; give one label for each row"
        )
    return labels


def numbered(labels: Labels, role: str) -> tuple[list[Hashable], NDArray[np.intp]]:
    """Return the distinct labels and, for each row, which of them it has."""
    numbers: dict[Hashable, int] = {}
    try:
        index = [numbers.setdefault(label, len(numbers)) for label in labels]
    except TypeError as error:
        raise InputError(f"{role}: a label is not hashable ({error}); use strings") from error
    return list(numbers), np.array(index, dtype=np.intp)
