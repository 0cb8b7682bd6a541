"""Soft equalising: texts that should mean the same are pulled together, in closed form."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embias.errors import InputError
from embias.geometry import finite_rows, span_of_vectors
from embias.transforms._checks import checked_fit
from embias.transforms._labels import label_arrays
from embias.transforms._soft import check_above_zero, shrinking_map, spectrum_of
from embias.transforms.affine import AffineTransform
from embias.transforms.affine_map import AffineMap, LowRankMap, compose, identity_map
from embias.transforms.card import TransformCard
from embias.types import FloatArray

__all__ = ["CARD", "SoftEqualize"]

#: Prompts that differ less than this, at unit length, have no difference to speak of.
_SAME = 1e-10


class SoftEqualize(AffineTransform):
    """Pull texts together that differ only in a group, and remove the span of spurious prompts.

    ``x' = x (I + lam M)^-1 P0``: M is the mean of ``(z_i - z_j)'(z_i - z_j)`` over the pairs that
    should be equal ("a photo of a male doctor", "a photo of a female doctor"), P0 projects out the
    span of the spurious prompts ("a photo of a man"). It is the linear map P with the least
    ``|P - P0|_F^2 + lam mean |P z_i - P z_j|^2``.

    Parameters
    ----------
    spurious : array_like of shape (m, d), optional
        Vectors of prompts that name the concept and nothing else. Without them nothing is
        projected out.
    lam : float
        Weight of the pairs, above 0; 500 to 1,000 in the paper's code, for unit vectors.
    center_spurious : bool
        Take the mean off the spurious vectors first. As published they are not centred, so that
        what all prompts share ("a photo of a") is removed as well; centred, only their differences
        are, and at least two are needed.

    Attributes
    ----------
    map_ : LowRankMap or DenseMap
    kept_ : ndarray
        What share of each principal direction of the pairs' differences stays, from the least
        on, before P0.
    n_pairs_ : int
        Pairs within the groups.

    References
    ----------
    Chuang et al. 2023 (debias_vl).

    Examples
    --------
    >>> import numpy as np
    >>> from embias.transforms.soft_equalize import SoftEqualize
    >>> prompts = np.array([[1.0, 1.0], [-1.0, 1.0], [1.0, 0.0], [-1.0, 0.0]])
    >>> SoftEqualize(lam=2.25).fit(prompts, ["doctor", "doctor", "nurse", "nurse"]).transform(
    ...     prompts
    ... )
    array([[ 0.1,  1. ],
           [-0.1,  1. ],
           [ 0.1,  0. ],
           [-0.1,  0. ]])
    """

    def __init__(
        self,
        spurious: ArrayLike | None = None,
        *,
        lam: float = 1000.0,
        center_spurious: bool = False,
    ) -> None:
        self.spurious = spurious
        self.lam = lam
        self.center_spurious = center_spurious

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Learn the map.

        Parameters
        ----------
        X : array_like of shape (n, d)
            Vectors of prompts.
        y : array_like of shape (n,)
            What each prompt is about but for the concept ("doctor"): all pairs of rows of one
            group should be equal.

        Returns
        -------
        self

        Raises
        ------
        InputError, VectorError
            No group of two rows, NaN, another dimension than that of `spurious`, lam not above 0.
        """
        check_above_zero("lam", self.lam)
        who = type(self).__name__
        rows = checked_fit(self, X, at_least=2)
        matrix, self.n_pairs_ = _pair_scatter(rows, _groups(y, len(rows), who), who)
        values, vectors = spectrum_of(matrix * (self.lam / self.n_pairs_))
        self.kept_ = np.sort(1 / (1 + values))
        self.map_: AffineMap = compose(shrinking_map(values, vectors), self._projection(rows))
        return self

    def _projection(self, rows: FloatArray) -> LowRankMap:
        d = rows.shape[1]
        if self.spurious is None:
            return identity_map(d)
        least = 2 if self.center_spurious else 1
        given = finite_rows(self.spurious, "spurious", least)
        if given.shape[1] != d:
            raise InputError(
                f"{type(self).__name__}: spurious has {given.shape[1]} dimensions and the rows "
                f"{d}; take both from the same encoder"
            )
        if self.center_spurious:
            size = float(np.abs(given).max())
            given = given - given.mean(axis=0)
            given = given[np.abs(given).max(axis=1) > _SAME * size]
            if not len(given):
                raise InputError("the rows of spurious are all equal; give prompts that differ")
        basis = span_of_vectors(given).basis
        return LowRankMap(basis.T, basis, np.zeros(len(basis)))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags


def _groups(y: Any, n: int, who: str) -> NDArray[np.intp]:
    # One group alone is no mistake here, so they are numbered, and not read as classes.
    columns = label_arrays(y, who)
    if len(columns) > 1 or len(columns[0]) != n:
        raise InputError(
            f"{who}: y has shape {np.shape(y)} for {n} rows; give one group for each row"
        )
    codes: NDArray[np.intp] = np.unique(columns[0], return_inverse=True)[1]
    return codes


def _pair_scatter(rows: FloatArray, groups: NDArray[np.intp], who: str) -> tuple[FloatArray, int]:
    """Return the sum of ``(z_i - z_j)'(z_i - z_j)`` over pairs of one group, and their number."""
    matrix, pairs = np.zeros((rows.shape[1], rows.shape[1])), 0
    for group in np.unique(groups):
        inside = rows[groups == group]
        # Over all pairs of m rows, the squared differences add up to m times the scatter.
        off = inside - inside.mean(axis=0)
        matrix += len(inside) * (off.T @ off)
        pairs += len(inside) * (len(inside) - 1) // 2
    if pairs == 0:
        raise InputError(
            f"{who}: no group has two rows (n_samples={len(rows)}); give the same label to prompts "
            "that should be equal"
        )
    return matrix, pairs


CARD = TransformCard(
    name="soft-equalize",
    estimator=SoftEqualize,
    title="Soft equalising in closed form (debias_vl)",
    learns_from="labels",
    removes="A share of the directions along which prompts differ that should be equal, and, where "
    "spurious prompts are given, the whole span of these.",
    guarantee=None,
    guaranteed="With spurious prompts no vector has a component in their span. The pairs come "
    "closer, those of the fit data and others that differ along the same directions; they do not "
    "become equal.",
    affine=True,
    caveats="As published, the spurious prompts are not centred, so what all prompts share is "
    "removed with the concept.",
    paper="Chuang et al. 2023, arXiv:2302.00070",
)
