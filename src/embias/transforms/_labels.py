"""What the rows are labelled with, as columns of numbers."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import _check_y, column_or_1d

from embias.errors import InputError
from embias.stats.inputs import check_choice
from embias.transforms._checks import TransformWarning
from embias.types import FloatArray

__all__ = [
    "Concept",
    "LabelColumn",
    "Labels",
    "class_codes",
    "label_arrays",
    "label_columns",
    "one_label_a_row",
    "read_labels",
]

Concept: TypeAlias = Literal["auto", "classes", "numeric"]
#: A class of fewer rows has a mean that says little of the class.
_FEW = 5


@dataclass(frozen=True)
class LabelColumn:
    """One concept: its classes in sorted order, or None where it is a number."""

    classes: tuple[Any, ...] | None

    @property
    def width(self) -> int:
        """Columns of numbers it becomes."""
        return 1 if self.classes is None else len(self.classes)


@dataclass(frozen=True)
class Labels:
    """Labels of rows as numbers.

    Attributes
    ----------
    columns : tuple of LabelColumn
        The concepts, in order.
    values : ndarray of shape (n, k)
        One-hot columns of each class concept, the numbers of each numeric one.
    """

    columns: tuple[LabelColumn, ...]
    values: FloatArray

    def codes(self, column: int = 0) -> NDArray[np.intp]:
        """Return the class number of every row for one concept."""
        start = sum(each.width for each in self.columns[:column])
        codes: NDArray[np.intp] = self.values[:, start : start + self.columns[column].width].argmax(
            axis=1
        )
        return codes


def label_columns(
    y: Any, concept: Concept, who: str, classes: Any = None
) -> tuple[LabelColumn, ...]:
    """Return what concepts the columns of `y` are.

    Parameters
    ----------
    y : array_like of shape (n,) or (n, m)
        One concept a column. A one-hot matrix gives the same as the classes it stands for.
    concept : {"auto", "classes", "numeric"}
        ``auto``: numbers with a fraction are a numeric concept, all else are classes; whole
        numbers are classes, whatever they count.
    who : str
        Name of the transform, for the error.
    classes : array_like, optional
        All classes there are (of one concept), or one list for each concept.
    """
    check_choice("concept", concept, ("auto", "classes", "numeric"))
    columns = label_arrays(y, who)
    if classes is not None:
        listed = [classes] if len(columns) == 1 and not _nested(classes) else list(classes)
        if len(listed) != len(columns):
            raise InputError(
                f"{who}: classes has {len(listed)} lists for {len(columns)} concepts; give one each"
            )
        return tuple(LabelColumn(tuple(np.unique(np.asarray(each)).tolist())) for each in listed)
    return tuple(_column(each, concept, who) for each in columns)


def read_labels(y: Any, columns: tuple[LabelColumn, ...], who: str) -> Labels:
    """Return the labels of rows as numbers, by the concepts that are known.

    Raises
    ------
    InputError
        A class that is not among the known ones, another number of concepts, values that are
        no numbers where numbers are expected.
    """
    given = label_arrays(y, who)
    if len(given) != len(columns):
        raise InputError(
            f"{who}: y has {len(given)} concepts, fitted on {len(columns)}; give the same ones"
        )
    blocks = [_numbers(each, column, who) for each, column in zip(given, columns, strict=True)]
    return Labels(columns, np.hstack(blocks))


def one_label_a_row(y: Any) -> Any:
    """Return the column number of each row's 1 for a one-hot matrix, else `y` as it is.

    Read as columns, it would be k concepts of two classes, with a classifier each.
    """
    if y is None:
        return y
    given = np.asarray(y)
    if given.ndim != 2 or given.shape[1] < 2 or given.dtype.kind not in "biuf":
        return y
    one_hot = np.isin(given, (0, 1)).all() and (given.sum(axis=1) == 1).all()
    return given.argmax(axis=1) if one_hot else y


def class_codes(y: Any, who: str) -> NDArray[np.intp]:
    """Return the class number of every row, for what works on one concept of classes.

    Raises
    ------
    InputError
        No labels, one class only, or several concepts: a column that is not looked at would stay
        in the vectors without a word.
    """
    given = one_label_a_row(y)
    columns = label_columns(given, "classes", who)
    if len(columns) > 1:
        raise InputError(
            f"{who}: y has {len(columns)} concepts; give one, or take LEACE or SAL for several"
        )
    return read_labels(given, columns, who).codes()


def warn_of_small_classes(labels: Labels, who: str) -> None:
    """Warn of classes with too few rows for their mean to say much."""
    start = 0
    for column in labels.columns:
        counts = labels.values[:, start : start + column.width].sum(axis=0)
        start += column.width
        if column.classes is None:
            continue
        few = [(c, int(n)) for c, n in zip(column.classes, counts, strict=True) if n < _FEW]
        if few:
            named = ", ".join(f"{str(c)[:40]!r} ({n})" for c, n in few[:3])
            warnings.warn(
                f"{who}: {len(few)} class(es) with fewer than {_FEW} rows: {named}; they are "
                "erased from these rows, and their mean says little of other rows of the class",
                TransformWarning,
                stacklevel=4,
            )


def _nested(classes: Any) -> bool:
    return any(isinstance(each, list | tuple | np.ndarray) for each in classes)


def label_arrays(y: Any, who: str) -> list[NDArray[Any]]:
    """Return the columns of labels after checking them, each of one kind of values."""
    if y is None:
        raise InputError(
            f"{who} requires y to be passed, but the target y is None; give a label for each row "
            "as y, or as sensitive_features"
        )
    try:
        checked = _check_y(y, multi_output=True, estimator=None, y_numeric=False)
        if checked.ndim == 1 or checked.shape[1] == 1:
            return [_of_one_kind(column_or_1d(checked, warn=False), who)]
    except InputError:
        raise
    except (ValueError, TypeError) as error:
        raise InputError(f"{who}: y: {error}") from error
    return [_of_one_kind(checked[:, i], who) for i in range(checked.shape[1])]


def _of_one_kind(values: NDArray[Any], who: str) -> NDArray[Any]:
    """Return a column of mixed frames as the numbers it holds, or as it is where it holds texts."""
    if values.dtype.kind != "O":
        return values
    listed = values.tolist()
    if all(isinstance(each, Real) for each in listed):
        return np.array(listed)
    odd = [each for each in listed if not isinstance(each, str)]
    if odd:
        raise InputError(
            f"{who}: y holds {str(odd[0])[:60]!r} ({type(odd[0]).__name__}) beside other kinds of "
            "labels; give texts only or numbers only, and leave rows without a label out"
        )
    return values


def _column(values: NDArray[Any], concept: Concept, who: str) -> LabelColumn:
    if concept == "numeric":
        return LabelColumn(None)
    fractions = values.dtype.kind == "f" and type_of_target(values).startswith("continuous")
    if fractions and concept == "auto":
        return LabelColumn(None)
    classes = np.unique(values)
    if len(classes) < 2:
        raise InputError(
            f"{who}: y has one class only ({str(classes[0])[:60]!r}); give rows of at least two "
            "classes"
        )
    return LabelColumn(tuple(classes.tolist()))


def _numbers(values: NDArray[Any], column: LabelColumn, who: str) -> FloatArray:
    if column.classes is None:
        try:
            numbers: FloatArray = values.astype(np.float64)[:, None]
        except (TypeError, ValueError) as error:
            raise InputError(
                f"{who}: a numeric concept holds {str(values[0])[:60]!r}; give numbers, or "
                "concept='classes'"
            ) from error
        return numbers
    index = {each: i for i, each in enumerate(column.classes)}
    try:
        codes = [index[each] for each in values.tolist()]
    except KeyError as error:
        raise InputError(
            f"{who}: y has the class {error.args[0]!r:.60}, which is not among the "
            f"{len(index)} known ones; name all classes on the first call (classes=[...])"
        ) from error
    one_hot: FloatArray = np.zeros((len(codes), column.width))
    one_hot[np.arange(len(codes)), codes] = 1
    return one_hot
