"""What one process of the gateway holds while it serves: settings, upstreams, open exchanges.

Contract: made inside the event loop by ``open``, shared by all handlers, closed by ``close``.
Upstreams are made once per provider. Nothing here belongs to one request.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Protocol

from strictwire.config import SERVER_KINDS, KindName, Provider, ServerKind, Settings
from strictwire.model.errors import WireError
from strictwire.model.observer import Observer, OpenRequest
from strictwire.model.protocols import Upstream
from strictwire.model.request import Dialect, UpstreamDialect
from strictwire.net.deadlines import Limits
from strictwire.net.detecting import KindFinder
from strictwire.net.exchange import Exchange, shutting_down
from strictwire.net.responses.background import BackgroundRuns
from strictwire.net.responses.shelf import Shelf, empty_shelf
from strictwire.routing import Found, Offer, Refusals, Route, choose, kind_of_url

log = logging.getLogger("strictwire.net")


class OpenReply(Protocol):
    """A reply under way: an exchange, or a passage."""

    def fail(self, error: WireError) -> None: ...


class Service:
    """``detects``: servers of which the settings do not say what they are are asked, once
    ``begin_detecting`` is called."""

    def __init__(
        self,
        settings: Settings,
        upstreams: Mapping[str, Upstream],
        observer: Observer,
        *,
        new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
        wall_clock: Callable[[], float] = time.time,
        shelf: Shelf | None = None,
        on_close: Callable[[], Awaitable[None]] | None = None,
        detects: bool = False,
    ) -> None:
        self.settings = settings
        self.observer = observer
        self.new_id = new_id
        self.wall_clock = wall_clock
        self.refusals = Refusals()
        self.shelf = shelf or empty_shelf(wall_clock)
        self.runs = BackgroundRuns()
        self.is_draining = False
        self._upstreams = upstreams
        self._on_close = on_close
        self._exchanges: set[OpenReply] = set()
        self._by_id: dict[tuple[str, str], Exchange] = {}  # by owner and id
        self._none_open = asyncio.Event()
        self._none_open.set()
        self._turn = 0
        self._limits: dict[Limits, Limits] = {}
        self._kinds: dict[str, KindName] = {}  # found out, by provider
        self._detects = detects
        self._finder = KindFinder()
        for provider in settings.providers:
            self.notice(provider, kind_of_url(provider.base_url))

    @property
    def open_exchanges(self) -> int:
        return len(self._exchanges)

    def upstream_of(self, provider: str) -> Upstream:
        return self._upstreams[provider]

    def route(self, model: str, offer: Offer[Provider] | None = None) -> Route[Provider]:
        """Where a request for this model goes, of all providers or of those in ``offer``. Raises
        CallerError 404."""
        return choose(offer or self.settings, model, turn=self.next_turn())

    def kind_of(self, provider: Provider) -> ServerKind:
        """What is known of this kind of server: as the settings say, or as was found out."""
        if provider.kind != "auto":
            return provider.server_kind
        return SERVER_KINDS[self._kinds.get(provider.name, "auto")]

    def learn_kind(self, provider: str, kind: KindName) -> None:
        self._kinds[provider] = kind

    def notice(self, provider: Provider, found: Found | None) -> None:
        """A sign of what a server is. It counts where the settings leave that open; the last one
        wins, since another server may have taken the place. A host's name is never outdone: it
        says where the key goes."""
        if found is None or provider.kind != "auto":
            return
        if self._kinds.get(provider.name) == found.kind or (
            provider.name in self._kinds and kind_of_url(provider.base_url) is not None
        ):
            return
        self.learn_kind(provider.name, found.kind)
        log.info("provider %s: found %s (%s)", provider.name, found.kind, found.sign)

    def begin_detecting(self) -> None:
        """Ask, beside the requests, the servers of which nothing is known."""
        if not self._detects:
            return
        for provider in self.settings.providers:
            if provider.kind == "auto" and provider.name not in self._kinds:
                self._finder.begin(
                    provider,
                    self._upstreams[provider.name],
                    functools.partial(self.notice, provider),
                    functools.partial(self._kinds.__contains__, provider.name),
                )

    def next_turn(self) -> int:
        """Counts requests, so that a provider's keys are used in turn."""
        self._turn += 1
        return self._turn

    def learn_refusal(
        self, provider: str, model: str, names: frozenset[str], dialect: UpstreamDialect = "chat"
    ) -> None:
        for name in sorted(names):
            self.refusals = self.refusals.learned(provider, model, name, dialect)

    def learn_missing(self, provider: str, dialect: Dialect) -> None:
        self.refusals = self.refusals.learned_missing(provider, dialect)

    def shared_limits(self, limits: Limits) -> Limits:
        """The same limits, held once: there are as many kinds as providers and ways to ask."""
        return self._limits.setdefault(limits, limits)

    def add(self, exchange: OpenReply) -> None:
        self._exchanges.add(exchange)
        self._none_open.clear()
        if isinstance(exchange, Exchange):
            self._by_id[exchange.owner, exchange.request_id] = exchange

    def discard(self, exchange: OpenReply) -> None:
        self._exchanges.discard(exchange)
        if not self._exchanges:
            self._none_open.set()
        if isinstance(exchange, Exchange):
            key = (exchange.owner, exchange.request_id)
            if self._by_id.get(key) is exchange:
                del self._by_id[key]

    def open_request(self, owner: str, request_id: str) -> OpenRequest | None:
        """One request that is not over, if it is this owner's. Of several with one id, which
        clients may choose, it is the one that came last."""
        exchange = self._by_id.get((owner, request_id))
        return exchange.look() if exchange is not None else None

    def open_requests(self, owner: str | None = None) -> Iterator[OpenRequest]:
        """All of this process that ask a model and are not over, of one owner or of everybody."""
        for exchange in list(self._exchanges):
            if isinstance(exchange, Exchange) and owner in (None, exchange.owner):
                yield exchange.look()

    async def drain(self, timeout_s: float) -> None:
        """Let open replies finish, then fail what is left in-band (failure rule 7)."""
        self.is_draining = True
        try:
            async with asyncio.timeout(timeout_s):
                await self._none_open.wait()
        except TimeoutError:
            for exchange in list(self._exchanges):
                exchange.fail(shutting_down())

    async def close(self) -> None:
        for exchange in list(self._exchanges):
            exchange.fail(shutting_down())
        await self._finder.close()
        await self.shelf.close()
        for upstream in self._upstreams.values():
            await upstream.close()
        if self._on_close is not None:
            await self._on_close()
