"""Servers that refuse fields: asked once more without them, the client told, the rest remembered.

Each upstream here is a small server on a real socket that refuses by a rule of its own.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from gateway_stand import GOOD_STREAM, Gateway, Heard, Visit, gateway_for, scripted, sized

from strictwire.lab.server import LabServer
from strictwire.net.exchange import MAX_RETRIES

WHOLE = (
    b'{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,'
    b'"message":{"role":"assistant","content":"fine"},"finish_reason":"stop"}],"usage":'
    b'{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}'
)
Body = dict[str, Any]


@dataclass
class Picky:
    """The gateway, and the bodies that its picky upstream was sent."""

    gateway: Gateway
    asked: list[Body]

    async def chat(self, *headers: str, stream: bool = True, **fields: Any) -> Heard:
        return await self.gateway.chat("m", *headers, stream=stream, **fields)

    def takes(self) -> list[Body]:
        """What was asked since the last look."""
        asked = self.asked[:]
        self.asked.clear()
        return asked


@asynccontextmanager
async def picky(refusal: Callable[[Body], object], **options: Any) -> AsyncIterator[Picky]:
    """``refusal`` gives the error body for a request that is refused, else None."""
    asked: list[Body] = []

    async def script(visit: Visit) -> None:
        while True:
            body = json.loads(await visit.request())
            asked.append(body)
            error = refusal(body)
            if error is not None:
                told = error.encode() if isinstance(error, str) else json.dumps(error).encode()
                await visit.send(sized(told, "content-type: application/json", status="400 No"))
            elif body.get("stream"):
                await visit.send(sized(GOOD_STREAM, "content-type: text/event-stream"))
            else:
                await visit.send(sized(WHOLE, "content-type: application/json"))

    async with scripted(script) as upstream, gateway_for(upstream.url, **options) as gateway:
        yield Picky(gateway, asked)


def unknown(*names: str) -> Callable[[Body], object]:
    """Refuses these fields in FastAPI's shape, all at once."""

    def refusal(body: Body) -> object:
        found = [name for name in names if name in body]
        details = [
            {"type": "extra_forbidden", "loc": ["body", name], "msg": "Extra inputs"}
            for name in found
        ]
        return {"detail": details} if found else None

    return refusal


def unsupported(name: str, message: str = "") -> Callable[[Body], object]:
    """Refuses one field as OpenAI does."""

    def refusal(body: Body) -> object:
        text = message or f"Unsupported parameter: '{name}' is not supported with this model."
        error = {"message": text, "param": name, "code": "unsupported_parameter"}
        return {"error": error} if name in body else None

    return refusal


@pytest.mark.parametrize("stream", [True, False])
async def test_fields_go_all_at_once_and_the_client_is_told(stream: bool) -> None:
    async with picky(unknown("top_k", "seed")) as stand:
        for turn in range(2):
            heard = await stand.chat(stream=stream, top_k=5, seed=1, temperature=0.5)
            assert (heard.status, heard.text) == (200, "fine")
            assert heard.headers["x-strictwire-dropped"] == "top_k, seed"
            asked = stand.takes()
            assert len(asked) == (2 if turn == 0 else 1), "what was learned is not tried again"
            assert "temperature" in asked[-1]
            assert not {"top_k", "seed"} & set(asked[-1])


async def test_only_what_was_sent_is_told() -> None:
    async with picky(unknown("top_k", "seed")) as stand:
        await stand.chat(top_k=5, seed=1)
        assert (await stand.chat(seed=1)).headers["x-strictwire-dropped"] == "seed"
        assert "x-strictwire-dropped" not in (await stand.chat()).headers


async def test_it_is_counted_as_a_repair() -> None:
    async with picky(unknown("top_k")) as stand:
        await stand.chat(top_k=5)
        page = (await stand.gateway.ask("GET", "/metrics")).body.decode()
        assert 'strictwire_repairs_total{provider="up",rule="request.field-refused"} 1.0' in page


