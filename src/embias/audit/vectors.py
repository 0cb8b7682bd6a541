"""The vectors of an audit: every distinct stimulus is encoded once per encoder."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embias.errors import EmbiasError, InputError
from embias.results import Counts
from embias.stimuli import ROLES, AssociationTest, Role
from embias.types import (
    FROM_NGRAMS,
    Encoder,
    FloatArray,
    InContext,
    Stimulus,
    calibrated,
    how_encoded,
    why_missing,
)

__all__ = ["Vectors", "WordVectors", "gather"]

#: What a stimulus can be, what it is called, and what encodes it.
_MODALITIES = (
    ("image", "pictures", "an ImageTextEncoder or a VisionEncoder"),
    ("text", "words", "an encoder of texts, or on an ImageTextEncoder, which takes both"),
)
_SORTS = {modality: sort for modality, sort, _ in _MODALITIES}


class Vectors:
    """What one encoder gives for the stimuli of an audit.

    Parameters
    ----------
    encoder : Encoder
    progress : bool or None
        Show a progress bar; None: only for models, on a terminal.
    """

    def __init__(self, encoder: Encoder, progress: bool | None) -> None:
        self.encoder = encoder
        self.info = encoder.info
        quiet = self.info.kind == "static" or not _is_terminal()
        self._progress = not quiet if progress is None else progress
        self._rows: dict[Stimulus, FloatArray] = {}
        self._reasons: dict[Stimulus, str] = {}

    def prepare(self, tests: Iterable[AssociationTest]) -> None:
        """Encode the stimuli of all tests in one call."""
        items = [
            item for test in tests if not self._unsuited(test) for item in self._all_items(test)
        ]
        try:
            self._calibrate(items)
            self._encode(items, self._progress)
        except EmbiasError:
            # Something in one test cannot be encoded; every test then finds out for itself.
            return

    def _calibrate(self, items: Sequence[Stimulus]) -> None:
        """Fix an encoder that depends on everything that is asked, quantised ranges for example."""
        self.encoder = calibrated(self.encoder, list(dict.fromkeys(items)))
        self.info = self.encoder.info

    def prepare_test(self, test: AssociationTest) -> None:
        """Encode what is still missing of one test; raises what the encoder raises."""
        reason = self._unsuited(test)
        if reason:
            raise InputError(reason)
        self._encode(self._all_items(test), progress=False)

    def items(self, test: AssociationTest, word: str) -> list[Stimulus]:
        """Return what this encoder is given for a word."""
        stimuli = test.stimuli(word)
        if self.info.kind == "token":
            return list(stimuli)
        # An encoder of whole texts has no use for the place of the word.
        return [item.text if isinstance(item, InContext) else item for item in stimuli]

    def how(self, items: Iterable[Stimulus]) -> str:
        """Say what was done to the items of a word beside encoding them, ``""`` for nothing."""
        said = [how_encoded(self.encoder, item) for item in items if item in self._rows]
        return "; ".join(dict.fromkeys(filter(None, said)))

    def found(self, items: Iterable[Stimulus]) -> list[FloatArray]:
        """Return the vectors of those items that have one."""
        return [self._rows[item] for item in items if item in self._rows]

    def reason(self, item: Stimulus) -> str:
        """Say why an item has no vector."""
        return self._reasons.get(item, "no vector")

    def _unsuited(self, test: AssociationTest) -> str:
        """Say why a test has stimuli of a kind that this encoder does not take; else ``""``."""
        words = [word for role in ROLES for word in test.words(role).words]
        for modality, sort, cure in _MODALITIES:
            of_it = [word for word in words if (word in test.images) == (modality == "image")]
            if of_it and modality not in self.info.modalities:
                taken = " and ".join(_SORTS.get(each, each) for each in self.info.modalities)
                return (
                    f"the encoder {self.info.id!r} takes {taken or 'nothing'}, and this test has "
                    f"{sort} ({of_it[0]!r:.80}"
                    f"{f' and {len(of_it) - 1} more' if len(of_it) > 1 else ''}); run it on {cure}"
                )
        return ""

    def _all_items(self, test: AssociationTest) -> list[Stimulus]:
        return [
            item
            for role in ROLES
            for word in test.words(role).words
            for item in self.items(test, word)
        ]

    def _encode(self, items: Iterable[Stimulus], progress: bool) -> None:
        new = [
            item
            for item in dict.fromkeys(items)
            if item not in self._rows and item not in self._reasons
        ]
        if not new:
            return
        missing = set(self.encoder.missing(new))
        wanted = [item for item in new if item not in missing]
        rows = self._checked(self.encoder.encode(wanted, progress=progress), len(wanted))
        self._reasons |= {item: why_missing(self.encoder, item) for item in missing}
        finite: NDArray[np.bool_] = np.asarray(np.isfinite(rows).all(axis=1))
        nonzero: NDArray[np.bool_] = np.asarray(rows.any(axis=1))
        for item, row, is_finite, is_nonzero in zip(wanted, rows, finite, nonzero, strict=True):
            if is_finite and is_nonzero:
                self._rows[item] = row
            else:
                self._reasons[item] = "zero vector" if is_finite else "vector with NaN or infinity"

    def _checked(self, encoded: Any, count: int) -> FloatArray:
        rows = np.asarray(encoded)
        name = self.info.id
        if rows.dtype.kind not in "fiu":
            raise InputError(f"encoder {name!r} returned {rows.dtype} values; numbers are needed")
        if rows.shape != (count, self.info.dim):
            raise InputError(
                f"encoder {name!r} returned an array of shape {rows.shape} for {count} items; "
                f"({count}, {self.info.dim}) is needed"
            )
        return rows


def _is_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()


@dataclass(frozen=True)
class WordVectors:
    """One word set as vectors: a row per item, and the word each row belongs to."""

    counts: Counts
    rows: list[FloatArray]
    words: list[str]


def gather(vectors: Vectors, test: AssociationTest, role: Role) -> WordVectors:
    """Return the vectors of one word set, with what was found and what was dropped."""
    asked = test.words(role)
    rows: list[FloatArray] = []
    words: list[str] = []
    dropped: dict[str, str] = {}
    altered: dict[str, str] = {}
    for word in asked.words:
        items = vectors.items(test, word)
        found = vectors.found(items)
        if not found:
            dropped[word] = vectors.reason(items[0])
        elif how := vectors.how(items):
            altered[word] = how
        rows += found
        words += [word] * len(found)
    counts = Counts(
        role=role,
        name=asked.name,
        asked=len(asked),
        items=len(rows),
        dropped=tuple(dropped),
        reasons=tuple(dropped.values()),
        altered=tuple(altered),
        alterations=tuple(altered.values()),
        synthesised=sum(how == FROM_NGRAMS for how in altered.values()),
    )
    return WordVectors(counts, rows, words)
