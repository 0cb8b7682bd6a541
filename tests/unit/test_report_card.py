"""The report card of a transform, where the truth is known."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import Normalizer, OneHotEncoder
from sklearn.svm import SVC

from embias import AssociationTest, WordSet, report_card
from embias.audit._card_finding import Finding
from embias.audit._card_inputs import labelled
from embias.audit._card_merge import merged
from embias.audit._card_split import parts_of
from embias.metrics import WordPairs
from embias.transforms import LEACE, FoldedAffine, OrthogonalProjection

LINEAR = ("linear_strong", "linear_weak")


def clouds(n=400, d=8, gap=3.0, seed=0, classes=("f", "m")):
    """Return rows whose class is one direction each, about a point that is not the origin."""
    rng = np.random.default_rng(seed)
    y = np.repeat(list(classes), n // len(classes))
    X = rng.normal(size=(y.size, d)) + 1.0
    for i, name in enumerate(classes):
        X[y == name, i] += gap
    return X, y


class Times(TransformerMixin, BaseEstimator):
    """A fixed linear map."""

    def __init__(self, matrix=None):
        self.matrix = matrix

    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def transform(self, X):
        return np.asarray(X) @ self.matrix


def rotation(d, seed=3):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(d, d)))[0]


@pytest.fixture(scope="module")
def fixed():
    """A card of a given map on all rows, with what each figure can be computed from."""
    X, y = clouds(240, 6)
    rng = np.random.default_rng(5)
    task = rng.integers(0, 3, len(y))
    X[:, 4] += 3 * task
    matrix = rng.normal(size=(6, 6))
    sets = {name: rng.normal(size=(7, 6)) + i for i, name in enumerate("xyab")}
    pairs = (rng.normal(size=(25, 6)), rng.normal(size=(25, 6)), rng.normal(size=25))
    card = report_card(
        Times(matrix).fit(X), X, y, fit=False, task=task, association=sets, similarity=pairs,
        n_splits=1,
    )  # fmt: skip
    return card, X, X @ matrix, y, task, sets, pairs, matrix


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def both(card, name):
    figure = card.figure(name)
    return figure.before, figure.after


# ---- each figure against code of its own ---------------------------------------------------------


def test_covariance_is_the_frobenius_norm_with_one_hot_labels(fixed):
    card, before, after, y, *_ = fixed
    z = OneHotEncoder(sparse_output=False).fit_transform(y[:, None])
    expected = [
        np.linalg.norm(np.cov(r.T, z.T)[: r.shape[1], r.shape[1] :]) for r in (before, after)
    ]
    assert both(card, "covariance") == pytest.approx(expected, rel=1e-12)
    # Relabelled labels have a mean square known in closed form; the mean lies a little below.
    s_xx, s_zz = np.trace(np.cov(after.T)), np.trace(np.cov(z.T))
    root_mean_square = np.sqrt(s_xx * s_zz / (len(y) - 1))
    assert 0.7 * root_mean_square < card.figure("covariance").reference < root_mean_square


@pytest.mark.parametrize(("name", "strength"), [("linear_strong", 0.01), ("linear_weak", 100.0)])
def test_the_same_data_probe_is_a_logistic_regression_on_its_own_rows(fixed, name, strength):
    card, before, after, y, *_ = fixed
    for rows, found in zip((before, after), both(card, f"{name}_same"), strict=True):
        centred = rows - rows.mean(axis=0)
        scaled = centred / np.sqrt((centred**2).mean())
        model = LogisticRegression(C=strength, max_iter=5_000).fit(scaled, y)
        assert found == pytest.approx(model.score(scaled, y), abs=1 / len(y))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    ("name", "model", "folds"),
    [
        ("linear_strong", LogisticRegression(C=0.01), 5),
        ("linear_weak", LogisticRegression(C=100), 5),
        ("rbf", SVC(), 5),
        ("mlp", MLPClassifier(max_iter=300, random_state=0), 2),
    ],
)
def test_probes_are_cross_validated_accuracies(fixed, name, model, folds):
    card, before, after, y, *_ = fixed
    for rows, found in zip((before, after), both(card, name), strict=True):
        centred = rows - rows.mean(axis=0)
        scaled = centred / np.sqrt((centred**2).mean())
        order = np.random.default_rng(1).permutation(len(y))
        expected = cross_val_score(model, scaled[order], y[order], cv=folds).mean()
        # Other folds: a few of 240 rows fall otherwise.
        assert found == pytest.approx(expected, abs=0.035)
    figure = card.figure(name)
    assert figure.reference == 0.5
    assert figure.n == len(y)


def test_neighbours_that_tell_the_class_or_the_task_are_left_one_out(fixed):
    card, before, after, y, task, *_ = fixed
    for name, k, labels in (("knn", 5, y), ("task_nearest", 1, task)):
        for rows, found in zip((before, after), both(card, name), strict=True):
            # scikit-learn's rule: neighbours of the rows themselves, each row left out.
            model = KNeighborsClassifier(k, metric="cosine").fit(rows, labels)
            near = labels[model.kneighbors(return_distance=False)]
            hits = [stats.mode(np.unique(line, return_inverse=True)[1]) for line in near]
            voted = [np.unique(line)[hit.mode] for line, hit in zip(near, hits, strict=True)]
            hits = np.array(voted) == labels
            assert found == pytest.approx(np.mean(hits), abs=1e-12)


def test_clusters_are_matched_to_the_classes(fixed):
    card, before, after, y, *_ = fixed
    for rows, found in zip((before, after), both(card, "clusters"), strict=True):
        same = (KMeans(2, n_init=50, random_state=1).fit(rows).labels_ == (y == "m")).mean()
        assert found == pytest.approx(max(same, 1 - same), abs=0.02)


def test_neighbour_bias_is_the_correlation_with_the_side_of_neighbours(fixed):
    card, before, after, y, *_ = fixed
    u, n = unit(before), len(y)
    bias = np.zeros(n)
    for i in range(n):
        f, m = ((y == c) & (np.arange(n) != i) for c in ("f", "m"))
        bias[i] = (u[i] @ u[f].T).mean() - (u[i] @ u[m].T).mean()
    k = n // 10
    for rows, found in zip((before, after), both(card, "neighbour_bias"), strict=True):
        cosines = unit(rows) @ unit(rows).T
        np.fill_diagonal(cosines, -9)
        share = [(bias[np.argsort(-line)[:k]] > 0).mean() for line in cosines]
        assert found == pytest.approx(np.corrcoef(bias, share)[0, 1], abs=1e-12)


def test_weat_is_over_the_words_given(fixed):
    card, *_, sets, _, matrix = fixed
    for i, made in enumerate((sets, {name: rows @ matrix for name, rows in sets.items()})):
        x, y, a, b = (unit(made[name]) for name in "xyab")
        s_x, s_y = ((w @ a.T).mean(axis=1) - (w @ b.T).mean(axis=1) for w in (x, y))
        d_raw = s_x.mean() - s_y.mean()
        assert both(card, "weat_statistic")[i] == pytest.approx(d_raw, abs=1e-12)
        d = d_raw / np.concatenate([s_x, s_y]).std(ddof=1)
        assert both(card, "weat_effect_size")[i] == pytest.approx(d, abs=1e-12)
    interval = card.figure("weat_statistic").after_interval
    assert interval.low < both(card, "weat_statistic")[1] < interval.high


def test_retention_against_plain_numpy(fixed):
    card, before, after, _, _, _, pairs, matrix = fixed
    cosines = [unit(rows) @ unit(rows).T for rows in (before, after)]
    upper = np.triu_indices(len(before), 1)
    expected = np.corrcoef(cosines[0][upper], cosines[1][upper])[0, 1]
    assert both(card, "cosines") == (1.0, pytest.approx(expected, abs=1e-12))
    near = [np.argsort(-(c - 9 * np.eye(len(c))), axis=1)[:, :10] for c in cosines]
    kept = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(*near, strict=True)])
    assert both(card, "neighbours") == (1.0, pytest.approx(kept, abs=1e-12))
    moved = ((after - before) ** 2).sum() / (before**2).sum()
    assert both(card, "movement") == (0.0, pytest.approx(moved, rel=1e-12))
    lengths = [np.mean([np.sqrt(row @ row) for row in rows]) for rows in (before, after)]
    assert both(card, "norm") == pytest.approx(lengths, rel=1e-12)
    first, second, ratings = pairs
    for found, (one, two) in zip(
        both(card, "similarity"), ((first, second), (first @ matrix, second @ matrix)), strict=True
    ):
        rho = stats.spearmanr((unit(one) * unit(two)).sum(axis=1), ratings).statistic
        assert found == pytest.approx(rho, abs=1e-12)
    for rows, found in zip((before, after), both(card, "dimension"), strict=True):
        distances = np.sort(np.linalg.norm(rows[:, None] - rows[None], axis=2), axis=1)
        logs = np.log(distances[:, 2] / distances[:, 1])
        assert found == pytest.approx((len(rows) - 1) / logs.sum(), rel=1e-9)
    figure = card.figure("dimension")
    assert figure.after_interval.low < figure.after < figure.after_interval.high


def test_rank_counts_the_directions_along_which_rows_vary():
    X, y = clouds(300, 7)
    card = report_card(LEACE(), X, y, n_splits=1, probes=[])
    assert both(card, "rank") == (7, 6)
    assert card.figure("rank").note == "1 direction removed."
    half = report_card(LEACE(strength=0.5), X, y, n_splits=1, probes=[])
    assert both(half, "rank") == (7, 7)
    cut = report_card(FoldedAffine(np.eye(3, 7)), X, y, n_splits=1, probes=[])
    assert both(cut, "rank") == (7, 3)
    moved = cut.figure("movement")
    assert (moved.reading, moved.after) == ("not measured", None)
    assert "7 coordinates before and 3 after" in moved.note


# ---- known truths --------------------------------------------------------------------------------


def test_leace_brings_a_linear_concept_to_chance_on_fresh_rows_and_its_own():
    X, y = clouds(2_000, 5)
    card = report_card(LEACE(), X, y, n_splits=3, probes=["linear"])
    for name in LINEAR:
        figure = card.figure(name)
        assert figure.before_interval.low > 0.85  # the check fails on the untouched rows
        assert figure.after_interval.low <= 0.5 <= figure.after_interval.high
        assert figure.reading == "not found"
        assert figure.note.startswith("No longer linearly predictable from these vectors on data")
        same = card.figure(f"{name}_same")
        assert same.before > 0.85
        assert same.after == pytest.approx(0.5, abs=1e-12)
        assert same.reading == "by construction"
    fit, fresh = card.figure("covariance", "fit"), card.figure("covariance", "fresh")
    assert fit.after < 1e-10
    assert fit.before > 0.5
    assert (fit.reading, fresh.reading) == ("by construction", "not found")
    assert fresh.before > 5 * fresh.reference
    assert card.counts | {"fit": 1_000, "fresh": 1_000} == card.counts


def test_identity_leaves_every_figure():
    X, y = clouds(200, 5)
    rng = np.random.default_rng(0)
    card = report_card(
        FoldedAffine(), X, y, task=rng.integers(0, 2, 200), n_splits=2,
        association=[rng.normal(size=(5, 5)) for _ in range(4)],
        similarity=(X[:20], X[100:120], rng.normal(size=20)),
    )  # fmt: skip
    assert len(card.results) == 22
    for figure in card.results:
        assert figure.after == figure.before, figure
        assert figure.before_interval == figure.after_interval
        if figure.panel == "retention":
            assert figure.reading == "unchanged"
        else:
            assert figure.reading in ("remains", "uninformative")
    assert card.figure("linear_weak").reading == "remains"


def test_a_rotation_keeps_retention_and_all_probes_that_do_not_depend_on_axes():
    X, y = clouds(300, 6)
    card = report_card(Times(rotation(6)), X, y, n_splits=2, probes=["linear", "rbf"])
    for figure in card.results:
        if figure.figure != "movement":
            assert figure.after == pytest.approx(figure.before, abs=1e-9), figure
        if figure.panel == "retention" and figure.figure != "movement":
            assert figure.reading == "unchanged"
    assert card.figure("movement").after > 0.5
    stretched = np.diag([9.0, 1, 1, 1, 1, 1])
    other = report_card(Times(stretched), X, y, n_splits=1, probes=[])
    assert other.figure("neighbours").after < 0.7
    assert other.figure("neighbours").reading == "changed"


def test_a_radial_concept_is_not_linear_and_stays():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(600, 4))
    radius = np.linalg.norm(X, axis=1)
    y = np.where(radius > np.median(radius), "far", "near")
    card = report_card(LEACE(), X + 5, y, n_splits=2)
    for name in LINEAR:
        assert card.figure(name).reading == "uninformative"
    for name in ("rbf", "mlp"):
        figure = card.figure(name)
        assert figure.before > 0.85
        assert figure.after > 0.75
        assert figure.reading == "remains"


def test_too_few_words_decide_nothing():
    # Noise hides most of the gap: of 24 words so many are told right that it may be chance or not.
    X, y = clouds(24, 3, gap=6.0)

    class Noisy(Times):
        def transform(self, X):
            return X + np.random.default_rng(4).normal(size=X.shape) * 5

    card = report_card(Noisy().fit(X), X, y, fit=False, n_splits=3, probes=["linear"])
    figure = card.figure("linear_weak")
    assert figure.before > 0.95
    assert figure.after_interval.low <= 0.5
    assert figure.after_interval.high > 0.75
    assert figure.reading == "undecided"
    assert "too few words" in figure.note


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("share", "reading"), [(1.0, "remains"), (0.0, "not found"), (-1.0, "reversed")]
)
def test_associations_are_read_by_their_intervals_whatever_their_sign(sign, share, reading):
    rng = np.random.default_rng(0)
    x, y, a, b = 0.05 * rng.normal(size=(4, 400, 4)) + np.eye(4)[3]
    a, b = a[:2] + sign * np.eye(4)[0], b[:2] - sign * np.eye(4)[0]
    x[:, 0] += 0.3
    y[:, 0] -= 0.3
    class_of = np.tile(["p", "q"], 30)

    class Turn(Times):
        def transform(self, X):
            # The targets keep their own part of the first direction; the attributes have |1| there.
            X = np.array(X)
            small = np.abs(X[:, 0]) < 0.7
            X[small, 0] = X[small, 0] * share if share else 0.05 * X[small, 1]
            return X

    rows = rng.normal(size=(60, 4)) + 2
    card = report_card(
        Turn().fit(rows), rows, class_of, fit=False, n_splits=1, probes=[],
        association={"x": x, "y": y, "a": a, "b": b},
    )  # fmt: skip
    for name in ("weat_statistic", "weat_effect_size"):
        figure = card.figure(name)
        assert np.sign(figure.before) == sign
        assert figure.reading == reading, figure


def test_clusters_at_chance_before_are_uninformative():
    # A stronger factor than the class rules the clusters, before and after.
    X, y = clouds(400, 5, gap=2.0)
    X[::2, 4] += 30
    figure = report_card(LEACE(), X, y, n_splits=2, probes=["linear"]).figure("clusters")
    assert figure.reading == "uninformative"
    clear = report_card(LEACE(), *clouds(400, 5, gap=8.0), n_splits=2, probes=[])
    assert clear.figure("clusters").before > 0.99
    assert clear.figure("clusters").reading == "not found"


def test_normalising_after_erasure_leaks_and_is_said():
    # Equal means, unequal lengths: at unit length the means differ.
    X, y = clouds(600, 6, gap=1.0)
    X[y == "m"] += np.random.default_rng(1).normal(size=(300, 6)) * 6
    plain = report_card(LEACE(), X, y, n_splits=1, probes=["linear"])
    assert plain.figure("linear_weak_same").after == pytest.approx(0.5)
    served = report_card(LEACE(), X, y, n_splits=1, probes=["linear"], normalise=True)
    steps = Pipeline([("erase", LEACE()), ("l2", Normalizer())])
    piped = report_card(steps, X, y, n_splits=1, probes=["linear"])
    for card in (served, piped):
        same = card.figure("linear_weak_same")
        assert same.after > 0.6
        assert same.reading == "remains"
        assert card.figure("linear_weak").reading == "remains"
        assert card.figure("norm").after == pytest.approx(1)
        assert card.figure("covariance", "fit").reading == "remains"
    assert served.figure("norm").before == pytest.approx(1)
    assert piped.figure("norm").before > 3
    assert any("pipeline brings rows to unit length" in note for note in piped.notes)
    assert any("as cosine search uses them" in note for note in served.notes)
    assert len(plain.notes) == 1
    assert piped.transform == "LEACE | Normalizer"


def test_three_classes_and_any_kind_of_label_give_the_same():
    X, y = clouds(450, 6, classes=("a", "b", "c"))
    card = report_card(LEACE(), X, y, n_splits=2, probes=["linear"])
    assert card.figure("linear_weak").before > 0.8
    assert card.figure("linear_weak").reading == "not found"
    assert card.figure("linear_weak").reference == pytest.approx(1 / 3)
    assert both(card, "rank") == (6, 4)
    assert not [f for f in card.results if f.figure == "neighbour_bias"]
    assert any("two classes" in note for note in card.notes)
    numbers = report_card(LEACE(), X, [ord(c) for c in y], n_splits=2, probes=["linear"])
    assert numbers.results == card.results


def test_an_orthogonal_projection_of_the_wrong_direction_leaves_the_concept():
    X, y = clouds(400, 5, gap=4.0)
    wrong = OrthogonalProjection(np.eye(5)[3])
    card = report_card(wrong, X, y, n_splits=2, probes=["linear"])
    figure = card.figure("linear_weak")
    assert figure.reading == "remains"
    share = round(100 * (figure.after - 0.5) / (figure.before - 0.5))
    assert figure.note == f"Still linearly predictable. Of what was above chance {share}% is left."
    assert card.figure("covariance", "fit").reading == "remains"
    assert card.transform == "OrthogonalProjection"
    assert report_card(LEACE(strength=0.5), X, y, n_splits=1, probes=[]).transform == (
        "LEACE(strength=0.5)"
    )


def test_words_of_a_pair_on_both_sides_are_read_as_below_chance():
    rng = np.random.default_rng(0)
    pairs = rng.normal(size=(100, 10))
    X = np.vstack([pairs, pairs + 0.01 * rng.normal(size=pairs.shape)])
    y = np.repeat(["he", "she"], 100)
    identity = FoldedAffine().fit(X)
    card = report_card(identity, X, y, fit=False, n_splits=1, probes=["rbf"])
    assert card.figure("rbf").after < 0.3
    assert card.figure("rbf").note.count("Below chance") == 1
    # With each pair as a group of both classes, one word of it is probed.
    grouped = report_card(
        identity, X, y, fit=False, n_splits=1, probes=["rbf"], groups=np.tile(np.arange(100), 2)
    )
    assert grouped.counts["probed"] == 100
    assert grouped.figure("rbf").after_interval.high > 0.5
    assert any("one class of each" in note for note in grouped.notes)


# ---- what is fitted on what ----------------------------------------------------------------------

SEEN = []


class Spy(TransformerMixin, BaseEstimator):
    """Notes what it is fitted on."""

    def fit(self, X, y=None):
        SEEN.append((X, y))
        self.fitted_ = True
        return self

    def transform(self, X):
        return X


def test_the_transform_is_cloned_and_sees_one_part_of_the_groups_with_names():
    X, y = clouds(200, 4)
    words = np.array([f"{label}{i % 20}" for i, label in enumerate(y)])
    frame = pd.DataFrame(X, index=words, columns=list("abcd"))
    SEEN.clear()
    spy = Spy()
    card = report_card(spy, frame, y, groups=words, n_splits=3, probes=["linear"])
    assert not hasattr(spy, "fitted_")
    assert len(SEEN) == 3
    sides = [set(part.index) for part, _ in SEEN]
    for (part, labels), side in zip(SEEN, sides, strict=True):
        assert list(part.columns) == list("abcd")
        assert len(side) == 20  # half of the words, with all their rows
        assert len(part) == 100
        assert [word[0] for word in part.index] == list(labels)
    assert len({frozenset(side) for side in sides}) == 3
    assert card.counts["groups"] == 40
    assert card.figure("linear_weak").n == 20  # words of the fresh half, not rows


def test_a_fitted_transform_is_taken_as_it_is():
    X, y = clouds(400, 5)
    SEEN.clear()
    report_card(Spy().fit(X), X, y, fit=False, n_splits=2, probes=[])
    assert len(SEEN) == 1
    X, y = clouds(4_000, 4)
    erased = LEACE().fit(X[::2], y[::2])
    fresh = report_card(erased, X[1::2], y[1::2], fit=False, probes=["linear"], n_splits=1)
    assert fresh.figure("linear_weak").data == "given"
    assert fresh.figure("linear_weak").reading == "not found"
    assert fresh.figure("covariance").after > 1e-3
    assert "fit" not in fresh.counts
    own = report_card(erased, X[::2], y[::2], fit=False, probes=["linear"], n_splits=1)
    assert own.figure("covariance").reading == "by construction"
    assert own.figure("linear_weak_same").reading == "by construction"
    assert any("they are the rows of the fit" in note for note in own.notes)
    assert not any("they are the rows of the fit" in note for note in fresh.notes)


def test_words_are_looked_up_in_the_index_or_asked_of_an_encoder():
    rng = np.random.default_rng(2)
    words = [f"w{i}" for i in range(60)]
    table = dict(zip(words, rng.normal(size=(60, 5)), strict=True))
    X, y = np.array(list(table.values())), np.tile(["a", "b"], 30)
    named = {"x": words[:5], "y": words[5:10], "a": words[10:14], "b": words[14:18]}
    arrays = {name: np.array([table[w] for w in each]) for name, each in named.items()}
    test = AssociationTest(
        "t",
        (WordSet("x", named["x"]), WordSet("y", named["y"])),
        (WordSet("a", named["a"]), WordSet("b", [*named["b"], "absent"])),
    )
    pairs = WordPairs(tuple(words[:8]), (*words[8:15], "absent"), tuple(range(8)))
    frame = pd.DataFrame(X, index=words)
    given = {"n_splits": 1, "probes": []}
    cards = [
        report_card(LEACE(), X, y, association=arrays, **given),
        report_card(LEACE(), frame, y, association=named, **given),
        report_card(LEACE(), X, y, association=list(named.values()), encoder=table, **given),
        report_card(LEACE(), X, y, association=test, similarity=pairs, encoder=table, **given),
    ]
    for name in ("weat_statistic", "weat_effect_size"):
        values = {card.figure(name).after for card in cards}
        assert max(values) - min(values) < 1e-6  # tables of words are float32
    assert cards[3].notes[-2:] == (
        "1 words of the association without a vector: absent.",
        "1 of 8 pairs have a word without a vector.",
    )
    assert cards[3].figure("similarity").n == 7


def test_groups_of_several_classes_are_fitted_on_whole():
    # Templates with words of both sides: the covariance of the fit rows is of all of them.
    X, y = clouds(400, 5)
    template = np.arange(400) % 50
    task = template % 5
    card = report_card(LEACE(), X, y, groups=template, task=task, n_splits=2, probes=["linear"])
    fit = card.figure("covariance", "fit")
    assert fit.before > 0.5
    assert fit.after < 1e-10
    assert fit.reading == "by construction"
    assert card.figure("linear_weak_same").reading == "by construction"
    assert card.figure("linear_weak").n == 25  # templates, one class of each
    assert card.counts["probed"] == 100
    assert card.counts["kept"] == 200


def test_task_labels_that_cannot_be_divided_are_left_out():
    X, y = clouds(80, 5)
    groups = np.arange(80)
    task = np.where(groups < 3, "rare", np.where(groups % 2, "u", "v"))
    card = report_card(LEACE(), X, y, task=task, n_splits=4, probes=[], groups=groups)
    figure = card.figure("task_nearest")
    assert figure.before is not None
    assert figure.note.startswith("Majority share")
    alone = report_card(LEACE(), X, y, task=groups // 2, n_splits=1, probes=[], groups=groups // 2)
    assert alone.figure("task_linear").reading == "not measured"
    assert "fewer than two classes of the task" in alone.figure("task_linear").note
    crossed = report_card(LEACE(), X, y, task=task, n_splits=1, probes=[], groups=groups // 2)
    assert "both sides of a split" in crossed.figure("task_nearest").note


def test_progress_is_shown_on_request_only(capsys):
    X, y = clouds(60, 3)
    report_card(LEACE(), X, y, n_splits=1, probes=["linear"])
    assert capsys.readouterr() == ("", "")
    card = report_card(LEACE(), X, y, n_splits=1, probes=["linear"], progress=True)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert f"0/{len(card.results)} " in shown.err
    assert "figure/s" in shown.err


# ---- seeds, order, parts -------------------------------------------------------------------------


def test_the_order_of_the_rows_does_not_matter_and_the_seed_does():
    X, y = clouds(160, 4, gap=1.5)
    X[3] = X[90]  # equal rows of two classes
    groups = np.arange(160) % 53
    task = np.arange(160) % 3
    order = np.random.default_rng(0).permutation(160)
    given = {"n_splits": 2, "rng": 7, "probes": ["linear", "rbf"]}
    card = report_card(LEACE(), X, y, groups=groups, task=task, **given)
    other = report_card(
        LEACE(), X[order], y[order], groups=groups[order], task=task[order], **given
    )
    assert other.to_json() == card.to_json()
    seeded = report_card(LEACE(), X, y, groups=groups, task=task, **{**given, "rng": 8})
    assert seeded.figure("linear_weak").after != card.figure("linear_weak").after
    generator = report_card(LEACE(), X, y, n_splits=1, probes=[], rng=np.random.default_rng(3))
    again = report_card(
        LEACE(), X, y, n_splits=1, probes=[], rng=generator.settings["seed"], groups=np.arange(160)
    )
    assert again.figure("covariance", "fit").before == pytest.approx(
        generator.figure("covariance", "fit").before, rel=1e-9
    )


def test_leaving_out_a_probe_changes_no_other_figure():
    X, y = clouds(160, 4)
    full = report_card(LEACE(), X, y, n_splits=2, probes=["linear", "rbf"])
    less = report_card(LEACE(), X, y, n_splits=2, probes=["rbf"])
    kept = {(f.figure, f.data) for f in less.results}
    assert [f for f in full.results if (f.figure, f.data) in kept] == list(less.results)
    assert {f.figure for f in full.results} - {f.figure for f in less.results} == {
        "linear_strong", "linear_weak", "linear_strong_same", "linear_weak_same",
    }  # fmt: skip


def test_figures_are_the_mean_over_splits_with_their_spread():
    X, y = clouds(200, 4, gap=1.0)
    single = [report_card(LEACE(), X, y, n_splits=k, probes=["linear"]) for k in (1, 2)]
    one, two = (card.figure("linear_weak") for card in single)
    assert one.after_sd is None
    # The second split is what is missing to the mean of both.
    second = 2 * two.after - one.after
    assert two.after_sd == pytest.approx(abs(one.after - second) / np.sqrt(2), abs=1e-12)
    assert (one.splits, two.splits) == (1, 2)
    hits, n, z = round(two.after * two.n), two.n, stats.norm.isf(0.025)
    share = hits / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    assert two.after_interval.low == pytest.approx(centre - half)
    assert two.after_interval.high == pytest.approx(centre + half)


def test_before_and_after_are_means_over_the_same_splits():
    nan = float("nan")
    findings = [
        Finding("weat_effect_size", "given", 1.0, nan, n=9, note="no spread"),
        Finding("weat_effect_size", "given", 2.0, 0.5, n=8),
        Finding("weat_effect_size", "given", 4.0, 1.5, n=7),
        Finding("knn", "fresh", 0.75, nan, n=8, is_share=True, note="Not measured: why"),
    ]
    knn, effect = merged(findings, 0.95)
    assert (effect.before, effect.after, effect.splits, effect.n) == (3.0, 1.0, 2, 7)
    assert effect.note == ""
    assert (knn.before, knn.after, knn.note) == (0.75, None, "Not measured: why")


def test_costly_figures_take_so_many_rows_at_most_and_say_so():
    X, y = clouds(400, 4)
    card = report_card(LEACE(), X, y, n_splits=1, probes=["linear", "rbf"], max_rows=60)
    assert card.figure("linear_weak").n == 200
    for name in ("rbf", "knn", "clusters", "neighbours", "cosines", "dimension"):
        assert card.figure(name).n == 60
    assert any("60 rows of 200 to probe" in note for note in card.notes)
    assert card.settings["max_rows"] == 60


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.booleans(), st.integers(2, 3))
def test_no_group_and_no_equal_rows_are_on_both_sides(seed, mixed, k):
    rng = np.random.default_rng(seed)
    n = 90
    y = rng.integers(0, k, n)
    groups = rng.integers(0, 30, n) if mixed else y * 100 + rng.integers(0, 12, n)
    X = rng.normal(size=(n, 3))
    if not mixed:  # one row given twice, in two groups of a class
        i, j = np.flatnonzero(y == 0)[:2]
        X[i] = X[j]
    data = labelled(X, y, groups, None)
    part = parts_of(data, 0.5, 20, rng)
    assert sorted([*part.fit, *part.fresh]) == list(range(n))
    assert not set(data.unit[part.fit]) & set(data.unit[part.fresh])
    assert not set(data.group[part.fit]) & set(data.group[part.fresh])
    rows = {tuple(row) for row in data.rows.values[part.fit]}
    assert not rows & {tuple(row) for row in data.rows.values[part.fresh]}
    assert set(part.small) <= set(part.probed) <= set(part.fresh)
    assert set(part.kept) <= set(part.fresh)
    of_group = {
        (g, c) for g, c in zip(data.group[part.probed], data.codes[part.probed], strict=True)
    }
    assert len(of_group) == len({g for g, _ in of_group})
    if not mixed:
        assert part.probed.size == part.fresh.size
