"""The events of a message to the one object that a client without a stream gets.

Contract: ``feed`` takes the values of a strict life in their order, ``message`` returns the object.
What the deltas told stands in its blocks; input that is no JSON object (the reply was cut short)
is kept as text under ``INVALID_INPUT``, because a client that parses it would fail.
Source: Anthropic API reference, "Create a Message".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from strictwire.dialects.messages.names import DELTAS
from strictwire.dialects.messages.usage import joined_usage

INVALID_INPUT = "INVALID_JSON"

_decode = msgspec.json.decode
_encode = msgspec.json.encode
# What a short text costs beside its characters, and a place in the list.
_PIECE_BYTES = 64
_BLOCK_BYTES = 512
# What the start tells of a message for good; the delta at its end tells the rest.
_OF_START = frozenset(("id", "type", "role", "model", "content"))


class MessageFold:
    """Gathers one message. ``size_bytes`` is about what it holds."""

    __slots__ = ("_blocks", "_message", "_pieces", "size_bytes")

    def __init__(self) -> None:
        self._message: dict[str, Any] = {}
        self._blocks: list[dict[str, Any]] = []
        # Of the last block, by the kind of delta: its texts, or its citations.
        self._pieces: dict[str, list[Any]] = {}
        self.size_bytes = 0

    def feed(self, value: dict[str, Any]) -> None:
        fold = _FOLDS.get(value["type"])
        if fold is not None:
            fold(self, value)

    def message(self) -> dict[str, Any]:
        return self._message | {"content": self._blocks}

    def _message_start(self, value: dict[str, Any]) -> None:
        self._message = value["message"]
        self.size_bytes += _BLOCK_BYTES

    def _block_start(self, value: dict[str, Any]) -> None:
        self._blocks.append(value["content_block"])
        self._pieces = {}
        self.size_bytes += _BLOCK_BYTES + len(_encode(value["content_block"]))

    def _block_delta(self, value: dict[str, Any]) -> None:
        delta = value["delta"]
        kind = delta["type"]
        piece = delta[DELTAS[kind][1]] if kind in DELTAS else delta
        self._pieces.setdefault(kind, []).append(piece)
        size = len(piece) if isinstance(piece, str) else len(_encode(piece))
        self.size_bytes += size + _PIECE_BYTES

    def _block_stop(self, value: dict[str, Any]) -> None:
        block = self._blocks[-1]
        for kind, pieces in self._pieces.items():
            block = block | _told(kind, pieces, block)
        self._blocks[-1] = block
        self._pieces = {}

    def _message_delta(self, value: dict[str, Any]) -> None:
        usage = joined_usage(self._message["usage"], value["usage"])
        delta = {name: told for name, told in value["delta"].items() if name not in _OF_START}
        self._message = self._message | delta | {"usage": usage}


def _told(kind: str, pieces: list[Any], block: dict[str, Any]) -> dict[str, Any]:
    """The fields of a block that its deltas of one kind tell."""
    match kind:
        case "text_delta" | "thinking_delta":
            name = DELTAS[kind][1]
            return {name: str(block.get(name) or "") + "".join(pieces)}
        case "signature_delta":
            return {"signature": pieces[-1]}
        case "input_json_delta":
            return {"input": _input("".join(pieces))}
        case "citations_delta":
            told = block.get("citations")
            return {"citations": [*(told if isinstance(told, list) else ()), *pieces]}
    # A kind that nobody knows yet: its fields are the block's, the last word counts.
    return {name: piece[name] for piece in pieces for name in piece if name != "type"}


def _input(text: str) -> dict[str, Any]:
    if not text.strip():
        return {}
    try:
        told = _decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return {INVALID_INPUT: text}
    return told if isinstance(told, dict) else {INVALID_INPUT: text}


_FOLDS: dict[str, Callable[[MessageFold, dict[str, Any]], None]] = {
    "message_start": MessageFold._message_start,
    "content_block_start": MessageFold._block_start,
    "content_block_delta": MessageFold._block_delta,
    "content_block_stop": MessageFold._block_stop,
    "message_delta": MessageFold._message_delta,
}
