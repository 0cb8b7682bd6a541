"""Readings of arguments that several transforms share."""

from __future__ import annotations

from typing import Any

import numpy as np

from embias.errors import InputError
from embias.stats.inputs import as_generator, check_rng

__all__ = ["count_of", "generator_of"]


def count_of(name: str, value: Any, d: int) -> int:
    """Return a number of dimensions that was given as a count or as a share of all `d`.

    Raises
    ------
    InputError
        Unless it is a whole number from 1 to d, or a float above 0 and up to 1.
    """
    if isinstance(value, int | np.integer) and not isinstance(value, bool) and 1 <= value <= d:
        return int(value)
    if isinstance(value, float | np.floating) and 0 < value <= 1:
        return max(1, round(float(value) * d))
    raise InputError(
        f"{name}={value!r:.40} of n_features={d} dimensions; give a whole number from 1 to {d}, or "
        "a share of them as a float above 0 and up to 1"
    )


def generator_of(random_state: Any) -> tuple[np.random.Generator, int | None]:
    """Return a generator, and its seed where it has one (a fresh one is drawn for None).

    Raises
    ------
    InputError
        Unless it is a seed, a Generator or None.
    """
    try:
        check_rng(random_state)
    except InputError as error:
        raise InputError(
            f"random_state={random_state!r:.60}; give a whole number from 0 on as the seed, or a "
            "numpy Generator"
        ) from error
    return as_generator(random_state)
