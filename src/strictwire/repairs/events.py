"""Event rules: what no single chunk can tell, whichever dialect it came in.

They run after the ending, which holds each finish reason until it is the last word.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from strictwire.model.events import (
    Ended,
    Event,
    Extension,
    Extra,
    Finished,
    RoleTold,
    ToolCallBegun,
    UsageTold,
)
from strictwire.repairs.rule import EventRule

# OpenAI's own bound for ``n``; an index beyond it is no count of choices.
MAX_CHOICES = 128


@dataclass(slots=True)
class ChoiceOrder(EventRule):
    """Begin the choices of a stream in the order of their index.

    openai-python's stream helper puts the first chunk's choice into a list of one, at its index:
    a stream that begins with choice 1 raises IndexError. So the roles of the choices before it
    are said first, and not again when they begin.
    """

    name = "reply.choice-order"
    title = "A choice begins before those of a lower index"
    quirks = (87,)
    evidence = "corpus/chat/0075-llamacpp-chat-stream-n2.http"

    begun: set[int] = field(default_factory=set)
    ahead: set[int] = field(default_factory=set)

    def feed(self, item: Event) -> Iterator[Event]:
        if not isinstance(item, RoleTold) or not self.promise.is_stream:
            if isinstance(item, Finished):
                self.ahead.discard(item.choice)
            elif isinstance(item, UsageTold | Ended):
                # What was begun must be finished, though the server never spoke of it.
                for index in sorted(self.ahead):
                    yield Finished(index, "stop")
                self.ahead.clear()
            yield item
            return
        if item.choice in self.ahead:
            self.ahead.discard(item.choice)
            if item.extra.choice or item.extra.delta:
                yield Extension(choice=item.choice, extra=item.extra)
            return
        for index in range(item.choice if item.choice <= MAX_CHOICES else 0):
            if index not in self.begun:
                self.fired = True
                self.begun.add(index)
                self.ahead.add(index)
                yield RoleTold(choice=index, role=item.role, extra=Extra(top=item.extra.top))
        self.begun.add(item.choice)
        yield item


@dataclass(slots=True)
class ToolFinish(EventRule):
    """Finish with "tool_calls" when the reply called a tool.

    A client that trusts the finish reason drops the calls in silence when the server ends such a
    reply with "stop". Only "stop" is rewritten: "length" and "content_filter" are facts about
    the reply, and they outrank ours.
    """

    name = "reply.tool-finish"
    title = 'A reply that called tools finishes with "stop"'
    quirks = (30,)
    evidence = "lab:tool-finish-stop"

    callers: dict[int, str] = field(default_factory=dict)

    def feed(self, item: Event) -> Iterator[Event]:
        if isinstance(item, ToolCallBegun):
            is_legacy = item.kind == "legacy"
            self.callers[item.choice] = "function_call" if is_legacy else "tool_calls"
        elif isinstance(item, Finished) and item.reason == "stop":
            reason = self.callers.get(item.choice)
            if reason is not None:
                self.fired = True
                item = replace(item, reason=reason)  # type: ignore[arg-type]
        yield item


@dataclass(slots=True)
class ToolFinishWithoutCalls(EventRule):
    """Finish with "stop" when no tool was called.

    "tool_calls" without a call sends agents into an endless loop of empty turns.
    """

    name = "reply.tool-finish-without-calls"
    title = 'A reply without calls finishes with "tool_calls"'
    quirks = (31,)
    evidence = "lab:tool-finish-without-calls"

    callers: tuple[int, ...] = ()

    def feed(self, item: Event) -> Iterator[Event]:
        if isinstance(item, ToolCallBegun):
            self.callers = (*self.callers, item.choice)
        elif (
            isinstance(item, Finished)
            and item.reason in ("tool_calls", "function_call")
            and item.choice not in self.callers
        ):
            self.fired = True
            item = replace(item, reason="stop")
        yield item


EVENT_RULES: tuple[type[EventRule], ...] = (ChoiceOrder, ToolFinish, ToolFinishWithoutCalls)
