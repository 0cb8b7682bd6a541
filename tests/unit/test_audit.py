"""The audit: encoders, stimuli and metrics together; counts, errors as rows, JSON."""

import json
import math

import numpy as np
import pytest

from embias import (
    AssociationTest,
    Audit,
    EncoderInfo,
    StaticEncoder,
    Suite,
    WordSet,
    audit,
    load_suite,
    weat,
)
from embias.errors import DataFileError, InputError, OutputError, UnknownNameError
from embias.results import COLUMNS

WORDS = ("rose", "daisy", "lily", "wasp", "flea", "love", "joy", "war", "filth")


class Recorder:
    """An encoder that remembers what it was asked for."""

    def __init__(self, kind="sentence", vectors=None):
        self.info = EncoderInfo(id="recorder", kind=kind, dim=6)
        self.calls = []
        self.vectors = vectors or {}

    def encode(self, items, *, progress=False):
        self.calls.append(list(items))
        rows = [self.vectors.get(item, self._made_of(item)) for item in items]
        return np.array(rows, dtype=np.float32).reshape(len(items), 6)

    def missing(self, items):
        return []

    @staticmethod
    def _made_of(item):
        return np.random.default_rng(list(repr(item).encode())).normal(size=6)


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    return {word: rng.normal(size=6) for word in WORDS}


def flowers(name="flowers", targets=(("rose", "daisy"), ("wasp", "flea")), **options):
    return AssociationTest(
        name,
        (WordSet("Flowers", targets[0]), WordSet("Insects", targets[1])),
        (WordSet("Good", ["love", "joy"]), WordSet("Bad", ["war", "filth"])),
        **options,
    )


def test_a_row_is_what_weat_gives_on_the_words(table):
    result = audit(table, flowers())
    (row,) = result.results
    arrays = [
        np.array([table[word] for word in words], dtype=np.float32)
        for words in (("rose", "daisy"), ("wasp", "flea"), ("love", "joy"), ("war", "filth"))
    ]
    expected = weat(*arrays)
    assert row.association.effect_size == expected.effect_size
    assert row.association.pvalue == expected.pvalue
    frame = result.frame
    assert tuple(frame.columns) == COLUMNS
    assert frame.loc[0, "effect_size"] == expected.effect_size
    assert frame.loc[0, "pvalue_low"] == frame.loc[0, "pvalue_high"] == expected.pvalue
    assert (frame.loc[0, "asked"], frame.loc[0, "found"], frame.loc[0, "dropped"]) == (8, 8, 0)


def test_each_distinct_text_is_encoded_once():
    encoder = Recorder()
    tests = (
        flowers("bare"),
        flowers("filled", templates=("This is {}.", "{} is here.")),
        flowers("again", templates=("This is {}.",)),
    )
    audit(encoder, Suite("s", tests))
    asked = [item for call in encoder.calls for item in call]
    assert len(encoder.calls) == 1
    assert len(asked) == len(set(asked)) == 8 + 16


def test_a_sentence_encoder_gets_texts_and_a_token_encoder_gets_places():
    sentence, token = Recorder("sentence"), Recorder("token")
    test = flowers(templates=("This is {}.",))
    audit(sentence, test)
    audit(token, test)
    assert sentence.calls[0][0] == "This is rose."
    assert (token.calls[0][0].text, token.calls[0][0].word) == ("This is rose.", "rose")


def test_templated_tests_relabel_words_unless_items_are_asked_for():
    test = flowers(templates=("This is {}.", "{} is here.", "There is {}."))
    by_word = audit(Recorder(), test).results[0].association
    by_item = audit(Recorder(), test, unit="item").results[0].association
    assert (by_word.unit, by_word.n_x, by_word.items_x) == ("word", 2, 6)
    assert (by_item.unit, by_item.n_x, by_item.items_x) == ("item", 6, 6)
    assert by_word.effect_size == by_item.effect_size
    assert by_word.unit_effect_size != by_word.effect_size
    assert by_word.n_partitions == math.comb(4, 2)


