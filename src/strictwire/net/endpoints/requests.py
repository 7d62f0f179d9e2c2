"""``GET /v1/requests/{id}`` and ``/v1/requests``: how far the caller's own open requests are.

Contract: the id is the one of ``x-request-id``, which a client may choose itself. A request is told
to who sent it, by the key, and only while it is open and in this process; else it is a 404, whether
there ever was one or not. The counts are those of prefill progress, as the upstream told them, and
null where it told nothing. Source: docs/prefill-progress.md, "Ask for it beside the reply".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from strictwire.model.errors import CallerError
from strictwire.model.observer import OpenRequest
from strictwire.net.call import Call
from strictwire.net.responses.owner import owner_of
from strictwire.net.service import Service
from strictwire.relay.progress import shown_fraction

# More than a person reads. A page may ask for the list each second.
MAX_LISTED = 1000

# It is asked for again and again, and each answer is another one.
_HEADERS = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]


async def get_request(service: Service, call: Call) -> None:
    request = service.open_request(owner_of(call.headers), call.path.removeprefix("/requests/"))
    if request is None:
        raise CallerError(
            "There is no open request with this id. An id lives as long as its request, for the "
            "key that sent it, in the process that answers it.",
            status=404,
            code="request_not_found",
        )
    call.respond(200, _HEADERS, msgspec.json.encode(_told(request)))


async def list_requests(service: Service, call: Call) -> None:
    told = listed(service.open_requests(owner_of(call.headers)))
    call.respond(200, _HEADERS, msgspec.json.encode(told))


def listed(requests: Iterable[OpenRequest], most: int = MAX_LISTED) -> dict[str, Any]:
    """The list, in OpenAI's shape. Those that are open longest come first."""
    found = sorted(requests, key=lambda request: -request.elapsed_s)
    return {
        "object": "list",
        "data": [_told(request) for request in found[:most]],
        "has_more": len(found) > most,
    }


def _told(request: OpenRequest) -> dict[str, Any]:
    """The names are those of a report of progress; every key is always there."""
    progressed = request.progressed
    return {
        "id": request.id,
        "object": "request",
        "created": request.created,
        "model": request.model,
        "stream": request.is_stream,
        "status": request.status,
        "place": request.place or None,
        "n_past": progressed and progressed.processed,
        "n_prompt_tokens": progressed and progressed.total,
        "n_cached_tokens": progressed and progressed.cached,
        "fraction": shown_fraction(progressed),
        "elapsed_seconds": int(request.elapsed_s),
    }
