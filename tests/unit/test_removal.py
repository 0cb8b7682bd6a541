"""A concept taken out of an encoder's vectors: what is fitted on what, and what is measured."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin

from embias.audit import remove_concept
from embias.encoders import StaticEncoder
from embias.errors import InputError, UnknownNameError
from embias.metrics import probe_accuracy
from embias.report.removal import removal_markdown, removal_text
from embias.results import Interval
from embias.stimuli import Concept
from embias.transforms import TRANSFORMS, FoldedAffine
from embias.types import EncoderInfo

N, D = 24, 8
RED = [f"red{i}" for i in range(N)]
BLUE = [f"blue{i}" for i in range(N)]
OTHERS = [f"w{i}" for i in range(300)]


def colour(**changes):
    fields = {
        "name": "colour",
        "groups": {"red": RED, "blue": BLUE},
        "definitional": list(zip(RED, BLUE, strict=True)),
        "templates": ["A {} car.", "It is {}."],
    }
    return Concept(**{**fields, **changes})


def vectors(seed=0, gap=4.0):
    """Noise, and the colour along the first axis for the words that have one."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(2 * N + len(OTHERS), D)).astype(np.float32)
    rows[:N, 0] += gap
    rows[N : 2 * N, 0] -= gap
    return rows


def table(**options):
    return StaticEncoder([*RED, *BLUE, *OTHERS], vectors(**options), id="table")


class Texts:
    """An encoder of texts by their words, which notes what it was asked."""

    def __init__(self):
        self.inner = table()
        self.asked = []
        self.info = EncoderInfo(id="texts", kind="sentence", dim=D)

    def missing(self, items):
        return []

    def encode(self, items, *, progress=False):
        self.asked.append(list(items))
        known = set(self.inner.words)
        rng = np.random.default_rng(1)
        rows = rng.normal(size=(len(items), D))
        for i, item in enumerate(items):
            for word in item.strip(".").split():
                if word in known:
                    rows[i] = self.inner.encode([word])[0] + 0.01 * rows[i]
        return rows


@pytest.mark.parametrize("method", ["leace", "orthogonal-projection"])
def test_a_concept_on_one_axis_is_found_before_and_not_after(method):
    encoder = table()
    found = remove_concept(encoder, colour(), method)
    assert found.probe.figures["original"] == 1.0
    assert found.before.low > 0.7
    assert found.probe.interval.low <= 0.5
    assert found.probe.value < 0.65
    # The map takes out the axis that was put in.
    made = found.transform.transform(encoder.vectors)
    assert abs(made[:N, 0].mean() - made[N : 2 * N, 0].mean()) < 0.8
    assert abs(encoder.vectors[:N, 0].mean() - encoder.vectors[N : 2 * N, 0].mean()) > 7
    assert found.missing == ()
    assert found.strength is None


def test_fitted_and_tested_words_are_not_the_same():
    encoder = Texts()
    found = remove_concept(encoder, colour(), "leace", rng=5)
    learnt, tested, neutral = encoder.asked
    assert len(learnt) == 2 * 32
    assert len(tested) == 2 * 16
    words = [{w for text in texts for w in text.strip(".").split()} for texts in (learnt, tested)]
    assert not (words[0] & words[1] & {*RED, *BLUE})
    assert found.fitted_on == "64 texts of 32 words"
    assert (found.n_tested, found.probe.counts["tested"]) == (16, 16)
    assert found.overlap_of == f"{len(neutral)} words of WEAT"
    assert "aster" in neutral
    # The learnt texts are all that the transform has seen.
    labels = ["red" if "red" in text else "blue" for text in learnt]
    again = type(found.transform)().fit(encoder.encode(learnt), labels)
    np.testing.assert_allclose(again.as_affine()[0], found.transform.as_affine()[0], atol=1e-12)


