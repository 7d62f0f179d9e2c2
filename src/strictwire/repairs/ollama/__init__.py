"""Chunk rules of Ollama's own API, in the order in which they run.

What chat's rule says of split characters holds here too, so the same class runs under the same
name: no text of an object has half a character after it.
"""

from strictwire.repairs.chat.characters import SplitCharacter
from strictwire.repairs.rule import ChunkRule

OLLAMA_RULES: tuple[type[ChunkRule], ...] = (SplitCharacter,)

__all__ = ["OLLAMA_RULES"]
