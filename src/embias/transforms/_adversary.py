"""Training against an adversary: gradient reversal in torch, plain arrays in and out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from embias.errors import InputError, MissingExtraError
from embias.stats.inputs import check_size
from embias.types import FloatArray

__all__ = [
    "Game",
    "Head",
    "Schedule",
    "Training",
    "check_weight",
    "import_torch",
    "tensor",
    "train",
]

#: Pull of a predictor's weights to zero: keeps them finite where classes are separable.
_DAMPING = 2e-3
#: A score that is lower by less is no better.
_BETTER = 1e-3


class Game(Protocol):
    """A body that is to lose what an adversary reads from it, and predictors that read it."""

    #: Parameters of the body; the map is ``x - x inner outer'`` in the coordinates of the rows.
    body: list[Any]

    def refine(self, rows: Any, steps: int) -> None:
        """Bring the predictors up to date with the body, for row numbers as a tensor."""

    def losses(self, rows: Any) -> dict[str, Any]:
        """Return the terms that add up to what the body minimises."""

    def factors(self) -> tuple[FloatArray, FloatArray]:
        """Return ``inner`` and ``outer``, shape (k, r), of the map as it is now."""


@dataclass(frozen=True)
class Schedule:
    """How long and in what steps to train.

    Attributes
    ----------
    max_iter : int
        Passes over the rows at most.
    batch_size : int
    learning_rate : float
        Of the body; falls to zero over `max_iter`.
    adversary_steps : int
        Steps of the predictors for each step of the body.
    tol : float
        Leak from which on the concept counts as gone.
    patience : int
        Training stops this many passes after the score last improved, once the concept is gone.
    progress : bool
    """

    max_iter: int
    batch_size: int
    learning_rate: float
    adversary_steps: int
    tol: float
    patience: int
    progress: bool

    def check(self, who: str) -> None:
        """Raise an InputError where a value makes no sense."""
        for name in ("max_iter", "batch_size", "adversary_steps", "patience"):
            check_size(f"{who}: {name}", getattr(self, name))
        check_weight(who, "tol", self.tol)
        check_weight(who, "learning_rate", self.learning_rate)
        if self.learning_rate == 0:
            raise InputError(f"{who}: learning_rate=0 learns nothing; give a number above 0")


@dataclass(frozen=True)
class Training:
    """What came of it: the factors of the best pass, and the record of all of them."""

    inner: FloatArray
    outer: FloatArray
    history: list[dict[str, float]]


def check_weight(who: str, name: str, value: float) -> None:
    """Raise an InputError unless a value is a finite number from 0 on."""
    number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(
        value, bool
    )
    if not number or not 0 <= value < np.inf:
        raise InputError(f"{who}: {name}={value!r:.40}; give a number from 0 on")


def import_torch(who: str) -> Any:
    """Return torch.

    Raises
    ------
    MissingExtraError
        When it is not installed.
    """
    try:
        import torch
    except ImportError as error:
        raise MissingExtraError(f"fitting {who}", "torch", "contextual") from error
    return torch


def tensor(values: NDArray[Any]) -> Any:
    """Return values as a tensor of their own, on the CPU."""
    import torch

    return torch.tensor(np.ascontiguousarray(values))


class Head:
    """A linear predictor of classes, kept up to date by plain gradient descent.

    In coordinates of unit covariance the loss bends the same in all directions, so that steps of
    one are near the best and no momentum is needed, which would make the game go in circles.
    """

    def __init__(self, codes: NDArray[np.intp], k: int) -> None:
        import torch

        self.codes = tensor(codes)
        self.classes = int(codes.max()) + 1
        self.weights = torch.zeros(k, self.classes, dtype=torch.float64)
        self.offsets = torch.zeros(self.classes, dtype=torch.float64)

    def refine(self, points: Any, rows: Any, steps: int) -> None:
        """Take steps on the points, shape (m, k), which have the given row numbers."""
        import torch

        with torch.no_grad():
            target = torch.nn.functional.one_hot(self.codes[rows], self.classes)
            for _ in range(steps):
                excess = torch.softmax(points @ self.weights + self.offsets, dim=1) - target
                self.weights -= points.T @ excess / len(rows) + _DAMPING * self.weights
                self.offsets -= excess.mean(dim=0)

    def loss(self, points: Any, rows: Any) -> Any:
        """Return the mean cross-entropy (nats); the predictor is held."""
        import torch

        scores = points @ self.weights + self.offsets
        return torch.nn.functional.cross_entropy(scores, self.codes[rows])


def train(
    game: Game,
    rows: NDArray[np.intp],
    score: Callable[[FloatArray, FloatArray], dict[str, float]],
    schedule: Schedule,
    rng: np.random.Generator,
) -> Training:
    """Train until the score is low, and return the best pass.

    Parameters
    ----------
    game : Game
    rows : ndarray of int
        Row numbers to train on.
    score : callable
        ``score(inner, outer)`` returns measures by name: ``"leak"``, and ``"score"``, which
        decides (least is best). Measured on other rows than those trained on.
    schedule : Schedule
    rng : Generator
        Orders the rows; torch draws nothing.
    """
    import torch

    # No momentum: it would carry the body past the point where the adversary reads nothing.
    body = torch.optim.Adam(game.body, lr=schedule.learning_rate, betas=(0.0, 0.9))
    best, kept = np.inf, game.factors()
    history: list[dict[str, float]] = []
    stale = 0
    for done in _passes(schedule):
        share = 1 - done / schedule.max_iter
        body.param_groups[0]["lr"] = schedule.learning_rate * share
        batches = _batches(rows, schedule.batch_size, rng)
        terms = [_step(game, batch, body, schedule.adversary_steps) for batch in batches]
        factors = game.factors()
        _refuse_infinite(factors, done)
        means = {name: float(np.mean([each[name] for each in terms])) for name in terms[0]}
        measures = score(*factors)
        history.append(means | measures)
        stale = stale + 1 if measures["score"] > best - _BETTER else 0
        if measures["score"] <= best:
            best, kept = measures["score"], factors
        if measures["leak"] <= schedule.tol and stale >= schedule.patience:
            break
    return Training(*kept, history)


def _refuse_infinite(factors: tuple[FloatArray, FloatArray], done: int) -> None:
    if not all(np.isfinite(each).all() for each in factors):
        raise InputError(
            f"training went out of bounds in pass {done + 1}; give a lower learning_rate"
        )


def _step(game: Game, rows: Any, body: Any, steps: int) -> dict[str, float]:
    import torch

    game.refine(rows, steps)
    with torch.enable_grad():
        body.zero_grad()
        terms = game.losses(rows)
        total: Any = torch.stack(list(terms.values())).sum()
        total.backward()
    body.step()
    return {name: float(value.detach()) for name, value in terms.items()}


def _passes(schedule: Schedule) -> Iterator[int]:
    if not schedule.progress:
        yield from range(schedule.max_iter)
        return
    from tqdm.auto import tqdm

    yield from tqdm(range(schedule.max_iter), desc="training", unit="pass")


def _batches(rows: NDArray[np.intp], size: int, rng: np.random.Generator) -> Iterator[Any]:
    # Batches of about the same size: a last one of a few rows would be mostly noise.
    parts = np.array_split(rng.permutation(rows), max(1, round(len(rows) / size)))
    return (tensor(part) for part in parts)
