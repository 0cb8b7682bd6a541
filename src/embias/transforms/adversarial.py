"""The base of transforms that are trained against an adversary on fixed embeddings."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embias.errors import InputError
from embias.stats.inputs import as_generator, check_size
from embias.transforms._adversary import Game, Schedule, check_weight, import_torch, train
from embias.transforms._checks import TransformWarning, checked_fit
from embias.transforms._frame import (
    Frame,
    Split,
    explained,
    flat_directions,
    probe_accuracy,
    without_flat,
)
from embias.transforms._labels import label_columns, read_labels
from embias.transforms.affine import AffineTransform
from embias.transforms.affine_map import LowRankMap
from embias.types import FloatArray

__all__ = ["AdversarialTransform"]

Codes: TypeAlias = NDArray[np.intp]


class AdversarialTransform(AffineTransform):
    """A linear map that is trained so that an adversary no longer reads a concept.

    Training runs in coordinates with unit covariance, and only some directions change: the rest
    of every vector stays what it is. An adversary may be content with a direction made small,
    which any probe that scales its columns reads as before; so a direction shrunk to less than a
    tenth is taken out altogether, and what is left is measured whatever its scale. A fifth of
    every class is held out for that, after each pass, and the best pass counts. torch is needed
    to fit, not to transform or load.

    A subclass has the parameters listed in :meth:`_schedule` and ``rank``, names its weights in
    ``_WEIGHTS`` and sets up its losses in ``_game``.
    """

    _WEIGHTS: tuple[str, ...] = ()

    rank: int | None
    max_iter: int
    batch_size: int
    learning_rate: float
    adversary_steps: int
    tol: float
    patience: int
    random_state: int | np.random.Generator | None
    progress: bool

    map_: LowRankMap
    classes_: list[Any]
    history_: list[dict[str, float]]
    n_iter_: int
    converged_: bool
    accuracy_: dict[str, float]
    kept_accuracy_: dict[str, float] | None

    @abstractmethod
    def _game(
        self, points: FloatArray, codes: Codes, kept: Codes | None, start: FloatArray
    ) -> Game:
        """Return the losses for whitened rows, class numbers, what is kept, a start (k, r)."""

    def _train(self, X: ArrayLike, y: Any, kept: Any, name: str, control: bool) -> Self:
        who = type(self).__name__
        rows = checked_fit(self, X, at_least=2)
        schedule = self._schedule()
        schedule.check(who)
        for each in self._WEIGHTS:
            check_weight(who, each, getattr(self, each))
        self.classes_, codes = _read(y, len(rows), who, "y")
        kept_classes: list[Any] = []
        kept_codes: Codes | None = None
        if kept is not None:
            kept_classes, kept_codes = _read(kept, len(rows), who, name)
        import_torch(who)
        rng, _ = as_generator(self.random_state)
        frame = Frame.of(rows, who)
        points = frame.coordinates(rows)
        split = Split.of(codes, rng)
        rank = self._rank(len(frame.forth), len(self.classes_) + len(kept_classes))
        start = rng.normal(size=(points.shape[1], rank)) / np.sqrt(points.shape[1])
        game = self._game(points, codes, kept_codes, start)
        judge = _Judge(points, codes, kept_codes, split, control)
        done = train(game, split.train, judge, schedule, rng)
        inner, outer = without_flat(done.inner, done.outer)
        self.map_ = LowRankMap.about(frame.mean, frame.back @ outer, inner.T @ frame.forth)
        self.history_, self.n_iter_ = done.history, len(done.history)
        seen = judge.seen(done.inner, done.outer)
        self.converged_ = judge.measure(seen)["leak"] <= self.tol
        self.accuracy_ = judge.accuracies(codes, seen)
        self.kept_accuracy_ = None if kept_codes is None else judge.accuracies(kept_codes, seen)
        self._warn(len(split.train), points.shape[1])
        return self

    def _warn(self, n: int, k: int) -> None:
        who = type(self).__name__
        if n <= k:
            warnings.warn(
                f"{who}: {n} rows to train on in {k} dimensions; any labels can be read from so "
                "few, so neither the adversary nor the measures say much. Give more rows, or "
                "reduce the dimension first",
                TransformWarning,
                stacklevel=4,
            )
        elif not self.converged_:
            warnings.warn(
                f"{who}: after {self.n_iter_} passes more than tol={self.tol} of the concept can "
                "still be read; raise max_iter or adversary_weight, or lower keep_weight",
                TransformWarning,
                stacklevel=4,
            )

    def _schedule(self) -> Schedule:
        return Schedule(
            self.max_iter,
            self.batch_size,
            self.learning_rate,
            self.adversary_steps,
            self.tol,
            self.patience,
            self.progress,
        )

    def _rank(self, most: int, classes: int) -> int:
        if self.rank is None:
            return min(most, classes)
        check_size(f"{type(self).__name__}: rank", self.rank)
        return min(most, self.rank)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags


class _Judge:
    """Measures on held-out rows: what a fresh predictor still reads, and what was lost."""

    def __init__(
        self, points: FloatArray, codes: Codes, kept: Codes | None, split: Split, control: bool
    ) -> None:
        self.points, self.split, self.control = points, split, control
        self.concept = _one_hot(codes)
        self.kept = None if kept is None else _one_hot(kept)
        if control and self.kept is not None:
            # What goes with the kept concept cannot leave without it: it is not counted.
            held = self.kept[split.train]
            slope = np.linalg.lstsq(held, self.concept[split.train], rcond=None)[0]
            self.concept = self.concept - self.kept @ slope
        self.at_first = 0.0 if self.kept is None else explained(points, self.kept, split)

    def seen(self, inner: FloatArray, outer: FloatArray) -> FloatArray:
        """Return what a probe sees that scales its columns: all but the flat directions."""
        flat = flat_directions(inner, outer)[0]
        return self.points - (self.points @ flat) @ flat.T

    def __call__(self, inner: FloatArray, outer: FloatArray) -> dict[str, float]:
        return self.measure(self.seen(inner, outer))

    def measure(self, seen: FloatArray) -> dict[str, float]:
        leak = explained(seen, self.concept, self.split)
        if self.kept is None:
            return {"leak": leak, "score": max(leak, 0.0)}
        lost = self.at_first - explained(seen, self.kept, self.split)
        counted = max(lost, 0.0) if self.control else 0.0
        return {"leak": leak, "lost": lost, "score": max(leak, 0.0) + counted}

    def accuracies(self, codes: Codes, seen: FloatArray) -> dict[str, float]:
        held = codes[self.split.test]
        return {
            "majority": float(np.bincount(held).max() / len(held)),
            "before": probe_accuracy(self.points, codes, self.split),
            "after": probe_accuracy(seen, codes, self.split),
        }


def _read(y: Any, n: int, who: str, name: str) -> tuple[list[Any], Codes]:
    try:
        columns = label_columns(y, "classes", who)
        labels = read_labels(y, columns, who)
    except InputError as error:
        if name == "y":
            raise
        raise InputError(f"{name}= as the labels: {error}") from error
    one_hot = labels.values[:, 1::2]
    marked = all(each.classes == (0, 1) for each in columns) and (one_hot.sum(axis=1) == 1).all()
    if len(columns) > 1 and not marked:
        raise InputError(
            f"{who}: {name} has {len(columns)} concepts; give one, or one transform for each"
        )
    if len(labels.values) != n:
        raise InputError(
            f"{who}: Found input variables with inconsistent numbers of samples: {n} rows and "
            f"{len(labels.values)} labels in {name}; give one label for each row"
        )
    if len(columns) > 1:
        return list(range(len(columns))), one_hot.argmax(axis=1)
    return list(columns[0].classes or ()), labels.codes()


def _one_hot(codes: Codes) -> FloatArray:
    made: FloatArray = np.eye(int(codes.max()) + 1)[codes]
    return made
