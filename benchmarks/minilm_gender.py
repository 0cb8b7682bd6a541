"""What erasing gender from MiniLM removes and costs: the report cards of the README.

Sentences of the shipped word lists: 22 pairs of words (man, woman) of Bolukbasi 2016, each with
15 of its occupations that the crowd called neither male nor female by definition, in three
frames. Words are disjoint between the rows a transform is fitted on and the rows it is measured
on, for one card frames and occupations instead; the occupation is the concept that should stay.
The association is the test of names with career and family of the shipped SEAT, whose words no
transform is fitted on.

Run: python benchmarks/minilm_gender.py [--plot FOLDER] [--splits 5]
"""

from __future__ import annotations

import argparse
import time
import tomllib
from pathlib import Path
from typing import Any

from _common import print_machine
from embias import as_encoder, load_suite, report_card, transforms
from embias._data import data_path

FRAMES = (
    "The {word} is {article} {occupation}.",
    "This is the {word} who works as {article} {occupation}.",
    "Here is {article} {occupation}, the {word} next door.",
)
PAIRS = (
    *(("man", "woman"), ("boy", "girl"), ("brother", "sister"), ("father", "mother")),
    *(("son", "daughter"), ("uncle", "aunt"), ("nephew", "niece"), ("dad", "mom")),
    *(("grandfather", "grandmother"), ("grandson", "granddaughter"), ("grandpa", "grandma")),
    *(
        ("king", "queen"),
        ("prince", "princess"),
        ("gentleman", "lady"),
        ("schoolboy", "schoolgirl"),
    ),
    *(("businessman", "businesswoman"), ("chairman", "chairwoman"), ("spokesman", "spokeswoman")),
    *(("congressman", "congresswoman"), ("councilman", "councilwoman")),
    *(("twin brother", "twin sister"), ("male", "female")),
)
OCCUPATIONS = (
    *("accountant", "architect", "artist", "baker", "biologist", "carpenter", "chef", "doctor"),
    *("historian", "judge", "librarian", "nurse", "photographer", "plumber", "teacher"),
)


def check_lists() -> None:
    """Stop unless every word comes from the shipped lists."""
    lists = tomllib.loads((data_path("lists") / "bolukbasi2016.toml").read_text())["lists"]
    pairs = {tuple(w.replace("_", " ") for w in p) for p in lists["equalize-pairs"]["pairs"]}
    assert set(PAIRS) <= pairs, set(PAIRS) - pairs
    definitional = {row[0]: row[1] for row in lists["professions"]["rows"]}
    assert all(abs(definitional[each]) <= 0.1 for each in OCCUPATIONS), OCCUPATIONS


def sentences() -> tuple[list[str], ...]:
    """Return the sentences with the gender, word, occupation and template of each."""
    rows = [
        (
            frame.format(word=word, article=article(occupation), occupation=occupation),
            *rest,
            f"{frame} {occupation}",
        )
        for pair in PAIRS
        for gender, word in zip(("male", "female"), pair, strict=True)
        for occupation in OCCUPATIONS
        for frame in FRAMES
        for rest in [(gender, word, occupation)]
    ]
    return tuple(list(column) for column in zip(*rows, strict=True))


def article(noun: str) -> str:
    return "an" if noun[0] in "aeiou" else "a"


def candidates() -> dict[str, tuple[Any, bool, str]]:
    """Return transforms by name, whether rows have unit length, and what is fresh."""
    found: dict[str, tuple[Any, bool, str]] = {
        "LEACE": (transforms.LEACE(), False, "words"),
        "LEACE, fresh frames": (transforms.LEACE(), False, "frames"),
        "LEACE, then cosine": (transforms.LEACE(), True, "words"),
        "OrthogonalProjection": (transforms.OrthogonalProjection(), False, "words"),
    }
    unit = transforms.TRANSFORMS.get("unit-leace")
    return found if unit is None else {**found, "UnitLEACE": (unit.estimator(), True, "words")}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--plot", type=Path, help="folder for one PNG each")
    parser.add_argument("--splits", type=int, default=5)
    arguments = parser.parse_args()
    print_machine()
    check_lists()
    encoder = as_encoder("minilm")
    texts, genders, words, occupations, templates = sentences()
    rows = encoder.encode(texts)
    test = next(test for test in load_suite("seat").tests if test.name == "seat6")
    for name, (transform, normalise, fresh) in candidates().items():
        start = time.perf_counter()
        card = report_card(
            transform,
            rows,
            genders,
            groups=words if fresh == "words" else templates,
            task=occupations,
            association=test,
            encoder=encoder,
            normalise=normalise,
            n_splits=arguments.splits,
        )
        print(
            f"## {name} ({time.perf_counter() - start:.0f} s)\n\n{card.to_markdown()}", flush=True
        )
        if arguments.plot is not None:
            path = arguments.plot / f"{name.lower().replace(', ', '-').replace(' ', '-')}.png"
            card.plot().figure.canvas.print_figure(path, dpi=110)


if __name__ == "__main__":
    main()
