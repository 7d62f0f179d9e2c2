"""Errors: before the reply, inside it, in every shape, and replies that break off.

None of them may end as a success. What came before a late error must still reach the client.
"""

from __future__ import annotations

from collections.abc import Callable

from strictwire.lab.ask import Ask
from strictwire.lab.scenarios.answer import Answer, tell_call
from strictwire.lab.scenarios.scenario import (
    Builder,
    ExpectedError,
    Scenario,
    always,
)
from strictwire.lab.scenarios.strict import (
    DONE,
    Json,
    choice,
    chunk,
    frame,
    strict_chunks,
    strict_frames,
    whole_object,
)
from strictwire.lab.script import (
    JSON_TYPE,
    Ending,
    Reply,
    Silence,
    error_value,
    json_reply,
    to_json,
)

# Two pieces of text come before each late error; with the role, three frames.
PIECES_BEFORE = 2
_FRAMES_BEFORE = 1 + PIECES_BEFORE

_MEMORY = error_value("The model ran out of memory.", type="server_error", code="out_of_memory")
_HTML = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
    b"<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n"
)
_EARLY = ExpectedError()
_LATE = ExpectedError(is_early=False)


def _early(
    name: str, title: str, reply: Reply, *, code: str | None = None, quirks: tuple[int, ...] = ()
) -> Scenario:
    """An HTTP error before anything else, to streams and whole replies alike."""
    failure = ExpectedError(reply.status, code, retry_after=dict(reply.headers).get("retry-after"))
    return Scenario(
        name=name,
        title=title,
        quirks=quirks,
        stream=always(reply),
        whole=always(reply),
        failure=failure,
        whole_failure=failure,
    )


def _broken_off(
    tail: Callable[[Ask], tuple[bytes | Silence, ...]], ending: Ending = Ending.CLEAN
) -> Builder:
    """The role and two pieces of text, then something else."""

    def build(answer: Answer, ask: Ask) -> Reply:
        before = strict_frames(strict_chunks(answer, ask))[:_FRAMES_BEFORE]
        return Reply((*before, *tail(ask)), ending=ending)

    return build


