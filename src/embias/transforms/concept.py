"""The base of transforms that learn from labels, and of those that need only moments."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Self

from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from embias.errors import InputError
from embias.transforms._checks import checked_fit
from embias.transforms._labels import (
    Concept,
    LabelColumn,
    Labels,
    label_columns,
    read_labels,
    warn_of_small_classes,
)
from embias.transforms._moments import Moments
from embias.transforms.affine import AffineTransform
from embias.transforms.moment_transform import SolvedFromMoments
from embias.types import FloatArray

__all__ = ["ConceptTransform", "LabelledFit", "MomentEraser", "concept_of"]


def concept_of(y: Any, sensitive_features: Any) -> Any:
    """Return the labels of the concept to remove.

    In a pipeline for a task `y` is what the task predicts; the concept then comes as
    `sensitive_features` (``set_fit_request(sensitive_features=True)``).
    """
    return y if sensitive_features is None else sensitive_features


class LabelledFit(BaseEstimator):
    """The fit of whatever learns from rows and what they are labelled with.

    A subclass has a parameter ``concept`` and learns in ``_fit_rows``.
    """

    #: Whether ``_fit_rows`` takes rows of any floating type, instead of a copy in float64.
    _any_float = False

    concept: Concept
    classes_: list[Any]
    columns_: tuple[LabelColumn, ...]

    def fit(
        self, X: ArrayLike, y: ArrayLike | None = None, *, sensitive_features: Any = None
    ) -> Self:
        """Learn what to remove.

        Parameters
        ----------
        X : array_like of shape (n, d)
        y : array_like of shape (n,) or (n, m)
            Classes, as numbers or texts, or one-hot; one concept a column. Numbers with a
            fraction are a numeric concept.
        sensitive_features : array_like of shape (n,) or (n, m), optional
            The concept, in place of `y`; for pipelines in which `y` is the target of a task.

        Returns
        -------
        self

        Raises
        ------
        InputError
            Labels missing or of one class only, NaN, a wrong shape.
        """
        rows = checked_fit(self, X, at_least=2, keep_type=self._any_float)
        labels = self._labels(concept_of(y, sensitive_features), len(rows))
        self._fit_rows(rows, labels)
        return self

    def _labels(self, y: Any, n: int, classes: Any = None) -> Labels:
        who = type(self).__name__
        self.columns_ = label_columns(y, self.concept, who, classes)
        listed = [None if c.classes is None else list(c.classes) for c in self.columns_]
        self.classes_ = listed if len(listed) > 1 else (listed[0] or [])
        return self._more_labels(y, n)

    def _more_labels(self, y: Any, n: int) -> Labels:
        who = type(self).__name__
        labels = read_labels(y, self.columns_, who)
        if len(labels.values) != n:
            raise InputError(
                f"{who}: Found input variables with inconsistent numbers of samples: "
                f"{n} rows and {len(labels.values)} labels; give one label for each row"
            )
        return labels

    @abstractmethod
    def _fit_rows(self, rows: FloatArray, labels: Labels) -> None:
        """Learn from checked rows (n, d) and labels."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        return tags


class ConceptTransform(LabelledFit, AffineTransform):
    """An affine transform that is fitted on rows and what they are labelled with.

    A subclass has a parameter ``concept`` and computes its ``map_`` in ``_fit_rows``.
    """


class MomentEraser(SolvedFromMoments, ConceptTransform):
    """A concept transform that needs only means and covariances, so that rows may come in batches.

    A subclass computes its map from :class:`Moments` in ``_solve``.
    """

    _any_float = True

    def _fit_rows(self, rows: FloatArray, labels: Labels) -> None:
        warn_of_small_classes(labels, type(self).__name__)
        self.moments_ = Moments.empty(rows.shape[1], labels.values.shape[1])
        self.moments_.update(rows, labels.values)
        self._map = self._solve(self.moments_)

    def partial_fit(
        self,
        X: ArrayLike,
        y: ArrayLike | None = None,
        *,
        sensitive_features: Any = None,
        classes: Any = None,
    ) -> Self:
        """Learn from one more batch of rows; the order of the batches does not matter.

        Parameters
        ----------
        X, y, sensitive_features
            See :meth:`fit`; a batch may be one row.
        classes : array_like, optional
            All classes there are, on the first call, when the first batch may lack some (one
            list for each concept, where there are several).

        Returns
        -------
        self
        """
        first = not hasattr(self, "moments_")
        rows = checked_fit(self, X, reset=first, keep_type=True)
        target = concept_of(y, sensitive_features)
        if first:
            labels = self._labels(target, len(rows), classes)
            self.moments_ = Moments.empty(rows.shape[1], labels.values.shape[1])
        else:
            labels = self._more_labels(target, len(rows))
        self.moments_.update(rows, labels.values)
        self._map = None
        return self
