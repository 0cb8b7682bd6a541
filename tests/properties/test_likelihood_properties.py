"""What holds of preferences, fillers, words and alignments whatever is put in."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from embias.metrics._encoded_text import words_of
from embias.metrics._preference import TIE, Preference, share_of
from embias.metrics._sentence_pairs import differing_tokens, shared_tokens
from embias.metrics._stereo_figures import TermIntervals, stereo_figures
from embias.metrics._stereo_items import StereoItem, fillers_of

differences = arrays.arrays(
    np.float64, st.integers(1, 40), elements=st.one_of(st.just(0.0), st.floats(-9, 9, width=32))
)
tokens = st.lists(st.integers(0, 6), min_size=1, max_size=12).map(tuple)


@given(differences)
def test_a_preference_turned_round_is_mirrored(gaps):
    there, back = (Preference.of(one, half=True) for one in (gaps, -gaps))
    assert math.isclose(there.percent + back.percent, 100)
    assert math.isclose(there.percent, 100 * share_of(gaps, half=True).mean(), abs_tol=1e-9)
    first, second = there.interval(0.95), back.interval(0.95)
    assert math.isclose(first.low, 100 - second.high, abs_tol=1e-9)
    assert 0 <= first.low <= there.percent + 1e-9
    assert there.percent <= first.high + 1e-9 <= 100 + 1e-9
    assert math.isclose(there.pvalue("greater"), back.pvalue("less"), rel_tol=1e-9)
    assert math.isclose(there.pvalue("two-sided"), back.pvalue("two-sided"), rel_tol=1e-9)
    assert 0 < there.pvalue("two-sided") <= 1


@given(differences)
def test_ties_never_help_where_they_count_nothing(gaps):
    half, none = (Preference.of(gaps, half=flag) for flag in (True, False))
    assert none.percent <= half.percent
    assert none.pvalue("greater") == half.pvalue("greater")
    assert half.ties == np.count_nonzero(np.abs(gaps) <= TIE)


@given(tokens, tokens)
def test_shared_and_differing_tokens_make_up_both_sequences(a, b):
    places = shared_tokens(a, b)
    others = differing_tokens(a, b)
    for sequence, shared, own in zip((a, b), places, others, strict=True):
        assert sorted([*shared, *own]) == list(range(len(sequence)))
        assert shared == sorted(shared)
    assert [a[at] for at in places[0]] == [b[at] for at in places[1]]
    if a == b:
        assert others == ([], [])


words = st.text("abc-'x", min_size=1, max_size=6)


@given(
    st.lists(words, max_size=3), st.lists(words, max_size=3), st.sampled_from(["", ".", ", now"])
)
def test_fillers_are_found_again(before, after, end):
    context = " ".join([*before, "BLANK", *after]) + end
    fills = ("kind", "very kind", "well-read")
    item = StereoItem("t", "d", context, *(context.replace("BLANK", fill) for fill in fills))
    found = fillers_of(item)
    assert [one.text for one in found] == list(item.sentences)
    assert [one.text[one.start : one.stop] for one in found] == list(fills)


@given(st.lists(words, min_size=1, max_size=5), st.integers(1, 3), st.booleans())
def test_words_are_cut_at_spaces_whatever_the_tokenizer_says(parts, size, with_space):
    """Pieces of a fixed size, with the space before them or without, all said to be one word."""
    text = " ".join(parts)
    spans, expected, at = [], [], 0
    for number, part in enumerate(parts):
        for start in range(0, len(part), size):
            stop = min(start + size, len(part))
            lead = 1 if with_space and start == 0 and number else 0
            spans.append((at + start - lead, at + stop))
            expected.append(number)
        at += len(part) + 1
    assert list(words_of(text, spans, [0] * len(spans))) == expected
    assert words_of(text, [(0, 0), *spans], [None, *[0] * len(spans)])[0] is None


scores = arrays.arrays(np.float64, (8, 3), elements=st.integers(-3, 3).map(float))


@settings(deadline=None)
@given(scores, st.lists(st.sampled_from("abc"), min_size=8, max_size=8), st.permutations(range(8)))
def test_figures_of_stereoset_lie_in_range_and_ignore_order(given_scores, terms, order):
    items = [StereoItem(term, term, "BLANK", "x", "y", "z") for term in terms]
    intervals = TermIntervals(0.95, 100, 0)
    found = stereo_figures(items, given_scores, intervals, half=True)
    turned = stereo_figures(
        [items[k] for k in order], given_scores[list(order)], intervals, half=True
    )
    opposite = stereo_figures(items, given_scores[:, [1, 0, 2]], intervals, half=True)
    for name in ("ss", "lms", "icat"):
        assert 0 <= found.figures[name] <= 100
        assert math.isclose(found.figures[name], turned.figures[name], abs_tol=1e-9)
    assert math.isclose(found.figures["ss"], 100 - opposite.figures["ss"], abs_tol=1e-9)
    assert math.isclose(found.figures["lms"], opposite.figures["lms"], abs_tol=1e-9)
    assert found.figures["icat"] <= found.figures["lms"] + 1e-9
    # Every term is a domain here, so the figure over all is the mean of the domains.
    domains = [found.figures[f"{term}_ss"] for term in dict.fromkeys(terms)]
    assert math.isclose(found.figures["ss"], np.mean(domains), abs_tol=1e-9)
    shifted = stereo_figures(items, given_scores + 5, intervals, half=True)
    assert shifted.figures == found.figures or any(
        math.isnan(value) for value in found.figures.values()
    )
