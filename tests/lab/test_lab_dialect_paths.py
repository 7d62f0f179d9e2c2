"""The paths of Responses and Messages on real sockets: official SDKs, missing dialects, errors."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from anthropic import AsyncAnthropic
from lab_wire import Heard, ask, json_request
from openai import AsyncOpenAI

from strictwire.lab.playback import Playback
from strictwire.lab.scenarios.answer import PROMPT_TOKENS
from strictwire.lab.server import LabServer
from strictwire.model.errors import CallerError

SPOKEN = ("healthy-text", "healthy-reasoning", "healthy-parallel-tools", "healthy-length")
MESSAGE: dict[str, Any] = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 9}


@pytest.fixture
async def server() -> AsyncIterator[LabServer]:
    async with LabServer() as started:
        yield started


async def asked(server: LabServer, path: str, model: str, **fields: object) -> Heard:
    return await ask(server, json_request(path, {"model": model, **fields}))


def said(block: Any) -> dict[str, Any]:
    """A block without its id, which is numbered."""
    told: dict[str, Any] = block.model_dump()
    return {name: value for name, value in told.items() if name not in ("id", "tool_use_id")}


async def test_the_sdk_reads_healthy_responses(server: LabServer) -> None:
    # Its helper takes response.incomplete for no end.
    complete = (name for name in SPOKEN if name != "healthy-length")
    names = (*complete, "healthy-refusal", "responses-web-search", "responses-custom-tool")
    async with AsyncOpenAI(base_url=server.url, api_key="sk-dummy", max_retries=0) as client:
        for name in names:
            async with client.responses.stream(model=name, input="hi") as stream:
                kinds = [event.type async for event in stream]
                final = await stream.get_final_response()
            whole = await client.responses.create(model=name, input="hi")
            assert kinds[0] == "response.created"
            assert [item.type for item in final.output] == [item.type for item in whole.output]
            assert final.output_text == whole.output_text
            assert final.usage == whole.usage


async def test_the_sdk_reads_healthy_messages(server: LabServer) -> None:
    names = (*SPOKEN, "messages-thinking", "messages-redacted-thinking", "messages-web-search")
    client = AsyncAnthropic(
        base_url=server.url.removesuffix("/v1"), api_key="sk-dummy", max_retries=0
    )
    async with client:
        for name in names:
            async with client.messages.stream(model=name, **MESSAGE) as stream:
                final = await stream.get_final_message()
            whole = await client.messages.create(model=name, **MESSAGE)
            assert [said(block) for block in final.content] == list(map(said, whole.content))
            assert (final.stop_reason, final.usage) == (whole.stop_reason, whole.usage)
        counted = await client.messages.count_tokens(
            model="healthy-text", messages=MESSAGE["messages"]
        )
        assert counted.input_tokens == PROMPT_TOKENS


@pytest.mark.parametrize("path", ["/responses", "/v1/responses"])
async def test_responses_are_played(server: LabServer, path: str) -> None:
    heard = await asked(server, path, "healthy-text@cut=7", input="hi", stream=True)
    assert heard.headers["content-type"].startswith("text/event-stream")
    assert heard.body.endswith(b"data: [DONE]\n\n")
    assert (server.log[0].path, server.log[0].script) == (path, "healthy-text")


@pytest.mark.parametrize("path", ["/messages", "/v1/messages", "/v1/messages?beta=true"])
async def test_messages_are_played(server: LabServer, path: str) -> None:
    heard = await asked(server, path, "messages-thinking", **MESSAGE, stream=True)
    assert heard.body.startswith(b"event: message_start\n")


# ---- a dialect that is not there ----


async def test_a_dialect_that_is_not_listed_is_no_path() -> None:
    only = Playback.parse("dialects=chat+responses")
    async with LabServer(defaults=only) as server:
        unknown = await asked(server, "/v1/no-such", "healthy-text")
        for path in ("/v1/messages", "/v1/completions", "/v1/messages/count_tokens"):
            heard = await asked(server, path, "healthy-text")
            assert (heard.status, heard.body) == (404, unknown.body)
        assert (await asked(server, "/v1/responses", "healthy-text", input="hi")).status == 200
        again = await asked(server, "/v1/messages", "healthy-text@dialects=messages", **MESSAGE)
        assert again.status == 200
        # A try is in the log, so that a test can count them.
        assert [entry.path for entry in server.log][:3] == [
            "/v1/messages",
            "/v1/completions",
            "/v1/messages/count_tokens",
        ]


async def test_a_model_may_say_which_dialects_its_server_has(server: LabServer) -> None:
    model = "healthy-text@dialects=chat"
    assert (await asked(server, "/v1/responses", model, input="hi")).status == 404
    assert (await asked(server, "/v1/chat/completions", model, messages=[])).status == 200


@pytest.mark.parametrize("value", ["", "chat+grpc", "chat+", "Chat"])
def test_dialects_are_checked(value: str) -> None:
    with pytest.raises(CallerError, match="dialects must be some of chat, completions, responses"):
        Playback.parse(f"dialects={value}")


# ---- counting tokens, and errors ----


async def test_a_server_may_count_no_tokens(server: LabServer) -> None:
    path = "/v1/messages/count_tokens"
    assert json.loads((await asked(server, path, "messages-thinking")).body) == {
        "input_tokens": PROMPT_TOKENS
    }
    assert (await asked(server, path, "messages-no-count-tokens")).status == 404
    assert (await asked(server, path, "messages-error-529")).status == 529


@pytest.mark.parametrize(
    ("path", "model", "fields", "status", "kind"),
    [
        ("/v1/messages", "no-such", MESSAGE, 404, "not_found_error"),
        ("/v1/messages", "healthy-text", {}, 400, "invalid_request_error"),
        ("/v1/messages", "messages-error-529", MESSAGE, 529, "overloaded_error"),
        ("/v1/messages", "messages-error-context", MESSAGE, 400, "invalid_request_error"),
        ("/v1/messages/count_tokens", "no-such", {}, 404, "not_found_error"),
    ],
)
async def test_errors_of_messages_have_anthropics_shape(
    server: LabServer, path: str, model: str, fields: dict[str, Any], status: int, kind: str
) -> None:
    heard = await asked(server, path, model, **fields)
    value = json.loads(heard.body)
    assert (heard.status, value["type"], value["error"]["type"]) == (status, "error", kind)


@pytest.mark.parametrize("path", ["/v1/responses", "/v1/messages", "/v1/messages/count_tokens"])
async def test_a_server_that_speaks_chat_alone_has_no_other_path(
    server: LabServer, path: str
) -> None:
    """No word of a model: a gateway may go over chat."""
    heard = await asked(server, path, "quirky-everything", input="hi", **MESSAGE)
    assert (heard.status, json.loads(heard.body)["error"]["message"]) == (404, "no such path")


async def test_errors_of_responses_have_openais_shape(server: LabServer) -> None:
    heard = await asked(server, "/v1/responses", "no-such", input="hi")
    assert json.loads(heard.body)["error"]["code"] == "model_not_found"
    heard = await asked(server, "/v1/responses", "healthy-text", input=1)
    assert json.loads(heard.body)["error"]["param"] == "input"
    heard = await asked(server, "/v1/responses", "error-429", input="hi")
    assert (heard.status, heard.headers["retry-after"]) == (429, "7")
