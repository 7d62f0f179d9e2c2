"""Errors inside a response, in every shape, and events whose frames lack a name or a type.

None of the errors may end as a success. What came before a late error must still reach the client.
"""

from __future__ import annotations

from collections.abc import Callable

from strictwire.lab.ask import Ask
from strictwire.lab.scenarios.answer import Answer
from strictwire.lab.scenarios.responses.changes import row
from strictwire.lab.scenarios.responses.strict import (
    DONE,
    event_frame,
    response_head,
    strict_events,
)
from strictwire.lab.scenarios.scenario import Builder, ExpectedError, always
from strictwire.lab.script import Json, Reply, error_value, json_reply, to_json

# Two pieces of text come before each late error; with what announces them, six events.
PIECES_BEFORE = 2
_EVENTS_BEFORE = 4 + PIECES_BEFORE
_MEMORY = "The model ran out of memory."
_CONTEXT = "Your input exceeds the context window of this model."
_RATE_LIMIT = "Rate limit reached for lab on tokens per min. Please try again in 2s."


def _frames_by(frame: Callable[[Json], bytes]) -> Builder:
    return lambda answer, ask: Reply((*map(frame, strict_events(answer, ask)), DONE))


def _without_type(event: Json) -> bytes:
    told = {name: value for name, value in event.items() if name != "type"}
    return f"event: {event['type']}\n".encode() + b"data: " + to_json(told) + b"\n\n"


def _without_name(event: Json) -> bytes:
    return b"data: " + to_json(event) + b"\n\n"


def _late(tail: Callable[[int], bytes]) -> Builder:
    """Two pieces of text, then an error that is given its number."""

    def build(answer: Answer, ask: Ask) -> Reply:
        events = strict_events(answer, ask)[:_EVENTS_BEFORE]
        return Reply((*map(event_frame, events), tail(len(events))))

    return build


def _failed(code: str, message: str, *, is_early: bool) -> Builder:
    """``response.failed``, as the format has it."""

    def build(answer: Answer, ask: Ask) -> Reply:
        events = strict_events(answer, ask)[: 2 if is_early else _EVENTS_BEFORE]
        response = response_head(ask, "failed")
        response["error"] = {"code": code, "message": message}
        told = {"type": "response.failed", "sequence_number": len(events), "response": response}
        return Reply((*map(event_frame, (*events, told)), DONE))

    return build


def _whole_failed(code: str, message: str) -> Builder:
    def build(answer: Answer, ask: Ask) -> Reply:
        response = response_head(ask, "failed")
        return json_reply({**response, "error": {"code": code, "message": message}})

    return build


def _error_event(number: int) -> bytes:
    error = {"code": "server_error", "message": _MEMORY, "param": None}
    return event_frame({"type": "error", "sequence_number": number, **error})


def _nested_error(number: int) -> bytes:
    error = {"type": "server_error", "code": "server_error", "message": _MEMORY, "param": None}
    return event_frame({"type": "error", "sequence_number": number, "error": error})


def _envelope(number: int) -> bytes:
    told = error_value(_MEMORY, type="server_error", code="server_error")
    return b"data: " + to_json(told) + b"\n\n"


_WHOLE_ERROR = always(
    json_reply(error_value(_MEMORY, type="server_error", code="server_error"), status=500)
)
_LATE = ExpectedError(code="server_error", is_early=False)
_SHAPE = ("responses.error-shape",)

ROWS = (
    row(
        "responses-no-type",
        "No type in the data, only the event's name",
        rules=("responses.event-type",),
        quirks=(72, 73),
        stream=_frames_by(_without_type),
    ),
    row(
        "responses-no-event-names",
        "No event: lines",
        faults=("responses.event-unnamed",),
        quirks=(89,),
        stream=_frames_by(_without_name),
    ),
    row(
        "responses-error-envelope",
        "Some text, then the error object of an HTTP reply",
        rules=_SHAPE,
        quirks=(78,),
        stream=_late(_envelope),
        whole=_WHOLE_ERROR,
        failure=_LATE,
        whole_failure=ExpectedError(500, "server_error"),
        pieces_before_failure=PIECES_BEFORE,
    ),
    row(
        "responses-error-event",
        "Some text, then an error event, as the format has it",
        faults=("responses.error-event",),
        quirks=(78,),
        stream=_late(_error_event),
        whole=_WHOLE_ERROR,
        failure=_LATE,
        whole_failure=ExpectedError(500, "server_error"),
        pieces_before_failure=PIECES_BEFORE,
    ),
    row(
        "responses-error-nested",
        "Some text, then an error event with the error inside",
        rules=_SHAPE,
        quirks=(78,),
        stream=_late(_nested_error),
        whole=_WHOLE_ERROR,
        failure=_LATE,
        whole_failure=ExpectedError(500, "server_error"),
        pieces_before_failure=PIECES_BEFORE,
    ),
    row(
        "responses-failed",
        "Some text, then response.failed",
        stream=_failed("server_error", _MEMORY, is_early=False),
        whole=_whole_failed("server_error", _MEMORY),
        failure=_LATE,
        whole_failure=ExpectedError(502, "server_error"),
        pieces_before_failure=PIECES_BEFORE,
    ),
    row(
        "responses-failed-context",
        "response.failed before any text: the prompt is longer than the context",
        stream=_failed("context_length_exceeded", _CONTEXT, is_early=True),
        whole=_whole_failed("context_length_exceeded", _CONTEXT),
        failure=ExpectedError(400, "context_length_exceeded"),
        whole_failure=ExpectedError(400, "context_length_exceeded"),
    ),
    row(
        "responses-failed-rate-limit",
        "response.failed before any text: try again in 2s",
        stream=_failed("rate_limit_exceeded", _RATE_LIMIT, is_early=True),
        whole=_whole_failed("rate_limit_exceeded", _RATE_LIMIT),
        failure=ExpectedError(429, "rate_limit_exceeded"),
        whole_failure=ExpectedError(429, "rate_limit_exceeded"),
    ),
)