async def test_another_model_is_asked_in_full() -> None:
    async with picky(unknown("top_k")) as stand:
        await stand.chat(top_k=5)
        stand.takes()
        await stand.gateway.chat("other", stream=True, top_k=5)
        assert [("top_k" in body) for body in stand.takes()] == [True, False]


@pytest.mark.parametrize(
    ("refused", "sent"),
    [("max_completion_tokens", "max_tokens"), ("max_tokens", "max_completion_tokens")],
)
async def test_a_bound_is_asked_for_by_its_other_name(refused: str, sent: str) -> None:
    message = f"Unsupported parameter: '{refused}' is not supported. Use '{sent}' instead."
    async with picky(unsupported(refused, message)) as stand:
        for _ in range(2):
            heard = await stand.chat(**{refused: 7})
            assert heard.status == 200
            assert "x-strictwire-dropped" not in heard.headers, "nothing was left out"
        asked = stand.takes()
        assert [body.get(refused) for body in asked] == [7, None, None]
        assert [body.get(sent) for body in asked] == [None, 7, 7]


async def test_of_two_bounds_none_is_dropped() -> None:
    async with picky(unsupported("max_tokens")) as stand:
        heard = await stand.chat(max_tokens=7, max_completion_tokens=9)
        assert (heard.status, heard.error["param"]) == (400, "max_tokens")
        assert len(stand.takes()) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"n": 2},
        {"stop": ["x"]},
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
        {"tool_choice": "none"},
        {"response_format": {"type": "json_object"}},
        {"logit_bias": {"5": -100}},
    ],
)
async def test_what_belongs_to_the_question_is_refused_to_the_client(fields: Body) -> None:
    (name,) = fields
    async with picky(unsupported(name)) as stand:
        heard = await stand.chat(**fields)
        assert (heard.status, heard.error["param"]) == (400, name)
        assert len(stand.takes()) == 1


async def test_a_bad_value_is_the_clients_to_mend() -> None:
    def refusal(body: Body) -> object:
        error = {"message": "temperature must be at most 2", "param": "temperature"}
        return {"error": error} if "temperature" in body else None

    async with picky(refusal) as stand:
        heard = await stand.chat(temperature=5)
        assert (heard.status, heard.error["param"]) == (400, "temperature")
        assert len(stand.takes()) == 1


async def test_the_same_refusal_again_is_told_and_nothing_is_learned() -> None:
    async with picky(lambda body: {"error": "unknown field: top_k"}) as stand:
        for _ in range(2):
            heard = await stand.chat(top_k=5)
            assert heard.status == 400
            assert "x-strictwire-dropped" not in heard.headers
            assert ["top_k" in body for body in stand.takes()] == [True, False]


def one_at_a_time(*names: str) -> Callable[[Body], object]:
    """Refuses these fields, and names the first of them that came."""

    def refusal(body: Body) -> object:
        found = next((name for name in names if name in body), None)
        return None if found is None else {"error": f"unknown field: {found}"}

    return refusal


async def test_a_server_may_name_one_field_at_a_time() -> None:
    async with picky(one_at_a_time("top_k", "seed", "min_p")) as stand:
        heard = await stand.chat(top_k=5, seed=1, min_p=0.1)
        assert (heard.status, heard.text) == (200, "fine")
        assert heard.headers["x-strictwire-dropped"] == "top_k, seed, min_p"
        assert len(stand.takes()) == 4
        await stand.chat(top_k=5, seed=1, min_p=0.1)
        assert len(stand.takes()) == 1, "all three are known now"


async def test_but_not_for_ever() -> None:
    names = ("top_k", "seed", "min_p", "top_a", "typical_p", "verbosity")
    async with picky(one_at_a_time(*names)) as stand:
        heard = await stand.chat(**dict.fromkeys(names, 1))
        assert (heard.status, "x-strictwire-dropped" in heard.headers) == (400, False)
        assert len(stand.takes()) == 1 + MAX_RETRIES


