"""Every metric by name in one audit: a row with figures, or one that says what is missing."""

import itertools
import re

import numpy as np
import pytest

from embias import AssociationTest, Audit, Suite, WordSet, audit, load_suite, metrics
from embias.audit.roles import generator
from embias.cli import main
from embias.encoders import CallableEncoder, as_encoder
from embias.errors import InputError, UnknownNameError
from embias.metrics import METRICS, ceat, hubness, intrinsic_dimension, isotropy
from embias.types import InContext

#: What the issue of the catalogue lists, by the names under which it is asked for.
CATALOGUE = {
    *("weat", "sc_weat", "wefat", "seat", "ceat", "ieat", "same", "mac", "rnd", "rnsb", "ect"),
    *("ripa", "nas", "semaxis", "generalized_weat", "bias_analogy_test", "valnorm"),
    *("bias_direction", "direct_bias", "indirect_bias", "projections", "stereotype_analogies"),
    *("association_with_statistics", "gender_specific"),
    *("cluster_alignment", "neighbour_bias", "probe_accuracy", "knn_recovery"),
    *("lpbs", "crows_pairs", "stereoset", "pseudo_log_likelihood", "disparity"),
    *("word_similarity", "word_analogies", "neighbour_overlap", "intrinsic_dimension"),
    *("isotropy", "hubness", "invariance", "aspect_bias", "concept_discovery"),
    *("diachronic_drift", "diachronic_association"),
}
#: Metrics that nothing in an association test can serve.
OF_OTHER_DATA = {name for name, card in METRICS.items() if card.takes in ("vectors", "texts")}

MALE = ["he", "him", "his", "man", "boy", "brother", "son", "father", "uncle", "king"]
FEMALE = ["she", "her", "hers", "woman", "girl", "sister", "daughter", "mother", "aunt", "queen"]
CAREER = ["executive", "management", "professional", "salary", "office", "business", "career"]
FAMILY = ["home", "parents", "children", "family", "cousins", "marriage", "wedding", "relatives"]


def paired(name="paired", **options):
    """A test that serves every metric of words: ten words on each side, in pairs."""
    sets = [(WordSet("Male", MALE), WordSet("Female", FEMALE))]
    sets += [(WordSet("Career", CAREER), WordSet("Family", FAMILY))]
    return AssociationTest(name, *sets, pairs=tuple(zip(MALE, FEMALE, strict=True)), **options)


class Counted:
    """A function that remembers every item, and gives each text a vector of its own."""

    def __init__(self):
        self.asked = []

    def __call__(self, items):
        self.asked += items
        seeds = [list(repr(item).encode()) for item in items]
        return np.array([np.random.default_rng(seed).normal(size=6) + 0.3 for seed in seeds])


@pytest.fixture(scope="module")
def counted():
    return Counted()


@pytest.fixture(scope="module")
def everything(counted):
    """All metrics at once: words alone and in sentences, on a table and on functions."""
    suite = Suite("both", (paired(), paired("in sentences", templates=("{}.", "This is {}."))))
    encoders = [
        as_encoder("word2vec-googlenews-extract", id="table"),
        CallableEncoder(counted, id="texts", dim=6),
    ]
    return audit(encoders, suite, metrics=list(METRICS))


def rows_of(result, encoder, test, metric):
    key = (encoder, test, metric)
    return [row for row in result.results if (row.encoder, row.test, row.metric) == key]


@pytest.mark.parametrize("encoder", ["table", "texts"])
@pytest.mark.parametrize("metric", METRICS)
def test_one_row_with_figures_or_with_what_is_needed(everything, encoder, metric):
    (row,) = rows_of(everything, encoder, "paired", metric)
    card = METRICS[metric]
    if metric in OF_OTHER_DATA:
        assert (row.status, row.counts) == ("error", ())
        assert card.needs
        assert f"{metric} is computed from {card.needs}, which no test holds; call " in row.reason
        call = re.search(r"call embias\.metrics\.(\w+)\(([\w, ]+)\)$", row.reason)
        assert call is not None
        assert callable(getattr(metrics, call[1]))
    elif metric in ("seat", "ceat", "ieat"):
        wanted = {"seat": "in sentences", "ceat": "many contexts", "ieat": "image_test"}[metric]
        assert row.status == "error"
        assert wanted in row.reason
    else:
        assert (row.status, row.reason) == ("ok", "")
        assert (row.association is None) == (metric != "weat")
        assert row.measure is None or row.measure.metric == metric
        scores = row.measure.scores.get("words", ()) if row.measure else ()
        assert len(scores) in (0, len(row.measured))


