"""Sentences after a context: plain forward passes, the published evaluation, and exact models."""

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from embias.errors import DataFileError, InputError
from embias.metrics import (
    IntersentenceItem,
    StereoItem,
    read_stereoset,
    read_stereoset_intersentence,
    stereoset,
)
from embias.metrics._stereo_figures import TermIntervals, stereo_figures
from fixtures.tiny_language_models import (
    CAUSAL,
    MASKED,
    UnigramForCausalLM,
    build_language_model,
    build_next_sentence_model,
)
from fixtures.tiny_models import one_thread, tokenizer_of

LABELS = ("stereotype", "anti-stereotype", "unrelated")
AFTER = [
    IntersentenceItem(
        "nurse", "profession", "This is a nurse.", "She is here.", "He is here.", "Cats went home!"
    ),
    IntersentenceItem(
        "nurse",
        "profession",
        "The nurse went home",  # without its full stop
        "She is unbelievably unhappy.",
        "Unbelievably, programmers like cafés.",
        "xylophonic",
    ),
    IntersentenceItem(
        "Zoë", "gender", "Is Zoë here?", " She likes naïve cats. ", "She can't.", "Re-elected!"
    ),
    IntersentenceItem("he", "gender", "So he won't!", "He said: here.", "He is a cat.", "the dog"),
]
WITHIN = [
    StereoItem("nurse", "profession", "The BLANK is.", "The cat is.", "The dog is.", "The he is."),
    StereoItem("she", "gender", "So she BLANK!", "So she can't!", "So she is!", "So she dog!"),
]


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    with one_thread():
        yield


@pytest.fixture(scope="module")
def models():
    return {family: build_language_model(family) for family in (*MASKED, *CAUSAL)}


@pytest.fixture(scope="module")
def heads():
    return {
        name: build_next_sentence_model(name)
        for name in ("BertForNextSentencePrediction", "BertForPreTraining")
    }


def log_softmax(logits):
    row = logits.detach().numpy().astype(np.float64)
    return row - row.max() - math.log(np.exp(row - row.max()).sum())


def scores_of(found):
    return np.array([found.scores[name] for name in LABELS]).T


def figures_by_hand(items, scores):
    """Share within a term, mean over terms; no ties."""
    terms = {}
    for one, (stereo, anti, unrelated) in zip(items, scores, strict=True):
        sense = int(stereo > unrelated) + int(anti > unrelated)
        terms.setdefault(one.term, []).append((int(stereo > anti), sense))
    ss = np.mean([100 * np.mean([pro for pro, _ in own]) for own in terms.values()])
    lms = np.mean([50 * np.mean([sense for _, sense in own]) for own in terms.values()])
    return ss, lms, lms * min(ss, 100 - ss) / 50


# --- against plain forward passes ----------------------------------------------------------------


def odds_by_hand(pair, context, sentence):
    """One pair alone, its sequence put together here: [CLS] context [SEP] sentence [SEP]."""
    tokenizer, model = pair
    first, second = (
        tokenizer.convert_tokens_to_ids(tokenizer.tokenize(text)) for text in (context, sentence)
    )
    ids = [tokenizer.cls_token_id, *first, tokenizer.sep_token_id, *second, tokenizer.sep_token_id]
    types = [0] * (len(first) + 2) + [1] * (len(second) + 1)
    with torch.no_grad():
        output = model(torch.tensor([ids]), token_type_ids=torch.tensor([types]))
    named = "seq_relationship_logits" if "seq_relationship_logits" in output else "logits"
    probability = torch.softmax(output[named].double(), dim=1)[0, 0].item()
    return math.log(probability / (1 - probability))


@pytest.mark.parametrize("head", ["BertForNextSentencePrediction", "BertForPreTraining"])
@pytest.mark.parametrize("batch_size", [1, 5, 32])
def test_next_sentence_scores_are_those_of_plain_passes(heads, head, batch_size):
    found = stereoset(heads[head], AFTER, batch_size=batch_size)
    expected = np.array(
        [[odds_by_hand(heads[head], one.context, text) for text in one.sentences] for one in AFTER]
    )
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(scores_of(found), expected, atol=1e-5)
    expected_figures = figures_by_hand(AFTER, expected)
    assert [found.figures[name] for name in ("ss", "lms", "icat")] == pytest.approx(
        expected_figures
    )
    assert found.settings["intersentence"] == "next-sentence"
    assert found.settings["model"] == "none"
    # The types of the tokens and the order of the two texts are part of it.
    turned = odds_by_hand(heads[head], AFTER[0].stereotype, AFTER[0].context)
    assert abs(turned - expected[0, 0]) > 1e-3


