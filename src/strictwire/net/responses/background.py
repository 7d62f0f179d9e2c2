"""Responses that are made without a client: begun, followed, cancelled, and kept at their end.

Contract: ``BackgroundRuns`` holds those of this process that are not over, bounded in number. A run
is the receiver of its exchange: it keeps the response object as it stands, and, if its client asked
for a stream, every event under the number that it was told. Ids and numbers are the run's own,
whatever its upstream calls itself, since they were told before that was asked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec

from strictwire.dialects.responses.errors import failure_of
from strictwire.model.errors import CallerError, PeerError, WireError
from strictwire.model.stored import StoredResponse
from strictwire.net.responses.event_reply import EventReply, told_error
from strictwire.net.responses.following import Tape
from strictwire.net.responses.turns import OVER, Turn
from strictwire.wire.sse import format_frame

# Each holds a connection to an upstream and its whole answer. More at once is no background work
# but a batch, and wants a queue of its own.
MAX_RUNS = 256

_DONE = "response.output_item.done"
_LAST = frozenset(("response.completed", "response.incomplete", "response.failed"))

_Keep = Callable[[StoredResponse], None]


class Run:
    """One response. ``keep`` is called once, at its end; ``on_over`` after it."""

    def __init__(
        self, value: dict[str, Any], turn: Turn, *, is_stream: bool, max_bytes: int, keep: _Keep
    ) -> None:
        self.id: str = value["id"]
        self.owner = turn.owner
        self.value = value
        self.tape = Tape()
        self.is_stream = is_stream
        self.reply = EventReply(self)
        self.on_over_call: Callable[[], None] = lambda: None
        self._turn = turn
        self._max_bytes = max_bytes
        self._keep = keep
        self._next_number = 0
        self._size_bytes = 0
        self._items: list[dict[str, Any]] = []
        self._tell({"type": "response.created", "response": value})
        self._tell({"type": "response.queued", "response": value})

    @property
    def is_over(self) -> bool:
        return self.value["status"] in OVER

    def snapshot(self, new_id: str = "") -> StoredResponse:
        """As it would be kept now."""
        kept = self._turn.kept(self.value, new_id or self.id)
        return replace(kept, events=b"".join(self.tape.frames)) if self.is_over else kept

    def cancel(self) -> None:
        if not self.is_over:
            self._end_with("cancelled", None)
            self.reply.leave()

    # ---- EventReceiver ----

    def on_event(self, name: str, data: bytes) -> None:
        if self.is_over or name == "response.created":
            return  # that was told by ourselves, before the upstream was asked
        self._size_bytes += len(data)
        if self._size_bytes > self._max_bytes:
            self._end_with("failed", _too_large(self._max_bytes))
            self.reply.leave()
            return
        event = msgspec.json.decode(data)
        if isinstance(event.get("response"), dict):
            told = {"id": self.id, "background": True}
            event["response"] = self.value = {**event["response"], **told}
        if name == _DONE and isinstance(event.get("item"), dict):
            self._items.append(event["item"])
        self._tell(event)
        if name in _LAST:
            self._end()

    def on_pulse(self) -> None:
        self.tape.pulse()

    def on_refused(self, status: int, body: bytes) -> None:
        self._end_with("failed", told_error(status, body))

    def on_over(self) -> None:
        if not self.is_over:
            problem = WireError("The reply ended before it was complete.", code="server_error")
            self._end_with("failed", problem)

    # ---- the end ----

    def _end_with(self, status: str, error: WireError | None) -> None:
        if self.is_over:
            return
        failure = failure_of(error) if error is not None else None
        self.value = {**self.value, "status": status, "error": failure, "output": self._items}
        # There is no event for a response that was cancelled; its status says that it was.
        self._tell({"type": "response.failed", "response": self.value})
        self._end()

    def _end(self) -> None:
        self.tape.end()
        self._keep(self.snapshot())
        self.on_over_call()

    def _tell(self, event: dict[str, Any]) -> None:
        if not self.is_stream:
            return
        numbered = {**event, "sequence_number": self._next_number}
        self._next_number += 1
        self.tape.add(format_frame(msgspec.json.encode(numbered), str(event["type"])))


class BackgroundRuns:
    """Those that are not over, by owner and id."""

    def __init__(self, max_runs: int = MAX_RUNS) -> None:
        self._max_runs = max_runs
        self._runs: dict[tuple[str, str], Run] = {}

    def __len__(self) -> int:
        return len(self._runs)

    def check_room(self) -> None:
        """Raises CallerError 429 where no more fit."""
        if len(self._runs) >= self._max_runs:
            raise CallerError(
                f"This gateway makes {self._max_runs} background responses already. Try again in "
                "30 s, or ask without 'background'.",
                status=429,
                type="rate_limit_error",
                param="background",
                code="too_many_background_responses",
                retry_after="30",
            )

    def add(self, run: Run) -> None:
        key = (run.owner, run.id)
        if run.is_over:
            return
        self._runs[key] = run
        run.on_over_call = lambda: self._forget(key)

    def get(self, response_id: str, owner: str) -> Run | None:
        return self._runs.get((owner, response_id))

    def _forget(self, key: tuple[str, str]) -> None:
        self._runs.pop(key, None)


def _too_large(limit_bytes: int) -> PeerError:
    return PeerError(
        f"The background response is larger than {limit_bytes} bytes (setting: max_reply_bytes).",
        code="upstream_reply_too_large",
    )
