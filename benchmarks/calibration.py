"""How often the tests are wrong when there is nothing, and how often intervals hold the truth.

Every figure is a share of simulated data sets with its Monte-Carlo error (one standard error).
The table of the README is made of these figures.

Run: python benchmarks/calibration.py [--runs 1000]
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from _common import print_machine, timed
from embias import permutation_pvalue, weat
from embias.metrics import association_scores, weat_interval
from embias.results import Interval
from embias.stats import analytic_interval, d_from_g, shift_interval
from embias.types import FloatArray

ALPHA = 0.05
#: Attributes whose association score is twice the first coordinate of a unit vector.
A, B = np.array([[1.0, 0.0]]), np.array([[-1.0, 0.0]])

DRAWS: dict[str, Callable[[np.random.Generator, int], FloatArray]] = {
    "normal": lambda rng, n: rng.normal(size=n),
    "skewed": lambda rng, n: rng.exponential(size=n) - 1.0,
    "tied": lambda rng, n: rng.integers(-2, 3, size=n).astype(float),
}


def vectors(scores: FloatArray) -> FloatArray:
    """Return unit vectors with these association scores (times 0.1, to fit the circle)."""
    first = np.clip(0.05 * scores, -1, 1)
    return np.stack([first, np.sqrt(1 - first**2)], axis=1)


def share(hits: int, runs: int) -> str:
    rate = hits / runs
    return f"{rate:6.1%} ±{math.sqrt(rate * (1 - rate) / runs):.1%}"


def false_alarms(runs: int) -> None:
    print(f"rejections at {ALPHA:.0%} where the null hypothesis holds (words, one-sided)")
    print(f"{'words':>9}  " + "  ".join(f"{name:>14}" for name in DRAWS))
    for n in (6, 8, 18, 32):
        cells = []
        for draw in DRAWS.values():
            rng = np.random.default_rng(n)
            hits = sum(
                permutation_pvalue(draw(rng, n), draw(rng, n), max_sums=10**6).pvalue <= ALPHA
                for _ in range(runs)
            )
            cells.append(share(hits, runs))
        print(f"{n:>4} + {n:<3}  " + "  ".join(f"{cell:>14}" for cell in cells), flush=True)


def templated_false_alarms(runs: int) -> None:
    print(f"\nthe same for templated words: {ALPHA:.0%}, 8 + 8 words, 10 sentences each")
    print(f"{'correlation within a word':>27}  {'words (default)':>16}  {'items (papers)':>16}")
    for correlation in (0.0, 0.5, 0.9):
        rng = np.random.default_rng(8)
        hits = {"word": 0, "item": 0}
        groups = np.repeat(range(8), 10).tolist()
        for run in range(runs):
            words = np.repeat(rng.normal(size=16), 10) * math.sqrt(correlation)
            scores = words + rng.normal(size=160) * math.sqrt(1 - correlation)
            x, y = vectors(scores[:80]), vectors(scores[80:])
            labels: dict[str, Any] = {"x_groups": groups, "y_groups": [g + 8 for g in groups]}
            hits["word"] += weat(x, y, A, B, **labels).pvalue <= ALPHA
            test = permutation_pvalue(
                *(association_scores(v, A, B) for v in (x, y)),
                method="sampled",
                n_resamples=399,
                rng=run,
            )
            hits["item"] += test.pvalue <= ALPHA
        cells = [share(hits[unit], runs) for unit in ("word", "item")]
        print(f"{correlation:>27}  {cells[0]:>16}  {cells[1]:>16}", flush=True)


def coverage(runs: int) -> None:
    print("\nshare of 95 % intervals that hold the true effect")
    names = ("analytic d", "BCa d", "percentile d", "BCa D", "shift D")
    print(f"{'':>24}  " + "  ".join(f"{name:>14}" for name in names))
    for n in (8, 18, 32):
        for g in (0.0, 1.0):
            for name in ("normal", "skewed"):
                cells = _coverage_row(n, g, name, runs)
                label = f"{n} + {n}, g = {g:.0f}, {name}"
                print(f"{label:>24}  " + "  ".join(f"{c:>14}" for c in cells), flush=True)


def _coverage_row(n: int, g: float, name: str, runs: int) -> list[str]:
    rng = np.random.default_rng([n, int(10 * g)])
    # What d tends to with so many words, for scores of one unit of spread within the sets.
    true_d, true_difference = float(d_from_g(g, n, n)), 0.1 * g
    hits = [0] * 5
    shifted = runs if n == 8 else 0  # a second each for larger sets
    for run in range(runs):
        x, y = DRAWS[name](rng, n) + g, DRAWS[name](rng, n)
        arrays = (vectors(x), vectors(y), A, B)
        effect = weat(*arrays, method="sampled", n_resamples=1, rng=0).effect_size
        options: dict[str, Any] = {"n_resamples": 2000, "rng": run}
        intervals: list[tuple[Interval | None, float]] = [
            (analytic_interval(effect, n, n), true_d),
            (weat_interval(*arrays, **options), true_d),
            (weat_interval(*arrays, method="percentile", **options), true_d),
            (weat_interval(*arrays, of="statistic", **options), true_difference),
            (shift_interval(0.1 * x, 0.1 * y), true_difference) if shifted else (None, 0.0),
        ]
        for index, (interval, truth) in enumerate(intervals):
            hits[index] += interval is not None and interval.low <= truth <= interval.high
    return [share(h, runs) for h in hits[:4]] + [share(hits[4], runs) if shifted else "-"]


def speed() -> None:
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=(25, 300)) for _ in range(4)]
    x, y, a, b = arrays
    seconds, _ = timed(lambda: weat_interval(x, y, a, b, resample="both", n_resamples=10_000))
    print(f"\n10,000 BCa resamples of a 25/25/25/25 test: {seconds:.2f} s (limit 1 s)")

    x, y, a, b = (rng.normal(size=(n, 384)) for n in (350, 350, 215, 250))
    groups = np.repeat(range(25), 14).tolist()
    means = [rng.normal(size=(25, 384)) for _ in range(2)]
    labels: dict[str, Any] = {"x_groups": groups, "y_groups": [g + 25 for g in groups]}
    clustered, _ = timed(lambda: weat(x, y, a, b, **labels), repeats=3)
    plain, _ = timed(lambda: weat(means[0], means[1], a, b), repeats=3)
    print(f"p over 25 + 25 words of 350 + 350 sentences: {clustered * 1e3:.0f} ms")
    print(f"p over 25 + 25 plain words: {plain * 1e3:.0f} ms; ratio {clustered / plain:.2f}")
    every, _ = timed(lambda: [weat(x, y, a, b, **labels) for _ in range(46)])
    print(f"46 tests of that size: {every:.2f} s (limit 10 s)")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=1000)
    runs = parser.parse_args().runs
    print_machine()
    false_alarms(runs)
    templated_false_alarms(runs)
    coverage(runs)
    speed()


if __name__ == "__main__":
    main()
