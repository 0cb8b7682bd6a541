"""What a transform with a guarantee can be asked by those who put other steps after it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["Guarded"]


class Guarded:
    """Mixin of transforms: may be asked what later steps do to what it guarantees.

    Rooms that do not know transforms (encoders) find the method by its name.
    """

    def warn_if_broken(self, later: Sequence[Any]) -> None:
        """Warn when what this transform guarantees does not survive later steps.

        Parameters
        ----------
        later : sequence of estimator or str
            In order; see :func:`broken_guarantees`.
        """
        from embias.transforms.guard import warn_of_broken_guarantees

        warn_of_broken_guarantees(self, then=later, only_first=True)
