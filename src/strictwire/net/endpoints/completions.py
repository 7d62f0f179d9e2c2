"""``POST /v1/completions``: from the client's request to a running exchange."""

from __future__ import annotations

from strictwire.dialects.completions import parse_request
from strictwire.net.asking import Beside, begin
from strictwire.net.call import Call
from strictwire.net.client_side import read_body
from strictwire.net.model_asking import Endpoint
from strictwire.net.progress_header import carrier_of
from strictwire.net.service import Service
from strictwire.relay import make_relay

COMPLETIONS = Endpoint(make_relay, dialect="completions")


async def complete(service: Service, call: Call) -> None:
    """Answer one text completion request. Raises CallerError for what the client did wrong.

    Returns when the exchange has begun; the application waits for the reply's end.
    """
    carrier = carrier_of(call.headers, may_be_chunk=False)
    body = await read_body(
        call.receive,
        call.headers,
        max_bytes=service.settings.max_body_bytes,
        timeout_s=service.settings.timeouts.request_body,
    )
    begin(service, call, parse_request(body), COMPLETIONS, Beside(carrier))
