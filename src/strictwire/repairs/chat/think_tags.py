"""The rule for thinking that comes between tags inside of the content."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from strictwire.model.chunks import Chunk, HeldChunk
from strictwire.repairs.chat.split import (
    bare,
    envelope_of,
    only_choice,
    says_beside,
    split,
)
from strictwire.repairs.chat.think_split import ThinkSplit
from strictwire.repairs.rule import ChunkRule


@dataclass(slots=True)
class _Choice:
    text: ThinkSplit
    envelope: dict[str, Any]
    has_finished: bool = False  # it told a finish reason since its last text


@dataclass(slots=True)
class ThinkTags(ChunkRule):
    """Tell thinking between ``<think>`` tags as reasoning.

    A server that does not parse its model's output sends the thinking as content: clients show
    it, and agents read it as the answer. ``keep`` leaves it so, since some clients parse it
    themselves. ``split`` counts an opener only where the text begins, so text that speaks of the
    tag is safe; at a closer without an opener, what is not yet said becomes reasoning.
    ``opened`` is for templates that put the opener into the prompt: all is reasoning until the
    closer. Half a tag is held until the other half
    comes, and is text again when none does. A server that tells reasoning by itself is trusted.
    """

    name = "chat.think-tags"
    title = "The content begins with thinking between tags"
    quirks = (59, 95)
    evidence = "lab:think-tags"
    modes = ("keep", "split", "opened")
    idle_mode = "keep"
    reads_text = True

    choices: dict[int, _Choice] = field(default_factory=dict)

    def feed(self, item: Chunk) -> Iterator[Chunk]:
        choice = only_choice(item)
        if choice is None:
            yield item
            return
        known = self._known(item, choice)
        delta = choice["delta"]
        if delta.get("reasoning_content") or delta.get("reasoning"):
            known.text.trust()
        told = delta.get("content")
        thought, said = "", ""
        if isinstance(told, str) and told:
            known.has_finished = False
            thought, said = known.text.feed(told)
        if choice["finish_reason"]:
            known.has_finished = True
        if delta.get("tool_calls") or delta.get("function_call"):
            last = known.text.finish()
            if not told and any(last):
                self.fired = self.fired or known.text.has_split
                yield from split(item, [bare(choice, _with({}, *last)), choice])
                return
            thought, said = thought + last[0], said + last[1]
        if not isinstance(told, str) or (said == told and not thought):
            yield item
            return
        self.fired = self.fired or known.text.has_split
        rest = {name: delta[name] for name in delta if name != "content"}
        mended = choice | {"delta": _with(rest, thought, said)}
        is_told = choice["finish_reason"] or choice.get("logprobs") or says_beside(choice)
        if mended["delta"] or is_told:
            yield item.repaired(item.value | {"choices": [mended]})
        elif item.value.get("usage") is not None:
            yield item.repaired(item.value | {"choices": []})

    def finish(self) -> Iterator[Chunk]:
        for index, known in self.choices.items():
            last = known.text.finish()
            if any(last):
                self.fired = self.fired or known.text.has_split
                choice = bare({"index": index}, _with({}, *last))
                kind = HeldChunk if known.has_finished else Chunk
                yield kind(known.envelope | {"choices": [choice]})

    def _known(self, item: Chunk, choice: dict[str, Any]) -> _Choice:
        known = self.choices.get(choice["index"])
        if known is None:
            text = ThinkSplit("opened" if self.mode == "opened" else "start")
            known = self.choices[choice["index"]] = _Choice(text, envelope_of(item.value))
        return known


# A delta may tell its reasoning under one of them, or the same under both.
_KEYS = ("reasoning_content", "reasoning")


def _is_text(told: Any) -> bool:
    return isinstance(told, str) and bool(told)


def _with(delta: dict[str, Any], thought: str, said: str) -> dict[str, Any]:
    """The delta with thinking added to what it tells of it, and with the answer."""
    if thought:
        told = {key: delta[key] + thought for key in _KEYS if _is_text(delta.get(key))}
        delta = delta | (told or {"reasoning_content": thought})
    return delta | {"content": said} if said else delta
