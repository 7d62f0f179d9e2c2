"""One block of a message: how its start may look, and what of it goes out as deltas.

Contract: pure. Official SDKs take the start as it is and then add the deltas; their text events
come from deltas alone. So what a start tells of text or input is told in deltas instead.
"""

from __future__ import annotations

import copy
from collections.abc import Container
from dataclasses import dataclass, field
from typing import Any

import msgspec

from strictwire.dialects.messages.names import DELTAS, TAKE_INPUT, TOLD_BY_DELTAS
from strictwire.model.json_end import JsonEnd

BLOCK_START = "messages.block-start-missing"
TOOL_INPUT = "messages.tool-input"
TOOL_ID = "messages.tool-id"

_encode = msgspec.json.encode


@dataclass(slots=True)
class Block:
    """A block that is open. ``told`` is the upstream's index of it, ``told_start`` the start as it
    came, ``input`` what that told of a tool's input."""

    told: int | None
    told_start: dict[str, Any]
    index: int
    start: dict[str, Any]
    input: Any = None
    has_delta: bool = False
    has_input_delta: bool = False
    json: JsonEnd = field(default_factory=JsonEnd)

    @property
    def kind(self) -> str:
        return str(self.start["type"])

    def is_meant(self, told: int | None) -> bool:
        """Whether an event with this index is of this block, as far as either tells one."""
        return told is None or self.told is None or told == self.told

    @property
    def may_close(self) -> bool:
        """Nothing of it can be missing, so that another block may begin though nobody closed it.
        Text may always end; arguments only where their JSON does."""
        if self.kind not in TAKE_INPUT or self.json.is_complete:
            return True
        return self.json.size == 0 and bool(self.input)

    def takes(self, delta_type: str) -> bool:
        """A kind of delta that nobody knows yet fits everything. Of the others SDKs drop what comes
        in a block of another kind."""
        known = DELTAS.get(delta_type)
        if known is None or known[0] == self.kind:
            return True
        return known[0] == "tool_use" and self.kind.endswith(known[0])

    def note(self, delta: dict[str, Any]) -> None:
        self.has_delta = True
        if self.kind in TAKE_INPUT and delta["type"] == "input_json_delta":
            self.has_input_delta = True
            text = delta.get("partial_json")
            if isinstance(text, str) and text:
                self.json.feed(text)

    @property
    def untold_input(self) -> str | None:
        """What must still be told of a tool's input before the block ends. An empty delta is
        Anthropic's own way to say that there is none."""
        if self.kind not in TAKE_INPUT or self.json.size:
            return None
        if self.input:
            return self.input if isinstance(self.input, str) else _encode(self.input).decode()
        return None if self.has_input_delta else "{}"

    def state(self) -> tuple[Any, ...]:
        return (
            self.told,
            self.index,
            self.kind,
            self.has_delta,
            self.has_input_delta,
            self.may_close,
        )

    def trial(self) -> Block:
        twin = copy.copy(self)
        twin.json = copy.copy(self.json)
        return twin


@dataclass(frozen=True, slots=True)
class Beginning:
    """``start`` is the block as its start may tell it, ``deltas`` what it told too early."""

    start: dict[str, Any]
    deltas: tuple[dict[str, Any], ...]
    input: Any
    mended: frozenset[str]


def says_what_it_is(block: dict[str, Any]) -> bool:
    """Whether a start tells of a block. A seal that seals nothing is none: no server takes it
    back."""
    kind = block.get("type")
    if kind == "redacted_thinking":
        return isinstance(block.get("data"), str) and bool(block["data"])
    return isinstance(kind, str) and bool(kind)


def begin(block: dict[str, Any], taken: Container[str], fresh_id: str) -> Beginning:
    """A block's start as it may go out; ``fresh_id`` is for a call without an id, or with one of
    those that others have ``taken``."""
    kind = block["type"]
    if kind in TOLD_BY_DELTAS:
        return _begin_text(block, TOLD_BY_DELTAS[kind])
    if kind in TAKE_INPUT:
        return _begin_call(block, taken, fresh_id)
    return Beginning(block, (), None, frozenset())


def _begin_text(block: dict[str, Any], empty: dict[str, str]) -> Beginning:
    if all(block.get(name) == "" for name in empty):
        return Beginning(block, (), None, frozenset())
    deltas = [
        {"type": kind, name: block[name]}
        for kind, (_, name) in DELTAS.items()
        if name in empty and isinstance(block.get(name), str) and block[name]
    ]
    return Beginning(block | empty, tuple(deltas), None, frozenset((BLOCK_START,)))


def _begin_call(block: dict[str, Any], taken: Container[str], fresh_id: str) -> Beginning:
    wrong: dict[str, Any] = {}
    mended: set[str] = set()
    identity, told = block.get("id"), block.get("input")
    if not isinstance(identity, str) or not identity or identity in taken:
        wrong["id"] = fresh_id
        mended.add(TOOL_ID)
    if not isinstance(block.get("name"), str):
        wrong["name"] = ""
        mended.add(BLOCK_START)
    if told != {} or not isinstance(told, dict):
        wrong["input"] = {}
        mended.add(TOOL_INPUT)
    return Beginning(block | wrong if wrong else block, (), told, frozenset(mended))


def implied_block(delta_type: str) -> dict[str, Any]:
    """The block that a delta without one belongs to."""
    kind = DELTAS[delta_type][0] if delta_type in DELTAS else "text"
    return {"type": kind, **TOLD_BY_DELTAS.get(kind, {"input": {}, "name": ""})}


def readable_delta(delta: Any) -> tuple[dict[str, Any] | None, bool]:
    """A delta that adds something of the right type, and whether it is as it was told; None where
    there is nothing in it."""
    kind = delta.get("type") if isinstance(delta, dict) else None
    if not isinstance(kind, str) or not kind:
        return None, False
    if kind not in DELTAS:
        return delta, True
    name = DELTAS[kind][1]
    told = delta.get(name)
    if isinstance(told, dict if kind == "citations_delta" else str):
        return delta, True
    if kind == "input_json_delta" and isinstance(told, (dict, list)):
        return delta | {name: _encode(told).decode()}, False
    return None, False
