"""What a metric needs that a test or an encoder does not have."""

from __future__ import annotations

import inspect

from embias import metrics
from embias.errors import InputError
from embias.metrics import MetricCard
from embias.stimuli import ROLES, AssociationTest
from embias.types import EncoderInfo

__all__ = ["check_served", "is_served"]


def check_served(card: MetricCard, test: AssociationTest, info: EncoderInfo) -> None:
    """Raise an InputError that says what is needed, unless test and encoder can serve a metric."""
    if reason := _of_test(card, test) or _of_encoder(card, info):
        raise InputError(f"{card.name} {reason}")


def is_served(card: MetricCard, test: AssociationTest, info: EncoderInfo) -> bool:
    """Whether test and encoder have what a metric is computed from."""
    return not (_of_test(card, test) or _of_encoder(card, info))


def _of_test(card: MetricCard, test: AssociationTest) -> str:
    if not card.audited:
        return f"is computed from {card.needs}, which no test holds; call {_call(card)}"
    if card.takes == "pictures" and not test.images:
        return (
            "is for tests with pictures, and this test has none; make one with "
            "embias.stimuli.image_test, or use weat"
        )
    if card.takes == "sentences" and not test.templated:
        return (
            "is for words in sentences, and this test has words alone; give it templates, or use "
            "weat"
        )
    if card.takes == "contexts" and not _has_contexts(test):
        return (
            "is computed from many contexts of every word, and this test has none; give it "
            f"templates or sentences, or call {_call(card)}"
        )
    return ""


def _has_contexts(test: AssociationTest) -> bool:
    words = [word for role in ROLES for word in test.words(role).words]
    return test.templated and any(len(test.stimuli(word)) > 1 for word in words)


def _of_encoder(card: MetricCard, info: EncoderInfo) -> str:
    if card.takes == "contexts" and info.kind != "token":
        return (
            f"is computed from the vector of a word inside each of its contexts, and the encoder "
            f"{info.id!r} gives {_GIVES[info.kind]}; run it on an encoder of words in their "
            f"sentences, TransformerEncoder(..., level='word'), or call {_call(card)}"
        )
    return ""


_GIVES = {
    "static": "one vector for a word, whatever its context",
    "sentence": "one vector for a whole text",
    "image": "vectors of pictures",
}


def _call(card: MetricCard) -> str:
    """Return how a metric is called, with what it has to be given."""
    name = card.function or card.name
    # A metric that was added by a user may have no function here.
    function = getattr(metrics, name, None)
    if not callable(function):
        return f"the function of {name}"
    given = [
        parameter.name
        for parameter in inspect.signature(function).parameters.values()
        if parameter.default is parameter.empty
    ]
    return f"embias.metrics.{name}({', '.join(given)})"
