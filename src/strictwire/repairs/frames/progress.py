"""Frame rules for prefill progress that servers tell beside their chunks.

Each becomes a frame of ``prompt_progress`` as llama.cpp names it, which the chunk rules know and
which never goes out as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from strictwire.model.frames import Comment, Decoded, Frame
from strictwire.repairs.rule import FrameRule

# Counts of tokens: nobody's prompt has more digits.
_KEEPALIVE = re.compile(rb"\s*keepalive\s{1,8}(\d{1,12})\s{0,8}/\s{0,8}(\d{1,12})\s*")
_EVENT = "prefill_progress"
# A report is a hundred bytes; what is larger is not looked at.
MAX_REPORT_BYTES = 4096


def _report(processed: int, total: int) -> Frame:
    progress = {"total": total, "cache": 0, "processed": processed}
    return Frame(msgspec.json.encode({"prompt_progress": progress}))


@dataclass(slots=True)
class CommentProgress(FrameRule):
    """Read progress that is told in a comment.

    mlx-lm tells how much of the prompt is read in its keepalives, ``: keepalive 512/2048``. Other
    comments mean nothing to a client and go no further; strictwire makes its own keepalives.
    """

    name = "sse.comment-progress"
    title = "Prefill progress is told in a comment"
    quirks = (88,)
    evidence = "lab:comment-progress"

    def comment(self, item: Comment) -> Iterable[Decoded]:
        match = _KEEPALIVE.fullmatch(item.text) if len(item.text) < MAX_REPORT_BYTES else None
        if match is None:
            return ()
        self.fired = True
        return (_report(int(match.group(1)), int(match.group(2))),)


@dataclass(slots=True)
class ProgressEvent(FrameRule):
    """Read progress that is told in an event of its own.

    SwiftLM sends ``event: prefill_progress`` between its chunks. SDKs read the data of every
    event, whatever its name, and crash on one without choices. Before the counts are known they
    are null; such a report tells nothing and is dropped. Counted only where nobody had asked for
    it.
    """

    name = "sse.progress-event"
    title = "Prefill progress comes as an event of its own"
    quirks = (95,)
    evidence = "lab:progress-event"

    def frame(self, item: Frame) -> Iterable[Frame]:
        is_named = item.event == _EVENT
        if not is_named and (
            b'"n_prompt_tokens"' not in item.data or len(item.data) > MAX_REPORT_BYTES
        ):
            return (item,)
        told = _object(item.data)
        if told is None or "choices" in told or "error" in told:
            return (item,)
        past, total = told.get("n_past"), told.get("n_prompt_tokens")
        if not is_named and ("n_past" not in told or "status" not in told):
            return (item,)
        # What was asked for is no quirk of the server.
        self.fired = self.fired or not self.promise.asks_progress
        if type(past) is not int or type(total) is not int:
            return ()
        return (_report(past, total),)


def _object(data: bytes) -> dict[str, Any] | None:
    try:
        told = msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    return told if isinstance(told, dict) else None
