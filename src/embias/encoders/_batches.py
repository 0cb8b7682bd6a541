"""Cuts a list of items into batches that can be named, and calls a function on one."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from embias.encoders._items import label
from embias.encoders._show import shown
from embias.types import Stimulus

__all__ = ["Batch", "batches", "called"]


@dataclass(frozen=True, slots=True)
class Batch:
    """Some items of a call, and where they stand in it."""

    items: list[Stimulus]
    start: int
    number: int
    count: int

    @property
    def name(self) -> str:
        """``": batch 2 of 5"`` for the beginning of a message; nothing for an only batch."""
        return f": batch {self.number} of {self.count}" if self.count > 1 else ""

    @property
    def range(self) -> str:
        """The items in words: their places among those asked for, and the first by name."""
        stop = self.start + len(self.items)
        return f"items {self.start + 1} to {stop} (from {shown(label(self.items[0]))})"


def batches(items: list[Stimulus], size: int | None) -> list[Batch]:
    """Cut items into batches of at most `size`, in order."""
    step = size or max(len(items), 1)
    starts = range(0, len(items), step)
    return [
        Batch(items[start : start + step], start, number, len(starts))
        for number, start in enumerate(starts, start=1)
    ]


def called(fn: Callable[[list[Any]], Any], items: list[Any]) -> Any:
    """Return what a function returns for the items, after waiting for it if it is async."""
    returned = fn(items)
    if not inspect.isawaitable(returned):
        return returned
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(_awaited(returned))
    # Inside a running loop (a notebook) asyncio.run is refused: another thread has none.
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(asyncio.run, _awaited(returned)).result()


async def _awaited(returned: Awaitable[Any]) -> Any:
    return await returned
