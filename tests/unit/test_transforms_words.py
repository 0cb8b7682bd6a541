"""Words of rows: where they come from, what is said where they are missing, after an encoder."""

import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import embias
from embias.encoders import StaticEncoder
from embias.encoders._word_steps import word_of
from embias.errors import InputError
from embias.geometry import Subspace
from embias.transforms import (
    TransformWarning,
    fold,
    get_transform,
    load_transform,
    save_transform,
)
from embias.transforms.bam import BAM
from embias.transforms.double_hard_debias import DoubleHardDebias
from embias.transforms.equalize import Equalize
from embias.transforms.gbdd import GBDD
from embias.transforms.hard_debias import HardDebias
from embias.transforms.multiclass_hard_debias import MulticlassHardDebias
from embias.transforms.neutralize import Neutralize
from embias.types import Image, InContext

#: Twelve words are no vocabulary.
SMALL = pytest.mark.filterwarnings("ignore:DoubleHardDebias.*not cluster by side")
PAIRS = [("she", "he"), ("woman", "man"), ("girl", "boy")]
WORDS = [*(w for p in PAIRS for w in p), "queen", "nurse", "doctor", "chair", "bearded", "lamp"]
ROWS = np.random.default_rng(5).normal(size=(len(WORDS), 7))
FITTED = HardDebias(PAIRS, protected=["queen"]).fit(ROWS, words=WORDS)


@pytest.fixture
def encoder():
    return StaticEncoder(WORDS, ROWS, id="table")


def test_words_come_from_an_index_or_by_name_and_the_name_goes_first():
    frame = pd.DataFrame(ROWS, index=WORDS, columns=[f"f{i}" for i in range(7)])
    by_index = HardDebias(PAIRS, protected=["queen"]).fit(frame)
    expected = FITTED.transform(ROWS, words=WORDS)
    np.testing.assert_allclose(by_index.transform(frame), expected, atol=1e-15)  # other strides
    for kind in (np.array, pd.Index, pd.Series, tuple, iter):
        np.testing.assert_array_equal(FITTED.transform(ROWS, words=kind(WORDS)), expected)
    again = HardDebias(PAIRS, protected=["queen"]).fit_transform(ROWS, words=iter(WORDS))
    np.testing.assert_array_equal(again, expected)
    none = by_index.transform(frame, words=[None] * len(WORDS))
    assert np.abs(none - expected).max() > 0.1
    np.testing.assert_allclose(none @ FITTED.subspace_.vector, 0, atol=1e-14)
    made = by_index.set_output(transform="pandas").transform(frame)
    assert list(made.index) == WORDS
    assert list(made.columns) == list(frame.columns)


