"""The text of a choice, where rules that read it are switched on: cumulative, thinking, calls.

Contract: without such modes nothing is looked at and nothing kept. A text that may be a call is
kept until its choice finishes; the bound on a body bounds it. Source: docs/quirks.md, 44, 56, 59.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from strictwire.conformance.chat.leaks import ThinkTags, is_leaked_call, is_told_call
from strictwire.conformance.chat.retold import Cumulative
from strictwire.conformance.json_text import Where
from strictwire.conformance.reply import Reply

Json = dict[str, Any]
ToldCall = tuple[str, str]  # name, arguments


@dataclass(slots=True)
class _Text:
    pieces: list[str] = field(default_factory=list)
    offset: Where = 0


class TextsJudge:
    """``told_calls`` gives the calls of a choice that were told as calls."""

    __slots__ = (
        "_cumulative",
        "_found",
        "_looks_for_calls",
        "_reply",
        "_texts",
        "_think_mode",
        "_thinking",
        "_told_calls",
    )

    def __init__(self, reply: Reply, told_calls: Callable[[int], list[ToldCall]]) -> None:
        modes, tools = reply.asked.modes, reply.asked.tools
        self._reply = reply
        self._found = reply.found
        self._told_calls = told_calls
        self._cumulative = Cumulative() if modes.get("chat.cumulative-text") == "on" else None
        self._think_mode = modes.get("chat.think-tags", "keep")
        self._thinking: dict[int, ThinkTags] = {}
        self._looks_for_calls = bool(tools) and modes.get("chat.leaked-call") == "on"
        self._texts: dict[int, _Text] = {}

    def new_of(self, index: int, delta: Json, at: Where) -> Json:
        """Judge the texts of a delta; what is left of it once nothing is said twice."""
        if self._cumulative is not None:
            new = self._cumulative.new_of(index, delta)
            if new is not delta:
                self._found.add("chat.cumulative-text", at)
            delta = new
        content = delta.get("content")
        if self._think_mode != "keep":
            self._think(index, delta, content if isinstance(content, str) else "", at)
        if self._looks_for_calls and isinstance(content, str) and content:
            text = self._texts.setdefault(index, _Text(offset=at))
            text.pieces.append(content)
        return delta

    def close(self, index: int, at: Where) -> None:
        """The choice finished: what was said is a call, the echo of one, or text."""
        text = self._texts.pop(index, None)
        if text is None:
            return
        whole, told = "".join(text.pieces), self._told_calls(index)
        if not is_leaked_call(whole, self._reply.asked.tools, [said for _, said in told]):
            return
        self._found.add("chat.leaked-call", text.offset)
        if not is_told_call(whole, told) or not told:
            self._reply.said(index).has_called = True

    def _think(self, index: int, delta: Json, content: str, at: Where) -> None:
        tags = self._thinking.setdefault(index, ThinkTags(self._think_mode == "opened"))
        if delta.get("reasoning_content") or delta.get("reasoning"):
            tags.reasons_itself()
        if tags.finds(content):
            self._found.add("chat.think-tags", at)
