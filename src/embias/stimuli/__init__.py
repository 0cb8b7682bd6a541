"""What is asked: word sets, association tests, suites, and the files that hold them."""

from embias.stimuli.concepts import Concept, LabelledTexts
from embias.stimuli.loading import known_suites, load_suite
from embias.stimuli.loading_concepts import known_concepts, load_concept
from embias.stimuli.pictures import ImageSet, image_set, image_test
from embias.stimuli.templates import fill_template
from embias.stimuli.values import ROLES, AssociationTest, Role, Source, Suite, WordSet

__all__ = [
    "ROLES",
    "AssociationTest",
    "Concept",
    "ImageSet",
    "LabelledTexts",
    "Role",
    "Source",
    "Suite",
    "WordSet",
    "fill_template",
    "image_set",
    "image_test",
    "known_concepts",
    "known_suites",
    "load_concept",
    "load_suite",
]
