"""The progress bar of what takes long in one call."""

from __future__ import annotations

from typing import Any

__all__ = ["progress_bar"]


def progress_bar(total: int, what: str, unit: str, shown: bool | None) -> Any:
    """Return a bar of tqdm, to be used in ``with`` and moved by its ``update()``.

    Parameters
    ----------
    total : int
        Steps in all.
    what, unit : str
        What is done, and what a step is.
    shown : bool or None
        None: on a terminal, where it takes more than a second.
    """
    from tqdm.auto import tqdm

    # None: nothing is shown where there is no terminal.
    hidden = None if shown is None else not shown
    delay = 1.0 if shown is None else 0.0
    return tqdm(total=total, desc=what, unit=unit, disable=hidden, delay=delay, leave=False)
