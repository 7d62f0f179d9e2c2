"""The table of dialects: the parts that a relay puts together for a reply. One row, one dialect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from strictwire.dialects import chat, completions
from strictwire.dialects.chat.writer import error_object
from strictwire.model.chunks import Chunk
from strictwire.model.errors import WireError
from strictwire.model.request import Dialect, Promise
from strictwire.relay.sinks import StreamWriter, WholeWriter
from strictwire.relay.stages import Reader
from strictwire.repairs import CHAT_RULES, COMPLETIONS_RULES
from strictwire.repairs.rule import ChunkRule


@dataclass(frozen=True, slots=True)
class Parts:
    """``chunks_of_reply`` lays a whole object out as the chunks that would have streamed it."""

    reader: Callable[[], Reader]
    writer: Callable[[Promise], StreamWriter]
    whole_writer: Callable[[Promise], WholeWriter]
    chunk_rules: tuple[type[ChunkRule], ...]
    chunks_of_reply: Callable[[dict[str, Any]], list[Chunk]]
    error_object: Callable[[WireError], dict[str, Any]]


DIALECTS: dict[Dialect, Parts] = {
    "chat": Parts(
        chat.ChatReader,
        chat.ChatWriter,
        chat.ChatWholeWriter,
        CHAT_RULES,
        chat.chunks_of_reply,
        error_object,
    ),
    "completions": Parts(
        completions.CompletionsReader,
        completions.CompletionsWriter,
        completions.CompletionsWholeWriter,
        COMPLETIONS_RULES,
        completions.chunks_of_reply,
        error_object,
    ),
}
