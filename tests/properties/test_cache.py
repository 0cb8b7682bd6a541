"""Whatever is put into a cache, in whatever order and pieces, comes back as it was."""

import tempfile

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from embias.encoders._cache_keys import item_key
from embias.encoders._cache_shard import as_key_array, open_shard, write_shard
from embias.encoders.cache import CachedEncoder
from embias.types import EncoderInfo, InContext

# Every character there is, lone surrogates too.
texts = st.text(st.characters(exclude_categories=()), min_size=1, max_size=8)
spans = texts.flatmap(
    lambda text: st.integers(0, len(text) - 1).flatmap(
        lambda start: st.integers(start + 1, len(text)).map(
            lambda stop: InContext(text, start, stop)
        )
    )
)
items = st.one_of(texts, spans)


class Numbering:
    """Gives every item a row of its own, with all bits in use."""

    info = EncoderInfo(id="numbering", kind="token", dim=3, revision="1")

    def __init__(self):
        self.rows = {}

    def encode(self, asked, *, progress=False):
        for item in asked:
            assert item not in self.rows, "asked for twice"
            bits = np.random.default_rng(len(self.rows)).integers(0, 2**32, 3, dtype=np.uint32)
            self.rows[item] = bits.view(np.float32)  # NaN and infinity among them
        return np.stack([self.rows[item] for item in asked])

    def missing(self, asked):
        return []


@given(st.lists(st.lists(items, max_size=6), max_size=6), st.lists(items, max_size=10))
@settings(max_examples=60, deadline=None)
def test_a_cache_is_the_encoder_that_remembers(calls, last):
    with tempfile.TemporaryDirectory() as directory:
        encoder = Numbering()
        for call in [*calls, last, last]:
            rows = CachedEncoder(encoder, directory).encode(call)
            expected = [encoder.rows[item].tobytes() for item in call]
            assert [row.tobytes() for row in rows] == expected
            assert rows.shape == (len(call), 3)


@given(items, items)
def test_keys_differ_exactly_when_items_do(one, other):
    assert (item_key(one) == item_key(other)) == (one == other)


keys = st.one_of(
    st.binary(min_size=32, max_size=32),
    # Close neighbours and zero bytes at the end, which arrays of bytes are known to drop.
    st.binary(max_size=2).map(lambda head: head.ljust(32, b"\0")),
    st.binary(max_size=2).map(lambda head: head.ljust(32, b"\xff")),
)


@given(st.lists(keys, min_size=1, max_size=12, unique=True), st.lists(keys, max_size=8))
@settings(max_examples=100, deadline=None)
def test_a_shard_finds_its_keys_and_no_others(kept, asked):
    rows = np.arange(len(kept) * 2, dtype=np.float64).reshape(-1, 2)
    hows = [f"how {row}" if row % 2 else "" for row in range(len(kept))]
    with tempfile.TemporaryDirectory() as directory:
        from pathlib import Path

        shard = open_shard(write_shard(Path(directory), as_key_array(kept), rows, hows))
        wanted = [*kept, *asked]
        found = shard.find(as_key_array(wanted))
        for key, row in zip(wanted, found.tolist(), strict=True):
            assert (row >= 0) == (key in kept)
            if row >= 0:
                index = kept.index(key)
                np.testing.assert_array_equal(shard.read([row])[0], rows[index])
                assert shard.hows.get(row, "") == hows[index]
