"""Quantised vectors: the same as the library's on the same ranges, fixed by calibration."""

from __future__ import annotations

import numpy as np
import pytest

from embias.encoders import CallableEncoder, StaticEncoder
from embias.encoders._compose import Composable
from embias.encoders.quantized import QuantizedEncoder
from embias.errors import InputError, UnknownNameError, VectorError
from embias.types import Encoder, Image, InContext

quantization = pytest.importorskip("sentence_transformers.util.quantization")

WORDS = [f"w{i}" for i in range(120)]
ROWS = np.random.default_rng(5).normal(size=(120, 13)).astype(np.float32)


def table(rows=ROWS, words=WORDS):
    return StaticEncoder(words, rows, id="t")


class Counting:
    """An encoder of its own making: counts what it is asked, has all the hooks."""

    def __init__(self, rows=ROWS, words=WORDS):
        self.inner = table(rows, words)
        self.info = self.inner.info
        self.asked = []

    def encode(self, items, *, progress=False):
        self.asked += list(items)
        return self.inner.encode(items)

    def missing(self, items):
        return self.inner.missing(items)

    def why_missing(self, item):
        return f"{item} is not there"

    def how_encoded(self, item):
        return f"as {item.upper()!r}"


class Composed(Composable, Counting):
    """One that has the shorthand."""


def whole_set(rows=ROWS):
    return np.vstack([rows.min(axis=0), rows.max(axis=0)])


# --- against the library -------------------------------------------------------------------------


@pytest.mark.parametrize("values", ["codes", "dequantised"])
def test_int8_is_that_of_the_library(values):
    ranges = whole_set()
    theirs = quantization.quantize_embeddings(ROWS, "int8", ranges=ranges)
    if values == "dequantised":
        theirs = quantization._dequantize_embeddings(theirs, "int8", ranges)
    for encoder in (
        QuantizedEncoder(table(), "int8", values=values).calibrate(WORDS),
        QuantizedEncoder(table(), "int8", values=values, ranges=ranges),
        Composed().quantized("int8", values=values, ranges=ranges.tolist()),
    ):
        rows = encoder.encode(WORDS)
        assert rows.dtype == np.float64
        np.testing.assert_array_equal(rows, theirs)
        np.testing.assert_array_equal(encoder.ranges, ranges)
    if values == "codes":
        assert (rows.min(), rows.max()) == (-128, 127)
    else:
        step = (ranges[1] - ranges[0]) / 255
        assert np.all(ROWS - rows < step * 1.001)
        assert np.all(ROWS - rows > -step * 1e-3)


def test_int8_by_the_formula_written_out():
    # steps of exactly 2, 1 (a constant dimension) and 0.5
    rows = np.array([[0, 5, -10], [510, 5, 117.5], [3.9, 5, 0]])
    encoder = QuantizedEncoder(table(rows, ["a", "b", "c"]), "int8").calibrate(["a", "b", "c"])
    expected = [[-128, -128, -128], [127, -128, 127], [1 - 128, -128, 20 - 128]]
    np.testing.assert_array_equal(encoder.encode(["a", "b", "c"]), expected)
    back = QuantizedEncoder(encoder._encoder, "int8", values="dequantised", ranges=encoder.ranges)
    np.testing.assert_array_equal(
        back.encode(["a", "b", "c"]), [[0, 5, -10], [510, 5, 117.5], [2, 5, 0]]
    )


def test_values_outside_given_ranges_are_clipped():
    ranges = np.stack([np.full(13, -0.5), np.full(13, 0.5)])
    rows = QuantizedEncoder(table(), "int8", ranges=ranges).encode(WORDS)
    np.testing.assert_array_equal(
        rows, quantization.quantize_embeddings(ROWS, "int8", ranges=ranges)
    )
    assert (rows[ROWS > 0.5] == 127).all()
    assert (rows[ROWS < -0.5] == -128).all()
    huge = np.array([[3e38, 1], [-3e38, 1]])
    far = QuantizedEncoder(table(huge, ["a", "b"]), "int8", ranges=[[0, 0], [1e-30, 2]])
    np.testing.assert_array_equal(far.encode(["a", "b"]), [[127, -1], [-128, -1]])