def _half_object(ending: Ending) -> Builder:
    """A whole reply of which only the first half comes."""

    def build(answer: Answer, ask: Ask) -> Reply:
        body = to_json(whole_object(answer, ask))
        pieces = (body[: len(body) // 2], Silence(1))
        return Reply(pieces, content_type=JSON_TYPE, ending=ending)

    return build


def _half_chunk(ask: Ask) -> bytes:
    told = to_json(chunk(ask, [choice({"content": "cut in the middle"})]))
    return b"data: " + told[: len(told) // 2]


def _malformed_then_healthy(answer: Answer, ask: Ask) -> Reply:
    frames = strict_frames(strict_chunks(answer, ask))
    bad = b"".join((_half_chunk(ask), b"\n\n"))
    return Reply((*frames[:_FRAMES_BEFORE], bad, *frames[_FRAMES_BEFORE:]))


def _error_finish(ask: Ask) -> tuple[bytes, ...]:
    broken: Json = {"error": {"code": 502, "message": "The provider went away."}}
    said = chunk(ask, [choice({"content": ""}, finish="error")], **broken)
    return (frame(said), DONE)


def _bare_error_finish(ask: Ask) -> tuple[bytes, ...]:
    return (frame(chunk(ask, [choice({}, finish="error")])), DONE)


def _whole_error_finish(answer: Answer, ask: Ask) -> Reply:
    whole = whole_object(answer, ask)
    whole["choices"][0]["finish_reason"] = "error"
    return json_reply(whole)


_EARLY_ROWS = (
    _early(
        "error-401",
        "401, a wrong key",
        json_reply(
            error_value(
                "Incorrect API key provided.", type="invalid_request_error", code="invalid_api_key"
            ),
            status=401,
        ),
        code="invalid_api_key",
    ),
    _early(
        "error-404-model",
        "404, no such model",
        json_reply(
            error_value(
                "The model does not exist.",
                type="invalid_request_error",
                param="model",
                code="model_not_found",
            ),
            status=404,
        ),
        code="model_not_found",
    ),
    _early(
        "error-429",
        "429 with retry-after",
        json_reply(
            error_value(
                "Rate limit reached. Please try again in 7s.",
                type="rate_limit_error",
                code="rate_limit_exceeded",
            ),
            status=429,
            headers=(("retry-after", "7"),),
        ),
        code="rate_limit_exceeded",
    ),
    _early(
        "error-500",
        "500 with a number as its code",
        json_reply(error_value("Something went wrong.", type="server_error", code=500), status=500),
        quirks=(87, 90),
    ),
    _early(
        "error-503",
        "503 while the model loads",
        json_reply(
            error_value("Loading model", type="unavailable_error", code=503),
            status=503,
            headers=(("retry-after", "2"),),
        ),
        quirks=(87,),
    ),
    _early(
        "error-context",
        "400, the prompt is longer than the context",
        json_reply(
            error_value(
                "This model's maximum context length is 4096 tokens, but 5000 were given.",
                type="invalid_request_error",
                param="messages",
                code="context_length_exceeded",
            ),
            status=400,
        ),
        code="context_length_exceeded",
    ),
    _early(
        "error-html",
        "502 with an HTML page",
        Reply((_HTML,), status=502, content_type="text/html"),
        quirks=(71,),
    ),
    _early(
        "error-text",
        "500 with plain text",
        Reply((b"Internal Server Error",), status=500, content_type="text/plain; charset=utf-8"),
        quirks=(89,),
    ),
    _early(
        "error-empty",
        "500 with an empty body",
        Reply((), status=500, content_type=None),
    ),
    _early(
        "error-detail",
        '422 with {"detail": [...]}',
        json_reply(
            {"detail": [{"type": "missing", "loc": ["body", "messages"], "msg": "Field required"}]},
            status=422,
        ),
        quirks=(67, 89),
    ),
    _early(
        "error-message",
        '400 with {"message": ...}',
        json_reply({"message": "temperature is too high"}, status=400),
        quirks=(67,),
    ),
    _early(
        "error-404-string",
        '404 with {"error": "text"}',
        json_reply({"error": "model not found"}, status=404),
        quirks=(67, 88),
    ),
)

ROWS = (
    *_EARLY_ROWS,
    Scenario(
        name="error-in-stream-first",
        title="200, then an error before anything else",
        rules=("chat.error-shape",),
        quirks=(65,),
        stream=always(Reply((frame(_MEMORY),))),
        whole=always(json_reply(_MEMORY, status=500)),
        failure=ExpectedError(code="out_of_memory"),
        whole_failure=ExpectedError(500, "out_of_memory"),
    ),
    Scenario(
        name="error-in-stream-late",
        title="Some text, then an error and no [DONE]",
        rules=("chat.error-shape",),
        quirks=(65,),
        stream=_broken_off(lambda ask: (frame(_MEMORY),)),
        whole=always(json_reply(_MEMORY, status=500)),
        failure=ExpectedError(code="out_of_memory", is_early=False),
        whole_failure=ExpectedError(500, "out_of_memory"),
        pieces_before_failure=PIECES_BEFORE,
    ),
    Scenario(
        name="error-then-done",
        title="Some text, then an error and [DONE]",
        rules=("chat.error-shape",),
        quirks=(65,),
        stream=_broken_off(lambda ask: (frame(_MEMORY), DONE)),
        whole=always(json_reply(_MEMORY, status=500)),
        failure=ExpectedError(code="out_of_memory", is_early=False),
        whole_failure=ExpectedError(500, "out_of_memory"),
        pieces_before_failure=PIECES_BEFORE,
    ),
    Scenario(
        name="error-string",
        title='The role, then {"error": "text"}',
        rules=("chat.error-shape",),
        quirks=(67, 89),
        stream=lambda answer, ask: Reply(
            (
                frame(chunk(ask, [choice({"role": "assistant"})])),
                frame({"error": "max_new_tokens must be greater than 0"}),
            )
        ),
        whole=always(json_reply({"error": "max_tokens must be at least 1"}, status=400)),
        failure=_EARLY,
        whole_failure=ExpectedError(400),
    ),
    Scenario(
        name="error-named-event",
        title="An error in an event named error",
        rules=("chat.error-shape",),
        quirks=(65,),
        stream=_broken_off(lambda ask: (b"event: error\n" + frame(_MEMORY),)),
        whole=always(json_reply(_MEMORY, status=500)),
        failure=ExpectedError(code="out_of_memory", is_early=False),
        whole_failure=ExpectedError(500, "out_of_memory"),
        pieces_before_failure=PIECES_BEFORE,
    ),
    Scenario(
        name="error-with-200",
        title="An error object with status 200",
        quirks=(68,),
        stream=always(json_reply(_MEMORY)),
        whole=always(json_reply(_MEMORY)),
        failure=ExpectedError(code="out_of_memory"),
        whole_failure=ExpectedError(code="out_of_memory"),
    ),
    Scenario(
        name="error-finish",
        title='Some text, then an error beside finish_reason "error"',
        rules=("chat.error-shape",),
        quirks=(66, 68),
        stream=_broken_off(_error_finish),
        whole=_whole_error_finish,
        failure=_LATE,
        whole_failure=_EARLY,
        pieces_before_failure=PIECES_BEFORE,
    ),
    Scenario(
        name="error-finish-bare",
        title='finish_reason "error" without any error',
        rules=("chat.error-shape",),
        quirks=(29, 68),
        stream=_broken_off(_bare_error_finish),
        whole=_whole_error_finish,
        failure=_LATE,
        whole_failure=_EARLY,
        pieces_before_failure=PIECES_BEFORE,
    ),
    Scenario(
        name="error-inside-frame",
        title="An error written into an unfinished block",
        quirks=(22,),
        stream=_broken_off(lambda ask: (_half_chunk(ask) + b"\n" + frame(_MEMORY),)),
        whole=always(json_reply(_MEMORY, status=500)),
        failure=_LATE,
        whole_failure=ExpectedError(500, "out_of_memory"),
        pieces_before_failure=PIECES_BEFORE,
    ),
    Scenario(
        name="error-bare-json",
        title="A bare JSON error in an open stream, without data:",
        quirks=(23,),
        stream=_broken_off(lambda ask: (to_json(_MEMORY) + b"\n",)),
        whole=always(json_reply(_MEMORY, status=500)),
        failure=_LATE,
        whole_failure=ExpectedError(500, "out_of_memory"),
        pieces_before_failure=PIECES_BEFORE,
    ),
    Scenario(
        name="malformed-chunk",
        title="A chunk that is no JSON, in a stream that goes on",
        quirks=(21,),
        stream=_malformed_then_healthy,
        whole=_half_object(Ending.CLEAN),
        failure=_LATE,
        whole_failure=_EARLY,
        pieces_before_failure=PIECES_BEFORE,
    ),
    Scenario(
        name="truncated",
        title="The stream breaks off after some text",
        stream=_broken_off(lambda ask: (), Ending.CUT),
        whole=_half_object(Ending.CUT),
        failure=_LATE,
        whole_failure=_EARLY,
        pieces_before_failure=PIECES_BEFORE,
    ),
    Scenario(
        name="truncated-clean",
        title="The stream ends in good order after some text, unfinished",
        stream=_broken_off(lambda ask: ()),
        whole=_half_object(Ending.CLEAN),
        failure=_LATE,
        whole_failure=_EARLY,
        pieces_before_failure=PIECES_BEFORE,
    ),
    Scenario(
        name="truncated-frame",
        title="The stream breaks off inside a chunk",
        stream=_broken_off(lambda ask: (_half_chunk(ask),), Ending.CUT),
        whole=_half_object(Ending.CUT),
        failure=_LATE,
        whole_failure=_EARLY,
        pieces_before_failure=PIECES_BEFORE,
    ),
    Scenario(
        name="truncated-tools",
        title="The stream breaks off inside a tool call",
        tell=tell_call,
        stream=_broken_off(lambda ask: (), Ending.CUT),
        whole=_half_object(Ending.CUT),
        failure=_LATE,
        whole_failure=_EARLY,
        pieces_before_failure=PIECES_BEFORE,
    ),
    Scenario(
        name="reset",
        title="The connection is reset after some text",
        stream=_broken_off(lambda ask: (Silence(1),), Ending.RESET),
        whole=_half_object(Ending.RESET),
        failure=_LATE,
        whole_failure=_EARLY,
        pieces_before_failure=PIECES_BEFORE,
    ),
    Scenario(
        name="reset-first",
        title="The connection is reset before anything is said",
        stream=always(Reply((Silence(1),), ending=Ending.RESET)),
        whole=always(Reply((Silence(1),), content_type=JSON_TYPE, ending=Ending.RESET)),
        failure=_EARLY,
        whole_failure=_EARLY,
    ),
    Scenario(
        name="empty-200",
        title="200 with an empty body",
        quirks=(18,),
        stream=always(Reply(())),
        whole=always(Reply((), content_type=JSON_TYPE)),
        failure=_EARLY,
        whole_failure=_EARLY,
    ),
    Scenario(
        name="done-only",
        title="Nothing but [DONE]",
        quirks=(18,),
        stream=always(Reply((DONE,))),
        whole=always(Reply((DONE,))),
        failure=_EARLY,
        whole_failure=_EARLY,
    ),
    Scenario(
        name="html-200",
        title="200 with an HTML page",
        quirks=(71,),
        stream=always(Reply((_HTML,), content_type="text/html")),
        whole=always(Reply((_HTML,), content_type="text/html")),
        failure=_EARLY,
        whole_failure=_EARLY,
    ),
)
