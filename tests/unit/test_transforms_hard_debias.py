"""Hard debiasing: theorems before and after, a naive loop, debiaswe, WEFE, real vectors."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from published_lists import definitional_pairs, published
from sklearn.pipeline import make_pipeline

import embias
from embias.errors import InputError
from embias.geometry import Subspace
from embias.metrics import direct_bias, weat
from embias.stimuli import ROLES
from embias.transforms import OrthogonalProjection, TransformWarning
from embias.transforms._hard_steps import equalised, neutralised, scaled_to_unit
from embias.transforms.equalize import Equalize
from embias.transforms.hard_debias import HardDebias
from embias.transforms.multiclass_hard_debias import MulticlassHardDebias
from embias.transforms.neutralize import Neutralize

PAIRS = [
    ("she", "he"),
    ("woman", "man"),
    ("girl", "boy"),
    ("mother", "father"),
    ("her", "his"),
    ("aunt", "uncle"),
]
EQUAL = [("queen", "king"), ("sister", "brother"), ("she", "he")]
OTHER = ["nurse", "doctor", "chair", "bearded"]
WORDS = [*(w for p in PAIRS for w in p), "queen", "king", "sister", "brother", *OTHER]


def _case():
    rng = np.random.default_rng(2016)
    rows = rng.normal(size=(len(WORDS), 12))
    rows[:16:2, 0] += 1.5
    rows[1:16:2, 0] -= 1.5
    return rows.astype(np.float32).astype(np.float64)


ROWS = _case()


def _row(made, word, words=WORDS):
    return made[words.index(word)]


def _u(v):
    return v / np.sqrt((v * v).sum(axis=-1, keepdims=True))


# --- a naive loop over words, after the formulas of the papers ---------------------------------


def naive_direction(vectors, pairs):
    stack = []
    for a, b in pairs:
        c = (vectors[a] + vectors[b]) / 2
        stack += [vectors[a] - c, vectors[b] - c]
    values, axes = np.linalg.eigh(np.cov(np.array(stack).T, bias=True))
    g = axes[:, values.argmax()]
    return g * np.sign(sum((vectors[a] - vectors[b]) @ g for a, b in pairs))


def naive_hard_debias(vectors, basis, equalize, protected):
    """Word by word, component by component; equalised with the vectors before neutralising."""
    made = {}
    for word, vector in vectors.items():
        v = vector / np.linalg.norm(vector)
        if word not in protected:
            for b in basis:
                v = v - (v @ b) * b
        made[word] = v / np.linalg.norm(v)
    for words in equalize:
        units = [vectors[w] / np.linalg.norm(vectors[w]) for w in words]
        mu = sum(units) / len(units)
        mu_b = sum((mu @ b) * b for b in basis)
        y = mu - mu_b
        for word, unit in zip(words, units, strict=True):
            w_b = sum((unit @ b) * b for b in basis)
            side = (w_b - mu_b) / np.linalg.norm(w_b - mu_b)
            made[word] = y + np.sqrt(1 - y @ y) * side
    return made


@given(
    st.integers(0, 10**6),
    st.integers(3, 20),
    st.integers(1, 3),
    st.lists(st.integers(2, 4), min_size=1, max_size=3),
)
@settings(max_examples=60, deadline=None)
def test_equals_a_naive_loop(seed, d, k, sizes):
    rng = np.random.default_rng(seed)
    k = min(k, d - 1)
    words = [f"w{i}" for i in range(sum(sizes) + 6)]
    rows = rng.normal(size=(len(words), d)) * rng.lognormal(size=(len(words), 1)) + 0.3
    places = np.split(np.arange(sum(sizes)), np.cumsum(sizes)[:-1])
    sets = [tuple(words[i] for i in place) for place in places]
    protected = [words[-1], words[0], "absent"]
    basis = np.linalg.qr(rng.normal(size=(d, k)))[0].T
    vectors = dict(zip(words, rows, strict=True))
    expected = naive_hard_debias(vectors, basis, sets, protected)
    transform = MulticlassHardDebias(basis, equalize=sets, protected=protected)
    if k == 1 and max(sizes) > 2:
        with pytest.warns(TransformWarning, match="one and the same vector"):
            transform.fit(rows, words=words)
    else:
        transform.fit(rows, words=words)
    made = transform.transform(rows, words=words)
    np.testing.assert_allclose(made, np.array([expected[w] for w in words]), atol=1e-10)


def test_the_direction_is_that_of_the_pairs_at_unit_length():
    vectors = dict(zip(WORDS, _u(ROWS), strict=True))
    g = naive_direction(vectors, PAIRS)
    made = HardDebias(PAIRS).fit(ROWS, words=WORDS)
    np.testing.assert_allclose(made.subspace_.vector, g, atol=1e-12)
    assert made.subspace_.method == "pair_pca"
    given_ = HardDebias(made.subspace_, equalize=EQUAL).fit(ROWS, words=WORDS)
    assert given_.subspace_ is made.subspace_


# --- theorems, before and after -----------------------------------------------------------------


def test_neutral_words_lose_their_component_and_protected_ones_keep_it():
    transform = HardDebias(PAIRS, equalize=EQUAL, protected=["bearded"])
    made = transform.fit_transform(ROWS, words=WORDS)
    g, units = transform.subspace_.vector, _u(ROWS)
    assert transform.protected_ == ("bearded", "Bearded", "BEARDED")
    assert transform.equalized_ == tuple(EQUAL)
    equal = {w for pair in EQUAL for w in pair}
    neutral = [i for i, w in enumerate(WORDS) if w not in equal | {"bearded"}]
    assert np.abs(units[neutral] @ g).min() > 0.01
    np.testing.assert_allclose(made[neutral] @ g, 0, atol=1e-14)
    np.testing.assert_allclose(_row(made, "bearded"), _row(units, "bearded"), atol=1e-15)
    np.testing.assert_allclose(np.linalg.norm(made, axis=1), 1, atol=1e-15)
    # The closed form of neutral words, and the least change that does it.
    rest = units[neutral] - np.outer(units[neutral] @ g, g)
    np.testing.assert_allclose(made[neutral], _u(rest), atol=1e-15)


def test_equalised_pairs_are_equidistant_from_every_neutral_word():
    transform = HardDebias(PAIRS, equalize=EQUAL)
    made = transform.fit_transform(ROWS, words=WORDS)
    units, g = _u(ROWS), transform.subspace_.vector
    equal = {w for pair in EQUAL for w in pair}
    neutral = [i for i, w in enumerate(WORDS) if w not in equal]
    for a, b in EQUAL:
        before = [np.linalg.norm(units[neutral] - _row(units, w), axis=1) for w in (a, b)]
        after = [np.linalg.norm(made[neutral] - _row(made, w), axis=1) for w in (a, b)]
        assert np.abs(before[0] - before[1]).max() > 0.1
        np.testing.assert_allclose(after[0], after[1], atol=1e-12)
        np.testing.assert_allclose(
            made[neutral] @ _row(made, a), made[neutral] @ _row(made, b), atol=1e-12
        )
        one, other = _row(made, a) @ g, _row(made, b) @ g
        assert one == pytest.approx(-other, abs=1e-15)
        # No pair is swapped: each keeps the side it had.
        assert np.sign(one - other) == np.sign((_row(units, a) - _row(units, b)) @ g)
        assert abs(one) > 0.1


def test_the_order_of_a_pair_and_of_the_pairs_does_not_matter():
    expected = HardDebias(PAIRS, equalize=EQUAL).fit_transform(ROWS, words=WORDS)
    turned = [pair[::-1] for pair in EQUAL[::-1]]
    made = HardDebias(PAIRS, equalize=turned).fit_transform(ROWS, words=WORDS)
    np.testing.assert_allclose(made, expected, atol=1e-15)
    # Turning the pairs that define the direction turns the direction, and nothing else.
    other = HardDebias([p[::-1] for p in PAIRS], equalize=EQUAL).fit(ROWS, words=WORDS)
    np.testing.assert_allclose(other.transform(ROWS, words=WORDS), expected, atol=1e-12)


@given(st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_a_rotation_of_the_space_rotates_the_result(seed):
    rotation = np.linalg.qr(np.random.default_rng(seed).normal(size=(12, 12)))[0]
    expected = HardDebias(PAIRS, equalize=EQUAL).fit_transform(ROWS, words=WORDS)
    made = HardDebias(PAIRS, equalize=EQUAL).fit_transform(ROWS @ rotation, words=WORDS)
    np.testing.assert_allclose(made, expected @ rotation, atol=1e-12)


def test_sets_of_three_in_two_directions_and_why_not_in_one():
    sets = [("she", "he", "nurse"), ("woman", "man", "doctor"), ("girl", "boy", "chair")]
    transform = MulticlassHardDebias(sets, k=2)
    made, units = transform.fit_transform(ROWS, words=WORDS), _u(ROWS)
    basis = transform.subspace_.basis
    listed = {w for each in sets for w in each}
    neutral = [i for i, w in enumerate(WORDS) if w not in listed]
    assert np.abs(units[neutral] @ basis.T).max(axis=0).min() > 0.1
    np.testing.assert_allclose(made[neutral] @ basis.T, 0, atol=1e-14)
    np.testing.assert_allclose(np.linalg.norm(made, axis=1), 1, atol=1e-12)
    for each in sets:
        before = np.array([units[neutral] @ _row(units, w) for w in each])
        after = np.array([made[neutral] @ _row(made, w) for w in each])
        assert np.ptp(before, axis=0).max() > 0.1
        assert np.ptp(after, axis=0).max() < 1e-12
        assert (
            min(
                np.linalg.norm(_row(made, a) - _row(made, b))
                for a, b in itertools.combinations(each, 2)
            )
            > 0.1
        )
    with pytest.warns(TransformWarning, match="words on the same side become one"):
        flat = MulticlassHardDebias(sets, k=1).fit_transform(ROWS, words=WORDS)
    for each in sets:
        gaps = [
            np.linalg.norm(_row(flat, a) - _row(flat, b))
            for a, b in itertools.combinations(each, 2)
        ]
        assert min(gaps) < 1e-12


def test_k_is_the_rank_of_the_sets_and_never_more():
    sets = [("she", "he", "nurse"), ("woman", "man", "doctor"), ("girl", "boy", "chair")]
    assert MulticlassHardDebias(sets).fit(ROWS, words=WORDS).subspace_.k == 6
    units = _u(ROWS)
    stack = np.concatenate(
        [s - s.mean(axis=0) for s in (units[[WORDS.index(w) for w in each]] for each in sets)]
    )
    assert np.linalg.matrix_rank(stack) == 6
    with pytest.warns(TransformWarning, match="k=10, and the sets span 6 directions"):
        many = MulticlassHardDebias(sets, k=10).fit(ROWS, words=WORDS)
    assert many.subspace_.k == 6
    # With pairs and one direction it is HardDebias.
    one = MulticlassHardDebias(PAIRS, k=1, equalize=EQUAL).fit_transform(ROWS, words=WORDS)
    expected = HardDebias(PAIRS, equalize=EQUAL).fit_transform(ROWS, words=WORDS)
    np.testing.assert_allclose(one, expected, atol=1e-12)


# --- traps --------------------------------------------------------------------------------------


def test_pairs_that_are_not_protected_keep_their_side():
    """debiaswe equalises after neutralising: half of such pairs swapped, see its row below."""
    for protected in ([], [w for p in PAIRS for w in p]):
        transform = HardDebias(PAIRS, protected=protected).fit(ROWS, words=WORDS)
        made, g = transform.transform(ROWS, words=WORDS), transform.subspace_.vector
        for a, b in PAIRS:
            before = (_row(_u(ROWS), a) - _row(_u(ROWS), b)) @ g
            assert np.sign((_row(made, a) - _row(made, b)) @ g) == np.sign(before)
    # Protecting equalised words changes nothing at all.
    free = HardDebias(PAIRS).fit_transform(ROWS, words=WORDS)
    np.testing.assert_array_equal(free, made)


def test_overlapping_sets_are_refused_and_repeated_ones_taken_once():
    with pytest.raises(InputError, match=r"'she' stands in two sets.*join the sets, or leave one"):
        HardDebias(PAIRS, equalize=[("she", "he"), ("she", "father")]).fit(ROWS, words=WORDS)
    twice = [("she", "he"), ("he", "she"), ("She", "He"), ("she", "he")]
    made = HardDebias(PAIRS, equalize=twice).fit(ROWS, words=WORDS)
    assert made.equalized_ == (("she", "he"),)
    expected = HardDebias(PAIRS, equalize=[("she", "he")]).fit(ROWS, words=WORDS)
    np.testing.assert_array_equal(made.equalized_vectors_, expected.equalized_vectors_)


def test_case_variants_are_sets_of_their_own_and_give_way_to_listed_ones():
    words = [*WORDS, "She", "He", "QUEEN", "KING", "Nurse"]
    rows = np.vstack([ROWS, np.random.default_rng(3).normal(size=(5, 12))])
    made = HardDebias(PAIRS, protected=["nurse"]).fit(rows, words=words)
    assert set(made.equalized_) == {*PAIRS, ("She", "He")}
    assert made.protected_ == ("nurse", "Nurse", "NURSE")
    none = HardDebias(PAIRS, protected=["nurse"], case_variants=False).fit(rows, words=words)
    assert set(none.equalized_) == set(PAIRS)
    assert none.protected_ == ("nurse",)
    # Only other forms of a listed set have vectors: it is not left out.
    upper = HardDebias(PAIRS, equalize=[("Queen", "King")]).fit(rows, words=words)
    assert set(upper.equalized_) == {("queen", "king"), ("QUEEN", "KING")}
    # A form of one set shares a word with a listed set: the listed one counts.
    mixed = [("Nurse", "she"), ("nurse", "he")]
    made = HardDebias(PAIRS, equalize=mixed).fit(rows, words=words)
    assert set(made.equalized_) == set(mixed)


def test_a_set_without_sides_is_left_untouched_and_reported():
    rows = ROWS.copy()
    g = np.eye(12)[0]
    sister, brother = WORDS.index("sister"), WORDS.index("brother")
    rows[[sister, brother]] = _u(rows[[sister, brother]] - np.outer(rows[[sister, brother], 0], g))
    rows[[sister, brother], 0] = 0.5  # unit vectors of one length with the same component
    with pytest.warns(TransformWarning, match=r"1 set\(s\) are not equalised.*'sister', 'brother'"):
        transform = HardDebias(g, equalize=EQUAL).fit(rows, words=WORDS)
    assert transform.untouched_ == (("sister", "brother"),)
    assert transform.equalized_ == (("queen", "king"), ("she", "he"))
    made = transform.transform(rows, words=WORDS)
    assert abs(_row(made, "sister") @ g) < 1e-15  # as every other neutral word
    with pytest.warns(TransformWarning):
        alone = Equalize(EQUAL, g).fit_transform(rows, words=WORDS)
    np.testing.assert_allclose(_row(alone, "sister"), _row(_u(rows), "sister"), atol=1e-15)
    assert equalised(_u(rows[[sister, brother]]), g[None]) is None


def test_a_word_that_lies_in_the_subspace_is_not_blown_up():
    g = _u(np.arange(1.0, 13.0))
    for kind in (np.float64, np.float32, np.float16):
        rows = np.vstack([3 * g, ROWS[0]]).astype(kind)
        with pytest.warns(
            TransformWarning, match=r"1 of 2 rows lie in the subspace.*row 0, 'along"
        ):
            made = Neutralize(g).fit(rows).transform(rows, words=["along", "other"])
        assert not made[0].any()
        assert np.linalg.norm(made[1].astype(float)) == pytest.approx(1, abs=2e-3)
    kept = Neutralize(g, protected=["along"]).fit(ROWS).transform(3 * g[None], words=["along"])
    np.testing.assert_allclose(kept[0], g, atol=1e-15)


def test_what_is_nearly_in_the_subspace_comes_out_orthogonal():
    g = _u(np.arange(1.0, 13.0))
    off = np.eye(12)[3] - g[3] * g
    for kind, tolerance in ((np.float64, 1e-14), (np.float32, 1e-6)):
        rows = (g + 1e-3 * off)[None].astype(kind)
        made = Neutralize(g).fit(rows).transform(rows)
        assert abs(made[0] @ g.astype(kind)) < tolerance
        assert abs(rows[0] @ g) > 0.9


def test_rows_that_are_not_those_of_the_fit_are_told():
    transform = HardDebias(PAIRS, equalize=EQUAL).fit(ROWS, words=WORDS)
    other = ROWS.copy()
    other[WORDS.index("queen")] = ROWS[0]
    with pytest.warns(TransformWarning, match="1 rows of equalised words .*'queen'.*than at fit"):
        made = transform.transform(other, words=WORDS)
    np.testing.assert_array_equal(made, transform.transform(ROWS, words=WORDS))
    transform.transform(ROWS * 3, words=WORDS)  # the length says nothing


def test_neutralize_then_equalize_and_the_affine_companion():
    transform = HardDebias(PAIRS, equalize=EQUAL, protected=["bearded"]).fit(ROWS, words=WORDS)
    expected = transform.transform(ROWS, words=WORDS)
    equal = [w for pair in EQUAL for w in pair]
    first = Neutralize(PAIRS, protected=["bearded", *equal]).fit(ROWS, words=WORDS)
    second = Equalize(EQUAL, first.subspace_).fit(ROWS, words=WORDS)
    made = second.transform(first.transform(ROWS, words=WORDS), words=WORDS)
    np.testing.assert_allclose(made, expected, atol=1e-12)
    # Without lists it is one linear map and L2: the same as the affine companion's.
    all_neutral = transform.transform(ROWS, words=[None] * len(WORDS))
    companion = OrthogonalProjection(transform.subspace_).fit_transform(ROWS)
    np.testing.assert_allclose(all_neutral, _u(companion), atol=1e-14)
    raw = Neutralize(PAIRS, normalize=False).fit(ROWS, words=WORDS).transform(ROWS)
    np.testing.assert_allclose(raw, companion, atol=1e-14)
    assert make_pipeline(Neutralize(np.eye(12)[0])).fit_transform(ROWS).shape == ROWS.shape
    kept = Equalize(EQUAL, PAIRS, normalize=False).fit(ROWS, words=WORDS)
    np.testing.assert_array_equal(_row(kept.transform(ROWS, words=WORDS), "nurse"), ROWS[-4])


def test_the_arithmetic_in_blocks_is_that_of_all_rows_at_once():
    rng = np.random.default_rng(1)
    rows, basis = rng.normal(size=(20_000, 5)), np.linalg.qr(rng.normal(size=(5, 2)))[0].T
    kept = rng.random(20_000) < 0.1
    made, gone = neutralised(rows, basis, kept, normalize=True)
    units = _u(rows)
    expected = np.where(kept[:, None], units, _u(units - units @ basis.T @ basis))
    np.testing.assert_allclose(made, expected, atol=1e-12)
    assert gone.size == 0
    assert not scaled_to_unit(np.zeros((1, 5))).any()


# --- other implementations ----------------------------------------------------------------------

# debiaswe (github.com/tolga-b/debiaswe, commit 6bb03ee), debias() on ROWS in float32, with
# numpy 1.26.4 and scikit-learn 1.9.1; specific words: those of EQUAL and "bearded".
DEBIASWE = {
    "nurse": [-0.146963, 0.049915, 0.27392, 0.239354, 0.11363, 0.1399, 0.717652, 0.410443,
              -0.314111, 0.079864, 0.030564, -0.147097],
    "bearded": [0.214141, -0.095889, -0.080114, -0.156253, -0.103354, 0.382657, 0.444727, 0.267677,
                0.280083, 0.051168, 0.631299, 0.089282],
    "woman": [-0.054007, 0.022552, -0.401746, -0.175868, -0.203797, -0.589238, 0.34752, 0.408828,
              -0.214853, 0.103252, 0.184917, -0.191268],
    "she": [0.359257, -0.005135, 0.14963, 0.421404, -0.55036, -0.422702, -0.220353, -0.147285,
            -0.047334, -0.287603, -0.181175, -0.036541],
    "he": [-0.7772, 0.075593, -0.02418, 0.053827, -0.275602, -0.202351, -0.207156, -0.047794,
           0.449923, -0.10399, 0.087106, 0.061895],
    "king": [-0.755309, 0.012705, -0.463419, 0.102918, -0.039503, -0.062256, 0.018176, -0.24528,
             0.25452, -0.068117, 0.261536, -0.015732],
}  # fmt: skip
# The same with "bearded" alone as specific word: she and king stand on the other side.
SWAPPED_BY_DEBIASWE = {"she": -0.761544, "he": 0.312607, "queen": -0.74994, "king": 0.432908}


def test_debiaswe_where_it_is_right():
    protected = [*(w for p in EQUAL for w in p), "bearded"]
    made = HardDebias(PAIRS, equalize=EQUAL, protected=protected).fit_transform(ROWS, words=WORDS)
    for word, expected in DEBIASWE.items():
        np.testing.assert_allclose(_row(made, word), expected, atol=2e-6, err_msg=word)
    # Where its pairs are not protected it swaps them; ours are as before.
    free = HardDebias(PAIRS, equalize=EQUAL, protected=["bearded"])
    made = free.fit_transform(ROWS, words=WORDS)
    for one, other in (("she", "he"), ("queen", "king")):
        side = np.sign(_row(_u(ROWS), one)[0] - _row(_u(ROWS), other)[0])
        assert np.sign(_row(made, one)[0] - _row(made, other)[0]) == side
        assert np.sign(SWAPPED_BY_DEBIASWE[one] - SWAPPED_BY_DEBIASWE[other]) == -side


# WEFE 1.0.1 (gensim 4.4.0, numpy 1.26.4), cosines of vectors after HardDebias(ignore=["bearded"]);
# its equalised words come off unit length (1.005 for "she", 1.031 for "queen"), so dot products are
# no oracle.
WEFE_HARD = {
    ("nurse", "doctor"): -0.002509,
    ("nurse", "chair"): 0.063252,
    ("nurse", "bearded"): 0.297485,
    ("she", "he"): 0.019931,
    ("nurse", "she"): -0.259728,
    ("queen", "king"): -0.095237,
    ("queen", "doctor"): -0.045169,
    ("queen", "she"): 0.77958,
    ("woman", "nurse"): 0.27805,
    ("woman", "queen"): 0.149583,
}
# WEFE 1.0.1, MulticlassHardDebias(pca_args={"n_components": k}).transform(ignore=["bearded"]).
SETS = [("she", "he", "nurse"), ("woman", "man", "doctor"), ("girl", "boy", "chair")]
WEFE_MULTI = {
    2: {
        ("king", "queen"): 0.285372,
        ("king", "bearded"): 0.097479,
        ("she", "he"): -0.018928,
        ("she", "nurse"): -0.46424,
        ("king", "she"): 0.125602,
        ("king", "nurse"): 0.125602,
        ("doctor", "woman"): 0.864135,
        ("aunt", "chair"): -0.183662,
    },
    6: {
        ("king", "queen"): -0.033985,
        ("king", "bearded"): 0.149602,
        ("she", "he"): -0.163399,
        ("she", "nurse"): -0.414591,
        ("king", "she"): 0.129178,
        ("king", "nurse"): 0.129178,
        ("doctor", "woman"): 0.338821,
        ("aunt", "chair"): -0.174427,
    },
}


def _agree(made, cosines):
    before = 0.0
    for (a, b), cosine in cosines.items():
        assert _row(made, a) @ _row(made, b) == pytest.approx(cosine, abs=2e-6), (a, b)
        before = max(before, abs(_row(_u(ROWS), a) @ _row(_u(ROWS), b) - cosine))
    assert before > 0.1


def test_wefe_where_it_is_right():
    hard = HardDebias(PAIRS, equalize=EQUAL, protected=["bearded"])
    _agree(hard.fit_transform(ROWS, words=WORDS), WEFE_HARD)
    for k, cosines in WEFE_MULTI.items():
        multi = MulticlassHardDebias(SETS, k=k, protected=["bearded"])
        _agree(multi.fit_transform(ROWS, words=WORDS), cosines)


# --- real vectors -------------------------------------------------------------------------------


def _published():
    return (
        [tuple(p) for p in definitional_pairs()],
        [tuple(p) for p in published("bolukbasi2016")["equalize-pairs"]["pairs"]],
        published("bolukbasi2016")["gender-specific"]["words"],
    )


def _weat_words(name):
    test = next(t for t in embias.load_suite("weat").tests if t.name == name)
    return [list(test.words(role).words) for role in ROLES]


def test_bolukbasi_on_real_vectors(extract):
    """With the published lists: direct bias of neutral words is 0, and what names carry stays."""
    pairs, equal, specific = _published()
    words = list(extract.words)
    debias = HardDebias(pairs, equalize=equal, protected=specific).fit_encoder(extract)
    assert (debias.missing_, debias.untouched_) == ((), ())
    assert len(debias.equalized_) >= 52
    special = {*debias.protected_, *(w for each in debias.equalized_ for w in each)}
    neutral = [w for w in words if w not in special]
    assert len(neutral) > 3000
    before, after = extract, extract | debias
    g = debias.subspace_
    was, now = (direct_bias(e.encode(neutral), g).value for e in (before, after))
    assert was > 0.05
    assert now < 1e-7
    np.testing.assert_allclose(np.linalg.norm(after.encode(words), axis=1), 1, atol=1e-6)
    kept = [
        w
        for w in debias.protected_
        if w in extract and not any(w in each for each in debias.equalized_)
    ]
    same = _u(before.encode(kept).astype(float))
    np.testing.assert_allclose(after.encode(kept), same, atol=1e-6)
    # Same vectors by the naive loop.
    vectors = dict(zip(words, before.encode(words).astype(np.float64), strict=True))
    naive = naive_hard_debias(vectors, g.basis, debias.equalized_, set(debias.protected_))
    made = after.encode(words)
    np.testing.assert_allclose(made, np.array([naive[w] for w in words]), atol=1e-6)


def test_what_hard_debiasing_does_to_weat(extract):
    """Names are neutral words, yet career and family with names hardly change.

    What 16 names share beyond the direction still tells men's from women's (D falls from .156 to
    .092, d only from 1.89 to 1.80). With male and female words the figure is what the lists make
    of it: with all attribute pairs equalised it is 0 by theorem.
    """
    pairs, equal, specific = _published()
    debias = HardDebias(pairs, equalize=equal, protected=specific).fit_encoder(extract)

    def figures(encoder, sets):
        found = weat(*(encoder.encode(words) for words in sets))
        return found.statistic, found.effect_size

    names = _weat_words("weat6")
    assert not {*names[0], *names[1]} & {*debias.protected_}
    was, now = figures(extract, names), figures(extract | debias, names)
    assert was == pytest.approx((0.156451, 1.889868), abs=1e-5)
    assert now == pytest.approx((0.092453, 1.797641), abs=1e-5)

    maths = _weat_words("weat7")
    assert figures(extract, maths)[0] == pytest.approx(0.028183, abs=1e-5)
    # "him" and "hers" are protected and in no pair: all that is left is their difference.
    after = extract | debias
    left = figures(after, maths)[0]
    x, y, him, hers = (after.encode(w) for w in (maths[0], maths[1], ["him"], ["hers"]))
    assert left == pytest.approx(float(((x.mean(0) - y.mean(0)) @ (him - hers).T)[0]) / 8, abs=1e-6)
    assert left == pytest.approx(-0.007719, abs=1e-5)
    attributes = [
        ("male", "female"),
        ("man", "woman"),
        ("boy", "girl"),
        ("brother", "sister"),
        ("he", "she"),
        ("him", "her"),
        ("his", "hers"),
        ("son", "daughter"),
    ]
    assert {w for p in attributes for w in p} == {*maths[2], *maths[3]}
    whole = HardDebias(pairs, equalize=attributes, protected=specific).fit_encoder(extract)
    assert abs(figures(extract | whole, maths)[0]) < 1e-8


def test_from_many_groups_on_real_vectors(extract):
    words = list(extract.words)
    sets = [
        ("boy", "girl", "baby"),
        ("father", "mother", "parents"),
        ("son", "daughter", "children"),
    ]
    sets = [each for each in sets if not extract.missing(list(each))]
    assert len(sets) >= 2
    debias = MulticlassHardDebias(sets, k=2).fit_encoder(extract)
    made = (extract | debias).encode(words)
    listed = {w for each in debias.equalized_ for w in each}
    neutral = [i for i, w in enumerate(words) if w not in listed]
    for each in sets:
        cosines = made[neutral] @ np.array([_row(made, w, words) for w in each]).T
        assert np.ptp(cosines, axis=1).max() < 1e-6
    units = _u(extract.encode(words).astype(float))
    before = units[neutral] @ np.array([_row(units, w, words) for w in sets[0]]).T
    assert np.ptp(before, axis=1).max() > 0.1


def test_a_subspace_that_is_known_needs_no_pairs():
    g = Subspace.from_vectors(np.eye(12)[:1])
    made = HardDebias(g, equalize=None).fit(ROWS)
    assert made.equalized_ == ()
    np.testing.assert_allclose(made.transform(ROWS)[:, 0], 0, atol=1e-15)
