"""The rule for which tool call a piece belongs to.

A piece is one entry of ``delta.tool_calls``. Its id decides, then its index, then its name; a
piece that says none of these goes on with the newest call.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from strictwire.model.chunks import Chunk, HeldChunk
from strictwire.model.errors import PeerError
from strictwire.model.json_end import JsonEnd
from strictwire.repairs.chat.split import bare, envelope_of, only_choice, says_beside
from strictwire.repairs.chat.tools import body_of
from strictwire.repairs.rule import ChunkRule

# Calls of one choice. A turn has a handful. Each piece is compared with all of them, so a peer that
# begins thousands would keep the loop for seconds, and each takes memory until the reply ends.
MAX_CALLS = 512
# And of all choices together: each call is remembered by several rules.
MAX_CALLS_OF_REPLY = 4096


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
class _Doubt:
    """A beginning that a known, complete call had already, at another index. Arguments that
    differ from that call's make it a call of its own; until then its pieces wait here."""

    begin: dict[str, Any]
    known: int
    envelope: dict[str, Any]
    text: list[str] = field(default_factory=list)
    end: JsonEnd = field(default_factory=JsonEnd)
    has_finished: bool = False  # its choice told a finish reason since


@dataclass(frozen=True, slots=True)
class _Piece:
    """What one piece says of its call."""

    id: str
    name: str
    place: int | None
    arguments: str


