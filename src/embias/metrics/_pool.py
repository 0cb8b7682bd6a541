"""Rows of attribute words, each averaged with its neighbours in a pool of vectors."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from embias.errors import InputError
from embias.geometry.vectors import unit_rows
from embias.stats.inputs import as_numbers
from embias.types import FloatArray

__all__ = ["with_neighbours"]

#: Numbers of a block of the pool that are held at a time (8 MB).
_NUMBERS_AT_ONCE = 2**20


def with_neighbours(rows: FloatArray, pool: ArrayLike, neighbours: int, unit: bool) -> FloatArray:
    """Return each row averaged with the rows of the pool that are nearest to it by cosine.

    Parameters
    ----------
    rows : ndarray of shape (n, d)
        Checked rows, as they enter the average.
    pool : array_like of shape (m, d)
        Vectors of the vocabulary. A row of the word's own direction is the word itself and is
        passed over; among equal cosines the earlier row is nearer.
    neighbours : int
        How many are taken, at least 1.
    unit : bool
        Whether rows of the pool enter the average at unit length.

    Returns
    -------
    ndarray of shape (n, d)

    Raises
    ------
    InputError
        A pool of another dimension, or with too few other rows.
    VectorError
        A zero or non-finite row in the pool.
    """
    table = np.asarray(pool)
    if table.ndim != 2 or table.shape[1:] != rows.shape[1:] or len(table) == 0:
        raise InputError(
            f"pool has shape {table.shape}; give the vectors of a vocabulary, shape "
            f"(words, {rows.shape[1]})"
        )
    directions = unit_rows(rows, "rows")
    cosines = np.full((len(rows), 0), -np.inf)
    places = np.zeros((len(rows), 0), dtype=np.intp)
    step = max(1, _NUMBERS_AT_ONCE // table.shape[1])
    for start in range(0, len(table), step):
        block = unit_rows(table[start : start + step], f"pool, rows from {start} on: row")
        here = directions @ block.T
        _pass_over_itself(here, directions, block)
        cosines = np.hstack([cosines, here])
        order = np.arange(start, start + len(block))
        places = np.hstack([places, np.broadcast_to(order, here.shape)])
        # Stable, so that the earlier of two equal rows stays ahead.
        best = np.argsort(-cosines, axis=1, kind="stable")[:, :neighbours]
        cosines = np.take_along_axis(cosines, best, axis=1)
        places = np.take_along_axis(places, best, axis=1)
    found = np.count_nonzero(np.isfinite(cosines), axis=1)
    if found.min() < neighbours:
        raise InputError(
            f"neighbours={neighbours}, but the pool has {found.min()} rows other than the word "
            "itself; give a larger pool or fewer neighbours"
        )
    near = as_numbers(table[places.ravel()], "pool")
    near = (unit_rows(near, "pool") if unit else near).reshape(*places.shape, -1)
    averaged: FloatArray = (rows + near.sum(axis=1)) / (neighbours + 1)
    return averaged


def _pass_over_itself(cosines: FloatArray, directions: FloatArray, block: FloatArray) -> None:
    """Take out the rows of the block that are the word itself."""
    for word, row in np.argwhere(cosines > 1 - 1e-9):
        # A cosine near 1 does not tell vectors apart that differ by rounding from others.
        if np.abs(directions[word] - block[row]).max() < 1e-7:
            cosines[word, row] = -np.inf
