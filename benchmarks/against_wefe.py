"""WEAT with a p-value: embias beside WEFE 1.0.1, on the same vectors, in one run.

WEFE is installed into an environment of its own in a temporary folder, thrown away afterwards.
Its p-value draws 10,000 times (its default); ours is exact or certified.

Run: python benchmarks/against_wefe.py [--tests weat6 weat7 ...]

WEFE needs minutes for a test of 8 + 8 words and much longer for 25 + 25, so the default is one
test of 6 + 6 and one of 8 + 8 words; ``--tests`` names others.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import numpy as np

from _common import print_machine, timed, weat_arrays
from embias import weat
from embias.types import FloatArray

SMALL = ("weat6", "weat9")

#: Runs in WEFE's environment: reads arrays, prints seconds, effect size and p.
PEER = """
import json, sys, time, warnings
warnings.filterwarnings("ignore")
import numpy as np
from gensim.models import KeyedVectors
from wefe.metrics import WEAT
from wefe.query import Query
from wefe.word_embedding_model import WordEmbeddingModel

arrays = np.load(sys.argv[1])
keyed = KeyedVectors(arrays["x"].shape[1])
words = {role: [f"{role}{i}" for i in range(len(arrays[role]))] for role in "xyab"}
for role in "xyab":
    keyed.add_vectors(words[role], arrays[role])
model = WordEmbeddingModel(keyed, "vectors")
query = Query([words["x"], words["y"]], [words["a"], words["b"]])
start = time.perf_counter()
result = WEAT().run_query(query, model, return_effect_size=True, calculate_p_value=True)
seconds = time.perf_counter() - start
print(json.dumps([seconds, float(result["effect_size"]), float(result["p_value"])]))
"""


def install(folder: Path) -> Path:
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "wefe==1.0.1"], check=True)
    return python


def run_peer(python: Path, folder: Path, arrays: list[FloatArray]) -> tuple[float, float, float]:
    file = folder / "arrays.npz"
    x, y, a, b = arrays
    np.savez(file, x=x, y=y, a=a, b=b)
    done = subprocess.run(
        [python, "-c", PEER, file], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    seconds, effect_size, pvalue = json.loads(done.stdout.splitlines()[-1])
    return seconds, effect_size, pvalue


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tests", nargs="+", default=SMALL)
    tests = parser.parse_args().tests
    print_machine()
    ratios = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print("installing WEFE 1.0.1 ...", flush=True)
        python = install(folder / "env")
        for test, arrays in weat_arrays().items():
            if test not in tests:
                continue
            ours, result = timed(lambda arrays=arrays: weat(*arrays, ddof=0), repeats=3)  # type: ignore[misc]
            theirs, effect_size, pvalue = run_peer(python, folder, arrays)
            # WEFE computes cosines in float32.
            assert abs(result.effect_size - effect_size) < 1e-5, (result.effect_size, effect_size)
            ratios.append(theirs / ours)
            print(
                f"{test:<7} d (ddof 0) {effect_size:6.3f} | WEFE {theirs:7.1f} s, p = {pvalue:.4f}"
                f" | embias {ours * 1e3:6.1f} ms, p = {result.pvalue:.3g} "
                f"({result.pvalue_method}) | ratio {theirs / ours:,.0f}",
                flush=True,
            )
    if not ratios:
        sys.exit("no such test; names are weat1 to weat10")
    print(f"\nsmallest ratio: {min(ratios):,.0f} times faster")


if __name__ == "__main__":
    main()
