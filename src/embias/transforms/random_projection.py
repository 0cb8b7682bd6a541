"""Sparse random projection to fewer dimensions."""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.random_projection import SparseRandomProjection

from embias.errors import InputError
from embias.transforms._arguments import count_of, generator_of
from embias.transforms._checks import checked_fit
from embias.transforms.affine import AffineTransform
from embias.transforms.affine_map import AffineMap, DenseMap
from embias.transforms.card import TransformCard

__all__ = ["CARD", "RandomProjection"]


class RandomProjection(AffineTransform):
    """Project onto random directions with few entries that are not zero.

    The entries are ``+- sqrt(1 / (density k))``, each sign with probability ``density / 2``, else
    zero. Squared distances are kept in expectation, with a relative error of about
    ``sqrt(2 / k)`` for vectors that do not hang on few coordinates.

    Parameters
    ----------
    n_components : int or float
        Dimensions ``k`` to project to, or the share of them (above 0, up to 1).
    density : "auto" or float
        Share of entries that are not zero, above 0 and up to 1: ``"auto"`` is ``1 / sqrt(d)`` (Li
        2006), 1/3 that of Achlioptas 2003.
    random_state : int, Generator or None
        Seed of the directions.

    Attributes
    ----------
    map_ : DenseMap
    seed_ : int
        What ``sklearn.random_projection.SparseRandomProjection`` was seeded with.

    References
    ----------
    Achlioptas 2003, JCSS; Li, Hastie & Church 2006, KDD.

    Examples
    --------
    >>> import numpy as np
    >>> from embias.transforms.random_projection import RandomProjection
    >>> RandomProjection(16).fit_transform(np.ones((3, 64))).shape
    (3, 16)
    """

    _new_columns = True

    def __init__(
        self,
        n_components: int | float = 0.5,
        *,
        density: Literal["auto"] | float = "auto",
        random_state: int | np.random.Generator | None = 0,
    ) -> None:
        self.n_components = n_components
        self.density = density
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Draw the directions; of the rows only their number of columns counts.

        Parameters
        ----------
        X : array_like of shape (n, d)
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        InputError
            More components than dimensions, a density out of (0, 1], no seed.
        """
        rows = checked_fit(self, X)
        k = count_of("n_components", self.n_components, rows.shape[1])
        number = isinstance(self.density, int | float | np.number)
        if self.density != "auto" and not (number and 0 < self.density <= 1):
            raise InputError(
                f"density={self.density!r:.40}; give 'auto', or a share above 0 and up to 1"
            )
        generator, seed = generator_of(self.random_state)
        fits = seed is not None and seed < 2**32
        self.seed_: int = int(seed) if fits and seed is not None else int(generator.integers(2**32))
        drawn = SparseRandomProjection(
            n_components=k, density=self.density, random_state=self.seed_, dense_output=True
        ).fit(rows[:1])
        entries = drawn.components_  # not sparse where the density is 1
        matrix = entries.toarray() if hasattr(entries, "toarray") else entries
        self.map_: AffineMap = DenseMap(matrix, np.zeros(k))
        return self


CARD = TransformCard(
    name="random-projection",
    estimator=RandomProjection,
    title="Sparse random projection",
    learns_from="nothing",
    removes="All but the components along random directions.",
    guarantee=None,
    guaranteed="Nothing is known of any concept; distances are kept roughly, and so is what can be "
    "read off them. The zero cross-covariance of an erasure before it is kept.",
    affine=True,
    caveats="The relative error of a squared distance is about sqrt(2/k): 0.18 for k = 64.",
    paper="Achlioptas 2003, JCSS; Li, Hastie & Church 2006, KDD",
)