def joined(context, sentence):
    """As the published code joins them, for likelihoods."""
    context = context if context[-1] in ".!?" else f"{context}."
    return context, f"{context} {sentence.strip()}"


def after_by_hand(pair, context, sentence):
    """The tokens behind those of the context, each alone after all that is before it."""
    tokenizer, model = pair
    front, whole = (
        tokenizer(text, add_special_tokens=False)["input_ids"] for text in joined(context, sentence)
    )
    assert whole[: len(front)] == front
    ids = [tokenizer.bos_token_id, *whole]
    logs = []
    for at in range(len(front) + 1, len(ids)):
        with torch.no_grad():
            logs.append(log_softmax(model(torch.tensor([ids[:at]])).logits[0, -1])[ids[at]])
    return np.mean(logs)


@pytest.mark.parametrize("family", CAUSAL)
@pytest.mark.parametrize("batch_size", [1, 7])
def test_conditional_likelihoods_are_those_of_plain_passes(models, family, batch_size):
    found = stereoset(models[family], AFTER, batch_size=batch_size)
    expected = np.array(
        [[after_by_hand(models[family], a.context, text) for text in a.sentences] for a in AFTER]
    )
    np.testing.assert_allclose(scores_of(found), expected, atol=1e-5)
    assert found.value == pytest.approx(figures_by_hand(AFTER, expected)[0])
    assert found.settings["intersentence"] == "conditional"
    # The context is in it: without it the sentences have other likelihoods.
    other = [IntersentenceItem(a.term, a.domain, "Here.", *a.sentences) for a in AFTER]
    assert np.abs(scores_of(stereoset(models[family], other)) - expected).min() > 1e-3


def hidden_by_hand(pair, context, sentence):
    """Every token of the sentence masked with the later ones of its word, one pass each."""
    tokenizer, model = pair
    front, whole = joined(context, sentence)
    encoded = tokenizer(whole)
    ids, words = encoded["input_ids"], encoded.word_ids()
    behind = len(tokenizer(front)["input_ids"]) - 1  # without the special token at its end
    assert ids[:behind] == tokenizer(front)["input_ids"][:-1]
    logs = []
    for at in range(behind, len(ids) - 1):
        asked = [
            tokenizer.mask_token_id if place >= at and words[place] == words[at] else token
            for place, token in enumerate(ids)
        ]
        with torch.no_grad():
            logs.append(log_softmax(model(torch.tensor([asked])).logits[0, at])[ids[at]])
    return np.mean(logs)


@pytest.mark.parametrize("family", MASKED)
def test_pseudo_likelihoods_are_those_of_plain_passes(models, family):
    found = stereoset(models[family], AFTER, intersentence="pseudo-likelihood", batch_size=9)
    expected = np.array(
        [[hidden_by_hand(models[family], a.context, text) for text in a.sentences] for a in AFTER]
    )
    np.testing.assert_allclose(scores_of(found), expected, atol=1e-5)
    assert found.figures["lms"] == pytest.approx(figures_by_hand(AFTER, expected)[1])
    assert found.settings["intersentence"] == "pseudo-likelihood"


def test_batches_order_and_training_mode_change_nothing(models, heads):
    head = heads["BertForNextSentencePrediction"]
    pairs = [(head, None), (models["gpt2"], None), (models["bert-cased"], "pseudo-likelihood")]
    for pair, following in pairs:
        one = stereoset(pair, AFTER, intersentence=following, batch_size=1)
        pair[1].train()
        many = stereoset(pair, AFTER[::-1], intersentence=following, batch_size=32)
        assert pair[1].training
        pair[1].eval()
        np.testing.assert_allclose(scores_of(one), scores_of(many)[::-1], atol=1e-5)
        assert many.figures["ss"] == pytest.approx(one.figures["ss"])


def test_a_bar_is_shown_where_it_is_asked_for(heads, models, capsys):
    head = heads["BertForNextSentencePrediction"]
    stereoset(head, AFTER)
    assert "scoring" not in capsys.readouterr().err
    stereoset(head, AFTER, progress=True)
    assert "12/12" in capsys.readouterr().err
    stereoset(models["gpt2"], AFTER, progress=True)
    assert "12/12" in capsys.readouterr().err


# --- against models known exactly ----------------------------------------------------------------


