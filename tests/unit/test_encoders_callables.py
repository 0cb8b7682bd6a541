"""Functions as encoders: shape, order and content of what they return are checked."""

from __future__ import annotations

import asyncio
import urllib.error

import numpy as np
import pytest
from PIL import Image as Pillow

from embias.encoders import CallableEncoder, as_encoder, callables
from embias.encoders._retry import Clock
from embias.errors import InputError, VectorError
from embias.types import Encoder, Image, InContext


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
        (lambda texts: np.ones(3), r"2 items gave an array of shape \(3,\)"),
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


# --- batches, repetitions, rate ------------------------------------------------------------------


class FakeTime:
    """A clock that only sleeping moves; keeps every sleep."""

    def __init__(self, start=1e6):
        self.time = start
        self.slept = []

    def now(self):
        return self.time

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.time += seconds

    def in_charge_of(self, encoder):
        encoder._set_clock(Clock(self.now, self.sleep))
        return encoder


class Service:
    """Answers like `letters`; fails as told: attempt number (from 1) to exception."""

    def __init__(self, failures=None, clock=None):
        self.failures = failures or {}
        self.clock = clock
        self.calls = []
        self.times = []

    def __call__(self, texts):
        self.calls.append(list(texts))
        self.times.append(self.clock.now() if self.clock else None)
        if len(self.calls) in self.failures:
            raise self.failures[len(self.calls)]
        return letters(texts)


def test_batches_hold_each_distinct_text_once_in_order():
    service = Service()
    encoder = CallableEncoder(service, batch_size=2)
    texts = ["c", "aa", "c", "bbb", "aa", "d", "e"]
    np.testing.assert_array_equal(encoder.encode(texts), letters(texts))
    assert service.calls == [["c", "aa"], ["bbb", "d"], ["e"]]
    encoder.encode(texts[:1])
    assert service.calls[3:] == [["c"]]  # what a finished call has returned is not kept


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100, None])
def test_the_size_of_batches_changes_nothing(size):
    texts = [f"text {number % 5} {number}" for number in range(11)]
    rows = CallableEncoder(letters, batch_size=size).encode(texts)
    np.testing.assert_array_equal(rows, letters(texts))


def test_failures_that_pass_are_asked_again():
    clock = FakeTime()
    service = Service({1: ConnectionError("reset"), 2: TimeoutError("slow")})
    encoder = clock.in_charge_of(CallableEncoder(service, retries=2, backoff=4, id="api"))
    np.testing.assert_array_equal(encoder.encode(["b"]), [[1, 98]])
    assert service.calls == [["b"]] * 3
    assert len(clock.slept) == 2
    assert 4 <= clock.slept[0] < 5  # lengthened by up to a quarter
    assert 8 <= clock.slept[1] < 10
    again = FakeTime()
    service = Service({1: ConnectionError(), 2: ConnectionError()})
    again.in_charge_of(CallableEncoder(service, retries=2, backoff=4, id="api")).encode(["b"])
    assert again.slept == clock.slept


def test_the_waits_end_at_a_minute():
    clock = FakeTime()
    service = Service({number: ConnectionError() for number in range(1, 1201)})
    encoder = clock.in_charge_of(CallableEncoder(service, retries=1200, backoff=1))
    encoder.encode(["b"])
    assert max(clock.slept) < 75
    assert min(clock.slept[6:]) >= 60
    clock = FakeTime()
    service = Service({1: ConnectionError(), 2: ConnectionError()})
    clock.in_charge_of(CallableEncoder(service, retries=2, backoff=100)).encode(["b"])
    assert all(100 <= slept < 125 for slept in clock.slept)


def test_the_last_failure_names_the_batch_and_is_the_cause():
    clock = FakeTime()
    cause = ConnectionError("host\nunreachable")
    service = Service({2: cause, 3: cause})
    encoder = clock.in_charge_of(CallableEncoder(service, retries=1, batch_size=2, id="api"))
    message = (
        r"api: batch 2 of 3: the function failed 2 times on items 3 to 4 \(from 'c'\), at last "
        r"with ConnectionError: host unreachable; .*encode again"
    )
    with pytest.raises(InputError, match=message) as caught:
        encoder.encode(list("abcde"))
    assert caught.value.__cause__ is cause
    assert str(caught.value).isprintable()


