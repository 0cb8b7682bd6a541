"""StereoSet against the published procedure written out here, and models known exactly."""

import json
import math
import string

import numpy as np
import pytest
import torch

from embias import metrics
from embias.errors import DataFileError, InputError
from embias.metrics._stereo_items import fillers_of
from embias.metrics.stereoset import CARD, StereoItem, read_stereoset, stereoset
from fixtures.tiny_language_models import (
    CAUSAL,
    MASKED,
    UnigramForCausalLM,
    UnigramForMaskedLM,
    build_language_model,
)
from fixtures.tiny_models import one_thread, tokenizer_of


def item(term, domain, context, *words):
    return StereoItem(term, domain, context, *(context.replace("BLANK", word) for word in words))


ITEMS = [
    item("nurse", "profession", "The nurse is BLANK.", "unhappy", "unbelievably", "cats"),
    item("nurse", "profession", "A nurse said BLANK, now.", "here", "programmers", "xylophonic"),
    item("doctor", "profession", "BLANK doctors went home.", "Other", "Unhappy", "Morning"),
    item("Zoë", "gender", "Zoë likes BLANK cafés", "naïve", "anti-hero", "doctor's"),
    item("he", "gender", "He said that he is BLANK", "the hero", "a cat", "going home quickly"),
    item("she", "gender", "So she BLANK!", "can't", "won't", "dog"),
]


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    with one_thread():
        yield


@pytest.fixture(scope="module")
def models():
    return {family: build_language_model(family) for family in (*MASKED, *CAUSAL)}


def log_softmax(logits):
    row = logits.detach().numpy().astype(np.float64)
    return row - row.max() - math.log(np.exp(row - row.max()).sum())


def filler_by_hand(pair, one, word):
    """Token by token: the context up to the filler, its tokens so far, a mask, the rest.

    The tokens of the filler are those between the tokens of the two sides, so that the mark of
    the space before it is one of them.
    """
    tokenizer, model = pair
    before, after = one.context.split("BLANK")
    ids = tokenizer(before + word + after)["input_ids"]
    head = tokenizer(before.rstrip())["input_ids"][:-1]
    tail = tokenizer(after, add_special_tokens=False)["input_ids"] + ids[-1:]
    # SentencePiece puts the mark of a space before a text that has none.
    if tokenizer.convert_ids_to_tokens(tail[0]) == "▁" and not after.startswith(" "):
        tail = tail[1:]
    assert ids[: len(head)] == head
    assert ids[-len(tail) :] == tail
    own = list(range(len(head), len(ids) - len(tail)))
    found = []
    for step, at in enumerate(own):
        asked = [*ids[: own[0] + step], tokenizer.mask_token_id, *ids[own[-1] + 1 :]]
        with torch.no_grad():
            found.append(log_softmax(model(torch.tensor([asked])).logits[0, at])[ids[at]])
    return found


def words_of(one):
    before, after = one.context.split("BLANK")
    return [text[len(before) : len(text) - len(after)] for text in one.sentences]


def figures_by_hand(items, scores):
    """SS, LMS and ICAT as the published evaluation counts them, ties as one half."""
    terms = {}
    for one, (stereo, anti, unrelated) in zip(items, scores, strict=True):
        count = terms.setdefault(one.term, [0, 0, 0])
        count[0] += 1
        count[1] += 1.0 if stereo > anti else 0.5 if stereo == anti else 0.0
        for other in (stereo, anti):
            count[2] += 1.0 if other > unrelated else 0.5 if other == unrelated else 0.0
    ss = np.mean([100 * pro / n for n, pro, _ in terms.values()])
    lms = np.mean([100 * sense / (2 * n) for n, _, sense in terms.values()])
    return ss, lms, lms * min(ss, 100 - ss) / 50


def check_figures(found, items, scores):
    for prefix, domain in (("", None), ("gender_", "gender"), ("profession_", "profession")):
        own = [k for k, one in enumerate(items) if domain in (None, one.domain)]
        expected = figures_by_hand([items[k] for k in own], [scores[k] for k in own])
        for name, value in zip(("ss", "lms", "icat"), expected, strict=True):
            assert found.figures[prefix + name] == pytest.approx(value)
    assert found.value == found.figures["ss"]


