"""CEAT on arrays: slow loops beside it, what scale and sign change, the trap of many draws."""

import itertools
import math

import numpy as np
import pytest

from embias import weat
from embias.errors import InputError, VectorError
from embias.metrics import METRICS, Ceat, ceat, get_metric
from embias.stats import largest_d, pool_random_effects

QUICK = {"n_draws": 60, "n_resamples": 100}


def contexts(seed, sizes=(5, 4, 4, 3), dimension=10, effect=0.0, most=7):
    """Words of between 1 and `most` contexts, the first word of each set with one."""
    rng = np.random.default_rng(seed)
    axis = rng.normal(size=dimension)
    sets = []
    for n, sign in zip(sizes, (1, -1, 1, -1), strict=True):
        words = []
        for i in range(n):
            count = 1 if i == 0 else int(rng.integers(2, most + 1))
            word = rng.normal(size=dimension) + sign * effect * axis
            words.append(word + 0.7 * rng.normal(size=(count, dimension)))
        sets.append(words)
    return sets


def shrunk(sets, factor):
    """Multiply every cosine between targets and attributes by `factor`, by one coordinate more."""
    x, y, a, b = sets

    def target(word):
        unit = word / np.linalg.norm(word, axis=1, keepdims=True)
        beside = np.full((len(word), 1), math.sqrt(1 - factor**2))
        return np.hstack([factor * unit, beside])

    def attribute(word):
        return np.hstack([word, np.zeros((len(word), 1))])

    moved = [[target(w) for w in words] for words in (x, y)]
    return moved + [[attribute(w) for w in words] for words in (a, b)]


def cosine(v, w):
    return math.fsum(v * w) / math.sqrt(math.fsum(v * v) * math.fsum(w * w))


def one_draw(x, y, a, b, ddof):
    """WEAT's d, the variance of the scores and of d, one cosine at a time."""

    def s(w):
        return math.fsum(cosine(w, v) for v in a) / len(a) - math.fsum(
            cosine(w, v) for v in b
        ) / len(b)

    sx, sy = [s(w) for w in x], [s(w) for w in y]
    n_x, n_y = len(sx), len(sy)
    n = n_x + n_y
    mean = math.fsum(sx + sy) / n
    squares = math.fsum((v - mean) ** 2 for v in sx + sy)
    difference = math.fsum(sx) / n_x - math.fsum(sy) / n_y
    d = difference / math.sqrt(squares / (n - ddof))
    c = n_x * n_y / n
    g = difference / math.sqrt((squares - c * difference**2) / (n - 2))
    of_d = (1 / n_x + 1 / n_y + g * g / (2 * n)) * (n - ddof) * (n - 2) ** 2
    return d, squares / (n - 1), of_d / (n - 2 + c * g * g) ** 3


def by_loops(sets, n_draws, ddof, variance, seed):
    """Draw the same contexts (first child of the seed, words in order x y a b) and pool them."""
    words = [word for each in sets for word in each]
    generator = np.random.default_rng(np.random.SeedSequence(seed).spawn(3)[0])
    taken = generator.integers(0, [len(word) for word in words], size=(n_draws, len(words)))
    edges = np.cumsum([0, *(len(each) for each in sets)])
    effects, variances = [], []
    for row in taken:
        drawn = [word[i] for word, i in zip(words, row, strict=True)]
        x, y, a, b = (drawn[i:j] for i, j in itertools.pairwise(edges))
        d, of_scores, of_d = one_draw(x, y, a, b, ddof)
        effects.append(d)
        variances.append(of_scores if variance == "scores" else of_d)
    w = [1 / v for v in variances]
    q1 = math.fsum(p * e * e for p, e in zip(w, effects, strict=True))
    q2 = math.fsum(p * e for p, e in zip(w, effects, strict=True)) ** 2 / math.fsum(w)
    q, df = q1 - q2, n_draws - 1
    c = math.fsum(w) - math.fsum(p * p for p in w) / math.fsum(w)
    tau2 = (q - df) / c if q > df else 0.0
    v = [1 / (each + tau2) for each in variances]
    combined = math.fsum(p * e for p, e in zip(v, effects, strict=True)) / math.fsum(v)
    return effects, q, tau2, combined, math.sqrt(1 / math.fsum(v))


