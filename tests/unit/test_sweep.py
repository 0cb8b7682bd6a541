"""One audit over the layers, poolings and dimensions of a model."""

import numpy as np
import pytest
from sklearn.preprocessing import Normalizer

from embias import AssociationTest, Suite, WordSet, audit
from embias.audit import check_settings, readings, sweep
from embias.encoders import CallableEncoder, TransformerEncoder, TruncatedEncoder
from embias.errors import InputError
from fixtures.tiny_models import build, one_thread

pytestmark = pytest.mark.usefixtures("single_thread")


@pytest.fixture(scope="module", autouse=True)
def single_thread():
    with one_thread():
        yield


@pytest.fixture(scope="module")
def pair():
    return build("bert-cased")


@pytest.fixture
def suite():
    def test(name, x):
        return AssociationTest(
            name,
            (WordSet("X", x), WordSet("Y", ["man", "nurse"])),
            (WordSet("A", ["happy", "garden"]), WordSet("B", ["street", "work"])),
            templates=("this is {}.", "{} is here"),
        )

    return Suite("mine", (test("one", ["woman", "doctor"]), test("two", ["doctor", "person"])))


def test_every_combination_is_what_an_encoder_of_its_own_gives(pair, suite):
    swept = sweep(pair, suite, layers="all", poolings=["cls", "mean"], dims=[None, 5])
    layers = range(TransformerEncoder(pair).n_layers + 1)
    assert len(swept.provenance.encoders) == len(layers) * 2 * 2
    by_place = {
        (info.layer, info.pooling.split(",")[0], info.truncate_dim): info.id
        for info in swept.provenance.encoders
    }
    rows = {(r.encoder, r.test): r.association for r in swept.results}
    for layer in (1, 2):
        for pooling in ("cls", "mean"):
            alone = TransformerEncoder(pair, layer=layer, pooling=pooling)
            for dim, encoder in ((None, alone), (5, TruncatedEncoder(alone, 5))):
                for row in audit(encoder, suite).results:
                    of_sweep = rows[by_place[str(layer), pooling, dim], row.test]
                    assert of_sweep.effect_size == pytest.approx(
                        row.association.effect_size, abs=1e-4
                    )


def test_each_text_goes_through_the_model_once(pair, suite, monkeypatch):
    tokenizer, model = pair
    seen = []
    forward = type(model).forward

    def counting(self, *arguments, **named):
        seen.extend(tokenizer.batch_decode(named["input_ids"], skip_special_tokens=True))
        return forward(self, *arguments, **named)

    monkeypatch.setattr(type(model), "forward", counting)
    sweep(pair, suite, layers="all", poolings=["cls", "mean", "max"], dims=[3, 7, None])
    words = {w for t in suite.tests for s in (*t.targets, *t.attributes) for w in s.words}
    assert len(seen) == len(set(seen)) == 2 * len(words)


def test_the_word_in_its_sentence(pair, suite):
    swept = sweep(pair, suite, layers=[2], poolings=["first", "last"], level="word")
    assert {info.kind for info in swept.provenance.encoders} == {"token"}
    assert {info.pooling for info in swept.provenance.encoders} == {
        "first sub-token of the word",
        "last sub-token of the word",
    }


def test_dims_alone_take_any_encoder_and_ask_it_once(suite):
    class Counting:
        calls = 0

        def __init__(self):
            from embias import EncoderInfo

            self.info = EncoderInfo(id="c", kind="sentence", dim=6, normalized=True)

        def missing(self, items):
            return []

        def encode(self, items, *, progress=False):
            Counting.calls += len(items)
            rows = [np.random.default_rng(list(i.encode())).normal(size=6) for i in items]
            return np.stack([row / np.linalg.norm(row) for row in rows])

    swept = sweep(Counting(), suite, dims=[2, 4, None], settings=check_settings(rng=3))
    assert [info.dim for info in swept.provenance.encoders] == [2, 4, 6]
    words = {w for t in suite.tests for s in (*t.targets, *t.attributes) for w in s.words}
    assert Counting.calls == 2 * len(words)
    assert swept.provenance.seed == 3


