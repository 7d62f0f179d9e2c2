"""Which dialect a server is asked in: its own list, what is learned of it, and what is told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from dialect_stand import PATHS, Asked, Speaker, speaker, stream_of, text_of
from gateway_stand import Visit, gateway_for, scripted, sized

from strictwire.model.request import Dialect

SPOKEN: tuple[Dialect, ...] = ("chat", "responses", "messages")
CLIENTS: tuple[Dialect, ...] = ("chat", "completions", "responses", "messages")


async def hears(stand: Speaker, client: Dialect, *, stream: bool, **fields: Any) -> str:
    heard = await stand.ask(client, stream=stream, **fields)
    assert heard.status == 200, heard.body
    return text_of(client, heard)


# ---- what is asked ----


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("upstream", SPOKEN)
@pytest.mark.parametrize("client", CLIENTS)
async def test_every_client_over_every_listed_dialect(
    client: Dialect, upstream: Dialect, stream: bool
) -> None:
    async with speaker(upstream, dialects=(upstream,)) as stand:
        assert await hears(stand, client, stream=stream) == "fine"
        assert stand.asked() == [PATHS[upstream].removeprefix("/v1")]


@pytest.mark.parametrize("client", CLIENTS)
async def test_auto_asks_in_the_clients_own(client: Dialect) -> None:
    async with speaker(*CLIENTS) as stand:
        assert await hears(stand, client, stream=True) == "fine"
        assert stand.asked() == [PATHS[client].removeprefix("/v1")]


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    "missing",
    [
        (404, {"detail": "Not Found"}),
        (404, "404 page not found"),
        (404, ""),
        (405, {"detail": "Method Not Allowed"}),
        (501, "Unsupported method ('POST')"),
    ],
)
@pytest.mark.parametrize("client", ["responses", "messages", "completions"])
async def test_auto_learns_that_a_path_is_missing(
    client: Dialect, missing: tuple[int, object], stream: bool
) -> None:
    async with speaker("chat", missing=missing) as stand:
        own = PATHS[client].removeprefix("/v1")
        assert await hears(stand, client, stream=stream) == "fine"
        assert stand.asked() == [own, "/chat/completions"]
        assert await hears(stand, client, stream=stream) == "fine"
        assert stand.asked() == ["/chat/completions"], "what was learned is not tried again"


async def test_what_one_client_taught_says_nothing_of_another_dialect() -> None:
    async with speaker("chat", "messages") as stand:
        await hears(stand, "responses", stream=True)
        stand.asked()
        await hears(stand, "messages", stream=True)
        assert stand.asked() == ["/messages"]


async def test_it_is_learned_of_the_provider_for_all_its_models() -> None:
    async with speaker("chat") as stand:
        await hears(stand, "responses", stream=True, model="one")
        stand.asked()
        await hears(stand, "responses", stream=False, model="two")
        assert stand.asked() == ["/chat/completions"]


NO_MODEL = {"error": {"message": "The model `m` does not exist.", "code": "model_not_found"}}


@pytest.mark.parametrize("client", ["responses", "messages"])
async def test_a_model_that_is_missing_is_no_missing_path(client: Dialect) -> None:
    async with speaker(*SPOKEN, refuse=lambda asked: (404, NO_MODEL)) as stand:
        for _ in range(2):
            heard = await stand.ask(client)
            assert heard.status == 404
            assert "does not exist" in heard.json["error"]["message"]
        assert stand.asked() == [PATHS[client].removeprefix("/v1")] * 2


async def test_nothing_is_learned_where_chat_did_not_answer_either() -> None:
    async with speaker(refuse=lambda asked: None) as stand:
        for _ in range(2):
            assert (await stand.ask("responses")).status == 404
            assert stand.asked() == ["/responses", "/chat/completions"]


async def test_a_chat_client_has_nothing_to_fall_back_to() -> None:
    async with speaker("responses") as stand:
        assert (await stand.ask("chat")).status == 404
        assert stand.asked() == ["/chat/completions"]


async def test_a_list_is_not_tried_out() -> None:
    async with speaker("chat", dialects=("responses",)) as stand:
        assert (await stand.ask("responses")).status == 404
        assert stand.asked() == ["/responses"]


async def test_a_list_without_a_stand_in() -> None:
    async with speaker("completions", dialects=("completions",)) as stand:
        heard = await stand.ask("messages")
        assert (heard.status, heard.json["error"]["type"]) == (404, "not_found_error")
        assert "speaks only completions" in heard.json["error"]["message"]
        assert stand.asked() == []


@pytest.mark.parametrize("answer", ["<html><title>LM Studio</title>", "Returning 200 anyway"])
async def test_a_200_that_is_no_reply_is_an_error_and_teaches_nothing(answer: str) -> None:
    async with speaker("chat", missing=(200, answer)) as stand:
        for _ in range(2):
            assert (await stand.ask("responses")).status == 502
            assert stand.asked() == ["/responses"]


async def test_what_cannot_be_asked_over_chat_is_told_by_its_field() -> None:
    async with speaker("chat") as stand:
        heard = await stand.ask("responses", previous_response_id="resp_9")
        assert heard.status == 400
        assert heard.error["param"] == "previous_response_id"
        assert stand.asked() == ["/responses"]


# ---- refused fields, in whichever dialect ----


def unknown(name: str) -> Any:
    def refuse(asked: Asked) -> tuple[int, object] | None:
        told = {"error": {"message": f"Unknown parameter: '{name}'.", "param": name}}
        return (400, told) if name in asked.body else None

    return refuse


async def test_a_field_is_refused_in_the_upstreams_name_and_told_in_the_clients() -> None:
    refuse = unknown("reasoning_effort")
    async with speaker("chat", dialects=("chat",), refuse=refuse) as stand:
        for turn in range(2):
            heard = await stand.ask("responses", reasoning={"effort": "low"}, stream=True)
            assert (heard.status, text_of("responses", heard)) == (200, "fine")
            assert "reasoning" in heard.headers["x-strictwire-dropped"].split(", ")
            assert len(stand.asked()) == (2 if turn == 0 else 1)


async def test_a_missing_path_and_a_refused_field_in_one_request() -> None:
    async with speaker("chat", refuse=unknown("temperature")) as stand:
        heard = await stand.ask("messages", temperature=0.5, stream=True)
        assert (heard.status, text_of("messages", heard)) == (200, "fine")
        assert heard.headers["x-strictwire-dropped"].split(", ")[-1] == "temperature"
        assert stand.asked() == ["/messages", "/chat/completions", "/chat/completions"]
        await stand.ask("messages", temperature=0.5, stream=True)
        (asked,) = stand.requests
        assert (asked.dialect, "temperature" in asked.body) == ("chat", False)


async def test_what_one_dialect_refuses_another_may_take() -> None:
    def refuse(asked: Asked) -> Any:
        return unknown("temperature")(asked) if asked.dialect == "chat" else None

    async with speaker(*SPOKEN, refuse=refuse) as stand:
        await stand.ask("chat", temperature=0.5)
        stand.asked()
        await stand.ask("responses", temperature=0.5)
        assert [one.body.get("temperature") for one in stand.requests] == [0.5]


async def test_what_is_not_said_in_the_upstreams_dialect_is_told() -> None:
    async with speaker("chat", dialects=("chat",)) as stand:
        heard = await stand.ask("responses", client_metadata={"a": "b"})
        assert "client_metadata" in heard.headers["x-strictwire-dropped"].split(", ")


# ---- what else goes with it ----


async def test_usage_is_asked_for_where_the_clients_dialect_always_tells_it() -> None:
    async with speaker("chat", dialects=("chat",)) as stand:
        for client in ("responses", "messages"):
            await stand.ask(client, stream=True)
            (asked,) = stand.requests
            assert asked.body["stream_options"] == {"include_usage": True}
            stand.asked()


@pytest.mark.parametrize("mode", ["always", "never"])
@pytest.mark.parametrize("upstream", SPOKEN)
@pytest.mark.parametrize("client", ["responses", "messages"])
async def test_how_a_provider_is_asked_is_nothing_to_the_client(
    client: Dialect, upstream: Dialect, mode: str
) -> None:
    async with speaker(upstream, dialects=(upstream,), provider={"stream": mode}) as stand:
        for stream in (True, False):
            assert await hears(stand, client, stream=stream) == "fine"
        asked = [bool(one.body.get("stream")) for one in stand.requests]
        assert asked == [mode == "always"] * 2


async def test_a_messages_upstream_is_greeted_as_anthropic_wants_it() -> None:
    async with speaker("messages", dialects=("messages",)) as stand:
        headers = ("authorization: Bearer sk-dummy", "anthropic-beta: a", "x-codex-b: c")
        await stand.ask("messages", *headers, "anthropic-version: 2024-01-01")
        await stand.ask("chat", *headers)
        native, crossed = (one.headers for one in stand.requests)
        assert native["x-api-key"] == crossed["x-api-key"] == "sk-dummy"
        assert (native["anthropic-version"], native["anthropic-beta"]) == ("2024-01-01", "a")
        assert crossed["anthropic-version"] == "2023-06-01"
        assert "anthropic-beta" not in crossed
        assert "x-codex-b" not in native


async def test_a_codex_header_reaches_a_responses_upstream_only() -> None:
    async with speaker("chat", "responses") as stand:
        headers = ("x-codex-turn-state: s", "originator: codex_exec", "session_id: 1")
        await stand.ask("responses", *headers)
        assert stand.requests[0].headers["x-codex-turn-state"] == "s"
        assert stand.requests[0].headers["originator"] == "codex_exec"
    async with speaker("chat") as stand:
        await stand.ask("responses", *headers)
        first, second = stand.requests
        assert first.headers["session_id"] == "1"
        assert not {"x-codex-turn-state", "originator", "session_id"} & set(second.headers)


TOLD = (
    "x-ratelimit-remaining-requests: 5",
    "x-codex-primary-used-percent: 12",
    "anthropic-ratelimit-requests-remaining: 4",
    "openai-model: m-2026",
    "x-request-id: req_upstream",
    "openai-organization: org-of-somebody",
    "server: secret-host.internal",
)


@pytest.mark.parametrize("stream", [True, False])
async def test_what_the_upstream_tells_of_limits_reaches_who_knows_it(stream: bool) -> None:
    async with speaker(*SPOKEN, headers=TOLD) as stand:
        for client, own in (
            ("responses", "x-codex-primary-used-percent"),
            ("messages", "anthropic-ratelimit-requests-remaining"),
        ):
            heard = await stand.ask(client, stream=stream)  # type: ignore[arg-type]
            assert heard.headers["x-ratelimit-remaining-requests"] == "5"
            assert own in heard.headers
            assert heard.headers["x-request-id"] != "req_upstream"
            assert "openai-organization" not in heard.headers
            assert "server" not in heard.headers
            assert ("openai-model" in heard.headers) == (client == "responses")


async def test_limits_are_told_with_an_error_too_and_a_page_may_read_them() -> None:
    full = {"error": {"message": "Rate limit reached.", "type": "tokens", "code": None}}
    retry = ("retry-after: 3", *TOLD)
    async with speaker(
        "responses", refuse=lambda asked: (429, full), headers=retry, cors=("https://a.example",)
    ) as stand:
        heard = await stand.ask("responses", "origin: https://a.example")
        assert (heard.status, heard.error["code"]) == (429, "rate_limit_exceeded")
        assert heard.error["message"] == "Rate limit reached. Please try again in 3s."
        assert heard.headers["retry-after"] == "3"
        assert heard.headers["x-codex-primary-used-percent"] == "12"
        assert "x-codex-primary-used-percent" in heard.headers["access-control-expose-headers"]


async def test_an_error_in_a_stream_has_the_dialects_own_end() -> None:
    words = {"error": {"message": "This model's maximum context length is 9 tokens.", "code": 400}}
    frame = f"data: {json.dumps(words)}\n\n"
    async with speaker(missing=(200, frame)) as stand:
        for client, code in (("responses", "context_length_exceeded"), ("messages", None)):
            heard = await stand.ask(client, stream=True)  # type: ignore[arg-type]
            assert heard.status == 400, "nothing was said yet, so it is a status"
            assert heard.json["error"].get("code") == code
            if client == "messages":
                assert heard.json["error"]["message"].startswith("prompt is too long: ")


LLAMA_CPP = b"".join(
    b"event: response.in_progress\ndata: "
    + json.dumps(
        {
            "type": "response.in_progress",
            "response": {"id": "resp_1", "object": "response", "status": "in_progress"},
            "prompt_progress": {"total": 100, "cache": 0, "processed": processed, "time_ms": 1},
        }
    ).encode()
    + b"\n\n"
    for processed in (0, 50, 100)
)


@pytest.mark.parametrize("client", ["chat", "responses", "messages"])
async def test_llama_cpp_tells_progress_on_its_responses_path(client: Dialect) -> None:
    async def script(visit: Visit) -> None:
        asked.append(json.loads(await visit.request()))
        await visit.send(sized(LLAMA_CPP + stream_of("responses")))

    asked: list[dict[str, Any]] = []
    async with (
        scripted(script) as upstream,
        gateway_for(upstream.url, dialects=("responses",)) as gateway,
    ):
        stand = Speaker(gateway, upstream.url)
        heard = await stand.ask(client, "x-strictwire-prefill-progress: comment", stream=True)
        lines = heard.body.split(b"\n")
        told = [json.loads(one[19:]) for one in lines if one.startswith(b": prefill_progress ")]
        assert [(one["status"], one["n_past"]) for one in told][-3:] == [
            ("processing", 0),
            ("processing", 50),
            ("done", 100),
        ]
        assert b"prompt_progress" not in heard.body
        assert text_of(client, heard) == "fine"
        assert asked[0]["return_progress"] is True


async def test_a_server_that_does_not_know_progress_is_asked_without_it() -> None:
    progress = "x-strictwire-prefill-progress: event"
    async with speaker("responses", "messages", refuse=unknown("return_progress")) as stand:
        for turn in range(2):
            heard = await stand.ask("responses", progress, stream=True)
            assert (heard.status, text_of("responses", heard)) == (200, "fine")
            assert len(stand.asked()) == (2 if turn == 0 else 1)
        assert (await stand.ask("messages", progress, stream=True)).status == 200
        assert len(stand.asked()) == 1, "no Messages server was seen to tell it"
