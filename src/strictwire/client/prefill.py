"""Prefill progress as strictwire tells it: in comments, or in events of their own.

Contract: bytes in, ``Progress`` out, until the reply begins; then it is dropped. What engines tell
inside their chunks, or in comments of their own, is read by the relay's rules, which pass over
these. Source: docs/contract.md, "Prefill progress".
"""

from __future__ import annotations

from typing import Any

import msgspec

from strictwire.client.events import Progress, ProgressStatus
from strictwire.model.errors import PeerError
from strictwire.model.events import Progressed
from strictwire.model.frames import Comment, Decoded, Frame
from strictwire.wire.sse import SseDecoder

HEADER = "x-strictwire-prefill-progress"
# Comments are the carrier that every server and proxy between lets through, and none reads.
CARRIER = "comment"

_NAME = "prefill_progress"
_PREFIX = f"{_NAME} ".encode()
# A report is a hundred bytes; what is larger is not looked at.
_MAX_REPORT_BYTES = 4096
_STATUSES: dict[str, ProgressStatus] = {
    "queued": "queued",
    "processing": "processing",
    "done": "done",
}


class PrefillListener:
    """Hears the reports in the bytes of one reply. ``has_heard``: this server tells them so."""

    def __init__(self) -> None:
        self._decoder = SseDecoder()
        self.has_heard = False

    def feed(self, data: bytes) -> list[Progress]:
        try:
            decoded = self._decoder.feed(data)
        except PeerError:  # whoever reads the reply itself says so
            return []
        reports = [report for item in decoded if (report := _report_in(item)) is not None]
        self.has_heard = self.has_heard or bool(reports)
        return reports


def _report_in(item: Decoded) -> Progress | None:
    if isinstance(item, Comment) and item.text.startswith(_PREFIX):
        data = item.text[len(_PREFIX) :]
    elif isinstance(item, Frame) and item.event == _NAME:
        data = item.data
    else:
        return None
    try:
        told = msgspec.json.decode(data) if len(data) <= _MAX_REPORT_BYTES else None
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    if not isinstance(told, dict):
        return None
    status = _STATUSES.get(str(told.get("status")))
    fraction, place = told.get("fraction"), _count(told.get("place"))
    return status and Progress(
        status,
        processed=_count(told.get("n_past")),
        total=_count(told.get("n_prompt_tokens")),
        fraction=_fraction(fraction) if isinstance(fraction, (int, float)) else None,
        place=place if place and place > 0 else None,
    )


def progress_of(told: Progressed, before: Progress | None) -> Progress:
    """An engine's own report. The fraction counts uncached tokens, and never goes back."""
    fraction = max(told.fraction, (before.fraction or 0.0) if before else 0.0)
    status: ProgressStatus = "done" if fraction >= 1.0 else "processing"
    return Progress(status, told.processed, told.total, fraction)


def _count(value: Any) -> int | None:
    return value if type(value) is int else None


def _fraction(value: float) -> float:
    return min(1.0, max(0.0, float(value)))
