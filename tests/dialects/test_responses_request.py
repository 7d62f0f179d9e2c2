"""A Responses request's body: what is refused and how it is said, what passes, what is read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from agent_requests import CODEX, OPENCODE_RESPONSES, body_of

from strictwire.dialects.model_request import UpstreamAsk
from strictwire.dialects.responses import ResponsesRequest, parse_request
from strictwire.model.errors import CallerError

MARK = "zebra-7f3a"


def asked(**fields: Any) -> ResponsesRequest:
    return parse_request(body_of({"model": "m", "input": "hi"}, **fields))


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("invalid_type", {"input": 5}, "input"),
    ("invalid_type", {"input": [MARK]}, "input[0]"),
    ("invalid_type", {"input": [{"role": 5, "content": MARK}]}, "input[0].role"),
    ("invalid_type", {"input": [{"role": "user", "content": 5}]}, "input[0].content"),
    ("invalid_type", {"input": [{"type": 5}]}, "input[0].type"),
    ("invalid_type", {"input": [{"type": "function_call", "call_id": 5}]}, "input[0].call_id"),
    ("invalid_type", {"instructions": 5}, "instructions"),
    ("invalid_type", {"stream": "true"}, "stream"),
    ("invalid_type", {"store": MARK}, "store"),
    ("invalid_type", {"background": 1}, "background"),
    ("invalid_type", {"previous_response_id": 5}, "previous_response_id"),
    ("invalid_type", {"max_output_tokens": "9"}, "max_output_tokens"),
    ("invalid_type", {"tools": {}}, "tools"),
    ("invalid_type", {"tools": [MARK]}, "tools[0]"),
    ("invalid_type", {"include": MARK}, "include"),
    ("invalid_type", {"text": MARK}, "text"),
    ("invalid_type", {"text": {"format": MARK}}, "text.format"),
    ("invalid_type", {"reasoning": {"effort": 5}}, "reasoning.effort"),
    ("invalid_type", {"temperature": MARK}, "temperature"),
    ("invalid_value", {"model": " "}, "model"),
    ("invalid_value", {"max_output_tokens": 2**63}, "max_output_tokens"),
]


@pytest.mark.parametrize(("code", "fields", "param"), BAD)
def test_a_bad_body_is_a_400_that_names_the_field_and_repeats_nothing(
    code: str, fields: dict[str, Any], param: str
) -> None:
    with pytest.raises(CallerError) as caught:
        asked(**fields)
    error = caught.value
    assert (error.status, error.code, error.param) == (400, code, param)
    assert MARK not in f"{error.message} {error!r} {error.__cause__!r}"


@pytest.mark.parametrize("body", [b"{}", b'{"model":"m"}', b'{"input":"hi"}'])
def test_what_is_missing_is_named(body: bytes) -> None:
    with pytest.raises(CallerError) as caught:
        parse_request(body)
    assert caught.value.code == "missing_required_parameter"


def test_input_may_be_what_the_server_keeps() -> None:
    request = parse_request(b'{"model":"m","previous_response_id":"resp_1"}')
    assert request.previous_response_id == "resp_1"


def test_what_was_asked_is_read() -> None:
    request = asked(
        stream=True, store=False, background=True, include=["reasoning.encrypted_content"]
    )
    told = (request.is_stream, request.store, request.is_background, request.include)
    assert told == (True, False, True, ("reasoning.encrypted_content",))
    assert (asked().is_stream, asked().store, asked().choices) == (False, None, 1)


def test_the_tools_that_may_be_called_are_read_those_of_namespaces_too() -> None:
    names = parse_request(body_of(CODEX)).tools
    assert names == {"exec_command", "open", "write", "apply_patch"}


def test_what_a_response_object_repeats_is_read() -> None:
    request = asked(
        instructions="short",
        temperature=0.5,
        metadata={"a": "b"},
        user=None,
        unknown=1,
        tools=[{"type": "function", "name": "f"}, {"type": "web_search"}],
    )
    assert request.echo == {
        "instructions": "short",
        "temperature": 0.5,
        "metadata": {"a": "b"},
        "tools": [
            {"type": "function", "name": "f", "parameters": None, "strict": None},
            {"type": "web_search"},
        ],
    }


@pytest.mark.parametrize("told", [CODEX, OPENCODE_RESPONSES])
def test_agents_requests_go_upstream_to_the_byte(told: dict[str, Any]) -> None:
    body = json.dumps(told, indent=1).encode()
    assert parse_request(body).upstream_body(UpstreamAsk("m", is_stream=True)) == body


def test_a_responses_server_is_not_asked_for_usage_which_it_tells_anyway() -> None:
    ask = UpstreamAsk("other", is_stream=True, asks_usage=True)
    told = json.loads(asked().upstream_body(ask))
    assert told == {"model": "other", "input": "hi", "stream": True}
