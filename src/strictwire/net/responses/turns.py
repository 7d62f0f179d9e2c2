"""One turn of a conversation: what its upstream is asked, and what is kept of it.

Contract: ``turn_of`` takes a request as the client sent it and returns a ``Turn`` whose request
stands for itself: what the gateway kept is in its input (``previous_response_id``, items that are
only named by their ids, our own compactions), and what concerns only the gateway is not in it. What
the gateway does not know stays as it was, for an upstream that may know it; but where clients are
told apart by their keys it is refused, since the upstream would answer for another's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import msgspec

from strictwire.dialects.responses.conversation import previous_not_found
from strictwire.dialects.responses.request import ResponsesRequest
from strictwire.model.errors import CallerError
from strictwire.model.stored import StoredResponse
from strictwire.net.responses import compaction
from strictwire.net.responses.items import (
    Item,
    array_of,
    id_of,
    input_of,
    items_of,
    output_of,
    raw_of,
    type_of,
    with_ids,
)
from strictwire.net.responses.shelf import Place

# The statuses of a response that is over. Nothing can be added to any of them.
OVER = frozenset(("completed", "incomplete", "failed", "cancelled"))
# Those that a conversation can go on from.
_GOOD = frozenset(("completed", "incomplete"))
# What the upstream knows of a conversation and we do not. It is never found, so a response that
# goes on from one that has this before it is left to that upstream too.
_ELSEWHERE = "elsewhere"
_REFERENCE = "item_reference"
# The gateway's own; upstreams would do it once more, or refuse it.
_OURS = ("background",)


class Memory(Protocol):
    """Where kept responses and items are looked for. Each may be unknown. ``is_shared``: what is
    not this owner's may be another's."""

    @property
    def is_shared(self) -> bool: ...

    async def knows(self, response_id: str, owner: str) -> bool: ...

    async def history(self, response_id: str, owner: str) -> list[StoredResponse] | None: ...

    async def items(self, item_ids: Sequence[str], owner: str) -> dict[str, Item]: ...


@dataclass(frozen=True, slots=True)
class Turn:
    """``request`` is for the upstream; ``own`` is what the client sent as input, ``previous_id``
    what it went on from, for who keeps the turn. ``history`` is that, as far as it is known."""

    request: ResponsesRequest
    owner: str
    own: list[Item] = field(repr=False)
    previous_id: str = ""
    history: tuple[StoredResponse, ...] = field(default=(), repr=False)

    def kept(self, result: dict[str, Any], new_id: str) -> StoredResponse:
        """What is kept of it, with its response. ``new_id`` names items that have no id."""
        own, previous_id = with_ids(self.own, new_id), self.previous_id
        if result["id"] == previous_id or any(one.id == result["id"] for one in self.history):
            # A server that calls all its responses alike. This one takes the other's place, so it
            # cannot go on from it: it has with it what was said before.
            own = [*items_before(self.history), *own]
            previous_id = "" if self.history else _ELSEWHERE
        output = [one for one in result.get("output") or () if isinstance(one, dict)]
        ids = [*map(id_of, own), *(one.get("id") for one in output)]
        return StoredResponse(
            id=str(result["id"]),
            owner=self.owner,
            status=str(result["status"]),
            created_at=int(result.get("created_at") or 0),
            expires_at=0,
            value=msgspec.json.encode(result),
            input=array_of(own),
            previous_id=previous_id,
            item_ids=tuple(one for one in ids if isinstance(one, str) and one),
        )


async def turn_of(request: ResponsesRequest, owner: str, memory: Memory) -> Turn:
    """Raises CallerError for what cannot be gone on from."""
    own = input_of(request)
    history: list[StoredResponse] = []
    previous_id = request.previous_response_id or ""
    if previous_id:
        history = await memory.history(previous_id, owner) or []
        if history:
            _check_usable(history[-1])
        elif memory.is_shared and not await memory.knows(previous_id, owner):
            raise previous_not_found()
    elif "conversation" in request.echo or "prompt" in request.echo:
        previous_id = _ELSEWHERE
    items = await _resolved([*items_before(history), *own], owner, memory)
    asked = request
    if history or _differ(items, own) or any(name in request.fields for name in _OURS):
        asked = _asking(request, items, is_found=bool(history))
    return Turn(asked, owner, own, previous_id, tuple(history))


def items_before(history: Iterable[StoredResponse]) -> list[Item]:
    """What was said in these turns, in its order."""
    items: list[Item] = []
    for one in history:
        items += [*items_of(one.input), *output_of(one.value)]
    return items


def with_fields(request: ResponsesRequest, changes: dict[str, Any]) -> ResponsesRequest:
    """The same request with other fields; None leaves one out."""
    fields = dict(request.fields)
    for name, value in changes.items():
        fields.pop(name, None)
        if value is not None:
            fields[name] = value if isinstance(value, msgspec.Raw) else raw_of(value)
    stream = changes.get("stream", request.is_stream)
    return replace(request, fields=fields, raw=msgspec.json.encode(fields), is_stream=bool(stream))


def place_of(place: Place, response: StoredResponse) -> Place:
    """Where it is kept: what is not over is of no use to anyone later."""
    return place if response.status in OVER else "nowhere"


def _asking(request: ResponsesRequest, items: list[Item], *, is_found: bool) -> ResponsesRequest:
    changes: dict[str, Any] = dict.fromkeys(_OURS)
    if is_found:
        changes["previous_response_id"] = None
    if items or "input" in request.fields:
        changes["input"] = msgspec.Raw(array_of(items))
    asked = with_fields(request, changes)
    return replace(asked, previous_response_id=None) if is_found else asked


async def _resolved(items: list[Item], owner: str, memory: Memory) -> list[Item]:
    """With the items that are only named in the place of their names, and our compactions open."""
    named = [id_of(one) for one in items if type_of(one) == _REFERENCE]
    known = {id_of(one): one for one in items if type_of(one) != _REFERENCE} if named else {}
    missing = [one for one in named if one and one not in known]
    if missing:
        known |= await memory.items(missing, owner)
    resolved: list[Item] = []
    for item in items:
        kind = type_of(item)
        if kind == _REFERENCE:
            if memory.is_shared and id_of(item) not in known:
                raise _item_not_found()
            item = known.get(id_of(item), item)
            kind = type_of(item)
        resolved.append(compaction.opened(item) if kind in compaction.TYPES else item)
    return resolved


def _differ(items: list[Item], own: list[Item]) -> bool:
    return len(items) != len(own) or any(
        one is not two for one, two in zip(items, own, strict=True)
    )


def _item_not_found() -> CallerError:
    return CallerError(
        "An 'item_reference' in 'input' names an item that is not known here: its response was not "
        "stored, has expired or was deleted. Send the item itself.",
        param="input",
        code="item_not_found",
    )


def _check_usable(previous: StoredResponse) -> None:
    if previous.status in _GOOD:
        return
    raise CallerError(
        f"The response that 'previous_response_id' names has the status '{previous.status}'. Go on "
        "from one that was completed.",
        param="previous_response_id",
        code="previous_response_unusable",
    )
