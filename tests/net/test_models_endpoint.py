"""The model list in Anthropic's shape, for clients of its API."""

from __future__ import annotations

import json
from typing import Any

import pytest
from anthropic.types import ModelInfo
from gateway_stand import Gateway, Visit, gateway_for, scripted, sized

from strictwire.config import Model, Secret

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
