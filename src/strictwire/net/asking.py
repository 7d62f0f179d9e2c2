"""From a request that was checked to a running exchange, for every dialect of model requests.

Contract: an endpoint reads and checks its body, then calls ``begin``. Nothing here knows one
dialect from another: which is asked is decided in ``routing``, and how it is said in ``dialects``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from strictwire.dialects.model_request import ModelRequest
from strictwire.model.request import Carrier
from strictwire.net import passing_headers
from strictwire.net.call import Call
from strictwire.net.client_side.push import ClientReply
from strictwire.net.engine_fields import check_engine_fields
from strictwire.net.exchange import Exchange
from strictwire.net.model_asking import Endpoint, ModelAsking
from strictwire.net.plan import Plan
from strictwire.net.promising import limits_of, promise_of
from strictwire.net.responses.owner import owner_of
from strictwire.net.service import Service
from strictwire.net.upstream_headers import upstream_headers, upstream_key, upstream_secrets


@dataclass(frozen=True, slots=True)
class Beside:
    """What goes with an exchange beside the request. ``carrier`` is how the client wants prefill
    progress, if it does. ``reply``, in the place of the call's own, takes the reply to somebody who
    does not hold the connection. ``on_result``: see ``Plan``."""

    carrier: Carrier | None = None
    reply: ClientReply | None = None
    on_result: Callable[[dict[str, Any]], None] | None = None


NOTHING_BESIDE = Beside()


def begin(
    service: Service,
    call: Call,
    request: ModelRequest,
    endpoint: Endpoint,
    beside: Beside = NOTHING_BESIDE,
) -> Exchange:
    """Route the request and start its exchange. Raises CallerError: 404 for an unknown model, 400
    for what an engine cannot do."""
    route = service.route(request.model)
    provider = route.provider
    check_engine_fields(request, provider)
    promise = promise_of(service, request, route, endpoint.dialect, beside.carrier)
    key = upstream_key(service, call, route.key)
    plan = Plan(
        route=call.route,
        provider=provider.name,
        request_id=call.request_id,
        is_stream=request.is_stream,
        limits=limits_of(
            service,
            provider,
            is_stream=promise.is_stream,
            has_progress=promise.progress is not None,
        ),
        headers=call.reply_headers,
        secrets=upstream_secrets(provider, key),
        dialect=call.dialect,
        on_result=beside.on_result,
        owner=sys.intern(owner_of(call.headers)),  # one text for all that are open with a key
        model=promise.model,
        created=promise.created,
    )
    kind = service.kind_of(provider)
    asks_stream = request.is_stream
    if not endpoint.own_path:
        mode = kind.stream if provider.stream == "auto" else provider.stream
        asks_stream = {"always": True, "never": False}.get(mode, asks_stream)
    asking = ModelAsking(
        service,
        request,
        route,
        promise,
        endpoint,
        kind=kind,
        headers=upstream_headers(call, provider, kind, key, asks_stream=asks_stream),
        told=passing_headers.to_upstream(call.headers, endpoint.dialect),
        asks_stream=asks_stream,
        is_from_page=call.is_from_page,
    )
    upstream = service.upstream_of(provider.name)
    reply = beside.reply or call.reply
    exchange = Exchange(plan, asking, reply, upstream, service.observer, service.discard)
    service.add(exchange)
    exchange.begin()
    return exchange
