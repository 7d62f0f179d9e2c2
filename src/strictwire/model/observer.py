"""What ``net`` tells about replies, to whoever counts: numbers and names, never content."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol

Outcome = Literal["ok", "error", "client_gone"]


@dataclass(frozen=True, slots=True)
class ReplyRecord:
    """One reply that is over. ``route`` is a template ("/v1/models/{id}"), ``provider`` empty
    where none was asked. ``first_token_s`` counts from the request's last byte."""

    route: str
    provider: str
    status: int
    outcome: Outcome
    is_stream: bool = False
    duration_s: float = 0.0
    first_token_s: float | None = None
    frames: int = 0
    body_bytes: int = 0
    repairs: frozenset[str] = field(default_factory=frozenset)
    error_code: str | None = None
    request_id: str = ""


class Observer(Protocol):
    """Told by the one task of a process that serves; never from other threads."""

    def stream_opened(self, provider: str) -> None: ...

    def stream_closed(self, provider: str) -> None: ...

    def replied(self, record: ReplyRecord) -> None: ...
