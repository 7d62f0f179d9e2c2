"""The wrong kind of reply: one object for a stream, a stream for one object; and odd objects."""

from __future__ import annotations

from dataclasses import replace

from strictwire.lab.ask import Ask
from strictwire.lab.scenarios.answer import (
    Answer,
    tell_call,
    tell_calls,
    tell_logprobs,
    tell_reasoning,
    tell_refusal,
    tell_two,
    tell_two_logprobs,
)
from strictwire.lab.scenarios.scenario import Scenario, object_by
from strictwire.lab.scenarios.strict import DONE, strict_chunks, strict_frames, strict_object
from strictwire.lab.script import JSON_TYPE, Json, Reply


def _as_stream(answer: Answer, ask: Ask) -> Reply:
    """A stream, with usage even if nobody could ask for it."""
    return Reply(strict_frames(strict_chunks(answer, replace(ask, includes_usage=True)), ask))


def _mislabelled_stream(answer: Answer, ask: Ask) -> Reply:
    return replace(_as_stream(answer, ask), content_type=JSON_TYPE)


def _text_json_stream(answer: Answer, ask: Ask) -> Reply:
    return replace(_as_stream(answer, ask), content_type="text/json")


def _with_done_tail(answer: Answer, ask: Ask) -> Reply:
    body = b"".join(strict_object(answer, ask).frames) + b"\n\n" + DONE
    return Reply((body,), content_type="text/event-stream")


def _after_blank_lines(answer: Answer, ask: Ask) -> Reply:
    pieces = (b"\n", b"\n\n", b" \n", *strict_object(answer, ask).frames, b"\n")
    return Reply(pieces, content_type=JSON_TYPE)


def _stop(whole: Json) -> Json:
    whole["choices"][0]["finish_reason"] = "stop"
    return whole


def _empty_finish(whole: Json) -> Json:
    whole["choices"][0]["finish_reason"] = ""
    return whole


def _without_keys(whole: Json) -> Json:
    """Only what says something is left; the rest of what the format requires is missing."""
    for said in whole["choices"]:
        message = said["message"]
        kept = {key: told for key, told in message.items() if told is not None and key != "role"}
        said["message"] = kept
        del said["index"], said["logprobs"]
    return {key: whole[key] for key in ("choices", "usage")}


def _with_nulls(whole: Json) -> Json:
    """Every optional key is there, as null or empty."""
    for said in whole["choices"]:
        said["message"].update(
            annotations=None, audio=None, function_call=None, reasoning_content=None
        )
        said["message"].setdefault("tool_calls", [])
        said.update(stop_reason=None, token_ids=None)
    whole.update(service_tier=None, system_fingerprint=None, prompt_logprobs=None)
    return whole


ROWS = (
    Scenario(
        name="json-for-stream",
        title="One object in reply to a streaming request",
        faults=("bridge.object-for-stream",),
        quirks=(17,),
        stream=strict_object,
    ),
    Scenario(
        name="json-for-stream-tools",
        title="One object with tool calls in reply to a streaming request",
        faults=("bridge.object-for-stream",),
        quirks=(17,),
        tell=tell_calls,
        stream=strict_object,
    ),
    Scenario(
        name="json-for-stream-reasoning",
        title="One object with reasoning in reply to a streaming request",
        faults=("bridge.object-for-stream",),
        quirks=(17,),
        tell=tell_reasoning,
        stream=strict_object,
    ),
    Scenario(
        name="json-for-stream-n2",
        title="One object with two choices in reply to a streaming request",
        faults=("bridge.object-for-stream",),
        quirks=(17,),
        tell=tell_two,
        stream=strict_object,
    ),
    Scenario(
        name="json-for-stream-logprobs",
        title="One object with log probabilities in reply to a streaming request",
        faults=("bridge.object-for-stream",),
        quirks=(17,),
        tell=tell_logprobs,
        stream=strict_object,
    ),
    Scenario(
        name="json-for-stream-refusal",
        title="One object with a refusal in reply to a streaming request",
        faults=("bridge.object-for-stream",),
        quirks=(17,),
        tell=tell_refusal,
        stream=strict_object,
    ),
    Scenario(
        name="sse-for-whole",
        title="A stream in reply to a request for one object",
        whole_faults=("bridge.stream-for-object",),
        quirks=(16,),
        whole=_as_stream,
    ),
    Scenario(
        name="sse-for-whole-tools",
        title="A stream with tool calls in reply to a request for one object",
        whole_faults=("bridge.stream-for-object",),
        quirks=(16,),
        tell=tell_calls,
        whole=_as_stream,
    ),
    Scenario(
        name="sse-for-whole-reasoning",
        title="A stream with reasoning in reply to a request for one object",
        whole_faults=("bridge.stream-for-object",),
        quirks=(16,),
        tell=tell_reasoning,
        whole=_as_stream,
    ),
    Scenario(
        name="sse-for-whole-n2",
        title="A stream of two choices with log probabilities in reply to a request for one object",
        whole_faults=("bridge.stream-for-object",),
        quirks=(16,),
        tell=tell_two_logprobs,
        whole=_as_stream,
    ),
    Scenario(
        name="sse-labelled-json",
        title="A stream labelled application/json",
        whole_faults=("bridge.stream-for-object",),
        quirks=(13, 16),
        stream=_mislabelled_stream,
        whole=_mislabelled_stream,
    ),
    Scenario(
        name="sse-labelled-text-json",
        title="A stream labelled text/json",
        whole_faults=("bridge.stream-for-object",),
        quirks=(16,),
        stream=_text_json_stream,
        whole=_text_json_stream,
    ),
    Scenario(
        name="whole-done-tail",
        title="One object labelled as a stream, with [DONE] behind it",
        whole_faults=("bridge.done-after-object",),
        quirks=(14,),
        whole=_with_done_tail,
    ),
    Scenario(
        name="whole-blank-lines",
        title="Blank lines before the object",
        whole_faults=("bridge.blank-lines-before",),
        quirks=(5,),
        whole=_after_blank_lines,
    ),
    Scenario(
        name="whole-finish-wrong",
        title='One object with tool calls and finish_reason "stop"',
        whole_rules=("reply.tool-finish",),
        quirks=(30,),
        tell=tell_call,
        whole=object_by(_stop),
    ),
    Scenario(
        name="whole-finish-empty",
        title='One object with finish_reason ""',
        whole_rules=("chat.finish-empty", "reply.finish-inferred"),
        quirks=(26,),
        whole=object_by(_empty_finish),
    ),
    Scenario(
        name="whole-finish-empty-tools",
        title='One object with tool calls and finish_reason ""',
        whole_rules=("chat.finish-empty", "reply.finish-inferred"),
        quirks=(26,),
        tell=tell_call,
        whole=object_by(_empty_finish),
    ),
    Scenario(
        name="whole-keys-missing",
        title="One object without the keys that say nothing",
        whole_rules=("chat.envelope",),
        whole_faults=("whole.keys", "whole.kind"),
        completions_whole_faults=("whole.keys",),
        quirks=(41,),
        whole=object_by(_without_keys),
    ),
    Scenario(
        name="whole-nulls",
        title="One object with every optional key as null",
        whole_faults=("whole.nulls",),
        completions_whole_faults=(),
        quirks=(90,),
        whole=object_by(_with_nulls),
    ),
)
