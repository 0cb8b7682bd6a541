"""All transforms, by name."""

from __future__ import annotations

from embias.errors import UnknownNameError, did_you_mean
from embias.transforms import (
    conceptor_negation,
    half_sibling_regression,
    inlp,
    leace,
    orthogonal_projection,
    ran,
    rlace,
    soft_debias,
    soft_equalize,
)
from embias.transforms.card import TransformCard

__all__ = ["TRANSFORMS", "get_transform"]

_MODULES = (
    orthogonal_projection,
    leace,
    inlp,
    soft_debias,
    half_sibling_regression,
    conceptor_negation,
    soft_equalize,
    ran,
    rlace,
)

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
