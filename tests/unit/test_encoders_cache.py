"""The cache: bit for bit, no forward pass, every field counts, killed and concurrent writers."""

import dataclasses
import hashlib
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from embias import audit
from embias.encoders import CallableEncoder, StaticEncoder, as_encoder
from embias.encoders import _cache_files as files
from embias.encoders import _cache_store as store
from embias.encoders import cache as caching
from embias.encoders._compose import Composable
from embias.encoders.cache import CachedEncoder, cache_info, clear_cache
from embias.encoders.transformed import TransformedEncoder
from embias.errors import InputError, OutputError, UnknownNameError, VectorError
from embias.types import EncoderInfo, Image, InContext

INFO = EncoderInfo(id="counting", kind="token", dim=5, revision="1")
ODD = ["a/b", "a\0b", "\0", "\udc80", "\udc80\udc81", "é", "e\u0301", "\u2028", "x" * 10_000]


def vector(item, dim=5):
    if isinstance(item, Image):
        text = f"image {item.digest}"
    else:
        text = item if isinstance(item, str) else f"{item.text} {item.start} {item.stop}"
    seed = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return np.random.default_rng(list(seed)).normal(size=dim)


class Counting(Composable):
    """Vectors from the content of an item; counts what it is asked for."""

    def __init__(self, info=INFO, dtype=np.float32, batch_size=32):
        self.info, self.dtype, self.batch_size = info, dtype, batch_size
        self.asked = []

    def encode(self, items, *, progress=False):
        self.asked.append(list(items))
        rows = [vector(item, self.info.dim) for item in items]
        return np.array(rows).reshape(-1, self.info.dim).astype(self.dtype)

    def missing(self, items):
        return [item for item in items if item == "gone"]

    def why_missing(self, item):
        return "because"

    def how_encoded(self, item):
        return "3 windows \udc80" if item == "long" else ""


class Never(Counting):
    """Fails when anything is computed."""

    def encode(self, items, *, progress=False):
        raise AssertionError(f"a forward pass for {items!r}")

    missing = how_encoded = encode


def shards(directory):
    return sorted(Path(directory).rglob("*.safetensors"))


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i1", "u1", "i8", ">f4"])
def test_rows_come_back_bit_for_bit_without_a_forward_pass(tmp_path, dtype):
    items = ["one", "two", "one", InContext("one two", 0, 3), *ODD]
    first = Counting(dtype=dtype)
    cold = first.cached(tmp_path).encode(items)
    assert len(first.asked) == 1
    assert len(first.asked[0]) == len(items) - 1, "each distinct item once"
    np.testing.assert_array_equal(cold, Counting(dtype=dtype).encode(items))
    warm = CachedEncoder(Never(), tmp_path).encode(items)
    assert (warm.tobytes(), warm.dtype, warm.shape) == (cold.tobytes(), cold.dtype, cold.shape)
    some = CachedEncoder(Never(), tmp_path).encode(items[::-1][:4])
    assert some.tobytes() == cold[::-1][:4].tobytes()
    assert CachedEncoder(Never(), tmp_path).encode([]).shape == (0, 5)


def test_only_what_is_new_is_computed(tmp_path):
    encoder = Counting()
    cached = encoder.cached(tmp_path)
    cached.encode(["a", "b"])
    cached.encode(["c", "b", "d", "c"])
    assert encoder.asked == [["a", "b"], ["c", "d"]]
    assert len(shards(tmp_path)) == 2
    assert cache_info(tmp_path).vectors == 4


def test_kinds_of_items_do_not_meet(tmp_path):
    cached = Counting().cached(tmp_path)
    picture = Image("one", "sha256:00", None)
    items = ["ab", InContext("ab", 0, 1), InContext("ab", 0, 2), InContext("ab", 1, 2), picture]
    np.testing.assert_array_equal(cached.encode(items), Counting().encode(items))
    assert cache_info(tmp_path).vectors == 5
    again = Image("another name", "sha256:00", None)
    assert (
        CachedEncoder(Never(), tmp_path).encode([again]).tobytes()
        == cached.encode([picture]).tobytes()
    )


