"""Word vectors written to files: bit for bit back through our readers and gensim's."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from embias.encoders import read_vectors, save_word_vectors
from embias.errors import InputError, OutputError, VectorError

FORMATS = ("word2vec", "word2vec-binary", "glove")
WORDS = ["rose", "new_york", "café", "日本", "\u00a0", "3", "-0.5"]
READ_AS = {"word2vec": "text", "glove": "text", "word2vec-binary": "word2vec-binary"}


def odd_numbers():
    """Float32 values at the ends of what there is, and near them."""
    tiny = np.finfo(np.float32)
    ends = [0.0, -0.0, tiny.smallest_subnormal, tiny.tiny, tiny.max, tiny.min, 1 / 3, 16777217]
    steps = np.nextafter(np.float32(0.1), np.float32(1)), np.float32(0.1)
    return np.array([*ends, *steps, 8.589973e9, 5e-324], dtype=np.float32)


def same_bits(a, b):
    assert a.dtype == b.dtype == np.float32
    np.testing.assert_array_equal(a.view(np.uint32), b.view(np.uint32))


def table(n=7, d=6):
    rng = np.random.default_rng(0)
    return (rng.normal(size=(n, d)) * 10.0 ** rng.integers(-30, 30, (n, d))).astype(np.float32)


@pytest.mark.parametrize("format", FORMATS)
def test_the_same_bits_come_back(tmp_path, format):
    rows = np.vstack([odd_numbers(), table(d=12, n=6)])
    given = rows.copy()
    save_word_vectors(WORDS, rows, tmp_path / "v.any", format=format)
    same_bits(rows, given)
    read = read_vectors(tmp_path / "v.any")
    assert read.format == READ_AS[format]
    assert read.words == tuple(WORDS)
    same_bits(read.vectors, rows)


@given(
    hnp.arrays(
        np.float32, (3, 4), elements=st.floats(width=32, allow_nan=False, allow_infinity=False)
    ),
    st.sampled_from(FORMATS),
)
@settings(max_examples=60, deadline=None)
def test_any_float32_comes_back(tmp_path_factory, rows, format):
    path = tmp_path_factory.mktemp("v") / "v"
    save_word_vectors(["a", "b", "c"], rows, path, format=format)
    # Named, because bytes of so small a binary file may spell text.
    same_bits(read_vectors(path, format=READ_AS[format]).vectors, rows)


# gensim does not close a file that it reads without a header.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("format", FORMATS)
def test_gensim_reads_the_same_bits(tmp_path, format):
    keyed = pytest.importorskip("gensim.models").KeyedVectors
    rows = np.vstack([odd_numbers(), table(d=12, n=6)])
    save_word_vectors(WORDS, rows, tmp_path / "v", format=format)
    read = keyed.load_word2vec_format(
        str(tmp_path / "v"),
        binary=format == "word2vec-binary",
        no_header=format == "glove",
    )
    assert read.index_to_key == WORDS
    same_bits(read.vectors, rows)


def test_the_binary_file_is_the_one_gensim_writes(tmp_path):
    keyed = pytest.importorskip("gensim.models").KeyedVectors
    rows = table()
    theirs = keyed(rows.shape[1])
    theirs.add_vectors(WORDS, rows)
    theirs.save_word2vec_format(str(tmp_path / "theirs"), binary=True)
    save_word_vectors(WORDS, rows, tmp_path / "ours", format="word2vec-binary")
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()


def test_text_is_what_other_tools_expect(tmp_path):
    rows = [[1, -0.5], [1e-20, 0.1]]
    save_word_vectors(["a", "b"], rows, tmp_path / "w")
    assert (tmp_path / "w").read_text() == "2 2\na 1 -0.5\nb 9.99999968e-21 0.100000001\n"
    save_word_vectors(["a", "b"], rows, tmp_path / "g", format="glove")
    assert (tmp_path / "g").read_text() == "a 1 -0.5\nb 9.99999968e-21 0.100000001\n"


def test_nine_digits_are_needed():
    """Eight digits would not do: the check of the bits can fail."""
    rows = table(n=400, d=50)
    for digits, all_back in ((9, True), (8, False)):
        texts = [f"{value:.{digits}g}" for value in rows.ravel().tolist()]
        back = np.array([float(text) for text in texts]).astype(np.float32)
        assert bool((back == rows.ravel()).all()) is all_back


def test_blocks_from_an_iterator_are_one_table(tmp_path):
    rows = table(n=7)
    parts = (part for part in (rows[:3], rows[3:4], rows[4:]))
    save_word_vectors(WORDS, parts, tmp_path / "v", format="word2vec-binary")
    same_bits(read_vectors(tmp_path / "v").vectors, rows)


@pytest.mark.parametrize(("format", "n"), [("word2vec", 1_500), ("word2vec-binary", 20_000)])
def test_memory_does_not_grow_with_the_table(tmp_path, format, n):
    """Neither a second table (24 MB) nor all of the text's Python floats (14 MB) are made."""
    rows = np.random.default_rng(0).normal(size=(n, 300)).astype(np.float32)
    words = [f"w{i}" for i in range(n)]
    tracemalloc.start()
    save_word_vectors(words, rows, tmp_path / "v", format=format)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8_000_000
    assert len(read_vectors(tmp_path / "v")) == n


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["new york", "b"], r"words\[0\] is 'new york', with ' ' in it.*spaces by '_'"),
        (["a", "b\n"], r"words\[1\] is 'b\\n'"),
        (["a\tb", "b"], "cut it"),
        (["a", "b\r"], "cut it"),
        (["a", "b\x00"], "cut it"),
        (["a", ""], r"words\[1\] is ''; give texts that are not empty"),
        (["a", 3], r"words\[1\] is 3"),
        (["a", "a"], "the word 'a' is there 2 times"),
        (["a", "\ud800"], "UTF-8 cannot hold"),
        (["a", "b" * 5000], "4096 bytes or more"),
        (["a"], "1 words and 2 rows"),
        (["a", "b", "c"], "3 words and 2 rows"),
        ("ab", "give a list of texts"),
        ([], "words is empty"),
    ],
)
@pytest.mark.parametrize("format", FORMATS)
def test_words_that_no_reader_gets_back(tmp_path, words, message, format):
    with pytest.raises(InputError, match=message):
        save_word_vectors(words, np.ones((2, 3)), tmp_path / "v", format=format)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        ([[1.0, np.nan], [1, 1]], VectorError, "the vector of 'a' has a coordinate that is NaN"),
        ([[1.0, 1], [1, -np.inf]], VectorError, "the vector of 'b'"),
        ([[1.0, 1], [1, 1e39]], VectorError, "beyond float32"),
        ([1.0, 2.0], InputError, r"shape \(2,\)"),
        ([["x", "y"], ["x", "y"]], InputError, "real numbers"),
        ([[1.0], [1, 2]], InputError, "different length"),
        (np.ones((2, 0)), InputError, "no coordinates"),
        (iter([np.ones((1, 2)), np.ones((1, 3))]), InputError, "rows of 2 and of 3"),
        (iter([]), InputError, "no coordinates"),
    ],
)
def test_numbers_that_are_no_vectors(tmp_path, rows, error, message):
    (tmp_path / "v").write_text("before")
    with pytest.raises(error, match=message):
        save_word_vectors(["a", "b"], rows, tmp_path / "v")
    assert (tmp_path / "v").read_text() == "before"
    assert len(list(tmp_path.iterdir())) == 1


def test_paths_and_options(tmp_path):
    rows = np.ones((2, 3))
    with pytest.raises(InputError, match=r"format='word2vex'; did you mean 'word2vec'"):
        save_word_vectors(["a", "b"], rows, tmp_path / "v", format="word2vex")
    with pytest.raises(InputError, match=r"nothing is compressed here; write 'v\.txt'"):
        save_word_vectors(["a", "b"], rows, tmp_path / "v.txt.gz")
    with pytest.raises(OutputError, match=r"the folder .* is not there"):
        save_word_vectors(["a", "b"], rows, tmp_path / "none" / "v")
    with pytest.raises(InputError, match="one coordinate is read as something else"):
        save_word_vectors(["5", "b"], [[2], [3]], tmp_path / "v", format="glove")
    with pytest.raises(InputError, match="byte order mark"):
        save_word_vectors(["\ufeffa", "b"], rows, tmp_path / "v", format="glove")


def test_an_interrupted_write_leaves_what_was_there(tmp_path):
    (tmp_path / "v").write_text("before")

    def blocks():
        yield np.ones((1, 2))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        save_word_vectors(["a", "b"], blocks(), tmp_path / "v")
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("v", "before")]
