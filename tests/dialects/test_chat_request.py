"""A chat request's body: what is refused and how it is said, what passes, what goes upstream."""

from __future__ import annotations

import json
from typing import Any

import pytest
from chat_requests import BAD_BODIES, HEALTHY, MARK, Bad
from hypothesis import given
from hypothesis import strategies as st

from strictwire.dialects.chat import ChatRequest, parse_request
from strictwire.dialects.model_request import UpstreamAsk
from strictwire.model.errors import CallerError

# What the gateway changes or asks for, in a body that it otherwise leaves alone.
EVERYTHING = UpstreamAsk("other", is_stream=True, asks_usage=True, asks_progress=True)


def refusal_of(body: bytes) -> CallerError | None:
    try:
        parse_request(body)
    except CallerError as problem:
        return problem
    return None


@pytest.mark.parametrize("bad", BAD_BODIES, ids=lambda bad: bad.name)
def test_a_bad_body_is_a_400_that_names_the_field_and_repeats_nothing(bad: Bad) -> None:
    with pytest.raises(CallerError) as caught:
        parse_request(bad.body)
    error = caught.value
    assert (error.status, error.param, error.code) == (400, bad.param, bad.code)
    assert error.type == "invalid_request_error"
    assert error.message.endswith(".")
    if bad.param is not None:
        assert f"'{bad.param}'" in error.message
    assert len(error.message) < 200
    assert MARK not in f"{error.message} {error!r} {error.__cause__!r}"
    # A traceback in a log must not show the content either.
    assert error.__context__ is None or error.__suppress_context__


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_no_depth_crashes_the_reader(opening: str) -> None:
    """Two readers with different limits look at a body; neither may fail in its own way."""
    closing = "]" if opening == "[" else "}"
    for depth in (*range(1, 1200, 13), 5000, 50_000):
        for tail in ("", ', "more": 12345678901234567890123'):
            value = opening * depth + "1" + closing * depth
            body = f'{{"model":"m", "messages":[{{"role":"user"}}], "x":{value}{tail}}}'
            problem = refusal_of(body.encode())
            assert problem is None or problem.param in ("x", "more")


@pytest.mark.properties
@given(st.binary(max_size=60) | st.text(st.characters(codec="utf-8"), max_size=60).map(str.encode))
def test_bytes_that_are_no_request_are_refused_and_nothing_else(body: bytes) -> None:
    with pytest.raises(CallerError):
        parse_request(body)


@pytest.mark.properties
@given(st.integers(0, len(HEALTHY) - 1), st.binary(min_size=1, max_size=3))
def test_a_spoiled_body_passes_or_is_refused(place: int, noise: bytes) -> None:
    body = HEALTHY.encode()
    problem = refusal_of(body[:place] + noise + body[place:])
    assert problem is None or problem.status == 400


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)
UNKNOWN = st.dictionaries(
    st.text(st.characters(codec="utf-8"), max_size=6).map("x-{}".format), JSON_VALUES, max_size=5
)
# Spellings of the same JSON, as different clients send it.
SPELLINGS: list[dict[str, Any]] = [
    {"separators": (",", ":"), "ensure_ascii": False},
    {},
    {"indent": 2},
    {"separators": (" , ", " : "), "ensure_ascii": True},
]


@pytest.mark.properties
@given(unknown=UNKNOWN, spelling=st.sampled_from(SPELLINGS))
def test_fields_that_are_not_ours_are_kept_to_the_byte(
    unknown: dict[str, Any], spelling: dict[str, Any]
) -> None:
    value = {**unknown, "model": "m", "messages": [{"role": "user", "content": "hi"}]}
    body = json.dumps(value, **spelling).encode()
    request = parse_request(body)
    assert request.upstream_body(UpstreamAsk("m", is_stream=False)) == body
    changed = parse_request(request.upstream_body(EVERYTHING))
    for name in (*unknown, "messages"):
        assert bytes(changed.fields[name]) == bytes(request.fields[name])


def asked(**fields: Any) -> ChatRequest:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], **fields}
    return parse_request(json.dumps(body).encode())


def sent(request: ChatRequest, **changes: Any) -> dict[str, Any]:
    told = {"model": "m", "is_stream": request.is_stream, **changes}
    value: dict[str, Any] = json.loads(request.upstream_body(UpstreamAsk(**told)))
    return value