# Fewer rows than dimensions are what makes the other form known by heart.
@pytest.mark.filterwarnings("ignore:LEACE. 32 rows of 40 dimensions")
def test_forms_of_a_word_are_one_word_to_the_probe():
    """Vectors that tell families of words and say nothing of the label: nothing to learn."""
    rng = np.random.default_rng(0)
    family = np.repeat(rng.normal(size=(N, 40)), 2, axis=0)
    encoder = StaticEncoder(
        [*RED, *BLUE], family + 0.01 * rng.normal(size=family.shape), id="forms"
    )
    pairs = [(words[i], words[i + 1]) for words in (RED, BLUE) for i in range(0, N, 2)]
    concept = colour(definitional=(), together=pairs)
    by_word, by_family = [], []
    for seed in range(4):
        found = remove_concept(encoder, concept, "leace", rng=seed)
        assert (found.probe.counts["tested"], found.n_tested) == (8, 16)
        by_family.append(found.probe.figures["original"])
        tested = concept.split(rng=seed)[1].texts(bare=True)
        rows = encoder.encode(tested.texts)
        options = {"probe": "linear", "folds": 5, "lengths": "raw", "rng": seed}
        by_word.append(probe_accuracy(rows, tested.labels, **options).value)
    # Learnt by heart from the other form, where a form is a word of its own.
    assert np.mean(by_word) > 0.8
    assert np.mean(by_family) < 0.6
    assert "8 words not fitted on, 16 with their forms" in removal_text(found, "forms")


def test_the_overlap_is_that_of_the_definition():
    encoder = table()
    found = remove_concept(encoder, colour(), "orthogonal-projection")
    after = found.transform.transform(encoder.vectors)

    def nearest(rows):
        unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        cosines = unit @ unit.T
        np.fill_diagonal(cosines, -np.inf)
        return [set(row) for row in np.argsort(-cosines, axis=1)[:, :10]]

    shares = [
        len(a & b) / 10 for a, b in zip(nearest(encoder.vectors), nearest(after), strict=True)
    ]
    # All 348 words are compared, as there are fewer than 500.
    assert found.overlap.value == pytest.approx(np.mean(shares), abs=1e-12)
    assert 0.3 < found.overlap.value < 0.99
    assert found.overlap_of == "348 words of the vocabulary"


def test_words_without_a_vector_are_left_out_and_named():
    encoder = StaticEncoder([*RED[2:], *BLUE, *OTHERS], vectors()[2:], id="table")
    found = remove_concept(encoder, colour(), "leace")
    assert found.missing == ("red0", "red1")
    assert len(found.concept.words) == 2 * N - 2
    assert "without a vector, left out: red0, red1" in removal_text(found, "table")


def test_the_same_seed_gives_the_same_and_another_another():
    runs = [remove_concept(table(), colour(), "leace", rng=seed) for seed in (3, 3, 4)]
    assert runs[0].probe == runs[1].probe
    np.testing.assert_array_equal(
        runs[0].transform.as_affine()[0], runs[1].transform.as_affine()[0]
    )
    assert (runs[0].transform.as_affine()[0] != runs[2].transform.as_affine()[0]).any()


def test_what_comes_after_the_map_is_measured_too():
    """Something that throws everything away leaves nothing to find, before and after."""

    def finish(rows):
        return np.ones((len(rows), 1)) + 1e-9 * rows[:, -1:]

    found = remove_concept(table(), colour(), "leace", finish=finish)
    assert found.probe.figures["original"] < 0.7
    assert "Before too, the interval of the probe includes chance" in removal_text(found, "t")


def test_strength_goes_to_the_method():
    found = remove_concept(table(), colour(), "orthogonal-projection", strength=0.1)
    assert found.transform.strength == 0.1
    assert found.probe.interval.low > 0.5
    text = removal_text(found, "table")
    assert "strength 0.1" in text
    assert "Guaranteed: nothing, at less than full strength." in text
    assert "linearly predictable" in text


# --- methods that need more than one map ---------------------------------------------------------


class Worded(TransformerMixin, BaseEstimator):
    """Takes the first axis out of all words but protected ones."""

    takes_words = True

    def __init__(self, pairs, *, equalize=None, protected=(), k=1):
        self.pairs, self.equalize, self.protected, self.k = pairs, equalize, protected, k

    def fit(self, X, y=None, *, words=None):
        self.seen_, self.n_features_in_ = list(words), X.shape[1]
        return self

    def transform(self, X, *, words=None):
        made = X.copy()
        made[[word not in self.protected for word in words], 0] = 0
        return made


