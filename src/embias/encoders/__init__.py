"""How stimuli become vectors: one protocol, adapters for what users hold.

Importing this package is cheap; torch and sentence-transformers are imported when a sentence
encoder is made.
"""

from __future__ import annotations

from embias.encoders._choose import as_encoder
from embias.encoders.callables import CallableEncoder
from embias.encoders.embedded import known_encoders
from embias.encoders.sentence import SentenceTransformerEncoder
from embias.encoders.static import StaticEncoder
from embias.encoders.vector_files import VectorTable, read_vectors

__all__ = [
    "CallableEncoder",
    "SentenceTransformerEncoder",
    "StaticEncoder",
    "VectorTable",
    "as_encoder",
    "known_encoders",
    "read_vectors",
]
