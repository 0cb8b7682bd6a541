"""``embias cache`` and ``embias audit --cache`` as a user runs them."""

import json

import numpy as np
import pytest

from embias.encoders.cache import CachedEncoder, cache_info
from embias.types import EncoderInfo

SUITE = """
schema = 1
name = "small"
[sets.x]
words = ["rose", "daisy"]
[sets.y]
words = ["wasp", "flea"]
[sets.a]
words = ["love"]
[sets.b]
words = ["war"]
[tests.one]
targets = ["x", "y"]
attributes = ["a", "b"]
"""


class Plain:
    def __init__(self, name):
        self.info = EncoderInfo(id=name, kind="sentence", dim=2, revision=f"{name} 1.0")

    def encode(self, items, *, progress=False):
        return np.ones((len(items), 2))

    def missing(self, items):
        return []


@pytest.fixture
def kept(tmp_path):
    CachedEncoder(Plain("first"), tmp_path / "kept").encode(["a", "b"])
    CachedEncoder(Plain("second"), tmp_path / "kept").encode(["a"])
    return tmp_path / "kept"


def one_line(done):
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    (line,) = done.stderr.strip().splitlines()
    return line


def test_info(embias_cli, kept):
    done = embias_cli("cache", "info", "--dir", kept)
    assert (done.returncode, done.stderr) == (0, "")
    first, second, total = done.stdout.splitlines()
    assert first.split()[:3] == ["first", "2", "vectors"]
    assert first.endswith("UTC  first 1.0")
    assert second.split()[:3] == ["second", "1", "vectors"]
    assert total.startswith("3 vectors, ")
    assert total.endswith(str(kept))


def test_clear(embias_cli, kept):
    done = embias_cli("cache", "clear", "--encoder", "second", "--dir", kept)
    assert done.returncode == 0
    assert done.stdout.splitlines()[0] == "Removed:"
    assert [each.id for each in cache_info(kept).encoders] == ["first"]
    assert "did you mean 'first'" in one_line(
        embias_cli("cache", "clear", "--encoder", "frist", "--dir", kept)
    )
    assert embias_cli("cache", "clear", "--dir", kept).returncode == 0
    assert cache_info(kept).encoders == ()


def test_path_and_the_environment(embias_cli, kept, tmp_path):
    env = {"EMBIAS_CACHE": str(kept)}
    assert embias_cli("cache", "path", env=env).stdout.strip() == str(kept)
    assert embias_cli("cache", "path", "--dir", "x", env=env).stdout.strip() == "x"
    assert "3 vectors" in embias_cli("cache", "info", env=env).stdout
    env = {"EMBIAS_CACHE": str(tmp_path / "none")}
    for action in ("info", "clear"):
        done = embias_cli("cache", action, env=env)
        assert done.returncode == 0
        assert "0 vectors, 0 bytes" in done.stdout
    assert not (tmp_path / "none").exists()


def test_what_is_no_cache_is_left_alone(embias_cli, tmp_path):
    precious = tmp_path / "vectors-v1" / "encoders" / ("0" * 64)
    precious.mkdir(parents=True)
    (precious / "info.json").write_text("{}")
    for action in ("info", "clear"):
        line = one_line(embias_cli("cache", action, "--dir", tmp_path))
        assert "holds no cache of embias" in line
    assert (precious / "info.json").exists()
    assert "holds no cache" in one_line(embias_cli("cache", "info", "--dir", tmp_path / "none"))


def test_an_audit_with_a_cache(embias_cli, tmp_path):
    (tmp_path / "small.toml").write_text(SUITE)
    options = ["audit", "minilm", "--suite", "small.toml"]
    reports = []
    for place in (["--cache", "kept"], ["--cache=kept"], []):
        done = embias_cli(*options, "--json", "o.json", *place)
        assert done.returncode == 0, done.stderr
        reports.append(json.loads((tmp_path / "o.json").read_text()))
    cold, warm, without = reports
    assert warm["results"] == cold["results"] == without["results"]
    assert warm["provenance"]["encoders"] == without["provenance"]["encoders"]
    # Where vectors were kept decides no figure.
    commands = {report["provenance"]["command"] for report in reports}
    assert commands == {"embias audit minilm --suite small.toml"}
    assert [each.vectors for each in cache_info(tmp_path / "kept").encoders] == [6]


def test_the_default_folder(embias_cli, tmp_path):
    (tmp_path / "small.toml").write_text(SUITE)
    env = {"EMBIAS_CACHE": str(tmp_path / "default")}
    done = embias_cli("audit", "minilm", "--suite", "small.toml", "--cache", env=env)
    assert done.returncode == 0, done.stderr
    assert cache_info(tmp_path / "default").vectors == 6


@pytest.mark.parametrize(
    "arguments",
    [["--cache", "minilm"], ["minilm", "--cache", "minilm"], ["--cache", "new"]],
)
def test_a_model_is_not_taken_for_the_folder(embias_cli, tmp_path, arguments):
    line = one_line(embias_cli("audit", *arguments))
    assert f"For the folder write --cache={arguments[-1]}" in line
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written(embias_cli, tmp_path):
    (tmp_path / "small.toml").write_text(SUITE)
    line = one_line(embias_cli("audit", "minilm", "--suite", "small.toml", "--cache=small.toml"))
    assert "cannot be written" in line
