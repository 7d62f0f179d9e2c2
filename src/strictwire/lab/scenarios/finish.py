"""Finish reasons: empty, missing, early, misspelt, in the wrong place."""

from __future__ import annotations

from collections.abc import Callable

from strictwire.lab.ask import Ask
from strictwire.lab.scenarios.answer import (
    Answer,
    tell_call,
    tell_length,
    tell_text_then_calls,
    tell_two,
)
from strictwire.lab.scenarios.scenario import Scenario, chunks_by, object_by
from strictwire.lab.scenarios.strict import chunk_frames, strict_chunks
from strictwire.lab.scenarios.walk import (
    Change,
    call_deltas_of,
    choices_of,
    each_choice,
    is_finish,
    is_role_only,
)
from strictwire.lab.script import Json, Reply


def _empty_until_end(choice: Json) -> None:
    choice["finish_reason"] = choice["finish_reason"] or ""


def _absent_until_end(choice: Json) -> None:
    if choice["finish_reason"] is None:
        del choice["finish_reason"]


def _never(choice: Json) -> None:
    choice["finish_reason"] = None


def _on_every_chunk(chunks: list[Json]) -> list[Json]:
    """The reason stands on each chunk of the choice, the one that has the role included."""
    reasons = {choice["index"]: choice["finish_reason"] for choice in choices_of(chunks)}
    for choice in choices_of(chunks):
        choice["finish_reason"] = reasons[choice["index"]]
    return chunks


def _rides(chunks: list[Json]) -> list[Json]:
    """The reason moves to the last delta of its choice, and the finish chunk is gone."""
    last: dict[int, Json] = {}
    for choice in choices_of(chunks):
        if choice["finish_reason"] is None:
            last[choice["index"]] = choice
        else:
            last[choice["index"]]["finish_reason"] = choice["finish_reason"]
    return [chunk for chunk in chunks if not is_finish(chunk) or any(map(bool, _deltas_in(chunk)))]


def _rides_without_done(answer: Answer, ask: Ask) -> Reply:
    return Reply(chunk_frames(_rides(strict_chunks(answer, ask)), ask))


def _deltas_in(chunk: Json) -> list[Json]:
    return [choice["delta"] for choice in chunk["choices"]]


def _twice(chunks: list[Json]) -> list[Json]:
    return [copy for chunk in chunks for copy in [chunk] * (2 if is_finish(chunk) else 1)]


def _before_tools(chunks: list[Json]) -> list[Json]:
    """A "stop" before the first tool call, as of a server that closes the text on its own."""
    for at, chunk in enumerate(chunks):
        if any(call_deltas_of([chunk])):
            stop: Json = {**chunk, "choices": [{**chunk["choices"][0], "delta": {}}]}
            stop["choices"][0]["finish_reason"] = "stop"
            return [*chunks[:at], stop, *chunks[at:]]
    return chunks


def _reason(**spelling: str) -> Change:
    """Reasons replaced by other spellings, in chunks or in a whole object's choices."""

    def replaced(choice: Json) -> None:
        choice["finish_reason"] = spelling.get(choice["finish_reason"], choice["finish_reason"])

    return each_choice(replaced)


def _of_object(change: Change) -> Callable[[Json], Json]:
    return lambda whole: change([whole])[0]


def _only_calls_and_done(chunks: list[Json]) -> list[Json]:
    return [chunk for chunk in chunks if not is_finish(chunk) and not is_role_only(chunk)]


_STOP_FOR_CALLS = _reason(tool_calls="stop")
_EOS = _reason(stop="eos")
_FOREIGN = _reason(stop="end_turn", tool_calls="tool_use", length="max_tokens")
_CALLS_FOR_STOP = _reason(stop="tool_calls")

