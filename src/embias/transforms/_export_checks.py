"""What must hold before a transform goes into a model, and what holds after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from embias.errors import InputError
from embias.geometry import Subspace
from embias.transforms._checks import check_fitted
from embias.transforms.affine_map import AffineMap
from embias.transforms.card import TransformCard
from embias.transforms.folding import FoldedAffine, affine_map_of, fold, steps_of
from embias.types import Encoder

__all__ = ["Guarantees", "Step", "check_map", "check_origin", "guarantee_of", "steps_with_cards"]


@dataclass(frozen=True)
class Step:
    """One step of a transform: the name of its class, and its card, where embias has one."""

    name: str
    card: TransformCard | None
    estimator: Any = None

    @property
    def full(self) -> bool:
        """Whether it takes out all it can; a part of it has no guarantee."""
        return bool(getattr(self.estimator, "strength", 1) == 1)


@dataclass(frozen=True)
class Guarantees:
    """What the steps of a transform guarantee.

    Attributes
    ----------
    lines : tuple of str
        For a reader, one for each step with a card.
    kinds : frozenset of str
        Of ``"covariance"`` and ``"orthogonal"``: what holds for the whole map.
    """

    lines: tuple[str, ...]
    kinds: frozenset[str]

    def broken_by(self, *, unit: bool, cut: bool) -> list[str]:
        """Return what no longer holds when the vectors are then scaled to unit length, or cut."""
        broken = []
        if unit and "covariance" in self.kinds:
            broken.append(
                "the vectors are scaled to unit length after the map, after which their covariance "
                "with the concept is no longer zero and a linear probe may find it again; for the "
                "guarantee use position='end' without renormalize, and dot products"
            )
        if cut and "orthogonal" in self.kinds:
            broken.append(
                "the model cuts its vectors after the map (truncate_dim), after which they have a "
                "component along the removed directions again; set truncate_dim to None"
            )
        return broken


def check_map(transform: Any) -> AffineMap:
    """Return the one affine map that a fitted transform is.

    Raises
    ------
    InputError
        Not fitted, or not affine; the step is named, and what to do instead.
    """
    if isinstance(transform, str):  # which fold takes for the name of a later step
        check_fitted(transform)
    folded = fold(transform)
    map_ = None if len(steps_of(folded)) != 1 else affine_map_of(steps_of(folded)[0])
    if map_ is not None:
        return map_
    steps = steps_of(transform)
    step = next(each for each in steps if affine_map_of(each) is None)
    raise InputError(
        f"{type(step).__name__} is no affine map of every row, so it cannot be a module of the "
        f"model; {_cure(step, step is steps[-1])}"
    )


def _cure(step: Any, last: bool) -> str:
    if type(step).__name__ == "Normalizer" and last:
        return "leave it out of the pipeline and give renormalize=True"
    if getattr(step, "takes_words", False):
        return (
            "it needs to know which row is which word: transform a vocabulary and write it with "
            "embias.encoders.save_word_vectors, or project its subspace out of all rows "
            "(OrthogonalProjection(fitted.subspace_))"
        )
    return "use encoder | transform, or an affine method such as LEACE or OrthogonalProjection"


def check_origin(transform: Any, encoder: Encoder | None, force: bool) -> None:
    """Refuse a transform that says it was fitted with another encoder.

    Steps fitted by ``fit_encoder`` have a record (id, hash of the description); a subspace from
    texts has the id of its encoder. Others say nothing.
    """
    if force:
        return
    for step in steps_of(transform):
        record = getattr(step, "encoder_", None)
        if isinstance(record, dict) and "fingerprint" in record:
            if encoder is None:
                raise InputError(
                    f"{type(step).__name__} was fitted with the encoder {record.get('id')!r:.80}, "
                    "and the model alone does not say whether it is the same; give that encoder "
                    "in place of the model, or force=True"
                )
            if encoder.info.fingerprint() != record["fingerprint"]:
                raise _other(step, str(record.get("id")), encoder)
        subspace = getattr(step, "subspace_", None)
        if encoder is not None and isinstance(subspace, Subspace):
            id = subspace.settings.get("encoder")
            if id is not None and id != encoder.info.id:
                raise _other(step, str(id), encoder)


def _other(step: Any, id: str, encoder: Encoder) -> InputError:
    same = ", described otherwise (version, prompt, truncation)" if id == encoder.info.id else ""
    return InputError(
        f"{type(step).__name__} was fitted with the encoder {id!r:.80}, not with "
        f"{encoder.info.id!r:.80}{same}; fit it with this one, or give force=True"
    )


def steps_with_cards(transform: Any) -> list[Step]:
    """Return the steps of a transform, those that were folded too."""
    from embias.transforms.registry import TRANSFORMS

    cards = {card.estimator.__name__: card for card in TRANSFORMS.values()}
    found: list[Step] = []
    for step in steps_of(transform):
        name = type(step).__name__
        if isinstance(step, FoldedAffine):
            found += [Step(each, cards.get(each)) for each in step.folded_] or [Step(name, None)]
        else:
            found.append(Step(name, cards.get(name), step))
    return found


def guarantee_of(transform: Any) -> Guarantees:
    """Return what a chain of affine steps guarantees.

    Zero covariance with a label outlives every affine step after it; that there is no component
    along a direction does not.
    """
    steps = steps_with_cards(transform)
    lines, kinds = [], set()
    for number, step in enumerate(steps):
        if step.card is None:
            continue
        text, holds = _guaranteed(step, step.card, steps[number + 1 :])
        lines.append(text if len(steps) == 1 else f"{step.name}: {text}")
        kinds |= {step.card.guarantee} if holds and step.card.guarantee else set()
    return Guarantees(tuple(lines), frozenset(kinds))


def _guaranteed(step: Step, card: TransformCard, later: Sequence[Step]) -> tuple[str, bool]:
    if not step.full:
        part = f"Taken out in part only (strength {step.estimator.strength:g}): "
        return part + "nothing is guaranteed.", False
    if card.guarantee == "orthogonal" and later:
        return "Steps after it may put back a part of what it took out.", False
    return card.guaranteed, True
