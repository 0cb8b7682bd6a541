"""How long exact and certified p-values take, beside SciPy's exact test in the same run.

Run: python benchmarks/permutation.py
"""

from __future__ import annotations

import resource

import numpy as np
from scipy import stats

from _common import print_machine, timed
from embias import permutation_pvalue
from embias.types import FloatArray


def sets(n: int, shift: float, seed: int = 0) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=n) + shift, rng.normal(size=n)


def against_scipy() -> None:
    x, y = sets(8, 1.0)
    ours, result = timed(lambda: permutation_pvalue(x, y), repeats=20)
    theirs, reference = timed(
        lambda: stats.permutation_test(
            (x, y),
            lambda a, b, axis: a.mean(axis=axis) - b.mean(axis=axis),
            vectorized=True,
            n_resamples=10**9,
            alternative="greater",
        ),
        repeats=3,
    )
    assert abs(result.pvalue - reference.pvalue) < 1e-12
    print(f"8 + 8 exact: {ours * 1e3:.2f} ms (limit 10 ms); p = {result.pvalue:.6g}")
    print(f"  SciPy's exact permutation_test, same p: {theirs * 1e3:.1f} ms")
    print(f"  ratio: {theirs / ours:.0f} times faster\n")


def exact_25() -> None:
    # The slowest case: a p-value of about one half, where nothing is pruned.
    x, y = sets(25, 0.0)
    seconds, result = timed(lambda: permutation_pvalue(x, y, method="exact"))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"25 + 25 exact: {seconds:.2f} s (limit 15 s), p = {result.pvalue:.6g}")
    print(f"  {result.count:,} of {result.n_partitions:,} relabellings")
    print(f"  peak memory of the process: {memory:.0f} MB (limit 2,000 MB)")
    print(f"  ratio: {15 / seconds:.1f} times below the limit\n")


def certified_32() -> None:
    x, y = sets(32, 2.15)
    seconds, result = timed(lambda: permutation_pvalue(x, y), repeats=3)
    low, high = result.pvalue_bounds
    print(f"32 + 32 certified: {seconds * 1e3:.0f} ms (limit 2 s)")
    print(f"  {low:.4g} <= p <= {high:.4g}, {(high - low) / high:.2%} wide (limit 1 %)")
    print(f"  ratio: {2 / seconds:.0f} times below the limit\n")


def scaling() -> None:
    print("certified, by size (d about 0.5):")
    for n in (50, 100, 150, 200, 300):
        x, y = sets(n, 0.5)
        seconds, result = timed(
            lambda x=x, y=y: permutation_pvalue(x, y, method="certified")  # type: ignore[misc]
        )
        low, high = result.pvalue_bounds
        print(
            f"  {n:>3} + {n:<3} {seconds:6.2f} s   p <= {high:.2e}, {(high - low) / high:.1%} wide"
        )


if __name__ == "__main__":
    print_machine()
    against_scipy()
    exact_25()
    certified_32()
    scaling()
