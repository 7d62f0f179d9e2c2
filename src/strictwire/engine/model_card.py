"""What a running child tells of its model: the facts, and the replies that outlive it.

Contract: ``look`` asks ``/v1/models`` and ``/props`` once. The replies are kept as they came, so
that an unloaded engine can repeat them without waking its model.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from strictwire.config.server_kinds import ENGINE_URL
from strictwire.engine.plan import EngineFacts
from strictwire.model.errors import PeerError, WireError
from strictwire.model.protocols import Upstream, UpstreamCall, UpstreamEvents, UpstreamRequest
from strictwire.routing.model_facts import facts_of_props

# A chat template of the largest kind has some 20 kB, and /props repeats it at most twice.
MAX_REPLY_BYTES = 1024 * 1024
# It has loaded its model by then and has nothing else to do.
LOOK_TIMEOUT_S = 10.0

_ROOT = ENGINE_URL.removesuffix("/v1")
_MODELS = "/v1/models"
_PROPS = "/props"
# The paths under which clients may ask for each.
_PATHS: Mapping[str, str] = {_MODELS: _MODELS, "/models": _MODELS, _PROPS: _PROPS}

# What the model must be able to do for a path. llama.cpp would answer with 501, which invites to
# try the same again, and name a flag that nobody has here.
_NEEDS: Mapping[str, str] = {
    "/embeddings": "embeddings",
    "/chat/completions": "chat",
    "/completions": "completions",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole reply."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes = field(repr=False)

    def tell(self, events: UpstreamEvents) -> None:
        events.on_head(self.status, list(self.headers))
        events.on_body(self.body)
        events.on_end()


@dataclass(frozen=True, slots=True)
class ModelCard:
    """``facts`` for people and ``GET /v1/models``; ``replies`` by the path of the child's."""

    facts: EngineFacts
    replies: Mapping[str, Reply]

    def reply_to(self, request: UpstreamRequest) -> Reply | None:
        """What the child would answer, where that is kept."""
        if request.method != "GET":
            return None
        return self.replies.get(_PATHS.get(urlsplit(request.url).path, ""))

    def lacks(self, request: UpstreamRequest) -> str:
        """The capability that the request needs and the model has not got; "" if it has."""
        path = urlsplit(request.url).path.rstrip("/")
        if request.method != "POST":
            return ""
        for ending, capability in _NEEDS.items():
            if path.endswith(ending):
                return "" if capability in self.facts.capabilities else capability
        return ""


async def look(upstream: Upstream, *, is_embedder: bool) -> ModelCard:
    """Ask a child that has just begun to serve. Raises ``WireError``."""
    models = await _ask(upstream, _MODELS)
    props = await _ask(upstream, _PROPS)
    try:
        facts = _facts_of(json.loads(models.body), json.loads(props.body), is_embedder)
    except (ValueError, LookupError, TypeError, AttributeError) as problem:
        raise PeerError("It told its model in a shape that is not known here.") from problem
    return ModelCard(facts, {_MODELS: models, _PROPS: props})


def _facts_of(models: Any, props: Any, is_embedder: bool) -> EngineFacts:
    meta = models["data"][0]["meta"]
    writes = facts_of_props(props)
    if not writes.context_length:
        raise ValueError("no context length")
    return EngineFacts(
        context=writes.context_length,
        trained_context=meta["n_ctx_train"],
        parameters=meta["n_params"],
        size_bytes=meta["size"],
        capabilities=frozenset(("embeddings",) if is_embedder else writes.capabilities),
    )


async def _ask(upstream: Upstream, path: str) -> Reply:
    gathered = _Gathered()
    call: UpstreamCall | None = None
    try:
        async with asyncio.timeout(LOOK_TIMEOUT_S):
            call = await upstream.send(UpstreamRequest("GET", _ROOT + path), gathered)
            await gathered.over.wait()
    except TimeoutError:
        raise PeerError(f"It did not answer within {LOOK_TIMEOUT_S:g} s.") from None
    finally:
        if call is not None:
            call.cancel()  # after a whole reply this does nothing
    if gathered.error is not None:
        raise gathered.error
    return Reply(gathered.status, gathered.headers, bytes(gathered.body))


class _Gathered:
    """The events of one question."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = bytearray()
        self.error: WireError | None = None
        self.over = asyncio.Event()

    def on_queued(self, place: int) -> None:
        pass  # a child keeps no line

    def on_head(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self.status, self.headers = status, headers

    def on_body(self, data: bytes) -> None:
        self.body += data
        if len(self.body) > MAX_REPLY_BYTES:
            self.body.clear()
            self.error = PeerError("It told more of its model than is kept here.")
            self.over.set()

    def on_end(self) -> None:
        self.over.set()

    def on_error(self, error: WireError) -> None:
        self.error = error
        self.over.set()
