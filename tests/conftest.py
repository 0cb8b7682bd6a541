"""Shared parts: real vectors, the real MiniLM, the command line as a subprocess."""

import os
import subprocess
import sys
import uuid

import pytest

# Nothing is fetched in a test; set before any model library is imported.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"


@pytest.fixture(autouse=True)
def _cache_of_the_test(monkeypatch, tmp_path_factory):
    """Keep the tests out of the user's own cache, and the user's settings out of the tests."""
    place = tmp_path_factory.getbasetemp() / f"cache-{uuid.uuid4().hex}"
    monkeypatch.setenv("EMBIAS_CACHE", str(place))
    monkeypatch.delenv("EMBIAS_CACHE_MAX_BYTES", raising=False)


@pytest.fixture(scope="session")
def extract():
    """The shipped word2vec vectors."""
    from embias import as_encoder

    return as_encoder("word2vec-googlenews-extract")


@pytest.fixture
def embias_cli(tmp_path):
    """Run the command line in a folder of its own, as a user does."""

    def run(*arguments, env=None):
        return subprocess.run(
            [sys.executable, "-m", "embias", *map(str, arguments)],
            cwd=tmp_path,
            env={**os.environ, "COLUMNS": "120", **(env or {})},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    return run
