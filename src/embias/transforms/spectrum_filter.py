"""A band of singular vectors, kept or removed (EmbedFilter)."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from embias.errors import InputError
from embias.geometry import Subspace, finite_rows
from embias.geometry.spans import checked_band
from embias.transforms._checks import TransformWarning, checked_fit
from embias.transforms.affine import AffineTransform
from embias.transforms.affine_map import AffineMap, DenseMap, LowRankMap
from embias.transforms.card import TransformCard
from embias.types import FloatArray

__all__ = ["CARD", "SpectrumFilter"]

#: Two shares of the squared singular values nearer than this are told apart by rounding only.
_EQUAL = 1e-13


class SpectrumFilter(AffineTransform):
    """Keep (or remove) a band of the right singular vectors of a matrix: ``x B'B``.

    Parameters
    ----------
    matrix : array_like of shape (m, d), optional
        Whose singular vectors: for EmbedFilter the unembedding (output) matrix of the language
        model, one row a token. By default the rows that are fitted on. Not centred.
    band : tuple of int or of float
        Start and stop, stop left out, in order of falling singular values: two whole numbers count
        directions, two floats from 0 to 1 are shares of the d directions. The default is the
        middle half, the ``filter_ratio=2`` of EmbedFilter.
    keep : bool
        Keep the band and remove the rest, or (False) remove the band and keep the rest.
    reduce : bool
        Give the coordinates along the kept directions, as the released code does, in place of
        vectors of d coordinates. Lengths, dot products and cosines are the same.

    Attributes
    ----------
    map_ : LowRankMap or DenseMap
    subspace_ : Subspace
        The band, with the share of the squared singular values of every direction.

    Notes
    -----
    A large matrix is saved with the filter. ``numpy.linalg.qr(matrix, mode="r")`` is d x d and has
    the same right singular vectors: give that to keep the file small.

    References
    ----------
    Wu et al. 2026, arXiv:2606.07502 (EmbedFilter).

    Examples
    --------
    >>> import numpy as np
    >>> from embias.transforms.spectrum_filter import SpectrumFilter
    >>> matrix = np.diag([4.0, 3.0, 2.0, 1.0])
    >>> SpectrumFilter(matrix).fit_transform(np.ones((1, 4)))
    array([[0., 1., 1., 0.]])
    """

    def __init__(
        self,
        matrix: ArrayLike | None = None,
        *,
        band: tuple[int, int] | tuple[float, float] = (0.25, 0.75),
        keep: bool = True,
        reduce: bool = False,
    ) -> None:
        self.matrix = matrix
        self.band = band
        self.keep = keep
        self.reduce = reduce

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Find the band, in the matrix or in the rows.

        Parameters
        ----------
        X : array_like of shape (n, d)
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        InputError, VectorError
            A matrix of another dimension than the rows, with NaN or only zeros; a band that is
            empty or out of range, or that leaves nothing.
        """
        rows = checked_fit(self, X)
        d = rows.shape[1]
        matrix = rows if self.matrix is None else finite_rows(_detached(self.matrix), "matrix")
        if matrix.shape[1] != d:
            raise InputError(
                f"SpectrumFilter: matrix has {matrix.shape[1]} columns and the rows {d}; give the "
                "output matrix of the model that made the rows"
            )
        start, stop = checked_band(self.band, d)
        full = Subspace.from_spectrum(matrix, (0, d))
        band = full.basis[start:stop]
        rest = np.vstack([full.basis[:start], full.basis[stop:]])
        kept, removed = (band, rest) if self.keep else (rest, band)
        if not len(kept):
            raise InputError(
                f"band={self.band!r:.60} with keep=False removes all {d} directions "
                f"(n_features={d}); give a smaller band"
            )
        _warn_of_ties(full.explained_variance, (start, stop), len(matrix))
        settings = {**full.settings, "band": [start, stop]}
        self.subspace_ = replace(full, basis=band.copy(), settings=settings)
        self.map_ = _map_of(kept, removed, bool(self.reduce))
        return self

    @property
    def _new_columns(self) -> bool:  # type: ignore[override]
        return bool(self.reduce)


def _detached(matrix: Any) -> Any:
    """Return the parameter of a torch model as an array; half precision has no numpy type."""
    if hasattr(matrix, "detach"):
        return matrix.detach().cpu().double().numpy()
    return matrix


def _map_of(kept: FloatArray, removed: FloatArray, reduce: bool) -> AffineMap:
    if reduce:
        return DenseMap(kept, np.zeros(len(kept)))
    if 2 * len(removed) <= removed.shape[1]:
        return LowRankMap(removed.T, removed, np.zeros(len(removed)))
    return DenseMap(kept.T @ kept, np.zeros(kept.shape[1]))


def _warn_of_ties(shares: tuple[float, ...], band: tuple[int, int], m: int) -> None:
    d = len(shares)
    tied = [at for at in band if 0 < at < d and shares[at - 1] - shares[at] <= _EQUAL * shares[0]]
    if tied:
        warnings.warn(
            f"SpectrumFilter: the band ends at direction {tied[0]} of {d}, between singular values "
            f"of a matrix of {m} rows that are equal to rounding, so what is on which side is "
            "chance; give a matrix with more rows than columns, or another band",
            TransformWarning,
            stacklevel=3,
        )


CARD = TransformCard(
    name="spectrum-filter",
    estimator=SpectrumFilter,
    title="Band of the spectrum (EmbedFilter)",
    learns_from="vectors",
    removes="The directions outside (or inside) a band of the singular vectors of the unembedding "
    "matrix or of the vectors, out of every vector.",
    guarantee=None,
    guaranteed="Nothing is known of any concept: a band is chosen by size, not by what it carries.",
    affine=True,
    caveats="Made against frequent tokens in embeddings of language models; it left a gender probe "
    "where it was. The released code gives the coordinates along the band (reduce=True).",
    paper="Wu et al. 2026, arXiv:2606.07502",
)
