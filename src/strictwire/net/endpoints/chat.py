"""``POST /v1/chat/completions``: from the client's request to a running exchange."""

from __future__ import annotations

from strictwire.dialects.chat import parse_request
from strictwire.net.asking import Beside, begin
from strictwire.net.call import Call
from strictwire.net.model_asking import Endpoint
from strictwire.net.progress_header import carrier_of
from strictwire.net.request_body import body_of
from strictwire.net.service import Service
from strictwire.relay import make_relay

CHAT = Endpoint(make_relay)


async def complete(service: Service, call: Call) -> None:
    """Answer one chat request. Raises CallerError for what the client did wrong.

    Returns when the exchange has begun; the application waits for the reply's end.
    """
    carrier = carrier_of(call.headers)
    body = await body_of(service, call)
    begin(service, call, parse_request(body), CHAT, Beside(carrier))
