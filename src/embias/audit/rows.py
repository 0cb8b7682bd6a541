"""The rows of an audit: one test on one encoder."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from embias.audit.inputs import Settings
from embias.audit.needs import check_served
from embias.audit.roles import found_pairs, generator, measured_words, role_vectors
from embias.audit.vectors import Vectors, WordVectors, gather
from embias.errors import EmbiasError, InputError
from embias.metrics import MetricCard, get_metric, weat, weat_interval
from embias.results import (
    Association,
    BiasResult,
    Counts,
    Interval,
    Measure,
    Published,
    PvalueMethod,
    Unit,
)
from embias.stats import analytic_interval, detectable_effect
from embias.stimuli import ROLES, AssociationTest, Role, Suite
from embias.types import FloatArray, Image

__all__ = ["run_test"]

#: A target set with fewer found words than this cannot be tested.
_FEWEST_TARGETS = 2


def run_test(
    vectors: Vectors, suite: Suite, test: AssociationTest, metric: str, settings: Settings
) -> BiasResult:
    """Run one test on one encoder; what goes wrong becomes the reason of the row."""
    counts: tuple[Counts, ...] = ()
    association: Association | None = None
    measure: Measure | None = None
    measured: tuple[str, ...] = ()
    extras = _Extras()
    reason = ""
    card = get_metric(metric)
    try:
        check_served(card, test, vectors.info)
        vectors.prepare_test(test)
        sets = {role: gather(vectors, test, role) for role in ROLES}
        counts = tuple(sets[role].counts for role in ROLES)
        _check_coverage(vectors, test, counts, settings)
        names = (vectors.info.id, suite.name, test.name)
        if card.run is None:
            association = _associate(sets, settings, _unit(card, test, settings), names)
            extras = _extras(sets, association, settings, names)
        else:
            roles = role_vectors(card, test, sets, settings, (*names, metric))
            measure = card.run(roles)
            extras = _Extras(interval=measure.interval, notes=_pair_notes(test, sets))
            measured = measured_words(card, test, sets)
    except EmbiasError as error:
        reason = str(error)
    return BiasResult(
        encoder=vectors.info.id,
        transform=" | ".join(vectors.info.transforms),
        suite=suite.name,
        test=test.name,
        metric=metric,
        description=test.description,
        status="ok" if association or measure else "error",
        reason=reason,
        association=association,
        counts=counts,
        published=_published(test, vectors, settings) if association else None,
        notes=(*_notes(test), *extras.notes),
        interval=extras.interval,
        detectable_effect=extras.detectable_effect,
        item_pvalue=extras.item_pvalue,
        item_pvalue_method=extras.item_pvalue_method,
        measure=measure,
        measured=measured,
    )


def _unit(card: MetricCard, test: AssociationTest, settings: Settings) -> Unit:
    """Return what is relabelled: by the paper of iEAT pictures, of one word or not."""
    targets = [word for role in ROLES[:2] for word in test.words(role).words]
    if card.takes == "pictures" and any(len(test.images.get(word, ())) > 1 for word in targets):
        return "item"
    return settings.unit


def _pair_notes(test: AssociationTest, sets: dict[Role, WordVectors]) -> tuple[str, ...]:
    pairs = found_pairs(test, sets)
    lost = len(test.pairs) - (0 if pairs is None else len(pairs))
    return (f"{lost} of {len(test.pairs)} pairs dropped with a missing word.",) if lost else ()


def _check_coverage(
    vectors: Vectors, test: AssociationTest, counts: Iterable[Counts], settings: Settings
) -> None:
    for each in counts:
        fewest = _FEWEST_TARGETS if each.role in "XY" else 1
        complete = settings.on_missing == "drop" or not each.dropped
        if complete and each.found >= fewest and each.coverage >= settings.min_coverage:
            continue
        if each.asked < fewest:
            raise InputError(
                f"{each.role} ({each.name}) has {each.asked} word; at least {fewest} are needed"
            )
        rule = (
            "on_missing='error' allows none to be missing"
            if not complete
            else f"min_coverage asks for {settings.min_coverage:.0%}"
            if each.coverage < settings.min_coverage
            else f"at least {fewest} are needed"
        )
        raise InputError(
            f"{each.role} ({each.name}): {each.found - each.synthesised} of {each.asked} words "
            f"have a vector{_from_ngrams(each)}, {rule}; missing: {_listed(each.dropped)}"
            f"{_cure(vectors, test)}"
        )


def _from_ngrams(counts: Counts) -> str:
    made = counts.synthesised
    return f" of their own ({made} made from n-grams)" if made else ""


def _listed(words: Sequence[str], most: int = 5) -> str:
    rest = f" and {len(words) - most} more" if len(words) > most else ""
    return ", ".join(word if len(word) <= 40 else word[:39] + "…" for word in words[:most]) + rest


def _cure(vectors: Vectors, test: AssociationTest) -> str:
    if vectors.info.kind == "static" and test.templated:
        return (
            "; this test puts words into sentences, and a table of word vectors has no vector "
            "for a sentence: run it on a sentence encoder"
        )
    return ""


def _arrays(sets: dict[Role, WordVectors]) -> list[FloatArray]:
    return [np.stack(sets[role].rows) for role in ROLES]


def _associate(
    sets: dict[Role, WordVectors], settings: Settings, unit: Unit, names: tuple[str, ...]
) -> Association:
    x, y, a, b = _arrays(sets)
    return weat(
        x,
        y,
        a,
        b,
        ddof=settings.ddof,
        alternative=settings.alternative,
        method=settings.method,
        x_groups=sets["X"].words,
        y_groups=sets["Y"].words,
        unit=unit,
        rng=generator(settings.seed, *names),
    )


@dataclass(frozen=True)
class _Extras:
    """What stands beside the test itself."""

    interval: Interval | None = None
    detectable_effect: float | None = None
    item_pvalue: float | None = None
    item_pvalue_method: PvalueMethod | None = None
    notes: tuple[str, ...] = ()


def _extras(
    sets: dict[Role, WordVectors],
    association: Association,
    settings: Settings,
    names: tuple[str, ...],
) -> _Extras:
    notes: tuple[str, ...] = ()
    interval = None
    # Intervals generalise to other words; single sentences taken for independent do not.
    if settings.interval is not None and association.unit == "word":
        try:
            interval = _interval(sets, association, settings, names)
        except InputError as error:
            notes = (f"No interval: {error}.",)
    detectable = detectable_effect(
        association.n_x, association.n_y, alternative=settings.alternative, ddof=settings.ddof
    )
    by_item = None
    if settings.item_pvalue and association.items_x + association.items_y > (
        association.n_x + association.n_y
    ):
        by_item = _associate(sets, settings, "item", names)
    return _Extras(
        interval=interval,
        detectable_effect=detectable if math.isfinite(detectable) else None,
        item_pvalue=None if by_item is None else by_item.pvalue,
        item_pvalue_method=None if by_item is None else by_item.pvalue_method,
        notes=notes,
    )


def _interval(
    sets: dict[Role, WordVectors],
    association: Association,
    settings: Settings,
    names: tuple[str, ...],
) -> Interval:
    if settings.interval == "analytic" or settings.interval is None:
        return analytic_interval(
            association.unit_effect_size,
            association.n_x,
            association.n_y,
            level=settings.level,
            ddof=settings.ddof,
        )
    x, y, a, b = _arrays(sets)
    return weat_interval(
        x,
        y,
        a,
        b,
        method=settings.interval,
        level=settings.level,
        ddof=settings.ddof,
        x_groups=sets["X"].words,
        y_groups=sets["Y"].words,
        rng=generator(settings.seed, *names, "interval"),
    )


def _published(test: AssociationTest, vectors: Vectors, settings: Settings) -> Published | None:
    # What was published for the weights is not published for what is made of their vectors.
    changed = vectors.info.transforms or vectors.info.truncate_dim
    return test.published_for(settings.published or (None if changed else vectors.info.weights))


def _notes(test: AssociationTest) -> tuple[str, ...]:
    notes = [test.note] if test.note else []
    attributes = {
        item
        for role in ("A", "B")
        for word in test.words(role).words
        for item in _known(test, word)
    }
    both = [
        word
        for role in ("X", "Y")
        for word in test.words(role).words
        if not attributes.isdisjoint(_known(test, word))
    ]
    if both:
        notes.append(f"Both target and attribute, which adds a cosine of 1: {', '.join(both)}.")
    return tuple(notes)


def _known(test: AssociationTest, word: str) -> tuple[str | Image, ...]:
    """Return by what a word is known again: its pictures, whatever they are called, or itself."""
    return test.images.get(word, (word,))
