"""SentenceDebias: what differs between sentences with the group swapped is projected out."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embias.errors import InputError, VectorError
from embias.geometry import Subspace, direction_from_sets, span_of_classes
from embias.stats.inputs import check_size
from embias.transforms._checks import TransformWarning, check_strength, checked_fit
from embias.transforms.card import TransformCard
from embias.transforms.orthogonal_projection import OrthogonalProjection
from embias.types import Encoder, FloatArray

__all__ = ["CARD", "SentenceDebias"]


class SentenceDebias(OrthogonalProjection):
    """Remove what varies within tuples of sentences in which only the group is swapped.

    From every tuple ("He is a nurse.", "She is a nurse.") its mean is taken off; the first `k`
    principal components of what is left, over all tuples, are the subspace that is removed.

    Parameters
    ----------
    subspace : Subspace or array_like of shape (k, d), optional
        One that was found before (:meth:`Subspace.from_texts`); `k` and `normalise` are then not
        looked at. :meth:`from_texts` finds it and gives the fitted transform.
    k : int
        Directions to remove. Tuples of m sentences differ in m - 1 directions at least: two for
        three religions. The evaluation code of bias-bench takes 1 for three classes too.
    normalise : bool
        Bring the sentence vectors to unit length before the subspace is found, as bias-bench does.
        What is transformed is not.
    strength : float
        From 0 (no change) to 1 (all of it).

    Attributes
    ----------
    map_ : LowRankMap
    subspace_ : Subspace
        What was removed, with the share of variance of every component.

    Notes
    -----
    Vectors are not centred and class means of other sentences need not become equal: only the
    component itself is removed. :meth:`transform_tokens` takes token matrices; pooled by the mean
    they give what the pooled vector gives, by linearity.

    References
    ----------
    Liang et al. 2020, ACL; Meade et al. 2022, ACL (bias-bench).

    Examples
    --------
    >>> import numpy as np
    >>> from embias.transforms.sentence_debias import SentenceDebias
    >>> X = np.array([[1.0, 0.0, 2.0], [-1.0, 0.0, 2.0], [1.0, 3.0, 0.0], [-1.0, 3.0, 0.0]])
    >>> SentenceDebias().fit(X, tuples=["nurse", "nurse", "baker", "baker"]).transform(X[:1])
    array([[0., 0., 2.]])
    """

    def __init__(
        self,
        subspace: Subspace | ArrayLike | None = None,
        *,
        k: int = 1,
        normalise: bool = True,
        strength: float = 1.0,
    ) -> None:
        super().__init__(subspace, strength=strength)
        self.k = k
        self.normalise = normalise

    @classmethod
    def from_texts(
        cls,
        encoder: Encoder,
        sets: Sequence[Sequence[str]],
        *,
        templates: Sequence[str] = ("{}",),
        k: int = 1,
        normalise: bool = True,
        strength: float = 1.0,
        progress: bool = False,
    ) -> Self:
        """Find the subspace with an encoder and return the fitted transform.

        Parameters
        ----------
        encoder, sets, templates, progress
            See :func:`embias.geometry.span_of_texts`.
        k, normalise, strength
            See the class.

        Returns
        -------
        SentenceDebias
            Fitted for vectors of this encoder.
        """
        found = Subspace.from_texts(
            encoder, sets, templates=templates, k=k, normalise=normalise, progress=progress
        )
        _warn_of_few(found.k, k, max(len(each) for each in sets))
        made = cls(found, k=k, normalise=normalise, strength=strength)
        return made.fit(found.basis)

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike | None = None,
        *,
        sensitive_features: Any = None,
        tuples: Any = None,
    ) -> Self:
        """Learn the subspace from vectors of sentences and which tuple each belongs to.

        Parameters
        ----------
        X : array_like of shape (n, d)
        y : array_like of shape (n,)
            Classes. Where there are no `tuples`, the class means (of the vectors as they are)
            stand for the one tuple there is, with a warning: that is the projection of
            :class:`OrthogonalProjection`. With `tuples` it is not looked at.
        sensitive_features : array_like of shape (n,), optional
            The classes, in place of `y`.
        tuples : array_like of shape (n,), optional
            A number or name for each row, the same for all sentences of one tuple. The first row
            of each tuple lies on the positive side. Routed as metadata:
            ``set_fit_request(tuples=True)``.

        Returns
        -------
        self

        Raises
        ------
        InputError, VectorError
            A tuple of one sentence, tuples of equal vectors only, another dimension than that of
            the subspace, neither tuples nor labels nor a subspace.
        """
        check_size("k", self.k)
        if self.subspace is not None and tuples is not None:
            raise InputError(
                "SentenceDebias has a subspace already, and was given tuples to find one from; "
                "leave one of them out"
            )
        if tuples is None:
            return super().fit(X, y, sensitive_features=sensitive_features)
        rows = checked_fit(self, X, at_least=2)
        check_strength(self.strength)
        found = _span_of_tuples(rows, tuples, self.k, self.normalise)
        return self._removing(found, rows.shape[1])

    def _span_of_labels(self, rows: FloatArray, codes: NDArray[np.intp]) -> Subspace:
        warnings.warn(
            "SentenceDebias was given labels and no tuples=: the class means stand for the one "
            "tuple there is, as in OrthogonalProjection; give tuples= to say which sentences "
            "belong together",
            TransformWarning,
            stacklevel=4,
        )
        found = span_of_classes(rows, codes, k=self.k)
        _warn_of_few(found.k, self.k, int(codes.max()) + 1)
        return found


def _span_of_tuples(rows: FloatArray, tuples: Any, k: int, normalise: bool) -> Subspace:
    ids = np.asarray(tuples)
    if ids.shape != (len(rows),):
        raise InputError(
            f"tuples has shape {ids.shape}; give a number or name for each of the {len(rows)} rows"
        )
    names, codes, counts = np.unique(ids, return_inverse=True, return_counts=True)
    if counts.min() < 2:
        alone = str(names[counts.argmin()])
        raise InputError(
            f"the tuple {alone[:60]!r} has one sentence ({int((counts < 2).sum())} such tuples); "
            "give all sentences of a tuple the same number or name, and leave out those without "
            "a counterpart"
        )
    if not rows.any(axis=1).all():
        row = int((~rows.any(axis=1)).argmax())
        raise VectorError(
            f"X[{row}] is the zero vector, which stands for an empty text; leave its tuple out"
        )
    order = np.argsort(codes, kind="stable")
    sets = np.split(rows[order], np.cumsum(counts)[:-1])
    found = direction_from_sets(sets, k=k, normalise=normalise, minimum=1)
    _warn_of_few(found.k, k, int(counts.max()))
    return found


def _warn_of_few(found: int, k: int, size: int) -> None:
    if found < k:
        text = f"SentenceDebias: k={k} was asked for, and the tuples differ in {found} direction(s)"
        text += ", which are removed; give more tuples or a smaller k"
    elif k < size - 1:
        text = f"SentenceDebias: tuples of {size} sentences differ in {size - 1} directions at "
        text += f"least, and k={k}; the others stay. Give k={size - 1} or more to remove them"
    else:
        return
    warnings.warn(text, TransformWarning, stacklevel=4)


CARD = TransformCard(
    name="sentence-debias",
    estimator=SentenceDebias,
    title="SentenceDebias: projection from swapped sentences",
    learns_from="texts",
    removes="The component along the first k principal directions of what varies within tuples of "
    "sentences that differ only in the group, out of every vector.",
    guarantee="orthogonal",
    guaranteed="At strength 1 no vector has a component in the subspace. The concept may still be "
    "read off other directions; class means of other sentences may still differ.",
    affine=True,
    caveats="bias-bench removes one direction even where tuples have three sentences, drops the "
    "last incomplete batch of tuples, and projects every token of the last layer rather than the "
    "pooled vector. The tuples released with the paper pair some sentences that are not "
    "counterparts ('Here she is.' with 'He is a person.').",
    paper="Liang et al. 2020, ACL",
)
