"""Rules for tool calls: which call a piece belongs to, its shape, its id and its name.

A piece is one entry of ``delta.tool_calls``. After ``chat.tool-shape`` each chunk has at most one
piece, and a piece either begins a call (it has a name) or adds arguments, never both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from strictwire.model.chunks import Chunk
from strictwire.model.errors import PeerError
from strictwire.repairs.chat.json_end import JsonEnd
from strictwire.repairs.chat.split import bare, only_choice, split
from strictwire.repairs.rule import ChunkRule

# OpenAI allows 64; a name that goes on and on is no name, and each piece copies it.
MAX_NAME_CHARACTERS = 1024
# Calls of one choice. A turn has a handful. Each piece is compared with all of them, so a peer that
# begins thousands would keep the loop for seconds, and each takes memory until the reply ends.
MAX_CALLS = 512


def body_of(piece: dict[str, Any]) -> tuple[str, str, dict[str, Any]]:
    """The piece's kind, the key of its arguments, and its inner object (empty if it has none)."""
    if isinstance(piece.get("custom"), dict):
        return "custom", "input", piece["custom"]
    body = piece.get("function")
    return "function", "arguments", body if isinstance(body, dict) else {}


def only_piece(item: Chunk) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """The chunk's choice and its one tool piece."""
    choice = only_choice(item)
    if choice is None or not choice["delta"].get("tool_calls"):
        return None
    return choice, choice["delta"]["tool_calls"][0]


def with_piece(item: Chunk, choice: dict[str, Any], piece: dict[str, Any]) -> Chunk:
    delta = choice["delta"] | {"tool_calls": [piece]}
    return item.repaired(item.value | {"choices": [choice | {"delta": delta}]})


@dataclass(slots=True)
class _Call:
    id: str
    name: str
    place: int | None  # the index that the upstream gave
    end: JsonEnd = field(default_factory=JsonEnd)

    @property
    def has_arguments(self) -> bool:
        return self.end.size > 0


@dataclass(slots=True)
class ToolIndex(ChunkRule):
    """Give each call one dense index, by its id first.

    Pieces without an index throw in some SDKs and are dropped by others; parallel calls that all
    say index 0 are merged to one broken call.
    """

    name = "chat.tool-index"
    title = "A tool call's index is missing or wrong"
    quirks = (48, 49, 94)
    evidence = "lab:tool-index-zero"
    is_foundation = True

    calls: dict[int, list[_Call]] = field(default_factory=dict)

    def feed(self, item: Chunk) -> Iterator[Chunk]:
        choice = only_choice(item)
        pieces = choice["delta"].get("tool_calls") if choice else None
        if choice is None or not pieces:
            yield item
            return
        told = pieces if isinstance(pieces, list) else [pieces]
        calls = self.calls.setdefault(choice["index"], [])
        mended = [
            self._placed(choice["index"], calls, piece) for piece in told if isinstance(piece, dict)
        ]
        mended = [piece for piece in mended if piece is not None]
        if mended == pieces and all(a is b for a, b in zip(mended, pieces, strict=True)):
            yield item
            return
        self.fired = True
        delta = choice["delta"] | {"tool_calls": mended}
        if not mended:
            del delta["tool_calls"]
        yield item.repaired(item.value | {"choices": [choice | {"delta": delta}]})

    def _placed(
        self, choice: int, calls: list[_Call], piece: dict[str, Any]
    ) -> dict[str, Any] | None:
        """The piece with the number of its call; None where it belongs to none and begins none."""
        before = len(calls)
        number = self._route(calls, piece)
        if number is None:
            return None
        if number == before and not calls[number].id and not calls[number].name:
            # Arguments whose beginning never came. An id makes them a call that can be answered.
            piece = piece | {"id": f"call_{self.promise.id}_{choice}_{number}"}
        is_right = type(piece.get("index")) is int and piece["index"] == number
        return piece if is_right else piece | {"index": number}

    @staticmethod
    def _route(calls: list[_Call], piece: dict[str, Any]) -> int | None:
        """The number of the call that this piece belongs to; a new one is noted."""
        _, text, body = body_of(piece)
        place = piece.get("index")
        place = place if isinstance(place, int) and place >= 0 else None
        identity, name = piece.get("id"), body.get("name")
        identity = identity if isinstance(identity, str) else ""
        name = name if isinstance(name, str) else ""
        arguments = _text_of(body.get(text))
        number = _find(calls, identity, name, place, arguments)
        if number is None and not (identity or name or arguments):
            return None
        if number is None:
            if len(calls) == MAX_CALLS:
                raise PeerError(
                    f"The upstream's reply called more than {MAX_CALLS} tools.",
                    code="upstream_malformed",
                )
            calls.append(_Call(identity, name, place))
            number = len(calls) - 1
        call = calls[number]
        call.id = call.id or identity
        call.name = call.name or name
        if arguments:
            call.end.feed(arguments)
        return number


