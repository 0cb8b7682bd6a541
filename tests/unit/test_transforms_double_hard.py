"""Double-hard debiasing: a naive loop over candidates, guarantees, seeds, released code."""

import warnings

import numpy as np
import pytest
from published_lists import definitional_pairs
from sklearn.cluster import KMeans

from embias.transforms import TransformWarning
from embias.transforms.double_hard_debias import DoubleHardDebias
from embias.transforms.hard_debias import HardDebias

PAIRS = [("she", "he"), ("woman", "man"), ("girl", "boy"), ("aunt", "uncle")]
LISTED = [w for p in PAIRS for w in p]
N, D = 400, 20
WORDS = [*LISTED, *(f"w{i}" for i in range(N))]


def _vocabulary(seed=0):
    """Words with a side, a strong frequency direction, and a mean far from zero."""
    rng = np.random.default_rng(seed)
    gender, frequency = np.eye(D)[0], np.eye(D)[1]
    side = np.concatenate([[1, -1] * len(PAIRS), rng.normal(size=N)])
    seldom = rng.normal(size=len(WORDS)) * 4
    rows = 0.5 * rng.normal(size=(len(WORDS), D)) + np.outer(side, gender) * 1.5
    # The side shows in other coordinates too, and with the frequency.
    rows[:, 2:5] += side[:, None] * 0.6
    return rows + np.outer(seldom + 0.8 * side, frequency) + 2.0


ROWS = _vocabulary()


def _u(v):
    return v / np.linalg.norm(v, axis=-1, keepdims=True)


def _direction(rows):
    halves = np.array([(rows[2 * i] - rows[2 * i + 1]) / 2 for i in range(len(PAIRS))])
    g = np.linalg.svd(halves)[2][0]
    return g * np.sign((halves @ g).sum())


def _align(rows, n, seed):
    found = KMeans(2, n_init=10, random_state=seed).fit_predict(rows)
    same = np.mean(found == np.repeat([0, 1], n))
    return max(same, 1 - same)


def test_equals_a_naive_loop_over_the_candidates():
    n, seed = 60, 3
    made = DoubleHardDebias(PAIRS, n_biased=n, n_components=3, random_state=seed)
    made.fit(ROWS, words=WORDS)
    units = _u(ROWS)
    scores = units @ _direction(units[: len(LISTED)])
    order = sorted(range(len(LISTED), len(WORDS)), key=lambda i: -scores[i])
    first, second = order[:n], order[::-1][:n]
    assert made.biased_ == tuple(tuple(WORDS[i] for i in side) for side in (first, second))
    assert made.alignment_before_ == _align(units[first + second], n, seed)
    mean = ROWS.mean(axis=0)
    values, axes = np.linalg.eigh(np.cov(ROWS.T))
    alignments, results = [], []
    for c in range(3):
        u = axes[:, np.argsort(-values)[c]]
        z = np.array([(x - mean) - ((x - mean) @ u) * u for x in ROWS])
        g = _direction(_u(z)[: len(LISTED)])
        neutral = _u(np.array([v - (v @ g) * g for v in _u(z)]))
        alignments.append(_align(neutral[first + second], n, seed))
        results.append((z, g, neutral))
    np.testing.assert_allclose(made.alignments_, alignments, atol=1e-12)
    best = int(np.argmin(alignments))
    assert made.component_ == best
    assert alignments[best] < made.alignment_before_ - 0.1  # it does something here
    z, g, neutral = results[best]
    np.testing.assert_allclose(made.map_.apply(ROWS), z, atol=1e-10)
    np.testing.assert_allclose(made.subspace_.vector, g, atol=1e-8)
    rows = made.transform(ROWS, words=WORDS)
    np.testing.assert_allclose(rows[len(LISTED) :], neutral[len(LISTED) :], atol=1e-8)
    expected = HardDebias(PAIRS).fit(z, words=WORDS).transform(z, words=WORDS)
    np.testing.assert_allclose(rows, expected, atol=1e-8)


