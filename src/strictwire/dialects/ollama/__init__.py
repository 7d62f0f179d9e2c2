"""Ollama's own API (``/api/chat``): its life, reader, request and whole reply. Upstream only: no
client is answered in it, so it has no writers."""

from strictwire.dialects.ollama.life import OllamaLife
from strictwire.dialects.ollama.reader import OllamaReader
from strictwire.dialects.ollama.reply import chunks_of_reply

__all__ = ["OllamaLife", "OllamaReader", "chunks_of_reply"]
