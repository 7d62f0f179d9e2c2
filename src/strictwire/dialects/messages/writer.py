"""Events to the events of a Messages stream.

Contract: ``feed`` takes one event and returns the objects that go out for it, in order. The writer
says loosely what the event tells (this text, of this block) and its own ``MessagesLife`` makes the
strict order of it: so calls that come interleaved, as chat servers send them, go out one after the
other. What Messages cannot hold (logprobs, other choices, other dialects' own events) is left out.
Source: docs/contract.md, "Messages".
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any

from strictwire.dialects.messages.citations import citations_of
from strictwire.dialects.messages.custom_input import CustomInput
from strictwire.dialects.messages.envelope import new_start
from strictwire.dialects.messages.errors import error_object
from strictwire.dialects.messages.fold import MessageFold
from strictwire.dialects.messages.life import STOP, MessagesLife
from strictwire.dialects.messages.names import CALL_ID_PREFIX
from strictwire.dialects.messages.reasons import delta_of
from strictwire.dialects.messages.usage import usage_from_chat
from strictwire.model.chunks import Chunk
from strictwire.model.errors import MisuseError, WireError
from strictwire.model.events import (
    Begun,
    Ended,
    Event,
    Finished,
    ReasoningDelta,
    RefusalDelta,
    Sealed,
    Separated,
    TextDelta,
    ToolCallBegun,
    ToolCallDelta,
    UsageTold,
)
from strictwire.model.request import Promise

# The kinds of block that one event after another adds to. A refusal is a text of its own.
_TEXT, _REFUSAL, _THINKING = "text", "refusal", "thinking"
_STARTS: dict[str, dict[str, Any]] = {
    _TEXT: {"type": "text", "text": ""},
    _REFUSAL: {"type": "text", "text": ""},
    _THINKING: {"type": "thinking", "thinking": "", "signature": ""},
}


class MessagesWriter:
    """Writes one streamed reply. State: the block that goes on, and the index of each call's."""

    __slots__ = (
        "_calls",
        "_custom",
        "_finished",
        "_has_begun",
        "_has_refused",
        "_index",
        "_kind",
        "_promise",
        "_usage",
        "life",
    )

    def __init__(self, promise: Promise) -> None:
        self._promise = promise
        self.life = MessagesLife(promise)
        self._has_begun = False
        self._kind = ""  # of the block that the next event may add to
        self._index = -1  # of the last block
        self._calls: dict[int, int] = {}
        self._custom: dict[int, CustomInput] = {}
        self._has_refused = False
        self._finished: Finished | None = None
        self._usage: dict[str, Any] | None = None

    @property
    def knows_usage(self) -> bool:
        return self._usage is not None

    def feed(self, event: Event) -> Sequence[dict[str, Any]]:
        if getattr(event, "choice", 0):
            return ()  # a message is one choice
        told = self._told(event)
        return [strict.value for loose in told for strict in self.life.feed(Chunk(loose))]

    def fail(self, error: WireError) -> Sequence[dict[str, Any]]:
        return (error_object(error),)

    def progress(self, told: dict[str, Any]) -> dict[str, Any]:
        """Only a chat chunk carries progress: this dialect's endpoint refuses to ask for it."""
        raise MisuseError("an event of a message carries no progress")

    def trial(self) -> MessagesWriter:
        twin = copy.copy(self)
        twin.life = self.life.trial()
        twin._calls = dict(self._calls)
        twin._custom = {call: copy.copy(custom) for call, custom in self._custom.items()}
        return twin

    def state(self) -> str:
        own = (self._kind, self._index, self._has_begun, self._has_refused, self._finished)
        return repr((own, tuple(self._calls.items()), self._usage)) + self.life.state()

    def _told(self, event: Event) -> Iterator[dict[str, Any]]:
        """What an event says, as loose events of this dialect."""
        match event:
            case TextDelta(_, text):
                yield from self._add(_TEXT, {"type": "text_delta", "text": text})
            case ReasoningDelta(_, text):
                yield from self._add(_THINKING, {"type": "thinking_delta", "thinking": text})
            case RefusalDelta(_, text):
                self._has_refused = True
                yield from self._add(_REFUSAL, {"type": "text_delta", "text": text})
            case ToolCallBegun():
                yield from self._call(event)
            case ToolCallDelta():
                yield from self._arguments(event)
            case Sealed():
                yield from self._sealed(event)
            case Separated():
                yield from self._close()
            case Begun():
                yield from self._begin(event)
            case Finished():
                self._finished = event
            case UsageTold(usage):
                self._usage = usage
            case Ended():
                yield from self._end()
        if event.extra.delta:
            yield from self._beside(event.extra.delta)

    def _begin(self, event: Begun) -> Iterator[dict[str, Any]]:
        if self._has_begun:
            return
        self._has_begun = True
        start = new_start(self._promise)
        told = {"id": event.id, "model": event.model}
        start["message"] |= {name: value for name, value in told.items() if value}
        yield start

    def _add(self, kind: str, delta: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """A delta of the block that is open, or of a new one."""
        if self._kind != kind:
            yield from self._close()
            yield self._start(_STARTS[kind])
            self._kind = kind
        yield {"type": "content_block_delta", "index": self._index, "delta": delta}

    def _start(self, block: dict[str, Any]) -> dict[str, Any]:
        self._index += 1
        return {"type": "content_block_start", "index": self._index, "content_block": block}

    def _close(self) -> Iterator[dict[str, Any]]:
        """End a text or reasoning. Calls are not ended: more may come for each until the end, and
        the life knows when their arguments are complete."""
        if self._kind:
            self._kind = ""
            yield {"type": "content_block_stop", "index": self._index}

    def _call(self, event: ToolCallBegun) -> Iterator[dict[str, Any]]:
        yield from self._close()
        folded = self._promise.folded.get(event.name)
        name = folded.name if folded is not None else event.name
        identity = event.id or f"{CALL_ID_PREFIX}{self._promise.id}_{len(self._calls)}"
        yield self._start({"type": "tool_use", "id": identity, "name": name, "input": {}})
        self._calls[event.call] = self._index
        if event.kind == "custom":
            self._custom[event.call] = CustomInput()

    def _arguments(self, event: ToolCallDelta) -> Iterator[dict[str, Any]]:
        if event.arguments and event.call in self._calls:
            custom = self._custom.get(event.call)
            text = event.arguments if custom is None else custom.piece(event.arguments)
            yield self._input(event.call, text)

    def _input(self, call: int, text: str) -> dict[str, Any]:
        delta = {"type": "input_json_delta", "partial_json": text}
        return {"type": "content_block_delta", "index": self._calls[call], "delta": delta}

    def _sealed(self, event: Sealed) -> Iterator[dict[str, Any]]:
        if event.is_redacted:
            yield from self._close()
            yield self._start({"type": "redacted_thinking", "data": event.seal})
            self._kind = _THINKING
        else:
            # Reasoning of which there is only the seal is a block without words.
            yield from self._add(_THINKING, {"type": "signature_delta", "signature": event.seal})
        yield from self._close()

    def _beside(self, delta: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """What chat's servers tell beside the text and Messages can hold."""
        for citation in citations_of(delta.get("annotations")):
            yield from self._add(_TEXT, {"type": "citations_delta", "citation": citation})

    def _end(self) -> Iterator[dict[str, Any]]:
        yield from self._close()
        for call, custom in self._custom.items():
            yield self._input(call, custom.end())
        end = delta_of(self._finished, has_refused=self._has_refused)
        told: dict[str, Any] = {"type": "message_delta", "delta": end}
        if self._usage is not None:
            told["usage"] = usage_from_chat(self._usage)
        else:
            told["usage"] = new_start(self._promise)["message"]["usage"]
        yield told
        yield STOP


class MessagesWholeWriter:
    """Gathers one reply into a message: what the stream would have said, folded."""

    __slots__ = ("_fold", "_writer")

    def __init__(self, promise: Promise) -> None:
        self._writer = MessagesWriter(promise)
        self._fold = MessageFold()

    @property
    def size_bytes(self) -> int:
        return self._fold.size_bytes + self._writer.life.size_bytes

    @property
    def knows_usage(self) -> bool:
        return self._writer.knows_usage

    def feed(self, event: Event) -> None:
        for value in self._writer.feed(event):
            self._fold.feed(value)

    def finish(self) -> dict[str, Any]:
        return self._fold.message()
