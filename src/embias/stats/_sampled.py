"""Monte-Carlo relabelling: the last resort, with a seed and an interval for the p-value."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from embias.types import FloatArray

__all__ = ["MANY", "count_hits"]

#: Scores from which on subsets are drawn by bits; for fewer, by the smallest of random numbers.
MANY = 1000
#: Random numbers held at a time; row by row they are the same however many rows there are.
_NUMBERS_AT_ONCE = 2**22
#: Subsets drawn by bits at a time, of how many parts: one part stays near the processor.
_DRAWS_AT_ONCE = 2**14
_PARTS = 8
#: Binary digits of the share of scores that is taken at first, at most, and how many scores of a
#: part it may miss by.
_DIGITS = 8
_NEAR = 2.0
#: Times that a score is moved before the subsets that are done with are set aside.
_ROUNDS = 2
#: The bits of a byte.
_POWERS = np.left_shift(1, np.arange(8)).astype(np.uint8)


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
    sums = _sums_by_bits if scores.size >= MANY else _sums_by_numbers
    hits = 0
    for drawn in sums(scores, m, n_resamples, rng):
        extreme = np.zeros(drawn.size, dtype=bool)
        if upper is not None:
            extreme |= drawn >= upper
        if lower is not None:
            extreme |= drawn <= lower
        hits += int(np.count_nonzero(extreme))
    return hits


def _sums_by_numbers(
    scores: FloatArray, m: int, n_resamples: int, rng: np.random.Generator
) -> Iterator[FloatArray]:
    """Yield the sums of random m-subsets: those with the m smallest of n random numbers."""
    rows = max(1, _NUMBERS_AT_ONCE // scores.size)
    for start in range(0, n_resamples, rows):
        keys = rng.random((min(rows, n_resamples - start), scores.size))
        chosen = np.argpartition(keys, m - 1, axis=1)[:, :m]
        yield scores[chosen].sum(axis=1)


def _sums_by_bits(
    scores: FloatArray, m: int, n_resamples: int, rng: np.random.Generator
) -> Iterator[FloatArray]:
    """Yield the sums of random m-subsets of many scores, at a few bits for each score.

    A random m-subset has numbers of members in the parts of a division that follow the
    multivariate hypergeometric law; given these, its members in each part are any as many.
    """
    parts = np.array_split(scores, max(1, min(_PARTS, scores.size // 4)))
    tables = [_tables(part) for part in parts]
    for start in range(0, n_resamples, _DRAWS_AT_ONCE):
        size = min(_DRAWS_AT_ONCE, n_resamples - start)
        members = rng.multivariate_hypergeometric([part.size for part in parts], m, size=size)
        sums = np.zeros(size)
        for part, table, wanted in zip(parts, tables, members.T, strict=True):
            sums += _sums_of(part, table, wanted, _share(part.size, m / scores.size), rng)
        yield sums


def _sums_of(
    scores: FloatArray,
    tables: FloatArray,
    members: NDArray[np.int64],
    share: tuple[int, int],
    rng: np.random.Generator,
) -> FloatArray:
    """Return sums of random subsets of the scores, one for each number of members.

    Every score is taken independently with one chance. These subsets are handed to the numbers
    wanted by their size (the smallest to the smallest), and what is too much is dropped, or what
    is wanting added, one score at a time, each left with the same chance. The first step treats
    all subsets of one size alike, the second looks at sizes only, the third again treats alike
    what is left: so all subsets of the wanted size have the same chance, whatever that of a score
    in the first step was.
    """
    taken = _bits(scores.size, share, members.size, rng)
    sums, sizes = np.zeros(members.size), _ones(taken)
    for table, column in zip(tables, taken, strict=True):
        sums += table.take(column)
    of_size, of_members = np.argsort(sizes, kind="stable"), np.argsort(members, kind="stable")
    wanting = np.empty_like(members)
    wanting[of_size] = members[of_members] - sizes[of_size]
    _move(scores, taken, sums, wanting, rng)
    found = np.empty_like(sums)
    found[of_members] = sums[of_size]
    return found


def _tables(scores: FloatArray) -> FloatArray:
    """Return for each eight scores the sums of their 256 subsets, by the byte of the subset."""
    groups = np.zeros((math.ceil(scores.size / 8), 8))
    groups.ravel()[: scores.size] = scores
    sums = np.zeros((len(groups), 1))
    for place in range(8):
        sums = np.concatenate([sums, sums + groups[:, place, None]], axis=1)
    return sums


def _share(n: int, share: float) -> tuple[int, int]:
    """Return a chance for the bits of n scores near a share, as (numerator, digits)."""
    # Few that are taken are hard to find and drop, so that these should rather be wanting.
    wanted = max(0.0, n * share - 2 * (1 - 2 * share) ** 2)
    for digits in range(1, _DIGITS + 1):
        numerator = math.floor(wanted * 2**digits / n)
        if wanted - numerator * n / 2**digits <= _NEAR:
            break
    return numerator, digits


def _bits(n: int, share: tuple[int, int], size: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return subsets of independent bits that are 1 with chance N / 2**D, as bytes by draws."""
    shape = (math.ceil(n / 8), size)
    bits = np.zeros(shape, dtype=np.uint8)
    numerator, digits = share
    # Digits from the last on: with a chance of one half for each new bit, "or" makes (1 + p) / 2
    # of p, and "and" p / 2. Before the first 1 it stays at 0.
    for digit in range(digits):
        one = numerator >> digit & 1
        if one or numerator & (2**digit - 1):
            coins = np.frombuffer(rng.bytes(shape[0] * size), dtype=np.uint8).reshape(shape)
            bits = bits | coins if one else bits & coins
    # The last byte may have bits beyond the last score.
    bits[-1] &= np.uint8(0xFF >> (-n % 8))
    return bits


def _ones(taken: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return how many bits of each column are 1."""
    # Counts of two, of four and of eight bits, in place of the bits themselves.
    pairs = taken - (taken >> 1 & 0x55)
    fours = (pairs & 0x33) + (pairs >> 2 & 0x33)
    counts: NDArray[np.int64] = (fours + (fours >> 4) & 0x0F).sum(axis=0, dtype=np.int64)
    return counts


def _move(
    scores: FloatArray,
    taken: NDArray[np.uint8],
    sums: FloatArray,
    wanting: NDArray[np.int64],
    rng: np.random.Generator,
) -> None:
    """Drop scores at random where fewer than none are wanting, else add some; in place."""
    flat, size, n = taken.ravel(), sums.size, scores.size
    for sign in (-1, 1):
        rows = np.flatnonzero(sign * wanting > 0)
        left, gained = sign * wanting[rows], np.zeros(rows.size)
        while rows.size:
            for _ in range(_ROUNDS):
                # One score at random for each subset; what cannot be moved counts for nothing.
                item = rng.integers(n, size=rows.size)
                place = (item >> 3) * size + rows
                before, bit = flat.take(place), _POWERS.take(item & 7)
                fits = ((before & bit) == 0) == (sign > 0)
                fits &= left > 0
                here = np.flatnonzero(fits)
                flat[place[here]] = before[here] ^ bit[here]
                gained[here] += scores[item[here]]
                left[here] -= 1
            sums[rows] += sign * gained
            more = np.flatnonzero(left)
            rows, left, gained = rows[more], left[more], np.zeros(more.size)
