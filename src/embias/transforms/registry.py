"""All transforms, by name."""

from __future__ import annotations

from embias.errors import UnknownNameError, did_you_mean
from embias.transforms import (
    all_but_the_top,
    bam,
    counterfactual_eraser,
    decomposed_adversarial,
    double_hard_debias,
    drop_dead_dimensions,
    equalize,
    gbdd,
    hard_debias,
    leace,
    multiclass_hard_debias,
    neutralize,
    orthogonal_projection,
    oscar,
    pca,
    quantize,
    random_projection,
    relative_representation,
    sal,
    sentence_debias,
    space_aligner,
    spectrum_filter,
    truncate_dims,
    unit_leace,
)
from embias.transforms.card import TransformCard

__all__ = ["TRANSFORMS", "get_transform"]

_MODULES = (
    orthogonal_projection,
    leace,
    unit_leace,
    sal,
    drop_dead_dimensions,
    sentence_debias,
    all_but_the_top,
    spectrum_filter,
    pca,
    truncate_dims,
    quantize,
    random_projection,
    relative_representation,
    space_aligner,
    neutralize,
    equalize,
    hard_debias,
    multiclass_hard_debias,
    double_hard_debias,
    gbdd,
    bam,
    oscar,
    counterfactual_eraser,
    decomposed_adversarial,
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
