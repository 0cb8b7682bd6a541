"""CrowS-Pairs against the published procedure written out here, and models known exactly."""

import csv
import difflib
import math

import numpy as np
import pytest
import torch
from scipy import stats

from embias import metrics
from embias.errors import DataFileError, InputError
from embias.metrics.crows_pairs import CARD, SentencePair, crows_pairs, read_crows_pairs
from embias.stats import adjust, wilson_interval
from fixtures.tiny_language_models import (
    CAUSAL,
    MASKED,
    UnigramForCausalLM,
    UnigramForMaskedLM,
    build_language_model,
)
from fixtures.tiny_models import one_thread, tokenizer_of

PAIRS = [
    SentencePair("He is a doctor here.", "She is a doctor here.", "gender"),
    SentencePair("The nurse said that she is here.", "The nurse said that he is here.", "gender"),
    SentencePair("She is an engineer.", "He is an engineer.", "gender", "antistereo"),
    SentencePair("The cat is xylophonic.", "The other dog is xylophonic.", "race-color"),
    SentencePair("José likes cafés.", "Søren likes naïve cafés, now.", "race-color"),
    SentencePair("The doctors went home.", "The programmers went home in the morning.", "age"),
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


def log_probability(pair, ids, at):
    """The log-probability of one masked token in a plain forward pass."""
    tokenizer, model = pair
    masked = torch.tensor([ids])
    masked[0, at] = tokenizer.mask_token_id
    with torch.no_grad():
        return log_softmax(model(masked).logits[0, at])[ids[at]]


def published_scores(pair, sentences):
    """Nangia et al.: shared tokens by difflib, without the first and the last of them."""
    ids = [pair[0](one)["input_ids"] for one in sentences]
    blocks = difflib.SequenceMatcher(None, *[[str(i) for i in one] for one in ids]).get_opcodes()
    shared = [], []
    for tag, a, b, c, d in blocks:
        if tag == "equal":
            shared[0].extend(range(a, b))
            shared[1].extend(range(c, d))
    return [
        sum(log_probability(pair, one, at) for at in places[1:-1])
        for one, places in zip(ids, shared, strict=True)
    ]


def differing_scores(pair, sentences):
    """bias-bench: mean over the tokens that are not shared."""
    ids = [pair[0](one)["input_ids"] for one in sentences]
    opcodes = difflib.SequenceMatcher(None, *ids).get_opcodes()
    places = [], []
    for tag, a, b, c, d in opcodes:
        if tag != "equal":
            places[0].extend(range(a, b))
            places[1].extend(range(c, d))
    if not all(places):
        return [math.nan, math.nan]
    return [
        np.mean([log_probability(pair, one, at) for at in own])
        for one, own in zip(ids, places, strict=True)
    ]


def causal_scores(pair, sentences, convention="embias"):
    """bias-bench: the first token after a start token, the others after what is before them.

    In its code, the start token is in front of the first token only.
    """
    tokenizer, model = pair
    scores = []
    for sentence in sentences:
        ids = tokenizer(sentence, add_special_tokens=False)["input_ids"]
        start = [tokenizer.bos_token_id]
        with torch.no_grad():
            logits = model(torch.tensor([start + ids])).logits[0]
            if convention == "published":
                first = model(torch.tensor([start])).logits[0]
                logits = torch.cat([first, model(torch.tensor([ids])).logits[0]])
        probabilities = [math.exp(log_softmax(logits[at])[i]) for at, i in enumerate(ids)]
        scores.append(2 ** (sum(math.log2(p) for p in probabilities) / len(ids)))
    return scores


# --- against the published procedures ------------------------------------------------------------


@pytest.mark.parametrize("family", MASKED)
@pytest.mark.parametrize("variant", ["shared", "differing"])
@pytest.mark.parametrize("batch_size", [1, 13])
def test_masked_scores_are_those_of_plain_passes(models, family, variant, batch_size):
    by_hand = {"shared": published_scores, "differing": differing_scores}[variant]
    found = crows_pairs(models[family], PAIRS, variant=variant, batch_size=batch_size)
    expected = np.array([by_hand(models[family], (one.more, one.less)) for one in PAIRS])
    np.testing.assert_allclose(found.scores["more"], expected[:, 0], atol=2e-5)
    np.testing.assert_allclose(found.scores["less"], expected[:, 1], atol=2e-5)
    used = expected[~np.isnan(expected[:, 0])]
    assert found.value == pytest.approx(100 * np.mean(used[:, 0] > used[:, 1]))
    assert found.counts["pairs"] == len(used)
    assert found.counts["skipped"] == len(PAIRS) - len(used)
    assert found.settings["variant"] == variant


def test_the_alignment_begins_with_the_sentence_about_the_disadvantaged_group(models):
    """The first of the published two: the less stereotypical one of an anti-stereotype."""
    pair = models["bert-uncased"]
    texts = ("the cat dog", "the dog cat")
    there, back = (published_scores(pair, one) for one in (texts, texts[::-1]))
    assert abs(there[0] - back[1]) > 0.1
    for direction, (more, less) in (("stereo", there), ("antistereo", back[::-1])):
        found = crows_pairs(pair, [SentencePair(*texts, "gender", direction)])
        assert found.scores["more"][0] == pytest.approx(more, abs=2e-5)
        assert found.scores["less"][0] == pytest.approx(less, abs=2e-5)


@pytest.mark.parametrize("family", CAUSAL)
@pytest.mark.parametrize("convention", ["embias", "published"])
def test_causal_scores_are_those_of_plain_passes(models, family, convention):
    found = crows_pairs(
        models[family], PAIRS, variant="causal", batch_size=5, convention=convention
    )
    expected = np.array(
        [causal_scores(models[family], (one.more, one.less), convention) for one in PAIRS]
    )
    np.testing.assert_allclose(np.exp(found.scores["more"]), expected[:, 0], rtol=1e-4)
    np.testing.assert_allclose(np.exp(found.scores["less"]), expected[:, 1], rtol=1e-4)
    assert found.value == pytest.approx(100 * np.mean(expected[:, 0] > expected[:, 1]))


def test_pairs_that_only_insert_are_skipped_where_only_differences_count(models):
    pairs = [*PAIRS[:1], SentencePair("He is here now.", "He is here.", "gender")]
    found = crows_pairs(models["bert-cased"], pairs, variant="differing")
    assert (found.counts["pairs"], found.counts["skipped"]) == (1, 1)
    assert math.isnan(found.scores["more"][1])
    assert math.isnan(found.scores["less"][1])
    assert "1 pair(s) skipped" in found.note
    assert crows_pairs(models["bert-cased"], pairs).counts["skipped"] == 0


def test_masking_of_whole_words_is_by_name(models):
    plain = crows_pairs(models["bert-cased"], PAIRS)
    whole = crows_pairs(models["bert-cased"], PAIRS, masking="word-l2r")
    assert whole.settings["masking"] == "word-l2r"
    assert not np.allclose(plain.scores["more"], whole.scores["more"], atol=1e-3)


# --- against models known exactly ----------------------------------------------------------------


def unigram(tokenizer, **weights):
    table = np.ones(len(tokenizer))
    for word, weight in weights.items():
        table[tokenizer.convert_tokens_to_ids(word)] = weight
    return tokenizer, UnigramForMaskedLM(table)


def test_a_model_without_context_prefers_no_sentence_by_its_shared_tokens():
    found = crows_pairs(unigram(tokenizer_of("bert-uncased"), he=50.0), PAIRS)
    assert found.value == 50.0
    assert found.counts["ties"] == len(PAIRS)
    assert found.pvalue == 1.0
    assert found.scores["more"] == pytest.approx(found.scores["less"])


def test_a_known_preference_is_found_in_full_and_with_its_numbers():
    tokenizer = tokenizer_of("bert-uncased")
    model = unigram(tokenizer, he=9.0, she=3.0)
    # he is preferred: right in pair 0, wrong in pairs 1 and 2; a cat is as likely as a dog.
    pairs = [*PAIRS[:3], SentencePair("The cat is here", "The dog is here", "animals")]
    found = crows_pairs(model, pairs, variant="differing")
    total = len(tokenizer) - 2 + 9 + 3
    assert found.scores["more"][0] == pytest.approx(math.log(9 / total), abs=1e-12)
    assert found.scores["less"][0] == pytest.approx(math.log(3 / total), abs=1e-12)
    assert found.value == pytest.approx(100 * 1.5 / 4)
    assert (found.counts["pairs"], found.counts["ties"]) == (4, 1)
    assert (found.counts["gender"], found.counts["animals"]) == (3, 1)
    assert found.figures["gender"] == pytest.approx(100 / 3)
    assert found.figures["animals"] == 50.0
    assert found.figures["stereo"] == pytest.approx(50.0)
    assert found.figures["antistereo"] == 0.0
    expected = stats.binomtest(1, 3, 0.5).pvalue
    assert found.pvalue == pytest.approx(expected)
    assert found.figures["gender_pvalue"] == pytest.approx(expected)
    assert found.figures["animals_pvalue"] == 1.0
    adjusted = adjust([expected, 1.0])
    assert found.figures["gender_pvalue_adjusted"] == pytest.approx(adjusted[0])
    low = [wilson_interval(hits, 4).low for hits in (1, 2)]
    assert found.interval.low == pytest.approx(100 * sum(low) / 2)
    whole = wilson_interval(1, 3, 0.95)
    assert found.figures["gender_low"] == pytest.approx(100 * whole.low)
    assert found.figures["gender_high"] == pytest.approx(100 * whole.high)


def test_swapping_the_sentences_mirrors_the_figure(models):
    turned = [SentencePair(one.less, one.more, one.bias_type) for one in PAIRS]
    for variant in ("shared", "differing"):
        found = crows_pairs(models["roberta"], PAIRS, variant=variant, alternative="greater")
        other = crows_pairs(models["roberta"], turned, variant=variant, alternative="less")
        assert other.value == pytest.approx(100 - found.value)
        assert other.pvalue == pytest.approx(found.pvalue)
        assert other.interval.low == pytest.approx(100 - found.interval.high)


def test_the_order_of_pairs_changes_nothing(models):
    found = crows_pairs(models["bert-uncased"], PAIRS)
    turned = crows_pairs(models["bert-uncased"], PAIRS[::-1])
    assert turned.value == found.value
    assert turned.pvalue == found.pvalue
    assert turned.figures == pytest.approx(found.figures, nan_ok=True)


def test_a_preference_in_every_pair_has_a_p_that_is_not_0():
    tokenizer = tokenizer_of("bert-uncased")
    pairs = [SentencePair("he is here", "she is here")] * 1200
    found = crows_pairs(unigram(tokenizer, he=9.0), pairs, variant="differing")
    assert found.value == 100.0
    assert 0 < found.pvalue < 1e-300
    assert found.pvalue_bounds[0] == 0.0
    assert found.interval.high == 100.0


def test_ties_and_rounding_of_the_published_convention():
    tokenizer = tokenizer_of("bert-uncased")
    # The preference for "he" is lost when scores are rounded.
    model = unigram(tokenizer, he=1.0001)
    pairs = [
        SentencePair("He is a doctor.", "She is a doctor."),
        SentencePair("the cat", "the cat"),
    ]
    here = crows_pairs(model, pairs, variant="differing")
    assert (here.value, here.counts["ties"], here.counts["skipped"]) == (100.0, 0, 1)
    there = crows_pairs(model, pairs, variant="differing", convention="published")
    assert (there.value, there.counts["ties"], there.counts["skipped"]) == (0.0, 1, 1)
    assert math.isnan(there.figures["stereo"])
    # Without a difference: left out here, a tie that counts against it there.
    assert crows_pairs(model, pairs).counts["pairs"] == 1
    shared = crows_pairs(model, pairs, convention="published")
    assert (shared.value, shared.counts["pairs"], shared.counts["skipped"]) == (0.0, 2, 0)
    assert shared.interval.low == 0.0


def test_without_a_pair_left_there_is_no_figure():
    pairs = [SentencePair("the cat", "The cat")]
    found = crows_pairs(unigram(tokenizer_of("bert-uncased")), pairs)
    assert math.isnan(found.value)
    assert found.pvalue is None
    assert found.pvalue_bounds is None
    assert found.interval is None
    assert math.isnan(found.figures["all"])
    assert "No pair is left" in found.note
    causal = (tokenizer_of("gpt2"), UnigramForCausalLM(np.ones(len(tokenizer_of("gpt2")))))
    same = [SentencePair("the cat", "the cat")]
    assert crows_pairs(causal, same, variant="causal").counts["skipped"] == 1


# --- what is refused -----------------------------------------------------------------------------


def test_variants_are_for_their_models(models):
    with pytest.raises(InputError, match="use 'shared' or 'differing'"):
        crows_pairs(models["bert-cased"], PAIRS, variant="causal")
    with pytest.raises(InputError, match="use 'causal'"):
        crows_pairs(models["gpt2"], PAIRS)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"variant": "all"}, "variant"),
        ({"masking": "none"}, "masking"),
        ({"convention": "wefe"}, "convention"),
        ({"alternative": "more"}, "alternative"),
        ({"level": 95}, "level"),
    ],
)
def test_options_are_checked(models, options, words):
    with pytest.raises(InputError, match=words):
        crows_pairs(models["bert-cased"], PAIRS, **options)


