"""``POST /v1/responses/compact``: a conversation made short, by its upstream or by us.

Contract: one object, never a stream: the user's own messages and one compaction item. An upstream
that is asked in Responses and has such a path does it itself; that one lacks it is learned from its
refusal. Any other is asked for a summary of the conversation, in the dialect that it speaks, which
``compaction`` seals. A client that leaves ends either. Codex asks for the same with an item of an
ordinary request (``TRIGGER``), and gets a response with the compaction. Source: OpenAI API
reference, "Compact a response".
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import msgspec

from strictwire.config import Provider
from strictwire.dialects.responses.errors import error_told
from strictwire.dialects.responses.request import ResponsesRequest, parse_request
from strictwire.dialects.responses.usage import no_usage
from strictwire.model.errors import CallerError, PeerError, WireError
from strictwire.net.asking import Beside, begin
from strictwire.net.call import Call
from strictwire.net.client_side import ClientGone
from strictwire.net.own_path import OwnPath, Question, ask, lacks, learn_missing, speaks
from strictwire.net.request_body import body_of
from strictwire.net.responses.compaction import (
    TRIGGER,
    as_output,
    asking,
    compaction_item,
    kept_messages,
    text_of,
)
from strictwire.net.responses.creating import RESPONSES, follow, response_object
from strictwire.net.responses.event_reply import EventReply, told_error
from strictwire.net.responses.following import Tape
from strictwire.net.responses.items import Item, array_of, input_of, type_of
from strictwire.net.responses.owner import owner_of
from strictwire.net.responses.turns import turn_of, with_fields
from strictwire.net.service import Service
from strictwire.net.upstream.fetching import Fetched
from strictwire.routing import Route
from strictwire.wire.sse import format_frame

T = TypeVar("T")

PATH = OwnPath("compact", "/responses/compact", "responses")
_JSON = [(b"content-type", b"application/json")]


async def compact(service: Service, call: Call) -> None:
    """Answer one request. Raises CallerError for what the client did wrong, PeerError for what the
    upstream did."""
    body = await body_of(service, call)
    request = parse_request(body)
    if request.is_stream:
        raise CallerError(
            "A compaction is one object: leave out 'stream'.",
            param="stream",
            code="unsupported_parameter",
        )
    turn = await turn_of(request, owner_of(call.headers), service.shelf)
    route = service.route(request.model)
    if speaks(service, route.provider, "responses") and not lacks(service, route.provider, PATH):
        fetched = await _forward(service, call, turn.request, route)
        if fetched is not None:
            call.respond(200, _JSON, fetched.body)
            return
    told = await _summarised(service, call, turn.request)
    call.respond(200, _JSON, msgspec.json.encode(told))


def is_ours_to_compact(service: Service, request: ResponsesRequest) -> bool:
    """Whether an ordinary request ends with the wish for a compaction, as Codex says it, and goes
    to a server that would not know what that is."""
    if not any(type_of(one) == TRIGGER for one in input_of(request)[-1:]):
        return False
    return not speaks(service, service.route(request.model).provider, "responses")


async def answer_trigger(service: Service, call: Call, request: ResponsesRequest) -> None:
    """Answer such a request with a response whose output is one compaction."""
    turn = await turn_of(request, owner_of(call.headers), service.shelf)
    items = [one for one in input_of(turn.request) if type_of(one) != TRIGGER]
    summary, usage = await _summary(service, call, turn.request, items)
    item = compaction_item(summary, service.new_id())
    begun = response_object(service, request, "in_progress")
    done = {**begun, "status": "completed", "output": [item], "usage": usage}
    if not request.is_stream:
        call.respond(200, _JSON, msgspec.json.encode(done))
        return
    told: tuple[dict[str, Any], ...] = (
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
        {"type": "response.output_item.added", "output_index": 0, "item": item},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": done},
    )
    tape = Tape(is_over=True)
    for number, event in enumerate(told):
        numbered = msgspec.json.encode({**event, "sequence_number": number})
        tape.add(format_frame(numbered, str(event["type"])))
    follow(service, call, tape, 0)


# ---- by the upstream ----


async def _forward(
    service: Service, call: Call, request: ResponsesRequest, route: Route[Provider]
) -> Fetched | None:
    """The upstream's own compaction; None where it has no such path."""
    provider = route.provider
    question = Question(
        PATH, request, provider.timeouts.first_byte, service.settings.max_reply_bytes
    )
    fetched = await _unless_left(call, ask(service, call, route, question))
    if fetched is not None and not _is_compaction(fetched.body):
        learn_missing(service, provider, PATH)
        return None
    return fetched


