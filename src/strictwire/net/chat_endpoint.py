"""``POST /v1/chat/completions``: from the client's request to a running exchange."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from strictwire.config import Provider
from strictwire.dialects.chat import ChatRequest, parse_request
from strictwire.model.protocols import ReplyRelay, UpstreamRequest
from strictwire.model.request import Promise
from strictwire.net.call import Call
from strictwire.net.client_side import read_body
from strictwire.net.deadlines import Limits
from strictwire.net.exchange import Exchange, Plan
from strictwire.net.progress_header import carrier_of
from strictwire.net.service import Service
from strictwire.net.upstream_headers import upstream_headers, upstream_key, upstream_secrets
from strictwire.relay import make_chat_relay
from strictwire.routing import Route, named_fields

UPSTREAM_PATH = "/chat/completions"


async def complete(service: Service, call: Call) -> None:
    """Answer one chat request. Raises CallerError for what the client did wrong.

    Returns when the exchange has begun; the application waits for the reply's end.
    """
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
    key = upstream_key(service, call, route.key)
    plan = Plan(
        route=call.route,
        provider=route.provider.name,
        request_id=call.request_id,
        is_stream=request.is_stream,
        limits=_limits(service, route.provider, promise),
        headers=call.reply_headers,
        secrets=upstream_secrets(route.provider, key),
    )
    asks_stream = {"always": True, "never": False}.get(route.provider.stream, request.is_stream)
    headers = upstream_headers(call, route.provider, key, asks_stream=asks_stream)
    asking = ChatAsking(service, request, route, promise, headers, asks_stream)
    upstream = service.upstream_of(route.provider.name)
    exchange = Exchange(plan, asking, call.reply, upstream, service.observer, service.discard)
    service.add(exchange)
    exchange.begin()


@dataclass(slots=True)
class ChatAsking:
    """What an exchange needs until the upstream begins to answer: the request, however often it
    must be sent, and the relay for the kind of reply that comes. Then it is let go, so that an
    open stream does not hold its request."""

    service: Service
    request: ChatRequest
    route: Route[Provider]
    promise: Promise
    headers: tuple[tuple[bytes, bytes], ...]
    asks_stream: bool

    def make_request(self, refused: frozenset[str]) -> UpstreamRequest:
        provider = self.route.provider
        known = self.service.refusals.fields(provider.name, self.route.upstream_model)
        body = self.request.upstream_body(
            model=self.route.upstream_model,
            is_stream=self.asks_stream,
            asks_usage=not self.request.is_stream,
            asks_progress=self.promise.progress is not None,
            refused=refused | known,
        )
        return UpstreamRequest("POST", provider.base_url + UPSTREAM_PATH, self.headers, body)

    def make_relay(self, *, is_object: bool, begun_at_s: float) -> ReplyRelay:
        clock = asyncio.get_running_loop().time
        return make_chat_relay(
            self.promise, is_object=is_object, elapsed=lambda: clock() - begun_at_s
        )

    def refused(self, status: int, body: bytes) -> frozenset[str]:
        return frozenset(named_fields(status, body, self._added()))

    def learn(self, names: frozenset[str]) -> None:
        self.service.learn_refusal(self.route.provider.name, self.route.upstream_model, names)

    def _added(self) -> Iterator[str]:
        """What stood in the request for the gateway's sake, or can be left out without changing
        the answer."""
        if self.asks_stream and self.promise.progress is not None:
            yield "return_progress"
        if self.asks_stream and (
            not self.request.is_stream or "stream_options" in self.request.fields
        ):
            yield "stream_options"


def _limits(service: Service, provider: Provider, promise: Promise) -> Limits:
    timeouts = provider.timeouts
    whole_keepalive_s = service.settings.nonstream_keepalive
    return service.shared_limits(
        Limits(
            first_byte_s=timeouts.first_byte,
            idle_s=timeouts.idle,
            write_stall_s=timeouts.write_stall,
            total_s=timeouts.total,
            keepalive_s=provider.keepalive if promise.is_stream else whole_keepalive_s,
            linger_s=service.settings.linger_s,
            has_progress=promise.progress is not None,
        )
    )