def test_mean_and_component_are_gone_and_neutral_words_orthogonal():
    made = DoubleHardDebias(PAIRS, n_biased=60, n_components=3).fit(ROWS, words=WORDS)
    z = made.map_.apply(ROWS)
    u = made.map_.right[0]
    assert np.linalg.norm(ROWS.mean(axis=0)) > 5
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=1e-12)
    assert np.std(ROWS @ u) > 1
    np.testing.assert_allclose(z @ u, 0, atol=1e-10)
    # Projecting the vector with its mean, as released code does, leaves an offset on every word.
    centred = ROWS - ROWS.mean(axis=0)
    released = centred - np.outer(ROWS @ u, u)
    np.testing.assert_allclose(released @ u, -ROWS.mean(axis=0) @ u, atol=1e-10)
    assert abs(ROWS.mean(axis=0) @ u) > 0.5
    g, rows = made.subspace_.vector, made.transform(ROWS, words=WORDS)
    neutral = slice(len(LISTED), None)
    assert np.abs(_u(z)[neutral] @ g).max() > 0.3
    np.testing.assert_allclose(rows[neutral] @ g, 0, atol=1e-12)
    # The direction of the unprocessed vectors is another one: it does not do.
    old = HardDebias(PAIRS).fit(ROWS, words=WORDS).subspace_.vector
    assert np.abs(rows[neutral] @ old).max() > 0.01
    for a, b in PAIRS:
        one, other = rows[WORDS.index(a)], rows[WORDS.index(b)]
        np.testing.assert_allclose(rows[neutral] @ one, rows[neutral] @ other, atol=1e-12)


def test_words_on_lists_and_rows_without_a_word_are_not_among_the_biased():
    words = [*WORDS[:-1], None]
    rows = ROWS.copy()
    rows[-1] = 50 * np.eye(D)[0]
    rows[20] = 0
    protected = ["w3", "W4"]
    made = DoubleHardDebias(PAIRS, n_biased=60, protected=protected).fit(rows, words=words)
    chosen = {w for side in made.biased_ for w in side}
    assert not chosen & {*LISTED, "w3", "None", WORDS[20]}
    assert "w4" in made.protected_
    assert len(chosen) == 120
    np.testing.assert_allclose(
        made.map_.apply(rows[[i for i in range(len(rows)) if i != 20]]).mean(axis=0), 0, atol=1e-11
    )


def test_the_ends_may_say_what_biased_is():
    made = DoubleHardDebias(PAIRS, n_biased=60, ends=("she", "he")).fit(ROWS, words=WORDS)
    units = _u(ROWS)
    scores = units[len(LISTED) :] @ units[0] - units[len(LISTED) :] @ units[1]
    order = np.argsort(-scores, kind="stable")
    assert made.biased_[0] == tuple(WORDS[len(LISTED) + i] for i in order[:60])


def test_the_same_seed_gives_the_same_and_is_kept():
    one = DoubleHardDebias(PAIRS, n_biased=60, random_state=7).fit(ROWS, words=WORDS)
    two = DoubleHardDebias(PAIRS, n_biased=60, random_state=7).fit(ROWS, words=WORDS)
    assert one.seed_ == two.seed_ == 7
    np.testing.assert_array_equal(
        one.transform(ROWS, words=WORDS), two.transform(ROWS, words=WORDS)
    )
    generator = np.random.default_rng(7)
    drawn = DoubleHardDebias(PAIRS, n_biased=60, random_state=generator).fit(ROWS, words=WORDS)
    again = DoubleHardDebias(PAIRS, n_biased=60, random_state=drawn.seed_).fit(ROWS, words=WORDS)
    np.testing.assert_array_equal(drawn.alignments_, again.alignments_)


def test_a_small_vocabulary_and_sides_that_do_not_cluster_are_told():
    with pytest.warns(TransformWarning, match="400 words are on no list, so 200 on each side"):
        DoubleHardDebias(PAIRS).fit(ROWS, words=WORDS)
    # Pairs differ in one coordinate; another one, far stronger, is what the clusters follow.
    noise = np.random.default_rng(1).normal(size=ROWS.shape)
    noise[: len(LISTED)] = np.tile([[1.0], [-1.0]], (len(PAIRS), 1)) * np.eye(D)[0]
    noise[len(LISTED) :, 5] += 10 * np.sign(noise[len(LISTED) :, 5])
    with pytest.warns(TransformWarning, match=r"do not cluster by side.*or use HardDebias"):
        DoubleHardDebias(PAIRS, n_biased=30).fit(noise, words=WORDS)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        DoubleHardDebias(PAIRS, n_biased=60).fit(ROWS, words=WORDS)


def test_on_real_vectors(extract):
    words = list(extract.words)
    pairs = [tuple(p) for p in definitional_pairs()]
    made = DoubleHardDebias(pairs, n_biased=500, n_components=3).fit_encoder(extract, words=words)
    rows = extract.encode(words)
    z = made.map_.apply(rows.astype(np.float64))
    assert np.linalg.norm(rows.astype(np.float64).mean(axis=0)) > 0.5
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=1e-10)
    after = (extract | made).encode(words)
    listed = {w for each in made.equalized_ for w in each}
    neutral = [i for i, w in enumerate(words) if w not in listed]
    g = made.subspace_.vector
    assert np.abs(_u(z)[neutral] @ g).max() > 0.3
    assert np.abs(after[neutral] @ g).max() < 1e-5
    assert made.alignments_.min() <= made.alignment_before_
