"""Rules for what a delta says: roles, reasoning, token probabilities, and nothing at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from strictwire.model.chunks import Chunk
from strictwire.repairs.chat.split import bare, extras_of, only_choice, split
from strictwire.repairs.rule import ChoiceRule, ChunkRule


@dataclass(slots=True)
class ReasoningKey(ChoiceRule):
    """Read ``reasoning`` as ``reasoning_content``.

    vLLM and Ollama use the one key, most clients read only the other. The writer emits the key,
    or both, that the setting names. A ``reasoning`` that is an object is somebody else's field.
    """

    name = "chat.reasoning-key"
    title = "Reasoning comes under another key"
    quirks = (58, 90)
    evidence = "lab:reasoning-key"

    def mend(self, choice: dict[str, Any]) -> dict[str, Any]:
        delta = choice["delta"]
        if "reasoning" not in delta or not isinstance(delta["reasoning"], str | None):
            return choice
        if self.promise.reasoning_key != "reasoning_content" and not delta.get("reasoning_content"):
            return choice
        rest = {name: value for name, value in delta.items() if name != "reasoning"}
        if not rest.get("reasoning_content"):
            rest["reasoning_content"] = delta["reasoning"]
        return choice | {"delta": rest}


@dataclass(slots=True)
class LogprobsLists(ChoiceRule):
    """Give ``logprobs`` both its lists, and each token its bytes and its rivals.

    The schema requires them: a list or bytes that were not told are null, rivals an empty list.
    """

    name = "chat.logprobs-lists"
    title = "logprobs lacks one of its lists, or a token lacks its keys"
    quirks = (87, 88)
    evidence = "lab:logprobs-one-list"

    def mend(self, choice: dict[str, Any]) -> dict[str, Any]:
        logprobs = choice.get("logprobs")
        if logprobs is None:
            return choice
        if not isinstance(logprobs, dict):
            return choice | {"logprobs": None}
        lists = {name: _tokens(logprobs.get(name)) for name in ("content", "refusal")}
        if all(name in logprobs and lists[name] is logprobs[name] for name in lists):
            return choice
        return choice | {"logprobs": logprobs | lists}


def _tokens(told: Any) -> list[Any] | None:
    """The list itself where each token has its keys."""
    if not isinstance(told, list):
        return None
    if all(map(_is_whole_token, told)):
        return told
    return [_whole_token(token) for token in told if isinstance(token, dict)]


def _is_whole_token(token: Any) -> bool:
    if not isinstance(token, dict) or "bytes" not in token:
        return False
    rivals = token.get("top_logprobs")
    return isinstance(rivals, list) and all(
        isinstance(rival, dict) and "bytes" in rival for rival in rivals
    )


def _whole_token(token: dict[str, Any]) -> dict[str, Any]:
    told = token.get("top_logprobs")
    rivals = [
        {"bytes": None} | rival
        for rival in (told if isinstance(told, list) else ())
        if isinstance(rival, dict)
    ]
    return {"bytes": None} | token | {"top_logprobs": rivals}


@dataclass(slots=True)
class RoleRepeated(ChoiceRule):
    """Say the role once, and as OpenAI does.

    openai-python's accumulator joins repeated roles to ``assistantassistant``. Roles that are
    empty or null say nothing and go too. A reply's role is always "assistant": typed clients
    reject "model", "bot" and the like.
    """

    name = "chat.role-repeated"
    title = "The role is repeated, empty, null or another word"
    quirks = (34, 35, 87, 88)
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
_EMPTIABLE = ("content", "reasoning_content", "reasoning", "refusal", "tool_calls", "function_call")


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
        elif choice.get("finish_reason") or any(delta.values()) or delta.keys() - _EMPTIABLE:
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


@dataclass(slots=True)
class EmptyDelta(ChunkRule):
    """Drop what says nothing: null and empty content, and chunks that hold nothing else.

    A first chunk with ``content: null`` breaks clients that concatenate, empty content during
    reasoning ends the reasoning block in others. Token probabilities that came with an empty
    piece of text belong to the next one, and so do the extra fields of a chunk without choices
    (a prompt's filter results, timings).
    """

    name = "chat.empty-delta"
    title = "A delta is empty or holds nulls"
    quirks = (36, 46)
    evidence = "lab:empty-deltas"

    logprobs: dict[int, list[Any]] = field(default_factory=dict)
    extras: dict[str, Any] | None = None

    def feed(self, item: Chunk) -> Iterator[Chunk]:
        choices = item.value.get("choices")
        if choices is not None and not choices and item.value.get("usage") is None:
            self.fired = True
            extras = (self.extras or {}) | extras_of(item.value)
            if extras and len(extras) <= MAX_HELD_FIELDS:
                self.extras = extras
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
        self.fired = True
        kept = [choice for choice in mended if choice is not None]
        if kept or item.value.get("usage") is not None:
            yield item.repaired(item.value | {"choices": kept})

    def mend(self, choice: dict[str, Any]) -> dict[str, Any] | None:
        """The choice as it was, without what is empty, or None where nothing is left."""
        delta = choice["delta"]
        empty = [name for name in _EMPTIABLE if name in delta and not delta[name]]
        if empty:
            delta = {name: delta[name] for name in delta if name not in empty}
        if delta:
            mended = choice | {"delta": delta} if empty else choice
            return self._with_held(mended) if self.logprobs else mended
        if choice.get("finish_reason"):
            return choice | {"delta": {}} if empty else choice
        logprobs = choice.get("logprobs")
        if isinstance(logprobs, dict) and logprobs.get("content"):
            held = self.logprobs.setdefault(choice["index"], [])
            held.extend(logprobs["content"][: MAX_HELD_TOKENS - len(held)])
        return None

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
