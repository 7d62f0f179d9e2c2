"""``/v1/responses/{id}`` and what is below it: kept responses, read, deleted, cancelled, followed.

Contract: whoever asks sees their own, and of another's exactly what is seen of one that never was:
404. What a client may ask to be included in a response is not needed here, so it is not looked at:
kept responses are told whole.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from strictwire.model.errors import CallerError
from strictwire.model.stored import StoredResponse
from strictwire.net.call import Call
from strictwire.net.responses.background import Run
from strictwire.net.responses.creating import follow
from strictwire.net.responses.following import Tape
from strictwire.net.responses.items import items_of
from strictwire.net.responses.owner import owner_of
from strictwire.net.responses.turns import OVER
from strictwire.net.service import Service

_JSON = [(b"content-type", b"application/json")]
_TRUE = frozenset(("true", "1"))
_LEFT_BEHIND = {
    "code": "server_error",
    "message": "The gateway ended before the response was complete.",
}
# OpenAI's bounds of a page of input items.
_DEFAULT_LIMIT = 20
_MAX_LIMIT = 100


@dataclass(frozen=True, slots=True)
class Kept:
    """One response of the caller's, as it stands: still being made here (``run``), or kept."""

    stored: StoredResponse
    run: Run | None
    query: Mapping[str, str]

    @property
    def value(self) -> dict[str, Any]:
        value: dict[str, Any] = msgspec.json.decode(self.stored.value)
        return value


_Handler = Callable[[Service, Call, Kept], Awaitable[None]]


async def serve(service: Service, call: Call) -> None:
    """Answer a request for ``/responses/{id}`` or a path below it."""
    response_id, _, below = call.path.removeprefix("/responses/").partition("/")
    by_method = _HANDLERS.get(below)
    if by_method is None:
        raise CallerError("There is no such path.", status=404, code="unknown_path")
    handler = by_method.get(call.method)
    if handler is None:
        allowed = ", ".join(by_method)
        problem = CallerError(f"This path takes {allowed}.", status=405, code="method_not_allowed")
        call.refuse(problem, (b"allow", allowed.encode()))
        return
    await handler(service, call, await _find(service, call, response_id))


async def _find(service: Service, call: Call, response_id: str) -> Kept:
    owner = owner_of(call.headers)
    query = dict(parse_qsl(call.query.decode("latin-1"), keep_blank_values=True))
    run = service.runs.get(response_id, owner)
    if run is not None:
        return Kept(run.snapshot(), run, query)
    stored = await service.shelf.get(response_id, owner)
    if stored is None:
        raise CallerError(
            "There is no such response. It was not stored, it has expired, or it was deleted.",
            status=404,
            param="response_id",
            code="response_not_found",
        )
    return Kept(stored, None, query)


async def _read(service: Service, call: Call, kept: Kept) -> None:
    if kept.query.get("stream", "").lower() in _TRUE:
        _resume(service, call, kept)
        return
    _tell(service, call, kept)


def _tell(service: Service, call: Call, kept: Kept) -> None:
    body = kept.stored.value
    if _is_left_behind(service, kept):
        body = msgspec.json.encode({**kept.value, "status": "failed", "error": _LEFT_BEHIND})
    call.respond(200, _JSON, body)


async def _delete(service: Service, call: Call, kept: Kept) -> None:
    if kept.run is not None:
        kept.run.cancel()
    await service.shelf.delete(kept.stored.id, kept.stored.owner)
    told = {"id": kept.stored.id, "object": "response", "deleted": True}
    call.respond(200, _JSON, msgspec.json.encode(told))


async def _cancel(service: Service, call: Call, kept: Kept) -> None:
    """Once more changes nothing: the response is told as it is."""
    if not kept.value.get("background"):
        raise CallerError(
            "Only a background response can be cancelled here; any other ends when its connection "
            "is closed.",
            param="response_id",
            code="not_a_background_response",
        )
    if kept.run is not None:
        kept.run.cancel()
        call.respond(200, _JSON, msgspec.json.encode(kept.run.value))
        return
    _check_not_elsewhere(service, kept)
    _tell(service, call, kept)


async def _list_input(service: Service, call: Call, kept: Kept) -> None:
    items = [msgspec.json.decode(one) for one in items_of(kept.stored.input)]
    shown = [_shown(one) for one in items if isinstance(one, dict)]
    if _choice(kept.query, "order", ("desc", "asc")) == "desc":
        shown.reverse()
    limit = _number(kept.query, "limit", _DEFAULT_LIMIT, 1, _MAX_LIMIT)
    after = kept.query.get("after")
    if after is not None:
        places = [place for place, one in enumerate(shown) if one.get("id") == after]
        if not places:
            raise _wrong("after", "names no input item of this response")
        shown = shown[places[0] + 1 :]
    page = shown[:limit]
    told = {
        "object": "list",
        "data": page,
        "first_id": page[0].get("id") if page else None,
        "last_id": page[-1].get("id") if page else None,
        "has_more": len(shown) > limit,
    }
    call.respond(200, _JSON, msgspec.json.encode(told))


_HANDLERS: Mapping[str, Mapping[str, _Handler]] = {
    "": {"GET": _read, "DELETE": _delete},
    "cancel": {"POST": _cancel},
    "input_items": {"GET": _list_input},
}


def _resume(service: Service, call: Call, kept: Kept) -> None:
    position = 0
    if "starting_after" in kept.query:
        position = 1 + _number(kept.query, "starting_after", 0, 0, 2**53)
    _check_not_elsewhere(service, kept)
    has_events = kept.run.is_stream if kept.run is not None else bool(kept.stored.events)
    if not has_events:
        raise CallerError(
            "Only a background response that was begun with 'stream' can be followed. Ask for this "
            "one without 'stream'.",
            param="stream",
            code="response_not_streamed",
        )
    tape = kept.run.tape if kept.run is not None else Tape.of(kept.stored.events)
    follow(service, call, tape, position)


def _is_left_behind(service: Service, kept: Kept) -> bool:
    """Whether it never will be over: the process that made it has ended. With several processes
    nobody can tell, since it may be in the hands of another."""
    is_open = kept.run is None and kept.stored.status not in OVER
    return is_open and service.settings.workers == 1


def _check_not_elsewhere(service: Service, kept: Kept) -> None:
    if kept.run is None and kept.stored.status not in OVER and service.settings.workers > 1:
        raise CallerError(
            "Another process of this gateway makes this response. Ask again, best over a new "
            "connection, or ask without 'stream' until its status says that it is over.",
            status=409,
            code="response_in_other_process",
            retry_after="1",
        )


def _shown(item: dict[str, Any]) -> dict[str, Any]:
    """As OpenAI lists it: a message has its content in parts, and a status."""
    if item.get("type") != "message":
        return item
    content = item.get("content")
    if isinstance(content, str):
        kind = "output_text" if item.get("role") == "assistant" else "input_text"
        part: dict[str, Any] = {"type": kind, "text": content}
        if kind == "output_text":
            part["annotations"] = []
        item = {**item, "content": [part]}
    return {"status": "completed", **item}


def _number(query: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    told = query.get(name)
    if told is None:
        return default
    if not (told.isascii() and told.isdigit() and len(told) <= 16 and least <= int(told) <= most):
        raise _wrong(name, f"must be a whole number from {least} to {most}")
    return int(told)


def _choice(query: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> str:
    told = query.get(name, allowed[0])
    if told not in allowed:
        raise _wrong(name, f"must be one of {', '.join(allowed)}")
    return told


def _wrong(name: str, problem: str) -> CallerError:
    return CallerError(f"'{name}' {problem}.", param=name, code="invalid_value")
