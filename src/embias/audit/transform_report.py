"""The report card of a transform: what it removed, next to what it cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from embias.audit._card_inputs import labelled
from embias.audit._card_run import Card, Options
from embias.audit._card_words import association_of, encoder_of, pairs_of
from embias.errors import InputError
from embias.metrics import WordPairs
from embias.metrics._probes import Probe
from embias.results import ReportCard
from embias.stats.inputs import check_rng, seed_of
from embias.stimuli import AssociationTest

__all__ = ["report_card"]

_PROBES: tuple[Probe, ...] = ("linear", "rbf", "mlp")


def report_card(
    transform: Any,
    X: ArrayLike,
    y: ArrayLike,
    *,
    fit: bool = True,
    groups: ArrayLike | None = None,
    task: ArrayLike | None = None,
    association: AssociationTest | Mapping[str, Any] | Sequence[Any] | None = None,
    similarity: WordPairs | Sequence[Any] | None = None,
    encoder: object = None,
    normalise: bool = False,
    fit_share: float = 0.5,
    n_splits: int = 5,
    probes: Sequence[Probe] = _PROBES,
    max_rows: int = 2_000,
    level: float = 0.95,
    rng: int | np.random.Generator | None = 0,
    progress: bool = False,
) -> ReportCard:
    """Measure what a transform removes of a concept and what it keeps of the space.

    The transform is fitted on a part of the rows and measured on the others, several times.

    Parameters
    ----------
    transform : estimator
        With ``fit(X, y)`` and ``transform(X)``, a pipeline too. It is not changed.
    X : array_like or DataFrame of shape (n, d)
        Vectors before. A DataFrame is passed on as such, so that transforms of words know the
        words by its index.
    y : array_like of shape (n,)
        Class of each row, two or more: the concept to remove. Texts or whole numbers.
    fit : bool
        Clone and fit on one part of the rows, measure on the rest (default). False: `transform`
        is taken as it is, fitted; all rows count as ``given``, and it is for the caller to know
        whether it was fitted on them.
    groups : array_like of shape (n,), optional
        Rows that belong together (a word in its sentences, a template): they are on one side of
        every split. Where a group has rows of several classes (a template), probes see one class
        of it.
    task : array_like of shape (n,), optional
        Labels of another concept, which should stay readable.
    association : AssociationTest, or x, y, a and b as mapping or sequence, optional
        For WEAT: sets of vectors, or of words that `encoder` (or the index of X) has. Their
        vectors go through the transform.
    similarity : WordPairs or (first, second, ratings), optional
        Benchmark of rated pairs, as texts or as two arrays of vectors.
    encoder : encoder, name or path, optional
        Anything :func:`embias.as_encoder` takes: makes the vectors of words, as those of X.
    normalise : bool
        Measure at unit length, before and after: as cosine search uses the vectors.
    fit_share : float
        Share of each class (of its groups) to fit on, in (0, 1).
    n_splits : int
        Splits into fit and fresh rows; with ``fit=False``, seeds of the probes' own folds.
    probes : sequence of {"linear", "rbf", "mlp"}
        Probes to train.
    max_rows : int
        At most about so many rows for the RBF and MLP probes, neighbours, clusters, pairwise
        cosines and the intrinsic dimension: drawn anew for each split.
    level : float
        Confidence of intervals, in (0, 1).
    rng : int, Generator or None
        Seed; the same seed gives the same card, in whatever order the rows come.
    progress : bool
        Show a progress bar.

    Returns
    -------
    ReportCard
        Removal: ``linear_strong``, ``linear_weak`` (logistic regression at C = 0.01 and 100),
        ``rbf``, ``mlp``: cross-validated accuracy on fresh rows, `reference` the majority share;
        ``linear_..._same``: on the very rows of the fit; ``knn`` (5 neighbours), ``clusters``;
        ``covariance``, the Frobenius norm of the cross-covariance with one-hot classes;
        ``neighbour_bias``, for two classes (bias of a word: its mean cosine with the one class
        less that with the other); ``weat_statistic``, ``weat_effect_size``: no bias is 0.
        Retention: ``neighbours`` (share of the same 10), ``cosines`` (correlation), ``similarity``,
        ``task_linear``, ``task_nearest``, ``dimension`` (likelihood of TwoNN), ``movement`` (mean
        squared distance over mean squared length), ``norm``, ``rank``; `reference` is the value of
        no change.

    Raises
    ------
    InputError
        One class, too few rows of a class for a split, labels of another number, a transform that
        is not fitted (``fit=False``) or was fitted on another dimension, an unknown option.
    VectorError
        A row that is NaN, infinite or zero, before or after.

    Notes
    -----
    Shares have Wilson's interval at the mean over the splits, for the words of one split.
    Probes are not given rows at unit length unless they come so: normalising breaks the guarantee
    of an erasure. "Not found" is said of these probes on data like the fit data, and of no more.

    References
    ----------
    Gonen & Goldberg 2019, NAACL (what linear removal leaves); Belrose et al. 2023, NeurIPS.

    Examples
    --------
    >>> import numpy as np
    >>> from embias.audit import report_card
    >>> from embias.transforms import LEACE
    >>> rng = np.random.default_rng(1)
    >>> y = np.repeat(["a", "b"], 1_000)
    >>> X = rng.normal(size=(2_000, 6)) + 3 * (y == "a")[:, None]
    >>> card = report_card(LEACE(), X, y, n_splits=1, probes=["linear"])
    >>> card.figure("linear_weak").reading, card.figure("covariance", "fit").reading
    ('not found', 'by construction')
    """
    check_rng(rng)
    if isinstance(probes, str):
        raise InputError(f"probes={probes!r:.40}; give a list, such as ['linear']")
    options = Options(
        fit=bool(fit),
        normalise=bool(normalise),
        fit_share=fit_share,
        n_splits=n_splits,
        probes=tuple(probes),
        max_rows=max_rows,
        level=level,
        seed=seed_of(rng),
    )
    options.check(transform)
    data = labelled(X, y, groups, task)
    wordy = association is not None or similarity is not None
    asked = encoder_of(encoder, data.rows) if wordy else None
    card = Card(
        transform,
        data,
        options,
        None if association is None else association_of(association, data.rows, asked),
        None if similarity is None else pairs_of(similarity, data.rows, asked),
    )
    return card.made(progress=progress)
