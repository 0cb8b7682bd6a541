"""Which metrics there are."""

from __future__ import annotations

from embias.errors import UnknownNameError, did_you_mean
from embias.metrics.analogy import CARD as ANALOGY
from embias.metrics.aspect_bias import CARD as ASPECT_BIAS
from embias.metrics.association_with_statistics import CARD as ASSOCIATION_WITH_STATISTICS
from embias.metrics.bias_analogy_test import CARD as BIAS_ANALOGY_TEST
from embias.metrics.bias_direction import CARD as BIAS_DIRECTION
from embias.metrics.card import MetricCard
from embias.metrics.ceat_in_audit import CARD as CEAT
from embias.metrics.cluster_alignment import CARD as CLUSTER_ALIGNMENT
from embias.metrics.concept_discovery import CARD as CONCEPT_DISCOVERY
from embias.metrics.crows_pairs import CARD as CROWS_PAIRS
from embias.metrics.diachronic_association import CARD as DIACHRONIC_ASSOCIATION
from embias.metrics.diachronic_drift import CARD as DIACHRONIC_DRIFT
from embias.metrics.direct_bias import CARD as DIRECT_BIAS
from embias.metrics.disparity import CARD as DISPARITY
from embias.metrics.ect import CARD as ECT
from embias.metrics.gender_specific import CARD as GENDER_SPECIFIC
from embias.metrics.generalized_weat import CARD as GENERALIZED_WEAT
from embias.metrics.gipe import CARD as GIPE
from embias.metrics.hubness import CARD as HUBNESS
from embias.metrics.indirect_bias import CARD as INDIRECT_BIAS
from embias.metrics.intrinsic_dimension import CARD as INTRINSIC_DIMENSION
from embias.metrics.invariance import CARD as INVARIANCE
from embias.metrics.isotropy import CARD as ISOTROPY
from embias.metrics.knn_recovery import CARD as KNN_RECOVERY
from embias.metrics.lpbs import CARD as LPBS
from embias.metrics.mac import CARD as MAC
from embias.metrics.nas import CARD as NAS
from embias.metrics.neighbour_bias import CARD as NEIGHBOUR_BIAS
from embias.metrics.neighbour_overlap import CARD as NEIGHBOUR_OVERLAP
from embias.metrics.probe_accuracy import CARD as PROBE_ACCURACY
from embias.metrics.projections import CARD as PROJECTIONS
from embias.metrics.pseudo_log_likelihood import CARD as PSEUDO_LOG_LIKELIHOOD
from embias.metrics.ripa import CARD as RIPA
from embias.metrics.rnd import CARD as RND
from embias.metrics.rnsb import CARD as RNSB
from embias.metrics.same import CARD as SAME
from embias.metrics.sc_weat import CARD as SC_WEAT
from embias.metrics.semaxis import CARD as SEMAXIS
from embias.metrics.stereoset import CARD as STEREOSET
from embias.metrics.stereotype_analogies import CARD as STEREOTYPE_ANALOGIES
from embias.metrics.valnorm import CARD as VALNORM
from embias.metrics.weat import CARD as WEAT
from embias.metrics.weat_forms import IEAT, SEAT
from embias.metrics.wefat import CARD as WEFAT
from embias.metrics.word_analogies import CARD as WORD_ANALOGIES
from embias.metrics.word_similarity import CARD as WORD_SIMILARITY

__all__ = ["METRICS", "get_metric"]

_ASSOCIATION = (
    WEAT,
    SEAT,
    IEAT,
    GENERALIZED_WEAT,
    SC_WEAT,
    NAS,
    WEFAT,
    VALNORM,
    CEAT,
    SAME,
    SEMAXIS,
    RND,
    RNSB,
    MAC,
    ECT,
    RIPA,
    BIAS_ANALOGY_TEST,
)
_DIRECTION = (
    BIAS_DIRECTION,
    DIRECT_BIAS,
    PROJECTIONS,
    INDIRECT_BIAS,
    STEREOTYPE_ANALOGIES,
    ANALOGY,
    ASSOCIATION_WITH_STATISTICS,
    GENDER_SPECIFIC,
)
_NEIGHBOURS_AND_PROBES = (
    CLUSTER_ALIGNMENT,
    NEIGHBOUR_BIAS,
    KNN_RECOVERY,
    PROBE_ACCURACY,
    GIPE,
    DISPARITY,
)
_LIKELIHOOD = (
    PSEUDO_LOG_LIKELIHOOD,
    LPBS,
    CROWS_PAIRS,
    STEREOSET,
)
_OF_A_SPACE = (
    WORD_SIMILARITY,
    WORD_ANALOGIES,
    NEIGHBOUR_OVERLAP,
    INTRINSIC_DIMENSION,
    ISOTROPY,
    HUBNESS,
    INVARIANCE,
    ASPECT_BIAS,
    CONCEPT_DISCOVERY,
)
_OVER_TIME = (
    DIACHRONIC_DRIFT,
    DIACHRONIC_ASSOCIATION,
)

#: Name to card, in the order in which a reader should meet them.
METRICS: dict[str, MetricCard] = {
    card.name: card
    for group in (
        _ASSOCIATION,
        _DIRECTION,
        _NEIGHBOURS_AND_PROBES,
        _LIKELIHOOD,
        _OF_A_SPACE,
        _OVER_TIME,
    )
    for card in group
}


def get_metric(name: str) -> MetricCard:
    """Return the card of the metric `name`.

    Raises
    ------
    UnknownNameError
        When there is no such metric.
    """
    if name not in METRICS:
        raise UnknownNameError(f"no metric {name!r}; {did_you_mean(name, METRICS)}")
    return METRICS[name]
