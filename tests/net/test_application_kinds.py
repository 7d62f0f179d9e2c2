"""What it changes of what kind a server is: how it is asked, where its key goes, what it is not
sent. The settings outrank a kind's row, and what the server itself was seen to refuse both."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from kind_stand import (
    WHOLE,
    Asked,
    Body,
    Played,
    PlayedGateway,
    Reply,
    as_json,
    as_stream,
    chat,
    played,
    refusing,
)

from strictwire.config import SERVER_KINDS, KindName, Provider, Secret, ServerKind, Settings
from strictwire.config.server_kinds import ENGINE_URL
from strictwire.model.errors import CallerError

KEY = (Secret("sk-own"),)
LIKE_LLAMA_CPP: tuple[KindName, ...] = ("engine", "llama.cpp")
OTHERS = tuple(name for name in SERVER_KINDS if name not in (*LIKE_LLAMA_CPP, "swiftlm"))
RESPONSES_WHOLE: Body = {
    "id": "resp_1", "object": "response", "created_at": 1, "status": "completed", "model": "m",
    "output": [
        {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed",
         "content": [{"type": "output_text", "text": "fine", "annotations": []}]}
    ],
}  # fmt: skip
MESSAGES_WHOLE: Body = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn",
    "content": [{"type": "text", "text": "fine"}], "usage": {"input_tokens": 1, "output_tokens": 1},
}  # fmt: skip


def everything(asked: Asked) -> Reply:
    """A server of every dialect, which answers as it is asked."""
    own = {"/responses": RESPONSES_WHOLE, "/messages": MESSAGES_WHOLE}
    return as_json(own[asked.path]) if asked.path in own else chat(asked)


def refuses(*names: str) -> Any:
    """One that does not know these fields, also inside ``stream_options``."""

    def answer(asked: Asked) -> Reply:
        body = asked.body
        inner = {f"stream_options.{name}" for name in body.get("stream_options") or {}}
        for name in names:
            if name in body or name in inner:
                error = {"message": f"Unknown parameter: '{name}'.", "param": name}
                return as_json({"error": {**error, "code": "unknown_parameter"}}, 400)
        return chat(asked)

    return answer


# ---- how it is asked ----


@pytest.mark.parametrize("kind", LIKE_LLAMA_CPP)
@pytest.mark.parametrize("stream", [True, False])
async def test_a_stream_with_progress_is_asked_for_whatever_the_client_wants(
    kind: KindName, stream: bool
) -> None:
    async with played(kind=kind) as gateway:
        for dialect in ("chat", "responses", "messages"):
            heard = await gateway.turn(dialect, stream=stream)
            asked = gateway.server.last
            assert (heard.status, asked.path) == (200, "/chat/completions")
            assert (asked.body["stream"], asked.body["return_progress"]) == (True, True)
            assert b"fine" in heard.body
        assert len(gateway.server.asked) == 3, "nothing of that had to be found out"


def reporting(asked: Asked) -> Reply:
    """Prefill progress as llama.cpp tells it, whether it is asked for or not."""
    progress = {"total": 9, "cache": 0, "processed": 4, "time_ms": 1}
    delta: Body = {"role": "assistant", "content": None}
    frame = {**WHOLE, "object": "chat.completion.chunk", "prompt_progress": progress}
    frame |= {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    del frame["usage"]
    first = as_stream(frame, frame)
    return Reply(200, first.body + chat(asked).body, first.headers)


async def test_who_did_not_ask_for_progress_sees_none_of_it() -> None:
    async with played(Played(reporting), kind="llama.cpp") as gateway:
        streamed = await gateway.turn("chat", stream=True)
        assert b"progress" not in streamed.body
        assert [json.loads(one)["choices"][0]["delta"] for one in streamed.data[:2]] == [
            {"role": "assistant"},
            {"content": "fine"},
        ]
        assert b"progress" not in (await gateway.turn("chat")).body
        told = await gateway.turn("chat", "x-strictwire-prefill-progress: comment", stream=True)
        assert b": prefill_progress" in told.body


@pytest.mark.parametrize(
    ("kind", "header", "is_quirk"),
    [
        ("engine", "x-nothing: said", False),
        ("llama.cpp", "x-nothing: said", False),
        ("other", "x-strictwire-prefill-progress: comment", False),
        ("other", "x-nothing: said", True),
    ],
)
async def test_progress_that_was_asked_for_is_no_repair(
    kind: KindName, header: str, is_quirk: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "strictwire.replies")
    async with played(Played(reporting), kind=kind) as gateway:
        heard = await gateway.turn("chat", header, stream=True)
        assert b"fine" in heard.body
        assert b"prompt_progress" not in heard.body
    [line] = [one.getMessage() for one in caplog.records if one.name == "strictwire.replies"]
    assert ("chat.progress-frame" in line) == is_quirk


@pytest.mark.parametrize("kind", OTHERS)
async def test_others_are_asked_as_the_client_asks(kind: KindName) -> None:
    async with played(Played(everything), kind=kind) as gateway:
        await gateway.turn("chat")
        asked = gateway.server.last.body
        assert not asked.get("stream")
        await gateway.turn("chat", stream=True)
        assert "return_progress" not in gateway.server.last.body


async def test_the_settings_outrank_the_row() -> None:
    options: Body = {"kind": "llama.cpp", "stream": "never", "dialects": ("messages",)}
    async with played(Played(everything), **options) as gateway:
        assert (await gateway.turn("chat", stream=True)).status == 200
        assert gateway.server.last.path == "/messages"
        assert not gateway.server.last.body.get("stream")


@pytest.mark.parametrize(
    ("repairs", "is_call"), [((), True), ((("chat.leaked-call", "off"),), False)]
)
async def test_a_row_switches_rules_unless_the_settings_do(
    repairs: tuple[tuple[str, str], ...], is_call: bool
) -> None:
    text = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Rome"}}\n</tool_call>'
    choice = {**WHOLE["choices"][0], "message": {"role": "assistant", "content": text}}

    def answer(asked: Asked) -> Reply:
        return as_json({**WHOLE, "choices": [choice]})

    tool = {"type": "function", "function": {"name": "get_weather", "parameters": {}}}
    async with played(Played(answer), kind="transformers", repairs=repairs) as gateway:
        heard = await gateway.turn("chat", tools=[tool])
        message = json.loads(heard.body)["choices"][0]["message"]
        assert ("tool_calls" in message, message.get("content") == text) == (is_call, not is_call)


async def test_what_the_server_refuses_outranks_the_row() -> None:
    async with played(Played(refuses("return_progress")), kind="llama.cpp") as gateway:
        for turns in (2, 1):
            heard = await gateway.turn("chat", stream=True)
            assert (heard.status, heard.text) == (200, "fine")
            assert "x-strictwire-dropped" not in heard.headers, "the client had not sent it"
            asked = gateway.server.takes()
            assert len(asked) == turns
            assert "return_progress" not in asked[-1].body


async def test_a_dialect_of_the_row_that_is_missing_here_is_found_out() -> None:
    async with played(kind="openai") as gateway:
        for turns in (2, 1):
            assert (await gateway.turn("responses")).status == 200
            asked = gateway.server.takes()
            assert len(asked) == turns
            assert asked[-1].path == "/chat/completions"


@pytest.mark.parametrize(
    ("kind", "asked"),
    [
        ("auto", ["/chat/completions", "/responses", "/messages"]),
        ("openai", ["/chat/completions", "/responses", "/chat/completions"]),
        ("anthropic", ["/messages"] * 3),
        ("mlx-lm", ["/chat/completions"] * 3),
    ],
)
async def test_each_is_asked_in_the_dialects_of_its_row(kind: KindName, asked: list[str]) -> None:
    async with played(Played(everything), kind=kind) as gateway:
        for dialect in ("chat", "responses", "messages"):
            assert (await gateway.turn(dialect)).status == 200
        assert [one.path for one in gateway.server.asked] == asked


# ---- keys ----


@pytest.mark.parametrize(
    ("kind", "key", "name", "value"),
    [
        ("openai", "sk-own", b"authorization", b"Bearer sk-own"),
        ("azure", "sk-own", b"api-key", b"sk-own"),
        ("azure", "eyJhbGciOi.token", b"authorization", b"Bearer eyJhbGciOi.token"),
        ("anthropic", "sk-own", b"x-api-key", b"sk-own"),
        ("anthropic", "sk-ant-oat01-x", b"authorization", b"Bearer sk-ant-oat01-x"),
    ],
)
async def test_a_key_goes_where_it_is_looked_for(
    kind: KindName, key: str, name: bytes, value: bytes
) -> None:
    keys = {b"authorization", b"api-key", b"x-api-key"}
    async with played(Played(everything), kind=kind, api_keys=(Secret(key),)) as gateway:
        await gateway.turn("chat")
        await gateway.ask("GET", "/v1/models")
        await gateway.ask("GET", "/v1/files")
        for asked in gateway.server.asked:
            told = {one: asked.headers[one] for one in keys if one in asked.headers}
            assert told[name] == value, asked.url
            # A bearer is told to Messages in both places.
            assert told.keys() - {name} <= ({b"x-api-key"} if value[:6] == b"Bearer" else set())
        assert len(gateway.server.asked) == 3


async def test_a_header_of_the_settings_outranks_the_key() -> None:
    headers = (("api-key", Secret("other")),)
    async with played(kind="azure", api_keys=KEY, headers=headers) as gateway:
        await gateway.turn("chat")
        assert gateway.server.last.headers[b"api-key"] == b"other"


ELSEWHERE = [kind for kind in SERVER_KINDS.values() if kind.key_header != "authorization"]


@pytest.mark.parametrize("kind", ELSEWHERE, ids=lambda kind: kind.name)
def test_where_keys_go_elsewhere_tokens_are_known(kind: ServerKind) -> None:
    assert kind.token_prefixes
    assert not kind.takes_as_token("sk-own")


# ---- fields ----


async def test_what_a_kind_is_known_to_refuse_is_not_sent() -> None:
    async with played(kind="transformers") as gateway:
        progress = "x-strictwire-prefill-progress: comment"
        heard = await gateway.turn("chat", progress, stream=True, top_k=5, seed=1)
        assert heard.headers["x-strictwire-dropped"] == "top_k"
        (asked,) = gateway.server.asked
        assert asked.body["seed"] == 1
        assert not {"top_k", "return_progress"} & set(asked.body)


OBFUSCATION = {"include_obfuscation": False}


@pytest.mark.parametrize(
    ("kind", "dialect", "sent", "expected"),
    [
        ("openai", "chat", None, OBFUSCATION),
        ("openai", "responses", None, OBFUSCATION),
        ("openai", "chat", {"include_usage": True}, {"include_usage": True, **OBFUSCATION}),
        ("openai", "chat", {"include_obfuscation": True}, {"include_obfuscation": True}),
        ("openai", "responses", {"include_obfuscation": True}, {"include_obfuscation": True}),
        ("vllm", "chat", None, None),
        ("vllm", "responses", None, None),
    ],
)
async def test_a_stream_without_padding_is_asked_for(
    kind: KindName, dialect: str, sent: Body | None, expected: Body | None
) -> None:
    options: Body = {} if sent is None else {"stream_options": sent}
    async with played(Played(everything), kind=kind) as gateway:
        assert (await gateway.turn(dialect, stream=True, **options)).status == 200
        assert gateway.server.last.body.get("stream_options") == expected
        await gateway.turn(dialect)
        assert "stream_options" not in gateway.server.last.body


@pytest.mark.parametrize("name", ["stream_options.include_obfuscation", "stream_options"])
async def test_a_refusal_of_it_is_learned(name: str) -> None:
    async with played(Played(refuses(name)), kind="openai") as gateway:
        for turns in (2, 1):
            assert (await gateway.turn("chat", stream=True)).status == 200
            asked = gateway.server.takes()
            assert len(asked) == turns
            assert "stream_options" not in asked[-1].body


async def test_usage_is_still_asked_for_where_only_the_other_is_refused() -> None:
    server = Played(refuses("stream_options.include_obfuscation"))
    async with played(server, kind="openai", stream="always") as gateway:
        assert (await gateway.turn("chat")).status == 200
        assert server.last.body["stream_options"] == {"include_usage": True}


# ---- the engine ----


@pytest.mark.parametrize("dialect", ["chat", "completions", "responses", "messages"])
async def test_what_the_engine_was_started_with_may_be_asked_for(dialect: str) -> None:
    options: Body = {"kind": "engine", "base_url": ENGINE_URL, "kv_bits": 8}
    async with played(**options) as gateway:
        for told in (8, None):
            heard = await gateway.turn(dialect, kv_bits=told)
            assert heard.status == 200
            assert "kv_bits" not in gateway.server.last.body
            assert "x-strictwire-dropped" not in heard.headers
        gateway.server.takes()
        for told in (4, 16, "8", 8.0, True, [8], "x" * 999):
            heard = await gateway.turn(dialect, kv_bits=told)
            assert heard.status == 400
            message = heard.json["error"]["message"]
            assert "kv_bits" in message
            assert " 8, " in message
            assert len(message) < 300
            if dialect != "messages":
                assert heard.error["param"] == "kv_bits"
            assert f"{told}" in message or type(told) is not int
        assert not gateway.server.asked


async def test_other_servers_get_it_as_it_is() -> None:
    async with played(kind="swiftlm") as gateway:
        await gateway.turn("chat", kv_bits=4, id_slot=1, n_cmpl=2, repeat_last_n=2**30)
        sent = gateway.server.last.body
        assert (sent["kv_bits"], sent["id_slot"], sent["n_cmpl"]) == (4, 1, 2)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"n_cmpl": 4}, "n_cmpl"),
        ({"n_cmpl": 4, "n": 1}, "n_cmpl"),
        ({"n_cmpl": "4"}, "n_cmpl"),
        ({"n_cmpl": 2, "n": 2}, None),
        ({"n_cmpl": 1}, None),
        ({"n_cmpl": None}, None),
        ({"id_slot": 3}, None),
        ({"repeat_last_n": 2**30}, "repeat_last_n"),
        ({"dry_penalty_last_n": 1e9}, "dry_penalty_last_n"),
        ({"repeat_last_n": 4096, "dry_penalty_last_n": -1}, None),
    ],
)
async def test_no_request_takes_the_engines_places_or_memory_from_others(
    fields: Body, param: str | None
) -> None:
    async with played(kind="engine", base_url=ENGINE_URL) as gateway:
        heard = await gateway.turn("chat", **fields)
        if param is None:
            assert heard.status == 200
            assert not {"n_cmpl", "id_slot"} & gateway.server.last.body.keys()
        else:
            assert (heard.status, heard.error["param"]) == (400, param)
            assert not gateway.server.asked


@pytest.mark.parametrize("body", [{"model": "m", "input": "x"}, {}])
@pytest.mark.parametrize("path", ["moderations", "rerank", "audio/speech", "files"])
async def test_paths_that_an_engine_has_not_are_refused_in_our_own_words(
    path: str, body: Body
) -> None:
    async with played(kind="engine", base_url=ENGINE_URL) as gateway:
        heard = await gateway.post(f"/v1/{path}", **body)
        assert (heard.status, heard.error["code"]) == (404, "unknown_path")
        assert f"has no /{path.partition('/')[0]}:" in heard.error["message"]
        assert not gateway.server.asked


async def test_such_a_path_goes_to_the_server_beside_the_engine() -> None:
    own = Provider(name="own", kind="engine", base_url=ENGINE_URL)
    other = Provider(name="up", base_url="http://server.example/v1")
    server = Played(lambda asked: as_json({"ok": True}))
    gateway = await PlayedGateway(Settings(providers=(own, other)), server=server).start()
    try:
        heard = await gateway.post("/v1/files")
        assert (heard.status, server.last.url) == (200, "http://server.example/v1/files")
        heard = await gateway.post("/v1/files", "X-Strictwire-Provider: own")
        assert (heard.status, len(server.asked)) == (404, 1)
    finally:
        await gateway.stop()


@pytest.mark.parametrize(
    ("dialect", "fields", "places"),
    [
        ("chat", {}, 1),
        ("chat", {"n": 3}, 3),
        ("completions", {"prompt": "a", "n": 2}, 2),
        ("completions", {"prompt": ["a", "b", "c"], "n": 2}, 6),
        ("completions", {"prompt": [1, 2, 3]}, 1),
        ("completions", {"prompt": [[1, 2], [3]]}, 2),
        ("responses", {}, 1),
        ("messages", {}, 1),
    ],
)
async def test_a_request_takes_as_many_places_as_answers(
    dialect: str, fields: Body, places: int
) -> None:
    async with played(kind="engine", base_url=ENGINE_URL) as gateway:
        await gateway.turn(dialect, **fields)
        assert gateway.server.asked[0].request.places == places


async def test_embeddings_take_one_place() -> None:
    async with played(kind="engine", base_url=ENGINE_URL) as gateway:
        await gateway.post("/v1/embeddings", model="m", input=["a", "b"])
        assert gateway.server.last.request.places == 1


async def test_more_answers_than_it_has_places_for_is_the_callers_mistake() -> None:
    error = CallerError("At most 4 at a time.", param="n", code="invalid_value")
    async with played(Played(refusing(error)), kind="engine", base_url=ENGINE_URL) as gateway:
        for stream in (True, False):
            heard = await gateway.turn("chat", n=9, stream=stream)
            assert (heard.status, heard.error["param"]) == (400, "n")
            assert heard.error["message"] == "At most 4 at a time."


async def test_it_counts_tokens_though_messages_are_asked_for_over_chat() -> None:
    def answer(asked: Asked) -> Reply:
        is_count = asked.path == "/messages/count_tokens"
        return as_json({"input_tokens": 13}) if is_count else chat(asked)

    for kind, is_estimate in (("llama.cpp", False), ("mlx-lm", True)):
        async with played(Played(answer), kind=kind) as gateway:
            heard = await gateway.post(
                "/v1/messages/count_tokens",
                model="m",
                messages=[{"role": "user", "content": "hello"}],
            )
            assert ("x-strictwire-estimate" in heard.headers) is is_estimate
            assert is_estimate or heard.json == {"input_tokens": 13}
            assert len(gateway.server.asked) == (0 if is_estimate else 1)


# ---- a prompt that is too long ----

OVERFLOW = {
    "code": 400,
    "message": "request (40012 tokens) exceeds the available context size (4096 tokens)",
    "type": "exceed_context_size_error",
    "n_prompt_tokens": 40012,
    "n_ctx": 4096,
}


@pytest.mark.parametrize("is_in_band", [False, True])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", ["chat", "responses", "messages"])
@pytest.mark.parametrize("status", [400, 500])
async def test_it_is_a_400_with_both_numbers(
    dialect: str, stream: bool, is_in_band: bool, status: int
) -> None:
    told = {"error": {**OVERFLOW, "code": status}}
    reply = as_stream(told) if is_in_band else as_json(told, status)
    async with played(Played(lambda _: reply), kind="llama.cpp") as gateway:
        heard = await gateway.turn(dialect, stream=stream)
        assert heard.status == 400
        message = heard.json["error"]["message"]
        assert "40012" in message
        assert "4096" in message
        if dialect != "messages":
            assert heard.error["code"] == "context_length_exceeded"
        assert heard.json["error"]["type"] == "invalid_request_error"


async def test_after_the_commit_it_is_told_in_the_stream() -> None:
    begun = json.loads(
        '{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m","choices":'
        '[{"index":0,"delta":{"role":"assistant","content":"fi"},"finish_reason":null}]}'
    )
    reply = as_stream(begun, {"error": OVERFLOW})
    async with played(Played(lambda _: reply), kind="llama.cpp") as gateway:
        heard = await gateway.turn("chat", stream=True)
        assert heard.status == 200
        assert heard.in_band_error["code"] == "context_length_exceeded"
        assert "40012" in heard.in_band_error["message"]
        assert "4096" in heard.in_band_error["message"]
