"""The events of a strict Responses stream, one method for each, with numbers that are dense.

Contract: what is told here is right by itself; that it comes in the right order is the life's work.
A chunk of the server that says the same passes as the same object.
Source: OpenAI API reference, "Streaming events".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from strictwire.dialects.responses.items import Item, Part
from strictwire.dialects.responses.kinds import ARGUMENTS, OUTPUT_TEXT
from strictwire.dialects.responses.sameness import says
from strictwire.model.chunks import Chunk


def place_of(item: Item, part: Part) -> dict[str, Any]:
    """Where a text stands."""
    place: dict[str, Any] = {"item_id": item.id, "output_index": item.index}
    if part.kind is None:
        place["content_index"] = part.index
    elif part.kind.place:
        place[part.kind.place] = part.index
    return place


def done_fields(item: Item, part: Part) -> dict[str, Any]:
    """What the done event of a text says, but for token probabilities."""
    kind = part.kind
    if kind is None:
        return place_of(item, part)
    fields = place_of(item, part) | {kind.field: part.text.joined()}
    if kind is ARGUMENTS:
        fields["name"] = item.fields.get("name", "")
    return fields


class Telling:
    """``number`` is the sequence number of the next event."""

    __slots__ = ("number",)

    def __init__(self, number: int = 0) -> None:
        self.number = number

    def made(self, kind: str, fields: Mapping[str, Any]) -> Chunk:
        """An event of ours."""
        number = self.number
        self.number += 1
        return Chunk({"type": kind, "sequence_number": number, **fields}, event=kind)

    def passed(self, chunk: Chunk, right: dict[str, Any]) -> Chunk:
        """An event of the server; ``right`` is what must stand in it."""
        right["sequence_number"] = self.number
        self.number += 1
        if says(chunk.value, right):
            return chunk
        return chunk.repaired(chunk.value | right)

    def item_added(self, item: Item) -> Chunk:
        fields = {"output_index": item.index, "item": item.opening()}
        return self.made("response.output_item.added", fields)

    def part_added(self, item: Item, part: Part) -> Chunk:
        return self._part(item, part, "added", part.opening())

    def delta(self, item: Item, part: Part, text: str, logprobs: list[Any]) -> Chunk:
        kind = part.kind or OUTPUT_TEXT
        more = {"logprobs": logprobs} if kind is OUTPUT_TEXT else {}
        return self.made(kind.delta, place_of(item, part) | {"delta": text} | more)

    def annotation(self, item: Item, part: Part, number: int) -> Chunk:
        fields = {"annotation_index": number, "annotation": part.annotations[number]}
        return self.made("response.output_text.annotation.added", place_of(item, part) | fields)

    def text_done(self, item: Item, part: Part) -> Chunk:
        kind = part.kind or OUTPUT_TEXT
        more = {"logprobs": part.logprobs.copy()} if kind is OUTPUT_TEXT else {}
        return self.made(kind.done, done_fields(item, part) | more)

    def part_done(self, item: Item, part: Part) -> Chunk:
        return self._part(item, part, "done", part.object())

    def item_done(self, item: Item) -> Chunk:
        fields = {"output_index": item.index, "item": item.final}
        return self.made("response.output_item.done", fields)

    def _part(self, item: Item, part: Part, word: str, value: dict[str, Any]) -> Chunk:
        event = part.kind.part_event if part.kind else "response.content_part"
        return self.made(f"{event}.{word}", place_of(item, part) | {"part": value})
