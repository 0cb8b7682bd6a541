"""R-LACE: a projection against the best linear classifier, as a game, by gradient steps."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, special

from embias.errors import InputError
from embias.stats.inputs import as_generator, check_rng, check_size
from embias.transforms._checks import TransformWarning, check_strength
from embias.transforms._fantope import onto_fantope
from embias.transforms._held_out import check_margin, held_out_split
from embias.transforms._labels import Concept, Labels, one_label_a_row, warn_of_small_classes
from embias.transforms._probes import probes_of
from embias.transforms.affine_map import LowRankMap
from embias.transforms.card import TransformCard
from embias.transforms.concept import ConceptTransform
from embias.types import FloatArray

__all__ = ["CARD", "RLACE"]

#: Steps between two projections onto the Fantope, which are what is slow.
_PROJECT = 10
#: Steps between two looks at the held-out rows.
_LOOK = 50
#: Length of the first step of P, and the share of a Newton step that the classifier takes.
_STEP, _NEWTON = 0.3, 0.3
#: The mean of P over the steps weighs the later ones more, as their number to this power.
_LATER = 3


class RLACE(ConceptTransform):
    """Relaxed linear adversarial erasure: ``x - x B'B`` with B of a given rank.

    A classifier minimises its loss on ``X (I - P)`` while P maximises it over the Fantope
    (eigenvalues from 0 to 1 that add up to the rank), by gradient steps on batches in turn. B are
    the first eigenvectors of a mean of P over the steps, taken where a fresh classifier is worst
    on held-out rows.

    Parameters
    ----------
    rank : int
        Directions to remove; k - 1 at least are needed for k classes.
    max_iter : int
        Gradient steps at most.
    batch_size : int
        Rows of one step. The more dimensions, the more rows it takes to tell slope from noise.
    validation_fraction : float
        Share of the rows that is held out, of every class alike.
    margin : float
        How far above the share of the majority class held-out accuracy may end.
    c : float
        Inverse strength of the penalty of the fresh classifier.
    strength : float
        From 0 (no change) to 1.
    random_state : int, Generator or None
        Seed of the held-out rows and of the batches.
    progress : bool
        Show a progress bar.

    Attributes
    ----------
    map_ : LowRankMap
    directions_ : ndarray of shape (rank, d)
        Orthonormal rows: what was projected out.
    accuracies_ : ndarray
        Held-out accuracy of a fresh classifier: of the rows as they are, and at every look.
    majority_ : float
        Held-out share of the majority class.
    n_iter_ : int

    Notes
    -----
    A comparison, not a recommendation: there is no guarantee, the steps are many, and
    :class:`LEACE` solves the linear problem in closed form. The released code takes held-out rows
    and then chooses the best P by the training rows, and needs an eigendecomposition at each of
    75,000 steps. Here the classifier's steps are scaled by the inverse of a bound of its
    curvature, those of P have a falling length, P is projected every tenth step, and what counts
    is its mean over the steps, later ones weighing more: in a game the players circle what they
    seek.

    References
    ----------
    Ravfogel et al. 2022, ICML.

    Examples
    --------
    >>> import numpy as np
    >>> from embias.transforms.rlace import RLACE
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["a", "b"], 200)
    >>> X = rng.normal(size=(400, 6)) + 2 * (y == "a")[:, None]
    >>> rlace = RLACE(rank=1).fit(X, y)
    >>> bool(rlace.accuracies_[0] > 0.95), bool(rlace.accuracies_.min() < 0.65)
    (True, True)
    """

    concept: Concept = "classes"

    def __init__(
        self,
        *,
        rank: int = 1,
        max_iter: int = 1000,
        batch_size: int = 512,
        validation_fraction: float = 0.2,
        margin: float = 0.01,
        c: float = 1.0,
        strength: float = 1.0,
        random_state: int | np.random.Generator | None = 0,
        progress: bool = False,
    ) -> None:
        self.rank = rank
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.validation_fraction = validation_fraction
        self.margin = margin
        self.c = c
        self.strength = strength
        self.random_state = random_state
        self.progress = progress

    def _labels(self, y: Any, n: int, classes: Any = None) -> Labels:
        return super()._labels(one_label_a_row(y), n, classes)

    def _fit_rows(self, rows: FloatArray, labels: Labels) -> None:
        from tqdm import tqdm

        who = type(self).__name__
        self._check_parameters(rows.shape[1], labels)
        warn_of_small_classes(labels, who)
        generator, _ = as_generator(self.random_state)
        train, held = held_out_split(labels, self.validation_fraction, generator, who)
        probe = probes_of(rows, labels, train, held, self.c, 1e-2)[0]
        self.majority_ = probe.chance
        game = _Game(rows[train], labels.values[train], self.rank, self.batch_size, generator)
        probe.fit(np.eye(rows.shape[1]))
        accuracies = [probe.score()]
        best = np.inf
        for step in tqdm(range(1, self.max_iter + 1), desc="RLACE", disable=not self.progress):
            game.step()
            if step % _LOOK and step < self.max_iter:
                continue
            directions = game.directions()
            probe.fit(linalg.null_space(directions).T)
            accuracies.append(probe.score())
            if accuracies[-1] < best:
                best, self.directions_ = accuracies[-1], directions
            if best <= self.majority_ + self.margin:
                break
        self.n_iter_, self.accuracies_ = step, np.array(accuracies)
        self._warn(best)
        basis = self.directions_
        self.map_ = LowRankMap(basis.T, basis, np.zeros(len(basis))).scaled(self.strength)

    def _check_parameters(self, d: int, labels: Labels) -> None:
        who = type(self).__name__
        check_size("rank", self.rank)
        check_size("max_iter", self.max_iter)
        check_size("batch_size", self.batch_size)
        check_strength(self.strength)
        check_rng(self.random_state)
        check_margin(self.margin)
        if len(labels.columns) > 1:
            raise InputError(
                f"{who}: y has {len(labels.columns)} concepts; give one, or take LEACE for several"
            )
        if self.rank >= d:
            raise InputError(f"rank={self.rank} with n_features={d}; give a smaller rank")

    def _warn(self, best: float) -> None:
        if best > self.majority_ + self.margin:
            warnings.warn(
                f"{type(self).__name__}: held-out accuracy is {best - self.majority_:.3f} above "
                f"the majority share after {self.n_iter_} steps; raise rank or max_iter, or take "
                "LEACE",
                TransformWarning,
                stacklevel=4,
            )


class _Game:
    """Both players, and one step of each at a time."""

    def __init__(
        self,
        rows: FloatArray,
        one_hot: FloatArray,
        rank: int,
        batch: int,
        generator: np.random.Generator,
    ) -> None:
        centred = rows - rows.mean(axis=0)
        size = float(np.sqrt((centred**2).mean()))
        self._rows = centred / size if size > 0 else centred
        self._targets, self._rank, self._generator = one_hot, rank, generator
        self._size = batch
        d = rows.shape[1]
        self._p = self._mean = np.eye(d) * rank / d
        self._weights = np.zeros((one_hot.shape[1], d))
        self._intercept = np.log(np.maximum(one_hot.mean(axis=0), 1 / len(rows)))
        # Half the covariance bounds the curvature of the multinomial loss.
        bound = self._rows.T @ self._rows / (2 * len(rows)) + np.eye(d) * 1e-3
        self._inverse = linalg.inv(bound)
        self._steps = 0

    def step(self) -> None:
        """Let the classifier go downhill, then P uphill, each on a batch of its own."""
        self._steps += 1
        rows, targets = self._batch()
        seen = rows - rows @ self._p
        off = self._off(seen, targets)
        self._weights = self._weights - _NEWTON * (off.T @ seen) @ self._inverse
        self._intercept = self._intercept - _NEWTON * 2 * off.sum(axis=0)
        rows, targets = self._batch()
        slope = (rows.T @ self._off(rows - rows @ self._p, targets)) @ self._weights
        uphill = -(slope + slope.T)
        length = float(np.linalg.norm(uphill))
        if length > 0:
            self._p = self._p + uphill * (_STEP / (length * np.sqrt(self._steps)))
        if self._steps % _PROJECT == 0:
            self._p, _ = onto_fantope(self._p, self._rank)
        share = (_LATER + 1) / (_LATER + self._steps)
        self._mean = (1 - share) * self._mean + share * self._p

    def directions(self) -> FloatArray:
        """Return the first eigenvectors of the mean of P, as rows."""
        return onto_fantope(self._mean, self._rank)[1]

    def _batch(self) -> tuple[FloatArray, FloatArray]:
        n = len(self._rows)
        if n <= self._size:
            return self._rows, self._targets
        chosen: NDArray[np.intp] = self._generator.integers(0, n, self._size)
        return self._rows[chosen], self._targets[chosen]

    def _off(self, seen: FloatArray, targets: FloatArray) -> FloatArray:
        scores = seen @ self._weights.T + self._intercept
        made: FloatArray = (special.softmax(scores, axis=1) - targets) / len(seen)
        return made


CARD = TransformCard(
    name="rlace",
    estimator=RLACE,
    title="Relaxed linear adversarial erasure (R-LACE)",
    learns_from="labels",
    removes="A subspace of a given rank at which a linear classifier is worst, out of every "
    "vector, as far as gradient steps find it.",
    guarantee="orthogonal",
    guaranteed="At strength 1 no vector has a component along the directions removed. That no "
    "linear classifier finds the concept is sought, not guaranteed.",
    affine=True,
    caveats="Slow, and another seed gives another subspace; LEACE solves the linear problem in "
    "closed form. The released code chooses its result by training rows.",
    paper="Ravfogel et al. 2022, ICML",
)
