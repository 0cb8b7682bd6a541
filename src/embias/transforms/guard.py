"""Which guarantees of the steps of a pipeline its later steps break."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from scipy import linalg
from sklearn.base import BaseEstimator
from sklearn.preprocessing import Normalizer

from embias.errors import InputError, did_you_mean
from embias.geometry import as_basis
from embias.transforms._checks import NotFittedTransformError, TransformWarning
from embias.transforms.affine_map import AffineMap, LowRankMap
from embias.transforms.card import Guarantee
from embias.transforms.folding import FoldedAffine, affine_map_of, steps_of
from embias.types import FloatArray

__all__ = ["broken_guarantees", "warn_of_broken_guarantees"]

#: What is done to vectors where they are used, by name.
_USES = {
    "l2": "scaling",
    "cosine": "scaling",
    "int8": "rounding",
    "binary": "rounding",
    "sign": "rounding",
}
#: Components below this share of the numbers around them are rounding.
_ROUNDING = 1e-9
_Kind: TypeAlias = Literal["affine", "scaling", "rounding", "unknown"]


@dataclass(frozen=True)
class _Step:
    """A fitted step, or the name of a use, as far as guarantees go."""

    name: str
    kind: _Kind
    guarantee: Guarantee
    map_: AffineMap | None
    estimator: Any


@dataclass(frozen=True)
class _Held:
    """Where rows lie: in the span of `basis`, shape (m, d), moved by `offset`, shape (d,)."""

    basis: FloatArray
    offset: FloatArray

    def touches(self, removed: FloatArray) -> bool:
        """Tell whether rows have components along orthonormal rows, shape (k, d)."""
        size = max(1.0, float(np.abs(self.offset).max(initial=0.0)))
        return bool(
            np.abs(self.basis @ removed.T).max(initial=0.0) > _ROUNDING
            or np.abs(removed @ self.offset).max(initial=0.0) > _ROUNDING * size
        )

    def after(self, step: _Step) -> _Held | None:
        """Return where they lie after a step; None where that is not known."""
        if step.map_ is not None:
            matrix, offset = step.map_.dense()
            return _Held(_span(self.basis @ matrix.T), matrix @ self.offset + offset)
        if step.kind == "scaling":  # every row by a number of its own: the cone over the place
            joint = np.vstack([self.basis, self.offset]) if self.offset.any() else self.basis
            return _Held(_span(joint), np.zeros_like(self.offset))
        return None


def broken_guarantees(transform: Any, *, then: Sequence[Any] | str = ()) -> list[str]:
    """Say which guarantees of fitted steps do not survive the steps after them.

    A guarantee about covariance (LEACE, SAL) survives any affine step and is broken by whatever
    treats rows unequally: L2 normalisation, signs, quantisation. One about a subspace
    (OrthogonalProjection) survives the scaling of rows; whether it survives affine steps is
    computed from their maps.

    Parameters
    ----------
    transform : estimator or Pipeline
        Fitted. What has no ``transform`` (a classifier at the end) is not looked at.
    then : sequence of estimator, callable or str
        What is done to the vectors afterwards: fitted steps, functions, or ``"l2"``,
        ``"cosine"``, ``"int8"``, ``"binary"``, ``"sign"``.

    Returns
    -------
    list of str
        One text for each guarantee that is broken: by which step, and the cure. Empty where all
        hold.

    Raises
    ------
    InputError
        A step that is not fitted, an unknown name.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import Normalizer
    >>> from embias.transforms import LEACE
    >>> from embias.transforms.guard import broken_guarantees
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["a", "b"], 50)
    >>> X = rng.normal(size=(100, 8)) + (y == "a")[:, None]
    >>> broken_guarantees(make_pipeline(Normalizer(), LEACE()).fit(X, y))
    []
    >>> print(broken_guarantees(LEACE().fit(X, y), then=["l2"])[0][:60])
    LEACE (step 1): that no linear predictor of the labels beats
    """
    return _broken(transform, then, only_first=False)


def warn_of_broken_guarantees(
    transform: Any, *, then: Sequence[Any] | str = (), only_first: bool = False, stacklevel: int = 3
) -> None:
    """Give one :class:`TransformWarning` with all that :func:`broken_guarantees` says, if anything.

    Parameters
    ----------
    transform, then
        See :func:`broken_guarantees`.
    only_first : bool
        Of the guarantee of the first step only.
    stacklevel : int
        See :func:`warnings.warn`.
    """
    found = _broken(transform, then, only_first)
    if found:
        warnings.warn("; ".join(found), TransformWarning, stacklevel=stacklevel)


def _broken(transform: Any, then: Sequence[Any] | str, only_first: bool) -> list[str]:
    later = [then] if isinstance(then, str) else list(then)
    parts = [part for each in (transform, *later) for part in _parts(each)]
    steps = [_step(part) for part in parts]
    found = []
    for i, step in enumerate(steps[:1] if only_first else steps):
        if step.guarantee == "covariance":
            found.append(_broken_covariance(steps, i))
        elif step.guarantee == "orthogonal":
            found.append(_broken_subspace(steps, i))
    return [text for text in found if text]


def _parts(each: Any) -> list[Any]:
    if isinstance(each, str):
        return [each]
    return [part for part in steps_of(each) if hasattr(part, "transform") or callable(part)]


def _step(part: Any) -> _Step:
    if isinstance(part, str):
        if part not in _USES:
            raise InputError(f"then has {part!r:.40}; {did_you_mean(part, _USES)}")
        kind: Any = _USES[part]
        return _Step(part, kind, None, None, part)
    name = str(getattr(part, "__name__", type(part).__name__))
    if not isinstance(part, BaseEstimator):
        return _Step(name, "unknown", None, None, part)
    try:
        map_ = affine_map_of(part)
    except NotFittedTransformError:
        if type(part).__module__.partition(".")[0] in ("embias", "sklearn"):
            raise
        map_ = None  # other people's steps without a state look as if they were not fitted
    if map_ is not None:
        return _Step(name, "affine", _guarantee(part), map_, part)
    kind = "scaling" if isinstance(part, Normalizer) else "unknown"
    return _Step(name, kind, _guarantee(part), None, part)


def _guarantee(part: Any) -> Guarantee:
    from embias.transforms.registry import TRANSFORMS

    cards = {card.estimator.__name__: card for card in TRANSFORMS.values()}
    if isinstance(part, FoldedAffine):
        # What was not affine by itself keeps its promise only as a whole; and what was folded in
        # part (strength) has left a map that can be inverted.
        known = [cards[name] for name in part.folded_ if name in cards and cards[name].affine]
        promised = any(card.guarantee == "covariance" for card in known)
        return "covariance" if promised and not _invertible(part.map_) else None
    card = cards.get(type(part).__name__)
    if card is None or card.estimator is not type(part) or getattr(part, "strength", 1) != 1:
        return None
    return card.guarantee


def _broken_covariance(steps: list[_Step], i: int) -> str:
    unit = False
    for j, step in enumerate(steps):
        before, unit = unit, _gives_unit_rows(step, unit)
        if j <= i or step.kind == "affine" or (before and _is_l2(step)):
            continue
        if any(_same_concept(steps[i], other) for other in steps[j + 1 :]):
            return ""  # erased again later, and looked at there
        return (
            f"{steps[i].name} (step {i + 1}): that no linear predictor of the labels beats a "
            f"constant does not survive {step.name} (step {j + 1}), {_why(step)}"
        )
    return ""


def _gives_unit_rows(step: _Step, unit: bool) -> bool:
    if step.map_ is not None:
        return unit and isinstance(step.map_, LowRankMap) and step.map_.rank == 0
    return _is_l2(step) or getattr(step.estimator, "gives_unit_rows", False) is True


def _is_l2(step: _Step) -> bool:
    return step.kind == "scaling" and getattr(step.estimator, "norm", "l2") == "l2"


def _why(step: _Step) -> str:
    if step.kind == "scaling":
        return (
            "which divides every row by its own length: fit UnitLEACE in place of both, or erase "
            "after it and compare by dot products"
        )
    if step.kind == "rounding":
        return (
            "which rounds: drop dead dimensions (DropDeadDimensions) and take the mean off first, "
            "and probe the codes"
        )
    return "which is not known to be affine: erase after it, or probe what comes out of it"


def _same_concept(one: _Step, other: _Step) -> bool:
    """Tell whether a later step erases the same labels again, as far as its state tells."""
    if other.guarantee != "covariance":
        return False
    columns = getattr(one.estimator, "columns_", None)
    if columns is None or columns != getattr(other.estimator, "columns_", None):
        return False
    moments = [getattr(each.estimator, "moments_", None) for each in (one, other)]
    if None in moments:
        return True
    mine, theirs = (np.asarray(each.mean_z) for each in moments)  # type: ignore[union-attr]
    return bool(np.allclose(mine, theirs, rtol=1e-9, atol=0))


def _broken_subspace(steps: list[_Step], i: int) -> str:
    removed = _removed(steps[i])
    if removed is None or i + 1 == len(steps):
        return ""
    k, d = removed.shape
    complement = linalg.qr(removed.T)[0][:, k:].T
    held: _Held | None = _Held(complement, np.zeros(d))
    culprit = ""
    for j, step in enumerate(steps[i + 1 :], start=i + 1):
        held = None if held is None else held.after(step)
        what = f"{step.name} (step {j + 1})"
        if held is None:
            culprit = culprit or f"{what}, which is neither affine nor a scaling of rows"
            break
        if held.offset.size != d:
            culprit = culprit or f"{what}, which maps {d} coordinates to {held.offset.size}"
            break
        if not held.touches(removed):
            culprit = ""  # what was put back is taken out again
        elif not culprit:
            culprit = f"{what}, which puts a component back"
    return culprit and (
        f"{steps[i].name} (step {i + 1}): that no row has a component in the removed subspace does "
        f"not survive {culprit}: project last, with a subspace found at that place, and remove "
        "several subspaces at once (Subspace.join)"
    )


def _removed(step: _Step) -> FloatArray | None:
    """Return the subspace that rows have no component in, as orthonormal rows."""
    subspace = getattr(step.estimator, "subspace_", None)
    if subspace is not None:
        return as_basis(subspace, "subspace")
    return None if step.map_ is None else _without_image(step.map_)


def _invertible(map_: AffineMap) -> bool:
    sizes = linalg.svdvals(map_.dense()[0])
    return map_.n_in == map_.n_out and bool(sizes[-1] > _ROUNDING * sizes[0])


def _without_image(map_: AffineMap) -> FloatArray | None:
    """Return the directions that no mapped row has a component along; None where there is none."""
    matrix, offset = map_.dense()
    if matrix.shape[0] != matrix.shape[1]:
        return None
    u, sizes, _ = linalg.svd(matrix)
    removed: FloatArray = u[:, sizes <= _ROUNDING * max(sizes[0], 1e-300)].T
    none_left = np.abs(removed @ offset).max(initial=0.0) <= _ROUNDING
    return removed if len(removed) and none_left else None


def _span(rows: FloatArray) -> FloatArray:
    """Return orthonormal rows that span the same."""
    _, sizes, basis = linalg.svd(rows, full_matrices=False)
    kept: FloatArray = basis[sizes > _ROUNDING * max(sizes.max(initial=0.0), 1e-300)]
    return kept
