"""Errors of a messages server: before the reply and inside it; frames without a name or a type.

Sources: Anthropic API reference, "Errors" and "Streaming messages", error events.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from strictwire.lab.ask import Ask
from strictwire.lab.scenarios.answer import Answer
from strictwire.lab.scenarios.messages.changes import row
from strictwire.lab.scenarios.messages.strict import event_frame, strict_events
from strictwire.lab.scenarios.scenario import Builder, ExpectedError, Scenario, always
from strictwire.lab.script import Json, Reply, error_value, json_reply, to_json

# Two pieces of text come before each late error; with what announces them, five events.
PIECES_BEFORE = 2
_EVENTS_BEFORE = 3 + PIECES_BEFORE
_REQUEST_ID = "req_lab"


def messages_error(kind: str, message: str) -> Json:
    """Anthropic's error object, the same before a reply and as an event."""
    error = {"type": kind, "message": message}
    return {"type": "error", "error": error, "request_id": _REQUEST_ID}


@dataclass(frozen=True, slots=True)
class _Fault:
    """One thing that goes wrong before the reply; ``retry_after`` in seconds, or ""."""

    name: str
    status: int
    kind: str
    message: str
    retry_after: str = ""


_FAULTS = (
    _Fault(
        "context",
        400,
        "invalid_request_error",
        "prompt is too long: 208310 tokens > 200000 maximum",
    ),
    _Fault("401", 401, "authentication_error", "invalid x-api-key"),
    _Fault("404", 404, "not_found_error", "model: lab"),
    _Fault("413", 413, "request_too_large", "Request exceeds the maximum size"),
    _Fault(
        "429",
        429,
        "rate_limit_error",
        "This request would exceed your rate limit. Please try again in 7s.",
        "7",
    ),
    _Fault("500", 500, "api_error", "Internal server error"),
    _Fault("529", 529, "overloaded_error", "Overloaded"),
)


def _early(fault: _Fault) -> Scenario:
    headers = (("retry-after", fault.retry_after),) if fault.retry_after else ()
    told = messages_error(fault.kind, fault.message)
    reply = json_reply(told, status=fault.status, headers=headers)
    failure = ExpectedError(fault.status, retry_after=fault.retry_after or None)
    return row(
        f"messages-error-{fault.name}",
        f"{fault.status} {fault.kind}, in Anthropic's shape",
        stream=always(reply),
        whole=always(reply),
        failure=failure,
        whole_failure=failure,
        is_early_error=True,
    )


def _frames_by(frame: Callable[[Json], bytes]) -> Builder:
    return lambda answer, ask: Reply(tuple(map(frame, strict_events(answer, ask))))


def _without_type(event: Json) -> bytes:
    told = {name: value for name, value in event.items() if name != "type"}
    return f"event: {event['type']}\n".encode() + b"data: " + to_json(told) + b"\n\n"


def _without_name(event: Json) -> bytes:
    return b"data: " + to_json(event) + b"\n\n"


def _late(tail: bytes) -> Builder:
    """Two pieces of text, then an error."""

    def build(answer: Answer, ask: Ask) -> Reply:
        events = strict_events(answer, ask)[:_EVENTS_BEFORE]
        return Reply((*map(event_frame, events), tail))

    return build


_API_ERROR = messages_error("api_error", "Internal server error")
_OVERLOADED = messages_error("overloaded_error", "Overloaded")
_MEMORY = error_value("The model ran out of memory.", type="server_error", code="out_of_memory")

ROWS = (
    *map(_early, _FAULTS),
    row(
        "messages-no-type",
        "No type in the data of a message, only the event's name",
        rules=("messages.event-type",),
        quirks=(72, 79),
        stream=_frames_by(_without_type),
    ),
    row(
        "messages-no-event-names",
        "No event: lines in a message",
        rules=("messages.event-type",),
        quirks=(72, 79),
        stream=_frames_by(_without_name),
    ),
    row(
        "messages-error-in-stream",
        "Some text of a message, then an error event with a bare text",
        rules=("messages.error-shape",),
        quirks=(82,),
        stream=_late(event_frame({"type": "error", "error": "Internal server error"})),
        whole=always(json_reply(_API_ERROR, status=500)),
        failure=ExpectedError(is_early=False),
        whole_failure=ExpectedError(500),
        pieces_before_failure=PIECES_BEFORE,
    ),
    row(
        "messages-error-event",
        "Some text of a message, then an error event, as the format has it",
        quirks=(82,),
        stream=_late(event_frame(_API_ERROR)),
        whole=always(json_reply(_API_ERROR, status=500)),
        failure=ExpectedError(is_early=False),
        whole_failure=ExpectedError(500),
        pieces_before_failure=PIECES_BEFORE,
    ),
    row(
        "messages-overloaded",
        "200, then an error event before anything else: overloaded",
        quirks=(82,),
        stream=always(Reply((event_frame(_OVERLOADED),))),
        whole=always(json_reply(_OVERLOADED, status=529)),
        failure=ExpectedError(529),
        whole_failure=ExpectedError(529),
    ),
    row(
        "messages-error-envelope",
        "Some text, then an error in OpenAI's shape",
        rules=("messages.event-type", "messages.error-shape"),
        faults=("messages.error-type",),
        quirks=(78, 82),
        stream=_late(b"data: " + to_json(_MEMORY) + b"\n\n"),
        whole=always(json_reply(_MEMORY, status=500)),
        failure=ExpectedError(code="out_of_memory", is_early=False),
        whole_failure=ExpectedError(500, "out_of_memory"),
        pieces_before_failure=PIECES_BEFORE,
    ),
)
