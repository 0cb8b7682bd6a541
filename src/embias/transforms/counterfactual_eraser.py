"""Adversarial erasure of a treated concept that keeps a control concept (CausaLM)."""

from __future__ import annotations

import warnings
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from embias.transforms._adversary import Game, Head, tensor
from embias.transforms._checks import TransformWarning, check_fitted
from embias.transforms.adversarial import AdversarialTransform, Codes
from embias.transforms.card import TransformCard
from embias.transforms.concept import concept_of
from embias.transforms.treatment_effect import TreatmentEffect, treatment_effect
from embias.types import FloatArray

__all__ = ["CARD", "CounterfactualEraser"]


class CounterfactualEraser(AdversarialTransform):
    """Remove a treated concept from embeddings and keep a control concept (CausaLM).

    A linear map is trained against an adversary that predicts the treated concept from what comes
    out (its gradient is reversed), together with a predictor of the control concept, and with a
    pull towards the vectors as they were, which stands where the language model's own loss stands
    in the paper. The paper fine-tunes a text encoder; here the embeddings are fixed.

    Parameters
    ----------
    adversary_weight, control_weight : float
        Weights of the two losses (mean cross-entropy).
    keep_weight : float
        Weight of the mean squared change, in coordinates of unit covariance. The larger, the less
        is changed and the more of the concept stays.
    rank : int, optional
        Directions that are trained; by default the classes of both concepts together.
    max_iter : int
        Passes over the rows at most.
    batch_size : int
        Rows of one step.
    learning_rate : float
        Of the map; falls to zero over `max_iter`.
    adversary_steps : int
        Steps of the predictors for each step of the map.
    tol : float
        The concept counts as gone when a fresh linear predictor gets at most this share of its
        variance on held-out rows, beyond what the control concept tells of it (the leak).
    patience : int
        Training stops this many passes after the score last improved, once the concept is gone.
        The score is the leak plus the share of the control concept's variance that was lost.
    random_state : int, Generator or None
        Seed of the start, the held-out rows and the order of rows. The state of torch is neither
        used nor changed.
    progress : bool
        Show a progress bar.

    Attributes
    ----------
    map_ : LowRankMap
        Of the pass with the lowest score.
    accuracy_ : dict
        Held-out accuracy of a fresh logistic regression for the treated concept ``"before"`` and
        ``"after"``, and that of the ``"majority"`` class. The pass was chosen on the same rows,
        which flatters it a little: rows of your own tell more.
    kept_accuracy_ : dict or None
        The same for the control concept.
    history_ : list of dict
        Losses and measures of each pass.
    n_iter_ : int
    converged_ : bool
        Whether the leak fell to `tol`.
    classes_ : list
        Classes of the treated concept.

    Notes
    -----
    Nothing is guaranteed, and there is a warning where training did not get there. Look at
    ``accuracy_`` and at other probes: a fresh one often finds what the adversary did not. Where
    it is enough that no linear predictor works, :class:`LEACE` has the guarantee and needs no
    training. A control concept that goes with the treated one keeps as much of it as the control
    concept itself tells.

    References
    ----------
    Feder et al. 2021, Computational Linguistics 47(2).

    Examples
    --------
    >>> import numpy as np
    >>> from embias.transforms.counterfactual_eraser import CounterfactualEraser
    >>> rng = np.random.default_rng(0)
    >>> gender, tense = rng.integers(0, 2, (2, 400))
    >>> X = rng.normal(size=(400, 8))
    >>> X[:, 0] += 4 * gender
    >>> X[:, 1] += 4 * tense
    >>> eraser = CounterfactualEraser(max_iter=100).fit(X, gender, control=tense)
    >>> eraser.accuracy_["before"] > 0.9 > 0.65 > eraser.accuracy_["after"]
    True
    >>> eraser.kept_accuracy_["after"] > 0.9
    True
    """

    _WEIGHTS = ("adversary_weight", "control_weight", "keep_weight")

    def __init__(
        self,
        *,
        adversary_weight: float = 1.0,
        control_weight: float = 1.0,
        keep_weight: float = 0.01,
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
        self.control_weight = control_weight
        self.keep_weight = keep_weight
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
        control: ArrayLike | None = None,
        sensitive_features: ArrayLike | None = None,
    ) -> Self:
        """Learn to remove a concept.

        Parameters
        ----------
        X : array_like of shape (n, d)
        y : array_like of shape (n,)
            Classes of the treated concept.
        control : array_like of shape (n,), optional
            Classes of the concept to keep. Without one, whatever goes with the treated concept
            goes too, and there is a warning (none at ``control_weight=0``).
        sensitive_features : array_like of shape (n,), optional
            The treated concept, in place of `y`; for pipelines in which `y` is the target of a
            task.

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
        if control is None and self.control_weight != 0:
            warnings.warn(
                f"{type(self).__name__}: no control concept, so whatever goes with the treated "
                "one is removed too; give control=, or set control_weight=0",
                TransformWarning,
                stacklevel=2,
            )
        return self._train(X, concept_of(y, sensitive_features), control, "control", control=True)

    def _game(
        self, points: FloatArray, codes: Codes, kept: Codes | None, start: FloatArray
    ) -> Game:
        return _Treated(self, points, codes, kept, start)

    def treatment_effect(
        self,
        classifier: Any,
        X: ArrayLike,
        task: ArrayLike,
        *,
        concept: ArrayLike | None = None,
        test_size: float = 0.5,
        level: float = 0.95,
        n_resamples: int = 1000,
        n_refits: int = 200,
        random_state: int | np.random.Generator | None = 0,
        progress: bool = False,
    ) -> TreatmentEffect:
        """Return how far the concept changes what a classifier predicts (TReATE).

        See :func:`treatment_effect`, of which this is the call with the fitted eraser.
        """
        check_fitted(self)
        return treatment_effect(
            self,
            classifier,
            X,
            task,
            concept=concept,
            test_size=test_size,
            level=level,
            n_resamples=n_resamples,
            n_refits=n_refits,
            random_state=random_state,
            progress=progress,
        )


class _Treated:
    """The losses: adversary on the treated concept, predictor of the control, little change."""

    def __init__(
        self,
        owner: CounterfactualEraser,
        points: FloatArray,
        codes: Codes,
        kept: Codes | None,
        start: FloatArray,
    ) -> None:
        self.owner, self.points = owner, tensor(points)
        self.inner = tensor(start).requires_grad_()
        self.outer = tensor(np.zeros_like(start)).requires_grad_()
        self.body = [self.inner, self.outer]
        self.adversary = Head(codes, points.shape[1])
        self.control = None if kept is None else Head(kept, points.shape[1])

    def refine(self, rows: Any, steps: int) -> None:
        given = self.points[rows]
        made = given - given @ self.inner.detach() @ self.outer.detach().T
        self.adversary.refine(made, rows, steps)
        if self.control is not None:
            self.control.refine(made, rows, steps)

    def losses(self, rows: Any) -> dict[str, Any]:
        given = self.points[rows]
        change = given @ self.inner @ self.outer.T
        made = given - change
        terms = {
            # The sign is the reversal: the predictor itself is held here, and refined above.
            "adversary": -self.owner.adversary_weight * self.adversary.loss(made, rows),
            "keep": self.owner.keep_weight * change.square().sum(dim=1).mean(),
        }
        if self.control is not None:
            terms["control"] = self.owner.control_weight * self.control.loss(made, rows)
        return terms

    def factors(self) -> tuple[FloatArray, FloatArray]:
        return self.inner.detach().numpy().copy(), self.outer.detach().numpy().copy()


CARD = TransformCard(
    name="counterfactual-eraser",
    estimator=CounterfactualEraser,
    title="Adversarial erasure with a control concept, CausaLM style",
    learns_from="labels",
    removes="What a linear adversary reads of a treated concept, out of every vector, while a "
    "control concept is kept.",
    guarantee=None,
    guaranteed="Nothing. What a fresh linear probe still reads on held-out rows is measured "
    "(accuracy_); other probes and other data may read more.",
    affine=True,
    caveats="Fresh probes often recover what an adversary in training did not. For linear erasure "
    "LEACE has the guarantee and needs no training. A control concept that goes with the treated "
    "one keeps that much of it. The paper fine-tunes an encoder; here the embeddings are fixed.",
    paper="Feder et al. 2021, Computational Linguistics",
)
