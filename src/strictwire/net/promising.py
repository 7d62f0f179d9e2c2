"""What a client is promised, and how long each phase may take: from its request, its route and
the settings."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from strictwire.config import Provider
from strictwire.dialects.estimate import estimate_tokens
from strictwire.dialects.model_request import ModelRequest
from strictwire.model.request import Carrier, Dialect, Promise
from strictwire.net.deadlines import Limits
from strictwire.net.service import Service
from strictwire.repairs.chat.envelope import ProgressFrame
from strictwire.routing import Route

_NOTHING: Mapping[str, Any] = {}
# Held once: each empty set of its own would be 216 bytes of every open stream.
_NO_TOOLS: frozenset[str] = frozenset()


def promise_of(
    service: Service,
    request: ModelRequest,
    route: Route[Provider],
    dialect: Dialect,
    carrier: Carrier | None,
) -> Promise:
    """The promise to a client of ``dialect``, before it is known how the upstream is asked."""
    settings, provider = service.settings, route.provider
    kind = service.kind_of(provider)
    progress = carrier if request.is_stream else None
    modes = _modes(kind.modes, provider.repairs) if kind.modes else provider.modes
    # Where nothing takes reports out of the chunks, none are asked for that nobody wants.
    asks_progress = kind.asks_progress and modes.get(ProgressFrame.name) != "off"
    return Promise(
        id=service.new_id(),
        created=int(service.wall_clock()),
        model=route.shown_model,
        dialect=dialect,
        is_model_pinned=route.is_alias,
        is_stream=request.is_stream,
        includes_usage=request.includes_usage,
        choices=request.choices,
        prompts=request.prompts,
        tools=request.tools or _NO_TOOLS,
        progress=progress,
        asks_progress=progress is not None or asks_progress,
        reasoning_key=provider.reasoning_key,
        extra_fields=provider.extra_fields,
        after_error=settings.after_error,
        modes=modes,
        max_reply_bytes=settings.max_reply_bytes,
        echo=getattr(request, "echo", _NOTHING),
        # The first event of a Messages stream tells it, before most upstreams have.
        prompt_tokens=estimate_tokens(request) if dialect == "messages" else None,
        responses_done=settings.responses_done,
        counts_reasoning=kind.streams_tokens,
    )


@functools.cache  # as many as there are providers of kinds that switch rules
def _modes(
    of_kind: tuple[tuple[str, str], ...], of_provider: tuple[tuple[str, str], ...]
) -> Mapping[str, str]:
    return dict((*of_kind, *of_provider))


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
