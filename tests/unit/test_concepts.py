"""Concepts: what they are made of, their texts, splits that part no word, files with mistakes."""

import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embias.errors import DataFileError, InputError, UnknownNameError
from embias.stimuli import Concept, known_concepts, load_concept

DATA = Path(__file__).resolve().parents[2] / "data"

SMALL = """
schema = 1
name = "colour"
version = "1"
templates = ["A {} car.", "{Word} is nice."]
[groups.red]
words = ["scarlet", "ruby", "crimson"]
[groups.blue]
words = ["navy", "azure", "sky"]
[related]
definitional = [["scarlet", "navy"], ["ruby", "azure"]]
"""


def small(**changes):
    fields = {
        "name": "colour",
        "groups": {"red": ["scarlet", "ruby", "crimson"], "blue": ["navy", "azure", "sky"]},
        "definitional": [["scarlet", "navy"], ["ruby", "azure"]],
        "templates": ["A {} car.", "{Word} is nice."],
    }
    return Concept(**{**fields, **changes})


def facts():
    """The published lists, read without the library."""
    lists = tomllib.loads((DATA / "lists" / "bolukbasi2016.toml").read_text(encoding="utf-8"))
    return lists["lists"]


# --- the shipped ones ----------------------------------------------------------------------------


def test_shipped_concepts():
    assert set(known_concepts()) == {"gender", "gender-de"}
    gender = load_concept("gender")
    assert gender.shipped
    assert (gender.language, len(gender.groups["female"]), len(gender.groups["male"])) == (
        "en",
        65,
        65,
    )
    assert gender.to_dict()["source"]["license"]


def test_gender_is_what_the_published_lists_say():
    gender, lists = load_concept("gender"), facts()
    assert [list(each) for each in gender.definitional] == lists["definitional-pairs"]["pairs"]
    assert [list(each) for each in gender.equalize] == lists["equalize-pairs"]["pairs"]
    assert list(gender.protected) == lists["gender-specific"]["words"]
    # Equalize pairs come in no constant order; none of them has both words in one group, and
    # none is of a woman's and another man's word.
    sides = {word: side for side, words in gender.groups.items() for word in words}
    pairs = [pair for pair in gender.equalize if set(pair) <= sides.keys()]
    assert len(pairs) == 34
    assert all({sides[a], sides[b]} == {"female", "male"} for a, b in pairs)
    female, male = gender.groups.values()
    by_place = dict(zip(female, male, strict=True))
    by_place |= {b: a for a, b in by_place.items()}
    other = {frozenset(p) for p in pairs} - {frozenset(p) for p in by_place.items()}
    assert other == set()


def test_pairs_of_gender_that_are_nowhere_published_are_named_in_the_note():
    gender, lists = load_concept("gender"), facts()
    known = {*lists["gender-specific"]["words"], *lists["gender-specific-seed"]["words"]}
    note = gender.source.note
    named = [(a, b) for a, b in zip(*gender.groups.values(), strict=True) if f"{a} - {b}" in note]
    assert len(named) == 13
    assert all(word in known for pair in named for word in pair)


@pytest.mark.parametrize("name", ["gender", "gender-de"])
def test_sentences_of_a_pair_differ_in_the_word_alone(name):
    concept = load_concept(name)
    labels = list(concept.groups)
    articles = {"Die", "Das", "Der", "die", "das", "der"} if name == "gender-de" else set()
    texts = concept.aligned_texts()
    assert len(texts) == 10 * len(concept.definitional)
    for (one, two), pair in zip(texts, np.repeat(concept.definitional, 10, axis=0), strict=True):
        left, right = one.rstrip(".").split(), two.rstrip(".").split()
        different = {frozenset(each) for each in zip(left, right, strict=True) if len({*each}) > 1}
        words = {frozenset(w.lower() for w in each) for each in different if not each <= articles}
        assert words == {frozenset(word.lower() for word in pair)}, (one, two)
    table = concept.texts()
    assert set(table.labels) == set(labels)
    assert len(set(table.texts)) == len(table.texts)
    assert not any("{" in text for text in table.texts)


def test_texts_of_gender():
    table = load_concept("gender").texts()
    assert len(table.texts) == 1300
    rows = dict(
        zip(table.texts, zip(table.labels, table.words, table.families, strict=True), strict=True)
    )
    assert rows["The women opened the door."] == ("female", "women", "woman")
    assert rows["He opened the door."] == ("male", "he", "he")
    assert rows["His neighbour opened the door."] == ("male", "his", "he")
    assert rows["The owner himself did not know."] == ("male", "himself", "he")
    assert rows["John opened the door."] == ("male", "John", "John")
    bare = load_concept("gender").texts(bare=True)
    assert bare.texts == bare.words == load_concept("gender").words


