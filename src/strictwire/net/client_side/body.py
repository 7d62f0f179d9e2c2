"""Reads a whole request body, bounded in size and time.

Only for bodies that are needed whole. Raises ``CallerError`` for what the client did wrong and
``ClientGone`` where there is nobody left to tell.
"""

from __future__ import annotations

import asyncio

from strictwire.model.errors import CallerError
from strictwire.net.client_side.asgi import Headers, Receive
from strictwire.net.client_side.push import ClientGone


async def read_body(
    receive: Receive, headers: Headers, *, max_bytes: int, timeout_s: float
) -> bytes:
    """The request's body. ``headers`` are the scope's: names in lower case.

    A declared length over ``max_bytes`` is refused before anything is read, so that a client
    which waits for ``100 Continue`` never sends it. The reply to a refusal has to close the
    connection, because the rest of the body is still on its way; ``ClientReply.start`` sees to it.
    """
    for name, value in headers:
        if name == b"content-length" and value.isdigit() and int(value) > max_bytes:
            raise _too_large(max_bytes)
    try:
        async with asyncio.timeout(timeout_s):
            return await _read(receive, max_bytes)
    except TimeoutError:
        raise CallerError(
            f"The request body did not arrive within {timeout_s:g} s.",
            status=408,
            code="request_body_timeout",
        ) from None


async def _read(receive: Receive, max_bytes: int) -> bytes:
    pieces: list[bytes] = []
    size_bytes = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone("the client went away before its request body was whole")
        piece = message.get("body", b"")
        size_bytes += len(piece)
        if size_bytes > max_bytes:
            raise _too_large(max_bytes)
        if piece:
            pieces.append(piece)
        if not message.get("more_body", False):
            return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _too_large(max_bytes: int) -> CallerError:
    return CallerError(
        f"The request body is larger than {max_bytes} bytes, the limit of the setting "
        "max_body_bytes.",
        status=413,
        code="request_too_large",
    )
