"""The ten WEATs of Caliskan et al. 2017 on the shipped word2vec vectors, through the audit."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from embias import StaticEncoder, audit, load_suite, weat
from embias.stimuli import ROLES

MET = ["weat1", "weat2", "weat3", "weat4", "weat6", "weat7", "weat8"]

#: What WEFE 1.0.1 computes on the same vectors: effect size with ddof 0, sum statistic.
WEFE = json.loads((Path(__file__).parents[1] / "fixtures/weat_wefe_1_0_1.json").read_text())


@pytest.fixture(scope="module")
def result(extract):
    return audit(extract, "weat")


def test_seven_of_ten_published_effect_sizes_are_met(result):
    frame = result.frame
    assert frame.loc[frame["agrees"].fillna(False), "test"].tolist() == MET
    assert (frame["status"] == "ok").all()


def test_every_other_one_is_explained(result):
    for row in result.results:
        assert (row.test in MET) != bool(row.published.note), row.test


def test_no_published_effect_size_is_met_without_the_degree_of_freedom(extract):
    assert not audit(extract, "weat", ddof=0).frame["agrees"].any()


def test_every_p_is_exact_or_certified_and_none_is_zero(result):
    for row in result.results:
        association = row.association
        low, high = association.pvalue_bounds
        assert association.pvalue_method in ("exact", "certified")
        assert 1 / association.n_partitions <= low <= association.pvalue <= high
        assert high / low < 1.03


def test_certified_p_of_the_large_tests_agree_with_exact_counting(extract, result):
    # About a second each; the third, with 32 + 32 names, is beyond exact counting.
    for row in result.results[:2]:
        test = load_suite("weat").test(row.test)
        arrays = [extract.encode([w for w in test.words(r).words if w in extract]) for r in ROLES]
        exact = weat(*arrays, method="exact")
        assert row.association.pvalue_method == "certified"
        low, high = row.association.pvalue_bounds
        assert low <= exact.pvalue <= high


@pytest.mark.parametrize("name", list(WEFE))
def test_effect_size_and_statistic_agree_with_wefe(extract, name):
    row = next(row for row in audit(extract, "weat", ddof=0).results if row.test == name)
    # WEFE computes cosines in float32.
    assert row.association.effect_size == pytest.approx(WEFE[name]["effect_size_ddof0"], abs=2e-6)
    assert row.association.sum_statistic == pytest.approx(WEFE[name]["sum_statistic"], abs=2e-6)


def test_published_p_follow_a_normal_approximation_rounded_up(result):
    # "1e-3" is printed for anything up to a thousandth: the next power of ten above the tail
    # of a normal with the exact null deviation sqrt(1/nX + 1/nY) of d.
    for row in result.results:
        printed = row.published.pvalue
        if row.test not in MET or "e" not in printed:
            continue
        association = row.association
        z = association.effect_size / math.sqrt(1 / association.n_x + 1 / association.n_y)
        tail = 0.5 * math.erfc(z / math.sqrt(2))
        assert 10 ** math.ceil(math.log10(tail)) == pytest.approx(float(printed)), row.test


def test_what_is_said_of_the_variants_is_so(extract):
    suite = load_suite("weat")
    variants = {
        "weat5": ({"Jay", "Kristen"}, {"Tremayne", "Latonya"}, {}, 0.72),
        "weat9": (set(), set(), {"short-term": "short"}, 1.30),
    }
    for name, (more_x, more_y, replaced, printed) in variants.items():
        test = suite.test(name)
        sets = {role: [replaced.get(w, w) for w in test.words(role).words] for role in ROLES}
        sets["X"] += sorted(more_x)
        sets["Y"] += sorted(more_y)
        computed = weat(*(extract.encode(sets[role]) for role in ROLES))
        assert round(computed.effect_size, 2) == printed


def test_a_debiased_copy_moves_the_gender_tests_and_not_the_others(extract, result):
    # An end-to-end check that the figures come from the vectors: remove he - she.
    he, she = extract.encode(["he", "she"]).astype(float)
    direction = he / np.linalg.norm(he) - she / np.linalg.norm(she)
    direction /= np.linalg.norm(direction)
    vectors = extract.vectors - np.outer(extract.vectors @ direction, direction)
    flat = StaticEncoder(extract.words, vectors, id="without he - she")
    before = {row.test: row.association.statistic for row in result.results}
    after = {row.test: row.association.statistic for row in audit(flat, "weat").results}
    assert abs(after["weat7"]) < 0.5 * abs(before["weat7"])
    assert after["weat1"] == pytest.approx(before["weat1"], rel=0.1)
