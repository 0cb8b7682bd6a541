"""Classifiers that look for a label in vectors, and how words are split for them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from embias.errors import InputError
from embias.metrics._labelled import Codes
from embias.types import FloatArray

__all__ = ["Probe", "Split", "fit_and_predict", "split_units", "splits_of"]

Probe: TypeAlias = Literal["linear", "rbf", "mlp"]


@dataclass(frozen=True)
class Split:
    """How words are divided: a share to train on, or folds that take turns."""

    train_share: float
    folds: int | None

    def check(self, unit: Codes, codes: Codes, names: list[str]) -> None:
        """Raise an InputError where a label is in too few units to be divided so."""
        need = 2 if self.folds is None else self.folds
        sizes = np.array([np.unique(unit[codes == code]).size for code in range(len(names))])
        if sizes.min() < need:
            small = int(sizes.argmin())
            rule = "a word to train on and one to test" if need == 2 else f"{need} folds"
            raise InputError(
                f"labels: {names[small]} has {sizes[small]} word(s) that can be divided (rows with "
                f"the same coordinates count as one), and {rule} need {need}; give more words"
            )


def split_units(word: Codes, number: Codes) -> Codes:
    """Return what may not be divided: rows of one word, and rows with the same coordinates.

    Parameters
    ----------
    word, number : ndarray of int, shape (n,)
        The word of each row; the number of each row, the same for equal rows.

    Returns
    -------
    ndarray of int, shape (n,)
        The unit of each row, numbered by first appearance.
    """
    n_words = int(word.max()) + 1
    size = n_words + int(number.max()) + 1
    links = sparse.coo_matrix((np.ones(word.size), (word, n_words + number)), shape=(size, size))
    component = connected_components(links, directed=False)[1][word]
    _, first, numbers = np.unique(component, return_index=True, return_inverse=True)
    rank = np.empty(first.size, dtype=np.intp)
    rank[np.argsort(first)] = np.arange(first.size)
    found: Codes = rank[numbers.ravel()]
    return found


def splits_of(
    split: Split, unit: Codes, codes: Codes, generator: np.random.Generator
) -> Iterator[tuple[Codes, Codes]]:
    """Yield rows to train on and rows to test, each label divided alike.

    Parameters
    ----------
    split : Split
    unit : ndarray of int, shape (n,)
        The unit of each row, which is not divided.
    codes : ndarray of int, shape (n,)
        The label of each row; units with rows of different labels are divided for themselves.
    generator : Generator
    """
    label = codes[np.unique(unit, return_index=True)[1]]
    label[unit[codes != label[unit]]] = codes.max() + 1
    fold = np.empty(label.size, dtype=np.intp)
    dealt = 0
    for each in np.unique(label):
        members = generator.permutation(np.flatnonzero(label == each))
        if split.folds is not None:
            # The next label goes on where this one ended, so that folds are of equal size.
            fold[members] = (dealt + np.arange(members.size)) % split.folds
            dealt += members.size
        else:
            train = round(split.train_share * members.size)
            train = min(max(train, 1), members.size - 1)
            fold[members] = np.arange(members.size) >= train
    tested = range(split.folds) if split.folds is not None else [1]
    for test in tested:
        inside = (fold == test)[unit]
        yield np.flatnonzero(~inside), np.flatnonzero(inside)


def fit_and_predict(
    probe: Probe,
    train: FloatArray,
    codes: Codes,
    others: tuple[FloatArray, ...],
    strength: float,
    seed: int,
) -> tuple[list[Codes], bool]:
    """Fit a probe on rows and codes; return its predictions and whether it converged.

    Rows are centred and divided by one number, so that neither their length nor a rotation
    matters to the probe.
    """
    from sklearn.exceptions import ConvergenceWarning

    centre = train.mean(axis=0)
    spread = float(np.sqrt(((train - centre) ** 2).mean())) or 1.0
    model = _model(probe, strength, seed)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        model.fit((train - centre) / spread, codes)
    predicted = [np.asarray(model.predict((each - centre) / spread)) for each in others]
    converged = not any(issubclass(each.category, ConvergenceWarning) for each in caught)
    return predicted, converged


def _model(probe: Probe, strength: float, seed: int) -> Any:
    if probe == "linear":
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(C=strength, max_iter=2_000)
    if probe == "rbf":
        from sklearn.svm import SVC

        return SVC(C=strength, kernel="rbf", gamma="scale")
    from sklearn.neural_network import MLPClassifier

    return MLPClassifier(
        hidden_layer_sizes=(100,), alpha=1e-4 / strength, max_iter=500, random_state=seed
    )