@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize("variance", ["effect", "scores"])
def test_equals_plain_loops(variance, ddof):
    # 300 draws cross the edge of a block.
    sets = contexts(1, effect=0.1)
    result = ceat(*sets, n_draws=300, n_resamples=100, ddof=ddof, variance=variance, rng=11)
    effects, q, tau2, combined, se = by_loops(sets, 300, ddof, variance, 11)
    assert result.effect_sizes == pytest.approx(effects, abs=1e-11)
    assert result.q == pytest.approx(q, rel=1e-9)
    assert result.tau2 == pytest.approx(tau2, rel=1e-9)
    assert result.combined_effect_size == pytest.approx(combined, rel=1e-10)
    assert result.se == pytest.approx(se, rel=1e-9)
    # The reference prints norm.sf(z); the paper writes 2 (1 - Phi(|z|)).
    z = combined / se
    assert result.pvalue_one_sided == pytest.approx(0.5 * math.erfc(z / math.sqrt(2)), rel=1e-6)
    assert result.pvalue == pytest.approx(math.erfc(abs(z) / math.sqrt(2)), rel=1e-6)
    assert tau2 > 0
    assert result.spread.mean == pytest.approx(sum(effects) / 300, abs=1e-11)
    assert result.spread.sd == pytest.approx(np.std(effects, ddof=1), abs=1e-11)
    ordered = sorted(effects)
    assert ordered[14] <= result.spread.p5 <= ordered[15]
    assert ordered[284] <= result.spread.p95 <= ordered[285]
    assert result.spread.p50 == pytest.approx((ordered[149] + ordered[150]) / 2, abs=1e-11)
    assert result.spread.other_sign == sum(e * combined < 0 for e in effects) / 300


def test_word_level_is_the_mean_over_contexts():
    x, y, a, b = sets = contexts(2, effect=0.2)
    result = ceat(*sets, **QUICK, alternative="two-sided")

    def mean_score(word):
        means = [
            [sum(cosine(c, v) for v in w) / len(w) for w in attribute]
            for c in word
            for attribute in (a, b)
        ]
        means = [sum(each) / len(each) for each in means]
        return sum(means[0::2]) / len(word) - sum(means[1::2]) / len(word)

    sx, sy = [mean_score(w) for w in x], [mean_score(w) for w in y]
    assert result.words.scores_x == pytest.approx(sx, abs=1e-12)
    assert result.words.scores_y == pytest.approx(sy, abs=1e-12)
    difference = np.mean(sx) - np.mean(sy)
    assert result.words.statistic == pytest.approx(difference, abs=1e-12)
    assert result.words.effect_size == pytest.approx(
        difference / np.std(sx + sy, ddof=1), abs=1e-11
    )
    assert result.words.test.method == "exact"
    assert result.words.test.n_partitions == math.comb(9, 5)
    assert result.words.test.alternative == "two-sided"


def test_one_context_each_is_weat():
    sets = contexts(3, most=2, effect=0.1)
    sets = [[word[:1] for word in words] for words in sets]
    result = ceat(*sets, **QUICK)
    plain = weat(*(np.concatenate(words) for words in sets))
    assert result.effect_sizes == pytest.approx([plain.effect_size] * 60, abs=1e-12)
    assert result.combined_effect_size == pytest.approx(plain.effect_size, abs=1e-12)
    assert result.words.effect_size == pytest.approx(plain.effect_size, abs=1e-12)
    assert result.words.test.pvalue == plain.pvalue
    assert result.n_single_context == 16
    assert result.q == pytest.approx(0, abs=1e-20)


def test_scale_of_the_cosines():
    sets = contexts(4, effect=0.1)
    settings = {"n_draws": 200, "n_resamples": 100}
    whole, small = (ceat(*each, **settings) for each in (sets, shrunk(sets, 0.1)))
    assert small.effect_sizes == pytest.approx(whole.effect_sizes, rel=1e-9)
    for figure in ("q", "tau2", "se", "combined_effect_size", "pvalue"):
        assert getattr(small, figure) == pytest.approx(getattr(whole, figure), rel=1e-9), figure
    assert small.words.statistic == pytest.approx(0.1 * whole.words.statistic, rel=1e-9)

    whole, small = (
        ceat(*each, variance="scores", **settings) for each in (sets, shrunk(sets, 0.1))
    )
    assert small.effect_sizes == pytest.approx(whole.effect_sizes, rel=1e-9)
    assert small.q == pytest.approx(100 * whole.q, rel=1e-9)
    assert small.tau2 > 1.1 * whole.tau2 > 0
    assert abs(small.se / whole.se - 1) > 0.001


def test_tau2_of_effects_survives_scaling_when_it_is_not_zero():
    # Contexts that differ more than words do: tau2 is above 0 and still without a unit.
    rng = np.random.default_rng(6)
    axis = rng.normal(size=10)
    sets = contexts(6)
    for words in sets[2:]:
        words[:] = [0.05 * word + rng.normal(size=(len(word), 1)) * axis for word in words]
    whole, small = (ceat(*each, n_draws=200, n_resamples=100) for each in (sets, shrunk(sets, 0.2)))
    assert whole.tau2 > 0.01
    assert small.tau2 == pytest.approx(whole.tau2, rel=1e-8)
    assert small.i2 == pytest.approx(whole.i2, rel=1e-8)


