"""The report for a terminal, and how figures are written in every report."""

from __future__ import annotations

import dataclasses
import math
import subprocess
import sys

import pytest
from test_report_samples import (
    CERTIFIED,
    EXACT,
    FAILED,
    HIGH,
    HOSTILE,
    SAMPLED,
    TEMPLATED,
    association,
    audit,
    counts,
    full,
    hostile,
    published,
    row,
)

from embias.report import format_pvalue, to_text
from embias.report.notes import row_notes, summary
from embias.report.phrasing import clean, format_bounds, format_number, format_smallest_pvalue
from embias.results import Interval, PermutationResult

#: The sentence that stands under every table of p-values of association tests.
CAUTION = (
    "A small p is evidence of an association in these vectors for these words; a large p is "
    "not evidence that there is none."
)


def p_text(pvalue: float, method: str = "exact", **changes: object) -> str:
    values = {"pvalue_bounds": (pvalue, pvalue), **changes}
    return format_pvalue(association(pvalue=pvalue, pvalue_method=method, **values))


@pytest.mark.parametrize(
    ("pvalue", "text"),
    [
        (0.00231, "0.0023"),
        (3.1234e-8, "3.1e-08"),
        (9.96e-8, "1.0e-07"),
        (0.5, "0.50"),
        (1.0, "1.0"),
        (0.05, "0.050"),
        (0.0496, "0.0496"),  # not 0.050, which would read as no longer below 0.05
        (0.0001, "0.00010"),
        (5e-324, "5.0e-324"),
        (0.997, "1.0"),
        (0.0, "< 1e-300"),  # underflow
    ],
)
def test_exact_pvalue_has_two_digits_and_is_never_zero(pvalue: float, text: str) -> None:
    assert p_text(pvalue) == text
    assert float(p_text(pvalue).split()[-1]) > 0


def test_wide_certified_bracket_is_an_upper_bound_rounded_up() -> None:
    assert p_text(3.14e-8, "certified", pvalue_bounds=(2.0e-8, 3.14e-8)) == "≤ 3.2e-08"
    assert p_text(3.14e-8, "certified", pvalue_bounds=(3.1e-8, 3.14e-8)) == "3.1e-08"


@pytest.mark.parametrize(("draws", "text"), [(99_999, "≤ 1e-05"), (9_999, "≤ 0.0001")])
def test_sampled_pvalue_at_its_floor_is_an_upper_bound(draws: int, text: str) -> None:
    floor = 1 / (draws + 1)
    assert p_text(floor, "sampled", n_resamples=draws) == text
    assert "≤" not in p_text(2 * floor, "sampled", n_resamples=draws)


def test_pvalue_of_a_permutation_result() -> None:
    result = PermutationResult(
        0.1, 1e-5, (0.0, 3.7e-5), "sampled", "greater", "abs", 5, 5, 252, n_resamples=99_999
    )
    assert format_pvalue(result) == "≤ 1e-05"


def test_bounds_name_no_zero() -> None:
    assert format_bounds(association()) == ""
    assert SAMPLED.association is not None
    assert "at most 3.7e-05, with 95 % confidence" in format_bounds(SAMPLED.association)
    assert CERTIFIED.association is not None
    assert "certainly between 2e-08 and 3.2e-08" in format_bounds(CERTIFIED.association)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"n_partitions": 252}, "0.0040"),
        ({"n_partitions": 10**400}, "1.0e-400"),
        ({"n_partitions": 252, "n_x": 5, "n_y": 5, "alternative": "two-sided"}, "0.0079"),
        ({"n_partitions": 252, "n_x": 4, "n_y": 6, "alternative": "two-sided"}, "0.0040"),
    ],
)
def test_smallest_pvalue(changes: dict[str, object], text: str) -> None:
    assert format_smallest_pvalue(association(**changes)) == text


