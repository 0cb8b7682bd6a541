"""How long every metric on arrays takes for 10,000 words of 300 dimensions, and in how much memory.

Metrics that read a language model are left out: what they take is the model's. Those that train a
probe are marked; all others are to take less than a second. The neighbourhood metrics are run once
more on 100,000 words, each in a process of its own, whose peak memory is shown.

Run: python benchmarks/metrics.py [--words 10000] [--large 100000] [--only NAME ...]
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from _common import print_machine, timed
from embias import geometry, metrics
from embias.types import FloatArray

DIMENSION = 300
#: Cards of metrics that read a language model, not arrays.
OF_MODELS = {"pseudo_log_likelihood", "lpbs", "crows_pairs", "stereoset"}
#: What is run on the large table.
NEIGHBOURHOODS = (
    "neighbour_overlap",
    "hubness",
    "intrinsic_dimension",
    "intrinsic_dimension, mle",
    "aspect_bias",
    "knn_recovery",
    "neighbour_bias",
    "gipe",
)
Runs = dict[str, Callable[[], Any]]


@dataclass(frozen=True)
class Words:
    """Words as they come: topics, a common mean, few strong directions and many weak ones."""

    rows: FloatArray
    rng: np.random.Generator

    @classmethod
    def of(cls, n: int) -> Words:
        """Draw n words, the same at each call."""
        rng = np.random.default_rng(0)
        spread = np.linspace(2.0, 0.2, DIMENSION)
        topics = rng.normal(size=(60, DIMENSION)) * spread
        rows = topics[rng.integers(60, size=n)] + rng.normal(size=(n, DIMENSION)) * spread
        return cls(rows + 0.5 * rng.normal(size=DIMENSION), rng)

    @property
    def n(self) -> int:
        """Number of words."""
        return len(self.rows)

    @property
    def sides(self) -> FloatArray:
        """Two sides of equal size, along one word."""
        return np.where(self.rows @ self.rows[0] > np.median(self.rows @ self.rows[0]), 1.0, 0.0)

    def set(self, start: int, size: int = 25) -> FloatArray:
        """Return some words in a row."""
        return self.rows[start : start + size]

    def changed(self) -> FloatArray:
        """Return the words with noise added."""
        return self.rows + 0.5 * self.rng.normal(size=self.rows.shape)


def associations(words: Words) -> Runs:
    """Metrics of targets and attributes: all words are targets, 25 + 25 of them attributes."""
    half = words.n // 2
    x, y, a, b = words.rows[:half], words.rows[half:], words.set(0), words.set(25)
    many_a, many_b = words.set(0, 3000), words.set(3000, 3000)
    every = words.rows
    values = every @ words.rows[0]
    contexts = [[words.set(200 * i + 20 * j, 20) for j in range(10)] for i in range(4)]
    return {
        "weat": lambda: metrics.weat(x, y, a, b),
        "generalized_weat": lambda: metrics.generalized_weat([x, y], [a, b]),
        "sc_weat": lambda: metrics.sc_weat(every, a, b),
        "nas": lambda: metrics.nas(every, a, b),
        "wefat": lambda: metrics.wefat(every, a, b, values),
        "valnorm": lambda: metrics.valnorm(every, values, a, b),
        "ceat": lambda: metrics.ceat(*contexts),
        "same": lambda: metrics.same(every, [a, b]),
        "semaxis": lambda: metrics.semaxis(every, a, b),
        "semaxis, neighbours": lambda: metrics.semaxis(every, a, b, neighbours=10, pool=every),
        "semaxis, many poles": lambda: metrics.semaxis(a, x, y),
        "rnd": lambda: metrics.rnd(a, b, every),
        "rnsb": lambda: metrics.rnsb(every, a, b),
        "rnsb, 6,000 attributes": lambda: metrics.rnsb(every, many_a, many_b),
        "mac": lambda: metrics.mac(every, [a, b]),
        "ect": lambda: metrics.ect(a, b, every),
        "ripa": lambda: metrics.ripa(every, np.stack([a, b], axis=1)),
        "bias_analogy_test": lambda: metrics.bias_analogy_test(x, y, a, b),
        "association_scores": lambda: metrics.association_scores(every, a, b),
    }


def directions(words: Words) -> Runs:
    """Metrics of a direction, and how directions are found."""
    rows, n = words.rows, words.n
    pairs = np.stack([words.set(0), words.set(25)], axis=1)
    direction = rows[0] - rows[25]
    half = n // 2
    names = [f"w{i}" for i in range(n)]
    values = rows @ words.rows[0]
    return {
        "bias_direction": lambda: metrics.bias_direction(pairs),
        "direction_from_pairs": lambda: geometry.direction_from_pairs(pairs, pool=rows),
        "direction_from_sets": lambda: metrics.direction_from_sets(
            [words.set(3 * i, 3) for i in range(10)], pool=rows
        ),
        "direction_from_groups": lambda: geometry.direction_from_groups(rows[:half], rows[half:]),
        "direct_bias": lambda: metrics.direct_bias(rows, direction),
        "projections": lambda: metrics.projections(rows, direction),
        "indirect_bias": lambda: metrics.indirect_bias(rows[:half], rows[half:], direction),
        "indirect_bias_along": lambda: metrics.indirect_bias_along(
            rows, rows[0], rows[25], direction
        ),
        "stereotype_analogies": lambda: metrics.stereotype_analogies(rows, direction, words=names),
        "analogy": lambda: metrics.analogy(rows, 0, 1, 2),
        "association_with_statistics": lambda: metrics.association_with_statistics(
            values, values + 1
        ),
        "gender_specific": lambda: metrics.gender_specific(rows, list(range(218))),
    }


def neighbourhoods(words: Words) -> Runs:
    """Metrics of neighbours, and probes."""
    rows, sides = words.rows, words.sides
    bias = rows @ (rows[0] - rows[25])
    other = words.changed()
    topics = np.abs(rows[:, :12]).argmax(axis=1)
    aspects = {"side": sides.astype(int).tolist(), "topic": topics.tolist()}
    predicted = np.where(words.rng.random(words.n) < 0.9, sides, 1 - sides)
    return {
        "cluster_alignment": lambda: metrics.cluster_alignment(rows, sides, progress=False),
        "neighbour_bias": lambda: metrics.neighbour_bias(rows, bias),
        "knn_recovery": lambda: metrics.knn_recovery(rows, sides),
        "probe_accuracy": lambda: metrics.probe_accuracy(rows, sides, progress=False),
        "gipe": lambda: metrics.gipe(rows, rows[0] - rows[25]),
        "disparity": lambda: metrics.disparity(sides, predicted, topics),
        "neighbour_overlap": lambda: metrics.neighbour_overlap(rows, other),
        "intrinsic_dimension": lambda: metrics.intrinsic_dimension(rows),
        "intrinsic_dimension, mle": lambda: metrics.intrinsic_dimension(rows, method="mle"),
        "isotropy": lambda: metrics.isotropy(rows),
        "hubness": lambda: metrics.hubness(rows),
        "hubness, euclidean": lambda: metrics.hubness(rows, distance="euclidean"),
        "invariance": lambda: metrics.invariance(np.stack([rows, other])),
        "aspect_bias": lambda: metrics.aspect_bias(rows, aspects),
        "most_biased": lambda: metrics.most_biased(bias, 500),
    }


def spaces(words: Words) -> Runs:
    """Metrics of a whole space, over time, and of concepts."""
    rows, half = words.rows, words.n // 2
    pairs = words.rng.integers(words.n, size=(999, 2))
    ratings = np.einsum("id,id->i", rows[pairs[:, 0]], rows[pairs[:, 1]])
    questions = np.array([words.rng.choice(words.n, 4, replace=False) for _ in range(500)])
    codes = np.maximum(rows[:, :32], 0.0)
    slices = [rows, words.changed(), words.changed()]
    over_time = [[table[s : s + 25] for table in slices] for s in (0, 25, 50)]
    return {
        "word_similarity": lambda: metrics.word_similarity(rows, pairs, ratings),
        "word_analogies": lambda: metrics.word_analogies(rows, questions),
        "concept_discovery": lambda: metrics.concept_discovery(codes[:half], codes[half:]),
        "concept_correlation": lambda: metrics.concept_correlation(codes),
        "top_items": lambda: metrics.top_items(codes),
        "fit_concepts": lambda: metrics.fit_concepts(rows),
        "diachronic_drift": lambda: metrics.diachronic_drift(slices),
        "diachronic_association": lambda: metrics.diachronic_association(*over_time),
        "align_slices": lambda: metrics.align_slices(slices),
    }


def other_figures(words: Words) -> Runs:
    """Figures about WEAT, on sets of its size."""
    sets = [words.set(25 * i) for i in range(4)]
    return {
        "weat_interval": lambda: metrics.weat_interval(*sets),
        "leave_one_out": lambda: metrics.leave_one_out(*sets),
        "subset_stability": lambda: metrics.subset_stability(*sets),
    }


#: Those that train: a probe, clusters, a dictionary.
TRAINED = {
    "rnsb",
    "rnsb, 6,000 attributes",
    "cluster_alignment",
    "probe_accuracy",
    "gender_specific",
    "fit_concepts",
}


#: What the time goes into, of those that are near a second or above it.
WORK = {
    "bias_analogy_test": (
        "5,000 targets of a side are placed among those of the other for each of 625 pairs of "
        "attributes with 48 thresholds, there and back: 300 million placements, each a lookup"
    ),
    "neighbour_overlap": (
        "half of the cosines of 10,000 words in each of two spaces: 2 x 15 billion products in "
        "float32, which is all but a fifth of the time"
    ),
    "neighbour_bias": (
        "15 billion products in float32 for the cosines, the 100 largest of each of 10,000 rows, "
        "and 999 draws of an order and of a sample of 10,000 words"
    ),
    "gipe": (
        "15 billion products in float32 for the cosines, the 100 largest of each of 10,000 rows, "
        "and 1,000,000 edges, for each of which 300 coordinates are gathered (2.4 GB)"
    ),
    "leave_one_out": (
        "a permutation test without each of 100 words, on words left in sets of 25: exact where "
        "that is feasible, else certified"
    ),
    "weat": (
        "99,999 random halves of 10,000 scores: a bit for each score and draw (125 MB), and eight "
        "scores at a time added"
    ),
}


def runs(words: Words) -> Runs:
    parts = (associations, directions, neighbourhoods, spaces, other_figures)
    found = {name: run for part in parts for name, run in part(words).items()}
    # SEAT and iEAT are weat under another name.
    functions = {card.function or name for name, card in metrics.METRICS.items()}
    missing = functions - OF_MODELS - {name.split(",")[0] for name in found}
    assert not missing, f"metrics without a time: {sorted(missing)}"
    return found


def best(run: Callable[[], Any]) -> tuple[float, float]:
    """Return the shortest time by the clock and of the processor, of three runs where short."""
    found: list[tuple[float, float]] = []
    while len(found) < 3 and (not found or found[0][0] < 5):
        before = time.process_time()
        seconds, _ = timed(run)
        found.append((seconds, time.process_time() - before))
    clock, cpu = zip(*found, strict=True)
    return min(clock), min(cpu)


def times(n: int, only: set[str]) -> None:
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    print(f"{n:,} words of {DIMENSION} dimensions, best of 3; {os.cpu_count()} cores, load {load}")
    print("CPU: of all threads, which on an idle machine the clock does not exceed; either counts")
    print(f"{'metric':<32}{'seconds':>9}{'CPU':>9}  under 1 s")
    late = []
    for name, run in runs(Words.of(n)).items():
        if only and name not in only:
            continue
        seconds, cpu = best(run)
        verdict = "yes" if min(seconds, cpu) < 1 else "no (trains)" if name in TRAINED else "no"
        late += [name] if verdict == "no" else []
        print(f"{name:<32}{seconds:>9.3f}{cpu:>9.3f}  {verdict}", flush=True)
    for name in late:
        print(f"{name}: {WORK.get(name, 'no reason is known')}")


def peak(n: int, name: str) -> None:
    """Run one metric in this process; print its time and peak memory (two tables are data)."""
    run = neighbourhoods(Words.of(n))[name]
    table = n * DIMENSION * 8 / 2**20
    seconds, _ = timed(run)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{name:<32}{seconds:>9.1f}{memory:>10.0f}{memory / table:>10.1f}", flush=True)


def memory(n: int, only: set[str]) -> None:
    print(f"\n{n:,} words of {DIMENSION} dimensions, one process each")
    print(f"{'metric':<32}{'seconds':>9}{'peak MB':>10}{'tables':>10}")
    for name in NEIGHBOURHOODS:
        if not only or name in only:
            command = [sys.executable, __file__, "--large", str(n), "--peak", name]
            subprocess.run(command, check=True)
    print(f"(a table of the vectors in float64 is {n * DIMENSION * 8 / 2**20:.0f} MB)")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--words", type=int, default=10_000)
    parser.add_argument("--large", type=int, default=100_000, help="0: none")
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--peak", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peak:
        peak(options.large, options.peak)
        return
    print_machine()
    times(options.words, set(options.only))
    if options.large:
        memory(options.large, set(options.only))


if __name__ == "__main__":
    main()
