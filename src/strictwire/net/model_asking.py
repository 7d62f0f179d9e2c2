"""The request of one exchange, however often it must be sent, and the relay for its reply.

Contract: that of ``plan.Asking``. ``make_request`` says how the upstream is asked, in which dialect
and without what; ``refused`` reads a refusal, and ``learn`` keeps what it taught; ``make_relay`` is
for the kind of reply that came. Its exchange lets it go when the upstream begins to answer, so that
an open stream does not hold its request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from strictwire.config import Provider, ServerKind
from strictwire.dialects.model_request import ModelRequest, UpstreamAsk
from strictwire.model.protocols import ReplyRelay, UpstreamRequest
from strictwire.model.request import Dialect, Promise, UpstreamDialect
from strictwire.net import passing_headers
from strictwire.net.client_side.asgi import Headers
from strictwire.net.engine_fields import ENGINE_FIELDS
from strictwire.net.plan import NOT_MENDED, Mended
from strictwire.net.service import Service
from strictwire.net.upstream_headers import accepting, in_dialect
from strictwire.net.way import Way, way_in
from strictwire.repairs.requests import FIELD_REFUSED
from strictwire.routing import (
    STREAM_REFUSED,
    WHOLE_REFUSED,
    Amendment,
    Route,
    amend,
    amendable,
    as_sent,
    dialect_refusal,
    dialects_listed,
    dialects_refused,
    joins_fields,
    kind_of_headers,
    kind_of_refusal,
    lacks_endpoint,
    refused_fields,
    refuses_way,
    upstream_dialect,
)

# Where each dialect's requests go, under a provider's base URL; Ollama's own API is beside it.
PATHS: Mapping[UpstreamDialect, str] = {
    "chat": "/chat/completions",
    "completions": "/completions",
    "responses": "/responses",
    "messages": "/messages",
    "ollama": "/api/chat",
}
# Counted as repairs: fields that the upstream's dialect has no place for, and requests that went in
# another dialect because the client's is not to be had there.
UNTELLABLE = "request.untellable"
DIALECT_MISSING = "request.dialect-missing"
_NO_FIELDS: frozenset[str] = frozenset()
# Their replies always tell usage, so an upstream that tells it on demand is asked for it.
_ALWAYS_TELLS_USAGE = frozenset(("responses", "messages"))


class MakeRelay(Protocol):
    """The relay for a reply. ``is_object`` says how the upstream answered, ``elapsed`` gives the
    seconds since the request began."""

    def __call__(
        self, promise: Promise, *, is_object: bool, elapsed: Callable[[], float]
    ) -> ReplyRelay: ...


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What becomes of an endpoint's requests. ``own_path``: they always go there as they are, since
    they are no conversation, and no reply to them is a stream."""

    make_relay: MakeRelay
    dialect: Dialect = "chat"
    own_path: str = ""


