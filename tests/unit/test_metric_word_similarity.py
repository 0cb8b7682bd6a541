"""Word and sentence similarity, and the files that hold the ratings."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from embias import metrics
from embias.errors import DataFileError, InputError, UnknownNameError, VectorError
from embias.metrics.word_pairs import WordPairs, pair_rows, read_word_pairs
from embias.metrics.word_similarity import CARD, pair_similarity, word_similarity

RATED = [
    ("man", "woman", 8.3),
    ("king", "queen", 8.6),
    ("doctor", "nurse", 7.0),
    ("mathematics", "physics", 7.5),
    ("brother", "sister", 8.0),
    ("flower", "insect", 2.1),
    ("love", "peace", 5.2),
    ("murder", "joy", 0.8),
    ("rose", "tulip", 7.9),
    ("violin", "gun", 1.0),
    ("career", "family", 3.3),
    ("poetry", "science", 3.0),
    ("zzzq", "man", 4.0),
]


def rated(seed, k=12, n=20, d=6):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)), rng.integers(0, n, size=(k, 2)), rng.normal(size=k)


def cosine(v, w):
    return float(v @ w / math.sqrt((v @ v) * (w @ w)))


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["spearman", "pearson"]))
def test_it_is_the_correlation_of_single_cosines(seed, correlation):
    vectors, pairs, ratings = rated(seed)
    cosines = [cosine(vectors[i], vectors[j]) for i, j in pairs]
    expected = {"spearman": stats.spearmanr, "pearson": stats.pearsonr}[correlation](
        np.round(cosines, 13), ratings
    ).statistic
    found = word_similarity(vectors, pairs, ratings, correlation=correlation, n_resamples=100)
    assert found.value == pytest.approx(expected, abs=1e-12)
    assert found.scores["pairs"] == pytest.approx(cosines, abs=1e-12)
    rows = pair_similarity(
        vectors[pairs[:, 0]],
        vectors[pairs[:, 1]],
        ratings,
        correlation=correlation,
        n_resamples=100,
    )
    assert (rows.value, rows.pvalue, rows.interval) == (found.value, found.pvalue, found.interval)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1))
def test_what_changes_the_figure_and_what_does_not(seed):
    vectors, pairs, ratings = rated(seed)
    value = word_similarity(vectors, pairs, ratings, n_resamples=100).value
    rng = np.random.default_rng(seed)
    rotation = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    moved = vectors @ rotation * rng.uniform(0.1, 10, size=(20, 1))
    order = rng.permutation(len(pairs))
    same = [
        word_similarity(moved, pairs, ratings, n_resamples=100),
        word_similarity(vectors, pairs[order][:, ::-1], ratings[order], n_resamples=100),
        word_similarity(vectors, pairs, np.exp(ratings), n_resamples=100),
    ]
    assert [each.value for each in same] == pytest.approx([value] * 3, abs=1e-9)
    turned = word_similarity(vectors, pairs, -ratings, n_resamples=100)
    assert turned.value == pytest.approx(-value, abs=1e-12)
    # Moving the origin is no rotation: cosines change.
    other = word_similarity(vectors + 5, pairs, ratings, n_resamples=100)
    assert other.scores["pairs"] != pytest.approx(
        word_similarity(vectors, pairs, ratings, n_resamples=100).scores["pairs"], abs=1e-3
    )


def test_exact_pvalue_counts_all_orders():
    vectors, pairs, ratings = rated(3, k=6)
    found = word_similarity(vectors, pairs, ratings, alternative="greater")
    expected = stats.permutation_test(
        (ratings,),
        lambda y: stats.spearmanr(found.scores["pairs"], y).statistic,
        permutation_type="pairings",
        alternative="greater",
        n_resamples=math.inf,
    ).pvalue
    assert found.pvalue == pytest.approx(expected, abs=1e-12)
    assert (found.pvalue_method, found.pvalue_bounds) == ("exact", (found.pvalue,) * 2)


def test_sampled_pvalue_is_near_the_analytic_one_and_never_zero():
    rng = np.random.default_rng(0)
    vectors, pairs = rng.normal(size=(80, 5)), rng.integers(0, 80, size=(60, 2))
    clear = word_similarity(vectors, pairs, rng.normal(size=60))
    analytic = stats.spearmanr(
        clear.scores["pairs"], np.random.default_rng(0).normal(size=60)
    ).pvalue
    assert clear.pvalue_method == "sampled"
    assert clear.pvalue_bounds[0] <= clear.pvalue <= clear.pvalue_bounds[1]
    assert analytic > 0
    perfect = word_similarity(vectors, pairs, clear.scores["pairs"], n_resamples=999)
    assert perfect.value == pytest.approx(1.0)
    assert perfect.pvalue == 1 / 1000
    assert perfect.interval is None
    assert "No interval" in perfect.note


def test_the_sampled_pvalue_agrees_with_scipy():
    rng = np.random.default_rng(4)
    first, second = rng.normal(size=(40, 5)), rng.normal(size=(40, 5))
    cosines = [cosine(v, w) for v, w in zip(first, second, strict=True)]
    ratings = np.array(cosines) + 0.9 * rng.normal(size=40)
    found = pair_similarity(first, second, ratings, rng=1)
    assert 0.01 < found.pvalue < 0.9
    assert found.pvalue == pytest.approx(stats.spearmanr(cosines, ratings).pvalue, abs=0.02)


def test_fisher_intervals_are_those_of_scipy_and_of_bonett_and_wright():
    vectors, pairs, ratings = rated(5, k=30)
    pearson = word_similarity(vectors, pairs, ratings, correlation="pearson", n_resamples=100)
    expected = stats.pearsonr(pearson.scores["pairs"], ratings).confidence_interval(0.95)
    assert (pearson.interval.low, pearson.interval.high) == pytest.approx(tuple(expected))
    ranked = word_similarity(vectors, pairs, ratings, level=0.9, n_resamples=100)
    z, r = math.atanh(ranked.value), ranked.value
    half = 1.6448536269514722 * math.sqrt((1 + r * r / 2) / 27)
    assert (ranked.interval.low, ranked.interval.high) == pytest.approx(
        (math.tanh(z - half), math.tanh(z + half))
    )
    assert (ranked.interval.level, ranked.interval.method) == (0.9, "fisher")


def test_bootstrap_intervals_contain_the_figure_and_repeat():
    vectors, pairs, ratings = rated(6, k=30)
    found = word_similarity(vectors, pairs, ratings, interval="bca", n_resamples=500)
    assert found.interval.low < found.value < found.interval.high
    assert found == word_similarity(vectors, pairs, ratings, interval="bca", n_resamples=500)
    plain = word_similarity(vectors, pairs, ratings, interval="none", n_resamples=500)
    assert (plain.interval, plain.pvalue) == (None, found.pvalue)


@pytest.mark.parametrize(
    ("options", "expected"),
    # gensim 4.4.0, KeyedVectors.evaluate_word_pairs(case_insensitive=False), float32 cosines.
    [
        ({}, 0.7212121212121211),
        ({"missing": "zero"}, 0.5524946201098297),
        ({"correlation": "pearson"}, 0.7250808727967755),
        ({"correlation": "pearson", "missing": "zero"}, 0.6139816593652629),
    ],
)
def test_real_vectors_give_the_figures_of_gensim(extract, options, expected):
    pairs = WordPairs(*zip(*RATED, strict=True))
    rows = pair_rows(pairs, {word: row for row, word in enumerate(extract.words)})
    found = word_similarity(extract.vectors, rows, pairs.ratings, **options)
    assert found.value == pytest.approx(expected, abs=1e-7)
    assert found.counts == {
        "pairs": 13 if options.get("missing") else 10,
        "asked": 13,
        "missing": 3,
    }
    assert "3 of 13 pairs" in found.note


def test_missing_words_are_dropped_and_counted():
    vectors, pairs, ratings = rated(7)
    pairs[2, 1] = pairs[5, 0] = -1
    found = word_similarity(vectors, pairs, ratings, n_resamples=100)
    kept = np.delete(np.arange(12), [2, 5])
    plain = word_similarity(vectors, pairs[kept], ratings[kept], n_resamples=100)
    assert (found.value, found.pvalue) == (plain.value, plain.pvalue)
    assert math.isnan(found.scores["pairs"][2])
    # A word that no pair names may be anything.
    vectors = np.vstack([vectors, np.zeros((1, 6))])
    assert word_similarity(vectors, pairs, ratings, n_resamples=100).value == found.value


def test_undefined_correlations_are_nan_with_a_note():
    vectors = np.eye(4)
    few = word_similarity(vectors, [[0, 1], [-1, 2], [2, 3]], [1.0, 2.0, 3.0])
    assert math.isnan(few.value)
    assert "Fewer than three" in few.note
    equal = word_similarity(vectors, [[0, 1], [1, 2], [2, 3]], [1.0, 2.0, 3.0])
    assert math.isnan(equal.value)
    assert equal.pvalue is None
    assert "All cosines are equal" in equal.note
    same = word_similarity(
        np.random.default_rng(0).normal(size=(4, 3)), [[0, 1], [1, 2], [2, 3]], [1.0, 1.0, 1.0]
    )
    assert "All ratings are equal" in same.note


def test_rotation_does_not_break_ties_between_duplicates():
    rng = np.random.default_rng(2)
    vectors = rng.normal(size=(8, 5))
    vectors = np.vstack([vectors, 3 * vectors])
    pairs = np.array(
        [[i, (i + 1) % 8] for i in range(8)] + [[i + 8, (i + 1) % 8] for i in range(8)]
    )
    ratings = rng.normal(size=16)
    expected = stats.spearmanr(
        np.tile(word_similarity(vectors, pairs[:8], ratings[:8]).scores["pairs"], 2), ratings
    ).statistic
    assert word_similarity(vectors, pairs, ratings).value == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("pairs", "ratings", "options", "match"),
    [
        ([[0, 1]], [1.0, 2.0], {}, "1 pairs and 2 ratings"),
        ([[0, 1, 2]], [1.0], {}, "pairs has shape"),
        ([[0.0, 1.0]], [1.0], {}, "type float64"),
        ([[0, 9]], [1.0], {}, "rows from 0 to 9 of 4"),
        ([[-2, 1]], [1.0], {}, "rows from -2"),
        ([[0, 1]], [math.nan], {}, "ratings"),
        ([[0, 1]], [1.0], {"missing": "mean"}, "missing='mean'"),
        ([[0, 1]], [1.0], {"correlation": "kendall"}, "correlation='kendall'"),
        ([[0, 1]], [1.0], {"interval": "bca2"}, "interval='bca2'"),
        ([[0, 1]], [1.0], {"level": 95}, "level=95"),
        ([[0, 1]], [1.0], {"n_resamples": 0}, "n_resamples=0"),
        ([[0, 1]], [1.0], {"rng": -1}, "rng=-1"),
    ],
)
def test_errors(pairs, ratings, options, match):
    with pytest.raises(InputError, match=match):
        word_similarity(np.eye(4), pairs, ratings, **options)


def test_errors_of_vectors():
    with pytest.raises(VectorError, match="zero vector"):
        word_similarity(np.zeros((3, 2)), [[0, 1]], [1.0])
    for broken in ([[1.0], [1.0, 2.0]], np.ones(3)):
        with pytest.raises(InputError, match="vectors"):
            word_similarity(broken, [[0, 1]], [1.0])
    with pytest.raises(InputError, match="2 first texts, 1 second"):
        pair_similarity(np.eye(2), np.eye(2)[:1], [1.0, 2.0])
    with pytest.raises(InputError, match="different dimension"):
        pair_similarity(np.eye(2), np.eye(3)[:2], [1.0, 2.0])


def test_the_card_is_for_arrays(monkeypatch):
    monkeypatch.setitem(metrics.METRICS, CARD.name, CARD)
    assert metrics.get_metric("word_similarity").takes == "vectors"
    assert not CARD.audited
    assert "gensim" in CARD.to_text()
    with pytest.raises(UnknownNameError):
        metrics.get_metric("word_similarities")


FILES = {
    "wordsim.csv": "Word 1,Word 2,Human (mean)\nlove,sex,6.77\ntiger,cat,7.35\n",
    "wordsim.tab": "# comment\nWord 1\tWord 2\tHuman (mean)\t1\t2\nlove\tsex\t6.77\t9\t6\n"
    "tiger\tcat\t7.35\t8\t7\n",
    "simlex.txt": "word1\tword2\tPOS\tSimLex999\tSD\nlove\tsex\tN\t6.77\t0.4\r\n"
    "tiger\tcat\tN\t7.35\t1.2\r\n",
    "men.txt": "love sex 6.77\ntiger cat 7.35\n",
    "simverb.txt": "love\tsex\tV\t6.77\tSYNONYMS\ntiger\tcat\tV\t7.35\tNONE",
    "german.csv": "love;sex;6.77\n\ntiger;cat;7.35\n\n",
    "quoted.csv": '"love", "sex", 6.77\n"tiger","cat","7.35"\n',
    "bom.txt": "\ufefflove sex 6.77\ntiger cat 7.35\n",
}


@pytest.mark.parametrize("name", FILES)
def test_the_usual_formats_are_read(tmp_path, name):
    (tmp_path / name).write_text(FILES[name], encoding="utf-8", newline="")
    found = read_word_pairs(tmp_path / name)
    assert found == WordPairs(("love", "tiger"), ("sex", "cat"), (6.77, 7.35))
    assert len(found) == 2


def test_sentences_by_place_and_by_name(tmp_path):
    path = tmp_path / "sts.tsv"
    path.write_text('news\t2012\t5.0\t"A, b\t#c; d\nnews\t2012\t1.5\tE f\tg\n', encoding="utf-8")
    found = read_word_pairs(path, columns=(3, 4, 2))
    assert found == WordPairs(('"A, b', "E f"), ("#c; d", "g"), (5.0, 1.5))
    path.write_text("score\tone\ttwo\n5\ta b\tc\n#2\td\te\n", encoding="utf-8")
    with pytest.raises(DataFileError, match=r"line 3: the rating '#2'"):
        read_word_pairs(path, columns=("one", "two", "score"))
    path.write_text("score\tone\ttwo\n5\ta b\tc\n", encoding="utf-8")
    assert read_word_pairs(path, columns=("one", "two", "score")).first == ("a b",)
    assert read_word_pairs(path, columns=(1, 2, 0)).second == ("c",)
    with pytest.raises(InputError, match="no column 'scores'; did you mean 'score'"):
        read_word_pairs(path, columns=("one", "two", "scores"))
    assert read_word_pairs(path, columns=(1, 2, 0), delimiter="\t").ratings == (5.0,)


@pytest.mark.parametrize(
    ("text", "options", "match"),
    [
        ("", {}, "the file is empty"),
        ("# only\n", {}, "only comments"),
        ("a b\n", {}, "line 1: no column after"),
        ("a b 1\nc d\n", {}, "line 2: no column after"),
        ("a b 1\nc d x\n", {}, "line 2"),
        ("a b nan\n", {}, "line 1"),
        ("a\t\t1\nb\tc\t2\n", {}, "line 1: a text of the pair is missing"),
        ("one two score\n", {"columns": ("one", "two", "score")}, "a header and no pair"),
    ],
)
def test_broken_files(tmp_path, text, options, match):
    path = tmp_path / "pairs.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataFileError, match=match):
        read_word_pairs(path, **options)


def test_files_that_are_no_text(tmp_path):
    with pytest.raises(DataFileError, match="cannot be read"):
        read_word_pairs(tmp_path / "none.txt")
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9 bar 1\n")
    with pytest.raises(DataFileError, match="line 1: not UTF-8 text"):
        read_word_pairs(tmp_path / "latin.txt")
    (tmp_path / "good.txt").write_text("a b 1\n", encoding="utf-8")
    with pytest.raises(InputError, match="delimiter="):
        read_word_pairs(tmp_path / "good.txt", delimiter="::")
    with pytest.raises(InputError, match="columns="):
        read_word_pairs(tmp_path / "good.txt", columns=(0, 1, -1))


def test_rows_of_pairs():
    pairs = WordPairs(("a", "b"), ("c", "a"), (1.0, 2.0))
    assert pair_rows(pairs, {"a": 4, "b": 0}).tolist() == [[4, -1], [0, 4]]
