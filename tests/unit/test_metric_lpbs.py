"""The log-probability bias score against plain passes, and models known exactly."""

import itertools
import math

import numpy as np
import pytest
import torch

from embias import metrics
from embias.errors import InputError
from embias.metrics.lpbs import CARD, lpbs
from fixtures.tiny_language_models import UnigramForMaskedLM, build_language_model
from fixtures.tiny_models import one_thread, tokenizer_of

TEMPLATES = ["{group} is a {attribute}.", "The {attribute} said that {group} is here."]
MEN, WOMEN = ["he", "doctor"], ["she", "nurse"]
CAREERS = ["programmer", "engineer", "xylophonic"]
OTHERS = ["cat", "dog and cat"]


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    with one_thread():
        yield


@pytest.fixture(scope="module")
def models():
    families = ("bert-uncased", "bert-cased", "roberta", "gpt2")
    return {family: build_language_model(family) for family in families}


def probabilities(pair, words, slot):
    """Probabilities of all tokens at the slot, of a text given as words, None for a mask."""
    tokenizer, model = pair
    ids = [tokenizer.cls_token_id]
    places = []
    for word in words:
        places.append(len(ids))
        pieces = tokenizer.encode(word or "", add_special_tokens=False)
        ids += pieces if word else [tokenizer.mask_token_id]
    ids.append(tokenizer.sep_token_id)
    with torch.no_grad():
        row = model(torch.tensor([ids])).logits[0, places[slot]].numpy().astype(np.float64)
    exp = np.exp(row - row.max())
    return exp / exp.sum()


def by_hand(pair, attribute):
    """Mean over the two templates, the words of each written out."""
    tokenizer = pair[0]
    pieces = [None] * len(tokenizer.encode(attribute, add_special_tokens=False))
    scores = []
    for words, slot in (
        ([None, "is", "a", "@", "."], 0),
        (["the", "@", "said", "that", None, "is", "here", "."], 4),
    ):
        at = words.index("@")
        sums = []
        for filler in ([attribute], pieces):
            filled = words[:at] + filler + words[at + 1 :]
            place = slot if slot < at else slot - 1 + len(filler)
            found = probabilities(pair, filled, place)
            ids = [tokenizer.convert_tokens_to_ids(group) for group in (MEN, WOMEN)]
            sums.append([sum(found[i] for i in own) for own in ids])
        (men, women), (men_before, women_before) = sums
        scores.append(math.log(men / men_before) - math.log(women / women_before))
    return np.mean(scores)


# --- against plain passes ------------------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [1, 9])
def test_scores_are_those_of_plain_passes(models, batch_size):
    pair = models["bert-uncased"]
    found = lpbs(pair, TEMPLATES, MEN, WOMEN, CAREERS, OTHERS, batch_size=batch_size)
    expected = [by_hand(pair, attribute) for attribute in (*CAREERS, *OTHERS)]
    np.testing.assert_allclose(found.scores["words"], expected, atol=1e-5)
    x, y = expected[:3], expected[3:]
    assert found.value == pytest.approx(np.mean(x) - np.mean(y), abs=1e-5)
    spread = np.std(expected, ddof=1)
    assert found.figures["effect_size"] == pytest.approx(found.value / spread, abs=1e-4)
    assert found.figures["mean_attributes"] == pytest.approx(np.mean(x), abs=1e-5)
    parts = [found.scores["template 1"], found.scores["template 2"]]
    np.testing.assert_allclose(np.mean(parts, axis=0), found.scores["words"])
    assert found.counts == {
        "templates": 2,
        "first": 2,
        "second": 2,
        "attributes": 3,
        "attributes_b": 2,
    }


def test_the_p_value_counts_all_relabellings(models):
    pair = models["bert-uncased"]
    for alternative in ("greater", "less", "two-sided"):
        found = lpbs(pair, TEMPLATES, MEN, WOMEN, CAREERS, OTHERS, alternative=alternative)
        scores = np.array(found.scores["words"])
        differences = []
        for chosen in itertools.combinations(range(5), 3):
            inside = np.isin(np.arange(5), chosen)
            differences.append(scores[inside].mean() - scores[~inside].mean())
        hits = {
            "greater": np.array(differences) >= found.value - 1e-9,
            "less": np.array(differences) <= found.value + 1e-9,
            "two-sided": np.abs(differences) >= abs(found.value) - 1e-9,
        }[alternative]
        assert found.pvalue == pytest.approx(hits.mean())
        assert found.pvalue_method == "exact"
        assert found.null == "attribute words relabelled"


def test_one_list_has_a_mean_and_no_test(models):
    found = lpbs(models["bert-uncased"], TEMPLATES, MEN, WOMEN, CAREERS)
    both = lpbs(models["bert-uncased"], TEMPLATES, MEN, WOMEN, CAREERS, OTHERS)
    assert found.scores["words"] == pytest.approx(both.scores["words"][:3], abs=1e-5)
    assert found.value == pytest.approx(np.mean(found.scores["words"]))
    assert found.pvalue is None
    assert found.figures == {}
    one = lpbs(models["bert-uncased"], TEMPLATES[0], MEN[:1], WOMEN[:1], CAREERS[:1])
    assert one.scores["words"] == (one.value,)


