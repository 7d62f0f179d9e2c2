"""Whole servers of messages, with all their habits at once, and the wrong kind of reply."""

from __future__ import annotations

from dataclasses import replace

from strictwire.lab.ask import Ask
from strictwire.lab.scenarios.answer import Answer, tell_call_if_tools, tell_text_then_calls
from strictwire.lab.scenarios.messages.changes import BLOCK_START, DELTA, START, row, without
from strictwire.lab.scenarios.messages.strict import (
    event_frame,
    message_object,
    strict_events,
    strict_message,
    strict_message_stream,
)
from strictwire.lab.scenarios.prefill import BATCHES
from strictwire.lab.script import Json, Reply, json_reply


def _llamacpp(answer: Answer, ask: Ask) -> Reply:
    """No ping, a chat id, no input where a call begins, only the output counted in the end."""
    events = without("ping")(strict_events(answer, ask))
    for event in events:
        match event["type"]:
            case kind if kind == START:
                event["message"] = _chat_named(event["message"])
            case kind if kind == BLOCK_START:
                event["content_block"].pop("input", None)
            case kind if kind == DELTA:
                event["usage"] = {"output_tokens": event["usage"]["output_tokens"]}
    return Reply(tuple(map(event_frame, events)), content_type="text/event-stream")


def _llamacpp_whole(answer: Answer, ask: Ask) -> Reply:
    return json_reply(_chat_named(message_object(answer, ask)))


def _chat_named(message: Json) -> Json:
    counts = ("cache_read_input_tokens", "input_tokens", "output_tokens")
    usage = {name: message["usage"][name] for name in counts}
    return {**message, "id": message["id"].replace("msg_", "chatcmpl-"), "usage": usage}


def _mislabelled(answer: Answer, ask: Ask) -> Reply:
    return replace(strict_message_stream(answer, ask), content_type="application/json")


def _silent(answer: Answer, ask: Ask) -> Reply:
    """The head comes only with the first token."""
    return replace(strict_message_stream(answer, ask), delay_beats=BATCHES)


def _late_object(answer: Answer, ask: Ask) -> Reply:
    return replace(strict_message(answer, ask), delay_beats=BATCHES)


ROWS = (
    row(
        "messages-prefill-silent",
        "Silence before the first token of a message",
        stream=_silent,
        whole=_late_object,
    ),
    row(
        "messages-llamacpp",
        "llama.cpp: no ping, a chat id, calls begin without input",
        quirks=(83, 87),
        tell=tell_call_if_tools,
        stream=_llamacpp,
        whole=_llamacpp_whole,
    ),
    row(
        "messages-whole-for-stream",
        "One message in reply to a streaming request",
        faults=("bridge.object-for-stream",),
        quirks=(17,),
        tell=tell_text_then_calls,
        stream=strict_message,
    ),
    row(
        "messages-stream-for-whole",
        "A message's stream in reply to a request for one object",
        whole_faults=("bridge.stream-for-object",),
        quirks=(16,),
        tell=tell_text_then_calls,
        whole=strict_message_stream,
    ),
    row(
        "messages-stream-labelled-json",
        "A message's stream labelled application/json",
        whole_faults=("bridge.stream-for-object",),
        quirks=(13, 16),
        stream=_mislabelled,
        whole=_mislabelled,
    ),
)
