"""Mean average cosine: formula, peer, errors, in an audit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metric_samples import CAREER, FAMILY, FEMALE, MALE, career_and_family, cosine

from embias import audit, metrics
from embias.errors import InputError, VectorError
from embias.metrics.mac import CARD, mac


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_it_is_the_published_formula_whatever_length_rotation_and_order(seed):
    rng = np.random.default_rng(seed)
    targets, *sets = (rng.normal(size=(n, 6)) for n in (4, 3, 1, 5))
    each = [[sum(1 - cosine(t, a) for a in rows) / len(rows) for rows in sets] for t in targets]
    result = mac(targets, sets)
    assert result.value == pytest.approx(sum(map(sum, each)) / 12, abs=1e-12)
    assert result.scores["words"] == pytest.approx([sum(row) / 3 for row in each], abs=1e-12)
    assert result.scores["set 2"] == pytest.approx([row[1] for row in each], abs=1e-12)
    assert result.figures["set 3"] == pytest.approx(sum(row[2] for row in each) / 4, abs=1e-12)
    rotation = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    moved = [rng.permutation(5 * rows @ rotation) for rows in (targets, *sets)]
    assert mac(moved[0], moved[1:][::-1]).value == pytest.approx(result.value, abs=1e-12)


def test_limits():
    x, y = [1.0, 0.0], [0.0, 1.0]
    assert mac([x], [[x]]).value == pytest.approx(0)
    assert mac([x], [[y]]).value == pytest.approx(1)
    assert mac([x], [[[-1.0, 0.0]]]).value == pytest.approx(2)
    # Every set weighs the same, whatever its size.
    assert mac([x], [[x, x, x], [y]]).value == pytest.approx(0.5)
    assert mac([x], [[x]]).pvalue is None


def test_it_is_blind_to_which_group_is_closer_and_moved_by_a_common_direction():
    x, y = [1.0, 0.0, 0.1], [0.0, 1.0, 0.1]
    assert mac([x, y], [[x], [y]]).value == pytest.approx(mac([y, x], [[x], [y]]).value)
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(12, 50))
    assert mac(rows[:4], [rows[4:8], rows[8:]]).value == pytest.approx(1, abs=0.1)
    rows[:, 0] += 50
    assert mac(rows[:4], [rows[4:8], rows[8:]]).value < 0.1


def test_the_numbers_of_wefe_1_0_1(extract):
    targets = extract.encode(MALE + FEMALE)
    result = mac(targets, [extract.encode(CAREER), extract.encode(FAMILY)])
    assert result.value == pytest.approx(0.8416415217638229, abs=1e-6)
    assert result.value == pytest.approx(0.8416415237587014, abs=1e-12)
    assert result.figures["set 2"] < result.figures["set 1"] < 1


@pytest.mark.parametrize(
    ("targets", "attributes", "message"),
    [
        ([[1.0, 0.0]], [], "attributes is empty"),
        ([[1.0, 0.0]], [[[1.0, 0.0]], np.empty((0, 2))], r"attributes\[1\] has shape"),
        ([[1.0, 0.0]], np.eye(2), "one two-dimensional array"),
        ([[1.0, 0.0]], [[[1.0, 0.0, 0.0]]], "different dimension"),
        ([1.0, 0.0], [[[1.0, 0.0]]], "targets has shape"),
    ],
)
def test_errors(targets, attributes, message):
    with pytest.raises(InputError, match=message):
        mac(targets, attributes)


def test_a_zero_vector_is_named():
    with pytest.raises(VectorError, match=r"attributes\[0\]\[1\]"):
        mac([[1.0, 0.0]], [[[1.0, 0.0], [0.0, 0.0]]])


def test_in_an_audit(extract, monkeypatch):
    monkeypatch.setitem(metrics.METRICS, CARD.name, CARD)
    (row,) = audit(extract, career_and_family(), metrics=["mac"]).results
    assert row.measure.value == pytest.approx(0.8416415237587014, abs=1e-6)
    assert row.measured == (*MALE, *FEMALE)
    assert len(row.measured) == len(row.measure.scores["words"])
    assert row.pvalue is None