def test_groups_swapped_flip_the_sign_and_order_changes_nothing(models):
    pair = models["bert-cased"]
    found = lpbs(pair, TEMPLATES, MEN, WOMEN, CAREERS, OTHERS)
    swapped = lpbs(pair, TEMPLATES, WOMEN, MEN, CAREERS, OTHERS)
    assert swapped.value == pytest.approx(-found.value, abs=1e-5)
    np.testing.assert_allclose(
        swapped.scores["words"], np.negative(found.scores["words"]), atol=1e-5
    )
    turned = lpbs(pair, TEMPLATES[::-1], MEN[::-1], WOMEN[::-1], CAREERS[::-1], OTHERS[::-1])
    assert turned.value == pytest.approx(found.value, abs=1e-5)
    assert turned.pvalue == found.pvalue
    lists = lpbs(pair, TEMPLATES, MEN, WOMEN, OTHERS, CAREERS, alternative="less")
    assert lists.value == pytest.approx(-found.value, abs=1e-5)
    assert lists.pvalue == pytest.approx(found.pvalue)


def test_the_space_before_a_word_is_part_of_its_token(models):
    tokenizer, model = models["roberta"]
    template = "the other {group} said {attribute}"
    words = [" doctor", " here"]
    targets = [tokenizer.encode(word, add_special_tokens=False) for word in words]
    assert [len(one) for one in targets] == [1, 1]
    assert tokenizer.encode("doctor", add_special_tokens=False) != targets[0]
    logs = []
    for hide in (False, True):
        ids = tokenizer.encode("the other doctor said he")
        slot = ids.index(targets[0][0])
        ids[slot] = tokenizer.mask_token_id
        if hide:
            assert tokenizer.encode("the other doctor said")[:-1] == [
                *ids[:slot],
                targets[0][0],
                *ids[slot + 1 : -2],
            ]
            ids[-2] = tokenizer.mask_token_id
        with torch.no_grad():
            row = model(torch.tensor([ids])).logits[0, slot].numpy().astype(np.float64)
        logs.append(row[targets[0][0]] - row[targets[1][0]])
    found = lpbs((tokenizer, model), template, ["doctor"], ["here"], ["he"])
    assert found.value == pytest.approx(logs[0] - logs[1], abs=1e-5)


# --- against models known exactly ----------------------------------------------------------------


def known(bonus):
    tokenizer = tokenizer_of("bert-uncased")
    token = tokenizer.convert_tokens_to_ids
    table = np.linspace(1, 2, len(tokenizer))
    factors = {(token(seen), token(word)): factor for (seen, word), factor in bonus.items()}
    return tokenizer, UnigramForMaskedLM(table, factors)


def test_a_model_that_does_not_look_has_no_bias():
    found = lpbs(known({}), TEMPLATES, MEN, WOMEN, CAREERS, OTHERS)
    assert found.value == 0
    assert found.scores["words"] == (0.0,) * 5
    assert found.pvalue == 1.0
    assert math.isnan(found.figures["effect_size"])
    assert "not defined" in found.note


def test_a_known_preference_is_its_logarithm():
    # Beside a cat "he" is three times as likely as elsewhere, beside a dog "she" five times.
    model = known({("cat", "he"): 3, ("dog", "she"): 5})
    found = lpbs(model, TEMPLATES, ["he"], ["she"], ["cat"], ["dog", "doctor"])
    expected = (math.log(3), -math.log(5), 0.0)
    assert found.scores["words"] == pytest.approx(expected, abs=1e-12)
    assert found.value == pytest.approx(math.log(3) + math.log(5) / 2)


def test_probabilities_of_a_group_are_added_before_the_logarithm():
    tokenizer, model = known({("cat", "he"): 3})
    found = lpbs((tokenizer, model), TEMPLATES[0], ["he", "doctor"], ["she"], ["cat"])
    he, doctor = (model.weights[tokenizer.convert_tokens_to_ids(w)] for w in ("he", "doctor"))
    assert found.value == pytest.approx(math.log((3 * he + doctor) / (he + doctor)), abs=1e-12)


# --- what is refused -----------------------------------------------------------------------------


def test_group_words_must_be_single_tokens_and_all_others_are_listed(models):
    with pytest.raises(InputError) as error:
        lpbs(models["bert-cased"], TEMPLATES, ["he", "xylophone", "☃"], ["she", "zzz"], CAREERS)
    message = str(error.value)
    assert "'xylophone' (" in message
    assert " tokens)" in message
    assert "'☃' (unknown)" in message
    assert "'zzz' (" in message
    assert "'he'" not in message.replace(TEMPLATES[0], "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"templates": "{group} is here."}, r"\{attribute\} 0 times"),
        ({"templates": "{group} {group} {attribute}"}, r"\{group\} 2 times"),
        ({"templates": []}, "templates"),
        ({"first": []}, "first"),
        ({"second": "she"}, "second"),
        ({"first": ["he", "he"]}, "in first twice"),
        ({"first": ["he", "He"]}, "the same token as 'he'"),
        ({"second": ["he"]}, "'he' is in first and in second"),
        ({"attributes": ["cat", "cat"]}, "in attributes twice"),
        ({"attributes_b": ["cat"]}, "'cat' is in attributes and in attributes_b"),
        ({"attributes": ["cat"], "attributes_b": ["dog"]}, "one attribute in each list"),
        ({"attributes": ["☃"]}, "'☃' is unknown"),
        ({"alternative": "more"}, "alternative"),
        ({"method": "guess"}, "method"),
        ({"rng": -2}, "rng"),
    ],
)
def test_arguments_are_checked(models, arguments, words):
    given = {"templates": TEMPLATES, "first": ["he"], "second": ["she"], "attributes": ["cat", "a"]}
    with pytest.raises(InputError, match=words):
        lpbs(models["bert-uncased"], **(given | arguments))


def test_a_causal_model_is_refused(models):
    with pytest.raises(InputError, match="for masked models"):
        lpbs(models["gpt2"], TEMPLATES, MEN, WOMEN, CAREERS)


def test_the_card_is_complete(monkeypatch):
    monkeypatch.setitem(metrics.METRICS, CARD.name, CARD)
    assert CARD.takes == "texts"
    assert metrics.get_metric("lpbs").no_bias == "0"
