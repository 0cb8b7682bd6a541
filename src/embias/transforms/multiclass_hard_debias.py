"""Hard debiasing for more than two groups: a subspace from sets of words of any size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from numpy.typing import ArrayLike

from embias.geometry import Subspace
from embias.transforms._hard_debiasing import HardDebiasing, Lists
from embias.transforms._word_lists import WordSets
from embias.transforms.card import TransformCard

__all__ = ["CARD", "MulticlassHardDebias"]


class MulticlassHardDebias(HardDebiasing):
    """Hard debiasing with a subspace from word sets: (church, mosque, synagogue), ...

    Parameters
    ----------
    sets : word sets, Subspace, or array_like of shape (k, d)
        Sets of any size, in each the same groups; the subspace is their principal components
        (:meth:`Subspace.from_sets`), found on the vectors given to `fit`.
    k : int, optional
        Components to remove; by default all there are, at most (m - 1) for each set of m.
    equalize : word sets, "defining" or None
        Sets to equalise; ``"defining"``: the sets themselves.
    protected : sequence of str
        Words that keep their component.
    case_variants : bool
        Protect words and equalise sets in lower, Title and UPPER case too.

    Attributes
    ----------
    subspace_, protected_, equalized_, untouched_, missing_, equalized_vectors_, equalized_from_
        See :class:`HardDebias`.

    Notes
    -----
    Guarantees and companions as for :class:`HardDebias`, in all k directions. More components than
    the sets have would be arbitrary directions (WEFE removes 10 by default, where sets may span
    8), so `k` is bounded by their rank. With k = 1, words of a set of three that lie on one side
    become the same vector; a warning says so.

    Manzini's released code neutralises listed role words only and does not normalise before the
    components are found; WEFE's example equalises role words, which moves unrelated words
    together.

    References
    ----------
    Manzini et al. 2019, NAACL.

    Examples
    --------
    >>> import numpy as np
    >>> from embias.transforms.multiclass_hard_debias import MulticlassHardDebias
    >>> words = ["church", "mosque", "synagogue", "lawyer"]
    >>> X = np.random.default_rng(0).normal(size=(4, 6))
    >>> debias = MulticlassHardDebias([("church", "mosque", "synagogue")]).fit(X, words=words)
    >>> made = debias.transform(X, words=words)
    >>> debias.subspace_.k, bool(np.ptp(made[:3] @ made[3]) < 1e-12)
    (2, True)
    """

    def __init__(
        self,
        sets: WordSets | Subspace | ArrayLike,
        *,
        k: int | None = None,
        equalize: WordSets | Literal["defining"] | None = "defining",
        protected: Sequence[str] = (),
        case_variants: bool = True,
    ) -> None:
        self.sets = sets
        self.k = k
        self.equalize = equalize
        self.protected = protected
        self.case_variants = case_variants

    def _told(self) -> Lists:
        return Lists(
            self.sets, "sets", self.k, None, self.equalize, self.protected, self.case_variants
        )


CARD = TransformCard(
    name="multiclass-hard-debias",
    estimator=MulticlassHardDebias,
    title="Hard debiasing for several groups",
    learns_from="words",
    removes="The components in the subspace of word sets, out of every word that is neither "
    "protected nor equalised; what tells the words of an equalised set apart but for their side.",
    guarantee="orthogonal",
    guaranteed="Words on no list have no component in the subspace, and equalised words of a set "
    "are at the same distance from them. Also after the L2 normalisation that is part of it.",
    affine=False,
    caveats="MAC and other figures along the same words improve by construction. Neighbours, "
    "clusters and probes may still find the groups.",
    paper="Manzini et al. 2019, NAACL",
)
