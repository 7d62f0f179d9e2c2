"""Frame rules: what stands in a ``data:`` line where a chunk should."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import msgspec

from strictwire.model.frames import Frame
from strictwire.repairs.rule import FrameRule

DONE = b"[DONE]"


@dataclass(slots=True)
class DoneSpelling(FrameRule):
    """Spell the terminal ``[DONE]``.

    Clients compare it to the letter; another spelling is parsed as JSON and fails the turn, or
    the stream seems never to end.
    """

    name = "sse.done-spelling"
    title = "The terminal is spelled another way"
    quirks = (11,)
    evidence = "lab:done-without-brackets"

    def frame(self, item: Frame) -> Iterable[Frame]:
        data = item.data
        if len(data) < 16 and data != DONE and data.strip(b'[]" \t').upper() == b"DONE":
            self.fired = True
            item = replace(item, data=DONE, event="", raw=b"")
        return (item,)


@dataclass(slots=True)
class CommentAsData(FrameRule):
    """Drop a comment that a proxy wrapped as data.

    ``data: : PROCESSING`` is a keepalive that went through a relay which reads lines, not events.
    Strict clients parse it as JSON and throw.
    """

    name = "sse.comment-as-data"
    title = "A comment came as data"
    quirks = (7,)
    evidence = "lab:comment-as-data"

    def frame(self, item: Frame) -> Iterable[Frame]:
        if not item.data.startswith(b":"):
            return (item,)
        self.fired = True
        return ()


@dataclass(slots=True)
class ForeignEvent(FrameRule):
    """Drop a frame whose data is no JSON object.

    Heartbeats as ``data: ping``, ``data: null`` and empty data hold no part of a reply, and most
    clients crash on them. A frame that begins like an object is never dropped: it may hold text.
    """

    name = "sse.foreign-event"
    title = "A frame is no chunk and no JSON object"
    quirks = (19,)
    evidence = "lab:foreign-events"

    def frame(self, item: Frame) -> Iterable[Frame]:
        if item.data == DONE or item.data.lstrip()[:1] == b"{":
            return (item,)
        self.fired = True
        if item.event == "error" and item.data.strip():
            words = item.data.decode("utf-8", "replace").strip()
            return (replace(item, data=msgspec.json.encode({"error": words}), raw=b""),)
        return ()