@dataclass(slots=True)
class ToolIndex(ChunkRule):
    """Give each call one dense index, by its id first.

    Pieces without an index throw in some SDKs and are dropped by others; parallel calls that all
    say index 0 are merged to one broken call. A call that is told again at another index would
    be run twice, so it is dropped.
    """

    name = "chat.tool-index"
    title = "A tool call's index is missing or wrong"
    quirks = (48, 49, 94)
    evidence = "lab:tool-index-zero"
    is_foundation = True

    calls: dict[int, list[_Call]] = field(default_factory=dict)
    doubts: dict[tuple[int, int], _Doubt] = field(default_factory=dict)

    def feed(self, item: Chunk) -> Iterator[Chunk]:
        choice = only_choice(item)
        pieces = choice["delta"].get("tool_calls") if choice else None
        if choice is None or not pieces:
            if self.doubts and choice is not None and choice["finish_reason"]:
                for key, doubt in self.doubts.items():
                    doubt.has_finished = doubt.has_finished or key[0] == choice["index"]
            yield item
            return
        told = pieces if isinstance(pieces, list) else [pieces]
        mended = [
            out
            for piece in told
            if isinstance(piece, dict)
            for out in self._placed(choice["index"], piece, item)
        ]
        if mended == pieces and all(a is b for a, b in zip(mended, pieces, strict=True)):
            yield item
            return
        self.fired = True
        delta = {name: value for name, value in choice["delta"].items() if name != "tool_calls"}
        if mended:
            delta["tool_calls"] = mended
        if delta or choice["finish_reason"] or says_beside(choice):
            yield item.repaired(item.value | {"choices": [choice | {"delta": delta}]})
        elif item.value.get("usage") is not None:
            yield item.repaired(item.value | {"choices": []})

    def finish(self) -> Iterator[Chunk]:
        for index in sorted({key[0] for key in self.doubts}):
            yield from self._settle(index)

    def _placed(self, choice: int, piece: dict[str, Any], item: Chunk) -> list[dict[str, Any]]:
        """The piece with the number of its call; nothing where it belongs to none and begins
        none, or where that is not known yet."""
        calls = self.calls.setdefault(choice, [])
        said = _read(piece)
        if said.place is not None:
            doubtful = self._doubted((choice, said.place), calls, said, piece, item)
            if doubtful is not None:
                return doubtful
        before = len(calls)
        number = self._route(calls, said)
        if number is None:
            return []
        if number == before and not calls[number].id and not calls[number].name:
            # Arguments whose beginning never came. An id makes them a call that can be answered.
            piece = piece | {"id": f"call_{self.promise.id}_{choice}_{number}"}
        is_right = type(piece.get("index")) is int and piece["index"] == number
        return [piece if is_right else piece | {"index": number}]

    def _doubted(
        self,
        key: tuple[int, int],
        calls: list[_Call],
        said: _Piece,
        piece: dict[str, Any],
        item: Chunk,
    ) -> list[dict[str, Any]] | None:
        """What comes of a piece that may repeat a call elsewhere; None where there is no doubt."""
        doubt = self.doubts.get(key)
        if doubt is None:
            known = _repeated(calls, said)
            if known is None or len(self.doubts) == MAX_CALLS:
                return None
            self.doubts[key] = _Doubt(piece, known, envelope_of(item.value))
            return []
        if said.name and (said.id, said.name) != (calls[doubt.known].id, calls[doubt.known].name):
            del self.doubts[key]
            return None
        if not said.arguments:
            return []
        doubt.text.append(said.arguments)
        doubt.end.feed(said.arguments)
        known_end = calls[doubt.known].end
        if doubt.end.size < known_end.size and not doubt.end.is_complete:
            return []
        del self.doubts[key]
        if known_end.has_told("".join(doubt.text)):
            return []
        return self._begun(calls, doubt)

    def _settle(self, choice: int) -> Iterator[Chunk]:
        """No more comes: beginnings that stayed without arguments were repetitions."""
        for key in [key for key in self.doubts if key[0] == choice]:
            doubt = self.doubts.pop(key)
            if doubt.text:
                pieces = self._begun(self.calls[choice], doubt)
                part = bare({"index": choice}, {"tool_calls": pieces})
                kind = HeldChunk if doubt.has_finished else Chunk
                yield kind(doubt.envelope | {"choices": [part]})

    def _begun(self, calls: list[_Call], doubt: _Doubt) -> list[dict[str, Any]]:
        """The call that was in doubt, with all that is known of it."""
        kind, text, _ = body_of(doubt.begin)
        said = _read(doubt.begin)
        arguments = "".join(doubt.text)
        call = _Call(said.id, said.name, said.place)
        call.end.feed(arguments)
        number = self._add(calls, call)
        return [doubt.begin | {"index": number}, {"index": number, kind: {text: arguments}}]

    def _route(self, calls: list[_Call], said: _Piece) -> int | None:
        """The number of the call that this piece belongs to; a new one is noted."""
        number = _find(calls, said.id, said.name, said.place, said.arguments)
        if number is None and not (said.id or said.name or said.arguments):
            return None
        if number is None:
            number = self._add(calls, _Call(said.id, said.name, said.place))
        call = calls[number]
        call.id = call.id or said.id
        call.name = call.name or said.name
        # A whole call that comes again is known by all that it told, so it is not added to that.
        if said.arguments and not (call.end.is_complete and call.end.has_told(said.arguments)):
            call.end.feed(said.arguments)
        return number

    def _add(self, calls: list[_Call], call: _Call) -> int:
        has_room = sum(map(len, self.calls.values())) < MAX_CALLS_OF_REPLY
        if len(calls) == MAX_CALLS or not has_room:
            bound = MAX_CALLS if has_room else MAX_CALLS_OF_REPLY
            raise PeerError(
                f"The upstream's reply called more than {bound} tools.", code="upstream_malformed"
            )
        calls.append(call)
        return len(calls) - 1


def _read(piece: dict[str, Any]) -> _Piece:
    _, text, body = body_of(piece)
    place, identity, name = piece.get("index"), piece.get("id"), body.get("name")
    return _Piece(
        identity if isinstance(identity, str) else "",
        name if isinstance(name, str) else "",
        place if isinstance(place, int) and place >= 0 else None,
        _text_of(body.get(text)),
    )


def _repeated(calls: list[_Call], said: _Piece) -> int | None:
    """The complete call that a beginning at another place seems to repeat."""
    if not said.id or not said.name or said.arguments.strip():
        return None
    same = [n for n, call in enumerate(calls) if (call.id, call.name) == (said.id, said.name)]
    if not same or any(calls[number].place == said.place for number in same):
        return None
    return same[-1] if calls[same[-1]].end.is_complete else None


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
    dropped later. A beginning without arguments elsewhere was in doubt, and is settled before.
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