def test_cut_vectors_have_unit_length_again_where_the_whole_ones_had(extract):
    cut = TruncatedEncoder(extract, 10)
    rows, whole = cut.encode(["man", "woman"]), extract.encode(["man", "woman"])
    lengths = np.linalg.norm(whole[:, :10], axis=1, keepdims=True)
    expected = whole[:, :10] / lengths if extract.info.normalized else whole[:, :10]
    np.testing.assert_allclose(rows, expected, rtol=1e-6)
    assert (cut.info.dim, cut.info.truncate_dim) == (10, 10)
    assert cut.missing(["man", "nosuchword"]) == ["nosuchword"]
    assert cut.why_missing("nosuchword") == "no vector"


def test_mixes_of_layers_and_numbers_of_numpy(pair, suite):
    swept = sweep(pair, suite, layers=[[1, 2], np.int64(3)], poolings=["mean"], dims=[np.int64(4)])
    assert [info.layer for info in swept.provenance.encoders] == ["mean of 1,2", "3"]
    alone = TransformerEncoder(pair, layer=[1, 2], pooling="mean")
    (row,) = audit(TruncatedEncoder(alone, 4), suite.test("one")).results
    assert swept.results[0].association.effect_size == pytest.approx(
        row.association.effect_size, abs=1e-4
    )


def test_a_level_without_layers(pair, suite, extract):
    (encoder,) = readings(pair, dims=[4], level="word")
    assert (encoder.info.kind, encoder.info.layer) == ("token", "3")
    with pytest.raises(InputError, match="level"):
        readings(extract, dims=[4], level="bogus")


def test_quantised_vectors_are_calibrated_once_for_all_dims(pair, suite):
    encoder = TransformerEncoder(pair).quantized("int8")
    swept = sweep(encoder, suite, dims=[4, None])
    assert [row.status for row in swept.results] == ["ok"] * 4
    (whole,) = audit(encoder, suite.test("one")).results
    ranges = {info.ranges for info in swept.provenance.encoders}
    assert len(ranges) == 1
    assert None not in ranges
    assert whole.status == "ok"


def test_what_a_function_kept_is_not_thrown_away(suite):
    calls = []

    def fails(texts):
        calls.append(texts)
        if len(calls) == 5:
            raise ConnectionError
        return [[len(text), text.count("e") + 1.0, 2.0] for text in texts]

    encoder = CallableEncoder(fails, id="f", dim=3, batch_size=1)
    with pytest.raises(ConnectionError):
        sweep(encoder, suite, dims=[2, None])
    sweep(encoder, suite, dims=[2, None])
    assert len(calls) == len({tuple(texts) for texts in calls}) + 1  # only the failed one again


def test_cutting_before_and_after_a_transform_are_two_things(extract):
    half = Normalizer("l1")
    after, before = TruncatedEncoder(extract | half, 4), TruncatedEncoder(extract, 4) | half
    assert after.info.fingerprint() != before.info.fingerprint()
    assert np.abs(after.encode(["man"]) - before.encode(["man"])).max() > 1e-3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "nothing to sweep"),
        ({"layers": [1, 1]}, "each once"),
        ({"layers": "every"}, "give 'all'"),
        ({"poolings": "mean"}, "give a list"),
        ({"layers": [9]}, "9"),
        ({"poolings": ["median"]}, "median"),
        ({"dims": [0]}, "from 1 to"),
        ({"dims": [10_000]}, "from 1 to"),
    ],
)
def test_what_does_not_exist_is_named(pair, suite, options, message):
    with pytest.raises(InputError, match=message):
        sweep(pair, suite, **options)


def test_layers_of_an_encoder_without_layers(extract, suite):
    with pytest.raises(InputError, match="is no TransformerEncoder"):
        sweep(extract, suite, layers=[1])
