"""How far a concept changes what a classifier predicts (TReATE of CausaLM)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone, is_classifier
from sklearn.model_selection import train_test_split

from embias.errors import InputError
from embias.results import Interval
from embias.stats.bootstrap import bootstrap_interval, bootstrap_replicates, check_level
from embias.stats.inputs import as_generator, check_share
from embias.transforms._checks import checked_rows
from embias.transforms._labels import label_columns, read_labels
from embias.types import FloatArray

__all__ = ["TreatmentEffect", "treatment_effect"]


@dataclass(frozen=True)
class TreatmentEffect:
    """What a classifier's predictions owe to a concept, on texts it was not trained on.

    Attributes
    ----------
    treate : float
        Mean over texts of the L1 distance between the class probabilities from the vectors as
        they are and from the counterfactual ones, in [0, 2]; 0 is no effect.
    interval : Interval
        Of `treate`, over texts, with both classifiers as they are. A mean of distances: it never
        reaches below 0, and training noise alone lifts it off 0; compare with `noise`.
    noise : float
        What two classifiers for the vectors as they are differ by, in the same measure, when the
        second one is trained on a resample of the texts. A `treate` no larger is no evidence.
    directed : float or None
        Mean change in the probability of the second task class that the concept makes: the mean
        of (as they are - counterfactual) over texts of the second concept class, less that of the
        first, in [-2, 2]; 0 is no effect. With two concept and two task classes only.
    directed_interval : Interval or None
        Over texts, the classifiers being trained anew on each resample.
    conexp : float or None
        The paper's baseline: L1 distance between the mean predictions, from the vectors as they
        are, for texts of either concept class, in [0, 2]. Confounded by all that goes with it.
    accuracy, counterfactual_accuracy : float
        Of the two classifiers on the texts measured.
    n_texts, n_trained_on : int
    seed : int or None
    """

    treate: float
    interval: Interval
    noise: float
    directed: float | None
    directed_interval: Interval | None
    conexp: float | None
    accuracy: float
    counterfactual_accuracy: float
    n_texts: int
    n_trained_on: int
    seed: int | None


@dataclass(frozen=True)
class _Texts:
    """Vectors as they are and without the concept, task codes, concept codes."""

    original: NDArray[Any]
    counterfactual: NDArray[Any]
    task: NDArray[np.intp]
    concept: NDArray[np.intp] | None

    def __getitem__(self, rows: NDArray[np.intp]) -> _Texts:
        concept = None if self.concept is None else self.concept[rows]
        return _Texts(self.original[rows], self.counterfactual[rows], self.task[rows], concept)


def treatment_effect(
    eraser: Any,
    classifier: Any,
    X: ArrayLike,
    task: ArrayLike,
    *,
    concept: ArrayLike | None = None,
    test_size: float = 0.5,
    level: float = 0.95,
    n_resamples: int = 1000,
    n_refits: int = 200,
    random_state: int | np.random.Generator | None = 0,
    progress: bool = False,
) -> TreatmentEffect:
    """Return the textual-representation-based average treatment effect of a concept.

    Two copies of a classifier are trained for a task, one on the vectors as they are and one on
    the counterfactual vectors, from which the eraser took the concept. TReATE is the mean over
    other texts of the L1 distance between their class probabilities.

    Parameters
    ----------
    eraser : transformer
        A fitted transform that removes the concept; :class:`CounterfactualEraser` in the paper.
    classifier : estimator
        A scikit-learn classifier with ``predict_proba``; copies are trained, it stays as it is.
    X : array_like of shape (n, d)
        Vectors as they are.
    task : array_like of shape (n,)
        Classes that the classifier predicts.
    concept : array_like of shape (n,), optional
        Two classes of the concept, for the directed effect and the baseline.
    test_size : float
        Share of the texts that is not trained on and that the effect is measured on.
    level : float
        Confidence of the intervals.
    n_resamples : int
        Bootstrap samples of texts for `interval`, at least 100.
    n_refits : int
        Bootstrap samples on which classifiers are trained anew, at least 100.
    random_state : int, Generator or None
    progress : bool
        Show a progress bar.

    Returns
    -------
    TreatmentEffect

    Raises
    ------
    InputError
        No classifier with probabilities, an eraser that is not fitted, labels of one class or of
        another number than the rows, a concept of more than two classes.

    Notes
    -----
    For a concept of two classes as frequent, independent of all else, in a classifier that adds
    it up with the rest before its link, TReATE is about half of the L1 distance that exchanging
    the concept would make, since the counterfactual vector lies between the two, and `directed`
    is the change in probability that the exchange makes. An eraser that takes more than the
    concept, or not all of it, is wrong by as much; its own sampling error is in no interval.

    References
    ----------
    Feder et al. 2021, Computational Linguistics 47(2).
    """
    if not is_classifier(classifier) or not hasattr(classifier, "predict_proba"):
        raise InputError(
            f"classifier is of type {type(classifier).__name__}; give a scikit-learn classifier "
            "with predict_proba"
        )
    check_level(level)
    check_share("test_size", test_size)
    rng, seed = as_generator(random_state)
    texts, classes = _texts(eraser, X, task, concept)
    train, test = _split(texts, test_size, rng)
    original, counterfactual = _predict(classifier, train, test, classes)
    distances = np.abs(original - counterfactual).sum(axis=1)
    two = texts.concept is not None and classes == 2
    noise, replicates = _refitted(classifier, train, test, original, two, n_refits, rng, progress)
    directed = _directed(original, counterfactual, test.concept) if two else None
    return TreatmentEffect(
        treate=float(distances.mean()),
        interval=_over_texts(distances, level, n_resamples, rng),
        noise=noise,
        directed=directed,
        directed_interval=None
        if directed is None
        else bootstrap_interval(directed, replicates, level=level, method="percentile"),
        conexp=_conexp(original, test.concept),
        accuracy=float(np.mean(original.argmax(axis=1) == test.task)),
        counterfactual_accuracy=float(np.mean(counterfactual.argmax(axis=1) == test.task)),
        n_texts=len(test.task),
        n_trained_on=len(train.task),
        seed=seed,
    )


def _texts(eraser: Any, X: Any, task: Any, concept: Any) -> tuple[_Texts, int]:
    rows = checked_rows(eraser, X)
    codes, classes = _codes(task, len(rows), "task")
    treated = None
    if concept is not None:
        treated, kinds = _codes(concept, len(rows), "concept")
        if kinds != 2:
            raise InputError(
                f"concept has {kinds} classes; a direction needs two, so leave concept out"
            )
    return _Texts(rows, np.asarray(eraser.transform(X)), codes, treated), classes


def _codes(labels: Any, n: int, name: str) -> tuple[NDArray[np.intp], int]:
    columns = label_columns(labels, "classes", name)
    read = read_labels(labels, columns, name)
    if len(columns) > 1 or len(read.values) != n:
        raise InputError(
            f"{name} has shape {np.shape(labels)}; give one class for each of {n} rows"
        )
    return read.codes(), columns[0].width


def _split(texts: _Texts, test_size: float, rng: np.random.Generator) -> tuple[_Texts, _Texts]:
    n = len(texts.task)
    seed = int(rng.integers(2**31))
    try:
        train, test = train_test_split(
            np.arange(n), test_size=test_size, stratify=texts.task, random_state=seed
        )
    except ValueError as error:
        raise InputError(f"the texts cannot be split by task class ({error}); give more") from error
    return texts[train], texts[test]


def _predict(
    classifier: Any, train: _Texts, test: _Texts, classes: int
) -> tuple[FloatArray, FloatArray]:
    """Return class probabilities (n, classes) from both kinds of vectors."""
    return (
        _probabilities(classifier, train.original, train.task, test.original, classes),
        _probabilities(classifier, train.counterfactual, train.task, test.counterfactual, classes),
    )


def _probabilities(
    classifier: Any, X: NDArray[Any], task: NDArray[np.intp], rows: NDArray[Any], classes: int
) -> FloatArray:
    made = np.zeros((len(rows), classes))
    if (task == task[0]).all():  # a resample may lack all classes but one
        made[:, task[0]] = 1
        return made
    trained = clone(classifier).fit(X, task)
    made[:, trained.classes_] = trained.predict_proba(rows)
    return made


def _directed(
    original: FloatArray, counterfactual: FloatArray, concept: NDArray[np.intp] | None
) -> float:
    change = original[:, 1] - counterfactual[:, 1]
    second, first = change[concept == 1], change[concept == 0]
    # A resample may lack a class of the concept.
    return float(second.mean() - first.mean()) if second.size and first.size else float("nan")


def _conexp(original: FloatArray, concept: NDArray[np.intp] | None) -> float | None:
    if concept is None or not 0 < concept.sum() < len(concept):
        return None
    apart = original[concept == 1].mean(axis=0) - original[concept == 0].mean(axis=0)
    return float(np.abs(apart).sum())


def _over_texts(
    distances: FloatArray, level: float, n_resamples: int, rng: np.random.Generator
) -> Interval:
    def draw(generator: np.random.Generator, size: int) -> FloatArray:
        n = len(distances)
        means: FloatArray = np.array(
            [distances[generator.integers(n, size=n)].mean() for _ in range(size)]
        )
        return means

    replicates = bootstrap_replicates(draw, n_resamples, rng)
    return bootstrap_interval(float(distances.mean()), replicates, level=level, method="percentile")


def _refitted(
    classifier: Any,
    train: _Texts,
    test: _Texts,
    original: FloatArray,
    two: bool,
    n_refits: int,
    rng: np.random.Generator,
    progress: bool,
) -> tuple[float, FloatArray]:
    """Return the noise of training, and replicates of the directed effect with new classifiers."""
    noises: list[float] = []
    draw_one = _refit(classifier, train, test, original, two, noises)

    def draw(generator: np.random.Generator, size: int) -> FloatArray:
        steps: Any = range(size)
        if progress:
            from tqdm.auto import tqdm

            steps = tqdm(steps, desc="training", unit="resample")
        return np.array([draw_one(generator) for _ in steps])

    replicates = bootstrap_replicates(draw, n_refits, rng)
    return float(np.mean(noises)), replicates


def _refit(
    classifier: Any,
    train: _Texts,
    test: _Texts,
    original: FloatArray,
    two: bool,
    noises: list[float],
) -> Callable[[np.random.Generator], float]:
    classes, m, n = original.shape[1], len(train.task), len(test.task)

    def once(generator: np.random.Generator) -> float:
        again = train[generator.integers(m, size=m)]
        rows = generator.integers(n, size=n)
        first = _probabilities(classifier, again.original, again.task, test.original, classes)
        noises.append(float(np.abs(first - original).sum(axis=1).mean()))
        if not two or test.concept is None:
            return 0.0
        second = _probabilities(
            classifier, again.counterfactual, again.task, test.counterfactual, classes
        )
        return _directed(first[rows], second[rows], test.concept[rows])

    return once
