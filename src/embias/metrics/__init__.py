"""Metrics: arrays in, result values out.

An association test asks whether two sets of target vectors differ in how close they are to two
sets of attribute vectors. Every metric has a card (:data:`METRICS`) that says what it measures,
its range and what "no bias" is. Metrics know neither words nor models: `embias.audit` brings
both together.
"""

from embias.geometry.direction_from_groups import direction_from_groups
from embias.geometry.direction_from_pairs import direction_from_pairs, direction_from_sets
from embias.metrics._slices import align_slices
from embias.metrics.analogy import AnalogyAnswer, analogy
from embias.metrics.analogy_questions import AnalogyQuestions, question_rows, read_analogies
from embias.metrics.aspect_bias import aspect_bias
from embias.metrics.association_with_statistics import association_with_statistics
from embias.metrics.bias_analogy_test import bias_analogy_test
from embias.metrics.bias_direction import Subspace, bias_direction
from embias.metrics.card import EdgeCases, MetricCard, RoleVectors
from embias.metrics.ceat import Ceat, ceat
from embias.metrics.cluster_alignment import cluster_alignment
from embias.metrics.concept_discovery import concept_discovery
from embias.metrics.concepts import Concepts, concept_correlation, fit_concepts, top_items
from embias.metrics.crows_pairs import SentencePair, crows_pairs, read_crows_pairs
from embias.metrics.diachronic_association import diachronic_association
from embias.metrics.diachronic_drift import diachronic_drift
from embias.metrics.direct_bias import direct_bias, expected_direct_bias
from embias.metrics.disparity import disparity
from embias.metrics.ect import ect
from embias.metrics.gender_specific import SpecificWords, case_variants, gender_specific
from embias.metrics.generalized_weat import generalized_weat
from embias.metrics.gipe import gipe
from embias.metrics.hubness import hubness
from embias.metrics.indirect_bias import indirect_bias, indirect_bias_along
from embias.metrics.intrinsic_dimension import intrinsic_dimension
from embias.metrics.invariance import invariance
from embias.metrics.isotropy import isotropy
from embias.metrics.knn_recovery import knn_recovery
from embias.metrics.lpbs import lpbs
from embias.metrics.mac import mac
from embias.metrics.most_biased import most_biased
from embias.metrics.nas import nas
from embias.metrics.neighbour_bias import neighbour_bias
from embias.metrics.neighbour_overlap import neighbour_overlap
from embias.metrics.probe_accuracy import probe_accuracy
from embias.metrics.projections import projections
from embias.metrics.pseudo_log_likelihood import (
    TextLikelihood,
    pseudo_log_likelihood,
    token_log_probabilities,
)
from embias.metrics.registry import METRICS, get_metric
from embias.metrics.ripa import ripa
from embias.metrics.rnd import rnd
from embias.metrics.rnsb import rnsb
from embias.metrics.same import same
from embias.metrics.sc_weat import sc_weat
from embias.metrics.semaxis import semaxis
from embias.metrics.sensitivity import LeftOut, Sensitivity, leave_one_out
from embias.metrics.stereoset import (
    IntersentenceItem,
    StereoItem,
    read_stereoset,
    read_stereoset_intersentence,
    stereoset,
)
from embias.metrics.stereotype_analogies import (
    Analogies,
    StereotypeAnalogy,
    plain_words,
    stereotype_analogies,
)
from embias.metrics.subset_stability import SubsetStability, subset_stability
from embias.metrics.valnorm import valnorm
from embias.metrics.weat import association_scores, weat
from embias.metrics.weat_interval import weat_interval
from embias.metrics.wefat import wefat
from embias.metrics.word_analogies import word_analogies
from embias.metrics.word_pairs import WordPairs, pair_rows, read_word_pairs
from embias.metrics.word_similarity import pair_similarity, word_similarity

__all__ = [
    "METRICS",
    "Analogies",
    "AnalogyAnswer",
    "AnalogyQuestions",
    "Ceat",
    "Concepts",
    "EdgeCases",
    "IntersentenceItem",
    "LeftOut",
    "MetricCard",
    "RoleVectors",
    "Sensitivity",
    "SentencePair",
    "SpecificWords",
    "StereoItem",
    "StereotypeAnalogy",
    "SubsetStability",
    "Subspace",
    "TextLikelihood",
    "WordPairs",
    "align_slices",
    "analogy",
    "aspect_bias",
    "association_scores",
    "association_with_statistics",
    "bias_analogy_test",
    "bias_direction",
    "case_variants",
    "ceat",
    "cluster_alignment",
    "concept_correlation",
    "concept_discovery",
    "crows_pairs",
    "diachronic_association",
    "diachronic_drift",
    "direct_bias",
    "direction_from_groups",
    "direction_from_pairs",
    "direction_from_sets",
    "disparity",
    "ect",
    "expected_direct_bias",
    "fit_concepts",
    "gender_specific",
    "generalized_weat",
    "get_metric",
    "gipe",
    "hubness",
    "indirect_bias",
    "indirect_bias_along",
    "intrinsic_dimension",
    "invariance",
    "isotropy",
    "knn_recovery",
    "leave_one_out",
    "lpbs",
    "mac",
    "most_biased",
    "nas",
    "neighbour_bias",
    "neighbour_overlap",
    "pair_rows",
    "pair_similarity",
    "plain_words",
    "probe_accuracy",
    "projections",
    "pseudo_log_likelihood",
    "question_rows",
    "read_analogies",
    "read_crows_pairs",
    "read_stereoset",
    "read_stereoset_intersentence",
    "read_word_pairs",
    "ripa",
    "rnd",
    "rnsb",
    "same",
    "sc_weat",
    "semaxis",
    "stereoset",
    "stereotype_analogies",
    "subset_stability",
    "token_log_probabilities",
    "top_items",
    "valnorm",
    "weat",
    "weat_interval",
    "wefat",
    "word_analogies",
    "word_similarity",
]
