"""Look-up policies: which forms, in which order, and what a static encoder makes of them."""

from __future__ import annotations

import dataclasses
import itertools
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embias.encoders import StaticEncoder
from embias.encoders.lookup import Found, LookupPolicy
from embias.errors import InputError, VectorError
from embias.types import InContext

RULES = ("unicode", "lower", "upper", "title", "underscore", "unaccented")
policies = st.builds(
    LookupPolicy,
    **{rule: st.booleans() for rule in RULES},
    prefix=st.sampled_from(["", "/c/en/"]),
    multiword=st.sampled_from(["missing", "underscore", "mean"]),
)


def nothing(_form):
    return False


def forms(word, **options):
    return [form for form, _ in LookupPolicy(**options).candidates(word)]


def test_the_default_is_exact():
    policy = LookupPolicy()
    assert policy.candidates("New York") == (("New York", ""),)
    assert policy.describe() is None
    assert policy.find("Dog", {"dog"}.__contains__, nothing) is None
    assert policy.find("dog", {"dog"}.__contains__, nothing) == Found(("dog",), "")
    assert policy.find("a b", {"a", "b"}.__contains__, nothing) is None


@pytest.mark.parametrize(
    ("word", "options", "expected"),
    [
        ("McDonald", {"lower": True}, ["McDonald", "mcdonald"]),
        ("McDonald", {"upper": True}, ["McDonald", "MCDONALD"]),
        ("nEW york", {"title": True}, ["nEW york", "New York"]),
        ("o'neil jean-paul", {"title": True}, ["o'neil jean-paul", "O'neil Jean-paul"]),
        ("jean-paul b c", {"underscore": True}, ["jean-paul b c", "jean-paul_b_c"]),
        ("José", {"unaccented": True}, ["José", "Jose"]),
        ("Łódź ß", {"unaccented": True}, ["Łódź ß", "Łodz ß"]),
        ("한국", {"unaccented": True}, ["한국"]),
        ("é", {"unicode": True}, ["é", "e\u0301"]),
        ("e\u0301", {"unicode": True}, ["e\u0301", "é"]),
        ("cat", {"prefix": "/c/en/"}, ["cat", "/c/en/cat"]),
        ("cat", {"lower": True, "title": True, "upper": True}, ["cat", "CAT", "Cat"]),
        ("a b", {"multiword": "underscore"}, ["a b", "a_b"]),
        (
            "New York",
            {"lower": True, "underscore": True},
            ["New York", "new york", "New_York", "new_york"],
        ),
        (
            "new york",
            {"lower": True, "title": True, "underscore": True},
            ["new york", "New York", "new_york", "New_York"],
        ),
        (
            "A B",
            {"lower": True, "underscore": True, "prefix": "/"},
            ["A B", "/A B", "a b", "/a b", "A_B", "/A_B", "a_b", "/a_b"],
        ),
    ],
)
def test_forms_and_their_order(word, options, expected):
    assert forms(word, **options) == expected


def test_single_changes_come_in_the_documented_order():
    policy = LookupPolicy(**dict.fromkeys(RULES, True))
    rules = [rule for _, rule in policy.candidates("Ünï e\u0301 cÔde")]
    single = [rule for rule in rules if rule and "+" not in rule]
    assert single == ["NFC", "NFD", "lower", "upper", "title", "underscore", "unaccented"]
    changes = [0 if not rule else rule.count("+") + 1 for rule in rules]
    assert changes == sorted(changes)
    assert "title+underscore" in "\n".join(rules)


CHANGES = {
    "NFC": lambda w: unicodedata.normalize("NFC", w),
    "NFD": lambda w: unicodedata.normalize("NFD", w),
    "unaccented": lambda w: unicodedata.normalize(
        "NFC", "".join(c for c in unicodedata.normalize("NFKD", w) if not unicodedata.combining(c))
    ),
    "lower": str.lower,
    "upper": str.upper,
    "title": lambda w: " ".join(p[:1].upper() + p[1:].lower() for p in w.split(" ")),
    "underscore": lambda w: "_".join(w.split(" ")),
}


