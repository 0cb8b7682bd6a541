"""The suite of Tan & Celis 2019: words, sentences per set and sentences per template.

The counts are those of the sentence files released with the paper (tests/sent-weat*.jsonl of its
code): how many sentences a set has, how many follow each template, and in how many the word stands
in another form than itself, with s or with es. They are read here with the standard library
alone, as in test_shipped_data.py, so that a fault in the library cannot hide one in the data.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

SUITES = Path(__file__).resolve().parents[2] / "data" / "suites"
ROLES = ("X", "Y", "A", "B")

# Sentences of X, Y, A, B in the release.
RELEASED = {
    "tan11": (64, 64, 215, 249),
    "tan12": (256, 256, 101, 112),
    "tan13": (56, 56, 256, 256),
    "tan_i1": (104, 104, 215, 249),
    "tan_i2": (104, 104, 215, 249),
    "tan_i3": (104, 104, 215, 249),
    "tan_i4": (104, 104, 215, 249),
    "tan_i5": (104, 104, 215, 249),
    "tan_occ": (208, 208, 120, 120),
    "tan_abw": (120, 120, 54, 54),
    "tan_abw_b": (52, 52, 54, 54),
    "tan_double_bind_competent_bleached": (64, 64, 30, 30),
    "tan_double_bind_likable_bleached": (64, 64, 24, 24),
    "tan_double_bind_competent_unbleached": (8, 8, 10, 10),
    "tan_double_bind_likable_unbleached": (8, 8, 8, 8),
    "tan_race_double_bind_competent_bleached": (256, 256, 30, 30),
    "tan_race_double_bind_likable_bleached": (256, 256, 24, 24),
    "tan_race_double_bind_competent_unbleached": (32, 32, 10, 10),
    "tan_race_double_bind_likable_unbleached": (32, 32, 8, 8),
}
# The release drops sentences of this set at random, to have as many as in the other target.
DROPPED = ("tan13", "Y")
ARTS = 76

# Words of X, Y, A, B in the release.
WORDS = {
    "tan11": (8, 8, 25, 25),
    "tan12": (32, 32, 8, 8),
    "tan13": (8, 8, 32, 32),
    **{f"tan_i{number}": (13, 13, 25, 25) for number in range(1, 6)},
    "tan_occ": (26, 26, 20, 20),
    "tan_abw": (15, 15, 18, 18),
    "tan_abw_b": (4, 4, 18, 18),
    **{f"tan_double_bind_competent_{kind}bleached": (8, 8, 10, 10) for kind in ("", "un")},
    **{f"tan_double_bind_likable_{kind}bleached": (8, 8, 8, 8) for kind in ("", "un")},
    **{f"tan_race_double_bind_competent_{kind}bleached": (32, 32, 10, 10) for kind in ("", "un")},
    **{f"tan_race_double_bind_likable_{kind}bleached": (32, 32, 8, 8) for kind in ("", "un")},
}

NAME = (
    "This is {}.", "That is {}.", "There is {}.", "Here is {}.", "{} is here.", "{} is there.",
    "{} is a person.", "The person's name is {}.",
)  # fmt: skip
ADJECTIVE = ("This is {}.", "That is {}.", "They are {}.")


def per_name(count: int) -> dict[str, int]:
    """Every name is in each of its templates."""
    return dict.fromkeys(NAME, count)


# Of a set: sentences per template (the most frequent ones, as far as the source lists them; {}
# marks the word, an added s its plural), and sentences in which the word is in another form.
PER_TEMPLATE: dict[tuple[str, str], tuple[dict[str, int], int]] = {
    ("tan11", "X"): (per_name(8), 0),
    ("tan11", "Y"): (per_name(8), 0),
    ("tan11", "A"): (
        {
            "This is {}.": 13, "That is {}.": 13, "The {} is here.": 12, "The {} is there.": 12,
            "This is a {}.": 11, "That is a {}.": 11, "There is a {}.": 11, "Here is a {}.": 11,
            "A {} is a thing.": 11, "It is a {}.": 11, "These are {}s.": 10, "Those are {}s.": 10,
            "They are {}s.": 10, "The {}s are here.": 10,
        },
        6,
    ),
    ("tan11", "B"): (
        {
            "The {} is here.": 14, "The {} is there.": 14, "These are {}s.": 11,
            "Those are {}s.": 11, "They are {}s.": 11, "The {}s are here.": 11,
            "The {}s are there.": 11, "{}s are things.": 11, "This is a {}.": 11,
            "That is a {}.": 11, "There is a {}.": 11, "Here is a {}.": 11,
            "A {} is a thing.": 11, "It is a {}.": 11,
        },
        6,
    ),
    ("tan12", "X"): (per_name(32), 0),
    ("tan12", "Y"): (per_name(32), 0),
    ("tan12", "A"): (
        {
            "The {} is here.": 7, "The {} is there.": 7, "These are {}s.": 5, "Those are {}s.": 5,
            "They are {}s.": 5, "The {}s are here.": 5, "The {}s are there.": 5,
            "{}s are things.": 5, "This is a {}.": 5, "That is a {}.": 5, "There is a {}.": 5,
            "Here is a {}.": 5, "A {} is a thing.": 5, "It is a {}.": 5,
        },
        6,
    ),
    ("tan12", "B"): (
        {
            "This is a {}.": 4, "That is a {}.": 4, "There is a {}.": 4, "Here is a {}.": 4,
            "The {} is here.": 4, "The {} is there.": 4, "A {} is a thing.": 4, "It is a {}.": 4,
            "These are {}.": 4, "Those are {}.": 4, "They are {}.": 4, "The {} are here.": 4,
            "The {} are there.": 4, "{} are things.": 4,
        },
        38,
    ),
    ("tan13", "X"): (
        {
            "This is {}.": 6, "That is {}.": 6, "There is {}.": 6, "It is {}.": 5,
            "The {} is here.": 2, "The {} is there.": 2, "This is a {}.": 1, "That is a {}.": 1,
            "There is a {}.": 1, "Here is a {}.": 1, "A {} is a thing.": 1, "It is a {}.": 1,
            "Here is {}.": 1, "{} is here.": 1,
        },
        6,
    ),
    **{
        (f"tan_i{number}", role): (per_name(13), 0) for number in range(1, 6) for role in ("X", "Y")
    },
    ("tan_occ", "X"): (per_name(26), 0),
    ("tan_occ", "Y"): (per_name(26), 0),
    ("tan_occ", "A"): (
        {
            "The {} is here.": 20, "The {} is there.": 20, "This is a {}.": 19,
            "That is a {}.": 19, "There is a {}.": 19, "Here is a {}.": 19, "This is an {}.": 1,
            "That is an {}.": 1, "There is an {}.": 1, "Here is an {}.": 1,
        },
        0,
    ),
    ("tan_occ", "B"): (
        {
            "The {} is here.": 20, "The {} is there.": 20, "This is a {}.": 15,
            "That is a {}.": 15, "There is a {}.": 15, "Here is a {}.": 15, "This is an {}.": 5,
            "That is an {}.": 5, "There is an {}.": 5, "Here is an {}.": 5,
        },
        0,
    ),
    ("tan_abw", "X"): (per_name(15), 0),
    ("tan_abw", "Y"): (per_name(15), 0),
    ("tan_abw", "A"): (dict.fromkeys(ADJECTIVE, 18), 0),
    ("tan_abw", "B"): (dict.fromkeys(ADJECTIVE, 18), 0),
    ("tan_abw_b", "X"): (
        {
            "This is a {}.": 4, "That is a {}.": 4, "There is a {}.": 4, "Here is a {}.": 4,
            "The {} is here.": 4, "The {} is there.": 4, "A {} is a person.": 4,
            "These are {}s.": 2, "Those are {}s.": 2, "They are {}s.": 2, "The {}s are here.": 2,
            "The {}s are there.": 2, "{}s are people.": 2,
        },
        12,
    ),
    # Listed by the noun alone: female, girl and woman.
    ("tan_abw_b", "Y"): (
        {
            "This is a black {}.": 3, "That is a black {}.": 3, "There is a black {}.": 3,
            "Here is a black {}.": 3, "The black {} is here.": 3, "The black {} is there.": 3,
            "A black {} is a person.": 3, "These are black {}s.": 2, "Those are black {}s.": 2,
            "They are black {}s.": 2, "The black {}s are here.": 2, "The black {}s are there.": 2,
            "Black {}s are people.": 2, "This is a {} of color.": 1,
        },
        12,
    ),
    ("tan_double_bind_competent_bleached", "A"): (dict.fromkeys(ADJECTIVE, 10), 0),
    ("tan_double_bind_likable_bleached", "B"): (dict.fromkeys(ADJECTIVE, 8), 0),
    ("tan_race_double_bind_likable_bleached", "Y"): (per_name(32), 0),
    ("tan_double_bind_competent_unbleached", "X"): ({"{} is an engineer.": 8}, 0),
    ("tan_double_bind_competent_unbleached", "A"): ({"The engineer is {}.": 10}, 0),
    ("tan_double_bind_likable_unbleached", "Y"): (
        {"{} is an engineer with superior technical skills.": 8}, 0,
    ),
    ("tan_double_bind_likable_unbleached", "B"): ({"The engineer is {}.": 8}, 0),
    ("tan_race_double_bind_competent_unbleached", "Y"): ({"{} is an engineer.": 32}, 0),
    ("tan_race_double_bind_likable_unbleached", "X"): (
        {"{} is an engineer with superior technical skills.": 32}, 0,
    ),
}  # fmt: skip


@cache
def suite(name: str = "tan2019") -> dict[str, Any]:
    """Parse a suite."""
    return tomllib.loads((SUITES / f"{name}.toml").read_text(encoding="utf-8"))


def words_of(test: str, role: str, name: str = "tan2019") -> list[str]:
    """Return the words of a role, as listed."""
    entry = suite(name)["tests"][test]
    key = dict(zip(ROLES, (*entry["targets"], *entry["attributes"]), strict=True))[role]
    words: list[str] = suite(name)["sets"][key]["words"]
    return words


def sentences(test: str, role: str, name: str = "tan2019") -> list[tuple[str, str]]:
    """Return the words of a role, each with each of its sentences."""
    templates = suite(name)["tests"][test]["templates"]
    made = []
    for word in words_of(test, role, name):
        if templates == "words":
            entry = suite(name)["words"][word]
            own = suite(name)["templates"][entry["use"]]
        else:
            entry, own = {}, templates["targets" if role in "XY" else "attributes"]
        fields = {"word": word, **{key: form for key, form in entry.items() if key != "use"}}
        fields |= {key.capitalize(): form[:1].upper() + form[1:] for key, form in fields.items()}
        for template in own:
            sentence = template.replace("{}", word)
            for key, form in fields.items():
                sentence = sentence.replace(f"{{{key}}}", form)
            made.append((word, sentence))
    return made


def as_template(word: str, sentence: str) -> str | None:
    """Return a sentence with {} in place of the word; None when it has another form of it."""
    found = re.search(rf"\b{re.escape(word)}(?=s?\b|es\b)", sentence, flags=re.IGNORECASE)
    return found and sentence[: found.start()] + "{}" + sentence[found.end() :]


def test_the_tests_are_those_of_the_paper() -> None:
    assert suite()["tests"].keys() == RELEASED.keys() == WORDS.keys()
    used = {word for entry in suite()["sets"].values() for word in entry["words"]}
    assert used == suite()["words"].keys()
    assert {each["use"] for each in suite()["words"].values()} == suite()["templates"].keys()
    named = {key for each in suite()["tests"].values() for key in each["targets"]}
    named |= {key for each in suite()["tests"].values() for key in each["attributes"]}
    assert named == suite()["sets"].keys()


@pytest.mark.parametrize("test", RELEASED)
def test_words_and_sentences_of_every_set(test: str) -> None:
    assert tuple(len(words_of(test, role)) for role in ROLES) == WORDS[test]
    for role, count in zip(ROLES, RELEASED[test], strict=True):
        made = [sentence for _, sentence in sentences(test, role)]
        assert len(made) == len(set(made)) == (ARTS if (test, role) == DROPPED else count), role
        assert not any("{" in sentence for sentence in made)
    for first, second in ("XY", "AB"):
        assert not set(words_of(test, first)) & set(words_of(test, second))


@pytest.mark.parametrize(("test", "role"), PER_TEMPLATE)
def test_sentences_of_every_template(test: str, role: str) -> None:
    expected, irregular = PER_TEMPLATE[test, role]
    found: Counter[str | None] = Counter()
    for word, sentence in sentences(test, role):
        noun = word.removeprefix("black ").removesuffix(" of color")
        found[as_template(noun, sentence)] += 1
    assert found[None] == irregular
    assert {template: found[template] for template in expected} == expected
    # Where the source lists all of its templates, there are no others.
    listed = sum(expected.values()) + irregular
    assert listed <= found.total() == RELEASED[test][ROLES.index(role)]
    assert len(expected) >= 14 or listed == found.total()


def test_sets_shared_with_seat_have_its_sentences() -> None:
    shared = {
        "tan11": ("seat_double_bind_likable:X", "seat_double_bind_likable:Y", "seat3:A", "seat3:B"),
        "tan12": ("seat3:X", "seat3:Y", "seat6:A", "seat6:B"),
        "tan13": ("seat8:X", "seat8:Y", "seat3:X", "seat3:Y"),
        "tan_abw": tuple(f"seat_abw:{role}" for role in ROLES),
        "tan_abw_b": tuple(f"seat_abw_b:{role}" for role in ROLES),
        **{
            f"tan_double_bind_{kind}_bleached": tuple(
                f"seat_double_bind_{kind}:{role}" for role in ROLES
            )
            for kind in ("competent", "likable")
        },
    }
    for test, places in shared.items():
        for role, place in zip(ROLES, places, strict=True):
            other, there = place.split(":")
            assert sentences(test, role) == sentences(other, there, "seat"), (test, role)


def test_names_cross_gender_and_race() -> None:
    white_women, black_women = words_of("tan_i1", "X"), words_of("tan_i1", "Y")
    white_men, black_men = words_of("tan_i3", "X"), words_of("tan_i3", "Y")
    assert (words_of("tan_i2", "X"), words_of("tan_i2", "Y")) == (black_men, black_women)
    assert (words_of("tan_i4", "X"), words_of("tan_i4", "Y")) == (white_men, white_women)
    assert (words_of("tan_i5", "X"), words_of("tan_i5", "Y")) == (white_men, black_women)
    assert words_of("tan_occ", "X") == white_men + black_men
    assert words_of("tan_occ", "Y") == white_women + black_women
    assert {"construction", "worker", "ceo"} < set(words_of("tan_occ", "A"))
    assert "cook" not in words_of("tan_occ", "A")


@pytest.mark.parametrize("test", RELEASED)
def test_the_note_states_the_sizes(test: str) -> None:
    note = suite()["source"]["note"]
    sizes = [
        ARTS if (test, role) == DROPPED else n
        for role, n in zip(ROLES, RELEASED[test], strict=True)
    ]
    if "race" not in test:
        assert ", ".join(map(str, sizes)) in note


def test_the_library_makes_the_same_sentences() -> None:
    from embias import load_suite

    for test in load_suite("tan2019").tests:
        for role in ROLES:
            made = [(w, item.text) for w in test.words(role).words for item in test.stimuli(w)]
            assert made == sentences(test.name, role), (test.name, role)
