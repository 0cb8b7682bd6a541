"""The command line as a user runs it: tables, files, exit status, one line per mistake."""

import json
import os
import re
import struct
import sys

import pytest

from embias import Audit
from embias.cli import main

SUITE = """
schema = 1
name = "mine"
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

VECTORS = "rose 1 2 3\ndaisy 1 2 2\nwasp 3 1 1\nflea 3 2 1\nlove 1 1 3\nwar 3 0 1\n"


def one_line(done, status=2):
    """The error of a run: one line, no traceback, nothing on standard output."""
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("embias: error: ")
    return lines[0]


def test_with_no_model_the_embedded_default_is_audited(embias_cli, tmp_path):
    done = embias_cli("audit", "--json", "out.json", "--html", "out.html")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    for shown in ("weat10", "word2vec-googlenews-extract", "1.54", "certified", "axe"):
        assert shown in done.stdout
    assert done.stdout.rstrip().endswith("Wrote out.json\nWrote out.html")
    result = Audit.from_json(tmp_path / "out.json")
    assert result.frame["agrees"].sum() == 7
    page = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert "</html>" in page
    assert "weat10" in page


def test_seat_goes_to_minilm_and_joins_the_same_report(embias_cli, tmp_path):
    done = embias_cli("audit", "--suite", "weat", "--suite", "seat", "--json", "both.json")
    assert done.returncode == 0, done.stderr
    frame = Audit.from_json(tmp_path / "both.json").frame
    assert frame.groupby("suite")["encoder"].unique().explode().to_dict() == {
        "weat": "word2vec-googlenews-extract",
        "seat": "minilm",
    }
    assert (frame["status"] == "ok").all()
    seat = frame[frame["suite"] == "seat"]
    assert (seat["unit"] == "word").all()
    assert (seat["items_x"] > seat["n_x"]).all()


def test_ones_own_model_and_suite(embias_cli, tmp_path):
    (tmp_path / "mine.toml").write_text(SUITE)
    (tmp_path / "mine.txt").write_text(VECTORS)
    options = ["--suite", "mine.toml", "--seed", "5", "--json", "o.json"]
    done = embias_cli("audit", "mine.txt", *options)
    assert done.returncode == 0, done.stderr
    saved = json.loads((tmp_path / "o.json").read_text())
    assert saved["provenance"]["seed"] == 5
    assert saved["results"][0]["association"]["n_partitions"] == 6


def test_several_models_give_a_row_each(embias_cli, tmp_path):
    (tmp_path / "mine.toml").write_text(SUITE)
    (tmp_path / "a.txt").write_text(VECTORS)
    (tmp_path / "b.txt").write_text(VECTORS.replace("3 1 1", "1 3 3"))
    done = embias_cli("audit", "a.txt", "b.txt", "--suite", "mine.toml", "--json", "o.json")
    assert done.returncode == 0, done.stderr
    assert len(Audit.from_json(tmp_path / "o.json").frame["encoder"].unique()) == 2


@pytest.mark.parametrize(
    ("what", "shown"),
    [
        ("suites", "weat Word Embedding Association Test"),
        ("encoders", "word2vec-googlenews-extract"),
        ("metrics", "D = mean_X s - mean_Y s"),
    ],
)
def test_list_shows_what_there_is(embias_cli, what, shown):
    done = embias_cli("list", what)
    assert done.returncode == 0
    assert shown in re.sub(" +", " ", done.stdout)  # columns are as wide as their longest name


def test_one_metric_is_shown_by_name(embias_cli):
    shown = embias_cli("list", "metrics", "ect").stdout
    assert shown.startswith("ect\n")
    for what in ("missing words", "unequal sets", "one word", "duplicates", "in two sets"):
        assert shown.count(f"{what}: ") == 1
    assert "did you mean 'ect'" in one_line(embias_cli("list", "metrics", "etc"))
    assert "only metrics and transforms are shown one at a time" in one_line(
        embias_cli("list", "suites", "weat")
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--suite", "waet"], "no suite 'waet' .did you mean 'weat'"),
        (["--suite", "none.toml"], "none.toml: cannot be read: No such file"),
        (["word2vec-googlenews"], "did you mean 'word2vec-googlenews-extract'"),
        (["none.txt"], "none.txt"),
        (["--published", "glove"], "did you mean 'glove-840b'"),
        (["--json", "none/out.json"], "the folder .* is not there"),
        (["--json", "."], "it is a folder"),
        (["--json", "a.out", "--html", "a.out"], "name the same file"),
        (["--min-coverage", "80"], "--min-coverage 80 is not a share.*such as 0.8"),
        (["--seed", "-1"], "--seed -1: give a whole number"),
        (["weat"], "'weat' is a suite, not a model; write --suite weat"),
        (["--suite", "weat", "--suite", "weat"], "two suites are named 'weat'"),
        (["a\nb.txt"], r"a\\nb.txt"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(embias_cli, tmp_path, arguments, message):
    import re

    line = one_line(embias_cli("audit", *arguments))
    assert re.search(message, line), line
    assert list(tmp_path.iterdir()) == []


def test_the_report_says_how_to_run_it_again(embias_cli, tmp_path):
    (tmp_path / "mine.toml").write_text(SUITE)
    (tmp_path / "mine.txt").write_text(VECTORS)
    options = ["mine.txt", "--suite", "mine.toml", "--alternative", "two-sided", "--seed", "7"]
    embias_cli("audit", *options, "--html", "r.html", "--json=o.json")
    command = f"embias audit {' '.join(options)}"
    assert command in (tmp_path / "r.html").read_text()
    first = Audit.from_json(tmp_path / "o.json")
    assert first.provenance.command == command
    # A suite of one's own is found nowhere else, so the file holds all that was asked.
    (suite,) = first.provenance.suites
    assert suite["asked"][0][1][0] == ["X", "x", [["rose", ["rose"]], ["daisy", ["daisy"]]]]
    embias_cli(*command.split()[1:], "--json", "again.json")
    assert Audit.from_json(tmp_path / "again.json") == first


def test_an_input_is_never_overwritten(embias_cli, tmp_path):
    (tmp_path / "mine.toml").write_text(SUITE)
    (tmp_path / "mine.txt").write_text(VECTORS)
    (tmp_path / "link.txt").symlink_to("mine.txt")
    for output in ("mine.toml", "mine.txt", "./mine.txt", "link.txt"):
        line = one_line(embias_cli("audit", "mine.txt", "--suite", "mine.toml", "--html", output))
        assert "would overwrite the input" in line
    assert (tmp_path / "mine.txt").read_text() == VECTORS
    assert (tmp_path / "mine.toml").read_text() == SUITE


def test_an_output_is_a_file(embias_cli, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert "a device or a pipe" in one_line(embias_cli("audit", "--json", "pipe"))
    assert "a device or a pipe" in one_line(embias_cli("audit", "--json", "/dev/null"))
    name = "a" * 300 + ".json"
    assert "cannot write" in one_line(embias_cli("audit", "--json", name))
    (tmp_path / "d").mkdir()
    same = ["--json", "d/x.json", "--html", "d/../d/x.json"]
    assert "name the same file" in one_line(embias_cli("audit", *same))


def test_a_link_is_followed_and_permissions_are_kept(embias_cli, tmp_path):
    target = tmp_path / "real.json"
    target.write_text("before")
    target.chmod(0o600)
    (tmp_path / "link.json").symlink_to("real.json")
    assert embias_cli("audit", "--json", "link.json").returncode == 0
    assert (tmp_path / "link.json").is_symlink()
    assert target.stat().st_mode & 0o777 == 0o600
    assert len(Audit.from_json(target).results) == 10


def test_what_is_written_does_not_depend_on_who_reads_the_table(tmp_path):
    import subprocess

    for reader in ("head -n 1", "true"):
        done = subprocess.run(
            f"{sys.executable} -m embias audit --json out.json | {reader}",
            shell=True,
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
        )
        assert done.stderr == ""
        assert len(Audit.from_json(tmp_path / "out.json").results) == 10
        (tmp_path / "out.json").unlink()


def test_standard_output_that_takes_nothing(tmp_path):
    import subprocess

    for output in (">&-", ">/dev/full"):
        done = subprocess.run(
            f"{sys.executable} -m embias audit --json out.json {output}",
            shell=True,
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
        )
        assert "Traceback" not in done.stderr
        assert done.returncode == 0
        assert (tmp_path / "out.json").exists()


def test_an_interrupt_says_what_was_written(tmp_path, monkeypatch, capsys):
    import embias.results

    def interrupted(path, text):
        if str(path).endswith(".html"):
            raise KeyboardInterrupt
        (tmp_path / "out.json").write_text(text)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(embias.results, "write_text", interrupted)
    assert main(["audit", "--json", "out.json", "--html", "out.html"]) == 130
    assert "already written: out.json" in capsys.readouterr().err


def test_files_of_one_name_are_told_apart(embias_cli, tmp_path):
    (tmp_path / "mine.toml").write_text(SUITE)
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "v.txt").write_text(VECTORS)
    done = embias_cli("audit", "a/v.txt", "b/v.txt", "--suite", "mine.toml", "--json", "o.json")
    assert done.returncode == 0, done.stderr
    assert list(Audit.from_json(tmp_path / "o.json").frame["encoder"]) == ["a/v.txt", "b/v.txt"]


def test_published_figures_of_one_of_two_suites(embias_cli):
    done = embias_cli("audit", "--suite", "weat", "--suite", "seat", "--published", "glove-840b")
    assert done.returncode == 0, done.stderr
    assert "1.81" in done.stdout


def test_an_unwritable_folder_is_named_before_the_work(tmp_path, monkeypatch, capsys):
    # A superuser may write anywhere, so the answer of the system is put in its place.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert main(["audit", "--json", str(tmp_path / "out.json")]) == 2
    captured = capsys.readouterr()
    assert "no permission" in captured.err
    assert captured.out == ""


BINARY = b"2 3\nrose " + struct.pack("<3f", 1, 2, 3) + b"\nwasp " + struct.pack("<3f", 3, 2, 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (VECTORS.encode()[:-4], "line 6"),
        (b"9 3\n" + VECTORS.encode(), "9.*6"),
        (b"6 4\n" + VECTORS.encode(), "line 1: the header says 4"),
        (VECTORS.replace("3 0 1", "nan 0 1").encode(), "war.*"),
        (VECTORS.replace("war", "\u00e9t\u00e9").encode("latin-1"), "UTF-8"),
        (BINARY[:-5], "truncated|ends|short|bytes"),
        (b"", "empty"),
        (b"\x80\x04\x95rest", "pickle"),
    ],
    ids=["cut", "count", "dimension", "nan", "latin-1", "binary-cut", "empty", "pickle"],
)
def test_a_broken_vectors_file_is_one_line(embias_cli, tmp_path, content, message):
    import re

    (tmp_path / "mine.toml").write_text(SUITE)
    (tmp_path / "broken.vec").write_bytes(content)
    line = one_line(embias_cli("audit", "broken.vec", "--suite", "mine.toml", "--json", "out.json"))
    assert "broken.vec" in line
    assert re.search(message, line), line
    assert not (tmp_path / "out.json").exists()


@pytest.mark.parametrize(
    ("vectors", "shown"),
    [
        (
            VECTORS + "rose 9 9 9\n",
            "only the words asked for were read; the other rows were counted, not checked",
        ),
        (VECTORS + "lily 0 0 0\n", "only the words asked for were read"),
        (VECTORS.replace("flea", "water flea"), "one"),
    ],
    ids=["duplicate", "zero", "space"],
)
def test_odd_but_sound_files_are_read_and_what_was_odd_is_said(
    embias_cli, tmp_path, vectors, shown
):
    (tmp_path / "mine.toml").write_text(
        SUITE.replace("flea", "water flea" if "water" in vectors else "flea")
    )
    (tmp_path / "odd.vec").write_text(vectors)
    done = embias_cli("audit", "odd.vec", "--suite", "mine.toml")
    assert done.returncode == 0, done.stderr
    assert shown in " ".join(done.stdout.split())


def test_a_zero_vector_is_a_missing_word_and_said_so(embias_cli, tmp_path):
    (tmp_path / "mine.toml").write_text(SUITE)
    (tmp_path / "zero.vec").write_text(VECTORS.replace("3 0 1", "0 0 0"))
    done = embias_cli("audit", "zero.vec", "--suite", "mine.toml")
    assert done.returncode == 2
    assert "0 of 1 words have a vector" in done.stdout
    assert "no test could be run" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_set_that_no_word_matches_is_a_row_with_its_reason(embias_cli, tmp_path):
    (tmp_path / "mine.toml").write_text(SUITE.replace('"wasp", "flea"', '"zzz", "yyy"'))
    (tmp_path / "mine.txt").write_text(VECTORS)
    done = embias_cli("audit", "mine.txt", "--suite", "mine.toml")
    assert done.returncode == 2
    assert "Y (y): 0 of 2 words have a vector" in done.stdout.replace("\n", " ")


def test_output_into_a_closed_pipe_is_no_traceback(tmp_path):
    import subprocess

    done = subprocess.run(
        f"{sys.executable} -m embias audit | head -n 1",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.stderr == ""


def test_a_terminal_without_unicode_gets_a_table_too(embias_cli):
    done = embias_cli("audit", env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0, done.stderr
    assert "weat10" in done.stdout


def test_help_and_version(embias_cli):
    assert "--suite" in embias_cli("audit", "--help").stdout
    assert embias_cli("--version").stdout.startswith("embias ")
    assert embias_cli().returncode == 2
