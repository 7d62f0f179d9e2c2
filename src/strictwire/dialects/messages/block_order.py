"""The blocks of a message in their order: one open at a time, counted from 0, each ended once.

Contract: ``feed`` takes a block's events as they came and yields them as they may go out, the same
object where one was in order; ``settle`` at the end tells what waited and ends what is open. What
comes for another block, while the input of a call is not complete, waits until that block ends;
a text or reasoning is ended when another block begins, because blocks never interleave.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from strictwire.dialects.messages.blocks import (
    BLOCK_START,
    TOOL_INPUT,
    Block,
    begin,
    implied_block,
    readable_delta,
    says_what_it_is,
)
from strictwire.dialects.messages.names import CALL_ID_PREFIX, TAKE_INPUT, index_told
from strictwire.model.chunks import Chunk
from strictwire.model.errors import PeerError
from strictwire.model.request import Promise

BLOCK_STOP = "messages.block-stop-missing"
BLOCK_INDEX = "messages.block-index"

# Of the calls that wait for the one before: each may hold a file that is to be written, but a peer
# that never ends the first must not fill our memory with the others.
MAX_HELD_BYTES = 4 * 1024 * 1024
# As many as a choice of chat has: each call's id is remembered until the reply ends.
MAX_CALLS = 512
# What a chunk costs beside its text.
_CHUNK_BYTES = 512

_encode = msgspec.json.encode


class BlockOrder:
    """One message's blocks. ``has_called``: one of them calls a tool of the client's."""

    __slots__ = (
        "_block",
        "_call_ids",
        "_next_index",
        "_promise",
        "_waiting",
        "has_called",
        "mended",
        "size_bytes",
    )

    def __init__(self, promise: Promise) -> None:
        self._promise = promise
        self._block: Block | None = None
        self._next_index = 0
        self._waiting: dict[int, list[Chunk]] = {}
        self._call_ids: set[str] = set()
        self.has_called = False
        self.mended: frozenset[str] = frozenset()
        self.size_bytes = 0

    @property
    def is_open(self) -> bool:
        return self._block is not None

    def feed(self, chunk: Chunk) -> Iterator[Chunk]:
        """Take ``content_block_start``, ``_delta`` or ``_stop``."""
        yield from _TAKERS[chunk.value["type"]](self, chunk)
        if self._waiting:
            yield from self.settle(is_end=False)

    def state(self) -> tuple[Any, ...]:
        block = self._block.state() if self._block is not None else None
        return (block, self._next_index, tuple(self._waiting), self.has_called)

    def trial(self) -> BlockOrder:
        twin = copy.copy(self)
        twin._block = self._block.trial() if self._block is not None else None
        twin._call_ids = self._call_ids.copy()
        twin._waiting = {told: list(held) for told, held in self._waiting.items()}
        return twin

    def _block_start(self, chunk: Chunk) -> Iterator[Chunk]:
        told = index_told(chunk.value)
        start = chunk.value.get("content_block")
        if not isinstance(start, dict) or not says_what_it_is(start):
            self._mend(BLOCK_START)  # a delta will tell what it is
            return
        block = self._block
        if block is not None:
            if told == block.told and not block.has_delta and start == block.told_start:
                self._mend(BLOCK_INDEX)  # the same one again
                return
            if told is not None and told != block.told and not block.may_close:
                self._hold(told, chunk)
                return
            yield from self._close_unasked()
        yield from self._open(chunk, told, start)

    def _open(self, chunk: Chunk, told: int | None, start: dict[str, Any]) -> Iterator[Chunk]:
        index = self._next_index
        self._next_index += 1
        beginning = begin(start, self._call_ids, f"{CALL_ID_PREFIX}{self._promise.id}_{index}")
        self._mend(*beginning.mended)
        if start["type"] in TAKE_INPUT:
            self._claim(beginning.start["id"])
        self.has_called = self.has_called or start["type"] == "tool_use"
        self._block = Block(told, start, index, beginning.start, beginning.input)
        if told != index:
            self._mend(BLOCK_INDEX)
        if told == index and beginning.start is chunk.value.get("content_block"):
            yield chunk
        else:
            kind = {"type": "content_block_start"}
            fields = chunk.value if "content_block" in chunk.value else kind
            yield chunk.repaired(fields | {"index": index, "content_block": beginning.start})
        for delta in beginning.deltas:
            yield Chunk(_delta_value(index, delta))

    def _claim(self, call_id: str) -> None:
        if len(self._call_ids) == MAX_CALLS:
            raise PeerError(
                f"The upstream's reply calls more than {MAX_CALLS} tools.",
                code="upstream_reply_too_large",
            )
        self._call_ids.add(call_id)

    def _block_delta(self, chunk: Chunk) -> Iterator[Chunk]:
        told = index_told(chunk.value)
        delta, is_same = readable_delta(chunk.value.get("delta"))
        block = self._block
        if delta is None:
            return
        if block is None or not (block.is_meant(told) and block.takes(delta["type"])):
            if block and told is not None and told != block.told and not block.may_close:
                self._hold(told, chunk)
                return
            self._mend(BLOCK_START)
            yield from self._close_unasked()
            implied = Chunk({"index": told}, event=chunk.event)
            yield from self._open(implied, told, implied_block(delta["type"]))
            block = self._block
            assert block is not None  # just opened
        block.note(delta)
        if not is_same:
            self._mend(TOOL_INPUT)
        if is_same and told == block.index:
            yield chunk
        else:
            if told != block.index:
                self._mend(BLOCK_INDEX)
            yield chunk.repaired(chunk.value | {"index": block.index, "delta": delta})

    def _block_stop(self, chunk: Chunk) -> Iterator[Chunk]:
        told = index_told(chunk.value)
        block = self._block
        if block is not None and block.is_meant(told):
            yield from self._close(block, chunk)
        elif told is not None and told in self._waiting:
            self._hold(told, chunk)
        else:
            self._mend(BLOCK_STOP)

    def _close_unasked(self) -> Iterator[Chunk]:
        block = self._block
        if block is not None:
            self._mend(BLOCK_STOP)
            yield from self._close(block, None)

    def _close(self, block: Block, chunk: Chunk | None) -> Iterator[Chunk]:
        self._block = None
        untold = block.untold_input
        if untold is not None:
            self._mend(TOOL_INPUT)
            delta = {"type": "input_json_delta", "partial_json": untold}
            yield Chunk(_delta_value(block.index, delta))
        if chunk is not None and index_told(chunk.value) == block.index:
            yield chunk
        else:
            yield Chunk({"type": "content_block_stop", "index": block.index})

    def settle(self, *, is_end: bool) -> Iterator[Chunk]:
        """Tell the blocks that waited, as far as it is their turn. At the end it is."""
        while self._waiting and (self._block is None or is_end or self._block.may_close):
            yield from self._close_unasked()
            self._mend(BLOCK_INDEX)
            held = self._waiting.pop(next(iter(self._waiting)))
            self.size_bytes -= sum(map(_held_size, held))
            for chunk in held:
                yield from _TAKERS[chunk.value["type"]](self, chunk)
        if is_end:
            yield from self._close_unasked()

    def _hold(self, told: int, chunk: Chunk) -> None:
        self.grow(chunk)
        self._waiting.setdefault(told, []).append(chunk)

    def grow(self, chunk: Chunk) -> None:
        """Count a chunk that is held. Raises PeerError where it is one too many."""
        self.size_bytes += _held_size(chunk)
        limit = min(MAX_HELD_BYTES, self._promise.max_reply_bytes)
        if self.size_bytes > limit:
            raise PeerError(
                f"The upstream mixes the blocks of its reply, and more than {limit} bytes of it "
                "wait for a block to end.",
                code="upstream_reply_too_large",
            )

    def _mend(self, *names: str) -> None:
        if not self.mended.issuperset(names):
            self.mended |= frozenset(names)


def _delta_value(index: int, delta: dict[str, Any]) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": delta}


def _held_size(chunk: Chunk) -> int:
    return _CHUNK_BYTES + (len(chunk.raw) or len(_encode(chunk.value)))


_TAKERS: dict[str, Callable[[BlockOrder, Chunk], Iterator[Chunk]]] = {
    "content_block_start": BlockOrder._block_start,
    "content_block_delta": BlockOrder._block_delta,
    "content_block_stop": BlockOrder._block_stop,
}