@given(policy=policies, word=st.text(alphabet="aAbÉéñ\u0301 -_xZ한", min_size=1))
def test_candidates_are_what_brute_force_makes(policy, word):
    names = [rule for rule in RULES[1:] if getattr(policy, rule)]
    if policy.multiword == "underscore" and "underscore" not in names:
        names.append("underscore")
    names += ["NFC", "NFD"] * policy.unicode
    axes = [("NFC", "NFD", "unaccented"), ("lower", "upper", "title"), ("underscore",)]
    expected = set()
    for choice in itertools.product(*([None, *(n for n in a if n in names)] for a in axes)):
        form = word
        for name in choice:
            form = form if name is None else CHANGES[name](form)
        expected |= {form, policy.prefix + form}
    made = policy.candidates(word)
    assert made[0] == (word, "")
    assert {form for form, _ in made} == expected
    assert len(made) == len(expected), "a form is repeated"
    assert all(rule for _, rule in made[1:])


@given(policy=policies, word=st.text(min_size=1), data=st.data())
def test_find_takes_the_first_candidate_there_is(policy, word, data):
    made = policy.candidates(word)
    table = set(data.draw(st.lists(st.sampled_from(made))))
    table = {form for form, _ in table}
    found = policy.find(word, table.__contains__, nothing)
    first = next(((form, rule) for form, rule in made if form in table), None)
    if first is None:
        assert found is None or found.how.startswith("mean of ")
    else:
        assert found is not None
        assert found.forms == (first[0],)
        assert (found.how == "") == (first[0] == word)
    assert {form for form, _ in made} <= set(policy.forms(word))


def test_mean_is_the_last_resort():
    policy = LookupPolicy(lower=True, underscore=True, multiword="mean")

    def found(word, *table, zero=()):
        return policy.find(word, set(table).__contains__, set(zero).__contains__)

    assert found("New York", "new", "york") == Found(
        ("new", "york"), "mean of 'New' as 'new' (lower), 'York' as 'york' (lower)"
    )
    assert found("new york", "new", "york").how == "mean of 'new', 'york'"
    assert found("new york", "new", "york", "new_york").forms == ("new_york",)
    assert found("new york", "new") is None
    assert found("new york", "new", "york", zero=["york"]) is None
    assert found("new  york ", "new", "york").forms == ("new", "york")
    assert found("new ", "new") is None, "one part is no mean: a space at the end is a mistake"
    assert set(policy.forms("Big Cat")) >= {"Big Cat", "big_cat", "Big", "cat"}


def test_parse_and_describe():
    assert LookupPolicy.parse("lower, title,underscore") == LookupPolicy(
        lower=True, title=True, underscore=True
    )
    assert LookupPolicy.parse("exact") == LookupPolicy()
    full = LookupPolicy.parse("unicode,unaccented,upper,mean,prefix=/c/en/")
    assert full == LookupPolicy(
        unicode=True, unaccented=True, upper=True, multiword="mean", prefix="/c/en/"
    )
    assert full.describe() == (
        "exact, else NFC, NFD, unaccented, upper; each also after '/c/en/'; then the mean of the "
        "parts between spaces"
    )
    assert LookupPolicy(multiword="underscore").describe() == "exact, else underscore"
    assert LookupPolicy(prefix="/").describe() == "exact, else each also after '/'"
    for text, cure in [
        ("lowre", "did you mean 'lower'"),
        ("lower,", "there is no ''"),
        ("", "known: 'exact', 'lower'"),
        ("prefix=", "prefix= needs the text"),
    ]:
        with pytest.raises(InputError, match=cure):
            LookupPolicy.parse(text)
    with pytest.raises(InputError, match="expected a text, got 3"):
        LookupPolicy.parse(3)


