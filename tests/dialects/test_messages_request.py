"""A Messages request's body: what is refused and how it is said, what passes, what is read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from agent_requests import CLAUDE_CODE, body_of

from strictwire.dialects.messages import MessagesRequest, parse_count_request, parse_request
from strictwire.dialects.model_request import UpstreamAsk
from strictwire.model.errors import CallerError

MARK = "zebra-7f3a"
SMALL = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}


def asked(**fields: Any) -> MessagesRequest:
    return parse_request(body_of(SMALL, **fields))


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("invalid_type", {"messages": MARK}, "messages"),
    ("invalid_type", {"messages": [MARK]}, "messages[0]"),
    ("invalid_type", {"messages": [{"role": 5, "content": MARK}]}, "messages[0].role"),
    ("invalid_type", {"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
    ("invalid_type", {"messages": [{"role": "user", "content": [5]}]}, "messages[0].content[0]"),
    ("missing_required_parameter", {"messages": [{"role": "user"}]}, "messages[0].content"),
    ("missing_required_parameter", {"max_tokens": None}, "max_tokens"),
    ("invalid_value", {"messages": []}, "messages"),
    ("invalid_value", {"max_tokens": -1}, "max_tokens"),
    ("invalid_value", {"model": ""}, "model"),
    ("invalid_type", {"max_tokens": MARK}, "max_tokens"),
    ("invalid_type", {"system": 5}, "system"),
    ("invalid_type", {"system": [MARK]}, "system[0]"),
    ("invalid_type", {"stop_sequences": MARK}, "stop_sequences"),
    ("invalid_type", {"tools": {MARK: 1}}, "tools"),
    ("invalid_type", {"tool_choice": "auto"}, "tool_choice"),
    ("invalid_type", {"thinking": MARK}, "thinking"),
    ("invalid_type", {"stream": 1}, "stream"),
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


def test_claude_codes_request_goes_upstream_to_the_byte() -> None:
    body = json.dumps(CLAUDE_CODE, indent=1).encode()
    request = parse_request(body)
    assert request.upstream_body(UpstreamAsk("m", is_stream=True)) == body
    assert (request.is_stream, request.choices) == (True, 1)
    assert request.tools == {"Read", "Bash", "web_search"}


def test_a_request_to_count_needs_no_limit() -> None:
    body = body_of(SMALL, max_tokens=None)
    assert parse_count_request(body).model == "m"
    with pytest.raises(CallerError):
        parse_request(body)


def test_a_messages_server_is_sent_nothing_that_it_does_not_know() -> None:
    ask = UpstreamAsk("other", is_stream=True, asks_usage=True, asks_progress=True)
    told = json.loads(asked().upstream_body(ask))
    assert told == {**SMALL, "model": "other", "stream": True}
