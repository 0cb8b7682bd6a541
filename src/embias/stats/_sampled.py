"""Monte-Carlo relabelling: the last resort, with a seed and an interval for the p-value."""

from __future__ import annotations

import numpy as np

from embias.types import FloatArray

__all__ = ["count_hits"]

#: Random numbers held at a time; row by row they are the same however many rows there are.
_NUMBERS_AT_ONCE = 2**22


def count_hits(
    scores: FloatArray,
    m: int,
    upper: float | None,
    lower: float | None,
    n_resamples: int,
    rng: np.random.Generator,
) -> int:
    """Draw random m-subsets of `scores` and count those whose sum is extreme.

    Parameters
    ----------
    scores : ndarray of shape (n,)
    m : int
        Size of the subsets.
    upper, lower : float or None
        A sum is extreme when it is at least `upper` or at most `lower`; None switches a side
        off.
    n_resamples : int
        Number of draws, without replacement within each draw.
    rng : Generator

    Returns
    -------
    int
    """
    hits = 0
    rows = max(1, _NUMBERS_AT_ONCE // scores.size)
    for start in range(0, n_resamples, rows):
        size = min(rows, n_resamples - start)
        keys = rng.random((size, scores.size))
        chosen = np.argpartition(keys, m - 1, axis=1)[:, :m]
        sums = scores[chosen].sum(axis=1)
        extreme = np.zeros(size, dtype=bool)
        if upper is not None:
            extreme |= sums >= upper
        if lower is not None:
            extreme |= sums <= lower
        hits += int(np.count_nonzero(extreme))
    return hits