@pytest.mark.parametrize(
    "text",
    [
        '"x":1.0e5', '"x":0.1000', '"x":1E2', '"x":-0.0', '"x":"\\u00e9\\/"', '"x":{"b":1,  "a":2}',
        '"x":0.12345678901234567890123', '"x":"12345678901234567890123"',
        '"x":18446744073709551615', '"x":{"a":1,"a":2}',
    ],
)  # fmt: skip
def test_a_value_keeps_its_spelling(text: str) -> None:
    body = f"{HEALTHY[:-1]},{text}}}".encode()
    changed = parse_request(body).upstream_body(UpstreamAsk("other", is_stream=True))
    assert text.removeprefix('"x":').encode() in changed


def test_what_was_asked_is_read() -> None:
    request = asked(stream=True, stream_options={"include_usage": True}, n=3)
    told = (request.model, request.is_stream, request.includes_usage, request.choices)
    assert told == ("m", True, True, 3)


def test_what_was_not_asked_has_its_default() -> None:
    for request in (asked(), asked(stream=None, n=None, stream_options=None), asked(stream=False)):
        assert (request.is_stream, request.includes_usage, request.choices) == (False, False, 1)


def test_usage_without_a_stream_was_not_asked_for() -> None:
    assert not asked(stream_options={"include_usage": True}).includes_usage


def test_each_change_is_made_alone() -> None:
    request = asked(stream=True)
    assert sent(request, model="other")["model"] == "other"
    assert sent(request, asks_usage=True)["stream_options"] == {"include_usage": True}
    assert sent(request, asks_progress=True)["return_progress"] is True
    assert sent(asked(), is_stream=True)["stream"] is True
    assert sent(request, is_stream=False)["stream"] is False


def test_the_clients_own_stream_options_stay() -> None:
    request = asked(stream=True, stream_options={"include_obfuscation": False})
    told = sent(request, asks_usage=True)["stream_options"]
    assert told == {"include_obfuscation": False, "include_usage": True}


def test_stream_options_go_with_the_stream() -> None:
    request = asked(stream=True, stream_options={"include_usage": True})
    assert "stream_options" not in sent(request, is_stream=False)
    assert "return_progress" not in sent(request, is_stream=False, asks_progress=True)


def test_a_refused_field_is_left_out_even_if_we_ask_for_it() -> None:
    request = asked(stream=True, top_k=5)
    refused = frozenset(("top_k", "return_progress", "stream_options", "never_sent"))
    told = sent(request, asks_usage=True, asks_progress=True, without=refused)
    assert set(told) == {"model", "messages", "stream"}


def test_a_field_goes_under_its_other_name_with_its_spelling() -> None:
    body = HEALTHY[:-1] + ',"max_completion_tokens":12}'
    ask = UpstreamAsk("m", is_stream=False, renamed={"max_completion_tokens": "max_tokens"})
    told = json.loads(parse_request(body.encode()).upstream_body(ask))
    assert told["max_tokens"] == 12
    assert "max_completion_tokens" not in told


@pytest.mark.parametrize("options", [{}, None])
def test_stream_options_that_say_nothing_are_not_sent(options: dict[str, Any] | None) -> None:
    """Empty ones truncate mlx-lm's stream (quirk 88)."""
    request = asked(stream=True, stream_options=options)
    assert "stream_options" not in sent(request)
    assert sent(request, asks_usage=True)["stream_options"] == {"include_usage": True}
    kept = asked(stream=True, stream_options={"include_usage": False})
    assert sent(kept)["stream_options"] == {"include_usage": False}


def test_the_tools_that_may_be_called_are_read() -> None:
    tools = [
        {"type": "function", "function": {"name": "look", "parameters": {}}},
        {"type": "custom", "custom": {"name": "patch"}},
        {"type": "function"},
        {"type": "function", "function": {"name": 5}},
        {"type": "function", "function": "text"},
    ]
    assert asked(tools=tools).tools == {"look", "patch"}
    assert asked().tools == frozenset()


def test_the_body_does_not_show_in_a_representation() -> None:
    assert MARK not in repr(parse_request(HEALTHY.encode()))
