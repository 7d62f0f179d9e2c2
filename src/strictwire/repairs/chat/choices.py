"""Rules for the list of choices: that it is one, and that each has its index and its delta."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from strictwire.model.chunks import Chunk
from strictwire.model.errors import PeerError
from strictwire.model.request import Promise
from strictwire.repairs.chat.split import split
from strictwire.repairs.rule import ChoiceRule, ChunkRule

# OpenAI's own bound is 128. An index is remembered by several rules until the reply ends, so a
# server that counts its tokens there must not fill our memory.
MAX_CHOICES_TOLD = 1024


@dataclass(slots=True)
class ChoicesNull(ChunkRule):
    """Make ``choices`` a list of objects: empty where it was null, missing or something else."""

    name = "chat.choices-null"
    title = "choices is null or missing"
    quirks = (38,)
    evidence = "lab:choices-null"
    is_foundation = True

    def feed(self, item: Chunk) -> Iterator[Chunk]:
        choices = item.value.get("choices")
        if choices is None and (item.value.get("error") or "prompt_progress" in item.value):
            yield item
            return
        if isinstance(choices, list) and all(isinstance(choice, dict) for choice in choices):
            yield item
            return
        self.fired = True
        kept = [c for c in choices if isinstance(c, dict)] if isinstance(choices, list) else []
        if kept or item.value.get("usage") is not None:
            yield item.repaired(item.value | {"choices": kept})


@dataclass(slots=True)
class ChoiceIndex(ChunkRule):
    """Give a choice without an index the place that it has in its list.

    An index of a thousand and more is none where one choice was asked for, else an error: it
    counts something else, and each choice is remembered by several rules until the reply ends.
    """

    name = "chat.choice-index"
    title = "A choice has no index"
    quirks = (91,)
    evidence = "lab:choice-index-missing"
    is_foundation = True

    def feed(self, item: Chunk) -> Iterator[Chunk]:
        choices = item.value.get("choices") or ()
        if all(_is_index(choice.get("index")) for choice in choices):
            yield item
            return
        if self.promise.choices != 1 and any(_is_beyond(choice.get("index")) for choice in choices):
            raise PeerError(
                f"The upstream's reply has more than {MAX_CHOICES_TOLD} choices.",
                code="upstream_malformed",
            )
        self.fired = True
        mended = [
            choice if _is_index(choice.get("index")) else choice | {"index": place}
            for place, choice in enumerate(choices)
        ]
        yield item.repaired(item.value | {"choices": mended})


def _is_index(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MAX_CHOICES_TOLD


def _is_beyond(value: object) -> bool:
    return isinstance(value, int) and value >= MAX_CHOICES_TOLD


@dataclass(slots=True)
class ChoiceCounting(ChunkRule):
    """Give the one choice that was asked for the index 0.

    Some servers count their chunks there, others count choices from 1: each index begins another
    choice, and a client that reads ``choices[0]`` sees nothing of them. A server that tells
    several choices in one chunk means what it counts, asked for or not.
    """

    name = "chat.choice-counting"
    title = "The index counts something else than choices"
    quirks = (42,)
    evidence = "lab:choice-counting"

    has_several: bool = False

    @classmethod
    def runs_for(cls, promise: Promise) -> bool:
        # ``super()`` without arguments does not work in a dataclass with slots.
        return promise.choices == 1 and super(ChoiceCounting, cls).runs_for(promise)

    def feed(self, item: Chunk) -> Iterable[Chunk]:
        choices = item.value.get("choices") or ()
        if len(choices) > 1:
            self.has_several = True
        if self.has_several or all(choice["index"] == 0 for choice in choices):
            return (item,)
        self.fired = True
        return (
            item.repaired(item.value | {"choices": [choice | {"index": 0} for choice in choices]}),
        )


@dataclass(slots=True)
class DeltaMissing(ChoiceRule):
    """Give a choice without a delta an empty one.

    Azure sends choices that hold only filter results, others ``delta: null`` on the last chunk.
    """

    name = "chat.delta-missing"
    title = "A choice has no delta"
    quirks = (39,)
    evidence = "lab:delta-null"
    is_foundation = True

    def mend(self, choice: dict[str, Any]) -> dict[str, Any]:
        if isinstance(choice.get("delta"), dict):
            return choice
        return choice | {"delta": {}}


@dataclass(slots=True)
class ChoicesTogether(ChunkRule):
    """Send each choice in a chunk of its own.

    Several choices in one chunk are legal by the schema, but many loops read only the first.
    """

    name = "chat.choices-together"
    title = "One chunk holds several choices"
    quirks = (21,)
    evidence = "lab:choices-together"
    is_foundation = True

    def feed(self, item: Chunk) -> Iterator[Chunk]:
        choices = item.value.get("choices") or ()
        if len(choices) < 2:
            yield item
            return
        self.fired = True
        yield from split(item, list(choices))