def other(value):
    """A value of the same type that differs."""
    if isinstance(value, bool):
        return not value
    return {
        int: lambda: value + 1,
        str: lambda: value + "x",
        tuple: lambda: (*value, "x"),
        dict: lambda: {**value, "torch": "9"},
    }[type(value)]()


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(EncoderInfo)])
def test_every_field_of_the_info_counts(tmp_path, field):
    value = getattr(INFO, field)
    changed = "image" if field == "kind" else "x" if value is None else other(value)
    info = dataclasses.replace(INFO, **{field: changed})
    Counting().cached(tmp_path).encode(["a"])
    encoder = Counting(info)
    encoder.cached(tmp_path).encode(["a"])
    assert encoder.asked == [["a"]]


def test_the_batch_size_does_not_count(tmp_path):
    Counting(batch_size=1).cached(tmp_path).encode(["a"])
    encoder = Counting(batch_size=7)
    encoder.cached(tmp_path).encode(["a"])
    assert encoder.asked == []


def test_missing_and_how_it_was_made(tmp_path):
    cached = Counting().cached(tmp_path)
    assert cached.missing(["a", "gone", "gone"]) == ["gone"]
    assert cached.why_missing("gone") == "because"
    cached.encode(["a", "long"])
    warm = CachedEncoder(Never(), tmp_path)
    assert warm.missing(["a", "long", "a"]) == []
    assert [warm.how_encoded(item) for item in ("long", "a")] == ["3 windows \udc80", ""]
    assert warm.info == INFO

    class Bare(Counting):
        how_encoded = why_missing = None

    bare = CachedEncoder(Bare(), tmp_path / "bare")
    bare.encode(["long"])
    assert (bare.how_encoded("long"), bare.why_missing("x")) == ("", "no vector")
    assert bare.calibrate(["a"]) is bare


def test_an_interruption_keeps_what_was_done(tmp_path, monkeypatch):
    monkeypatch.setattr(caching, "_CHUNK", 3)

    class Interrupted(Counting):
        def encode(self, items, *, progress=False):
            if len(self.asked) == 2:
                raise KeyboardInterrupt
            return super().encode(items)

    items = [str(number) for number in range(8)]
    with pytest.raises(KeyboardInterrupt):
        Interrupted().cached(tmp_path).encode(items)
    encoder = Counting()
    rows = encoder.cached(tmp_path).encode(items)
    assert encoder.asked == [["6", "7"]]
    np.testing.assert_array_equal(rows, Counting().encode(items))


def damage(path, where, how):
    data = bytearray(path.read_bytes())
    start = int(where * len(data)) if where < 1 else len(data) - 1
    if how == "cut":
        path.write_bytes(data[:start])
    elif how == "flip":
        data[start] ^= 0x10
        path.write_bytes(data)
    else:
        path.write_bytes(data + b"\0" * 8)


@pytest.mark.parametrize("where", [0, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 1])
@pytest.mark.parametrize("how", ["cut", "flip", "longer"])
def test_a_damaged_file_is_computed_again(tmp_path, where, how):
    items = ["a", "b", "c", "long"]
    expected = Counting().cached(tmp_path).encode(items)
    damage(shards(tmp_path)[0], where, how)
    encoder = Counting()
    np.testing.assert_array_equal(encoder.cached(tmp_path).encode(items), expected)
    CachedEncoder(Never(), tmp_path).encode(items)


