"""The rule for which tool call a piece belongs to.

A piece is one entry of ``delta.tool_calls``. Its id decides, then its index, then its name; a
piece that says none of these goes on with the newest call.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from strictwire.model.chunks import Chunk
from strictwire.model.errors import PeerError
from strictwire.repairs.chat.json_end import JsonEnd
from strictwire.repairs.chat.split import only_choice
from strictwire.repairs.chat.tools import body_of
from strictwire.repairs.rule import ChunkRule

# Calls of one choice. A turn has a handful. Each piece is compared with all of them, so a peer that
# begins thousands would keep the loop for seconds, and each takes memory until the reply ends.
MAX_CALLS = 512


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
