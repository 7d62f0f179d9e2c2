"""Rules for a chunk's finish reason. Which reason is the last word is for the ending to say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from strictwire.model.chunks import Chunk
from strictwire.model.events import FINISH_REASONS
from strictwire.repairs.chat.split import bare, only_choice, split
from strictwire.repairs.rule import ChoiceRule, ChunkRule

# What servers say where OpenAI has a word of its own.
_SYNONYMS = {
    "eos": "stop",
    "eos_token": "stop",
    "end": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "stop_token": "stop",
    "completed": "stop",
    "complete": "stop",
    "finished": "stop",
    "max_tokens": "length",
    "max_length": "length",
    "model_length": "length",
    "max_output_tokens": "length",
    "tool_use": "tool_calls",
    "tool_call": "tool_calls",
    "function_calls": "tool_calls",
    "safety": "content_filter",
    "sensitive": "content_filter",
    "content_filtered": "content_filter",
    "recitation": "content_filter",
    "refusal": "content_filter",
}


@dataclass(slots=True)
class FinishMissing(ChoiceRule):
    """Say ``finish_reason`` in every chunk, null until the end.

    Typed clients require the key; a loop that waits for a non-null value needs it to be there.
    """

    name = "chat.finish-missing"
    title = "finish_reason is missing"
    quirks = (27, 89, 91)
    evidence = "lab:finish-key-missing"
    is_foundation = True

    def mend(self, choice: dict[str, Any]) -> dict[str, Any]:
        if "finish_reason" in choice:
            return choice
        return choice | {"finish_reason": None}


@dataclass(slots=True)
class FinishEmpty(ChoiceRule):
    """Say null where the server says an empty finish reason.

    A loop that stops at the first non-null value takes ``""`` for the end and shows nothing.
    """

    name = "chat.finish-empty"
    title = "finish_reason is an empty string"
    quirks = (26,)
    evidence = "lab:finish-empty"

    def mend(self, choice: dict[str, Any]) -> dict[str, Any]:
        reason = choice["finish_reason"]
        if reason != "" and (not isinstance(reason, str) or reason.strip()):
            return choice
        return choice | {"finish_reason": None}


@dataclass(slots=True)
class FinishValue(ChoiceRule):
    """Say the finish reason in OpenAI's words.

    A word of the server's own fails typed clients. One that nobody knows is ``stop``: the reply
    did end, and all of it was sent.
    """

    name = "chat.finish-value"
    title = "finish_reason is none of OpenAI's values"
    quirks = (29,)
    evidence = "lab:finish-value-eos"

    def mend(self, choice: dict[str, Any]) -> dict[str, Any]:
        reason = choice["finish_reason"]
        if reason is None:
            return choice
        if not isinstance(reason, str):
            return choice | {"finish_reason": None}
        if reason in FINISH_REASONS:
            return choice
        word = reason.strip().lower()
        known = word if word in FINISH_REASONS else _SYNONYMS.get(word, "stop")
        return choice | {"finish_reason": known}


@dataclass(slots=True)
class FinishAlone(ChunkRule):
    """Say the finish reason in a chunk of its own, after the text that came with it.

    Clients that stop at a finish reason lose the last token when both share a chunk.
    """

    name = "chat.finish-alone"
    title = "The finish reason rides on content"
    quirks = (32, 90)
    evidence = "lab:finish-rides"

    def feed(self, item: Chunk) -> Iterator[Chunk]:
        choice = only_choice(item)
        if choice is None or not choice["finish_reason"] or not choice["delta"]:
            yield item
            return
        self.fired = True
        first = choice | {"finish_reason": None}
        yield from split(
            item, [first, bare(choice, {}) | {"finish_reason": choice["finish_reason"]}]
        )
