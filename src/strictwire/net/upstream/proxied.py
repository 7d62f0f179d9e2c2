"""``ProxiedUpstream``: the same contract as ``HttpUpstream``, through an HTTP or SOCKS proxy.

httpx speaks to the proxy; one task per reply reads the body and calls ``UpstreamEvents``. That is
several times the cost of the direct way and meant for the few providers that have a ``proxy``.
Connecting happens in the task, so ``send`` never waits. Proxies named in the environment are not
used. Messages never name the proxy: its URL may hold a password.

A body in pieces is sent whole before the reply is looked at: httpx does it so.

What it does not do: retry a stale connection by hand (httpx drops closed ones before use), or keep
a released connection unless its body ends within the grace time, as ``HttpUpstream`` does.
"""

from __future__ import annotations

import asyncio
import logging

import httpx

from strictwire.model.errors import MisuseError, PeerError, WireError
from strictwire.model.protocols import UpstreamCall, UpstreamEvents, UpstreamRequest
from strictwire.net.upstream import failures
from strictwire.net.upstream.address import Origin, parse_address
from strictwire.net.upstream.connecting import TlsSettings, make_tls_context
from strictwire.net.upstream.content_decoder import ContentDecoder, ContentError, decoder_for
from strictwire.net.upstream.httpx_failures import named
from strictwire.net.upstream.pool import (
    DEFAULT_CONNECT_TIMEOUT_S,
    DEFAULT_GRACE_S,
    DEFAULT_IDLE_S,
    DEFAULT_MAX_IDLE,
)
from strictwire.net.upstream.request_head import check_headers

_LOGGER = logging.getLogger(__name__)

_BELIED_BY_DECODING = (b"content-encoding", b"content-length")


class ProxiedUpstream:
    """An ``Upstream`` through the proxy at ``proxy_url`` (``http`` or ``https``).
    A proxy URL that cannot be used is a ``MisuseError``."""

    def __init__(
        self,
        proxy_url: str,
        *,
        connect_timeout_s: float = DEFAULT_CONNECT_TIMEOUT_S,
        max_idle: int = DEFAULT_MAX_IDLE,
        idle_s: float = DEFAULT_IDLE_S,
        grace_s: float = DEFAULT_GRACE_S,
        tls: TlsSettings | None = None,
    ) -> None:
        self._grace_s = grace_s
        self._connect_timeout_s = connect_timeout_s
        self._calls: set[_ProxiedCall] = set()
        self._is_closed = False
        try:
            self._client = httpx.AsyncClient(
                proxy=proxy_url,
                trust_env=False,
                follow_redirects=False,
                verify=make_tls_context(tls or TlsSettings()),
                timeout=httpx.Timeout(None, connect=connect_timeout_s),
                limits=httpx.Limits(
                    max_connections=None,
                    max_keepalive_connections=max_idle,
                    keepalive_expiry=idle_s,
                ),
            )
        except (ImportError, ValueError, httpx.InvalidURL):
            # No cause is chained: its text may hold the proxy's URL.
            raise MisuseError("the proxy setting of a provider cannot be used") from None

    @property
    def call_count(self) -> int:
        """Calls under way, released ones included."""
        return len(self._calls)

    async def send(self, request: UpstreamRequest, events: UpstreamEvents) -> UpstreamCall:
        """Start a request; all that comes of it goes to ``events``."""
        if self._is_closed:
            raise MisuseError("a request was sent through an upstream that is closed")
        origin = parse_address(request.url).origin
        check_headers(request.headers)
        call = _ProxiedCall(self._client, events, origin, self._connect_timeout_s, self._grace_s)
        self._calls.add(call)
        call.start(request).add_done_callback(lambda _: self._calls.discard(call))
        return call

    async def close(self) -> None:
        """Close all connections; calls under way are told."""
        self._is_closed = True
        await asyncio.gather(*(call.shut_down() for call in tuple(self._calls)))
        await self._client.aclose()


