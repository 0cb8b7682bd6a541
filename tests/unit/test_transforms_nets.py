"""Adversarial erasure with planted truth: what goes, what is kept, what the effect is."""

import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from embias.errors import InputError, MissingExtraError
from embias.transforms import LowRankMap, TransformWarning, fold, get_transform, load_transform
from embias.transforms._frame import Frame, Split, explained, flat_directions, without_flat
from embias.transforms.counterfactual_eraser import CounterfactualEraser
from embias.transforms.decomposed_adversarial import DecomposedAdversarial
from embias.transforms.treatment_effect import treatment_effect

torch = pytest.importorskip("torch")
# Most tests train for a few passes only; those of the warnings ask for them by name.
pytestmark = pytest.mark.filterwarnings("ignore::embias.transforms.TransformWarning")


def _planted(agree=0.5, k=2, n=1500, d=16, seed=0, strength=3.0):
    """Return rows, concept, control: ``concept A + control B + noise``, mixed and shifted.

    The control agrees with the parity of the concept in a share `agree` of rows.
    """
    rng = np.random.default_rng(seed)
    concept = rng.integers(0, k, n)
    control = np.where(rng.random(n) < agree, concept % 2, 1 - concept % 2)
    axes = np.linalg.qr(rng.normal(size=(d, k + 1)))[0].T
    signal = axes[concept] if k > 2 else (2 * concept - 1)[:, None] * axes[0]
    X = strength * signal + 1.5 * (2 * control - 1)[:, None] * axes[k] + rng.normal(size=(n, d))
    return X @ (np.eye(d) + 0.3 * rng.normal(size=(d, d))) + 1, concept, control


def _probe(X, y):
    """Return the accuracy of a fresh scaled probe, trained on one half, on the other."""
    m = len(y) // 2
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000, C=100))
    return probe.fit(X[:m], y[:m]).score(X[m:], y[m:])


def _majority(y):
    return np.bincount(y).max() / len(y)


@pytest.mark.parametrize("k", [2, 4])
@pytest.mark.parametrize(
    ("method", "name"), [(CounterfactualEraser, "control"), (DecomposedAdversarial, "task")]
)
def test_the_concept_goes_and_an_independent_one_stays(method, name, k):
    X, concept, control = _planted(k=k)
    eraser = method().fit(X, concept, **{name: control})
    made = eraser.transform(X)
    assert _probe(X, concept) > 0.9
    assert _probe(made, concept) < _majority(concept) + 0.06
    assert _probe(X, control) > 0.9
    assert _probe(made, control) > _probe(X, control) - 0.05
    assert eraser.converged_
    assert eraser.accuracy_["before"] > 0.9
    assert eraser.accuracy_["after"] < eraser.accuracy_["majority"] + 0.06
    assert eraser.kept_accuracy_["after"] > eraser.kept_accuracy_["before"] - 0.05


def test_other_linear_probes_on_fresh_rows_agree():
    X, concept, control = _planted(n=3000)
    eraser = CounterfactualEraser().fit(X[:1500], concept[:1500], control=control[:1500])
    fresh, wanted = X[1500:], concept[1500:]
    for probe in (LinearSVC(dual=False), make_pipeline(StandardScaler(), LinearSVC(dual=False))):
        assert clone(probe).fit(X[:1500], concept[:1500]).score(fresh, wanted) > 0.95
        after = clone(probe).fit(eraser.transform(X[:1500]), concept[:1500])
        assert after.score(eraser.transform(fresh), wanted) < _majority(wanted) + 0.06


def test_the_control_keeps_what_goes_with_the_concept():
    """They agree in 3 of 4 rows: what keeps the control keeps 3/4 of the concept, and no more."""
    X, concept, control = _planted(agree=0.75)
    agreed = np.mean(concept == control)
    assert 0.7 < agreed < 0.8
    with pytest.warns(TransformWarning, match="no control concept.*give control="):
        without = CounterfactualEraser().fit(X, concept).transform(X)
    eraser = CounterfactualEraser().fit(X, concept, control=control)
    kept = eraser.transform(X)
    before = _probe(X, control)
    assert _probe(X, concept) > 0.95
    assert _probe(without, control) < before - 0.1
    assert _probe(without, concept) < _majority(concept) + 0.06
    assert _probe(kept, control) > before - 0.05
    assert _majority(concept) < _probe(kept, concept) < agreed + 0.03
    assert eraser.history_[0]["leak"] > 0.5
    assert eraser.history_[-1]["leak"] < 0.01


