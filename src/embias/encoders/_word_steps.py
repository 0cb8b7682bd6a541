"""Runs a transform on vectors; one that asks for the words of the items is given them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from embias.types import InContext, Stimulus

__all__ = ["run_transform", "word_of"]


def word_of(item: Stimulus) -> str | None:
    """Return what word an item is: a text itself, a word in context, and none for a picture."""
    if isinstance(item, InContext):
        return item.word
    return str(item) if isinstance(item, str) else None


def run_transform(transform: Any, rows: Any, words: Sequence[str | None]) -> Any:
    """Return what a transform, or a function, makes of rows.

    Parameters
    ----------
    transform : object
        Where it, or a step of it (a Pipeline), has ``takes_words = True``, it is called as
        ``transform(X, words=words)``.
    rows : array of shape (n, d)
        Given as a DataFrame to what was fitted on one.
    words : sequence of (str or None)
        The word of each row.
    """
    if _has_word_step(transform):
        # A Pipeline hands arguments on only where routing is switched on for all of scikit-learn.
        for _, step in transform.steps:
            if step is not None and not isinstance(step, str):
                rows = run_transform(step, rows, words)
        return rows
    method = getattr(transform, "transform", transform)
    given = _framed(rows, getattr(transform, "feature_names_in_", None))
    return method(given, words=list(words)) if _takes_words(transform) else method(given)


def _takes_words(transform: Any) -> bool:
    return getattr(transform, "takes_words", False) is True


def _has_word_step(transform: Any) -> bool:
    steps = getattr(transform, "steps", None)
    return isinstance(steps, list) and any(
        _takes_words(step) or _has_word_step(step) for _, step in steps
    )


def _framed(rows: Any, names: Any) -> Any:
    if names is None or hasattr(rows, "columns"):
        return rows
    import pandas as pd

    return pd.DataFrame(rows, columns=names)