ROWS = (
    Scenario(
        name="finish-empty",
        title='finish_reason "" on every chunk until the last',
        rules=("chat.finish-empty",),
        quirks=(26,),
        stream=chunks_by(each_choice(_empty_until_end)),
    ),
    Scenario(
        name="finish-empty-tools",
        title='finish_reason "" on every chunk of a tool call',
        rules=("chat.finish-empty",),
        quirks=(26,),
        tell=tell_call,
        stream=chunks_by(each_choice(_empty_until_end)),
    ),
    Scenario(
        name="finish-key-missing",
        title="No finish_reason key before the last chunk",
        rules=("chat.finish-missing",),
        quirks=(27, 89),
        stream=chunks_by(each_choice(_absent_until_end)),
    ),
    Scenario(
        name="finish-never",
        title="finish_reason null for ever, then [DONE]",
        rules=(
            "chat.empty-delta",
            "reply.finish-inferred",
        ),
        completions_rules=("reply.finish-inferred",),
        quirks=(27,),
        stream=chunks_by(each_choice(_never)),
    ),
    Scenario(
        name="finish-never-tools",
        title="A tool call, finish_reason null for ever, then [DONE]",
        rules=(
            "chat.empty-delta",
            "reply.finish-inferred",
        ),
        quirks=(27,),
        tell=tell_call,
        stream=chunks_by(each_choice(_never)),
    ),
    Scenario(
        name="tools-only-then-done",
        title="Only tool calls and [DONE]: no role, no finish reason",
        rules=("reply.finish-inferred", "chat.role-missing"),
        quirks=(27, 35),
        tell=tell_call,
        stream=chunks_by(_only_calls_and_done),
    ),
    Scenario(
        name="finish-on-every-chunk",
        title='"stop" on every chunk',
        rules=(
            "chat.role-alone",
            "chat.finish-alone",
            "reply.finish-early",
        ),
        quirks=(28,),
        stream=chunks_by(_on_every_chunk),
    ),
    Scenario(
        name="finish-on-every-call-chunk",
        title="The finish reason on every chunk, also on those of a tool call",
        rules=(
            "chat.role-alone",
            "chat.finish-alone",
            "reply.finish-early",
        ),
        quirks=(28,),
        tell=tell_call,
        stream=chunks_by(_on_every_chunk),
    ),
    Scenario(
        name="finish-before-tools",
        title='"stop" after the text, then tool calls and their own reason',
        rules=("reply.finish-early",),
        quirks=(28, 30),
        tell=tell_text_then_calls,
        stream=chunks_by(_before_tools),
    ),
    Scenario(
        name="finish-twice",
        title="The finish chunk comes twice",
        rules=("reply.finish-early",),
        quirks=(28,),
        stream=chunks_by(_twice),
    ),
    Scenario(
        name="finish-value-eos",
        title='finish_reason "eos"',
        rules=("chat.finish-value",),
        whole_rules=("chat.finish-value",),
        quirks=(29,),
        stream=chunks_by(_EOS),
        whole=object_by(_of_object(_EOS)),
    ),
    Scenario(
        name="finish-value-foreign",
        title="Another dialect's finish reasons: end_turn, tool_use",
        rules=("chat.finish-value",),
        whole_rules=("chat.finish-value",),
        quirks=(29,),
        tell=tell_call,
        stream=chunks_by(_FOREIGN),
        whole=object_by(_of_object(_FOREIGN)),
    ),
    Scenario(
        name="finish-value-max-tokens",
        title='finish_reason "max_tokens"',
        rules=("chat.finish-value",),
        whole_rules=("chat.finish-value",),
        quirks=(29,),
        tell=tell_length,
        stream=chunks_by(_FOREIGN),
        whole=object_by(_of_object(_FOREIGN)),
    ),
    Scenario(
        name="finish-rides",
        title="The finish reason rides on the last piece of text",
        rules=("chat.finish-alone",),
        quirks=(32, 90),
        stream=chunks_by(_rides),
    ),
    Scenario(
        name="finish-rides-tools",
        title="The finish reason rides on the last piece of a tool call",
        rules=("chat.finish-alone",),
        quirks=(32,),
        tell=tell_call,
        stream=chunks_by(_rides),
    ),
    Scenario(
        name="finish-rides-n2",
        title="Two choices, their finish reasons ride, and no [DONE]",
        rules=("chat.finish-alone", "reply.done-missing"),
        quirks=(32, 10),
        tell=tell_two,
        stream=_rides_without_done,
    ),
    Scenario(
        name="tool-finish-stop",
        title='Tool calls, but finish_reason "stop"',
        rules=("reply.tool-finish",),
        whole_rules=("reply.tool-finish",),
        quirks=(30,),
        tell=tell_call,
        stream=chunks_by(_STOP_FOR_CALLS),
        whole=object_by(_of_object(_STOP_FOR_CALLS)),
    ),
    Scenario(
        name="tool-finish-without-calls",
        title='Text, but finish_reason "tool_calls"',
        rules=("reply.tool-finish-without-calls",),
        whole_rules=("reply.tool-finish-without-calls",),
        quirks=(31,),
        stream=chunks_by(_CALLS_FOR_STOP),
        whole=object_by(_of_object(_CALLS_FOR_STOP)),
    ),
)
