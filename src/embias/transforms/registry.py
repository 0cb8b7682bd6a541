"""All transforms, by name."""

from __future__ import annotations

from embias.errors import UnknownNameError, did_you_mean
from embias.transforms import (
    all_but_the_top,
    bam,
    conceptor_negation,
    counterfactual_eraser,
    decomposed_adversarial,
    double_hard_debias,
    drop_dead_dimensions,
    equalize,
    gbdd,
    half_sibling_regression,
    hard_debias,
    inlp,
    leace,
    multiclass_hard_debias,
    neutralize,
    orthogonal_projection,
    oscar,
    pca,
    quantize,
    ran,
    random_projection,
    relative_representation,
    rlace,
    sal,
    sentence_debias,
    soft_debias,
    soft_equalize,
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
    inlp,
    rlace,
    sentence_debias,
    counterfactual_eraser,
    decomposed_adversarial,
    drop_dead_dimensions,
    neutralize,
    equalize,
    hard_debias,
    multiclass_hard_debias,
    double_hard_debias,
    soft_debias,
    gbdd,
    bam,
    oscar,
    half_sibling_regression,
    conceptor_negation,
    soft_equalize,
    ran,
    all_but_the_top,
    spectrum_filter,
    pca,
    truncate_dims,
    quantize,
    random_projection,
    relative_representation,
    space_aligner,
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
