"""Checks and small figures that the tests built on :func:`permutation_pvalue` share."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from embias.errors import InputError
from embias.stats.permutation import as_generator, as_scores
from embias.types import FloatArray

__all__ = ["check_share", "check_size", "checked_scores", "pooled_sd", "seed_of"]


def checked_scores(scores: ArrayLike, name: str, *, at_least: int = 1) -> FloatArray:
    """Return the scores as float64 after checking them.

    Parameters
    ----------
    scores : array_like of shape (n,)
        Finite scores.
    name : str
        Name of the argument, for the error.
    at_least : int
        Number of scores that are needed.

    Returns
    -------
    ndarray of shape (n,)

    Raises
    ------
    InputError
        Empty, too short, not numeric, non-finite or not one-dimensional.
    """
    array = as_scores(scores, name)
    if array.size < at_least:
        raise InputError(
            f"{name} has {array.size} score(s); at least {at_least} are needed here, "
            "so give more words"
        )
    return array


def check_share(name: str, value: float, low: float = 0.0, high: float = 1.0) -> None:
    """Raise an InputError unless ``low < value < high``; NaN is refused too."""
    if not low < value < high:
        raise InputError(f"{name}={value!r}; give a share above {low:g} and below {high:g}")


def check_size(name: str, value: int, at_least: int = 1) -> None:
    """Raise an InputError unless `value` is a whole number from `at_least` on."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or value < at_least:
        raise InputError(f"{name}={value!r}; give a whole number from {at_least} on")


def pooled_sd(x: FloatArray, y: FloatArray) -> float:
    """Return the pooled within-set standard deviation.

    Parameters
    ----------
    x, y : ndarray of shape (n_x,), (n_y,)
        Three scores in all at least.

    Returns
    -------
    float
        At least 0, on ``n_x + n_y - 2`` degrees of freedom; exactly 0 when what is left
        within the sets is rounding.
    """
    squares = float(((x - x.mean()) ** 2).sum() + ((y - y.mean()) ** 2).sum())
    sd = math.sqrt(squares / (x.size + y.size - 2))
    rounding = 1e-14 * max(float(np.abs(x).max()), float(np.abs(y).max()))
    return sd if sd > rounding else 0.0


def seed_of(rng: int | np.random.Generator | None) -> int:
    """Return one number that can seed many draws.

    Parameters
    ----------
    rng : int, Generator or None
        A number is returned as it is; a Generator gives its next number; None a fresh one.

    Returns
    -------
    int
    """
    generator, seed = as_generator(rng)
    return int(generator.integers(2**63)) if seed is None else seed
