"""Whether biased words still cluster by side (Gonen & Goldberg 2019)."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats
from scipy.optimize import linear_sum_assignment

from embias.metrics._labelled import Codes, canonical_order, class_codes, same_rows
from embias.metrics._progress import progress_bar
from embias.metrics._raw import Length, rows_of
from embias.metrics._relabel import tally
from embias.metrics._sides import target_sides
from embias.metrics.card import EdgeCases, MetricCard, RoleVectors
from embias.results import Measure
from embias.stats.inputs import as_generator, check_choice, check_rng, check_size, seed_of
from embias.types import FloatArray

__all__ = ["cluster_alignment"]

#: Words on each side that an audit asks for: with three, even clusters that are the sides have
#: p = 0.1.
_FEWEST = 4
#: Alignments closer than this are equal.
_TIED = 1e-12


def cluster_alignment(
    vectors: ArrayLike,
    sides: ArrayLike,
    *,
    original: ArrayLike | None = None,
    lengths: Length = "unit",
    n_init: int = 10,
    n_seeds: int = 5,
    n_resamples: int = 9_999,
    rng: int | np.random.Generator | None = None,
    progress: bool | None = None,
) -> Measure:
    """Measure how far k-means clusters of biased words are the sides they were biased to.

    Parameters
    ----------
    vectors : array_like of shape (n, d)
        Vectors of the most biased words (see :func:`most_biased`), as they are now: after a
        transform, say.
    sides : array_like of shape (n,)
        The side each word was biased to on the original vectors. Two sides in the paper; with
        K of them there are K clusters, matched to the sides one to one. Sizes may differ.
    original : array_like of shape (n, d'), optional
        Vectors of the same words before the transform, to measure beside it.
    lengths : {"unit", "raw"}
        Cluster the rows at unit length (default), or as they are: other clusters.
    n_init : int
        Restarts of k-means for each seed, at least 10.
    n_seeds : int
        Seeds; the clustering of least inertia counts, and the spread over seeds is given.
    n_resamples : int
        Draws of the null, with three sides or more; with two it is exact.
    rng : int, Generator or None
        Seed: the first seed of k-means; the others follow it.
    progress : bool or None
        Show a progress bar; None: on a terminal, where it takes more than a second.

    Returns
    -------
    Measure
        `value`: share of the words in the cluster that is matched to their side, the best
        matching counting (``max(acc, 1 - acc)``), in [1/K, 1]. `no_bias` is its mean when sides
        are relabelled, about ``.5 + .4 / sqrt(n)`` for n words on two equal sides. p: sides
        relabelled, clusters kept. NaN where there are fewer distinct rows than sides.
        ``figures``: ``seeds_min``, ``seeds_mean``, ``seeds_max``, ``seeds_sd`` (ddof 0),
        ``v_measure``; with `original` also ``original`` and ``original_pvalue``.
        ``scores["words"]``: 1 for a word in the cluster of its side, else 0.

    Raises
    ------
    InputError
        Fewer than two words on a side, wrong shapes, an option that does not exist.
    VectorError
        A zero or non-finite vector.

    Notes
    -----
    Neither the order of the words nor a rotation changes the figure, up to the seeds of k-means;
    equal rows count as often as they are given.

    References
    ----------
    Gonen & Goldberg 2019, NAACL, section 4; Ravfogel et al. 2020, ACL (V-measure).
    """
    check_choice("lengths", lengths, get_args(Length))
    rows = rows_of(vectors, "vectors", lengths)
    names, codes = class_codes(sides, len(rows), "sides", at_least=2)
    check_size("n_init", n_init, 10)
    check_size("n_seeds", n_seeds)
    check_size("n_resamples", n_resamples, 99)
    check_rng(rng)
    before = None if original is None else rows_of(original, "original", lengths)
    if before is not None:
        same_rows(before, rows)
    seed = seed_of(rng)
    seeds = [(seed + i) % 2**32 for i in range(n_seeds)]
    options = _Options(seeds, n_init, n_resamples, progress)
    now = _align(rows, codes, options)
    was = None if before is None else _align(before, codes, options)
    settings = {"lengths": lengths, "n_init": n_init, "seeds": seeds, "n_resamples": n_resamples}
    return _measure(now, was, names, codes, settings)


@dataclass(frozen=True)
class _Options:
    seeds: list[int]
    n_init: int
    n_resamples: int
    progress: bool | None


@dataclass(frozen=True)
class _Alignment:
    """The best clustering's agreement with the sides, its null, and the other seeds'."""

    value: float
    hits: FloatArray
    by_seed: FloatArray
    v_measure: float
    null_mean: float
    pvalue: float | None
    bounds: tuple[float, float] | None
    exact: bool


def _align(rows: FloatArray, codes: Codes, options: _Options) -> _Alignment:
    from sklearn.metrics import v_measure_score

    n_sides = int(codes.max()) + 1
    # The same seed must find the same clusters, however the words are ordered.
    order, number = canonical_order(rows)
    if number.max() + 1 < n_sides:
        empty = np.full(len(rows), math.nan)
        return _Alignment(math.nan, empty, empty[:1], math.nan, math.nan, None, None, True)
    found = []
    with progress_bar(len(options.seeds), "clustering", "seed", options.progress) as bar:
        for seed in options.seeds:
            found.append(_cluster(rows[order], n_sides, seed, options))
            bar.update()
    tables = [np.zeros((n_sides, n_sides), dtype=np.intp) for _ in found]
    for table, (clusters, _) in zip(tables, found, strict=True):
        np.add.at(table, (codes[order], clusters), 1)
    by_seed = np.array([_matched(table)[0] for table in tables])
    best = int(np.argmin([inertia for _, inertia in found]))
    value, side_of = _matched(tables[best])
    clusters = np.empty(len(rows), dtype=np.intp)
    clusters[order] = found[best][0]
    null_mean, pvalue, bounds = _null(value, tables[best], options)
    return _Alignment(
        value=value,
        hits=(side_of[clusters] == codes).astype(np.float64),
        by_seed=by_seed,
        v_measure=float(v_measure_score(codes, clusters)),
        null_mean=null_mean,
        pvalue=pvalue,
        bounds=bounds,
        exact=n_sides == 2,
    )


def _cluster(rows: FloatArray, k: int, seed: int, options: _Options) -> tuple[Codes, float]:
    from sklearn.cluster import KMeans

    fitted = KMeans(n_clusters=k, n_init=options.n_init, random_state=seed).fit(rows)
    return fitted.labels_.astype(np.intp), float(fitted.inertia_)


def _matched(table: Codes) -> tuple[float, Codes]:
    """Return the share of words in the cluster of their side, and the side of each cluster."""
    sides, clusters = linear_sum_assignment(table, maximize=True)
    side_of = np.empty(len(table), dtype=np.intp)
    side_of[clusters] = sides
    return float(table[sides, clusters].sum() / table.sum()), side_of


def _null(
    value: float, table: Codes, options: _Options
) -> tuple[float, float, tuple[float, float]]:
    """Return mean and p-value when the sides are relabelled and the clusters kept."""
    n = int(table.sum())
    of_side, of_cluster = table.sum(axis=1), table.sum(axis=0)
    if len(table) == 2:
        # Words of side 0 in cluster 0 are hypergeometric, and fix the other three numbers.
        law = stats.hypergeom(n, int(of_side[0]), int(of_cluster[0]))
        both = np.arange(min(of_side[0], of_cluster[0]) + 1)
        same = (2 * both + n - of_side[0] - of_cluster[0]) / n
        aligned, chance = np.maximum(same, 1 - same), law.pmf(both)
        pvalue = float(chance[aligned >= value - _TIED].sum())
        # Beyond float64 it is not 0 either.
        pvalue = min(1.0, max(pvalue, sys.float_info.min))
        return float(chance @ aligned), pvalue, (pvalue, pvalue)
    generator, _ = as_generator(options.seeds[0])
    drawn = stats.random_table(of_side, of_cluster).rvs(
        size=options.n_resamples, random_state=generator
    )
    aligned = np.array([_matched(each)[0] for each in drawn.astype(np.intp)])
    found = tally(value, [aligned], exact=False, alternative="greater", noise=_TIED)
    return found.null_mean, found.pvalue, found.bounds


def _measure(
    now: _Alignment,
    was: _Alignment | None,
    names: list[str],
    codes: Codes,
    settings: dict[str, Any],
) -> Measure:
    figures = {
        "seeds_min": float(now.by_seed.min()),
        "seeds_mean": float(now.by_seed.mean()),
        "seeds_max": float(now.by_seed.max()),
        "seeds_sd": float(now.by_seed.std()),
        "v_measure": now.v_measure,
    }
    notes = [] if now.pvalue else ["Fewer distinct rows than sides: there is nothing to cluster."]
    if was is not None:
        p = math.nan if was.pvalue is None else was.pvalue
        figures |= {"original": was.value, "original_pvalue": p}
        if not p <= 0.05:
            notes.append(
                f"Uninformative: the clusters did not follow the sides on the original vectors "
                f"either (p = {p:.2g})."
            )
    method: Literal["exact", "sampled"] = "exact" if now.exact else "sampled"
    return Measure(
        metric="cluster_alignment",
        value=now.value,
        no_bias=None if math.isnan(now.null_mean) else now.null_mean,
        value_range=(1 / len(names), 1.0),
        pvalue=now.pvalue,
        pvalue_bounds=now.bounds,
        pvalue_method=None if now.pvalue is None else method,
        alternative="greater",
        null="sides relabelled among the words, clusters kept",
        n_resamples=None if now.exact else settings["n_resamples"],
        counts={"words": int(codes.size)}
        | {f"side {name}": int((codes == i).sum()) for i, name in enumerate(names)},
        figures=figures,
        scores={"words": tuple(now.hits.tolist())},
        settings=settings,
        note=" ".join(notes),
    )


def _run(roles: RoleVectors) -> Measure:
    rows, sides = target_sides(
        roles, "cluster_alignment", _FEWEST, "needed, fewer cannot be told from chance"
    )
    return cluster_alignment(rows, sides, rng=roles.rng)


CARD = MetricCard(
    name="cluster_alignment",
    measures=(
        "Whether words cluster by the side they are (or were, before a transform) biased to. In "
        "an audit: whether the words of X and Y form two clusters, for 4 words on each side at "
        "least; the attributes are not used."
    ),
    formula="max(acc, 1 - acc), acc the share of words whose k-means cluster is their side; k = 2",
    value_range="[.5, 1] for two sides",
    no_bias="what relabelled sides give, about .5 + .4/sqrt(n) for n words on two equal sides",
    direction="larger: the words cluster by side",
    pvalue="sides relabelled among the words, clusters kept: exact (hypergeometric) for two sides",
    caveats=(
        "Blind where another factor dominates: it is no evidence of absence if it did not read "
        "high on the original vectors. Finds clusters of any origin: in an audit two topics "
        "cluster too. One clustering of several seeds; read the spread."
    ),
    edge_cases=EdgeCases(
        unequal="any sizes; the share is over all words, and no_bias allows for the sizes",
        one_word="fewer than two words on a side are refused (an audit asks for four)",
        duplicates=(
            "equal rows count as often as they are given; fewer distinct rows than sides give "
            "NaN, with a note"
        ),
        two_sets="it counts on both sides, once right and once wrong (an audit refuses that)",
    ),
    paper="Gonen & Goldberg 2019, NAACL",
    conventions=(
        "Code for the paper takes one seed of k-means; ours the best of 50 restarts, with the "
        "spread. Rows at unit length or not (lengths='raw') give other clusters: say which. "
        "EmbeddingBiasScores stacks its first group twice and returns nothing."
    ),
    run=_run,
    evidence="of clusters that follow the two sides, for whatever reason (topic as well as bias)",
)
