"""Asks a function that may fail for a while, and not more often than it allows."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from embias.encoders._show import shown
from embias.errors import InputError

__all__ = ["Clock", "Exhausted", "Pace", "Retry", "as_count", "as_exceptions"]

T = TypeVar("T")

_LONGEST_WAIT = 60.0
_JITTER = 0.25


@dataclass(frozen=True, slots=True)
class Clock:
    """What tells the time and waits; another one is put in its place in tests."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


class Exhausted(Exception):  # noqa: N818 - never reaches a caller; carries the last failure
    """Every attempt failed; ``__cause__`` is the last failure."""

    def __init__(self, attempts: int, last: Exception) -> None:
        super().__init__(attempts)
        self.attempts = attempts
        self.last = last


class Pace:
    """A token bucket that holds one token, so that requests are spread evenly.

    A larger bucket would allow a burst and then the full rate: up to twice the limit in the first
    minute, which the services that set such limits refuse.
    """

    def __init__(self, per_minute: float, clock: Clock) -> None:
        self._interval = 60.0 / per_minute
        self._clock = clock
        self._free_at: float | None = None

    def wait(self) -> None:
        """Return when the next request may start, and count it."""
        now = self._clock.now()
        # A loop, because a sleep may end early.
        while self._free_at is not None and now < self._free_at:
            self._clock.sleep(self._free_at - now)
            now = self._clock.now()
        self._free_at = now + self._interval


class Retry:
    """Calls again after a listed failure, waiting longer each time.

    Parameters
    ----------
    retries : int
        How many more times to ask after the first.
    on : tuple of exception classes
        What is worth asking again for; anything else comes through at once.
    backoff : float
        Seconds before the first repetition; doubled each time, up to a minute (or `backoff`,
        where that is longer), and lengthened by up to a quarter at random.
    pace : Pace or None
        Every attempt waits for it.
    """

    def __init__(
        self,
        retries: int,
        on: tuple[type[Exception], ...],
        backoff: float,
        *,
        pace: Pace | None,
        clock: Clock,
        jitter: random.Random,
    ) -> None:
        self._retries = retries
        self._on = on
        self._backoff = backoff
        self._pace = pace
        self._clock = clock
        self._jitter = jitter

    def call(self, ask: Callable[[], T]) -> T:
        """Return what `ask` returns.

        Raises
        ------
        Exhausted
            When the last repetition failed too. Without repetitions the failure itself comes
            through, and so does every exception that is not listed.
        """
        for attempt in range(self._retries + 1):
            if self._pace is not None:
                self._pace.wait()
            try:
                return ask()
            except self._on as error:
                if not self._retries:
                    raise
                if attempt == self._retries:
                    raise Exhausted(attempt + 1, error) from error
            self._clock.sleep(self._delay(attempt))
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _delay(self, attempt: int) -> float:
        longest = max(self._backoff, _LONGEST_WAIT)
        # 2.0**attempt overflows from 1024 on; long before that the wait has reached its limit.
        wait = min(self._backoff * 2.0 ** min(attempt, 64), longest)
        return wait * (1 + _JITTER * self._jitter.random())


def as_count(name: str, value: Any, least: int) -> int:
    """Return a whole number from `least` on."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InputError(
            f"{name} must be a whole number of at least {least}, got {shown(value)}; give an int"
        )
    return value


def as_positive(name: str, value: Any, *, zero: bool = False) -> float:
    """Return a finite number above zero, or from zero on."""
    fits = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not fits or not math.isfinite(value) or value < 0 or (value == 0 and not zero):
        rule = "of at least 0" if zero else "above 0"
        raise InputError(f"{name} must be a finite number {rule}, got {shown(value)}; give a float")
    return float(value)


def as_exceptions(name: str, value: Any) -> tuple[type[Exception], ...]:
    """Return exception classes as a tuple; one class may be given bare."""
    listed = value if isinstance(value, (tuple, list)) else (value,)
    for one in listed:
        if not (isinstance(one, type) and issubclass(one, Exception)):
            raise InputError(
                f"{name} must be classes of exceptions (below Exception), got {shown(one)}; give "
                "a tuple such as (ConnectionError, TimeoutError)"
            )
    return tuple(listed)
