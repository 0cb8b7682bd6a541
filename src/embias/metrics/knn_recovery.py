"""Whether a word's side can be read from its nearest neighbours' sides."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from embias.errors import InputError
from embias.geometry.vectors import unit_rows
from embias.metrics._labelled import Codes, class_codes, same_rows, word_codes
from embias.metrics._neighbours import neighbour_sets
from embias.metrics._relabel import Relabelled, tally
from embias.metrics._sides import target_sides
from embias.metrics.card import EdgeCases, MetricCard, RoleVectors
from embias.results import Measure
from embias.stats.bootstrap import check_level
from embias.stats.inputs import as_generator, check_rng, check_size
from embias.stats.proportion import wilson_interval
from embias.types import FloatArray

__all__ = ["knn_recovery"]

#: Words on each side that an audit asks for: a side must be able to fill a neighbourhood of 5.
_FEWEST = 6
#: Votes held at a time.
_VOTES_AT_ONCE = 2**21


def knn_recovery(
    vectors: ArrayLike,
    labels: ArrayLike,
    *,
    k: int = 5,
    words: ArrayLike | None = None,
    original: ArrayLike | None = None,
    n_resamples: int | None = None,
    level: float = 0.95,
    rng: int | np.random.Generator | None = None,
) -> Measure:
    """Recover the label of each word from the labels of its nearest neighbours.

    Parameters
    ----------
    vectors : array_like of shape (n, d)
    labels : array_like of shape (n,)
        Two labels or more: the side each word was biased to on the original vectors, or the
        group it is of. Sizes may differ.
    k : int
        Neighbours by cosine, the row itself left out; ties by row. Odd for two labels: no ties
        of votes then.
    words : array_like of shape (n,), optional
        The word of each row, where words have several (contexts): rows of one word are never
        neighbours. Every row is a word of its own by default.
    original : array_like of shape (n, d'), optional
        Vectors before a transform, to measure beside it.
    n_resamples : int, optional
        Draws of the p-value; by default 9,999, fewer for more than 500 rows.
    level : float
        Confidence of the interval, in (0, 1).
    rng : int, Generator or None
        Seed of the draws.

    Returns
    -------
    Measure
        `value`: share of words whose label wins among their neighbours, in [0, 1]; labels that
        tie share the word. `no_bias`: its mean when labels are relabelled among the words,
        which is below the majority share (a word's own label is missing among the others).
        `interval`: Wilson, for that many words. p: labels relabelled, neighbours kept.
        ``figures``: ``majority``, the share of the largest label; ``balanced``, the mean over
        labels of the share recovered; ``purity``, the mean share of neighbours with the word's
        own label, and ``purity_chance``, its mean under relabelling. With `original` also
        ``original``. ``scores["words"]``: 1 recovered, 0 not, between for ties; words with
        several rows in ascending order of their names.

    Raises
    ------
    InputError
        Fewer than two words of a label, a word with two labels, k too large, wrong shapes.
    VectorError
        A zero or non-finite vector.

    Notes
    -----
    Rotation, lengths and the order of rows change nothing, where no cosines tie. Equal rows are
    neighbours like any: a vector given twice finds its copy, so give each word once.
    """
    rows = unit_rows(vectors, "vectors")
    names, codes = class_codes(labels, len(rows), "labels")
    word, of_word = word_codes(words, codes)
    names_of = np.bincount(of_word, minlength=len(names))
    if names_of.min() < 2:
        raise InputError(
            f"labels: {names[int(names_of.argmin())]} has one word; two of each are needed, "
            "so give more words"
        )
    check_size("k", k)
    check_level(level)
    check_rng(rng)
    before = None if original is None else unit_rows(original, "original")
    if before is not None:
        same_rows(before, rows)
    draws = n_resamples
    if draws is None:
        draws = min(9_999, max(999, 5_000_000 // len(rows)))
    check_size("n_resamples", draws, 99)
    graph = _Graph.of(rows, word, k, words is not None)
    hits = graph.recovered(of_word[:, None], len(names))[:, 0]
    generator, seed = as_generator(rng)
    null = _relabelled(graph, of_word, len(names), draws, generator)
    result = _measure(graph, hits, null, names, of_word, level)
    result = replace(result, settings={"k": k, "seed": seed})
    if before is None:
        return result
    was = _Graph.of(before, word, k, words is not None).recovered(of_word[:, None], len(names))
    return replace(result, figures={**result.figures, "original": float(was.mean())})


@dataclass(frozen=True)
class _Graph:
    """The rows near to each row, and the word of each row."""

    near: sparse.csr_matrix
    word: Codes
    k: int

    @classmethod
    def of(cls, rows: FloatArray, word: Codes, k: int, several: bool) -> _Graph:
        n = len(rows)
        own = np.arange(n)
        found = neighbour_sets(rows, rows, k, own=own, words=(word, word) if several else None)
        starts = np.arange(0, n * k + 1, k)
        near = sparse.csr_matrix(
            (np.ones(n * k, dtype=np.float32), found.ravel(), starts), shape=(n, n)
        )
        return cls(near, word, k)

    def recovered(self, labels: Codes, n_labels: int) -> FloatArray:
        """Return how far each word is recovered, for each labelling of the words (a column)."""
        of_row = labels[self.word]
        if n_labels == 2:
            votes = self.near @ of_row.astype(np.float32)
            doubled = 2 * np.where(of_row == 1, votes, self.k - votes)
            return self._of_words((np.sign(doubled - self.k) + 1) / 2)
        most = np.zeros(of_row.shape)
        winners = np.zeros(of_row.shape)
        own = np.zeros(of_row.shape)
        for label in range(n_labels):
            mine = of_row == label
            votes = self.near @ mine.astype(np.float32)
            winners = np.where(votes > most, 1.0, winners + (votes == most))
            np.maximum(most, votes, out=most)
            own[mine] = votes[mine]
        return self._of_words(np.where(own == most, 1 / winners, 0.0))

    def purity(self, labels: Codes) -> FloatArray:
        """Return the share of each word's neighbours that have its label."""
        of_row = labels[self.word]
        columns = self.near.indices.reshape(-1, self.k)
        same = (of_row[columns] == of_row[:, None]).mean(axis=1)
        return self._of_words(same[:, None])[:, 0]

    def _of_words(self, of_rows: FloatArray) -> FloatArray:
        """Return the mean over the rows of each word."""
        sizes = np.bincount(self.word)
        if sizes.max() == 1:
            in_order = np.empty(of_rows.shape)
            in_order[self.word] = of_rows
            return in_order
        n = self.word.size
        sums = sparse.csr_matrix((np.ones(n), (self.word, np.arange(n))), shape=(sizes.size, n))
        means: FloatArray = (sums @ of_rows) / sizes[:, None]
        return means


def _relabelled(
    graph: _Graph, of_word: Codes, n_labels: int, draws: int, generator: np.random.Generator
) -> Relabelled:
    step = max(1, _VOTES_AT_ONCE // graph.word.size)

    def means() -> Iterator[FloatArray]:
        for start in range(0, draws, step):
            shape = (min(step, draws - start), of_word.size)
            drawn = generator.permuted(np.broadcast_to(of_word, shape), axis=1)
            yield graph.recovered(drawn.T, n_labels).mean(axis=0)

    observed = float(graph.recovered(of_word[:, None], n_labels).mean())
    return tally(observed, means(), exact=False, alternative="greater", noise=1e-12)


def _measure(
    graph: _Graph,
    hits: FloatArray,
    null: Relabelled,
    names: list[str],
    of_word: Codes,
    level: float,
) -> Measure:
    n, sizes = of_word.size, np.bincount(of_word)
    notes = []
    if sizes.min() <= graph.k:
        notes.append(
            f"{names[int(sizes.argmin())]} has {sizes.min()} words: not enough to fill the "
            f"neighbourhood (k = {graph.k}) of one of them."
        )
    return Measure(
        metric="knn_recovery",
        value=float(hits.mean()),
        no_bias=null.null_mean,
        value_range=(0.0, 1.0),
        pvalue=null.pvalue,
        pvalue_bounds=null.bounds,
        pvalue_method="sampled",
        alternative="greater",
        null="labels relabelled among the words, neighbours kept",
        n_resamples=null.n_resamples,
        interval=wilson_interval(round(float(hits.sum())), n, level),
        counts={"words": n, "rows": graph.word.size}
        | {f"label {name}": int(size) for name, size in zip(names, sizes, strict=True)},
        figures={
            "majority": float(sizes.max() / n),
            "balanced": float(np.mean(np.bincount(of_word, hits) / sizes)),
            "purity": float(graph.purity(of_word).mean()),
            "purity_chance": float((sizes * (sizes - 1)).sum() / (n * (n - 1)))
            if graph.word.size == n
            else math.nan,
        },
        scores={"words": tuple(hits.tolist())},
        note=" ".join(notes),
    )


def _run(roles: RoleVectors) -> Measure:
    rows, labels = target_sides(
        roles, "knn_recovery", _FEWEST, "needed, so that a side can fill a neighbourhood of 5"
    )
    return knn_recovery(rows, labels, level=roles.level, rng=roles.rng)


CARD = MetricCard(
    name="knn_recovery",
    measures=(
        "Whether the label of a word (the side it was biased to, its group) can be read from its "
        "nearest neighbours. In an audit: which of X and Y a target is of, for 6 words on each "
        "side at least; the attributes are not used."
    ),
    formula="share of words whose label is the most frequent one among their k nearest others",
    value_range="[0, 1]",
    no_bias="what relabelled words give: somewhat less than the majority share",
    direction="larger: neighbours share the label",
    pvalue="labels relabelled among the words, neighbours kept; sampled",
    caveats=(
        "A probe without training: local, non-linear, and blind to a direction that few "
        "neighbours follow. Labels may cluster for another reason than bias (topic). The interval "
        "takes words for independent, which neighbours are not."
    ),
    edge_cases=EdgeCases(
        unequal="any sizes; no_bias and balanced allow for them",
        one_word="fewer than two words of a label are refused (an audit asks for six)",
        duplicates="a row given twice finds its copy, so give each word once",
        two_sets="a copy with the other label is a neighbour that is wrong (an audit refuses that)",
    ),
    paper="Gonen & Goldberg 2019, NAACL (neighbours); Cover & Hart 1967 (the rule)",
    conventions=(
        "scikit-learn's KNeighborsClassifier, cross-validated with one word left out, gives the "
        "same for two labels and odd k; it gives ties of votes to the first label."
    ),
    run=_run,
    evidence="of neighbours that share a side, for whatever reason (topic as well as bias)",
)
