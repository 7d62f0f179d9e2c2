"""Servers of kind ``auto``: asked beside the requests, never in their way; replies teach too."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from kind_stand import Asked, Played, PlayedGateway, Reply, as_json, chat, played, refusing

from strictwire.config import Provider, Secret
from strictwire.model.errors import PeerError
from strictwire.model.protocols import UpstreamCall, UpstreamEvents, UpstreamRequest
from strictwire.net.detecting import (
    FIRST_PAUSE_S,
    MAX_PAUSE_S,
    MAX_TRIES,
    KindFinder,
    detect,
    keep_asking,
)
from strictwire.routing import Found

LLAMA_CPP = (b"server", b"llama.cpp")
PROPS = {"total_slots": 1, "default_generation_settings": {"params": {}, "n_ctx": 1}}
PROVIDER = Provider(name="up", base_url="http://server.example/v1", api_keys=(Secret("sk-own"),))
UNREACHABLE = PeerError("Nobody is there.", code="upstream_unreachable")


def listing(owner: str) -> Played:
    def answer(asked: Asked) -> Reply:
        is_list = asked.path == "/models"
        return as_json({"data": [{"id": "m", "owned_by": owner}]}) if is_list else chat(asked)

    return Played(answer)


# ---- one look ----


async def test_it_asks_for_models_and_then_for_props() -> None:
    def answer(asked: Asked) -> Reply:
        return as_json(PROPS) if asked.url.endswith("/props") else as_json({"data": []})

    server = Played(answer)
    found = await detect(PROVIDER, server)
    assert found is not None
    assert found.kind == "llama.cpp"
    assert [asked.url for asked in server.asked] == [
        "http://server.example/v1/models",
        "http://server.example/props",
    ]
    assert {asked.headers[b"authorization"] for asked in server.asked} == {b"Bearer sk-own"}
    assert {asked.request.method for asked in server.asked} == {"GET"}


async def test_a_list_that_tells_is_enough() -> None:
    server = listing("vllm")
    found = await detect(PROVIDER, server)
    assert (found and found.kind, len(server.asked)) == ("vllm", 1)


@pytest.mark.parametrize("reply", [as_json({"error": "who are you"}, 401, LLAMA_CPP), Reply(503)])
async def test_a_refusal_tells_by_its_head_alone(reply: Reply) -> None:
    reply.body = reply.body or b'{"data":[{"id":"m","owned_by":"vllm"}]}'
    found = await detect(PROVIDER, Played(lambda _: reply))
    assert (found and found.kind) == ("llama.cpp" if reply.headers else None)


# ---- until it was reached ----


@dataclass
class Pauses:
    """Stands for the time between two tries."""

    waited: list[float] = field(default_factory=list)

    async def __call__(self, delay_s: float) -> None:
        self.waited.append(delay_s)


@dataclass
class Finding:
    """One run of the finder, to its end."""

    server: Played
    is_known: bool = False
    found: list[Found] = field(default_factory=list)
    pauses: Pauses = field(default_factory=Pauses)

    async def run(self) -> None:
        learn, is_known = self.found.append, lambda: self.is_known
        await keep_asking(PROVIDER, self.server, learn, is_known, self.pauses)


async def test_one_that_is_down_is_asked_again_until_it_is_up() -> None:
    up = listing("sglang")

    def wake(asked: Asked) -> Reply:
        if len(finding.server.asked) < 3:
            raise UNREACHABLE
        return up.answer(asked)

    finding = Finding(Played(wake))
    await finding.run()
    assert [found.kind for found in finding.found] == ["sglang"]
    assert finding.pauses.waited == [FIRST_PAUSE_S, 2 * FIRST_PAUSE_S]


async def test_one_that_stays_down_is_let_be() -> None:
    finding = Finding(Played(refusing(UNREACHABLE)))
    await finding.run()
    assert not finding.found
    assert len(finding.server.asked) == len(finding.pauses.waited) == MAX_TRIES
    assert max(finding.pauses.waited) == MAX_PAUSE_S


async def test_one_that_answers_and_tells_nothing_is_asked_once() -> None:
    finding = Finding(listing("me"))
    await finding.run()
    assert (finding.found, finding.pauses.waited, len(finding.server.asked)) == ([], [], 2)


async def test_what_a_reply_taught_meanwhile_is_not_asked_for() -> None:
    finding = Finding(listing("vllm"), is_known=True)
    await finding.run()
    assert not finding.server.asked


async def test_a_defect_of_ours_is_logged_and_stops_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def answer(asked: Asked) -> Reply:
        raise RuntimeError("a defect")

    finding = Finding(Played(answer))
    await finding.run()
    assert "provider up: its kind was not found out" in caplog.text


class Silent:
    """A server that takes requests and never answers."""

    def __init__(self) -> None:
        self.was_asked = asyncio.Event()
        self.was_cancelled = False

    async def send(self, request: UpstreamRequest, events: UpstreamEvents) -> UpstreamCall:
        self.was_asked.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.was_cancelled = True
            raise
        raise AssertionError("nothing wakes it")

    async def close(self) -> None: ...


async def test_closing_ends_it_at_once() -> None:
    server, finder = Silent(), KindFinder()
    finder.begin(PROVIDER, server, lambda _: None, lambda: False)
    await server.was_asked.wait()
    await finder.close()
    assert server.was_cancelled


# ---- in the gateway ----


@asynccontextmanager
async def detecting(server: Played, **own: str) -> AsyncIterator[PlayedGateway]:
    async with played(server, detects=True, **own) as gateway:
        yield gateway


def kind_in(gateway: PlayedGateway) -> str:
    (provider,) = gateway.settings.providers
    return gateway.app.service.kind_of(provider).name


async def until_found(gateway: PlayedGateway) -> None:
    async with asyncio.timeout(10):
        while kind_in(gateway) == "auto":
            await asyncio.sleep(0)


async def test_it_is_found_beside_the_requests_and_told_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "strictwire.net")
    async with detecting(listing("llamacpp")) as gateway:
        await until_found(gateway)
        assert "provider up: found llama.cpp (owned_by llamacpp)" in caplog.text
        await gateway.turn("chat", stream=True)
        assert gateway.server.last.body["return_progress"] is True


@pytest.mark.parametrize("kind", ["vllm", "engine"])
async def test_what_the_settings_say_is_not_asked_for(kind: str) -> None:
    async with detecting(listing("llamacpp"), kind=kind) as gateway:
        await gateway.turn("chat")
        assert [asked.path for asked in gateway.server.asked] == ["/chat/completions"]
        assert kind_in(gateway) == kind


async def test_without_detecting_nobody_is_asked() -> None:
    async with played(listing("llamacpp")) as gateway:
        await gateway.turn("chat")
        assert [asked.path for asked in gateway.server.asked] == ["/chat/completions"]


async def test_a_host_with_a_name_is_not_asked_and_never_outdone() -> None:
    def answer(asked: Asked) -> Reply:
        reply = chat(asked)
        return Reply(reply.status, reply.body, (*reply.headers, LLAMA_CPP))

    async with detecting(Played(answer), base_url="https://api.openai.com/v1") as gateway:
        assert kind_in(gateway) == "openai"
        await gateway.turn("chat")
        assert [asked.path for asked in gateway.server.asked] == ["/chat/completions"]
        assert kind_in(gateway) == "openai"


async def test_each_replys_head_teaches_too() -> None:
    def answer(asked: Asked) -> Reply:
        reply = chat(asked)
        return Reply(reply.status, reply.body, (*reply.headers, LLAMA_CPP))

    async with played(Played(answer)) as gateway:
        await gateway.turn("chat", stream=True)
        assert "return_progress" not in gateway.server.last.body
        await gateway.turn("chat", stream=True)
        assert gateway.server.last.body["return_progress"] is True


async def test_a_head_does_not_teach_what_the_settings_say(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "strictwire.net")

    def answer(asked: Asked) -> Reply:
        reply = chat(asked)
        return Reply(reply.status, reply.body, (*reply.headers, LLAMA_CPP))

    async with played(Played(answer), kind="vllm") as gateway:
        for _ in range(2):
            await gateway.turn("chat", stream=True)
            assert "return_progress" not in gateway.server.last.body
        assert kind_in(gateway) == "vllm"
        assert "found" not in caplog.text


async def test_the_words_of_a_refusal_teach() -> None:
    def answer(asked: Asked) -> Reply:
        unknown = {"top_k", "min_p"} & set(asked.body)
        if unknown:
            return as_json({"detail": f"Unexpected fields in the request: {unknown}"}, 422)
        return chat(asked)

    async with played(Played(answer)) as gateway:
        assert (await gateway.turn("chat", top_k=1)).status == 200
        assert kind_in(gateway) == "transformers"
        gateway.server.takes()
        heard = await gateway.turn("chat", model="other", min_p=0.1)
        assert heard.headers["x-strictwire-dropped"] == "min_p"
        assert len(gateway.server.asked) == 1