def test_intervals_are_those_of_the_effect_over_words(extract):
    from embias.stats import analytic_interval

    result = audit(extract, "weat", level=0.9)
    for row in result.results:
        figures = row.association
        assert row.interval == analytic_interval(
            figures.unit_effect_size, figures.n_x, figures.n_y, level=0.9
        )
    frame = result.frame
    assert (frame["effect_low"] < frame["effect_size"]).all()
    assert (frame["effect_size"] < frame["effect_high"]).all()
    assert set(frame["interval_method"]) == {"analytic"}
    resampled = audit(extract, "weat", interval="bca", rng=1)
    assert set(resampled.frame["interval_method"]) == {"bca"}
    assert audit(extract, "weat", interval="bca", rng=1) == resampled
    assert audit(extract, "weat", interval=None).frame["effect_low"].isna().all()


def test_a_test_without_an_interval_says_why():
    same = {word: np.ones(3) for word in WORDS}
    (row,) = audit(same, flowers()).results
    assert row.interval is None
    assert row.notes == ("No interval: the effect size is undefined, so it has no interval.",)


def test_p_values_are_adjusted_within_suite_and_encoder(extract, table):
    from embias.stats import adjust

    result = audit([extract, as_named(table)], ["weat", flowers()])
    frame = result.frame
    family = frame[(frame["encoder"] == extract.info.id) & (frame["suite"] == "weat")]
    assert family["pvalue_adjusted"].tolist() == adjust(family["pvalue"], "holm").tolist()
    assert set(family["family"]) == {f"weat / {extract.info.id} / weat: 10 tests"}
    # Rows that could not be run are in no family, and have no p-value to adjust.
    failed = frame[frame["status"] == "error"]
    assert len(failed) == 10
    assert failed["pvalue_adjusted"].isna().all()
    alone = frame[(frame["encoder"] == "mine") & (frame["suite"] == "flowers")]
    assert alone["pvalue_adjusted"].tolist() == alone["pvalue"].tolist()
    plain = audit(extract, "weat", adjust="none").frame
    assert plain["pvalue_adjusted"].isna().all()
    other = audit(extract, "weat", adjust="benjamini-hochberg").frame
    assert (other["pvalue_adjusted"] <= family["pvalue_adjusted"].to_numpy()).all()


def test_the_published_p_over_sentences_stands_beside_the_one_over_words():
    test = flowers(templates=("This is {}.", "{} is here.", "There is {}."))
    suite = Suite("s", (test, flowers("bare")))
    frame = audit(Recorder(), suite, item_pvalue=True).frame
    by_item = audit(Recorder(), test, unit="item").frame
    assert frame["item_pvalue"].tolist()[0] == by_item["pvalue"].tolist()[0]
    assert frame["pvalue"].tolist()[0] != by_item["pvalue"].tolist()[0]
    assert frame["item_pvalue"].isna().tolist() == [False, True]
    assert audit(Recorder(), suite).frame["item_pvalue"].isna().all()


def test_the_detectable_effect_says_how_little_few_words_can_show(extract, table):
    from embias.stats import detectable_effect

    frame = audit(extract, "weat").frame
    expected = [detectable_effect(x, y) for x, y in zip(frame["n_x"], frame["n_y"], strict=True)]
    assert frame["detectable_effect"].tolist() == expected
    assert audit(table, flowers()).frame["detectable_effect"].isna().all()


def test_missing_words_are_dropped_and_counted(table):
    test = flowers(targets=(("rose", "daisy", "lily", "ros\u00e9", "r 2"), ("wasp", "flea")))
    result = audit(table, test, min_coverage=0.6)
    (row,) = result.results
    assert row.status == "ok"
    assert row.counts[0].dropped == ("ros\u00e9", "r 2")
    assert row.counts[0].reasons == ("no vector", "no vector")
    assert row.counts[0].coverage == 0.6
    assert result.frame.loc[0, "dropped_words"] == "ros\u00e9; r 2"


def test_too_few_words_make_a_row_with_its_reason(table):
    test = flowers(targets=(("rose", "daisy", "lily", "ros\u00e9", "r 2"), ("wasp", "flea")))
    result = audit(table, Suite("s", (test, flowers("fine"))))
    bad, fine = result.results
    assert bad.status == "error"
    assert bad.reason == (
        "X (Flowers): 3 of 5 words have a vector, min_coverage asks for 80%; "
        "missing: ros\u00e9, r 2"
    )
    assert fine.status == "ok"
    assert not result.ok
    assert result.frame["effect_size"].isna().tolist() == [True, False]
    assert result.frame.loc[0, "dropped"] == 2