class Needy(Worded):
    def __init__(self, lexicon):
        self.lexicon = lexicon


def card(estimator, **changes):
    fields = {"name": "worded", "estimator": estimator, "learns_from": "words", "affine": False}
    return replace(TRANSFORMS["leace"], **{**fields, **changes})


def test_a_method_for_words_gets_words_and_lists(monkeypatch):
    monkeypatch.setitem(TRANSFORMS, "worded", card(Worded))
    given = colour(protected=[*RED, "w0"], equalize=[("w1", "w2")])
    found = remove_concept(table(), given, "worded")
    assert found.transform.seen_ == [*RED, *BLUE, *OTHERS]
    assert set(found.transform.pairs) < set(given.definitional)  # not those that are tested
    assert found.transform.protected == given.protected
    assert found.transform.equalize == (("w1", "w2"),)
    assert found.n_left_alone == 8
    assert "8 of the 16 words of the probe are protected" in removal_text(found, "t")
    free = remove_concept(table(), colour(), "worded")
    assert free.probe.interval.low <= 0.5 < free.before.low


def test_what_a_concept_does_not_give(monkeypatch):
    monkeypatch.setitem(TRANSFORMS, "needy", card(Needy, name="needy"))
    with pytest.raises(InputError, match="needy needs 'lexicon', which the concept 'colour' does"):
        remove_concept(table(), colour(), "needy")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "treats some words in another way than others, and a text is no word"),
        ({"learns_from": "labels"}, "it is no affine map of every vector"),
        ({"learns_from": "vectors", "affine": True}, "learns from many vectors of the model's"),
        ({"learns_from": "texts", "affine": True}, "learns from many texts of the model's"),
    ],
)
def test_methods_that_do_not_go_into_a_model(monkeypatch, changes, message):
    monkeypatch.setitem(TRANSFORMS, "worded", card(Worded, **changes))
    encoder = Texts()
    with pytest.raises(InputError, match=f"worded .*{message}"):
        remove_concept(encoder, colour(), "worded")
    assert encoder.asked == []  # said before the work


def test_a_method_that_learns_nothing_changes_nothing(monkeypatch):
    fixed = card(FoldedAffine, name="fixed", learns_from="nothing", affine=True)
    monkeypatch.setitem(TRANSFORMS, "fixed", fixed)
    for encoder in (table(), Texts()):
        found = remove_concept(encoder, colour(), "fixed")
        assert found.probe.value == found.probe.figures["original"]
        assert found.overlap.value == 1.0
        assert "as linearly predictable as before" in removal_text(found, "t")
    with pytest.raises(InputError, match="fixed has no strength"):
        remove_concept(table(), colour(), "fixed", strength=1)


@pytest.mark.parametrize("encoder", [table(), Texts()])
def test_methods_that_shrink_what_the_words_of_a_concept_span(encoder):
    """They are fitted on these words, not on a vocabulary, in which the concept is hardly seen."""
    from embias.transforms import ConceptorNegation

    found = remove_concept(encoder, colour(), "conceptor-negation", rng=2)
    learnt = colour().split(rng=2)[0].texts(bare=isinstance(encoder, StaticEncoder))
    assert found.fitted_on.startswith(f"{len(learnt.texts)} ")
    want = ConceptorNegation().fit(encoder.encode(learnt.texts))
    np.testing.assert_allclose(found.transform.as_affine()[0], want.as_affine()[0], atol=1e-9)
    # Words are shrunk along the axis of the colour most.
    kept = np.diag(found.transform.as_affine()[0])
    assert kept[0] < 0.5 * kept[1:].min()


def test_directions_are_not_given_words(monkeypatch):
    found = remove_concept(table(), colour(), "oscar")
    assert found.transform.plane_.shape == (2, D)
    # The first direction is that between the class means.
    assert abs(found.transform.plane_[0, 0]) > 0.9


