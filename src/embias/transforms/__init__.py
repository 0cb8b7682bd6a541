"""Transforms: projections and erasures as scikit-learn estimators.

Names promise nothing: each card (:data:`TRANSFORMS`) says what is removed, from what, what is
guaranteed afterwards and what is not. Affine ones share one base: they can be folded into one map,
streamed, saved without pickle and put into a model.
"""

from embias.transforms._checks import NotFittedTransformError, TransformWarning
from embias.transforms.affine import AffineTransform
from embias.transforms.affine_map import AffineMap, DenseMap, LowRankMap, compose
from embias.transforms.card import TransformCard
from embias.transforms.folding import FoldedAffine, affine_map_of, fold
from embias.transforms.leace import LEACE
from embias.transforms.orthogonal_projection import OrthogonalProjection
from embias.transforms.registry import TRANSFORMS, get_transform
from embias.transforms.saving import load_transform, save_transform

__all__ = [
    "LEACE",
    "TRANSFORMS",
    "AffineMap",
    "AffineTransform",
    "DenseMap",
    "FoldedAffine",
    "LowRankMap",
    "NotFittedTransformError",
    "OrthogonalProjection",
    "TransformCard",
    "TransformWarning",
    "affine_map_of",
    "compose",
    "fold",
    "get_transform",
    "load_transform",
    "save_transform",
]