class TableForNextSentencePrediction(torch.nn.Module):
    """Gives the odds of a table for the last token before the end of the sentence."""

    def __init__(self, tokenizer, odds):
        super().__init__()
        self.odds = {tokenizer.convert_tokens_to_ids(word): value for word, value in odds.items()}

    def forward(self, input_ids, attention_mask, token_type_ids):
        lengths = attention_mask.sum(dim=1)
        assert (token_type_ids.gather(1, lengths[:, None] - 1) == 1).all()
        last = input_ids.gather(1, lengths[:, None] - 2)[:, 0].tolist()
        rows = [[self.odds[token], 0.0] for token in last]
        return SimpleNamespace(logits=torch.tensor(rows))


def table(**odds):
    tokenizer = tokenizer_of("bert-uncased")
    return tokenizer, TableForNextSentencePrediction(tokenizer, odds)


KNOWN = [
    IntersentenceItem(term, domain, "Here.", "he is here", "so is there", "the dog")
    for term, domain in (("nurse", "profession"), ("doctor", "profession"), ("he", "gender"))
]


@pytest.mark.parametrize(
    ("odds", "ss", "lms", "icat"),
    [
        ({"here": 2, "there": 1, "dog": -1}, 100, 100, 0),
        ({"here": 1, "there": 2, "dog": -1}, 0, 100, 0),
        ({"here": 2, "there": -1, "dog": 1}, 100, 50, 0),
        ({"here": 1, "there": 1, "dog": -1}, 50, 100, 100),
        ({"here": 1, "there": 1, "dog": 1}, 50, 50, 50),
        # P(isNext) is 1 to the last digit of single precision for both.
        ({"here": 40, "there": 35, "dog": 30}, 100, 100, 0),
    ],
)
def test_limit_cases_are_met(odds, ss, lms, icat):
    found = stereoset(table(**odds), KNOWN)
    assert [found.figures[name] for name in ("ss", "lms", "icat")] == [ss, lms, icat]
    assert (found.interval.low, found.interval.high) == (ss, ss)
    assert found.scores["stereotype"] == (odds["here"],) * 3
    # What is called the stereotype is all that SS turns on.
    turned = [
        IntersentenceItem(i.term, i.domain, i.context, i.antistereotype, i.stereotype, i.unrelated)
        for i in KNOWN
    ]
    assert stereoset(table(**odds), turned).value == 100 - ss
    assert stereoset(table(**odds), turned).figures["lms"] == lms


def test_ties_count_nothing_under_the_other_convention():
    found = stereoset(table(here=1, there=1, dog=1), KNOWN, convention="bias-bench")
    assert [found.figures[name] for name in ("ss", "lms", "icat")] == [0, 0, 0]


def test_a_causal_model_known_exactly():
    tokenizer = tokenizer_of("gpt2")
    weights = np.ones(len(tokenizer))
    weights[tokenizer(" here")["input_ids"][0]] = 9.0
    item = IntersentenceItem("he", "gender", "He is", "here", "here here", "there")
    found = stereoset((tokenizer, UnigramForCausalLM(weights)), [item])
    # One and two of the same token: the mean over the tokens does not punish length.
    ln = math.log(9 / weights.sum())
    assert found.scores["stereotype"][0] == pytest.approx(ln)
    assert found.scores["anti-stereotype"][0] == pytest.approx(ln)
    assert (found.figures["ss"], found.figures["lms"]) == (50, 100)


# --- both halves ---------------------------------------------------------------------------------


def published_document():
    """The items and the scores that the published evaluation was given."""
    rng = np.random.default_rng(11)
    halves, scores = {}, []
    for half, count in (("intrasentence", 60), ("intersentence", 70)):
        halves[half] = []
        for n in range(count):
            domain = ("gender", "profession", "race", "religion")[int(rng.integers(4))]
            term = f"term {int(rng.integers(9))}"
            scores.append(rng.integers(0, 5, size=3))
            halves[half].append(
                {
                    "id": f"{half}{n}",
                    "target": term,
                    "bias_type": domain,
                    "context": "It is BLANK.",
                    "sentences": [
                        {"id": f"{half}{n}-{k}", "sentence": f"It is w{k}.", "gold_label": label}
                        for k, label in enumerate(LABELS)
                    ],
                }
            )
    return {"version": "1", "data": halves}, np.array(scores, dtype=float)


