"""Aspect bias: agreement of near documents, aspect by aspect."""

import math
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embias import metrics
from embias.errors import InputError, VectorError
from embias.metrics.aspect_bias import CARD, aspect_bias

# The package shows the function under the name of its module.
module = sys.modules["embias.metrics.aspect_bias"]


def documents(seed, n=120, d=20, weights=(1.0, 1.0)):
    """Documents that are near by two aspects, each with a weight."""
    rng = np.random.default_rng(seed)
    labels = [rng.integers(0, 4, size=n) for _ in weights]
    vectors = 0.5 * rng.normal(size=(n, d))
    for weight, of in zip(weights, labels, strict=True):
        vectors += weight * rng.normal(size=(4, d))[of]
    return vectors, {"task": labels[0].tolist(), "method": labels[1].tolist()}


def several(entry):
    if entry is None:
        return set()
    return set(entry) if isinstance(entry, list | set | tuple) else {entry}


def by_definition(vectors, entries, k):
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    sets = [several(entry) for entry in entries]
    shared, chance = [], []
    for i, one in enumerate(units):
        if not sets[i]:
            continue
        others = [j for j in range(len(units)) if j != i]
        near = sorted(others, key=lambda j, one=one: -float(one @ units[j]))[:k]
        shared.append(np.mean([bool(sets[i] & sets[j]) for j in near]))
        chance.append(np.mean([bool(sets[i] & sets[j]) for j in others]))
    p, c = np.mean(shared), np.mean(chance)
    return p, c, (p - c) / (1 - c)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32 - 1), st.integers(1, 8))
def test_it_is_the_definition(seed, k):
    rng = np.random.default_rng(seed)
    vectors, aspects = documents(seed, n=40)
    aspects["data"] = [
        [None, [0, 1], {"a"}, "a", ["b", "b", 0]][rng.integers(5)] for _ in range(40)
    ]
    found = aspect_bias(vectors, aspects, k=k, n_resamples=100)
    agreements = []
    for name, entries in aspects.items():
        p, c, agreement = by_definition(vectors, entries, k)
        assert found.figures[f"shared:{name}"] == pytest.approx(p)
        assert found.figures[f"chance:{name}"] == pytest.approx(c)
        assert found.figures[f"agreement:{name}"] == pytest.approx(agreement)
        agreements.append(agreement)
    assert found.value == pytest.approx(max(agreements) - min(agreements))
    assert sum(found.figures[f"lead:{name}"] for name in aspects) == pytest.approx(0.0, abs=1e-12)
    assert found.counts["labelled:data"] == sum(entry is not None for entry in aspects["data"])


def test_the_aspect_that_rules_the_space_is_named():
    found = aspect_bias(*documents(0, weights=(2.0, 0.2)))
    assert (found.settings["most"], found.settings["least"]) == ("task", "method")
    assert found.value > 0.5
    assert 0.3 < found.interval.low < found.value < found.interval.high
    even = aspect_bias(*documents(0, weights=(1.0, 1.0), d=60))
    assert even.value < 0.2
    vectors, aspects = documents(0, weights=(3.0, 0.0))
    pure = aspect_bias(vectors, aspects, k=5)
    assert pure.figures["agreement:task"] == pytest.approx(1.0, abs=0.02)
    assert pure.figures["agreement:method"] == pytest.approx(0.0, abs=0.1)


def test_the_same_labels_twice_have_no_bias():
    vectors, aspects = documents(1)
    found = aspect_bias(vectors, {"one": aspects["task"], "two": aspects["task"]})
    assert found.value == 0.0


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32 - 1))
def test_rotation_length_order_and_names_change_nothing(seed):
    rng = np.random.default_rng(seed)
    vectors, aspects = documents(seed, n=50)
    value = aspect_bias(vectors, aspects, n_resamples=100).value
    turn = np.linalg.qr(rng.normal(size=(20, 20)))[0]
    order = rng.permutation(50)
    moved = (vectors @ turn * rng.uniform(0.1, 9, size=(50, 1)))[order]
    renamed = {name: [f"label {each[i]}" for i in order] for name, each in aspects.items()}
    assert aspect_bias(moved, renamed, n_resamples=100).value == pytest.approx(value)
    other = aspect_bias(vectors + 3, aspects, n_resamples=100)
    assert (
        other.figures["agreement:task"]
        != aspect_bias(vectors, aspects, n_resamples=100).figures["agreement:task"]
        or other.value != value
    )


def test_blocks_do_not_change_a_figure(monkeypatch):
    vectors, aspects = documents(2)
    whole = aspect_bias(vectors, aspects, n_resamples=200)
    monkeypatch.setattr(module, "_NUMBERS", 500)
    assert aspect_bias(vectors, aspects, n_resamples=200) == whole


def test_real_vectors(extract):
    """The neighbours of a word agree more in its letter case than in its length."""
    words = list(extract.words)[:1500]
    aspects = {
        "case": [word[0].isupper() for word in words],
        "length": [len(word) % 2 for word in words],
    }
    found = aspect_bias(extract.vectors[:1500], aspects)
    assert found.settings["most"] == "case"
    assert found.figures["agreement:length"] == pytest.approx(0.0, abs=0.1)
    assert found.interval.low > 0


@pytest.mark.parametrize(
    ("aspects", "options", "match"),
    [
        ({"a": [1, 1, 2]}, {}, "two aspects"),
        ([1, 1, 2], {}, "two aspects"),
        ({"a": [1, 1, 2], "b": [1, 2]}, {}, "2 entries for 3"),
        ({"a": [1, 1, 2], "b": "abc"}, {}, "3 entries for 3"),
        ({"a": [1, 1, 2], "b": [1, 2, 3]}, {}, "no two documents agree"),
        ({"a": [1, 1, 2], "b": [None] * 3}, {}, "no two documents agree"),
        ({"a": [1, 1, 2], "b": [1, 1, 1]}, {}, "all documents agree"),
        ({"a": [1, 1, 2], "b": [1, 1, 2]}, {"k": 3}, "k=3"),
        ({"a": [1, 1, 2], "b": [1, 1, 2]}, {"level": 1}, "level=1"),
        ({"a": [1, 1, 2], "b": [1, 1, 2]}, {"n_resamples": 1}, "n_resamples=1"),
    ],
)
def test_errors(aspects, options, match):
    with pytest.raises(InputError, match=match):
        aspect_bias(np.eye(3), aspects, **{"k": 1, **options})


def test_few_labelled_documents_have_no_interval():
    vectors, aspects = documents(3, n=60)
    aspects["rare"] = ["x", "x"] + [None] * 58
    found = aspect_bias(vectors, aspects)
    assert found.interval is None or "rare" not in (found.settings["most"], found.settings["least"])
    with pytest.raises(VectorError):
        aspect_bias(np.full((60, 3), math.nan), aspects)


def test_the_card_is_for_arrays(monkeypatch):
    monkeypatch.setitem(metrics.METRICS, CARD.name, CARD)
    assert metrics.get_metric("aspect_bias").takes == "vectors"