@pytest.mark.parametrize("stream", [True, False])
async def test_a_way_that_is_refused_is_bridged(stream: bool) -> None:
    def refusal(body: Body) -> object:
        if bool(body.get("stream")) is stream:
            how = "Streaming is not supported." if stream else "Stream must be set to true."
            return {"detail": how}
        return None

    async with picky(refusal) as stand:
        for _ in range(2):
            heard = await stand.chat(stream=stream)
            assert (heard.status, heard.text) == (200, "fine")
            kind = "text/event-stream" if stream else "application/json"
            assert heard.headers["content-type"].startswith(kind)
        asked = [bool(body.get("stream")) for body in stand.takes()]
        assert asked == [stream, not stream, not stream]
        # The other way was never refused.
        assert (await stand.chat(stream=not stream)).status == 200
        assert len(stand.takes()) == 1


async def test_a_way_that_the_settings_say_is_not_left() -> None:
    refusal = {"detail": "Streaming is not supported."}
    options: dict[str, Any] = {"provider": {"stream": "always"}}
    async with picky(lambda body: refusal if body.get("stream") else None, **options) as stand:
        assert (await stand.chat()).status == 400
        assert len(stand.takes()) == 1


async def test_a_way_that_is_refused_beside_other_fields_is_asked_for_again() -> None:
    """llama.cpp's words. Remembered, one such request would take the stream, and all progress,
    from every later one."""

    def refusal(body: Body) -> object:
        is_joined = body.get("stream") and "logprobs" in body and "tools" in body
        message = "logprobs is not supported with tools + stream"
        return {"error": {"message": message, "code": 400}} if is_joined else None

    tools = [{"type": "function", "function": {"name": "look"}}]
    async with picky(refusal) as stand:
        for _ in range(2):
            heard = await stand.chat(logprobs=True, tools=tools)
            assert heard.status == 200
            assert "text/event-stream" in heard.headers["content-type"]
            assert [bool(body.get("stream")) for body in stand.takes()] == [True, False]
            await stand.chat(tools=tools)
            assert [body.get("stream") for body in stand.takes()] == [True]


async def test_stream_options_that_say_nothing_are_not_sent_on() -> None:
    async with picky(lambda body: None) as stand:
        heard = await stand.chat(stream_options={})
        assert heard.status == 200
        assert "x-strictwire-dropped" not in heard.headers
        (body,) = stand.takes()
        assert "stream_options" not in body


async def test_web_pages_may_read_what_was_dropped() -> None:
    async with picky(unknown("top_k"), cors=("*",)) as stand:
        heard = await stand.chat("origin: https://app.example", top_k=5)
        assert "x-strictwire-dropped" in heard.headers["access-control-expose-headers"]


# The lab's servers: (scenario, what is sent, what is dropped; None where it is refused)
SENT = {"top_k": 5, "min_p": 0.1, "seed": 1, "user": "me", "metadata": {"a": "b"}}
PLANTED: list[tuple[str, Body, str | None]] = [
    ("refuses-top-k", {"top_k": 5}, "top_k"),
    ("refuses-max-completion-tokens", {"max_completion_tokens": 50}, ""),
    ("refuses-max-tokens", {"max_tokens": 50}, ""),
    ("refuses-temperature", {"temperature": 0.5}, "temperature"),
    ("refuses-several", SENT, "top_k, min_p, seed, user, metadata"),
    ("refuses-in-words", SENT, "top_k, min_p, seed, user"),
    ("refuses-keyword", {"min_p": 0.1}, "min_p"),
    ("refuses-value", {"temperature": 5}, None),
    ("refuses-tools", {"tools": [{"type": "function", "function": {"name": "f"}}]}, None),
    ("refuses-stream", {}, ""),
]


@pytest.mark.parametrize(("model", "fields", "dropped"), PLANTED)
async def test_the_servers_of_the_lab(model: str, fields: Body, dropped: str | None) -> None:
    async with LabServer() as lab, gateway_for(lab.url) as gateway:
        heard = await gateway.chat(model, stream=True, **fields)
        if dropped is None:
            assert (heard.status, heard.error["param"]) == (400, next(iter(fields)))
        else:
            assert heard.status == 200
            assert heard.text
            assert heard.headers.get("x-strictwire-dropped", "") == dropped
