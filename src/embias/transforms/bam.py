"""BAM: every vector is averaged with its image under a rotation that aligns two groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias, get_args

import numpy as np
from scipy import linalg

from embias.errors import InputError
from embias.stats.inputs import check_choice
from embias.transforms._named_rows import NamedRows
from embias.transforms._word_groups import both_lists, found_lists, found_pairs
from embias.transforms.affine import AffineTransform
from embias.transforms.affine_map import DenseMap
from embias.transforms.card import TransformCard
from embias.transforms.word_transform import LearnsFromWords
from embias.types import FloatArray

__all__ = ["BAM", "CARD"]

Pairing: TypeAlias = Literal["all", "matched"]
#: Singular values below this share of the largest are rounding.
_RANK = 1e-10


class BAM(LearnsFromWords, AffineTransform):
    """Bias alignment model: ``(x + x W) / 2``, W the rotation that brings one group to the other.

    W is orthogonal and minimises ``|A W - B|`` over pairs of rows of A and B (Procrustes):
    ``W = U V'`` from the singular value decomposition ``A'B = U S V'``.

    Parameters
    ----------
    first, second : sequence of str
        The two groups.
    pairing : {"all", "matched"}
        ``all``: every word of `first` with every word of `second`, as in the paper. ``matched``:
        the i-th with the i-th; then a word without a vector leaves out its pair.

    Attributes
    ----------
    map_ : DenseMap
    rotation_ : ndarray of shape (d, d)
        W, for row vectors.
    rank_ : int
        Directions in which the pairs determine W; see Notes.
    missing_ : tuple of str
        Words without a vector; they are left out.

    Notes
    -----
    Over all pairs ``A'B`` is the outer product of the two sums, of rank one: the pairs say only
    where W brings the direction of one mean, and any rotation of the rest is as good. The
    minimiser nearest to the identity is taken: it turns the plane of the two means by the angle
    t between them and leaves all else alone, and the average with x turns that plane by t/2 and
    shrinks it by ``cos(t/2)``. (Beyond a right angle it mirrors the plane, and the average keeps
    the component along the bisector alone.) With matched pairs `rank_` is up to their number.

    The released code multiplies by V' alone, which is no minimiser, and whose rows but the first
    are rounding when the rank is one: on the WEAT 8 targets in word2vec it leaves the groups
    further apart than no rotation at all, and moves every vector by 50 % of its squared length.

    Nothing is guaranteed: the groups come closer in the directions that the pairs determine.
    Words are needed to fit only; it is one linear map for every row. Vectors are taken as they
    are, longer ones weigh more, as in the released code.

    References
    ----------
    Lauscher, Glavas, Ponzetto & Vulic 2020, AAAI (DEBIE).

    Examples
    --------
    >>> import numpy as np
    >>> from embias.transforms.bam import BAM
    >>> X = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    >>> BAM(["he"], ["she"]).fit_transform(X, words=["he", "she", "nurse"]).round(2)
    array([[ 0.5,  0.5,  0. ],
           [-0.5,  0.5,  0. ],
           [ 0. ,  0. ,  1. ]])
    """

    def __init__(
        self, first: Sequence[str], second: Sequence[str], *, pairing: Pairing = "all"
    ) -> None:
        self.first = first
        self.second = second
        self.pairing = pairing

    def _needed(self) -> tuple[str, ...]:
        return tuple(w for words in both_lists(self.first, self.second, "BAM") for w in words)

    def _learn(self, named: NamedRows) -> None:
        check_choice("pairing", self.pairing, get_args(Pairing))
        lists = both_lists(self.first, self.second, named.who)
        if self.pairing == "all":
            first, second, self.missing_ = found_lists(lists, named)
            cross = np.outer(first.sum(axis=0), second.sum(axis=0))
        else:
            first, second, self.missing_ = found_pairs(self.first, self.second, named)
            cross = first.T @ second
        self.rotation_, self.rank_ = nearest_procrustes(cross)
        d = len(cross)
        self.map_ = DenseMap((np.eye(d) + self.rotation_.T) / 2, np.zeros(d))


def nearest_procrustes(cross: FloatArray) -> tuple[FloatArray, int]:
    """Return the orthogonal W nearest to the identity among those that maximise ``tr(W' A'B)``.

    Parameters
    ----------
    cross : ndarray of shape (d, d)
        ``A'B``.

    Returns
    -------
    rotation : ndarray of shape (d, d)
    rank : int
        Of `cross`; where it is d, W is the only maximiser.

    Raises
    ------
    InputError
        When `cross` is zero.
    """
    u, sizes, vh = linalg.svd(cross)
    rank = int(np.count_nonzero(sizes > _RANK * sizes[0])) if sizes[0] > 0 else 0
    if rank == 0:
        raise InputError(
            "the vectors of a group add up to zero, so nothing says where to turn them; give other "
            "words"
        )
    rotation: FloatArray = u[:, :rank] @ vh[:rank]
    if rank < len(cross):
        # Any orthogonal R between the two free parts is a solution; this one has the largest trace.
        free_u, free_v = u[:, rank:], vh[rank:].T
        p, _, qh = linalg.svd(free_u.T @ free_v)
        rotation = rotation + free_u @ (p @ qh) @ free_v.T
    return rotation, rank


CARD = TransformCard(
    name="bam",
    estimator=BAM,
    title="Bias alignment model (DEBIE)",
    learns_from="words",
    removes="Half of the turn between two groups of words: every vector is averaged with its image "
    "under the rotation that aligns them.",
    guarantee=None,
    guaranteed="Nothing: the groups come closer in the directions that their pairs determine.",
    affine=True,
    caveats="Over all pairs of two lists only one direction is determined, so that it does little. "
    "The released code uses a factor that is no solution of its own problem.",
    paper="Lauscher et al. 2020, AAAI",
)
