"""Audits of encoders before and after transforms."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

import embias
from embias.errors import InputError
from embias.geometry import Subspace
from embias.transforms import OrthogonalProjection

PAIRS = [("she", "he"), ("woman", "man"), ("her", "his"), ("mother", "father"), ("girl", "boy")]


@pytest.fixture(scope="module")
def extract():
    return embias.as_encoder("word2vec-googlenews-extract")


@pytest.fixture(scope="module")
def projection(extract):
    gender = Subspace.from_pairs([extract.encode(pair) for pair in PAIRS])
    return OrthogonalProjection(gender).fit(extract.vectors)


def test_before_and_after_stand_in_one_table(extract, projection):
    found = embias.audit(extract, "weat", transforms=[projection, PCA(50).fit(extract.vectors)])
    frame = found.frame
    assert len(frame) == 30
    assert frame["encoder"].nunique() == 1
    kinds = frame["transform"].str.extract(r"^(\w*)", expand=False).tolist()
    assert kinds == [""] * 10 + ["OrthogonalProjection"] * 10 + ["PCA"] * 10
    by_hand = embias.audit(extract | projection, "weat").frame
    np.testing.assert_array_equal(frame["effect_size"][10:20], by_hand["effect_size"])
    assert embias.audit([extract, extract | projection], "weat").frame["effect_size"].tolist() == (
        frame["effect_size"][:20].tolist()
    )
    # Science and arts went with male and female terms, and do no longer.
    science = frame[frame["test"] == "weat8"]["statistic"].tolist()
    assert science[0] > 0.04
    assert abs(science[1]) < 0.001
    flowers = frame[frame["test"] == "weat1"]["effect_size"].tolist()
    assert flowers[1] == pytest.approx(flowers[0], abs=0.05)


def test_every_text_is_encoded_once_for_all_transforms(projection):
    asked = []

    def encode(texts):
        asked.extend(texts)
        return np.stack([np.random.default_rng(len(t)).normal(size=300) for t in texts])

    encoder = embias.as_encoder(encode, id="counted")
    test = embias.AssociationTest(
        "t",
        targets=(embias.WordSet("X", ["aa", "bbb"]), embias.WordSet("Y", ["cccc", "ddddd"])),
        attributes=(embias.WordSet("A", ["eeeeee"]), embias.WordSet("B", ["fffffff"])),
    )
    found = embias.audit(encoder, test, transforms=(projection, lambda rows: rows * 2))
    assert len(found.frame) == 3
    # The dimension of a function is learnt from one call with "word".
    assert sorted(asked) == ["aa", "bbb", "cccc", "ddddd", "eeeeee", "fffffff", "word"]
    assert found.frame["effect_size"][0] == found.frame["effect_size"][2]


def test_errors(extract, projection):
    with pytest.raises(InputError, match="not fitted"):
        embias.audit(extract, "weat", transforms=PCA(3))
    with pytest.raises(InputError, match="fitted on vectors of 300 coordinates"):
        embias.audit({"a": [1.0, 2.0]}, "weat", transforms=projection)
    with pytest.raises(InputError, match="the same transforms"):
        embias.audit(extract, "weat", transforms=[projection, projection])