@pytest.mark.parametrize(
    ("method", "encoder", "message"),
    [
        ("space-aligner", table(), "the same items in two spaces, and takes no concept out"),
        ("space-aligner", Texts(), "the same items in two spaces, and takes no concept out"),
        ("equalize", table(), "needs 'sets', .* add equalize under .related. to its file"),
        ("sentence-debias", table(), "write the words with embias.encoders.save_word_vectors"),
        ("sentence-debias", Texts(), "give it to embias.transforms.to_sentence_transformer"),
    ],
)
def test_the_cure_fits_the_encoder(method, encoder, message):
    with pytest.raises(InputError, match=f"{method} .*{message}"):
        remove_concept(encoder, colour(), method)


def test_words_that_the_model_lacks_are_the_cause_that_is_named():
    short = StaticEncoder([*RED, *BLUE[:1]], vectors()[: N + 1], id="english")
    said = r"cannot be divided .*23 of its 48 words have no vector in 'english': 'blue1', 'blue2'"
    with pytest.raises(InputError, match=said):
        remove_concept(short, colour(), "leace")
    none = StaticEncoder(OTHERS[:20], vectors()[:20], id="english")
    with pytest.raises(InputError, match=r"48 of its 48 words .* of another language"):
        remove_concept(none, colour(), "leace")


def test_a_method_that_saw_the_vocabulary_saw_the_words_of_the_probe():
    """Not their groups, which is all that is claimed."""
    text = removal_text(remove_concept(table(), colour(), "pca"), "t")
    assert "348 words of the vocabulary" in text
    assert "16 words whose group it was not told" in text
    assert "not fitted on" not in text
    assert "16 words not fitted on" in removal_text(remove_concept(table(), colour(), "leace"), "t")


def test_wrong_inputs():
    with pytest.raises(UnknownNameError, match="no transform 'leece'; did you mean 'leace'"):
        remove_concept(table(), colour(), "leece")
    with pytest.raises(InputError, match="strength=2"):
        remove_concept(table(), colour(), "leace", strength=2)
    few = colour(groups={"red": RED[:3], "blue": BLUE[:3]}, definitional=())
    with pytest.raises(InputError, match=r"only 1 word .* give six or more in each group"):
        remove_concept(table(), few, "leace")
    with pytest.raises(InputError, match="no definitional sets"):
        remove_concept(table(), colour(definitional=()), "orthogonal-projection")
    with pytest.raises(InputError, match="no word of the group 'red' is left"):
        remove_concept(StaticEncoder(BLUE, vectors()[:N], id="t"), colour(), "leace")


# --- the words of the report ---------------------------------------------------------------------


def reported(before, after, majority=0.5):
    found = remove_concept(table(), colour(), "leace")
    spread = 0.1
    probe = replace(
        found.probe,
        value=after,
        interval=Interval(after - spread, min(1, after + spread), 0.95, "wilson"),
        figures={**found.probe.figures, "original": before, "majority": majority},
    )
    interval = Interval(before - spread, min(1, before + spread), 0.95, "wilson")
    return replace(found, probe=probe, before=interval)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (0.95, 0.48, "no longer linearly predictable from these vectors on data like the fit data"),
        (0.95, 0.80, "is still linearly predictable"),
        # The intervals overlap, and that after includes chance.
        (0.68, 0.58, "The probe cannot tell whether the concept is still linearly predictable"),
        (0.69, 0.50, "reaches that before too"),
        (0.80, 0.90, "as linearly predictable as before"),
        (0.55, 0.50, "nothing can be said of what was removed"),
    ],
)
def test_what_is_said_of_the_figures(before, after, said):
    found = reported(before, after)
    for text in (removal_text(found, "table"), removal_markdown(found)):
        assert said in text
        assert "unbiased" not in text
        assert f"{before:.1%}" in text
        assert f"{after:.1%}" in text
    assert "Not tested" in removal_text(reported(0.95, 0.48), "t")
    assert removal_markdown(found).splitlines()[1] == "| --- | --- | --- | --- |"