def test_strong_negative_effect():
    x, y, a, b = contexts(7, effect=1.0)
    result = ceat(y, x, a, b, **QUICK)
    assert result.combined_effect_size < -1
    assert result.pvalue < 1e-10
    assert result.pvalue_one_sided > 1 - 1e-10
    assert result.spread.other_sign == 0
    assert result.words.test.pvalue > 0.9
    assert ceat(y, x, a, b, **QUICK, alternative="less").words.test.pvalue < 0.05
    # Turned round, the same draws would give the opposite figures; these draw other contexts.
    turned = ceat(x, y, a, b, **QUICK)
    assert turned.pvalue_one_sided < 1e-10
    assert turned.words.statistic == pytest.approx(-result.words.statistic, rel=1e-12)


def test_draws_alone_make_the_standard_error_small():
    # The trap: sixteen times the draws, a quarter of the error, on the very same words.
    sets = contexts(8, effect=0.05)
    few, many = (ceat(*sets, n_draws=n, n_resamples=100) for n in (200, 3200))
    assert many.se / few.se == pytest.approx(1 / 4, rel=0.1)
    assert many.words.test.pvalue == few.words.test.pvalue
    assert many.words.statistic_interval == few.words.statistic_interval
    assert many.spread.sd == pytest.approx(few.spread.sd, rel=0.15)
    assert "conditional on the word list" in many.note


def test_seed_decides():
    sets = contexts(9)
    one, same, other = (ceat(*sets, **QUICK, rng=rng) for rng in (5, 5, 6))
    assert one == same
    assert one.effect_sizes != other.effect_sizes
    assert one.words.statistic_interval != other.words.statistic_interval
    assert (one.seed, other.seed) == (5, 6)
    fresh = ceat(*sets, **QUICK, rng=None)
    assert ceat(*sets, **QUICK, rng=fresh.seed) == fresh
    first, second = (ceat(*sets, **QUICK, rng=np.random.default_rng(5)) for _ in range(2))
    assert first == second
    assert first.seed is None
    # More draws begin with the same ones, and n_resamples does not change them.
    assert ceat(*sets, n_draws=80, n_resamples=120, rng=5).effect_sizes[:60] == one.effect_sizes


def test_interval_covers_the_words_the_data_come_from():
    """Nested bootstrap of D at 25 words a side, true D known: about 95 percent."""
    rng = np.random.default_rng(10)
    a, b = np.array([[1.0, 0.0, 0.0]]), np.array([[-1.0, 0.0, 0.0]])
    hits, runs = 0, 120

    def words(mean):
        # s(w) = 2 cos(angle) with the cosine drawn around a mean: D is twice their difference.
        out = []
        for centre in mean + 0.2 * rng.uniform(-1, 1, size=25):
            cos = centre + 0.1 * rng.uniform(-1, 1, size=4)
            out.append(np.column_stack([cos, np.sqrt(1 - cos**2), np.zeros(4)]))
        return out

    for seed in range(runs):
        result = ceat(words(0.3), words(0.2), [a], [b], n_draws=2, n_resamples=300, rng=seed)
        interval = result.words.statistic_interval
        hits += interval.low <= 0.2 <= interval.high
    assert 0.86 <= hits / runs <= 0.995


def test_nested_interval_is_wider_than_words_alone():
    # The same mean vectors, with and without variation between contexts.
    rng = np.random.default_rng(12)
    sets = contexts(12, sizes=(8, 8, 4, 4), dimension=20)
    noisy = [
        [
            np.concatenate([m + e, m - e])
            for m, e in ((w[:1], 2 * rng.normal(size=(2, 20))) for w in words)
        ]
        for words in sets
    ]
    calm = [[word.mean(axis=0, keepdims=True) for word in words] for words in noisy]
    wide, narrow = (
        ceat(*each, n_draws=20, n_resamples=600).words.statistic_interval for each in (noisy, calm)
    )
    scale = np.ptp(ceat(*noisy, **QUICK).words.scores_x) / np.ptp(
        ceat(*calm, **QUICK).words.scores_x
    )
    assert wide.high - wide.low > 1.1 * scale * (narrow.high - narrow.low)
    assert wide.method == "nested bootstrap, percentile"


def test_level_is_that_of_all_intervals():
    wide, narrow = (ceat(*contexts(18), **QUICK, level=level) for level in (0.99, 0.5))
    for get in (
        lambda r: r.pooled.interval,
        lambda r: r.prediction_interval,
        lambda r: r.words.statistic_interval,
        lambda r: r.words.effect_size_interval,
    ):
        assert (get(wide).level, get(narrow).level) == (0.99, 0.5)
        assert get(narrow).high - get(narrow).low < 0.7 * (get(wide).high - get(wide).low)


