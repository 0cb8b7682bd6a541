"""LEACE fitted on a stream, beside concept-erasure 0.2.4; and low-rank beside dense maps.

concept-erasure is installed into a temporary folder, without its dependencies: it runs on the
torch of this environment. Both get the same float32 batches; it sums in float32, we in float64.

Run: python benchmarks/leace.py
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from _common import print_machine, timed
from embias.transforms import LEACE, DenseMap

ROWS, BATCH, ROUNDS = 100_000, 8192, 5


def rows_and_labels(d: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, ROWS)
    rows = rng.standard_normal((ROWS, d), dtype=np.float32)
    rows[:, :8] += y[:, None]
    return rows, y


def ours(rows: NDArray[np.float32], y: NDArray[np.int64]) -> LEACE:
    eraser = LEACE()
    for start in range(0, len(rows), BATCH):
        part = slice(start, start + BATCH)
        eraser.partial_fit(rows[part], y[part], classes=[0, 1])
    eraser.as_affine()
    return eraser


def theirs(rows: NDArray[np.float32], one_hot: NDArray[np.float32]) -> Any:
    import torch
    from concept_erasure import LeaceFitter  # type: ignore[import-not-found]

    fitter = LeaceFitter(rows.shape[1], 2, shrinkage=False, constrain_cov_trace=False)
    for start in range(0, len(rows), BATCH):
        part = slice(start, start + BATCH)
        fitter.update(torch.from_numpy(rows[part]), torch.from_numpy(one_hot[part]))
    return fitter.eraser


def compare_fits(d: int) -> None:
    rows, y = rows_and_labels(d)
    one_hot = np.eye(2, dtype=np.float32)[y]
    fitted, peer = [], []
    for _ in range(ROUNDS):  # in turns, so that a change in the machine's load meets both
        seconds, mine = timed(lambda: ours(rows, y))
        fitted.append(seconds)
        seconds, other = timed(lambda: theirs(rows, one_hot))
        peer.append(seconds)
    apart = float(np.abs(mine.as_affine()[0] - other.P.numpy()).max())
    assert apart < 1e-3, apart
    z = one_hot[:, 1] - one_hot[:, 1].mean(dtype=np.float64)
    erased = mine.map_.apply(rows.astype(np.float64))
    left = np.abs(z @ erased).max() / ROWS
    theirs_left = np.abs(z @ (rows.astype(np.float64) @ other.P.numpy().T.astype(float))).max()
    print(
        f"fit, {ROWS:,} x {d}: concept-erasure {min(peer):.2f} s | embias {min(fitted):.2f} s | "
        f"ratio {min(peer) / min(fitted):.2f}; covariance left: {theirs_left / ROWS:.1g} | "
        f"{left:.1g}",
        flush=True,
    )


def compare_maps(d: int) -> None:
    rows, y = rows_and_labels(d)
    low = LEACE().fit(rows[:20_000], y[:20_000]).map_
    dense = DenseMap(*low.dense())
    slow, fast = [], []
    for _ in range(ROUNDS):
        slow.append(timed(lambda: dense.apply(rows))[0])
        fast.append(timed(lambda: low.apply(rows))[0])
    assert np.abs(low.apply(rows[:100]) - dense.apply(rows[:100])).max() < 1e-4
    print(
        f"apply, {ROWS:,} x {d}: dense {min(slow):.2f} s | low rank {min(fast):.2f} s | ratio "
        f"{min(slow) / min(fast):.1f}",
        flush=True,
    )


def main() -> None:
    print_machine()
    with tempfile.TemporaryDirectory() as folder:
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target"]
        subprocess.run([*install, folder, "concept-erasure==0.2.4"], check=True)
        sys.path.insert(0, folder)
        for d in (384, 768):
            compare_fits(d)
    for d in (384, 768):
        compare_maps(d)


if __name__ == "__main__":
    main()
