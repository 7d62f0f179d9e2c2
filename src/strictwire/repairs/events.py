"""Event rules: what no single chunk can tell, whichever dialect it came in.

They run after the ending, which holds each finish reason until it is the last word.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
from strictwire.repairs.rule import EventRule, nothing

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

    # Tuples: every open stream holds these, and a set of one takes four times as much.
    begun: tuple[int, ...] = ()
    ahead: tuple[int, ...] = ()

    def feed(self, item: Event) -> Iterator[Event]:
        if not isinstance(item, RoleTold) or not self.promise.is_stream:
            if isinstance(item, Finished):
                self._is_spoken_of(item.choice)
            elif isinstance(item, UsageTold | Ended):
                # What was begun must be finished, though the server never spoke of it.
                for index in sorted(self.ahead):
                    yield Finished(index, "stop")
                self.ahead = ()
            yield item
            return
        if item.choice in self.ahead:
            self._is_spoken_of(item.choice)
            beside = item.extra.choice
            if item.extra.delta or any(beside[name] for name in beside if name != "logprobs"):
                yield Extension(choice=item.choice, extra=item.extra)
            return
        for index in range(item.choice if item.choice <= MAX_CHOICES else 0):
            if index not in self.begun:
                self.fired = True
                self.begun = (*self.begun, index)
                self.ahead = (*self.ahead, index)
                yield RoleTold(choice=index, role=item.role, extra=Extra(top=item.extra.top))
        if item.choice not in self.begun:
            self.begun = (*self.begun, item.choice)
        yield item

    def _is_spoken_of(self, choice: int) -> None:
        if choice in self.ahead:
            self.ahead = tuple(other for other in self.ahead if other != choice)


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

    callers: Mapping[int, str] = field(default_factory=nothing)

    def feed(self, item: Event) -> Iterator[Event]:
        if isinstance(item, ToolCallBegun):
            is_legacy = item.kind == "legacy"
            reason = "function_call" if is_legacy else "tool_calls"
            if self.callers.get(item.choice) != reason:
                self.callers = {**self.callers, item.choice: reason}
        elif isinstance(item, Finished) and item.reason == "stop":
            told = self.callers.get(item.choice)
            if told is not None:
                self.fired = True
                item = replace(item, reason=told)  # type: ignore[arg-type]
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
