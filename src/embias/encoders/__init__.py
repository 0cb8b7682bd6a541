"""How stimuli become vectors: one protocol, adapters for what users hold.

Importing this package is cheap; torch and the model libraries are imported when an encoder that
needs them is made.
"""

from __future__ import annotations

from embias.encoders._choose import as_encoder
from embias.encoders.cache import CachedEncoder, cache_info, clear_cache
from embias.encoders.callables import CallableEncoder
from embias.encoders.contexts import find_contexts
from embias.encoders.embedded import known_encoders
from embias.encoders.fasttext import FastTextEncoder
from embias.encoders.images import ImageTextEncoder, VisionEncoder
from embias.encoders.lookup import LookupPolicy
from embias.encoders.model2vec import Model2VecEncoder
from embias.encoders.pooled import PooledEncoder, pool_contexts
from embias.encoders.quantized import QuantizedEncoder
from embias.encoders.sentence import SentenceTransformerEncoder
from embias.encoders.static import StaticEncoder
from embias.encoders.table import PrecomputedEncoder
from embias.encoders.transformed import TransformedEncoder
from embias.encoders.transformer import TransformerEncoder
from embias.encoders.truncated import TruncatedEncoder
from embias.encoders.vector_file_encoder import VectorFileEncoder
from embias.encoders.vector_files import VectorTable, read_vectors
from embias.encoders.vector_writer import save_word_vectors

__all__ = [
    "CachedEncoder",
    "CallableEncoder",
    "FastTextEncoder",
    "ImageTextEncoder",
    "LookupPolicy",
    "Model2VecEncoder",
    "PooledEncoder",
    "PrecomputedEncoder",
    "QuantizedEncoder",
    "SentenceTransformerEncoder",
    "StaticEncoder",
    "TransformedEncoder",
    "TransformerEncoder",
    "TruncatedEncoder",
    "VectorFileEncoder",
    "VectorTable",
    "VisionEncoder",
    "as_encoder",
    "cache_info",
    "clear_cache",
    "find_contexts",
    "known_encoders",
    "pool_contexts",
    "read_vectors",
    "save_word_vectors",
]
