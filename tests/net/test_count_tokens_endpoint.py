"""How long a prompt is: by the upstream's own count, or by ours, which says so."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from gateway_stand import Gateway, Heard, Visit, gateway_for, scripted, sized

BODY = {"model": "m", "messages": [{"role": "user", "content": "hello there"}]}
# What the upstream says on its path for counts: a status and a body.
Told = tuple[int, object]


@dataclass
class Counter:
    gateway: Gateway
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    heads: list[bytes] = field(default_factory=list)

    async def ask(self, *headers: str, **fields: Any) -> Heard:
        body = json.dumps({**BODY, **fields}).encode()
        return await self.gateway.ask("POST", "/v1/messages/count_tokens", *headers, body=body)

    def takes(self) -> list[str]:
        paths = [path for path, _ in self.asked]
        self.asked.clear()
        return paths


@asynccontextmanager
async def counter(told: Callable[[], Told], **options: Any) -> AsyncIterator[Counter]:
    asked: list[tuple[str, dict[str, Any]]] = []
    heads: list[bytes] = []

    async def script(visit: Visit) -> None:
        while True:
            body = json.loads(await visit.request())
            heads.append(visit.heads[-1].lower())
            asked.append((visit.heads[-1].split(b" ")[1].decode(), body))
            status, answer = told()
            raw = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            await visit.send(sized(raw, status=f"{status} So"))

    async with scripted(script) as upstream, gateway_for(upstream.url, **options) as gateway:
        yield Counter(gateway, asked, heads)


def is_estimate(heard: Heard) -> bool:
    assert heard.status == 200
    assert set(heard.json) == {"input_tokens"}
    assert heard.json["input_tokens"] > 0
    return heard.headers.get("x-strictwire-estimate") == "true"


async def test_the_upstreams_own_count() -> None:
    async with counter(lambda: (200, {"input_tokens": 4711})) as stand:
        heard = await stand.ask("anthropic-beta: a", "anthropic-version: 2023-06-01")
        assert (heard.json, is_estimate(heard)) == ({"input_tokens": 4711}, False)
        assert stand.asked == [("/v1/messages/count_tokens", BODY)]
        assert b"anthropic-beta: a\r\n" in stand.heads[0]
        assert b"anthropic-version: 2023-06-01\r\n" in stand.heads[0]


@pytest.mark.parametrize("refusal", [(404, {"detail": "Not Found"}), (405, b""), (501, b"no")])
async def test_a_server_without_the_path_is_asked_once(refusal: Told) -> None:
    async with counter(lambda: refusal) as stand:
        assert is_estimate(await stand.ask())
        assert stand.takes() == ["/v1/messages/count_tokens"]
        assert is_estimate(await stand.ask(model="another"))
        assert stand.takes() == []


@pytest.mark.parametrize(
    "answer", [b"", b"Returning 200 anyway", b'{"error":"x"}', b'{"input_tokens":-1}', b"[1]"]
)
async def test_an_answer_that_is_no_count_is_estimated(answer: bytes) -> None:
    async with counter(lambda: (200, answer)) as stand:
        assert is_estimate(await stand.ask())


@pytest.mark.parametrize("dialects", [("chat",), ("responses", "chat")])
async def test_a_server_of_other_dialects_is_not_asked(dialects: tuple[str, ...]) -> None:
    async with counter(lambda: (200, {"input_tokens": 1}), dialects=dialects) as stand:
        assert is_estimate(await stand.ask())
        assert stand.takes() == []


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        ((404, {"error": {"message": "model: m"}}), "not_found_error"),
        ((401, {"error": {"message": "no key"}}), "authentication_error"),
        ((429, {"error": {"message": "slow down"}}), "rate_limit_error"),
        ((500, b"oops"), "api_error"),
    ],
)
async def test_other_refusals_go_to_the_client(refusal: Told, kind: str) -> None:
    async with counter(lambda: refusal) as stand:
        for _ in range(2):
            heard = await stand.ask()
            assert (heard.status, heard.json["error"]["type"]) == (refusal[0], kind)
        assert len(stand.takes()) == 2


async def test_an_unknown_model_is_a_404_before_anybody_is_asked() -> None:
    models = {"models": ()}
    async with counter(lambda: (200, {"input_tokens": 1}), provider=models) as stand:
        heard = await stand.ask(model="")
        assert heard.status == 400
        assert heard.json["type"] == "error"
        assert stand.takes() == []


async def test_a_longer_prompt_is_estimated_longer() -> None:
    async with counter(lambda: (404, b"")) as stand:
        short = (await stand.ask()).json["input_tokens"]
        messages = [{"role": "user", "content": "hello there " * 500}]
        long = (await stand.ask(messages=messages)).json["input_tokens"]
        assert short < 100 < 1000 < long < 3000
