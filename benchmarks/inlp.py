"""INLP at n = 100,000, d = 384: embias beside the authors' code, to the same held-out accuracy.

The authors' code is on no package index: get https://github.com/shauli-ravfogel/nullspace_projection
and name its folder with ``--reference``. Its ``get_debiasing_projection`` runs as it is, with the
LinearSVC(dual=False) of its notebooks, in a process of its own with these packages. It does not
stop by itself once the accuracy has fallen, so that its classifier ends the run as soon as the
held-out accuracy is within the margin of the majority share: the time to there is compared.

Both get the same training rows and watch a held-out quarter of their number. Different classifiers
(squared hinge there, logistic here) find different directions, so their numbers differ too; a fresh
logistic classifier judges both results.

Run: python benchmarks/inlp.py --reference FOLDER [--rows 100000] [--dim 384]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from _common import print_machine, timed
from embias.transforms._held_out import held_out_split
from embias.transforms._labels import label_columns, read_labels
from embias.transforms.inlp import INLP
from embias.types import FloatArray

MARGIN, ROUNDS, FRACTION = 0.01, 200, 0.2

#: Reads rows, prints seconds and accuracies, writes the projection it would have returned.
PEER = """
import json, sys, time, warnings
warnings.filterwarnings("ignore")
sys.path.insert(0, sys.argv[1])
import numpy as np
from sklearn.svm import LinearSVC
from src import debias

data = np.load(sys.argv[2])
X, y, X_dev, y_dev = (data[name] for name in ("X", "y", "X_dev", "y_dev"))
majority = float(np.mean(y_dev == np.bincount(y).argmax()))
accuracies, rowspaces = [], []

class Done(Exception):
    pass

class Watched(LinearSVC):
    def score(self, X, y):
        accuracies.append(super().score(X, y))
        if accuracies[-1] <= majority + float(sys.argv[4]):
            raise Done
        rowspaces.append(debias.get_rowspace_projection(self.coef_))
        return accuracies[-1]

start = time.perf_counter()
try:
    debias.get_debiasing_projection(
        Watched, {"dual": False, "max_iter": 1500, "random_state": 0}, int(sys.argv[5]),
        X.shape[1], True, 0.0, X, y, X_dev, y_dev,
    )
except Done:
    pass
seconds = time.perf_counter() - start
np.save(sys.argv[3], debias.get_projection_to_intersection_of_nullspaces(rowspaces, X.shape[1]))
print(json.dumps([seconds, accuracies]))
"""


def concept_data(n: int, d: int) -> tuple[FloatArray, NDArray[np.intp]]:
    """Return rows with a falling spectrum and a concept spread over many directions."""
    rng = np.random.default_rng(0)
    y: NDArray[np.intp] = rng.integers(0, 2, n)
    spread = np.arange(1, d + 1) ** -0.5
    gap = rng.normal(size=d) * spread * np.where(np.arange(d) < d // 10, 0.35, 0.05)
    turn = np.linalg.qr(rng.normal(size=(d, d)))[0]
    rows = rng.normal(size=(n, d)) * spread + np.where(y, 1, -1)[:, None] * gap
    return rows @ turn, y


def fresh_accuracy(rows: FloatArray, y: Any, made: FloatArray) -> float:
    """Return the accuracy of a logistic classifier trained on one half, on the other."""
    half = len(rows) // 2
    peer = LogisticRegression(max_iter=500).fit(made[:half], y[:half])
    return float(peer.score(made[half:], y[half:]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reference", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=384)
    options = parser.parse_args()
    if not (options.reference / "src" / "debias.py").is_file():
        sys.exit(f"{options.reference}: no nullspace_projection; it has no src/debias.py")
    print_machine()
    X, y = concept_data(round(options.rows / (1 - FRACTION)), options.dim)
    ours, inlp = timed(
        lambda: INLP(max_iter=ROUNDS, margin=MARGIN, validation_fraction=FRACTION).fit(X, y)
    )
    labels = read_labels(y, label_columns(y, "auto", "INLP"), "INLP")
    train, held = held_out_split(labels, FRACTION, np.random.default_rng(0), "INLP")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.savez(folder / "data.npz", X=X[train], y=y[train], X_dev=X[held], y_dev=y[held])
        arguments = [options.reference, folder / "data.npz", folder / "p.npy", MARGIN, ROUNDS]
        done = subprocess.run(
            [sys.executable, "-c", PEER, *map(str, arguments)],
            check=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        projection = np.load(folder / "p.npy")
    theirs, accuracies = json.loads(done.stdout.splitlines()[-1])
    print(
        f"scikit-learn {sklearn.__version__}; {len(train)} rows of {options.dim}, {len(held)} held "
        "out"
    )
    print(
        f"majority share {inlp.majority_:.4f}, margin {MARGIN}; held-out accuracy before and at "
        "the end"
    )
    rounds = len(accuracies) - 1
    print(
        f"nullspace_projection: {theirs:8.1f} s, {rounds} rounds, {accuracies[0]:.4f} to "
        f"{accuracies[-1]:.4f}, fresh {fresh_accuracy(X, y, X @ projection):.4f}"
    )
    print(
        f"embias:               {ours:8.1f} s, {inlp.n_iter_} rounds, {inlp.accuracies_[0]:.4f} to "
        f"{inlp.accuracies_[-1]:.4f}, fresh {fresh_accuracy(X, y, inlp.transform(X)):.4f}"
    )
    print(
        f"\n{theirs / ours:,.1f} times faster to the end, "
        f"{theirs / (rounds + 1) / (ours / (inlp.n_iter_ + 1)):,.1f} times per classifier"
    )


if __name__ == "__main__":
    main()
