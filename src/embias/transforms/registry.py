"""All transforms, by name."""

from __future__ import annotations

from embias.errors import UnknownNameError, did_you_mean
from embias.transforms import (
    counterfactual_eraser,
    decomposed_adversarial,
    leace,
    orthogonal_projection,
)
from embias.transforms.card import TransformCard

__all__ = ["TRANSFORMS", "get_transform"]

_MODULES = (orthogonal_projection, leace, counterfactual_eraser, decomposed_adversarial)

#: Card of every transform, by its name.
TRANSFORMS: dict[str, TransformCard] = {module.CARD.name: module.CARD for module in _MODULES}


def get_transform(name: str) -> TransformCard:
    """Return the card of a transform.

    Raises
    ------
    UnknownNameError
        When there is no transform of this name.
    """
    if name not in TRANSFORMS:
        raise UnknownNameError(f"no transform {name!r}; {did_you_mean(name, TRANSFORMS)}")
    return TRANSFORMS[name]
