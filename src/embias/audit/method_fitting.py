"""Fitting any transform of the registry on what a concept has to learn from."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from embias.errors import InputError
from embias.geometry import Subspace
from embias.stimuli import Concept
from embias.transforms import TransformCard
from embias.types import Encoder, FloatArray

__all__ = ["Material", "check_method", "fit_method", "left_alone", "transformed"]

_FIT = "fit it in Python and give it to embias.transforms.to_sentence_transformer"
_FIT_WORDS = "fit it in Python and write the words with embias.encoders.save_word_vectors"
#: What a file of a concept calls that which a parameter asks for.
_KEYS = {
    "sets": "equalize under [related]",
    "equalize": "equalize under [related]",
    "pairs": "definitional under [related], of two groups",
    "subspace": "definitional under [related]",
}


@dataclass(frozen=True)
class Material:
    """What a method may be fitted on.

    Attributes
    ----------
    encoder : Encoder
    concept : Concept
        Only words to learn from, all of which have a vector.
    whole : Concept
        The words to test on too: lists of words that a method treats in another way than others
        are taken from it, since the vocabulary it is used on has all of them.
    words : sequence of str or None
        The vocabulary, where the encoder is a table; texts are its words alone then.
    vectors : ndarray of shape (n, d) or None
        Of the vocabulary.
    strength : float or None
    seed : int
    """

    encoder: Encoder
    concept: Concept
    whole: Concept
    words: Sequence[str] | None
    vectors: FloatArray | None
    strength: float | None
    seed: int

    @property
    def bare(self) -> bool:
        """Whether words stand alone."""
        return self.words is not None


def check_method(card: TransformCard, *, vocabulary: bool, strength: float | None) -> None:
    """Raise an InputError for a method that cannot be used here, before anything is encoded.

    Parameters
    ----------
    card : TransformCard
    vocabulary : bool
        Whether a table of word vectors is transformed, and not a model of texts.
    strength : float or None
        What was asked for.
    """
    if not vocabulary and not card.affine:
        why = (
            "it treats some words in another way than others, and a text is no word"
            if card.learns_from == "words"
            else "it is no affine map of every vector"
        )
        raise InputError(
            f"{card.name} cannot be put into a model of texts: {why}; use an affine method, such "
            "as leace or orthogonal-projection, or give word vectors"
        )
    if _of_two_spaces(card):
        raise InputError(
            f"{card.name} learns from the same items in two spaces, and takes no concept out; "
            "fit it in Python on both"
        )
    many = card.learns_from == "vectors" and not vocabulary and not _of_concept_words(card)
    if card.learns_from == "texts" or many:
        raise InputError(
            f"{card.name} learns from many {card.learns_from} of the model's own use, and a "
            f"concept has only its own words and sentences; {_cure(vocabulary)}"
        )
    if strength is not None and "strength" not in _parameters(card):
        raise InputError(f"{card.name} has no strength: it is done or not; leave strength out")


def fit_method(card: TransformCard, material: Material, *, progress: bool) -> tuple[Any, str]:
    """Return the fitted transform, and what it was fitted on, in words.

    Raises
    ------
    InputError
        When the method needs something that a concept does not give.
    """
    return _FITS[card.learns_from](card, material, progress)


def left_alone(card: TransformCard, concept: Concept, words: Sequence[str]) -> int:
    """Return how many of the words a method leaves alone because the concept protects them."""
    protected = set(concept.protected) if "protected" in _parameters(card) else set()
    return sum(word in protected for word in words)


def transformed(transform: Any, rows: FloatArray, words: Sequence[str] | None) -> FloatArray:
    """Return transformed rows; `words` are theirs, for a transform that asks for them."""
    if getattr(transform, "takes_words", False):
        made: FloatArray = np.asarray(transform.transform(rows, words=words))
    else:
        made = np.asarray(transform.transform(rows))
    return made


def _from_labels(card: TransformCard, material: Material, progress: bool) -> tuple[Any, str]:
    texts = material.concept.texts(bare=material.bare)
    rows = material.encoder.encode(texts.texts, progress=progress)
    n_words = len(material.concept.words)
    what = f"{n_words} words" if material.bare else f"{len(texts.texts)} texts of {n_words} words"
    return _made(card, material).fit(rows, np.array(texts.labels)), what


def _from_subspace(card: TransformCard, material: Material, progress: bool) -> tuple[Any, str]:
    sets = material.concept.aligned_texts(bare=material.bare)
    subspace = Subspace.from_texts(
        material.encoder, sets, k=len(material.concept.groups) - 1, progress=progress
    )
    n = len(material.concept.definitional)
    what = f"{n} aligned sets of words" + ("" if material.bare else f" in {len(sets)} of texts")
    return _made(card, material, subspace=subspace).fit(subspace.basis), what


def _from_words(card: TransformCard, material: Material, progress: bool) -> tuple[Any, str]:
    concept = material.concept
    if material.words is not None and material.vectors is not None:
        fitted = _made(card, material).fit(material.vectors, words=material.words)
        return fitted, f"{len(material.words)} words of the vocabulary"
    listed = [*concept.words, *(word for each in concept.equalize for word in each)]
    words = list(dict.fromkeys(listed))
    rows = material.encoder.encode(words, progress=progress)
    return _made(card, material).fit(rows, words=words), f"{len(words)} single words"


def _from_vectors(card: TransformCard, material: Material, progress: bool) -> tuple[Any, str]:
    if material.vectors is not None and not _of_concept_words(card):
        rows = material.vectors[material.vectors.any(axis=1)]
        return _made(card, material).fit(rows), f"{len(rows)} words of the vocabulary"
    texts = material.concept.texts(bare=material.bare).texts
    rows = material.encoder.encode(texts, progress=progress)
    return _made(card, material).fit(rows), f"{len(rows)} {'words' if material.bare else 'texts'}"


_FITS: dict[str, Callable[[TransformCard, Material, bool], tuple[Any, str]]] = {
    "labels": _from_labels,
    "subspace": _from_subspace,
    "words": _from_words,
    "vectors": _from_vectors,
    "nothing": _from_vectors,
}


def _of_concept_words(card: TransformCard) -> bool:
    """Return whether the rows that a method is fitted on are to be those of the concept's words.

    Such methods take them as a parameter too, so that `fit` may get others.
    """
    return card.learns_from == "vectors" and "vectors" in _parameters(card)


def _of_two_spaces(card: TransformCard) -> bool:
    """Return whether what a method learns from vectors is how they differ from others."""
    empty = inspect.Parameter.empty
    if card.learns_from != "vectors" or any(
        each.default is empty for each in _parameters(card).values()
    ):
        return False
    return bool(card.estimator().__sklearn_tags__().target_tags.required)


def _cure(vocabulary: bool) -> str:
    return _FIT_WORDS if vocabulary else _FIT


def _parameters(card: TransformCard) -> dict[str, inspect.Parameter]:
    return dict(inspect.signature(card.estimator).parameters)


def _made(card: TransformCard, material: Material, *, subspace: Subspace | None = None) -> Any:
    """Return the estimator with those of its parameters that the concept knows."""
    taken = _parameters(card)
    known = _known(card, material, taken, subspace)
    missing = [
        name
        for name, parameter in taken.items()
        if parameter.default is inspect.Parameter.empty and name not in known
    ]
    if missing:
        key = _KEYS.get(missing[0])
        cure = _cure(material.bare) if key is None else f"add {key} to its file"
        raise InputError(
            f"{card.name} needs {missing[0]!r}, which the concept {material.concept.name!r} does "
            f"not give; {cure}"
        )
    return card.estimator(**{name: known[name] for name in taken if name in known})


def _known(
    card: TransformCard,
    material: Material,
    taken: dict[str, inspect.Parameter],
    subspace: Subspace | None,
) -> dict[str, Any]:
    concept, whole = material.concept, material.whole
    # Where there is a subspace too, the sets are those to equalize.
    sets = whole.equalize if "subspace" in taken else concept.definitional
    known: dict[str, Any] = {
        "subspace": concept.definitional if subspace is None else subspace,
        "pairs": concept.definitional if len(concept.groups) == 2 else (),
        "sets": sets,
        "equalize": whole.equalize,
        "random_state": material.seed,
        "strength": material.strength,
    }
    # Elsewhere parameters of these names are directions.
    if card.learns_from == "words" and len(concept.groups) == 2:
        known |= dict(zip(("first", "second"), concept.groups.values(), strict=True))
    kept = {name: value for name, value in known.items() if value is not None and value != ()}
    return kept | {"protected": whole.protected}
