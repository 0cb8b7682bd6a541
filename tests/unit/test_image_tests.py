"""Association tests made of pictures: in Python, in TOML files, through an audit and the CLI."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from embias import Audit, audit, load_suite
from embias.encoders import StaticEncoder
from embias.encoders.images import ImageTextEncoder, VisionEncoder
from embias.errors import DataFileError, InputError
from embias.stimuli import AssociationTest, Suite, WordSet
from embias.stimuli.pictures import image_set, image_test
from embias.types import EncoderInfo, Image, InContext
from fixtures.tiny_vision import drawn, saved, tiny_clip, tiny_vit

pytest.importorskip("PIL")

SETS = {
    "flowers": {"rose": 1, "tulip": 2, "daisy": 3},
    "insects": {"ant": 4, "wasp": 5, "beetle": 6},
    "joy": {"a": 7, "b": 8},
    "war": {"a": 9, "b": 10},
}


@pytest.fixture
def folder(tmp_path):
    """Four folders of pictures, with files beside them that are none."""
    for name, seeds in SETS.items():
        drawn(tmp_path / "pictures" / name, **seeds)
    (tmp_path / "pictures" / "flowers" / "LICENCE.txt").write_text("free")
    (tmp_path / "pictures" / "flowers" / ".hidden.png").write_text("none")
    return tmp_path / "pictures"


@pytest.fixture
def test_of_pictures(folder):
    return image_test(
        "iEAT",
        targets={"Flowers": folder / "flowers", "Insects": folder / "insects"},
        attributes={"Joy": folder / "joy", "War": folder / "war"},
    )


class Planted:
    """An encoder that knows the vector of every content, and keeps what it was asked."""

    def __init__(self, vectors, modalities=("image",)):
        self.vectors = vectors
        self.asked = []
        dim = len(next(iter(vectors.values())))
        self.info = EncoderInfo("planted", "image", dim, modalities=modalities)

    def encode(self, items, *, progress=False):
        self.asked += items
        keys = [item if isinstance(item, str) else item.digest for item in items]
        return np.array([self.vectors[key] for key in keys]).reshape(len(items), self.info.dim)

    def missing(self, items):
        return []


def digest(path):
    return "sha256:" + hashlib.sha256(Path(path).read_bytes()).hexdigest()


def by_hand(x, y, a, b):
    """WEAT's d (ddof 1) and the exact p (one-sided) by counting all relabellings."""

    def unit(rows):
        return rows / np.linalg.norm(rows, axis=1)[:, None]

    s = [(unit(t) @ unit(a).T).mean(1) - (unit(t) @ unit(b).T).mean(1) for t in (x, y)]
    every = np.concatenate(s)
    d = (s[0].mean() - s[1].mean()) / every.std(ddof=1)
    sums = [every[list(c)].sum() for c in itertools.combinations(range(len(every)), len(x))]
    return d, np.mean([total >= s[0].sum() - 1e-12 for total in sums])


def rows_of(encoder, test):
    return [
        encoder.encode([item for word in test.words(role).words for item in test.stimuli(word)])
        for role in "XYAB"
    ]


# --- made in Python ------------------------------------------------------------------------------


def test_image_set_of_a_folder_and_of_files(folder):
    flowers = image_set("Flower", folder / "flowers")
    assert flowers.words.words == ("Flower/daisy.png", "Flower/rose.png", "Flower/tulip.png")
    assert len(flowers) == 3
    (rose,) = flowers.images["Flower/rose.png"]
    assert rose == Image.from_file(folder / "flowers" / "rose.png")
    files = [folder / "flowers" / "tulip.png", str(folder / "flowers" / "rose.png")]
    listed = image_set("Flower", files)
    assert listed.words.words == ("Flower/tulip.png", "Flower/rose.png")
    apart = image_set("Both", [folder / "joy" / "a.png", folder / "war" / "a.png"])
    assert apart.words.words == ("Both/joy/a.png", "Both/war/a.png")
    held = image_set("Flower", [Image.from_file(folder / "flowers" / "rose.png")])
    assert held.words.words == ("Flower/rose.png",)
    assert image_set("Flower", str(folder / "flowers")) == flowers


