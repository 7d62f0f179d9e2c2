"""The tool calls of a streamed choice: whose piece each is, and whether it has the wire's shape.

Contract: a call begins with its index, id, type, name and empty arguments, and goes on with pieces
of arguments alone; indexes are dense, ids unique. Pieces that a forgiving client could still place
are followed to the call that they belong to, so that one wrong index is one finding.
Source: docs/contract.md, "Chat chunks", tool calls; docs/quirks.md, 48 to 57.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from strictwire.conformance.brackets import Brackets
from strictwire.conformance.extra_fields import (
    CALL_BODY_FIELDS,
    CALL_FIELDS,
    without_strangers,
)
from strictwire.conformance.json_text import JsonText, Path, Where
from strictwire.conformance.reply import Reply

Json = dict[str, Any]


# Calls of one choice that are followed. A turn has a handful; each piece is compared with all of
# them, so a file of nothing but beginnings must not take hours.
MAX_CALLS = 512


@dataclass(frozen=True, slots=True)
class _Said:
    """What one piece says of its call: text is empty, and the index None, where it is none."""

    identity: str
    name: str
    place: int | None
    written: str


@dataclass(slots=True)
class Call:
    id: str
    name: str
    place: int | None
    kind: str
    told: Brackets = field(default_factory=Brackets)
    has_beginning: bool = False
    is_placeholder: bool = False  # only an empty object came so far
    text: list[str] | None = None  # kept only where echoes of it are looked for


class CallsJudge:
    __slots__ = ("_calls", "_found", "_ids", "_reply")

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._found = reply.found
        self._calls: dict[int, list[Call]] = {}
        self._ids: set[str] = set()

    def pieces(self, index: int, delta: Json, text: JsonText, place: int) -> None:
        """The ``tool_calls`` of one delta."""
        path = ("choices", place, "delta", "tool_calls")
        told = delta["tool_calls"]
        if not isinstance(told, list) or not all(isinstance(piece, dict) for piece in told):
            self._found.add("chat.tool-index", text.at(*path), "it is no list of objects")
            told = [piece for piece in _as_list(told) if isinstance(piece, dict)]
        self._reply.said(index).has_called |= bool(told)
        if len(told) > 1 or len(delta) > 1:
            self._found.add("chat.tool-shape", text.at(*path), "something else is in the delta")
        calls = self._calls.setdefault(index, [])
        for number, piece in enumerate(told):
            known = known_call(piece, (*path, number), text, self._reply)
            self._piece(calls, known, text.at(*path, number))

    def told(self, index: int) -> list[tuple[str, str]]:
        """The calls of a choice, each name with its arguments, where those are kept."""
        return [(call.name, "".join(call.text or ())) for call in self._calls.get(index, ())]

    def close(self, index: int, offset: Where) -> None:
        """The stream ended: no arguments follow."""
        for call in self._calls.get(index, ()):
            if not call.told.size and call.kind == "function":
                self._found.add("chat.tool-arguments", offset, "a call has none at all")

    def _piece(self, calls: list[Call], piece: Json, at: Where) -> None:
        kind, body = kind_and_body(piece)
        arguments = body.get("input" if kind == "custom" else "arguments")
        said = _Said(
            identity=_text(piece.get("id")),
            name=_text(body.get("name")),
            place=_place(piece.get("index")),
            written=written_arguments(arguments),
        )
        number = _number_of(calls, said)
        if number is None:
            self._found.add("chat.tool-index", at, "a piece says nothing of any call")
            return
        if number == MAX_CALLS:
            return
        call = self._call(calls, number, said, kind, at)
        if piece.get("index") != number or said.place is None:
            self._found.add("chat.tool-index", at, f"{_word(said.place)}, not {number}")
        if said.name or piece.get("id"):
            self._beginning(call, piece, kind, body, at)
        elif not _is_plain_tail(piece, kind, body):
            self._found.add("chat.tool-shape", at, "a piece is more or less than arguments")
        if said.written:
            self._arguments(call, arguments, said.written, at)

    def _call(self, calls: list[Call], number: int, said: _Said, kind: str, at: Where) -> Call:
        """The call that a piece belongs to, maybe a new one."""
        if number < len(calls):
            call = calls[number]
            call.id, call.name = call.id or said.identity, call.name or said.name
            return call
        for before in calls:
            before.is_placeholder = False  # an empty object was all that it was to get
        call = Call(said.identity, said.name, said.place, kind)
        if self._reply.asked.modes.get("chat.leaked-call") == "on":
            call.text = []
        calls.append(call)
        if not said.identity and not said.name:
            self._found.add("chat.tool-shape", at, "a call has no beginning")
            if said.place == number:
                self._found.add("chat.tool-index", at, "a call goes on that never began")
        return call

    def _beginning(self, call: Call, piece: Json, kind: str, body: Json, at: Where) -> None:
        text_key = "input" if kind == "custom" else "arguments"
        is_right = (
            isinstance(body.get("name"), str)
            and body.get(text_key) == ""
            and piece.get("type") == kind
        )
        if not is_right:
            self._found.add("chat.tool-shape", at, "a call does not begin as it should")
        if call.has_beginning:
            self._found.add("chat.tool-name", at, "a call begins twice")
        identity = piece.get("id")
        if call.has_beginning:
            if identity != call.id:
                self._found.add("chat.tool-id", at, "the beginning comes again without its id")
        elif not (isinstance(identity, str) and identity):
            self._found.add("chat.tool-id", at, "there is none")
        elif identity in self._ids:
            self._found.add("chat.tool-id", at, "another call has the same")
        self._ids.add(call.id)
        call.has_beginning = True

    def _arguments(self, call: Call, arguments: Any, written: str, at: Where) -> None:
        if not isinstance(arguments, str):
            self._found.add("chat.tool-arguments", at, "they are no text")
        if call.is_placeholder:
            self._found.add("chat.tool-arguments", at, "an empty object came before them")
            call.is_placeholder = False
            call.told = Brackets()
        elif call.told.is_complete and call.told.is_all(written):
            self._found.add("chat.tool-arguments", at, "they come again")
            return
        elif not call.told.size and call.kind == "function" and written.strip() == "{}":
            call.is_placeholder = True
        call.told.feed(written)
        if call.text is not None:
            call.text.append(written)


def kind_and_body(piece: Json) -> tuple[str, Json]:
    """Where a piece has both objects, the function counts, unless that says nothing."""
    body, custom = piece.get("function"), piece.get("custom")
    if isinstance(custom, dict) and not (isinstance(body, dict) and body):
        return "custom", custom
    return "function", body if isinstance(body, dict) else {}


def known_call(call: Json, path: Path, text: JsonText, reply: Reply) -> Json:
    """The call, or piece of one, without fields that OpenAI does not know, if none were asked
    for."""
    call = without_strangers(call, CALL_FIELDS, path, text, reply)
    kind, body = kind_and_body(call)
    known = without_strangers(body, CALL_BODY_FIELDS, (*path, kind), text, reply)
    return call if known is body else call | {kind: known}


def _is_plain_tail(piece: Json, kind: str, body: Json) -> bool:
    """Whether it has arguments and nothing else of a call; what is beside a call may stand alone,
    with empty arguments."""
    text_key = "input" if kind == "custom" else "arguments"
    is_plain = (piece.keys() & CALL_FIELDS) - {"index"} == {kind}
    is_plain = is_plain and body.keys() & CALL_BODY_FIELDS == {text_key}
    has_more = not (piece.keys() <= CALL_FIELDS and body.keys() <= CALL_BODY_FIELDS)
    return is_plain and (bool(body[text_key]) or (body[text_key] == "" and has_more))


def _as_list(told: Any) -> list[Any]:
    return told if isinstance(told, list) else [told]


def written_arguments(arguments: Any) -> str:
    if isinstance(arguments, str):
        return arguments
    return "" if arguments is None else json.dumps(arguments, separators=(",", ":"))


def _text(told: Any) -> str:
    return told if isinstance(told, str) else ""


def _place(index: Any) -> int | None:
    return index if type(index) is int and index >= 0 else None


def _word(place: int | None) -> str:
    return "no index" if place is None else f"index {place}"


def _number_of(calls: list[Call], said: _Said) -> int | None:
    """Which call a piece belongs to: by id, then by index, then the newest. As many as there are:
    a new one. None: it belongs to none and begins none."""
    known = _by_id(calls, said) if said.identity else None
    if known is None and not (said.identity and said.name):
        known = _by_place(calls, said)
    if known is None and not (said.identity or said.name or said.written):
        return None
    return len(calls) if known is None else known


def _by_id(calls: list[Call], said: _Said) -> int | None:
    same = [n for n, call in enumerate(calls) if call.id == said.identity]
    # Calls may share an id; the one at the piece's own place comes first, then the newest.
    same.sort(key=lambda n: (calls[n].place != said.place, -n))
    for number in same:
        if not said.name or _goes_on(calls[number], said):
            return number
    if not said.name:
        return None
    # An id that was not told at first may come late, with the same name.
    waiting = [
        n
        for n, call in enumerate(calls)
        if not call.id and call.place == said.place and call.name in ("", said.name)
    ]
    return waiting[0] if waiting and not calls[waiting[0]].told.is_complete else None


def _by_place(calls: list[Call], said: _Said) -> int | None:
    newest = len(calls) - 1 if calls else None
    at_place = [
        n for n, call in enumerate(calls) if said.place is not None and call.place == said.place
    ]
    if not said.name:
        # An id of its own, at the next place, begins a call whose name never came.
        is_new = bool(said.identity) and said.place == len(calls)
        return at_place[-1] if at_place else None if is_new else newest
    candidate = at_place[-1] if at_place else (newest if said.place is None else None)
    if candidate is None:
        return None
    call = calls[candidate]
    is_same = call.name == said.name and not call.told.is_complete
    return candidate if is_same or not call.told.size else None


def _goes_on(call: Call, said: _Said) -> bool:
    """Whether a piece with the call's own id and a name is the same call again."""
    if not call.told.is_complete:
        return call.name == said.name or not call.told.size or call.place == said.place
    if call.name != said.name:
        return False
    if said.written.strip():
        return call.told.is_all(said.written)
    return said.place in (None, call.place)