def test_only_the_listed_failures_are_asked_again():
    for error in (ValueError("no"), FileNotFoundError("no"), urllib.error.URLError("no")):
        service = Service({1: error})
        with pytest.raises(type(error)) as caught:
            CallableEncoder(service, retries=5, id="api").encode(["a"])
        assert len(service.calls) == 1
        assert caught.value.__notes__ == ["api: raised when asked for items 1 to 1 (from 'a')"]
    clock = FakeTime()
    service = Service({1: urllib.error.URLError("no")})
    encoder = CallableEncoder(service, retries=1, retry_on=urllib.error.URLError)
    clock.in_charge_of(encoder).encode(["a"])
    assert len(service.calls) == 2
    service = Service({1: ConnectionError()})
    with pytest.raises(ConnectionError):  # without retries nothing is dressed up
        CallableEncoder(service).encode(["a"])


def test_wrong_rows_are_not_asked_for_again_and_name_their_batch():
    calls = []

    def grows(texts):
        calls.append(texts)
        return np.ones((len(texts), 1 + len(calls)))

    encoder = CallableEncoder(grows, batch_size=2, retries=3, retry_on=(Exception,), id="f")
    with pytest.raises(
        VectorError, match=r"f: batch 2 of 2: 1 items gave.*\(1, 3\), expected \(1, 2"
    ):
        encoder.encode(["a", "b", "c"])
    assert len(calls) == 2
    nan = CallableEncoder(lambda texts: [[np.nan if t == "c" else 1] for t in texts], batch_size=2)
    with pytest.raises(VectorError, match=r"batch 2 of 2: the vector of 'c' has .*NaN"):
        nan.encode(["a", "b", "c"])
    with pytest.raises(VectorError, match=r"what the function returned \(NoneType\)"):
        CallableEncoder(lambda texts: None, batch_size=1).encode(["a", "b"])


def test_what_is_done_is_kept_until_it_is_returned():
    for error in (KeyboardInterrupt(), ValueError("x")):
        service = Service({3: error})
        encoder = CallableEncoder(service, batch_size=2)
        with pytest.raises(type(error)):
            encoder.encode(list("abcdef"))
        np.testing.assert_array_equal(encoder.encode(["d", "g"]), letters(["d", "g"]))
        np.testing.assert_array_equal(encoder.encode(list("fedcba")), letters(list("fedcba")))
        # d was handed out and is asked for again; a, b and c were not.
        assert service.calls == [["a", "b"], ["c", "d"], ["e", "f"], ["g"], ["f", "e"], ["d"]]
        encoder.encode(["a"])
        assert service.calls[-1] == ["a"]


def test_forget_drops_what_was_kept():
    service = Service({2: ValueError()})
    encoder = CallableEncoder(service, batch_size=1)
    with pytest.raises(ValueError):  # noqa: PT011 - the service's own, without a text
        encoder.encode(["a", "b"])
    encoder.forget()
    encoder.encode(["a", "b"])
    assert service.calls == [["a"], ["b"], ["a"], ["b"]]


def test_forget_drops_a_dimension_that_was_learned():
    shapes = iter([2, 3, 3, 3])

    def fn(texts):
        return np.ones((len(texts), next(shapes)))

    encoder = CallableEncoder(fn, batch_size=1)
    with pytest.raises(VectorError):
        encoder.encode(["a", "b"])
    encoder.forget()
    assert encoder.encode(["a", "b"]).shape == (2, 3)
    assert encoder.info.dim == 3
    encoder.forget()
    assert encoder.info.dim == 3


def test_what_is_kept_is_bounded(monkeypatch):
    monkeypatch.setattr(callables, "_KEPT_BYTES", 8 * 2 * 3)  # three rows of two coordinates
    service = Service({6: ValueError()})
    encoder = CallableEncoder(service, batch_size=1)
    with pytest.raises(ValueError):  # noqa: PT011
        encoder.encode(list("abcdef"))
    encoder.encode(list("abcdef"))
    assert service.calls[6:] == [["a"], ["b"], ["f"]]  # the newest three were kept


def test_requests_keep_their_distance():
    clock = FakeTime()
    service = Service({3: ConnectionError()}, clock)
    encoder = CallableEncoder(service, batch_size=1, retries=1, max_requests_per_minute=20)
    clock.in_charge_of(encoder)
    _ = encoder.info.dim  # this one is counted too
    encoder.encode(list("abcde"))
    assert len(service.times) == 7
    gaps = np.diff(service.times)
    assert gaps.min() >= 3
    assert gaps.max() < 3.001  # and no longer than they must: the backoff is inside the distance
    clock.time += 1000
    encoder.encode(["f", "g"])
    assert service.times[7] == clock.time - 3  # a pause does not save up for a burst


def test_a_clock_that_wakes_early():
    clock = FakeTime()
    service = Service(clock=clock)

    def half(seconds):
        clock.time += seconds / 2 if seconds > 1e-3 else seconds

    encoder = CallableEncoder(service, dim=2, batch_size=1, max_requests_per_minute=60)
    encoder._set_clock(Clock(clock.now, half))
    encoder.encode(["a", "b"])
    assert service.times[1] - service.times[0] >= 1