def test_every_flipped_bit_is_noticed_or_harmless(tmp_path):
    items = ["a", "long"]
    expected = Counting().cached(tmp_path).encode(items)
    (path,) = shards(tmp_path)
    whole = path.read_bytes()
    for byte in range(len(whole)):
        data = bytearray(whole)
        data[byte] ^= 1 << byte % 8
        path.write_bytes(data)
        np.testing.assert_array_equal(Counting().cached(tmp_path).encode(items), expected)
        for written in shards(tmp_path):
            written.unlink()


def test_other_files_in_the_folder_do_no_harm(tmp_path):
    cached = Counting().cached(tmp_path)
    cached.encode(["a"])
    folder = shards(tmp_path)[0].parent
    (folder / "model.safetensors").write_bytes(b"mine")
    (folder / "info.json").write_text("{")
    CachedEncoder(Never(), tmp_path).encode(["a"])
    assert cache_info(tmp_path).encoders[0].id == "?"
    clear_cache(tmp_path)
    assert [path.name for path in folder.iterdir()] == ["model.safetensors"]


def write_many(directory, seed):
    numbers = np.random.default_rng(seed).permutation(60)
    cached = Counting().cached(directory)
    for start in range(0, 60, 3):
        cached.encode([str(number) for number in numbers[start : start + 3]])


def test_writers_at_once_lose_nothing(tmp_path):
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write_many, args=(tmp_path, seed)) for seed in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0] * 4
    items = [str(number) for number in range(60)]
    rows = CachedEncoder(Never(), tmp_path).encode(items)
    np.testing.assert_array_equal(rows, Counting().encode(items))
    assert cache_info(tmp_path).vectors == 60


