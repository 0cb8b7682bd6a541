"""Rebuild the small extract of word2vec GoogleNews vectors that ships in ``data/vectors``.

The source is the file ``datasets/data/test_model.kv`` inside the package wefe 1.0.1 on PyPI:
13,013 words of GoogleNews-vectors-negative300, not normalised. Run the script in an environment of
its own::

    pip install wefe==1.0.1
    python scripts/build_vector_extract.py --out data/vectors

gensim's ``KeyedVectors.load`` unpickles, so a file of unknown origin could run code. It is loaded
here only because the user names it (or has installed the package that holds it), and only after
its sha256 has been compared with the one below; nothing in embias itself loads such a file.

What is kept:

* every word of ``data/suites/*.toml`` (as written, without the entries that contain a space) and of
  ``data/lists/*.toml`` that has a vector;
* a pool of other words, so that neighbours and neutral words can be looked up: lower-case ASCII
  alphabetic words, more frequent ones first, ties in the order of the sha256 of the word, until
  both files together would exceed ``MAX_BYTES``. In this source every count is 1, so the pool is a
  pseudo-random sample of the candidates and not a list of frequent words.

Rows are ordered by falling count, ties by word. Three files are written, the same bytes at every
run: ``NAME.safetensors`` (tensor "vectors", float32, bit-identical to the source),
``NAME.vocab.txt`` (one word a line) and ``NAME.toml`` (source, counts, listed words without a
vector).
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import importlib.util
import json
import struct
import sys
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

NAME = "word2vec-googlenews-extract"
WEFE_VERSION = "1.0.1"
KV_SHA256 = "00ab43cc4c0381f2c1e9c027b8ea42b51414124661d332239fc79f2d2b9e070c"
MAX_BYTES = 6_000_000
DIM = 300
SOURCE = (
    "GoogleNews-vectors-negative300 (word2vec release, Mikolov et al. 2013), "
    f"as carried by the PyPI package wefe {WEFE_VERSION}, datasets/data/test_model.kv"
)
LICENSE = "Apache-2.0"
METADATA = {"license": LICENSE, "name": NAME, "source": SOURCE}
DATA = Path(__file__).resolve().parent.parent / "data"


@dataclass(frozen=True)
class Source:
    """Words, counts and vectors of the source file."""

    vectors: dict[str, np.ndarray]
    counts: dict[str, int]


@dataclass(frozen=True)
class Selection:
    """Words of the extract and where they come from."""

    words: list[str]
    listed: int
    pool: int
    missing_suites: list[str]
    missing_lists: list[str]


def default_kv() -> Path:
    """Path of the source file in the installed package, without importing the package."""
    spec = importlib.util.find_spec("wefe")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit(f"wefe is not installed: pip install wefe=={WEFE_VERSION}, or give --kv")
    version = importlib.metadata.version("wefe")
    if version != WEFE_VERSION:
        raise SystemExit(f"wefe {version} is installed, {WEFE_VERSION} is needed, or give --kv")
    return Path(next(iter(spec.submodule_search_locations))) / "datasets" / "data" / "test_model.kv"


def load_source(path: Path) -> Source:
    """Check the sha256 of the named file, then load it with gensim (which unpickles)."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != KV_SHA256:
        raise SystemExit(f"{path}: sha256 {digest}, expected {KV_SHA256}; not loaded")
    from gensim.models import KeyedVectors

    kv = KeyedVectors.load(str(path))
    if kv.vectors.dtype != np.float32 or kv.vectors.shape[1] != DIM:
        raise SystemExit(f"{path}: expected float32 vectors of {DIM} dimensions")
    words = [str(word) for word in kv.index_to_key]
    counts = kv.expandos["count"]
    return Source(
        vectors={word: kv.vectors[row] for row, word in enumerate(words)},
        counts={word: int(counts[row]) for row, word in enumerate(words)},
    )


def suite_words(suite: dict[str, Any]) -> Iterator[str]:
    """Words of a suite as written, without those that contain a space."""
    for entry in suite["sets"].values():
        yield from (word for word in entry["words"] if " " not in word)


def list_words(lists: dict[str, Any]) -> Iterator[str]:
    """Words of a file of lists: plain words, pairs, and the column "word" of tables."""
    for entry in lists["lists"].values():
        yield from entry.get("words", [])
        for pair in entry.get("pairs", []):
            yield from pair
        if "columns" in entry:
            column = entry["columns"].index("word")
            yield from (row[column] for row in entry["rows"])


