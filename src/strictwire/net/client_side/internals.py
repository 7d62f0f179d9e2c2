"""Says whether uvicorn still has the internals that ``PushProtocol`` rests on.

Checked at every start, on a real protocol and a real cycle: the version range in the project's
metadata says what was tested, this says what is there. Names only; that they still mean the same
is what the tests of the protocol are for.
"""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

_PROTOCOL_METHODS = frozenset(
    [
        "connection_made",
        "connection_lost",
        "eof_received",
        "data_received",
        "pause_writing",
        "resume_writing",
        "on_message_begin",
        "on_url",
        "on_header",
        "on_headers_complete",
        "on_body",
        "on_message_complete",
        "on_response_complete",
        "_start_asgi_task",
        "_unset_keepalive_if_required",
        "_should_upgrade",
        "_get_upgrade",
        "handle_websocket_upgrade",
        "shutdown",
        "timeout_keep_alive_handler",
    ]
)
_PROTOCOL_ATTRIBUTES = frozenset(
    [
        "config",
        "loop",
        "parser",
        "transport",
        "flow",
        "headers",
        "scope",
        "cycle",
        "pipeline",
        "server_state",
        "connections",
        "tasks",
        "timeout_keep_alive_task",
        "ws_protocol_class",
    ]
)
_CYCLE_ATTRIBUTES = frozenset(
    [
        "scope",
        "receive",
        "message_event",
        "default_headers",
        "on_response",
        "disconnected",
        "keep_alive",
        "waiting_for_100_continue",
        "body",
        "more_body",
        "response_started",
        "response_complete",
        "chunked_encoding",
    ]
)


def check_internals(protocol_class: Any = None, cycle_class: Any = None) -> str | None:
    """None where all is there, else one line that says what is missing.

    The classes are uvicorn's own unless others are given.
    """
    try:
        from uvicorn.config import Config
        from uvicorn.protocols.http import flow_control, httptools_impl
        from uvicorn.server import ServerState

        protocol_class = protocol_class or httptools_impl.HttpToolsProtocol
        cycle_class = cycle_class or httptools_impl.RequestResponseCycle
        config = Config(_no_application, log_config=None, ws="none", lifespan="off")
        loop: Any = object()  # only kept by the protocol, never called
        protocol = protocol_class(config, ServerState(), {}, loop)
        parameters = inspect.signature(cycle_class).parameters
        cycle = cycle_class(**dict.fromkeys(parameters))
        flow_control.service_unavailable  # noqa: B018 - that it is there
    except (ImportError, AttributeError, TypeError) as error:
        return f"uvicorn's HTTP protocol has changed: {error}"
    missing = sorted(
        {f"HttpToolsProtocol.{name}" for name in _PROTOCOL_METHODS if not _has(protocol, name)}
        | {f"HttpToolsProtocol.{name}" for name in _PROTOCOL_ATTRIBUTES if not _has(protocol, name)}
        | {f"RequestResponseCycle.{name}" for name in _CYCLE_ATTRIBUTES if not _has(cycle, name)}
    )
    return f"uvicorn has no {', '.join(missing)}" if missing else None


def _has(instance: object, name: str) -> bool:
    return hasattr(instance, name)


async def _no_application(scope: Any, receive: Any, send: Any) -> None:
    """Never called."""
    await asyncio.sleep(0)
