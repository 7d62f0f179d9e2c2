"""Messages to Messages: each strict chunk is one event, and is written as it is.

Contract: the reader says of each chunk what the relay must know (has the answer begun, is there a
call, how did it end), and the writers take the chunk itself, so nothing is lost on the way and
what was in order keeps its bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from strictwire.dialects.chunk_fields import progress_told
from strictwire.dialects.messages.errors import error_object, error_told
from strictwire.dialects.messages.fold import MessageFold
from strictwire.dialects.messages.life import MessagesLife
from strictwire.dialects.messages.names import delta_text
from strictwire.dialects.messages.reasons import finish_reason
from strictwire.model.chunks import Chunk
from strictwire.model.errors import MisuseError, WireError
from strictwire.model.events import (
    Begun,
    Ended,
    Event,
    Failed,
    Finished,
    Native,
    ReasoningDelta,
    TextDelta,
    ToolCallBegun,
    ToolCallDelta,
)
from strictwire.model.life import Life
from strictwire.model.request import Promise

# Blocks whose start tells nothing of the answer yet.
_EMPTY_STARTS = frozenset(("text", "thinking"))


class MessagesNativeReader:
    """Reads one reply. State: how many calls began, and why the message ends."""

    __slots__ = ("_calls", "_reason")

    def __init__(self) -> None:
        self._calls = 0
        self._reason = ""

    def feed(self, chunk: Chunk) -> Iterator[Event]:
        value = chunk.value
        match value.get("type"):
            case "content_block_delta":
                yield self._delta(value, chunk)
            case "message_start":
                message = value["message"]
                yield Begun(message["id"], None, message["model"], source=chunk)
            case "content_block_start":
                yield self._start(value, chunk)
            case "message_delta":
                self._reason = value["delta"]["stop_reason"]
                yield _beside(value, chunk)
            case "message_stop":
                yield Finished(0, finish_reason(self._reason), source=chunk)
                yield Ended()
            case "error":
                error = value.get("error")
                yield Failed(error_told(error if isinstance(error, dict) else {}), source=chunk)
            case None:
                progress = progress_told(value, chunk)
                if progress is not None:
                    yield progress
            case _:
                yield _beside(value, chunk)

    def finish(self) -> Iterator[Event]:
        return iter(())

    def _start(self, value: dict[str, Any], chunk: Chunk) -> Event:
        block = value["content_block"]
        if block["type"] == "tool_use":
            self._calls += 1
            return ToolCallBegun(0, self._calls - 1, block["id"], block["name"], source=chunk)
        is_answer = block["type"] not in _EMPTY_STARTS
        return Native("messages", value, is_answer=is_answer, source=chunk)

    def _delta(self, value: dict[str, Any], chunk: Chunk) -> Event:
        delta = value["delta"]
        text = delta_text(delta, "text_delta", "text")
        if text:
            return TextDelta(0, text, source=chunk)
        thought = delta_text(delta, "thinking_delta", "thinking")
        if thought:
            return ReasoningDelta(0, thought, source=chunk)
        piece = delta_text(delta, "input_json_delta", "partial_json")
        if piece:
            return ToolCallDelta(0, max(0, self._calls - 1), piece, source=chunk)
        is_answer = delta["type"] not in ("text_delta", "thinking_delta", "input_json_delta")
        return Native("messages", value, is_answer=is_answer, source=chunk)


def _beside(value: dict[str, Any], chunk: Chunk) -> Native:
    return Native("messages", value, is_answer=False, source=chunk)


class MessagesNativeWriter:
    """Writes one streamed reply: the chunks that its events were read from."""

    __slots__ = ("life",)

    def __init__(self, promise: Promise, life: Life) -> None:
        self.life = life

    def feed(self, event: Event) -> Sequence[dict[str, Any]]:
        return (event.source.value,) if event.source is not None else ()

    def fail(self, error: WireError) -> Sequence[dict[str, Any]]:
        return (error_object(error),)

    def progress(self, told: dict[str, Any]) -> dict[str, Any]:
        """Only a chat chunk carries progress: this dialect's endpoint refuses to ask for it."""
        raise MisuseError("an event of a message carries no progress")

    def trial(self) -> MessagesNativeWriter:
        return self

    def state(self) -> str:
        """The life decides all, and the stages look at it."""
        return ""


class MessagesNativeWholeWriter:
    """Gathers one reply into a message."""

    __slots__ = ("_fold", "_life")

    def __init__(self, promise: Promise, life: Life) -> None:
        self._fold = MessageFold()
        self._life = life

    @property
    def size_bytes(self) -> int:
        return self._fold.size_bytes + self._life.size_bytes

    @property
    def knows_usage(self) -> bool:
        return isinstance(self._life, MessagesLife) and self._life.knows_usage

    def feed(self, event: Event) -> None:
        if event.source is not None:
            self._fold.feed(event.source.value)

    def finish(self) -> dict[str, Any]:
        return self._fold.message()
