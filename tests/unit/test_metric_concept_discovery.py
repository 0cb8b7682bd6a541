"""Concepts found in vectors, and groups of texts that differ in them."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embias import metrics
from embias.errors import InputError
from embias.metrics.concept_discovery import CARD, concept_discovery
from embias.metrics.concepts import concept_correlation, fit_concepts, top_items
from embias.stats import adjust


def sparse_codes(seed, n=40, c=6):
    rng = np.random.default_rng(seed)
    return rng.gamma(2, size=(n, c)) * (rng.random((n, c)) < 0.4)


def effect(first, second):
    pooled = np.concatenate([first, second])
    return (first.mean() - second.mean()) / pooled.std(ddof=1)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_exact_pvalues_count_all_relabellings(seed):
    codes = sparse_codes(seed, n=8, c=3) + np.eye(8, 3)
    found = concept_discovery(codes[:3], codes[3:])
    effects = [effect(codes[:3, j], codes[3:, j]) for j in range(3)]
    assert found.scores["concepts"] == pytest.approx(effects, abs=1e-12)
    all_effects = []
    for chosen in itertools.combinations(range(8), 3):
        rest = [i for i in range(8) if i not in chosen]
        all_effects.append([abs(effect(codes[list(chosen), j], codes[rest, j])) for j in range(3)])
    drawn = np.array(all_effects)
    single = [(drawn[:, j] >= abs(effects[j]) - 1e-9).mean() for j in range(3)]
    largest = [(drawn.max(axis=1) >= abs(effects[j]) - 1e-9).mean() for j in range(3)]
    assert found.scores["pvalue"] == pytest.approx(single)
    assert found.scores["pvalue_adjusted"] == pytest.approx(largest)
    strongest = int(np.argmax(np.abs(effects)))
    assert found.value == pytest.approx(effects[strongest])
    assert found.figures["strongest"] == strongest
    assert found.pvalue == pytest.approx(min(largest))
    assert (found.pvalue_method, found.n_resamples) == ("exact", None)
    assert abs(found.value) <= found.value_range[1] + 1e-12


def test_sampled_pvalues_are_near_the_exact_ones():
    codes = sparse_codes(1, n=16, c=4)
    codes[:8, 2] += 0.8
    exact = concept_discovery(codes[:8], codes[8:])
    assert exact.pvalue_method == "exact"
    more = np.vstack([codes, codes, codes])
    sampled = concept_discovery(more[:24], more[24:], n_resamples=999, rng=4)
    assert (sampled.pvalue_method, sampled.n_resamples) == ("sampled", 999)
    assert sampled.settings["seed"] == 4
    assert sampled.pvalue_bounds[0] <= sampled.pvalue <= sampled.pvalue_bounds[1]
    assert min(sampled.scores["pvalue"]) >= 1 / 1000
    assert sampled == concept_discovery(more[:24], more[24:], n_resamples=999, rng=4)


def test_false_alarms_stay_at_the_level():
    """Forty concepts, no difference: the adjusted p-value is rarely small, single ones are."""
    rng = np.random.default_rng(0)
    adjusted, single = [], []
    for seed in range(120):
        codes = rng.gamma(1, size=(40, 40)) * (rng.random((40, 40)) < 0.3)
        found = concept_discovery(codes[:20], codes[20:], n_resamples=199, rng=seed)
        adjusted.append(found.pvalue <= 0.05)
        single.append(min(found.scores["pvalue"]) <= 0.05)
    assert np.mean(adjusted) < 0.12
    assert np.mean(single) > 0.6


def test_a_planted_difference_is_found():
    codes = sparse_codes(5, n=80, c=30)
    codes[:40, 7] += 2
    found = concept_discovery(codes[:40], codes[40:])
    assert found.figures["strongest"] == 7.0
    assert found.value > 0
    assert found.pvalue == 1 / 2000
    assert found.figures["differing"] >= 1
    assert found.scores["difference"][7] == pytest.approx(
        codes[:40, 7].mean() - codes[40:, 7].mean()
    )
    shares = concept_discovery(codes[:40], codes[40:], figure="active")
    assert shares.scores["difference"][7] == pytest.approx(1 - (codes[40:, 7] > 0).mean())


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_swap_scale_and_order(seed):
    rng = np.random.default_rng(seed)
    codes = sparse_codes(seed, n=9) + 0.1 * rng.random((9, 6))
    found = concept_discovery(codes[:4], codes[4:])
    swapped = concept_discovery(codes[4:], codes[:4])
    assert swapped.value == pytest.approx(-found.value, abs=1e-12)
    assert swapped.pvalue == pytest.approx(found.pvalue)
    scaled = codes * rng.uniform(0.1, 10, size=6)
    order = rng.permutation(4)
    other = concept_discovery(scaled[:4][order], scaled[4:])
    assert other.value == pytest.approx(found.value, abs=1e-9)
    assert other.pvalue == pytest.approx(found.pvalue)


def test_other_corrections_are_those_of_the_library():
    codes = sparse_codes(2, n=30)
    for correction in ("holm", "benjamini-hochberg"):
        found = concept_discovery(codes[:15], codes[15:], correction=correction)
        assert found.scores["pvalue_adjusted"] == pytest.approx(
            adjust(found.scores["pvalue"], correction)
        )


def test_concepts_that_do_not_vary():
    codes = sparse_codes(3)
    codes[:, 2] = 0
    codes[:, 4] = 1.5
    found = concept_discovery(codes[:20], codes[20:])
    assert found.counts["varying"] == 4
    assert [i for i, d in enumerate(found.scores["concepts"]) if math.isnan(d)] == [2, 4]
    nothing = concept_discovery(np.ones((3, 2)), np.ones((4, 2)))
    assert math.isnan(nothing.value)
    assert nothing.pvalue is None
    assert "No concept varies" in nothing.note


def test_npmi_is_its_formula_and_its_limits():
    codes = sparse_codes(4)
    found = concept_correlation(codes)
    active = codes > 0
    for i, j in itertools.product(range(6), repeat=2):
        both = (active[:, i] & active[:, j]).mean()
        apart = active[:, i].mean() * active[:, j].mean()
        assert found[i, j] == pytest.approx(math.log(both / apart) / -math.log(both))
    assert found == pytest.approx(found.T)
    assert np.diagonal(found) == pytest.approx(np.ones(6))
    table = np.array([[1, 0, 1, 0, 1], [1, 0, 1, 0, 1], [0, 1, 1, 0, 1], [0, 1, 1, 0, 1.0]])
    edges = concept_correlation(table)
    assert edges[0, 1] == -1.0
    assert edges[0, 2] == pytest.approx(0.0)
    assert np.isnan(edges[3]).all()
    assert np.isnan(edges[:, 3]).all()
    assert math.isnan(edges[2, 4])
    even = concept_correlation(np.array(list(itertools.product([0, 1], repeat=2)), dtype=float))
    assert even[0, 1] == pytest.approx(0.0)


def test_top_items():
    codes = np.array([[0.5, 0.0], [2.0, 0.0], [0.5, 1.0], [0.0, 0.0]])
    assert top_items(codes, 3).tolist() == [[1, 0, 2], [2, -1, -1]]
    assert top_items(codes, 1).tolist() == [[1], [2]]


def planted(seed, n=1500, c=5, d=20):
    rng = np.random.default_rng(seed)
    directions = np.linalg.qr(rng.normal(size=(d, d)))[0][:c]
    codes = rng.gamma(3, size=(n, c)) * (rng.random((n, c)) < 0.25)
    return codes, directions, codes @ directions + 0.05 * rng.normal(size=(n, d))


def test_a_dictionary_finds_planted_directions():
    _, directions, vectors = planted(0)
    found = fit_concepts(vectors, 8)
    closest = np.abs(found.directions @ directions.T).max(axis=0)
    assert (closest > 0.85).all()
    assert np.linalg.norm(found.directions, axis=1) == pytest.approx(np.ones(8))
    assert found.codes.shape == (1500, 8)
    assert (found.codes >= 0).all()
    assert found.explained > 0.7
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    rest = units - found.mean - found.codes @ found.directions
    total = ((units - units.mean(axis=0)) ** 2).sum()
    assert found.explained == pytest.approx(1 - (rest**2).sum() / total)
    strength = (found.codes**2).sum(axis=0)
    assert (np.diff(strength) <= 1e-9).all()
    again = fit_concepts(vectors, 8)
    assert np.array_equal(found.codes, again.codes)
    sparser = fit_concepts(vectors, 8, sparsity=0.5)
    assert sparser.active < found.active


def test_from_vectors_to_a_difference(extract):
    """Flowers against insects: some concept tells them apart, and none two halves of flowers."""
    flowers = (
        "aster clover hyacinth marigold poppy azalea crocus iris orchid rose daisy lilac tulip"
    )
    insects = (
        "ant caterpillar flea locust spider bedbug centipede fly maggot tarantula bee wasp moth"
    )
    have = set(extract.words)
    groups = [[word for word in text.split() if word in have] for text in (flowers, insects)]
    words = [*groups[0], *groups[1]]
    rest = [word for word in extract.words if word not in words][::5]
    found = fit_concepts(extract.encode(words + rest), 32)
    n = len(groups[0])
    measure = concept_discovery(found.codes[:n], found.codes[n : len(words)])
    assert measure.pvalue < 0.01
    strongest = found.codes[:, int(measure.figures["strongest"])]
    assert np.sign(strongest[:n].mean() - strongest[n : len(words)].mean()) == np.sign(
        measure.value
    )
    # Two halves of one group do not differ.
    halves = concept_discovery(found.codes[0:n:2], found.codes[1:n:2])
    assert halves.pvalue > 0.05


@pytest.mark.parametrize(
    ("first", "second", "options", "match"),
    [
        (np.ones((2, 3)), np.ones((2, 4)), {}, "first has 3 concepts and second 4"),
        (np.ones((1, 3)), np.ones((1, 3)), {}, "one text in each"),
        (-np.ones((2, 3)), np.ones((2, 3)), {}, r"first\[0, 0\] is -1.0"),
        (np.ones((2, 3)), np.full((2, 3), math.nan), {}, r"second\[0, 0\] is nan"),
        (np.ones((0, 3)), np.ones((2, 3)), {}, "first has shape"),
        (np.ones((2, 3)), np.ones((2, 3)), {"figure": "median"}, "figure='median'"),
        (np.ones((2, 3)), np.ones((2, 3)), {"correction": "none"}, "correction='none'"),
        (np.ones((2, 3)), np.ones((2, 3)), {"n_resamples": 9}, "n_resamples=9"),
        (np.ones((2, 3)), np.ones((2, 3)), {"rng": "x"}, "rng='x'"),
    ],
)
def test_errors(first, second, options, match):
    with pytest.raises(InputError, match=match):
        concept_discovery(first, second, **options)


@pytest.mark.parametrize(
    ("vectors", "n_concepts", "options", "match"),
    [
        (np.eye(5), 5, {}, "5 rows for 5 concepts"),
        (np.eye(5), 1, {}, "n_concepts=1"),
        (np.eye(5), 3, {"sparsity": 0}, "sparsity=0"),
        (np.eye(5), 3, {"n_epochs": 0}, "n_epochs=0"),
        (np.ones((9, 4)), 3, {}, "same direction"),
    ],
)
def test_errors_of_fitting(vectors, n_concepts, options, match):
    with pytest.raises(InputError, match=match):
        fit_concepts(vectors, n_concepts, **options)


def test_the_card_is_for_arrays(monkeypatch):
    monkeypatch.setitem(metrics.METRICS, CARD.name, CARD)
    assert metrics.get_metric("concept_discovery").takes == "vectors"