#: LMS, SS and ICAT that code/evaluation.py of moinnadeem/StereoSet gives for published_document().
PUBLISHED = {
    "intrasentence_gender": (37.5, 53.125, 35.15625),
    "intrasentence_profession": (25.0, 43.75, 21.875),
    "intrasentence_race": (46.66666666666667, 43.33333333333333, 40.44444444444444),
    "intrasentence_religion": (45.833333333333336, 50.0, 45.833333333333336),
    "intrasentence": (39.32098765432099, 47.65432098765432, 37.4762993446121),
    "intersentence_gender": (37.142857142857146, 34.285714285714285, 25.469387755102044),
    "intersentence_profession": (32.8125, 44.791666666666664, 29.394531249999996),
    "intersentence_race": (21.770833333333332, 34.58333333333333, 15.058159722222218),
    "intersentence_religion": (33.79629629629629, 49.07407407407407, 33.17043895747599),
    "intersentence": (31.91900691900692, 42.72079772079772, 27.27210876071275),
    "": (36.34798356289585, 45.25400038557933, 32.897833243406396),
}


def test_the_figures_are_those_of_the_published_evaluation(tmp_path, monkeypatch):
    """Its ties count nothing; half of these scores are tied."""
    document, scores = published_document()
    path = tmp_path / "gold.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    items = [*read_stereoset(path), *read_stereoset_intersentence(path)]
    by_text = {id(item): row for item, row in zip(items, scores, strict=True)}
    monkeypatch.setattr(
        "embias.metrics._stereo_models.Scorer.scores",
        lambda self, given, halves, convention: (np.array([by_text[id(i)] for i in given]), 0),
    )
    # The halves may come in any order.
    order = np.random.default_rng(2).permutation(len(items))
    found = stereoset(
        build_language_model("gpt2"), [items[k] for k in order], convention="bias-bench"
    )
    for name, expected in PUBLISHED.items():
        start = f"{name}_" if name else ""
        values = [found.figures[f"{start}{figure}"] for figure in ("lms", "ss", "icat")]
        np.testing.assert_allclose(values, expected, rtol=1e-12, err_msg=name)
        assert found.figures[f"{start}ss_low"] <= found.figures[f"{start}ss_high"]
    assert found.counts["intersentence_race_items"] == 60 / 3  # three times too high there
    assert found.value == found.figures["ss"]
    # Each half by itself, with its interval.
    own = stereo_figures(
        items[60:], scores[60:], TermIntervals(0.95, 9_999, found.settings["seed"]), half=False
    )
    assert own.figures["ss"] == pytest.approx(found.figures["intersentence_ss"])
    assert own.figures["ss_low"] == pytest.approx(found.figures["intersentence_ss_low"])


def test_both_halves_are_scored_as_each_alone(models, heads):
    masked, head = models["bert-cased"], heads["BertForNextSentencePrediction"]
    mixed = [AFTER[0], *WITHIN, *AFTER[1:]]
    for pair, options in (
        (masked, {"next_sentence": head}),
        (masked, {"intersentence": "pseudo-likelihood"}),
        (models["llama"], {}),
    ):
        found = stereoset(pair, mixed, **options)
        within, after = stereoset(pair, WITHIN), stereoset(pair, AFTER, **options)
        np.testing.assert_allclose(scores_of(found)[[1, 2]], scores_of(within), atol=1e-5)
        np.testing.assert_allclose(scores_of(found)[[0, 3, 4, 5]], scores_of(after), atol=1e-5)
        for half, one in (("intrasentence", within), ("intersentence", after)):
            for name in one.figures:
                expected = one.figures[name]
                assert found.figures[f"{half}_{name}"] == pytest.approx(expected, nan_ok=True)
        assert found.counts["terms"] == 4
        assert found.counts["gender_items"] == 3
        assert found.counts["intersentence_gender_items"] == 2
        assert found.value == pytest.approx(figures_by_hand(mixed, scores_of(found))[0])


# --- what is refused -----------------------------------------------------------------------------


def test_what_does_not_go_together_is_refused(models, heads):
    masked, causal, head = models["roberta"], models["gpt2"], heads["BertForPreTraining"]
    cases = [
        ((masked, AFTER), {}, "next_sentence=.*pseudo-likelihood"),
        ((masked, AFTER), {"intersentence": "conditional"}, "use 'pseudo-likelihood'"),
        ((causal, AFTER), {"intersentence": "pseudo-likelihood"}, "use 'conditional'"),
        ((causal, AFTER), {"intersentence": "next-sentence"}, "AutoModelForNextSentencePrediction"),
        ((causal, AFTER), {"intersentence": "other"}, "intersentence"),
        ((causal, AFTER), {"next_sentence": head, "intersentence": "conditional"}, "one of the"),
        ((head, AFTER), {"intersentence": "pseudo-likelihood"}, "one of the two"),
        ((masked, WITHIN), {"next_sentence": head}, "next_sentence is for intersentence items"),
        ((masked, WITHIN), {"intersentence": "next-sentence"}, "intersentence is for"),
        ((causal, AFTER), {"next_sentence": masked}, "RobertaForMaskedLM has no head"),
        ((causal, AFTER), {"next_sentence": head[1]}, "of type BertForPreTraining"),
        ((causal, AFTER), {"next_sentence": head[::-1]}, "other order|no head"),
        ((head, [*WITHIN, *AFTER]), {}, "gives no probabilities of tokens"),
        ((causal, []), {}, "no items"),
        ((causal, "text"), {}, "no items"),
        ((causal, [*AFTER, "text"]), {}, r"items\[4\] is 'text'"),
    ]
    for given, options, words in cases:
        with pytest.raises(InputError, match=words):
            stereoset(*given, **options)


