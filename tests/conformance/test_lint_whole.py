"""One whole object: each row spoils one place of a healthy one, and says what is found."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.bodies import DONE, HEALTHY, USAGE, encode, found, message, rules, whole

CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
COMPLETION = {
    "id": "cmpl-1",
    "object": "text_completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "text": "Hi", "logprobs": None, "finish_reason": "stop"}],
    "usage": USAGE,
}


def without(value: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value[name] for name in value if name not in names}


def calling(finish: str = "tool_calls", **change: Any) -> dict[str, Any]:
    return whole(message(content=None, tool_calls=[CALL | change]), finish)


OBJECTS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "healthy": (whole(), []),
    "a call": (calling(), []),
    "a refusal": (whole(message(content=None, refusal="no")), []),
    "another's field": (whole(message(vendor=1), verdict=2), []),
    "an error": ({"error": {"message": "m", "type": "t", "param": None, "code": None}}, []),
    "an error as text": ({"error": "m"}, ["chat.error-shape"]),
    "a detail": ({"detail": [{"loc": ["a"], "msg": "m"}]}, ["chat.error-shape"]),
    "a stranger": ({"type": "ping"}, ["chat.foreign-frame", "reply.empty"]),
    "another name": (whole(object="chat.completion.chunk"), ["whole.kind"]),
    "no id": (without(whole(), "id"), ["chat.envelope"]),
    "no usage": (without(whole(), "usage"), ["whole.keys"]),
    "usage with nulls": (whole(usage=USAGE | {"total_tokens": None}), ["chat.usage-shape"]),
    "choices null": (whole(choices=None), ["chat.choices-null", "reply.empty"]),
    "no refusal's key": (whole(without(message(), "refusal")), ["whole.keys"]),
    "no message": (
        whole(choices=[{"index": 0, "delta": {"content": "Hi"}, "logprobs": None,
                        "finish_reason": "stop"}]),
        ["whole.keys"],
    ),
    "content parts": (whole(message(content=[{"text": "a"}])), ["chat.content-parts"]),
    "content null": (whole(message(content=None)), ["whole.content"]),
    "content empty beside a call": (
        whole(message(content="", tool_calls=[CALL]), "tool_calls"), ["whole.content"],
    ),
    "reasoning's other key": (whole(message(reasoning="a")), ["chat.reasoning-key"]),
    "nulls": (whole(message(tool_calls=[], function_call=None)), ["whole.nulls"]),
    "another's role": (whole(message(role="bot")), ["chat.role-repeated"]),
    "an empty reason": (whole(finish=""), ["chat.finish-empty", "reply.finish-inferred"]),
    "a reason of its own": (whole(finish="eos"), ["chat.finish-value"]),
    "stop with a call": (calling("stop"), ["reply.tool-finish"]),
    "calls without any": (whole(finish="tool_calls"), ["reply.tool-finish-without-calls"]),
    "a call without type": (calling(type=None), ["whole.call-shape"]),
    "a call without id": (calling(id=""), ["chat.tool-id"]),
    "a call without a name": (calling(function={"arguments": "{}"}), ["chat.tool-shape"]),
    "arguments as an object": (
        calling(function={"name": "f", "arguments": {}}), ["chat.tool-arguments"],
    ),
    "a legacy call as an object": (
        whole(message(content=None, function_call={"name": "f", "arguments": {}}), "function_call"),
        ["chat.function-call"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("value", "expected"), OBJECTS.values(), ids=OBJECTS)
def test_an_object(value: dict[str, Any], expected: list[str]) -> None:
    assert sorted(rules(encode(value), is_stream=False)) == sorted(expected)


COMPLETIONS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "healthy": (COMPLETION, []),
    "chat's id": (COMPLETION | {"id": "chatcmpl-1"}, ["completions.envelope"]),
    "chat's name": (COMPLETION | {"object": "chat.completion"}, ["completions.envelope"]),
    "chat's shape": (whole(), ["completions.chat-shape"]),
    "text null": (
        COMPLETION | {"choices": [COMPLETION["choices"][0] | {"text": None}]},
        ["completions.text-missing"],
    ),
    "chat's logprobs": (
        COMPLETION | {"choices": [COMPLETION["choices"][0] | {"logprobs": {"content": []}}]},
        ["completions.logprobs-shape"],
    ),
    "no logprobs": (
        COMPLETION | {"choices": [without(COMPLETION["choices"][0], "logprobs")]}, ["whole.keys"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("value", "expected"), COMPLETIONS.values(), ids=COMPLETIONS)
def test_a_completion(value: dict[str, Any], expected: list[str]) -> None:
    assert rules(encode(value), is_stream=False, dialect="completions") == expected


def test_a_finding_names_the_byte_of_the_value() -> None:
    data = encode(whole(finish=""))
    assert found(data)[0] == (data.rindex(b'""'), "chat.finish-empty")


def test_the_wrong_kind_of_body() -> None:
    assert rules(encode(whole()), is_stream=True) == ["bridge.object-for-stream"]
    assert rules(HEALTHY, is_stream=False) == ["bridge.stream-for-object"]
    assert rules(encode(whole())) == rules(HEALTHY) == []


def test_what_stands_around_the_object() -> None:
    data = encode(whole())
    assert found(b"\n \n" + data + b"\n") == [(0, "bridge.blank-lines-before")]
    assert found(data + b"\n\n" + DONE) == [(len(data) + 2, "bridge.done-after-object")]
    assert found(b"\xef\xbb\xbf" + data) == [(0, "sse.byte-order-mark")]
    assert found(data[:-5]) == [(0, "json.invalid")]
