"""Errors inside a reply, in every shape, and replies that break off.

None of them may end as a success. What came before a late error must still reach the client.
"""

from __future__ import annotations

from collections.abc import Callable

from strictwire.lab.ask import Ask
from strictwire.lab.scenarios.answer import Answer, tell_call
from strictwire.lab.scenarios.scenario import Builder, ExpectedError, Scenario, always
from strictwire.lab.scenarios.strict import (
    DONE,
    choice,
    chunk,
    chunk_frames,
    frame,
    object_reply,
    strict_chunks,
    strict_frames,
    strict_object,
    whole_object,
)
from strictwire.lab.script import (
    JSON_TYPE,
    Ending,
    Json,
    Piece,
    Reply,
    Silence,
    error_value,
    json_reply,
)

# Two pieces of text come before each late error; with the role, three chunks.
PIECES_BEFORE = 2
_CHUNKS_BEFORE = 1 + PIECES_BEFORE

MEMORY = error_value("The model ran out of memory.", type="server_error", code="out_of_memory")
_BASE_RESP: Json = {"base_resp": {"status_code": 1002, "status_msg": "rate limit"}}
_OPENROUTER: Json = {"error": {"code": 502, "message": "The provider went away."}}
EARLY = ExpectedError()
LATE = ExpectedError(is_early=False)
WHOLE_MEMORY_FAILURE = ExpectedError(500, "out_of_memory")

memory_object = always(json_reply(MEMORY, status=500))


def broken_off(tail: Callable[[Ask], tuple[Piece, ...]], ending: Ending = Ending.CLEAN) -> Builder:
    """The role and two pieces of text, then something else."""

    def build(answer: Answer, ask: Ask) -> Reply:
        before = chunk_frames(strict_chunks(answer, ask)[:_CHUNKS_BEFORE], ask)
        return Reply((*before, *tail(ask)), ending=ending)

    return build


