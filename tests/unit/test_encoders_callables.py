"""Functions as encoders: shape, order and content of what they return are checked."""

from __future__ import annotations

import numpy as np
import pytest

from embias.encoders import CallableEncoder, as_encoder
from embias.errors import InputError, VectorError
from embias.types import Encoder, InContext


def letters(texts):
    return [[len(text), ord(text[0])] for text in texts]


def test_encode():
    encoder = as_encoder(letters)
    assert isinstance(encoder, CallableEncoder)
    assert isinstance(encoder, Encoder)
    np.testing.assert_array_equal(encoder.encode(["b", "aa"]), [[1, 98], [2, 97]])
    assert encoder.encode(["b"]).dtype == np.float64
    assert encoder.encode([]).shape == (0, 2)
    assert encoder.missing(["a", InContext("a b", 0, 1)]) == []
    info = encoder.info
    assert (info.id, info.dim, info.revision, info.kind) == ("callable", 2, None, "sentence")
    assert as_encoder(letters, id="mine").info.id == "mine"


def test_the_array_of_the_function_is_copied():
    kept = np.ones((1, 2))
    rows = CallableEncoder(lambda texts: kept).encode(["a"])
    rows[0, 0] = 9
    assert kept[0, 0] == 1


@pytest.mark.parametrize(
    ("fn", "message"),
    [
        (lambda texts: np.ones(3), r"2 texts gave an array of shape \(3,\)"),
        (lambda texts: np.ones((3, 2)), r"shape \(3, 2\), expected \(2, d\)"),
        (lambda texts: [[1.0], [1.0, 2.0]], "ragged: row 'two' has 2 coordinates, the first 1"),
        (lambda texts: None, "NoneType.*type object"),
        (lambda texts: 1.0, r"shape \(\)"),
        (lambda texts: [["x"]] * len(texts), "type <U1"),
        (lambda texts: [[True]] * len(texts), "type bool"),
        (lambda texts: [[1j]] * len(texts), "type complex128"),
        (lambda texts: np.ones((2, 2), dtype=object), "type object"),
        (lambda texts: [[10**400]] * len(texts), "type object.*beyond 64 bits"),
        (lambda texts: np.zeros((2, 1), dtype="M8[s]"), r"type datetime64\[s\]"),
        (lambda texts: np.ma.masked_less([[1.0], [2.0]], 2), "masked entries"),
        (lambda texts: [[1.0], [np.nan]], "vector of 'two' .*NaN"),
        (lambda texts: [[0.0], [1.0]], "vector of 'one' is zero"),
        (lambda texts: np.ones((2, 0)), r"shape \(2, 0\)"),
    ],
)
def test_what_the_function_returns_is_checked(fn, message):
    with pytest.raises(VectorError, match=message):
        CallableEncoder(fn, id="f").encode(["one", "two"])


def test_dimension_must_stay():
    encoder = CallableEncoder(lambda texts: np.ones((len(texts), len(texts))))
    assert encoder.encode(["a", "b"]).shape == (2, 2)
    with pytest.raises(VectorError, match=r"shape \(1, 1\), expected \(1, 2\)"):
        encoder.encode(["a"])


def test_dimension_from_the_caller_saves_the_probe():
    calls = []

    def fn(texts):
        calls.append(texts)
        return np.ones((len(texts), 4))

    assert CallableEncoder(fn, dim=4).info.dim == 4
    assert calls == []
    assert CallableEncoder(fn).info.dim == 4
    assert calls == [["word"]]
    with pytest.raises(VectorError, match=r"expected \(1, 3\)"):
        CallableEncoder(fn, dim=3).encode(["a"])


def test_a_table_that_lacks_the_probe_word():
    def look_up(texts):
        return np.stack([{"dog": np.ones(2)}[text] for text in texts])

    with pytest.raises(InputError, match=r"KeyError: 'word'.*give dim="):
        _ = CallableEncoder(look_up).info
    assert CallableEncoder(look_up, dim=2).encode(["dog"]).shape == (1, 2)
    with pytest.raises(KeyError):  # the function's own exception is not dressed up
        CallableEncoder(look_up, dim=2).encode(["cat"])


def test_bad_items_and_options():
    encoder = CallableEncoder(letters)
    with pytest.raises(InputError, match=r"the word 'b' inside 'a b'; pass item\.text"):
        encoder.encode([InContext("a b", 2, 3)])
    with pytest.raises(InputError, match="the text ' ' is empty or blank"):
        encoder.encode(["a", " "])
    with pytest.raises(InputError, match="items is one str"):
        encoder.encode("abc")
    with pytest.raises(InputError, match="fn must be callable, got int"):
        CallableEncoder(3)
    for dim in (0, -1, 2.0, True):
        with pytest.raises(InputError, match="dim must be"):
            CallableEncoder(letters, dim=dim)


@pytest.mark.filterwarnings("error")
def test_torch_tensors():
    torch = pytest.importorskip("torch")
    kept = torch.ones(1, 2)
    rows = CallableEncoder(lambda texts: kept).encode(["a"])
    np.testing.assert_array_equal(rows, [[1, 1]])
    assert rows.dtype == np.float64
    rows[0, 0] = 9
    assert kept[0, 0] == 1
    with pytest.raises(VectorError, match=r"requires grad.*give floats"):
        CallableEncoder(lambda texts: torch.ones(1, 2, requires_grad=True)).encode(["a"])


def test_messages_stay_on_one_line():
    def fails(texts):
        raise RuntimeError("one\ntwo\x1b[31m" + "x" * 500)

    with pytest.raises(InputError, match="fails on") as caught:
        _ = CallableEncoder(fails).info
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400
    encoder = CallableEncoder(letters, id="two\nlines")
    for items in (["\n"], [b"\n" * 300], [np.ones((3, 3))], [InContext("a\nb", 0, 1)], None):
        with pytest.raises(InputError) as caught:
            encoder.encode(items)
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 300