# --- against the published procedures ------------------------------------------------------------


@pytest.mark.parametrize("family", MASKED)
@pytest.mark.parametrize("batch_size", [1, 11])
def test_masked_scores_are_those_of_plain_passes(models, family, batch_size):
    found = stereoset(models[family], ITEMS, batch_size=batch_size)
    parts = [[filler_by_hand(models[family], one, w) for w in words_of(one)] for one in ITEMS]
    assert max(len(word) for three in parts for word in three) > 1
    expected = np.array([[np.mean(word) for word in three] for three in parts])
    for column, name in enumerate(("stereotype", "anti-stereotype", "unrelated")):
        np.testing.assert_allclose(found.scores[name], expected[:, column], atol=1e-5)
    check_figures(found, ITEMS, expected)
    assert found.counts["items"] == len(ITEMS)
    assert found.counts["terms"] == 5
    assert found.counts["gender_items"] == 3
    assert found.counts["fillers_by_position"] == 0


@pytest.mark.parametrize("family", CAUSAL)
@pytest.mark.parametrize("convention", ["embias", "bias-bench"])
def test_causal_scores_are_those_of_plain_passes(models, family, convention):
    tokenizer, model = models[family]
    expected = []
    for one in ITEMS:
        for text in one.sentences:
            ids = tokenizer(text, add_special_tokens=False)["input_ids"]
            start = [tokenizer.bos_token_id]
            with torch.no_grad():
                logits = model(torch.tensor([start + ids])).logits[0]
                if convention == "bias-bench":  # the start token alone, then the text alone
                    first = model(torch.tensor([start])).logits[0]
                    logits = torch.cat([first, model(torch.tensor([ids])).logits[0]])
            logs = [log_softmax(logits[at])[token] for at, token in enumerate(ids)]
            expected.append(np.mean(logs))
    expected = np.array(expected).reshape(-1, 3)
    found = stereoset(models[family], ITEMS, batch_size=4, convention=convention)
    np.testing.assert_allclose(found.scores["stereotype"], expected[:, 0], atol=1e-5)
    np.testing.assert_allclose(found.scores["unrelated"], expected[:, 2], atol=1e-5)
    check_figures(found, ITEMS, expected)


def bias_bench_scores(pair, one):
    """The loader of bias-bench: pieces of the bare word, the context as text, probabilities."""
    tokenizer, model = pair
    place = [n for n, word in enumerate(one.context.split(" ")) if "BLANK" in word][-1]
    scores = []
    for sentence in one.sentences:
        word = sentence.split(" ")[place].translate(str.maketrans("", "", string.punctuation))
        pieces = tokenizer.encode(word, add_special_tokens=False)
        found = []
        for step, piece in enumerate(pieces):
            filled = tokenizer.decode(pieces[:step]) + tokenizer.mask_token
            ids = tokenizer.encode(one.context.replace("BLANK", filled))
            with torch.no_grad():
                logits = model(torch.tensor([ids])).logits[0, ids.index(tokenizer.mask_token_id)]
            found.append(math.exp(log_softmax(logits)[piece]))
        scores.append(np.mean(found))
    return scores


def test_the_convention_of_bias_bench(models):
    pair = models["bert-uncased"]
    expected = np.array([bias_bench_scores(pair, one) for one in ITEMS])
    found = stereoset(pair, ITEMS, convention="bias-bench")
    for column, name in enumerate(("stereotype", "anti-stereotype", "unrelated")):
        np.testing.assert_allclose(np.exp(found.scores[name]), expected[:, column], rtol=1e-4)
    check_figures(found, ITEMS, expected)
    # Another number than the mean of the logarithms where a filler has several tokens, and other
    # words where punctuation is inside one.
    ours = stereoset(pair, ITEMS)
    assert found.scores["unrelated"][1] > ours.scores["unrelated"][1] + 1e-3
    assert found.scores["anti-stereotype"][5] != pytest.approx(ours.scores["anti-stereotype"][5])


# --- against models known exactly ----------------------------------------------------------------


