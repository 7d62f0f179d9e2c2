"""Text that is told again: a message beside the deltas, or the whole text so far in each delta.

Contract: ``delta_of`` and ``new_of`` return what a forgiving client would make of a choice, so that
what is said twice is one finding and not the cause of others. Of what was said a length and a
digest are kept, however long it is.
Source: docs/quirks.md, 43 and 44.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from strictwire.conformance.chat.calls import kind_and_body, written_arguments

Json = dict[str, Any]

TEXTS = ("reasoning_content", "reasoning", "content", "refusal")
_TELLING = (*TEXTS, "tool_calls", "function_call")


@dataclass(slots=True)
class Told:
    """One text as far as it was said."""

    size: int = 0
    digest: bytes = b""
    _hash: Any = None

    def new_in(self, text: str) -> str:
        """What is new in a text that should begin with all that was said; all of it where it does
        not."""
        if self.size and _digest(text[: self.size]) == self.digest:
            text = text[self.size :]
        self.add(text)
        return text

    def add(self, text: str) -> None:
        self._hash = self._hash or hashlib.blake2b(digest_size=16)
        self._hash.update(_bytes(text))
        self.size += len(text)
        self.digest = self._hash.digest()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _digest(text: str) -> bytes:
    return hashlib.blake2b(_bytes(text), digest_size=16).digest()


class Messages:
    """Reads the messages of a stream's choices: each tells what was not yet told."""

    __slots__ = ("_by_deltas", "_told")

    def __init__(self) -> None:
        self._by_deltas: set[int] = set()
        self._told: dict[int, dict[str, Told]] = {}

    def note(self, index: int, delta: Json) -> None:
        """Deltas tell this choice."""
        if not any(delta.get(name) for name in _TELLING) or index in self._by_deltas:
            return
        if index not in self._told:
            self._by_deltas.add(index)
            return
        for name in TEXTS:
            if isinstance(delta.get(name), str):
                self._told[index].setdefault(name, Told()).add(delta[name])

    def delta_of(self, index: int, choice: Json) -> Json:
        """The delta of a choice that has a message."""
        delta = choice.get("delta") if isinstance(choice.get("delta"), dict) else {}
        delta = delta or {}
        if index not in self._told:
            self.note(index, delta)
        message = choice["message"]
        if not isinstance(message, dict) or index in self._by_deltas:
            return delta
        kept = {name: delta[name] for name in delta if name not in _TELLING}
        if index not in self._told and "role" not in kept:
            kept["role"] = message.get("role") or "assistant"
        return kept | self._new(self._told.setdefault(index, {}), message)

    def _new(self, told: dict[str, Told], message: Json) -> Json:
        delta: Json = {}
        for name in TEXTS:
            text = message.get(name)
            if isinstance(text, str) and text:
                text = told.setdefault(name, Told()).new_in(text)
            elif name in told:
                continue
            if text:
                delta[name] = text
        calls = message.get("tool_calls")
        pieces = [
            piece
            for place, call in enumerate(calls if isinstance(calls, list) else ())
            if isinstance(call, dict) and (piece := _piece(told, place, call))
        ]
        if pieces:
            delta["tool_calls"] = pieces
        if message.get("function_call") and "function_call" not in told:
            told["function_call"] = Told()
            delta["function_call"] = message["function_call"]
        return delta


def _piece(told: dict[str, Told], place: int, call: Json) -> Json | None:
    kind, body = kind_and_body(call)
    text_key = "input" if kind == "custom" else "arguments"
    arguments = written_arguments(body.get(text_key))
    key = f"call {place}"
    is_new = key not in told
    new = told.setdefault(key, Told()).new_in(arguments)
    if is_new:
        return call | {"index": place}
    return {"index": place, kind: {text_key: new}} if new else None


class Cumulative:
    """Finds text that is the whole text so far, where somebody said that it may be."""

    __slots__ = ("_told",)

    def __init__(self) -> None:
        self._told: dict[tuple[int, str], Told] = {}

    def new_of(self, index: int, delta: Json) -> Json:
        """The same delta, or one that says only what is new."""
        mended = delta
        for name in TEXTS:
            text = delta.get(name)
            if isinstance(text, str) and text:
                new = self._told.setdefault((index, name), Told()).new_in(text)
                if new != text:
                    mended = {key: mended[key] for key in mended if key != name or new}
                    mended |= {name: new} if new else {}
        return mended
