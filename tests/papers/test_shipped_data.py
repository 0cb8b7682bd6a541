"""The shipped data files: hashes, sources, sizes of sets, and figures measured on the extract.

Everything is read here with the standard library and numpy alone, so that a fault in the library
cannot hide a fault in the data.
"""

from __future__ import annotations

import hashlib
import json
import re
import struct
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "data"
FIXTURE = ROOT / "tests" / "fixtures" / "seat_published_sets.json"
EXTRACT = DATA / "vectors" / "word2vec-googlenews-extract"
ROLES = ("targ1", "targ2", "attr1", "attr2")
MAX_BYTES = 6_000_000

WEAT_SIZES = {
    "weat1": (25, 25, 25, 25),
    "weat2": (25, 25, 25, 25),
    "weat3": (32, 32, 25, 25),
    "weat4": (16, 16, 25, 25),
    "weat5": (16, 16, 8, 8),
    "weat6": (8, 8, 8, 8),
    "weat7": (8, 8, 8, 8),
    "weat8": (8, 8, 8, 8),
    "weat9": (6, 6, 7, 7),
    "weat10": (8, 8, 8, 8),
}
MET = ("weat1", "weat2", "weat3", "weat4", "weat6", "weat7", "weat8")


@cache
def toml(relative: str) -> dict[str, Any]:
    """Parse a data file."""
    return tomllib.loads((DATA / relative).read_text(encoding="utf-8"))


