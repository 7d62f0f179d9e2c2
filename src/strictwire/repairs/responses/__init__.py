"""Chunk rules of Responses, in the order in which they run, and what its life mends.

What chat's rule says of split characters holds here too, so the same class runs under the same
name: no text of a chunk has half a character after it.
"""

from strictwire.repairs.chat.characters import SplitCharacter
from strictwire.repairs.responses.error_shape import ResponsesErrorShape
from strictwire.repairs.responses.event_type import ResponsesEventType
from strictwire.repairs.responses.life_rows import LIFE_ROWS
from strictwire.repairs.rule import ChunkRule

RESPONSES_RULES: tuple[type[ChunkRule], ...] = (
    SplitCharacter,
    ResponsesErrorShape,
    ResponsesEventType,
)

__all__ = ["LIFE_ROWS", "RESPONSES_RULES"]
