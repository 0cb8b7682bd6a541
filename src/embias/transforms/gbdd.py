"""GBDD: a projection along the direction between all pairs of two lists of words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import linalg

from embias.errors import VectorError
from embias.geometry import Subspace, unit_rows
from embias.stats.inputs import check_size
from embias.transforms._checks import check_strength
from embias.transforms._named_rows import NamedRows
from embias.transforms._word_groups import both_lists, found_lists
from embias.transforms.affine import AffineTransform
from embias.transforms.affine_map import LowRankMap
from embias.transforms.card import TransformCard
from embias.transforms.word_transform import LearnsFromWords
from embias.types import FloatArray

__all__ = ["CARD", "GBDD"]


class GBDD(LearnsFromWords, AffineTransform):
    """General bias direction debiasing: ``x - (x . g) g`` for every vector.

    ``g`` is the first right singular vector of all differences ``a - b``, a from the first and b
    from the second list, at unit length and not centred. The lists need no pairing.

    Parameters
    ----------
    first, second : sequence of str
        The two groups (science terms and art terms, in the paper enlarged by near synonyms).
    k : int
        Directions to remove; 1 in the paper.
    strength : float
        From 0 (no change) to 1; the guarantee holds at 1 only.

    Attributes
    ----------
    map_ : LowRankMap
    subspace_ : Subspace
        The first list lies on its positive side.
    missing_ : tuple of str
        Words without a vector; they are left out.

    Notes
    -----
    Words are needed to fit only: it is one linear map for every row, which can be folded and
    exported. Guaranteed: no vector has a component along g. What stays is all else, as after
    every projection.

    For large lists g is close to the difference of the two means: each difference is that of the
    means plus what the two words are by themselves.

    References
    ----------
    Lauscher, Glavas, Ponzetto & Vulic 2020, AAAI (DEBIE).

    Examples
    --------
    >>> from embias import as_encoder
    >>> from embias.transforms.gbdd import GBDD
    >>> encoder = as_encoder("word2vec-googlenews-extract")
    >>> project = GBDD(["science", "physics"], ["poetry", "dance"]).fit_encoder(encoder)
    >>> made = (encoder | project).encode(["novel", "chemistry"])
    >>> bool(abs(made @ project.subspace_.vector).max() < 1e-6)
    True
    """

    subspace_: Subspace

    def __init__(
        self, first: Sequence[str], second: Sequence[str], *, k: int = 1, strength: float = 1.0
    ) -> None:
        self.first = first
        self.second = second
        self.k = k
        self.strength = strength

    def _needed(self) -> tuple[str, ...]:
        return tuple(w for words in both_lists(self.first, self.second, "GBDD") for w in words)

    def _learn(self, named: NamedRows) -> None:
        check_size("k", self.k)
        check_strength(self.strength)
        lists = both_lists(self.first, self.second, named.who)
        first, second, self.missing_ = found_lists(lists, named)
        self.subspace_ = _between(unit_rows(first, "first"), unit_rows(second, "second"), self.k)
        basis = self.subspace_.basis
        self.map_ = LowRankMap(basis.T, basis, np.zeros(len(basis))).scaled(self.strength)


def _between(first: FloatArray, second: FloatArray, k: int) -> Subspace:
    """Return the first right singular vectors of all differences, without writing them out."""
    n, m = len(first), len(second)
    # sum over all pairs of (a - b)'(a - b) = m A'A + n B'B - (sum a)'(sum b) - (sum b)'(sum a)
    cross = np.outer(first.sum(axis=0), second.sum(axis=0))
    gram = m * first.T @ first + n * second.T @ second - cross - cross.T
    squares, vectors = linalg.eigh(gram)
    squares, vectors = squares[::-1], vectors[:, ::-1]
    rank = int(np.count_nonzero(squares > 1e-12 * 2 * n * m))
    if rank == 0:
        raise VectorError(
            "all words of first and second have the same vector, so there is no direction between "
            "them; give words that differ"
        )
    basis = vectors[:, : min(k, rank)].T
    gap = first.mean(axis=0) - second.mean(axis=0)
    basis = basis * np.where(basis @ gap < 0, -1.0, 1.0)[:, None]
    shares = squares[:rank] / squares[:rank].sum()
    return Subspace(
        basis=np.ascontiguousarray(basis),
        method="vectors",
        explained_variance=tuple(shares.tolist()),
        n_given=n * m,
        n_used=n * m,
        orientation="positive: first",
        settings={"vectors": "unit", "centred": False, "differences": "all pairs"},
        note=f"k={k} was asked for, and the differences span {rank}." if rank < k else "",
    )


CARD = TransformCard(
    name="gbdd",
    estimator=GBDD,
    title="General bias direction debiasing (DEBIE)",
    learns_from="words",
    removes="The component along the main direction of all differences between two lists of words, "
    "out of every vector.",
    guarantee="orthogonal",
    guaranteed="At strength 1 no vector has a component along the direction. The groups may still "
    "be read off other directions.",
    affine=True,
    caveats="All pairs of the lists are differenced, also those that have nothing else in common.",
    paper="Lauscher et al. 2020, AAAI",
)
