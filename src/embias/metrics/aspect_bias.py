"""Aspect bias: which aspects of documents rule their neighbourhoods."""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from embias.errors import InputError
from embias.geometry.vectors import unit_rows
from embias.metrics._neighbours import check_k, neighbour_sets
from embias.metrics.card import EdgeCases, MetricCard
from embias.results import Interval, Measure
from embias.stats.bootstrap import bootstrap_interval, bootstrap_replicates, check_level
from embias.stats.inputs import check_size, seed_of
from embias.types import FloatArray

__all__ = ["AspectLabels", "aspect_bias"]

#: For each document one label, several, or None where it has none for this aspect.
AspectLabels: TypeAlias = Sequence[Hashable | Collection[Hashable] | None]

#: Numbers held at a time.
_NUMBERS = 2**22

CARD = MetricCard(
    name="aspect_bias",
    measures=(
        "Whether a space of documents puts one aspect (task, method, data set, ...) before the "
        "others: whether near documents agree in it more than in other aspects."
    ),
    formula=(
        "for each aspect p = mean share of a document's k nearest that share a label with it, c "
        "= the same of random documents, agreement (p - c) / (1 - c); value: largest less "
        "smallest agreement of all aspects"
    ),
    value_range="[0, inf), rarely above 1",
    no_bias="0: neighbours agree alike in all aspects; noise alone makes it positive",
    direction="larger: one aspect is put further before another; figures say which",
    pvalue="none; bootstrap interval over documents for the two aspects that differ most",
    caveats=(
        "Aspects with few documents a label are harder to agree in, which the correction for "
        "chance does not take away in full: compare spaces over the same labels. Labels that "
        "are missing or that depend on each other change the figure."
    ),
    edge_cases=EdgeCases(
        missing=(
            "a document without a label in an aspect (None) agrees with none there and is not asked"
        ),
        unequal="labels of any frequency; chance agreement is taken off",
        one_word="more documents than k are needed; an aspect in which no two agree is refused",
        duplicates="a document given twice is a neighbour of its copy and agrees with it",
        two_sets="a document may have several labels in an aspect: one in common is agreement",
    ),
    paper=(
        "after Ostendorff, Blume, Ruas, Gipp & Rehm 2022, JCDL (specialised document embeddings)"
    ),
    conventions=(
        "The paper compares the neighbours of a generic embedding with those of embeddings that "
        "are specialised for an aspect; with such embeddings neighbour_overlap does that. This "
        "figure asks the same question of labels, and corrects each aspect for chance."
    ),
    takes="vectors",
    needs="documents with labels in several aspects",
)


def aspect_bias(
    vectors: ArrayLike,
    aspects: Mapping[str, AspectLabels],
    *,
    k: int = 10,
    level: float = 0.95,
    n_resamples: int = 999,
    rng: int | np.random.Generator | None = 0,
) -> Measure:
    """Measure whether near documents agree more in one aspect than in another.

    Parameters
    ----------
    vectors : array_like of shape (n, d)
        One row per document.
    aspects : mapping of str to sequence
        For each aspect (two at least), one entry per document: a label, a list or set of
        labels, or None. Documents agree in an aspect when they have a label in common; one
        without labels agrees with none, and is not asked.
    k : int
        Number of neighbours by cosine, less than n.
    level : float
        Confidence of the interval, in (0, 1).
    n_resamples : int
        Bootstrap samples of documents (percentile), 100 at least.
    rng : int, Generator or None
        Seed.

    Returns
    -------
    Measure
        `value`, at least 0: 0 is no aspect bias. Its interval is that of the difference of the
        two aspects chosen from these data, so it is rather optimistic. Figures, for each aspect:
        ``agreement:NAME``, ``shared:NAME`` (p), ``chance:NAME`` (c), ``lead:NAME`` (agreement
        less the mean of all aspects).

    Raises
    ------
    InputError
        Fewer than two aspects, entries that do not match the rows, an aspect in which no two
        documents agree or all do, k out of range.
    VectorError
        A zero or non-finite vector.

    References
    ----------
    Ostendorff et al. 2022, JCDL, Specialized Document Embeddings for Aspect-based Similarity of
    Research Papers.
    """
    check_level(level)
    check_size("n_resamples", n_resamples, at_least=100)
    seed = seed_of(rng)
    units = unit_rows(vectors, "vectors")
    n = len(units)
    check_k(k, n)
    if not isinstance(aspects, Mapping) or len(aspects) < 2:
        raise InputError("aspects: give two aspects at least, as a mapping of name to labels")
    tables = {name: _table(name, labels, n) for name, labels in aspects.items()}
    found = neighbour_sets(units, units, k, own=np.arange(n))
    agreements = {name: _agreement(name, table, found) for name, table in tables.items()}
    values = {name: each.value for name, each in agreements.items()}
    most, least = max(values, key=values.__getitem__), min(values, key=values.__getitem__)
    mean = float(np.mean(list(values.values())))
    figures = {}
    for name, each in agreements.items():
        figures[f"agreement:{name}"] = each.value
        figures[f"shared:{name}"] = each.shared
        figures[f"chance:{name}"] = each.chance
        figures[f"lead:{name}"] = each.value - mean
    return Measure(
        metric="aspect_bias",
        value=values[most] - values[least],
        no_bias=0.0,
        value_range=(0.0, None),
        interval=_interval(agreements[most], agreements[least], level, n_resamples, seed),
        counts={
            "documents": n,
            "k": int(k),
            **{f"labelled:{name}": int(each.asked.sum()) for name, each in agreements.items()},
        },
        figures=figures,
        settings={"k": int(k), "most": most, "least": least, "seed": seed},
    )


