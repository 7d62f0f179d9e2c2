"""``POST /v1/messages/count_tokens``: how long a prompt is.

Contract: the upstream's own count where it is asked in Messages and has such a path; else our
estimate, with the header ``x-strictwire-estimate: true``. That a provider lacks the path is learned
from its refusal. Any other refusal goes to the client: a model that is not there is not counted.
"""

from __future__ import annotations

import msgspec

from strictwire.config import Provider
from strictwire.dialects.estimate import estimate_tokens
from strictwire.dialects.messages.request import MessagesRequest, parse_count_request
from strictwire.dialects.model_request import UpstreamAsk
from strictwire.model.protocols import UpstreamRequest
from strictwire.net import passing_headers
from strictwire.net.call import Call
from strictwire.net.client_side import read_body
from strictwire.net.error_replies import upstream_refusal, word_for
from strictwire.net.service import Service
from strictwire.net.upstream import fetch
from strictwire.net.upstream_headers import (
    in_dialect,
    upstream_headers,
    upstream_key,
    upstream_secrets,
)
from strictwire.relay.parsing import parse_json
from strictwire.routing import Route, lacks_endpoint, upstream_dialect

UPSTREAM_PATH = "/messages/count_tokens"
# A count is asked for between two turns, by somebody who waits.
TIMEOUT_S = 30.0
MAX_COUNT_BYTES = 64 * 1024

# How it is remembered that a provider has no such path, for all its models: the dialect itself may
# be there all the same.
_REFUSAL = "count_tokens"
_ANY_MODEL = ""


async def count(service: Service, call: Call) -> None:
    """Answer one request. Raises CallerError for what the client did wrong, PeerError for what the
    upstream did."""
    body = await read_body(
        call.receive,
        call.headers,
        max_bytes=service.settings.max_body_bytes,
        timeout_s=service.settings.timeouts.request_body,
    )
    request = parse_count_request(body)
    route = service.route(request.model)
    told = None
    if _is_asked(service, route.provider):
        told = await _ask(service, call, request, route)
    headers = [(b"content-type", b"application/json")]
    if told is None:
        headers.append((b"x-strictwire-estimate", b"true"))
        told = estimate_tokens(request)
    call.respond(200, headers, msgspec.json.encode({"input_tokens": told}))


def _is_asked(service: Service, provider: Provider) -> bool:
    refusals = service.refusals
    listed, missing = provider.listed_dialects, refusals.missing(provider.name)
    if listed and "messages" not in listed:
        return False
    if upstream_dialect("messages", listed, missing) != "messages":
        return False
    return _REFUSAL not in refusals.fields(provider.name, _ANY_MODEL, "messages")


async def _ask(
    service: Service, call: Call, request: MessagesRequest, route: Route[Provider]
) -> int | None:
    """The upstream's count; None where it has no such path, or answers something else."""
    provider = route.provider
    key = upstream_key(service, call, route.key)
    headers = in_dialect(
        upstream_headers(call, provider, key, asks_stream=False),
        "messages",
        told=passing_headers.to_upstream(call.headers, "messages"),
    )
    body = request.upstream_body(UpstreamAsk(route.upstream_model, is_stream=request.is_stream))
    fetched = await fetch(
        service.upstream_of(provider.name),
        UpstreamRequest("POST", provider.base_url + UPSTREAM_PATH, headers, body),
        timeout_s=TIMEOUT_S,
        max_bytes=MAX_COUNT_BYTES,
    )
    if fetched.status == 200:
        return _count_in(fetched.body)
    if lacks_endpoint(fetched.status, fetched.body, route.upstream_model):
        service.learn_refusal(provider.name, _ANY_MODEL, frozenset((_REFUSAL,)), "messages")
        return None
    secrets = upstream_secrets(provider, key)
    refusal = upstream_refusal(fetched.status, fetched.headers, fetched.body, secrets)
    word_for(refusal, "messages")
    raise refusal


def _count_in(body: bytes) -> int | None:
    try:
        value = parse_json(body)
    except ValueError:
        return None
    told = value.get("input_tokens") if isinstance(value, dict) else None
    return told if type(told) is int and told >= 0 else None
