"""The encoders that embias knows by name."""

from __future__ import annotations

WORD2VEC_EXTRACT = "word2vec-googlenews-extract"
MINILM = "minilm"

DESCRIPTIONS = {
    MINILM: "all-MiniLM-L6-v2, a sentence encoder carried by a package (extra: demo)",
    WORD2VEC_EXTRACT: "word2vec GoogleNews, the words of the published tests; ships with embias",
}