def _text_of(arguments: Any) -> str:
    """Arguments as text; an object, as some servers send it, as the JSON it will become."""
    if isinstance(arguments, dict | list):
        return msgspec.json.encode(arguments).decode()
    return arguments if isinstance(arguments, str) else ""


def _find(
    calls: list[_Call], identity: str, name: str, place: int | None, arguments: str
) -> int | None:
    """Which known call a piece continues, or None if it begins one."""
    if not calls:
        return None
    newest = len(calls) - 1
    if identity:
        same_id = [n for n in reversed(range(len(calls))) if calls[n].id == identity]
        # Calls may share an id; the one at the piece's own place comes first, then the newest.
        for number in sorted(same_id, key=lambda n: calls[n].place != place):
            if not name or _continues(calls[number], name, place, arguments):
                return number
        if name:
            # An id that was not told at first may come late, with the same name.
            return _waiting(calls, name, place)
    same_place = [n for n, call in enumerate(calls) if place is not None and call.place == place]
    if not name:
        return same_place[-1] if same_place else newest
    candidate = same_place[-1] if same_place else (newest if place is None else None)
    if candidate is None:
        return None
    call = calls[candidate]
    # The name repeats on each delta, or comes in two pieces before the arguments.
    is_same = call.name == name and not call.end.is_complete
    return candidate if is_same or not call.has_arguments else None


def _continues(call: _Call, name: str, place: int | None, arguments: str) -> bool:
    """Whether a piece that has the call's id, and a name, still belongs to the call.

    Some servers give one id to several calls, others repeat a call, at other indexes too. Once
    the arguments are complete, only the same call again belongs to it: the repeated piece is
    dropped later. A beginning without arguments elsewhere is taken for another call.
    """
    if not call.end.is_complete:
        return call.name == name or not call.has_arguments or call.place == place
    if call.name != name:
        return False
    if arguments.strip():
        return call.end.has_told(arguments)
    return place is None or call.place == place


def _waiting(calls: list[_Call], name: str, place: int | None) -> int | None:
    for number, call in enumerate(calls):
        if not call.id and call.place == place and call.name in ("", name):
            return None if call.end.is_complete else number
    return None


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
        laid = [bare(choice, {"tool_calls": [part]}) for part in parts]
        if rest:
            laid.insert(0, choice | {"delta": rest, "finish_reason": None})
        if laid:
            yield from split(item, laid)


def _parts(piece: dict[str, Any]) -> Iterator[dict[str, Any]]:
    kind, text, body = body_of(piece)
    name, arguments = body.get("name"), body.get(text)
    says_arguments = arguments is not None and arguments != ""
    if not (isinstance(name, str) and name) and not piece.get("id"):
        if says_arguments:
            is_plain = piece.keys() == {"index", kind} and body.keys() == {text}
            yield piece if is_plain else {"index": piece["index"], kind: {text: arguments}}
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
    quirks = (50, 57)
    evidence = "lab:tool-id-missing"

    ids: dict[tuple[int, int], str] = field(default_factory=dict)

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
            self.ids[key] = known
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
    another call begins, or the choice finishes.
    """

    name = "chat.tool-name"
    title = "A tool call's name is repeated, empty or in pieces"
    quirks = (51,)
    evidence = "lab:tool-name-repeated"

    held: dict[tuple[int, int], _Held] = field(default_factory=dict)

    def feed(self, item: Chunk) -> Iterator[Chunk]:
        found = only_piece(item)
        if found is None:
            choice = only_choice(item)
            if choice is not None and choice["finish_reason"]:
                yield from self._release(lambda key: key[0] == choice["index"])
            yield item
            return
        choice, piece = found
        key = (choice["index"], piece["index"])
        _, _, body = body_of(piece)
        if "name" not in body:
            yield from self._release(lambda other: other[0] == key[0])
            yield item
            return
        known = self.held.get(key)
        if known is None:
            yield from self._release(lambda other: other[0] == key[0])
            self.held[key] = _Held(item, body["name"])
            return
        self.fired = True
        if not known.is_released and body["name"] not in ("", known.name):
            self._append(known, body["name"])

    def finish(self) -> Iterator[Chunk]:
        yield from self._release(lambda _: True)

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
                self.held[key] = replace(known, is_released=True)
                yield known.begin