def test_progress_counts_the_batches(capsys):
    encoder = CallableEncoder(letters, batch_size=2, id="api")
    encoder.encode(["a", "b", "c"], progress=True)
    shown = capsys.readouterr().err
    assert "encoding with api" in shown
    assert "2/2" in shown
    encoder.encode(["a"])
    assert capsys.readouterr().err == ""


async def slow_letters(texts):
    await asyncio.sleep(0)
    return letters(texts)


class Client:
    async def __call__(self, texts):
        return await slow_letters(texts)


@pytest.mark.parametrize("fn", [slow_letters, Client(), lambda texts: slow_letters([*texts])])
def test_async_functions(fn):
    encoder = CallableEncoder(fn, batch_size=1)
    np.testing.assert_array_equal(encoder.encode(["b", "aa"]), [[1, 98], [2, 97]])

    async def notebook():
        return encoder.encode(["b", "aa"])

    np.testing.assert_array_equal(asyncio.run(notebook()), [[1, 98], [2, 97]])


def test_async_failures_are_asked_again():
    clock = FakeTime()
    service = Service({1: TimeoutError()})

    async def fn(texts):
        await asyncio.sleep(0)
        return service(texts)

    encoder = clock.in_charge_of(CallableEncoder(fn, retries=1))
    np.testing.assert_array_equal(encoder.encode(["b"]), [[1, 98]])
    assert len(service.calls) == 2


def test_words_in_context():
    def spans(items):
        return [[item.start, item.stop, len(item.text)] for item in items]

    encoder = CallableEncoder(spans, kind="token")
    assert (encoder.info.kind, encoder.info.dim) == ("token", 3)
    first, second = InContext("he and he", 0, 2), InContext("he and he", 7, 9)
    rows = encoder.encode([second, first, "word"])
    np.testing.assert_array_equal(rows, [[7, 9, 9], [0, 2, 9], [0, 4, 4]])
    with pytest.raises(VectorError, match="the vector of 'he in: he and he' is zero"):
        CallableEncoder(lambda items: np.zeros((1, 2)), kind="token").encode([first])
    with pytest.raises(InputError, match="' ' is empty or blank"):
        encoder.encode([" "])
    with pytest.raises(InputError, match="takes texts, not the picture"):
        encoder.encode([Image("x", "sha256:0", None)])


def test_pictures():
    red = Image.from_pillow(Pillow.new("RGB", (2, 2), (255, 0, 0)), name="red")
    blue = Image.from_pillow(Pillow.new("RGB", (2, 2), (0, 0, 255)), name="blue")

    def first_pixel(images):
        return [image.source.getpixel((0, 0)) for image in images]

    encoder = CallableEncoder(first_pixel, kind="image", dim=3)
    assert (encoder.info.kind, encoder.info.modalities) == ("image", ("image",))
    np.testing.assert_array_equal(encoder.encode([blue, red]), [[0, 0, 255], [255, 0, 0]])
    with pytest.raises(
        InputError, match=r"takes pictures, not the text 'a'; give Image\.from_file"
    ):
        encoder.encode(["a"])
    with pytest.raises(InputError, match='dim must be given with kind="image"'):
        CallableEncoder(first_pixel, kind="image")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size must be a whole number of at least 1, got 0"),
        ({"batch_size": True}, "batch_size must be"),
        ({"retries": -1}, "retries must be a whole number of at least 0, got -1"),
        ({"retries": 1.5}, "retries must be"),
        ({"backoff": -1}, "backoff must be a finite number of at least 0, got -1"),
        ({"backoff": float("inf")}, "backoff must be a finite number"),
        ({"backoff": "1"}, "backoff must be a finite number of at least 0, got '1'"),
        ({"max_requests_per_minute": 0}, "max_requests_per_minute must be a finite number above 0"),
        ({"max_requests_per_minute": float("nan")}, "max_requests_per_minute must be"),
        ({"retry_on": "ConnectionError"}, "retry_on must be classes of exceptions"),
        ({"retry_on": (ValueError, KeyboardInterrupt)}, "got <class 'KeyboardInterrupt'>; give a"),
        ({"kind": "tokens"}, "kind='tokens'; did you mean 'token'"),
        ({"kind": None}, "kind=None"),
        ({"revision": 3}, "revision must be a text or None"),
    ],
)
def test_options_of_requests(options, message):
    with pytest.raises(InputError, match=message):
        CallableEncoder(letters, **options)
