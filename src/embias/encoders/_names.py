"""Tells a path from the name of a model."""

from __future__ import annotations

from pathlib import Path

_FILE_SUFFIXES = frozenset(
    (
        *(".txt", ".vec", ".bin", ".ftz", ".dat", ".csv", ".tsv", ".json", ".glove"),
        *(".gz", ".bz2", ".xz", ".zip", ".tar"),
        *(".safetensors", ".npy", ".npz", ".parquet", ".pq", ".h5", ".magnitude"),
        *(".kv", ".model", ".pkl", ".pickle", ".p", ".pt", ".pth"),
    )
)


def looks_like_path(name: str) -> bool:
    """Return whether a name that does not exist on disk was meant as a path.

    A hub id has at most one slash and may hold dots ("BAAI/bge-small-en-v1.5"), so only the
    suffixes of files count, not any suffix.
    """
    return (
        name.startswith(("/", "./", "../", "~", ".\\", "..\\"))
        or "\\" in name
        or name.endswith("/")
        or name.count("/") > 1
        or Path(name).suffix.lower() in _FILE_SUFFIXES
    )
