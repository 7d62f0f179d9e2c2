"""``POST /v1/responses``: from the client's request to a reply under way."""

from __future__ import annotations

from strictwire.dialects.responses.request import parse_request
from strictwire.net.call import Call
from strictwire.net.progress_header import carrier_of
from strictwire.net.request_body import body_of
from strictwire.net.responses import compact_endpoint, creating
from strictwire.net.service import Service


async def create(service: Service, call: Call) -> None:
    """Answer one Responses request. Raises CallerError for what the client did wrong.

    Returns when the reply has begun; the application waits for its end.
    """
    carrier = carrier_of(call.headers, may_be_chunk=False)
    body = await body_of(service, call)
    request = parse_request(body)
    if compact_endpoint.is_ours_to_compact(service, request):
        await compact_endpoint.answer_trigger(service, call, request)
    else:
        await creating.create(service, call, request, carrier)
