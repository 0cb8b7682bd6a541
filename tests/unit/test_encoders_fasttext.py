"""fastText models against gensim: vocabulary, n-grams, damaged files."""

from __future__ import annotations

import functools
import struct
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from embias.encoders import StaticEncoder
from embias.encoders._fasttext_bin import Subwords
from embias.encoders.fasttext import FastTextEncoder, is_fasttext_file
from embias.encoders.lookup import LookupPolicy
from embias.errors import DataFileError, InputError, VectorError
from embias.types import Encoder, InContext

models = pytest.importorskip("gensim.models")
fasttext = pytest.importorskip("gensim.models.fasttext")

WORDS = [
    "dog",
    "cat",
    "über",
    "naïve",
    "犬猫",
    "собака",
    "🦊",
    "👩‍🔬",
    "a",
    "e\u0301te",
    "New_York",
]
OTHER = ["dogs", "catdog", "犬", "собаки", "🦊🦊", "Übermut", "ab", "new york", "<>", "हिन्दी", "z"]


@functools.cache
def trained(dim, bucket, min_n, max_n, sg=1):
    return models.FastText(
        [WORDS, WORDS[::-1]] * 2,
        vector_size=dim,
        bucket=bucket,
        min_n=min_n,
        max_n=max_n,
        min_count=1,
        workers=1,
        epochs=1,
        sg=sg,
        seed=3,
    )


def saved(tmp_path, **options):
    options = {"dim": 5, "bucket": 97, "min_n": 3, "max_n": 6} | options
    path = tmp_path / "model.bin"
    fasttext.save_facebook_model(trained(**options), str(path))
    return path


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"dim": 1, "bucket": 1},
        {"dim": 12, "bucket": 100_003, "min_n": 1, "max_n": 3},
        {"min_n": 2, "max_n": 2, "sg": 0},
        {"min_n": 1, "max_n": 1},
    ],
)
def test_vectors_equal_gensim(tmp_path, options):
    path = saved(tmp_path, **options)
    oracle = fasttext.load_facebook_vectors(str(path))
    made = FastTextEncoder(path)
    assert isinstance(made, Encoder)
    assert len(made) == len(WORDS)
    words = [*WORDS, *OTHER]
    missing = made.missing(words)
    for word in words:
        expected = oracle.get_vector(word)
        if word in missing:
            # gensim gives zeros where there is no n-gram
            assert not expected.any()
            continue
        got = made.encode([word])[0]
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, expected, rtol=2e-6, atol=1e-7 * np.abs(expected).max())
        assert made.how_encoded(word) == ("" if word in WORDS else "from n-grams")
    assert set(missing) <= {"z", "ab", "犬", "🦊🦊", "<>"}
    kept = [word for word in words if word not in missing]
    rows = made.encode([*kept, *kept[::-1]])
    np.testing.assert_array_equal(
        rows, np.stack([made.encode([w])[0] for w in [*kept, *kept[::-1]]])
    )


def test_in_vocabulary_is_the_mean_of_word_and_ngrams(tmp_path):
    path = saved(tmp_path)
    wv = trained(5, 97, 3, 6).wv
    made = FastTextEncoder(path)
    row = wv.vectors_vocab[wv.key_to_index["dog"]].astype(float)
    # "<dog>": all n-grams of 3 to 6 characters, written out
    ngrams = [b"<do", b"dog", b"og>", b"<dog", b"dog>", b"<dog>"]
    parts = [
        row,
        *(wv.vectors_ngrams[fasttext.ft_hash_bytes(n) % 97].astype(float) for n in ngrams),
    ]
    np.testing.assert_allclose(made.encode(["dog"])[0], np.mean(parts, axis=0), rtol=1e-6)
    assert not np.allclose(made.encode(["dog"])[0], row, rtol=1e-3)


@given(
    word=st.text(
        st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12
    ),
    min_n=st.integers(1, 4),
    extra=st.integers(0, 4),
    bucket=st.integers(1, 2_000_000),
)
def test_ngrams_are_hashed_as_gensim_does(word, min_n, extra, bucket):
    expected = fasttext.ft_ngram_hashes(word, min_n, min_n + extra, bucket)
    assert Subwords(min_n, min_n + extra, bucket).rows(word.encode()) == list(expected)


