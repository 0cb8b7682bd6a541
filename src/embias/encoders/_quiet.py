"""Keeps the model libraries quiet for the time of a call, and leaves their settings as found."""

from __future__ import annotations

import importlib
import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_LOGGERS = ("sentence_transformers", "transformers", "huggingface_hub")


@contextmanager
def quiet() -> Iterator[None]:
    """Silence warnings and log lines below errors; exceptions still come through."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def no_progress_bars() -> Iterator[None]:
    """Switch off the bars of transformers and huggingface_hub; both must be imported."""
    # Imported by name: the switches are documented, but not exported in the typed sense.
    hub: Any = importlib.import_module("huggingface_hub.utils")
    bars = sys.modules["transformers"].utils.logging
    of_transformers, of_hub = bars.is_progress_bar_enabled(), not hub.are_progress_bars_disabled()
    try:
        # The switch of transformers also moves the one of the hub, so it goes first both times.
        bars.disable_progress_bar()
        hub.disable_progress_bars()
        yield
    finally:
        if of_transformers:
            bars.enable_progress_bar()
        if of_hub:
            hub.enable_progress_bars()
        elif of_transformers:
            hub.disable_progress_bars()
