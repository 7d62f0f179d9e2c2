"""The model list: in Anthropic's shape for clients of its API, and what is told of each model."""

from __future__ import annotations

import json
from typing import Any

import pytest
from anthropic.types import ModelInfo
from gateway_stand import Gateway, Visit, gateway_for, scripted, sized
from kind_stand import Asked, Played, Reply, as_json, played

from strictwire.config import Model, Secret
from strictwire.config.server_kinds import ENGINE_URL
from strictwire.engine import EngineFacts

VERSION = "anthropic-version: 2023-06-01"
OPENAI: dict[str, Any] = {
    "object": "list",
    "data": [{"id": "tiny", "object": "model", "created": 1700000000, "owned_by": "me"}],
}
ANTHROPIC: dict[str, Any] = {
    "data": [
        {
            "type": "model",
            "id": "claude-x",
            "display_name": "Claude X",
            "created_at": "2026-01-02T03:04:05Z",
            "max_input_tokens": 200000,
        }
    ],
    "has_more": False,
}


async def listed(gateway: Gateway, *headers: str) -> Any:
    heard = await gateway.ask("GET", "/v1/models", *headers)
    assert heard.status == 200
    return heard.json


@pytest.mark.parametrize("told", [OPENAI, ANTHROPIC])
async def test_either_shape_from_either_server(told: dict[str, Any]) -> None:
    heads: list[bytes] = []

    async def script(visit: Visit) -> None:
        while True:
            await visit.request()
            heads.append(visit.heads[-1])
            await visit.send(sized(json.dumps(told).encode()))

    async with scripted(script) as upstream, gateway_for(upstream.url) as gateway:
        value = await listed(gateway, VERSION)
        assert set(value) == {"data", "has_more", "first_id", "last_id"}
        (model,) = value["data"]
        assert value["first_id"] == value["last_id"] == model["id"] == told["data"][0]["id"]
        ModelInfo.model_validate(model, strict=False)
        assert b"anthropic-version: 2023-06-01\r\n" in heads[-1]
        (model,) = (await listed(gateway))["data"]
        assert (model["object"], type(model["created"])) == ("model", int)
        assert b"anthropic-version" not in heads[-1]
        if told is ANTHROPIC:
            assert model["created"] == 1767323045
        one = await gateway.ask("GET", f"/v1/models/{model['id']}", VERSION)
        assert (one.json["type"], one.json["id"]) == ("model", model["id"])


async def test_listed_models_and_none() -> None:
    provider: dict[str, Any] = {"models": (Model(name="a", aliases=("b",)),)}
    async with gateway_for("http://127.0.0.1:9/v1", provider=provider) as gateway:
        value = await listed(gateway, VERSION)
        assert [model["id"] for model in value["data"]] == ["a", "b"]
        assert (value["first_id"], value["last_id"]) == ("a", "b")


async def test_its_errors_are_anthropics_too() -> None:
    async with gateway_for("http://127.0.0.1:9/v1", api_keys=(Secret("sk-dummy"),)) as gateway:
        for path in ("/v1/models", "/v1/models/a"):
            heard = await gateway.ask("GET", path, VERSION)
            assert (heard.status, heard.json["type"]) == (401, "error")
            assert (await gateway.ask("GET", path)).error["type"] == "authentication_error"
        heard = await gateway.ask("GET", "/v1/models", VERSION, "x-api-key: sk-dummy")
        assert (heard.status, heard.json["error"]["type"]) == (502, "api_error")


# ---- how long a request may be, and what the model can do ----

LLAMA_CPP: dict[str, Any] = {
    "id": "tiny",
    "object": "model",
    "owned_by": "llamacpp",
    "meta": {"n_ctx": 4096, "n_ctx_train": 32768, "n_params": 606848},
}
PROPS: dict[str, Any] = {
    "default_generation_settings": {"params": {}, "n_ctx": 4096},
    "total_slots": 2,
    "modalities": {"vision": True, "video": False, "audio": False},
    "chat_template": "{%- if tools %}{{ tools }}{%- endif %}{{ enable_thinking }}",
}
LISTED_BY_ALL = ["chat", "completions", "tools", "json_schema", "logprobs", "reasoning", "vision"]


def told_by(models: list[dict[str, Any]], props: Any = None) -> Played:
    def answer(asked: Asked) -> Reply:
        if asked.url.endswith("/v1/models"):
            return as_json({"data": models})
        assert asked.url.endswith("example/props")
        return as_json(props) if props is not None else as_json({"error": "File Not Found"}, 404)

    return Played(answer)


