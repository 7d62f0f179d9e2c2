"""The rule for an error inside a Messages stream."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from strictwire.model.chunks import Chunk
from strictwire.repairs.error_shape import error_in, shape_error
from strictwire.repairs.messages.event_type import EVENT_TYPES
from strictwire.repairs.rule import ChunkRule

# Reasons for the end that say that the reply is not whole. As "end_turn" each would be a fake
# success.
_FAILED_REASONS = frozenset(
    ("error", "network_error", "abort", "aborted", "cancelled", "canceled", "timeout")
)


@dataclass(slots=True)
class MessagesErrorShape(ChunkRule):
    """Give an error inside a stream Anthropic's shape.

    Servers send OpenAI's envelope, a bare text, a status with a message, or a stop reason that
    says "error", under a 200. Clients that look for ``event: error`` read none of these, and end
    with an answer that is cut short.
    """

    name = "messages.error-shape"
    title = "An error inside the stream has another shape"
    quirks = (82,)
    evidence = "lab:messages-error-in-stream"
    is_foundation = True

    def feed(self, item: Chunk) -> Iterable[Chunk]:
        error = _error_in(item)
        if error is None:
            return (item,)
        if item.value.get("type") == "error" and _is_strict(item.value.get("error")):
            return (item,)
        self.fired = True
        shaped = shape_error(error)
        if shaped["type"] == "error":
            # The envelope's own word, where there was no inner object.
            shaped["type"] = "upstream_error"
        return (item.repaired({"type": "error", "error": shaped}),)


def _is_strict(error: Any) -> bool:
    return isinstance(error, dict) and all(
        isinstance(error.get(name), str) and error[name] for name in ("type", "message")
    )


def _error_in(item: Chunk) -> Any | None:
    value = item.value
    kind = value.get("type")
    is_named = kind == "error" or item.event == "error"
    if value.get("error"):
        return value["error"]
    if is_named:
        return error_in(value, is_named_error=True)
    if kind == "message_delta":
        delta = value.get("delta")
        reason = delta.get("stop_reason") if isinstance(delta, dict) else None
        if isinstance(reason, str) and reason.lower() in _FAILED_REASONS:
            return f"The upstream ended the reply with '{reason}'."
    is_event = isinstance(kind, str) and kind in EVENT_TYPES
    if is_event or item.event in EVENT_TYPES or "prompt_progress" in value:
        return None
    return error_in(value)
