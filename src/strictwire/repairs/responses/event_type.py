"""The rule for what kind of event a chunk of a Responses stream is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from strictwire.model.chunks import Chunk
from strictwire.repairs.rule import ChunkRule

# Other specifications' names for the same events. OpenAI's are those that clients know.
_OTHER_NAMES: Mapping[str, str] = {
    "response.reasoning.delta": "response.reasoning_text.delta",
    "response.reasoning.done": "response.reasoning_text.done",
    "response.reasoning_summary.delta": "response.reasoning_summary_text.delta",
    "response.reasoning_summary.done": "response.reasoning_summary_text.done",
    "response.text.delta": "response.output_text.delta",
    "response.text.done": "response.output_text.done",
}
_STATUS_EVENTS: Mapping[str, str] = {
    "completed": "response.completed",
    "incomplete": "response.incomplete",
    "failed": "response.failed",
    "cancelled": "response.cancelled",
    "queued": "response.queued",
    "in_progress": "response.in_progress",
}
# It stands in a line of its own, so what is no name must never get there.
_EVENT_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,127}")


@dataclass(slots=True)
class ResponsesEventType(ChunkRule):
    """Say in the data of each event what kind of event it is.

    Clients read the ``type`` in the data; where only the event's name says it, or a name of another
    specification, the answer stays empty. The data counts, then the name, then the response that
    stands in it. What is no event at all is dropped, since strict clients fail at it, and so are
    events that are none of this dialect (a server's keepalives and reports).
    """

    name = "responses.event-type"
    title = "An event does not say its type, or by another specification's name"
    quirks = (72, 73)
    evidence = "lab:responses-no-type"
    is_foundation = True

    def feed(self, item: Chunk) -> Iterable[Chunk]:
        value = item.value
        told = value.get("type")
        if _is_name(told):
            return self._typed(item, str(told))
        if value.keys() == {"prompt_progress"}:
            return (item,)
        self.fired = True
        if _is_name(item.event) and _is_own(item.event):
            named = _OTHER_NAMES.get(item.event, item.event)
            return (item.repaired({"type": named} | _untyped(value)),)
        response = value if value.get("object") == "response" else value.get("response")
        if isinstance(response, dict):
            kind = _STATUS_EVENTS.get(str(response.get("status")), "response.completed")
            return (item.repaired({"type": kind, "response": response}),)
        progress = value.get("prompt_progress")
        return (item.repaired({"prompt_progress": progress}),) if progress else ()

    def _typed(self, item: Chunk, told: str) -> Iterable[Chunk]:
        if told in _OTHER_NAMES:
            self.fired = True
            return (item.repaired(item.value | {"type": _OTHER_NAMES[told]}),)
        if _is_own(told):
            return (item,)
        self.fired = True
        return ()


def _is_own(kind: str) -> bool:
    """Whether an event is one of the dialect's, of today or of next year. Those named ``codex.``
    are OpenAI's own to that client: limits, for one."""
    return kind.startswith(("response.", "codex.")) or kind == "error"


def _is_name(told: Any) -> bool:
    return isinstance(told, str) and _EVENT_NAME.fullmatch(told) is not None


def _untyped(value: dict[str, Any]) -> dict[str, Any]:
    return {name: value[name] for name in value if name != "type"}