def test_bytes_are_signed_in_the_hash():
    # FNV-1a of one byte of 0xC3, by hand: with the byte as signed char, and as unsigned.
    signed = ((2166136261 ^ 0xFFFFFFC3) * 16777619) % 2**32
    unsigned = ((2166136261 ^ 0xC3) * 16777619) % 2**32
    assert signed != unsigned
    assert fasttext.ft_hash_bytes(b"\xc3") == signed
    from embias.encoders._fasttext_bin import _hash

    assert _hash(b"\xc3") == signed
    assert _hash(b"") == 2166136261


def test_words_that_have_no_ngrams_are_missing(tmp_path):
    made = FastTextEncoder(saved(tmp_path, min_n=4, max_n=6))
    inside = InContext("a dog", 2, 5)
    items = ["dog", "z", "", " ", "dogs", inside, "\ud800", "</s>"]
    assert made.missing(items) == ["z", "", " ", inside, "\ud800", "</s>"]
    assert made.why_missing("z") == "no vector: not in the vocabulary, and without n-grams"
    assert made.why_missing(inside) == "no vector"
    with pytest.raises(InputError, match="no vector for 'z', '</s>'"):
        made.encode(["dog", "z", "</s>"])
    # a word of the vocabulary that is too short for n-grams has its own row
    assert made.how_encoded("a") == ""
    assert made.encode([]).shape == (0, 5)


def test_out_of_vocabulary_can_be_missing(tmp_path):
    made = FastTextEncoder(saved(tmp_path), oov="missing")
    assert made.missing(["dog", "dogs"]) == ["dogs"]
    assert made.why_missing("dogs") == "no vector: not in the vocabulary"
    assert "dog" in made
    assert "dogs" not in made
    assert 3 not in made
    with pytest.raises(InputError, match="oov='ngram'; did you mean 'ngrams'"):
        FastTextEncoder(saved(tmp_path), oov="ngram")


def test_lookup_goes_before_ngrams(tmp_path):
    policy = LookupPolicy.parse("lower,title,underscore,mean")
    path = saved(tmp_path)
    made, exact = FastTextEncoder(path, lookup=policy), FastTextEncoder(path)
    words = ["DOG", "new york", "dog cat", "dog emu", "Dogs"]
    assert [made.how_encoded(word) for word in words] == [
        "as 'dog' (lower)",
        "as 'New_York' (title+underscore)",
        "mean of 'dog', 'cat'",
        "from n-grams",
        "from n-grams",
    ]
    rows = made.encode(words)
    np.testing.assert_array_equal(rows[:2], exact.encode(["dog", "New_York"]))
    np.testing.assert_allclose(rows[2], exact.encode(["dog", "cat"]).mean(axis=0), rtol=1e-6)
    np.testing.assert_array_equal(rows[3:], exact.encode(words[3:]))


def test_info(tmp_path):
    path = saved(tmp_path)
    info = FastTextEncoder(path, weights="W").info
    assert (info.id, info.kind, info.dim, info.weights) == ("model.bin", "static", 5, "W")
    assert info.pooling == "mean of word and n-grams of 3 to 6 characters"
    assert info.lookup == "exact, else from n-grams"
    assert FastTextEncoder(path, oov="missing").info.lookup == "exact"
    assert info.revision.startswith("sha256:")
    assert FastTextEncoder(path, revision="r").info.revision == "r"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    assert FastTextEncoder(path, weights="W").info.revision != info.revision
    assert repr(FastTextEncoder(path)) == "FastTextEncoder(id='model.bin', 11 words, 5 coordinates)"


