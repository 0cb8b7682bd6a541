"""Hard debiasing: neutralise all words but the protected ones, equalise pairs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from numpy.typing import ArrayLike

from embias.geometry import Subspace
from embias.transforms._hard_debiasing import HardDebiasing, Lists
from embias.transforms._word_lists import WordSets
from embias.transforms.card import TransformCard

__all__ = ["CARD", "HardDebias"]


class HardDebias(HardDebiasing):
    """Hard debiasing along one direction: L2, neutralise, L2, equalise, L2.

    Parameters
    ----------
    pairs : word pairs, Subspace, or array_like of shape (k, d) or (d,)
        ``[("she", "he"), ("woman", "man"), ...]``: the direction is their first principal
        component (:meth:`Subspace.from_pairs`), found on the vectors given to `fit`. Or a
        subspace that is known already.
    equalize : word sets, "defining" or None
        Sets to equalise; ``"defining"``: the pairs themselves.
    protected : sequence of str
        Words that keep their component: those that are gendered by what they mean.
    case_variants : bool
        Protect words and equalise sets in lower, Title and UPPER case too.

    Attributes
    ----------
    subspace_ : Subspace
        Its ``note`` says what makes the direction weak.
    protected_ : tuple of str
        With all forms.
    equalized_, untouched_ : tuple of tuple of str
        Sets that were equalised; sets that cannot be, because a word has no side in the
        subspace; their words are treated as all others.
    missing_ : tuple of str
        Words of the lists without a vector; their sets are left out.
    equalized_vectors_, equalized_from_ : ndarray of shape (m, d)
        Of the words of ``equalized_``, one set after the other: afterwards, and at fit.
    encoder_ : dict
        After :meth:`fit_encoder`: id and hash of the encoder.

    Notes
    -----
    Guaranteed: ``x . g = 0`` for every word that is neither protected nor equalised, and equalised
    words of a set at the same distance from all of them. Nothing else: most of what neighbours,
    clusters and probes found before is found after (Gonen & Goldberg 2019). Which words are
    protected, and whether the defining pairs are equalised too, changes later figures a lot, so
    both lists are kept.

    Equalised words get vectors made of those at `fit`, as in WEFE; debiaswe equalises what it has
    neutralised before, and pairs that are not on its protected list swap sides at random.
    debiaswe equalises the forms in lower, Title and UPPER case only, not the one as written.

    Words are needed in `transform` as soon as any is protected or equalised; ``words=[None] * n``
    treats all rows as neutral. To take the direction out of every vector of any text, use its
    affine companion ``OrthogonalProjection(fitted.subspace_)``, which can be folded and exported.

    References
    ----------
    Bolukbasi et al. 2016, NIPS.

    Examples
    --------
    >>> from embias import as_encoder
    >>> from embias.transforms.hard_debias import HardDebias
    >>> encoder = as_encoder("word2vec-googlenews-extract")
    >>> pairs = [("she", "he"), ("woman", "man"), ("girl", "boy"), ("her", "his")]
    >>> debias = HardDebias(pairs, protected=["queen", "king"]).fit_encoder(encoder)
    >>> nurse, queen = (encoder | debias).encode(["nurse", "queen"]) @ debias.subspace_.vector
    >>> abs(round(float(nurse), 6)), round(float(queen), 2)
    (0.0, 0.32)
    """

    def __init__(
        self,
        pairs: WordSets | Subspace | ArrayLike,
        *,
        equalize: WordSets | Literal["defining"] | None = "defining",
        protected: Sequence[str] = (),
        case_variants: bool = True,
    ) -> None:
        self.pairs = pairs
        self.equalize = equalize
        self.protected = protected
        self.case_variants = case_variants

    def _told(self) -> Lists:
        return Lists(self.pairs, "pairs", 1, 2, self.equalize, self.protected, self.case_variants)


CARD = TransformCard(
    name="hard-debias",
    estimator=HardDebias,
    title="Hard debiasing (neutralise and equalise)",
    learns_from="words",
    removes="The component along the direction of word pairs, out of every word that is neither "
    "protected nor equalised; what tells the words of an equalised set apart but for their side.",
    guarantee="orthogonal",
    guaranteed="Words on no list have no component along the direction, and equalised words of a "
    "set are at the same distance from them. Also after the L2 normalisation that is part of it.",
    affine=False,
    caveats="Direct bias after it is 0 by construction and no evidence. Neighbours, clusters and "
    "probes still find the sides (Gonen & Goldberg 2019). Protected and equalised words decide "
    "later figures; both lists are recorded.",
    paper="Bolukbasi et al. 2016, NIPS",
)
