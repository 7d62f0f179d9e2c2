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

from strictwire.dialects.chat.seals import detail_of, seals_in
from strictwire.dialects.chunk_fields import STICKY, only_sticky
from strictwire.model.events import (
    NO_EXTRA,
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
from strictwire.model.logprobs import side_by_side
from strictwire.model.request import Promise

UNTELLABLE = "reply.untellable"

_CONTENT = (TextDelta, ReasoningDelta, RefusalDelta, ToolCallBegun, ToolCallDelta, Finished)
# A completion is text and nothing else; a refusal is the text of an answer that says no.
_BEYOND_TEXT = (ReasoningDelta, ToolCallBegun, ToolCallDelta)
# More citations than any answer has; each costs some hundred bytes until the end of the reply.
MAX_ANNOTATIONS = 1024
# As many choices as a reply may have; the offsets of more than these begin at 0 each time.
MAX_COUNTED_CHOICES = 1024
# The dialects to which the setting ``extra_fields`` applies.
_HAVE_EXTRA = ("chat", "completions")


class Crossing:
    """What one reply's events become on their way to the client of this promise."""

    __slots__ = (
        "_annotations",
        "_drops_extra",
        "_has_role",
        "_offsets",
        "_seals",
        "_target",
        "mended",
    )

    def __init__(self, promise: Promise) -> None:
        self._target = promise.dialect
        # Where chat's own rules had nothing to drop, another dialect's fields become extra ones.
        self._drops_extra = promise.extra_fields == "drop" and self._target in _HAVE_EXTRA
        self._has_role: tuple[int, ...] = ()
        self._annotations: tuple[Any, ...] = ()
        self._offsets: dict[int, int] = {}
        self._seals = 0
        self.mended: frozenset[str] = frozenset()

    def state(self) -> str:
        return repr((self._has_role, len(self._annotations), self._seals))

    def trial(self) -> Crossing:
        return copy.copy(self)

    def feed(self, event: Event) -> Iterator[Event]:
        if self._drops_extra:
            if isinstance(event, Sealed):
                self.mended |= {UNTELLABLE}
                return
            event = _without_strangers(event)
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
            yield from self._from_chat(event)

    def _for_chat(self, event: Event) -> Iterator[Event]:
        if isinstance(event, RoleTold):
            self._has_role = (*self._has_role, event.choice)
        elif isinstance(event, (*_CONTENT, Sealed)) and event.choice not in self._has_role:
            self._has_role = (*self._has_role, event.choice)
            yield RoleTold(event.choice, "assistant")
        if isinstance(event, Sealed):
            detail = detail_of(event.seal, event.id, is_redacted=event.is_redacted)
            told = {"reasoning_details": [detail | {"index": self._seals}]}
            self._seals += 1
            yield Extension(event.choice, extra=Extra(delta=told))
        elif isinstance(event, Finished) and self._annotations:
            extra = Extra(delta={"annotations": list(self._annotations)})
            self._annotations = ()
            yield Extension(event.choice, extra=extra)
            yield event
        elif not isinstance(event, Separated):
            yield from self._without_annotations(event)

    def _without_annotations(self, event: Event) -> Iterator[Event]:
        """Annotations are told together, at the end: openai-python's helper cannot join two lists
        of them, since chat's entries have no index."""
        told = event.extra.delta.get("annotations")
        if not isinstance(told, list):
            yield event
            return
        self._annotations = (*self._annotations, *told)[:MAX_ANNOTATIONS]
        rest = {name: value for name, value in event.extra.delta.items() if name != "annotations"}
        if rest or not isinstance(event, Extension):
            yield replace(event, extra=replace(event.extra, delta=rest))

    def _from_chat(self, event: Event) -> Iterator[Event]:
        """Seals, which chat has no event for, stand beside its deltas."""
        for seal, told_id, is_redacted in seals_in(event.extra.delta.get("reasoning_details")):
            yield Sealed(getattr(event, "choice", None) or 0, seal, is_redacted, told_id)

    def _for_completions(self, event: Event) -> Iterator[Event]:
        if event.extra.choice.get("logprobs"):
            event = self._side_by_side(event)
        if isinstance(event, (*_BEYOND_TEXT, Sealed)):
            self.mended |= {UNTELLABLE}
        elif isinstance(event, Extension):
            yield from self._beside_text(event)
        elif isinstance(event, RefusalDelta):
            yield TextDelta(event.choice, event.text, extra=event.extra)
        elif isinstance(event, Finished) and event.reason in ("tool_calls", "function_call"):
            yield replace(event, reason="stop")
        elif not isinstance(event, Separated):
            yield event

    def _side_by_side(self, event: Event) -> Event:
        """With its token probabilities in a completion's lists."""
        choice, index = dict(event.extra.choice), getattr(event, "choice", None) or 0
        told = choice.pop("logprobs")
        tokens = told.get("content") if isinstance(told, dict) else None
        if isinstance(tokens, list):
            lists, offset = side_by_side(tokens, self._offsets.get(index, 0))
            choice["logprobs"] = lists
            if index in self._offsets or len(self._offsets) < MAX_COUNTED_CHOICES:
                # A trial has the same dict.
                self._offsets = {**self._offsets, index: offset}
        return replace(event, extra=replace(event.extra, choice=choice))

    def _beside_text(self, event: Extension) -> Iterator[Event]:
        """A completion has no delta: without what stood there nothing may be left to say, and then
        its chunk would be an empty text."""
        extra = event.extra
        if any(extra.delta.values()):
            self.mended |= {UNTELLABLE}
        if any(extra.choice.values()) or not extra.top.keys() <= STICKY:
            yield replace(event, extra=replace(extra, delta={}))


def _without_strangers(event: Event) -> Event:
    """An event with no more beside it than OpenAI knows in chat."""
    extra = event.extra
    if extra is NO_EXTRA:
        return event
    known = Extra(
        only_sticky(extra.top), _only(extra.choice, "logprobs"), _only(extra.delta, "annotations")
    )
    return event if known == extra else replace(event, extra=known)


def _only(fields: dict[str, Any], name: str) -> dict[str, Any]:
    return {name: fields[name]} if name in fields else {}
