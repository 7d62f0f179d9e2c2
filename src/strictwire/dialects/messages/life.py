"""The life of a message: loose chunks in, the events of a Messages stream out, in their order.

Contract: see ``model.life.Life``. ``message_start``, ``ping``, one block after the other with dense
indexes (see ``block_order``), ``message_delta``, ``message_stop``. The ``message_delta`` is held
until the message ends, since it is cumulative and told once. Nothing is kept of a text that went
out. What only Anthropic knows (other blocks, deltas and events) passes.
Source: Anthropic API reference, "Streaming Messages"; docs/contract.md, "Messages".
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

from strictwire.dialects.messages import envelope
from strictwire.dialects.messages.block_order import BlockOrder
from strictwire.dialects.messages.errors import error_object
from strictwire.dialects.messages.names import is_event_name
from strictwire.dialects.messages.usage import is_count
from strictwire.model.chunks import Chunk
from strictwire.model.errors import WireError
from strictwire.model.request import Promise

START_MISSING = "messages.start-missing"
STOP_MISSING = "messages.stop-missing"

PING: dict[str, Any] = {"type": "ping"}
STOP: dict[str, Any] = {"type": "message_stop"}


class MessagesLife:
    """One message's life. ``knows_usage``: the upstream told how much it wrote."""

    __slots__ = (
        "_blocks",
        "_has_begun",
        "_is_over",
        "_mended",
        "_owes_ping",
        "_promise",
        "_started_usage",
        "_tail",
        "is_full",
        "knows_usage",
        "next_number",
        "told_number",
    )

    def __init__(self, promise: Promise, *, is_object: bool = False) -> None:
        """``is_object`` makes no difference: what a whole message has no place for is laid out
        as a stream has it, so nothing is mended that was in order."""
        self._promise = promise
        self._has_begun = False
        self._owes_ping = False
        self._is_over = False
        self._blocks = BlockOrder(promise)
        self._mended: frozenset[str] = frozenset()
        self._started_usage: dict[str, Any] = {}
        self._tail: Chunk | None = None
        self.is_full = False
        self.next_number: int | None = None
        self.told_number: int | None = None
        self.knows_usage = False

    @property
    def mended(self) -> frozenset[str]:
        return self._mended | self._blocks.mended

    @property
    def size_bytes(self) -> int:
        return self._blocks.size_bytes

    @property
    def is_lingering(self) -> bool:
        """The reason for the end was told and no block is open: only ``message_stop`` may come."""
        has_reason = self._tail is not None and bool(envelope.reason_told(self._tail.value))
        return has_reason and not self._blocks.is_open and not self._is_over

    def feed(self, chunk: Chunk) -> Iterator[Chunk]:
        if self._is_over:
            return
        kind = chunk.value.get("type")
        take = _TAKERS.get(kind) if isinstance(kind, str) else None
        if take is not None:
            yield from take(self, chunk)
        elif kind == "error" or "prompt_progress" in chunk.value:
            yield chunk
        elif is_event_name(kind):
            yield from self._begun()
            yield chunk

    def end(self, *, has_terminal: bool) -> Iterator[Chunk]:
        if self._is_over or not self._has_begun:
            return
        has_reason = self._tail is not None and bool(envelope.reason_told(self._tail.value))
        if has_terminal or has_reason:
            self._mend(STOP_MISSING)
            yield from self._message_stop(Chunk(STOP))

    def fail(self, error: WireError) -> Iterator[Chunk]:
        self._is_over = True
        yield Chunk(error_object(error))

    def spliced(self, text: str) -> None:
        """Nothing of a text is repeated later, so nothing is kept of it."""

    def state(self) -> str:
        own = (self._has_begun, self._owes_ping, self._is_over, self._tail is None)
        return repr((own, self._blocks.state(), sorted(self.mended)))

    def trial(self) -> MessagesLife:
        twin = copy.copy(self)
        twin._blocks = self._blocks.trial()
        return twin

    def _message_start(self, chunk: Chunk) -> Iterator[Chunk]:
        if self._has_begun:
            self._mend(envelope.START_FIELDS)
            return
        value, mended = envelope.strict_start(chunk.value, self._promise)
        self._mend(*mended)
        yield self._begin_with(chunk, value)
        message = chunk.value.get("message")
        if isinstance(message, dict) and isinstance(message.get("content"), list):
            yield from self._content(message)

    def _content(self, message: dict[str, Any]) -> Iterator[Chunk]:
        """What a start tells of the answer. Only with content is its stop reason meant."""
        for index, block in enumerate(message["content"]):
            start = {"type": "content_block_start", "index": index, "content_block": block}
            yield from self._block_event(Chunk(start))
            yield from self._block_event(Chunk({"type": "content_block_stop", "index": index}))
        if message["content"] and isinstance(message.get("stop_reason"), str):
            end = {name: message.get(name) for name in ("stop_reason", "stop_sequence")}
            usage = {"output_tokens": self._started_usage["output_tokens"]}
            self._tail = Chunk({"type": "message_delta", "delta": end, "usage": usage})

    def _begin_with(self, chunk: Chunk, value: dict[str, Any]) -> Chunk:
        self._has_begun = self._owes_ping = True
        self._started_usage = value["message"]["usage"]
        self.knows_usage = bool(self._started_usage["output_tokens"])
        return chunk if value is chunk.value else chunk.repaired(value)

    def _begun(self) -> Iterator[Chunk]:
        """What must have been told before anything else."""
        if not self._has_begun:
            self._mend(START_MISSING)
            value = envelope.new_start(self._promise)
            yield self._begin_with(Chunk(value), value)
        if self._owes_ping:
            self._owes_ping = False
            yield Chunk(PING)

    def _ping(self, chunk: Chunk) -> Iterator[Chunk]:
        if self._has_begun:
            self._owes_ping = False
            yield chunk

    def _block_event(self, chunk: Chunk) -> Iterator[Chunk]:
        yield from self._begun()
        yield from self._blocks.feed(chunk)

    def _message_delta(self, chunk: Chunk) -> Iterator[Chunk]:
        yield from self._begun()
        usage = chunk.value.get("usage")
        if isinstance(usage, dict) and is_count(usage.get("output_tokens")):
            self.knows_usage = True
        if self._tail is None:
            self._tail = chunk
            return
        self._mend(envelope.MESSAGE_DELTA)
        self._blocks.grow(chunk)
        self._tail = chunk.repaired(envelope.joined_delta(self._tail.value, chunk.value))

    def _message_stop(self, stop: Chunk) -> Iterator[Chunk]:
        yield from self._begun()
        yield from self._blocks.settle(is_end=True)
        self._is_over = True
        tail = self._tail if self._tail is not None else Chunk({})
        value, mended = envelope.strict_delta(
            None if self._tail is None else tail.value,
            self._started_usage,
            has_called=self._blocks.has_called,
        )
        self._mend(*mended)
        yield tail if value is tail.value else tail.repaired(value)
        yield stop

    def _mend(self, *names: str) -> None:
        if not self._mended.issuperset(names):
            self._mended |= frozenset(names)


_TAKERS: dict[str, Callable[[MessagesLife, Chunk], Iterator[Chunk]]] = {
    "message_start": MessagesLife._message_start,
    "ping": MessagesLife._ping,
    "content_block_start": MessagesLife._block_event,
    "content_block_delta": MessagesLife._block_event,
    "content_block_stop": MessagesLife._block_event,
    "message_delta": MessagesLife._message_delta,
    "message_stop": MessagesLife._message_stop,
}