KILLED = """
import os, signal, sys
sys.path.insert(0, {tests!r})
from test_encoders_cache import Counting
cached = Counting().cached({directory!r})
cached.encode(["a", "b"])
def die(*arguments):
    os.kill(os.getpid(), signal.SIGKILL)
os.{call} = die
cached.encode(["c"])
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal on this system")
@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_writer_that_is_killed_leaves_the_cache_usable(tmp_path, call):
    code = KILLED.format(tests=str(Path(__file__).parent), directory=str(tmp_path), call=call)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    folder = shards(tmp_path)[0].parent
    (stray,) = folder.glob(".tmp-*")
    encoder = Counting()
    rows = encoder.cached(tmp_path).encode(["a", "b", "c"])
    assert encoder.asked == [["c"]]
    np.testing.assert_array_equal(rows, Counting().encode(["a", "b", "c"]))
    assert stray.exists(), "another writer may be at work on it"
    os.utime(stray, (time.time() - 7200,) * 2)
    Counting().cached(tmp_path)
    assert not stray.exists()


def test_what_was_used_longest_ago_makes_room(tmp_path):
    for text in "abc":
        Counting().cached(tmp_path).encode([text])
    for age, path in zip((300, 200, 100), shards(tmp_path), strict=True):
        os.utime(path, (time.time() - age,) * 2)
    CachedEncoder(Never(), tmp_path).encode(["a"])  # now b is the oldest
    size = max(path.stat().st_size for path in shards(tmp_path))
    CachedEncoder(Counting(), tmp_path, max_bytes=3 * size + 10).encode(["d"])
    encoder = Counting()
    encoder.cached(tmp_path).encode(["a", "b", "c", "d"])
    assert encoder.asked == [["b"]]


def test_the_file_just_written_stays_whatever_the_bound(tmp_path, monkeypatch):
    monkeypatch.setenv("EMBIAS_CACHE_MAX_BYTES", "1")
    encoder = Counting()
    encoder.cached(tmp_path).encode(["a"])
    rows = encoder.cached(tmp_path).encode(["b"])
    np.testing.assert_array_equal(rows, Counting().encode(["b"]))
    assert len(shards(tmp_path)) == 1
    assert CachedEncoder(Never(), tmp_path).missing(["b"]) == []


def test_many_small_files_are_merged(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "_MOST_SMALL", 4)
    encoder = Counting()
    cached, reader = encoder.cached(tmp_path), CachedEncoder(Never(), tmp_path)
    items = ["long", *map(str, range(22))]
    for count, item in enumerate(items, start=1):
        cached.encode([item])
        # A reader that knew the files before they were merged finds the vectors all the same.
        np.testing.assert_array_equal(
            reader.encode(items[:count]), Counting().encode(items[:count])
        )
    assert len(encoder.asked) == len(items)
    assert len(shards(tmp_path)) <= 5
    assert cache_info(tmp_path).vectors == len(items)
    assert CachedEncoder(Never(), tmp_path).how_encoded("long") == "3 windows \udc80"


def test_types_are_not_mixed_when_files_are_merged(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "_MOST_SMALL", 2)
    for number, dtype in enumerate(["f4", "f8", "f4", "f8"]):
        Counting(dtype=dtype).cached(tmp_path).encode([str(number)])
    rows = CachedEncoder(Never(), tmp_path).encode(["0", "2"])
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(rows, Counting().encode(["0", "2"]))


def test_no_identity_no_cache(tmp_path):
    function = CallableEncoder(lambda texts: np.ones((len(texts), 2)), id="f")
    with pytest.raises(InputError, match=r"no revision.*give revision="):
        CachedEncoder(function, tmp_path)
    with pytest.raises(InputError, match=r"transform <lambda> .unpinned.*revision="):
        (Counting() | (lambda rows: rows[:, :2])).cached(tmp_path)
    assert list(tmp_path.iterdir()) == []
    pinned = TransformedEncoder(Counting(), lambda rows: rows[:, :2], revision="first two")
    np.testing.assert_array_equal(
        pinned.cached(tmp_path).encode(["a"]), Counting().encode(["a"])[:, :2]
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_bytes": 0}, "at least 1"),
        ({"max_bytes": True}, "whole number"),
        ({"max_bytes": 1.5}, "whole number"),
        ({"directory": 3}, "str or an os.PathLike"),
        ({"directory": ""}, "is empty"),
        ({"directory": "a\0b"}, "NUL"),
    ],
)
def test_options_are_checked(tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        CachedEncoder(Counting(), **{"directory": tmp_path, **options})


def test_what_is_wrapped_must_be_an_encoder(tmp_path, monkeypatch):
    for wrong in ("minilm", Counting, None):
        with pytest.raises(InputError, match=r"expected an Encoder.*as_encoder"):
            CachedEncoder(wrong, tmp_path)
    monkeypatch.setenv("EMBIAS_CACHE_MAX_BYTES", "10 GB")
    with pytest.raises(InputError, match=r"EMBIAS_CACHE_MAX_BYTES='10 GB' is not a size"):
        Counting().cached(tmp_path)


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match=r"cannot be written .*name another folder"):
        Counting().cached(tmp_path / "file" / "in")
    (tmp_path / "vectors-v1").mkdir()
    (tmp_path / "vectors-v1" / "thesis.tex").write_text("x")
    with pytest.raises(OutputError, match=r"is not a cache of embias, it holds 'thesis.tex'"):
        Counting().cached(tmp_path)


def test_a_write_that_fails_leaves_nothing_half_written(tmp_path, monkeypatch):
    cached = Counting().cached(tmp_path)
    cached.encode(["a"])

    def full(number):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match=r"No space left on device.*make room"):
        cached.encode(["b"])
    monkeypatch.undo()
    assert list(tmp_path.rglob(".tmp-*")) == []
    assert len(shards(tmp_path)) == 1


def test_rows_of_the_wrong_form_are_not_kept(tmp_path):
    class Wrong(Counting):
        def encode(self, items, *, progress=False):
            return self.rows

    wrong = Wrong()
    for rows, message in (
        (np.ones((1, 4)), r"shape \(1, 4\), expected \(2, 5\)"),
        (np.ones((2, 5), dtype=np.complex128), "type complex128 cannot be kept"),
    ):
        wrong.rows = rows
        with pytest.raises(VectorError, match=message):
            wrong.cached(tmp_path).encode(["a", "b"])
    assert shards(tmp_path) == []


class Quantised(Counting):
    """Ranges of the whole set of items, as a stand-in for a quantiser."""

    def __init__(self, encoder, ranges=None):
        info = dataclasses.replace(encoder.info, precision="int8", ranges=ranges)
        super().__init__(info, dtype=np.int8)
        self.encoder = encoder

    def encode(self, items, *, progress=False):
        rows = self.encoder.encode(items)
        largest = np.abs(rows).max() if self.info.ranges is None else float(self.info.ranges)
        return np.round(rows / largest * 127).astype(np.int8)

    def calibrate(self, items):
        return Quantised(self.encoder, str(np.abs(self.encoder.encode(items)).max()))

    def rewrapped(self, wrap):
        return Quantised(wrap(self.encoder), self.info.ranges)


def test_a_quantiser_is_cached_once_its_ranges_are_fixed(tmp_path):
    items = ["a", "b", "c"]
    encoder = Counting()
    cached = Quantised(encoder).cached(tmp_path)
    cached.encode(["a"])
    assert shards(tmp_path) == [], "the vector depends on the set"
    encoder.asked.clear()
    fixed = cached.calibrate(items)
    assert isinstance(fixed, CachedEncoder)
    expected = Quantised(Counting()).calibrate(items).encode(items)
    np.testing.assert_array_equal(fixed.encode(items), expected)
    assert encoder.asked == [items]
    warm = Quantised(Never()).cached(tmp_path).calibrate(items)
    assert warm.encode(items).tobytes() == expected.tobytes()


def test_default_folders(monkeypatch, tmp_path):
    monkeypatch.setenv("EMBIAS_CACHE", str(tmp_path / "mine"))
    Counting().cached().encode(["a"])
    assert shards(tmp_path / "mine" / "vectors-v1")
    monkeypatch.delenv("EMBIAS_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(files.sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert files.default_directory() == tmp_path / "xdg" / "embias"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert files.default_directory() == tmp_path / ".cache" / "embias"
    monkeypatch.setattr(files.sys, "platform", "darwin")
    assert files.default_directory() == tmp_path / "Library" / "Caches" / "embias"
    monkeypatch.setattr(files.sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert files.default_directory() == tmp_path / "local" / "embias"


def test_info_and_clear(tmp_path):
    named = dataclasses.replace(INFO, id="other")
    Counting().cached(tmp_path).encode(["a", "b"])
    Counting(named).cached(tmp_path).encode(["a"])
    held = cache_info(tmp_path)
    assert [(each.id, each.vectors) for each in held.encoders] == [("counting", 2), ("other", 1)]
    assert held.bytes == sum(path.stat().st_size for path in shards(tmp_path))
    assert held.encoders[0].info == INFO
    assert held.encoders[0].last_use.timestamp() == pytest.approx(
        max(path.stat().st_mtime for path in shards(tmp_path)), abs=60
    )
    with pytest.raises(UnknownNameError, match="did you mean 'other'"):
        clear_cache(tmp_path, encoder="othr")
    assert clear_cache(tmp_path, encoder="other").vectors == 1
    assert [each.id for each in cache_info(tmp_path).encoders] == ["counting"]
    assert clear_cache(tmp_path).vectors == 2
    assert cache_info(tmp_path).encoders == ()
    with pytest.raises(InputError, match="holds no cache of embias"):
        cache_info(tmp_path / "none")


def test_clear_follows_no_links(tmp_path):
    Counting().cached(tmp_path / "one").encode(["a"])
    Counting().cached(tmp_path / "two").encode(["a"])
    (inside,) = (tmp_path / "one" / "vectors-v1" / "encoders").iterdir()
    link = tmp_path / "two" / "vectors-v1" / "encoders" / ("0" * 64)
    link.symlink_to(inside, target_is_directory=True)
    assert clear_cache(tmp_path / "two").vectors == 1
    assert len(shards(inside)) == 1
    assert link.is_symlink()


def test_a_writer_survives_clearing(tmp_path):
    encoder = Counting()
    cached = encoder.cached(tmp_path)
    cached.encode(["a"])
    clear_cache(tmp_path)
    cached.encode(["a"])
    assert encoder.asked == [["a"], ["a"]]
    assert cache_info(tmp_path).encoders[0].info == INFO


def test_as_encoder_and_audit_cache_what_is_worth_it(tmp_path):
    table = StaticEncoder(["a"], [[1.0, 2.0]], id="table")
    assert as_encoder(table, cache=tmp_path) is table
    assert isinstance(as_encoder({"a": [1.0]}, cache=tmp_path), StaticEncoder)
    assert list(tmp_path.iterdir()) == []
    for on in (True, str(tmp_path), tmp_path):
        assert isinstance(as_encoder(Counting(), cache=on), CachedEncoder)
    for off in (None, False):
        assert isinstance(as_encoder(Counting(), cache=off), Counting)
    cached = Counting().cached(tmp_path)
    assert as_encoder(cached, cache=True) is cached
    for wrong in (0, 3, "", b"x"):
        with pytest.raises(InputError, match="cache"):
            as_encoder(Counting(), cache=wrong)
    with pytest.raises(InputError, match=r"no revision"):
        audit(lambda texts: np.ones((len(texts), 2)), "weat", cache=tmp_path)


def test_the_cache_goes_beneath_a_transform(tmp_path):
    def half(rows):
        return rows / 2

    made = as_encoder(Counting() | half, cache=tmp_path)
    assert made.info.transforms == ("half (unpinned)",)
    made.encode(["a"])
    rows = as_encoder(Never() | half, cache=tmp_path).encode(["a"])
    np.testing.assert_array_equal(rows, Counting().encode(["a"]) / 2)


def test_an_audit_of_an_encoder_asks_once(tmp_path):
    encoder = Counting(dataclasses.replace(INFO, kind="sentence", dim=8))
    cold = audit(encoder, "weat", cache=tmp_path)
    asked = sum(map(len, encoder.asked))
    assert asked == len({item for items in encoder.asked for item in items})
    warm = audit(Never(encoder.info), "weat", cache=tmp_path)
    assert warm.frame.equals(cold.frame)
    assert warm.frame.equals(audit(Counting(encoder.info), "weat").frame)


# -- models by name ---------------------------------------------------------------------------

WARM = """
import hashlib, json, sys
import numpy as np
{before}
import embias
result = embias.audit({model!r}, {suite!r}, cache={directory!r})
rows = embias.as_encoder({model!r}, cache={directory!r}).encode(["a rose", "love", "a rose"])
heavy = sorted({{"torch", "transformers", "sentence_transformers"}} & set(sys.modules))
frame = result.frame.to_json(double_precision=15)
print(json.dumps([heavy, hashlib.sha256(rows.tobytes()).hexdigest(), frame, str(rows.dtype)]))
"""

SUITE = """
schema = 1
name = "small"
[sets.x]
words = ["rose", "daisy"]
[sets.y]
words = ["wasp", "flea"]
[sets.a]
words = ["love"]
[sets.b]
words = ["war"]
[tests.one]
targets = ["x", "y"]
attributes = ["a", "b"]
"""


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "small.toml"
    path.write_text(SUITE)
    return str(path)


def in_a_process(model, suite, directory, before=""):
    code = WARM.format(model=str(model), suite=suite, directory=str(directory), before=before)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_warm_audit_of_minilm_imports_no_model_library(tmp_path, small):
    heavy, *cold = in_a_process("minilm", small, tmp_path / "c")
    assert "torch" in heavy
    heavy, *warm = in_a_process("minilm", small, tmp_path / "c")
    assert heavy == []
    assert warm == cold
    rows = as_encoder("minilm").encode(["a rose", "love"])
    kept = as_encoder("minilm", cache=tmp_path / "c").encode(["a rose", "love"])
    np.testing.assert_allclose(kept, rows, atol=1e-6)
    block = "sys.modules['sentence_transformers'] = None"  # an import of it would fail
    assert in_a_process("minilm", small, tmp_path / "c", block)[1:] == cold


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A folder of a small sentence-transformers model with random weights."""
    torch = pytest.importorskip("torch")
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = ["[UNK]", "a", "rose", "daisy", "wasp", "flea", "love", "war"]
    tokenizer = Tokenizer(
        models.WordLevel({word: row for row, word in enumerate(words)}, unk_token="[UNK]")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    torch.manual_seed(0)
    model = SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_dim=6)], device="cpu")
    folder = tmp_path_factory.mktemp("models") / "tiny"
    model.save(str(folder))
    return folder


