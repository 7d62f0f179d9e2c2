"""The rule for what kind of event a chunk is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from strictwire.model.chunks import Chunk
from strictwire.repairs.rule import ChunkRule

EVENT_TYPES = frozenset(
    (
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
        "ping",
        "error",
    )
)
# By what it holds, where neither the data nor the event's name says what it is. In order: the
# first field that is there decides.
_BY_FIELD = (
    ("message", "message_start"),
    ("content_block", "content_block_start"),
    ("error", "error"),
)
_DELTA_BY_FIELD = (
    ("text", "text_delta"),
    ("thinking", "thinking_delta"),
    ("signature", "signature_delta"),
    ("partial_json", "input_json_delta"),
    ("citation", "citations_delta"),
)


@dataclass(slots=True)
class MessagesEventType(ChunkRule):
    """Say what kind an event is, both in its data and in its name.

    Anthropic's SDKs skip an event without a name, and read by the ``type`` in the data: where
    either is missing the answer stays empty. The data counts, then the name, then what it holds.
    An event of another kind is somebody else's and is dropped: strict clients fail at it.
    """

    name = "messages.event-type"
    title = "An event has no name, its data no type, or it is none of this dialect"
    quirks = (79,)
    evidence = "lab:messages-no-type"
    is_foundation = True

    def feed(self, item: Chunk) -> Iterable[Chunk]:
        value = item.value
        if "prompt_progress" in value:
            return (item,)
        kind = value.get("type")
        if not isinstance(kind, str) or not kind:
            kind = item.event if item.event in EVENT_TYPES else _kind_of(value)
        if kind not in EVENT_TYPES:
            self.fired = True
            return ()
        mended = {} if kind == value.get("type") else {"type": kind}
        if kind == "content_block_delta":
            mended |= _typed_delta(value.get("delta"))
        # The name is written anew for each event, so the data alone decides what passes.
        self.fired = self.fired or bool(mended) or item.event != kind
        return (item.repaired(value | mended) if mended else item,)


def _kind_of(value: dict[str, Any]) -> str:
    for field, kind in _BY_FIELD:
        if isinstance(value.get(field), dict):
            return kind
    delta = value.get("delta")
    if isinstance(delta, dict):
        is_end = "stop_reason" in delta or "usage" in value
        return "message_delta" if is_end else "content_block_delta"
    return "content_block_stop" if value.keys() == {"index"} else ""


def _typed_delta(delta: Any) -> dict[str, Any]:
    """The delta with its own type, where it has none; nothing where it is in order."""
    if not isinstance(delta, dict) or isinstance(delta.get("type"), str):
        return {}
    for field, kind in _DELTA_BY_FIELD:
        if field in delta:
            return {"delta": delta | {"type": kind}}
    return {}