@dataclass(frozen=True)
class _Agreement:
    shares: FloatArray  # of each document: the share of its neighbours that agree with it
    asked: NDArray[np.bool_]  # which documents have a label
    chance: float

    @property
    def shared(self) -> float:
        return float(self.shares[self.asked].mean())

    @property
    def value(self) -> float:
        return (self.shared - self.chance) / (1 - self.chance)


def _table(name: str, labels: AspectLabels, n: int) -> csr_array:
    """Return which document has which label, ones in a sparse (documents, labels) array."""
    if isinstance(labels, str) or len(labels) != n:
        raise InputError(f"aspects[{name!r}] has {len(labels)} entries for {n} vectors")
    numbers: dict[Hashable, int] = {}
    rows, columns = [], []
    for row, entry in enumerate(labels):
        if entry is None:
            continue
        several: Collection[Any] = [entry]
        if isinstance(entry, Collection) and not isinstance(entry, str | bytes):
            several = entry
        for label in dict.fromkeys(several):
            rows.append(row)
            columns.append(numbers.setdefault(label, len(numbers)))
    ones = np.ones(len(rows))
    return csr_array((ones, (rows, columns)), shape=(n, max(len(numbers), 1)))


def _agreement(name: str, table: csr_array, found: NDArray[np.intp]) -> _Agreement:
    n, k = found.shape
    common = table[np.repeat(np.arange(n), k)].multiply(table[found.ravel()]).sum(axis=1)
    shares = (np.asarray(common).reshape(n, k) > 0).mean(axis=1)
    asked = np.diff(table.indptr) > 0
    partners = _partners(table)
    chance = float((partners[asked] - 1).mean()) / (n - 1) if asked.any() else 0.0
    if not 0 < chance < 1:
        what = "all documents agree" if chance >= 1 else "no two documents agree"
        raise InputError(f"aspects[{name!r}]: {what}, so near ones cannot agree more; leave it out")
    return _Agreement(shares, asked, chance)


def _partners(table: csr_array) -> FloatArray:
    """Return how many documents each one has a label in common with, itself included."""
    labels = table.sorted_indices()
    ends = zip(labels.indptr[:-1], labels.indptr[1:], strict=True)
    # Documents with the same labels have the same partners: they are looked up once.
    numbers: dict[bytes, int] = {}
    kinds = [labels.indices[a:b].tobytes() for a, b in ends]
    kind = np.array([numbers.setdefault(each, len(numbers)) for each in kinds], dtype=np.intp)
    first = np.unique(kind, return_index=True)[1]
    distinct, sizes = table[first], np.bincount(kind).astype(np.float64)
    found = np.zeros(first.size)
    # In blocks: labels may be wide-spread.
    step = max(1, _NUMBERS // first.size)
    for start in range(0, first.size, step):
        block = (distinct[start : start + step] @ distinct.T).tocsr()
        block.data[:] = 1.0
        found[start : start + step] = block @ sizes
    partners: FloatArray = found[kind]
    return partners


def _interval(
    most: _Agreement, least: _Agreement, level: float, n_resamples: int, seed: int
) -> Interval | None:
    n = most.asked.size

    def of(each: _Agreement, times: FloatArray) -> FloatArray:
        with np.errstate(invalid="ignore", divide="ignore"):
            shared = times @ (each.shares * each.asked) / (times @ each.asked)
        found: FloatArray = (shared - each.chance) / (1 - each.chance)
        return found

    def draw(generator: np.random.Generator, size: int) -> FloatArray:
        found = np.empty(size)
        step = max(1, _NUMBERS // n)
        for start in range(0, size, step):
            part = slice(start, min(start + step, size))
            drawn = generator.integers(n, size=(part.stop - start, n))
            offset = np.arange(len(drawn))[:, None] * n
            times = np.bincount((drawn + offset).ravel(), minlength=drawn.size)
            weights = times.reshape(len(drawn), n).astype(np.float64)
            found[part] = of(most, weights) - of(least, weights)
        return found

    replicates = bootstrap_replicates(draw, n_resamples, seed)
    observed = most.value - least.value
    if not math.isfinite(observed) or np.isnan(replicates).mean() > 0.01:
        return None
    return bootstrap_interval(observed, replicates, level=level, method="percentile")
