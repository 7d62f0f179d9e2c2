"""The events of a message, in order, to the model's events.

Contract: ``feed`` takes what a ``MessagesLife`` yields and repairs nothing. A block that begins
yields no event before it says something; where two of a kind follow each other, ``Separated``
stands between. Ends with ``Finished``, ``UsageTold`` where usage is known, and ``Ended``.
Source: Anthropic API reference, "Streaming Messages".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from strictwire.dialects.chunk_fields import progress_told
from strictwire.dialects.messages.citations import annotation_of
from strictwire.dialects.messages.errors import error_told
from strictwire.dialects.messages.reasons import finished_of
from strictwire.dialects.messages.usage import joined_usage, usage_to_chat
from strictwire.model.chunks import Chunk
from strictwire.model.events import (
    Begun,
    Ended,
    Event,
    Extension,
    Extra,
    Failed,
    Native,
    ReasoningDelta,
    Sealed,
    Separated,
    TextDelta,
    ToolCallBegun,
    ToolCallDelta,
    UsageTold,
)


class MessagesReader:
    """Reads one reply. State: which block is open, and what only the end may tell."""

    __slots__ = ("_calls", "_delta", "_has_input", "_is_first", "_kind", "_said", "_seal", "_usage")

    def __init__(self) -> None:
        self._kind = ""  # of the open block
        self._said = ""  # the kind of the last block that said something
        self._is_first = True  # the open block has said nothing yet
        self._calls = 0
        self._has_input = False
        self._seal = ""
        self._usage: dict[str, Any] = {}
        self._delta: dict[str, Any] = {}

    def feed(self, chunk: Chunk) -> Iterator[Event]:
        value = chunk.value
        kind = value.get("type")
        read = _READERS.get(kind) if isinstance(kind, str) else None
        if read is not None:
            yield from read(self, value, chunk)
        elif "prompt_progress" in value:
            progress = progress_told(value, chunk)
            if progress is not None:
                yield progress
        elif kind != "ping":
            yield Native("messages", value, is_answer=False, source=chunk)

    def finish(self) -> Iterator[Event]:
        return iter(())

    def _message_start(self, value: dict[str, Any], chunk: Chunk) -> Iterator[Event]:
        message = value["message"]
        self._usage = message["usage"]
        yield Begun(message["id"], None, message["model"], source=chunk)

    def _block_start(self, value: dict[str, Any], chunk: Chunk) -> Iterator[Event]:
        block = value["content_block"]
        self._kind = block["type"]
        self._is_first = True
        if self._kind == "tool_use":
            self._said, self._has_input = self._kind, False
            yield ToolCallBegun(0, self._calls, block["id"], block["name"], source=chunk)
            self._calls += 1
        elif self._kind == "redacted_thinking":
            self._said = ""
            yield Sealed(0, str(block.get("data") or ""), is_redacted=True, source=chunk)
        elif self._kind not in ("text", "thinking"):
            yield Native("messages", value, source=chunk)

    def _block_delta(self, value: dict[str, Any], chunk: Chunk) -> Iterator[Event]:
        delta = value["delta"]
        match delta["type"]:
            case "text_delta" if self._kind == "text":
                if delta["text"]:
                    yield from self._separated()
                    yield TextDelta(0, delta["text"], source=chunk)
            case "thinking_delta" if self._kind == "thinking":
                if delta["thinking"]:
                    yield from self._separated()
                    yield ReasoningDelta(0, delta["thinking"], source=chunk)
            case "signature_delta" if self._kind == "thinking":
                self._seal = delta["signature"]
            case "input_json_delta" if self._kind == "tool_use":
                if delta["partial_json"]:
                    self._has_input = True
                    number = self._calls - 1
                    yield ToolCallDelta(0, number, delta["partial_json"], source=chunk)
            case "citations_delta" if self._kind == "text":
                yield from self._citation(value, chunk)
            case _:
                yield Native("messages", value, source=chunk)

    def _citation(self, value: dict[str, Any], chunk: Chunk) -> Iterator[Event]:
        annotation = annotation_of(value["delta"]["citation"])
        if annotation is None:
            yield Native("messages", value, source=chunk)
            return
        yield from self._separated()
        yield Extension(0, extra=Extra(delta={"annotations": [annotation]}), source=chunk)

    def _block_stop(self, value: dict[str, Any], chunk: Chunk) -> Iterator[Event]:
        if self._kind == "tool_use" and not self._has_input:
            # Anthropic's own way to call without arguments is a delta that is empty.
            yield ToolCallDelta(0, self._calls - 1, "{}", source=chunk)
        if self._seal:
            if self._is_first and self._said == "thinking":
                yield Separated(0, source=chunk)
            yield Sealed(0, self._seal, source=chunk)
            self._seal = self._said = ""
        self._kind = ""

    def _separated(self) -> Iterator[Event]:
        """Before the first word of a block, if it would else be taken for one with the last."""
        if self._is_first:
            self._is_first = False
            if self._said == self._kind:
                yield Separated(0)
            self._said = self._kind

    def _message_delta(self, value: dict[str, Any], chunk: Chunk) -> Iterator[Event]:
        self._delta = value["delta"]
        self._usage = joined_usage(self._usage, value["usage"])
        return iter(())

    def _message_stop(self, value: dict[str, Any], chunk: Chunk) -> Iterator[Event]:
        yield finished_of(self._delta)
        # Counts that nobody told are zeros here; a reply that says something has an output.
        if self._usage.get("output_tokens"):
            yield UsageTold(usage_to_chat(self._usage))
        yield Ended()

    def _error(self, value: dict[str, Any], chunk: Chunk) -> Iterator[Event]:
        error = value.get("error")
        yield Failed(error_told(error if isinstance(error, dict) else {}), source=chunk)


_READERS: dict[str, Callable[[MessagesReader, dict[str, Any], Chunk], Iterator[Event]]] = {
    "message_start": MessagesReader._message_start,
    "content_block_start": MessagesReader._block_start,
    "content_block_delta": MessagesReader._block_delta,
    "content_block_stop": MessagesReader._block_stop,
    "message_delta": MessagesReader._message_delta,
    "message_stop": MessagesReader._message_stop,
    "error": MessagesReader._error,
}
