"""One whole response object to the loose chunks that stand for it.

Contract: the object is its own terminal event; the life unfolds it. What is broken in it stays so,
for the same repairs see both kinds of reply. What is no response (an error under a 200, somebody
else's object) comes as it is, and the rules know it by its fields.
"""

from __future__ import annotations

from typing import Any

from strictwire.model.chunks import Chunk

_TERMINAL_OF_STATUS = {
    "incomplete": "response.incomplete",
    "failed": "response.failed",
    "cancelled": "response.cancelled",
    "queued": "response.queued",
    "in_progress": "response.in_progress",
}


def chunks_of_reply(value: dict[str, Any]) -> list[Chunk]:
    """The chunks of a whole reply; a response that is not over has no terminal."""
    if not isinstance(value.get("output"), list) and value.get("object") != "response":
        return [Chunk(value)]
    status = value.get("status")
    kind = _TERMINAL_OF_STATUS.get(status, "") if isinstance(status, str) else ""
    return [Chunk({"type": kind or "response.completed", "response": value})]
