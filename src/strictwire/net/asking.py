"""From a request that was checked to a running exchange, for every dialect of model requests.

Contract: an endpoint reads and checks its body, then calls ``begin``. ``ModelAsking`` is what its
exchange holds until the upstream begins to answer: the request, however often it must be sent and
whatever must be left out of it, and the relay for the kind of reply that comes. Then it is let go,
so that an open stream does not hold its request. Nothing here knows one dialect from another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from strictwire.config import Provider
from strictwire.dialects.model_request import ModelRequest, UpstreamAsk
from strictwire.model.protocols import ReplyRelay, UpstreamRequest
from strictwire.model.request import Carrier, Dialect, Promise
from strictwire.net.call import Call
from strictwire.net.deadlines import Limits
from strictwire.net.exchange import NOT_MENDED, Exchange, Mended, Plan
from strictwire.net.service import Service
from strictwire.net.upstream_headers import upstream_headers, upstream_key, upstream_secrets
from strictwire.repairs.requests import FIELD_REFUSED
from strictwire.routing import (
    STREAM_REFUSED,
    WHOLE_REFUSED,
    Amendment,
    Route,
    amend,
    amendable,
    refused_fields,
    refuses_way,
)


class MakeRelay(Protocol):
    """The relay for a reply. ``is_object`` says how the upstream answered, ``elapsed`` gives the
    seconds since the request began."""

    def __call__(
        self, promise: Promise, *, is_object: bool, elapsed: Callable[[], float]
    ) -> ReplyRelay: ...


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a dialect's requests go, and what becomes of the replies. ``dialect`` is that of the
    promise; ``may_stream`` False: no reply of this endpoint is ever a stream."""

    upstream_path: str
    make_relay: MakeRelay
    dialect: Dialect = "chat"
    may_stream: bool = True


def begin(
    service: Service,
    call: Call,
    request: ModelRequest,
    endpoint: Endpoint,
    carrier: Carrier | None = None,
) -> None:
    """Route the request and start its exchange. Raises CallerError 404 for an unknown model.

    ``carrier`` is how the client wants prefill progress, if it does.
    """
    route = service.route(request.model)
    provider = route.provider
    promise = _promise(service, request, route, endpoint.dialect, carrier)
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
    )
    asks_stream = request.is_stream
    if endpoint.may_stream:
        asks_stream = {"always": True, "never": False}.get(provider.stream, asks_stream)
    headers = upstream_headers(
        call, provider, key, asks_stream=asks_stream, asks_progress=promise.progress is not None
    )
    asking = ModelAsking(service, request, route, promise, endpoint, headers, asks_stream)
    upstream = service.upstream_of(provider.name)
    exchange = Exchange(plan, asking, call.reply, upstream, service.observer, service.discard)
    service.add(exchange)
    exchange.begin()


@dataclass(slots=True)
class ModelAsking:
    """``asks_stream`` is how a reply is asked for where the upstream refused nothing. ``mended``
    tells of the request that was made last."""

    service: Service
    request: ModelRequest
    route: Route[Provider]
    promise: Promise
    endpoint: Endpoint
    headers: tuple[tuple[bytes, bytes], ...]
    asks_stream: bool
    mended: Mended = NOT_MENDED

    def make_request(self, refused: frozenset[str]) -> UpstreamRequest:
        provider = self.route.provider
        known = self.service.refusals.fields(provider.name, self.route.upstream_model)
        amendment = amend(self.request.fields, refused | known, asks_stream=self.asks_stream)
        self.mended = self._told(amendment)
        body = self.request.upstream_body(
            UpstreamAsk(
                model=self.route.upstream_model,
                is_stream=amendment.asks_stream,
                asks_usage=not self.request.is_stream,
                asks_progress=self.promise.progress is not None,
                without=(*amendment.dropped, *amendment.unsent),
                renamed=amendment.renamed,
            )
        )
        headers = self.headers
        if amendment.is_turned:
            headers = _accepting(headers, asks_stream=amendment.asks_stream)
        url = provider.base_url + self.endpoint.upstream_path
        return UpstreamRequest("POST", url, headers, body)

    def make_relay(self, *, is_object: bool, begun_at_s: float) -> ReplyRelay:
        clock = asyncio.get_running_loop().time
        return self.endpoint.make_relay(
            self.promise, is_object=is_object, elapsed=lambda: clock() - begun_at_s
        )

    def refused(self, status: int, body: bytes) -> frozenset[str]:
        names = refused_fields(
            status, body, added=tuple(self._added()), sent=amendable(self.request.fields)
        )
        if (
            names
            or not self._may_turn()
            or not refuses_way(status, body, asked_stream=self.asks_stream)
        ):
            return frozenset(names)
        return frozenset((STREAM_REFUSED if self.asks_stream else WHOLE_REFUSED,))

    def learn(self, names: frozenset[str]) -> None:
        self.service.learn_refusal(self.route.provider.name, self.route.upstream_model, names)

    def _may_turn(self) -> bool:
        return self.endpoint.may_stream and self.route.provider.stream == "auto"

    def _added(self) -> Iterator[str]:
        """What stood in the request for the gateway's sake, or can be left out without changing
        the answer."""
        if self.asks_stream and self.promise.progress is not None:
            yield "return_progress"
        if self.asks_stream and (
            not self.request.is_stream or "stream_options" in self.request.fields
        ):
            yield "stream_options"

    def _told(self, amendment: Amendment) -> Mended:
        if not amendment.is_any:
            return NOT_MENDED
        return Mended(amendment.dropped, frozenset((FIELD_REFUSED.name,)))


def limits_of(
    service: Service, provider: Provider, *, is_stream: bool, has_progress: bool = False
) -> Limits:
    """The provider's timeouts, for one way to answer."""
    timeouts = provider.timeouts
    whole_keepalive_s = service.settings.nonstream_keepalive
    return service.shared_limits(
        Limits(
            first_byte_s=timeouts.first_byte,
            idle_s=timeouts.idle,
            write_stall_s=timeouts.write_stall,
            total_s=timeouts.total,
            keepalive_s=provider.keepalive if is_stream else whole_keepalive_s,
            linger_s=service.settings.linger_s,
            has_progress=has_progress,
        )
    )


def _promise(
    service: Service,
    request: ModelRequest,
    route: Route[Provider],
    dialect: Dialect,
    carrier: Carrier | None,
) -> Promise:
    settings, provider = service.settings, route.provider
    return Promise(
        id=service.new_id(),
        created=int(service.wall_clock()),
        model=route.shown_model,
        dialect=dialect,
        is_model_pinned=route.is_alias,
        is_stream=request.is_stream,
        includes_usage=request.includes_usage,
        choices=request.choices,
        tools=request.tools,
        progress=carrier if request.is_stream else None,
        reasoning_key=provider.reasoning_key,
        extra_fields=provider.extra_fields,
        after_error=settings.after_error,
        modes=provider.modes,
        max_reply_bytes=settings.max_reply_bytes,
    )


def _accepting(
    headers: tuple[tuple[bytes, bytes], ...], *, asks_stream: bool
) -> tuple[tuple[bytes, bytes], ...]:
    """The same headers for the other kind of reply. A provider's own ``accept`` stays."""
    before, after = (b"application/json", b"text/event-stream")
    if not asks_stream:
        before, after = after, before
    return tuple(
        (name, after if (name, value) == (b"accept", before) else value) for name, value in headers
    )
