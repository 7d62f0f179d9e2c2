"""One case: a model behind one gateway, asked by the SDK and by the judge of the bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import completions_ways
import httpx
import sdk_ways
from expectations import Asked, Seen, differences
from openai import AsyncOpenAI, OpenAI
from thinning import on_turn
from wire_judge import judge


@dataclass(frozen=True)
class Trial:
    """``expect`` says what must be seen of a request; ``has_logprobs``, whether it knows them.
    ``settings`` are those of the provider, in the words of ``conformance.Asked``. ``turn`` counts
    the trials of one model, so that not all of them are asked in the same way of the SDK."""

    url: str
    model: str
    expect: Callable[[Asked], Seen]
    has_logprobs: bool = True
    settings: Mapping[str, Any] = field(default_factory=dict)
    turn: int = 0

    async def by_sdk(self, sync: OpenAI, later: AsyncOpenAI, asked: Asked) -> list[str]:
        """The way of the SDK whose turn it is; usage is asked for as each way does."""
        known = sdk_ways if asked.dialect == "chat" else completions_ways
        if not asked.is_stream:
            ways = [(name, way, False) for name, way in known.WHOLE.items()]
        else:
            ways = [(name, way, usage) for name, (way, usage) in known.STREAMED.items()]
        problems = []
        for name, way, includes_usage in on_turn(ways, self.model, turn=self.turn):
            told = replace(asked, includes_usage=includes_usage)
            try:
                seen = await way(sync, later, self.model, told)
            except Exception as failure:  # noqa: BLE001 - a client that breaks is a finding too
                problems.append(f"{name}: {type(failure).__name__}: {failure}")
                continue
            problems += [f"{name}: {one}" for one in self._differences(told, seen)]
        return problems

    def by_bytes(self, client: httpx.Client, asked: Asked) -> list[str]:
        """The wire's judge, with usage asked for and without."""
        problems = []
        for includes_usage in (True, False) if asked.is_stream else (False,):
            told = replace(asked, includes_usage=includes_usage)
            found = self.once_by_bytes(client, told)
            problems += [f"bytes, usage={includes_usage}: {one}" for one in found]
        return problems

    def once_by_bytes(self, client: httpx.Client, asked: Asked) -> list[str]:
        """The wire's judge, on just this request."""
        seen, faults = judge(client, self.url, self.model, asked, self.settings)
        return faults + self._differences(asked, seen)

    def _differences(self, asked: Asked, seen: Seen) -> list[str]:
        return differences(self.expect(asked), seen, has_logprobs=self.has_logprobs)
