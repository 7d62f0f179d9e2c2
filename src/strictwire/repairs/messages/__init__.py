"""Chunk rules of Messages, in the order in which they run, and what its life mends.

What chat's rule says of split characters holds here too, so the same class runs under the same
name: no text of a chunk has half a character after it.
"""

from strictwire.repairs.chat.characters import SplitCharacter
from strictwire.repairs.messages.error_shape import MessagesErrorShape
from strictwire.repairs.messages.event_type import MessagesEventType
from strictwire.repairs.messages.life_rows import LIFE_ROWS
from strictwire.repairs.rule import ChunkRule

MESSAGES_RULES: tuple[type[ChunkRule], ...] = (
    SplitCharacter,
    MessagesErrorShape,
    MessagesEventType,
)

__all__ = ["LIFE_ROWS", "MESSAGES_RULES"]