def test_non_linear_probes_may_still_read_it():
    """The concept is in the spread, not in the mean: no linear map is told to remove it."""
    rng = np.random.default_rng(0)
    concept = rng.integers(0, 2, 1200)
    X = rng.normal(size=(1200, 4))
    X[:, 0] *= np.where(concept == 1, 6.0, 0.3)
    eraser = CounterfactualEraser(control_weight=0).fit(X, concept)
    made = eraser.transform(X)
    assert eraser.accuracy_["after"] < 0.6
    near = KNeighborsClassifier().fit(made[:600], concept[:600])
    assert near.score(made[600:], concept[600:]) > 0.8


def test_the_map_is_low_rank_and_leaves_the_rest():
    X, concept, _ = _planted(d=30)
    eraser = CounterfactualEraser().fit(X, concept)
    assert isinstance(eraser.map_, LowRankMap)
    assert eraser.map_.rank <= 4
    matrix, offset = eraser.as_affine()
    np.testing.assert_allclose(X @ matrix.T + offset, eraser.transform(X), atol=1e-10)
    assert np.linalg.matrix_rank(np.eye(30) - matrix, tol=1e-8) <= 4
    assert np.linalg.matrix_rank(matrix, tol=1e-8) == 29
    center = X.mean(axis=0)
    np.testing.assert_allclose(eraser.transform(center[None])[0], center, atol=1e-10)
    assert type(fold(eraser)).__name__ == "FoldedAffine"


@given(st.integers(0, 10**6), st.integers(1, 3))
@settings(max_examples=40, deadline=None)
def test_flat_directions_are_those_of_the_whole_matrix(seed, r):
    rng = np.random.default_rng(seed)
    k = 9
    inner, outer = rng.normal(size=(k, r)), rng.normal(size=(k, r))
    # One direction is left almost nothing of.
    direction = inner[:, 0] / np.linalg.norm(inner[:, 0])
    inner[:, 0] = direction
    outer[:, 0] = direction * 0.99 - 0.99 * (inner[:, 1:] @ outer[:, 1:].T).T @ direction
    whole = np.eye(k) - inner @ outer.T
    values = np.linalg.svd(whole, compute_uv=False)
    given_, left, made = flat_directions(inner, outer)
    np.testing.assert_allclose(np.sort(left), np.sort(values[values < 0.1]), atol=1e-10)
    assert len(left) >= 1
    np.testing.assert_allclose(whole.T @ given_, made * left, atol=1e-10)
    cut_inner, cut_outer = without_flat(inner, outer)
    cut = np.eye(k) - cut_inner @ cut_outer.T
    u, s, vt = np.linalg.svd(whole)
    s[s < 0.1] = 0
    np.testing.assert_allclose(cut, (u * s) @ vt, atol=1e-10)


def test_the_frame_is_white_and_comes_back():
    X, _, _ = _planted(n=300, d=6)
    X = np.hstack([X, X[:, :2].sum(axis=1, keepdims=True), np.full((300, 1), 7.0)])
    frame = Frame.of(X, "x")
    assert frame.forth.shape == (6, 8)
    points = frame.coordinates(X)
    np.testing.assert_allclose(points.T @ points / 300, np.eye(6), atol=1e-8)
    np.testing.assert_allclose(points @ frame.back.T + frame.mean, X, atol=1e-8)


def test_the_split_holds_out_of_every_class():
    codes = np.repeat([0, 1, 2], [100, 11, 3])
    split = Split.of(codes, np.random.default_rng(0))
    assert split.apart
    assert np.bincount(codes[split.test]).tolist() == [20, 2]
    assert sorted([*split.train, *split.test]) == list(range(114))
    assert not Split.of(np.array([0, 1]), np.random.default_rng(0)).apart


def test_the_leak_is_the_share_explained():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20000, 3))
    target = X[:, :1] + 2 * rng.normal(size=(20000, 1))
    split = Split.of(np.zeros(20000, dtype=int), rng)
    assert explained(X, target, split) == pytest.approx(1 / 5, abs=0.02)
    assert explained(X[:, 1:], target, split) == pytest.approx(0, abs=0.01)


