"""Rules for usage: its shape and its place. Whether it is shown is for the writer to say."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from strictwire.model.chunks import Chunk
from strictwire.repairs.chat.split import envelope_of
from strictwire.repairs.rule import ChunkRule

_COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")


@dataclass(slots=True)
class UsageElsewhere(ChunkRule):
    """Tell usage where clients look for it: at the top of a chunk.

    Groq told it under ``x_groq``, Moonshot tells it inside of the last choice. Clients that read
    ``usage`` count nothing, or NaN. What else stands there is left alone; usage that is told in
    both places is told once.
    """

    name = "chat.usage-elsewhere"
    title = "Usage is told under another key"
    quirks = (61,)
    evidence = "lab:usage-elsewhere"

    def feed(self, item: Chunk) -> Iterable[Chunk]:
        value = item.value
        told: Any = None
        vendor = value.get("x_groq")
        if isinstance(vendor, dict) and "usage" in vendor:
            told = vendor["usage"]
            rest = _without_usage(vendor)
            value = {name: value[name] for name in value if name != "x_groq"}
            value |= {"x_groq": rest} if rest else {}
        choices = value.get("choices")
        if isinstance(choices, list) and any(map(_has_usage, choices)):
            told = told or next(choice["usage"] for choice in choices if _has_usage(choice))
            kept = [_without_usage(one) if _has_usage(one) else one for one in choices]
            value = value | {"choices": kept}
        if value is item.value:
            return (item,)
        self.fired = True
        if told is not None and value.get("usage") is None:
            value = value | {"usage": told}
        return (item.repaired(value),)


def _has_usage(choice: Any) -> bool:
    return isinstance(choice, dict) and "usage" in choice


def _without_usage(value: dict[str, Any]) -> dict[str, Any]:
    return {name: value[name] for name in value if name != "usage"}


@dataclass(slots=True)
class UsageShape(ChunkRule):
    """Give usage its three whole numbers, and no nulls.

    Nulls and missing totals break typed clients, and sums turn into NaN; also the details may be
    left out, but not be null. A usage that is not an object, or tells no count at all, was never
    told.
    """

    name = "chat.usage-shape"
    title = "Usage has nulls, or lacks a count"
    quirks = (62,)
    evidence = "lab:usage-nulls"

    def feed(self, item: Chunk) -> Iterator[Chunk]:
        usage = item.value.get("usage")
        if usage is None or (isinstance(usage, dict) and _is_well(usage)):
            yield item
            return
        self.fired = True
        rest = {name: item.value[name] for name in item.value if name != "usage"}
        shaped = _shaped(usage) if isinstance(usage, dict) else None
        if shaped is not None:
            yield item.repaired(rest | {"usage": shaped})
        elif rest.get("choices"):
            yield item.repaired(rest)


def _is_well(usage: dict[str, Any]) -> bool:
    return all(map(_is_count, _three(usage))) and not _has_nulls(usage)


def _has_nulls(usage: dict[str, Any]) -> bool:
    """Nulls in usage itself or in its details, which are flat objects."""
    return any(
        value is None or (isinstance(value, dict) and None in value.values())
        for value in usage.values()
    )


def _without_nulls(usage: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {key: count for key, count in value.items() if count is not None}
        if isinstance(value, dict)
        else value
        for name, value in usage.items()
        if value is not None
    }


def _three(usage: dict[str, Any]) -> list[Any]:
    return [usage.get(name) for name in _COUNTS]


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _shaped(usage: dict[str, Any]) -> dict[str, Any] | None:
    prompt, completion, total = (
        int(count) if isinstance(count, int | float) and 0 <= count < math.inf else None
        for count in _three(usage)
    )
    if prompt is None and completion is None:
        return None
    prompt, completion = prompt or 0, completion or 0
    counts = (prompt, completion, prompt + completion if total is None else total)
    return _without_nulls(usage) | dict(zip(_COUNTS, counts, strict=True))


@dataclass(slots=True)
class UsagePlacement(ChunkRule):
    """Say usage in a chunk of its own, without choices.

    Usage on every chunk is summed by some clients, and usage on a content chunk makes others
    drop the content. What it says is kept; the ending sends the last one, once.
    """

    name = "chat.usage-placement"
    title = "Usage rides on chunks with choices"
    quirks = (60, 87, 89, 94)
    evidence = "lab:usage-every-chunk"

    def feed(self, item: Chunk) -> Iterator[Chunk]:
        value = item.value
        if value.get("usage") is None or not value.get("choices"):
            yield item
            return
        self.fired = True
        yield item.repaired({name: value[name] for name in value if name != "usage"})
        yield item.repaired(envelope_of(value) | {"choices": [], "usage": value["usage"]})