def loads(monkeypatch):
    """Count how often a model is loaded."""
    from embias.encoders import _st_model

    counted = []
    load = _st_model.load

    def counting(*arguments):
        counted.append(arguments)
        return load(*arguments)

    monkeypatch.setattr(_st_model, "load", counting)
    return counted


def test_a_folder_is_known_by_its_content(tiny, tmp_path, monkeypatch):
    import shutil

    counted = loads(monkeypatch)
    cold = as_encoder(tiny, cache=tmp_path / "c").encode(["a rose", "wasp"])
    assert len(counted) == 1
    assert as_encoder(tiny, cache=tmp_path / "c").encode(["wasp"]).tobytes() == cold[1:].tobytes()
    copied = tmp_path / "elsewhere" / "tiny"
    shutil.copytree(tiny, copied)
    # The same content under the same name is the same model, wherever it lies.
    assert as_encoder(copied, cache=tmp_path / "c").encode(["wasp"]).tobytes() == cold[1:].tobytes()
    assert len(counted) == 1, "a warm cache loads nothing"

    (weights,) = copied.rglob("*.safetensors")
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    times = weights.stat()
    weights.write_bytes(data)
    os.utime(weights, ns=(times.st_atime_ns, times.st_mtime_ns))  # size and time as before
    changed = as_encoder(copied, cache=tmp_path / "c")
    assert len(counted) == 2
    assert changed.info.revision != as_encoder(tiny).info.revision
    rows = changed.encode(["war"])
    assert rows.tobytes() == as_encoder(copied).encode(["war"]).tobytes()
    assert rows.tobytes() != as_encoder(tiny).encode(["war"]).tobytes()


