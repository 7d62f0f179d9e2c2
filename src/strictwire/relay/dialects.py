"""The table of dialects: the parts that a relay puts together for a reply. One row, one dialect.

A reply goes from the parts that read its upstream's dialect to those that write its client's.
Where both are the same, the ``native`` parts of that dialect stand in for both, so that nothing
that only this dialect can say is lost on the way. ``SOURCES`` has one dialect more than
``DIALECTS``: Ollama's own, in which servers are asked and no client is answered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from strictwire.dialects import chat, completions, messages, ollama, responses
from strictwire.model.chunks import Chunk
from strictwire.model.frames import Decoded, Frame, Malformed
from strictwire.model.life import Life
from strictwire.model.request import Dialect, Promise, UpstreamDialect
from strictwire.relay.sinks import StreamWriter, WholeWriter, Wire
from strictwire.relay.stages import Reader
from strictwire.repairs import (
    CHAT_RULES,
    COMPLETIONS_RULES,
    MESSAGES_RULES,
    OLLAMA_RULES,
    RESPONSES_RULES,
)
from strictwire.repairs.rule import ChunkRule
from strictwire.wire.ndjson import MAX_LINE_BYTES, NdjsonDecoder
from strictwire.wire.sse import SseDecoder


class Decoder(Protocol):
    """Bytes to frames, however they are cut."""

    @property
    def is_clean(self) -> bool: ...  # nothing is half read

    def feed(self, chunk: bytes) -> Sequence[Decoded]: ...

    def unended(self) -> Frame | Malformed | None: ...  # what the body's end left open

    def finish(self) -> bool: ...  # whether it left anything open


def event_stream(promise: Promise) -> Decoder:
    # Bytes that are no UTF-8 may be halves of a character, which a rule joins.
    return SseDecoder(keeps_invalid=True)


def json_lines(promise: Promise) -> Decoder:
    # A whole reply is one line of them, and as long as a reply may be.
    return NdjsonDecoder(max_line_bytes=max(MAX_LINE_BYTES, promise.max_reply_bytes))


class MakeLife(Protocol):
    """``is_object``: the reply came as one object, in which nothing is out of order."""

    def __call__(self, promise: Promise, *, is_object: bool) -> Life: ...


@dataclass(frozen=True, slots=True)
class Native:
    """How a dialect with a life is passed on to clients that speak it too."""

    reader: Callable[[], Reader]
    writer: Callable[[Promise, Life], StreamWriter]
    whole_writer: Callable[[Promise, Life], WholeWriter]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """How a dialect's replies are read. ``chunks_of_reply`` lays a whole object out as the chunks
    that would have streamed it. ``is_line_by_line``: a whole reply is a stream of one line, which
    nothing tells from one of many, so both are read as a stream."""

    reader: Callable[[], Reader]
    chunk_rules: tuple[type[ChunkRule], ...]
    chunks_of_reply: Callable[[dict[str, Any]], list[Chunk]]
    life: MakeLife | None = None
    decoder: Callable[[Promise], Decoder] = event_stream
    is_line_by_line: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts(Source):
    """And how replies in it are written."""

    writer: Callable[[Promise], StreamWriter]
    whole_writer: Callable[[Promise], WholeWriter]
    wire: Wire = Wire()  # noqa: RUF009 - frozen
    native: Native | None = None


DIALECTS: Mapping[Dialect, Parts] = {
    "chat": Parts(
        reader=chat.ChatReader,
        chunk_rules=CHAT_RULES,
        chunks_of_reply=chat.chunks_of_reply,
        writer=chat.ChatWriter,
        whole_writer=chat.ChatWholeWriter,
    ),
    "completions": Parts(
        reader=completions.CompletionsReader,
        chunk_rules=COMPLETIONS_RULES,
        chunks_of_reply=completions.chunks_of_reply,
        writer=completions.CompletionsWriter,
        whole_writer=completions.CompletionsWholeWriter,
    ),
    "responses": Parts(
        reader=responses.ResponsesReader,
        chunk_rules=RESPONSES_RULES,
        chunks_of_reply=responses.chunks_of_reply,
        life=responses.ResponsesLife,
        writer=responses.ResponsesWriter,
        whole_writer=responses.ResponsesWholeWriter,
        wire=Wire(names_events=True, result="response"),
        native=Native(
            responses.ResponsesNativeReader,
            responses.ResponsesNativeWriter,
            responses.ResponsesNativeWholeWriter,
        ),
    ),
    "messages": Parts(
        reader=messages.MessagesReader,
        chunk_rules=MESSAGES_RULES,
        chunks_of_reply=messages.chunks_of_reply,
        life=messages.MessagesLife,
        writer=messages.MessagesWriter,
        whole_writer=messages.MessagesWholeWriter,
        wire=Wire(names_events=True, has_done=False, pings=True),
        native=Native(
            messages.MessagesNativeReader,
            messages.MessagesNativeWriter,
            messages.MessagesNativeWholeWriter,
        ),
    ),
}
SOURCES: Mapping[UpstreamDialect, Source] = {
    "chat": DIALECTS["chat"],
    "completions": DIALECTS["completions"],
    "responses": DIALECTS["responses"],
    "messages": DIALECTS["messages"],
    "ollama": Source(
        reader=ollama.OllamaReader,
        chunk_rules=OLLAMA_RULES,
        chunks_of_reply=ollama.chunks_of_reply,
        life=ollama.OllamaLife,
        decoder=json_lines,
        is_line_by_line=True,
    ),
}