def unigram(words, model=UnigramForMaskedLM, family="bert-uncased"):
    tokenizer = tokenizer_of(family)
    table = np.ones(len(tokenizer))
    for word, weight in words.items():
        (token,) = tokenizer.encode(word, add_special_tokens=False)
        table[token] = weight
    return tokenizer, model(table)


KNOWN = [
    item("nurse", "profession", "The nurse is BLANK.", "here", "there", "dog"),
    item("doctor", "profession", "The doctor is BLANK.", "here", "there", "dog"),
    item("he", "gender", "He is BLANK.", "here", "there", "dog"),
]


@pytest.mark.parametrize(
    ("weights", "ss", "lms", "icat"),
    [
        ({"here": 9, "there": 4, "dog": 1}, 100, 100, 0),
        ({"here": 4, "there": 9, "dog": 1}, 0, 100, 0),
        ({"here": 9, "there": 1, "dog": 4}, 100, 50, 0),
        ({"here": 4, "there": 4, "dog": 1}, 50, 100, 100),
        ({"here": 1, "there": 1, "dog": 4}, 50, 0, 0),
        ({"here": 1, "there": 1, "dog": 1}, 50, 50, 50),
    ],
)
def test_limit_cases_are_met(weights, ss, lms, icat):
    found = stereoset(unigram(weights), KNOWN)
    for prefix in ("", "gender_", "profession_"):
        assert found.figures[f"{prefix}ss"] == ss
        assert found.figures[f"{prefix}lms"] == lms
        assert found.figures[f"{prefix}icat"] == icat
    assert (found.interval.low, found.interval.high) == (ss, ss)


def test_scores_are_the_probabilities_of_the_model():
    found = stereoset(unigram({"here": 9, "there": 4}), KNOWN)
    total = len(tokenizer_of("bert-uncased")) - 2 + 13
    np.testing.assert_allclose(found.scores["stereotype"], math.log(9 / total), rtol=1e-12)
    np.testing.assert_allclose(found.scores["unrelated"], math.log(1 / total), rtol=1e-12)


def test_ties_count_nothing_under_the_other_convention():
    found = stereoset(unigram({}), KNOWN, convention="bias-bench")
    assert (found.figures["ss"], found.figures["lms"], found.figures["icat"]) == (0, 0, 0)


def test_terms_count_alike_however_many_items_they_have():
    weights = {"here": 9, "there": 4, "dog": 1}
    turned = item("he", "gender", "He is BLANK.", "there", "here", "dog")
    found = stereoset(unigram(weights), [*KNOWN[:2], *[turned] * 7])
    assert found.value == pytest.approx(100 * 2 / 3)
    assert found.figures["icat"] == pytest.approx(100 * (100 / 3) / 50)
    assert found.counts["terms"] == 3


def test_a_causal_model_known_exactly():
    weights = {" here": 9, " there": 9, " cat": 1}
    model = unigram(weights, UnigramForCausalLM, "gpt2")
    one = item("he", "gender", "He is BLANK", "here", "there", "cat")
    found = stereoset(model, [one, item("she", "gender", "He is BLANK", "here", "cat", "there")])
    assert (found.figures["ss"], found.figures["lms"]) == (75, 62.5)


def test_swapping_stereotype_and_its_opposite_mirrors_ss(models):
    turned = [
        StereoItem(i.term, i.domain, i.context, i.antistereotype, i.stereotype, i.unrelated)
        for i in ITEMS
    ]
    found, other = (stereoset(models["roberta"], items) for items in (ITEMS, turned))
    assert other.value == pytest.approx(100 - found.value)
    assert other.figures["lms"] == pytest.approx(found.figures["lms"])
    assert other.figures["icat"] == pytest.approx(found.figures["icat"])


