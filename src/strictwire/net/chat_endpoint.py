"""``POST /v1/chat/completions``: from the client's request to a running exchange."""

from __future__ import annotations

import asyncio

from strictwire import __version__
from strictwire.config import Provider
from strictwire.dialects.chat import ChatRequest, parse_request
from strictwire.model.protocols import ReplyRelay, UpstreamRequest
from strictwire.model.request import Promise
from strictwire.net.access import credential
from strictwire.net.call import Call
from strictwire.net.client_side import read_body
from strictwire.net.deadlines import Limits
from strictwire.net.exchange import Exchange, Plan
from strictwire.net.progress_header import carrier_of
from strictwire.net.service import Service
from strictwire.relay import make_chat_relay
from strictwire.routing import ADDED_FIELDS, Route, named_fields

UPSTREAM_PATH = "/chat/completions"
USER_AGENT = f"strictwire/{__version__}".encode()


async def complete(service: Service, call: Call) -> None:
    """Answer one chat request. Raises CallerError for what the client did wrong."""
    settings = service.settings
    carrier = carrier_of(call.headers)
    body = await read_body(
        call.receive,
        call.headers,
        max_bytes=settings.max_body_bytes,
        timeout_s=settings.timeouts.request_body,
    )
    request = parse_request(body)
    route = service.route(request.model)
    promise = Promise(
        id=service.new_id(),
        created=int(service.wall_clock()),
        model=route.shown_model,
        is_model_pinned=route.is_alias,
        is_stream=request.is_stream,
        includes_usage=request.includes_usage,
        progress=carrier if request.is_stream else None,
        reasoning_key=settings.reasoning_key,
        after_error=settings.after_error,
        repairs_off=route.provider.repairs_off,
        max_reply_bytes=settings.max_reply_bytes,
    )
    plan = _plan(service, call, request, route, promise)
    upstream = service.upstream_of(route.provider.name)
    exchange = Exchange(plan, call.reply, upstream, service.observer, service.discard)
    service.add(exchange)
    exchange.begin()
    await call.reply.finished()


def _plan(
    service: Service, call: Call, request: ChatRequest, route: Route[Provider], promise: Promise
) -> Plan:
    provider = route.provider
    asks_stream = {"always": True, "never": False}.get(provider.stream, request.is_stream)
    headers = upstream_headers(service, call, route, asks_stream=asks_stream)
    clock = asyncio.get_running_loop().time
    begun_at = clock()

    def make_request(refused: frozenset[str]) -> UpstreamRequest:
        known = service.refusals.fields(provider.name, route.upstream_model)
        body = request.upstream_body(
            model=route.upstream_model,
            is_stream=asks_stream,
            asks_usage=not request.is_stream,
            asks_progress=promise.progress is not None,
            refused=refused | known,
        )
        return UpstreamRequest("POST", provider.base_url + UPSTREAM_PATH, headers, body)

    def make_relay(is_object: bool) -> ReplyRelay:
        return make_chat_relay(promise, is_object=is_object, elapsed=lambda: clock() - begun_at)

    def refused(status: int, body: bytes) -> frozenset[str]:
        added = [name for name in ADDED_FIELDS if name not in request.fields]
        names = frozenset(named_fields(status, body, added))
        if names:
            service.learn_refusal(provider.name, route.upstream_model, names)
        return names

    return Plan(
        route=call.route,
        provider=provider.name,
        request_id=call.request_id,
        is_stream=request.is_stream,
        limits=_limits(service, provider, promise),
        headers=call.reply_headers,
        make_request=make_request,
        make_relay=make_relay,
        refused=refused,
        secrets=tuple(_secrets(route)),
    )


def _limits(service: Service, provider: Provider, promise: Promise) -> Limits:
    timeouts = provider.timeouts
    whole_keepalive_s = service.settings.nonstream_keepalive
    return Limits(
        first_byte_s=timeouts.first_byte,
        idle_s=timeouts.idle,
        write_stall_s=timeouts.write_stall,
        total_s=timeouts.total,
        keepalive_s=provider.keepalive if promise.is_stream else whole_keepalive_s,
        linger_s=service.settings.linger_s,
        has_progress=promise.progress is not None,
    )


def upstream_headers(
    service: Service, call: Call, route: Route[Provider], *, asks_stream: bool
) -> tuple[tuple[bytes, bytes], ...]:
    """What goes to the provider. Nothing of the client's but, at most, its key."""
    provider = route.provider
    headers = {
        b"content-type": b"application/json",
        b"accept": b"text/event-stream" if asks_stream else b"application/json",
        b"user-agent": USER_AGENT,
        b"x-request-id": call.request_id.encode(),
    }
    if route.key is not None:
        headers[b"authorization"] = b"Bearer " + route.key.reveal().encode()
    elif not service.settings.api_keys:
        # No key of the gateway's own is at stake, so the client's is meant for the upstream.
        told = credential(call.headers)
        if told:
            headers[b"authorization"] = b"Bearer " + told.encode("latin-1")
    for name, value in provider.headers:
        headers[name.lower().encode()] = value.reveal().encode("latin-1")
    return tuple(headers.items())


def _secrets(route: Route[Provider]) -> list[str]:
    keys = [route.key.reveal()] if route.key is not None else []
    return keys + [value.reveal() for _, value in route.provider.headers]
