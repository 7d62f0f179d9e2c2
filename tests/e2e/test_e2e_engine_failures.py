"""The embedded engine when clients leave and processes die: places, errors, orphans."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from engine_stand import (
    ENDLESS_TOKENS,
    LONG_WORDS,
    POLL_S,
    WAIT_S,
    WAYS,
    EngineGateway,
    Reading,
    client_of,
    engine_gateway,
    prompt_of,
)

from strictwire.config import DEMO_NAME

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="children are read from /proc")

# What a client may wait for its first answer after the engine's process was killed.
ANSWERED_S = 2.0


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[EngineGateway]:
    """An engine of one's own, to be killed."""
    pytest.importorskip("xllamacpp")
    with engine_gateway(tmp_path, "--parallel", "4") as gateway:
        yield gateway


async def until_idle(gateway: EngineGateway) -> None:
    """No place is taken and nobody waits."""
    async with asyncio.timeout(WAIT_S):
        while True:
            told = await asyncio.to_thread(gateway.engine)
            if (told["busy_places"], told["waiting_requests"]) == (0, 0):
                return
            await asyncio.sleep(POLL_S)


def endless(client: httpx.AsyncClient, way: str = "chat", name: str = "endless") -> Reading:
    return Reading(client, way, name, ENDLESS_TOKENS, ignore_eos=True)


class Whole:
    """A request for one object, under way; where it is, the gateway tells beside it."""

    def __init__(self, client: httpx.AsyncClient, name: str, prompt: str) -> None:
        self._client = client
        self._name = name
        body = {
            "model": DEMO_NAME,
            "ignore_eos": True,
            **WAYS["chat"].body(prompt, ENDLESS_TOKENS),
        }
        headers = {"x-request-id": name}
        self.task = asyncio.create_task(
            client.post("/chat/completions", json=body, headers=headers)
        )

    async def until(self, status: str) -> None:
        async with asyncio.timeout(WAIT_S):
            while True:
                told = await self._client.get(f"/requests/{self._name}")
                if told.status_code == 200 and told.json()["status"] == status:
                    return
                assert not self.task.done()
                await asyncio.sleep(POLL_S)

    async def leave(self) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])


# ---- who leaves ----


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("where", ["queued", "processing", "answering"])
async def test_who_leaves_makes_room(
    narrow_engine: EngineGateway, where: str, stream: bool
) -> None:
    """With one place: the next is answered, which it never would be behind one that goes on."""
    name = f"leaves-{where}-{stream}"
    prompt = prompt_of(LONG_WORDS if where == "processing" else 1, name)
    async with client_of(narrow_engine) as client:
        ahead = await endless(client).until_tokens() if where == "queued" else None
        leaving: Reading | Whole
        if stream:
            leaving = Reading(client, "chat", prompt, ENDLESS_TOKENS, ignore_eos=True)
            await (leaving.until_tokens() if where == "answering" else leaving.until_status(where))
        else:
            leaving = Whole(client, name, prompt)
            await leaving.until(where)
        after = await Reading(client, "chat", "next", 3).until(lambda it: bool(it.places))
        assert after.places == ([2] if where == "queued" else [1])
        await leaving.leave()
        if ahead is not None:
            await after.until(lambda it: it.places[-1] == 1)
            await ahead.leave()
        await after.whole()
    assert after.has_tokens
    assert after.body.endswith(b"data: [DONE]\n\n")
    await until_idle(narrow_engine)


async def test_who_leaves_disturbs_nobody(engine: EngineGateway) -> None:
    async with client_of(engine) as client:
        others = [
            await endless(client, way, f"other {way}").until_tokens() for way in ("chat",) * 3
        ]
        for number in range(6):
            if number % 2:
                leaving = Reading(client, "chat", prompt_of(LONG_WORDS, f"{number}"), 5)
                await leaving.until_status("processing")
            else:
                leaving = await endless(client).until_tokens()
            await leaving.leave()
        for other in others:
            told = len(other.body)
            await other.until(lambda it, told=told: len(it.body) > told)  # type: ignore[misc]
            assert not other.has_failed
            await other.leave()
    await until_idle(engine)


# ---- what dies ----


async def test_four_streams_are_told_that_the_engine_died(mortal: EngineGateway) -> None:
    """One in each dialect's own words; and the next request is answered soon."""
    async with client_of(mortal) as client:
        streams = [await endless(client, way, way).until_tokens() for way in WAYS]
        os.kill(mortal.child(), signal.SIGKILL)
        killed_s = time.monotonic()
        after = Reading(client, "chat", "Hello", 5)
        for stream in streams:
            await stream.whole()
        await after.whole()
        answered_s = time.monotonic() - killed_s
    for stream in streams:
        assert stream.body.count(stream.way.error) == 1
        assert b"engine" in stream.body[stream.body.index(stream.way.error) :]
        after_error = stream.body[stream.body.index(stream.way.error) :]
        assert stream.way.token not in after_error
    assert after.has_tokens
    assert not after.has_failed
    assert answered_s < ANSWERED_S
    assert (await asyncio.to_thread(mortal.engine))["restarts_total"] == 1


async def test_a_whole_reply_is_refused_when_the_engine_dies(mortal: EngineGateway) -> None:
    async with client_of(mortal) as client:
        asking = Whole(client, "dies", prompt_of(LONG_WORDS))
        await asking.until("processing")
        os.kill(mortal.child(), signal.SIGKILL)
        told: Any = await asking.task
    assert told.status_code in (502, 503)
    assert told.json()["error"]["code"] == "engine_died"


async def test_who_waits_outlives_the_engine(mortal: EngineGateway) -> None:
    async with client_of(mortal) as client:
        streams = [await endless(client, "chat", f"{number}").until_tokens() for number in range(4)]
        waiting = await Reading(client, "chat", "waits", 5).until(lambda it: it.places == [1])
        os.kill(mortal.child(), signal.SIGKILL)
        await waiting.whole()
        for stream in streams:
            await stream.leave()
    assert waiting.has_tokens
    assert not waiting.has_failed


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
async def test_no_child_outlives_the_gateway(mortal: EngineGateway, how: signal.Signals) -> None:
    child = mortal.child()
    async with client_of(mortal) as client:
        stream = await endless(client).until_tokens()
        mortal.process.send_signal(how)
        await stream.leave()
    await asyncio.to_thread(mortal.process.wait, WAIT_S)
    async with asyncio.timeout(WAIT_S):
        while is_alive(child):
            await asyncio.sleep(POLL_S)


def is_alive(pid: int) -> bool:
    """A zombie is not: nobody may be there to bury an orphan."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
