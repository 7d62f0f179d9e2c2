"""One chunk to several, where a server says in one what the wire says in many."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from strictwire.model.chunks import Chunk

# What every part keeps. All else at the top (timings, usage, filter results) ends what the chunk
# told, so it stays with the last part.
_ENVELOPE = frozenset(("id", "object", "created", "model", "system_fingerprint", "service_tier"))


def envelope_of(value: dict[str, Any]) -> dict[str, Any]:
    return {name: value[name] for name in value if name in _ENVELOPE}


def extras_of(value: dict[str, Any]) -> dict[str, Any]:
    """The top's fields that are neither envelope nor choices nor usage."""
    return {n: value[n] for n in value if n not in _ENVELOPE and n not in ("choices", "usage")}


def split(item: Chunk, parts: list[dict[str, Any]]) -> Iterator[Chunk]:
    """One chunk for each choice object; the top's extra fields stay with the last."""
    envelope = envelope_of(item.value)
    for part in parts[:-1]:
        yield item.repaired(envelope | {"choices": [part]})
    yield item.repaired(item.value | {"choices": [parts[-1]]})


def bare(choice: dict[str, Any], delta: dict[str, Any]) -> dict[str, Any]:
    """A part of a choice that says only this delta: no finish, no extra fields."""
    return {"index": choice["index"], "delta": delta, "finish_reason": None}


def lay_out(
    choice: dict[str, Any], rest: dict[str, Any], deltas: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The choice as one part for what is left of its delta, if anything, and one for each delta
    that was taken out of it. What it says beside its delta stays with the rest, else with the last
    part, and so does its finish reason. Nothing where it says nothing at all."""
    said = [rest, *deltas] if rest else deltas
    if not said:
        says_more = choice["finish_reason"] or says_beside(choice)
        return [choice | {"delta": {}}] if says_more else []
    parts = [bare(choice, delta) for delta in said]
    bearer = 0 if rest else -1
    parts[bearer] = choice | {"delta": said[bearer], "finish_reason": None}
    parts[-1] |= {"finish_reason": choice["finish_reason"]}
    return parts


# What a choice has in its places, and its token probabilities, which belong to a text.
_CHOICE_OWN = frozenset(("index", "delta", "finish_reason", "logprobs"))


def says_beside(choice: dict[str, Any]) -> bool:
    """Whether a choice says anything beside its delta: a filter's verdict, for one."""
    return not choice.keys() <= _CHOICE_OWN and any(
        choice[name] for name in choice if name not in _CHOICE_OWN
    )


def only_choice(item: Chunk) -> dict[str, Any] | None:
    """The chunk's choice. After ``chat.choices-together`` no chunk has more than one."""
    choices = item.value.get("choices")
    return choices[0] if choices else None
