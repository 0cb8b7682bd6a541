"""Repulsion, attraction, neutralisation: embias beside WEFE 1.0.1, per word, in one run.

WEFE is installed into an environment of its own in a temporary folder, thrown away afterwards; it
takes torch from this one. Both transform words of the same vocabulary, with the same neighbours
and weights. The objective printed is ours, of what either returns.

Run: python benchmarks/ran.py [--words 20] [--wefe PYTHON]

``--wefe`` names a Python that has WEFE 1.0.1 already; nothing is installed then.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from _common import EXTRACT, print_machine, timed
from against_wefe import install
from embias import StaticEncoder
from embias.encoders import as_encoder
from embias.geometry import Subspace
from embias.transforms.ran import RAN

PAIRS = (("woman", "man"), ("girl", "boy"), ("she", "he"), ("mother", "father"), ("her", "his"))

#: Runs in WEFE's environment: reads vectors, prints seconds a word, writes vectors.
PEER = """
import json, sys, time, warnings
sys.path.append(sys.argv[3])
warnings.filterwarnings("ignore")
import numpy as np, torch
from gensim.models import KeyedVectors
from wefe.debias.repulsion_attraction_neutralization import RepulsionAttractionNeutralization
from wefe.word_embedding_model import WordEmbeddingModel

data = np.load(sys.argv[1])
names = [f"w{i}" for i in range(len(data["vectors"]))]
keyed = KeyedVectors(data["vectors"].shape[1])
keyed.add_vectors(names, data["vectors"])
model = WordEmbeddingModel(keyed, "vectors")
pairs = [[names[i], names[j]] for i, j in data["pairs"]]
method = RepulsionAttractionNeutralization(
    weights=[1 / 8, 6 / 8, 1 / 8], pca_args={"n_components": 5}
)
method.fit(model, pairs)
target = [names[i] for i in data["chosen"]]
start = time.perf_counter()
made = method.transform(model, target=target, copy=False)
seconds = (time.perf_counter() - start) / len(target)
np.save(sys.argv[2], np.array([made[name] for name in target]))
print(json.dumps([seconds, torch.__version__]))
"""


def run_peer(python: str, folder: Path, **arrays: object) -> tuple[float, str]:
    """Return WEFE's seconds a word, and the version of torch."""
    np.savez(folder / "data.npz", **arrays)  # type: ignore[arg-type]
    found = find_spec("torch")
    if found is None or found.origin is None:
        raise SystemExit("WEFE's RAN needs torch; install embias[contextual]")
    packages = str(Path(found.origin).parent.parent)
    done = subprocess.run(
        [python, "-c", PEER, folder / "data.npz", folder / "made.npy", packages],
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    seconds, torch = json.loads(done.stdout.splitlines()[-1])
    return seconds, torch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--words", type=int, default=20)
    parser.add_argument("--wefe", metavar="PYTHON")
    options = parser.parse_args()
    print_machine()
    encoder = as_encoder(EXTRACT)
    assert isinstance(encoder, StaticEncoder)
    rows = {word: i for i, word in enumerate(encoder.words)}
    chosen = np.random.default_rng(0).choice(len(rows), options.words, replace=False)
    words = encoder.vectors[chosen]
    ran = RAN(Subspace.from_pairs([encoder.encode(list(pair)) for pair in PAIRS]))
    ran.fit(encoder.vectors)
    several = encoder.vectors[:1000]
    one_by_one, made = timed(lambda: np.vstack([ran.transform(word[None]) for word in words]))
    together, _ = timed(lambda: ran.transform(several), repeats=2)
    ours = together / len(several)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        python = options.wefe or str(install(folder / "env"))
        pairs = np.array([[rows[a], rows[b]] for a, b in PAIRS])
        theirs, torch = run_peer(
            python, folder, vectors=encoder.vectors, pairs=pairs, chosen=chosen
        )
        by_peer = np.load(folder / "made.npy").astype(np.float64)
    print(f"{len(rows)} words of {words.shape[1]} dimensions, 100 neighbours, theta 0.05")
    print(f"WEFE 1.0.1, torch {torch}: {theirs * 1e3:8.1f} ms a word ({len(words)} words)")
    print(f"embias, {len(several)} words at once: {ours * 1e3:6.2f} ms a word")
    print(f"embias, one by one:        {one_by_one / len(words) * 1e3:6.2f} ms a word")
    before, peer, after = (ran.objective(words, x).mean() for x in (words, by_peer, made))
    print(f"mean objective: before {before:.5f}, WEFE {peer:.5f}, embias {after:.5f}")
    print(f"\n{theirs / ours:,.0f} times faster per word")


if __name__ == "__main__":
    main()