def test_words_may_not_be_missing_where_that_is_asked(table):
    test = flowers(targets=(("rose", "daisy", "lily", "r 2"), ("wasp", "flea")))
    row = audit(table, test, on_missing="error", min_coverage=0.0).results[0]
    assert "on_missing='error'" in row.reason
    assert audit(table, flowers(), on_missing="error").results[0].status == "ok"


@pytest.mark.parametrize(
    ("targets", "reason"),
    [
        ((("rose",), ("wasp", "flea")), r"X \(Flowers\) has 1 word; at least 2"),
        ((("rose", "x1", "x2"), ("wasp", "flea")), "1 of 3 words have a vector, at least 2"),
        ((("x1", "x2"), ("wasp", "flea")), "0 of 2 words have a vector, at least 2"),
    ],
)
def test_one_word_is_no_target_set(table, targets, reason):
    import re

    row = audit(table, flowers(targets=targets), min_coverage=0.0).results[0]
    assert row.status == "error"
    assert re.search(reason, row.reason)


def test_sentences_on_word_vectors_are_an_error_row_with_a_cure(table):
    row = audit(table, flowers(templates=("This is {}.",))).results[0]
    assert row.status == "error"
    assert "run it on a sentence encoder" in row.reason


def test_zero_and_broken_vectors_count_as_missing(table):
    vectors = {"rose": np.zeros(6), "lily": np.full(6, np.nan)}
    names = ("rose", "daisy", "lily", "tulip", "iris", "poppy")
    test = flowers(targets=(names, ("wasp", "flea")))
    row = audit(Recorder(vectors=vectors), test, min_coverage=0.5).results[0]
    assert dict(zip(row.counts[0].dropped, row.counts[0].reasons, strict=True)) == {
        "rose": "zero vector",
        "lily": "vector with NaN or infinity",
    }
    static = audit({**table, "rose": np.zeros(6)}, flowers(), min_coverage=0.5)
    assert "rose" in static.results[0].reason


def test_an_item_that_cannot_be_encoded_fails_its_own_test_only():
    class Picky(Recorder):
        def encode(self, items, *, progress=False):
            if "wasp" in items:
                raise InputError("wasp stings")
            return super().encode(items)

    other = flowers("other", targets=(("rose", "daisy"), ("lily", "tulip")))
    bad, fine = audit(Picky(), Suite("s", (flowers(), other))).results
    assert (bad.status, bad.reason) == ("error", "wasp stings")
    assert fine.status == "ok"


def test_an_encoder_that_returns_no_numbers_is_named():
    class Wordy(Recorder):
        def encode(self, items, *, progress=False):
            return super().encode(items).astype(str)

    assert "numbers are needed" in audit(Wordy(), flowers()).results[0].reason


def test_numpy_settings_are_written_as_plain_numbers(table):
    options = {"min_coverage": np.float32(0.5), "ddof": np.int64(1), "rng": np.int64(3)}
    result = audit(table, flowers(), **options)
    assert Audit.from_json(result.to_json()) == result


