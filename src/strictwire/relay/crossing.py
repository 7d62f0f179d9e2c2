"""From one dialect's events to those that another dialect's writer can tell.

Contract: events in, events out, between reader and ending, and only where client and upstream
speak different dialects. An upstream's own id is no id of the client's dialect, so it is not
taken over. What the client's dialect has no place for is left out, and ``mended`` says so: it is
counted. Roles, which only chat tells, are told where a chat client waits for them.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from strictwire.model.events import (
    Begun,
    Event,
    Extension,
    Extra,
    Finished,
    Native,
    ReasoningDelta,
    RefusalDelta,
    RoleTold,
    Sealed,
    Separated,
    TextDelta,
    ToolCallBegun,
    ToolCallDelta,
)
from strictwire.model.request import Dialect

UNTELLABLE = "reply.untellable"

_CONTENT = (TextDelta, ReasoningDelta, RefusalDelta, ToolCallBegun, ToolCallDelta, Finished)
# A completion is text and nothing else; a refusal is the text of an answer that says no.
_BEYOND_TEXT = (ReasoningDelta, ToolCallBegun, ToolCallDelta)


class Crossing:
    """What one reply's events become on their way to ``target``."""

    __slots__ = ("_has_role", "_target", "mended")

    def __init__(self, target: Dialect) -> None:
        self._target = target
        self._has_role: tuple[int, ...] = ()
        self.mended: frozenset[str] = frozenset()

    def state(self) -> str:
        return repr(self._has_role)

    def trial(self) -> Crossing:
        return copy.copy(self)

    def feed(self, event: Event) -> Iterator[Event]:
        if isinstance(event, Begun):
            yield replace(event, id="")
        elif isinstance(event, Native):
            if event.is_answer:
                self.mended |= {UNTELLABLE}
        elif self._target == "chat":
            yield from self._for_chat(event)
        elif self._target == "completions":
            yield from self._for_completions(event)
        else:
            yield event

    def _for_chat(self, event: Event) -> Iterator[Event]:
        if isinstance(event, RoleTold):
            self._has_role = (*self._has_role, event.choice)
        elif isinstance(event, (*_CONTENT, Sealed)) and event.choice not in self._has_role:
            self._has_role = (*self._has_role, event.choice)
            yield RoleTold(event.choice, "assistant")
        if isinstance(event, Sealed):
            yield Extension(
                event.choice, extra=Extra(delta={"reasoning_details": [_detail(event)]})
            )
        elif not isinstance(event, Separated):
            yield event

    def _for_completions(self, event: Event) -> Iterator[Event]:
        if isinstance(event, (*_BEYOND_TEXT, Sealed)):
            self.mended |= {UNTELLABLE}
        elif isinstance(event, RefusalDelta):
            yield TextDelta(event.choice, event.text)
        elif isinstance(event, Finished) and event.reason in ("tool_calls", "function_call"):
            yield replace(event, reason="stop")
        elif isinstance(event, TextDelta) and event.extra.choice.get("logprobs"):
            choice = {n: v for n, v in event.extra.choice.items() if n != "logprobs"}
            self.mended |= {UNTELLABLE}
            yield replace(event, extra=replace(event.extra, choice=choice))
        elif not isinstance(event, Separated):
            yield event


def _detail(event: Sealed) -> dict[str, Any]:
    """A seal as OpenRouter's chat tells it (its documentation, "Preserving reasoning"): clients
    that know the field give it back with the next request."""
    told: dict[str, Any] = {"type": "reasoning.encrypted", "data": event.seal}
    if event.id:
        told["id"] = event.id
    return told