def test_numbers() -> None:
    assert format_number(-0.001, 2) == "0.00"
    assert format_number(-0.31, 2) == "-0.31"
    assert format_number(math.nan, 2) == format_number(None, 2) == "—"


def test_clean_shows_what_is_hidden_and_keeps_what_is_not() -> None:
    assert clean("a\x1b[1m\n\u202eb\ud800\u200b") == "a\\x1b[1m\\n\\u202eb\\ud800\\u200b"
    assert clean("Zoë \u0646\u0627\u0645\u200c\u0647\u0627 名前 [b]") == (
        "Zoë \u0646\u0627\u0645\u200c\u0647\u0627 名前 [b]"
    )


def cells(text: str, test: str) -> list[str]:
    line = next(line for line in text.splitlines() if line.startswith(f"{test} "))
    return line.split()


def test_table_holds_the_figures_of_every_row() -> None:
    text = to_text(audit(EXACT, SAMPLED), width=140)
    assert text.startswith("weat · w2v\n")
    assert cells(text, "weat1")[-9:] == [
        *("[1]", "25+24", "1.23", "1.23", "✓", "0.123", "0.0023", "1e-7", "exact"),
    ]  # fmt: skip
    assert cells(text, "weat3")[-6:] == ["25+24", "1.23", "0.123", "≤", "1e-05", "sampled"]


def test_error_row_has_dashes_and_its_reason_below() -> None:
    text = to_text(audit(EXACT, FAILED), width=140)
    assert cells(text, "weat5").count("—") == 5
    assert "] weat5: could not be run: only 3 of 8 words of X were found" in text
    assert "; 1 test could not be run." in text


def test_published_columns_only_where_something_is_published() -> None:
    assert "publ." in to_text(audit(EXACT, HIGH))
    assert "publ." not in to_text(audit(HIGH, SAMPLED))
    without_p = dataclasses.replace(EXACT, published=published(1.23, pvalue=None))
    assert to_text(audit(without_p)).count("publ.") == 1
    assert "agrees" not in to_text(audit(dataclasses.replace(EXACT, published=published(None))))


def test_word_level_column_only_for_templated_tests() -> None:
    assert cells(to_text(audit(TEMPLATED), width=120), "sent-weat6")[-5:-2] == [
        *("0.41", "0.87", "0.123"),
    ]  # fmt: skip
    assert "words\n" not in to_text(audit(HIGH))
    assert "\nd over" not in to_text(audit(HIGH))


def test_notes_stand_under_the_table() -> None:
    text = to_text(audit(EXACT, CERTIFIED), width=200)
    assert "[1] weat1: 1 of 100 words dropped: axe (no vector)" in text
    assert "[2] weat2: published 0.72, computed 0.54: the paper used other lists" in text


def test_row_notes() -> None:
    unexplained = dataclasses.replace(EXACT, published=published(0.1))
    assert "published 0.10, computed 1.23: no reason for the difference is recorded" in row_notes(
        unexplained
    )
    tiny = association(n_x=2, n_y=2, n_partitions=6, effect_size=math.nan, note="engine")
    notes = row_notes(row("t", tiny, notes=("mine",)))
    assert notes[:2] == ["mine", "engine"]
    assert "smallest possible p is 0.17" in notes[2]
    assert "d is not defined" in notes[3]
    by_item = association(unit="item", items_x=250)
    sets = counts(25, 24, items=250)
    assert "p relabels single items" in row_notes(row("t", by_item, counts=sets))[0]


def test_many_dropped_words_are_counted_and_grouped_by_reason() -> None:
    words = tuple(f"w{i}" for i in range(20))
    sets = counts(40, 24, dropped=words, reasons=("no vector",) * 2 + ("too long",) * 18)
    (note,) = row_notes(row("t", association(), counts=sets))
    assert note.startswith("20 of 114 words dropped: w0, w1 (no vector); w2, w3")
    assert note.endswith("and 8 more")