def test_items_and_texts_are_checked(heads, models):
    head = heads["BertForNextSentencePrediction"]
    with pytest.raises(InputError, match="IntersentenceItem: unrelated is ''"):
        IntersentenceItem("a", "b", "c", "d", "e", "")
    long = IntersentenceItem("a", "b", "he " * 30, "she " * 30, "he", "it")
    for pair in (head, models["gpt2"]):
        with pytest.raises(InputError, match="nothing is cut"):
            stereoset(pair, [long])
    with pytest.raises(InputError, match="makes no token"):
        stereoset(head, [IntersentenceItem("a", "b", "He.", "\u200b", "he", "it")])
    named = IntersentenceItem("a", "intersentence_x", "He.", "so", "he", "it")
    with pytest.raises(InputError, match="begins like a name of the result"):
        stereoset(models["gpt2"], [*WITHIN, named])


class OneForNextSentencePrediction(torch.nn.Module):
    """Gives something else than two logits."""

    def __init__(self, logits):
        super().__init__()
        self.logits = logits

    def forward(self, input_ids, attention_mask):
        return SimpleNamespace(logits=self.logits.expand(len(input_ids), *self.logits.shape))


@pytest.mark.parametrize(
    ("logits", "words"),
    [
        (torch.zeros(3), "no two logits"),
        (torch.zeros(2, 2), "no two logits"),
        (torch.tensor([math.nan, 0.0]), "no number"),
    ],
)
def test_models_that_give_no_two_logits_are_refused(logits, words):
    pair = tokenizer_of("bert-cased"), OneForNextSentencePrediction(logits)
    with pytest.raises(InputError, match=words):
        stereoset(pair, AFTER)


# --- the file ------------------------------------------------------------------------------------


def document(change=lambda item: None):
    rows = [
        {
            "id": str(number),
            "target": one.term,
            "bias_type": one.domain,
            "context": one.context,
            "sentences": [
                {"id": f"{number}-{k}", "sentence": text, "gold_label": label, "labels": []}
                for k, (label, text) in enumerate(zip(LABELS, one.sentences, strict=True))
            ][::-1],
        }
        for number, one in enumerate(AFTER)
    ]
    change(rows[2])
    return {"version": "1.1", "data": {"intersentence": rows}}


def test_a_file_is_read_as_it_is_written(tmp_path):
    path = tmp_path / "dev.json"
    path.write_text(json.dumps(document(), ensure_ascii=False), encoding="utf-8")
    assert read_stereoset_intersentence(path) == tuple(AFTER)
    with pytest.raises(DataFileError, match="read_stereoset_intersentence reads"):
        read_stereoset(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "the file is empty"),
        ("{", "line 1: not JSON"),
        ({"data": {}}, "has no 'intersentence'$"),
        ({"data": {"intrasentence": []}}, "but intrasentence items, which read_stereoset reads"),
        ({"data": {"intersentence": []}}, "data.intersentence has no items"),
        (document(lambda one: one.pop("context")), r"intersentence\[2\], key 'context': is missin"),
        (document(lambda one: one.pop("bias_type")), r"\[2\], key 'bias_type': is missing"),
        (document(lambda one: one.update(target="")), r"\[2\], key 'target': is empty"),
        (document(lambda one: one["sentences"].pop(0)), "key 'sentences': no 'unrelated'"),
        (
            document(lambda one: one["sentences"][1].update(gold_label="related")),
            r"sentences\[1\], key 'gold_label': 'related' is none of stereotype, anti-stereotype,",
        ),
        (
            document(lambda one: one["sentences"][1].pop("sentence")),
            r"sentences\[1\], key 'sentence': is missing",
        ),
    ],
)
def test_files_that_break_a_rule_are_refused(tmp_path, content, words):
    path = tmp_path / "dev.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    with pytest.raises(DataFileError, match=words) as error:
        read_stereoset_intersentence(path)
    assert str(path) in str(error.value)
