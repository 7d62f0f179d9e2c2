"""The blocks of a message's stream: each announced, told in deltas of its kind, and ended.

Contract: ``start``, ``delta`` and ``stop`` take the events of blocks. They tell what is wrong, and
follow the block that a forgiving client would have understood: what was never announced begins
with its first delta. One block is open at a time; one that goes on after another began is followed
all the same.
Source: docs/contract.md, "Messages"; docs/quirks.md, 79 and 83.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from strictwire.conformance.finding import Findings
from strictwire.conformance.json_text import JsonText, Where
from strictwire.conformance.messages.fields import (
    CALLED,
    DELTAS,
    TEXTS,
    fits,
    has_input,
    is_text,
    wrong_in_block,
)
from strictwire.conformance.usage import is_whole_number

Json = dict[str, Any]

# Blocks that are followed at once. The format allows one, parallel calls of careless servers a few.
MAX_OPEN = 64


@dataclass(slots=True, eq=False)
class _Block:
    """``place`` is the index that the server uses for it, None before it told one."""

    kind: str
    place: int | None
    at: Where
    input: list[str] = field(default_factory=list)
    is_input_told: bool = False  # whole, where the block began


class BlocksJudge:
    """Judges the blocks of one stream. ``has_called``: a tool that the client runs."""

    __slots__ = ("_count", "_found", "_open", "_tool_ids", "_unread", "has_called")

    def __init__(self, found: Findings) -> None:
        self._found = found
        self._open: list[_Block] = []
        self._count = 0
        self._tool_ids: set[str] = set()
        # The last block, if nobody can read its input: an end by length excuses it.
        self._unread: _Block | None = None
        self.has_called = False

    @property
    def has_blocks(self) -> bool:
        return bool(self._count)

    def start(self, text: JsonText) -> None:
        told = text.value.get("content_block")
        for name in wrong_in_block(told):
            self._found.add("messages.block-start-missing", text.at("content_block"), name)
        told = told if isinstance(told, dict) else {}
        if self._open:
            self._found.add("messages.block-stop-missing", text.start, "another begins")
        block = self._begin(str(told.get("type") or ""), text)
        key = TEXTS.get(block.kind, "")
        if key and told.get(key):
            self._found.add(
                "messages.block-start-missing", text.at("content_block", key), "not empty"
            )
        if has_input(block.kind):
            self._tool(block, told, text)

    def delta(self, text: JsonText) -> None:
        delta = text.value.get("delta")
        kind = delta.get("type") if isinstance(delta, dict) else None
        if not isinstance(delta, dict) or not is_text(kind):
            self._found.add("messages.event-type", text.at("delta"), "the delta has no type")
            return
        block = self._block_of(text, str(kind))
        if block is None:
            self._found.add("messages.block-start-missing", text.start)
            block = self._begin(DELTAS.get(str(kind), ("", ""))[1], text)
        key = DELTAS.get(str(kind), ("", ""))[0]
        if not key:
            return
        if key != "citation" and not isinstance(delta.get(key), str):
            self._found.add("messages.delta-kind", text.at("delta"), f"{key} is no text")
        elif kind == "input_json_delta":
            block.input.append(delta[key])

    def stop(self, text: JsonText) -> None:
        block = self._block_of(text, "")
        if block is None:
            self._found.add("messages.block-stop-missing", text.start, "a stop of no open block")
            return
        self._open.remove(block)
        self._close(block, text.start)

    def end(self, offset: Where) -> None:
        """No more blocks come."""
        if self._open:
            self._found.add("messages.block-stop-missing", offset)
        for block in self._open:
            self._close(block, offset)
        self._open.clear()

    def judge_last(self, stop_reason: str) -> None:
        """The message is over: an input that was cut off by the limit is nobody's fault."""
        if self._unread is not None and stop_reason != "max_tokens":
            self._found.add("messages.input-json", self._unread.at)

    # ---- one block ----

    def _begin(self, kind: str, text: JsonText) -> _Block:
        place = text.value.get("index")
        if not is_whole_number(place):
            self._found.add("messages.block-index", text.at("index"), "there is none")
            place = None
        elif place != self._count:
            self._found.add("messages.block-index", text.at("index"), f"{place}, not {self._count}")
        self._count += 1
        block = _Block(kind, place, text.start)
        if len(self._open) < MAX_OPEN:
            self._open.append(block)
        else:
            self._open[-1] = block
        self.has_called = self.has_called or kind == CALLED
        return block

    def _tool(self, block: _Block, told: Json, text: JsonText) -> None:
        identity = told.get("id")
        if not is_text(identity):
            self._found.add("messages.tool-id", text.at("content_block"), "there is none")
        elif identity in self._tool_ids:
            self._found.add("messages.tool-id", text.at("content_block", "id"), "it is another's")
        self._tool_ids.add(str(identity))
        if told.get("input") != {}:
            self._found.add("messages.tool-input", text.at("content_block"), "it does not begin {}")
            block.is_input_told = bool(told.get("input"))

    def _block_of(self, text: JsonText, delta: str) -> _Block | None:
        """The open block that an event speaks of; None where it begins one."""
        place, blocks = text.value.get("index"), self._open
        if not blocks:
            return None
        if not is_whole_number(place):
            self._found.add("messages.block-index", text.at("index"), "there is none")
            return blocks[-1]
        for block in reversed(blocks):
            # A delta of another kind is that of a block that was not announced.
            if block.place == place and fits(block.kind, delta):
                if block is not blocks[-1]:
                    self._found.add("messages.block-index", text.at("index"), "another is open")
                return block
        if place == self._count or not fits(blocks[-1].kind, delta):
            return None
        word = "another is open"
        self._found.add("messages.block-index", text.at("index"), word)
        return blocks[-1]

    def _close(self, block: _Block, at: Where) -> None:
        if self._unread is not None:
            self._found.add("messages.input-json", self._unread.at)
            self._unread = None
        if not has_input(block.kind):
            return
        written = "".join(block.input)
        if not written.strip():
            if not block.is_input_told:
                self._found.add("messages.tool-input", at, "no delta of it came")
        elif not is_object(written):
            self._unread = block


def is_object(written: str) -> bool:
    try:
        return isinstance(json.loads(written), dict)
    except (ValueError, RecursionError):
        return False
