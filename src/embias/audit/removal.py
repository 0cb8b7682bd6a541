"""Taking a concept out of an encoder's vectors, and what is measured before and after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from embias.audit.method_fitting import (
    Material,
    check_method,
    fit_method,
    left_alone,
    transformed,
)
from embias.errors import InputError
from embias.metrics import neighbour_overlap, probe_accuracy
from embias.results import Interval, Measure
from embias.stats.inputs import seed_of
from embias.stats.proportion import wilson_interval
from embias.stimuli import ROLES, Concept, LabelledTexts, load_suite
from embias.transforms import TransformCard, get_transform
from embias.types import Encoder, FloatArray

__all__ = ["Removal", "remove_concept"]

_FOLDS = 5
_SEEDS = 5
_NEIGHBOURS = 10
#: Words of a vocabulary among which neighbours are looked for, and those whose are compared.
_POOL, _COMPARED = 5_000, 500
#: Words without a vector that an error names.
_NAMED = 3


@dataclass(frozen=True)
class Removal:
    """A fitted transform, and how much of a concept is left after it.

    Attributes
    ----------
    transform : estimator
    card : TransformCard
    concept : Concept
        Without words that have no vector.
    fitted_on : str
        Number and kind of what the transform was fitted on.
    strength : float or None
        As asked for.
    probe : Measure
        :func:`~embias.metrics.probe_accuracy` of a linear probe, trained on some of the words
        whose group the transform was not told and tested on others of them, after the transform;
        the figure ``original`` is the same before it.
    before : Interval
        Of ``original``, as ``probe.interval`` is of the value.
    overlap : Measure
        :func:`~embias.metrics.neighbour_overlap` between before and after.
    overlap_of : str
        Whose neighbours those are.
    n_tested : int
        Words that the probe was trained and tested on, with their forms.
    n_left_alone : int
        Those of them that the method leaves alone, because the concept protects them.
    missing : tuple of str
        Words of the concept without a vector, left out.
    seed : int
    """

    transform: Any
    card: TransformCard
    concept: Concept
    fitted_on: str
    strength: float | None
    probe: Measure
    before: Interval
    overlap: Measure
    overlap_of: str
    n_tested: int
    n_left_alone: int
    missing: tuple[str, ...]
    seed: int


def remove_concept(
    encoder: Encoder,
    concept: Concept,
    method: str,
    *,
    strength: float | None = None,
    finish: Callable[[FloatArray], FloatArray] | None = None,
    rng: int | np.random.Generator | None = 0,
    progress: bool = False,
) -> Removal:
    """Fit a transform on two thirds of the words of a concept and measure it on the others.

    Parameters
    ----------
    encoder : Encoder
        A table of word vectors (with ``words`` and ``vectors``), whose words stand alone, or an
        encoder of texts, which gets the sentences of the concept.
    concept : Concept
    method : str
        Name of a transform (``embias.transforms.TRANSFORMS``).
    strength : float, optional
        For methods that have one; by default their own.
    finish : callable, optional
        What is done to vectors after the transform, such as scaling to unit length; before and
        after are both measured after it.
    rng : int, Generator or None
        Seed of the split, of the probe and of methods that draw.
    progress : bool
        Show a progress bar while texts are encoded.

    Returns
    -------
    Removal

    Raises
    ------
    UnknownNameError
        When there is no such method.
    InputError
        When the method cannot be used on this encoder or with this concept, or too few words have
        a vector.
    """
    card = get_transform(method)
    words, vectors = getattr(encoder, "words", None), getattr(encoder, "vectors", None)
    check_method(card, vocabulary=words is not None, strength=strength)
    seed = seed_of(rng)
    missing = _without_vectors(concept, encoder)
    try:
        whole = concept.without(missing) if missing else concept
        learnt, tested = whole.split(rng=seed)
        _check_tested(tested)
    except InputError as error:
        raise _too_few(error, concept, missing, encoder) from error
    material = Material(encoder, learnt, whole, words, vectors, strength, seed)
    transform, fitted_on = fit_method(card, material, progress=progress)
    measuring = _Measuring(encoder, transform, words is not None, finish, seed, progress)
    probe, before = measuring.probe(tested)
    if words is None:
        pool, overlap_of = _neutral_words(whole), "words of WEAT"
    else:
        pool, overlap_of = words, "words of the vocabulary"
    overlap, n = measuring.overlap(pool, vectors)
    return Removal(
        transform,
        card,
        whole,
        fitted_on,
        strength,
        probe,
        before,
        overlap,
        f"{n} {overlap_of}",
        len(tested.words),
        left_alone(card, whole, tested.words),
        missing,
        seed,
    )


def _without_vectors(concept: Concept, encoder: Encoder) -> tuple[str, ...]:
    listed = [*concept.words, *(word for each in concept.equalize for word in each)]
    return tuple(str(word) for word in encoder.missing(list(dict.fromkeys(listed))))


def _too_few(
    error: InputError, concept: Concept, missing: Sequence[str], encoder: Encoder
) -> InputError:
    """Return the error with the likely cause: words of the concept that have no vector."""
    gone = [word for word in concept.words if word in set(missing)]
    if not gone:
        return error
    shown = ", ".join(map(repr, gone[:_NAMED])) + (", ..." if len(gone) > _NAMED else "")
    return InputError(
        f"{error}. {len(gone)} of its {len(concept.words)} words have no vector in "
        f"{encoder.info.id!r:.80}: {shown}; are they of another language, or written otherwise?"
    )


def _families(texts: LabelledTexts) -> Counter[str]:
    """Return how many families of words each label has."""
    return Counter(label for _, label in set(zip(texts.families, texts.labels, strict=True)))


def _check_tested(tested: Concept) -> None:
    for label, n in _families(tested.texts(bare=True)).items():
        if n < 2:
            raise InputError(
                f"{tested}: of the group {label!r} only {n} word (with its forms) is left to test "
                "on after two thirds were taken to learn from; give six or more in each group"
            )


def _neutral_words(concept: Concept) -> list[str]:
    """Return words of the shipped association tests that do not belong to the concept."""
    own = {*concept.words, *concept.protected}
    sets = [test.words(role).words for test in load_suite("weat").tests for role in ROLES]
    return [word for word in dict.fromkeys(w for each in sets for w in each) if word not in own]


@dataclass(frozen=True)
class _Measuring:
    encoder: Encoder
    transform: Any
    bare: bool
    finish: Callable[[FloatArray], FloatArray] | None
    seed: int
    progress: bool

    def both(
        self, items: Sequence[str], rows: FloatArray, words: Sequence[str] | None
    ) -> tuple[FloatArray, FloatArray]:
        after = transformed(self.transform, rows, words)
        if self.finish is None:
            return rows, after
        return self.finish(rows), self.finish(after)

    def probe(self, tested: Concept) -> tuple[Measure, Interval]:
        texts = tested.texts(bare=self.bare)
        rows = self.encoder.encode(texts.texts, progress=self.progress)
        before, after = self.both(texts.texts, rows, texts.words)
        found = probe_accuracy(
            after,
            np.array(texts.labels),
            probe="linear",
            folds=min(_FOLDS, *_families(texts).values()),
            words=np.array(texts.families),
            original=before,
            lengths="raw",
            n_seeds=_SEEDS,
            rng=self.seed,
            progress=self.progress,
        )
        n = found.counts["tested"]
        return found, wilson_interval(round(found.figures["original"] * n), n)

    def overlap(self, pool: Sequence[str], vectors: FloatArray | None) -> tuple[Measure, int]:
        generator = np.random.default_rng(self.seed)
        if vectors is None:
            rows = self.encoder.encode(pool, progress=self.progress)
        else:
            usable = np.flatnonzero(vectors.any(axis=1))
            chosen = np.sort(generator.permutation(usable)[:_POOL])
            pool, rows = [pool[i] for i in chosen], vectors[chosen]
        before, after = self.both(pool, rows, pool)
        compared = np.sort(generator.permutation(len(before))[:_COMPARED])
        k = min(_NEIGHBOURS, len(before) - 1)
        return neighbour_overlap(before, after, k=k, rows=compared), len(before)
