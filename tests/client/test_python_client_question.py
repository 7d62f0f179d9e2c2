"""What a caller asks, and the request that goes out for it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from strictwire.client import AsyncClient, BadRequestError, Client
from strictwire.client.asked import question_of
from strictwire.client.question import Address, ClientDialect, Manner, Question, Written, write
from strictwire.config.secret import Secret
from strictwire.model.request import Promise

KEY = "sk-dummy-of-the-client"
ADDRESS = Address(base_url="http://lab:1/v1/", key=Secret(KEY), headers={"X-Title": "t"})
PROMISE = Promise(id="c", created=0, model="", max_reply_bytes=7, modes={"x": "on"})
WEATHER = {"name": "weather", "parameters": {"type": "object"}}
DIALECTS: tuple[ClientDialect, ...] = ("chat", "responses", "messages")


def written(question: Question, dialect: ClientDialect = "chat", **manner: Any) -> Written:
    return write(question, Manner(dialect, **{"is_stream": True, **manner}), ADDRESS, PROMISE)


def body_of(question: Question, dialect: ClientDialect = "chat", **manner: Any) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(written(question, dialect, **manner).send.body)
    return body


def test_a_text_is_a_message() -> None:
    asked = question_of("m", {"input": "Hi", "instructions": "Be brief."}, is_stream=True)
    assert body_of(asked) == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hi"},
        ],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_an_object_is_asked_for_plainly() -> None:
    asked = question_of("m", {"input": "Hi"}, is_stream=False)
    body = body_of(asked, is_stream=False)
    assert body["stream"] is False
    assert "stream_options" not in body


def test_fields_go_along_and_extra_goes_on_top() -> None:
    asked = question_of(
        "m",
        {
            "messages": [{"role": "user", "content": "Hi"}],
            "temperature": 0.5,
            "tools": [WEATHER, {"type": "custom", "custom": {"name": "shell"}}],
            "extra": {"top_k": 3, "temperature": 1, "stream_options": {}},
        },
        is_stream=True,
    )
    body = body_of(asked)
    assert (body["temperature"], body["top_k"], body["stream_options"]) == (1, 3, {})
    assert body["tools"][0] == {"type": "function", "function": WEATHER}
    assert written(asked).promise.tools == {"weather", "shell"}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_is_asked_at_its_path(dialect: ClientDialect) -> None:
    asked = question_of("m", {"input": "Hi", "tools": [WEATHER]}, is_stream=True)
    made = written(asked, dialect)
    ends = {"chat": "/chat/completions", "responses": "/responses", "messages": "/messages"}
    assert made.send.url == "http://lab:1/v1" + ends[dialect]
    assert json.loads(made.send.body)["stream"] is True
    assert made.promise.dialect == dialect
    assert made.promise.tools == {"weather"}
    assert (made.promise.model, made.promise.max_reply_bytes) == ("m", 7)
    assert dict(made.promise.modes) == {"x": "on"}


def test_a_question_is_translated_as_the_gateway_would() -> None:
    asked = question_of(
        "m",
        {"input": "Hi", "instructions": "Be brief.", "max_tokens": 99, "extra": {"user": "u"}},
        is_stream=True,
    )
    body = body_of(asked, "responses")
    assert (body["instructions"], body["max_output_tokens"]) == ("Be brief.", 99)
    assert body["user"] == "u"
    body = body_of(asked, "messages")
    assert (body["system"], body["max_tokens"]) == ("Be brief.", 99)


def test_a_custom_tool_is_folded_where_there_are_none() -> None:
    custom = {"type": "custom", "custom": {"name": "shell", "description": "Runs."}}
    asked = question_of("m", {"input": "Hi", "tools": [custom]}, is_stream=True)
    folded = written(asked, "messages").promise.folded
    assert [tool.name for tool in folded.values()] == ["shell"]
    assert all(tool.is_custom for tool in folded.values())


def test_what_a_dialect_cannot_hold_is_an_error_before_anything_is_sent() -> None:
    asked = question_of("m", {"input": "Hi"}, is_stream=True)
    audio = Question(model="m", fields={**asked.fields, "n": 2})
    with pytest.raises(BadRequestError) as caught:
        written(audio, "messages")
    assert caught.value.param == "n"


def test_a_body_of_its_own_dialect_goes_as_it_is() -> None:
    body = {"input": [{"role": "user", "content": "Hi"}], "tools": [{"type": "web_search"}]}
    asked = question_of("m", {"body": body, "dialect": "responses"}, is_stream=True)
    assert body_of(asked, "responses") == {**body, "model": "m", "stream": True}


HEADERS = {
    "accept": "text/event-stream, application/json",
    "accept-encoding": "identity",
    "content-type": "application/json",
    "authorization": f"Bearer {KEY}",
    "x-title": "t",
}
OF_MESSAGES = {"anthropic-version": "2023-06-01", "x-api-key": KEY}
OF_PROGRESS = {"x-strictwire-prefill-progress": "comment"}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("progress", [True, False])
def test_headers(dialect: ClientDialect, progress: bool) -> None:
    asked = question_of("m", {"input": "Hi", "progress": progress}, is_stream=True)
    headers = dict(written(asked, dialect).send.headers)
    assert headers.pop("user-agent").startswith("strictwire-client/")
    expected = HEADERS | (OF_MESSAGES if dialect == "messages" else {})
    assert headers == expected | (OF_PROGRESS if progress else {})


def test_a_header_of_the_caller_replaces_ours() -> None:
    address = Address(base_url="http://lab/v1", key=Secret(KEY), headers={"Authorization": "mine"})
    asked = question_of("m", {"input": "Hi"}, is_stream=True)
    headers = write(asked, Manner("chat", is_stream=True), address, PROMISE).send.headers
    assert headers["authorization"] == "mine"


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({}, "input"),
        ({"input": "Hi", "messages": []}, "not both"),
        ({"messages": []}, "at least one"),
        ({"body": {}, "input": "Hi"}, "input belongs into the body"),
        ({"body": {}, "temperature": 1.0}, "temperature belongs into the body"),
        ({"body": {}, "dialect": "auto"}, "name it"),
        ({"input": "Hi", "dialect": "completions"}, "dialect must be one of chat"),
    ],
)
def test_what_contradicts_itself_is_refused(asked: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        question_of("m", asked, is_stream=True)


def test_an_unknown_argument_is_a_typing_mistake() -> None:
    with pytest.raises(TypeError, match="temprature"):
        question_of("m", {"input": "Hi", "temprature": 1}, is_stream=True)  # type: ignore[typeddict-unknown-key]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"base_url": "lab/v1"}, "base_url must be"),
        ({"base_url": "ftp://lab"}, "base_url must be"),
        ({"base_url": "http://me:secret@lab/v1"}, "no user"),
        ({"base_url": "http://lab/v1?key=secret"}, "no user"),
        ({"rules": {"chat.think-tags": "on"}}, "keep, split, opened"),
        ({"rules": {"chat.no-rule": "on"}}, "no such rule"),
        ({"max_reply_bytes": 0}, "more than 0"),
        ({"dialect": "ftp"}, "dialect"),
    ],
)
@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_a_client_that_cannot_work_is_not_made(
    kind: type[Client] | type[AsyncClient], options: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        kind(**{"base_url": "http://lab/v1", **options})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_an_unknown_option_is_a_typing_mistake(kind: type[Client] | type[AsyncClient]) -> None:
    with pytest.raises(TypeError, match="api_kye"):
        kind("http://lab/v1", api_kye="x")  # type: ignore[call-arg]


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_no_repr_tells_the_key(kind: type[Client] | type[AsyncClient]) -> None:
    client = kind("http://lab:8080/v1", api_key=KEY)
    assert "lab:8080" in repr(client)
    assert KEY not in repr(client) + repr(vars(client))
