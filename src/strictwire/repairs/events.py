"""Event rules: what no single chunk can tell, whichever dialect it came in.

They run after the ending, which holds each finish reason until it is the last word.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from strictwire.model.events import Event, Finished, ToolCallBegun
from strictwire.repairs.rule import EventRule


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

    callers: set[int] = field(default_factory=set)

    def feed(self, item: Event) -> Iterator[Event]:
        if isinstance(item, ToolCallBegun):
            self.callers.add(item.choice)
        elif (
            isinstance(item, Finished)
            and item.reason in ("tool_calls", "function_call")
            and item.choice not in self.callers
        ):
            self.fired = True
            item = replace(item, reason="stop")
        yield item


EVENT_RULES: tuple[type[EventRule], ...] = (ToolFinish, ToolFinishWithoutCalls)