def test_keyed_vectors(tmp_path):
    path = saved(tmp_path)
    kv = fasttext.load_facebook_vectors(str(path))
    made, of_file = FastTextEncoder.from_keyed_vectors(kv, id="kv"), FastTextEncoder(path)
    words = [word for word in [*WORDS, *OTHER] if word not in of_file.missing(OTHER)]
    np.testing.assert_allclose(made.encode(words), of_file.encode(words), rtol=2e-6, atol=1e-8)
    assert made.missing(OTHER) == of_file.missing(OTHER)
    assert made.how_encoded("dogs") == "from n-grams"
    before = made.encode(["dog", "dogs"])
    revision = made.info.revision
    kv.vectors[:] = 0
    kv.vectors_ngrams[:] = 0
    np.testing.assert_array_equal(made.encode(["dog", "dogs"]), before)
    assert revision == made.info.revision
    assert FastTextEncoder.from_keyed_vectors(kv).missing(["dog", "dogs"]) == ["dog", "dogs"]
    assert FastTextEncoder.from_keyed_vectors(kv).why_missing("dogs") == "zero vector"
    static = StaticEncoder.from_keyed_vectors(kv)
    assert static.missing(["dogs"]) == ["dogs"]
    with pytest.raises(
        InputError, match=r"expected a gensim FastTextKeyedVectors.*got KeyedVectors"
    ):
        FastTextEncoder.from_keyed_vectors(models.KeyedVectors(3))


def test_a_model_without_ngrams(tmp_path):
    path = saved(tmp_path, min_n=3, max_n=0)
    made = FastTextEncoder(path)
    wv = trained(5, 97, 3, 0).wv
    np.testing.assert_array_equal(made.encode(["dog"])[0], wv.vectors_vocab[wv.key_to_index["dog"]])
    assert made.missing(["dogs"]) == ["dogs"]
    assert made.info.pooling == "word"


# --- files written by hand, which gensim does not read --------------------------------------------


def model_file(
    entries,
    matrix,
    *,
    bucket,
    kind=1,
    version=12,
    ngrams=(3, 6),
    quantised=False,
    pruned=-1,
    output=None,
    labels=0,
):
    dim = matrix.shape[1]
    header = [dim, 5, 5, 1, 5, 1, 2, kind, bucket, *ngrams, 100]
    data = struct.pack("<ii12id", 793712314, version, *header, 1e-4)
    data += struct.pack("<3i2q", len(entries), len(entries) - labels, labels, 100, pruned)
    for word, type_ in entries:
        data += word + b"\0" + struct.pack("<qb", 7, type_)
    data += struct.pack("<b2q", quantised, *matrix.shape) + matrix.astype("<f4").tobytes()
    output = np.ones((2, dim)) if output is None else output
    return data + struct.pack("<b2q", 0, *output.shape) + output.astype("<f4").tobytes()


ENTRIES = [(b"</s>", 0), (b"dog", 0), ("été".encode(), 0), (b"\xff\xfe", 0)]
MATRIX = np.random.default_rng(1).normal(size=(4 + 11, 3)).astype(np.float32)


def opened(tmp_path, data, **options):
    path = tmp_path / "m.bin"
    path.write_bytes(data)
    return FastTextEncoder(path, **options)


def expected(row, word, bucket=11, n_words=4, ngrams=(3, 6)):
    """fastText's own rule, from gensim's independent hashes."""
    rows = [] if row is None else [row]
    if word != "</s>":
        rows += [n_words + h for h in fasttext.ft_ngram_hashes(word, *ngrams, bucket)]
    return MATRIX[rows].astype(float).mean(axis=0)


def test_the_end_of_line_has_no_ngrams(tmp_path):
    made = opened(tmp_path, model_file(ENTRIES, MATRIX, bucket=11))
    np.testing.assert_array_equal(made.encode(["</s>"])[0], MATRIX[0])
    np.testing.assert_allclose(made.encode(["été"])[0], expected(2, "été"), rtol=1e-6)
    np.testing.assert_allclose(made.encode(["étés"])[0], expected(None, "étés"), rtol=1e-6)
    assert len(made) == 4  # a word that is not UTF-8 is there, and cannot be asked for


def test_supervised_models(tmp_path):
    entries = [*ENTRIES, (b"__label__x", 1), (b"__label__y", 1)]
    made = opened(tmp_path, model_file(entries, MATRIX, bucket=11, kind=3, labels=2))
    np.testing.assert_allclose(made.encode(["dog"])[0], expected(1, "dog"), rtol=1e-6)
    assert "__label__x" not in made
    # version 11 wrote max_n although supervised models had no n-grams
    old = opened(tmp_path, model_file(entries, MATRIX, bucket=11, kind=3, labels=2, version=11))
    np.testing.assert_array_equal(old.encode(["dog"])[0], MATRIX[1])
    assert old.missing(["dogs"]) == ["dogs"]


