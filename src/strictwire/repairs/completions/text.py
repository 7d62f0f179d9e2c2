"""Rules for a completion's text: chunks that say nothing, and a finish reason beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from strictwire.model.chunks import Chunk
from strictwire.model.logprobs import joined_logprobs
from strictwire.repairs.chat.deltas import MAX_HELD_CHOICES, MAX_HELD_TOKENS, EmptyDelta
from strictwire.repairs.chat.split import only_choice, split
from strictwire.repairs.completions.known import CHOICE_FIELDS
from strictwire.repairs.rule import ChunkRule


@dataclass(slots=True)
class EmptyText(EmptyDelta):
    """Drop chunks whose text is empty and that hold nothing else.

    llama.cpp sends one for each piece of a character, and before it stops. Clients that count
    tokens by chunks, or stop at an empty text, see another reply. Token probabilities that came
    with an empty text belong to the next one, and so do the extra fields of a chunk without
    choices (timings).
    """

    name = "completions.empty-text"
    title = "A text is empty"
    quirks = (46, 87)
    evidence = "lab:completions-text-empty"

    def mend(self, choice: dict[str, Any]) -> dict[str, Any] | None:
        if choice["text"] or choice.get("finish_reason"):
            return self._with_held_pieces(choice) if self.logprobs else choice
        if any(choice[name] for name in choice if name not in CHOICE_FIELDS):
            return choice
        logprobs = choice.get("logprobs")
        if isinstance(logprobs, dict):
            self._hold(choice["index"], logprobs)
        return None

    def _hold(self, index: int, logprobs: dict[str, Any]) -> None:
        if index not in self.logprobs and len(self.logprobs) == MAX_HELD_CHOICES:
            return
        held = self.logprobs.setdefault(index, [])
        room = MAX_HELD_TOKENS - sum(map(_size, held))
        if room > 0 and len(held) < MAX_HELD_TOKENS:
            held.append({n: v[:room] if isinstance(v, list) else v for n, v in logprobs.items()})

    def _with_held_pieces(self, choice: dict[str, Any]) -> dict[str, Any]:
        pieces = self.logprobs.pop(choice["index"], None)
        if pieces is None:
            return choice
        logprobs = choice.get("logprobs")
        if isinstance(logprobs, dict):
            pieces.append(logprobs)
        return choice | {"logprobs": joined_logprobs(pieces)}


def _size(logprobs: dict[str, Any]) -> int:
    return max((len(told) for told in logprobs.values() if isinstance(told, list)), default=0)


@dataclass(slots=True)
class FinishAfterText(ChunkRule):
    """Say the finish reason in a chunk of its own, after the text that came with it.

    Clients that stop at a finish reason lose the last token when both share a chunk.
    """

    name = "completions.finish-alone"
    title = "The finish reason rides on text"
    quirks = (32, 90)
    evidence = "lab:completions-finish-rides"

    def feed(self, item: Chunk) -> Iterator[Chunk]:
        choice = only_choice(item)
        if choice is None or not choice["finish_reason"] or not choice["text"]:
            yield item
            return
        self.fired = True
        bare = {"index": choice["index"], "text": "", "logprobs": None}
        yield from split(
            item,
            [
                choice | {"finish_reason": None},
                bare | {"finish_reason": choice["finish_reason"]},
            ],
        )