def test_a_time_that_is_none_is_named(table, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    with pytest.raises(InputError, match="SOURCE_DATE_EPOCH='yesterday'"):
        audit(table, flowers())


def test_values_can_be_pickled_and_copied(table):
    import copy
    import pickle

    suite = load_suite("seat")
    assert pickle.loads(pickle.dumps(suite)) == copy.deepcopy(suite) == suite
    result = audit(table, flowers())
    assert pickle.loads(pickle.dumps(result)) == result


def test_an_encoder_that_returns_the_wrong_shape_is_named():
    class Short(Recorder):
        def encode(self, items, *, progress=False):
            return super().encode(items)[:-1]

    row = audit(Short(), flowers()).results[0]
    assert "'recorder' returned an array of shape (7, 6) for 8 items" in row.reason


def test_a_word_that_is_target_and_attribute_is_noted(table):
    test = flowers(targets=(("rose", "love"), ("wasp", "flea")))
    assert "Both target and attribute" in audit(table, test).results[0].notes[0]
    assert audit(table, flowers()).results[0].notes == ()


def test_same_input_same_seed_same_result(table):
    options = {"method": "sampled", "rng": 4}
    first = audit(table, flowers(), **options)
    assert audit(table, flowers(), **options).results == first.results
    # The draws of a test follow from its name, not from what ran before it.
    both = audit(table, Suite("flowers", (flowers("before"), flowers())), **options)
    assert both.results[1].association == first.results[0].association
    assert audit(table, flowers(), method="sampled", rng=5).results != first.results


def test_json_is_read_back_to_an_equal_audit(table, tmp_path, extract):
    result = audit([as_named(table), extract], ["weat", flowers()])
    path = tmp_path / "audit.json"
    text = result.to_json(path)
    assert path.read_text(encoding="utf-8") == text
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert Audit.from_json(path) == result == Audit.from_json(text)
    assert Audit.from_json(path).frame.equals(result.frame)


def as_named(table):
    return StaticEncoder.from_dict(table, id="mine")


def test_an_undefined_effect_size_survives_json():
    same = {word: np.ones(3) for word in WORDS}
    result = audit(same, flowers())
    assert math.isnan(result.results[0].association.effect_size)
    assert result.results[0].association.pvalue == 1
    loaded = Audit.from_json(result.to_json())
    assert loaded == result
    assert loaded.frame["effect_size"].isna().all()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("[1]", "not a saved audit"),
        ('{"kind": "embias.audit", "schema": 99}', "schema 99"),
        ('{"kind": "embias.audit", "schema": 1}', "results is not a list"),
    ],
)
def test_a_file_that_is_no_audit_is_named(text, message, tmp_path):
    path = tmp_path / "saved.json"
    path.write_text(text)
    with pytest.raises(DataFileError, match=message) as caught:
        Audit.from_json(path)
    assert str(path) in str(caught.value)


def test_a_result_is_written_whole_or_not_at_all(table, tmp_path, monkeypatch):
    result = audit(table, flowers())
    with pytest.raises(OutputError, match=r"cannot write .*none.*a folder that exists"):
        result.to_json(tmp_path / "none" / "audit.json")
    path = tmp_path / "audit.json"
    path.write_text("before")
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space")))
    with pytest.raises(OutputError, match="No space"):
        result.to_json(path)
    assert path.read_text() == "before"
    assert [entry.name for entry in tmp_path.iterdir()] == ["audit.json"]


def test_merge_joins_rows_and_refuses_other_settings(table):
    one, two = audit(table, flowers()), audit(table, flowers("second"))
    merged = one.merge(two)
    assert [row.test for row in merged.results] == ["flowers", "second"]
    assert len(merged.provenance.encoders) == 1
    assert [suite["name"] for suite in merged.provenance.suites] == ["flowers", "second"]
    with pytest.raises(InputError, match="different seeds or settings"):
        one.merge(audit(table, flowers("second"), rng=1))


def test_provenance_says_how_to_run_again(extract):
    provenance = audit(extract, "weat", rng=3).provenance
    assert provenance.seed == 3
    assert provenance.settings["alternative"] == "greater"
    assert provenance.encoders == (extract.info,)
    assert provenance.suites[0]["sha256"] == load_suite("weat").sha256
    assert provenance.suites[0]["source"]["paper"].startswith("Caliskan")


