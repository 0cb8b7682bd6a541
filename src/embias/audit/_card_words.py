"""Words and texts of a report card: the sets of an association test, and rated pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from embias.audit._card_finding import Finding
from embias.audit._card_rows import Rows, rows_from
from embias.audit.vectors import Vectors, gather
from embias.encoders import as_encoder
from embias.errors import InputError
from embias.metrics import WordPairs, weat, weat_interval
from embias.results import Interval
from embias.stats.inputs import as_scores
from embias.stimuli import ROLES, AssociationTest, WordSet
from embias.types import Encoder, FloatArray

__all__ = ["Association", "Pairs", "association_of", "encoder_of", "pairs_of", "weat_findings"]

_NAMES = ("x", "y", "a", "b")
_BOOTSTRAP = 1_999


@dataclass(frozen=True, eq=False)
class Association:
    """The word sets x, y (targets), a and b (attributes) as rows, and the word of each row."""

    sets: dict[str, Rows]
    words: dict[str, list[str]] | None
    note: str


@dataclass(frozen=True, eq=False)
class Pairs:
    """Two texts of each pair as rows, and the ratings of the pairs."""

    first: Rows
    second: Rows
    ratings: FloatArray
    note: str


def encoder_of(encoder: object, rows: Rows) -> Encoder | None:
    """Return what vectors of words are asked of: the encoder, else the index of the rows."""
    if encoder is not None:
        return as_encoder(encoder)
    if rows.words is None or not all(isinstance(word, str) for word in rows.words):
        return None
    return as_encoder(dict(zip(rows.words.tolist(), rows.values, strict=True)))


def association_of(given: Any, rows: Rows, encoder: Encoder | None) -> Association:
    """Return the word sets of a test.

    Parameters
    ----------
    given : AssociationTest, mapping with x, y, a and b, or sequence of these four
        Sets are arrays or lists of words.
    rows : Rows
        X, whose dimension they must have.
    encoder : Encoder or None
        Where words are looked up.

    Raises
    ------
    InputError
        Words without an encoder, a set that is missing, another dimension.
    """
    if isinstance(given, AssociationTest):
        return _encoded(given, rows, encoder)
    if isinstance(given, Mapping):
        if set(given) != set(_NAMES):
            raise InputError(
                f"association has the sets {', '.join(map(repr, given))}; give x, y, a and b"
            )
        sets = {name: given[name] for name in _NAMES}
    elif isinstance(given, Sequence) and not isinstance(given, str) and len(given) == len(_NAMES):
        sets = dict(zip(_NAMES, given, strict=True))
    else:
        raise InputError(
            f"association is a {type(given).__name__}; give an AssociationTest, or x, y, a and b "
            "as arrays or as lists of words"
        )
    if not any(map(_is_texts, sets.values())):
        named = {name: rows_from(each, f"association {name}", rows) for name, each in sets.items()}
        return Association(named, None, "")
    if not all(map(_is_texts, sets.values())):
        raise InputError("association mixes words and vectors; give all four sets as one of them")
    x, y, a, b = (WordSet(name, each) for name, each in sets.items())
    return _encoded(AssociationTest("association", (x, y), (a, b)), rows, encoder)


def _is_texts(value: Any) -> bool:
    return not hasattr(value, "dtype") and (
        isinstance(value, Sequence) and len(value) > 0 and all(isinstance(v, str) for v in value)
    )


def _encoded(test: AssociationTest, rows: Rows, encoder: Encoder | None) -> Association:
    if encoder is None:
        raise InputError(
            "association is of words; give encoder=, or X as a DataFrame whose index has the words"
        )
    vectors = Vectors(encoder, progress=False)
    vectors.prepare_test(test)
    sets: dict[str, Rows] = {}
    words: dict[str, list[str]] = {}
    lost = []
    for name, role in zip(_NAMES, ROLES, strict=True):
        found = gather(vectors, test, role)
        if not found.rows:
            raise InputError(f"association {name}: the encoder has no vector for any of its words")
        sets[name] = _like(np.stack(found.rows), found.words, f"association {name}", rows)
        words[name] = found.words
        lost += list(found.counts.dropped)
    note = f"{len(lost)} words of the association without a vector: {', '.join(lost[:5])}."
    return Association(sets, words, note if lost else "")


def _like(vectors: FloatArray, words: Sequence[str], name: str, rows: Rows) -> Rows:
    made = rows_from(vectors, name, rows)
    return Rows(made.values, np.array(words, dtype=object), rows.columns)


def pairs_of(given: Any, rows: Rows, encoder: Encoder | None) -> Pairs:
    """Return rated pairs: a WordPairs, or (first, second, ratings) as texts or as arrays.

    Raises
    ------
    InputError
        Texts without an encoder, another number of ratings than pairs, fewer than three pairs.
    """
    if isinstance(given, WordPairs):
        given = (given.first, given.second, given.ratings)
    if not isinstance(given, Sequence) or isinstance(given, str) or len(given) != 3:
        raise InputError("similarity: give WordPairs, or (first, second, ratings)")
    first, second, rated = given
    ratings = as_scores(rated, "similarity ratings")
    if not len(first) == len(second) == ratings.size:
        raise InputError(
            f"similarity has {len(first)} first texts, {len(second)} second texts and "
            f"{ratings.size} ratings; give one of each for every pair"
        )
    if not (_is_texts(first) and _is_texts(second)):
        one, two = (
            rows_from(each, f"similarity {name}", rows)
            for name, each in (("first", first), ("second", second))
        )
        return Pairs(one, two, ratings, "")
    if encoder is None:
        raise InputError(
            "similarity is of words; give encoder=, or X as a DataFrame whose index has the words"
        )
    asked = list(dict.fromkeys([*first, *second]))
    absent = set(encoder.missing(asked))
    kept = [i for i, both in enumerate(zip(first, second, strict=True)) if absent.isdisjoint(both)]
    if len(kept) < 3:
        raise InputError(f"similarity: {len(kept)} pairs have vectors; three at least are needed")
    one, two = (
        _like(np.asarray(encoder.encode(words)), words, "similarity", rows)
        for words in ([first[i] for i in kept], [second[i] for i in kept])
    )
    lost = ratings.size - len(kept)
    note = f"{lost} of {ratings.size} pairs have a word without a vector." if lost else ""
    return Pairs(one, two, ratings[kept], note)


def weat_findings(
    association: Association,
    before: dict[str, FloatArray],
    after: dict[str, FloatArray],
    level: float,
    seed: int,
) -> list[Finding]:
    """Return D and d of a WEAT over words, with bootstrap intervals over the targets."""
    groups: dict[str, Any] = {}
    if association.words is not None:
        groups = {f"{name}_groups": association.words[name] for name in _NAMES}
    targets = {name: groups[name] for name in ("x_groups", "y_groups") if groups}
    found = [
        weat(*_four(sets), **targets, method="sampled", n_resamples=99, rng=seed)
        for sets in (before, after)
    ]
    findings = []
    for figure, attribute in (
        ("weat_statistic", "unit_statistic"),
        ("weat_effect_size", "unit_effect_size"),
    ):
        of = attribute.removeprefix("unit_")
        low, high = (_interval(sets, groups, of, level, seed) for sets in (before, after))
        findings.append(
            Finding(
                figure=figure,
                data="given",
                before=getattr(found[0], attribute),
                after=getattr(found[1], attribute),
                reference=0.0,
                before_interval=low,
                after_interval=high,
                n=found[0].n_x + found[0].n_y,
            )
        )
    return findings


def _four(sets: dict[str, FloatArray]) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    return sets["x"], sets["y"], sets["a"], sets["b"]


def _interval(
    sets: dict[str, FloatArray], groups: dict[str, Any], of: str, level: float, seed: int
) -> Interval | None:
    try:
        return weat_interval(
            *_four(sets),
            **groups,
            of="effect_size" if of == "effect_size" else "statistic",
            level=level,
            n_resamples=_BOOTSTRAP,
            rng=seed,
        )
    except InputError:  # scores without spread, one word in a set: there is none
        return None