@cache
def extract() -> tuple[dict[str, int], NDArray[np.float32]]:
    """Return the row of each word, and the vectors, read from the bytes of the safetensors file."""
    content = Path(f"{EXTRACT}.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    tensor = json.loads(content[8 : 8 + length])["vectors"]
    assert tensor["dtype"] == "F32"
    start, stop = tensor["data_offsets"]
    flat = np.frombuffer(content[8 + length :][start:stop], dtype="<f4")
    text = Path(f"{EXTRACT}.vocab.txt").read_text(encoding="utf-8")
    rows = {word: row for row, word in enumerate(text.removesuffix("\n").split("\n"))}
    return rows, flat.reshape(tensor["shape"])


def words_of(suite: dict[str, Any], test: str) -> list[list[str]]:
    """Return the four word lists of a test: two targets, two attributes."""
    entry = suite["tests"][test]
    return [suite["sets"][key]["words"] for key in (*entry["targets"], *entry["attributes"])]


def unit(words: list[str]) -> NDArray[np.float64]:
    """Return unit vectors, in float64, of the words that have a vector."""
    rows, vectors = extract()
    found = vectors[[rows[word] for word in words if word in rows]].astype(np.float64)
    unit_rows: NDArray[np.float64] = found / np.linalg.norm(found, axis=1, keepdims=True)
    return unit_rows


def effect_size(sets: list[list[str]], ddof: int = 1) -> float:
    """Compute the effect size of WEAT from its definition, word by word."""
    x, y, a, b = sets
    ua, ub = unit(a), unit(b)
    sx = np.array([np.mean(ua @ w) - np.mean(ub @ w) for w in unit(x)])
    sy = np.array([np.mean(ua @ w) - np.mean(ub @ w) for w in unit(y)])
    return float((sx.mean() - sy.mean()) / np.concatenate([sx, sy]).std(ddof=ddof))


def published(test: str, weights: str) -> dict[str, Any]:
    """Return the published figure of a WEAT test for one set of vectors."""
    entries = toml("suites/weat.toml")["tests"][test]["published"]
    (found,) = (dict(entry) for entry in entries if entry["weights"] == weights)
    return found


def data_toml() -> list[str]:
    """Return the relative paths of the TOML data files."""
    paths = (path for path in DATA.rglob("*.toml") if path.name != "MANIFEST.toml")
    return sorted(path.relative_to(DATA).as_posix() for path in paths)


# --- manifest and headers


def test_manifest_hashes_match() -> None:
    stated = toml("MANIFEST.toml")["files"]
    for name, fields in stated.items():
        digest = hashlib.sha256((DATA / name).read_bytes()).hexdigest()
        assert digest == fields["sha256"], name
        assert all(fields[key] for key in ("version", "license", "source")), name


def test_manifest_is_what_the_script_writes() -> None:
    script = ROOT / "scripts" / "build_manifest.py"
    done = subprocess.run(
        [sys.executable, str(script), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_manifest_check_names_the_changed_file(tmp_path: Path) -> None:
    script = [sys.executable, str(ROOT / "scripts" / "build_manifest.py"), "--data", str(tmp_path)]
    header = 'version = "1"\n[source]\npaper = "p"\nurl = "u"\nlicense = "l"\n'
    (tmp_path / "one.toml").write_text(header, encoding="utf-8")
    (tmp_path / "two.toml").write_text(header, encoding="utf-8")
    (tmp_path / "two.vocab.txt").write_text("word\n", encoding="utf-8")
    subprocess.run(script, check=True, capture_output=True)
    first = (tmp_path / "MANIFEST.toml").read_bytes()
    subprocess.run(script, check=True, capture_output=True)
    assert (tmp_path / "MANIFEST.toml").read_bytes() == first
    (tmp_path / "two.vocab.txt").write_text("other\n", encoding="utf-8")
    (tmp_path / "new.toml").write_text(header, encoding="utf-8")
    done = subprocess.run([*script, "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "new.toml: in the folder, not in the manifest",
        "two.vocab.txt: sha256 differs",
    ]


@pytest.mark.parametrize("relative", data_toml())
def test_every_data_file_states_its_source(relative: str) -> None:
    content = toml(relative)
    assert content["schema"] == 1
    assert all(content[key] for key in ("name", "version", "title"))
    assert content["name"] == Path(relative).stem
    assert all(content["source"][key] for key in ("paper", "url", "table", "license", "note"))


@pytest.mark.parametrize("relative", data_toml())
def test_keys_and_lists_are_well_formed(relative: str) -> None:
    content = toml(relative)
    for key, entry in {**content.get("sets", {}), **content.get("lists", {})}.items():
        assert re.fullmatch(r"[a-z0-9_-]+", key)
        assert entry["name"]
        words = entry.get("words", [])
        assert len(set(words)) == len(words), key
        assert all(word == word.strip() and word for word in words), key
        assert all(len(row) == len(entry["columns"]) for row in entry.get("rows", [])), key
    for key, test in content.get("tests", {}).items():
        assert re.fullmatch(r"[a-z0-9_-]+", key)
        assert len(test["targets"]) == len(test["attributes"]) == 2
        assert set(test["targets"] + test["attributes"]) <= content["sets"].keys()


# --- the extract


def test_extract_is_float32_finite_and_not_normalised() -> None:
    rows, vectors = extract()
    assert vectors.shape == (len(rows), 300)
    assert np.isfinite(vectors).all()
    norms = np.linalg.norm(vectors.astype(np.float64), axis=1)
    assert norms.min() > 0
    assert norms.std() > 0.1


def test_extract_has_no_duplicates_and_fits() -> None:
    rows, vectors = extract()
    text = Path(f"{EXTRACT}.vocab.txt").read_bytes()
    assert text.endswith(b"\n")
    assert b"\r" not in text
    assert text.count(b"\n") == len(rows) == len(vectors)
    assert list(rows) == sorted(rows)
    size = sum(Path(f"{EXTRACT}.{end}").stat().st_size for end in ("safetensors", "vocab.txt"))
    assert size <= MAX_BYTES


def test_extract_opens_with_safetensors() -> None:
    numpy_io = pytest.importorskip("safetensors.numpy")
    read = numpy_io.load_file(f"{EXTRACT}.safetensors")["vectors"]
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, extract()[1])


def test_extract_counts_and_missing_words() -> None:
    rows, _ = extract()
    described = toml("vectors/word2vec-googlenews-extract.toml")
    counts, missing = described["counts"], described["missing"]
    assert counts["words"] == counts["listed"] + counts["pool"] == len(rows)
    assert not rows.keys() & {*missing["suites"], *missing["lists"]}
    for relative in ("suites/weat.toml", "suites/seat.toml", "suites/tan2019.toml"):
        for entry in toml(relative)["sets"].values():
            single = {word for word in entry["words"] if " " not in word}
            assert single <= rows.keys() | set(missing["suites"])


@pytest.mark.parametrize("relative", [path for path in data_toml() if path.startswith("lists/")])
def test_listed_words_are_in_the_extract_or_named(relative: str) -> None:
    rows, _ = extract()
    missing = toml("vectors/word2vec-googlenews-extract.toml")["missing"]
    known = rows.keys() | {*missing["suites"], *missing["lists"]}
    for key, entry in toml(relative)["lists"].items():
        words = {*entry.get("words", []), *(w for pair in entry.get("pairs", []) for w in pair)}
        words |= {row[entry["columns"].index("word")] for row in entry.get("rows", [])}
        assert words <= known, key


# --- WEAT


def test_weat_sets_have_the_sizes_of_the_paper() -> None:
    suite = toml("suites/weat.toml")
    sizes = {test: tuple(map(len, words_of(suite, test))) for test in suite["tests"]}
    assert sizes == WEAT_SIZES


def test_weat_sets_of_a_test_do_not_overlap() -> None:
    suite = toml("suites/weat.toml")
    for test in suite["tests"]:
        x, y, a, b = map(set, words_of(suite, test))
        assert not x & y
        assert not a & b


@pytest.mark.parametrize("test", MET)
def test_published_word2vec_figures_are_met(test: str) -> None:
    entry = published(test, "word2vec-googlenews")
    value = effect_size(words_of(toml("suites/weat.toml"), test))
    assert round(value, entry["decimals"]) == entry["effect_size"]
    assert entry["note"] == ""


@pytest.mark.parametrize("test", WEAT_SIZES)
def test_ddof_0_meets_no_published_figure(test: str) -> None:
    entry = published(test, "word2vec-googlenews")
    value = effect_size(words_of(toml("suites/weat.toml"), test), ddof=0)
    assert round(value, 2) != entry["effect_size"]


def test_figures_that_are_not_met_say_why() -> None:
    for test in WEAT_SIZES.keys() - set(MET):
        entry = published(test, "word2vec-googlenews")
        value = effect_size(words_of(toml("suites/weat.toml"), test))
        assert round(value, 2) != entry["effect_size"]
        assert entry["note"]


@pytest.mark.parametrize(("test", "figure"), [("weat4", "1.3134"), ("weat5", "0.7234")])
def test_eighteen_names_a_side(test: str, figure: str) -> None:
    x, y, a, b = words_of(toml("suites/weat.toml"), test)
    value = effect_size([[*x, "Jay", "Kristen"], [*y, "Tremayne", "Latonya"], a, b])
    assert f"{value:.4f}" == figure
    entry = toml("suites/weat.toml")["tests"][test]
    assert figure in entry["note"] + published(test, "word2vec-googlenews")["note"]


def test_sixteen_names_in_test_5() -> None:
    value = effect_size(words_of(toml("suites/weat.toml"), "weat5"))
    assert f"{value:.2f}" == "0.54"


def test_short_in_place_of_short_term() -> None:
    x, y, a, b = words_of(toml("suites/weat.toml"), "weat9")
    note = published("weat9", "word2vec-googlenews")["note"]
    without = effect_size([x, y, a, b])
    instead = effect_size([x, y, ["short" if word == "short-term" else word for word in a], b])
    assert (f"{without:.4f}", f"{instead:.4f}") == ("1.3757", "1.2967")
    assert "1.3757" in note
    assert "1.2967" in note


def test_bill_in_place_of_billy() -> None:
    x, y, a, b = words_of(toml("suites/weat.toml"), "weat10")
    note = published("weat10", "word2vec-googlenews")["note"]
    without = effect_size([x, y, a, b])
    instead = effect_size([["Bill" if word == "Billy" else word for word in x], y, a, b])
    assert (f"{without:.4f}", f"{instead:.4f}") == ("-0.0444", "-0.1982")
    assert "-0.0444" in note
    assert "-0.1982" in note


def test_words_of_weat_without_a_vector() -> None:
    rows, _ = extract()
    sets = toml("suites/weat.toml")["sets"].values()
    absent = {word for entry in sets for word in entry["words"] if word not in rows}
    assert absent == {"axe", "short-term", "Billy"}


# --- SEAT


def sentences(word: str) -> list[str]:
    """Return the sentences of a word: plain replacement in the templates of its class."""
    suite = toml("suites/seat.toml")
    entry = suite["words"][word]
    fields = {"word": word, **{key: form for key, form in entry.items() if key != "use"}}
    fields |= {key.capitalize(): form[:1].upper() + form[1:] for key, form in fields.items()}
    filled = []
    for template in suite["templates"][entry["use"]]:
        sentence = template.replace("{}", word)
        for key, form in fields.items():
            sentence = sentence.replace(f"{{{key}}}", form)
        filled.append(sentence)
    return filled


@pytest.mark.parametrize("test", list(toml("suites/seat.toml")["tests"]))
def test_seat_sentences_are_those_of_the_release(test: str) -> None:
    facts = json.loads(FIXTURE.read_text(encoding="utf-8"))["tests"][test]
    for role, words in zip(ROLES, words_of(toml("suites/seat.toml"), test), strict=True):
        made = [sentence for word in words for sentence in sentences(word)]
        assert len(made) == len(set(made)) == facts[role]["ours"], role
        assert not any("{" in sentence for sentence in made)
        if facts[role]["truncated"]:
            assert facts[role]["sha256"] is None
            assert facts[role]["n"] < len(made), role
        else:
            digest = hashlib.sha256("\n".join(sorted(set(made))).encode()).hexdigest()
            assert (len(made), digest) == (facts[role]["n"], facts[role]["sha256"]), role


def test_seat_covers_the_fixture_and_uses_every_word() -> None:
    suite = toml("suites/seat.toml")
    facts = json.loads(FIXTURE.read_text(encoding="utf-8"))["tests"]
    assert suite["tests"].keys() == facts.keys()
    assert all(test["templates"] == "words" for test in suite["tests"].values())
    used = {word for entry in suite["sets"].values() for word in entry["words"]}
    assert used == suite["words"].keys()
    assert {entry["use"] for entry in suite["words"].values()} == suite["templates"].keys()


def test_seat_word_sets_are_those_of_weat() -> None:
    weat, seat = toml("suites/weat.toml"), toml("suites/seat.toml")
    for number in range(1, 11):
        assert words_of(seat, f"seat{number}") == words_of(weat, f"weat{number}"), number


# --- lists


def test_bolukbasi_lists_have_the_published_sizes() -> None:
    lists = toml("lists/bolukbasi2016.toml")["lists"]
    assert len(lists["definitional-pairs"]["pairs"]) == 10
    assert len(lists["equalize-pairs"]["pairs"]) == 52
    assert len(lists["gender-specific-seed"]["words"]) == 218
    assert len(lists["gender-specific"]["words"]) == 1441
    rows = lists["professions"]["rows"]
    assert len({row[0] for row in rows}) == len(rows) == 320
    assert all(-1 <= score <= 1 for row in rows for score in row[1:])


def test_wefat_tables_cover_their_words() -> None:
    lists = toml("lists/caliskan2017-wefat.toml")["lists"]
    for words, tables in (
        ("occupations", ["occupations-women"]),
        ("androgynous-names", ["names-census1990", "names-ssa"]),
    ):
        assert len(lists[words]["words"]) == 50
        for table in tables:
            assert [row[0] for row in lists[table]["rows"]] == lists[words]["words"]
    assert all(0 < row[1] < 100 for row in lists["occupations-women"]["rows"])
    assert all(0 < row[1] < 1 for row in lists["names-ssa"]["rows"])


def test_wefat_note_on_the_share_of_women() -> None:
    content = toml("lists/caliskan2017-wefat.toml")
    lists, (rows, _) = content["lists"], extract()
    table = [row for row in lists["occupations-women"]["rows"] if row[0] in rows]
    female, male = (unit(lists[key]["words"]) for key in ("female-terms", "male-terms"))
    scores = []
    for vector in unit([row[0] for row in table]):
        a, b = female @ vector, male @ vector
        scores.append((a.mean() - b.mean()) / np.concatenate([a, b]).std(ddof=1))
    weighted, plain = (np.corrcoef(scores, [row[k] for row in table])[0, 1] for k in (1, 2))
    assert (len(table), f"{weighted:.3f}", f"{plain:.3f}") == (44, "0.854", "0.805")
    note = content["source"]["note"]
    assert all(figure in note for figure in ("44", ".854", ".805"))
