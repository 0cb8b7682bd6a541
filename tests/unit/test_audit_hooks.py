"""What an encoder may tell an audit beside its vectors."""

import dataclasses

import numpy as np
from test_audit import flowers

from embias import Audit, EncoderInfo, audit, load_suite
from embias.stimuli import ROLES
from embias.types import FROM_NGRAMS


class Telling:
    """An encoder that made two vectors another way than asked."""

    info = EncoderInfo(id="telling", kind="static", dim=4)
    how = {"daisy": "as 'Daisy' (title)", "flea": FROM_NGRAMS}  # noqa: RUF012

    def encode(self, items, *, progress=False):
        rows = [np.random.default_rng(list(repr(item).encode())).normal(size=4) for item in items]
        return np.array(rows).reshape(len(items), 4)

    def missing(self, items):
        return []

    def how_encoded(self, item):
        return self.how.get(item, "")


def test_words_not_used_as_written_are_recorded_and_shown():
    result = audit(Telling(), flowers(), min_coverage=0.5)
    x, y, _, _ = result.results[0].counts
    assert (x.altered, x.alterations, x.synthesised) == (("daisy",), ("as 'Daisy' (title)",), 0)
    assert (y.altered, y.alterations, y.synthesised) == (("flea",), (FROM_NGRAMS,), 1)
    assert "2 of 8 words not used just as written: daisy (as 'Daisy' (title)); flea (from n-" in (
        " ".join(result.to_text().split())
    )
    assert "as &#39;Daisy&#39; (title)" in result.to_html()
    assert Audit.from_json(result.to_json()) == result


def test_words_made_from_parts_are_used_but_not_covered():
    (row,) = audit(Telling(), flowers(), min_coverage=0.8).results
    assert row.status == "error"
    assert (
        "Y (Insects): 1 of 2 words have a vector of their own (1 made from n-grams)" in row.reason
    )
    assert row.counts[1].found == 2
    assert row.counts[1].coverage == 0.5
    assert row.counts[0].coverage == 1  # found by another form is found


class Calibrated(Telling):
    """An encoder whose vectors depend on everything that is asked."""

    def __init__(self, seen=None):
        self.info = dataclasses.replace(
            Telling.info, ranges=None if seen is None else f"{len(seen)} items"
        )
        self.seen = seen

    def calibrate(self, items):
        return Calibrated(tuple(items))

    def encode(self, items, *, progress=False):
        assert self.seen is not None, "not calibrated"
        return super().encode(items)


def test_an_encoder_is_fixed_once_to_all_that_is_asked():
    given = Calibrated()
    other = flowers("other", targets=(("rose", "tulip"), ("wasp", "bee")))
    result = audit(given, [flowers(), other], min_coverage=0)
    assert [row.status for row in result.results] == ["ok", "ok"]
    assert result.provenance.encoders[0].ranges == "10 items"  # 8 of the first test, 2 new
    assert given.seen is None, "the caller's encoder stays as it was"


def test_the_whole_seat_suite_encodes_each_distinct_sentence_once():
    encoded = []

    class Counting(Telling):
        info = EncoderInfo(id="counting", kind="sentence", dim=4)
        how = {}  # noqa: RUF012

        def encode(self, items, *, progress=False):
            encoded.extend(items)
            return super().encode(items)

    suite = load_suite("seat")
    result = audit(Counting(), suite, interval=None)
    assert {row.status for row in result.results} == {"ok"}
    sentences = [
        stimulus.text
        for test in suite.tests
        for role in ROLES
        for word in test.words(role).words
        for stimulus in test.stimuli(word)
    ]
    assert sorted(encoded) == sorted(set(sentences))
    assert len(encoded) < len(sentences) / 2  # most sentences stand in several tests
