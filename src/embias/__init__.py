"""embias measures and tests social bias in embeddings.

Any encoder, any published association test, and statistics that are right: exact or certified
p-values, words (not sentences) as the units of a test, every missing word counted.

>>> import embias
>>> result = embias.audit("word2vec-googlenews-extract", "weat")
>>> len(result.frame)
10

The public names are loaded when they are first used, so that ``import embias`` stays fast and
pulls in no model library.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from embias._version import show_versions
    from embias.audit import audit, report_card
    from embias.encoders import SentenceTransformerEncoder, StaticEncoder, as_encoder
    from embias.errors import EmbiasError
    from embias.metrics import weat
    from embias.results import Association, Audit, BiasResult, ReportCard
    from embias.stats import permutation_pvalue
    from embias.stimuli import AssociationTest, Source, Suite, WordSet, load_suite
    from embias.types import Encoder, EncoderInfo, Image, InContext

    __version__: str

__all__ = [
    "Association",
    "AssociationTest",
    "Audit",
    "BiasResult",
    "EmbiasError",
    "Encoder",
    "EncoderInfo",
    "Image",
    "InContext",
    "ReportCard",
    "SentenceTransformerEncoder",
    "Source",
    "StaticEncoder",
    "Suite",
    "WordSet",
    "__version__",
    "as_encoder",
    "audit",
    "load_suite",
    "permutation_pvalue",
    "report_card",
    "show_versions",
    "weat",
]

_HOMES = {
    "Association": "embias.results",
    "AssociationTest": "embias.stimuli",
    "Audit": "embias.results",
    "BiasResult": "embias.results",
    "EmbiasError": "embias.errors",
    "Encoder": "embias.types",
    "EncoderInfo": "embias.types",
    "Image": "embias.types",
    "InContext": "embias.types",
    "ReportCard": "embias.results",
    "SentenceTransformerEncoder": "embias.encoders",
    "Source": "embias.stimuli",
    "StaticEncoder": "embias.encoders",
    "Suite": "embias.stimuli",
    "WordSet": "embias.stimuli",
    "as_encoder": "embias.encoders",
    "audit": "embias.audit",
    "load_suite": "embias.stimuli",
    "permutation_pvalue": "embias.stats",
    "report_card": "embias.audit",
    "show_versions": "embias._version",
    "weat": "embias.metrics",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from embias._version import version

        return version()
    if name not in _HOMES:
        raise AttributeError(f"module 'embias' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


class _Package(ModuleType):
    """The package, on which a function is never hidden by the module it lives in."""

    def __setattr__(self, name: str, value: Any) -> None:
        # Importing the module embias.audit makes Python bind it here as `audit`, where the
        # public name is the function; which one a user saw would depend on the imports so far.
        if isinstance(value, ModuleType) and _HOMES.get(name) == value.__name__:
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