def test_the_time_of_an_audit_can_be_fixed(table, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    texts = {audit(table, flowers()).to_json() for _ in range(2)}
    assert len(texts) == 1
    assert "1970-01-01T00:00:00" in texts.pop()


def test_published_figures_are_matched_by_weights_or_by_name(extract, table):
    assert audit(extract, "weat").frame["published_effect_size"].iloc[0] == 1.54
    assert audit(extract, "weat", published="glove-840b").frame[
        "published_effect_size"
    ].tolist() == [1.5, 1.53, 1.41, 1.5, 1.28, 1.81, 1.06, 1.24, 1.38, 1.21]
    assert audit(table, flowers()).results[0].published is None
    with pytest.raises(UnknownNameError, match="did you mean 'glove-840b'"):
        audit(extract, "weat", published="glove-840")


def test_the_types_of_the_frame_do_not_depend_on_the_rows(table, extract):
    failed = audit({"rose": [1.0, 2.0]}, "weat").frame
    assert (failed["status"] == "error").all()
    assert failed.dtypes.to_dict() == audit(extract, "weat").frame.dtypes.to_dict()


def test_the_frame_is_ones_own(table):
    result = audit(table, flowers())
    del result.frame["pvalue"]
    assert "pvalue" in result.frame


def test_a_damaged_file_is_named_whatever_the_damage(table):
    document = json.loads(audit(table, flowers()).to_json())

    def places(value, path=()):
        entries = value.items() if isinstance(value, dict) else enumerate(value)
        for key, entry in list(entries):
            yield (*path, key)
            if isinstance(entry, dict | list):
                yield from places(entry, (*path, key))

    count = 0
    for path in places(document):
        if "settings" in path or "suites" in path or "packages" in path or "libraries" in path:
            continue  # free-form: names and values of other versions
        for wrong in ({}, [5], 5.5, "abc"):
            damaged = json.loads(json.dumps(document))
            holder = damaged
            for key in path[:-1]:
                holder = holder[key]
            if holder[path[-1]] is None or type(holder[path[-1]]) is type(wrong):
                continue  # what may be nothing may be something
            holder[path[-1]] = wrong
            try:
                loaded = Audit.from_json(json.dumps(damaged))
            except DataFileError:
                count += 1
            else:
                # A number may stand for another number.
                assert isinstance(wrong, float), path
                assert len(loaded.frame) == 1
    assert count > 150


def test_a_repr_is_one_line(extract):
    result = audit(extract, "weat")
    assert repr(result) == (
        "Audit(10 rows, encoders=['word2vec-googlenews-extract'], suites=['weat'])"
    )
    assert "weat10" in str(result)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        (([], "weat"), {}, InputError, "no encoder was given"),
        (({"a": [1.0]}, []), {}, InputError, "no suite was given"),
        (({"a": [1.0]}, "waet"), {}, UnknownNameError, "did you mean 'weat'"),
        (({"a": [1.0]}, 5), {}, InputError, "a suite cannot be made of a int"),
        (({"a": [1.0]}, ["weat", "weat"]), {}, InputError, "two suites are named 'weat'"),
        (([{"a": [1.0]}, {"a": [1.0]}], "weat"), {}, InputError, "two encoders have the id"),
        (({"a": [1.0]}, "weat"), {"metrics": ["waet"]}, UnknownNameError, "no metric 'waet'"),
        (({"a": [1.0]}, "weat"), {"metrics": []}, InputError, "metrics is empty"),
        (({"a": [1.0]}, "weat"), {"alternative": "x"}, InputError, "alternative='x'"),
        (({"a": [1.0]}, "weat"), {"method": "x"}, InputError, "method='x'"),
        (({"a": [1.0]}, "weat"), {"unit": "x"}, InputError, "unit='x'"),
        (({"a": [1.0]}, "weat"), {"on_missing": "x"}, InputError, "on_missing='x'"),
        (({"a": [1.0]}, "weat"), {"ddof": 3}, InputError, "ddof=3"),
        (({"a": [1.0]}, "weat"), {"min_coverage": 80}, InputError, "min_coverage=80"),
        (({"a": [1.0]}, "weat"), {"rng": -1}, InputError, "rng=-1"),
        (({"a": [1.0]}, "weat"), {"rng": 10**5000}, InputError, "rng=a huge number"),
        (({"a": [1.0]}, "weat"), {"metrics": 5}, InputError, "metrics=5"),
        (({"a": [1.0]}, "weat"), {"min_coverage": "0.8"}, InputError, "min_coverage='0.8'"),
        (({"a": [1.0]}, "weat"), {"published": 5}, InputError, "published=5"),
        (({"a": [1.0]}, "weat"), {"interval": "t"}, InputError, "interval='t'"),
        (({"a": [1.0]}, "weat"), {"level": 95}, InputError, "level=95"),
        (({"a": [1.0]}, "weat"), {"adjust": "holms"}, InputError, "did you mean 'holm'"),
    ],
)
def test_bad_arguments_are_named(arguments, options, error, message):
    with pytest.raises(error, match=message):
        audit(*arguments, **options)
