"""Word sets, tests, suites, and their files: what is accepted and how a slip is named."""

import textwrap

import pytest

from embias import AssociationTest, InContext, Suite, WordSet, load_suite
from embias.errors import DataFileError, InputError, UnknownNameError
from embias.results import Published
from embias.stimuli import fill_template, known_suites

GOOD = """
    schema = 1
    name = "mine"
    version = "3"
    [source]
    paper = "Me 2026"
    [sets.flowers]
    name = "Flowers"
    words = ["rose", "daisy"]
    [sets.insects]
    words = ["wasp", "flea"]
    [sets.good]
    words = ["love"]
    [sets.bad]
    words = ["war", "filth"]
    [tests.one]
    targets = ["flowers", "insects"]
    attributes = ["good", "bad"]
    [[tests.one.published]]
    weights = "some-vectors"
    effect_size = 1.5
    source = "Table 1"
"""


@pytest.fixture
def write(tmp_path):
    def _write(text, name="mine.toml"):
        path = tmp_path / name
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return path

    return _write


def small_test(**options):
    return AssociationTest(
        "t",
        (WordSet("X", ["rose"]), WordSet("Y", ["wasp"])),
        (WordSet("A", ["love"]), WordSet("B", ["war"])),
        **options,
    )


def test_a_suite_of_ones_own_is_read(write):
    suite = load_suite(write(GOOD))
    (test,) = suite.tests
    assert (suite.name, suite.version, suite.source.paper) == ("mine", "3", "Me 2026")
    assert test.words("X").words == ("rose", "daisy")
    assert test.words("Y").name == "insects"
    assert test.description == "Flowers/insects vs good/bad"
    assert test.stimuli("rose") == ("rose",)
    assert test.published_for("some-vectors").effect_size == 1.5
    assert test.published_for("others") is None
    assert test.published_for(None) is None


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('words = ["love"]', "words = []", r"\[sets.good\], key 'words': is empty"),
        ('words = ["love"]', 'wrods = ["love"]', r"\[sets.good\].*'wrods'; did you mean 'words'"),
        ('words = ["love"]', 'words = "love"', "must be a list of texts, not the text 'love'"),
        ('words = ["love"]', 'words = ["love", 3]', "3 is not a text"),
        ('words = ["love"]', 'words = ["love", " "]', "' ' is not a text"),
        ('words = ["love"]', 'words = ["love", "love"]', "'love' is listed twice"),
        ('"wasp", "flea"', '"rose", "flea"', "'rose' is in both targets"),
        ('["good", "bad"]', '["god", "bad"]', "no set 'god' in .sets.; did you mean 'good'"),
        ('["good", "bad"]', '["good"]', "must name two sets, and names 1"),
        ('attributes = ["good", "bad"]', "", r"\[tests.one\], key 'attributes': is missing"),
        ('name = "mine"', "", "key 'name': is missing"),
        ('paper = "Me 2026"', "", r"\[source\], key 'paper': is missing"),
        ("schema = 1", "schema = 9", "key 'schema': is 9"),
        ("effect_size = 1.5", 'effect_size = "big"', "published figure 1.*must be a number"),
        ("effect_size = 1.5", "effect_size = nan", "must be a number, and finite"),
        ("effect_size = 1.5", f"effect_size = 1{'0' * 400}", "must be a number, and finite"),
        ("effect_size = 1.5", f"effect_size = 1{'0' * 5000}", "not valid TOML"),
        ("effect_size = 1.5", "decimals = true", "whole number from 0 to 15"),
        ("[[tests.one.published]]", "[tests.one.published]", "write ..tests.one.published.. above"),
        ("[sets.bad]", "[sets.bad", "not valid TOML.*line"),
        ("[tests.one]", '[tests.one]\ntemplates = ["no slot"]', "'no slot': needs just one field"),
        ("[tests.one]", '[tests.one]\ntemplates = ["{} {}"]', "needs just one field"),
        ("[tests.one]", '[tests.one]\ntemplates = ["{"]', "template '{'"),
        ("[tests.one]", '[tests.one]\ntemplates = "words"', r"\[words\], key 'rose': is missing"),
        *(
            ("[tests.one]", f"[tests.one]\ntemplates = {{ {by_role} }}", message)
            for by_role, message in [
                ('targets = ["A {}."]', "key 'templates', key 'attributes': is missing"),
                ('targets = "A {}."', "key 'targets': must be a list of texts"),
                ('tragets = ["A {}."]', "unknown key 'tragets'; did you mean 'targets'"),
                ('targets = ["A {}."], attributes = []', "key 'attributes': is empty"),
                ('targets = ["A {}.", "A {}."]', "key 'targets': the template .* listed twice"),
                ('targets = ["A."]', "key 'targets': template 'A.': needs just one field"),
            ]
        ),
    ],
)
def test_a_slip_in_a_file_is_named(write, old, new, message):
    assert old in GOOD
    path = write(GOOD.replace(old, new, 1))
    with pytest.raises(DataFileError, match=message) as caught:
        load_suite(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_or_not_text_is_named(tmp_path):
    with pytest.raises(DataFileError, match=r"none.toml: cannot be read: No such file"):
        load_suite(tmp_path / "none.toml")
    with pytest.raises(DataFileError, match="cannot be read"):
        load_suite(tmp_path)
    latin = tmp_path / "latin.toml"
    latin.write_bytes('name = "x"\ntitle = "Jos\u00e9"'.encode("latin-1"))
    with pytest.raises(DataFileError, match="line 2: not UTF-8"):
        load_suite(latin)


def test_an_unknown_suite_gets_a_suggestion():
    with pytest.raises(UnknownNameError, match=r"no suite 'waet' .did you mean 'weat'"):
        load_suite("waet")
    with pytest.raises(UnknownNameError, match="known: 'seat', 'tan2019', 'weat'"):
        load_suite("zzzzzz")


def test_the_shipped_suites_load():
    assert {"seat", "tan2019", "weat"} <= set(known_suites())
    weat, seat = load_suite("weat"), load_suite("seat")
    assert [len(test.words("X")) for test in weat.tests] == [25, 25, 32, 16, 16, 8, 8, 8, 6, 8]
    assert all(not test.templated for test in weat.tests)
    assert all(test.templated for test in seat.tests)
    assert weat.sha256 != seat.sha256


def test_targets_and_attributes_may_have_templates_of_their_own(write):
    by_role = 'templates = { targets = ["A {}.", "{} it is."], attributes = ["So {word}!"] }'
    (test,) = load_suite(write(GOOD.replace("[tests.one]", f"[tests.one]\n{by_role}", 1))).tests
    assert test.templated
    assert test.stimuli("rose") == (InContext("A rose.", 2, 6), InContext("rose it is.", 0, 4))
    assert test.stimuli("love") == (InContext("So love!", 3, 7),)
    both = GOOD.replace('words = ["love"]', 'words = ["love", "rose"]')
    with pytest.raises(DataFileError, match="'rose' is a target too; give both roles the same"):
        load_suite(write(both.replace("[tests.one]", f"[tests.one]\n{by_role}", 1)))


def test_a_bare_test_asks_for_the_words_alone():
    figure = Published("some-vectors", 1.5, None, 2, "a table")
    test = small_test(templates=("This is {}.",), note="A note.", published=(figure,))
    bare = test.bare()
    assert bare.stimuli("rose") == ("rose",)
    assert not bare.templated
    assert (bare.targets, bare.attributes) == (test.targets, test.attributes)
    assert bare.published == ()
    assert bare.note == "A note. Here each word stands alone, out of its sentences."
    # A test without templates is bare already, and its figures are those of its words.
    alone = small_test(published=(figure,))
    assert alone.bare() is alone
    assert bare.bare() is bare


def test_a_bare_suite_is_no_longer_the_shipped_one():
    seat, weat = load_suite("seat"), load_suite("weat")
    bare = seat.bare()
    assert (bare.name, bare.version, len(bare)) == ("seat", seat.version, len(seat))
    assert not any(test.templated for test in bare.tests)
    assert not bare.shipped
    assert "asked" in bare.to_dict()
    assert bare.sha256 != seat.sha256
    # The words of its tests 1 to 10 are those of the suite weat.
    for number in range(1, 11):
        asked, of_weat = bare.test(f"seat{number}"), weat.test(f"weat{number}")
        assert all(asked.words(role) == of_weat.words(role) for role in "XYAB")
    assert weat.bare() == weat
    assert weat.bare().shipped


def test_the_hash_of_a_suite_is_of_what_is_asked(write):
    suite = load_suite(write(GOOD))
    relabelled = load_suite(write(GOOD.replace("Me 2026", "You 2027")))
    reworded = load_suite(write(GOOD.replace('"daisy"', '"tulip"')))
    assert suite.sha256 == relabelled.sha256
    assert suite.sha256 != reworded.sha256


def test_composed_and_decomposed_accents_are_one_word(write):
    text = GOOD.replace("daisy", "rose\u0301e")
    assert load_suite(write(text)).tests[0].words("X").words[1] == "ros\u00e9e"


def test_templates_remember_where_the_word_is():
    # "he" is also in "here": searching for it afterwards would find the wrong place.
    filled = fill_template("Here {} is, the one.", "he")
    assert filled == InContext("Here he is, the one.", 5, 7)
    assert filled.word == "he"
    forms = {"article": "an", "plural": "irises"}
    assert fill_template("{Article} {} is a thing.", "iris", forms).text == "An iris is a thing."
    assert fill_template("{Article} {} is a thing.", "iris", forms).word == "iris"
    assert fill_template("{Plural} are things.", "iris", forms).word == "Irises"
    assert fill_template("{{{}}}", "x").text == "{x}"
    with pytest.raises(InputError, match="no form 'singular'; its forms: article, plural, word"):
        fill_template("A {singular}.", "iris", forms)


def test_words_in_templates_give_one_item_each():
    test = small_test(templates=("This is {}.", "{} is here."))
    assert [item.text for item in test.stimuli("rose")] == ["This is rose.", "rose is here."]
    assert test.templated


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: WordSet("w", []), "'w' is empty"),
        (lambda: WordSet("w", "rose"), "words is 'rose'; give a list"),
        (lambda: WordSet("w", ["a", ""]), "'' is not a word"),
        (lambda: WordSet("w", ["a", 5]), "5 is not a word"),
        (lambda: small_test(templates=()), "at least one"),
        (lambda: small_test(templates="{}"), "must be a list"),
        (lambda: small_test(sentences={"rose": ()}), "'rose' has no sentences"),
        (lambda: small_test(sentences={"rose": "This is a rose."}), "give a list of InContext"),
        (lambda: small_test(sentences=5), "must be a mapping"),
        (lambda: small_test(templates=("{}.", "{}.")), "is listed twice"),
        (lambda: small_test(templates=("{:>3}",)), "takes no format"),
        (lambda: small_test(source="a paper"), "source must be a Source"),
        (lambda: small_test(published=({},)), "published must be"),
        (lambda: AssociationTest("t", 5, 5), "targets must be two WordSets"),
        (lambda: AssociationTest("t", [WordSet("X", ["a"])] * 2, 5), "one set twice"),
        (lambda: AssociationTest(5, (), ()), "the name of a test is 5"),
        (lambda: WordSet(None, ["a"]), "the name of a word set is None"),
        (lambda: WordSet("w", 5), "words is 5"),
        (lambda: Suite("", (small_test(),)), "the name of a suite is ''"),
        (lambda: Suite("s", ["weat"]), "list of AssociationTests"),
        (lambda: small_test().words("Z"), "no role 'Z'"),
        (lambda: load_suite(5), "neither a name nor a path"),
        (lambda: fill_template("{:>3}", "rose"), "takes no format"),
        (lambda: Suite("s", ()), "has no tests"),
        (lambda: Suite("s", (small_test(), small_test())), "two tests are named 't'"),
        (lambda: InContext("abc", 1, 1), r"span \[1, 1\)"),
        (lambda: InContext("abc", 1, 9), r"span \[1, 9\)"),
    ],
)
def test_values_are_checked_when_they_are_made(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_a_word_given_twice_is_kept_once_with_a_warning():
    with pytest.warns(UserWarning, match="1 repeated word.*'rose'"):
        words = WordSet("w", ["rose", "lily", "rose"])
    assert words.words == ("rose", "lily")


def test_an_unknown_test_gets_a_suggestion():
    with pytest.raises(UnknownNameError, match="did you mean 'weat1"):
        load_suite("weat").test("weta1")