@dataclass(slots=True)
class ModelAsking:
    """``kind`` is what was known of the server when the request began. ``asks_stream`` is how a
    reply is asked for where the upstream refused nothing. ``told`` are the client's headers for a
    server of its own dialect. ``mended`` tells of the request that was made last, ``way`` is that
    request. ``unlearned`` was refused of this request, and says nothing of others."""

    service: Service
    request: ModelRequest
    route: Route[Provider]
    promise: Promise
    endpoint: Endpoint
    kind: ServerKind
    headers: tuple[tuple[bytes, bytes], ...]
    told: Headers
    asks_stream: bool
    is_from_page: bool = False
    mended: Mended = NOT_MENDED
    unlearned: frozenset[str] = _NO_FIELDS
    way: Way = field(init=False)

    def __post_init__(self) -> None:
        self.way = Way(self.endpoint.dialect, self.request)

    # ---- the request ----

    def make_request(self, refused: frozenset[str]) -> UpstreamRequest:
        provider = self.route.provider
        self.way = way = self._way(self._dialect(refused))
        known = self.service.refusals.fields(provider.name, self.route.upstream_model, way.dialect)
        amendment = amend(
            way.request.fields,
            refused | known | set(self.kind.unsent),
            asks_stream=self.asks_stream,
            dialect=way.dialect,
        )
        self.mended = self._told(way, amendment)
        headers = in_dialect(
            self.headers,
            way.dialect,
            told=self.told if way.dialect == self.endpoint.dialect else [],
            asks_progress=self.promise.asks_progress,
        )
        if amendment.is_turned:
            headers = accepting(headers, asks_stream=amendment.asks_stream)
        path = self.endpoint.own_path or PATHS[way.dialect]
        root = provider.root_url if way.dialect == "ollama" else provider.base_url
        body = self._body(way, amendment)
        return UpstreamRequest("POST", root + path, headers, body, places=way.request.places)

    def _body(self, way: Way, amendment: Amendment) -> bytes:
        return way.request.upstream_body(
            UpstreamAsk(
                model=self.route.upstream_model,
                is_stream=amendment.asks_stream,
                asks_usage=self._asks_usage,
                asks_progress=self.promise.asks_progress,
                asks_plain=self.kind.pads_streams,
                without=(*amendment.dropped, *amendment.unsent, *self._engines),
                renamed=amendment.renamed,
            )
        )

    def _dialect(self, refused: frozenset[str]) -> UpstreamDialect:
        """That of the upstream, as far as is known by now."""
        own = self.endpoint.dialect
        if self.endpoint.own_path:
            return own
        provider = self.route.provider
        missing = self.service.refusals.missing(provider.name) | dialects_refused(refused)
        listed = dialects_listed(provider.listed_dialects, self.kind.dialects, missing)
        return upstream_dialect(own, listed, missing)

    def _way(self, dialect: UpstreamDialect) -> Way:
        if dialect == self.way.dialect:
            return self.way
        return way_in(dialect, self.request, self.endpoint.dialect)

    @property
    def _engines(self) -> frozenset[str]:
        """The client's fields that an engine is not sent."""
        return ENGINE_FIELDS if self.route.provider.is_engine else _NO_FIELDS

    @property
    def _asks_usage(self) -> bool:
        """Whether usage is wanted of an upstream that tells it on demand, without the client's
        word: every reply tells it that is an object, or in a dialect that always does."""
        return not self.request.is_stream or self.endpoint.dialect in _ALWAYS_TELLS_USAGE

    def _told(self, way: Way, amendment: Amendment) -> Mended:
        refused = as_sent(amendment.dropped, self.request.fields)
        dropped = [name for name in way.dropped if name not in self._engines]
        is_forced = bool(self.route.provider.listed_dialects or self.kind.dialects)
        repairs = {
            FIELD_REFUSED.name: amendment.is_any,
            UNTELLABLE: bool(dropped),
            DIALECT_MISSING: way.dialect != self.endpoint.dialect and not is_forced,
        }
        fired = frozenset(name for name, is_due in repairs.items() if is_due)
        if not fired:
            return NOT_MENDED
        return Mended(tuple(dict.fromkeys((*dropped, *refused))), fired)

    # ---- the reply ----

    def make_relay(self, *, is_object: bool, begun_at_s: float) -> ReplyRelay:
        clock = asyncio.get_running_loop().time
        promise, way = self.promise, self.way
        if way.dialect != promise.dialect:
            # The upstream calls tools by the names that it was told.
            promise = replace(
                promise, upstream=way.dialect, folded=way.folded, tools=way.request.tools
            )
        return self.endpoint.make_relay(
            promise, is_object=is_object, elapsed=lambda: clock() - begun_at_s
        )

    def passed(self, headers: Headers) -> Headers:
        own = self.endpoint.dialect
        self.service.notice(self.route.provider, kind_of_headers(headers))
        passed = passing_headers.to_client(headers, own, is_native=self.way.dialect == own)
        return passed + passing_headers.exposed(passed) if self.is_from_page else passed

    # ---- refusals ----

    def refused(self, status: int, body: bytes) -> frozenset[str]:
        way = self.way
        self.service.notice(self.route.provider, kind_of_refusal(status, body))
        if self._may_cross() and lacks_endpoint(status, body, self.route.upstream_model):
            return frozenset((dialect_refusal(way.dialect),))
        names = refused_fields(
            status,
            body,
            added=tuple(self._added()),
            sent=amendable(way.request.fields, way.dialect),
        )
        if (
            names
            or not self._may_turn()
            or not refuses_way(status, body, asked_stream=self.asks_stream)
        ):
            return frozenset(names)
        turned = frozenset((STREAM_REFUSED if self.asks_stream else WHOLE_REFUSED,))
        if joins_fields(status, body, way.request.fields, asked_stream=self.asks_stream):
            self.unlearned |= turned
        return turned

    def learn(self, names: frozenset[str]) -> None:
        provider, model = self.route.provider.name, self.route.upstream_model
        missing = dialects_refused(names)
        for dialect in missing:
            self.service.learn_missing(provider, dialect)
        fields = names - self.unlearned - {dialect_refusal(dialect) for dialect in missing}
        self.service.learn_refusal(provider, model, fields, self.way.dialect)

    def _may_cross(self) -> bool:
        """Whether the request can still be asked in another dialect: that is tried once."""
        own = self.endpoint.dialect
        if self.endpoint.own_path or self.way.dialect != own:
            return False
        is_listed = bool(self.route.provider.listed_dialects)
        return not is_listed and upstream_dialect(own, (), {own}) != own

    def _may_turn(self) -> bool:
        return not self.endpoint.own_path and self.route.provider.stream == "auto"

    def _added(self) -> Iterator[str]:
        """What stood in the request for the gateway's sake, or can be left out without changing
        the answer."""
        if not self.asks_stream:
            return
        request = self.way.request
        if self.promise.asks_progress and request.takes_progress:
            yield "return_progress"
        is_unpadded = self.kind.pads_streams and request.may_unpad()
        if is_unpadded:
            yield "include_obfuscation"
        is_ours = request.takes_options and self._asks_usage
        if is_ours or is_unpadded or "stream_options" in request.fields:
            yield "stream_options"
