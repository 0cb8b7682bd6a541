"""Every snippet of the README is run, in the order in which a reader meets it."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, flags=re.DOTALL)

VECTOR_WORDS = 4961


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with what the README says a user has: a vectors file and the suite file."""
    from embias import as_encoder

    place = tmp_path_factory.mktemp("user")
    extract = as_encoder("word2vec-googlenews-extract")
    assert len(extract) == VECTOR_WORDS
    with open(place / "my_vectors.txt", "w", encoding="utf-8") as file:
        for word, vector in zip(extract.words, extract.vectors, strict=True):
            file.write(f"{word} {' '.join(map(str, vector.tolist()))}\n")
    (suite,) = [text for language, text in BLOCKS if language == "toml"]
    (place / "my_suite.toml").write_text(suite, encoding="utf-8")
    return place


def test_the_snippets_are_all_of_a_kind_that_is_run():
    assert {language for language, _ in BLOCKS} == {"sh", "python", "toml"}


@pytest.mark.parametrize("code", [text for language, text in BLOCKS if language == "python"])
def test_python(code, folder):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


COMMANDS = [
    line for language, text in BLOCKS if language == "sh" for line in text.strip().splitlines()
]


@pytest.mark.parametrize("command", COMMANDS)
def test_commands(command, folder):
    words = shlex.split(command)
    if words[0] == "make":
        # Running these here would make an environment inside the one that runs this test.
        assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
        return
    assert words[0] == "embias"
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for option in ("--html", "--json"):
        if option in words:
            assert (folder / words[words.index(option) + 1]).stat().st_size > 1000


def test_what_is_said_of_the_second_suite_command_is_so(folder):
    from embias import audit

    result = audit("word2vec-googlenews-extract", folder / "my_suite.toml")
    assert [row.status for row in result.results] == ["ok", "error"]


def test_the_table_of_metrics_is_that_of_the_cards():
    from embias.metrics import METRICS
    from embias.transforms import TRANSFORMS

    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "build_card_tables.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert all(f"| `{name}` |" in README for name in METRICS)
    names = [card.estimator.__name__ for card in TRANSFORMS.values()]
    assert all(f"| `{name}` |" in README for name in names)