class _ProxiedCall:
    """One request and the task that reads its reply."""

    __slots__ = (
        "_client",
        "_connect_timeout_s",
        "_events",
        "_grace_s",
        "_may_read",
        "_origin",
        "_phase",
        "_task",
        "_timer",
    )

    def __init__(
        self,
        client: httpx.AsyncClient,
        events: UpstreamEvents,
        origin: Origin,
        connect_timeout_s: float,
        grace_s: float,
    ) -> None:
        self._client = client
        self._events: UpstreamEvents | None = events
        self._origin = origin
        self._connect_timeout_s = connect_timeout_s
        self._grace_s = grace_s
        self._phase = failures.BEFORE_REPLY
        self._may_read = asyncio.Event()
        self._may_read.set()
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    # ---- the caller's side ----

    def pause(self) -> None:
        self._may_read.clear()

    def resume(self) -> None:
        self._may_read.set()

    def release(self) -> None:
        if self._events is None or self._task is None:
            return
        self._events = None
        self._may_read.set()
        if not self._task.done():
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._grace_s, self._task.cancel)

    def cancel(self) -> None:
        self._events = None
        # From within a callback the task runs now; it ends at its next await.
        if self._task is not None:
            self._task.cancel()

    # ---- the upstream's side ----

    def start(self, request: UpstreamRequest) -> asyncio.Task[None]:
        self._task = asyncio.get_running_loop().create_task(self._run(request))
        return self._task

    async def shut_down(self) -> None:
        assert self._task is not None
        self._fail(failures.shut_down())
        self._task.cancel()
        await asyncio.wait((self._task,))

    # ---- the task ----

    async def _run(self, request: UpstreamRequest) -> None:
        try:
            await self._relay(request)
        except WireError as error:  # of the body's pieces
            self._fail(error)
        except httpx.HTTPError as error:
            self._fail(named(error, self._origin.address, self._connect_timeout_s, self._phase))
        except ContentError as error:
            self._fail(failures.protocol_error(str(error)))
        except Exception:
            _LOGGER.exception("a reply through a proxy ended in a bug of the gateway")
            self._fail(PeerError("The reply of the upstream could not be relayed."))
        finally:
            if self._timer is not None:
                self._timer.cancel()

    async def _relay(self, request: UpstreamRequest) -> None:
        response = await self._client.send(_as_httpx(request), stream=True)
        try:
            self._phase = failures.IN_BODY
            decoder = decoder_for(_content_coding(response)) if request.undoes_coding else None
            if self._events is not None:
                self._events.on_head(response.status_code, _headers(response, decoder))
            async for piece in response.aiter_raw():
                await self._may_read.wait()
                data = piece if decoder is None else decoder.feed(piece)
                if data and self._events is not None:
                    self._events.on_body(data)
            if decoder is not None and not decoder.finish():
                raise ContentError("ended a compressed body too early")
        finally:
            await response.aclose()
        await self._may_read.wait()
        events, self._events = self._events, None
        if events is not None:
            events.on_end()

    def _fail(self, error: WireError) -> None:
        events, self._events = self._events, None
        if events is not None:
            events.on_error(error)


def _as_httpx(request: UpstreamRequest) -> httpx.Request:
    # Built without the client, so that none of its own default headers is added.
    headers = list(request.headers)
    if not any(name.lower() == b"accept-encoding" for name, _ in headers):
        headers.append((b"accept-encoding", b"identity"))
    if request.pieces is None:
        return httpx.Request(request.method, request.url, headers=headers, content=request.body)
    if request.length_bytes is not None:  # else it goes in chunks
        headers.append((b"content-length", b"%d" % request.length_bytes))
    return httpx.Request(request.method, request.url, headers=headers, content=request.pieces)


def _content_coding(response: httpx.Response) -> bytes:
    values = [value for name, value in response.headers.raw if name.lower() == b"content-encoding"]
    return b",".join(values)


def _headers(response: httpx.Response, decoder: ContentDecoder | None) -> list[tuple[bytes, bytes]]:
    headers = [(name.lower(), value) for name, value in response.headers.raw]
    if decoder is None:
        return headers
    return [header for header in headers if header[0] not in _BELIED_BY_DECODING]
