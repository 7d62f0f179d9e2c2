"""Rules for a tool call's shape, its id and its name, and what a piece of a call is.

A piece is one entry of ``delta.tool_calls``. After ``chat.tool-shape`` each chunk has at most one
piece, and a piece either begins a call (it has a name) or adds arguments, never both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from strictwire.model.chunks import Chunk
from strictwire.model.errors import PeerError
from strictwire.repairs.chat.split import lay_out, only_choice, says_beside, split
from strictwire.repairs.rule import ChunkRule, nothing

# OpenAI allows 64; a name that goes on and on is no name, and each piece copies it.
MAX_NAME_CHARACTERS = 1024


def body_of(piece: dict[str, Any]) -> tuple[str, str, dict[str, Any]]:
    """The piece's kind, the key of its arguments, and its inner object (empty if it has none).
    Where it has both objects, the function counts, unless that says nothing."""
    body, custom = piece.get("function"), piece.get("custom")
    if isinstance(body, dict) and (body or not isinstance(custom, dict)):
        return "function", "arguments", body
    if isinstance(custom, dict):
        return "custom", "input", custom
    return "function", "arguments", {}


def arguments_text(told: Any) -> str:
    """Arguments as text: what is none becomes its JSON, and nothing the empty text."""
    if isinstance(told, str):
        return told
    return "" if told is None else msgspec.json.encode(told).decode()


def only_piece(item: Chunk) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """The chunk's choice and its one tool piece."""
    choice = only_choice(item)
    if choice is None or not choice["delta"].get("tool_calls"):
        return None
    return choice, choice["delta"]["tool_calls"][0]


def with_piece(item: Chunk, choice: dict[str, Any], piece: dict[str, Any]) -> Chunk:
    delta = choice["delta"] | {"tool_calls": [piece]}
    return item.repaired(item.value | {"choices": [choice | {"delta": delta}]})


# What the wire knows of a piece; what else stands in it passes (a signature, for one, that the
# server wants to be given back).
PIECE_FIELDS = frozenset(("index", "id", "type", "function", "custom"))
BODY_FIELDS = frozenset(("name", "arguments", "input"))


def extras_in(piece: dict[str, Any]) -> dict[str, Any]:
    """The piece's fields that no call needs; those of its inner object under its kind."""
    kind, _, body = body_of(piece)
    if piece.keys() <= PIECE_FIELDS and body.keys() <= BODY_FIELDS:
        return {}
    extras = {name: piece[name] for name in piece if name not in PIECE_FIELDS}
    inner = {name: body[name] for name in body if name not in BODY_FIELDS}
    return extras | {kind: inner} if inner else extras


def _tail_of(piece: dict[str, Any], arguments: Any) -> dict[str, Any]:
    """A piece that only goes on: with these arguments, and with what else the piece told. The
    piece itself where it is one."""
    kind, text, _ = body_of(piece)
    extras = extras_in(piece)
    body = {text: arguments} | extras.pop(kind, {})
    tail = {"index": piece["index"], kind: body} | extras
    return piece if tail == piece else tail


def only_extras(item: Chunk) -> Iterator[Chunk]:
    """What is left of a chunk whose piece tells its call nothing new."""
    choice, piece = only_piece(item) or ({}, {})
    if extras_in(piece):
        yield with_piece(item, choice, _tail_of(piece, ""))
    elif choice and says_beside(choice):
        yield item.repaired(item.value | {"choices": [choice | {"delta": {}}]})


@dataclass(slots=True)
class ToolShape(ChunkRule):
    """Lay a tool call out as the wire has it: its beginning, then its arguments.

    A whole call in one delta, a first delta without ``type`` or ``arguments``, several calls in
    one chunk: each trips an accumulator that expects OpenAI's order.
    """

    name = "chat.tool-shape"
    title = "A tool call comes whole, or without type or arguments"
    quirks = (54, 55, 88, 90)
    evidence = "lab:tool-whole"
    is_foundation = True

    def feed(self, item: Chunk) -> Iterator[Chunk]:
        choice = only_choice(item)
        pieces = choice["delta"].get("tool_calls") if choice else None
        if choice is None or not pieces:
            yield item
            return
        parts = [part for piece in pieces for part in _parts(piece)]
        is_plain = len(pieces) == 1 and len(parts) == 1 and parts[0] is pieces[0]
        if is_plain and len(choice["delta"]) == 1:
            yield item
            return
        self.fired = True
        rest = {name: value for name, value in choice["delta"].items() if name != "tool_calls"}
        laid = lay_out(choice, rest, [{"tool_calls": [part]} for part in parts])
        if laid:
            yield from split(item, laid)


