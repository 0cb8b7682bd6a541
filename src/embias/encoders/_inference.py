"""Switches dropout off while a model is in use, and puts the caller's mode back after that."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

__all__ = ["for_inference"]

# By module, not by model: two encoders may share a part of their models.
_users: WeakKeyDictionary[Any, int] = WeakKeyDictionary()
# Reentrant: a pass that was left half-way ends when Python collects it, in whatever thread.
_lock = threading.RLock()


@contextmanager
def for_inference(model: Any) -> Iterator[None]:
    """Switch dropout off for the time of a call, and leave a caller's model as it was.

    Threads may use one model at the same time: the last of them that leaves puts the mode back.
    """
    held = []
    try:
        with _lock:
            for module in model.modules():
                if module.training or module in _users:
                    _users[module] = _users.get(module, 0) + 1
                    held.append(module)
                    module.training = False
        yield
    finally:
        with _lock:
            for module in held:
                _users[module] -= 1
                if not _users[module]:
                    del _users[module]
                    module.training = True
