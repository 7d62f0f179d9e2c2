"""Embeddings (``/v1/embeddings``): its request. A reply is one object, see ``relay.embeddings``."""

from strictwire.dialects.embeddings.request import EmbeddingsRequest, parse_request

__all__ = ["EmbeddingsRequest", "parse_request"]
