"""The body of a request that asks a model, within the bounds that the settings give."""

from __future__ import annotations

from strictwire.net.call import Call
from strictwire.net.client_side import read_body
from strictwire.net.service import Service


async def body_of(service: Service, call: Call) -> bytes:
    """All of it. Raises CallerError for one that is too large or too slow, ClientGone."""
    return await read_body(
        call.receive,
        call.headers,
        max_bytes=service.settings.max_body_bytes,
        timeout_s=service.settings.timeouts.request_body,
    )