@given(a=policies, b=policies)
def test_descriptions_tell_policies_apart(a, b):
    def plain(policy):
        if policy.multiword == "underscore":  # the same policy by another name
            return dataclasses.replace(policy, underscore=True, multiword="missing")
        return policy

    assert (a.describe() == b.describe()) == (plain(a) == plain(b))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lower": 1}, "lower must be True or False, got 1"),
        ({"prefix": None}, "prefix must be a text, got None"),
        ({"multiword": "means"}, "multiword='means'; did you mean 'mean'"),
        ({"multiword": []}, "multiword="),
    ],
)
def test_options_are_checked(options, message):
    with pytest.raises(InputError, match=message):
        LookupPolicy(**options)


# --- in a static encoder -------------------------------------------------------------------------

TABLE = {
    "cat": [1.0, 0.0],
    "New_York": [0.0, 2.0],
    "big": [2.0, 2.0],
    "Cafe": [5.0, 1.0],
    "null": [0.0, 0.0],
    "minus": [-1.0, 0.0],
}


def test_static_encoder_follows_the_policy():
    policy = LookupPolicy.parse("lower,title,underscore,unaccented,mean")
    made = StaticEncoder.from_dict(TABLE, lookup=policy)
    words = ["CAT", "cat", "new york", "CAFÉ", "Big CAT", "Null", "cat minus", "emu", "big emu"]
    assert made.missing(words) == ["Null", "cat minus", "emu", "big emu"]
    assert made.why_missing("Null") == "zero vector"
    assert made.why_missing("cat minus") == "zero vector"
    assert made.why_missing("big emu") == "no vector"
    np.testing.assert_array_equal(
        made.encode([*words[:5], "CAT"]), [[1, 0], [1, 0], [0, 2], [5, 1], [1.5, 1], [1, 0]]
    )
    assert [made.how_encoded(word) for word in words[:5]] == [
        "as 'cat' (lower)",
        "",
        "as 'New_York' (title+underscore)",
        "as 'Cafe' (unaccented+title)",
        "mean of 'Big' as 'big' (lower), 'CAT' as 'cat' (lower)",
    ]
    assert made.info.lookup == policy.describe()
    assert "CAT" not in made
    with pytest.raises(InputError, match=r"no vector for 'emu' .*exact, else unaccented, lower"):
        made.encode(["CAT", "emu"])
    with pytest.raises(VectorError, match="vector of 'Null', 'cat minus' is zero"):
        made.encode(["Null", "cat minus"])
    for item in ("emu", "null", InContext("a cat", 2, 5)):
        with pytest.raises(InputError, match="has no vector, so it is not encoded"):
            made.how_encoded(item)


def test_exact_is_the_default_and_leaves_info_as_it_was():
    exact = StaticEncoder.from_dict(TABLE)
    assert exact.info.lookup is None
    assert exact.info == StaticEncoder.from_dict(TABLE, lookup=LookupPolicy()).info
    assert exact.info != StaticEncoder.from_dict(TABLE, lookup=LookupPolicy(lower=True)).info
    assert exact.how_encoded("cat") == ""
    assert exact.missing(["CAT"]) == ["CAT"]
    with pytest.raises(InputError, match=r"LookupPolicy\.parse"):
        StaticEncoder.from_dict(TABLE, lookup="lower")


@given(
    policy=policies, words=st.lists(st.sampled_from(["CAT", "big cat", "new york", "x", "café"]))
)
def test_encode_agrees_with_missing_and_how(policy, words):
    made = StaticEncoder.from_dict(TABLE, lookup=policy)
    missing = made.missing(words)
    rest = [word for word in words if word not in missing]
    rows = made.encode(rest)
    assert rows.shape == (len(rest), 2)
    for word, row in zip(rest, rows, strict=True):
        how = made.how_encoded(word)
        if how.startswith("mean"):
            np.testing.assert_array_equal(row, [1.5, 1.0])
        else:
            form = how.split("'")[1] if how else word
            np.testing.assert_array_equal(row, TABLE[form])