def _is_compaction(body: bytes) -> bool:
    """Whether it is one: servers also answer 200 on paths that they do not have."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return isinstance(value, dict) and isinstance(value.get("output"), list)


class _Leaving:
    """Cancels a task when the client leaves: nobody would read its result."""

    def __init__(self, task: asyncio.Task[Any]) -> None:
        self._task = task

    def on_pause(self) -> None: ...

    def on_resume(self) -> None: ...

    def on_gone(self) -> None:
        self._task.cancel()


async def _unless_left(call: Call, work: Coroutine[Any, Any, T]) -> T:
    """The result of ``work``; raises ClientGone where the client left before it."""
    task = asyncio.ensure_future(work)
    call.reply.attach(_Leaving(task))
    try:
        return await task
    except asyncio.CancelledError:
        if call.reply.is_gone:
            raise ClientGone("the client left before its reply") from None
        raise
    finally:
        task.cancel()


# ---- by us ----


class _Gatherer:
    """Takes a whole response from its events."""

    def __init__(self) -> None:
        self.reply = EventReply(self)
        self.response: dict[str, Any] | None = None
        self.error: WireError | None = None

    def on_event(self, name: str, data: bytes) -> None:
        told = msgspec.json.decode(data).get("response")
        if isinstance(told, dict):
            self.response = told

    def on_pulse(self) -> None: ...

    def on_refused(self, status: int, body: bytes) -> None:
        self.error = told_error(status, body)

    def on_over(self) -> None: ...


async def _summarised(service: Service, call: Call, request: ResponsesRequest) -> dict[str, Any]:
    items = input_of(request)
    summary, usage = await _summary(service, call, request, items)
    new_id = service.new_id()
    return {
        "id": f"resp_{new_id}",
        "object": "response.compaction",
        "created_at": int(service.wall_clock()),
        "output": [*as_output(kept_messages(items), new_id), compaction_item(summary, new_id)],
        "usage": usage,
    }


async def _summary(
    service: Service, call: Call, request: ResponsesRequest, items: list[Item]
) -> tuple[str, dict[str, Any]]:
    """The summary of the conversation, and what it cost."""
    changes = {
        "input": msgspec.Raw(array_of(asking(items))),
        "stream": True,
        "store": False,
        # The tools stay: they stand before the conversation in what the model reads, and a server
        # that has read it already need not do so again.
        "tool_choice": "none" if "tools" in request.fields else None,
    }
    response = await _ask(service, call, with_fields(request, changes))
    summary = text_of(response.get("output") or ())
    if not summary:
        raise PeerError(
            "The upstream was asked for a summary of the conversation, and answered without a "
            "word.",
            code="upstream_malformed",
        )
    return summary, response.get("usage") or no_usage()


async def _ask(service: Service, call: Call, request: ResponsesRequest) -> dict[str, Any]:
    gatherer = _Gatherer()
    begin(service, call, request, RESPONSES, Beside(reply=gatherer.reply))
    try:
        await _unless_left(call, gatherer.reply.finished())
    finally:
        gatherer.reply.leave()
    response = gatherer.response or {}
    if gatherer.error is not None:
        raise gatherer.error
    if response.get("status") not in ("completed", "incomplete"):
        raise error_told(response.get("error") or {})
    return response
