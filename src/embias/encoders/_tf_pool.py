"""How the vectors of tokens become one vector: weights over tokens, and sums over windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embias.encoders._tf_tokens import Integers, Tokens

OF_TEXTS = ("cls", "mean", "max", "last", "weighted-mean")
OF_WORDS = ("first", "mean", "last")


@dataclass(frozen=True, slots=True)
class Part:
    """What one forward pass adds to the vector of one item.

    The tokens at `places` of the pass, weighted by `weights` (which sum to 1), or their maximum
    where `weights` is None; `share` is how much that counts among the windows of a long text.
    """

    places: Integers
    weights: NDArray[np.float32] | None
    share: float


@dataclass(frozen=True, slots=True)
class Rules:
    """Which tokens may be in the pool of a text."""

    special_tokens: bool
    include_prompt: bool


def taken(tokens: Tokens, window: tuple[int, int]) -> Integers:
    """Return the indices of the tokens in a pass: specials and prompt stand around every window."""
    a, b = window
    whole = np.arange(len(tokens))
    return np.concatenate([whole[: tokens.head], whole[a:b], whole[tokens.tail :]])


def text_parts(
    tokens: Tokens,
    intervals: Sequence[tuple[int, int]],
    owner: Integers,
    poolings: Sequence[str],
    rules: Rules,
) -> list[dict[str, Part]]:
    """Return what each window adds to the vector of the whole text, for each pooling.

    Each token counts once. A token of the text is taken from the window that owns it, leading
    specials and the prompt from the first window, trailing specials from the last.
    """
    allowed = np.ones(len(tokens), dtype=bool) if rules.special_tokens else ~tokens.special
    if not rules.include_prompt:
        allowed[tokens.lead : tokens.head] = False
    source = np.zeros(len(tokens), dtype=np.int64)
    start, stop = intervals[0][0], intervals[-1][1]
    source[start:stop] = owner
    source[tokens.tail :] = len(intervals) - 1
    parts = []
    for number, window in enumerate(intervals):
        take = taken(tokens, window)
        pool = np.flatnonzero(allowed[take] & (source[take] == number))
        size = int((owner == number).sum())
        end = np.flatnonzero(allowed[take])[-1:]
        parts.append({name: _part(name, pool, take, end, size) for name in poolings})
    return parts


def _part(pooling: str, pool: Integers, take: Integers, end: Integers, size: int) -> Part:
    if pooling == "max":
        return Part(pool, None, float(len(pool)))
    if pooling in {"cls", "last"}:  # every window has its own: they count by the tokens they own
        place = np.zeros(1, dtype=np.int64) if pooling == "cls" else end
        return Part(place, np.ones(1, dtype=np.float32), float(size))
    # Positions are counted over the whole input, specials and prompt included, from 1.
    raw = np.ones(len(pool)) if pooling == "mean" else (take[pool] + 1).astype(np.float64)
    return Part(pool, (raw / max(raw.sum(), 1.0)).astype(np.float32), float(raw.sum()))


def word_part(found: Integers, take: Integers, subtokens: str) -> Part:
    """Return the part of a word whose tokens `found` are all in the pass."""
    places = np.searchsorted(take, found)
    if subtokens != "mean":
        places = places[:1] if subtokens == "first" else places[-1:]
    return Part(places, np.full(len(places), 1 / len(places), dtype=np.float32), 1.0)


def pooled(hidden: Any, part: Part) -> Any:
    """Return the pooled vector of ``hidden`` (tokens, d), a tensor (d,); only its tokens count."""
    import torch

    picked = hidden[torch.as_tensor(part.places, device=hidden.device)]
    if part.weights is None:
        return picked.amax(dim=0) if len(picked) else hidden.new_full(hidden.shape[1:], -torch.inf)
    return torch.as_tensor(part.weights, device=hidden.device) @ picked


def combined(
    rows: Sequence[NDArray[np.float32]], shares: Sequence[float], pooling: str
) -> NDArray[np.float32]:
    """Return the vector of a text from those of its windows."""
    if len(rows) == 1:
        return rows[0]
    stacked = np.stack(rows).astype(np.float64)
    if pooling == "max":
        return np.asarray(stacked.max(axis=0), dtype=np.float32)
    weights = np.asarray(shares)
    used = weights > 0
    return np.asarray(weights[used] @ stacked[used] / weights[used].sum(), dtype=np.float32)
