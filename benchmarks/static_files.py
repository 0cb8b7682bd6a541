"""A GloVe-like text file of 150 MB: gensim's full load beside ours, and beside a needed-words scan.

Every figure is the best of some runs, each in a fresh process; imports are not timed, except that
of scipy.io, which the full load makes on its own. Peak memory is that of the whole process.

Run: python benchmarks/static_files.py [--runs 3] [--words 57000]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from _common import print_machine
from embias import load_suite
from embias.stimuli import ROLES

DIM = 300

#: Runs in a fresh process: prints seconds, and the peak memory in MB before and after.
RUN = """
import json, resource, sys, time
def peak():
    try:  # ru_maxrss may be that of the process which started this one
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
path, words, folder = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3]
{imports}
before, start = peak(), time.perf_counter()
{work}
seconds = time.perf_counter() - start
print(json.dumps([seconds, before, peak()]))
"""
NEEDED = """
encoder = VectorFileEncoder(path, index_dir={index_dir})
encoder.info
left = set(encoder.missing(words))
rows = encoder.encode([word for word in words if word not in left])
assert len(rows) == len(words)
"""
OURS = "from embias.encoders.vector_file_encoder import VectorFileEncoder"
TASKS = {
    "gensim, full load": (
        "from gensim.models import KeyedVectors",
        "KeyedVectors.load_word2vec_format(path, no_header=True)",
    ),
    "embias, full load": ("from embias.encoders import read_vectors", "read_vectors(path)"),
    "embias, words of WEAT": (OURS, NEEDED.format(index_dir="None")),
    "embias, the same with index": (OURS, NEEDED.format(index_dir="folder")),
}


def weat_words() -> list[str]:
    tests = load_suite("weat").tests
    return sorted({word for test in tests for role in ROLES for word in test.words(role).words})


def write_file(path: Path, n: int, words: list[str]) -> None:
    rng = np.random.default_rng(0)
    names = [f"token{i}" for i in range(n)]
    for place, word in zip(rng.choice(n, len(words), replace=False), words, strict=True):
        names[place] = word
    with path.open("w", encoding="utf-8") as file:
        for name in names:
            numbers = " ".join(f"{value:.5g}" for value in rng.normal(scale=0.4, size=DIM))
            file.write(f"{name} {numbers}\n")


def run(task: str, path: Path, words: list[str], folder: Path) -> list[float]:
    imports, work = TASKS[task]
    code = RUN.format(imports=imports, work=work)
    arguments = [sys.executable, "-c", code, str(path), json.dumps(words), str(folder)]
    done = subprocess.run(arguments, check=True, capture_output=True, text=True)
    seconds, before, after = json.loads(done.stdout)
    return [seconds, before, after]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--words", type=int, default=57_000)
    options = parser.parse_args()
    print_machine()
    words = weat_words()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "vectors.txt"
        write_file(path, options.words, words)
        size = path.stat().st_size / 1e6
        print(f"{options.words:,} words of {DIM} numbers, {size:.0f} MB; {len(words)} asked for\n")
        best: dict[str, list[float]] = {}
        # In turns, so that what else the machine does falls on all alike.
        for _ in range(options.runs):
            for task in TASKS:
                figures = run(task, path, words, folder / "index")
                best[task] = min(best.get(task, figures), figures)
    print(f"{'':<28}{'seconds':>9}{'ratio':>8}{'peak MB':>9}{'of it imports':>15}")
    base = best["gensim, full load"][0]
    for task, (seconds, before, after) in best.items():
        print(f"{task:<28}{seconds:>9.3f}{base / seconds:>8.1f}{after:>9.0f}{before:>15.0f}")
    print("\nlimits: full load 8 times and no more memory, needed words 100 times and 200 MB")


if __name__ == "__main__":
    main()