def half_object(ending: Ending) -> Builder:
    """A whole reply of which only the first half comes."""

    def build(answer: Answer, ask: Ask) -> Reply:
        body = b"".join(strict_object(answer, ask).frames)
        pieces = (body[: len(body) // 2], Silence(1))
        return Reply(pieces, content_type=JSON_TYPE, ending=ending)

    return build


def half_chunk(ask: Ask) -> bytes:
    (told,) = chunk_frames([chunk(ask, [choice({"content": "cut in the middle"})])], ask)
    return told[: len(told) // 2]


def _malformed_then_healthy(answer: Answer, ask: Ask) -> Reply:
    chunks = strict_chunks(answer, ask)
    before, after = chunks[:_CHUNKS_BEFORE], chunks[_CHUNKS_BEFORE:]
    bad = half_chunk(ask) + b"\n\n"
    return Reply((*chunk_frames(before, ask), bad, *strict_frames(after, ask)))


def _error_finish(ask: Ask) -> tuple[bytes, ...]:
    said = chunk(ask, [choice({"content": ""}, finish="error")], **_OPENROUTER)
    return strict_frames([said], ask)


def _bare_error_finish(ask: Ask) -> tuple[bytes, ...]:
    return strict_frames([chunk(ask, [choice({}, finish="error")])], ask)


def _whole_error_finish(answer: Answer, ask: Ask) -> Reply:
    whole = whole_object(answer, ask)
    whole["choices"][0]["finish_reason"] = "error"
    return object_reply(whole, ask)


ROWS = (
    Scenario(
        name="error-in-stream-first",
        title="200, then an error before anything else",
        faults=("reply.error-end",),
        quirks=(65,),
        stream=always(Reply((frame(MEMORY),))),
        whole=memory_object,
        failure=ExpectedError(code="out_of_memory"),
        whole_failure=WHOLE_MEMORY_FAILURE,
    ),
    Scenario(
        name="error-in-stream-late",
        title="Some text, then an error and no [DONE]",
        faults=("reply.error-end",),
        quirks=(65,),
        stream=broken_off(lambda ask: (frame(MEMORY),)),
        whole=memory_object,
        failure=ExpectedError(code="out_of_memory", is_early=False),
        whole_failure=WHOLE_MEMORY_FAILURE,
        pieces_before_failure=PIECES_BEFORE,
    ),
    Scenario(
        name="error-then-done",
        title="Some text, then an error and [DONE]",
        quirks=(65,),
        stream=broken_off(lambda ask: (frame(MEMORY), DONE)),
        whole=memory_object,
        failure=ExpectedError(code="out_of_memory", is_early=False),
        whole_failure=WHOLE_MEMORY_FAILURE,
        pieces_before_failure=PIECES_BEFORE,
    ),
    Scenario(
        name="error-string",
        title='The role, then {"error": "text"}',
        rules=("chat.error-shape",),
        faults=("reply.error-end",),
        quirks=(67, 89),
        stream=lambda answer, ask: Reply(
            (
                *chunk_frames(strict_chunks(answer, ask)[:1], ask),
                frame({"error": "max_new_tokens must be greater than 0"}),
            )
        ),
        whole=always(json_reply({"error": "max_tokens must be at least 1"}, status=400)),
        failure=EARLY,
        whole_failure=ExpectedError(400),
    ),
    Scenario(
        name="error-detail",
        title='Some text, then {"detail": "text"}',
        rules=("chat.error-shape",),
        faults=("reply.error-end",),
        quirks=(67,),
        stream=broken_off(lambda ask: (frame({"detail": "Something went wrong."}),)),
        whole=always(json_reply({"detail": "Something went wrong."}, status=500)),
        failure=LATE,
        whole_failure=ExpectedError(500),
        pieces_before_failure=PIECES_BEFORE,
    ),
    Scenario(
        name="error-base-resp",
        title="MiniMax's base_resp, under a 200 and inside the stream",
        rules=("chat.error-shape",),
        faults=("reply.error-end",),
        whole_rules=("chat.error-shape",),
        quirks=(69,),
        stream=always(Reply((frame({"choices": None, **_BASE_RESP}),))),
        whole=always(json_reply(_BASE_RESP)),
        failure=EARLY,
        whole_failure=EARLY,
    ),
    Scenario(
        name="error-openrouter",
        title="Some text, then OpenRouter's error beside empty choices",
        rules=("chat.error-shape",),
        faults=("reply.error-end",),
        quirks=(66,),
        stream=broken_off(lambda ask: chunk_frames([chunk(ask, [], **_OPENROUTER)], ask)),
        whole=always(json_reply(_OPENROUTER, status=502)),
        failure=LATE,
        whole_failure=ExpectedError(502),
        pieces_before_failure=PIECES_BEFORE,
    ),
    Scenario(
        name="error-named-event",
        title="An error in an event named error",
        faults=("reply.error-end", "sse.event-name"),
        quirks=(65,),
        stream=broken_off(lambda ask: (b"event: error\n" + frame(MEMORY),)),
        whole=memory_object,
        failure=ExpectedError(code="out_of_memory", is_early=False),
        whole_failure=WHOLE_MEMORY_FAILURE,
        pieces_before_failure=PIECES_BEFORE,
    ),
    Scenario(
        name="error-with-200",
        title="An error object with status 200",
        faults=("bridge.object-for-stream",),
        quirks=(68,),
        stream=always(json_reply(MEMORY)),
        whole=always(json_reply(MEMORY)),
        failure=ExpectedError(code="out_of_memory"),
        whole_failure=ExpectedError(code="out_of_memory"),
    ),
    Scenario(
        name="error-finish",
        title='Some text, then an error beside finish_reason "error"',
        rules=("chat.error-shape",),
        whole_rules=("chat.error-shape",),
        quirks=(66, 68),
        stream=broken_off(_error_finish),
        whole=_whole_error_finish,
        failure=LATE,
        whole_failure=EARLY,
        pieces_before_failure=PIECES_BEFORE,
    ),
    Scenario(
        name="error-finish-bare",
        title='finish_reason "error" without any error',
        rules=("chat.error-shape",),
        whole_rules=("chat.error-shape",),
        quirks=(29, 68),
        stream=broken_off(_bare_error_finish),
        whole=_whole_error_finish,
        failure=LATE,
        whole_failure=EARLY,
        pieces_before_failure=PIECES_BEFORE,
    ),
    Scenario(
        name="malformed-chunk",
        title="A chunk that is no JSON, in a stream that goes on",
        faults=("json.invalid",),
        whole_faults=("json.invalid",),
        quirks=(21,),
        stream=_malformed_then_healthy,
        whole=half_object(Ending.CLEAN),
        failure=LATE,
        whole_failure=EARLY,
        pieces_before_failure=PIECES_BEFORE,
    ),
    Scenario(
        name="truncated",
        title="The stream breaks off after some text",
        faults=("reply.truncated",),
        whole_faults=("json.invalid",),
        stream=broken_off(lambda ask: (), Ending.CUT),
        whole=half_object(Ending.CUT),
        failure=LATE,
        whole_failure=EARLY,
        pieces_before_failure=PIECES_BEFORE,
    ),
    Scenario(
        name="truncated-clean",
        title="The stream ends in good order after some text, unfinished",
        faults=("reply.truncated",),
        whole_faults=("json.invalid",),
        stream=broken_off(lambda ask: ()),
        whole=half_object(Ending.CLEAN),
        failure=LATE,
        whole_failure=EARLY,
        pieces_before_failure=PIECES_BEFORE,
    ),
    Scenario(
        name="truncated-frame",
        title="The stream breaks off inside a chunk",
        faults=("reply.truncated", "sse.unended-block"),
        whole_faults=("json.invalid",),
        stream=broken_off(lambda ask: (half_chunk(ask),), Ending.CUT),
        whole=half_object(Ending.CUT),
        failure=LATE,
        whole_failure=EARLY,
        pieces_before_failure=PIECES_BEFORE,
    ),
    Scenario(
        name="truncated-tools",
        title="The stream breaks off inside a tool call",
        faults=("reply.truncated",),
        whole_faults=("json.invalid",),
        tell=tell_call,
        stream=broken_off(lambda ask: (), Ending.CUT),
        whole=half_object(Ending.CUT),
        failure=LATE,
        whole_failure=EARLY,
        pieces_before_failure=PIECES_BEFORE,
    ),
    Scenario(
        name="reset",
        title="The connection is reset after some text",
        faults=("reply.truncated",),
        whole_faults=("json.invalid",),
        stream=broken_off(lambda ask: (Silence(1),), Ending.RESET),
        whole=half_object(Ending.RESET),
        failure=LATE,
        whole_failure=EARLY,
        pieces_before_failure=PIECES_BEFORE,
    ),
    Scenario(
        name="reset-first",
        title="The connection is reset before anything is said",
        faults=("reply.empty",),
        whole_faults=("reply.empty",),
        stream=always(Reply((Silence(1),), ending=Ending.RESET)),
        whole=always(Reply((Silence(1),), content_type=JSON_TYPE, ending=Ending.RESET)),
        failure=EARLY,
        whole_failure=EARLY,
    ),
)