def test_image_sets_that_are_refused(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    for pictures, message in [
        (tmp_path / "empty", "has no picture"),
        ([], "is empty; give at least one picture"),
        ([tmp_path / "none.png"], "no such file"),
        (tmp_path / "none", "no such file"),
        ([5], "5 is neither a path nor an Image"),
        (5, "pictures is a int"),
        (Image.from_file(folder / "joy" / "a.png"), "pictures is a Image"),
    ]:
        with pytest.raises(InputError, match=message):
            image_set("Flower", pictures)
    with pytest.raises(InputError, match=r"two pictures are called 'S/a\.png'"):
        image_set("S", [Image.from_file(folder / name / "a.png") for name in ("joy", "war")])
    shutil.copy(folder / "joy" / "a.png", folder / "joy" / "c.png")
    with pytest.warns(UserWarning, match=r"'S/c\.png' is the same picture as 'S/a\.png'"):
        assert len(image_set("S", folder / "joy")) == 2


def test_image_test_with_words_as_attributes(folder):
    test = image_test(
        "mixed",
        targets={
            "Flowers": folder / "flowers",
            "Insects": [folder / "insects" / "ant.png", "wasp"],
        },
        attributes={"Good": ["joy", "love"], "Bad": ["war"]},
        templates=("a photo of {}",),
    )
    assert test.words("Y").words == ("Insects/ant.png", "wasp")
    assert set(test.images) == {*test.words("X").words, "Insects/ant.png"}
    assert test.stimuli("Insects/ant.png") == (Image.from_file(folder / "insects" / "ant.png"),)
    assert test.stimuli("joy") == (InContext("a photo of joy", 11, 14),)
    for values, message in [
        (["rose.png"], r"'rose\.png' is a word here; write pathlib\.Path"),
        ("flowers", r"is not a list; give \[\.\.\.\], or pathlib\.Path"),
        ([3], "3 is neither a word, a pathlib.Path nor an Image"),
        ([], "is empty"),
    ]:
        with pytest.raises(InputError, match=message):
            image_test("t", targets={"A": values, "B": ["b"]}, attributes={"C": ["c"], "D": ["d"]})
    with pytest.raises(InputError, match="targets must be two sets"):
        image_test("t", targets={"A": ["a"]}, attributes={"C": ["c"], "D": ["d"]})


def test_image_test_of_sets(folder, test_of_pictures):
    sets = {name: image_set(name.title(), folder / name) for name in SETS}
    again = image_test(
        "iEAT",
        targets=(sets["flowers"], sets["insects"]),
        attributes=[sets["joy"], sets["war"]],
    )
    assert again == test_of_pictures
    words = image_test(
        "w",
        targets=(sets["flowers"], sets["insects"]),
        attributes=(sets["joy"], WordSet("W", ["a", "b"])),
    )
    assert words.stimuli("a") == ("a",)


def test_pictures_of_a_test_are_checked(folder):
    x, y, a, b = (WordSet(name, [name, name + "2"]) for name in "xyab")
    plain = AssociationTest("t", (x, y), (a, b))
    rose, tulip = (Image.from_file(folder / "flowers" / f"{n}.png") for n in ("rose", "tulip"))
    test = plain.with_images({"x": [rose]})
    assert test.stimuli("x") == (rose,)
    assert test.stimuli("x2") == ("x2",)
    assert plain.images == {}
    assert test.with_images({"y": [tulip]}).images == {"x": (rose,), "y": (tulip,)}
    for images, message in [
        ({"rose": [rose]}, "'rose', which is no word of the test"),
        ({"x": []}, "must be a list of Images, each once"),
        ({"x": [rose, rose]}, "each once"),
        ({"x": ["rose.png"]}, "must be a list of Images"),
        ({"x": rose}, "must be a list of Images, got Image"),
        ({"x": 3}, "must be a list of Images, got int"),
        ([rose], "must be a mapping"),
        ({"x": [rose], "y2": [rose]}, "'x' and 'y2' are the same picture in both targets"),
        ({"a": [rose], "b": [rose]}, "the same picture in both attributes"),
    ]:
        with pytest.raises(InputError, match=message):
            plain.with_images(images)
    assert plain.with_images({"x": [rose], "a": [rose]}).images  # a target that is an attribute
    with pytest.raises(InputError, match="images must be a mapping"):
        AssociationTest("t", (x, y), (a, b), images=[rose])


def test_sentences_are_needed_only_by_words_without_pictures(folder):
    rose = Image.from_file(folder / "flowers" / "rose.png")
    sets = [WordSet(name, [name]) for name in "xyab"]
    sentences = {name: (InContext(f"an {name}", 3, 4),) for name in "yab"}
    images = {"x": (rose,)}
    test = AssociationTest(
        "t", tuple(sets[:2]), tuple(sets[2:]), sentences=sentences, images=images
    )
    assert test.stimuli("x") == (rose,)
    with pytest.raises(InputError, match="'x' has no sentences"):
        replace(test, images={})


# --- the hash of a suite -------------------------------------------------------------------------


def test_the_hash_follows_content_and_not_names(folder, tmp_path):
    def suite(root):
        test = image_test(
            "t",
            targets={"X": root / "flowers", "Y": root / "insects"},
            attributes={"A": root / "joy", "B": ["war", "pain"]},
        )
        return Suite("s", (test,))

    before = suite(folder)
    copy = Path(shutil.copytree(folder, tmp_path / "elsewhere"))
    os.rename(copy / "flowers" / "daisy.png", copy / "flowers" / "zinnia.png")
    moved = suite(copy)
    assert moved.sha256 == before.sha256
    assert "X/zinnia.png" in str(moved.to_dict()["asked"])
    assert str(tmp_path) not in json.dumps(before.to_dict())
    assert before.to_dict()["asked"][0][1][0][2][0] == [
        "X/daisy.png",
        [{"image": digest(folder / "flowers" / "daisy.png")}],
    ]
    drawn(copy / "flowers", zinnia=77)
    assert suite(copy).sha256 != before.sha256
    shutil.copy(folder / "joy" / "a.png", copy / "flowers" / "zinnia.png")
    swapped = suite(copy)
    assert swapped.sha256 not in (before.sha256, moved.sha256)


def test_hashes_of_texts_are_what_they_were():
    asked = [
        ["t", [[role, role, [[word, [word]]]] for role, word in zip("XYAB", "xyab", strict=True)]]
    ]
    sets = [WordSet(role, [word]) for role, word in zip("XYAB", "xyab", strict=True)]
    suite = Suite("s", (AssociationTest("t", tuple(sets[:2]), tuple(sets[2:])),))
    assert suite.sha256 == hashlib.sha256(json.dumps(asked).encode()).hexdigest()


# --- audits --------------------------------------------------------------------------------------


def test_planted_association_gives_the_d_and_p_computed_by_hand(folder, test_of_pictures):
    rng = np.random.default_rng(5)
    vectors = {}
    for name, seeds in SETS.items():
        lean = np.array([1.0, 0, 0, 0]) * (2 if name in ("flowers", "joy") else -2)
        for file in seeds:
            vectors[digest(folder / name / f"{file}.png")] = lean + rng.normal(size=4)
    encoder = Planted(vectors)
    (row,) = audit(encoder, test_of_pictures).results
    x, y, a, b = rows_of(Planted(vectors), test_of_pictures)
    assert (x.shape, b.shape) == ((3, 4), (2, 4))
    d, p = by_hand(x, y, a, b)
    assert row.status == "ok"
    assert row.association.effect_size == pytest.approx(d, abs=1e-12)
    assert d > 1.5
    assert row.association.pvalue == pytest.approx(p, abs=1e-12)
    assert p == pytest.approx(1 / 20)
    assert row.association.pvalue_method == "exact"
    assert (row.association.n_x, row.association.items_x) == (3, 3)
    assert row.counts[0].name == "Flowers"
    assert len(encoder.asked) == 10  # each picture once
    flipped = replace(test_of_pictures, attributes=test_of_pictures.attributes[::-1])
    (other,) = audit(Planted(vectors), flipped).results
    assert other.association.effect_size == pytest.approx(-d, abs=1e-12)


def test_several_pictures_of_one_word_are_one_unit(folder):
    rng = np.random.default_rng(0)
    files = sorted(folder.rglob("[a-z]*.png"))
    vectors = {digest(file): rng.normal(size=3) for file in files}
    pictures = [Image.from_file(file) for file in files]
    sets = [WordSet(n, [n + "1", n + "2"]) for n in "xy"], [WordSet(n, [n]) for n in "ab"]
    words = ["x1", "x2", "y1", "y2", "a", "b"]
    taken = [
        pictures[0:2],
        pictures[2:4],
        pictures[4:6],
        pictures[6:8],
        pictures[8:9],
        pictures[9:],
    ]
    test = AssociationTest("t", *map(tuple, sets)).with_images(dict(zip(words, taken, strict=True)))
    (row,) = audit(Planted(vectors), test).results
    assert (row.association.n_x, row.association.items_x) == (2, 4)
    d, _ = by_hand(*rows_of(Planted(vectors), test))
    assert row.association.effect_size == pytest.approx(d)


def random_vectors(folder, dim=3):
    rng = np.random.default_rng(0)
    return {digest(file): rng.normal(size=dim) for file in sorted(folder.rglob("[a-z]*.png"))}


def test_ieat_by_name_is_the_test_of_pictures(folder, test_of_pictures):
    encoder = Planted(random_vectors(folder))
    plain, ieat, seat, other = audit(
        encoder, test_of_pictures, metrics=["weat", "ieat", "seat", "isotropy"]
    ).results
    d, p = by_hand(*rows_of(Planted(encoder.vectors), test_of_pictures))
    assert ieat.association.effect_size == pytest.approx(d)
    assert ieat.association.pvalue == pytest.approx(p)
    assert ieat.association == plain.association
    assert (ieat.association.ddof, ieat.association.alternative) == (1, "greater")
    assert (ieat.metric, ieat.interval) == ("ieat", plain.interval)
    assert "words alone" in seat.reason
    assert other.status == "ok"
    assert len(encoder.asked) == 10  # each picture once for all metrics


def test_ieat_relabels_pictures_where_weat_relabels_words(folder):
    """Two pictures of each target word: 6 relabellings of words, 70 of pictures."""
    files = [Image.from_file(file) for file in sorted(folder.rglob("[a-z]*.png"))]
    sets = [WordSet(n, [n + "1", n + "2"]) for n in "xy"], [WordSet(n, [n]) for n in "ab"]
    taken = {"x1": files[:2], "x2": files[2:4], "y1": files[4:6], "y2": files[6:8]}
    taken |= {"a": files[8:9], "b": files[9:]}
    test = AssociationTest("t", *map(tuple, sets)).with_images(taken)
    vectors = random_vectors(folder)
    words, pictures = audit(Planted(vectors), test, metrics=["weat", "ieat"]).results
    d, p = by_hand(*rows_of(Planted(vectors), test))
    assert pictures.association.effect_size == words.association.effect_size == pytest.approx(d)
    assert pictures.association.pvalue == pytest.approx(p)
    assert (pictures.association.n_partitions, words.association.n_partitions) == (70, 6)
    assert pictures.association.pvalue != words.association.pvalue
    shown = " ".join(audit(Planted(vectors), test, metrics=["ieat"]).to_text().split())
    assert "p relabels single items; those of one word are not independent" in shown


def test_ieat_without_pictures_or_without_an_encoder_of_them(folder, test_of_pictures):
    texts = image_test(
        "texts",
        targets={"Flowers": ["rose", "tulip"], "Insects": ["ant", "wasp"]},
        attributes={"Good": ["joy", "love"], "Bad": ["war", "pain"]},
    )
    encoder = Planted(random_vectors(folder))
    (row,) = audit(encoder, texts, metrics=["ieat"]).results
    assert (row.status, encoder.asked) == ("error", [])
    assert "ieat is for tests with pictures, and this test has none" in row.reason
    (row,) = audit("word2vec-googlenews-extract", test_of_pictures, metrics=["ieat"]).results
    assert "takes words, and this test has pictures" in row.reason


def test_real_models_end_to_end(test_of_pictures, folder, tmp_path):
    clip, vit = ImageTextEncoder(tiny_clip()), VisionEncoder(tiny_vit())
    words = image_test(
        "words",
        targets={"Flowers": folder / "flowers", "Insects": folder / "insects"},
        attributes={"Good": ["joy", "love"], "Bad": ["war", "pain"]},
        templates=("a photo of {}", "{}"),
    )
    texts = image_test(
        "texts",
        targets={"Flowers": ["rose", "tulip"], "Insects": ["ant", "wasp"]},
        attributes={"Good": ["joy", "love"], "Bad": ["war", "pain"]},
    )
    suite = Suite("mine", (test_of_pictures, words, texts))
    result = audit([clip, vit], suite)
    rows = {(row.encoder, row.test): row for row in result.results}
    for encoder, test in ((clip, test_of_pictures), (vit, test_of_pictures)):
        d, p = by_hand(*rows_of(encoder, test))
        row = rows[encoder.info.id, test.name]
        assert row.association.effect_size == pytest.approx(d, abs=1e-4)
        assert row.association.pvalue == pytest.approx(p)
    x, y = rows_of(clip, test_of_pictures)[:2]
    good = clip.encode(["a photo of joy", "joy", "a photo of love", "love"])
    bad = clip.encode(["a photo of war", "war", "a photo of pain", "pain"])
    d, _ = by_hand(x, y, good, bad)
    assert rows["image-text", "words"].association.effect_size == pytest.approx(d, abs=1e-4)
    assert rows["image-text", "texts"].status == "ok"
    for name in ("words", "texts"):
        row = rows["vision", name]
        assert row.status == "error"
        assert row.reason.startswith("the encoder 'vision' takes pictures, and this test has words")
        assert "run it on an encoder of texts" in row.reason
    path = tmp_path / "audit.json"
    result.to_json(path)
    assert Audit.from_json(path) == result
    assert str(folder) not in path.read_text()
    assert digest(folder / "flowers" / "rose.png") in path.read_text()
    assert "Flowers/rose.png" in path.read_text()


@pytest.mark.parametrize("encoder", ["static", "planted"])
def test_pictures_on_an_encoder_of_texts(test_of_pictures, encoder):
    sets = (WordSet("F", ["rose", "tulip"]), WordSet("I", ["ant", "wasp"]))
    text = AssociationTest("text", sets, (WordSet("J", ["joy"]), WordSet("W", ["war"])))
    rng = np.random.default_rng(1)
    words = ["rose", "tulip", "ant", "wasp", "joy", "war"]
    vectors = {word: rng.normal(size=3) for word in words}
    taken = StaticEncoder.from_dict(vectors, id="words")
    if encoder == "planted":
        taken = Planted(vectors, modalities=("text",))
    result = audit(taken, Suite("s", (test_of_pictures, text)))
    pictures, texts = result.results
    assert pictures.status == "error"
    assert (
        f"the encoder {taken.info.id!r} takes words, and this test has pictures" in pictures.reason
    )
    assert "'Flowers/daisy.png' and 9 more" in pictures.reason
    assert "run it on an ImageTextEncoder or a VisionEncoder" in pictures.reason
    assert texts.status == "ok"
    if encoder == "planted":
        assert sorted(taken.asked) == sorted(words)  # the other test did not get in the way


def test_a_damaged_picture_is_the_reason_of_its_row(test_of_pictures, folder):
    broken = test_of_pictures.images["Flowers/rose.png"][0]
    Path(broken.source).write_bytes(b"no picture")
    sets = {name: folder / name for name in ("flowers", "insects", "joy", "war")}
    (sets["flowers"] / "rose.png").unlink()
    good = image_test(
        "good",
        targets={
            "F": [folder / "flowers" / "daisy.png", folder / "flowers" / "tulip.png"],
            "I": folder / "insects",
        },
        attributes={"J": folder / "joy", "W": folder / "war"},
    )
    Path(broken.source).write_bytes(b"no picture")
    result = audit(VisionEncoder(tiny_vit()), Suite("s", (test_of_pictures, good)))
    assert "rose.png has changed since it was named" in result.results[0].reason
    assert result.results[1].status == "ok"


def test_the_same_picture_as_target_and_attribute_is_noted(folder):
    rose = [folder / "flowers" / "rose.png"]
    test = image_test(
        "t",
        targets={"F": folder / "flowers", "I": folder / "insects"},
        attributes={"J": rose, "W": folder / "war"},
    )
    (row,) = audit(VisionEncoder(tiny_vit()), test).results
    assert row.notes == ("Both target and attribute, which adds a cosine of 1: F/rose.png.",)


# --- suites in files -----------------------------------------------------------------------------

TOML = """\
name = "mine"
[sets.flowers]
name = "Flowers"
images = "pictures/flowers"
[sets.insects]
images = ["pictures/insects/*.png"]
[sets.joy]
images = ["pictures/joy/b.png", "pictures/joy/a.png", "./pictures/joy/*"]
[sets.war]
words = ["war", "pain"]
[tests.one]
targets = ["flowers", "insects"]
attributes = ["joy", "war"]
"""


@pytest.fixture
def suite_file(folder):
    path = folder.parent / "mine.toml"
    path.write_text(TOML)
    return path


def test_a_suite_file_with_pictures(suite_file, folder, monkeypatch):
    suite = load_suite(suite_file)
    (test,) = suite.tests
    assert test.words("X") == WordSet(
        "Flowers", [f"pictures/flowers/{n}.png" for n in ("daisy", "rose", "tulip")]
    )
    assert test.words("A").words == ("pictures/joy/a.png", "pictures/joy/b.png")
    assert test.words("B").words == ("war", "pain")
    assert test.stimuli("pictures/joy/a.png") == (Image.from_file(folder / "joy" / "a.png"),)
    assert test.stimuli("war") == ("war",)
    assert test.stimuli("pictures/joy/a.png")[0].name == "pictures/joy/a.png"
    monkeypatch.chdir(suite_file.parent)
    assert load_suite("mine.toml").sha256 == suite.sha256
    monkeypatch.chdir("/")
    encoder = ImageTextEncoder(tiny_clip())
    d, _ = by_hand(*rows_of(encoder, test))
    (row,) = audit(encoder, suite_file).results
    assert row.association.effect_size == pytest.approx(d, abs=1e-4)
    by_code = image_test(
        "one",
        targets={"Flowers": folder / "flowers", "insects": folder / "insects"},
        attributes={"joy": folder / "joy", "war": ["war", "pain"]},
    )
    assert Suite("mine", (by_code,)).sha256 == suite.sha256


def test_a_suite_file_finds_pictures_beside_and_above_it(suite_file, folder):
    below = suite_file.parent / "suites"
    below.mkdir()
    (below / "mine.toml").write_text(TOML.replace("pictures/", "../pictures/"))
    link = folder / "linked"
    link.symlink_to(folder / "flowers", target_is_directory=True)
    suite = load_suite(below / "mine.toml")
    assert suite.sha256 == load_suite(suite_file).sha256
    assert suite.tests[0].words("X").words[0] == "../pictures/flowers/daisy.png"
    suite_file.write_text(TOML.replace("pictures/flowers", "pictures/linked"))
    assert load_suite(suite_file).sha256 == suite.sha256
    suite_file.write_text(TOML.replace('"pictures/flowers"', '"pictures/fl*/**/*.png"'))
    assert load_suite(suite_file).sha256 == suite.sha256


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"pictures/flowers"', '"none"', r"\[sets.flowers\], key 'images': 'none' matches no file"),
        ('"pictures/flowers"', '"pictures"', "'pictures' is a folder without pictures"),
        (
            '"pictures/flowers"',
            '["pictures/*.gif"]',
            r"'pictures/\*\.gif' matches no file or folder",
        ),
        ('"pictures/flowers"', '"/etc/hostname"', "must be relative to the folder of this file"),
        ('"pictures/flowers"', '"~/pictures"', "must be relative to the folder of this file"),
        ('"pictures/flowers"', "[]", "is empty; give at least one"),
        ('"pictures/flowers"', '""', "must be a text, not an empty text"),
        ('"pictures/flowers"', "3", "must be a list of texts, not a number"),
        ('"pictures/flowers"', "[3]", "3 is not a text"),
        ('"pictures/flowers"', '"a\\u0000"', "holds a NUL character"),
        ('"pictures/flowers"', '"pictures/flowers"\nwords = ["a"]', "stands beside 'words'"),
        ('images = "pictures/flowers"', 'picture = "a"', "unknown key 'picture'"),
        ('"pictures/flowers"', '"pictures/insects"', "same picture in both targets|is in both"),
        ('"pictures/flowers"', '["pictures/flowers", "twice.png"]', "are one picture"),
    ],
)
def test_mistakes_in_a_suite_file(suite_file, folder, old, new, message):
    shutil.copy(folder / "flowers" / "rose.png", suite_file.parent / "twice.png")
    suite_file.write_text(TOML.replace(old, new))
    with pytest.raises(DataFileError, match=message) as caught:
        load_suite(suite_file)
    assert str(caught.value).startswith(str(suite_file))


