"""A line in the log for each reply: numbers and names, never content."""

from __future__ import annotations

import logging
import re

from strictwire.model.observer import Observer, ReplyRecord

log = logging.getLogger("strictwire.replies")

# An upstream chooses its error codes, and may put anything there: a prompt, a key.
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")


_PROBES = frozenset(("/health", "/ready", "/metrics"))
# Who follows a request asks once a second, and is told by a 404 that it is over.
_LOOKS = frozenset(("/requests", "/requests/{id}"))


class LoggedReplies:
    """An ``Observer`` that logs, and passes on to another."""

    def __init__(self, inner: Observer) -> None:
        self._inner = inner

    def stream_opened(self, provider: str) -> None:
        self._inner.stream_opened(provider)

    def stream_closed(self, provider: str) -> None:
        self._inner.stream_closed(provider)

    def replied(self, record: ReplyRecord) -> None:
        self._inner.replied(record)
        level = _level(record)
        if not log.isEnabledFor(level):
            return
        parts = [
            f"{record.route} {record.status} {record.outcome} {record.duration_s * 1000:.0f} ms",
            f"request={record.request_id}",
        ]
        if record.provider:
            parts.append(f"provider={record.provider}")
        if record.error_code:
            is_code = _CODE.fullmatch(record.error_code)
            parts.append(f"code={record.error_code if is_code else 'other'}")
        if record.frames:
            parts.append(f"chunks={record.frames}")
        if record.first_token_s is not None:
            parts.append(f"first_token={record.first_token_s * 1000:.0f}ms")
        if record.repairs:
            parts.append(f"repairs={','.join(sorted(record.repairs))}")
        log.log(level, " ".join(parts))


def _level(record: ReplyRecord) -> int:
    """Probes and scrapes come every few seconds for ever; they matter when they fail."""
    if record.route in _LOOKS and record.status < 500:
        return logging.DEBUG
    if record.outcome == "error":
        return logging.WARNING
    return logging.DEBUG if record.route in _PROBES else logging.INFO
