"""Quantised vectors: what must hold for any vectors, any order and any subset."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from embias.encoders import StaticEncoder
from embias.encoders.quantized import QuantizedEncoder

quantization = pytest.importorskip("sentence_transformers.util.quantization")

floats = st.floats(-(2.0**100), 2.0**100, width=32)
tables = st.tuples(st.integers(2, 12), st.integers(1, 19)).flatmap(
    lambda shape: arrays.arrays(np.float32, shape, elements=floats)
)


def encoder_of(rows):
    rows = rows.copy()
    rows[~rows.any(axis=1), 0] = 1  # a zero row is an error of every encoder
    words = [f"w{i}" for i in range(len(rows))]
    return StaticEncoder(words, rows, id="t"), words, rows


class Recoded:
    """Codes without the check for rows of zeros, which random data may well give."""

    @staticmethod
    def of(encoder, items):
        return np.stack([encoder._as_values(encoder._made([item], False))[0] for item in items])


@settings(deadline=None, max_examples=60)
@given(tables, st.randoms(use_true_random=False))
def test_order_batch_and_subset_do_not_matter(rows, random):
    inner, words, rows = encoder_of(rows)
    shuffled = random.sample(words, len(words))
    first = QuantizedEncoder(inner, "int8").calibrate(words)
    second = QuantizedEncoder(inner, "int8").calibrate([*shuffled, *shuffled[:3]])
    assert first.info == second.info
    codes = dict(zip(words, Recoded.of(first, words), strict=True))
    theirs = quantization.quantize_embeddings(
        rows, "int8", ranges=np.vstack([rows.min(axis=0), rows.max(axis=0)])
    )
    np.testing.assert_array_equal([codes[word] for word in words], theirs)
    part = [word for word in random.choices(shuffled, k=5) if codes[word].any()]
    for encoder in (first, second):
        got = encoder.encode(part)
        assert got.shape == (len(part), rows.shape[1])
        for word, row in zip(part, got, strict=True):
            np.testing.assert_array_equal(row, codes[word])


@settings(deadline=None, max_examples=60)
@given(tables)
def test_codes_are_whole_numbers_of_8_bits_and_keep_the_order(rows):
    inner, words, rows = encoder_of(rows)
    fixed = QuantizedEncoder(inner, "int8").calibrate(words)
    codes = Recoded.of(fixed, words)
    assert codes.min() >= -128
    assert codes.max() <= 127
    assert (codes == np.round(codes)).all()
    for dimension in range(rows.shape[1]):
        ranked = codes[np.argsort(rows[:, dimension], kind="stable"), dimension]
        assert (np.diff(ranked) >= 0).all()


@settings(deadline=None, max_examples=60)
@given(tables)
def test_binary_cosine_is_the_hamming_distance(rows):
    inner, words, rows = encoder_of(rows)
    signs = QuantizedEncoder(inner, "binary").encode(words)
    d = rows.shape[1]
    assert set(np.unique(signs)) <= {-1.0, 1.0}
    cosines = signs @ signs.T / d
    bits = rows > 0
    hamming = (bits[:, None, :] != bits[None, :, :]).sum(axis=2)
    np.testing.assert_allclose(cosines, 1 - 2 * hamming / d, rtol=0, atol=1e-12)
    packed = quantization.quantize_embeddings(rows, "ubinary")
    np.testing.assert_array_equal(np.unpackbits(packed, axis=1)[:, :d] * 2.0 - 1, signs)