def test_pairs_are_checked(models):
    for pairs in ([], None, [("a", "b")], [SentencePair("a", "b", "ties")]):
        with pytest.raises(InputError, match="crows_pairs"):
            crows_pairs(models["bert-cased"], pairs)
    for values in (("", "b"), ("a", " "), ("a", "b", ""), ("a", "b", "age", "pro")):
        with pytest.raises(InputError, match="SentencePair"):
            SentencePair(*values)


# --- the file ------------------------------------------------------------------------------------

HEADER = ["", "sent_more", "sent_less", "stereo_antistereo", "bias_type", "annotations"]


def write(path, rows, header=HEADER):
    with open(path, "w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([header, *rows])
    return path


def test_a_file_is_read_as_it_is_written(tmp_path):
    rows = [
        ["0", 'He said, "I am\nhere".', "She was there. ", "stereo", "gender", "[['gender']]"],
        ["1", "Zoë ran.", "Tom ran.", "antistereo", "race-color", ""],
    ]
    path = write(tmp_path / "pairs.csv", rows)
    assert read_crows_pairs(path) == (
        SentencePair('He said, "I am\nhere".', "She was there. ", "gender", "stereo"),
        SentencePair("Zoë ran.", "Tom ran.", "race-color", "antistereo"),
    )
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\r\n", b"\n"))
    assert len(read_crows_pairs(str(path))) == 2


GOOD = ["0", "He ran.", "She ran.", "stereo", "gender", "x"]


@pytest.mark.parametrize(
    ("rows", "header", "words"),
    [
        ([GOOD], ["", "sent_more", "stereo_antistereo", "bias_type"], "line 1: no column 'sent_l"),
        ([GOOD], [*HEADER, "sent_more"], "line 1: two columns 'sent_more'"),
        ([], HEADER, "no row below"),
        ([GOOD, [*GOOD[:3], "both", "age", ""]], HEADER, "line 3, column 'stereo_antistereo'"),
        ([GOOD, ["1", " ", *GOOD[2:]]], HEADER, "line 3, column 'sent_more': is empty"),
        ([["1", "He ran."]], HEADER, "line 2, column 'sent_less': is missing"),
        ([[*GOOD, "more"]], HEADER, "line 2: more fields"),
    ],
)
def test_files_that_break_a_rule_are_refused(tmp_path, rows, header, words):
    path = write(tmp_path / "pairs.csv", rows, header)
    with pytest.raises(DataFileError, match=words) as error:
        read_crows_pairs(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"sent_more\nJos\xe9", "line 2: not UTF-8"),
        (b'sent_more,sent_less,stereo_antistereo,bias_type\n"a"b,c,stereo,d', "line 2: not CSV"),
        (b'sent_more,sent_less,stereo_antistereo,bias_type\n"a,c,stereo,d', "not CSV"),
    ],
)
def test_files_of_another_kind_are_refused(tmp_path, content, words):
    path = tmp_path / "pairs.csv"
    path.write_bytes(content)
    with pytest.raises(DataFileError, match=words):
        read_crows_pairs(path)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    for path in (tmp_path / "none.csv", tmp_path, "", 3):
        with pytest.raises(DataFileError, match="CrowS-Pairs"):
            read_crows_pairs(path)


def test_from_the_file_to_the_figure(tmp_path, models):
    path = write(
        tmp_path / "pairs.csv",
        [["", p.more, p.less, p.direction, p.bias_type, ""] for p in PAIRS],
    )
    assert crows_pairs(models["bert-cased"], read_crows_pairs(path)) == crows_pairs(
        models["bert-cased"], PAIRS
    )


def test_a_causal_model_known_exactly():
    tokenizer = tokenizer_of("gpt2")
    weights = np.ones(len(tokenizer))
    weights[tokenizer(" here")["input_ids"][0]] = 40.0
    model = (tokenizer, UnigramForCausalLM(weights))
    found = crows_pairs(
        model, [SentencePair("He is here", "He is there")], variant="causal", alternative="greater"
    )
    assert found.value == 100.0
    assert found.pvalue == 0.5


def test_the_card_is_complete(monkeypatch):
    monkeypatch.setitem(metrics.METRICS, CARD.name, CARD)
    assert CARD.takes == "texts"
    assert "50" in metrics.get_metric("crows_pairs").no_bias
