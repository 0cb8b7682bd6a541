"""Transforms inside an encoder may say when what is done next breaks what they guarantee."""

from __future__ import annotations

from typing import Any

from embias.types import Encoder

__all__ = ["ask_guards"]


def ask_guards(encoder: Encoder, later: Any) -> None:
    """Let every step before `later`, and within it, warn of the steps that come after it.

    Parameters
    ----------
    encoder : Encoder
        Whose transforms, innermost first, come before.
    later : object
        The transform that is put after it, or the name of a precision.

    Notes
    -----
    A step that guarantees something has a method ``warn_if_broken(later_steps)``, as those of
    embias.transforms do; any other is passed over.
    """
    before: list[Any] = []
    inside: Any = encoder
    while isinstance(inside, Encoder):
        before[:0] = _steps(getattr(inside, "_transform", None))
        inside = getattr(inside, "_encoder", None)
    steps = [*before, *_steps(later)]
    for i, step in enumerate(steps[:-1]):
        ask = getattr(step, "warn_if_broken", None)
        if callable(ask) and not isinstance(step, type):
            ask(steps[i + 1 :])


def _steps(transform: Any) -> list[Any]:
    if transform is None or (isinstance(transform, str) and transform == "passthrough"):
        return []
    steps = getattr(transform, "steps", None)
    if not isinstance(steps, list):
        return [transform]
    return [part for _, step in steps for part in _steps(step)]
