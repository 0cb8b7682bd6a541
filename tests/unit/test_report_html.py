"""The page and the notebook cell."""

from __future__ import annotations

import sys
from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from test_report_samples import (
    CERTIFIED,
    EXACT,
    FAILED,
    HIGH,
    HOSTILE,
    SAMPLED,
    association,
    audit,
    counts,
    full,
    hostile,
    row,
)

from embias.errors import MissingExtraError
from embias.report import to_html, to_notebook
from embias.report.details import plain_facts, score_sets
from embias.report.phrasing import clean
from embias.results import Audit

#: The sentence that stands under every table of p-values of association tests.
CAUTION = (
    "A small p is evidence of an association in these vectors for these words; a large p is "
    "not evidence that there is none."
)

VOID = {"meta", "link", "br", "img", "input", "hr"}


class Page(HTMLParser):
    """Elements, attributes, ids and text of a page; fails on elements that do not close."""

    def __init__(self, markup: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(markup)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def values(self, name: str, tag: str | None = None) -> list[str]:
        return [v for t, n, v in self.attributes if n == name and tag in (None, t)]

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(to_html(full()))


def test_page_has_its_parts(page: Page) -> None:
    assert page.tags.count("h1") == 1
    assert page.values("lang", "html") == ["en"]
    assert page.values("name", "meta")[0] == "viewport"
    assert page.tags.count("caption") >= 2
    assert set(page.values("scope", "th")) == {"col", "row"}
    assert page.tags.count("details") == 6
    assert page.tags.count("th") == len(page.values("scope", "th"))


def test_page_says_what_was_found_and_how(page: Page) -> None:
    for text in (
        "4 of 5 tests have p < 0.05 before any correction for multiple tests; 1 test could",
        CAUTION,
        "could not be run: only 3 of 8 words of X were found",
        "axe (no vector)",
        "published 0.72, computed 0.54: the paper used other lists",
        "≤ 1e-05, greater, sampled from 99,999 draws; the exact p-value is at most 3.7e-05",
        "They do not measure harm in an application",
        "embias audit w2v --suite weat --seed 7 --alternative two-sided",
        "0123abcd",
        "word2vec-googlenews",
        "not a confidence interval",
        "-0.250 / -0.110 / 0.020",
        "2025-01-02T03:04:05Z",
    ):
        assert text in page.words


def test_page_is_self_contained(page: Page) -> None:
    assert not set(page.tags) & {"script", "link", "img", "iframe", "object", "embed", "image"}
    assert page.values("src") == []
    for tag, name, value in page.attributes:
        if name.endswith("href"):
            assert value.startswith("#") or (tag == "a" and value.startswith("https://"))
    assert page.values("href", "a").count("https://doi.org/10.1126/x") == 1
    markup = to_html(full())
    assert "@import" not in markup
    assert "url(http" not in markup
    assert "<?xml" not in markup
    assert markup.count("http") == markup.count("https://doi.org/10.1126/x")


def test_ids_are_unique_and_references_are_met(page: Page) -> None:
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    targets = {value[1:] for value in page.values("href") if value.startswith("#")}
    targets |= {value for name in ("aria-labelledby",) for value in page.values(name)}
    assert targets <= set(ids)
    assert targets


def test_figures_are_images_with_a_label(page: Page) -> None:
    assert page.values("role", "svg") == ["img"] * page.tags.count("svg")
    labels = page.values("aria-label", "svg")
    assert "weat2 0.54" in labels[0]
    assert "weat5 —" in labels[0]
    assert len(labels) == page.tags.count("svg") == 2 + 5 * 2


def test_same_audit_same_bytes() -> None:
    assert to_html(full()) == to_html(full())
    assert to_html(Audit.from_json(full().to_json())) == to_html(full())


def test_published_columns_only_where_something_is_published() -> None:
    heads = Page(to_html(audit(HIGH, SAMPLED))).words
    assert "published d how" not in heads
    assert "published d agrees" not in heads
    assert "published d agrees" in Page(to_html(audit(EXACT))).words


@pytest.mark.parametrize("report", [to_html, to_notebook])
def test_hostile_strings_are_text(report: Callable[[Audit], str]) -> None:
    markup = report(hostile())
    page = Page(markup)
    assert "script" not in page.tags
    assert clean(HOSTILE) in page.words
    assert not set(markup) & {"\x1b", "\u202e"}
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    assert not [v for v in page.values("href") if "javascript" in v]


def test_hostile_strings_are_text_inside_the_figure() -> None:
    markup = to_html(hostile())
    start = markup.index("<svg")
    figure = Page(markup[start : markup.index("</svg>") + 6])
    assert "script" not in figure.tags
    assert "<script>alert('x')</script>" in figure.words
    assert "$\\frac{a$" in figure.words
    assert "<script>alert('x')</script>" in figure.values("aria-label", "svg")[0]


def test_only_plain_https_addresses_become_links() -> None:
    facts = plain_facts(
        {
            "good": "https://example.org/a",
            "nested": {"url": "https://example.org/b", "empty": ""},
            "script": "javascript:alert(1)",
            "plain": "http://example.org",
            "blank": "https://example.org/ x",
            "hidden": "https://example.org/\u202e",
        }
    )
    assert [(f.term, f.link) for f in facts if f.link] == [
        ("good", "https://example.org/a"),
        ("nested url", "https://example.org/b"),
    ]
    assert len(facts) == 6


def test_scores_lie_on_one_scale() -> None:
    x, y = score_sets(row("t", association(), counts=counts(4, 3)))
    assert (x.low, x.middle, x.high, x.count) == ("0.050", "0.170", "0.310", 4)
    assert max(x.places) == 98
    assert y.places[2] == pytest.approx(50 + 48 * -0.25 / 0.31, abs=0.01)
    assert score_sets(FAILED) == []


@pytest.mark.parametrize("package", ["jinja2", "matplotlib"])
def test_missing_package_names_the_extra(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [n for n in sys.modules if n.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=rf"'{package}'.*embias\[report\]"):
        to_html(full())
    assert "weat1" in to_notebook(full())


def test_notebook_table() -> None:
    cell = Page(to_notebook(audit(EXACT, CERTIFIED, FAILED)))
    assert cell.tags.count("tr") == 4
    assert "≤ 3.2e-08" in cell.words
    assert "[1] weat1: 1 of 100 words dropped: axe (no vector)" in cell.words
    assert "2 of 2 tests have p < 0.05" in cell.words
    assert CAUTION in cell.words
    assert not set(cell.tags) & {"html", "body", "style", "link"}


def test_an_empty_audit_is_a_page() -> None:
    assert "The audit holds no test." in Page(to_html(audit())).words
    assert "No test could be run." in Page(to_html(audit(FAILED))).words
