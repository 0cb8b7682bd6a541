"""Vectors, directions and subspaces: what metrics measure along and transforms remove."""

from embias.geometry.direction_from_groups import direction_from_groups
from embias.geometry.direction_from_pairs import direction_from_pairs, direction_from_sets
from embias.geometry.spans import (
    finite_rows,
    joint_span,
    span_of_classes,
    span_of_spectrum,
    span_of_vectors,
)
from embias.geometry.subspace import Subspace, as_basis
from embias.geometry.texts import span_of_texts
from embias.geometry.vectors import check_same_dimension, unit_rows

__all__ = [
    "Subspace",
    "as_basis",
    "check_same_dimension",
    "direction_from_groups",
    "direction_from_pairs",
    "direction_from_sets",
    "finite_rows",
    "joint_span",
    "span_of_classes",
    "span_of_spectrum",
    "span_of_texts",
    "span_of_vectors",
    "unit_rows",
]