# --- texts and splits ----------------------------------------------------------------------------


def test_texts_and_sets_by_hand():
    table = small().texts()
    assert table.texts[:2] == ("A scarlet car.", "Scarlet is nice.")
    assert table.labels == ("red",) * 6 + ("blue",) * 6
    assert table.words[::2] == ("scarlet", "ruby", "crimson", "navy", "azure", "sky")
    assert small().aligned_texts() == (
        ("A scarlet car.", "A navy car."),
        ("Scarlet is nice.", "Navy is nice."),
        ("A ruby car.", "A azure car."),
        ("Ruby is nice.", "Azure is nice."),
    )
    assert small(templates=()).texts().texts == small().words
    assert small().aligned_texts(bare=True) == (("scarlet", "navy"), ("ruby", "azure"))


def test_words_of_another_kind_have_their_own_sentences():
    concept = small(
        templates={"noun": ["A {} car."], "name": ["{Word}!"]},
        kinds={"name": ["sky", "crimson"]},
    )
    assert concept.sentences("sky") == ("Sky!",)
    assert concept.sentences("navy") == ("A navy car.",)


@given(st.integers(0, 2**32), st.floats(0.1, 0.9))
@settings(max_examples=60, deadline=None)
def test_a_split_parts_no_set_and_keeps_every_group(seed, share):
    gender = load_concept("gender")
    learnt, tested = gender.split(share, rng=seed)
    first, second = set(learnt.words), set(tested.words)
    assert first | second == set(gender.words)
    assert not first & second
    for each in (*gender.definitional, *gender.equalize, *gender.together):
        known = set(each) & set(gender.words)
        assert known <= first or known <= second
    for label, words in tested.groups.items():
        assert abs(len(words) - share * len(gender.groups[label])) <= 3
    assert not {*learnt.texts().texts} & {*tested.texts().texts}
    families = {*learnt.texts().families}, {*tested.texts().families}
    assert not families[0] & families[1]


def test_a_split_is_drawn_by_its_seed():
    gender = load_concept("gender")
    assert gender.split(rng=3) == gender.split(rng=3)
    assert gender.split(rng=3)[1].words != gender.split(rng=4)[1].words
    assert gender.split(rng=np.random.default_rng(3)) == gender.split(rng=3)


def test_without_the_forms_a_split_would_part_them():
    """What `together` is for: without it the forms of a word stand on both sides."""
    gender = load_concept("gender")
    loose = Concept("gender", gender.groups, templates=gender.templates, kinds=gender.kinds)
    learnt, tested = loose.split(rng=0)
    parted = [
        each
        for each in gender.together
        if set(each) & set(learnt.words) and set(each) & set(tested.words)
    ]
    assert len(parted) > 10


def test_a_group_that_cannot_be_divided():
    with pytest.raises(InputError, match="words of the group 'red' cannot be divided"):
        small(groups={"red": ["ruby"], "blue": ["navy", "sky"]}, definitional=()).split()
    with pytest.raises(InputError, match="share"):
        small().split(1.0)


def test_without_words():
    left = small(equalize=[["ruby", "azure"], ["car", "bus"]], protected=["ruby", "sky"]).without(
        ["ruby"]
    )
    assert left.groups["red"] == ("scarlet", "crimson")
    assert left.definitional == (("scarlet", "navy"),)
    assert left.equalize == (("car", "bus"),)
    assert left.protected == ("sky",)
    with pytest.raises(InputError, match="no word of the group 'blue' is left"):
        small().without(["navy", "azure", "sky"])


def test_the_hash_is_of_what_is_asked():
    same = small(title="Other", version="2", description="x")
    assert same.sha256 == small().sha256
    for change in (
        {"templates": ["A {} car."]},
        {"definitional": []},
        {"protected": ["navy"]},
        {"together": [["navy", "sky"]]},
        {"groups": {"red": ["scarlet", "ruby"], "blue": ["navy", "azure", "sky"]}},
    ):
        assert small(**change).sha256 != small().sha256