@pytest.mark.parametrize("dim", [1, 7, 8, 13])
def test_binary_is_that_of_the_library_unpacked(dim):
    rows = ROWS[:, :dim].copy()
    rows[0, 0] = 0  # not above zero
    rows[0, -1] = 1e-20
    encoder = QuantizedEncoder(table(rows), "binary")
    ours = encoder.encode(WORDS)
    packed = quantization.quantize_embeddings(rows, "binary")
    bits = np.unpackbits((packed.astype(np.int16) + 128).astype(np.uint8), axis=1)[:, :dim]
    np.testing.assert_array_equal(ours, 2.0 * bits - 1)
    assert (ours.dtype, ours.shape) == (np.float64, (120, dim))
    if dim > 1:
        assert (ours[0, 0], ours[0, -1]) == (-1, 1)


def test_products_of_codes_do_not_overflow():
    encoder = QuantizedEncoder(table(), "int8").calibrate(WORDS)
    rows = encoder.encode(WORDS)
    exact = [[sum(int(a) * int(b) for a, b in zip(x, y, strict=True)) for y in rows] for x in rows]
    np.testing.assert_array_equal(rows @ rows.T, exact)


def test_float64_rows_are_rounded_to_float32_first():
    rows = ROWS + np.random.default_rng(6).normal(size=ROWS.shape) * 1e-3  # float64
    inner = CallableEncoder(lambda texts: rows[[WORDS.index(text) for text in texts]], dim=13)
    encoder = QuantizedEncoder(inner, "int8").calibrate(WORDS)
    rounded = rows.astype(np.float32)
    assert (rounded != rows).any()
    np.testing.assert_array_equal(
        encoder.encode(WORDS),
        quantization.quantize_embeddings(rounded, "int8", ranges=whole_set(rounded)),
    )


# --- calibration ---------------------------------------------------------------------------------


def test_without_ranges_int8_says_what_to_do():
    encoder = QuantizedEncoder(table(), "int8")
    assert encoder.ranges is None
    assert encoder.info.ranges is None
    with pytest.raises(InputError, match=r"t: int8 needs .*calibrate\(items\).*or give ranges="):
        encoder.encode(["w1"])


def test_calibration_encodes_each_item_once_and_then_nothing():
    counting = Counting()
    encoder = QuantizedEncoder(counting, "int8")
    fixed = encoder.calibrate([*WORDS, *WORDS, "absent"])
    assert counting.asked == WORDS
    fixed.encode([*WORDS[::-1], *WORDS])
    assert counting.asked == WORDS
    assert encoder.ranges is None  # the one it was made from has not changed
    assert fixed.calibrate(["w1", "w2"]) is fixed
    given = QuantizedEncoder(counting, "int8", ranges=whole_set())
    assert given.calibrate(WORDS) is given
    with pytest.raises(InputError, match=r"at least 2 distinct items.*got 1"):
        encoder.calibrate(["w1", "w1", "absent"])
    with pytest.raises(InputError, match="items is one str"):
        encoder.calibrate("w1")


def test_new_items_use_the_ranges_of_the_calibration_set():
    counting = Counting()
    fixed = QuantizedEncoder(counting, "int8").calibrate(WORDS[:60])
    rows = fixed.encode(["w99", "w3", "w99", "w7"])
    assert counting.asked == [*WORDS[:60], "w99"]
    theirs = quantization.quantize_embeddings(
        ROWS[[99, 3, 99, 7]], "int8", ranges=whole_set(ROWS[:60])
    )
    np.testing.assert_array_equal(rows, theirs)
    # and not those of the whole set, which differ
    other = quantization.quantize_embeddings(ROWS[[3]], "int8", ranges=whole_set())
    assert (rows[1] != other[0]).any()


