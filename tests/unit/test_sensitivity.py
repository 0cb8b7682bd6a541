"""Leave-one-out and random subsets: the figures of weat on what remains."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embias.errors import InputError, VectorError
from embias.metrics import leave_one_out, subset_stability, weat

ROLES = ("X", "Y", "A", "B")


def vectors(*sizes, seed=0, dim=6):
    rng = np.random.default_rng([seed, *sizes])
    # Lengths differ, so that forgetting to normalise shows.
    return [rng.normal(size=(n, dim)) * rng.uniform(0.5, 5, size=(n, 1)) for n in sizes]


def without(sets, role, row):
    pairs = zip(ROLES, sets, strict=True)
    return [np.delete(rows, row, axis=0) if r == role else rows for r, rows in pairs]


def names(sets):
    words = {r: [f"{r}{i}" for i in range(len(v))] for r, v in zip(ROLES, sets, strict=True)}
    return {f"words_{role.lower()}": labels for role, labels in words.items()}


@settings(max_examples=15, deadline=None)
@given(
    st.tuples(*[st.integers(2, 5)] * 2, *[st.integers(2, 4)] * 2),
    st.sampled_from([0, 1]),
    st.sampled_from(["greater", "less", "two-sided"]),
    st.integers(0, 100),
)
def test_every_row_equals_weat_without_that_word(sizes, ddof, alternative, seed):
    sets = vectors(*sizes, seed=seed)
    options = {"ddof": ddof, "alternative": alternative}
    found = leave_one_out(*sets, **names(sets), **options)
    full = weat(*sets, **options)
    assert found.effect_size == pytest.approx(full.effect_size, abs=1e-12)
    assert found.statistic == pytest.approx(full.statistic, abs=1e-12)
    assert found.pvalue == full.pvalue
    assert len(found.rows) == sum(sizes)
    for row in found.rows:
        assert row.left_out.startswith(row.role)
        expected = weat(*without(sets, row.role, int(row.left_out[1:])), **options)
        assert row.effect_size == pytest.approx(expected.effect_size, abs=1e-12)
        assert row.statistic == pytest.approx(expected.statistic, abs=1e-12)
        assert row.pvalue == expected.pvalue
        assert row.influence == pytest.approx(full.effect_size - expected.effect_size, abs=1e-12)
        change = full.statistic - expected.statistic
        assert row.influence_statistic == pytest.approx(change, abs=1e-12)


def test_rows_are_sorted_by_influence_and_fill_the_frame():
    sets = vectors(5, 6, 3, 4)
    found = leave_one_out(*sets, **names(sets))
    sizes = [abs(row.influence) for row in found.rows]
    assert sizes == sorted(sizes, reverse=True)
    frame = found.frame
    assert list(frame["left_out"]) == [row.left_out for row in found.rows]
    assert set(frame["role"]) == set(ROLES)
    assert frame["influence"].tolist() == [row.influence for row in found.rows]


def test_an_outlying_word_comes_first():
    a, b = np.array([[1.0, 0, 0]]), np.array([[0, 1.0, 0]])
    x = np.array([[1, 1, 4.0], [1, 1.1, 4], [1.1, 1, 4], [9, 0, 0]])
    y = np.array([[1, 1, 4.2], [1, 1.05, 4], [1.05, 1, 4], [1, 1, 4.1]])
    found = leave_one_out(x, y, a, b, words_x=["p", "q", "r", "odd"])
    assert (found.rows[0].role, found.rows[0].left_out) == ("X", "odd")
    assert found.rows[0].influence > 0.5
    # The only attribute of a set cannot be left out: said, not skipped, and at the end.
    assert [row.role for row in found.rows[-2:]] == ["A", "B"]
    assert all(math.isnan(row.influence) for row in found.rows[-2:])
    assert found.rows[-1].reason == "nothing would be left of B"


def test_sign_changes_are_found():
    a, b = np.array([[1.0, 0]]), np.array([[0, 1.0]])
    x, y = np.array([[1, 2.0], [1, 2.1], [9, 1]]), np.array([[1, 1.6], [1, 1.7], [1, 1.8]])
    found = leave_one_out(x, y, a, b)
    assert found.effect_size > 0
    assert [(row.role, row.left_out) for row in found.sign_changes] == [("X", "2")]


def test_rows_of_one_word_leave_together():
    sets = vectors(6, 6, 4, 4)
    groups_x, groups_y = list("aabbcc"), list("ddeeff")
    words_a = ["m", "n", "m", "n"]
    found = leave_one_out(*sets, x_groups=groups_x, y_groups=groups_y, words_a=words_a)
    assert sorted(row.left_out for row in found.rows if row.role == "X") == ["a", "b", "c"]
    x, y, a, b = sets
    for row in found.rows:
        if row.role == "X":
            keep = [i for i, word in enumerate(groups_x) if word != row.left_out]
            kept = [groups_x[i] for i in keep]
            expected = weat(x[keep], y, a, b, x_groups=kept, y_groups=groups_y)
        elif row.role == "A":
            keep = [i for i, word in enumerate(words_a) if word != row.left_out]
            expected = weat(x, y, a[keep], b, x_groups=groups_x, y_groups=groups_y)
        else:
            continue
        assert row.effect_size == pytest.approx(expected.effect_size, abs=1e-12)
        assert row.pvalue == expected.pvalue
    by_words = leave_one_out(*sets, words_x=groups_x, words_y=groups_y, words_a=words_a)
    assert by_words == found


def test_templates_leave_all_their_sets():
    x, y, a, b = vectors(6, 6, 4, 3)
    groups = {"x_groups": list("aabbcc"), "y_groups": list("ddeeff")}
    templates = ["{}", "This is {}."] * 3
    found = leave_one_out(
        x, y, a, b, **groups, x_templates=templates, y_templates=templates,
        a_templates=["{}", "{}", "This is {}.", "other {}"],
    )  # fmt: skip
    rows = {row.left_out: row for row in found.rows if row.role == "template"}
    assert set(rows) == {"{}", "This is {}.", "other {}"}
    expected = weat(x[1::2], y[1::2], a[2:], b)
    assert rows["{}"].effect_size == pytest.approx(expected.effect_size, abs=1e-12)
    assert rows["{}"].pvalue == expected.pvalue
    expected = weat(x, y, a[:3], b, **groups)
    assert rows["other {}"].effect_size == pytest.approx(expected.effect_size, abs=1e-12)
    assert rows["other {}"].pvalue == expected.pvalue


def test_a_single_template_cannot_be_left_out():
    sets = vectors(3, 3, 2, 2)
    found = leave_one_out(*sets, x_templates=["{}"] * 3)
    assert found.rows[-1].role == "template"
    assert found.rows[-1].reason == "nothing would be left of X"


def test_one_pair_of_targets_is_no_remainder():
    found = leave_one_out(*vectors(2, 1, 2, 2))
    reasons = {(row.role, row.reason) for row in found.rows if row.reason}
    assert ("X", "one target on each side has no effect size") in reasons
    assert ("Y", "nothing would be left of Y") in reasons


def test_sampled_pvalues_are_seeded():
    sets = vectors(4, 4, 2, 2)
    options = {"method": "sampled", "n_resamples": 200}
    found = leave_one_out(*sets, rng=5, **options)
    assert found == leave_one_out(*sets, rng=5, **options)
    assert found.pvalue == weat(*sets, rng=5, **options).pvalue
    assert found != leave_one_out(*sets, rng=6, **options)


def test_subset_figures_are_those_of_some_subset():
    sets = vectors(3, 3, 3, 2)
    found = subset_stability(*sets, share=0.7, n_subsets=300)
    assert found.sizes == (2, 2, 2, 1)
    possible = {}
    for i in range(3):
        for j in range(3):
            for k in range(3):
                for m in range(2):
                    reduced = sets
                    for role, row in zip(ROLES, (i, j, k, m), strict=True):
                        reduced = without(reduced, role, row)
                    result = weat(*reduced)
                    possible[round(result.statistic, 9)] = result.effect_size
    seen = [round(value, 9) for value in found.statistics]
    assert set(seen) == set(possible)  # 54 subsets, each drawn among 300 with this seed
    expected = [possible[value] for value in seen]
    np.testing.assert_allclose(found.effect_sizes, expected, atol=1e-9)
    sign = np.sign(found.statistic)
    assert found.same_sign == np.mean(np.sign(found.statistics) == sign)
    assert 0 < found.same_sign < 1
    low, middle, high = found.effect_size_quantiles()
    assert low < middle < high
    assert middle == pytest.approx(np.median(found.effect_sizes))


def test_rows_of_one_word_are_drawn_together():
    x, y, a, b = vectors(5, 4, 2, 2)
    words = list("aabbb")
    found = subset_stability(x, y, a, b, words_x=words, share=0.5, n_subsets=200)
    assert found.sizes == (1, 2, 1, 1)
    scores = {
        weat(x[rows], y[[i, j]], a[[k]], b[[m]]).statistic
        for rows in ([0, 1], [2, 3, 4])
        for i in range(4)
        for j in range(i)
        for k in range(2)
        for m in range(2)
    }
    for value in found.statistics:
        assert min(abs(value - score) for score in scores) < 1e-12


def test_a_clear_association_is_stable_and_seeded():
    rng = np.random.default_rng(2)
    centre = rng.normal(size=(2, 10))
    x, y, a, b = (centre[i] + 0.5 * rng.normal(size=(8, 10)) for i in (0, 1, 0, 1))
    found = subset_stability(x, y, a, b, rng=1)
    full = weat(x, y, a, b)
    assert found.same_sign == 1
    assert found.effect_size == pytest.approx(full.effect_size)
    assert found.statistic == pytest.approx(full.statistic)
    assert len(found.effect_sizes) == len(found.statistics) == 1000
    assert found == subset_stability(x, y, a, b, rng=1)
    assert found.statistics != subset_stability(x, y, a, b, rng=2).statistics
    ratio = subset_stability(x, y, a, b, rng=1, ddof=0).effect_size / found.effect_size
    assert ratio == pytest.approx(math.sqrt(16 / 15))


def test_vectors_stay_as_they_were():
    sets = vectors(3, 3, 2, 2)
    before = [rows.copy() for rows in sets]
    leave_one_out(*sets)
    subset_stability(*sets, n_subsets=3)
    for rows, old in zip(sets, before, strict=True):
        np.testing.assert_array_equal(rows, old)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"words_x": ["p"]}, "X has 3 rows and 1 labels"),
        ({"words_b": "pq"}, "B has 2 rows"),
        ({"words_a": [["p"], ["q"]]}, "not hashable"),
        ({"x_groups": list("pqr")}, "both x_groups and y_groups"),
        ({"a_templates": ["{}"]}, "A has 2 rows and 1 labels"),
        ({"x_groups": list("pqr"), "y_groups": list("stp")}, "'p' is in both"),
        ({"ddof": 2}, "ddof=2"),
        ({"alternative": "more"}, "alternative='more'"),
        ({"method": "fast"}, "method='fast'"),
    ],
)
def test_bad_input_of_leave_one_out_is_named(options, message):
    with pytest.raises(InputError, match=message):
        leave_one_out(*vectors(3, 3, 2, 2), **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"share": 1}, "share=1"),
        ({"share": 0.99}, "leaves out no word"),
        ({"share": 0.1}, "one target on each side"),
        ({"n_subsets": 0}, "n_subsets=0"),
        ({"ddof": 2}, "ddof=2"),
        ({"words_y": ["p"]}, "Y has 3 rows"),
    ],
)
def test_bad_input_of_subset_stability_is_named(options, message):
    with pytest.raises(InputError, match=message):
        subset_stability(*vectors(3, 3, 2, 2), **options)


def test_bad_vectors_are_named():
    x, y, a, b = vectors(3, 3, 2, 2)
    x[1] = 0
    with pytest.raises(VectorError, match=r"x\[1\] is the zero vector"):
        leave_one_out(x, y, a, b)
    with pytest.raises(InputError, match="different dimension"):
        subset_stability(y, y, a[:, :4], b)
    with pytest.raises(InputError, match="quantile 2"):
        subset_stability(y, y * 2 + 1, a, b).effect_size_quantiles(2)
