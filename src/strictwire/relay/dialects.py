"""The table of dialects: the parts that a relay puts together for a reply. One row, one dialect.

A reply goes from the parts that read its upstream's dialect to those that write its client's.
Where both are the same, the ``native`` parts of that dialect stand in for both, so that nothing
that only this dialect can say is lost on the way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from strictwire.dialects import chat, completions, messages, responses
from strictwire.model.chunks import Chunk
from strictwire.model.life import Life
from strictwire.model.request import Promise, UpstreamDialect
from strictwire.relay.sinks import StreamWriter, WholeWriter, Wire
from strictwire.relay.stages import Reader
from strictwire.repairs import CHAT_RULES, COMPLETIONS_RULES, MESSAGES_RULES, RESPONSES_RULES
from strictwire.repairs.rule import ChunkRule


class MakeLife(Protocol):
    """``is_object``: the reply came as one object, in which nothing is out of order."""

    def __call__(self, promise: Promise, *, is_object: bool) -> Life: ...


@dataclass(frozen=True, slots=True)
class Native:
    """How a dialect with a life is passed on to clients that speak it too."""

    reader: Callable[[], Reader]
    writer: Callable[[Promise, Life], StreamWriter]
    whole_writer: Callable[[Promise, Life], WholeWriter]


@dataclass(frozen=True, slots=True)
class Parts:
    """``chunks_of_reply`` lays a whole object out as the chunks that would have streamed it."""

    reader: Callable[[], Reader]
    writer: Callable[[Promise], StreamWriter]
    whole_writer: Callable[[Promise], WholeWriter]
    chunk_rules: tuple[type[ChunkRule], ...]
    chunks_of_reply: Callable[[dict[str, Any]], list[Chunk]]
    wire: Wire = Wire()  # noqa: RUF009 - frozen
    life: MakeLife | None = None
    native: Native | None = None


DIALECTS: dict[UpstreamDialect, Parts] = {
    "chat": Parts(
        chat.ChatReader,
        chat.ChatWriter,
        chat.ChatWholeWriter,
        CHAT_RULES,
        chat.chunks_of_reply,
    ),
    "completions": Parts(
        completions.CompletionsReader,
        completions.CompletionsWriter,
        completions.CompletionsWholeWriter,
        COMPLETIONS_RULES,
        completions.chunks_of_reply,
    ),
    "responses": Parts(
        responses.ResponsesReader,
        responses.ResponsesWriter,
        responses.ResponsesWholeWriter,
        RESPONSES_RULES,
        responses.chunks_of_reply,
        Wire(names_events=True, result="response"),
        responses.ResponsesLife,
        Native(
            responses.ResponsesNativeReader,
            responses.ResponsesNativeWriter,
            responses.ResponsesNativeWholeWriter,
        ),
    ),
    "messages": Parts(
        messages.MessagesReader,
        messages.MessagesWriter,
        messages.MessagesWholeWriter,
        MESSAGES_RULES,
        messages.chunks_of_reply,
        Wire(names_events=True, has_done=False, pings=True),
        messages.MessagesLife,
        Native(
            messages.MessagesNativeReader,
            messages.MessagesNativeWriter,
            messages.MessagesNativeWholeWriter,
        ),
    ),
}
