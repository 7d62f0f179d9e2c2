"""``POST /v1/messages/count_tokens``: how long a prompt is.

Contract: the upstream's own count where it is asked in Messages and has such a path; else our
estimate, with the header ``x-strictwire-estimate: true``. That a provider lacks the path is learned
from its refusal. Any other refusal goes to the client: a model that is not there is not counted.
"""

from __future__ import annotations

import msgspec

from strictwire.config import Provider
from strictwire.dialects.estimate import estimate_tokens
from strictwire.dialects.messages.request import parse_count_request
from strictwire.net.call import Call
from strictwire.net.own_path import OwnPath, Question, ask, lacks, speaks
from strictwire.net.request_body import body_of
from strictwire.net.service import Service
from strictwire.relay.parsing import parse_json

PATH = OwnPath("count_tokens", "/messages/count_tokens", "messages")
# A count is asked for between two turns, by somebody who waits.
TIMEOUT_S = 30.0
MAX_COUNT_BYTES = 64 * 1024


async def count(service: Service, call: Call) -> None:
    """Answer one request. Raises CallerError for what the client did wrong, PeerError for what the
    upstream did."""
    body = await body_of(service, call)
    request = parse_count_request(body)
    route = service.route(request.model)
    told = None
    if _is_asked(service, route.provider):
        question = Question(PATH, request, TIMEOUT_S, MAX_COUNT_BYTES)
        fetched = await ask(service, call, route, question)
        told = _count_in(fetched.body) if fetched is not None else None
    headers = [(b"content-type", b"application/json")]
    if told is None:
        headers.append((b"x-strictwire-estimate", b"true"))
        told = estimate_tokens(request)
    call.respond(200, headers, msgspec.json.encode({"input_tokens": told}))


def _is_asked(service: Service, provider: Provider) -> bool:
    listed = provider.listed_dialects
    # Anybody can be told our estimate, so a provider that speaks nothing else is no error here.
    if lacks(service, provider, PATH) or (listed and PATH.dialect not in listed):
        return False
    counts = not listed and service.kind_of(provider).counts_tokens
    return counts or speaks(service, provider, PATH.dialect)


def _count_in(body: bytes) -> int | None:
    """None where it is something else: then our estimate stands in."""
    try:
        value = parse_json(body)
    except ValueError:
        return None
    told = value.get("input_tokens") if isinstance(value, dict) else None
    return told if type(told) is int and told >= 0 else None
