"""Making a report card: fit, transform, measure, for every split."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any, get_args

import numpy as np

from embias._version import version
from embias.audit._card_finding import FIGURES, Data, Finding, failed
from embias.audit._card_inputs import Labelled
from embias.audit._card_merge import merged, with_readings
from embias.audit._card_notes import notes_of
from embias.audit._card_probes import FOLDS
from embias.audit._card_removal import (
    STRENGTHS,
    covariance,
    neighbour_bias_finding,
    removal,
    same_data,
)
from embias.audit._card_retention import rank, retention, similarity, task
from embias.audit._card_rows import Rows, applied, check_transform, fitted_on, name_of
from embias.audit._card_split import Parts, parts_of
from embias.audit._card_view import View, attempt
from embias.audit._card_words import Association, Pairs, weat_findings
from embias.geometry.vectors import unit_rows
from embias.metrics._labelled import Codes
from embias.metrics._probes import Probe
from embias.results import ReportCard
from embias.stats.bootstrap import check_level
from embias.stats.inputs import check_choice, check_share, check_size
from embias.types import FloatArray

__all__ = ["Card", "Options"]

#: Rows for the rank: as many as for other figures, and enough to fill the dimensions.
_ROWS_A_DIMENSION = 4
_FEWEST_ROWS = 12


@dataclass(frozen=True)
class Options:
    """Arguments of a report card that change its figures."""

    fit: bool
    normalise: bool
    fit_share: float
    n_splits: int
    probes: tuple[Probe, ...]
    max_rows: int
    level: float
    seed: int

    def check(self, transform: Any) -> None:
        """Raise an InputError for an option out of range, or what is no transform."""
        check_share("fit_share", self.fit_share)
        check_size("n_splits", self.n_splits)
        check_size("max_rows", self.max_rows, _FEWEST_ROWS)
        check_level(self.level)
        for probe in self.probes:
            check_choice("probes", probe, get_args(Probe))
        check_transform(transform, fitted=not self.fit)


@dataclass(frozen=True, eq=False)
class _Space:
    """A fitted transform, and all rows before and after it."""

    transform: Any
    normalise: bool
    before: FloatArray
    after: FloatArray

    @classmethod
    def of(cls, transform: Any, rows: Rows, normalise: bool) -> _Space:
        made = cls(transform, normalise, np.zeros((0, 0)), np.zeros((0, 0)))
        return cls(transform, normalise, *made.both(rows))

    def both(self, rows: Rows) -> tuple[FloatArray, FloatArray]:
        """Return rows before and after, as they are used."""
        before = unit_rows(rows.values, "X") if self.normalise else rows.values
        return before, applied(self.transform, rows, self.normalise)


@dataclass(frozen=True, eq=False)
class Card:
    """Everything a report card is made of."""

    transform: Any
    data: Labelled
    options: Options
    association: Association | None
    pairs: Pairs | None

    def made(self, *, progress: bool) -> ReportCard:
        """Measure all splits and put the findings together."""
        options = self.options
        findings: list[Finding] = []
        parts: list[Parts] = []
        with _bar(progress, self._steps()) as bar:
            for split in range(options.n_splits):
                for finding in self._split(split, parts):
                    findings.append(finding)
                    bar.update()
        figures = merged(findings, options.level)
        return ReportCard(
            transform=name_of(self.transform),
            results=tuple(with_readings(figures, findings, options.level)),
            counts=self._counts(parts[0]),
            settings={
                **asdict(options),
                "probes": list(options.probes),
                "strengths": dict(STRENGTHS),
                "folds": dict(FOLDS),
                "embias": version(),
            },
            notes=notes_of(self.transform, self.data, options, parts[0], figures, self._said()),
        )

    def _split(self, split: int, parts: list[Parts]) -> Iterator[Finding]:
        options, data = self.options, self.data
        generator = np.random.default_rng([options.seed, split])
        share = options.fit_share if options.fit else None
        part = parts_of(data, share, options.max_rows, generator)
        parts.append(part)
        transform = self.transform
        if part.fit is not None:
            transform = fitted_on(transform, data.rows.take(part.fit), data.labels[part.fit])
        space = _Space.of(transform, data.rows, options.normalise)
        fresh: Data = "given" if part.fit is None else "fresh"
        view = self._viewer(space, split)
        # Where nothing is fitted, only the folds of the probes differ between splits.
        if part.fit is not None or split == 0:
            yield from self._same(part, view, fresh)
            yield from retention(view(part.kept, fresh, data.codes))
            yield self._rank(space, generator)
            yield from self._words(space, view, part, fresh)
        probed, small = (view(rows, fresh, data.codes) for rows in (part.probed, part.small))
        yield from removal(probed, small, options.probes)
        yield from self._task(part, view, fresh)

    def _viewer(self, space: _Space, split: int) -> Callable[[Codes, Data, Codes], View]:
        def seed(figure: str) -> int:
            # From the place of the figure in the card, so that leaving one out changes no other.
            place = list(FIGURES).index(figure)
            state = np.random.SeedSequence([self.options.seed, split, place])
            return int(state.generate_state(1, np.uint64)[0] >> 1)

        def view(rows: Codes, name: Data, codes: Codes) -> View:
            group = self.data.group
            return View(
                data=name,
                before=space.before[rows],
                after=space.after[rows],
                codes=np.unique(codes[rows], return_inverse=True)[1].ravel(),
                group=None if group is None else group[rows],
                unit=self.data.unit[rows],
                level=self.options.level,
                seed=seed,
            )

        return view

    def _same(
        self, part: Parts, view: Callable[[Codes, Data, Codes], View], fresh: Data
    ) -> Iterator[Finding]:
        if part.fit is None:
            seen = view(part.fresh, fresh, self.data.codes)
        else:
            seen = view(part.fit, "fit", self.data.codes)
        if "linear" in self.options.probes:
            yield from same_data(seen)
        if part.fit is not None:
            yield covariance(seen, null=False)

    def _rank(self, space: _Space, generator: np.random.Generator) -> Finding:
        most = max(self.options.max_rows, _ROWS_A_DIMENSION * space.before.shape[1])
        rows = np.arange(len(self.data))
        if rows.size > most:
            rows = np.sort(generator.choice(rows, most, replace=False))
        return rank(space.before[rows], space.after[rows])

    def _words(
        self,
        space: _Space,
        view: Callable[[Codes, Data, Codes], View],
        part: Parts,
        fresh: Data,
    ) -> Iterator[Finding]:
        words = view(part.small, fresh, self.data.codes).by_group()
        if len(self.data.classes) == 2:
            others = None if part.fit is None else view(part.fit, "fit", self.data.codes)
            yield attempt("neighbour_bias", fresh, lambda: neighbour_bias_finding(words, others))
        if self.association is not None:
            both = {name: space.both(rows) for name, rows in self.association.sets.items()}
            before, after = ({name: rows[i] for name, rows in both.items()} for i in (0, 1))
            seed = words.seed("weat_statistic")
            yield from weat_findings(self.association, before, after, words.level, seed)
        if self.pairs is not None:
            one, two = space.both(self.pairs.first), space.both(self.pairs.second)
            yield similarity(
                (one[0], two[0]), (one[1], two[1]), self.pairs.ratings, self.options.level
            )

    def _task(
        self, part: Parts, view: Callable[[Codes, Data, Codes], View], fresh: Data
    ) -> Iterator[Finding]:
        data = self.data
        if data.task is None:
            return
        pairs = np.stack([data.unit, data.task])
        pure = np.unique(pairs, axis=1).shape[1] == np.unique(data.unit).size
        rows, lost = _divisible(part.kept, data.task, data.unit if pure else None)
        notes = [f"{lost} classes with one group only left out." if lost else ""]
        if np.unique(data.task[rows]).size < 2:
            reason = "fewer than two classes of the task have two groups here; give more rows"
            yield from (failed(name, fresh, reason) for name in ("task_linear", "task_nearest"))
            return
        seen = view(rows, fresh, data.task)
        if data.group is not None and not pure:
            # A group with several labels cannot be kept together as one word.
            seen = replace(seen, group=None, unit=np.arange(rows.size))
            notes.append("Rows of one group may be on both sides of a split.")
        yield from task(seen, " ".join(filter(None, notes)))

    def _counts(self, part: Parts) -> dict[str, int]:
        data = self.data
        counts = {
            "rows": len(data),
            "dimensions": data.rows.values.shape[1],
            "classes": len(data.classes),
        }
        if data.group is not None:
            counts["groups"] = data.n_groups
        if part.fit is not None:
            counts |= {"fit": part.fit.size, "fresh": part.fresh.size}
        return counts | {
            "probed": part.probed.size,
            "probed at most": part.small.size,
            "kept": part.kept.size,
        }

    def _said(self) -> list[str]:
        return [each.note for each in (self.association, self.pairs) if each is not None]

    def _steps(self) -> int | None:
        """Return how many findings there will be, None where splits differ in that."""
        options = self.options
        if not options.fit:
            return None
        words = 2 * (self.association is not None) + (self.pairs is not None)
        probes = set(options.probes)
        count = 10 + words + (len(self.data.classes) == 2) + 2 * (self.data.task is not None)
        return options.n_splits * (count + len(probes) + 3 * ("linear" in probes))


def _divisible(rows: Codes, labels: Codes, unit: Codes | None) -> tuple[Codes, int]:
    """Return the rows of labels that two units have at least, and how many labels are left out."""
    units = np.arange(labels.size) if unit is None else unit
    present = np.unique(labels[rows])
    enough = [np.unique(units[rows][labels[rows] == label]).size > 1 for label in present]
    kept = rows[np.isin(labels[rows], present[enough])]
    return kept, int(present.size - sum(enough))


def _bar(progress: bool, total: int | None) -> Any:
    from tqdm.auto import tqdm

    return tqdm(total=total, desc="report card", unit="figure", disable=not progress, leave=False)
