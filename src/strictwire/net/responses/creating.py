"""``POST /v1/responses`` after its body was read: answered at once, streamed, or in the background.

Contract: ``create`` begins the exchange for a request, and sees to it that its response is kept
where the request says. It returns when the reply has begun. What the client did wrong is a
``CallerError`` before that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from strictwire.dialects.responses.request import ResponsesRequest
from strictwire.dialects.responses.response_object import ResponseObject
from strictwire.model.errors import CallerError
from strictwire.model.request import Carrier, Promise
from strictwire.net.asking import Beside, begin
from strictwire.net.call import Call
from strictwire.net.exchange import Exchange
from strictwire.net.model_asking import Endpoint
from strictwire.net.responses.background import Run
from strictwire.net.responses.event_reply import EventReply
from strictwire.net.responses.following import Follower, Tape
from strictwire.net.responses.owner import owner_of
from strictwire.net.responses.shelf import Place
from strictwire.net.responses.turns import Turn, place_of, turn_of, with_fields
from strictwire.net.service import Service
from strictwire.relay import make_relay

RESPONSES = Endpoint(make_relay, dialect="responses")
_JSON = [(b"content-type", b"application/json")]
# Told where a response that was to be stored will be kept in memory only.
_STORE_HEADER = b"x-strictwire-store"


async def create(
    service: Service, call: Call, request: ResponsesRequest, carrier: Carrier | None = None
) -> None:
    """Begin to answer ``call``. ``carrier`` is how the client wants prefill progress."""
    turn = await turn_of(request, owner_of(call.headers), service.shelf)
    if request.is_background and request.store is False:
        raise CallerError(
            "A background response must be kept to be asked for: leave out 'store', or say true.",
            param="store",
            code="background_requires_store",
        )
    place = await service.shelf.place_for(store=request.store)
    if request.store and place != "database":
        call.reply_headers.append((_STORE_HEADER, place.encode("ascii")))
    if request.is_background:
        _begin_run(service, call, request, turn, place)
        return
    beside = Beside(carrier=carrier, on_result=keeper(service, turn, place))
    begin(service, call, turn.request, RESPONSES, beside)


def begin_elsewhere(
    service: Service, call: Call, turn: Turn, reply: EventReply, place: Place
) -> Exchange:
    """Begin a turn whose events go to ``reply`` and not to the call's client."""
    request = with_fields(turn.request, {"stream": True})
    beside = Beside(reply=reply, on_result=keeper(service, turn, place))
    return begin(service, call, request, RESPONSES, beside)


def keeper(service: Service, turn: Turn, place: Place) -> Callable[[dict[str, Any]], None] | None:
    """What keeps the response object of a turn when its reply is over."""
    if place == "nowhere":
        return None

    def keep(result: dict[str, Any]) -> None:
        response = turn.kept(result, service.new_id())
        service.shelf.keep_soon(response, place_of(place, response))

    return keep


# ---- in the background ----


def _begin_run(
    service: Service, call: Call, request: ResponsesRequest, turn: Turn, place: Place
) -> None:
    service.runs.check_room()
    run = Run(
        response_object(service, request, "queued"),
        turn,
        is_stream=request.is_stream,
        max_bytes=service.settings.max_reply_bytes,
        keep=lambda response: service.shelf.keep_soon(response, place),
    )
    begin_elsewhere(service, call, turn, run.reply, "nowhere")
    service.runs.add(run)
    if place == "database":
        # Other processes of this gateway can tell of it, and the next one knows that there was it.
        service.shelf.keep_soon(run.snapshot(), place)
    if request.is_stream:
        follow(service, call, run.tape, 0)
    else:
        call.respond(200, _JSON, msgspec.json.encode(run.value))


def follow(service: Service, call: Call, tape: Tape, position: int) -> None:
    """Answer with the events of a background response from ``position`` on, until its end."""
    settings = service.settings
    follower = Follower(
        tape,
        call.reply,
        position,
        stall_s=settings.timeouts.write_stall,
        has_done=settings.responses_done,
    )
    call.status = 200
    follower.begin(call.reply_headers)


def response_object(service: Service, request: ResponsesRequest, status: str) -> dict[str, Any]:
    """A response object of our own, without output, for what is told before any upstream is."""
    promise = Promise(
        id=service.new_id(),
        created=int(service.wall_clock()),
        model=request.model,
        dialect="responses",
        echo=request.echo,
    )
    envelope = ResponseObject(promise)
    envelope.begin({})
    return envelope.heard({}, status, {"output": []})
