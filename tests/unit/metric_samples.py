"""Words and vectors that the tests of several metrics share, and formulas to check them by."""

import math
import statistics

import numpy as np
from hypothesis import strategies as st

from embias import AssociationTest, Suite, WordSet, load_suite

MALE = ["male", "man", "boy", "brother", "he", "him", "his", "son"]
FEMALE = ["female", "woman", "girl", "sister", "she", "her", "hers", "daughter"]
CAREER = [
    "executive",
    "management",
    "professional",
    "corporation",
    "salary",
    "office",
    "business",
    "career",
]
FAMILY = ["home", "parents", "children", "family", "cousins", "marriage", "wedding", "relatives"]

seeds = st.integers(0, 2**32 - 1)


def career_and_family():
    """Male and female terms, career and family: a suite of one test."""
    test = AssociationTest(
        "gender",
        (WordSet("male", MALE), WordSet("female", FEMALE)),
        (WordSet("career", CAREER), WordSet("family", FAMILY)),
    )
    return Suite("s", (test,))


def shipped(name):
    """A test of the shipped suite."""
    return next(test for test in load_suite("weat").tests if test.name == name)


def random_sets(seed, sizes=(6, 5, 4, 3), dimension=12):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(n, dimension)) for n in sizes]


def unit(rows):
    rows = np.asarray(rows, dtype=float)
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def cosine(v, w):
    return sum(p * q for p, q in zip(v, w, strict=True)) / math.sqrt(
        sum(p * p for p in v) * sum(q * q for q in w)
    )


def score_by_definition(w, a, b):
    """Single-category WEAT, one cosine at a time, with the standard library's deviation."""
    with_a, with_b = [cosine(w, v) for v in a], [cosine(w, v) for v in b]
    difference = statistics.fmean(with_a) - statistics.fmean(with_b)
    return difference / statistics.stdev(with_a + with_b)
