"""What a reader must know of a transform before believing what comes after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

__all__ = ["Guarantee", "TransformCard"]

#: ``"covariance"``: no linear predictor of the labels beats a constant, on the fit data.
#: ``"orthogonal"``: no component along the removed subspace. ``None``: no guarantee.
Guarantee: TypeAlias = Literal["covariance", "orthogonal"] | None


@dataclass(frozen=True)
class TransformCard:
    """Facts of one transform.

    Attributes
    ----------
    name : str
        Its name on the command line: lower case, words joined by hyphens.
    estimator : type
        The class.
    title : str
        One line for lists.
    learns_from : {"nothing", "vectors", "labels", "words", "subspace", "texts"}
        What it is fitted on.
    removes : str
        What is removed, from what.
    guarantee : {"covariance", "orthogonal"} or None
        What holds afterwards, see :data:`Guarantee`.
    guaranteed : str
        The same in words, with its limits; what is not guaranteed where there is nothing.
    affine : bool
        Whether it is one affine map of every row, which can be folded and put into a model.
    caveats : str
        Known criticism, and what released code does otherwise.
    paper : str
    """

    name: str
    estimator: type[Any]
    title: str
    learns_from: Literal["nothing", "vectors", "labels", "words", "subspace", "texts"]
    removes: str
    guarantee: Guarantee
    guaranteed: str
    affine: bool
    caveats: str
    paper: str

    def to_text(self) -> str:
        """Return the card for a terminal."""
        kind = "an affine map" if self.affine else "no affine map: it cannot be put into a model"
        rows = {
            "learns": f"from {self.learns_from}; {kind}",
            "removes": self.removes,
            "guaranteed": self.guaranteed,
            "caveats": self.caveats,
            "paper": self.paper,
            "use": f"embias.transforms.{self.estimator.__name__}",
        }
        lines = [f"  {key:<10}  {text}" for key, text in rows.items()]
        return "\n".join([f"{self.name}: {self.title}", *lines])
