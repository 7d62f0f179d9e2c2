"""The rule for an error inside a Responses stream."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from strictwire.model.chunks import Chunk
from strictwire.repairs.error_shape import error_in, shape_error
from strictwire.repairs.rule import ChunkRule


@dataclass(slots=True)
class ResponsesErrorShape(ChunkRule):
    """Give an error inside a stream the shape of an ``error`` event.

    Servers send the envelope of an HTTP error, an event with the error nested in it, or a bare
    text. Clients that look for ``code`` and ``message`` find neither, and wait for an end that does
    not come. What the client gets is a ``response.failed``, made of this.
    """

    name = "responses.error-shape"
    title = "An error inside the stream has another shape"
    quirks = (78,)
    evidence = "lab:responses-error-envelope"
    is_foundation = True

    def feed(self, item: Chunk) -> Iterable[Chunk]:
        error = _error_in(item)
        if error is None:
            return (item,)
        value = item.value
        if value.get("type") == "error" and error is value and _is_flat(value):
            return (item,)
        self.fired = True
        shaped = shape_error(error)
        told = {
            "type": "error",
            "code": shaped["code"],
            "message": shaped["message"],
            "param": shaped["param"],
            "sequence_number": value.get("sequence_number"),
        }
        # What an HTTP error says beside it; an event has no place for it, so it is none of ours.
        if shaped["type"] not in ("error", "upstream_error"):
            told["kind"] = shaped["type"]
        if "status" in shaped:
            told["status"] = shaped["status"]
        return (item.repaired(told),)


def _is_flat(value: dict[str, Any]) -> bool:
    message, code = value.get("message"), value.get("code")
    return isinstance(message, str) and bool(message) and (code is None or isinstance(code, str))


def _error_in(item: Chunk) -> Any | None:
    value = item.value
    kind = value.get("type")
    is_event = isinstance(kind, str) and kind.startswith("response.")
    if is_event or item.event.startswith("response.") or value.get("object") == "response":
        return None  # its own field says how the response stands
    if value.get("error"):
        return value["error"]
    if kind == "error" or item.event == "error":
        return value
    return None if "prompt_progress" in value else error_in(value)
