"""Equalise: the words of a set become equally far from everything that is neutral."""

from __future__ import annotations

from numpy.typing import ArrayLike

from embias.geometry import Subspace
from embias.transforms._hard_debiasing import HardDebiasing, Lists
from embias.transforms._word_lists import WordSets
from embias.transforms.card import TransformCard

__all__ = ["CARD", "Equalize"]


class Equalize(HardDebiasing):
    """Make words of a set differ in a subspace only, each on its own side of their middle.

    ``w' = y + sqrt(1 - |y|^2) (w_B - mu_B) / |w_B - mu_B|`` with mu the mean of the set's unit
    vectors, ``mu_B`` and ``w_B`` components in the subspace, ``y = mu - mu_B``; for a pair and
    one direction g it is ``y +- sqrt(1 - |y|^2) g``.

    Parameters
    ----------
    sets : word sets
        Pairs or larger sets: ``[("grandmother", "grandfather"), ...]``. No word in two sets.
    subspace : Subspace, array_like of shape (k, d) or (d,), or word sets
        From word pairs or sets their first `k` components are found at fit.
    k : int
        Components of word sets; not looked at where the subspace is given.
    case_variants : bool
        Equalise the sets in lower, Title and UPPER case too, where all words have vectors.
    normalize : bool
        Bring the other rows to unit length as well; the equalised ones always are.

    Attributes
    ----------
    subspace_ : Subspace
    equalized_ : tuple of tuple of str
        The sets that were equalised.
    untouched_ : tuple of tuple of str
        Sets in which a word has the component of their mean, so that it has no side; their
        words are treated as all others.
    missing_ : tuple of str
        Words of the lists without a vector; their sets are left out.
    equalized_vectors_ : ndarray of shape (m, d)
        Of the words of ``equalized_``, one set after the other.
    equalized_from_ : ndarray of shape (m, d)
        Their unit vectors at fit.

    Notes
    -----
    Guaranteed: equalised words have unit length and, within a set, the same distance and cosine
    to every vector without a component in the subspace. Their vectors are those at fit, whatever
    row they come with later (a row that differs is warned about): equalising what was neutralised
    before would leave the sides to rounding.

    References
    ----------
    Bolukbasi et al. 2016, NIPS; sets and subspaces: Manzini et al. 2019, NAACL.

    Examples
    --------
    >>> import numpy as np
    >>> from embias.transforms.equalize import Equalize
    >>> X = np.array([[1.0, 2.0], [0.0, 1.0], [0.0, 3.0]])
    >>> made = Equalize([("he", "she")], [1.0, 0.0]).fit_transform(X, words=["he", "she", "nurse"])
    >>> bool(np.isclose(made[0] @ made[2], made[1] @ made[2])), bool(made[0, 0] > 0 > made[1, 0])
    (True, True)
    """

    _neutralizes = False

    def __init__(
        self,
        sets: WordSets,
        subspace: Subspace | ArrayLike | WordSets,
        *,
        k: int = 1,
        case_variants: bool = True,
        normalize: bool = True,
    ) -> None:
        self.sets = sets
        self.subspace = subspace
        self.k = k
        self.case_variants = case_variants
        self.normalize = normalize

    @property
    def _unit(self) -> bool:  # type: ignore[override]
        return self.normalize

    def _told(self) -> Lists:
        return Lists(self.subspace, "subspace", self.k, None, self.sets, (), self.case_variants)


CARD = TransformCard(
    name="equalize",
    estimator=Equalize,
    title="Equalise sets of words",
    learns_from="words",
    removes="What tells the words of a set apart, but for their side in a subspace.",
    guarantee=None,
    guaranteed="The words of a set are at the same distance from every vector that has no "
    "component in the subspace; words on no list keep theirs.",
    affine=False,
    caveats="Equalised words lose all else that told them apart (grandfather a rule). Released "
    "code equalises after neutralising, so that words which were not protected swap sides at "
    "random (debiaswe), or lets one set overwrite another (WEFE).",
    paper="Bolukbasi et al. 2016, NIPS",
)