def _task(effect, n=3000, seed=0):
    """Return rows, concept, control, task; the task owes `effect` (in logits) to the concept."""
    rng = np.random.default_rng(seed)
    concept, control = rng.integers(0, 2, (2, n))
    X = rng.normal(size=(n, 8))
    logit = effect * (2 * concept - 1) + (2 * control - 1) + 0.5 * X[:, 2]
    task = (rng.random(n) < expit(logit)).astype(int)
    X[:, 0] = 3 * (2 * concept - 1) + 0.3 * X[:, 0]
    X[:, 1] = 3 * (2 * control - 1) + 0.3 * X[:, 1]
    return X @ np.linalg.qr(rng.normal(size=(8, 8)))[0], concept, control, task


def _true_change(effect):
    """Return the mean of ``expit(s + effect) - expit(s - effect)`` by quadrature over s."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    s = np.concatenate([1 + 0.5 * nodes, -1 + 0.5 * nodes])
    change = expit(s + effect) - expit(s - effect)
    return float(np.average(change, weights=np.tile(weights, 2)))


def test_treatment_effect_is_the_planted_one():
    truth = _true_change(1.0)
    assert truth == pytest.approx(0.35, abs=0.05)
    X, concept, control, task = _task(1.0)
    eraser = CounterfactualEraser().fit(X, concept, control=control)
    found = eraser.treatment_effect(LogisticRegression(), X, task, concept=concept, n_refits=100)
    # Half of the L1 distance of an exchange, which is twice the change of one probability.
    assert found.treate == pytest.approx(truth, abs=0.06)
    assert found.interval.low <= found.treate <= found.interval.high
    assert found.directed == pytest.approx(truth, abs=0.06)
    assert found.directed_interval.low < truth < found.directed_interval.high
    assert found.directed_interval.low > 0.2
    assert found.treate > 3 * found.noise
    # Independent of all else, the baseline is right too: twice the change.
    assert found.conexp == pytest.approx(2 * truth, abs=0.1)
    assert found.n_texts == 1500
    assert found.accuracy > found.counterfactual_accuracy


def test_no_treatment_effect_where_the_task_owes_nothing_to_the_concept():
    X, concept, control, task = _task(0.0)
    eraser = CounterfactualEraser().fit(X, concept, control=control)
    found = eraser.treatment_effect(LogisticRegression(), X, task, concept=concept, n_refits=100)
    assert found.treate < 0.06
    assert found.treate < found.noise
    assert abs(found.directed) < 0.05
    assert found.directed_interval.low < 0 < found.directed_interval.high
    assert found.accuracy == pytest.approx(found.counterfactual_accuracy, abs=0.02)


def test_treatment_effect_by_hand():
    """Against both classifiers written out, for three task classes."""
    X, concept, control, task = _task(1.0, n=600)
    task = task + (X[:, 3] > 0.8)
    eraser = CounterfactualEraser(max_iter=20).fit(X, concept, control=control)

    found = treatment_effect(
        eraser, LogisticRegression(), X, task, concept=concept, n_refits=100, random_state=3
    )
    seed = int(np.random.default_rng(3).integers(2**31))
    train, test = train_test_split(np.arange(600), test_size=0.5, stratify=task, random_state=seed)
    made = eraser.transform(X)
    p = LogisticRegression().fit(X[train], task[train]).predict_proba(X[test])
    q = LogisticRegression().fit(made[train], task[train]).predict_proba(made[test])
    each = [sum(abs(a - b) for a, b in zip(x, y, strict=True)) for x, y in zip(p, q, strict=True)]
    assert found.treate == pytest.approx(sum(each) / len(each), abs=1e-12)
    assert found.directed is None
    means = [p[concept[test] == c].mean(axis=0) for c in (0, 1)]
    assert found.conexp == pytest.approx(np.abs(means[0] - means[1]).sum(), abs=1e-12)
    half = 1.96 * np.std(each) / np.sqrt(len(each))
    assert found.interval.low == pytest.approx(found.treate - half, rel=0.05)
    assert found.interval.high == pytest.approx(found.treate + half, rel=0.05)


@pytest.mark.parametrize("method", [CounterfactualEraser, DecomposedAdversarial])
def test_seed_decides_and_the_state_of_torch_does_not(method):
    X, concept, _ = _planted(n=300)
    torch.manual_seed(7)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    first = method(max_iter=8, batch_size=64).fit(X, concept)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads
    torch.manual_seed(8)
    np.random.seed(1)
    with torch.no_grad():
        again = method(max_iter=8, batch_size=64).fit(X, concept)
    np.testing.assert_array_equal(first.transform(X), again.transform(X))
    assert first.history_ == again.history_
    other = method(max_iter=8, batch_size=64, random_state=1).fit(X, concept)
    assert np.abs(first.transform(X) - other.transform(X)).max() > 1e-6


def test_batches_give_about_the_same():
    X, concept, control = _planted()
    eraser = CounterfactualEraser(batch_size=300, max_iter=60).fit(X, concept, control=control)
    assert _probe(eraser.transform(X), concept) < _majority(concept) + 0.06


@pytest.mark.parametrize("method", [CounterfactualEraser, DecomposedAdversarial])
def test_save_and_load(method, tmp_path):
    X, concept, _ = _planted(n=300)
    eraser = method(max_iter=5).fit(X, np.array(["b", "ä"])[concept])
    eraser.save(tmp_path / "eraser")
    again = load_transform(tmp_path / "eraser")
    assert type(again) is method
    np.testing.assert_array_equal(again.transform(X), eraser.transform(X))
    assert again.history_ == eraser.history_
    assert again.accuracy_ == eraser.accuracy_
    assert again.classes_ == ["b", "ä"]
    assert again.get_params() == eraser.get_params()


def test_labels_of_any_kind_give_the_same_map():
    X, concept, control = _planted(n=300, k=3)
    first = DecomposedAdversarial(max_iter=5).fit(X, concept, task=control).transform(X)
    names = np.array(["x", "y", "z"])[concept]
    for labels in (names, list(names), np.eye(3, dtype=int)[concept], pd.Series(names)):
        made = DecomposedAdversarial(max_iter=5).fit(X, labels, task=pd.Series(control))
        np.testing.assert_array_equal(made.transform(X), first)


def test_works_in_a_pipeline_with_routing():
    import sklearn

    X, concept, control = _planted(n=300)
    frame = pd.DataFrame(X, columns=[f"f{i}" for i in range(16)])
    with sklearn.config_context(enable_metadata_routing=True):
        eraser = CounterfactualEraser(max_iter=5)
        eraser.set_fit_request(sensitive_features=True, control=True)
        steps = make_pipeline(eraser, LogisticRegression())
        steps.fit(frame, control, sensitive_features=concept, control=control)
    alone = CounterfactualEraser(max_iter=5).fit(frame, concept, control=control)
    np.testing.assert_array_equal(steps[0].transform(frame), alone.transform(frame))


def test_importing_and_applying_need_no_torch(tmp_path):
    X, concept, control = _planted(n=200, d=4)
    eraser = CounterfactualEraser(max_iter=3).fit(X, concept, control=control)
    eraser.save(tmp_path / "eraser")
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "y.npy", concept)
    code = """