def test_the_hash_of_a_folder_is_remembered_while_nothing_changes(tmp_path, monkeypatch):
    from embias.encoders import _recipes

    folder, root = tmp_path / "model", tmp_path / "root"
    (folder / "sub").mkdir(parents=True)
    root.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "sub" / "weights.bin").write_bytes(b"1")
    first = _recipes.folder_content(folder, root)
    assert list(root.rglob("*.json")) == [], "files this new may change once more unseen"
    monkeypatch.setattr(_recipes, "_SETTLED_NS", -(10**18))
    assert _recipes.folder_content(folder, root) == first
    (note,) = root.rglob("*.json")
    monkeypatch.setattr(_recipes.hashlib, "file_digest", None)  # nothing is read any more
    assert _recipes.folder_content(folder, root) == first
    monkeypatch.undo()
    note.write_text("[")
    assert _recipes.folder_content(folder, root) == first
    (folder / ".hidden").write_text("x")
    assert _recipes.folder_content(folder, root) == first
    (folder / "sub" / "weights.bin").rename(folder / "sub" / "weights.txt")
    assert _recipes.folder_content(folder, root) != first


def test_a_recipe_counts_names_and_versions(tiny, tmp_path, monkeypatch):
    from embias.encoders import _recipes

    counted = loads(monkeypatch)
    as_encoder(tiny, cache=tmp_path).encode(["a"])
    assert as_encoder(tiny, cache=tmp_path, id="renamed").info.id == "renamed"
    assert len(counted) == 2
    monkeypatch.setattr(_recipes, "versions", lambda *names: {"torch": "9"})
    as_encoder(tiny, cache=tmp_path)
    assert len(counted) == 3


