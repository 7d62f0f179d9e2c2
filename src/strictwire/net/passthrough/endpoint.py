"""The handler of every path that is passed through: look ahead, decide, pass."""

from __future__ import annotations

from strictwire.net.access import header
from strictwire.net.call import Call
from strictwire.net.passthrough.destination import destination_of
from strictwire.net.passthrough.headers import to_provider
from strictwire.net.passthrough.passage import Passage
from strictwire.net.passthrough.upload import Upload
from strictwire.net.service import Service

# A model stands near the begin of a body: before the prompt, before the file.
MAX_LOOKAHEAD_BYTES = 64 * 1024


async def pass_through(service: Service, call: Call) -> None:
    """Pass one request on, and its reply back. Returns when the reply is over.

    Raises CallerError for what the client did wrong before anything was passed on.
    """
    body = Upload(call.receive, service.settings.timeouts.request_body)
    head = await body.look_ahead(MAX_LOOKAHEAD_BYTES)
    destination = destination_of(service, call, head, is_whole=body.is_whole)
    declared = header(call.headers, b"content-length") or ""
    grown = len(destination.head) - len(head)
    length_bytes = int(declared) + grown if declared.isdigit() else None
    body.replace_head(destination.head)
    kind = service.kind_of(destination.provider)
    headers = to_provider(call, destination.provider, kind, destination.key)
    passage = Passage(service, call, destination, headers, body, length_bytes)
    service.add(passage)
    try:
        await passage.run()
    finally:
        service.discard(passage)