@pytest.mark.parametrize("metric", METRICS)
def test_words_in_sentences(everything, metric):
    (row,) = rows_of(everything, "texts", "in sentences", metric)
    unserved = OF_OTHER_DATA | {"ceat", "ieat"}
    assert row.status == ("error" if metric in unserved else "ok")
    if metric == "ceat":
        assert "the encoder 'texts' gives one vector for a whole text" in row.reason
        assert "level='word'" in row.reason
    (row,) = rows_of(everything, "table", "in sentences", metric)
    assert row.status == "error"
    assert row.reason


def test_one_encode_pass_serves_all_metrics(everything, counted):
    words = [*MALE, *FEMALE, *CAREER, *FAMILY]
    texts = [*words, *(f"{w}." for w in words), *(f"This is {w}." for w in words)]
    assert sorted(counted.asked) == sorted(texts)
    assert len(everything.results) == 2 * 2 * len(METRICS)


def test_the_catalogue_is_there_and_no_name_is_new_to_this_test():
    assert set(METRICS) >= CATALOGUE
    assert set(METRICS) - CATALOGUE == {"analogy", "gipe"}
    assert CATALOGUE | {"analogy", "gipe"} > OF_OTHER_DATA


def test_rows_are_saved_and_shown(everything):
    assert Audit.from_json(everything.to_json()) == everything
    text = " ".join(everything.to_text().split())
    assert METRICS["valnorm"].needs in text
    assert METRICS["valnorm"].needs in everything.to_html()
    assert set(everything.frame["metric"]) == set(METRICS)


def test_plots_hold_tests_of_association_alone(everything):
    labels = [each.get_text() for each in everything.plot("heatmap").axes[0].get_yticklabels()]
    kinds = {label.rpartition(" · ")[2] for label in labels}
    assert kinds == {"weat", "seat", "ieat"}


def test_of_one_metric_alone_that_nothing_serves_nothing_is_encoded():
    function = Counted()
    encoder = CallableEncoder(function, id="texts", dim=6)
    (row,) = audit(encoder, paired(), metrics=["valnorm"]).results
    assert (row.status, function.asked) == ("error", [])
    assert "valnorm(words, valence, a, b)" in row.reason


def test_a_name_that_is_not_known_is_an_error_before_anything_is_done():
    function = Counted()
    with pytest.raises(UnknownNameError, match="did you mean 'ceat'"):
        audit(CallableEncoder(function, id="texts", dim=6), paired(), metrics=["weat", "caet"])
    assert function.asked == []