def test_rows_may_come_in_any_order_and_number():
    order = np.random.default_rng(0).permutation(len(WORDS))[:9]
    some = FITTED.transform(ROWS[order], words=[WORDS[i] for i in order])
    # A matrix product of fewer rows may round in another way.
    np.testing.assert_allclose(some, FITTED.transform(ROWS, words=WORDS)[order], atol=1e-14)
    twice = FITTED.transform(ROWS[[0, 0]], words=["she", "she"])
    np.testing.assert_array_equal(twice[0], twice[1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: HardDebias(PAIRS).fit(ROWS), "fit needs to know which row is which word; give"),
        (lambda: FITTED.transform(ROWS), r"treats 9 words in another way.*words=\[None\] \* n"),
        (lambda: FITTED.transform(ROWS, words="she"), "words is 'she'; give a list"),
        (lambda: FITTED.transform(ROWS, words=3), "words is 3; give a list"),
        (lambda: FITTED.transform(ROWS, words=["she"]), "words has 1 entries for 12 rows"),
        (lambda: FITTED.transform(ROWS, words=[3] * 12), r"words\[0\] is 3; give texts"),
        (lambda: FITTED.transform(ROWS[:, :5], words=WORDS), "5 features"),
        (lambda: FITTED.transform(ROWS * np.nan, words=WORDS), "NaN"),
        (lambda: HardDebias(PAIRS).transform(ROWS), "not fitted yet"),
        (lambda: HardDebias(PAIRS).fit(ROWS[:, :1], words=WORDS), "n_features=1"),
        (lambda: HardDebias([]).fit(ROWS, words=WORDS), r"pairs is \[\]; give word sets"),
        (lambda: HardDebias("she he").fit(ROWS, words=WORDS), "pairs is 'she he'"),
        (lambda: HardDebias(["she", "he"]).fit(ROWS, words=WORDS), r"pairs\[0\] is 'she'"),
        (lambda: HardDebias([("she", "he", "it")]).fit(ROWS, words=WORDS), "sets of 2 words"),
        (lambda: HardDebias([("she", "she")]).fit(ROWS, words=WORDS), "a word stands twice"),
        (lambda: HardDebias([("she", 3)]).fit(ROWS, words=WORDS), "holds 3, which is no word"),
        (lambda: HardDebias(PAIRS, equalize=True).fit(ROWS, words=WORDS), "equalize is True"),
        (lambda: DoubleHardDebias(PAIRS, protected=[1]).fit(ROWS, words=WORDS), "holds 1, which"),
        (lambda: HardDebias(PAIRS, equalize="all").fit(ROWS, words=WORDS), "equalize='all'"),
        (lambda: HardDebias(np.eye(7)[0]).fit(ROWS, words=WORDS), "not defined by words"),
        (lambda: HardDebias(PAIRS, protected="queen").fit(ROWS, words=WORDS), "protected is 'quee"),
        (lambda: HardDebias([("la", "le")]).fit(ROWS, words=WORDS), "none for 'la', 'le'"),
        (
            lambda: HardDebias(PAIRS, equalize=[("la", "le")]).fit(ROWS, words=WORDS),
            "no set to equalise.*none for 'la', 'le'.*equalize=None",
        ),
        (
            lambda: HardDebias(PAIRS).fit(ROWS, words=["he", *WORDS[1:-1], "she"]),
            "no set of pairs has|stands on rows",
        ),
        (
            lambda: Neutralize(np.eye(5)[0]).fit(ROWS, words=WORDS),
            "5 dimensions and the rows have 7",
        ),
        (lambda: Neutralize(None).fit(ROWS, words=WORDS), "subspace is None"),
        (lambda: GBDD([], ["he"]).fit(ROWS, words=WORDS), "first is empty"),
        (lambda: GBDD(["he"], ["he"]).fit(ROWS, words=WORDS), "'he' is in first and in second"),
        (lambda: GBDD(["la"], ["he"]).fit(ROWS, words=WORDS), "no word of first has a vector"),
        (lambda: GBDD(["she"], ["he"]).fit(ROWS), "which row is which word"),
        (lambda: BAM(["she"], ["he"], pairing="x").fit(ROWS, words=WORDS), "pairing='x'"),
        (
            lambda: BAM(["she", "woman"], ["he"], pairing="matched").fit(ROWS, words=WORDS),
            "2 words in first and 1 in second",
        ),
        (lambda: DoubleHardDebias(PAIRS).fit(ROWS), "which row is which word"),
        (
            lambda: DoubleHardDebias(np.eye(7)[0], equalize=None).fit(ROWS, words=WORDS),
            "pairs must be word pairs",
        ),
        (
            lambda: DoubleHardDebias(PAIRS, n_components=7).fit(ROWS, words=WORDS),
            "n_components=7 for n_samples=12",
        ),
        (
            lambda: DoubleHardDebias(PAIRS, ends=("she", "la")).fit(ROWS, words=WORDS),
            "give two words that have vectors",
        ),
        (
            lambda: DoubleHardDebias(PAIRS, n_biased=2, random_state="x").fit(ROWS, words=WORDS),
            "random_state='x'",
        ),
        (
            lambda: DoubleHardDebias(PAIRS, protected=WORDS[6:-1]).fit(ROWS, words=WORDS),
            "1 words are on no list",
        ),
    ],
)
def test_errors(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_a_word_on_two_rows_must_have_one_vector():
    words = [*WORDS, "she"]
    same = HardDebias(PAIRS).fit(np.vstack([ROWS, ROWS[:1]]), words=words)
    expected = HardDebias(PAIRS).fit(ROWS, words=WORDS)
    np.testing.assert_array_equal(same.equalized_vectors_, expected.equalized_vectors_)
    with pytest.raises(InputError, match="'she' stands on rows 0 and 12, which differ"):
        HardDebias(PAIRS).fit(np.vstack([ROWS, ROWS[1:2]]), words=words)
    # A word that no list needs may stand anywhere.
    HardDebias(PAIRS).fit(np.vstack([ROWS, ROWS[1:2]]), words=[*WORDS, "lamp"])


def test_words_without_a_vector_are_named_counted_and_left_out():
    zeroed = ROWS.copy()
    zeroed[3] = 0  # a zero row is no vector either
    with pytest.warns(TransformWarning, match=r"2 word set\(s\) are left out, for 2 word.*'man', "):
        made = HardDebias([*PAIRS, ("aunt", "boy")]).fit(zeroed, words=WORDS)
    assert made.missing_ == ("man", "aunt")
    assert made.equalized_ == (("she", "he"), ("girl", "boy"))
    expected = HardDebias([PAIRS[0], PAIRS[2]]).fit(ROWS, words=WORDS)
    np.testing.assert_array_equal(made.subspace_.basis, expected.subspace_.basis)
    with pytest.warns(TransformWarning, match=r"1 word\(s\) are left out.*'aunt'"):
        gbdd = GBDD(["she", "aunt"], ["he"]).fit(ROWS, words=WORDS)
    assert gbdd.missing_ == ("aunt",)
    with pytest.warns(TransformWarning, match=r"1 pair\(s\) are left out.*'aunt'"):
        bam = BAM(["she", "aunt"], ["he", "man"], pairing="matched").fit(ROWS, words=WORDS)
    assert (bam.missing_, bam.rank_) == (("aunt",), 1)


class Counting:
    """An encoder that records what it is asked for."""

    def __init__(self, inner):
        self.inner, self.asked = inner, []
        self.info, self.missing = inner.info, inner.missing

    def encode(self, items, *, progress=False):
        self.asked.extend(items)
        return self.inner.encode(items)


@SMALL
def test_an_encoder_encodes_the_words_of_the_lists_only(encoder):
    counting = Counting(encoder)
    made = HardDebias(PAIRS, protected=["queen", "nobody"]).fit_encoder(counting)
    assert sorted(counting.asked) == sorted(w for p in PAIRS for w in p)
    rows = ROWS.astype(np.float32)
    by_hand = HardDebias(PAIRS, protected=["queen"]).fit(rows, words=WORDS)
    np.testing.assert_array_equal(made.equalized_vectors_, by_hand.equalized_vectors_)
    assert made.encoder_ == {"id": "table", "fingerprint": encoder.info.fingerprint()}
    assert not hasattr(made.fit(ROWS, words=WORDS), "encoder_")
    assert Neutralize(np.eye(7)[0]).fit_encoder(encoder).n_features_in_ == 7
    with pytest.warns(TransformWarning, match="1 word set.*'aunt', 'uncle'"):
        HardDebias([*PAIRS, ("aunt", "uncle")]).fit_encoder(encoder)
    with pytest.raises(
        InputError, match=r"table has no vector for any of the 6 words .*'aunt', 'uncle'"
    ):
        HardDebias([("aunt", "uncle")]).fit_encoder(encoder)
    with pytest.raises(InputError, match=r"no set of pairs has vectors.*'uncle'"):
        HardDebias([("she", "uncle")]).fit_encoder(encoder)
    with pytest.raises(InputError, match=r"whole vocabulary; give words=\[...\], such as encoder"):
        DoubleHardDebias(PAIRS).fit_encoder(encoder)
    with pytest.raises(InputError, match="expects an Encoder, got ndarray"):
        HardDebias(PAIRS).fit_encoder(ROWS)
    double = DoubleHardDebias(PAIRS, n_biased=2, n_components=2)
    assert double.fit_encoder(encoder, words=WORDS).encoder_["id"] == "table"


def test_after_an_encoder_each_item_is_its_word(encoder):
    debias = HardDebias(PAIRS, protected=["queen"]).fit_encoder(encoder)
    both = encoder | debias
    made = both.encode(WORDS)
    expected = debias.transform(encoder.encode(WORDS), words=WORDS)
    np.testing.assert_array_equal(made, expected)
    assert both.info.transforms[0].startswith("HardDebias(pairs=list, protected=['queen']) sha256:")
    g = debias.subspace_.vector
    neutral = [WORDS.index(w) for w in ("nurse", "doctor", "chair", "bearded", "lamp")]
    assert np.abs(encoder.encode(WORDS) @ g)[neutral].max() > 0.3
    assert np.abs(made @ g)[neutral].max() < 1e-6
    np.testing.assert_allclose(
        made[WORDS.index("queen")],
        ROWS[6] / np.linalg.norm(ROWS[6]),
        atol=1e-6,
    )


class InSentences(StaticEncoder):
    """The last word of a text, or the marked word."""

    def encode(self, items, *, progress=False):
        words = [i.word if isinstance(i, InContext) else i.split()[-1] for i in items]
        return super().encode(words)

    def missing(self, items):
        return [i for i in items if isinstance(i, str) and i.split()[-1] not in WORDS]


def test_a_word_in_context_is_the_word_and_a_sentence_is_none():
    encoder = InSentences(WORDS, ROWS, id="sentences")
    debias = HardDebias(PAIRS, protected=["queen"]).fit_encoder(encoder)
    both = encoder | debias
    items = [InContext("the queen sat", 4, 9), "the queen", "queen", InContext("so she sat", 3, 6)]
    made = both.encode(items)
    np.testing.assert_array_equal(made[0], made[2])
    assert abs(made[0] @ debias.subspace_.vector) > 0.1
    assert abs(made[1] @ debias.subspace_.vector) < 1e-6
    np.testing.assert_allclose(made[3], debias.equalized_vectors_[0], atol=1e-7)


def test_a_picture_is_no_word():
    assert word_of(Image("king.png", "sha256:0", None)) is None
    assert [word_of(item) for item in ("king", InContext("a king", 2, 6))] == ["king", "king"]


def test_a_pipeline_with_a_word_step_after_an_encoder(encoder):
    rows = encoder.encode(WORDS)
    scaler = StandardScaler().fit(rows)
    debias = HardDebias(PAIRS, protected=["queen"]).fit(scaler.transform(rows), words=WORDS)
    expected = debias.transform(scaler.transform(rows), words=WORDS)
    steps = sklearn.pipeline.Pipeline([("s", scaler), ("none", "passthrough"), ("d", debias)])
    nested = make_pipeline(steps)
    for each in (steps, nested):
        np.testing.assert_allclose((encoder | each).encode(WORDS), expected, atol=1e-6)
    chained = encoder | scaler | debias
    np.testing.assert_allclose(chained.encode(WORDS), expected, atol=1e-6)
    # Without routing scikit-learn's own call has no way to hand the words on.
    with pytest.raises(InputError, match="which row is which word is not known"):
        steps.transform(rows)
    frame = pd.DataFrame(rows, columns=[f"f{i}" for i in range(7)])
    framed = make_pipeline(StandardScaler().fit(frame), debias)
    np.testing.assert_allclose((encoder | framed).encode(WORDS), expected, atol=1e-6)


def test_words_are_routed_through_a_pipeline():
    with sklearn.config_context(enable_metadata_routing=True):
        debias = (
            HardDebias(PAIRS, protected=["queen"])
            .set_fit_request(words=True)
            .set_transform_request(words=True)
        )
        steps = make_pipeline(StandardScaler(), debias)
        made = steps.fit(ROWS, words=WORDS).transform(ROWS, words=WORDS)
    scaled = StandardScaler().fit_transform(ROWS)
    alone = HardDebias(PAIRS, protected=["queen"]).fit_transform(scaled, words=WORDS)
    np.testing.assert_array_equal(made, alone)


def test_what_depends_on_other_rows_is_still_refused(encoder):
    class Centring:
        takes_words = True

        def transform(self, X, *, words):
            assert words == [None] * len(X)
            return X - X.mean(axis=0)

    with pytest.raises(InputError, match="depends on the other vectors of the call"):
        encoder | Centring()


NAMES = {
    Neutralize: "neutralize",
    Equalize: "equalize",
    HardDebias: "hard-debias",
    MulticlassHardDebias: "multiclass-hard-debias",
    DoubleHardDebias: "double-hard-debias",
    GBDD: "gbdd",
    BAM: "bam",
}
ALL = [
    Neutralize(PAIRS, protected=["queen"]),
    Neutralize(Subspace.from_vectors(ROWS[:2] + ROWS[2:4])),
    Equalize(PAIRS, PAIRS),
    HardDebias(PAIRS, protected=["queen"]),
    MulticlassHardDebias([("she", "he", "lamp")]),
    DoubleHardDebias(PAIRS, n_biased=2, n_components=2),
    GBDD(["she", "woman"], ["he", "man"]),
    BAM(["she", "woman"], ["he", "man"], pairing="matched"),
]


@SMALL
@pytest.mark.parametrize("transform", ALL, ids=lambda each: type(each).__name__)
def test_saved_cloned_repeated_and_left_alone(tmp_path, encoder, transform):
    fitted = clone(transform).fit(ROWS, words=WORDS)
    takes = {"words": WORDS} if getattr(fitted, "takes_words", False) else {}
    before = ROWS.copy()
    made = fitted.transform(ROWS, **takes)
    np.testing.assert_array_equal(fitted.transform(ROWS, **takes), made)
    np.testing.assert_array_equal(ROWS, before)
    save_transform(fitted, tmp_path / "t")
    again = load_transform(tmp_path / "t")
    np.testing.assert_array_equal(again.transform(ROWS, **takes), made)
    assert again.get_params().keys() == fitted.get_params().keys()
    assert type(transform).load(tmp_path / "t").n_features_in_ == 7
    assert encoder | again  # its state can be hashed
    assert "unpinned" not in (encoder | again).info.transforms[0]
    for kind, tolerance in ((np.float32, 1e-6), (np.float16, 5e-3)):
        low = fitted.transform(ROWS.astype(kind), **takes)
        assert low.dtype == kind
        np.testing.assert_allclose(low, made, atol=tolerance * 3)
    card = get_transform(NAMES[type(fitted)])
    assert card.estimator is type(fitted)
    assert card.learns_from == "words"
    assert card.affine == (not takes)


def test_affine_ones_fold_and_the_others_stop_a_fold():
    gbdd = GBDD(["she"], ["he"]).fit(ROWS, words=WORDS)
    bam = BAM(["she"], ["he"]).fit(gbdd.transform(ROWS), words=WORDS)
    steps = make_pipeline(gbdd, bam)
    one = fold(steps)
    assert one.folded_ == ("GBDD", "BAM")
    np.testing.assert_allclose(one.transform(ROWS), steps.transform(ROWS), atol=1e-12)
    with pytest.warns(TransformWarning, match="does not survive HardDebias"):
        with_words = fold(make_pipeline(gbdd, FITTED))
    assert [type(step).__name__ for _, step in with_words.steps] == ["FoldedAffine", "HardDebias"]


@SMALL
def test_zero_rows_stay_zero_whatever_their_word():
    rows = np.zeros((3, 7))
    for each in (FITTED, DoubleHardDebias(PAIRS, n_biased=2).fit(ROWS, words=WORDS)):
        assert not each.transform(rows, words=["she", "queen", "nurse"]).any()


def test_rows_of_extreme_length_keep_their_direction():
    debias = HardDebias(PAIRS, protected=["queen"]).fit(ROWS, words=WORDS)
    expected = debias.transform(ROWS, words=WORDS)
    for factor in (1e-200, 1e200, 1e-30, 1e30):
        np.testing.assert_allclose(
            debias.transform(ROWS * factor, words=WORDS), expected, atol=1e-13
        )
    raw = Neutralize(debias.subspace_, normalize=False).fit(ROWS)
    for factor in (1e-200, 1e200):
        np.testing.assert_allclose(
            raw.transform(ROWS * factor), raw.transform(ROWS) * factor, rtol=1e-6, atol=0
        )
    low = debias.transform((ROWS * 1e-30).astype(np.float32), words=WORDS)
    np.testing.assert_allclose(low, expected, atol=1e-6)


def test_an_audit_of_a_debiased_encoder(extract):
    debias = HardDebias(PAIRS).fit_encoder(extract)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = embias.audit(extract | debias, "weat").frame
    assert (found["status"] == "ok").all()
    assert found["transform"].str.startswith("HardDebias(pairs=list) sha256:").all()
    plain = embias.audit(extract, "weat").frame
    change = np.abs(found["effect_size"] - plain["effect_size"]).to_numpy(dtype=float)
    assert change[6] > 0.1  # maths and arts with male and female words
    assert change.min() < 0.05
