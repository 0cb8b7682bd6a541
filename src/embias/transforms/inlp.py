"""INLP: what linear classifiers read of a concept is projected out until they read no more."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from scipy import linalg

from embias.stats.inputs import as_generator, check_rng, check_size
from embias.transforms._checks import TransformWarning, check_strength
from embias.transforms._held_out import check_margin, held_out_split
from embias.transforms._labels import Concept, Labels, one_label_a_row, warn_of_small_classes
from embias.transforms._probes import ClassProbe, Probe, probes_of
from embias.transforms._soft import check_above_zero
from embias.transforms.affine_map import LowRankMap
from embias.transforms.card import TransformCard
from embias.transforms.concept import ConceptTransform
from embias.types import FloatArray

__all__ = ["CARD", "INLP"]

#: A classifier's rows count as a direction above this share of the largest singular value.
_RANK = 1e-6
#: Above chance is what noise exceeds once in twenty times, and never less than this.
_LEAST_MARGIN, _NOISE = 0.01, 1.64


class INLP(ConceptTransform):
    """Iterative nullspace projection: ``x - x B'B``, B spanning the weights of many classifiers.

    A linear classifier of the concept is trained, the rows of its weights are projected out, and
    so on until its accuracy on held-out rows is that of the largest class, but for a margin.

    Parameters
    ----------
    concept : {"auto", "classes", "numeric"}
        What `y` is. ``auto``: numbers with a fraction are a numeric concept (ridge regression, by
        R squared against 0), all else are classes (logistic regression).
    max_iter : int
        Rounds at most. One round removes 1 direction for two classes or a number, and k - 1 for k
        classes.
    margin : float, optional
        How far above the share of the majority class held-out accuracy may end. By default what
        noise exceeds once in twenty times, and at least 0.01.
    validation_fraction : float
        Share of the rows that is held out, of every class alike.
    c : float
        Inverse strength of the classifier's penalty, as in scikit-learn.
    tol : float
        How exactly a classifier is solved: its gradient, in units of noise.
    strength : float
        From 0 (no change) to 1; directions are gone at 1 only.
    random_state : int, Generator or None
        Seed of the held-out rows.
    progress : bool
        Show a progress bar.

    Attributes
    ----------
    map_ : LowRankMap
    directions_ : ndarray of shape (r, d)
        Orthonormal rows: what was projected out.
    accuracies_ : ndarray of shape (rounds + 1,) or (rounds + 1, m)
        Held-out accuracy (R squared for a number) before the first round and after each; a
        column for each concept, where there are several.
    majority_ : float or ndarray of shape (m,)
        Held-out share of the majority class; 0 for a number.
    margin_ : float or ndarray of shape (m,)
    n_iter_ : int
        Rounds that removed something.
    converged_ : bool

    Notes
    -----
    There is no guarantee that a fresh classifier fails, unlike with :class:`LEACE`, which gets
    there in one solve and moves the vectors less; each round removes what one classifier found,
    and costs neighbours. Several concepts are removed side by side.

    The weights of a multinomial classifier have one row more than there are directions; it is
    taken out, where the reference code may remove a random direction for it. That code also goes
    on after the accuracy fell, and compares it with a number that is not the majority share.

    References
    ----------
    Ravfogel et al. 2020, ACL.

    Examples
    --------
    >>> import numpy as np
    >>> from embias.transforms.inlp import INLP
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["a", "b"], 200)
    >>> X = rng.normal(size=(400, 6)) + 2 * (y == "a")[:, None]
    >>> inlp = INLP().fit(X, y)
    >>> bool(inlp.accuracies_[0] > 0.95), bool(inlp.accuracies_[-1] < 0.65)
    (True, True)
    """

    def __init__(
        self,
        *,
        concept: Concept = "auto",
        max_iter: int = 35,
        margin: float | None = None,
        validation_fraction: float = 0.2,
        c: float = 1.0,
        tol: float = 1e-2,
        strength: float = 1.0,
        random_state: int | np.random.Generator | None = 0,
        progress: bool = False,
    ) -> None:
        self.concept = concept
        self.max_iter = max_iter
        self.margin = margin
        self.validation_fraction = validation_fraction
        self.c = c
        self.tol = tol
        self.strength = strength
        self.random_state = random_state
        self.progress = progress

    def _labels(self, y: Any, n: int, classes: Any = None) -> Labels:
        return super()._labels(one_label_a_row(y), n, classes)

    def _fit_rows(self, rows: FloatArray, labels: Labels) -> None:
        self._check_parameters()
        who = type(self).__name__
        warn_of_small_classes(labels, who)
        generator, _ = as_generator(self.random_state)
        train, held = held_out_split(labels, self.validation_fraction, generator, who)
        probes = probes_of(rows, labels, train, held, self.c, self.tol)
        chance = np.array([probe.chance for probe in probes])
        margins = np.array([self._margin_of(probe, len(held)) for probe in probes])
        self.directions_, scores = self._removed(probes, chance + margins, rows.shape[1])
        one = len(probes) == 1
        self.accuracies_ = scores[:, 0] if one else scores
        self.majority_ = float(chance[0]) if one else chance
        self.margin_ = float(margins[0]) if one else margins
        self.n_iter_ = len(scores) - 1
        self.converged_ = bool((scores[-1] <= chance + margins).all())
        self._warn()
        basis = self.directions_
        self.map_ = LowRankMap(basis.T, basis, np.zeros(len(basis))).scaled(self.strength)

    def _removed(
        self, probes: list[Probe], enough: FloatArray, d: int
    ) -> tuple[FloatArray, FloatArray]:
        """Return the directions, and the scores of all concepts before and after each round."""
        from tqdm import tqdm

        basis: FloatArray = np.zeros((0, d))
        free: FloatArray = np.eye(d)
        scores: list[list[float]] = []
        for last in tqdm([False] * self.max_iter + [True], desc="INLP", disable=not self.progress):
            weights = [probe.fit(free) for probe in probes]
            scores.append([probe.score() for probe in probes])
            above = [w for w, s, e in zip(weights, scores[-1], enough, strict=True) if s > e]
            if last or not above:
                break
            basis, free = _deflated(basis, np.vstack([_unit(each) for each in above]))
            if not len(free):
                scores.append([probe.chance for probe in probes])
                break
        return basis, np.array(scores)

    def _margin_of(self, probe: Probe, held: int) -> float:
        if self.margin is not None:
            return float(self.margin)
        if not isinstance(probe, ClassProbe):
            return _LEAST_MARGIN
        noise = _NOISE * np.sqrt(probe.chance * (1 - probe.chance) / held)
        return max(_LEAST_MARGIN, float(noise))

    def _check_parameters(self) -> None:
        check_size("max_iter", self.max_iter)
        check_above_zero("c", self.c)
        check_above_zero("tol", self.tol)
        check_strength(self.strength)
        check_rng(self.random_state)
        if self.margin is not None:
            check_margin(self.margin)

    def _warn(self) -> None:
        message = ""
        if not self.n_iter_:
            message = (
                "held-out accuracy is that of the majority class before anything is removed, so "
                "nothing was; give more rows, or another concept"
            )
        elif not self.converged_:
            above = float(np.max(np.asarray(self.accuracies_)[-1] - self.majority_))
            message = (
                f"held-out accuracy still is {above:.3f} above the majority share after "
                f"{self.n_iter_} rounds; raise max_iter, or take LEACE"
            )
        if message:
            warnings.warn(f"{type(self).__name__}: {message}", TransformWarning, stacklevel=4)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = self.random_state is None
        return tags


def _unit(weights: FloatArray) -> FloatArray:
    size = float(np.abs(weights).max())
    return weights / size if size > 0 else weights


def _deflated(basis: FloatArray, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the basis with the span of weights, shape (r, d), and what is left of the space."""
    _, lengths, directions = linalg.svd(weights, full_matrices=False)
    found = directions[lengths > _RANK * lengths[0]]
    both = np.vstack([basis, found])
    q, _ = linalg.qr(both.T, mode="full")
    return np.ascontiguousarray(q[:, : len(both)].T), np.ascontiguousarray(q[:, len(both) :].T)


CARD = TransformCard(
    name="inlp",
    estimator=INLP,
    title="Iterative nullspace projection (INLP)",
    learns_from="labels",
    removes="Every direction that one of a row of linear classifiers used, out of every vector.",
    guarantee="orthogonal",
    guaranteed="At strength 1 no vector has a component along the directions removed. Fresh linear "
    "classifiers come close to chance on rows like the held-out ones; nothing guarantees it.",
    affine=True,
    caveats="Each round costs neighbours, and LEACE gets the linear result in one solve with less "
    "change. Other seeds and solvers find other directions. RBF and MLP probes usually still find "
    "the concept.",
    paper="Ravfogel et al. 2020, ACL",
)