def _parts(piece: dict[str, Any]) -> Iterator[dict[str, Any]]:
    kind, text, body = body_of(piece)
    name, arguments = body.get("name"), body.get(text)
    says_arguments = arguments is not None and arguments != ""
    if not (isinstance(name, str) and name) and not piece.get("id"):
        if says_arguments:
            is_plain = piece.keys() == {"index", kind} and body.keys() == {text}
            yield piece if is_plain else _tail_of(piece, arguments)
        elif extras_in(piece):
            yield _tail_of(piece, "")
        return
    is_right = arguments == "" and piece.get("type") == kind and isinstance(name, str)
    if is_right:
        yield piece
        return
    begin = {key: value for key, value in piece.items() if key not in ("index", "id")}
    head = {"index": piece["index"], "id": piece.get("id"), **begin}
    named = name if isinstance(name, str) else ""
    yield head | {"type": kind, kind: body | {"name": named, text: ""}}
    if says_arguments:
        yield {"index": piece["index"], kind: {text: arguments}}


@dataclass(slots=True)
class ToolId(ChunkRule):
    """Give each call an id of its own, once.

    A call without an id cannot be answered: the next request's ``tool_call_id`` has nothing to
    name. Ids that repeat on every delta are appended by some accumulators.
    """

    name = "chat.tool-id"
    title = "A tool call's id is missing, empty or not unique"
    quirks = (50,)
    evidence = "lab:tool-id-missing"

    ids: Mapping[tuple[int, int], str] = field(default_factory=nothing)

    def feed(self, item: Chunk) -> Iterator[Chunk]:
        found = only_piece(item)
        if found is None:
            yield item
            return
        choice, piece = found
        _, text, body = body_of(piece)
        if "name" not in body or body.get(text):
            yield item
            return
        key = (choice["index"], piece["index"])
        identity = piece.get("id")
        known = self.ids.get(key)
        if known is None:
            known = identity if isinstance(identity, str) and identity else ""
            if not known or known in self.ids.values():
                known = f"call_{self.promise.id}_{key[0]}_{key[1]}"
            self.ids = {**self.ids, key: known}
        if identity == known:
            yield item
            return
        self.fired = True
        yield with_piece(item, choice, piece | {"id": known})


@dataclass(slots=True)
class _Held:
    begin: Chunk
    name: str
    is_released: bool = False


@dataclass(slots=True)
class ToolName(ChunkRule):
    """Say a call's name once and whole.

    Names that repeat on each delta become ``read_fileread_file``; a name in two pieces must be
    joined before a client looks it up. So a call's beginning is held until its arguments begin,
    another call begins, or the reply ends.
    """

    name = "chat.tool-name"
    title = "A tool call's name is repeated, empty or in pieces"
    quirks = (51,)
    evidence = "lab:tool-name-repeated"

    held: Mapping[tuple[int, int], _Held] = field(default_factory=nothing)

    def feed(self, item: Chunk) -> Iterator[Chunk]:
        found = only_piece(item)
        if found is None:
            choice = only_choice(item)
            if self.held and choice is not None and choice["finish_reason"]:
                self._note_finish(choice["index"])
            yield item
            return
        choice, piece = found
        key = (choice["index"], piece["index"])
        _, text, body = body_of(piece)
        if "name" not in body and not body.get(text):
            # It tells the call nothing, so a name in pieces may still go on.
            yield from self._beside(self.held.get(key), item)
            return
        if "name" not in body:
            yield from self._release(lambda other: other[0] == key[0])
            yield item
            return
        known = self.held.get(key)
        if known is None:
            yield from self._release(lambda other: other[0] == key[0])
            self.held = {**self.held, key: _Held(item, body["name"])}
            return
        self.fired = True
        if not known.is_released and body["name"] not in ("", known.name):
            self._append(known, body["name"])
        for left in only_extras(item):
            yield from self._beside(known, left)

    def finish(self) -> Iterator[Chunk]:
        yield from self._release(lambda _: True)

    def _note_finish(self, index: int) -> None:
        """The choice finishes, or says so: the name may still go on."""
        for key, known in self.held.items():
            if key[0] == index and not known.is_released:
                known.begin = known.begin.held()

    @staticmethod
    def _beside(known: _Held | None, item: Chunk) -> Iterator[Chunk]:
        """A piece that only tells extra fields: they join a beginning that is held."""
        found = only_piece(item)
        begun = only_piece(known.begin) if known is not None and not known.is_released else None
        if known is None or found is None or begun is None:
            yield item
            return
        extras = extras_in(found[1])
        kind, _, body = body_of(begun[1])
        inner = {kind: body | extras.pop(kind, {})}
        known.begin = with_piece(known.begin, begun[0], begun[1] | extras | inner)

    @staticmethod
    def _append(known: _Held, more: str) -> None:
        found = only_piece(known.begin)
        if found is None:
            return
        choice, piece = found
        kind, _, body = body_of(piece)
        if len(known.name) + len(more) > MAX_NAME_CHARACTERS:
            raise PeerError(
                f"The upstream sent a tool's name of more than {MAX_NAME_CHARACTERS} characters.",
                code="upstream_malformed",
            )
        known.name += more
        named = piece | {kind: body | {"name": known.name}}
        known.begin = with_piece(known.begin, choice, named)

    def _release(self, is_due: Any) -> Iterator[Chunk]:
        for key, known in self.held.items():
            if not known.is_released and is_due(key):
                known.is_released = True
                yield known.begin