@pytest.mark.parametrize(
    ("entry", "context"),
    [
        ({"max_model_len": 2048}, 2048),
        ({"max_context_length": 131072, "loaded_context_length": 4096}, 4096),
        ({"context_length": 1000000, "max_model_len": 1}, 1000000),
        ({"context_window": 8192}, 8192),
        ({"meta": {"n_ctx": 512, "n_ctx_train": 4096}}, 512),
        # What a model was trained for is not what a request may use; nonsense is no number.
        ({"meta": {"n_ctx_train": 4096}}, None),
        ({"max_model_len": "2048"}, None),
        ({"max_model_len": True}, None),
        ({"max_model_len": -1}, None),
        ({"meta": []}, None),
    ],
)
async def test_the_context_under_one_name(entry: dict[str, Any], context: int | None) -> None:
    async with played(told_by([{"id": "m", **entry}])) as gateway:
        (model,) = (await gateway.ask("GET", "/v1/models")).json["data"]
        assert model.get("context_length") == context
        assert entry.items() <= model.items()
        assert "capabilities" not in model, "nobody told"
        (model,) = (await gateway.ask("GET", "/v1/models", VERSION)).json["data"]
        assert model["max_input_tokens"] == context
        ModelInfo.model_validate(model, strict=False)


async def test_what_llama_cpp_tells_beside_its_list() -> None:
    server = told_by([LLAMA_CPP], PROPS)
    async with played(server, kind="llama.cpp") as gateway:
        (model,) = (await gateway.ask("GET", "/v1/models")).json["data"]
        assert (model["context_length"], model["capabilities"]) == (4096, LISTED_BY_ALL)
        one = await gateway.ask("GET", "/v1/models/tiny")
        assert one.json == model


@pytest.mark.parametrize(
    ("changes", "capabilities"),
    [
        ({"chat_template": ""}, {"completions", "json_schema", "logprobs", "vision"}),
        ({"modalities": None}, set(LISTED_BY_ALL) - {"vision"}),
        ({"chat_template_caps": {"supports_tools": False}}, set(LISTED_BY_ALL) - {"tools"}),
        ({"default_generation_settings": {}}, None),
        ({"default_generation_settings": {"n_ctx": 0}}, None),
    ],
)
async def test_nothing_of_it_is_guessed(
    changes: dict[str, Any], capabilities: set[str] | None
) -> None:
    server = told_by([LLAMA_CPP], PROPS | changes)
    async with played(server, kind="llama.cpp") as gateway:
        (model,) = (await gateway.ask("GET", "/v1/models")).json["data"]
        assert model["context_length"] == 4096
        told = model.get("capabilities")
        assert (told and set(told)) == capabilities


async def test_what_a_server_says_under_these_names_stays() -> None:
    own = {"context_length": 7, "capabilities": {"completion_chat": True}}
    async with played(told_by([LLAMA_CPP | own], PROPS), kind="llama.cpp") as gateway:
        (model,) = (await gateway.ask("GET", "/v1/models")).json["data"]
        assert own.items() <= model.items()


async def test_a_list_without_props_is_a_list_all_the_same() -> None:
    async with played(told_by([LLAMA_CPP]), kind="llama.cpp") as gateway:
        (model,) = (await gateway.ask("GET", "/v1/models")).json["data"]
        assert (model["context_length"], "capabilities" in model) == (4096, False)


async def test_props_tell_of_no_model_of_several() -> None:
    server = told_by([LLAMA_CPP, {"id": "other", "capabilities": {"vision": True}}], PROPS)
    async with played(server, kind="llama.cpp") as gateway:
        first, second = (await gateway.ask("GET", "/v1/models")).json["data"]
        assert (first["context_length"], "capabilities" in first) == (4096, False)
        assert ("context_length" in second, second["capabilities"]) == (False, {"vision": True})


async def test_a_list_teaches_what_the_server_is() -> None:
    def answer(asked: Asked) -> Reply:
        return as_json({"data": [LLAMA_CPP]}, 200, (b"server", b"llama.cpp"))

    async with played(Played(answer)) as gateway:
        await gateway.ask("GET", "/v1/models")
        (provider,) = gateway.settings.providers
        assert gateway.app.service.kind_of(provider).name == "llama.cpp"


@pytest.mark.parametrize("is_listed", [False, True])
async def test_an_engine_tells_what_it_knows(is_listed: bool) -> None:
    facts = EngineFacts(
        context=512,
        trained_context=4096,
        parameters=1,
        size_bytes=2,
        capabilities=frozenset(("vectors", "embeddings")),
    )
    server = told_by([LLAMA_CPP])
    server.facts = facts
    own: dict[str, Any] = {"kind": "engine", "base_url": ENGINE_URL}
    names = ["tiny"]
    if is_listed:
        own["models"] = (Model(name="big", aliases=("also",)),)
        names = ["big", "also"]
    async with played(server, **own) as gateway:
        models = (await gateway.ask("GET", "/v1/models")).json["data"]
        assert [model["id"] for model in models] == names
        for model in models:
            assert model["context_length"] == 512
            assert model["capabilities"] == ["embeddings", "vectors"]
        server.facts = None
        models = (await gateway.ask("GET", "/v1/models")).json["data"]
        assert [model["id"] for model in models] == names
        assert not any("capabilities" in model for model in models)