def test_zero_and_infinite_rows(tmp_path):
    zero = MATRIX.copy()
    zero[4:] = 0
    made = opened(tmp_path, model_file(ENTRIES, zero, bucket=11))
    assert made.missing(["dogs"]) == ["dogs"]
    assert made.why_missing("dogs") == "zero vector"
    broken = MATRIX.copy()
    broken[1, 0] = np.inf
    made = opened(tmp_path, model_file(ENTRIES, broken, bucket=11))
    with pytest.raises(VectorError, match="vector of 'dog' has coordinates that are NaN"):
        made.encode(["été", "dog"])
    assert made.encode(["été"]).shape == (1, 3)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "cannot be read|is not a fastText"),
        (b"2 2\na 1 2\nb 1 2\n", "is not a fastText .bin model"),
        (model_file(ENTRIES, MATRIX, bucket=11, version=13), "version 13"),
        (model_file(ENTRIES, MATRIX, bucket=11, version=-1), "version -1"),
        (model_file(ENTRIES, MATRIX, bucket=12), "15 rows, expected 4 words and 12 buckets"),
        (model_file(ENTRIES, MATRIX, bucket=-1), "-1 buckets"),
        (model_file(ENTRIES, MATRIX, bucket=11, quantised=True), r"quantised .*\.ftz"),
        (model_file(ENTRIES, MATRIX, bucket=11, pruned=5), r"quantised .*\.ftz"),
        (model_file(ENTRIES, MATRIX, bucket=11) + b"x", "1 bytes are left"),
        (model_file([], MATRIX, bucket=11), "0 entries"),
        (model_file([(b"a", 1)], MATRIX, bucket=14), "has the type 1"),
        (model_file(ENTRIES, MATRIX, bucket=11, labels=9), "-5 words"),
        (model_file(ENTRIES, MATRIX, bucket=11, labels=1), "has the type 0"),
    ],
)
def test_damaged_files(tmp_path, data, message):
    with pytest.raises(DataFileError, match=message):
        opened(tmp_path, data)


def test_claims_are_bounded_by_the_file(tmp_path):
    whole = bytearray(model_file(ENTRIES, MATRIX, bucket=11))
    at = whole.index(struct.pack("<2q", *MATRIX.shape))
    for place, layout, claim in [
        (64, "<3i", (2**31 - 1, 2**31 - 1, 0)),
        (at, "<2q", (10**12, 3)),
        (at, "<2q", (2**62, 3)),
        (at, "<2q", (-1, 3)),
        (at, "<2q", (15, 2**40)),
    ]:
        data = bytearray(whole)
        struct.pack_into(layout, data, place, *claim)
        with pytest.raises(DataFileError, match=r"m\.bin: byte \d+: .*(cut short|damaged)"):
            opened(tmp_path, bytes(data))


def test_a_huge_maximum_of_ngrams_costs_nothing(tmp_path):
    made = opened(tmp_path, model_file(ENTRIES, MATRIX, bucket=11, ngrams=(3, 2**31 - 1)))
    np.testing.assert_allclose(
        made.encode(["dogs"])[0], expected(None, "dogs", ngrams=(3, 99)), rtol=1e-6
    )


def test_cut_at_any_byte(tmp_path):
    whole = model_file(ENTRIES, MATRIX, bucket=11)
    opened(tmp_path, whole)
    for length in range(len(whole)):
        with pytest.raises(DataFileError):
            opened(tmp_path, whole[:length])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(position=st.integers(0, 260), value=st.integers(0, 255))
def test_changed_bytes_raise_nothing_else(tmp_path, position, value):
    data = bytearray(model_file(ENTRIES, MATRIX, bucket=11))
    data[position] = value
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            made = opened(tmp_path, bytes(data))
            words = ["dog", "été", "dogs"]
            made.encode([word for word in words if word not in made.missing(words)])
        except (DataFileError, VectorError):
            pass


def test_is_fasttext_file(tmp_path):
    assert is_fasttext_file(saved(tmp_path))
    other = tmp_path / "v.txt"
    other.write_text("a 1\n")
    assert not is_fasttext_file(other)
    assert not is_fasttext_file(tmp_path)
    assert not is_fasttext_file(tmp_path / "no")
    with pytest.raises(DataFileError, match="no such file"):
        FastTextEncoder(tmp_path / "no")
