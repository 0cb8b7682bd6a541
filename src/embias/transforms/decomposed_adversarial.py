"""Embeddings decomposed into a bias-aware and a bias-free part (FairRec)."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from embias.transforms._adversary import Game, Head, tensor
from embias.transforms.adversarial import AdversarialTransform, Codes
from embias.transforms.card import TransformCard
from embias.transforms.concept import concept_of
from embias.types import FloatArray

__all__ = ["CARD", "DecomposedAdversarial"]

#: Least squared length in a cosine, of a mean of about k: a part that is nothing yet has no angle.
_LENGTH = 1e-2


class DecomposedAdversarial(AdversarialTransform):
    """Split embeddings into a bias-aware and a bias-free part and return the bias-free one.

    Two linear towers see every vector. The bias-aware part is trained to predict the attribute;
    the bias-free part is trained so that an adversary cannot (its gradient is reversed); the two
    are kept orthogonal by their absolute cosine, and together they give the vector back. The
    paper trains user encoders with a click model; here the embeddings are fixed, and the
    reconstruction, and a task where there is one, stand where the click model stands.

    Parameters
    ----------
    adversary_weight : float
        Weight of the adversary on the bias-free part (mean cross-entropy).
    aware_weight : float
        Weight of the attribute predictor on the bias-aware part.
    orthogonal_weight : float
        Weight of the mean absolute cosine between the two parts.
    keep_weight : float
        Weight of the mean squared distance between a vector and the sum of its parts, in
        coordinates of unit covariance.
    task_weight : float
        Weight of the task, predicted from both parts together; used where `fit` is given one.
    rank : int, optional
        Directions of the bias-aware part, and directions that are trained in the bias-free one; by
        default the classes of attribute and task together.
    max_iter : int
        Passes over the rows at most.
    batch_size : int
        Rows of one step.
    learning_rate : float
        Of the towers; falls to zero over `max_iter`.
    adversary_steps : int
        Steps of the predictors for each step of the towers.
    tol : float
        The attribute counts as gone when a fresh linear predictor gets at most this share of its
        variance from the bias-free part of held-out rows (the leak).
    patience : int
        Training stops this many passes after the leak last fell, once the attribute is gone.
    random_state : int, Generator or None
        Seed of the start, the held-out rows and the order of rows. The state of torch is neither
        used nor changed.
    progress : bool
        Show a progress bar.

    Attributes
    ----------
    map_ : LowRankMap
        The bias-free tower, of the pass with the lowest score.
    accuracy_ : dict
        Held-out accuracy of a fresh logistic regression for the attribute ``"before"`` and
        ``"after"``, and that of the ``"majority"`` class. The pass was chosen on the same rows,
        which flatters it a little: rows of your own tell more.
    kept_accuracy_ : dict or None
        The same for the task.
    history_ : list of dict
        Losses and measures of each pass.
    n_iter_ : int
    converged_ : bool
        Whether the leak fell to `tol`.
    classes_ : list
        Classes of the attribute.

    Notes
    -----
    Nothing is guaranteed, and there is a warning where training did not get there. Look at
    ``accuracy_`` and at other probes: a fresh one often finds what the adversary did not. Where
    it is enough that no linear predictor works, :class:`LEACE` has the guarantee and needs no
    training.

    References
    ----------
    Wu et al. 2021, AAAI (FairRec).

    Examples
    --------
    >>> import numpy as np
    >>> from embias.transforms.decomposed_adversarial import DecomposedAdversarial
    >>> rng = np.random.default_rng(0)
    >>> gender = rng.integers(0, 2, 400)
    >>> X = rng.normal(size=(400, 8))
    >>> X[:, 0] += 4 * gender
    >>> towers = DecomposedAdversarial(max_iter=100).fit(X, gender)
    >>> towers.accuracy_["before"] > 0.9 > 0.65 > towers.accuracy_["after"]
    True
    """

    _WEIGHTS = (
        "adversary_weight",
        "aware_weight",
        "orthogonal_weight",
        "keep_weight",
        "task_weight",
    )

    def __init__(
        self,
        *,
        adversary_weight: float = 1.0,
        aware_weight: float = 1.0,
        orthogonal_weight: float = 0.1,
        keep_weight: float = 0.05,
        task_weight: float = 1.0,
        rank: int | None = None,
        max_iter: int = 200,
        batch_size: int = 4096,
        learning_rate: float = 0.03,
        adversary_steps: int = 10,
        tol: float = 0.003,
        patience: int = 10,
        random_state: int | np.random.Generator | None = 0,
        progress: bool = False,
    ) -> None:
        self.adversary_weight = adversary_weight
        self.aware_weight = aware_weight
        self.orthogonal_weight = orthogonal_weight
        self.keep_weight = keep_weight
        self.task_weight = task_weight
        self.rank = rank
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.adversary_steps = adversary_steps
        self.tol = tol
        self.patience = patience
        self.random_state = random_state
        self.progress = progress

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike | None = None,
        *,
        task: ArrayLike | None = None,
        sensitive_features: ArrayLike | None = None,
    ) -> Self:
        """Learn the two parts.

        Parameters
        ----------
        X : array_like of shape (n, d)
        y : array_like of shape (n,)
            Classes of the attribute.
        task : array_like of shape (n,), optional
            Classes of a task that the parts are to serve.
        sensitive_features : array_like of shape (n,), optional
            The attribute, in place of `y`; for pipelines in which `y` is the target of a task.

        Returns
        -------
        self

        Raises
        ------
        InputError
            Labels missing, of one class only or of another number than the rows; NaN; rows that
            do not differ; weights below 0.
        MissingExtraError
            torch is not installed.
        """
        return self._train(X, concept_of(y, sensitive_features), task, "task", control=False)

    def _game(
        self, points: FloatArray, codes: Codes, kept: Codes | None, start: FloatArray
    ) -> Game:
        return _Towers(self, points, codes, kept, start)


class _Towers:
    """The losses of the two towers and their predictors."""

    def __init__(
        self,
        owner: DecomposedAdversarial,
        points: FloatArray,
        codes: Codes,
        kept: Codes | None,
        start: FloatArray,
    ) -> None:
        self.owner, self.points = owner, tensor(points)
        k = points.shape[1]
        self.inner = tensor(start).requires_grad_()
        self.outer = tensor(np.zeros_like(start)).requires_grad_()
        # The bias-aware part has no whole vector to start from: it is built from nothing.
        self.aware_inner = tensor(start).requires_grad_()
        self.aware_outer = tensor(np.zeros_like(start)).requires_grad_()
        self.body = [self.inner, self.outer, self.aware_inner, self.aware_outer]
        self.adversary, self.attribute = Head(codes, k), Head(codes, k)
        self.task = None if kept is None else Head(kept, k)

    def _parts(self, rows: Any) -> tuple[Any, Any, Any]:
        given = self.points[rows]
        free = given - given @ self.inner @ self.outer.T
        return given, free, given @ self.aware_inner @ self.aware_outer.T

    def refine(self, rows: Any, steps: int) -> None:
        _, free, aware = (part.detach() for part in self._parts(rows))
        self.adversary.refine(free, rows, steps)
        self.attribute.refine(aware, rows, steps)
        if self.task is not None:
            self.task.refine(free + aware, rows, steps)

    def losses(self, rows: Any) -> dict[str, Any]:
        given, free, aware = self._parts(rows)
        weights = self.owner
        floor = _LENGTH * given.shape[1]
        lengths = (free.square().sum(dim=1) + floor) * (aware.square().sum(dim=1) + floor)
        cosines = (free * aware).sum(dim=1) / lengths.sqrt()
        terms = {
            # The sign is the reversal: the predictor itself is held here, and refined above.
            "adversary": -weights.adversary_weight * self.adversary.loss(free, rows),
            "aware": weights.aware_weight * self.attribute.loss(aware, rows),
            "orthogonal": weights.orthogonal_weight * cosines.abs().mean(),
            "keep": weights.keep_weight * (given - free - aware).square().sum(dim=1).mean(),
        }
        if self.task is not None:
            terms["task"] = weights.task_weight * self.task.loss(free + aware, rows)
        return terms

    def factors(self) -> tuple[FloatArray, FloatArray]:
        return self.inner.detach().numpy().copy(), self.outer.detach().numpy().copy()


CARD = TransformCard(
    name="decomposed-adversarial",
    estimator=DecomposedAdversarial,
    title="Decomposed adversarial learning, FairRec style",
    learns_from="labels",
    removes="What a linear adversary reads of an attribute, out of every vector, into a bias-aware "
    "part of its own.",
    guarantee=None,
    guaranteed="Nothing. What a fresh linear probe still reads on held-out rows is measured "
    "(accuracy_); other probes and other data may read more.",
    affine=True,
    caveats="Fresh probes often recover what an adversary in training did not. For linear erasure "
    "LEACE has the guarantee and needs no training. The paper trains user encoders with a click "
    "model; here the embeddings are fixed.",
    paper="Wu et al. 2021, AAAI",
)