def test_rare_draws_without_spread_are_left_out_and_counted():
    _, _, a, b = contexts(19)
    rng = np.random.default_rng(19)
    same = rng.normal(size=(1, 10))
    x = [np.concatenate([same, rng.normal(size=(199, 10))])]
    result = ceat(x, [same, same], a, b, variance="scores", n_draws=1000, rng=2)
    assert 1 <= result.n_undefined <= 10
    assert len(result.effect_sizes) == result.pooled.n == 1000 - result.n_undefined


def test_counts_and_bounds():
    sets = contexts(13, effect=0.5)
    sets[0][1] = np.repeat(sets[0][1][:1], 4, axis=0)
    result = ceat(*sets, **QUICK)
    assert isinstance(result, Ceat)
    assert result.contexts_x == tuple(len(word) for word in sets[0])
    assert result.contexts_b == tuple(len(word) for word in sets[3])
    # The first word of each set, and one with four times the same vector.
    assert result.n_single_context == 5
    assert max(map(abs, result.effect_sizes)) <= largest_d(5, 4)
    again = pool_random_effects(result.effect_sizes, result.variances, level=0.95)
    assert again == result.pooled
    assert result.i2 == result.pooled.i2
    assert result.prediction_interval == result.pooled.prediction_interval
    assert (result.n_draws, result.n_undefined, result.ddof) == (60, 0, 1)


def test_input_is_not_modified_and_may_be_of_any_number_type():
    sets = [[(10 * word).astype(np.int8) for word in words] for words in contexts(14)]
    before = [[word.copy() for word in words] for words in sets]
    result = ceat(*sets, **QUICK)
    for words, kept in zip(sets, before, strict=True):
        assert all((w == k).all() for w, k in zip(words, kept, strict=True))
    wide = [[word.astype(float).tolist() for word in words] for words in sets]
    assert ceat(*wide, **QUICK) == result


def test_one_word_against_several():
    x, y, a, b = contexts(15)
    result = ceat(x[1:2], y, a, b, **QUICK)
    assert result.words.statistic_interval is None
    assert result.words.effect_size_interval is None
    assert result.words.test.n_partitions == 5


def test_progress_goes_to_the_terminal(capsys):
    ceat(*contexts(16), **QUICK, progress=True)
    assert "drawing contexts" in capsys.readouterr().err
    ceat(*contexts(16), **QUICK)
    assert capsys.readouterr().err == ""


def test_card():
    card = get_metric("ceat")
    assert card.takes == "contexts"
    assert card.audited
    assert METRICS["weat"].audited


GOOD = contexts(17)


@pytest.mark.parametrize(
    ("position", "words", "error", "message"),
    [
        (0, [], InputError, "x_contexts has no words"),
        (1, 3, InputError, "y_contexts is a int; give a sequence"),
        (2, {"he": np.ones((2, 10))}, InputError, r"list\(a_contexts.values\(\)\)"),
        (0, np.ones((3, 10)), InputError, r"x_contexts\[0\] has shape \(10,\)"),
        (3, [np.ones((0, 10))], InputError, r"b_contexts\[0\] has shape \(0, 10\)"),
        (1, [np.ones((2, 10)), np.ones((2, 9))], InputError, r"y_contexts\[1\]: 9"),
        (2, [np.zeros((1, 10))], VectorError, r"a_contexts\[0\]\[0\] is the zero vector"),
        (0, [np.full((1, 10), np.nan)], VectorError, r"x_contexts\[0\]\[0\] has a coordinate"),
    ],
)
def test_bad_sets_are_named(position, words, error, message):
    sets = list(GOOD)
    sets[position] = words
    with pytest.raises(error, match=message):
        ceat(*sets, **QUICK)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_draws": 1}, "n_draws=1; give a whole number"),
        ({"n_draws": 10.0}, "n_draws=10.0"),
        ({"n_resamples": 50}, "n_resamples is 50"),
        ({"ddof": 2}, "ddof=2; use 1"),
        ({"variance": "score"}, "did you mean 'scores'"),
        ({"alternative": "bigger"}, "alternative='bigger' does not exist"),
        ({"level": 95}, "level=95"),
        ({"rng": -1}, "rng=-1"),
        ({"rng": "seed"}, "rng='seed'"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(InputError, match=message):
        ceat(*GOOD, **{**QUICK, **options})


def test_degenerate_words_are_named():
    x, y, a, b = GOOD
    with pytest.raises(InputError, match="one target word on each side"):
        ceat(x[:1], y[:1], a, b, **QUICK)
    with pytest.raises(InputError, match="in 60 of 60 draws all target words have the same score"):
        ceat([x[0]] * 2, [x[0]] * 2, a, b, **QUICK)
    with pytest.raises(InputError, match="in 60 of 60 draws the scores do not vary inside X and Y"):
        ceat([x[0]] * 2, [y[0]] * 2, a, b, **QUICK)
