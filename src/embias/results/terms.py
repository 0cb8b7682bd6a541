"""The terms that every result uses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["Alternative", "Interval", "PvalueMethod", "Status", "Unit"]

Alternative: TypeAlias = Literal["greater", "less", "two-sided"]
PvalueMethod: TypeAlias = Literal["exact", "certified", "sampled"]
Unit: TypeAlias = Literal["word", "item"]
Status: TypeAlias = Literal["ok", "error"]


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval: ``low <= high``, its level and how it was made."""

    low: float
    high: float
    level: float
    method: str
