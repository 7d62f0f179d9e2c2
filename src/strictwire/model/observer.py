"""What ``net`` tells about requests and replies, to whoever counts: numbers and names, never
content."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol, get_args

from strictwire.model.events import Progressed

Outcome = Literal["ok", "error", "client_gone"]
# Where an open request stands: the first three as in reports of prefill progress, then its answer.
RequestStatus = Literal["queued", "processing", "done", "answering"]
REQUEST_STATUSES: tuple[RequestStatus, ...] = get_args(RequestStatus)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRequest:
    """One look at a request that a model is asked. ``model`` is what its reply calls it.
    ``created`` is in seconds since the epoch. ``place`` in the upstream's line is 0 where it stands
    in none that is known; ``progressed`` is None where the upstream told nothing of its prompt."""

    id: str
    provider: str
    model: str
    is_stream: bool
    created: int
    status: RequestStatus
    elapsed_s: float
    place: int = 0
    progressed: Progressed | None = None


@dataclass(frozen=True, slots=True)
class ReplyRecord:
    """One reply that is over. ``route`` is a template ("/v1/models/{id}"), ``provider`` empty
    where none was asked. ``first_token_s`` counts from the request's last byte. ``cached_tokens``
    and ``read_tokens`` are those of the prompt that the upstream found ready and that it read, as
    far as it told."""

    route: str
    provider: str
    status: int
    outcome: Outcome
    is_stream: bool = False
    duration_s: float = 0.0
    first_token_s: float | None = None
    frames: int = 0
    body_bytes: int = 0
    cached_tokens: int = 0
    read_tokens: int = 0
    repairs: frozenset[str] = field(default_factory=frozenset)
    error_code: str | None = None
    request_id: str = ""


class Observer(Protocol):
    """Told by the one task of a process that serves; never from other threads."""

    def stream_opened(self, provider: str) -> None: ...

    def stream_closed(self, provider: str) -> None: ...

    def replied(self, record: ReplyRecord) -> None: ...
