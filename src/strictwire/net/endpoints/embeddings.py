"""``POST /v1/embeddings``: from the client's request to a running exchange."""

from __future__ import annotations

import functools

from strictwire.dialects.embeddings import parse_request
from strictwire.net.asking import begin
from strictwire.net.call import Call
from strictwire.net.model_asking import Endpoint
from strictwire.net.request_body import body_of
from strictwire.net.service import Service
from strictwire.relay.embeddings import make_embeddings_relay

UPSTREAM_PATH = "/embeddings"


async def embed(service: Service, call: Call) -> None:
    """Answer one embeddings request. Raises CallerError for what the client did wrong.

    Returns when the exchange has begun; the application waits for the reply's end.
    """
    body = await body_of(service, call)
    request = parse_request(body)
    make = functools.partial(make_embeddings_relay, ask=request.ask)
    begin(service, call, request, Endpoint(make, own_path=UPSTREAM_PATH))