def test_a_damaged_recipe_is_made_anew(tiny, tmp_path, monkeypatch):
    counted = loads(monkeypatch)
    as_encoder(tiny, cache=tmp_path)
    (note,) = (tmp_path / "vectors-v1" / "recipes").iterdir()
    whole = json.loads(note.read_text())
    for text in ("", "[]", '{"info": {"id": 1}}', json.dumps({**whole, "fingerprint": "0"})):
        note.write_text(text)
        as_encoder(tiny, cache=tmp_path)
    assert len(counted) == 5
    assert json.loads(note.read_text()) == whole


def test_a_model_that_changed_meanwhile_is_an_error(tiny, tmp_path):
    import shutil

    copied = tmp_path / "tiny"
    shutil.copytree(tiny, copied)
    as_encoder(copied, cache=tmp_path / "c").encode(["a"])
    warm = as_encoder(copied, cache=tmp_path / "c")
    (weights,) = copied.rglob("*.safetensors")
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    with pytest.raises(
        InputError, match=r"changed while it was in use \(its revision\); run again"
    ):
        warm.encode(["rose"])
    as_encoder(copied, cache=tmp_path / "c").encode(["rose"])


def test_errors_of_names_are_those_without_a_cache(tmp_path):
    (tmp_path / "empty").mkdir()
    for name in ("minlm", "a/b/c", "none.txt", tmp_path / "empty", "", "a\0b", "no/such-model"):
        with pytest.raises(Exception) as plain:  # noqa: PT011
            as_encoder(name)
        with pytest.raises(plain.type) as cached:
            as_encoder(name, cache=tmp_path / "c")
        assert str(cached.value) == str(plain.value)


