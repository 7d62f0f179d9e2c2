"""``POST /v1/messages``: from the client's request to a running exchange.

The query (``?beta=true``, as Claude Code has it) means nothing here and goes nowhere: what it turns
on at Anthropic is said again by the header ``anthropic-beta``.
"""

from __future__ import annotations

from strictwire.dialects.messages.request import parse_request
from strictwire.net.asking import Beside, begin
from strictwire.net.call import Call
from strictwire.net.model_asking import Endpoint
from strictwire.net.progress_header import carrier_of
from strictwire.net.request_body import body_of
from strictwire.net.service import Service
from strictwire.relay import make_relay

MESSAGES = Endpoint(make_relay, dialect="messages")


async def create(service: Service, call: Call) -> None:
    """Answer one Messages request. Raises CallerError for what the client did wrong.

    Returns when the exchange has begun; the application waits for the reply's end.
    """
    carrier = carrier_of(call.headers, may_be_chunk=False)
    body = await body_of(service, call)
    begin(service, call, parse_request(body), MESSAGES, Beside(carrier))
