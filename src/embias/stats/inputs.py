"""Checks of arguments, and small figures, that all statistics share."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from embias.errors import InputError, did_you_mean
from embias.types import FloatArray

__all__ = [
    "as_generator",
    "as_numbers",
    "as_scores",
    "check_choice",
    "check_rng",
    "check_share",
    "check_size",
    "checked_scores",
    "pooled_sd",
    "seed_of",
]


def check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    """Raise an InputError that names the choices unless `value` is one of them."""
    if value not in choices:
        raise InputError(f"{name}={value!r} does not exist; {did_you_mean(str(value), choices)}")


def check_rng(rng: object) -> None:
    """Raise an InputError unless `rng` is a whole number from 0 on, a Generator or None."""
    if rng is None or isinstance(rng, np.random.Generator):
        return
    if isinstance(rng, bool) or not isinstance(rng, int | np.integer) or rng < 0:
        raise InputError(
            f"rng={rng!r:.60}; give a whole number from 0 on as the seed, or a numpy Generator"
        )


def as_numbers(values: ArrayLike, name: str) -> FloatArray:
    """Return values as a float64 array of their own.

    Parameters
    ----------
    values : array_like
        Numbers of any type and shape.
    name : str
        Name of the argument, for the error.

    Raises
    ------
    InputError
        Texts, dates, complex numbers, masked arrays, ragged rows, numbers beyond float64.
    """
    if isinstance(values, np.ma.MaskedArray):
        raise InputError(f"{name} is a masked array; give what counts, such as .compressed()")
    try:
        given = np.asarray(values)
        numeric = given.dtype.kind in "fiubO"
        array = given.astype(np.float64) if numeric else None
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{name}: not an array of numbers ({error})") from error
    if array is None:
        raise InputError(f"{name}: not an array of numbers (its type is {given.dtype})")
    return array


def as_scores(scores: ArrayLike, name: str) -> FloatArray:
    """Return scores as float64 after checking that they are finite numbers in one dimension."""
    array = as_numbers(scores, name)
    if array.ndim != 1 or array.size == 0:
        raise InputError(
            f"{name} has shape {array.shape}; give a one-dimensional array with at least one score"
        )
    bad = np.flatnonzero(~np.isfinite(array))
    if bad.size:
        raise InputError(
            f"{name}[{bad[0]}] is {array[bad[0]]}; scores must be finite "
            f"({bad.size} of {array.size} are not)"
        )
    return array


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


def as_generator(rng: int | np.random.Generator | None) -> tuple[np.random.Generator, int | None]:
    """Return a generator, and its seed where it has one (a fresh one is drawn for None)."""
    if isinstance(rng, np.random.Generator):
        return rng, None
    if rng is None:
        # 63 bits, so that the recorded seed fits every file format.
        rng = int(np.random.SeedSequence().generate_state(1, np.uint64)[0] >> 1)
    return np.random.default_rng(rng), int(rng)