def test_a_hub_id_is_its_commit(tiny, tmp_path, monkeypatch):
    import shutil

    from huggingface_hub import constants

    commit = "0123456789abcdef0123456789abcdef01234567"
    hub = tmp_path / "hub"
    repository = hub / "models--some--tiny"
    shutil.copytree(tiny, repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(hub))
    monkeypatch.setenv("SENTENCE_TRANSFORMERS_HOME", str(hub))
    counted = loads(monkeypatch)
    cold = as_encoder("some/tiny", cache=tmp_path / "c")
    assert (cold.info.revision, cold.info.id) == (commit, "some/tiny")
    rows = cold.encode(["a rose"])
    warm = as_encoder("some/tiny", cache=tmp_path / "c")
    assert warm.info == cold.info
    assert warm.encode(["a rose"]).tobytes() == rows.tobytes()
    assert len(counted) == 1
    other_commit = commit[::-1]
    (repository / "snapshots" / commit).rename(repository / "snapshots" / other_commit)
    (repository / "refs" / "main").write_text(other_commit)
    assert as_encoder("some/tiny", cache=tmp_path / "c").info.revision == other_commit
    assert len(counted) == 2


def test_a_cache_does_not_change_what_a_folder_is_opened_as(tmp_path):
    from fixtures.tiny_vision import tiny_clip

    folder = tmp_path / "clip"
    for part in tiny_clip():
        part.save_pretrained(folder)
    plain, cached = as_encoder(folder), as_encoder(folder, cache=tmp_path / "c")
    assert cached.info == plain.info
    assert cached.info.modalities == ("text", "image")
    again = as_encoder(folder, cache=tmp_path / "c")
    assert again.info == plain.info