import sys
class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ImportError(name)
sys.meta_path.insert(0, NoTorch())
import numpy as np
from embias.errors import MissingExtraError
from embias.transforms import load_transform
folder = sys.argv[1]
X = np.load(folder + "/x.npy")
np.save(folder + "/made.npy", load_transform(folder + "/eraser").transform(X))
from embias.transforms.decomposed_adversarial import DecomposedAdversarial
try:
    DecomposedAdversarial().fit(X, np.load(folder + "/y.npy"))
except MissingExtraError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert "fitting DecomposedAdversarial needs the package 'torch'" in done.stdout
    assert "embias[contextual]" in done.stdout
    np.testing.assert_array_equal(np.load(tmp_path / "made.npy"), eraser.transform(X))
    assert issubclass(MissingExtraError, ImportError)


def test_importing_transforms_does_not_import_torch():
    code = "import sys, embias.transforms; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_warns_where_training_says_little():
    X, concept, control = _planted(n=300)
    with pytest.warns(TransformWarning, match="after 1 passes more than tol=0.003.*raise max_iter"):
        DecomposedAdversarial(max_iter=1).fit(X, concept)
    with pytest.warns(TransformWarning, match="12 rows to train on in 13 dimensions"):
        DecomposedAdversarial(max_iter=1).fit(X[:14], np.arange(14) < 6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        CounterfactualEraser().fit(X, concept, control=control)
        CounterfactualEraser(control_weight=0).fit(X, concept)


def test_cards_promise_nothing():
    for name in ("counterfactual-eraser", "decomposed-adversarial"):
        card = get_transform(name)
        assert card.guarantee is None
        assert card.guaranteed.startswith("Nothing.")
        assert "LEACE" in card.caveats


def test_progress_shows_on_request(capsys):
    X, concept, _ = _planted(n=100)
    DecomposedAdversarial(max_iter=2).fit(X, concept)
    assert capsys.readouterr() == ("", "")
    DecomposedAdversarial(max_iter=2, progress=True).fit(X, concept)
    assert "training" in capsys.readouterr().err


ERASER = CounterfactualEraser(max_iter=2, control_weight=0)
TOWERS = DecomposedAdversarial(max_iter=2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda X, y: clone(TOWERS).fit(X), "requires y to be passed"),
        (lambda X, y: clone(TOWERS).fit(X, y * 0), "one class only"),
        (lambda X, y: clone(TOWERS).fit(X, y[:-1]), "inconsistent numbers of samples.*labels in y"),
        (lambda X, y: clone(ERASER).fit(X, y, control=y[:-1]), "labels in control"),
        (lambda X, y: clone(ERASER).fit(X, y, control=y * 0), "control= as the labels.*one class"),
        (lambda X, y: clone(TOWERS).fit(X, y, task=y + np.nan), "task= as the labels.*NaN"),
        (lambda X, y: clone(TOWERS).fit(X, np.stack([y, y], 1) + 1), "y has 2 concepts"),
        (lambda X, y: clone(ERASER).fit(np.where(X > 4, np.nan, X), y), "NaN"),
        (lambda X, y: clone(ERASER).fit(X * 0 + 3.1, y), "the rows do not differ"),
        (
            lambda X, y: clone(ERASER).set_params(adversary_weight=-1).fit(X, y),
            "adversary_weight=-1",
        ),
        (lambda X, y: clone(TOWERS).set_params(keep_weight="a").fit(X, y), "keep_weight='a'"),
        (lambda X, y: clone(TOWERS).set_params(max_iter=0).fit(X, y), "max_iter=0"),
        (lambda X, y: clone(TOWERS).set_params(rank=0).fit(X, y), "rank=0"),
        (lambda X, y: clone(TOWERS).set_params(learning_rate=0).fit(X, y), "learning_rate=0"),
        (lambda X, y: clone(TOWERS).transform(X), "not fitted yet"),
        (lambda X, y: clone(TOWERS).fit(X, y).transform(X[:, :5]), "5 features"),
        (lambda X, y: clone(ERASER).treatment_effect(LogisticRegression(), X, y), "not fitted"),
        (lambda X, y: clone(ERASER).fit(X, y).treatment_effect(LinearSVC(), X, y), "predict_proba"),
        (
            lambda X, y: (
                clone(ERASER).fit(X, y).treatment_effect(LogisticRegression(), X, y, test_size=1)
            ),
            "test_size=1",
        ),
        (
            lambda X, y: (
                clone(ERASER)
                .fit(X, y)
                .treatment_effect(LogisticRegression(), X, y, concept=np.arange(100) % 3)
            ),
            "concept has 3 classes",
        ),
        (
            lambda X, y: clone(ERASER).fit(X, y).treatment_effect(LogisticRegression(), X, y[:-1]),
            "task has shape",
        ),
        (
            lambda X, y: (
                clone(ERASER)
                .fit(X, y)
                .treatment_effect(LogisticRegression(), X, (np.arange(100) == 0).astype(int))
            ),
            "cannot be split by task class",
        ),
    ],
)
def test_errors(call, message):
    X, y, _ = _planted(n=100)
    with pytest.raises(InputError, match=message):
        call(X, y)