def test_the_ranges_cannot_be_changed_from_outside():
    given = whole_set()
    encoder = QuantizedEncoder(table(), "int8", ranges=given)
    before = encoder.encode(WORDS)
    given *= 3
    encoder.ranges[:] = 0
    np.testing.assert_array_equal(encoder.encode(WORDS), before)


def test_an_encoder_inside_is_calibrated_too():
    class Inner(Counting):
        def calibrate(self, items):
            return Fixed()

    class Fixed(Counting):
        pass

    for options in ({"precision": "binary"}, {"precision": "int8", "ranges": whole_set()}):
        fixed = QuantizedEncoder(Inner(), **options).calibrate(iter(WORDS))
        assert isinstance(fixed._encoder, Fixed)


def test_rewrapped_keeps_ranges_and_codes():
    fixed = QuantizedEncoder(Counting(), "int8", id="q").calibrate(WORDS)
    other = Counting()
    again = fixed.rewrapped(lambda _: other)
    assert again.info == fixed.info
    np.testing.assert_array_equal(again.encode(WORDS), fixed.encode(WORDS))
    assert other.asked == []
    assert fixed.rewrapped(lambda inner: inner) is fixed


# --- info ----------------------------------------------------------------------------------------


def test_info():
    inner = table()
    fixed = QuantizedEncoder(inner, "int8").calibrate(WORDS)
    info = fixed.info
    assert (info.id, info.dim, info.precision) == ("t", 13, "int8 codes")
    assert info.ranges.startswith("sha256:")
    assert info.normalized is False
    assert "ranges over 120 items" in info.notes[-1]
    assert info.revision == inner.info.revision
    given = QuantizedEncoder(inner, "int8", ranges=whole_set(), id="other").info
    assert (given.id, given.ranges) == ("other", info.ranges)
    moved = QuantizedEncoder(inner, "int8", ranges=whole_set() * 1.001).info
    assert moved.ranges != info.ranges
    assert (
        QuantizedEncoder(inner, "int8", values="dequantised").info.precision == "int8 dequantised"
    )
    binary = QuantizedEncoder(inner, "binary").info
    assert (binary.precision, binary.ranges) == ("binary", None)
    assert len({each.fingerprint() for each in (inner.info, info, moved, binary)}) == 4
    assert isinstance(fixed, Encoder)
    assert repr(fixed).startswith("QuantizedEncoder(StaticEncoder(")


def test_notes_count_dimensions_that_carry_nothing():
    rows = ROWS.copy()
    rows[:, 0] = 4
    rows[:, 1] = np.abs(rows[:, 1]) + 0.1
    rows[:, 2] = -np.abs(rows[:, 2])
    int8 = QuantizedEncoder(table(rows), "int8").calibrate(WORDS[:50])
    assert int8.info.notes == (
        "int8: ranges over 50 items; of 13 dimensions 1 are constant and 2 more have one sign",
        "int8: ranges over fewer than 100 items are unstable",
    )
    binary = QuantizedEncoder(table(rows), "binary").calibrate(WORDS)
    assert binary.info.notes == (
        "binary: of 13 dimensions 3 have one sign over 120 items and tell nothing apart",
    )
    plain = QuantizedEncoder(table(rows), "binary")
    np.testing.assert_array_equal(binary.encode(WORDS), plain.encode(WORDS))


# --- what passes through, what is refused --------------------------------------------------------


def test_hooks_are_those_of_the_encoder_inside():
    encoder = QuantizedEncoder(Counting(), "binary")
    assert encoder.missing(["w1", "absent"]) == ["absent"]
    assert encoder.why_missing("absent") == "absent is not there"
    assert encoder.how_encoded("w1") == "as 'W1'"
    silent = QuantizedEncoder(CallableEncoder(lambda texts: np.ones((len(texts), 2))), "binary")
    assert (silent.why_missing("x"), silent.how_encoded("x")) == ("no vector", "")