def test_intervals_are_those_of_a_bootstrap_over_terms():
    rng = np.random.default_rng(3)
    words = ["here", "there", "dog"]
    items = []
    for number in range(200):
        order = rng.permutation(3)
        for _ in range(2):
            items.append(item(f"t{number}", "gender", "He is BLANK.", *(words[k] for k in order)))
    found = stereoset(unigram({"here": 9, "there": 4, "dog": 1}), items)
    rank = {"He is here.": 0, "He is there.": 1, "He is dog.": 2}
    per_term = np.array([100.0 * (rank[i.stereotype] < rank[i.antistereotype]) for i in items[::2]])
    error = per_term.std() / math.sqrt(len(per_term))
    assert found.value == pytest.approx(per_term.mean())
    assert found.interval.low == pytest.approx(found.value - 1.96 * error, abs=0.15 * error)
    assert found.interval.high == pytest.approx(found.value + 1.96 * error, abs=0.15 * error)
    assert found.figures["ss_low"] == found.interval.low
    assert found.figures["icat_low"] < found.figures["icat"] < found.figures["icat_high"]
    again = stereoset(unigram({"here": 9, "there": 4, "dog": 1}), items)
    assert again == found
    other = stereoset(unigram({"here": 9, "there": 4, "dog": 1}), items, rng=1)
    assert other.figures["icat_low"] != found.figures["icat_low"]


def test_a_single_term_has_no_interval():
    found = stereoset(unigram({}), KNOWN[:1])
    assert found.interval is None
    assert math.isnan(found.figures["ss_low"])
    assert "single term" in found.note


# --- what fills the blank ------------------------------------------------------------------------


def test_fillers_are_found_where_the_sentence_is_not_the_context():
    exact = StereoItem("a", "b", "He is BLANK.", "He is well-read.", "He is a cat.", "He is x.")
    assert [filler.text for filler in fillers_of(exact)] == list(exact.sentences)
    assert [f.text[f.start : f.stop] for f in fillers_of(exact)] == ["well-read", "a cat", "x"]
    positions = fillers_of(exact, by_position=True)
    assert [f.text[f.start : f.stop] for f in positions] == ["wellread", "a", "x"]
    other = StereoItem("a", "b", "He is BLANK.", "He is kind", "He  is x.", "he is sad, now.")
    # By place among the spaces; the second sentence has two of them in a row.
    assert [f.text for f in fillers_of(other)] == ["He is kind.", "He is is.", "He is sad."]


def test_items_whose_blank_cannot_be_told_are_skipped_and_counted():
    short = StereoItem("z", "race", "He is now BLANK.", "He is", "He is now kind.", "He is now x.")
    twice = StereoItem("z", "race", "BLANK is BLANK.", "He is he.", "A is a.", "B is b.")
    weights = {"here": 9, "there": 4, "dog": 1}
    found = stereoset(unigram(weights), [*KNOWN, short, twice])
    assert found.counts["skipped"] == 2
    assert (found.counts["items"], found.counts["terms"]) == (3, 3)
    assert found.counts["race_items"] == 0
    assert math.isnan(found.figures["race_ss"])
    assert math.isnan(found.scores["stereotype"][3])
    assert found.value == 100
    assert "2 item(s) skipped" in found.note
    with pytest.raises(InputError, match="no item can be scored"):
        stereoset(unigram(weights), [short, twice])
    # A causal model reads the sentences and needs no blank.
    causal = stereoset(unigram({}, UnigramForCausalLM, "gpt2"), [short, twice])
    assert causal.counts["skipped"] == 0


def test_fillers_by_position_are_counted():
    loose = StereoItem("z", "race", "He is BLANK.", "he is here", "he is there", "he is dog")
    found = stereoset(unigram({"here": 9, "there": 4, "dog": 1}), [*KNOWN, loose])
    assert found.counts["fillers_by_position"] == 1
    assert found.value == 100


def test_the_space_before_a_filler_belongs_to_it(models):
    tokenizer, _ = models["roberta"]
    assert tokenizer.encode(" here", add_special_tokens=False) != tokenizer.encode(
        "here", add_special_tokens=False
    )
    one = item("a", "b", "The doctor is BLANK", "here", "unhappy", "home")
    (token,) = tokenizer.encode(" here", add_special_tokens=False)
    ids = tokenizer.encode(f"The doctor is{tokenizer.mask_token}")
    with torch.no_grad():
        logits = models["roberta"][1](torch.tensor([ids])).logits[0]
    expected = log_softmax(logits[ids.index(tokenizer.mask_token_id)])[token]
    found = stereoset(models["roberta"], [one])
    assert found.scores["stereotype"][0] == pytest.approx(expected, abs=1e-5)