def test_one_note_of_all_rows_is_written_once() -> None:
    noted = [row(f"t{i}", association(note="the engine says")) for i in range(5)]
    text = to_text(audit(*noted))
    assert text.count("the engine says") == 1
    assert text.count("[1]") == 6


def test_last_line_counts_and_cautions() -> None:
    text = " ".join(to_text(full()).split())
    assert text.endswith(
        "4 of 5 tests have p < 0.05 before any correction for multiple tests; 1 test could not be "
        f"run. {CAUTION}"
    )
    assert "No test could be run." in to_text(audit(FAILED))
    assert "The audit holds no test." in to_text(audit())


def test_summary_counts_directions_and_agreement() -> None:
    against = row("weat7", association(effect_size=-0.9, pvalue=0.01, alternative="two-sided"))
    sentences = summary(audit(EXACT, CERTIFIED, against, FAILED))
    assert any(s.startswith("In 2 of them the first target set") for s in sentences)
    assert any("in 1 it goes with the second (d < 0)" in s for s in sentences)
    assert any(s.startswith("1 of 2 effect sizes") for s in sentences)
    assert any(s.startswith("1 of 100 words could not be used, in 1 test") for s in sentences)
    assert sentences[-1] == CAUTION


@pytest.mark.parametrize("width", [100, 120])
def test_lines_keep_to_the_width(width: int) -> None:
    long = "European American names/African American names vs Pleasant/Unpleasant"
    rows = [dataclasses.replace(r, description=long) for r in full().results]
    lines = to_text(audit(*rows), width=width).splitlines()
    assert max(map(len, lines)) <= width


def test_no_digit_is_lost_on_a_narrow_terminal() -> None:
    text = to_text(audit(EXACT, CERTIFIED), width=30)
    assert "0.0023" in text
    assert "≤ 3.2e-08" in text
    assert "certified" in text


def test_text_is_plain_even_where_a_terminal_is_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    assert "\x1b" not in to_text(hostile())


def test_hostile_names_are_text() -> None:
    text = to_text(hostile(), width=400)
    assert clean(HOSTILE) in text
    assert "[bold]red[/bold]" in text
    assert not set(text) & {"\x1b", "\u202e"}


def test_import_loads_none_of_the_libraries() -> None:
    code = (
        "import sys, embias.report; "
        "print([m for m in ('rich', 'jinja2', 'matplotlib', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_intervals_and_adjusted_p_have_columns_of_their_own() -> None:
    beside = {"pvalue_adjusted": 0.0234, "adjustment": "holm", "family": "weat / w2v: 2 tests"}
    first = dataclasses.replace(EXACT, interval=Interval(-0.41, 1.52, 0.95, "analytic"), **beside)
    text = to_text(audit(first, dataclasses.replace(HIGH, **beside)), width=120)
    assert "-0.41 to 1.52" in text
    assert "0.023" in text
    flat = " ".join(text.split())
    assert "Interval of d over words: 95% (analytic)." in flat
    assert "Adjusted p: holm over the 2 tests of this table." in flat
    plain = to_text(audit(EXACT, HIGH), width=120)
    assert "interval" not in plain
    assert "adj." not in plain


def test_long_names_are_folded_before_a_table_gets_too_wide() -> None:
    name = "seat_double_bind_competent"
    what = "Male names/Female names vs Competent, achievement-oriented/Incompetent, and so on"
    beside = {"pvalue_adjusted": 0.0234, "adjustment": "holm", "family": "f"}
    interval = Interval(-0.41, 1.52, 0.95, "analytic")
    rows = [
        dataclasses.replace(r, test=name, description=what, interval=interval, **beside)
        for r in (TEMPLATED, TEMPLATED)
    ]
    lines = to_text(audit(*rows), width=100).splitlines()
    assert max(map(len, lines)) <= 100
    assert "-0.41 to 1.52" in "\n".join(lines)
