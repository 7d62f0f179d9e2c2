"""The engine keeps the promises of every upstream: with the real child and the tiny model."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from types import TracebackType
from typing import Any, Self

import pytest

from strictwire.engine import DEMO_MODEL, Engine, EnginePlan
from strictwire.model.protocols import Upstream, UpstreamRequest
from strictwire.net.upstream import HttpUpstream, UnixConnector, fetch
from upstream_stage import POLL_S, Ability, Answer
from upstream_suite import check_upstream

if sys.platform == "win32":
    pytest.skip("the engine needs unix sockets", allow_module_level=True)
pytest.importorskip("xllamacpp")

CAN: frozenset[Ability] = frozenset({"line", "large"})
URL = "http://engine/v1/chat/completions"
# Few, so that the line fills with few; and a context that a long prompt takes seconds to fill.
PLACES = 2
CONTEXT = 32_768
BATCH = 256
# Some 20,000 tokens: seconds of reading, and left before its end.
LONG_PROMPT = "one two three four five six seven eight nine ten " * 1500
GRACE_S = 0.05
# Of a reply that asks for the twenty likeliest tokens of each place: two kilobytes of body.
LARGE_TOKENS = 400


def connect(path: str) -> Upstream:
    return HttpUpstream(connector=UnixConnector(path), grace_s=GRACE_S)


class EngineStage:
    """``mark`` is how many tokens an answer has; the usage at its end tells it back."""

    can = CAN
    places = PLACES

    def __init__(self) -> None:
        self.stuck = asyncio.Event()
        plan = EnginePlan(
            name="tiny",
            model_path=DEMO_MODEL,
            model_name="tiny-demo",
            parallel=PLACES,
            context=CONTEXT,
            prefill_batch=BATCH,
        )
        self.engine = Engine(plan, connect)
        self.upstream: Upstream = self.engine

    async def __aenter__(self) -> Self:
        await self.engine.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.engine.close()

    def asking(self, answer: Answer, *, mark: int = 1, padding_bytes: int = 0) -> UpstreamRequest:
        prompt = LONG_PROMPT if answer == "slow" else "Hello"
        body: dict[str, Any] = {
            "messages": [{"role": "user", "content": prompt}],
            "stream": True,
            # As the gateway asks: llama.cpp sees that a client has left when it writes.
            "return_progress": True,
            "stream_options": {"include_usage": True},
            "ignore_eos": True,
            "max_tokens": mark,
            "padding": "x" * padding_bytes,
        }
        match answer:
            case "endless" | "slow":
                body["max_tokens"] = CONTEXT
            case "large":
                body |= {"max_tokens": LARGE_TOKENS, "logprobs": True, "top_logprobs": 20}
            case "refusal":
                body["messages"] = "none"
        headers = ((b"content-type", b"application/json"),)
        return UpstreamRequest("POST", URL, headers, json.dumps(body).encode())

    def mark_of(self, body: bytes) -> int:
        told = re.findall(rb'"completion_tokens":(\d+)', body)
        return int(told[-1])

    async def at_work(self) -> int:
        """As the child itself tells; a prompt that is being read lets it answer between batches."""
        request = UpstreamRequest("GET", "http://engine/slots")
        told = await fetch(self.engine, request, timeout_s=5.0, max_bytes=1_000_000)
        return sum(slot["is_processing"] for slot in json.loads(told.body))

    async def strike(self) -> None:
        process = self.engine.status().process
        assert process is not None
        os.kill(process, signal.SIGKILL)
        while self.engine.status().process == process:
            await asyncio.sleep(POLL_S)


test_engine = check_upstream(EngineStage, CAN, loops=("uvloop",))