# --- what is refused, and the file ---------------------------------------------------------------


def test_options_and_items_are_checked(models):
    pair = models["bert-cased"]
    for options in ({"convention": "wefe"}, {"level": 2}, {"rng": -1}, {"n_resamples": 3}):
        with pytest.raises(InputError, match=next(iter(options))):
            stereoset(pair, ITEMS, **options)
    for items in ([], None, ["text"]):
        with pytest.raises(InputError, match="stereoset"):
            stereoset(pair, items)
    with pytest.raises(InputError, match="no BLANK"):
        StereoItem("a", "b", "c", "d", "e", "f")
    with pytest.raises(InputError, match="term"):
        StereoItem("", "b", "BLANK", "d", "e", "f")


def document(items=ITEMS, **more):
    labels = ("stereotype", "anti-stereotype", "unrelated")
    return {
        "version": "1.1",
        "data": {
            "intersentence": [{"id": "1"}],
            "intrasentence": [
                {
                    "id": str(number),
                    "target": one.term,
                    "bias_type": one.domain,
                    "context": one.context,
                    "sentences": [
                        {"id": f"{number}-{k}", "sentence": text, "gold_label": label, "labels": []}
                        for k, (label, text) in enumerate(zip(labels, one.sentences, strict=True))
                    ][::-1],
                }
                for number, one in enumerate(items)
            ],
            **more,
        },
    }


def write(path, content):
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return path


def test_a_file_is_read_as_it_is_written(tmp_path, models):
    path = write(tmp_path / "dev.json", document())
    assert read_stereoset(path) == tuple(ITEMS)
    assert stereoset(models["bert-cased"], read_stereoset(str(path))) == stereoset(
        models["bert-cased"], ITEMS
    )


def changed(change):
    content = document()
    change(content["data"]["intrasentence"][1])
    return content


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([], "must be a table with the key 'data'"),
        ({"data": []}, "key 'data': \\[\\] is not a table"),
        ({"data": {"intersentence": []}}, "items, which read_stereoset_intersentence reads"),
        (document([]), "no items"),
        (document(intrasentence={}), "is not a list"),
        (changed(lambda one: one.pop("target")), r"intrasentence\[1\], key 'target': is missing"),
        (changed(lambda one: one.update(context="none")), r"\[1\], key 'context': .* no BLANK"),
        (changed(lambda one: one.update(bias_type=3)), "'bias_type': 3 is not a text"),
        (changed(lambda one: one.update(bias_type=" ")), "'bias_type': is empty"),
        (changed(lambda one: one["sentences"].pop()), "key 'sentences': no 'stereotype'"),
        (
            changed(lambda one: one["sentences"][0].update(gold_label="stereotype")),
            r"sentences\[2\], key 'gold_label': a second 'stereotype'",
        ),
        (
            changed(lambda one: one["sentences"][0].update(gold_label="related")),
            r"sentences\[0\], key 'gold_label': 'related' is none of",
        ),
        (changed(lambda one: one["sentences"].append("text")), r"sentences\[3\]: must be a table"),
    ],
)
def test_files_that_break_a_rule_are_refused(tmp_path, content, words):
    path = write(tmp_path / "dev.json", content)
    with pytest.raises(DataFileError, match=words) as error:
        read_stereoset(path)
    assert str(path) in str(error.value)


def test_files_of_another_kind_are_refused(tmp_path):
    path = tmp_path / "dev.json"
    for content, words in ((b'{\n"a": }', "line 2: not JSON"), (b"", "empty"), (b"\xff", "UTF-8")):
        path.write_bytes(content)
        with pytest.raises(DataFileError, match=words):
            read_stereoset(path)
    path.write_bytes(b"[" * 100_000)
    with pytest.raises(DataFileError, match="JSON"):
        read_stereoset(path)
    with pytest.raises(DataFileError, match="cannot be read"):
        read_stereoset(tmp_path / "none.json")


def test_the_card_is_complete(monkeypatch):
    monkeypatch.setitem(metrics.METRICS, CARD.name, CARD)
    assert CARD.takes == "texts"
    assert "SS 50" in metrics.get_metric("stereoset").no_bias
