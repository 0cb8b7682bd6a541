"""Hard debiasing: 100,000 x 300 in seconds, and beside WEFE 1.0.1 on the shipped word2vec extract.

WEFE is installed into an environment of its own in a temporary folder, thrown away afterwards.
Both are given the published lists of Bolukbasi 2016. Timed is `transform`: neutralise, equalise,
unit length; WEFE changes its model in place (copy=False). The cosines of both must agree.

Run: python benchmarks/hard_debias.py [--words 100000] [--without-peer]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import tomllib
import venv
from pathlib import Path
from typing import Any

import numpy as np

from _common import EXTRACT, print_machine, timed
from embias import StaticEncoder
from embias.encoders import as_encoder
from embias.transforms.hard_debias import HardDebias
from embias.types import FloatArray

DIM = 300
LISTS = Path(__file__).resolve().parents[1] / "data" / "lists" / "bolukbasi2016.toml"

#: Runs in WEFE's environment: reads words and vectors, prints seconds, writes the vectors after.
PEER = """
import contextlib, io, json, sys, time, warnings
warnings.filterwarnings("ignore")
import numpy as np
from gensim.models import KeyedVectors
from wefe.debias.hard_debias import HardDebias
from wefe.word_embedding_model import WordEmbeddingModel

given = json.load(open(sys.argv[1]))
keyed = KeyedVectors(300)
keyed.add_vectors(given["words"], np.load(sys.argv[2]))
model = WordEmbeddingModel(keyed, "vectors")
with contextlib.redirect_stdout(io.StringIO()):
    debias = HardDebias(pca_args={"n_components": 10})
    debias.fit(model, definitional_pairs=given["pairs"], equalize_pairs=given["equalize"])
    start = time.perf_counter()
    made = debias.transform(model, ignore=given["protected"], copy=False)
    seconds = time.perf_counter() - start
np.save(sys.argv[3], np.stack([made[word] for word in given["words"]]))
print(json.dumps(seconds))
"""


def lists() -> tuple[list[list[str]], list[list[str]], list[str]]:
    read: dict[str, Any] = tomllib.loads(LISTS.read_text(encoding="utf-8"))["lists"]
    return (
        read["definitional-pairs"]["pairs"],
        read["equalize-pairs"]["pairs"],
        read["gender-specific"]["words"],
    )


def large_vocabulary(n: int) -> tuple[list[str], FloatArray]:
    """Return the extract's words and vectors, filled up with made-up words to n rows."""
    encoder = as_encoder(EXTRACT)
    assert isinstance(encoder, StaticEncoder)
    words = [*encoder.words, *(f"word{i}" for i in range(n - len(encoder.words)))][:n]
    rows = np.random.default_rng(0).normal(size=(n, DIM)).astype(np.float32)
    known = encoder.encode(words[: min(n, len(encoder.words))])
    rows[: len(known)] = known
    return words, rows


def run_peer(words: list[str], rows: FloatArray, folder: Path) -> tuple[float, FloatArray]:
    pairs, equalize, protected = lists()
    forms = [form for w in protected for form in (w, w.lower(), w.title(), w.upper())]
    given = {"words": words, "pairs": pairs, "equalize": equalize, "protected": forms}
    (folder / "given.json").write_text(json.dumps(given), encoding="utf-8")
    np.save(folder / "rows.npy", rows)
    venv.create(folder / "env", with_pip=True)
    python = folder / "env" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "wefe==1.0.1"], check=True)
    files = [str(folder / name) for name in ("given.json", "rows.npy", "made.npy")]
    done = subprocess.run(
        [python, "-c", PEER, *files], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    made: FloatArray = np.load(files[2]).astype(np.float64)
    return float(json.loads(done.stdout.splitlines()[-1])), made


def compare(debias: HardDebias) -> None:
    encoder = as_encoder(EXTRACT)
    assert isinstance(encoder, StaticEncoder)
    words = list(encoder.words)
    rows = encoder.encode(words)
    ours, made = timed(lambda: debias.transform(rows, words=words), repeats=5)
    print("installing WEFE 1.0.1 ...", flush=True)
    with tempfile.TemporaryDirectory() as name:
        theirs, other = run_peer(words, rows, Path(name))
    # Pairs as written that are in neither lower, Title nor UPPER case are not equalised by WEFE.
    same = np.array([word not in ("Catholic_priest", "nun") for word in words])
    other /= np.linalg.norm(other, axis=1, keepdims=True)
    gap = float(np.abs(np.einsum("ij,ij->i", made, other) - 1)[same].max())
    assert gap < 1e-5, gap
    print(
        f"{len(words):,} x {DIM}: WEFE {theirs:.2f} s | embias {ours * 1e3:.1f} ms | "
        f"ratio {theirs / ours:,.0f} (cosines agree to {gap:.0e})"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--words", type=int, default=100_000)
    parser.add_argument("--without-peer", action="store_true")
    options = parser.parse_args()
    print_machine()
    pairs, equalize, protected = lists()
    debias = HardDebias(pairs, equalize=equalize, protected=protected)
    words, rows = large_vocabulary(options.words)
    fitting, _ = timed(lambda: debias.fit(rows, words=words), repeats=3)
    for kind in (np.float32, np.float64):
        given = rows.astype(kind)
        seconds, _ = timed(lambda given=given: debias.transform(given, words=words), repeats=5)  # type: ignore[misc]
        print(f"{len(words):,} x {DIM} {np.dtype(kind)}: transform {seconds:.3f} s")
    print(f"fit {fitting:.3f} s, {len(debias.equalized_)} sets equalised; limit .5 s a transform")
    if not options.without_peer:
        compare(debias)


if __name__ == "__main__":
    main()