# --- by the command line -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    place = tmp_path_factory.mktemp("cli")
    extract = as_encoder("word2vec-googlenews-extract")
    words = [*MALE, *FEMALE, *CAREER, *FAMILY]
    rows = zip(words, extract.encode(words), strict=True)
    lines = [f"{word} {' '.join(map(repr, row.tolist()))}" for word, row in rows]
    (place / "v.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    sets = {"x": MALE, "y": FEMALE, "a": CAREER, "b": FAMILY}
    listed = [f"{name} = {{ words = {words} }}" for name, words in sets.items()]
    pairs = [list(pair) for pair in zip(MALE, FEMALE, strict=True)]
    tests = f'[tests.one]\ntargets = ["x", "y"]\nattributes = ["a", "b"]\npairs = {pairs}'
    text = "\n".join(['name = "own"', "[sets]", *listed, tests, ""])
    (place / "own.toml").write_text(text, encoding="utf-8")
    return [str(place / "v.txt"), "--suite", str(place / "own.toml")]


@pytest.mark.parametrize("metric", METRICS)
def test_by_the_command_line(metric, files, everything, capsys):
    status = main(["audit", *files, "--metric", metric])
    shown = capsys.readouterr()
    if rows_of(everything, "table", "paired", metric)[0].status == "ok":
        assert (status, shown.err) == (0, "")
    else:
        assert (status, shown.err.count("\n")) == (2, 1)
        assert "no test could be run" in shown.err
        assert f"could not be run: {metric} is" in " ".join(shown.out.split())


def test_the_list_names_every_metric_and_what_it_needs(capsys):
    assert main(["list", "metrics"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line and not line.startswith(" ")] == list(METRICS)
    assert sum(line.startswith("  needs ") for line in lines) == len(OF_OTHER_DATA)
    for name, card in METRICS.items():
        assert bool(card.needs) == (name in OF_OTHER_DATA)


def test_a_metric_that_is_served_makes_the_command_succeed(files, capsys):
    assert main(["audit", *files, "--metric", "valnorm", "--metric", "weat"]) == 0
    assert "valnorm(words, valence, a, b)" in " ".join(capsys.readouterr().out.split())


# --- SEAT and CEAT -------------------------------------------------------------------------------


def sentences(word, count):
    """Return contexts of a word, in number as asked."""
    return tuple(InContext(f"{i}: {word}!", 3, 3 + len(word)) for i in range(count))


def in_contexts(counts=(3, 2, 4), words=("ab", "cd", "ef", "gh", "ij", "kl", "mn", "op")):
    sets = [WordSet(name, words[2 * i : 2 * i + 2]) for i, name in enumerate("XYAB")]
    own = {word: sentences(word, counts[i % len(counts)]) for i, word in enumerate(words)}
    return AssociationTest("contexts", (sets[0], sets[1]), (sets[2], sets[3]), sentences=own)


def token_encoder():
    return CallableEncoder(Counted(), id="tokens", dim=6, kind="token")


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1)[:, None]


def test_seat_is_weat_over_sentences():
    test = in_contexts()
    weat_row, seat_row = audit(token_encoder(), test, metrics=["weat", "seat"]).results
    assert seat_row.status == "ok"
    assert seat_row.association == weat_row.association
    assert seat_row.interval == weat_row.interval


def test_ceat_runs_on_the_sentences_of_a_test():
    test, encoder = in_contexts(), token_encoder()
    (row,) = audit(encoder, test, metrics=["ceat"]).results
    assert row.status == "ok"
    assert row.measured == ("ab", "cd", "ef", "gh")
    assert row.measure.counts == {"words": 8, "contexts": 3 + 2 + 4 + 3 + 2 + 4 + 3 + 2}
    units = {
        role: [unit(encoder.encode(test.stimuli(w))) for w in test.words(role).words]
        for role in "XYAB"
    }
    # By hand: scores of words are means over contexts of mean cosines, d of words, p by counting.
    means = {role: np.array([u.mean(axis=0) for u in us]) for role, us in units.items()}
    towards = means["A"].mean(axis=0) - means["B"].mean(axis=0)
    s = np.concatenate([means["X"], means["Y"]]) @ towards
    assert np.allclose(row.measure.scores["words"], s, atol=1e-12)
    d = (s[:2].mean() - s[2:].mean()) / s.std(ddof=1)
    assert row.measure.figures["d over words"] == pytest.approx(d)
    splits = list(itertools.combinations(range(4), 2))
    p = np.mean([s[list(c)].sum() >= s[:2].sum() - 1e-12 for c in splits])
    assert row.pvalue == pytest.approx(p)
    # Every draw by hand: CES is a weighted mean of them.
    every = []
    for picked in itertools.product(*(range(len(u)) for us in units.values() for u in us)):
        words = itertools.chain(*units.values())
        rows = np.array([rows[i] for rows, i in zip(words, picked, strict=True)])
        score = rows[:4] @ (rows[4:6].mean(axis=0) - rows[6:].mean(axis=0))
        every.append((score[:2].mean() - score[2:].mean()) / score.std(ddof=1))
    assert min(every) < row.measure.value < max(every)


def test_ceat_takes_the_settings_of_the_audit():
    rows = [
        audit(token_encoder(), in_contexts(), metrics=["ceat"], **options).results[0]
        for options in ({}, {}, {"ddof": 0}, {"alternative": "less"}, {"rng": 1})
    ]
    first, again, ddof, less, other = (row.measure for row in rows)
    assert again == first != other
    assert ddof.figures["d over words"] == pytest.approx(
        first.figures["d over words"] * np.sqrt(4 / 3)
    )
    assert ddof.value_range[1] == pytest.approx(first.value_range[1] * np.sqrt(4 / 3))
    assert (less.alternative, less.value) == ("less", first.value)
    assert less.pvalue != first.pvalue


def test_ceat_is_the_function_on_the_same_contexts():
    test, encoder = in_contexts((5, 6)), token_encoder()
    (row,) = audit(encoder, test, metrics=["ceat"]).results
    sets = [[encoder.encode(test.stimuli(w)) for w in test.words(r).words] for r in "XYAB"]
    direct = ceat(*sets, rng=generator(0, "tokens", "contexts", "contexts", "ceat"))
    assert row.measure.value == direct.combined_effect_size
    assert row.measure.figures["standard error of CES"] == direct.se
    assert row.measure.figures["D over words"] == direct.words.statistic
    assert row.measure.figures["d over words, low"] == direct.words.effect_size_interval.low
    assert row.measure.figures["p of CES, two-sided"] == direct.pvalue
    assert row.pvalue == direct.words.test.pvalue
    turned = ceat(*sets[1::-1], *sets[2:], rng=generator(0, *["contexts"] * 4))
    assert np.sign(turned.combined_effect_size) == -np.sign(row.measure.value)


def test_words_with_one_context_are_counted_and_all_of_them_refused():
    (row,) = audit(token_encoder(), in_contexts((1, 3)), metrics=["ceat"]).results
    assert "4 of 8 words have the same vector in every draw." in row.measure.note
    (row,) = audit(token_encoder(), in_contexts((1,)), metrics=["ceat"]).results
    assert (row.status, "this test has none" in row.reason) == ("error", True)

    def blind(items):
        return np.array(
            [np.random.default_rng(list(i.word.encode())).normal(size=6) for i in items]
        )

    encoder = CallableEncoder(blind, id="blind", dim=6, kind="token")
    (row,) = audit(encoder, in_contexts(), metrics=["ceat"]).results
    assert "no word has two different context vectors" in row.reason


# --- metrics of all words ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def overlapping():
    """A test with a word that is target and attribute."""
    career = WordSet("Career", [*CAREER, "king"])
    return AssociationTest(
        "overlap",
        (WordSet("Male", MALE), WordSet("Female", FEMALE)),
        (career, WordSet("Family", FAMILY)),
    )


def test_all_words_of_a_test_each_once(overlapping):
    names = ["isotropy", "hubness", "intrinsic_dimension"]
    rows = audit("word2vec-googlenews-extract", overlapping, metrics=names).results
    words = [*MALE, *FEMALE, *CAREER, *FAMILY]
    vectors = as_encoder("word2vec-googlenews-extract").encode(words)
    found = {row.metric: row.measure for row in rows}
    assert {each.counts["words"] for each in found.values()} == {len(words)}
    assert found["isotropy"].value == isotropy(vectors).value
    cosines = unit(vectors.astype(np.float64)) @ unit(vectors.astype(np.float64)).T
    apart = cosines[~np.eye(len(words), dtype=bool)]
    assert found["isotropy"].figures["mean_cosine"] == pytest.approx(apart.mean())
    assert found["intrinsic_dimension"].value == intrinsic_dimension(vectors).value
    assert found["intrinsic_dimension"].interval is None
    np.fill_diagonal(cosines, -2)
    nearest = np.argsort(-cosines, axis=1, kind="stable")[:, :10]
    times = np.bincount(nearest.ravel(), minlength=len(words))
    hubs = next(row for row in rows if row.metric == "hubness")
    assert dict(zip(hubs.measured, hubs.measure.scores["words"], strict=True)) == dict(
        zip(words, times.astype(float), strict=True)
    )
    # The same with the word twice is another figure: the check above can fail.
    twice = np.concatenate([vectors, vectors[9:10]])
    assert hubness(twice).value != found["hubness"].value
    assert isotropy(twice).value != found["isotropy"].value


@pytest.mark.parametrize(("n", "d"), [(4, 6), (12, 300), (30, 30)])
def test_the_bound_of_isoscore_is_that_of_a_simplex(n, d):
    """With fewer words than dimensions the note names the most that isoscore can be."""
    sharp = np.zeros((n, d))
    sharp[:, : n - 1] = np.linalg.svd(np.eye(n) - 1 / n)[0][:, : n - 1]
    bound = (n - 2) / (d - 1)
    assert isotropy(sharp).value == pytest.approx(bound)
    for seed in range(5):
        rows = np.random.default_rng(seed).normal(size=(n, d))
        assert isotropy(rows).value < bound
    half = n // 4
    words = [f"w{i}" for i in range(n)]
    sets = [WordSet(r, words[half * i : half * (i + 1)]) for i, r in enumerate("XYA")]
    rest = WordSet("B", words[half * 3 :])
    if half > 1:
        test = AssociationTest("simplex", (sets[0], sets[1]), (sets[2], rest))
        table = dict(zip(words, sharp + 1.0, strict=True))
        (row,) = audit(table, test, metrics=["isotropy"]).results
        assert f"isoscore cannot exceed {bound:.2g}" in row.measure.note
        assert row.measure.value == pytest.approx(bound)


def test_too_few_words_are_a_reason():
    words = [f"w{i}" for i in range(8)]
    sets = [WordSet(r, words[2 * i : 2 * i + 2]) for i, r in enumerate("XYAB")]
    test = AssociationTest("few", (sets[0], sets[1]), (sets[2], sets[3]))
    table = {word: np.random.default_rng(i).normal(size=5) for i, word in enumerate(words)}
    rows = audit(table, test, metrics=["hubness", "intrinsic_dimension", "isotropy"]).results
    assert [row.status for row in rows] == ["error", "error", "ok"]
    assert "10" in rows[0].reason
    assert "8 distinct rows" in rows[1].reason


def test_the_direction_itself_is_a_row():
    """By hand: pairs centred, first component by SVD, found again without each pair."""
    (row,) = audit("word2vec-googlenews-extract", paired(), metrics=["bias_direction"]).results
    encoder = as_encoder("word2vec-googlenews-extract")
    x, y = (unit(encoder.encode(words).astype(np.float64)) for words in (MALE, FEMALE))
    # A pair less its mean is half its difference, and minus that.
    halves = (x - y) / 2

    def first(rows):
        return np.linalg.svd(rows, full_matrices=False)

    _, lengths, axes = first(halves)
    without = [first(np.delete(halves, i, axis=0))[2][0] for i in range(len(halves))]
    met = np.abs(np.array(without) @ axes[0])
    assert row.measure.value == pytest.approx(np.median(met))
    assert row.measure.figures["least"] == pytest.approx(met.min())
    share = lengths[0] ** 2 / (lengths**2).sum()
    assert row.measure.figures["explained_variance"] == pytest.approx(share)
    assert 0 < share < row.measure.value < 1
    sets = AssociationTest(
        "sets", *[(paired().words(p[0]), paired().words(p[1])) for p in ("XY", "AB")]
    )
    (row,) = audit("word2vec-googlenews-extract", sets, metrics=["bias_direction"]).results
    g = x.mean(axis=0) - y.mean(axis=0)
    again = [np.delete(x, i, axis=0).mean(axis=0) - y.mean(axis=0) for i in range(10)]
    again += [x.mean(axis=0) - np.delete(y, i, axis=0).mean(axis=0) for i in range(10)]
    met = unit(np.array(again)) @ unit(g[None])[0]
    assert row.measure.value == pytest.approx(np.median(met))
    assert row.measure.figures["least"] == pytest.approx(met.min())
    assert np.isnan(row.measure.figures["explained_variance"])


# --- what a small p is evidence of ---------------------------------------------------------------


@pytest.mark.parametrize("metric", [name for name, card in METRICS.items() if card.audited])
def test_the_last_line_says_of_what_a_small_p_is_evidence(metric):
    test = paired(templates=("{}.", "{}!")) if metric == "seat" else paired()
    encoder = CallableEncoder(Counted(), id="texts", dim=6)
    if metric == "ceat":
        test, encoder = in_contexts(), token_encoder()
    result = audit(encoder, test, metrics=[metric])
    (row,) = result.results
    text = " ".join(result.to_text().split())
    if row.pvalue is None:
        assert "A small p" not in text
        return
    evidence = METRICS[metric].evidence
    assert evidence
    closing = f"A small p is evidence {evidence}; a large p is not evidence that there is none."
    assert text.endswith(closing)
    assert closing in " ".join(result._repr_html_().split())
    if metric in ("cluster_alignment", "knn_recovery"):
        assert "association" not in closing


def test_several_meanings_are_told_apart():
    names = ["mac", "weat", "cluster_alignment", "sc_weat"]
    text = " ".join(audit("word2vec-googlenews-extract", paired(), metrics=names).to_text().split())
    assert text.endswith(
        "A small p is evidence, for weat and sc_weat, of an association in these vectors for "
        "these words; for cluster_alignment, of clusters that follow the two sides, for whatever "
        "reason (topic as well as bias); a large p is not evidence that there is none."
    )


def test_shipped_suites_take_all_metrics():
    test = load_suite("weat").tests[5]
    result = audit("word2vec-googlenews-extract", test, metrics=["ripa", "valnorm", "weat"])
    assert [row.status for row in result.results] == ["error", "error", "ok"]
    with pytest.raises(InputError, match="metrics is empty"):
        audit("word2vec-googlenews-extract", test, metrics=[])
