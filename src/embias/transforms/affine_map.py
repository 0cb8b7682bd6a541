"""Affine maps of row vectors: what an affine transform is once it is fitted."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embias.types import FloatArray

__all__ = ["AffineMap", "DenseMap", "LowRankMap", "compose", "identity_map"]


class AffineMap(ABC):
    """A fixed map ``x' = x A' + b`` from rows of `n_in` to rows of `n_out` coordinates."""

    @property
    @abstractmethod
    def n_in(self) -> int:
        """Coordinates of a row that goes in."""

    @property
    @abstractmethod
    def n_out(self) -> int:
        """Coordinates of a row that comes out."""

    @abstractmethod
    def apply(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Map rows, shape (n, n_in) to (n, n_out), in the number type of the rows.

        float16 is computed in float32; whole numbers in float64. The rows are not changed.
        """

    @abstractmethod
    def dense(self) -> tuple[FloatArray, FloatArray]:
        """Return ``A`` of shape (n_out, n_in) and ``b`` of shape (n_out,), float64."""


@dataclass(frozen=True, eq=False)
class LowRankMap(AffineMap):
    """``x' = x - (x right' - offset) left'``: everything stays but r directions.

    Attributes
    ----------
    left : ndarray of shape (d, r)
    right : ndarray of shape (r, d)
        Only their product is determined.
    offset : ndarray of shape (r,)
        ``right @ center`` where the map is the identity at a center.
    """

    left: FloatArray
    right: FloatArray
    offset: FloatArray

    def __post_init__(self) -> None:
        _freeze(self, "left", "right", "offset")

    @classmethod
    def about(cls, center: FloatArray, left: FloatArray, right: FloatArray) -> LowRankMap:
        """Return ``x - (x - center) right' left'``, which leaves `center`, shape (d,), alone."""
        return cls(left, right, right @ center)

    @property
    def n_in(self) -> int:  # noqa: D102
        return int(self.left.shape[0])

    @property
    def n_out(self) -> int:  # noqa: D102
        return int(self.left.shape[0])

    @property
    def rank(self) -> int:
        """Number of factors: no more than this many directions are changed."""
        return int(self.left.shape[1])

    def apply(self, rows: NDArray[Any]) -> NDArray[Any]:  # noqa: D102
        work = _work_type(rows)
        given = rows.astype(work, copy=False)
        if self.rank == 0:
            return given.astype(_result_type(rows), copy=True)
        along = given @ self.right.T.astype(work)
        along -= self.offset.astype(work)
        moved = along @ self.left.T.astype(work)
        np.subtract(given, moved, out=moved)
        result: NDArray[Any] = moved.astype(_result_type(rows), copy=False)
        return result

    def dense(self) -> tuple[FloatArray, FloatArray]:  # noqa: D102
        removed = self.left @ self.right
        return np.eye(self.n_in) - removed, self.left @ self.offset

    def scaled(self, strength: float) -> LowRankMap:
        """Return the map a part of the way from the identity (0) to this one (1)."""
        return LowRankMap(self.left * strength, self.right, self.offset)


@dataclass(frozen=True, eq=False)
class DenseMap(AffineMap):
    """``x' = x matrix' + offset``.

    Attributes
    ----------
    matrix : ndarray of shape (n_out, n_in)
    offset : ndarray of shape (n_out,)
    """

    matrix: FloatArray
    offset: FloatArray

    def __post_init__(self) -> None:
        _freeze(self, "matrix", "offset")

    @property
    def n_in(self) -> int:  # noqa: D102
        return int(self.matrix.shape[1])

    @property
    def n_out(self) -> int:  # noqa: D102
        return int(self.matrix.shape[0])

    def apply(self, rows: NDArray[Any]) -> NDArray[Any]:  # noqa: D102
        work = _work_type(rows)
        made = rows.astype(work, copy=False) @ self.matrix.T.astype(work)
        made += self.offset.astype(work)
        result: NDArray[Any] = made.astype(_result_type(rows), copy=False)
        return result

    def dense(self) -> tuple[FloatArray, FloatArray]:  # noqa: D102
        return self.matrix.copy(), self.offset.copy()


def identity_map(dim: int) -> LowRankMap:
    """Return the map that changes nothing."""
    return LowRankMap(np.zeros((dim, 0)), np.zeros((0, dim)), np.zeros(0))


def compose(first: AffineMap, second: AffineMap) -> AffineMap:
    """Return one map that does what `first` and then `second` do.

    Two low-rank maps stay low-rank as long as that saves work.
    """
    if isinstance(first, LowRankMap) and isinstance(second, LowRankMap):
        rank = first.rank + second.rank
        if 2 * rank <= first.n_in:
            return _compose_low_rank(first, second)
    matrix, offset = first.dense()
    matrix_2, offset_2 = second.dense()
    return DenseMap(matrix_2 @ matrix, offset @ matrix_2.T + offset_2)


def _compose_low_rank(first: LowRankMap, second: LowRankMap) -> LowRankMap:
    # x2 = x - (x R1' - o1)(L1 - L2 R2 L1)' - (x R2' - o2) L2', written out from both maps.
    left = np.hstack([first.left - second.left @ (second.right @ first.left), second.left])
    right = np.vstack([first.right, second.right])
    return LowRankMap(left, right, np.concatenate([first.offset, second.offset]))


def _freeze(owner: object, *names: str) -> None:
    for name in names:
        values = np.array(getattr(owner, name), dtype=np.float64)
        values.setflags(write=False)
        object.__setattr__(owner, name, values)


def _result_type(rows: NDArray[Any]) -> Any:
    return rows.dtype if rows.dtype.kind == "f" else np.dtype(np.float64)


def _work_type(rows: NDArray[Any]) -> Any:
    kind = _result_type(rows)
    return np.dtype(np.float32) if kind.itemsize < 4 else kind