def test_empty_and_one():
    fixed = QuantizedEncoder(table(), "int8").calibrate(WORDS)
    assert fixed.encode([]).shape == (0, 13)
    assert fixed.encode([]).dtype == np.float64
    assert fixed.encode(["w4"]).shape == (1, 13)
    assert QuantizedEncoder(table(), "binary").encode([]).shape == (0, 13)
    with pytest.raises(InputError, match="items is one str"):
        fixed.encode("w4")


def test_items_of_other_kinds():
    class Pictures:
        info = table().info

        def encode(self, items, *, progress=False):
            return np.stack([ROWS[len(item.digest)] for item in items])

        def missing(self, items):
            return []

    pictures = [Image("a", "x", None), Image("b", "xy", None), Image("c", "x", None)]
    rows = QuantizedEncoder(Pictures(), "binary").encode(pictures)
    np.testing.assert_array_equal(rows, np.sign(ROWS[[1, 2, 1]]))


def test_codes_that_are_all_zero_name_the_item():
    rows = np.array([[1.0, 1], [256, 256], [129, 129]])
    fixed = QuantizedEncoder(table(rows, ["a", "b", "c"]), "int8").calibrate(["a", "b"])
    np.testing.assert_array_equal(fixed.encode(["a", "b"]), [[-128, -128], [127, 127]])
    with pytest.raises(VectorError, match="t: int8: the vector of 'c' is zero"):
        fixed.encode(["a", "c"])
    word = InContext("the c", 4, 5)
    broken = CallableEncoder(lambda texts: np.ones((len(texts), 2)), id="f")
    with pytest.raises(InputError, match="not for the word 'c'"):
        QuantizedEncoder(broken, "binary").encode([word])


def test_rows_beyond_float32():
    huge = CallableEncoder(lambda texts: [[1e300 if "a" in text else 1.0, 1] for text in texts])
    with pytest.raises(VectorError, match="vector of 'a' has coordinates that are NaN or inf"):
        QuantizedEncoder(huge, "binary").encode(["a", "b"])


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"precision": "int4"}, InputError, "'int8' or 'binary', got 'int4'; did you mean 'int8'"),
        ({"precision": None}, InputError, "precision must be 'int8' or 'binary', got None"),
        ({"precision": "int8", "values": "code"}, InputError, "did you mean 'codes'"),
        ({"precision": "binary", "values": "dequantised"}, InputError, "no values to choose"),
        ({"precision": "binary", "ranges": whole_set()}, InputError, "has no ranges"),
        (
            {"precision": "int8", "ranges": [[0.0]]},
            VectorError,
            r"shape \(1, 1\), expected \(2, 13",
        ),
        ({"precision": "int8", "ranges": whole_set()[::-1]}, VectorError, "dimension 0 run from"),
        ({"precision": "int8", "ranges": whole_set() * np.nan}, VectorError, "not finite"),
        ({"precision": "int8", "ranges": [[-3e38] * 13, [3e38] * 13]}, VectorError, "too wide"),
        ({"precision": "int8", "ranges": [["a"] * 13] * 2}, VectorError, "cannot be read"),
        ({"precision": "int8", "id": " "}, InputError, "id must be a text"),
    ],
)
def test_options(options, error, message):
    with pytest.raises(error, match=message):
        QuantizedEncoder(table(), **options)


def test_what_is_no_encoder_or_quantised_already():
    with pytest.raises(InputError, match=r"must be an Encoder.*as_encoder"):
        QuantizedEncoder({"a": [1.0]}, "int8")
    with pytest.raises(InputError, match="must be an Encoder"):
        QuantizedEncoder(StaticEncoder, "int8")
    with pytest.raises(InputError, match="are binary already"):
        QuantizedEncoder(QuantizedEncoder(table(), "binary"), "int8")


def test_a_word_that_is_not_there():
    with pytest.raises((InputError, UnknownNameError), match="absent"):
        QuantizedEncoder(table(), "binary").encode(["absent"])
