"""What an audit hands to a metric: the vectors of one test, one row per word."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from embias.audit.inputs import Settings
from embias.audit.vectors import WordVectors
from embias.metrics import MetricCard, RoleVectors
from embias.stimuli import ROLES, AssociationTest, Role
from embias.types import FloatArray, Stimulus

__all__ = ["found_pairs", "generator", "measured_words", "role_vectors"]


def role_vectors(
    card: MetricCard,
    test: AssociationTest,
    sets: dict[Role, WordVectors],
    settings: Settings,
    names: tuple[str, ...],
) -> RoleVectors:
    """Return what a metric is computed from; `names` decide what is drawn."""
    means = {role: _word_means(sets[role]) for role in ROLES}
    return RoleVectors(
        x=means["X"],
        y=means["Y"],
        a=means["A"],
        b=means["B"],
        pairs=found_pairs(test, sets),
        rng=generator(settings.seed, *names),
        alternative=settings.alternative,
        level=settings.level,
        ddof=settings.ddof,
        every=np.stack([means[role][row] for role, row, _ in _each_once(test, sets)]),
        contexts={role: _by_word(sets[role]) for role in ROLES}
        if card.takes == "contexts"
        else None,
    )


def _word_means(vectors: WordVectors) -> FloatArray:
    """Return one row per word, the mean over its sentences, in the order of the words."""
    rows = np.stack(vectors.rows).astype(np.float64)
    words, first, of_row = np.unique(vectors.words, return_index=True, return_inverse=True)
    if len(words) == len(rows):
        return rows
    sums = np.zeros((len(words), rows.shape[1]))
    np.add.at(sums, of_row, rows)
    means: FloatArray = (sums / np.bincount(of_row)[:, None])[np.argsort(first)]
    return means


def _by_word(vectors: WordVectors) -> tuple[FloatArray, ...]:
    """Return the rows of every word, in the order of the words."""
    rows: dict[str, list[FloatArray]] = {}
    for word, row in zip(vectors.words, vectors.rows, strict=True):
        rows.setdefault(word, []).append(row)
    return tuple(np.stack(each).astype(np.float64) for each in rows.values())


def found_pairs(test: AssociationTest, sets: dict[Role, WordVectors]) -> NDArray[np.intp] | None:
    """Return the rows of X and Y of each pair of which both words were found."""
    if not test.pairs:
        return None
    x, y = ({w: i for i, w in enumerate(_found(sets[role]))} for role in ROLES[:2])
    found = [(x[first], y[second]) for first, second in test.pairs if first in x and second in y]
    return np.array(found, dtype=np.intp).reshape(-1, 2)


def measured_words(
    card: MetricCard, test: AssociationTest, sets: dict[Role, WordVectors]
) -> tuple[str, ...]:
    """Return the words that the scores of a metric are of."""
    if card.measured == "all":
        return tuple(word for _, _, word in _each_once(test, sets))
    roles: dict[str, tuple[Role, ...]] = {"targets": ("X", "Y"), "attributes": ("A", "B")}
    return tuple(word for role in roles.get(card.measured, ()) for word in _found(sets[role]))


def _each_once(test: AssociationTest, sets: dict[Role, WordVectors]) -> list[tuple[Role, int, str]]:
    """Return role, row and name of every found word, without those that stood in a role before."""
    # What is encoded says whether two are one: a picture may have two names.
    kept: dict[tuple[Stimulus, ...], tuple[Role, int, str]] = {}
    for role in ROLES:
        for row, word in enumerate(_found(sets[role])):
            kept.setdefault(test.stimuli(word), (role, row, word))
    return list(kept.values())


def _found(vectors: WordVectors) -> list[str]:
    return list(dict.fromkeys(vectors.words))


def generator(seed: int, *names: str) -> np.random.Generator:
    """Return a generator that depends on the seed and on the names of what is measured."""
    # From the names, not from the running order: adding a test leaves the others as they were.
    digest = hashlib.sha256("\0".join(names).encode("utf-8", "surrogatepass")).digest()
    return np.random.default_rng([seed, *np.frombuffer(digest, dtype=np.uint32).tolist()])
