"""What the benchmarks share: timing, the word vectors of a test, the machine."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from embias import StaticEncoder, load_suite
from embias.encoders import as_encoder
from embias.stimuli import ROLES
from embias.types import FloatArray

EXTRACT = "word2vec-googlenews-extract"
Result = TypeVar("Result")


def timed(function: Callable[[], Result], repeats: int = 1) -> tuple[float, Result]:
    """Return the shortest time of some runs, in seconds, and the last result."""
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        result = function()
        best = min(best, time.perf_counter() - start)
    return best, result


def weat_arrays() -> dict[str, list[FloatArray]]:
    """Return X, Y, A, B of the ten WEATs on the shipped word2vec vectors."""
    encoder = as_encoder(EXTRACT)
    assert isinstance(encoder, StaticEncoder)
    arrays = {}
    for test in load_suite("weat").tests:
        found = [[w for w in test.words(role).words if w in encoder] for role in ROLES]
        arrays[test.name] = [encoder.encode(words) for words in found]
    return arrays


def print_machine() -> None:
    """Print where the figures were measured."""
    print(f"Python {platform.python_version()}, numpy {np.__version__}, {platform.machine()}\n")
