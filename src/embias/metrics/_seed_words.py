"""A linear classifier of seed words against others, and how well it does on words held out."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embias.errors import InputError
from embias.types import FloatArray

__all__ = ["Training"]


@dataclass(frozen=True)
class Training:
    """The words to train on, and how.

    Attributes
    ----------
    rows : ndarray of shape (n, d)
        At unit length.
    labels : ndarray of bool, shape (n,)
        Which are seeds.
    c : float
        Inverse strength of the penalty.
    balanced : bool
        Whether seeds weigh as much as the other words, in all.
    bar : tqdm.tqdm
        Moved by one with each classifier.
    """

    rows: FloatArray
    labels: NDArray[np.bool_]
    c: float
    balanced: bool
    bar: Any

    def fitted(self, part: slice | NDArray[np.intp]) -> Any:
        """Return the classifier of a part of the words."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.svm import LinearSVC

        # The primal problem has one solution, whatever the order of the rows and the seed.
        model = LinearSVC(
            C=self.c,
            dual=False,
            class_weight="balanced" if self.balanced else None,
            max_iter=10_000,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("error", ConvergenceWarning)
            try:
                model.fit(self.rows[part], self.labels[part].astype(int))
            except ConvergenceWarning as error:
                raise InputError(
                    f"the classifier did not converge at c={self.c:g}; give less"
                ) from error
        self.bar.update()
        return model

    def held_out(self, folds: int, rng: np.random.Generator) -> dict[str, float]:
        """Return precision, recall, F1 and balanced accuracy on words that were not trained on."""
        from sklearn.model_selection import StratifiedKFold

        divided = StratifiedKFold(
            n_splits=folds, shuffle=True, random_state=int(rng.integers(2**31))
        ).split(self.rows, self.labels)
        table = []
        for train, test in divided:
            predicted = self.fitted(train).predict(self.rows[test]) == 1
            table.append(_rates(predicted, self.labels[test]))
        names = ("precision", "recall", "f1", "balanced_accuracy")
        means, deviations = np.mean(table, axis=0), np.std(table, axis=0, ddof=1)
        figures = dict(zip(names, means.tolist(), strict=True))
        figures |= {f"{n}_sd": s for n, s in zip(names, deviations.tolist(), strict=True)}
        return {**figures, "majority": float(1 - self.labels.mean())}


def _rates(
    predicted: NDArray[np.bool_], truth: NDArray[np.bool_]
) -> tuple[float, float, float, float]:
    """Return precision, recall, F1 and balanced accuracy of one fold."""
    right = int((predicted & truth).sum())
    recall = right / int(truth.sum())
    # A fold without any positive prediction has found nothing: its precision counts as 0, as in
    # scikit-learn.
    precision = right / max(int(predicted.sum()), 1)
    f1 = 2 * right / (int(predicted.sum()) + int(truth.sum()))
    correct_others = float((~predicted & ~truth).sum() / (~truth).sum())
    return precision, recall, f1, (recall + correct_others) / 2
