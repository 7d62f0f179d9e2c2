"""The rule for usage that is told of one choice at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from strictwire.model.chunks import Chunk
from strictwire.model.request import Promise
from strictwire.repairs.rule import ChunkRule


@dataclass(slots=True)
class UsageOfChoice(ChunkRule):
    """Tell what all choices used, where the server tells it of each by itself.

    llama.cpp ends every choice with a usage of its own, so a client that reads the last one misses
    the tokens of the others. That a usage is of one choice is known from the ``timings`` beside it,
    which count the same tokens. The prompt is counted once for each prompt that was asked, however
    many choices answer it. A whole reply tells the first choice only, and nothing can be added.
    """

    name = "chat.usage-of-choice"
    title = "Each choice has a usage of its own"
    quirks = (96,)
    evidence = "lab:usage-of-choices"

    # Choices that have finished, and whose usage has not come.
    due: int = 0
    told: int = 0
    prompt: int = 0
    cached: int = 0
    completion: int = 0

    @classmethod
    def runs_for(cls, promise: Promise) -> bool:
        may_have_several = promise.choices is None or promise.choices > 1
        return may_have_several and super(UsageOfChoice, cls).runs_for(promise)

    def feed(self, item: Chunk) -> Iterator[Chunk]:
        value = item.value
        choices = value.get("choices")
        if isinstance(choices, list):
            self.due += sum(map(_has_finished, choices))
        usage = value.get("usage")
        if not isinstance(usage, dict) or not _is_of_one_choice(usage, value.get("timings")):
            yield item
            return
        if self.due:
            self.due -= 1
            self._add(usage)
        if self.told < 2:
            yield item
            return
        self.fired = True
        yield item.repaired(value | {"usage": self._sum(usage)})

    def _add(self, usage: dict[str, Any]) -> None:
        self.told += 1
        self.prompt += _count(usage.get("prompt_tokens"))
        self.completion += usage["completion_tokens"]
        self.cached += _cached(usage)

    def _sum(self, usage: dict[str, Any]) -> dict[str, Any]:
        # Each prompt is told once for each of its choices.
        prompts = self.promise.prompts
        prompt = self.prompt * prompts // max(self.told, prompts)
        summed = usage | {
            "prompt_tokens": prompt,
            "completion_tokens": self.completion,
            "total_tokens": prompt + self.completion,
        }
        details = usage.get("prompt_tokens_details")
        if isinstance(details, dict) and "cached_tokens" in details:
            cached = self.cached * prompts // max(self.told, prompts)
            summed["prompt_tokens_details"] = details | {"cached_tokens": cached}
        return summed


def _has_finished(choice: Any) -> bool:
    return isinstance(choice, dict) and bool(choice.get("finish_reason"))


def _is_of_one_choice(usage: dict[str, Any], timings: Any) -> bool:
    count = usage.get("completion_tokens")
    is_count = isinstance(count, int) and not isinstance(count, bool)
    return is_count and isinstance(timings, dict) and timings.get("predicted_n") == count


def _cached(usage: dict[str, Any]) -> int:
    details = usage.get("prompt_tokens_details")
    return _count(details.get("cached_tokens")) if isinstance(details, dict) else 0


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
