"""The fake upstream of the dialogues keeps the promises of a real one."""

from __future__ import annotations

import asyncio
import json
from types import TracebackType
from typing import Any, Self

from exchange_stage import SSE, ScriptedCall, ScriptedUpstream

from strictwire.model.errors import PeerError
from strictwire.model.protocols import UpstreamEvents, UpstreamRequest
from upstream_stage import Ability, Answer
from upstream_suite import check_upstream


class FakeStage:
    """Plays each request's answer, an event per turn of the loop."""

    can: frozenset[Ability] = frozenset({"silent"})
    places = 0

    def __init__(self) -> None:
        self.stuck = asyncio.Event()
        self.upstream = ScriptedUpstream([])
        self.upstream.early = self._begin

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.upstream.close()

    def asking(self, answer: Answer, *, mark: int = 1, padding_bytes: int = 0) -> UpstreamRequest:
        asked = {"answer": answer, "mark": mark, "padding": "x" * padding_bytes}
        return UpstreamRequest("POST", "http://up/v1/x", body=json.dumps(asked).encode())

    def mark_of(self, body: bytes) -> int:
        return int(body.removeprefix(b"mark "))

    async def at_work(self) -> int:
        return len(self._working())

    async def strike(self) -> None:
        for at in self._working():
            self.upstream.fails(PeerError("It broke.", code="upstream_closed"), at=at)

    def _working(self) -> list[int]:
        return [at for at, call in enumerate(self.upstream.calls) if not call.is_silenced]

    def _begin(self, events: UpstreamEvents) -> None:
        at = len(self.upstream.calls) - 1
        asked: dict[str, Any] = json.loads(self.upstream.requests[-1].body)
        self._later(at, asked, 0)

    def _later(self, at: int, asked: dict[str, Any], step: int) -> None:
        asyncio.get_running_loop().call_soon(self._play, at, asked, step)

    def _play(self, at: int, asked: dict[str, Any], step: int) -> None:
        upstream, answer = self.upstream, asked["answer"]
        call: ScriptedCall = upstream.calls[at]
        if call.is_silenced or answer == "slow":
            return
        if step == 0:
            upstream.head(400 if answer == "refusal" else 200, SSE, at=at)
        elif answer == "endless":
            if not call.is_paused:  # what it holds back would grow without a bound
                upstream.says(b"on and on ", at=at)
        elif step == 1:
            upstream.says(b"mark ", at=at)
        elif step == 2:
            upstream.says(str(asked["mark"]).encode(), at=at)
        else:
            upstream.ends(at=at)
            return
        if not call.is_silenced:
            self._later(at, asked, step + 1)


test_fake = check_upstream(FakeStage, FakeStage.can, loops=("asyncio",))
