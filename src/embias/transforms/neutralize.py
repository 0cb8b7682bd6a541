"""Neutralise: the component in a subspace goes out of every word that is not protected."""

from __future__ import annotations

from collections.abc import Sequence

from numpy.typing import ArrayLike

from embias.geometry import Subspace
from embias.transforms._hard_debiasing import HardDebiasing, Lists
from embias.transforms._word_lists import WordSets
from embias.transforms.card import TransformCard

__all__ = ["CARD", "Neutralize"]


class Neutralize(HardDebiasing):
    """Remove the component in a subspace from all words but protected ones: ``x - x B'B``, then L2.

    Parameters
    ----------
    subspace : Subspace, array_like of shape (k, d) or (d,), or word sets
        What to remove. From word pairs or sets their first `k` components are found at fit.
    protected : sequence of str
        Words that keep their component (grandmother, bearded); they may be words nobody has a
        vector for.
    k : int
        Components of word sets; not looked at where the subspace is given.
    case_variants : bool
        Protect the words in lower, Title and UPPER case too.
    normalize : bool
        Bring all rows, the protected ones too, to unit length.

    Attributes
    ----------
    subspace_ : Subspace
    protected_ : tuple of str
        With all forms.
    missing_ : tuple of str
        Words of the defining sets without a vector.

    Notes
    -----
    Guaranteed: ``x' . b = 0`` for every word that is not protected and every direction b of the
    subspace. Without protected words no words are needed, and with ``normalize=False`` too it is
    :class:`OrthogonalProjection`, the affine companion, which can be folded and exported.

    References
    ----------
    Bolukbasi et al. 2016, NIPS.

    Examples
    --------
    >>> import numpy as np
    >>> from embias.transforms.neutralize import Neutralize
    >>> X = np.array([[3.0, 4.0], [6.0, 8.0]])
    >>> Neutralize([1.0, 0.0], protected=["king"]).fit_transform(X, words=["nurse", "king"])
    array([[0. , 1. ],
           [0.6, 0.8]])
    """

    def __init__(
        self,
        subspace: Subspace | ArrayLike | WordSets,
        *,
        protected: Sequence[str] = (),
        k: int = 1,
        case_variants: bool = True,
        normalize: bool = True,
    ) -> None:
        self.subspace = subspace
        self.protected = protected
        self.k = k
        self.case_variants = case_variants
        self.normalize = normalize

    @property
    def _unit(self) -> bool:  # type: ignore[override]
        return self.normalize

    def _told(self) -> Lists:
        return Lists(
            self.subspace, "subspace", self.k, None, None, self.protected, self.case_variants
        )


CARD = TransformCard(
    name="neutralize",
    estimator=Neutralize,
    title="Neutralise words",
    learns_from="words",
    removes="The component in a subspace, out of every word that is not protected.",
    guarantee="orthogonal",
    guaranteed="No word that is not protected has a component in the subspace, also after the L2 "
    "normalisation that is part of it. What neighbours, clusters and probes find stays.",
    affine=False,
    caveats="The list of protected words decides what is measured later; it is recorded.",
    paper="Bolukbasi et al. 2016, NIPS",
)