def test_a_concept_is_frozen_and_does_not_see_later_changes():
    words = ["scarlet", "ruby", "crimson"]
    concept = small(groups={"red": words, "blue": ["navy", "azure"]})
    words.append("rose")
    assert "rose" not in concept.words
    with pytest.raises(AttributeError):
        concept.name = "other"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": " "}, "name of a concept"),
        ({"groups": {"red": ["ruby"]}}, "two labels or more"),
        ({"groups": ["ruby"]}, "two labels or more"),
        ({"groups": {"red": ["ruby"], "blue": ["ruby"]}}, "'ruby' is in the groups 'red' and"),
        ({"groups": {"red": [], "blue": ["navy"]}}, "give 1 at least"),
        ({"groups": {"red": "ruby", "blue": ["navy"]}}, "give a list of texts"),
        ({"groups": {"red": ["ruby", "ruby"], "blue": ["navy"]}}, "'ruby' is there twice"),
        ({"definitional": [["navy", "scarlet"]]}, "one word of each group, in the order red, blue"),
        ({"definitional": [["scarlet"]]}, "give 2 at least"),
        ({"definitional": [["scarlet", "navy", "sky"]]}, "not one word of each group"),
        ({"definitional": "ruby"}, "list of lists"),
        ({"equalize": [["a", "b"], ["b", "c"]]}, "'b' is in two sets to equalize"),
        ({"templates": ["no place"]}, "needs just one field"),
        ({"templates": ["{} and {}"]}, "needs just one field"),
        ({"kinds": {"name": ["sky"]}}, "no templates of the kind 'name'"),
        (
            {"templates": {"noun": ["{}"], "name": ["{}!"]}, "kinds": {"name": ["ski"]}},
            "'ski' is in no group; did you mean 'sky'",
        ),
        (
            {
                "templates": {"a": ["{}"], "b": ["{}!"], "c": ["{}?"]},
                "kinds": {"b": ["sky"], "c": ["sky"]},
            },
            "'sky' is of the kinds 'b' and 'c'",
        ),
        (
            {"templates": {"a": ["{}"], "b": ["{}!", "{}?"]}, "kinds": {"b": ["navy"]}},
            "different numbers of templates",
        ),
        ({"together": [["sky", "cloud"]]}, "'cloud' is in no group"),
        ({"protected": [""]}, "is not a text"),
    ],
)
def test_values_that_break_a_rule(changes, message):
    with pytest.raises(InputError, match=message):
        small(**changes)


# --- files ---------------------------------------------------------------------------------------


def test_a_file_of_ones_own(tmp_path):
    (tmp_path / "mine.toml").write_text(SMALL)
    concept = load_concept(tmp_path / "mine.toml")
    assert concept == small()
    assert not concept.shipped
    assert concept == load_concept(str(tmp_path / "mine.toml"))


def test_lists_are_taken_from_those_that_ship(tmp_path):
    text = SMALL + 'equalize = { list = "bolukbasi2016", key = "equalize-pairs" }\n'
    text += '[protected]\nlist = "bolukbasi2016"\nkey = "gender-specific-seed"\n'
    (tmp_path / "mine.toml").write_text(text)
    concept = load_concept(tmp_path / "mine.toml")
    assert (len(concept.equalize), len(concept.protected)) == (52, 218)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("schema = 1", "schema = 2"), "key 'schema': is 2"),
        (("name =", "nmae ="), "unknown key 'nmae'; did you mean 'name'"),
        (('words = ["navy"', 'wrods = ["navy"'), r"\[groups.blue\]: unknown key 'wrods'"),
        (('"azure", "sky"', '"ruby", "sky"'), "'ruby' is in the groups"),
        (("definitional", "pairs"), r"\[related\]: unknown key 'pairs'"),
        (('[["scarlet"', '["x", ["scarlet"'), "list of lists of words"),
        (('templates = ["A {} car."', 'templates = ["A car."'), "needs just one field"),
        (("[related]", '[protected]\nlist = "x"\nkey = "y"\n[related]'), "no list 'x' ships"),
        (
            ("[related]", '[protected]\nlist = "bolukbasi2016"\nkey = "gender"\n[related]'),
            "has no words 'gender'; did you mean 'gender-specific'",
        ),
        (
            ("[related]", '[related]\nequalize = { list = "bolukbasi2016", key = "professions" }'),
            "has no pairs 'professions'",
        ),
    ],
)
def test_files_with_a_mistake(tmp_path, change, message):
    assert change[0] in SMALL
    (tmp_path / "mine.toml").write_text(SMALL.replace(*change))
    with pytest.raises(DataFileError, match=message) as caught:
        load_concept(tmp_path / "mine.toml")
    assert "mine.toml" in str(caught.value)


def test_names_and_files_that_are_not_there(tmp_path):
    with pytest.raises(UnknownNameError, match=r"no concept 'gendre' \(did you mean 'gender'"):
        load_concept("gendre")
    with pytest.raises(DataFileError, match=r"shipped concept \(embias list concepts\)"):
        load_concept(tmp_path / "none.toml")
    (tmp_path / "empty.toml").write_text("")
    with pytest.raises(DataFileError, match="the file is empty"):
        load_concept(tmp_path / "empty.toml")
    with pytest.raises(InputError, match="neither a name nor a path"):
        load_concept(3)
