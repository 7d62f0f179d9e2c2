"""The fields of a delta, or of a whole message, as a forgiving client reads them.

Source: docs/contract.md, "Chat chunks": role, text, reasoning, extra fields.
"""

from __future__ import annotations

from typing import Any

from strictwire.conformance.extra_fields import DELTA_FIELDS, without_strangers
from strictwire.conformance.json_text import JsonText, Path
from strictwire.conformance.reply import Reply, Said

Json = dict[str, Any]

TEXTS = ("content", "reasoning_content", "reasoning", "refusal")
# A delta's own fields: with nothing in them they say nothing, and must not be there.
EMPTIABLE = (*TEXTS, "tool_calls", "function_call")


def says_nothing(name: str, told: Any) -> bool:
    """Whether one of these fields is empty, or a text that is none."""
    return not told or (name in TEXTS and not isinstance(told, str))


class DeltaJudge:
    __slots__ = ("_found", "_reply")

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._found = reply.found

    def readable(self, delta: Json, path: Path, text: JsonText) -> Json:
        """Content as text, reasoning under one key, and no field that nobody asked for."""
        kept = dict(delta)
        for name in ("content", "reasoning_content"):
            told = kept.get(name)
            if isinstance(told, str | None):
                continue
            self._found.add("chat.content-parts", text.at(*path, name))
            del kept[name]
            if any(map(_part_says, told if isinstance(told, list) else (told,))):
                kept[name] = "parts"
        wrong = self._misnamed_reasoning(kept)
        if wrong:
            self._found.add("chat.reasoning-key", text.at(*path, wrong), wrong)
            told = kept.pop("reasoning", None)
            kept["reasoning_content"] = kept.get("reasoning_content") or told
        return without_strangers(kept, DELTA_FIELDS, path, text, self._reply)

    def with_role_judged(self, delta: Json, said: Said, path: Path, text: JsonText) -> Json:
        """The delta, with its role only where it may be told."""
        if "role" not in delta:
            return delta
        role, at = delta["role"], text.at(*path, "role")
        is_word = isinstance(role, str) and role
        if is_word and said.has_begun and not said.has_role:
            self._found.add("chat.role-missing", at, "it is told late")
        elif not is_word or said.has_role or role != "assistant":
            self._found.add("chat.role-repeated", at)
        if is_word and not said.has_begun:
            return delta
        return {name: delta[name] for name in delta if name != "role"}

    def _misnamed_reasoning(self, delta: Json) -> str:
        """The key under which reasoning must not be, or not alone; else nothing."""
        wanted = self._reply.asked.reasoning_key
        told = [
            name
            for name in ("reasoning_content", "reasoning")
            if name in delta and isinstance(delta[name], str | None)
        ]
        if wanted != "both":
            return next((name for name in told if name != wanted), "")
        is_same = delta.get("reasoning") == delta.get("reasoning_content")
        return told[0] if told and not is_same else ""


def _part_says(part: Any) -> bool:
    """Whether one part of a content list holds any text."""
    if isinstance(part, dict):
        return any(bool(part.get(name)) for name in ("text", "thinking", "reasoning"))
    return type(part) in (int, float) or (isinstance(part, str) and bool(part))
