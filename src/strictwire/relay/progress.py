"""Prefill progress for a client that asked for it.

Contract: ``batch`` and ``tick`` return the bytes to send now. ``fraction`` counts the uncached
tokens and never goes back; ``done`` is said once, at 100 %; after ``stop`` there is nothing.
The elapsed time is a parameter: nothing here keeps time. Source: docs/contract.md, "Prefill
progress".
"""

from __future__ import annotations

import msgspec

from strictwire.model.events import Progressed
from strictwire.model.request import Carrier
from strictwire.wire.sse import format_comment, format_frame

EVENT_NAME = "prefill_progress"


class ProgressTeller:
    __slots__ = ("_carrier", "_fraction", "_is_done", "_is_stopped", "_past", "_total")

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier
        self._past: int | None = None
        self._total: int | None = None
        self._fraction: float | None = None
        self._is_done = False
        self._is_stopped = False

    def batch(self, told: Progressed, elapsed_s: float) -> bytes:
        """The engine reported a batch."""
        if self._is_stopped or self._is_done or told.total <= 0:
            return b""
        uncached = told.total - told.cached
        fraction = (told.processed - told.cached) / uncached if uncached > 0 else 1.0
        fraction = min(1.0, max(0.0, fraction, self._fraction or 0.0))
        self._past = max(told.processed, self._past or 0)
        self._total = told.total
        self._fraction = fraction
        self._is_done = fraction >= 1.0
        return self._say("done" if self._is_done else "processing", elapsed_s)

    def tick(self, elapsed_s: float) -> bytes:
        """Time went on and nothing else is known."""
        if self._is_stopped or self._is_done:
            return b""
        return self._say("processing", elapsed_s)

    def stop(self) -> None:
        """The first token came, or the reply ended."""
        self._is_stopped = True

    def _say(self, status: str, elapsed_s: float) -> bytes:
        text = msgspec.json.encode(
            {
                "status": status,
                "n_past": self._past,
                "n_prompt_tokens": self._total,
                "fraction": self._fraction if self._fraction is None else round(self._fraction, 4),
                "elapsed_seconds": int(elapsed_s),
            }
        )
        if self._carrier == "comment":
            return format_comment(f"{EVENT_NAME} {text.decode()}")
        return format_frame(text, EVENT_NAME)
