"""Whether a child still gets on with its work, asked while it has some.

Contract: ``until_stuck`` returns when a child answered nothing for too long; else it goes on until
it is cancelled. What it asks is answered by llama.cpp's own loop, between two batches, and not by
an HTTP thread: a grammar with endless ways to go on, a driver that hangs and a process that
somebody stopped all look alike from here. A question that cannot be put says nothing: it may be us
who have no descriptors left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from strictwire.config.server_kinds import ENGINE_URL
from strictwire.model.errors import WireError
from strictwire.model.protocols import Upstream, UpstreamCall, UpstreamRequest

# Between two questions. Each costs the child less than a token.
EVERY_S = 5.0
# We may be the ones that were stopped: then all waits are over at once, ours too.
LAST_LOOK_S = 10.0

_URL = ENGINE_URL.removesuffix("/v1") + "/metrics"


async def until_stuck(upstream: Upstream, is_busy: Callable[[], bool], silent_s: float) -> None:
    """Return when the child has been silent for ``silent_s`` seconds while ``is_busy``."""
    while True:
        await asyncio.sleep(min(EVERY_S, silent_s))
        if not is_busy() or await _answers(upstream, silent_s):
            continue
        if not await _answers(upstream, min(LAST_LOOK_S, silent_s)):
            return


async def _answers(upstream: Upstream, within_s: float) -> bool:
    heard = _Heard()
    call: UpstreamCall | None = None
    try:
        async with asyncio.timeout(within_s):
            call = await upstream.send(UpstreamRequest("GET", _URL), heard)
            await heard.anything.wait()
    except TimeoutError:
        return False
    finally:
        if call is not None:
            call.cancel()
    return True


class _Heard:
    """The events of one question."""

    def __init__(self) -> None:
        self.anything = asyncio.Event()

    def on_queued(self, place: int) -> None:
        pass  # a child keeps no line

    def on_head(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self.anything.set()

    def on_body(self, data: bytes) -> None:
        pass

    def on_end(self) -> None:
        self.anything.set()

    def on_error(self, error: WireError) -> None:
        self.anything.set()