def read_all(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the parsed TOML files of a folder, in the order of their names."""
    for path in sorted(folder.glob("*.toml")):
        yield tomllib.loads(path.read_text(encoding="utf-8"))


def header_bytes(rows: int) -> bytes:
    """Header of the safetensors file, padded to a multiple of 8 bytes.

    Written by hand because the library keeps metadata in a hash map, whose order changes per run.
    """
    header = {
        "__metadata__": METADATA,
        "vectors": {"dtype": "F32", "shape": [rows, DIM], "data_offsets": [0, rows * DIM * 4]},
    }
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=True).encode("ascii")
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text


def total_bytes(rows: int, vocab: int) -> int:
    """Size of both files for a number of rows and of vocabulary bytes."""
    return len(header_bytes(rows)) + rows * DIM * 4 + vocab


def line_bytes(words: Iterable[str]) -> int:
    """Bytes of the words in the vocabulary file."""
    return sum(len(word.encode()) + 1 for word in words)


def pool_candidates(source: Source, taken: set[str]) -> list[str]:
    """Other words in the order in which they are added to the pool."""

    def key(word: str) -> tuple[int, str]:
        return -source.counts[word], hashlib.sha256(word.encode()).hexdigest()

    plain = (w for w in source.vectors if w.isascii() and w.isalpha() and w.islower())
    return sorted((word for word in plain if word not in taken), key=key)


def select(source: Source, in_suites: set[str], in_lists: set[str]) -> Selection:
    """Choose the words of the extract."""
    listed = {word for word in in_suites | in_lists if word in source.vectors}
    size = line_bytes(listed)
    pool: list[str] = []
    for word in pool_candidates(source, listed):
        grown = size + line_bytes([word])
        if total_bytes(len(listed) + len(pool) + 1, grown) > MAX_BYTES:
            break
        pool.append(word)
        size = grown
    return Selection(
        words=sorted(listed.union(pool), key=lambda word: (-source.counts[word], word)),
        listed=len(listed),
        pool=len(pool),
        missing_suites=sorted(in_suites - source.vectors.keys()),
        missing_lists=sorted(in_lists - in_suites - source.vectors.keys()),
    )


def toml_array(key: str, words: list[str], width: int = 100) -> str:
    """Format a TOML array of strings, wrapped."""
    lines, line = [f"{key} = ["], "   "
    for word in words:
        item = f" {json.dumps(word, ensure_ascii=False)},"
        if len(line) + len(item) > width:
            lines.append(line)
            line = "   "
        line += item
    return "\n".join([*lines, line, "]"]) + "\n"


def description(selection: Selection) -> str:
    """Text of the TOML file beside the vectors."""
    return f'''schema = 1
name = "{NAME}"
version = "1"
title = "Extract of word2vec GoogleNews (300 dimensions)"
weights = "word2vec-googlenews"
dtype = "float32"
dim = {DIM}
normalized = false

[source]
paper = """\\
  Mikolov, Sutskever, Chen, Corrado, Dean 2013, Distributed Representations of Words and Phrases \\
  and their Compositionality, NIPS 2013"""
url = "https://code.google.com/archive/p/word2vec/"
table = """\\
  Release GoogleNews-vectors-negative300; taken from the package wefe {WEFE_VERSION} on PyPI, \\
  datasets/data/test_model.kv, sha256 \\
  {KV_SHA256}"""
license = "{LICENSE}"
note = """\\
  Vectors are bit-identical to the source and not normalised. The source holds 13,013 of the \\
  three million words of the release and no frequencies (every count is 1): words are in order \\
  of their code points, and the pool is a pseudo-random sample of its lower-case words. More than \\
  half of those are entries of sentiment lexicons: the pool is no sample of English text. Words \\
  listed below as missing are missing from the source; the full release has vectors for many of \\
  them. \\
  Built by scripts/build_vector_extract.py."""

[counts]
words = {len(selection.words)}
listed = {selection.listed}
pool = {selection.pool}

[missing]
{toml_array("suites", selection.missing_suites)}{toml_array("lists", selection.missing_lists)}'''


def write(out: Path, source: Source, selection: Selection) -> None:
    """Write the three files."""
    matrix = np.stack([source.vectors[word] for word in selection.words]).astype("<f4", copy=False)
    if not np.isfinite(matrix).all():
        raise SystemExit("a selected word has a vector that is not finite")
    out.mkdir(parents=True, exist_ok=True)
    vocab = "".join(f"{word}\n" for word in selection.words).encode()
    (out / f"{NAME}.safetensors").write_bytes(header_bytes(len(matrix)) + matrix.tobytes())
    (out / f"{NAME}.vocab.txt").write_bytes(vocab)
    (out / f"{NAME}.toml").write_bytes(description(selection).encode())


def main(argv: list[str] | None = None) -> int:
    """Command line entry point."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--kv", type=Path, help="test_model.kv of wefe (default: installed wefe)")
    parser.add_argument("--out", type=Path, default=DATA / "vectors", help="folder to write to")
    args = parser.parse_args(argv)
    source = load_source(args.kv or default_kv())
    in_suites = {word for suite in read_all(DATA / "suites") for word in suite_words(suite)}
    in_lists = {word for lists in read_all(DATA / "lists") for word in list_words(lists)}
    selection = select(source, in_suites, in_lists)
    write(args.out, source, selection)
    print(f"{len(selection.words)} words: {selection.listed} listed, {selection.pool} in the pool")
    return 0


if __name__ == "__main__":
    sys.exit(main())
