"""Servers that speak Ollama's own API: older versions, errors, and lines that went wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

from strictwire.lab.ask import Ask
from strictwire.lab.scenarios.answer import (
    REASONING_PIECES,
    TEXT_PIECES,
    Answer,
    Choice,
    tell_calls,
    tell_reasoned_call,
    tell_text_then_calls,
    telling,
)
from strictwire.lab.scenarios.ollama_strict import (
    line,
    lines_reply,
    ollama_object,
    strict_lines,
    strict_ollama_object,
    strict_ollama_stream,
)
from strictwire.lab.scenarios.scenario import OLLAMA_ASK, Builder, ExpectedError, Scenario
from strictwire.lab.script import JSON_TYPE, Json, Reply, json_reply, to_json

_PIECES_BEFORE_ERROR = 3
_BROKEN = "model runner has unexpectedly stopped, this may be due to resource limitations"


def _row(name: str, title: str, **more: object) -> Scenario:
    """A row of this dialect alone; strict in what ``more`` does not spoil."""
    told = Scenario(
        name=f"ollama-{name}",
        title=title,
        quirks=(86,),
        only="ollama",
        ask=OLLAMA_ASK,
        stream=strict_ollama_stream,
        whole=strict_ollama_object,
    )
    return replace(told, **more)  # type: ignore[arg-type]


# ---- ways to spoil lines ----


def _lines_by(change: Callable[[list[Json]], list[Json]]) -> Builder:
    return lambda answer, ask: lines_reply(change(strict_lines(answer, ask)))


def _bytes_by(change: Callable[[list[bytes]], list[bytes]]) -> Builder:
    def build(answer: Answer, ask: Ask) -> Reply:
        reply = strict_ollama_stream(answer, ask)
        return replace(reply, pieces=tuple(change(list(reply.frames))))

    return build


def _object_by(change: Callable[[Json], Json]) -> Builder:
    return lambda answer, ask: json_reply(change(ollama_object(answer, ask)))


def _old_calls(value: Json) -> Json:
    """Before there were ids and indexes."""
    for call in value["message"].get("tool_calls", ()):
        call.pop("id")
        call["function"].pop("index")
    return value


def _old_calls_in_one_line(values: list[Json]) -> list[Json]:
    calling = [_old_calls(value) for value in values if "tool_calls" in value["message"]]
    calls = [call for value in calling for call in value["message"]["tool_calls"]]
    others = [value for value in values if "tool_calls" not in value["message"]]
    if calls:
        calling[0]["message"]["tool_calls"] = calls
        others.insert(-1, calling[0])
    return others


def _without(*names: str) -> Callable[[Json], Json]:
    return lambda value: {name: value[name] for name in value if name not in names}


def _last(change: Callable[[Json], Json]) -> Callable[[list[Json]], list[Json]]:
    return lambda values: [*values[:-1], change(values[-1])]


def _broken_off(values: list[Json]) -> list[Json]:
    return [*values[:_PIECES_BEFORE_ERROR], {"error": _BROKEN}]


def _joined(lines: list[bytes]) -> list[bytes]:
    """Every second line end is lost."""
    pairs = [b"".join(lines[at : at + 2]) for at in range(0, len(lines), 2)]
    return [pair.replace(b"}\n{", b"}{") for pair in pairs]


def _pretty(answer: Answer, ask: Ask) -> Reply:
    text = json.dumps(ollama_object(answer, ask), indent=2, ensure_ascii=False)
    return Reply((text.encode(),), content_type=JSON_TYPE)


def _error_object(answer: Answer, ask: Ask) -> Reply:
    return Reply((to_json({"error": _BROKEN}),), content_type=JSON_TYPE)


_UNSAID = ExpectedError()
_CUT = ExpectedError(code="upstream_truncated", is_early=False)

ROWS = (
    _row("thinking-tools", "Thinking, then a call", quirks=(), tell=tell_reasoned_call),
    _row("text-then-tools", "Text, then two calls", quirks=(), tell=tell_text_then_calls),
    _row(
        "calls-without-ids",
        "Two calls in one line, without ids and indexes, as older servers say them",
        tell=tell_calls,
        stream=_lines_by(_old_calls_in_one_line),
        whole=_object_by(_old_calls),
    ),
    _row(
        "cached-prompt",
        "No count of the prompt's tokens, since they were cached",
        tell=telling(Choice(("Hello", " there", "."), REASONING_PIECES)),
        tells_usage=False,
        tells_whole_usage=False,
        stream=_lines_by(_last(_without("prompt_eval_count"))),
        whole=_object_by(_without("prompt_eval_count")),
    ),
    _row(
        "no-reason",
        "The last line says no reason, as before there were any",
        stream=_lines_by(_last(_without("done_reason"))),
        whole=_object_by(_without("done_reason")),
    ),
    _row(
        "crlf",
        "Lines that end in CRLF, blank ones between them, and none at the end",
        stream=_bytes_by(
            lambda lines: [
                *(one[:-1] + b"\r\n\r\n" for one in lines[:-1]),
                lines[-1].removesuffix(b"\n"),
            ]
        ),
        whole=_pretty,
    ),
    _row(
        "joined-lines",
        "Two objects in one line",
        rules=("sse.joined-objects",),
        stream=_bytes_by(_joined),
    ),
    _row(
        "odd-lines",
        "Lines between the others that are no JSON object",
        rules=("sse.foreign-event",),
        stream=_bytes_by(lambda lines: [lines[0], b"ping\n", b"null\n", *lines[1:]]),
    ),
    _row(
        "error-line",
        "An error in a line of its own, after a part of the answer",
        stream=_lines_by(_broken_off),
        failure=replace(_UNSAID, is_early=False),
        pieces_before_failure=_PIECES_BEFORE_ERROR,
        whole=_error_object,
        whole_failure=_UNSAID,
    ),
    _row(
        "error-first",
        "An error in the place of the first line, under a status of 200",
        stream=lambda answer, ask: lines_reply([{"error": _BROKEN}]),
        failure=_UNSAID,
        whole=_error_object,
        whole_failure=_UNSAID,
    ),
    _row(
        "cut",
        "The last line never comes",
        stream=_lines_by(lambda values: values[:-1]),
        failure=_CUT,
        pieces_before_failure=len(TEXT_PIECES),
        whole=lambda answer, ask: lines_reply(strict_lines(answer, ask)[:-1]),
        whole_failure=replace(_CUT, is_early=True),
    ),
    _row(
        "cut-line",
        "The last line is cut in the middle",
        stream=_bytes_by(lambda lines: [*lines[:-1], lines[-1][: len(lines[-1]) // 2]]),
        failure=_CUT,
        pieces_before_failure=len(TEXT_PIECES),
        whole=lambda answer, ask: Reply(
            (line(ollama_object(answer, ask))[:-9],), content_type=JSON_TYPE
        ),
        whole_failure=ExpectedError(),
    ),
    _row(
        "lines-for-whole",
        "A stream in reply to a request for one object, and one object for a stream",
        tell=tell_text_then_calls,
        stream=strict_ollama_object,
        whole=strict_ollama_stream,
    ),
)
