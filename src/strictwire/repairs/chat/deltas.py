"""Rules for what a delta says: roles, reasoning, and nothing at all."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

from strictwire.model.chunks import Chunk
from strictwire.repairs.chat.split import bare, extras_of, only_choice, says_beside, split
from strictwire.repairs.rule import ChoiceRule, ChunkRule

# The first is what is read where both are there.
_KEYS = ("reasoning_content", "reasoning")


@dataclass(slots=True)
class ReasoningKey(ChoiceRule):
    """Tell reasoning under ``reasoning_content``, or as the setting ``reasoning_key`` says.

    vLLM and Ollama use ``reasoning``, most clients read only the other; the setting may name it,
    or both. A ``reasoning`` that is an object is no text, and goes like one that is empty.
    """

    name = "chat.reasoning-key"
    title = "Reasoning comes under another key"
    quirks = (58, 90)
    evidence = "lab:reasoning-key"

    def mend(self, choice: dict[str, Any]) -> dict[str, Any]:
        delta, key = choice["delta"], self.promise.reasoning_key
        # Nearly all deltas tell none, or tell it as nearly all clients want it.
        if "reasoning" not in delta and ("reasoning_content" not in delta or key == _KEYS[0]):
            return choice
        told = [n for n in _KEYS if n in delta and isinstance(delta[n], str | None)]
        if not told or told == [key]:
            return choice
        text = delta[told[0]] or delta[told[-1]]
        if key == "both" and all(delta.get(name) == text for name in _KEYS):
            return choice
        rest = {name: delta[name] for name in delta if name not in told}
        wanted = _KEYS if key == "both" else (key,)
        return choice | {"delta": rest | dict.fromkeys(wanted, text)}


@dataclass(slots=True)
class RoleRepeated(ChoiceRule):
    """Say the role once, and as OpenAI does.

    openai-python's accumulator joins repeated roles to ``assistantassistant``. Roles that are
    empty or null say nothing and go too. A reply's role is always "assistant": typed clients
    reject "model", "bot" and the like.
    """

    name = "chat.role-repeated"
    title = "The role is repeated, empty, null or another word"
    quirks = (34, 35, 88)
    evidence = "lab:role-repeated"

    told: tuple[int, ...] = ()

    def mend(self, choice: dict[str, Any]) -> dict[str, Any]:
        delta = choice["delta"]
        if "role" not in delta:
            return choice
        role = delta["role"]
        if isinstance(role, str) and role and choice["index"] not in self.told:
            self.told = (*self.told, choice["index"])
            if role == "assistant":
                return choice
            return choice | {"delta": delta | {"role": "assistant"}}
        return choice | {"delta": {name: delta[name] for name in delta if name != "role"}}


# The delta's own fields that say nothing when they are empty. Unknown fields are left alone.
_TEXTS = ("content", "reasoning_content", "reasoning", "refusal")
_EMPTIABLE = (*_TEXTS, "tool_calls", "function_call")


@dataclass(slots=True)
class RoleMissing(ChunkRule):
    """Say the role before anything else of a choice.

    Without it, strict accumulators fail with "missing role for choice 0".
    """

    name = "chat.role-missing"
    title = "The role is never told, or told late"
    quirks = (35,)
    evidence = "lab:role-missing"

    told: tuple[int, ...] = ()
    added: tuple[int, ...] = ()

    def feed(self, item: Chunk) -> Iterator[Chunk]:
        choice = only_choice(item)
        if choice is None:
            yield item
            return
        index, delta = choice["index"], choice["delta"]
        if index in self.told:
            if index in self.added and "role" in delta:
                # Told after all, but late: the client has it already.
                rest = {name: value for name, value in delta.items() if name != "role"}
                item = item.repaired(item.value | {"choices": [choice | {"delta": rest}]})
            yield item
            return
        if "role" in delta:
            self.told = (*self.told, index)
        elif (
            choice.get("finish_reason")
            or any(delta.values())
            or delta.keys() - _EMPTIABLE
            or says_beside(choice)
        ):
            self.told = (*self.told, index)
            self.added = (*self.added, index)
            self.fired = True
            yield from split(item, [bare(choice, {"role": "assistant"}), choice])
            return
        yield item


# A character in several tokens is a handful of empty pieces, and a chunk without choices has a
# field or two to tell. What goes on beyond that would grow with the stream, so it is not held.
MAX_HELD_TOKENS = 128
MAX_HELD_FIELDS = 32
# Choices whose next text is awaited. A reply has a handful; a peer that tells probabilities of ever
# new choices, and never their text, must not fill our memory.
MAX_HELD_CHOICES = 128


@dataclass(slots=True)
class EmptyDelta(ChunkRule):
    """Drop what says nothing: null and empty content, texts that are none, and chunks that hold
    nothing else.

    A first chunk with ``content: null`` breaks clients that concatenate, empty content during
    reasoning ends the reasoning block in others. Token probabilities that came with an empty
    piece of text belong to the next one, and so do the extra fields of a chunk that is dropped
    (a prompt's filter results, timings), unless they only repeat what the last such chunk told.
    What a choice says beside its delta (a filter's verdict on the text so far) passes with it.
    """

    name = "chat.empty-delta"
    title = "A delta is empty or holds nulls"
    quirks: ClassVar[tuple[int, ...]] = (36, 37, 46, 64, 91)
    evidence = "lab:empty-deltas"

    logprobs: dict[int, list[Any]] = field(default_factory=dict)
    extras: dict[str, Any] | None = None
    # Of the extras that the last dropped chunk told. Servers repeat the same ones (a provider's
    # name) in each chunk: held anew each time, they would keep such a stream from being spliced.
    extras_checksum: int = 0

    def feed(self, item: Chunk) -> Iterator[Chunk]:
        choices = item.value.get("choices")
        if choices is not None and not choices and item.value.get("usage") is None:
            self._drop(item)
            return
        if choices is not None and self.extras:
            item = item.repaired(self.extras | item.value)
            self.extras = None
        if not choices:
            yield item
            return
        mended = [self.mend(choice) for choice in choices]
        if all(new is old for new, old in zip(mended, choices, strict=True)):
            yield item
            return
        kept = [choice for choice in mended if choice is not None]
        if not kept and item.value.get("usage") is None:
            self._drop(item)
            return
        self.fired = True
        yield item.repaired(item.value | {"choices": kept})

    def _drop(self, item: Chunk) -> None:
        """Nothing is left of a chunk but its extra fields, which wait for the next one."""
        self.fired = True
        extras = extras_of(item.value)
        if not extras:
            return
        checksum = zlib.crc32(repr(extras).encode("utf-8", "surrogatepass"))
        if checksum == self.extras_checksum:
            return
        self.extras_checksum = checksum
        extras = (self.extras or {}) | extras
        if len(extras) <= MAX_HELD_FIELDS:
            self.extras = extras

    def mend(self, choice: dict[str, Any]) -> dict[str, Any] | None:
        """The choice as it was, without what is empty, or None where nothing is left."""
        delta = choice["delta"]
        # A text that is none is what the rules before could not read.
        empty = [
            name
            for name in _EMPTIABLE
            if name in delta
            and (not delta[name] or (type(delta[name]) is not str and name in _TEXTS))
        ]
        if empty:
            delta = {name: delta[name] for name in delta if name not in empty}
        if delta:
            mended = choice | {"delta": delta} if empty else choice
            return self._with_held(mended) if self.logprobs else mended
        if choice.get("finish_reason") or says_beside(choice):
            return choice | {"delta": {}} if empty else choice
        logprobs = choice.get("logprobs")
        if isinstance(logprobs, dict) and logprobs.get("content"):
            self._hold(choice["index"], logprobs)
        return None

    def _hold(self, index: int, logprobs: dict[str, Any]) -> None:
        if index not in self.logprobs and len(self.logprobs) == MAX_HELD_CHOICES:
            return
        held = self.logprobs.setdefault(index, [])
        held.extend(logprobs["content"][: MAX_HELD_TOKENS - len(held)])

    def _with_held(self, choice: dict[str, Any]) -> dict[str, Any]:
        logprobs = choice.get("logprobs")
        if not isinstance(logprobs, dict) or choice["index"] not in self.logprobs:
            return choice
        content = self.logprobs.pop(choice["index"]) + (logprobs.get("content") or [])
        return choice | {"logprobs": logprobs | {"content": content}}


@dataclass(slots=True)
class RoleAlone(ChunkRule):
    """Say the role in a chunk of its own, before the text that came with it."""

    name = "chat.role-alone"
    title = "The role shares its delta with content"
    quirks = (34, 88)
    evidence = "lab:role-with-content"

    def feed(self, item: Chunk) -> Iterator[Chunk]:
        choice = only_choice(item)
        if choice is None or "role" not in choice["delta"]:
            yield item
            return
        delta = choice["delta"]
        if len(delta) == 1 and not choice.get("finish_reason"):
            yield item
            return
        self.fired = True
        rest = {name: delta[name] for name in delta if name != "role"}
        yield from split(item, [bare(choice, {"role": delta["role"]}), choice | {"delta": rest}])
