"""Finds out what the servers are of which the settings do not say: ``kind: auto``.

Contract: beside the requests, never in their way. ``KindFinder.begin`` starts a task for a server
that asks for its list of models, and for ``/props`` if that left it open; what was found is told to
``learn``. A server that cannot be reached is asked again after a pause, a few times; one that
answered and did not give itself away is let be, since replies and refusals teach as well. No
failure here is one of anybody's request. What counts as a sign is said in ``routing.kinds``.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from strictwire.config import SERVER_KINDS, Provider
from strictwire.model.errors import WireError
from strictwire.model.protocols import Upstream, UpstreamRequest
from strictwire.net.provider_headers import own_headers
from strictwire.net.upstream import fetch
from strictwire.net.upstream.fetching import Fetched
from strictwire.routing import Found, kind_of_headers, kind_of_models, kind_of_props

log = logging.getLogger("strictwire.net")

# Nobody waits for it, and a server that is loading a model must not be kept from it for long.
TIMEOUT_S = 5.0
# A list of some thousand models; the page that tells most is a few kilobytes.
MAX_BYTES = 4 * 1024 * 1024
# A server that is started after the gateway is found within a minute; one that is down for days
# is not asked for ever, since its first reply will tell.
FIRST_PAUSE_S = 15.0
MAX_PAUSE_S = 600.0
MAX_TRIES = 12

Learn = Callable[[Found], None]
IsKnown = Callable[[], bool]
Pause = Callable[[float], Awaitable[None]]


async def detect(provider: Provider, upstream: Upstream) -> Found | None:
    """What the server is, None where it did not say. Raises WireError where it was not reached."""
    listed = await _get(provider, upstream, provider.base_url + "/models")
    found = kind_of_models(listed.headers, listed.body if listed.status == 200 else b"")
    if found is not None:
        return found
    # Of llama.cpp, and beside its API's root.
    props = await _get(provider, upstream, provider.root_url + "/props")
    return kind_of_headers(props.headers) or (
        kind_of_props(props.body) if props.status == 200 else None
    )


async def _get(provider: Provider, upstream: Upstream, url: str) -> Fetched:
    headers = own_headers(provider, SERVER_KINDS["auto"])
    request = UpstreamRequest("GET", url, headers)
    return await fetch(upstream, request, timeout_s=TIMEOUT_S, max_bytes=MAX_BYTES)


async def keep_asking(
    provider: Provider,
    upstream: Upstream,
    learn: Learn,
    is_known: IsKnown,
    pause: Pause = asyncio.sleep,
) -> None:
    """Until the server was reached, or is known by what came meanwhile. Raises nothing."""
    pause_s = FIRST_PAUSE_S
    try:
        for _ in range(MAX_TRIES):
            if is_known():
                return
            try:
                found = await detect(provider, upstream)
            except WireError:
                await pause(pause_s)
                pause_s = min(2 * pause_s, MAX_PAUSE_S)
                continue
            if found is not None:
                learn(found)
            return
    except Exception:
        log.exception("provider %s: its kind was not found out", provider.name)


class KindFinder:
    """The tasks of one service."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(
        self, provider: Provider, upstream: Upstream, learn: Learn, is_known: IsKnown
    ) -> None:
        asking = keep_asking(provider, upstream, learn, is_known)
        task = asyncio.get_running_loop().create_task(asking)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
