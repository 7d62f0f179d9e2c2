"""What chunks say: each row spoils one place of a healthy stream, and says what is found, where."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.bodies import (
    ARGUMENTS,
    CALL,
    CALLS_STOP,
    HEALTHY,
    ROLE,
    STOP,
    TEXT,
    USAGE,
    calls,
    choice,
    chunk,
    encode,
    found,
    frame,
    rules,
    stream,
)

ERROR = {"error": {"message": "m", "type": "t", "param": None, "code": None}}
LOGPROBS = {"content": [{"token": "Hi", "logprob": 0, "bytes": None, "top_logprobs": []}],
            "refusal": None}  # fmt: skip


def said(delta: Any, **more: Any) -> bytes:
    """A stream with this choice between its role and its end."""
    return stream(ROLE, chunk(choice(delta, **more)), TEXT, STOP)


STREAMS: dict[str, tuple[bytes, list[str]]] = {
    "healthy": (HEALTHY, []),
    "a call": (calls(CALL, ARGUMENTS), []),
    "reasoning": (said({"reasoning_content": "a"}), []),
    "a refusal": (said({"refusal": "a"}), []),
    "logprobs": (said({"content": "Hi"}, logprobs=LOGPROBS), []),
    "another's field": (said({"content": "a", "vendor": 1}, verdict=2), []),
    # errors and strangers
    "an error": (stream(ROLE, TEXT, ERROR), []),
    "an error as text": (stream(ROLE, ERROR | {"error": "m"}), ["chat.error-shape"]),
    "a code that is a number": (
        stream(ROLE, {"error": ERROR["error"] | {"code": 5}}), ["chat.error-shape"],
    ),
    "an error as a detail": (stream(ROLE, {"detail": "m"}), ["chat.error-shape"]),
    "MiniMax's error": (
        stream(ROLE, {"base_resp": {"status_code": 5, "status_msg": "m"}}), ["chat.error-shape"],
    ),
    "an error as a reason": (stream(ROLE, chunk(choice({}, "error"))), ["chat.error-shape"]),
    "null for an error": (stream(ROLE, TEXT | {"error": None}, STOP), ["chat.error-shape"]),
    "a chunk after an error": (stream(ROLE, ERROR, TEXT), ["reply.after-error"]),
    "an error without an end": (stream(ROLE, ERROR, done=b""), ["reply.error-end"]),
    "a stranger": (stream(ROLE, {"type": "ping"}, TEXT, STOP), ["chat.foreign-frame"]),
    "progress": (
        stream(ROLE, chunk(choice({}), prompt_progress={"total": 2}), TEXT, STOP),
        ["chat.progress-frame"],
    ),
    # choices
    "choices null": (
        stream(ROLE, chunk() | {"choices": None}, TEXT, STOP), ["chat.choices-null"],
    ),
    "no choice": (stream(ROLE, chunk(), TEXT, STOP), ["chat.empty-delta"]),
    "no index": (said({"content": "a"}, index=None), ["chat.choice-index"]),
    "two choices": (
        stream(chunk(choice({"role": "assistant"}), choice({"role": "assistant"}, index=1)),
               TEXT, STOP, chunk(choice({"content": "a"}, index=1)),
               chunk(choice({}, "stop", index=1))),
        ["chat.choices-together"],
    ),
    "choice 1 first": (
        stream(chunk(choice({"role": "assistant"}, index=1)), ROLE, TEXT, STOP,
               chunk(choice({"content": "a"}, index=1)), chunk(choice({}, "stop", index=1))),
        ["reply.choice-order"],
    ),
    "no delta": (said(None), ["chat.delta-missing", "chat.empty-delta"]),
    "a message": (said({}, message={"content": "H"}),
                  ["chat.role-repeated", "chat.message-beside-delta"]),
    # deltas
    "content null": (said({"content": None}), ["chat.empty-delta"]),
    "nothing said": (said({}), ["chat.empty-delta"]),
    "parts": (said({"content": [{"type": "text", "text": "a"}]}), ["chat.content-parts"]),
    "reasoning's other key": (said({"reasoning": "a"}), ["chat.reasoning-key"]),
    "an object for reasoning": (said({"content": "a", "reasoning": {}}), ["chat.empty-delta"]),
    "one list of logprobs": (
        said({"content": "a"}, logprobs={"content": []}), ["chat.logprobs-lists"],
    ),
    "the role again": (said({"role": "assistant", "content": "a"}), ["chat.role-repeated"]),
    "no role": (stream(TEXT, STOP), ["chat.role-missing"]),
    "a late role": (
        stream(TEXT, ROLE, STOP), ["chat.role-missing", "chat.empty-delta"],
    ),
    "another's role": (stream(chunk(choice({"role": "bot"})), TEXT, STOP), ["chat.role-repeated"]),
    "the role with text": (
        stream(chunk(choice({"role": "assistant", "content": "a"})), STOP), ["chat.role-alone"],
    ),
    # finish reasons
    "no reason's key": (
        stream(ROLE, chunk({"index": 0, "delta": {"content": "a"}}), STOP), ["chat.finish-missing"],
    ),
    "an empty reason": (said({"content": "a"}, finish=""), ["chat.finish-empty"]),
    "a reason of its own": (stream(ROLE, TEXT, chunk(choice({}, "eos"))), ["chat.finish-value"]),
    "a reason that is none": (said({"content": "a"}, finish=0), ["chat.finish-value"]),
    "a reason on text": (stream(ROLE, chunk(choice({"content": "a"}, "stop"))),
                         ["chat.finish-alone"]),
    "text after the reason": (stream(ROLE, TEXT, STOP, TEXT, STOP), ["reply.finish-early"]),
    "the reason twice": (stream(ROLE, TEXT, STOP, STOP), ["reply.finish-early"]),
    "stop with calls": (calls(CALL, ARGUMENTS, finish=STOP), ["reply.tool-finish"]),
    "calls without any": (stream(ROLE, TEXT, CALLS_STOP), ["reply.tool-finish-without-calls"]),
    # usage
    "usage on text": (
        stream(ROLE, TEXT | {"usage": USAGE}, STOP),
        ["chat.usage-placement", "reply.usage-repeated"],
    ),
    "usage on the end": (stream(ROLE, TEXT, STOP | {"usage": USAGE}), ["chat.usage-placement"]),
    "usage twice": (
        stream(ROLE, TEXT, STOP, chunk(usage=USAGE), chunk(usage=USAGE)), ["reply.usage-repeated"],
    ),
    "usage with nulls": (
        stream(ROLE, TEXT, STOP, chunk(usage=USAGE | {"details": None})), ["chat.usage-shape"],
    ),
    "half of usage": (
        stream(ROLE, TEXT, STOP, chunk(usage={"prompt_tokens": 1})), ["chat.usage-shape"],
    ),
    "Groq's usage": (
        stream(ROLE, TEXT, STOP, chunk(x_groq={"usage": USAGE})), ["chat.usage-elsewhere"],
    ),
    # the envelope
    "another id": (stream(ROLE, TEXT | {"id": "x"}, STOP), ["chat.envelope"]),
    "no model": (stream(ROLE | {"model": ""}, TEXT, STOP), ["chat.envelope"]),
    "another object": (stream(ROLE, TEXT | {"object": "chunk"}, STOP), ["chat.envelope"]),
}  # fmt: skip


@pytest.mark.parametrize(("data", "expected"), STREAMS.values(), ids=STREAMS)
def test_a_stream(data: bytes, expected: list[str]) -> None:
    assert rules(data) == expected


TOOLS: dict[str, tuple[bytes, list[str]]] = {
    "no index": (calls(CALL | {"index": None}, ARGUMENTS), ["chat.tool-index"]),
    "a gap": (calls(CALL | {"index": 1}, ARGUMENTS | {"index": 1}), ["chat.tool-index"]),
    "parallel calls at 0": (
        calls(CALL, ARGUMENTS, CALL | {"id": "c2", "function": {"name": "g", "arguments": ""}},
              ARGUMENTS),
        ["chat.tool-index"],
    ),
    "a tail elsewhere": (calls(CALL, ARGUMENTS | {"index": 1}), ["chat.tool-index"]),
    "a tail alone": (calls(ARGUMENTS), ["chat.tool-shape", "chat.tool-index"]),
    "no type": (
        calls({name: CALL[name] for name in CALL if name != "type"}, ARGUMENTS),
        ["chat.tool-shape"],
    ),
    "whole in one": (
        calls(CALL | {"function": {"name": "f", "arguments": '{"a":1}'}}), ["chat.tool-shape"],
    ),
    "nothing in it": (calls(CALL, {"index": 0, "function": {}}, ARGUMENTS), ["chat.tool-shape"]),
    "no id": (calls(CALL | {"id": None}, ARGUMENTS), ["chat.tool-id"]),
    "one id twice": (
        calls(CALL, ARGUMENTS, CALL | {"index": 1, "function": {"name": "g", "arguments": ""}},
              ARGUMENTS | {"index": 1}),
        ["chat.tool-id"],
    ),
    "the name again": (
        calls(CALL, CALL, ARGUMENTS), ["chat.tool-name"],
    ),
    "an object": (
        calls(CALL, {"index": 0, "function": {"arguments": {"a": 1}}}), ["chat.tool-arguments"],
    ),
    "no arguments": (calls(CALL), ["chat.tool-arguments"]),
    "an empty object first": (
        calls(CALL, {"index": 0, "function": {"arguments": "{}"}}, ARGUMENTS),
        ["chat.tool-arguments"],
    ),
    "all again": (calls(CALL, ARGUMENTS, ARGUMENTS), ["chat.tool-arguments"]),
    "arguments in pieces": (
        calls(CALL, *({"index": 0, "function": {"arguments": one}} for one in '{"a":"}\\""}')), [],
    ),
    "two pieces in a chunk": (
        stream(ROLE, chunk(choice({"tool_calls": [CALL, ARGUMENTS]})), CALLS_STOP),
        ["chat.tool-shape"],
    ),
    "a custom tool": (
        calls({"index": 0, "id": "c", "type": "custom", "custom": {"name": "f", "input": ""}},
              {"index": 0, "custom": {"input": "a"}}),
        [],
    ),
    "a legacy call": (
        stream(ROLE, chunk(choice({"function_call": {"name": "f", "arguments": ""}})),
               chunk(choice({"function_call": {"arguments": "{}"}})),
               chunk(choice({}, "function_call"))),
        [],
    ),
    "a legacy call in one": (
        stream(ROLE, chunk(choice({"function_call": {"name": "f", "arguments": "{}"}})),
               chunk(choice({}, "function_call"))),
        ["chat.function-call"],
    ),
    "a legacy call without arguments": (
        stream(ROLE, chunk(choice({"function_call": {"name": "f", "arguments": ""}})),
               chunk(choice({}, "function_call"))),
        ["chat.function-call"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("data", "expected"), TOOLS.values(), ids=TOOLS)
def test_tool_calls(data: bytes, expected: list[str]) -> None:
    assert rules(data) == expected


def test_a_finding_names_the_byte_of_the_value() -> None:
    data = stream(ROLE, chunk(choice({"content": "a"}, "")), STOP)
    assert found(data) == [(data.index(b'""'), "chat.finish-empty")]


def test_a_finding_in_data_of_several_lines_names_its_byte_too() -> None:
    text = encode(chunk(choice({"content": "a"}, "")))
    cut = text.index(b'"delta"')
    lines = b"data: " + text[:cut] + b"\ndata: " + text[cut:] + b"\n\n"
    data = frame(ROLE) + lines + frame(STOP) + b"data: [DONE]\n\n"
    assert (data.index(b'""'), "chat.finish-empty") in found(data)


# What was asked for, a stream, and what is found in it under that.
ASKED: dict[str, tuple[dict[str, Any], bytes, list[str]]] = {
    "usage, and none was told": (
        {"includes_usage": True},
        stream(*(one | {"usage": None} for one in (ROLE, TEXT, STOP))),
        [],
    ),
    "usage, and nobody says null": (
        {"includes_usage": True},
        stream(ROLE, TEXT, STOP, chunk(usage=USAGE)),
        ["reply.usage-null"],
    ),
    "no usage": (
        {"includes_usage": False},
        stream(ROLE, TEXT, STOP, chunk(usage=USAGE)),
        ["reply.usage-unasked"],
    ),
    "no usage, and null": (
        {"includes_usage": False}, stream(ROLE | {"usage": None}, TEXT, STOP),
        ["reply.usage-unasked"],
    ),
    "one choice": (
        {"choices": 1},
        stream(ROLE, chunk(choice({"content": "a"}, index=7)), STOP),
        ["chat.choice-counting"],
    ),
    "reasoning": ({"reasoning_key": "reasoning"}, said({"reasoning": "a"}), []),
    "reasoning, and the other": (
        {"reasoning_key": "reasoning"}, said({"reasoning_content": "a"}), ["chat.reasoning-key"],
    ),
    "both keys": (
        {"reasoning_key": "both"}, said({"reasoning_content": "a", "reasoning": "a"}), [],
    ),
    "both keys, and one": (
        {"reasoning_key": "both"}, said({"reasoning_content": "a"}), ["chat.reasoning-key"],
    ),
    "no extra fields": (
        {"extra_fields": "drop"},
        said({"content": "a", "vendor": 1}, verdict=2),
        ["chat.extra-fields"],
    ),
    "an end that is cut": ({"after_error": "cut"}, stream(ROLE, ERROR), ["reply.error-end"]),
    "an end that was cut": ({"after_error": "cut"}, stream(ROLE, ERROR, done=b""), []),
    "a rule that is off": (
        {"modes": {"chat.finish-empty": "off"}}, said({"content": "a"}, finish=""), [],
    ),
    "cumulative text": (
        {"modes": {"chat.cumulative-text": "on"}},
        stream(ROLE, TEXT, chunk(choice({"content": "Hi there"})), STOP),
        ["chat.cumulative-text"],
    ),
    "thinking": (
        {"modes": {"chat.think-tags": "split"}},
        stream(ROLE, chunk(choice({"content": " <thi"})), chunk(choice({"content": "nk>a"})), STOP),
        ["chat.think-tags"],
    ),
    "a closing tag alone": (
        {"modes": {"chat.think-tags": "split"}},
        stream(ROLE, TEXT, chunk(choice({"content": "</th"})), chunk(choice({"content": "ink>a"})),
               STOP),
        ["chat.think-tags"],
    ),
    "text that speaks of the tag": (
        {"modes": {"chat.think-tags": "split"}}, said({"content": "a <think> b </think>"}), [],
    ),
    "thinking begun in the prompt": (
        {"modes": {"chat.think-tags": "opened"}}, HEALTHY, ["chat.think-tags"],
    ),
    "a call as text": (
        {"modes": {"chat.leaked-call": "on"}, "tools": frozenset(("f",))},
        stream(ROLE, chunk(choice({"content": '{"name":"f",'})),
               chunk(choice({"content": '"arguments":{}}'})), STOP),
        ["chat.leaked-call", "reply.tool-finish"],
    ),
    "a call of no tool": (
        {"modes": {"chat.leaked-call": "on"}, "tools": frozenset(("g",))},
        said({"content": '{"name":"f","arguments":{}}'}),
        [],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("asked", "data", "expected"), ASKED.values(), ids=ASKED)
def test_what_was_asked_for_counts(asked: dict[str, Any], data: bytes, expected: list[str]) -> None:
    assert rules(data, is_stream=True, **asked) == expected


@pytest.mark.parametrize("deep", [10_000, 200_000])
def test_nesting_of_any_depth_is_judged(deep: int) -> None:
    data = stream(ROLE, done=b"") + b'data: {"a":' + b"[" * deep + b"]" * deep + b"}\n\n"
    assert rules(data)[-1] == "reply.truncated"


# ---- what is strict, though it looks odd ----

SIGNED = {"extra_content": {"google": {"thought_signature": "c2ln"}}}
VERDICT = {"content_filter_results": {"hate": {"filtered": False}}}
OTHER = {"index": 1, "id": "c2", "type": "function", "function": {"name": "g", "arguments": ""}}
BARE = {"index": 0, "function": {"arguments": "{}"}}

STRICT: dict[str, bytes] = {
    "a verdict on an empty delta": said({}, **VERDICT),
    "a signed call": calls(CALL | SIGNED, ARGUMENTS),
    "signed arguments": calls(CALL, ARGUMENTS | SIGNED),
    "a signature alone": calls(
        CALL, ARGUMENTS, {"index": 0, "function": {"arguments": ""}, **SIGNED}
    ),
    "a call whose name never came": calls(
        CALL | {"function": {"name": "", "arguments": ""}}, ARGUMENTS
    ),
    "an empty object, then another call, then more": calls(
        CALL, BARE, OTHER, ARGUMENTS, ARGUMENTS | {"index": 1}
    ),
    "a call that goes on after a finish reason": stream(
        ROLE, chunk(choice({"tool_calls": [CALL]})), CALLS_STOP,
        chunk(choice({"tool_calls": [ARGUMENTS]})), CALLS_STOP,
    ),
}  # fmt: skip


@pytest.mark.parametrize("data", STRICT.values(), ids=STRICT)
def test_what_may_stand_in_a_correct_chunk_is_none_of_the_judge_s_business(data: bytes) -> None:
    assert set(rules(data)) <= {"reply.finish-early"}


@pytest.mark.parametrize(
    "data",
    [said({}, **VERDICT), calls(CALL | SIGNED, ARGUMENTS)],
    ids=["a verdict", "a signature"],
)
def test_fields_that_nobody_asked_for_are_told(data: bytes) -> None:
    assert "chat.extra-fields" in rules(data, extra_fields="drop")


def test_more_choices_than_were_asked_for_are_no_miscount_if_all_is_strict() -> None:
    both = [chunk(choice(delta, index=n)) for delta in ({"role": "assistant"}, {"content": "a"})
            for n in (0, 1)]  # fmt: skip
    ends = [chunk(choice({}, "stop", index=n)) for n in (0, 1)]
    assert rules(stream(*both, *ends), choices=1) == []
    assert "chat.choice-counting" in rules(stream(*both, ends[0]), choices=1)
    assert rules(stream(*(chunk(one["choices"][0] | {"index": 1}) for one in (ROLE, TEXT, STOP))),
                 choices=1) == ["chat.choice-counting"]  # fmt: skip
