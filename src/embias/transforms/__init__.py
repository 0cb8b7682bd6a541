"""Transforms: projections and erasures as scikit-learn estimators.

Names promise nothing: each card (:data:`TRANSFORMS`) says what is removed, from what, what is
guaranteed afterwards and what is not. Affine ones share one base: they can be folded into one map,
streamed, saved without pickle and put into a model.
"""

from embias.transforms._checks import NotFittedTransformError, TransformWarning
from embias.transforms.affine import AffineTransform
from embias.transforms.affine_map import AffineMap, DenseMap, LowRankMap, compose
from embias.transforms.all_but_the_top import AllButTheTop
from embias.transforms.bam import BAM
from embias.transforms.card import TransformCard
from embias.transforms.conceptor_negation import ConceptorNegation
from embias.transforms.counterfactual_eraser import CounterfactualEraser
from embias.transforms.decomposed_adversarial import DecomposedAdversarial
from embias.transforms.double_hard_debias import DoubleHardDebias
from embias.transforms.drop_dead_dimensions import DropDeadDimensions
from embias.transforms.equalize import Equalize
from embias.transforms.export import model_before, to_sentence_transformer
from embias.transforms.folding import FoldedAffine, affine_map_of, fold
from embias.transforms.gbdd import GBDD
from embias.transforms.guard import broken_guarantees, warn_of_broken_guarantees
from embias.transforms.half_sibling_regression import HalfSiblingRegression
from embias.transforms.hard_debias import HardDebias
from embias.transforms.inlp import INLP
from embias.transforms.leace import LEACE
from embias.transforms.multiclass_hard_debias import MulticlassHardDebias
from embias.transforms.neutralize import Neutralize
from embias.transforms.orthogonal_projection import OrthogonalProjection
from embias.transforms.oscar import OSCaR
from embias.transforms.pca import PCA
from embias.transforms.quantize import Quantize
from embias.transforms.ran import RAN
from embias.transforms.random_projection import RandomProjection
from embias.transforms.registry import TRANSFORMS, get_transform
from embias.transforms.relative_representation import RelativeRepresentation
from embias.transforms.rlace import RLACE
from embias.transforms.row_transform import RowTransform
from embias.transforms.sal import SAL
from embias.transforms.saving import load_transform, save_transform
from embias.transforms.sentence_debias import SentenceDebias
from embias.transforms.soft_debias import SoftDebias
from embias.transforms.soft_equalize import SoftEqualize
from embias.transforms.space_aligner import SpaceAligner
from embias.transforms.spectrum_filter import SpectrumFilter
from embias.transforms.treatment_effect import TreatmentEffect, treatment_effect
from embias.transforms.truncate_dims import TruncateDims
from embias.transforms.unit_leace import UnitLEACE
from embias.transforms.word_transform import WordTransform

__all__ = [
    "BAM",
    "GBDD",
    "INLP",
    "LEACE",
    "PCA",
    "RAN",
    "RLACE",
    "SAL",
    "TRANSFORMS",
    "AffineMap",
    "AffineTransform",
    "AllButTheTop",
    "ConceptorNegation",
    "CounterfactualEraser",
    "DecomposedAdversarial",
    "DenseMap",
    "DoubleHardDebias",
    "DropDeadDimensions",
    "Equalize",
    "FoldedAffine",
    "HalfSiblingRegression",
    "HardDebias",
    "LowRankMap",
    "MulticlassHardDebias",
    "Neutralize",
    "NotFittedTransformError",
    "OSCaR",
    "OrthogonalProjection",
    "Quantize",
    "RandomProjection",
    "RelativeRepresentation",
    "RowTransform",
    "SentenceDebias",
    "SoftDebias",
    "SoftEqualize",
    "SpaceAligner",
    "SpectrumFilter",
    "TransformCard",
    "TransformWarning",
    "TreatmentEffect",
    "TruncateDims",
    "UnitLEACE",
    "WordTransform",
    "affine_map_of",
    "broken_guarantees",
    "compose",
    "fold",
    "get_transform",
    "load_transform",
    "model_before",
    "save_transform",
    "to_sentence_transformer",
    "treatment_effect",
    "warn_of_broken_guarantees",
]
