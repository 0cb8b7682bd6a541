"""The shipped lists of Bolukbasi and Caliskan, for tests on the shipped vectors."""

import tomllib
from functools import cache
from pathlib import Path

import numpy as np

LISTS = Path(__file__).resolve().parents[2] / "data" / "lists"


@cache
def published(name):
    return tomllib.loads((LISTS / f"{name}.toml").read_text(encoding="utf-8"))["lists"]


@cache
def definitional_pairs():
    return published("bolukbasi2016")["definitional-pairs"]["pairs"]


@cache
def occupations():
    return [row[0] for row in published("bolukbasi2016")["professions"]["rows"]]


def vectors_of_pairs(encoder, pairs):
    return np.stack([encoder.encode(list(pair)) for pair in pairs])