def test_pictures_beside_words_with_sentences_of_their_own(suite_file):
    suite_file.write_text(
        TOML
        + 'templates = "words"\n[templates]\nthing = ["a {} here"]\n'
        + '[words]\nwar = { use = "thing" }\npain = { use = "thing" }\n'
    )
    (test,) = load_suite(suite_file).tests
    assert test.stimuli("war") == (InContext("a war here", 2, 5),)
    assert isinstance(test.stimuli("pictures/joy/a.png")[0], Image)


def test_cli_with_a_suite_of_pictures(suite_file, embias_cli, tmp_path):
    vectors = tmp_path / "words.txt"
    vectors.write_text("rose 1 0\nwar 0 1\npain 1 1\n")
    done = embias_cli("audit", vectors, "--suite", suite_file, "--json", tmp_path / "out.json")
    assert "Traceback" not in done.stderr
    assert (tmp_path / "out.json").exists(), done.stderr
    (row,) = Audit.from_json(tmp_path / "out.json").results
    assert "takes words, and this test has pictures" in row.reason


def test_cli_with_a_clip_in_a_folder(suite_file, tmp_path, capsys):
    from embias.cli import main

    model = saved(tmp_path / "clip", *tiny_clip())
    out = tmp_path / "out.json"
    code = main(["audit", str(model), "--suite", str(suite_file), "--json", str(out)])
    assert code == 0, capsys.readouterr().err
    (row,) = Audit.from_json(out).results
    encoder = ImageTextEncoder(model)
    d, _ = by_hand(*rows_of(encoder, load_suite(suite_file).tests[0]))
    assert row.association.effect_size == pytest.approx(d, abs=1e-4)
    assert "Flowers" in capsys.readouterr().out
